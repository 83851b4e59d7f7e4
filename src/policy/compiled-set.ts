/** A policy set, worked out over a universe: who is isolated, and what each rule opens to whom. */
import type { Location } from '../errors.ts'
import type { Bits } from './bits.ts'
import { addBit, bitsOf, createBits } from './bits.ts'
import type { LocatedPolicy } from './network-policy.ts'
import type { PlainRule, RuleDirection, RulePeer, RulePort } from './plain-rule.ts'
import { partsOf, plainPolicy, policyName } from './plain-rule.ts'
import type { PolicyReference } from './policy-reference.ts'
import type { Span } from './port-line.ts'
import type { Universe } from './universe.ts'

/** Ends that the peers of a rule match. */
export type Peers = readonly number[] | 'everyone'

/** One rule, with the pods that its policy selects. */
export interface CompiledRule {
  readonly reference: PolicyReference
  /** Pods that the policy selects, sorted. */
  readonly subjects: readonly number[]
  /** Ends that its peers match, sorted; `everyone` for a rule without peers. Rules of equal peers share one list. */
  readonly peers: Peers
  readonly ports: readonly RulePort[] | undefined
}

/** Sources that may send to an end over some ports: rules of equal ports taken together. */
export interface EgressGrant {
  readonly ports: readonly RulePort[] | undefined
  /** Pods, sorted, or as bits over pods where several rules are taken together: nothing else has an egress side. */
  readonly sources: Bits | readonly number[]
}

/** One direction of a set. */
export interface CompiledDirection {
  readonly isolated: Bits
  /** Policies that isolate a pod, by pod. */
  readonly isolatedBy: ReadonlyMap<number, readonly PolicyReference[]>
  /** Rules of the policies that select a pod, by pod. */
  readonly rules: ReadonlyMap<number, readonly CompiledRule[]>
  /** Rules of what never passes, by pod, isolated or not. */
  readonly denials: ReadonlyMap<number, readonly CompiledRule[]>
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

/** What one policy says of one direction. */
interface CompiledSide {
  /** The policy itself, as the one member of a list that every pod shares which it alone isolates. */
  readonly references: readonly PolicyReference[]
  readonly subjects: readonly number[]
  readonly isolates: boolean
  readonly rules: readonly CompiledRule[]
  readonly denials: readonly CompiledRule[]
}

/** One policy over a universe; a direction that it is not about is absent. */
interface CompiledPolicy {
  readonly ingress?: CompiledSide
  readonly egress?: CompiledSide
}

type Compiler = (located: LocatedPolicy) => readonly CompiledPolicy[]

/** Sets over one universe share what their policies become: most policies stand in both sets of a comparison. */
const compilers = new WeakMap<Universe, Compiler>()

function compilerOf(universe: Universe): Compiler {
  const known = compilers.get(universe)
  if (known !== undefined) return known
  const compiler = createCompiler(universe)
  compilers.set(universe, compiler)
  return compiler
}

function createCompiler(universe: Universe): Compiler {
  const peersOf = createPeerTable(universe)
  const compiled = new Map<LocatedPolicy, readonly CompiledPolicy[]>()
  const compile = (part: LocatedPolicy): CompiledPolicy => {
    const { policy, location, rules: places } = part
    const { namespace, subject, about, isolates, rules } = plainPolicy(policy)
    const subjects = universe.endsMatching(namespace, subject)
    const id = policyName(policy)
    const compileRule = ({ direction, rule, peers, ports }: PlainRule): CompiledRule => ({
      reference: referenceTo(id, places[direction][rule] ?? location),
      subjects,
      peers: peersOf(namespace, peers),
      ports,
    })
    const compileSide = (direction: RuleDirection): CompiledSide => {
      const own = rules.filter((rule) => rule.direction === direction)
      return {
        references: [referenceTo(id, location)],
        subjects,
        isolates: isolates.includes(direction),
        rules: own.filter(({ deny }) => !deny).map(compileRule),
        denials: own.filter(({ deny }) => deny).map(compileRule),
      }
    }
    return {
      ...(about.includes('ingress') && { ingress: compileSide('ingress') }),
      ...(about.includes('egress') && { egress: compileSide('egress') }),
    }
  }
  return (located) => {
    const known = compiled.get(located)
    if (known !== undefined) return known
    const made = partsOf(located).map(compile)
    compiled.set(located, made)
    return made
  }
}

function collectDirection(sides: readonly CompiledSide[], universe: Universe): CompiledDirection {
  const isolated = createBits(universe.ends.length)
  const byPod = new Map<number, CompiledSide[]>()
  for (const side of sides) {
    for (const subject of side.subjects) {
      if (side.isolates) addBit(isolated, subject)
      const list = byPod.get(subject)
      if (list === undefined) byPod.set(subject, [side])
      else list.push(side)
    }
  }
  const isolatedBy = new Map<number, readonly PolicyReference[]>()
  const rules = new Map<number, readonly CompiledRule[]>()
  const denials = new Map<number, readonly CompiledRule[]>()
  const unite = rememberUnions()
  for (const [pod, list] of byPod) {
    const union = unite(list)
    if (union.isolates) isolatedBy.set(pod, union.references)
    rules.set(pod, union.rules)
    if (union.denials.length > 0) denials.set(pod, union.denials)
  }
  return { isolated, isolatedBy, rules, denials }
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
    const union = unions.get(key) ?? {
      references: sides.flatMap(({ references, isolates }) => (isolates ? references : [])),
      isolates: sides.some(({ isolates }) => isolates),
      rules: sides.flatMap(({ rules }) => rules),
      denials: sides.flatMap(({ denials }) => denials),
    }
    unions.set(key, union)
    return union
  }
}

/** A policy that was not read from a file has an empty file name, and its reference no place. */
function referenceTo(policy: string, { file, line }: Location): PolicyReference {
  if (file === '') return { policy }
  return { policy, at: line === undefined ? file : `${file}:${line}` }
}

type PeerTable = (namespace: string, peers: readonly RulePeer[] | undefined) => Peers

/** The universe answers equal peers with the same list, so that lists of peers are told apart by number. */
function createPeerTable(universe: Universe): PeerTable {
  const numbers = new Map<readonly number[], number>()
  const unions = new Map<string, readonly number[]>()
  const numberOf = (ends: readonly number[]): number => {
    const known = numbers.get(ends)
    if (known !== undefined) return known
    numbers.set(ends, numbers.size)
    return numbers.size - 1
  }
  return (namespace, peers) => {
    if (peers === undefined || peers.length === 0) return 'everyone'
    const [peer] = peers
    if (peer !== undefined && peers.length === 1) return universe.endsMatching(namespace, peer)
    const lists = peers.map((one) => universe.endsMatching(namespace, one))
    const distinct = new Set(new Uint32Array(lists.map(numberOf)).sort())
    if (distinct.size === 1) return lists[0] ?? []
    const key = [...distinct].join()
    const known = unions.get(key)
    if (known !== undefined) return known
    const union = [...new Set(new Uint32Array(lists.flat()).sort())]
    unions.set(key, union)
    return union
  }
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
    for (const peer of peers) for (const grant of grants) toEnd[peer]?.push(grant)
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
