/** Unwrapping of records: every form in which collectors pass Hubble events on (`hubble.md` 5). */
import type { JsonObject } from './json.ts'
import { asObject, member } from './json.ts'
import { otlpBodies } from './otlp.ts'

/** Where an event was reported, as its envelopes say. */
export interface Context {
  readonly node: string
  readonly time: unknown
  readonly cluster: string
  /** The members that the event was wrapped in, outermost first and joined by dots. */
  readonly path: string
}

/** One event of a record, or why there is none. */
export type Payload =
  | { readonly kind: 'flow'; readonly flow: JsonObject; readonly context: Context }
  | { readonly kind: 'lost-events'; readonly lost: JsonObject; readonly context: Context }
  | { readonly kind: 'node-status'; readonly status: JsonObject; readonly context: Context }
  /** Something known that is no flow: an agent's event or log line, an empty answer. */
  | { readonly kind: 'other'; readonly context: Context }
  | { readonly kind: 'malformed'; readonly reason: string }

/** Members of an envelope that say where and when an event was reported. */
const contextMembers = ['node_name', 'nodeName', 'cluster_name', 'clusterName', 'time'] as const

/** How deep wrappers may be nested in each other. */
const maxWrappers = 6

/** How many records one value may hold; a file of them is a container, whose elements come one by one. */
const maxPayloads = 100_000

const noContext: Context = { node: '', time: undefined, cluster: '', path: '' }

/** Members that hold one record, or several, as an object or as JSON text; the first that does counts. */
const wrapperMembers = [
  'log',
  'message',
  '_source',
  'line',
  'result',
  'data',
  'streams',
  'values',
  'hits',
] as const

/**
 * Members that hold a record in what shippers send over a bus (`kafka.md` 1.3), and something else in other documents:
 * what they hold counts only where it is a record.
 */
const otherWrapperMembers = [
  'msg',
  'event',
  'payload',
  'body',
  'value',
  'record',
  'fields',
  'log_processed',
] as const

/** The prefix that container runtimes put before a line of log: time, stream, and `F` or `P` for a partial line. */
export const criPrefix: RegExp =
  /^\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?::\S*)?(?: |$)/

/** Returns the events that a parsed record holds: at least one. */
export function unwrap(value: unknown): readonly Payload[] {
  const found: Payload[] = []
  collect(value, noContext, 0, found)
  return found.length > 0 ? found : [{ kind: 'other', context: noContext }]
}

function collect(value: unknown, context: Context, depth: number, found: Payload[]): void {
  if (found.length > maxPayloads) return
  if (found.length === maxPayloads) {
    found.push(malformed(`more than ${maxPayloads} records in one value`))
  } else if (depth > maxWrappers) {
    found.push(malformed(`wrapped more than ${maxWrappers} times`))
  } else if (typeof value === 'string') {
    collectText(value, context, depth, found)
  } else if (Array.isArray(value)) {
    collectArray(value, context, depth, found)
  } else {
    const object = asObject(value)
    if (object === undefined) found.push(malformed(`a ${typeName(value)}, not a record`))
    else collectObject(object, context, depth, found)
  }
}

function collectText(text: string, context: Context, depth: number, found: Payload[]): void {
  const line = text.replace(criPrefix, '').trim()
  const json = startsJson(line) ? line : (logfmtMessage(line) ?? line)
  if (!startsJson(json)) {
    found.push(malformed('a text that is not JSON'))
    return
  }
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    found.push(malformed('a text that is not valid JSON'))
    return
  }
  collect(value, context, depth + 1, found)
}

function startsJson(text: string): boolean {
  return text.startsWith('{') || text.startsWith('[')
}

/** Returns the message of a line such as `level=info msg="{\"flow\":...}"`, as agents print events, or undefined. */
export function logfmtMessage(line: string): string | undefined {
  const quoted = /(?:^|\s)msg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1]
  if (quoted === undefined) return undefined
  try {
    const message: unknown = JSON.parse(quoted)
    return typeof message === 'string' ? message.trim() : undefined
  } catch {
    return undefined
  }
}

/** Loki gives each line as a pair of a time in nanoseconds and the text. */
function collectArray(
  list: readonly unknown[],
  context: Context,
  depth: number,
  found: Payload[],
): void {
  const [first, second] = list
  if (typeof first === 'string' && typeof second === 'string' && /^\d{1,20}$/.test(first)) {
    collectText(second, context, depth, found)
    return
  }
  for (const element of list) collect(element, context, depth + 1, found)
}

function collectObject(object: JsonObject, outer: Context, depth: number, found: Payload[]): void {
  const context = contextOf(object, outer)
  const payload = eventOf(object, context)
  if (payload !== undefined) {
    found.push(payload)
    return
  }
  if (typeof object['flow'] === 'string') {
    collectText(object['flow'], within(context, 'flow'), depth, found)
    return
  }
  const bodies = otlpBodies(object)
  if (bodies.length > 0) {
    for (const body of bodies) collect(body, within(context, 'resourceLogs'), depth + 1, found)
    return
  }
  for (const payload of wrapped(object, context, depth)) found.push(payload)
}

