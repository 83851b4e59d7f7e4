/** How much more policies let known pods do than was seen: counted over bit rows, never pair by pair. */

import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  addBits,
  bitsOf,
  commonBits,
  countBits,
  createBits,
  hasBit,
  isEmptyBits,
  withoutBits,
} from '../policy/bits.ts'
import type { CompiledSet } from '../policy/compiled-set.ts'
import type { Span } from '../policy/port-line.ts'
import { namedStart, portPosition, spanTexts } from '../policy/port-line.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo } from '../policy/rows.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { createEndNames } from './end-names.ts'
import { observedConnections } from './observed.ts'
import type { TrafficUniverse } from './universe.ts'
import type { OverPermission, UnusedConnections } from './verify-report.ts'

/** Unused connections that are spelled out for each namespace. */
const maxLargest = 5

/** Sources that a text names. */
const maxNames = 3

/** A port that a pod listens on. */
export interface ListeningPort {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
}

/** What over-permission is counted over. */
export interface OverPermissionInput {
  readonly universe: TrafficUniverse
  readonly set: CompiledSet
  readonly traffic: Traffic
  /** Returns the ports that a class is said to listen on. */
  readonly listeningPortsOf: (classId: number) => readonly ListeningPort[]
}

/** Unused sources of one destination and port that belong to one namespace. */
interface UnusedPart {
  readonly end: number
  readonly position: number
  readonly sources: Bits
  readonly count: number
}

interface Total {
  allowed: number
  used: number
  unused: number
  open: number
  otherPorts: number
  readonly parts: UnusedPart[]
}

/** Returns the over-permission of every namespace that has known pods, sorted by name. */
export function overPermissionOf(input: OverPermissionInput): readonly OverPermission[] {
  const { universe, traffic } = input
  const known = bitsOf(universe.ends.length, traffic.classes.keys())
  const homes = homesOf(universe, traffic)
  const totals = new Map<string, Total>(
    [...homes.keys()].map((name) => [
      name,
      { allowed: 0, used: 0, unused: 0, open: 0, otherPorts: 0, parts: [] },
    ]),
  )
  const used = usedRows(input, known)
  for (const { id, namespace } of traffic.classes) {
    const own = totals.get(namespace)
    if (own === undefined) continue
    const share = createShare(input.set, id, own, homes, totals)
    countDestination(input, id, known, used.get(id) ?? new Map(), share)
  }
  return [...totals]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([namespace, { parts, ...counts }]) => ({
      namespace,
      ...counts,
      largest: largestOf(universe, parts),
    }))
}

function homesOf(universe: TrafficUniverse, traffic: Traffic): ReadonlyMap<string, Bits> {
  const homes = new Map<string, Bits>()
  for (const { id, namespace } of traffic.classes) {
    const home = homes.get(namespace) ?? createBits(universe.ends.length)
    addBit(home, id)
    homes.set(namespace, home)
  }
  return homes
}

/** Sources that were seen, by destination and port position. */
function usedRows(
  { universe, traffic }: OverPermissionInput,
  known: Bits,
): ReadonlyMap<number, ReadonlyMap<number, Bits>> {
  const rows = new Map<number, Map<number, Bits>>()
  for (const [end, connections] of observedConnections(traffic, universe)) {
    if (!hasBit(known, end)) continue
    const byPosition = new Map<number, Bits>()
    rows.set(end, byPosition)
    for (const { sources, position } of connections) {
      const row = byPosition.get(position) ?? createBits(universe.ends.length)
      byPosition.set(position, row)
      for (const source of sources) if (hasBit(known, source)) addBit(row, source)
    }
  }
  return rows
}

/** How the connections to one destination are shared out: its namespace answers for it, or those of its sources do. */
interface Share {
  /** Adds sources of a connection that is allowed. */
  readonly add: (part: {
    readonly position: number
    readonly allowed: Bits
    readonly used: Bits
  }) => void
  readonly addOtherPorts: (sources: Bits) => void
  readonly end: number
}

function createShare(
  set: CompiledSet,
  end: number,
  own: Total,
  homes: ReadonlyMap<string, Bits>,
  totals: ReadonlyMap<string, Total>,
): Share {
  const isIsolated = hasBit(set.ingress.isolated, end)
  /** Splits sources by the namespace that answers; what no policy has a say in is open. */
  const shares = (sources: Bits): readonly (readonly [Total, Bits])[] => {
    if (isIsolated) return [[own, sources]]
    const granted = commonBits(sources, set.egress.isolated)
    if (isEmptyBits(granted)) return []
    return [...homes].flatMap(([name, home]): readonly (readonly [Total, Bits])[] => {
      const total = totals.get(name)
      const part = commonBits(granted, home)
      return total === undefined || isEmptyBits(part) ? [] : [[total, part]]
    })
  }
  return {
    end,
    add: ({ position, allowed, used }) => {
      if (!isIsolated) own.open += countBits(withoutBits(allowed, set.egress.isolated))
      for (const [total, sources] of shares(allowed)) {
        const unused = withoutBits(sources, used)
        const count = countBits(unused)
        total.allowed += countBits(sources)
        total.used += countBits(sources) - count
        total.unused += count
        if (count > 0) total.parts.push({ end, position, sources: unused, count })
      }
    },
    addOtherPorts: (sources) => {
      for (const [total, part] of shares(sources)) total.otherPorts += countBits(part)
    },
  }
}

function countDestination(
  { universe, set, listeningPortsOf }: OverPermissionInput,
  end: number,
  known: Bits,
  used: ReadonlyMap<number, Bits>,
  share: Share,
): void {
  const grants = grantsTo(set, universe, end)
  const spans = grantSpans(grants)
  const relevant = new Set([
    ...used.keys(),
    ...listeningPortsOf(end).map(({ protocol, port }) => portPosition(protocol, port)),
    ...spans.flatMap(({ low, high }) => (low === high ? [low] : [])),
  ])
  const singles = [...relevant].map((position): Span => ({ low: position, high: position }))
  const atoms = cutPorts(universe, end, [...spans, ...singles])
  const rows = passing(rowsTo(set, universe, end, atoms, grants))
  const none = createBits(universe.ends.length)
  const others = createBits(universe.ends.length)
  for (const [index, { low }] of atoms.entries()) {
    const allowed = commonBits(rows[index] ?? none, known)
    if (relevant.has(low)) share.add({ position: low, allowed, used: used.get(low) ?? none })
    else if (low < namedStart) addBits(others, allowed)
  }
  share.addOtherPorts(others)
}

function largestOf(
  universe: TrafficUniverse,
  parts: readonly UnusedPart[],
): readonly UnusedConnections[] {
  const names = createEndNames(universe)
  const nothing = createBits(universe.ends.length)
  return [...parts]
    .sort((a, b) => b.count - a.count || a.end - b.end || a.position - b.position)
    .slice(0, maxLargest)
    .map(({ end, position, sources, count }) => {
      const from = names.split(sources, universe.sourcesOf(end)).map(({ text }) => text)
      const more = from.length > maxNames ? ` and ${from.length - maxNames} more` : ''
      const to = names.split(bitsOf(universe.ends.length, [end]), nothing)
      return {
        from: `${from.slice(0, maxNames).join(', ')}${more}`,
        to: to.map(({ text }) => text).join(', '),
        port: spanTexts([{ low: position, high: position }], universe.portNames).join(', '),
        connections: count,
      }
    })
}
