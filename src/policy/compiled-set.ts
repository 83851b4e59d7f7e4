/** A policy set, worked out over a universe: who is isolated, and what each rule opens to whom. */
import type { Bits } from './bits.ts'
import { addBit, bitsOf, createBits } from './bits.ts'
import type { CompiledRule, CompiledSide, Peers } from './compiled-policy.ts'
import { compilerOf } from './compiled-policy.ts'
import type { LocatedPolicy } from './network-policy.ts'
import type { RulePort } from './plain-rule.ts'
import type { PolicyReference } from './policy-reference.ts'
import type { Span } from './port-line.ts'
import type { Universe } from './universe.ts'

/** Sources that may send to an end over some ports: rules of equal ports taken together. */
export interface EgressGrant {
  readonly ports: readonly RulePort[] | undefined
  /** Pods, sorted, or as bits over pods where several rules are taken together: nothing else has an egress side. */
  readonly sources: Bits | readonly number[]
}

/** Lists by pod; absent where there is none. */
export type ByPod<Item> = readonly (readonly Item[] | undefined)[]

/** One direction of a set. */
export interface CompiledDirection {
  readonly isolated: Bits
  /** Policies that isolate a pod, by pod. */
  readonly isolatedBy: ByPod<PolicyReference>
  /** Rules of the policies that select a pod, by pod. */
  readonly rules: ByPod<CompiledRule>
  /** Rules of what never passes, by pod, isolated or not. */
  readonly denials: ByPod<CompiledRule>
  /** Tells whether there is any of these. */
  readonly denies: boolean
}

/** A policy set over a universe. */
export interface CompiledSet {
  readonly ingress: CompiledDirection
  readonly egress: CompiledDirection
  /** Returns what the egress rules open towards an end. */
  readonly egressTo: (end: number) => readonly EgressGrant[]
  /** Returns what the egress rules deny towards an end. */
  readonly deniedTo: (end: number) => readonly EgressGrant[]
}

/** Returns the set in compiled form; the order of the policies does not matter. */
export function compileSet(policies: readonly LocatedPolicy[], universe: Universe): CompiledSet {
  const sorted = policies
    .map((located) => ({ located, key: sortKey(located) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ located }) => located)
  const compile = compilerOf(universe)
  const compiled = sorted.flatMap(compile)
  const egress = compiled.flatMap((policy) => policy.egress ?? [])
  return {
    ingress: collectDirection(
      compiled.flatMap((policy) => policy.ingress ?? []),
      universe,
    ),
    egress: collectDirection(egress, universe),
    egressTo: egressGrants(egress, 'rules', universe),
    deniedTo: egressGrants(egress, 'denials', universe),
  }
}

/** Returns the spans that ports of a rule open at an end. */
export function spansAt(
  universe: Universe,
  end: number,
  ports: readonly RulePort[] | undefined,
): readonly Span[] {
  return universe.spansOf(end, ports)
}

/** Tells whether a rule's peers match an end. */
export function reaches(rule: CompiledRule, end: number): boolean {
  return rule.peers === 'everyone' || holdsSorted(rule.peers, end)
}

