/** Which end of a record is the client, how sure that is, and where it was observed (`hubble.md` 6 and 10). */
import type { RecordEvent } from './event.ts'
import type { Side, Strength, VerdictKind } from './flow.ts'
import type { IcmpLayer4, PortedLayer4 } from './layer4.ts'

/** The orientation of one record. */
export interface Orientation {
  /** True when the packet went from the server to the client. */
  readonly turned: boolean
  readonly strength: Strength
  /** True where the packet itself proves it. */
  readonly certain: boolean
}

const opening: Orientation = { turned: false, strength: 'strong', certain: true }
const proxied: Orientation = { turned: true, strength: 'reply', certain: true }
const reply: Orientation = { turned: true, strength: 'reply', certain: false }

function asIs(strength: Strength): Orientation {
  return { turned: false, strength, certain: false }
}

/** Requests and answers of the ICMP pairs, by protocol: an answer is turned round to the type of its request. */
const icmpPairs: Readonly<Record<IcmpLayer4['protocol'], ReadonlyMap<number, number>>> = {
  ICMPv4: new Map([
    [0, 8],
    [14, 13],
    [16, 15],
    [18, 17],
  ]),
  ICMPv6: new Map([[129, 128]]),
}

/**
 * Returns the orientation of a record with ports, or undefined where nothing tells it. Flags decide before the reply
 * flag: connection tracking may be wrong about a packet, its flags are not.
 */
export function orient(event: RecordEvent, layer4: PortedLayer4): Orientation | undefined {
  if (layer4.handshake === 'open') return opening
  if (event.point.startsWith('FROM_')) return undefined
  if (event.type === 'l7') return orientProxied(event)
  if (layer4.handshake === 'accept') return proxied
  if (event.isReply === true) return reply
  return layer4.protocol === 'TCP' ? orientTcp(event) : orientDatagram(event)
}

/** Returns the orientation of an ICMP message, and the type that its communication is known by. */
export function orientIcmp(
  event: RecordEvent,
  message: IcmpLayer4,
): { readonly orientation: Orientation; readonly type: number } {
  const pairs = icmpPairs[message.protocol]
  const request = pairs.get(message.type)
  if (request !== undefined) return { orientation: reply, type: request }
  const isRequest = [...pairs.values()].includes(message.type)
  if (event.isReply === true && !isRequest) return { orientation: reply, type: message.type }
  return { orientation: asIs(isRequest ? 'strong' : 'medium'), type: message.type }
}

/**
 * Returns the side on which a record was observed. `traffic_direction` is believed on drops, policy verdicts and
 * proxied records only: on traces some versions print it wrong (`hubble.md` 6.3), so there the side follows from the
 * observation point and from which end is local to the node.
 */
export function sideOf(
  event: RecordEvent,
  turned: boolean,
  local: { readonly source: boolean; readonly destination: boolean },
): Side {
  switch (event.type) {
    case 'l7':
      return event.direction === 'unknown' ? 'none' : event.direction
    case 'verdict':
    case 'drop':
      return packetSide(directionOrLocal(event, local), turned)
    case 'trace':
      return packetSide(traceDirection(event, local), turned)
    default:
      return 'none'
  }
}

/** Returns what kind of verdict a record that was not dropped carries. */
export function forwardedKind(event: RecordEvent, turned: boolean): VerdictKind {
  if (event.verdict === 'AUDIT') return 'audit'
  if (event.type === 'l7') return 'l7'
  if (event.type === 'verdict') return 'verdict'
  return event.point === 'TO_ENDPOINT' && !turned ? 'delivery' : 'trace'
}

function orientProxied(event: RecordEvent): Orientation | undefined {
  if (event.l7Kind === 'RESPONSE') return proxied
  if (event.l7Kind === 'REQUEST') return opening
  if (event.isReply === undefined) return undefined
  return event.isReply ? proxied : opening
}

/** A policy verdict is made for the first packet that connection tracking does not know, which may be a late one. */
function orientTcp(event: RecordEvent): Orientation | undefined {
  if (event.type === 'verdict' || event.verdict === 'DROPPED') return asIs('weak')
  return event.isReply === false ? asIs('medium') : undefined
}

function orientDatagram(event: RecordEvent): Orientation | undefined {
  if (event.type === 'verdict') return asIs('strong')
  if (event.verdict === 'DROPPED') return asIs('medium')
  if (event.isReply !== false) return undefined
  return asIs(event.reason === 'NEW' ? 'strong' : 'medium')
}

/** The direction of the packet at the end that observed it; the connection's runs the other way for a reply. */
type PacketDirection = 'out' | 'in' | 'unknown'

function packetSide(direction: PacketDirection, turned: boolean): Side {
  if (direction === 'unknown') return 'none'
  return (direction === 'out') === turned ? 'ingress' : 'egress'
}

function directionOrLocal(
  event: RecordEvent,
  local: { readonly source: boolean; readonly destination: boolean },
): PacketDirection {
  if (event.direction === 'egress') return 'out'
  if (event.direction === 'ingress') return 'in'
  if (local.source === local.destination) return 'unknown'
  return local.source ? 'out' : 'in'
}

function traceDirection(
  event: RecordEvent,
  local: { readonly source: boolean; readonly destination: boolean },
): PacketDirection {
  if (event.point === 'TO_ENDPOINT') return 'in'
  if (event.point === 'FROM_ENDPOINT') return 'out'
  if (event.point.startsWith('FROM_') || event.point === '') return 'unknown'
  if (local.source) return 'out'
  return event.point === 'TO_PROXY' && local.destination ? 'in' : 'unknown'
}
