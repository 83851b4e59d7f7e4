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
const loopbackService = '169.254.42.1'

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
interface Place {
  readonly timeMs: number | undefined
  readonly node: string
  readonly cluster: string
}

function placeOf(context: Context): Place {
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
interface Oriented {
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
  if (isSocket(event)) return count('sock', facts)
  if (event.type === 'other') return count('other-event', facts)
  const layer4 = asObject(flow['l4'])
  const isIcmp = layer4 !== undefined && ('ICMPv4' in layer4 || 'ICMPv6' in layer4)
  if (event.reason === 'RELATED' && !isIcmp) return count('other-event', facts)
  if (event.verdict === 'not-forwarded') return count('not-forwarded', facts)
  const verdict = droppedKind(flow, event)
  if (verdict === 'dropped-other') return count(verdict, facts)
  const oriented = orientLayer4(readLayer4(flow['l4']), event)
  return typeof oriented === 'string' ? count(oriented, facts) : assemble(facts, oriented, verdict)
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

function assemble(facts: Facts, oriented: Oriented, dropped: VerdictKind | undefined): Reading {
  const { flow, event, place } = facts
  const { turned } = oriented.orientation
  const addresses = asObject(flow['IP'])
  const source = readEnd(flow['source'], addresses?.['source'])
  const destination = readEnd(flow['destination'], addresses?.['destination'])
  const [client, server] = turned ? [destination, source] : [source, destination]
  const isIcmp = oriented.protocol.startsWith('ICMP')
  const outcome = outcomeOfEnds(client, server, event)
  if (outcome !== undefined) return count(isIcmp ? 'icmp' : outcome, facts)
  const local = { source: source.isLocal, destination: destination.isLocal }
  // Members are assigned one by one, since this runs once a record: spreading optional ones costs more than the rest.
  const found: Mutable<Flow> = {
    client: client.endpoint,
    server: server.endpoint,
    namespaces: namespacesOf(client, server),
    protocol: oriented.protocol,
    port: oriented.port,
    clientPort: oriented.clientPort,
    side: sideOf(event, turned, local),
    verdict: dropped ?? forwardedKind(event, turned),
    strength: oriented.orientation.strength,
    certain: oriented.orientation.certain,
    node: place.node,
    cluster: place.cluster,
    uuid: asBoundedText(flow['uuid'], 'the uuid'),
    flows: weightOf(flow),
    names: joined(serverNames(flow, server, turned), facts.answers),
  }
  if (client.pod !== undefined) found.clientPod = client.pod
  if (server.pod !== undefined) found.serverPod = server.pod
  if (place.timeMs !== undefined) found.timeMs = place.timeMs
  if (addresses?.['encrypted'] === true) found.encrypted = true
  if (isAuthenticated(flow)) found.authenticated = true
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
