/** The plan of a synthesis: who is a subject, by which selector each group is known, under which name. */

import { NetweirError } from '../errors.ts'
import { labelTexts, splitLabel } from '../labels.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import { isManaged } from '../policy/network-policy.ts'
import type { Edge, EdgeEnd, Traffic, TrafficClass } from '../traffic/traffic.ts'
import type { Conjunction } from './conjunction.ts'
import { conjunctionText, fromLabelSelector } from './conjunction.ts'
import type { GroupSelector } from './group-selectors.ts'
import { selectorContext, selectorOf } from './group-selectors.ts'
import type { Grouping } from './groups.ts'
import { groupClasses } from './groups.ts'
import { assignPolicyNames } from './policy-names.ts'
import type { Finding, Group, SynthesisOptions } from './synthesis.ts'

/** Namespaces of the platform: peers, but subjects only on request. */
export const systemNamespaces: readonly string[] = [
  'calico-system',
  'cilium',
  'cilium-secrets',
  'gatekeeper-system',
  'kube-node-lease',
  'kube-public',
  'kube-system',
  'tigera-operator',
]

/** Name of the default deny of a namespace, which no workload's policy may have. */
export const defaultDenyName = 'default-deny'

/** Everything that the steps of a synthesis share. */
export interface Plan {
  readonly traffic: Traffic
  readonly options: SynthesisOptions
  readonly grouping: Grouping
  readonly groups: readonly Group[]
  /** By group. */
  readonly selectors: readonly GroupSelector[]
  /** Groups that get a policy. */
  readonly subjects: ReadonlySet<number>
  /** `namespace/name` by group; empty for a group that is no subject. */
  readonly policyNames: readonly string[]
  /** Managed NetworkPolicies that exist. */
  readonly managed: readonly LocatedPolicy<NetworkPolicy>[]
  readonly findings: readonly Finding[]
}

/**
 * Returns the plan for a traffic.
 * @throws {NetweirError} `INSEPARABLE` under `onInseparable: 'fail'`, `USAGE` for a selector that does not parse.
 */
export function makePlan(traffic: Traffic, options: SynthesisOptions): Plan {
  const grouping = groupClasses(traffic, options.inventory)
  const managed = managedPolicies(options.existing ?? [])
  const findings: Finding[] = []
  const context = selectorContext({ traffic, options, grouping, managed, findings })
  const selectors = grouping.groups.map((group) => selectorOf(group, context))
  const subjects = chooseSubjects(traffic, options, grouping, selectors)
  const policyNames = namePolicies(selectors, grouping, subjects, options.existing ?? [], managed)
  return {
    traffic,
    options,
    grouping,
    groups: grouping.groups,
    selectors,
    subjects,
    policyNames,
    managed,
    findings,
  }
}

/** Returns the group of an end, or undefined when the end is not a pod of the cluster. */
export function groupOfEnd(plan: Plan, end: EdgeEnd): Group | undefined {
  if (end.kind !== 'class') return undefined
  return plan.groups[plan.grouping.groupOf[end.class] ?? -1]
}

/** Returns the classes of a group. */
export function classesOf(plan: Plan, group: Group): readonly TrafficClass[] {
  return group.classes.flatMap((id) => plan.traffic.classes[id] ?? [])
}

/** Returns how a person would name an end of an edge. */
export function describeEnd(plan: Plan, end: EdgeEnd): string {
  switch (end.kind) {
    case 'class':
      return groupOfEnd(plan, end)?.name ?? 'unknown'
    case 'address':
      return end.names.length > 0 ? `${end.address} (${end.names.join(', ')})` : end.address
    case 'entity':
      return end.addresses.length > 0 && end.addresses.length <= 3
        ? `${end.entity} (${end.addresses.join(', ')})`
        : end.entity
    case 'unresolved':
      return `${end.namespace}/${end.pod}`
    case 'remote':
      return `${end.namespace} (${labelTexts(end.labels).join(',')}) of cluster ${end.cluster}`
  }
}

/** Returns an edge in words: `shop/web -> data/pg 5432/TCP`. */
export function describeEdge(plan: Plan, edge: Edge): string {
  return `${describeEnd(plan, edge.from)} -> ${describeEnd(plan, edge.to)} ${edge.port}/${edge.protocol}`
}

