/** What each rule of each policy grants, cell by cell, and which recorded edges use it. */

import { holdsSorted, spansAt } from '../policy/compiled-set.ts'
import type { RulePeer, RulePort } from '../policy/plain-rule.ts'
import { icmpPosition, portPosition } from '../policy/port-line.ts'
import type { Edge, EdgeEnd } from '../traffic/traffic.ts'
import { seenEdge, timeText } from './flow-evidence.ts'
import type { BookEntry, PlainRule, PolicyBook } from './policy-book.ts'
import type { Replayed } from './replay.ts'
import { peerText, portText } from './rule-words.ts'
import type { TrafficUniverse } from './universe.ts'
import type { Direction, PolicyUsage, RuleUsage, UnusedGrants, UsedGrant } from './verify-report.ts'

/** What the usage of rules is counted over. */
export interface UsageInput {
  readonly book: PolicyBook
  readonly universe: TrafficUniverse
  readonly replayed: readonly Replayed[]
  readonly endText: (end: EdgeEnd) => string
  /** Edges that are spelled out for each grant. */
  readonly maxSeen: number
}

/** Returns the usage of each policy of `entries`, in their order. */
export function usageOf(input: UsageInput, entries: readonly BookEntry[]): readonly PolicyUsage[] {
  const edges = edgesByRule(input.replayed)
  return entries.map((entry) => {
    // What a rule denies was never seen to pass: there is no usage of it.
    const allowing = entry.rules.filter((rule) => !rule.deny)
    const rules = allowing.map((rule) =>
      ruleUsage(input, entry, rule, edges.get(ruleKey(entry.id, rule.direction, rule.rule)) ?? []),
    )
    const { universe } = input
    const subjects = universe.endsMatching(entry.namespace, entry.subject)
    const names = subjects.flatMap((id) => {
      const end = universe.ends[id]
      return end?.kind === 'pod' && end.known ? [input.endText({ kind: 'class', class: id })] : []
    })
    return {
      ...entry.reference,
      isolates: entry.isolates,
      selects: [...new Set(names)].sort(),
      grants: sum(rules.map((rule) => rule.grants)),
      unusedGrants: sum(rules.map((rule) => rule.unusedGrants)),
      rules,
    }
  })
}

function ruleKey(entry: number, direction: Direction, rule: number): string {
  return `${entry} ${direction} ${rule}`
}

function edgesByRule(replayed: readonly Replayed[]): ReadonlyMap<string, readonly Edge[]> {
  const edges = new Map<string, Edge[]>()
  for (const { edge, matches } of replayed) {
    for (const { entry, direction, rule } of matches) {
      const key = ruleKey(entry, direction, rule)
      const list = edges.get(key)
      if (list === undefined) edges.set(key, [edge])
      else list.push(edge)
    }
  }
  return edges
}

/** The peers and ports of a rule: a rule that names none has one, which stands for all. */
interface Axes {
  readonly peers: readonly (RulePeer | undefined)[]
  readonly ports: readonly (RulePort | undefined)[]
}

function ruleUsage(
  input: UsageInput,
  entry: BookEntry,
  rule: PlainRule,
  edges: readonly Edge[],
): RuleUsage {
  const { direction } = rule
  const place = rule.at === undefined ? {} : { at: rule.at }
  const head = { direction, rule: rule.rule, ...place }
  // Rules of a policy that isolates nothing matter only where another policy isolates.
  const isIdle = !entry.isolates.includes(direction) && edges.length === 0
  if (!entry.about.includes(direction) || isIdle) {
    return { ...head, state: 'ignored', grants: 0, unusedGrants: 0, used: [], unused: [] }
  }
  const axes: Axes = {
    peers: rule.peers.length === 0 ? [undefined] : rule.peers,
    ports: rule.ports.length === 0 ? [undefined] : rule.ports,
  }
  const users = cellUsers(input.universe, entry.namespace, direction, axes, edges)
  const grants = axes.peers.length * axes.ports.length
  const used = sum([...users.values()].map((byPort) => byPort.size))
  const words = wordsOf(axes, entry.namespace)
  return {
    ...head,
    state: used === 0 ? 'unused' : used === grants ? 'used' : 'partly',
    grants,
    unusedGrants: grants - used,
    used: usedGrants(input, words, users),
    unused: unusedGrants(words, users),
  }
}

