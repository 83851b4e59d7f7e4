/** The plan of a synthesis: who is a subject, by which selector each group is known, under which name. */

import { NetweirError } from '../errors.ts'
import { labelTexts, splitLabel } from '../labels.ts'
import type { LocatedPolicy, NetworkPolicy, Policy } from '../policy/network-policy.ts'
import type { Edge, EdgeEnd, Traffic, TrafficClass } from '../traffic/traffic.ts'
import type { GroupSelector } from './group-selectors.ts'
import { selectorContext, selectorOf } from './group-selectors.ts'
import type { Grouping } from './groups.ts'
import { groupClasses } from './groups.ts'
import { viewManaged } from './managed-views.ts'
import type { Ownership } from './ownership.ts'
import { assignOwnership } from './ownership.ts'
import { knowsCilium } from './special-grants.ts'
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
  /** Managed policies by group, and the names of policies. */
  readonly ownership: Ownership
  /** `namespace/name` by group. */
  readonly policyNames: readonly string[]
  /** Managed policies that exist, as views ({@link viewManaged}). */
  readonly managed: readonly LocatedPolicy<NetworkPolicy>[]
  /** Returns what a view was made of. */
  readonly originalOf: (view: NetworkPolicy) => Policy
  /** Policies with our label that were edited by hand into what no run writes. */
  readonly foreign: readonly Policy[]
  readonly findings: readonly Finding[]
}

/**
 * Returns the plan for a traffic.
 * @throws {NetweirError} `INSEPARABLE` under `onInseparable: 'fail'`, `USAGE` for a selector that does not parse.
 */
export function makePlan(traffic: Traffic, options: SynthesisOptions): Plan {
  const grouping = groupClasses(traffic, options.inventory)
  const { managed, originalOf, foreign } = viewManaged(options.existing ?? [], knowsCilium(options))
  const findings: Finding[] = []
  const context = selectorContext({ traffic, options, grouping, managed, findings })
  const selectors = grouping.groups.map((group) => selectorOf(group, context))
  const existing = options.existing ?? []
  const ownership = assignOwnership({
    traffic,
    grouping,
    selectors,
    existing,
    managed,
    target: options.target,
  })
  const subjects = chooseSubjects(traffic, options, grouping, selectors, ownership)
  return {
    traffic,
    options,
    grouping,
    groups: grouping.groups,
    selectors,
    subjects,
    ownership,
    policyNames: ownership.names,
    managed,
    originalOf,
    foreign,
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

function chooseSubjects(
  traffic: Traffic,
  options: SynthesisOptions,
  grouping: Grouping,
  selectors: readonly GroupSelector[],
  ownership: Ownership,
): ReadonlySet<number> {
  const wanted = parseSubjectSelector(options.selector)
  const included = new Set(options.includeSystem ?? [])
  const eligible = (group: Group): boolean =>
    (options.namespaces === undefined || options.namespaces.includes(group.namespace)) &&
    (!systemNamespaces.includes(group.namespace) || included.has(group.namespace)) &&
    group.classes.some((id) => traffic.classes[id]?.observed === true) &&
    (selectors[group.id]?.selectors.length ?? 0) > 0
  const isWanted = (id: number): boolean =>
    wanted.every(([key, value]) => traffic.classes[id]?.labels[key] === value)
  const groupsOf = (classes: readonly number[]): readonly Group[] =>
    classes.flatMap((id) => grouping.groups[grouping.groupOf[id] ?? -1] ?? [])
  const subjects = new Set<number>()
  const pending = grouping.groups.filter((group) => eligible(group) && group.classes.some(isWanted))
  // A selector that cannot leave another group out isolates it too, so that group needs its own grants. A group that
  // a managed policy selected, and its successor does not, needs a policy of its own to lose nothing.
  for (let group = pending.pop(); group !== undefined; group = pending.pop()) {
    if (subjects.has(group.id)) continue
    subjects.add(group.id)
    pending.push(...groupsOf(selectors[group.id]?.selects ?? []).filter(eligible))
    pending.push(...groupsOf(ownership.dropped.get(group.id) ?? []))
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
