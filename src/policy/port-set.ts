/** Exact sets of ports: every port from 1 to 65535 of every protocol is in a set or not. */
import type { Interval, Intervals } from './interval.ts'
import {
  equalIntervals,
  holdsNumber,
  intersectIntervals,
  subtractIntervals,
  toIntervals,
  uniteIntervals,
} from './interval.ts'
import type { PortProtocol } from './network-policy.ts'

/** The protocols, in the order in which their ports are written. */
export const portProtocols: readonly PortProtocol[] = ['TCP', 'UDP', 'SCTP']

/** The highest port. */
export const maxPort = 65_535

/** Ports by protocol, as intervals without their end; equal sets are deeply equal. */
export type PortSet = Readonly<Record<PortProtocol, Intervals<number>>>

/** Ports of one protocol, both ends included. */
export interface PortRange {
  readonly protocol: PortProtocol
  readonly first: number
  readonly last: number
}

/** The empty set. */
export const noPorts: PortSet = { TCP: [], UDP: [], SCTP: [] }

/** Every port of every protocol. */
export const allPorts: PortSet = toPortSet(
  portProtocols.map((protocol) => ({ protocol, first: 1, last: maxPort })),
)

/** Returns the set of the ranges; what lies outside 1 to 65535 is left out. */
export function toPortSet(ranges: Iterable<PortRange>): PortSet {
  const intervals: Record<PortProtocol, Interval<number>[]> = { TCP: [], UDP: [], SCTP: [] }
  for (const { protocol, first, last } of ranges) {
    intervals[protocol].push([Math.max(first, 1), Math.min(last, maxPort) + 1])
  }
  return byProtocol((protocol) => toIntervals(intervals[protocol]))
}

/** Returns the ranges of a set: by protocol in the order of {@link portProtocols}, then ascending. */
export function portRanges(set: PortSet): readonly PortRange[] {
  return portProtocols.flatMap((protocol) =>
    set[protocol].map(([first, end]) => ({ protocol, first, last: end - 1 })),
  )
}

/** Returns the ports of either set. */
export function unitePorts(a: PortSet, b: PortSet): PortSet {
  return byProtocol((protocol) => uniteIntervals(a[protocol], b[protocol]))
}

/** Returns the ports of both sets. */
export function intersectPorts(a: PortSet, b: PortSet): PortSet {
  return byProtocol((protocol) => intersectIntervals(a[protocol], b[protocol]))
}

/** Returns the ports of `a` that are not in `b`. */
export function subtractPorts(a: PortSet, b: PortSet): PortSet {
  return byProtocol((protocol) => subtractIntervals(a[protocol], b[protocol]))
}

/** Tells whether a set has no port. */
export function hasNoPorts(set: PortSet): boolean {
  return portProtocols.every((protocol) => set[protocol].length === 0)
}

/** Tells whether two sets have the same ports. */
export function equalPorts(a: PortSet, b: PortSet): boolean {
  return portProtocols.every((protocol) => equalIntervals(a[protocol], b[protocol]))
}

/** Tells whether a set has a port. */
export function holdsPort(set: PortSet, protocol: PortProtocol, port: number): boolean {
  return holdsNumber(set[protocol], port)
}

/** Returns the set in words, one text a range: `443/TCP`, `8000-8100/UDP`, or `all ports` alone. */
export function formatPorts(set: PortSet): readonly string[] {
  if (equalPorts(set, allPorts)) return ['all ports']
  return portRanges(set).map(({ protocol, first, last }) =>
    first === last ? `${first}/${protocol}` : `${first}-${last}/${protocol}`,
  )
}

/** Returns the set that texts as {@link formatPorts} writes them spell, or undefined when one of them spells none. */
export function parsePorts(texts: readonly string[]): PortSet | undefined {
  let set = noPorts
  for (const text of texts) {
    const added = text === 'all ports' ? allPorts : parsePortRange(text)
    if (added === undefined) return undefined
    set = unitePorts(set, added)
  }
  return set
}

function parsePortRange(text: string): PortSet | undefined {
  const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?\/(TCP|UDP|SCTP)$/.exec(text)
  const protocol = portProtocols.find((candidate) => candidate === match?.[3])
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  if (protocol === undefined || first > last || last > maxPort) return undefined
  return toPortSet([{ protocol, first, last }])
}

function byProtocol(intervalsOf: (protocol: PortProtocol) => Intervals<number>): PortSet {
  return { TCP: intervalsOf('TCP'), UDP: intervalsOf('UDP'), SCTP: intervalsOf('SCTP') }
}
