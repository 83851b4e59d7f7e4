/** A policy set, worked out over a universe: who is isolated, and what each rule opens to whom. */
import type { Location } from '../errors.ts'
import type { Bits } from './bits.ts'
import { addBit, bitsOf, createBits } from './bits.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from './network-policy.ts'
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
  readonly ports: readonly NetworkPolicyPort[] | undefined
}

/** Sources that may send to an end over some ports: rules of equal ports taken together. */
export interface EgressGrant {
  readonly ports: readonly NetworkPolicyPort[] | undefined
  /** Over pods alone: nothing else has an egress side. */
  readonly sources: Bits
}

/** One direction of a set. */
export interface CompiledDirection {
  readonly isolated: Bits
  /** Policies that isolate a pod, by pod. */
  readonly isolatedBy: ReadonlyMap<number, readonly PolicyReference[]>
  /** Rules of the policies that select a pod, by pod. */
  readonly rules: ReadonlyMap<number, readonly CompiledRule[]>
}

/** A policy set over a universe. */
export interface CompiledSet {
  readonly ingress: CompiledDirection
  readonly egress: CompiledDirection
  /** Returns what the egress rules open towards an end. */
  readonly egressTo: (end: number) => readonly EgressGrant[]
}

/** Returns the set in compiled form; the order of the policies does not matter. */
export function compileSet(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  universe: Universe,
): CompiledSet {
  const sorted = policies
    .map((located) => ({ located, key: sortKey(located) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ located }) => located)
  const peersOf = peerTableOf(universe)
  const ingress = compileDirection(sorted, 'ingress', universe, peersOf)
  const egress = compileDirection(sorted, 'egress', universe, peersOf)
  return { ingress, egress, egressTo: egressGrants(egress, universe) }
}

/** Returns the spans that ports of a rule open at an end. */
export function spansAt(
  universe: Universe,
  end: number,
  ports: readonly NetworkPolicyPort[] | undefined,
): readonly Span[] {
  return universe.spansOf(end, ports)
}

/** Tells whether a rule's peers match an end. */
export function reaches(rule: CompiledRule, end: number): boolean {
  return rule.peers === 'everyone' || holdsSorted(rule.peers, end)
}

function holdsSorted(members: readonly number[], wanted: number): boolean {
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

/** What one direction of a policy says, whichever it is. */
interface PlainRule {
  readonly peers: readonly NetworkPolicyPeer[] | undefined
  readonly ports: readonly NetworkPolicyPort[] | undefined
}

type Direction = 'ingress' | 'egress'

function plainRules({ spec }: NetworkPolicy, direction: Direction): readonly PlainRule[] {
  return direction === 'ingress'
    ? (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
    : (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
}

/** Without types a policy is about ingress, and about egress when it has an egress rule (networking/v1 defaults). */
function isAbout({ spec }: NetworkPolicy, direction: Direction): boolean {
  if (spec.policyTypes !== undefined && spec.policyTypes.length > 0) {
    return spec.policyTypes.includes(direction === 'ingress' ? 'Ingress' : 'Egress')
  }
  return direction === 'ingress' || (spec.egress ?? []).length > 0
}

function compileDirection(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  direction: Direction,
  universe: Universe,
  peersOf: PeerTable,
): CompiledDirection {
  const isolated = createBits(universe.ends.length)
  const isolatedBy = new Map<number, PolicyReference[]>()
  const rules = new Map<number, CompiledRule[]>()
  for (const { policy, location, rules: places } of policies) {
    if (!isAbout(policy, direction)) continue
    const { namespace, name } = policy.metadata
    const id = `${namespace}/${name}`
    const subjects = universe.endsMatching(namespace, { podSelector: policy.spec.podSelector })
    const compiled = plainRules(policy, direction).map(
      ({ peers, ports }, index): CompiledRule => ({
        reference: referenceTo(id, places[direction][index] ?? location),
        subjects,
        peers: peersOf(namespace, peers),
        ports,
      }),
    )
    for (const subject of subjects) {
      addBit(isolated, subject)
      append(isolatedBy, subject, [referenceTo(id, location)])
      append(rules, subject, compiled)
    }
  }
  return { isolated, isolatedBy, rules }
}

function append<Value>(lists: Map<number, Value[]>, key: number, values: readonly Value[]): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [...values])
  else list.push(...values)
}

/** A policy that was not read from a file has an empty file name, and its reference no place. */
function referenceTo(policy: string, { file, line }: Location): PolicyReference {
  if (file === '') return { policy }
  return { policy, at: line === undefined ? file : `${file}:${line}` }
}

/** Sets over one universe share their lists of peers, so that what is alike in both is the same list. */
const peerTables = new WeakMap<Universe, PeerTable>()

function peerTableOf(universe: Universe): PeerTable {
  const known = peerTables.get(universe)
  if (known !== undefined) return known
  const table = createPeerTable(universe)
  peerTables.set(universe, table)
  return table
}

type PeerTable = (namespace: string, peers: readonly NetworkPolicyPeer[] | undefined) => Peers

/** The universe answers equal peers with the same list, so that lists of peers are told apart by number. */
function createPeerTable(universe: Universe): PeerTable {
  const numbers = new Map<readonly number[], number>()
  const unions = new Map<string, readonly number[]>()
  const numberOf = (ends: readonly number[]): number => {
    const known = numbers.get(ends) ?? numbers.size
    numbers.set(ends, known)
    return known
  }
  return (namespace, peers) => {
    if (peers === undefined || peers.length === 0) return 'everyone'
    const [peer] = peers
    if (peer !== undefined && peers.length === 1) return universe.endsMatching(namespace, peer)
    const lists = new Set(peers.map((one) => universe.endsMatching(namespace, one)))
    const [only] = lists
    if (only !== undefined && lists.size === 1) return only
    const key = [...lists]
      .map(numberOf)
      .sort((a, b) => a - b)
      .join(',')
    const union = unions.get(key) ?? [...new Set([...lists].flat())].sort((a, b) => a - b)
    unions.set(key, union)
    return union
  }
}

interface GrantTotal {
  readonly peers: Peers
  readonly ports: readonly NetworkPolicyPort[] | undefined
  readonly sources: Set<number>
}

/**
 * Rules of equal peers and ports are taken together before they are spread over their peers: thousands of policies that
 * open the same address block cost one grant an end.
 */
function egressGrants(
  egress: CompiledDirection,
  universe: Universe,
): (end: number) => readonly EgressGrant[] {
  const totals = new Map<Peers, Map<string, GrantTotal>>()
  for (const rule of new Set([...egress.rules.values()].flat())) {
    const byPorts = totals.get(rule.peers) ?? new Map<string, GrantTotal>()
    totals.set(rule.peers, byPorts)
    const key = JSON.stringify(rule.ports ?? [])
    const total = byPorts.get(key) ?? { ...rule, sources: new Set<number>() }
    for (const subject of rule.subjects) total.sources.add(subject)
    byPorts.set(key, total)
  }
  const toEveryone: EgressGrant[] = []
  const toEnd = new Map<number, EgressGrant[]>()
  for (const { peers, ports, sources } of [...totals.values()].flatMap((map) => [
    ...map.values(),
  ])) {
    const grant = { ports, sources: bitsOf(universe.podCount, sources) }
    if (peers === 'everyone') toEveryone.push(grant)
    else for (const peer of peers) append(toEnd, peer, [grant])
  }
  return (end) => [...toEveryone, ...(toEnd.get(end) ?? [])]
}
