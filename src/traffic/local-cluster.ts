/** Which cluster's policies are wanted. */
import { NetweirError } from '../errors.ts'
import type { CommunicationSet } from './communication-set.ts'

/**
 * Returns the name of the local cluster: the one that is asked for, else the only one whose nodes reported, else, where
 * no node says, the only one of the pods; empty when nobody says.
 * @throws {NetweirError} `CLUSTERS_MIXED` when there are several and none is asked for.
 */
export function localCluster(
  set: Pick<CommunicationSet, 'clusters' | 'classes'>,
  clusterName: string | undefined,
): string {
  if (clusterName !== undefined && clusterName !== '') return clusterName
  const reporting = namedClusters(set)
  const names = reporting.length > 0 ? reporting : podClusters(set)
  if (names.length > 1) {
    const list = names.map((name) => JSON.stringify(name)).join(', ')
    throw new NetweirError(
      'CLUSTERS_MIXED',
      `the records come from ${names.length} clusters (${list}); expected one`,
      { hint: 'name the cluster whose policies are wanted with --cluster-name' },
    )
  }
  return names[0] ?? ''
}

/** Returns the names of the clusters whose nodes reported, those that do not say left out. */
export function namedClusters(set: Pick<CommunicationSet, 'clusters'>): readonly string[] {
  return set.clusters.map(({ name }) => name).filter((name) => name !== '')
}

function podClusters({ classes }: Pick<CommunicationSet, 'classes'>): readonly string[] {
  return [...new Set(classes.map(({ cluster }) => cluster))].filter((name) => name !== '').sort()
}

/** Tells whether something of `cluster` belongs to the local cluster: names are compared only where both are known. */
export function isLocal(cluster: string, local: string): boolean {
  return cluster === '' || local === '' || cluster === local
}
