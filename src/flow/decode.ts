/** Reading of one record: from a parsed JSON value to oriented flows, or to the outcome that it is counted under. */
import type { RecordEnd } from './endpoint.ts'
import { clusterText, isPod, readEnd } from './endpoint.ts'
import type { Context, Payload } from './envelope.ts'
import { unwrap } from './envelope.ts'
import type { RecordEvent } from './event.ts'
import { dropCause, readEvent } from './event.ts'
import type {
  Flow,
  NamedAddress,
  NamespaceSighting,
  Outcome,
  Reading,
  VerdictKind,
} from './flow.ts'
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
import { answerNames, dnsAnswer, namesOf } from './names.ts'
import type { Orientation } from './orientation.ts'
import { forwardedKind, orient, orientIcmp, sideOf } from './orientation.ts'

const authTypes = ['DISABLED', 'SPIRE', 'TEST_ALWAYS_FAIL']

/** How many nodes one status record may name. */
const maxNodes = 16_384

/** The address under which a pod sees its own packets when it reaches itself through a service (`hubble.md` 8.19). */
export const loopbackService = '169.254.42.1'

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

/** Place and time of a record, as flows and counted readings carry them. */
export interface Place {
  readonly timeMs: number | undefined
  readonly node: string
  readonly cluster: string
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

/** A flow record whose parts are decoded. */
interface Facts {
  readonly flow: JsonObject
  readonly event: RecordEvent
  readonly place: Place
  readonly answers: readonly NamedAddress[]
}

/** A layer 4 that an edge can be made of, with its orientation. */
export interface Oriented {
  readonly orientation: Orientation
  readonly protocol: Flow['protocol']
  readonly port: number
  readonly clientPort: number
}

function readFlow(flow: JsonObject, context: Context): Reading {
  const event = readEvent(flow)
  const facts: Facts = {
    flow,
    event,
    place: placeOf(context),
    answers: answerNames(dnsAnswer(asObject(flow['l7']), event.l7Kind)),
  }
  const shape = readShape(flow, event)
  return typeof shape === 'string' ? count(shape, facts) : assemble(facts, shape)
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

/** What a flow says apart from its ends, time, place and names. */
export interface FlowShape extends Oriented {
  readonly event: RecordEvent
  readonly verdict: VerdictKind
  readonly isEncrypted: boolean
  readonly isAuthenticated: boolean
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

function assemble(facts: Facts, shape: FlowShape): Reading {
  const { flow, event, place } = facts
  const { turned } = shape.orientation
  const addresses = asObject(flow['IP'])
  const source = readEnd(flow['source'], addresses?.['source'])
  const destination = readEnd(flow['destination'], addresses?.['destination'])
  const [client, server] = turned ? [destination, source] : [source, destination]
  const isIcmp = shape.protocol.startsWith('ICMP')
  const outcome = outcomeOfEnds(client, server, event)
  if (outcome !== undefined) return count(isIcmp ? 'icmp' : outcome, facts)
  const local = { source: source.isLocal, destination: destination.isLocal }
  // Members are assigned one by one, since this runs once a record: spreading optional ones costs more than the rest.
  const found: Mutable<Flow> = {
    client: client.endpoint,
    server: server.endpoint,
    namespaces: namespacesOf(client, server),
    protocol: shape.protocol,
    port: shape.port,
    clientPort: shape.clientPort,
    side: sideOf(event, turned, local),
    verdict: shape.verdict,
    strength: shape.orientation.strength,
    certain: shape.orientation.certain,
    node: place.node,
    cluster: place.cluster,
    uuid: asBoundedText(flow['uuid'], 'the uuid'),
    flows: weightOf(flow),
    names: joined(serverNames(flow, server, turned), facts.answers),
  }
  if (client.pod !== undefined) found.clientPod = client.pod
  if (server.pod !== undefined) found.serverPod = server.pod
  if (place.timeMs !== undefined) found.timeMs = place.timeMs
  if (shape.isEncrypted) found.encrypted = true
  if (shape.isAuthenticated) found.authenticated = true
  return { kind: 'flow', flow: found }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

function joined<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  if (b.length === 0) return a
  return a.length === 0 ? b : [...a, ...b]
}

/**
 * Outcomes that the ends decide alone. Before a service's address is translated (`FROM_*`) only a pod is known to be
 * the server; whatever else stands there may be a service.
 */
function outcomeOfEnds(
  client: RecordEnd,
  server: RecordEnd,
  event: RecordEvent,
): Outcome | undefined {
  if (isSelf(client, server)) return 'self'
  const [from, to] = [entityOf(client), entityOf(server)]
  if (from === 'health' || to === 'health') return 'health'
  if (client.isMasked || server.isMasked) return 'masked'
  if (!isPod(client.endpoint) && !isPod(server.endpoint)) return 'no-pod'
  if (isUnresolved(from) || isUnresolved(to)) return 'unresolved'
  return event.point.startsWith('FROM_') && !isPod(server.endpoint) ? 'unresolved' : undefined
}

function isUnresolved(entity: string): boolean {
  return entity === 'init' || entity === 'unknown'
}

function entityOf(end: RecordEnd): string {
  return end.endpoint.kind === 'entity' ? end.endpoint.entity : ''
}

function isSelf(client: RecordEnd, server: RecordEnd): boolean {
  if (!isPod(client.endpoint) && !isPod(server.endpoint)) return false
  if (client.address !== '' && client.address === server.address) return true
  if (client.address === loopbackService || server.address === loopbackService) return true
  const name = podName(client)
  if (name === undefined || name !== podName(server)) return false
  const [a, b] = [client.endpoint, server.endpoint]
  return 'cluster' in a && 'cluster' in b && a.cluster === b.cluster && a.namespace === b.namespace
}

function podName({ endpoint, pod }: RecordEnd): string | undefined {
  return endpoint.kind === 'named' ? endpoint.name : pod?.name
}

/** Returns what tells the pod at an end from all others, undefined where the record does not name one. */
export function podKey(end: RecordEnd): string | undefined {
  const { endpoint, pod } = end
  if (endpoint.kind === 'named')
    return [endpoint.cluster, endpoint.namespace, endpoint.name].join('/')
  if (endpoint.kind !== 'pod' || pod === undefined) return undefined
  return [endpoint.cluster, endpoint.namespace, pod.name].join('/')
}

/** Names of the server only: the client's are those of nobody that it could be reached by. */
function serverNames(
  flow: JsonObject,
  server: RecordEnd,
  turned: boolean,
): readonly NamedAddress[] {
  if (server.endpoint.kind !== 'address') return []
  const list = turned
    ? member(flow, 'source_names', 'sourceNames')
    : member(flow, 'destination_names', 'destinationNames')
  return namesOf(list, server.address)
}

function namespacesOf(client: RecordEnd, server: RecordEnd): readonly NamespaceSighting[] {
  const first = client.namespace
  const second = server.namespace
  if (first === undefined) return second === undefined ? [] : [second]
  if (second === undefined || isSameSighting(first, second)) return [first]
  return [first, second]
}

function isSameSighting(a: NamespaceSighting, b: NamespaceSighting): boolean {
  if (a === b) return true
  return (
    a.cluster === b.cluster &&
    a.namespace === b.namespace &&
    a.labels.join('\n') === b.labels.join('\n')
  )
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

function count(outcome: Outcome, facts: Facts): Reading {
  return counted(outcome, facts.place, facts.answers)
}

function counted(outcome: Outcome, place: Place, names: readonly NamedAddress[] = []): Reading {
  return {
    kind: 'counted',
    outcome,
    ...(place.timeMs === undefined ? {} : { timeMs: place.timeMs }),
    node: place.node,
    cluster: place.cluster,
    ...(names.length === 0 ? {} : { names }),
  }
}

function malformed(reason: string): Reading {
  return { kind: 'counted', outcome: 'malformed', node: '', cluster: '', reason }
}