/**
 * Returns the text that is all that matters of a wrapper: where it is one flow, reading it alone gives what reading the
 * wrapper gives. Undefined where the wrapper says more, or wraps something else.
 */
export function wrappedText(value: unknown): string | undefined {
  const object = asObject(value)
  if (object === undefined || saysMore(object)) return undefined
  for (const name of [...wrapperMembers, ...otherWrapperMembers]) {
    const inner = object[name]
    if (!isWrapped(inner)) continue
    const text = typeof inner === 'string' ? inner.trim() : ''
    if (text.startsWith('{')) return /\p{Surrogate}/u.test(text) ? undefined : text
    if (insideOf(object, name, noContext, 0).some(isEvent)) return undefined
  }
  return undefined
}

/** Whether an object is more than a wrapper: an event, a list of them, or what tells node, time or cluster of one. */
function saysMore(object: JsonObject): boolean {
  return (
    contextMembers.some((name) => object[name] !== undefined) ||
    eventOf(object, noContext) !== undefined ||
    typeof object['flow'] === 'string' ||
    otlpBodies(object).length > 0
  )
}

/** A shipper's own member may have the name of one that others wrap records in: filebeat's `log` beside `message`. */
function wrapped(object: JsonObject, context: Context, depth: number): readonly Payload[] {
  let first: readonly Payload[] | undefined
  for (const name of wrapperMembers) {
    if (!isWrapped(object[name])) continue
    const payloads = insideOf(object, name, context, depth)
    if (payloads.some(isEvent)) return payloads
    first ??= payloads
  }
  for (const name of otherWrapperMembers) {
    if (!isWrapped(object[name])) continue
    const payloads = insideOf(object, name, context, depth)
    if (payloads.some(isEvent)) return payloads
  }
  return first ?? [unknownObject(object, context)]
}

function insideOf(object: JsonObject, name: string, context: Context, depth: number): Payload[] {
  const found: Payload[] = []
  collect(object[name], within(context, name), depth + 1, found)
  return found
}

function isEvent({ kind }: Payload): boolean {
  return kind !== 'malformed'
}

function within(context: Context, name: string): Context {
  return { ...context, path: context.path === '' ? name : `${context.path}.${name}` }
}

function eventOf(object: JsonObject, context: Context): Payload | undefined {
  const flow = asObject(object['flow'])
  if (flow !== undefined) return { kind: 'flow', flow, context: contextOf(flow, context, true) }
  const lost = asObject(member(object, 'lost_events', 'lostEvents'))
  if (lost !== undefined) return { kind: 'lost-events', lost, context }
  const status = asObject(member(object, 'node_status', 'nodeStatus'))
  if (status !== undefined) return { kind: 'node-status', status, context }
  if (isAgentEvent(object)) return { kind: 'other', context }
  return isFlow(object) ? { kind: 'flow', flow: object, context } : undefined
}

function isAgentEvent(object: JsonObject): boolean {
  return (
    asObject(member(object, 'agent_event', 'agentEvent')) !== undefined ||
    asObject(member(object, 'debug_event', 'debugEvent')) !== undefined
  )
}

/** A flow without envelope; `source` alone would also fit a log shipper's own members. */
function isFlow(object: JsonObject): boolean {
  return (
    asObject(object['l4']) !== undefined ||
    asObject(object['IP']) !== undefined ||
    asObject(member(object, 'event_type', 'eventType')) !== undefined ||
    (asObject(object['source']) !== undefined && asObject(object['destination']) !== undefined) ||
    (object['verdict'] !== undefined && (object['time'] ?? object['Type']) !== undefined)
  )
}

function isWrapped(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null)
}

/** An event kind that a later version adds has an envelope and a member of a name that nobody knows. */
function unknownObject(object: JsonObject, context: Context): Payload {
  const hasEnvelope = member(object, 'node_name', 'nodeName') !== undefined
  const isLogLine = typeof object['level'] === 'string' && typeof object['msg'] === 'string'
  if (hasEnvelope || isLogLine) return { kind: 'other', context }
  if (typeof object['apiVersion'] === 'string' && typeof object['kind'] === 'string') {
    return malformed('a Kubernetes object, not a flow')
  }
  return malformed('an object that is no Hubble event')
}

function contextOf(object: JsonObject, outer: Context, isFlowItself = false): Context {
  const node = member(object, 'node_name', 'nodeName')
  const cluster = isFlowItself ? undefined : member(object, 'cluster_name', 'clusterName')
  return {
    node: typeof node === 'string' && node !== '' ? node : outer.node,
    time: typeof object['time'] === 'string' ? object['time'] : outer.time,
    cluster: typeof cluster === 'string' && cluster !== '' ? cluster : outer.cluster,
    path: outer.path,
  }
}

function malformed(reason: string): Payload {
  return { kind: 'malformed', reason }
}

function typeName(value: unknown): string {
  return value === null ? 'null' : typeof value
}
