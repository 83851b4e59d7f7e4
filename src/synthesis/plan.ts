/** The plan of a synthesis: who is a subject, by which selector each group is known, under which name. */

import { NetweirError } from '../errors.ts'
import type { Labels } from '../labels.ts'
import { labelTexts, splitLabel } from '../labels.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import { isManaged } from '../policy/network-policy.ts'
import type { Edge, EdgeEnd, Traffic, TrafficClass } from '../traffic/traffic.ts'
import type { Conjunction } from './conjunction.ts'
import { conjunctionMatches, conjunctionText, fromLabelSelector } from './conjunction.ts'
import type { Grouping } from './groups.ts'
import { controllersOf, groupClasses } from './groups.ts'
import { fromPeer } from './peer-cubes.ts'
import { assignPolicyNames } from './policy-names.ts'
import type { SelectorChoice } from './selector-choice.ts'
import { chooseSelector } from './selector-choice.ts'
import type { Finding, Group, SynthesisOptions } from './synthesis.ts'
import { isStaticVolatileKey, isSuspectKey, passesIdentityFilter } from './volatility.ts'

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

/** By what a group is known to policies. */
export interface GroupSelector {
  /** Alternatives; none when no usable label tells the group from anything. */
  readonly selectors: readonly Conjunction[]
  /** Classes that they select: the group's own, and those that cannot be told apart from it. */
  readonly selects: readonly number[]
}

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
  const selectors = grouping.groups.map((group) =>
    selectorOf(group, { traffic, options, grouping, managed, findings }),
  )
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

interface SelectorContext {
  readonly traffic: Traffic
  readonly options: SynthesisOptions
  readonly grouping: Grouping
  readonly managed: readonly LocatedPolicy<NetworkPolicy>[]
  readonly findings: Finding[]
}

function selectorOf(group: Group, context: SelectorContext): GroupSelector {
  const { traffic, options, grouping } = context
  const own = new Set(group.classes)
  const classes = traffic.classes.filter((known) => known.namespace === group.namespace)
  const targets = classes.filter((known) => own.has(known.id))
  const others = classes.filter((known) => !own.has(known.id))
  const seen = targets.filter((known) => known.observed)
  const visible = new Set(seen.flatMap((known) => Object.keys(known.labels)))
  const controllerKeys = new Set<string>()
  const anchor = commonAnchor(group, context, controllerKeys)
  const previous =
    options.reoptimise === true
      ? []
      : previousSelectors(group.namespace, targets, others, context.managed)
  const choice = chooseSelector(
    targets.map((known) => known.labels),
    others.map((known) => known.labels),
    {
      ...(anchor === undefined ? {} : { anchor }),
      allowKey: (key) => (seen.length > 0 ? visible.has(key) : passesIdentityFilter(key)),
      volatile: (key) =>
        isStaticVolatileKey(key) || (grouping.volatileKeys.has(key) && !controllerKeys.has(key)),
      suspect: (key) =>
        (isSuspectKey(key) || grouping.suspectKeys.has(key)) && !controllerKeys.has(key),
      negatives: options.onInseparable === 'negative',
      ...(previous.length > 0 ? { previous } : {}),
    },
  )
  const collides = choice.collides.flatMap((index) => others[index] ?? [])
  reportChoice(group, choice, collides, context)
  return {
    selectors: choice.selectors,
    selects:
      choice.selectors.length === 0
        ? group.classes
        : [...group.classes, ...collides.map((known) => known.id)].sort((a, b) => a - b),
  }
}

function commonAnchor(
  group: Group,
  context: SelectorContext,
  controllerKeys: Set<string>,
): Labels | undefined {
  const controllers = controllersOf(group, context.options.inventory)
  let anchor: Labels | undefined
  for (const controller of controllers) {
    for (const key of Object.keys(controller.selector ?? {})) controllerKeys.add(key)
    anchor ??= controller.selector
  }
  return anchor
}

/**
 * Returns the selectors that managed policies used for these classes: those of the group's own policies, else one that
 * a peer used. Stickiness reads nothing that was not named (`--existing`).
 */
