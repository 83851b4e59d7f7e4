/** Which policies close a namespace by default: they isolate all of its pods, and let nothing through themselves. */
import type { Labels } from '../labels.ts'
import { namespaceNameLabel } from '../labels.ts'
import type { Policy } from './network-policy.ts'
import { unplaced } from './network-policy.ts'
import type { PlainPolicy, RuleDirection } from './plain-rule.ts'
import { partsOf, plainPolicy } from './plain-rule.ts'
import { requirementsOf, selectorMatches } from './selector.ts'

/**
 * Returns the directions that a policy of any kind closes for every pod of a namespace with these labels, whatever the
 * pod's own labels.
 */
export function closedDirections(
  policy: Policy,
  namespace: string,
  labels: Labels,
): readonly RuleDirection[] {
  const named = { ...labels, [namespaceNameLabel]: namespace }
  const parts = plainParts(policy).filter((part) => selectsAll(part, namespace, named))
  return (['ingress', 'egress'] as const).filter((direction) =>
    parts.some((part) => part.isolates.includes(direction) && allowsNobody(part, direction)),
  )
}

/** Tells whether all that a policy does is to close namespaces. */
export function closesOnly(policy: Policy): boolean {
  return plainParts(policy).every(
    (part) =>
      part.isolates.length > 0 &&
      isForAllPods(part) &&
      allowsNobody(part, 'ingress') &&
      allowsNobody(part, 'egress'),
  )
}

function plainParts(policy: Policy): readonly PlainPolicy[] {
  return partsOf(unplaced(policy)).map((part) => plainPolicy(part.policy))
}

function selectsAll(part: PlainPolicy, namespace: string, labels: Labels): boolean {
  const { namespaceSelector } = part.subject
  return (
    isForAllPods(part) &&
    (part.namespace === namespace || part.namespace === '') &&
    (namespaceSelector === undefined || selectorMatches(namespaceSelector, labels))
  )
}

/** A selector of the cluster's name may mean another cluster. */
function isForAllPods({ subject: { podSelector, cluster = [] } }: PlainPolicy): boolean {
  return (
    podSelector !== undefined && requirementsOf(podSelector).length === 0 && cluster.length === 0
  )
}

/** A peer without any member is nobody; a list without any peer is everyone. */
function allowsNobody({ rules }: PlainPolicy, direction: RuleDirection): boolean {
  return rules
    .filter((rule) => rule.direction === direction && !rule.deny)
    .every(
      ({ peers = [] }) => peers.length > 0 && peers.every((peer) => Object.keys(peer).length === 0),
    )
}
