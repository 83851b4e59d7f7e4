/** Reading of one record: from a parsed JSON value to oriented flows, or to the outcome that it is counted under. */
import type { FlowShape, Oriented, Place } from './assemble.ts'
import { assembleFlow, counted } from './assemble.ts'
import { clusterText, readEnd } from './endpoint.ts'
import type { Context, Payload } from './envelope.ts'
import { unwrap } from './envelope.ts'
import type { RecordEvent } from './event.ts'
import { dropCause, readEvent } from './event.ts'
import type { Outcome, Reading, VerdictKind } from './flow.ts'
import type { JsonObject } from './json.ts'
import {
  asArray,
  asBoundedText,
  asInteger,
  asObject,
  asText,
  enumName,
  MalformedRecord,
  maxTextLength,
  member,
  timeMsOf,
} from './json.ts'
import type { Layer4 } from './layer4.ts'
import { readLayer4 } from './layer4.ts'
import { answerNames, dnsAnswer } from './names.ts'
import { forwardedKind, orient, orientIcmp } from './orientation.ts'
import { requestOf } from './requests.ts'

const authTypes = ['DISABLED', 'SPIRE', 'TEST_ALWAYS_FAIL']

/** How many nodes one status record may name. */
const maxNodes = 16_384

const lostSources = [
  'UNKNOWN_LOST_EVENT_SOURCE',
  'PERF_EVENT_RING_BUFFER',
  'OBSERVER_EVENTS_QUEUE',
  'HUBBLE_RING_BUFFER',
]

const nodeStates = [
  'UNKNOWN_NODE_STATE',
  'NODE_CONNECTED',
  'NODE_UNAVAILABLE',
  'NODE_GONE',
  'NODE_ERROR',
]

/**
 * Returns what one record says: usually one reading, several for a wrapper that holds several records, at least one
 * for any value. Never throws: what nobody can read is counted as `malformed`, with the reason.
 */
export function readRecord(value: unknown): readonly Reading[] {
  return unwrap(value).map(readPayload)
}

/** Parsed text of a record, or why it is none. */
export type ParsedRecord =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string }

const utf8 = new TextDecoder()

/** Returns the value that the text of a record spells. The reason of a failure quotes nothing of the record. */
export function parseRecord(text: Uint8Array | string): ParsedRecord {
  try {
    return { ok: true, value: JSON.parse(typeof text === 'string' ? text : utf8.decode(text)) }
  } catch {
    return { ok: false, reason: 'not valid JSON' }
  }
}

/** Returns what one event says. Never throws. */
export function readPayload(payload: Payload): Reading {
  try {
    switch (payload.kind) {
      case 'flow':
        return readFlow(payload.flow, payload.context)
      case 'lost-events':
        return readLostEvents(payload.lost, payload.context)
      case 'node-status':
        return readNodeStatus(payload.status)
      case 'malformed':
        return malformed(payload.reason)
      case 'other':
        return counted('other-event', placeOf(payload.context))
    }
  } catch (error) {
    if (error instanceof MalformedRecord) return malformed(error.message)
    throw error
  }
}

function readLostEvents(lost: JsonObject, context: Context): Reading {
  const count = asInteger(member(lost, 'num_events_lost', 'numEventsLost') ?? 0)
  if (count === undefined || count < 0) {
    throw new MalformedRecord('the number of lost events is not a whole number')
  }
  const { timeMs, node } = placeOf(context)
  return {
    kind: 'lost-events',
    count: Math.min(count, Number.MAX_SAFE_INTEGER),
    lostSource: enumName(lost['source'], lostSources).slice(0, maxTextLength),
    node,
    ...(timeMs === undefined ? {} : { timeMs }),
  }
}

function readNodeStatus(status: JsonObject): Reading {
  return {
    kind: 'node-status',
    state: enumName(member(status, 'state_change', 'stateChange'), nodeStates).slice(
      0,
      maxTextLength,
    ),
    nodes: asArray(member(status, 'node_names', 'nodeNames'))
      .slice(0, maxNodes)
      .map((name) => asBoundedText(name, 'a node name')),
    message: asText(status['message']).slice(0, maxTextLength),
  }
}

/**
 * Returns the place and time that envelopes say.
 * @throws {MalformedRecord} when a name is too long.
 */
export function placeOf(context: Context): Place {
  const node = asBoundedText(context.node, 'a node name')
  const slash = node.indexOf('/')
  const cluster = slash > 0 ? node.slice(0, slash) : context.cluster
  return {
    timeMs: timeMsOf(context.time),
    node,
    cluster: clusterText(asBoundedText(cluster, 'a cluster name')),
  }
}

