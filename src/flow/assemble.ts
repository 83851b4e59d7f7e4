/** One flow put together from its decoded parts: which end is the client, and what the ends alone decide. */
import type { RecordEnd } from './endpoint.ts'
import { isPod } from './endpoint.ts'
import type { RecordEvent } from './event.ts'
import type {
  Flow,
  NamedAddress,
  NamespaceSighting,
  Outcome,
  Reading,
  VerdictKind,
} from './flow.ts'
import { asBoundedText } from './json.ts'
import { namesOf } from './names.ts'
import type { Orientation } from './orientation.ts'
import { sideOf } from './orientation.ts'
import type { ProxiedRequest } from './requests.ts'

/** The address under which a pod sees its own packets when it reaches itself through a service (`hubble.md` 8.19). */
export const loopbackService = '169.254.42.1'

/** Place and time of a record, as flows and counted readings carry them. */
export interface Place {
  readonly timeMs: number | undefined
  readonly node: string
  readonly cluster: string
}

/** A layer 4 that an edge can be made of, with its orientation. */
export interface Oriented {
  readonly orientation: Orientation
  readonly protocol: Flow['protocol']
  readonly port: number
  readonly clientPort: number
}

/** What a flow says apart from its ends, time, place and names. */
export interface FlowShape extends Oriented {
  readonly event: RecordEvent
  readonly verdict: VerdictKind
  readonly isEncrypted: boolean
  readonly isAuthenticated: boolean
}

/** The parts of a flow, decoded. */
export interface FlowParts {
  readonly shape: FlowShape
  /** Those of the shape, unless many flows share it. */
  readonly port: number
  readonly clientPort: number
  readonly place: Place
  readonly source: RecordEnd
  readonly destination: RecordEnd
  readonly sourceNames: unknown
  readonly destinationNames: unknown
  /** What a proxy's record asked for. */
  readonly request?: ProxiedRequest | undefined
  /** What a DNS answer says. */
  readonly answers: readonly NamedAddress[]
  readonly uuid: unknown
  /** How many flows the record stands for. */
  readonly flows: number
}

/**
 * Returns what a flow says, or the outcome that its ends decide.
 * @throws {MalformedRecord} when the uuid is too long.
 */
export function assembleFlow(parts: FlowParts): Reading {
  const { shape, place, source, destination, answers } = parts
  const { event, orientation } = shape
  const { turned } = orientation
  const client = turned ? destination : source
  const server = turned ? source : destination
  const outcome = outcomeOfEnds(client, server, event)
  if (outcome !== undefined) {
    return counted(shape.protocol.startsWith('ICMP') ? 'icmp' : outcome, place, answers)
  }
  const known = serverNames(parts, server)
  const local = { source: source.isLocal, destination: destination.isLocal }
  // Members are assigned one by one, since this runs once a record: spreading optional ones costs more than the rest.
  const found: Mutable<Flow> = {
    client: client.endpoint,
    server: server.endpoint,
    namespaces: namespacesOf(client, server),
    protocol: shape.protocol,
    port: parts.port,
    clientPort: parts.clientPort,
    side: sideOf(event, turned, local),
    verdict: shape.verdict,
    strength: orientation.strength,
    certain: orientation.certain,
    node: place.node,
    cluster: place.cluster,
    uuid: asBoundedText(parts.uuid, 'the uuid'),
    flows: parts.flows,
    names: joined(known, answers),
    serverNames: known.length === 0 ? noNames : known.map(({ name }) => name),
  }
  if (client.pod !== undefined) found.clientPod = client.pod
  if (server.pod !== undefined) found.serverPod = server.pod
  if (place.timeMs !== undefined) found.timeMs = place.timeMs
  if (parts.request !== undefined) found.request = parts.request
  if (event.verdict === 'REDIRECTED' && event.type === 'verdict') found.redirected = true
  if (shape.isEncrypted) found.encrypted = true
  if (shape.isAuthenticated) found.authenticated = true
  return { kind: 'flow', flow: found }
}

const noNames: readonly string[] = []

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
  if (endpoint.kind === 'named') return `${endpoint.cluster}/${endpoint.namespace}/${endpoint.name}`
  if (endpoint.kind !== 'pod' || pod === undefined) return undefined
  return `${endpoint.cluster}/${endpoint.namespace}/${pod.name}`
}

/** Names of the server only: the client's are those of nobody that it could be reached by. */
function serverNames(parts: FlowParts, server: RecordEnd): readonly NamedAddress[] {
  if (server.endpoint.kind !== 'address') return []
  const { turned } = parts.shape.orientation
  return namesOf(turned ? parts.sourceNames : parts.destinationNames, server.address)
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

/** Returns what a record is that is counted under an outcome, and no more. */
export function counted(
  outcome: Outcome,
  place: Place,
  names: readonly NamedAddress[] = [],
): Reading {
  return {
    kind: 'counted',
    outcome,
    ...(place.timeMs === undefined ? {} : { timeMs: place.timeMs }),
    node: place.node,
    cluster: place.cluster,
    ...(names.length === 0 ? {} : { names }),
  }
}
