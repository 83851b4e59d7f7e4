/**
 * What the rules of one namespace say, seen from each kind of pod that they select: which policies isolate it, and
 * which of their rules reach which ends. The ground on which rules are compared with each other.
 */

import type { CompiledRule } from '../policy/compiled-policy.ts'
import { compileSet, reaches, spansAt } from '../policy/compiled-set.ts'
import type { Interval, Intervals } from '../policy/interval.ts'
import { subtractIntervals, toIntervals } from '../policy/interval.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import { namedStart } from '../policy/port-line.ts'
import type { Universe } from '../policy/universe.ts'

/** The two directions. */
export type Direction = 'ingress' | 'egress'

/** One rule of one policy. */
export interface ViewedRule {
  /** Position of its policy. */
  readonly policy: number
  readonly direction: Direction
  /** Position among the rules of its direction. */
  readonly index: number
  readonly reference: PolicyReference
  readonly compiled: CompiledRule
  /** Its ports at a pod, and at what is no pod; where it lists none, with a place for what has no port. */
  readonly ports: { readonly pod: Intervals<number>; readonly other: Intervals<number> }
}

/** Ends that the same rules of a view reach, and where names of ports mean the same. */
export interface EndClass {
  readonly rules: readonly ViewedRule[]
  readonly portsOf: (rule: ViewedRule) => Intervals<number>
  /** Every port there is at these ends. */
  readonly everyPort: Intervals<number>
  readonly ends: readonly number[]
}

/** Pods that the same policies select in one direction. */
export interface View {
  readonly direction: Direction
  /** One of the pods. */
  readonly subject: number
  /** Positions of the policies, ascending. */
  readonly policies: readonly number[]
  readonly rules: readonly ViewedRule[]
  readonly classes: readonly EndClass[]
}

/** Returns the views of policies, which are positions of one namespace's, in both directions. */
export function viewsOf(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  universe: Universe,
): readonly View[] {
  const compiled = policies.map((located) => compileSet([located], universe))
  return (['ingress', 'egress'] as const).flatMap((direction) => {
    const selecting = new Map<number, number[]>()
    const rules = compiled.map((set, policy) => {
      const { isolatedBy, rules: bySubject } = set[direction]
      for (const [subject, references] of isolatedBy.entries()) {
        if (references === undefined) continue
        const list = selecting.get(subject) ?? []
        selecting.set(subject, list)
        list.push(policy)
      }
      const first = bySubject.find((own) => own !== undefined) ?? []
      return first.map((rule, index) => viewRule(rule, { policy, direction, index }, universe))
    })
    const distinct = new Map<string, { subject: number; chosen: readonly number[] }>()
    for (const [subject, chosen] of selecting) {
      const key = chosen.join(',')
      if (!distinct.has(key)) distinct.set(key, { subject, chosen })
    }
    return [...distinct.values()].map(({ subject, chosen }): View => {
      const own = chosen.flatMap((policy) => rules[policy] ?? [])
      const classes = endClasses(own, direction, universe)
      return { direction, subject, policies: chosen, rules: own, classes }
    })
  })
}

/** Returns the ports of `wanted` that none of `given` has. */
export function portsMissing(
  wanted: Intervals<number>,
  given: readonly Intervals<number>[],
): Intervals<number> {
  return subtractIntervals(wanted, toIntervals(given.flat()))
}

function viewRule(
  compiled: CompiledRule,
  place: Pick<ViewedRule, 'policy' | 'direction' | 'index'>,
  universe: Universe,
): ViewedRule {
  const { ports: listed = [] } = compiled
  const portless = listed.length === 0 ? [portlessOf(universe)] : []
  const at = (end: number): Intervals<number> =>
    toIntervals([
      ...spansAt(universe, end, compiled.ports).map(
        ({ low, high }): Interval<number> => [low, high + 1],
      ),
      ...portless,
    ])
  // The first end is a pod that the policies select, the last one is no pod.
  const ports = { pod: at(0), other: at(universe.ends.length - 1) }
  return { ...place, reference: compiled.reference, compiled, ports }
}

/** The place of what has no port, such as ICMP: a rule that lists ports never means it, even if it lists all. */
function portlessOf({ portNames }: Universe): Interval<number> {
  const position = namedStart + portNames.length
  return [position, position + 1]
}

function endClasses(
  rules: readonly ViewedRule[],
  direction: Direction,
  universe: Universe,
): readonly EndClass[] {
  const classes = new Map<
    string,
    { rules: readonly ViewedRule[]; isPod: boolean; ends: number[] }
  >()
  for (const [id, end] of universe.ends.entries()) {
    // Ports are those of the destination, which for ingress is the pod that is selected.
    const isPod = direction === 'ingress' || end.kind === 'pod'
    const reaching = rules.filter(({ compiled }) => reaches(compiled, id))
    const key = `${isPod} ${reaching.map(({ policy, index }) => `${policy}.${index}`).join(' ')}`
    const known = classes.get(key)
    if (known === undefined) classes.set(key, { rules: reaching, isPod, ends: [id] })
    else known.ends.push(id)
  }
  return [...classes.values()].map(({ rules: reaching, isPod, ends }) => ({
    rules: reaching,
    ends,
    portsOf: ({ ports }) => (isPod ? ports.pod : ports.other),
    everyPort: toIntervals([
      [0, namedStart + (isPod ? universe.portNames.length : 0)],
      portlessOf(universe),
    ]),
  }))
}