function readFlow(flow: JsonObject, context: Context): Reading {
  const event = readEvent(flow)
  const place = placeOf(context)
  const l7 = asObject(flow['l7'])
  const answers = answerNames(dnsAnswer(l7, event.l7Kind))
  const shape = readShape(flow, event)
  if (typeof shape === 'string') return counted(shape, place, answers)
  const addresses = asObject(flow['IP'])
  return assembleFlow({
    shape,
    port: shape.port,
    clientPort: shape.clientPort,
    place,
    source: readEnd(flow['source'], addresses?.['source']),
    destination: readEnd(flow['destination'], addresses?.['destination']),
    sourceNames: member(flow, 'source_names', 'sourceNames'),
    destinationNames: member(flow, 'destination_names', 'destinationNames'),
    request: event.l7Kind === 'REQUEST' ? requestOf(l7) : undefined,
    answers,
    uuid: flow['uuid'],
    flows: weightOf(flow),
  })
}

/**
 * Returns what a flow says apart from its ends, time, place and names, or the outcome that it is counted under whatever
 * these are.
 * @throws {MalformedRecord} as {@link readLayer4} does.
 */
export function readShape(flow: JsonObject, event: RecordEvent): FlowShape | Outcome {
  if (isSocket(event)) return 'sock'
  if (event.type === 'other') return 'other-event'
  const layer4 = asObject(flow['l4'])
  const isIcmp = layer4 !== undefined && ('ICMPv4' in layer4 || 'ICMPv6' in layer4)
  if (event.reason === 'RELATED' && !isIcmp) return 'other-event'
  if (event.verdict === 'not-forwarded') return 'not-forwarded'
  const dropped = droppedKind(flow, event)
  if (dropped === 'dropped-other') return dropped
  const oriented = orientLayer4(readLayer4(flow['l4']), event)
  if (typeof oriented === 'string') return oriented
  return {
    ...oriented,
    event,
    verdict: dropped ?? forwardedKind(event, oriented.orientation.turned),
    isEncrypted: asObject(flow['IP'])?.['encrypted'] === true,
    isAuthenticated: isAuthenticated(flow),
  }
}

function isSocket(event: RecordEvent): boolean {
  return event.type === 'sock' || event.verdict === 'TRACED' || event.verdict === 'TRANSLATED'
}

/** Undefined for what was not dropped. */
function droppedKind(
  flow: JsonObject,
  event: RecordEvent,
): VerdictKind | 'dropped-other' | undefined {
  if (event.verdict !== 'DROPPED') return undefined
  const cause = dropCause(flow, event.type)
  return cause === 'other' ? 'dropped-other' : cause
}

function orientLayer4(layer4: Layer4 | undefined, event: RecordEvent): Oriented | Outcome {
  if (layer4 === undefined) return 'masked'
  if (layer4.kind === 'other') return 'other-event'
  if (layer4.kind === 'icmp') {
    const { orientation, type } = orientIcmp(event, layer4)
    return { orientation, protocol: layer4.protocol, port: type, clientPort: 0 }
  }
  if (layer4.destinationPort === 0) return 'masked'
  const orientation = orient(event, layer4)
  if (orientation === undefined) return 'cannot-orient'
  const { sourcePort, destinationPort, protocol } = layer4
  const [clientPort, port] = orientation.turned
    ? [destinationPort, sourcePort]
    : [sourcePort, destinationPort]
  return port === 0 ? 'masked' : { orientation, protocol, port, clientPort }
}

/** `SPIRE` is the one kind of mutual authentication that there is; `TEST_ALWAYS_FAIL` proves nothing. */
function isAuthenticated(flow: JsonObject): boolean {
  return enumName(member(flow, 'auth_type', 'authType'), authTypes) === 'SPIRE'
}

/** The exporter's aggregated lines say how many flows they stand for. */
function weightOf(flow: JsonObject): number {
  const aggregate = asObject(flow['aggregate'])
  if (aggregate === undefined) return 1
  const counts = [
    member(aggregate, 'ingress_flow_count', 'ingressFlowCount'),
    member(aggregate, 'egress_flow_count', 'egressFlowCount'),
    member(aggregate, 'unknown_direction_flow_count', 'unknownDirectionFlowCount'),
  ]
  const sum = counts.reduce<number>((total, value) => total + Math.max(asInteger(value) ?? 0, 0), 0)
  return Math.min(Math.max(sum, 1), Number.MAX_SAFE_INTEGER)
}

function malformed(reason: string): Reading {
  return { kind: 'counted', outcome: 'malformed', node: '', cluster: '', reason }
}
