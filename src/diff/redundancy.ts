/** Policies, rules and exceptions that change nothing, decided over everything that a policy can tell apart. */
import { toIntervals } from '../policy/interval.ts'
import type { IpBlock, LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Universe } from '../policy/universe.ts'
import type { Direction, EndClass, View, ViewedRule } from './policy-views.ts'
import { portsMissing } from './policy-views.ts'

/** Policies and rules that can be deleted together without a change in meaning. */
export interface Redundancies {
  readonly policies: readonly {
    readonly policy: number
    /** Policies that say the same. */
    readonly others: readonly PolicyReference[]
  }[]
  readonly rules: readonly {
    readonly rule: ViewedRule
    readonly others: readonly PolicyReference[]
  }[]
}

/** Policies that a finding names. */
const maxOthers = 3

/**
 * Returns what the rest already says, of each direction by itself: whatever the other side of a connection allows, and
 * whatever pods come, nothing changes when all of it is deleted. Of two that say the same the first one stays.
 */
export function findRedundancies(
  located: readonly LocatedPolicy<NetworkPolicy>[],
  views: readonly View[],
): Redundancies {
  const standing = new Standing()
  const policies: Redundancies['policies'][number][] = []
  for (let policy = located.length - 1; policy >= 0; policy--) {
    const own = views.filter((view) => view.policies.includes(policy))
    if (own.length === 0 || !own.every((view) => isPolicySpare(view, policy, standing))) continue
    standing.policies.add(policy)
    policies.push({ policy, others: othersIn(own, policy, standing) })
  }
  const rules: Redundancies['rules'][number][] = []
  for (const rule of [...new Set(views.flatMap((view) => view.rules))].reverse()) {
    if (standing.policies.has(rule.policy) || carriesType(rule, located, standing)) continue
    const own = views.filter((view) => view.rules.includes(rule))
    if (!own.every((view) => isRuleSpare(view, rule, standing))) continue
    standing.rules.add(rule)
    rules.push({ rule, others: alike(own, rule, standing) })
  }
  return { policies, rules }
}

/** What was found redundant, and is taken for deleted while the rest is looked at. */
class Standing {
  readonly policies = new Set<number>()
  readonly rules = new Set<ViewedRule>()

  /** Returns the rules of a class that would remain, without those of one more policy or one more rule. */
  rulesOf({ rules }: EndClass, without: number | ViewedRule): readonly ViewedRule[] {
    return rules.filter(
      (rule) =>
        rule !== without &&
        rule.policy !== without &&
        !this.policies.has(rule.policy) &&
        !this.rules.has(rule),
    )
  }
}

/** Without policyTypes it is the egress rules that make a policy isolate egress: the last of them has to stay. */
function carriesType(
  rule: ViewedRule,
  located: readonly LocatedPolicy<NetworkPolicy>[],
  standing: Standing,
): boolean {
  const { policyTypes = [], egress = [] } = located[rule.policy]?.policy.spec ?? {}
  if (rule.direction === 'ingress' || policyTypes.length > 0) return false
  const gone = [...standing.rules].filter(
    ({ policy, direction }) => policy === rule.policy && direction === 'egress',
  )
  return egress.length - gone.length === 1
}

/** A policy that alone isolates a pod is spare only when it lets everything pass. */
function isPolicySpare(view: View, policy: number, standing: Standing): boolean {
  const isIsolated = view.policies.some(
    (other) => other !== policy && !standing.policies.has(other),
  )
  return view.classes.every((ends) => {
    const own = ends.rules.filter((rule) => rule.policy === policy).map(ends.portsOf)
    const rest = standing.rulesOf(ends, policy).map(ends.portsOf)
    const missing = isIsolated
      ? portsMissing(toIntervals(own.flat()), rest)
      : portsMissing(ends.everyPort, own)
    return missing.length === 0
  })
}

