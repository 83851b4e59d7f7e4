/** The selectors of groups: what tells each from every other known class of its namespace. */
import { NetweirError } from '../errors.ts'
import type { Labels } from '../labels.ts'
import { isStaticVolatileKey, isSuspectKey, passesIdentityFilter } from '../policy/label-keys.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import { labelKeyProblem, labelValueProblem } from '../policy/syntax.ts'
import type { Traffic, TrafficClass } from '../traffic/traffic.ts'
import type { Conjunction } from './conjunction.ts'
import { conjunctionMatches, conjunctionText, fromLabelSelector } from './conjunction.ts'
import type { Grouping } from './groups.ts'
import { controllersOf } from './groups.ts'
import { fromPeer } from './peer-cubes.ts'
import { policyName } from './policy-names.ts'
import type { SelectorChoice } from './selector-choice.ts'
import { chooseSelector } from './selector-choice.ts'
import type { Finding, Group, SynthesisOptions } from './synthesis.ts'

/** By what a group is known to policies. */
export interface GroupSelector {
  /** Alternatives; none when no usable label tells the group from anything. */
  readonly selectors: readonly Conjunction[]
  /** Classes that they select: the group's own, and those that cannot be told apart from it. */
  readonly selects: readonly number[]
}

/** What the choice of selectors is made from, and where it reports. */
export interface SelectorInput {
  readonly traffic: Traffic
  readonly options: SynthesisOptions
  readonly grouping: Grouping
  readonly managed: readonly LocatedPolicy<NetworkPolicy>[]
  readonly findings: Finding[]
}

/** The same, looked up by namespace. */
export interface SelectorContext extends SelectorInput {
  readonly classes: ReadonlyMap<string, readonly TrafficClass[]>
  /** Managed policies with the conjunctions by which they select their pods. */
  readonly subjects: ReadonlyMap<string, readonly NamedConjunction[]>
  /** Conjunctions by which managed policies name their peers. */
  readonly peers: ReadonlyMap<string, readonly Conjunction[]>
}

/** A conjunction with the name of the policy that it stands in. */
interface NamedConjunction {
  readonly name: string
  readonly conjunction: Conjunction
}

/** Returns the context that serves all groups. */
export function selectorContext(input: SelectorInput): SelectorContext {
  const subjects = input.managed.map(({ policy: { metadata, spec } }) => {
    const conjunction = fromLabelSelector(spec.podSelector)
    return [metadata.namespace, { name: metadata.name, conjunction }] as const
  })
  const peers = input.managed.flatMap(({ policy }) =>
    [
      ...(policy.spec.ingress ?? []).flatMap((rule) => rule.from ?? []),
      ...(policy.spec.egress ?? []).flatMap((rule) => rule.to ?? []),
    ].flatMap((peer) => {
      const cube = fromPeer(peer, policy.metadata.namespace)
      return (cube?.namespaces ?? []).map((namespace) => [namespace, cube?.literals ?? []] as const)
    }),
  )
  return {
    ...input,
    classes: byNamespace(input.traffic.classes.map((known) => [known.namespace, known])),
    subjects: byNamespace(subjects),
    peers: byNamespace(peers),
  }
}

function byNamespace<T>(
  entries: readonly (readonly [string, T])[],
): ReadonlyMap<string, readonly T[]> {
  const lists = new Map<string, T[]>()
  for (const [namespace, value] of entries) {
    const list = lists.get(namespace)
    if (list === undefined) lists.set(namespace, [value])
    else list.push(value)
  }
  return lists
}

/**
 * Returns the selectors of a group.
 * @throws {NetweirError} `INSEPARABLE` under `onInseparable: 'fail'`.
 */
export function selectorOf(group: Group, context: SelectorContext): GroupSelector {
  const { options, grouping } = context
  const own = new Set(group.classes)
  const classes = context.classes.get(group.namespace) ?? []
  const targets = classes.filter((known) => own.has(known.id))
  const others = classes.filter((known) => !own.has(known.id))
  // A negative literal is about a key that the targets lack, and others were seen to have.
  const judged = options.onInseparable === 'negative' ? classes : targets
  const seen = judged.filter((known) => known.observed)
  const controllerKeys = new Set<string>()
  const anchor = commonAnchor(group, context, controllerKeys)
  const previous =
    options.reoptimise === true ? [] : previousSelectors(group, targets, others, context)
  const visible = new Set(seen.flatMap((known) => Object.keys(known.labels)))
  // What a negative literal of last time is about was seen then.
  for (const { key } of previous.flat()) visible.add(key)
  const choice = chooseSelector(
    targets.map((known) => known.labels),
    others.map((known) => known.labels),
    {
      ...(anchor === undefined ? {} : { anchor }),
      allowKey: (key) =>
        (seen.length > 0 ? visible.has(key) : passesIdentityFilter(key)) && isValidKey(key, judged),
      volatile: isStaticVolatileKey,
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

/** What the API server would refuse in a selector is no label, whatever a record says. */
function isValidKey(key: string, classes: readonly TrafficClass[]): boolean {
  if (labelKeyProblem(key) !== undefined) return false
  return classes.every(
    ({ labels }) =>
      !Object.hasOwn(labels, key) || labelValueProblem(labels[key] ?? '') === undefined,
  )
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
 * Returns the selectors that managed policies used for these classes: those of the policy that has the group's name,
 * else of any that selects them, else one that a peer used. Stickiness reads nothing that was not named (`--existing`).
 */
function previousSelectors(
  group: Group,
  targets: readonly TrafficClass[],
  others: readonly TrafficClass[],
  context: SelectorContext,
): readonly Conjunction[] {
  if (context.managed.length === 0) return []
  const touches = (conjunction: Conjunction): boolean =>
    conjunction.length > 0 && targets.some((known) => conjunctionMatches(conjunction, known.labels))
  const covers = (conjunction: Conjunction): boolean =>
    targets.every((known) => conjunctionMatches(conjunction, known.labels))
  const surplus = (conjunction: Conjunction): number =>
    others.filter((known) => conjunctionMatches(conjunction, known.labels)).length
  const subjects = (context.subjects.get(group.namespace) ?? []).filter(({ conjunction }) =>
    touches(conjunction),
  )
  const names = new Set(
    group.workloads.flatMap((ref) =>
      nameForms.map((form) => policyName({ ...ref, namespace: group.namespace }, form)),
    ),
  )
  const named = subjects.filter(({ name }) => names.has(name))
  for (const candidates of [named, subjects]) {
    const conjunctions = candidates.map(({ conjunction }) => conjunction)
    const single = tightest(conjunctions.filter(covers), surplus)
    if (single !== undefined) return [single]
  }
  const parts = subjects
    .map(({ conjunction }) => conjunction)
    .filter((conjunction) => surplus(conjunction) === 0)
  if (parts.length > 0) return parts
  const peers = (context.peers.get(group.namespace) ?? []).filter(
    (conjunction) => touches(conjunction) && covers(conjunction),
  )
  const peer = tightest(peers, surplus)
  return peer === undefined ? [] : [peer]
}

const nameForms = ['plain', 'kind', 'hash'] as const

/** Returns the conjunction that selects the fewest others, then the one with the most literals. */
function tightest(
  conjunctions: readonly Conjunction[],
  surplus: (conjunction: Conjunction) => number,
): Conjunction | undefined {
  return conjunctions.toSorted((a, b) => {
    const left = conjunctionText(a)
    const right = conjunctionText(b)
    return (
      surplus(a) - surplus(b) || b.length - a.length || (left < right ? -1 : left > right ? 1 : 0)
    )
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
