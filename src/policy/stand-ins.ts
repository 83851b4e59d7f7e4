/** Pods that nobody has seen but the policies speak of: without them, what such a policy says would not be compared. */
import type { Labels } from '../labels.ts'
import { labelTexts, namespaceNameLabel, toLabels } from '../labels.ts'
import type {
  LabelSelector,
  LabelSelectorRequirement,
  NetworkPolicy,
  NetworkPolicyPeer,
  PolicyPod,
} from './network-policy.ts'
import { selectorMatches } from './selector.ts'

/** A pod that stands for those that a selector would select. */
export interface StandIn {
  /** `any pod with app=web in namespace shop` */
  readonly name: string
  readonly pod: PolicyPod
}

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
): readonly StandIn[] {
  const standIns = new Map<string, StandIn>()
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
): StandIn | undefined {
  const labels = witnessLabels(peer.podSelector ?? {})
  const home = homeOf(policyNamespace, peer.namespaceSelector, namespaces)
  if (labels === undefined || home === undefined) return undefined
  const texts = labelTexts(labels)
  const which = texts.length === 0 ? 'any pod' : `any pod with ${texts.join(', ')}`
  return {
    name: `${which} in ${home.name}`,
    pod: { kind: 'pod', namespace: home.namespace, namespaceLabels: home.labels, labels },
  }
}

function homeOf(
  policyNamespace: string,
  selector: LabelSelector | undefined,
  namespaces: ReadonlyMap<string, Labels>,
): { namespace: string; labels: Labels; name: string } | undefined {
  const known =
    selector === undefined
      ? policyNamespace
      : [...namespaces.keys()]
          .sort()
          .find((name) => selectorMatches(selector, namespaces.get(name) ?? {}))
  if (known !== undefined) {
    const labels = namespaces.get(known) ?? toLabels([[namespaceNameLabel, known]])
    return { namespace: known, labels, name: `namespace ${known}` }
  }
  const labels = witnessLabels(selector ?? {})
  if (labels === undefined) return undefined
  const namespace = Object.hasOwn(labels, namespaceNameLabel) ? labels[namespaceNameLabel] : ''
  return namespace === undefined || namespace === ''
    ? { namespace: '', labels, name: `any namespace with ${labelTexts(labels).join(', ')}` }
    : { namespace, labels, name: `namespace ${namespace}` }
}

/** Returns the fewest labels that satisfy a selector, or undefined when none of the values it could mean do. */
function witnessLabels(selector: LabelSelector): Labels | undefined {
  const requirements = [
    ...Object.entries(selector.matchLabels ?? {}).map(
      ([key, value]): LabelSelectorRequirement => ({ key, operator: 'In', values: [value] }),
    ),
    ...(selector.matchExpressions ?? []),
  ]
  const entries: [string, string][] = []
  for (const key of new Set(requirements.map((requirement) => requirement.key))) {
    const own = requirements.filter((requirement) => requirement.key === key)
    const labels = candidatesFor(key, own).find((candidate) =>
      selectorMatches({ matchExpressions: own }, candidate),
    )
    if (labels === undefined) return undefined
    entries.push(...Object.entries(labels))
  }
  return toLabels(entries)
}

function candidatesFor(
  key: string,
  requirements: readonly LabelSelectorRequirement[],
): readonly Labels[] {
  const values = requirements.flatMap(({ operator, values: listed }) =>
    operator === 'In' ? (listed ?? []) : [],
  )
  const all = [...values.sort(), '', 'any', 'other'].map((value) => toLabels([[key, value]]))
  return [toLabels([]), ...all]
}
