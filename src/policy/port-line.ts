/**
 * Ports of every protocol on one line of numbers, so that a set of ports is a list of spans: TCP 1 to 65535 first, then
 * UDP, then SCTP, then one position for each named port whose number nobody knows. Types of ICMP messages come far
 * behind, and only where policies are compared that can tell them apart.
 */

import type { Interval } from './interval.ts'
import { toIntervals } from './interval.ts'
import type { PortProtocol } from './network-policy.ts'
import type { RulePort } from './plain-rule.ts'
import { formatPorts, maxPort, portProtocols, toPortSet } from './port-set.ts'

/** Positions `low` to `high`, both included, of one protocol or one named port. */
export interface Span {
  readonly low: number
  readonly high: number
}

/** Container ports of a pod by name. */
export type NamedContainerPorts = readonly {
  readonly name: string
  readonly protocol: PortProtocol
  readonly port: number
}[]

/** First position after the numbered ports. */
export const namedStart: number = portProtocols.length * maxPort

/** First position of ICMP types: those of IPv4, then those of IPv6. */
export const icmpStart: number = 2 ** 20

/** Types that each family has. */
const icmpTypes = 256

/** Position behind the last ICMP type. */
export const icmpEnd: number = icmpStart + 2 * icmpTypes

/** First positions of the two families. */
export const icmpFamilyStarts: readonly number[] = [icmpStart, icmpStart + icmpTypes]

/** Returns the position of a type of ICMP messages. */
export function icmpPosition(family: 'IPv4' | 'IPv6', type: number): number {
  return icmpStart + (family === 'IPv6' ? icmpTypes : 0) + type
}

/** Returns the type at a position from {@link icmpStart} on. */
export function icmpAt(position: number): {
  readonly family: 'IPv4' | 'IPv6'
  readonly type: number
} {
  const offset = position - icmpStart
  return offset < icmpTypes
    ? { family: 'IPv4', type: offset }
    : { family: 'IPv6', type: offset - icmpTypes }
}

/** Positions at which a protocol begins; no span crosses one. */
export const protocolStarts: readonly number[] = portProtocols.map((_, index) => index * maxPort)

/** Returns the position of a numbered port. */
export function portPosition(protocol: PortProtocol, port: number): number {
  return portProtocols.indexOf(protocol) * maxPort + port - 1
}

/** Returns the numbered port at a position before {@link namedStart}. */
export function portAt(position: number): {
  readonly protocol: PortProtocol
  readonly port: number
} {
  const index = Math.floor(position / maxPort)
  return { protocol: portProtocols[index] ?? 'TCP', port: position - index * maxPort + 1 }
}

/** The names that rules use for ports, as `http/TCP`, sorted: what stands at {@link namedStart} and after. */
export type PortNames = readonly string[]

/** Returns the name under which a named port stands in {@link PortNames}. */
export function portName(name: string, protocol: PortProtocol): string {
  return `${name}/${protocol}`
}

/** What a named port of a rule means at one destination. */
export interface PortResolution {
  readonly names: PortNames
  /** Container ports where they are known; `unknown` gives every name a position; `none` where names mean nothing. */
  readonly ports: NamedContainerPorts | 'unknown' | 'none'
  /** Whether a rule for everything opens ICMP, too. Default: no. */
  readonly icmp?: boolean
}

/** Returns the spans that the ports of a rule open at a destination; ports that are absent or empty open all. */
export function rulePortSpans(
  ports: readonly RulePort[] | undefined,
  resolution: PortResolution,
): readonly Span[] {
  if (ports !== undefined && ports.length > 0) {
    return ports.flatMap((port) => portSpans(port, resolution))
  }
  const all = portProtocols.flatMap((protocol) => portSpans({ protocol }, resolution))
  return resolution.icmp === true ? [...all, { low: icmpStart, high: icmpEnd - 1 }] : all
}

function portSpans(item: RulePort, resolution: PortResolution): readonly Span[] {
  if (item.icmp !== undefined) return [at(icmpPosition(item.icmp.family, item.icmp.type))]
  const protocol = item.protocol ?? 'TCP'
  if (typeof item.port === 'string') return namedPortSpans(item.port, protocol, resolution)
  const first = item.port ?? 1
  const last = item.port === undefined ? maxPort : (item.endPort ?? first)
  const span = { low: portPosition(protocol, first), high: portPosition(protocol, last) }
  return first === 1 && last === maxPort ? [span, ...namedSpans(protocol, resolution)] : [span]
}

function namedPortSpans(
  name: string,
  protocol: PortProtocol,
  { names, ports }: PortResolution,
): readonly Span[] {
  if (ports === 'none') return []
  if (ports === 'unknown') return [at(namedStart + names.indexOf(portName(name, protocol)))]
  return ports
    .filter((port) => port.name === name && port.protocol === protocol)
    .map((port) => at(portPosition(protocol, port.port)))
}

/** A rule for a whole protocol opens the named ports of that protocol, whatever their numbers are. */
function namedSpans(protocol: PortProtocol, { names, ports }: PortResolution): readonly Span[] {
  if (ports !== 'unknown') return []
  return names.flatMap((name, index) =>
    name.endsWith(`/${protocol}`) ? [at(namedStart + index)] : [],
  )
}

function at(position: number): Span {
  return { low: position, high: position }
}

/** Returns spans in words, merged where they touch: `443/TCP`, `8000-8100/UDP`, `all ports`, `http/TCP`. */
export function spanTexts(spans: readonly Span[], names: PortNames): readonly string[] {
  const numbered = formatPorts(
    toPortSet(
      spans
        .filter(({ low }) => low < namedStart)
        .map(({ low, high }) => {
          const { protocol, port } = portAt(low)
          return { protocol, first: port, last: port + high - low }
        }),
    ),
  )
  const icmp = icmpTexts(spans)
  if (numbered[0] === 'all ports')
    return icmp.length === 2 && icmp.every(isWhole) ? numbered : [...numbered, ...icmp]
  const named = spans.flatMap(({ low }) => names[low - namedStart] ?? [])
  return [...numbered, ...new Set(named), ...icmp]
}

function isWhole(text: string): boolean {
  return text.startsWith('every ')
}

function icmpTexts(spans: readonly Span[]): readonly string[] {
  const intervals = toIntervals(
    spans
      .filter(({ low }) => low >= icmpStart)
      .flatMap(({ low, high }) =>
        // No text crosses from one family to the other.
        icmpFamilyStarts.map(
          (start): Interval<number> => [
            Math.max(low, start),
            Math.min(high + 1, start + icmpTypes),
          ],
        ),
      )
      .filter(([low, end]) => low < end),
  ).flatMap(([low, end]): readonly Interval<number>[] => {
    const middle = icmpStart + icmpTypes
    return low < middle && end > middle
      ? [
          [low, middle],
          [middle, end],
        ]
      : [[low, end]]
  })
  return intervals.map(([low, end]) => {
    const { family, type } = icmpAt(low)
    const protocol = family === 'IPv4' ? 'ICMPv4' : 'ICMPv6'
    if (end - low === icmpTypes) return `every ${protocol} type`
    return end - low === 1 ? `${type}/${protocol}` : `${type}-${type + end - low - 1}/${protocol}`
  })
}