/** Tells whether a sorted list has a member. */
export function holdsSorted(members: readonly number[], wanted: number): boolean {
  let low = 0
  let high = members.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((members[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return members[low] === wanted
}

function sortKey({ policy, location }: LocatedPolicy): string {
  const { namespace, name } = policy.metadata
  const line = String(location.line ?? 0).padStart(10, '0')
  return JSON.stringify([namespace, name, location.file, line, policy.kind])
}

function collectDirection(sides: readonly CompiledSide[], universe: Universe): CompiledDirection {
  const isolated = createBits(universe.ends.length)
  const isolatedBy = noLists<PolicyReference>(universe.podCount)
  const rules = noLists<CompiledRule>(universe.podCount)
  const denials = noLists<CompiledRule>(universe.podCount)
  const unite = rememberUnions()
  let denies = false
  for (const [pod, list] of sidesByPod(sides, universe.podCount).entries()) {
    if (list === undefined) continue
    const union = unite(list)
    if (union.isolates) {
      addBit(isolated, pod)
      isolatedBy[pod] = union.references
    }
    rules[pod] = union.rules
    if (union.denials.length === 0) continue
    denials[pod] = union.denials
    denies = true
  }
  return { isolated, isolatedBy, rules, denials, denies }
}

function sidesByPod(sides: readonly CompiledSide[], podCount: number): ByPod<CompiledSide> {
  const byPod = new Array<CompiledSide[] | undefined>(podCount).fill(undefined)
  for (const side of sides) {
    for (const subject of side.subjects) {
      const list = byPod[subject]
      if (list === undefined) byPod[subject] = [side]
      else list.push(side)
    }
  }
  return byPod
}

function noLists<Item>(podCount: number): (readonly Item[] | undefined)[] {
  return new Array<readonly Item[] | undefined>(podCount).fill(undefined)
}

/** Pods that the same policies select share one list of references and one of rules. */
function rememberUnions(): (sides: readonly CompiledSide[]) => Omit<CompiledSide, 'subjects'> {
  const numbers = new Map<CompiledSide, number>()
  const unions = new Map<string, Omit<CompiledSide, 'subjects'>>()
  const numberOf = (side: CompiledSide): number => {
    const known = numbers.get(side) ?? numbers.size
    numbers.set(side, known)
    return known
  }
  return (sides) => {
    const [first] = sides
    if (first !== undefined && sides.length === 1) return first
    const key = sides.map(numberOf).join()
    const known = unions.get(key)
    if (known !== undefined) return known
    const union = {
      references: sides.flatMap(({ references, isolates }) => (isolates ? references : [])),
      isolates: sides.some(({ isolates }) => isolates),
      rules: joined(sides.map(({ rules }) => rules)),
      denials: joined(sides.map(({ denials }) => denials)),
    }
    unions.set(key, union)
    return union
  }
}

/** A list that is the only one with members stays the list it is. */
function joined<Item>(lists: readonly (readonly Item[])[]): readonly Item[] {
  const [first = [], ...others] = lists.filter(({ length }) => length > 0)
  return others.length === 0 ? first : lists.flat()
}

/**
 * Rules of equal peers and ports are taken together before they are spread over their peers: thousands of policies that
 * open the same address block cost one grant an end.
 */
function egressGrants(
  sides: readonly CompiledSide[],
  what: 'rules' | 'denials',
  universe: Universe,
): (end: number) => readonly EgressGrant[] {
  const totals = totalGrants(
    sides.flatMap((side) => side[what]),
    universe,
  )
  const toEveryone: EgressGrant[] = totals.get('everyone') ?? []
  const toEnd: EgressGrant[][] = universe.ends.map(() => [])
  for (const [peers, grants] of totals) {
    if (peers === 'everyone') continue
    for (let at = 0; at < peers.length; at++) toEnd[peers[at] ?? -1]?.push(...grants)
  }
  if (toEveryone.length === 0) return (end) => toEnd[end] ?? toEveryone
  return (end) => [...toEveryone, ...(toEnd[end] ?? [])]
}

/** Returns the grants by peers, one for the text of their ports. */
function totalGrants(
  rules: readonly CompiledRule[],
  universe: Universe,
): ReadonlyMap<Peers, EgressGrant[]> {
  const totals = new Map<Peers, EgressGrant[]>()
  for (const { subjects, peers, ports } of rules) {
    if (subjects.length === 0) continue
    const alone = { ports, sources: subjects }
    const grants = totals.get(peers)
    if (grants === undefined) {
      totals.set(peers, [alone])
      continue
    }
    const text = portsText(ports)
    const at = grants.findIndex((grant) => portsText(grant.ports) === text)
    const known = grants[at]
    if (known === undefined) grants.push(alone)
    else grants[at] = { ports, sources: withSubjects(known.sources, subjects, universe.podCount) }
  }
  return totals
}

/** The bits are of one grant alone; a list belongs to a rule, and stays as it is. */
function withSubjects(
  sources: Bits | readonly number[],
  subjects: readonly number[],
  podCount: number,
): Bits {
  const all = sources instanceof Uint32Array ? sources : bitsOf(podCount, sources)
  for (const subject of subjects) addBit(all, subject)
  return all
}

/** Rules share their lists of ports: the text of one is made once. */
const portTexts = new WeakMap<readonly RulePort[], string>()
const allPorts: readonly RulePort[] = []

function portsText(ports: readonly RulePort[] = allPorts): string {
  const known = portTexts.get(ports)
  if (known !== undefined) return known
  const text = JSON.stringify(ports)
  portTexts.set(ports, text)
  return text
}
