/** Protocol and ports of a flow record. */
import type { Protocol } from './flow.ts'
import type { JsonObject } from './json.ts'
import { asInteger, asObject, MalformedRecord, member } from './json.ts'

/** A protocol with ports; a port of 0 is absent. */
export interface PortedLayer4 {
  readonly kind: 'ports'
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly sourcePort: number
  readonly destinationPort: number
  /** `open` is SYN without ACK, `accept` SYN with ACK, `none` anything else. */
  readonly handshake: 'open' | 'accept' | 'none'
}

/** An ICMP message. */
export interface IcmpLayer4 {
  readonly kind: 'icmp'
  readonly protocol: 'ICMPv4' | 'ICMPv6'
  readonly type: number
}

/** What `l4` says; `other` is a protocol that no policy can name. */
export type Layer4 = PortedLayer4 | IcmpLayer4 | { readonly kind: 'other' }

const ported = ['TCP', 'UDP', 'SCTP'] as const satisfies readonly Protocol[]
const icmp = ['ICMPv4', 'ICMPv6'] as const satisfies readonly Protocol[]

/**
 * Returns what `l4` of a flow says, undefined where it is absent or empty.
 * @throws {MalformedRecord} when a port is above 65535 or an ICMP type above 255.
 */
export function readLayer4(value: unknown): Layer4 | undefined {
  const l4 = asObject(value)
  if (l4 === undefined) return undefined
  for (const protocol of ported) {
    const segment = asObject(l4[protocol])
    if (segment !== undefined) return readPorts(protocol, segment)
  }
  for (const protocol of icmp) {
    const message = asObject(l4[protocol])
    if (message !== undefined) {
      return { kind: 'icmp', protocol, type: bounded(message['type'], 255, 'the ICMP type') }
    }
  }
  return Object.keys(l4).length === 0 ? undefined : { kind: 'other' }
}

function readPorts(protocol: PortedLayer4['protocol'], segment: JsonObject): PortedLayer4 {
  const port = (name: string, camelName: string): number =>
    bounded(member(segment, name, camelName), 65_535, 'a port')
  const flags = asObject(segment['flags'])
  const opens = protocol === 'TCP' && flags?.['SYN'] === true
  return {
    kind: 'ports',
    protocol,
    sourcePort: port('source_port', 'sourcePort'),
    destinationPort: port('destination_port', 'destinationPort'),
    handshake: opens ? (flags['ACK'] === true ? 'accept' : 'open') : 'none',
  }
}

function bounded(value: unknown, max: number, what: string): number {
  if (value === undefined || value === null) return 0
  const number = asInteger(value)
  if (number === undefined || number < 0 || number > max) {
    throw new MalformedRecord(`${what} is not a number from 0 to ${max}`)
  }
  return number
}