function isRuleSpare(view: View, rule: ViewedRule, standing: Standing): boolean {
  return view.classes
    .filter((ends) => ends.rules.includes(rule))
    .every((ends) => {
      const rest = standing.rulesOf(ends, rule).map(ends.portsOf)
      return portsMissing(ends.portsOf(rule), rest).length === 0
    })
}

function othersIn(
  views: readonly View[],
  policy: number,
  standing: Standing,
): readonly PolicyReference[] {
  const rules = views.flatMap((view) =>
    view.classes.flatMap((ends) =>
      ends.rules.some((rule) => rule.policy === policy) ? standing.rulesOf(ends, policy) : [],
    ),
  )
  return named(rules)
}

function alike(
  views: readonly View[],
  rule: ViewedRule,
  standing: Standing,
): readonly PolicyReference[] {
  const rules = views.flatMap((view) =>
    view.classes
      .filter((ends) => ends.rules.includes(rule))
      .flatMap((ends) =>
        standing
          .rulesOf(ends, rule)
          .filter((other) => sharesPorts(ends.portsOf(rule), ends.portsOf(other))),
      ),
  )
  return named(rules)
}

function sharesPorts(a: EndClass['everyPort'], b: EndClass['everyPort']): boolean {
  return a.some(([first, end]) => b.some(([low, high]) => first < high && low < end))
}

function named(rules: readonly ViewedRule[]): readonly PolicyReference[] {
  const references = new Map(
    rules.map(({ reference }) => [`${reference.policy} ${reference.at ?? ''}`, reference]),
  )
  return [...references.keys()]
    .sort()
    .slice(0, maxOthers)
    .flatMap((key) => references.get(key) ?? [])
}

/** One exception of one block of one rule. */
export interface ExceptPlace {
  readonly policy: number
  readonly direction: Direction
  readonly rule: number
  readonly cidr: string
  readonly hole: string
  /** The addresses that the exception alone keeps out of its block. */
  readonly block: IpBlock
}

/** Returns every exception of the policies, in order; of equal ones in a block the first one counts. */
export function exceptsOf(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
): readonly ExceptPlace[] {
  return policies.flatMap(({ policy: { spec } }, policy) =>
    (['ingress', 'egress'] as const).flatMap((direction) => {
      const peers =
        direction === 'ingress'
          ? (spec.ingress ?? []).map((rule) => rule.from ?? [])
          : (spec.egress ?? []).map((rule) => rule.to ?? [])
      return peers.flatMap((list, rule) =>
        list.flatMap(({ ipBlock }) =>
          (ipBlock?.except ?? []).map((hole, index, holes): ExceptPlace => {
            const except = holes.filter((other, at) => at < index || (at > index && other !== hole))
            const block = { cidr: hole, except }
            return { policy, direction, rule, cidr: ipBlock?.cidr ?? '', hole, block }
          }),
        ),
      )
    }),
  )
}

/**
 * Returns the exceptions whose addresses are let through all the same: by another peer, another rule, another policy, or
 * because another exception already keeps them out.
 */
export function idleExcepts(
  places: readonly ExceptPlace[],
  views: readonly View[],
  universe: Universe,
): readonly { readonly place: ExceptPlace; readonly others: readonly PolicyReference[] }[] {
  return places.flatMap((place) => {
    const ends = new Set(universe.endsMatching('', { ipBlock: place.block }))
    const own = views.filter(
      ({ direction, policies }) => direction === place.direction && policies.includes(place.policy),
    )
    if (own.length === 0) return []
    const others: ViewedRule[] = []
    const isIdle = own.every((view) => {
      const rule = view.rules.find(
        ({ policy, index }) => policy === place.policy && index === place.rule,
      )
      return view.classes
        .filter((each) => each.ends.some((end) => ends.has(end)))
        .every((each) => {
          others.push(...each.rules)
          const wanted = rule === undefined ? [] : each.portsOf(rule)
          return portsMissing(wanted, each.rules.map(each.portsOf)).length === 0
        })
    })
    return isIdle ? [{ place, others: named(others) }] : []
  })
}