/** Edges by position of peer and of port. */
type CellUsers = ReadonlyMap<number, ReadonlyMap<number, readonly Edge[]>>

function cellUsers(
  universe: TrafficUniverse,
  namespace: string,
  direction: Direction,
  { peers, ports }: Axes,
  edges: readonly Edge[],
): CellUsers {
  const users = new Map<number, Map<number, Edge[]>>()
  if (edges.length === 0) return users
  const members = peers.map((peer) =>
    peer === undefined ? undefined : universe.endsMatching(namespace, peer),
  )
  // The universe knows the spans of a list of ports that it has seen before.
  const portLists = ports.map((port) => (port === undefined ? undefined : [port]))
  for (const edge of edges) {
    const ends = universe.endsOfEdge(direction === 'egress' ? edge.to : edge.from)
    const destinations = universe.endsOfEdge(edge.to)
    const itsPorts = [...ports.keys()].filter((id) =>
      isPortUsed(universe, destinations, portLists[id], edge),
    )
    for (const [id, member] of members.entries()) {
      if (member !== undefined && !ends.some((end) => holdsSorted(member, end))) continue
      for (const port of itsPorts) addUser(users, id, port, edge)
    }
  }
  return users
}

function addUser(
  users: Map<number, Map<number, Edge[]>>,
  peer: number,
  port: number,
  edge: Edge,
): void {
  const byPort = users.get(peer) ?? new Map<number, Edge[]>()
  users.set(peer, byPort)
  const list = byPort.get(port)
  if (list === undefined) byPort.set(port, [edge])
  else list.push(edge)
}

function isPortUsed(
  universe: TrafficUniverse,
  destinations: readonly number[],
  ports: readonly RulePort[] | undefined,
  { protocol, port: number }: Edge,
): boolean {
  if (ports === undefined) return true
  const position =
    protocol === 'ICMPv4' || protocol === 'ICMPv6'
      ? icmpPosition(protocol === 'ICMPv4' ? 'IPv4' : 'IPv6', number)
      : portPosition(protocol, number)
  return destinations.some((end) =>
    spansAt(universe, end, ports).some(({ low, high }) => low <= position && position <= high),
  )
}

interface AxisWords {
  readonly peers: readonly string[]
  readonly ports: readonly string[]
}

function wordsOf({ peers, ports }: Axes, namespace: string): AxisWords {
  return {
    peers: peers.map((peer) => (peer === undefined ? 'everyone' : peerText(peer, namespace))),
    ports: ports.map((port) => (port === undefined ? 'all ports' : portText(port))),
  }
}

function usedGrants(
  { endText, maxSeen }: UsageInput,
  words: AxisWords,
  users: CellUsers,
): readonly UsedGrant[] {
  return words.peers.flatMap((peer, peerId) =>
    words.ports.flatMap((port, portId): readonly UsedGrant[] => {
      const edges = users.get(peerId)?.get(portId)
      if (edges === undefined) return []
      const last = latest(edges)
      return [
        {
          peer,
          port,
          edges: edges.length,
          flows: sum(edges.map(({ evidence }) => evidence.flows)),
          ...(last === undefined ? {} : { last: timeText(last) }),
          seen: edges.slice(0, maxSeen).map((edge) => seenEdge(edge, endText)),
        },
      ]
    }),
  )
}

/** Peers of equal unused ports are taken together, so that the list is no longer than the rule and what uses it. */
function unusedGrants(words: AxisWords, users: CellUsers): readonly UnusedGrants[] {
  const rows = new Map<string, { readonly peers: string[]; readonly ports: readonly string[] }>()
  for (const [peerId, peer] of words.peers.entries()) {
    const byPort = users.get(peerId)
    const ports =
      byPort === undefined ? words.ports : words.ports.filter((_, portId) => !byPort.has(portId))
    if (ports.length === 0) continue
    const key = byPort === undefined ? '' : ports.join('\n')
    const row = rows.get(key) ?? { peers: [], ports }
    row.peers.push(peer)
    rows.set(key, row)
  }
  return [...rows.values()]
}

function latest(edges: readonly Edge[]): number | undefined {
  return edges.reduce<number | undefined>((last, { evidence: { lastMs } }) => {
    if (lastMs === undefined) return last
    return last === undefined ? lastMs : Math.max(last, lastMs)
  }, undefined)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