function previousSelectors(
  namespace: string,
  targets: readonly TrafficClass[],
  others: readonly TrafficClass[],
  managed: readonly LocatedPolicy<NetworkPolicy>[],
): readonly Conjunction[] {
  const fits = (conjunction: Conjunction): boolean =>
    conjunction.length > 0 &&
    targets.some((known) => conjunctionMatches(conjunction, known.labels)) &&
    !others.some((known) => conjunctionMatches(conjunction, known.labels))
  const covers = (conjunction: Conjunction): boolean =>
    targets.every((known) => conjunctionMatches(conjunction, known.labels))
  const subjects = managed
    .filter(({ policy }) => policy.metadata.namespace === namespace)
    .map(({ policy }) => fromLabelSelector(policy.spec.podSelector))
    .filter(fits)
  const single = tightest(subjects.filter(covers))
  if (single !== undefined) return [single]
  if (subjects.length > 0) return subjects
  const peers = managed.flatMap(({ policy }) =>
    [
      ...(policy.spec.ingress ?? []).flatMap((rule) => rule.from ?? []),
      ...(policy.spec.egress ?? []).flatMap((rule) => rule.to ?? []),
    ].flatMap((peer) => {
      const cube = fromPeer(peer, policy.metadata.namespace)
      return cube?.namespaces.includes(namespace) === true ? [cube.literals] : []
    }),
  )
  const peer = tightest(peers.filter((conjunction) => fits(conjunction) && covers(conjunction)))
  return peer === undefined ? [] : [peer]
}

/** Returns the conjunction with the most literals: a selector that outlived its workload may be wider. */
function tightest(conjunctions: readonly Conjunction[]): Conjunction | undefined {
  return conjunctions.toSorted((a, b) => {
    const left = conjunctionText(a)
    const right = conjunctionText(b)
    return b.length - a.length || (left < right ? -1 : left > right ? 1 : 0)
  })[0]
}

function reportChoice(
  group: Group,
  choice: SelectorChoice,
  collides: readonly TrafficClass[],
  context: SelectorContext,
): void {
  const { findings, grouping, options } = context
  if (group.workloads.length > 1) {
    findings.push({
      code: 'EQUAL_LABELS',
      severity: 'warning',
      subject: group.name,
      message: `${group.workloads.map((ref) => `${ref.kind} ${ref.name}`).join(' and ')} carry the same labels: no NetworkPolicy can tell them apart, and they share one policy`,
      hint: 'give each workload a label of its own in its pod template',
    })
  }
  const otherNames = [
    ...new Set(
      collides.map((known) => grouping.groups[grouping.groupOf[known.id] ?? -1]?.name ?? 'unknown'),
    ),
  ].sort()
  if (choice.selectors.length > 0 && otherNames.length > 0) {
    if (options.onInseparable === 'fail') {
      throw new NetweirError(
        'INSEPARABLE',
        `no positive selector tells ${group.name} from ${otherNames.join(', ')}`,
        { hint: 'add a label to its pod template, or choose --on-inseparable merge or negative' },
      )
    }
    findings.push({
      code: 'INSEPARABLE',
      severity: 'action',
      subject: group.name,
      message: `its labels are part of those of ${otherNames.join(', ')}: whatever selects it selects them too, and they get its grants`,
      hint: 'add a label of its own to its pod template, or use --on-inseparable negative',
    })
  }
  if (choice.usedSuspect.length > 0) {
    findings.push({
      code: 'SUSPECT_LABEL',
      severity: 'warning',
      subject: group.name,
      message: `only ${choice.usedSuspect.join(', ')} tells it apart, and that label looks as if it changed with a release`,
      hint: 'add a label that stays, such as app.kubernetes.io/component',
    })
  }
  if (!choice.exact) {
    findings.push({
      code: 'SELECTOR_CAP',
      severity: 'info',
      subject: group.name,
      message:
        'the search for the shortest selector was cut off: the selector is right, but may not be the shortest',
      hint: 'nothing needs to be done',
    })
  }
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

/** The managed policy that has the group's selector: content may change, a name does not. */
function previousName(
  group: Group | undefined,
  selector: GroupSelector | undefined,
  managed: readonly LocatedPolicy<NetworkPolicy>[],
): string | undefined {
  const own = (selector?.selectors ?? []).map(conjunctionText)
  return managed.find(
    ({ policy }) =>
      policy.metadata.namespace === group?.namespace &&
      own.includes(conjunctionText(fromLabelSelector(policy.spec.podSelector))),
  )?.policy.metadata.name
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
      .filter((name) => !ours.has(name)),
  )
  const ids = [...subjects].sort((a, b) => a - b)
  const names = assignPolicyNames(
    ids.flatMap((id) => grouping.groups[id] ?? []),
    taken,
    ids.map((id) => previousName(grouping.groups[id], selectors[id], managed)),
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