function managedPolicies(
  existing: readonly LocatedPolicy[],
): readonly LocatedPolicy<NetworkPolicy>[] {
  const managed = existing.filter(
    (located): located is LocatedPolicy<NetworkPolicy> =>
      located.policy.kind === 'NetworkPolicy' && isManaged(located.policy),
  )
  return managed.toSorted((a, b) => {
    const left = `${a.policy.metadata.namespace}/${a.policy.metadata.name}`
    const right = `${b.policy.metadata.namespace}/${b.policy.metadata.name}`
    return left < right ? -1 : left > right ? 1 : 0
  })
}

function chooseSubjects(
  traffic: Traffic,
  options: SynthesisOptions,
  grouping: Grouping,
  selectors: readonly GroupSelector[],
): ReadonlySet<number> {
  const wanted = parseSubjectSelector(options.selector)
  const included = new Set(options.includeSystem ?? [])
  const eligible = (group: Group): boolean =>
    (options.namespaces === undefined || options.namespaces.includes(group.namespace)) &&
    (!systemNamespaces.includes(group.namespace) || included.has(group.namespace)) &&
    group.classes.some((id) => traffic.classes[id]?.observed === true) &&
    (selectors[group.id]?.selectors.length ?? 0) > 0
  const subjects = new Set<number>()
  const pending = grouping.groups.filter(
    (group) =>
      eligible(group) &&
      group.classes.some((id) =>
        wanted.every(([key, value]) => traffic.classes[id]?.labels[key] === value),
      ),
  )
  // A selector that cannot leave another group out isolates it too, so that group needs its own grants.
  for (let group = pending.pop(); group !== undefined; group = pending.pop()) {
    if (subjects.has(group.id)) continue
    subjects.add(group.id)
    for (const id of selectors[group.id]?.selects ?? []) {
      const other = grouping.groups[grouping.groupOf[id] ?? -1]
      if (other !== undefined && eligible(other)) pending.push(other)
    }
  }
  return subjects
}

function parseSubjectSelector(text: string | undefined): readonly (readonly [string, string])[] {
  if (text === undefined) return []
  return text.split(',').map((part) => {
    if (!/^[^=!\s]+==?[^=\s]*$/.test(part.trim())) {
      throw new NetweirError('USAGE', `selector "${text}" is not understood`, {
        hint: 'write key=value[,key=value]',
      })
    }
    return splitLabel(part.trim().replace('==', '='))
  })
}

/** Names the managed policy that has a group's selector: content may change, a name does not. */
function previousNames(
  managed: readonly LocatedPolicy<NetworkPolicy>[],
): (group: Group | undefined, selector: GroupSelector | undefined) => string | undefined {
  const placeOf = (namespace: string | undefined, conjunction: Conjunction): string =>
    `${namespace} ${conjunctionText(conjunction)}`
  const first = new Map<string, number>()
  for (const [index, { policy }] of managed.entries()) {
    const place = placeOf(policy.metadata.namespace, fromLabelSelector(policy.spec.podSelector))
    if (!first.has(place)) first.set(place, index)
  }
  return (group, selector) => {
    const found = (selector?.selectors ?? []).flatMap(
      (conjunction) => first.get(placeOf(group?.namespace, conjunction)) ?? [],
    )
    return managed[Math.min(...found)]?.policy.metadata.name
  }
}

function namePolicies(
  selectors: readonly GroupSelector[],
  grouping: Grouping,
  subjects: ReadonlySet<number>,
  existing: readonly LocatedPolicy[],
  managed: readonly LocatedPolicy<NetworkPolicy>[],
): readonly string[] {
  const ours = new Set(managed.map(({ policy }) => fullName(policy)))
  const taken = new Set(
    existing
      .filter(({ policy }) => policy.kind === 'NetworkPolicy')
      .map(({ policy }) => fullName(policy))
      .filter((name) => !ours.has(name))
      .concat(grouping.groups.map((group) => `${group.namespace}/${defaultDenyName}`)),
  )
  const ids = [...subjects].sort((a, b) => a - b)
  const previousName = previousNames(managed)
  const names = assignPolicyNames(
    ids.flatMap((id) => grouping.groups[id] ?? []),
    taken,
    ids.map((id) => previousName(grouping.groups[id], selectors[id])),
  )
  const byGroup = grouping.groups.map(() => '')
  for (const [index, id] of ids.entries()) {
    byGroup[id] = `${grouping.groups[id]?.namespace}/${names[index]}`
  }
  return byGroup
}

function fullName(policy: { metadata: { namespace: string; name: string } }): string {
  return `${policy.metadata.namespace}/${policy.metadata.name}`
}
