/** Which ends entities, names and identity labels stand for. */
import type { CiliumEntity } from './cilium-policy.ts'
import { fqdnMatches } from './fqdn.ts'
import { passesIdentityFilter } from './label-keys.ts'
import {
  clusterKey,
  holdsFor,
  namespaceLabelPrefix,
  podNamespaceKey,
  splitKey,
} from './lower-cilium.ts'
import type { PolicyEndpoint, PolicyPod } from './network-policy.ts'
import type { RulePeer, SpecialPeer } from './plain-rule.ts'

/** What Cilium counts among the cluster beside its pods. */
const clusterEntities: readonly string[] = [
  'health',
  'host',
  'ingress',
  'init',
  'kube-apiserver',
  'remote-node',
  'unmanaged',
]

const noEnds: readonly number[] = []

/**
 * Returns what finds the ends that a peer stands for which is more than selectors, the same list for equal peers, and
 * undefined for one that is not; `cluster` is the name of the local one.
 */
export function createPeerFilter(
  ends: readonly PolicyEndpoint[],
  cluster: string,
): (peer: RulePeer) => readonly number[] | undefined {
  const answers = new Map<string, readonly number[]>()
  return ({ special, cluster: wanted }) => {
    if (special === undefined) {
      const isLocal = wanted?.every((requirement) => holdsFor(requirement, cluster)) ?? true
      return isLocal ? undefined : noEnds
    }
    const key = JSON.stringify(special)
    const known =
      answers.get(key) ??
      ends.flatMap((end, id) => (isSpecialPeer(special, end, cluster) ? [id] : []))
    answers.set(key, known)
    return known
  }
}

/** Tells whether an end is one that a special peer stands for. */
function isSpecialPeer(peer: SpecialPeer, end: PolicyEndpoint, cluster: string): boolean {
  switch (peer.kind) {
    case 'entity':
      return isEntity(peer.entity, end)
    case 'fqdn':
      return (
        end.kind === 'address' && (end.names ?? []).some((name) => fqdnMatches(peer.selector, name))
      )
    case 'identity':
      return (
        (peer.local || end.kind !== 'pod') &&
        peer.requirements.every((requirement) =>
          holdsFor(requirement, identityValue(end, requirement.key, cluster)),
        )
      )
  }
}

function isEntity(entity: CiliumEntity, end: PolicyEndpoint): boolean {
  switch (entity) {
    case 'all':
      return true
    case 'none':
      return false
    case 'world':
      return end.kind === 'address'
    case 'cluster':
      return end.kind === 'pod' || reservedLabels(end).some((one) => clusterEntities.includes(one))
    default:
      return reservedLabels(end).includes(entity)
  }
}

function reservedLabels(end: PolicyEndpoint): readonly string[] {
  if (end.kind === 'pod') return []
  return (end.labels ?? []).filter((label) => !label.startsWith('k8s:'))
}

/** Returns the value of an identity label; undefined when the end lacks it. */
function identityValue(end: PolicyEndpoint, text: string, cluster: string): string | undefined {
  const { source, key } = splitKey(text)
  const isReserved = source === 'reserved' || source === 'any'
  if (isReserved && reservedOf(end).includes(key)) return ''
  if (source !== 'k8s' && source !== 'any') return undefined
  if (end.kind === 'pod') return podValue(end, key, cluster)
  if (end.kind === 'address') return undefined
  const prefix = `k8s:${key}`
  const found = end.labels.find((label) => label === prefix || label.startsWith(`${prefix}=`))
  return found?.slice(prefix.length + 1)
}

function reservedOf(end: PolicyEndpoint): readonly string[] {
  return end.kind === 'address' ? ['world', ...reservedLabels(end)] : reservedLabels(end)
}

function podValue(pod: PolicyPod, key: string, cluster: string): string | undefined {
  if (key === podNamespaceKey) return pod.namespace
  if (key === clusterKey) return cluster
  if (key.startsWith(namespaceLabelPrefix)) {
    const name = key.slice(namespaceLabelPrefix.length)
    return Object.hasOwn(pod.namespaceLabels, name) ? pod.namespaceLabels[name] : undefined
  }
  return passesIdentityFilter(key) && Object.hasOwn(pod.labels, key) ? pod.labels[key] : undefined
}
