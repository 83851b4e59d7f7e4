/**
 * Manifests for every command: of files, or of the live cluster where a path is the word `cluster`. What reads them is
 * loaded only where some are named.
 */
import { NetweirError } from '../errors.ts'
import { unevaluatedExpressions } from '../policy/evaluate-requests.ts'
import type { Manifest } from '../policy/manifest.ts'
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { policyName } from '../policy/plain-rule.ts'
import { quote } from '../policy/quote.ts'
import type { ClusterResource } from '../source/cluster-resources.ts'
import { inventoryResources, liveCluster, policyResources } from '../source/cluster-resources.ts'
import type { Inventory } from '../traffic/inventory.ts'
import type { LearnOptions, Notice, RunHost } from './pipeline.ts'

/** Which live cluster is meant, where one is. */
export type ManifestOptions = Pick<LearnOptions, 'kubernetes'>

/** Policies, with what a person should know of how they were read. */
export interface ReadPolicies {
  readonly policies: readonly LocatedPolicy[]
  readonly notices: readonly Notice[]
}

/** An inventory, where one was asked for. */
export interface ReadInventory {
  readonly inventory: Inventory | undefined
  readonly notices: readonly Notice[]
}

interface ReadManifests {
  readonly manifests: readonly Manifest[]
  readonly notices: readonly Notice[]
}

/**
 * Returns the policies of all paths, and a notice on objects of other kinds.
 * @throws {NetweirError} the codes of manifests and of the live cluster.
 */
export async function readPolicies(
  paths: readonly string[],
  options: ManifestOptions,
  host: RunHost,
): Promise<ReadPolicies> {
  const policies: LocatedPolicy[] = []
  const notices: Notice[] = []
  if (paths.length === 0) return { policies, notices }
  const { readPolicyPath } = await import('../source/manifests.ts')
  const { parsePolicies } = await import('../policy/validate.ts')
  for (const path of paths) {
    const live = path === liveCluster ? await readLive(policyResources, options, host) : undefined
    const parsed =
      live === undefined ? await readPolicyPath(path, host.stdin) : parsePolicies(live.manifests)
    for (const policy of parsed.policies) policies.push(policy)
    notices.push(...(live?.notices ?? []), ...noticesOfOthers(parsed.others, path))
    notices.push(...noticesOfRequests(parsed.policies, path))
  }
  return { policies, notices }
}

/** Returns the objects of all paths, of the live cluster its policies. @throws {NetweirError} as {@link readPolicies}. */
export function readPolicyManifests(
  paths: readonly string[],
  options: ManifestOptions,
  host: RunHost,
): Promise<ReadManifests> {
  return readAll(paths, policyResources, options, host)
}

/**
 * Returns what the cluster contains, as the paths say; undefined where none was named.
 * @throws {NetweirError} `MANIFEST_INVALID` for an inventory without objects, and as {@link readPolicies}.
 */
export async function readInventory(
  paths: readonly string[],
  options: ManifestOptions,
  host: RunHost,
): Promise<ReadInventory> {
  if (paths.length === 0) return { inventory: undefined, notices: [] }
  const { manifests, notices } = await readAll(paths, inventoryResources, options, host)
  if (manifests.length === 0) {
    throw new NetweirError(
      'MANIFEST_INVALID',
      'the inventory is empty, expected Kubernetes objects',
      {
        location: { file: paths[0] ?? '-' },
        hint: 'write one with: kubectl get pods,namespaces,nodes,services,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs -A -o yaml',
      },
    )
  }
  const { toInventory } = await import('../source/inventory.ts')
  return { inventory: toInventory(manifests), notices }
}

async function readAll(
  paths: readonly string[],
  resources: readonly ClusterResource[],
  options: ManifestOptions,
  host: RunHost,
): Promise<ReadManifests> {
  const { readManifestPath } = await import('../source/manifests.ts')
  const manifests: Manifest[] = []
  const notices: Notice[] = []
  for (const path of paths) {
    const live = path === liveCluster ? await readLive(resources, options, host) : undefined
    for (const manifest of live?.manifests ?? (await readManifestPath(path, host.stdin))) {
      manifests.push(manifest)
    }
    notices.push(...(live?.notices ?? []))
  }
  return { manifests, notices }
}

/** The code of the live cluster is loaded only here. */
async function readLive(
  resources: readonly ClusterResource[],
  { kubernetes = {} }: ManifestOptions,
  host: RunHost,
): Promise<ReadManifests> {
  const { readCluster } = await import('../source/cluster.ts')
  const { manifests, refused } = await readCluster(resources, kubernetes, host.signal)
  const notices = refused.map((kind) => ({
    message: `the credentials may not list ${kind}`,
    location: { file: liveCluster },
  }))
  return { manifests, notices }
}

/** What is not evaluated counts as refused where the gate asks about requests, and as open where it asks about ends. */
function noticesOfRequests(policies: readonly LocatedPolicy[], path: string): readonly Notice[] {
  const found = policies.flatMap(({ policy }) => {
    const [first, ...rest] = unevaluatedExpressions(policy)
    const more = rest.length > 0 ? ` and ${rest.length} more` : ''
    return first === undefined ? [] : [`${policyName(policy)} (${quote(first)}${more})`]
  })
  if (found.length === 0) return []
  const shown = found.slice(0, 3).join(', ')
  const more = found.length > 3 ? ` and ${found.length - 3} more` : ''
  return [
    {
      message: `expressions that are not evaluated, since only Cilium's proxy reads them so: ${shown}${more}`,
      location: { file: path },
    },
  ]
}

function noticesOfOthers(others: readonly string[], path: string): readonly Notice[] {
  const isPolicy = (other: string): boolean => /^[A-Za-z]*NetworkPolicy /.test(other)
  const location = { file: path }
  const notices: Notice[] = []
  const unknown = others.filter(isPolicy)
  if (unknown.length > 0) {
    notices.push({
      message: `policies of kinds that are not compared, though they may allow or deny: ${unknown.join(', ')}`,
      location,
    })
  }
  const rest = others.filter((other) => !isPolicy(other))
  if (rest.length > 0) {
    const shown = rest.slice(0, 3).join(', ')
    const more = rest.length > 3 ? ` and ${rest.length - 3} more` : ''
    notices.push({ message: `passed over what is no policy: ${shown}${more}`, location })
  }
  return notices
}
