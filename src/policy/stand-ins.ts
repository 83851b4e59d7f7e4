/** Pods that nobody has seen but the policies speak of: without them, what such a policy says would not be compared. */
import type { Labels } from '../labels.ts'
import { labelTexts, namespaceNameLabel, toLabels } from '../labels.ts'
import { hasBit } from './bits.ts'
import type { LabelCell, LabelCut } from './label-cells.ts'
import { cutLabels } from './label-cells.ts'
import type {
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  PolicyPod,
} from './network-policy.ts'
import { selectorMatches } from './selector.ts'
import type { Home, SymbolicPod } from './symbolic-pods.ts'
import { newHome, symbolicPod } from './symbolic-pods.ts'

/** A selector pair as it stands in a policy of `namespace`. */
interface Aim {
  readonly namespace: string
  readonly peer: NetworkPolicyPeer
}

/**
 * Returns one pod for each selector that selects none of the known pods, with just the labels that the selector asks
 * for; sorted, and without pods of equal labels. A selector that no pod can satisfy has none.
 */
export function standInsOf(
  policies: readonly NetworkPolicy[],
  namespaces: ReadonlyMap<string, Labels>,
  selectsKnown: (namespace: string, peer: NetworkPolicyPeer) => boolean,
): readonly SymbolicPod[] {
  const standIns = new Map<string, SymbolicPod>()
  for (const { namespace, peer } of policies.flatMap(aimsOf)) {
    if (selectsKnown(namespace, peer)) continue
    const standIn = standInFor(namespace, peer, namespaces)
    if (standIn !== undefined) standIns.set(keyOf(standIn.pod), standIn)
  }
  return [...standIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, standIn]) => standIn)
}

function aimsOf(policy: NetworkPolicy): readonly Aim[] {
  const { namespace } = policy.metadata
  const { podSelector, ingress = [], egress = [] } = policy.spec
  const peers = [
    ...ingress.flatMap((rule) => rule.from ?? []),
    ...egress.flatMap((rule) => rule.to ?? []),
  ]
  // A clusterwide policy has no namespace to select pods in.
  const own = namespace === '' ? [] : [{ podSelector }]
  return [...own, ...peers.filter((peer) => peer.ipBlock === undefined)].map((peer) => ({
    namespace,
    peer,
  }))
}

function keyOf(pod: PolicyPod): string {
  return JSON.stringify([pod.namespace, labelTexts(pod.namespaceLabels), labelTexts(pod.labels)])
}

function standInFor(
  policyNamespace: string,
  peer: NetworkPolicyPeer,
  namespaces: ReadonlyMap<string, Labels>,
): SymbolicPod | undefined {
  const cell = meetingCell(peer.podSelector ?? {})
  const home = homeOf(policyNamespace, peer.namespaceSelector, namespaces)
  return cell === undefined || home === undefined ? undefined : symbolicPod(home, cell)
}

function homeOf(
  policyNamespace: string,
  selector: LabelSelector | undefined,
  namespaces: ReadonlyMap<string, Labels>,
): Home | undefined {
  const known =
    selector === undefined
      ? policyNamespace
      : [...namespaces.keys()]
          .sort()
          .find((name) => selectorMatches(selector, namespaces.get(name) ?? {}))
  if (known !== undefined) {
    const labels = namespaces.get(known) ?? toLabels([[namespaceNameLabel, known]])
    return { namespace: known, labels, text: `namespace ${known}`, pods: [] }
  }
  const taken = new Set(namespaces.keys())
  const cell = meetingCell(selector ?? {}, { key: namespaceNameLabel, taken })
  return cell === undefined ? undefined : newHome(cell)
}

/** Returns the cell of the label maps that a selector selects; undefined when there is none. */
function meetingCell(
  selector: LabelSelector,
  identity?: NonNullable<LabelCut['identity']>,
): LabelCell | undefined {
  const cut = { maxCells: 4_096, ...(identity === undefined ? {} : { identity }) }
  return cutLabels([selector], cut).cells.find(({ holds }) => hasBit(holds, 0))
}
