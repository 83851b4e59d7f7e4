/**
 * Protobuf messages read in one walk over their bytes. Only what decides about a record is decoded, and what repeats from
 * one message to the next, endpoints above all, only once. What is unusual is left to the plain way (`message.ts`).
 */
import { readAny } from './any.ts'
import { ByteTable } from './byte-table.ts'
import { readPayload } from './decode.ts'
import { KnownEnd } from './endpoint.ts'
import type { Reading } from './flow.ts'
import type { EnumType } from './hubble-enums.ts'
import {
  authType,
  dropReason,
  flowType,
  tracePoint,
  traceReason,
  trafficDirection,
  translationPoint,
  verdict,
} from './hubble-enums.ts'
import type { MessageType } from './hubble-messages.ts'
import { flowMessage } from './hubble-messages.ts'
import type { JsonObject } from './json.ts'
import { DecodedTime, MalformedRecord } from './json.ts'
import type { MessageEncoding } from './message.ts'
import { messageToJson, readBool, readTimestamp } from './message-json.ts'
import { textOf, WireCursor } from './wire.ts'

/** Thrown where the plain way has to read a message: it holds something twice, which has to be merged. */
class Unusual extends Error {}

const unusual = new Unusual()

/** Members of a flow that decide about a record; all of them are there, so that every flow has the same shape. */
interface FlowMembers {
  time: DecodedTime | undefined
  verdict: unknown
  drop_reason: number | undefined
  IP: JsonObject | undefined
  l4: JsonObject | undefined
  source: KnownEnd | undefined
  destination: KnownEnd | undefined
  Type: unknown
  node_name: string
  source_names: string[] | undefined
  destination_names: string[] | undefined
  l7: JsonObject | undefined
  reply: boolean | undefined
  event_type: JsonObject | undefined
  traffic_direction: unknown
  policy_match_type: number | undefined
  trace_observation_point: unknown
  drop_reason_desc: unknown
  is_reply: boolean | undefined
  sock_xlate_point: unknown
  uuid: string
  auth_type: unknown
  trace_reason: unknown
  aggregate: JsonObject | undefined
  extensions: JsonObject | undefined
}

const varint = 0
const bytes = 2

/** The message types of fields that no case of {@link MessageWalker} reads: they must be messages all the same. */
const unread = unreadFields()

/** The walker. */
export class MessageWalker {
  readonly #ends = new ByteTable((range) => new KnownEnd(messageToJson(range, typeOfField(8))))
  readonly #texts = new ByteTable((range) => textOf(range, 0, range.length))
  #view: DataView = new DataView(new ArrayBuffer(0))

  /** Returns what one message says, undefined where the plain way has to find out. */
  read(message: Uint8Array, encoding: MessageEncoding): Reading | undefined {
    this.#view = new DataView(message.buffer, message.byteOffset, message.length)
    try {
      const cursor = new WireCursor(message)
      if (encoding === 'flow') return flowReading(this.#flow(cursor), '', undefined)
      return this.#answer(cursor)
    } catch (error) {
      if (error instanceof Unusual || error instanceof MalformedRecord) return undefined
      throw error
    }
  }

  /** Answers that are no flows are few enough for the plain way. */
  #answer(cursor: WireCursor): Reading | undefined {
    let flow: FlowMembers | undefined
    let node = ''
    let time: DecodedTime | undefined
    for (;;) {
      const tag = cursor.tag()
      switch (tag) {
        case 0:
          return flow === undefined ? undefined : flowReading(flow, node, time)
        case 1 * 8 + bytes:
          if (flow !== undefined) throw unusual
          flow = this.#flow(cursor.message())
          break
        case 2 * 8 + bytes:
        case 3 * 8 + bytes:
          return undefined
        case 1000 * 8 + bytes:
          node = this.#known(this.#texts, cursor)
          break
        case 1001 * 8 + bytes:
          time = timeOf(cursor.message())
          break
        default:
          cursor.skip(tag)
      }
    }
  }

  #flow(cursor: WireCursor): FlowMembers {
    const flow = emptyFlow()
    for (;;) {
      const tag = cursor.tag()
      if (tag === 0) return flow
      this.#field(flow, tag, cursor)
    }
  }

  #field(flow: FlowMembers, tag: number, cursor: WireCursor): void {
    switch (tag) {
      case 1 * 8 + bytes:
        flow.time = timeOf(cursor.message())
        break
      case 2 * 8 + varint:
        flow.verdict = enumOf(verdict, cursor)
        break
      case 3 * 8 + varint:
        flow.drop_reason = cursor.uint32() || undefined
        break
      case 5 * 8 + bytes:
        flow.IP = once(flow.IP, addressesOf(cursor.message()))
        break
      case 6 * 8 + bytes:
        flow.l4 = once(flow.l4, layer4Of(cursor.message()))
        break
      case 8 * 8 + bytes:
        flow.source = once(flow.source, this.#known(this.#ends, cursor))
        break
      case 9 * 8 + bytes:
        flow.destination = once(flow.destination, this.#known(this.#ends, cursor))
        break
      case 10 * 8 + varint:
        flow.Type = enumOf(flowType, cursor)
        break
      case 11 * 8 + bytes:
        flow.node_name = this.#known(this.#texts, cursor)
        break
      case 13 * 8 + bytes:
        flow.source_names = appended(flow.source_names, cursor.text())
        break
      case 14 * 8 + bytes:
        flow.destination_names = appended(flow.destination_names, cursor.text())
        break
      case 15 * 8 + bytes:
        flow.l7 = once(flow.l7, messageToJson(cursor.field(), typeOfField(15)))
        break
      case 16 * 8 + varint:
        flow.reply = cursor.bool() || undefined
        break
      case 19 * 8 + bytes:
        flow.event_type = once(flow.event_type, eventTypeOf(cursor.message()))
        break
      case 22 * 8 + varint:
        flow.traffic_direction = enumOf(trafficDirection, cursor)
        break
      case 23 * 8 + varint:
        flow.policy_match_type = cursor.uint32() || undefined
        break
      case 24 * 8 + varint:
        flow.trace_observation_point = enumOf(tracePoint, cursor)
        break
      case 25 * 8 + varint:
        flow.drop_reason_desc = enumOf(dropReason, cursor)
        break
      case 26 * 8 + bytes:
        flow.is_reply = readBool(cursor.message())
        break
      case 31 * 8 + varint:
        flow.sock_xlate_point = enumOf(translationPoint, cursor)
        break
      case 34 * 8 + bytes:
        flow.uuid = cursor.text()
        break
      case 35 * 8 + varint:
        flow.auth_type = enumOf(authType, cursor)
        break
      case 36 * 8 + varint:
        flow.trace_reason = enumOf(traceReason, cursor)
        break
      case 21007 * 8 + bytes:
        flow.aggregate = once(flow.aggregate, messageToJson(cursor.field(), typeOfField(21007)))
        break
      case 150000 * 8 + bytes:
        flow.extensions = readAny(cursor.message())
        break
      default:
        pass(tag, unread.get(tag), cursor)
    }
  }

  #known<Value>(table: ByteTable<Value>, cursor: WireCursor): Value {
    const start = cursor.take()
    return table.at(this.#view, start, cursor.at)
  }
}

function emptyFlow(): FlowMembers {
  return {
    time: undefined,
    verdict: undefined,
    drop_reason: undefined,
    IP: undefined,
    l4: undefined,
    source: undefined,
    destination: undefined,
    Type: undefined,
    node_name: '',
    source_names: undefined,
    destination_names: undefined,
    l7: undefined,
    reply: undefined,
    event_type: undefined,
    traffic_direction: undefined,
    policy_match_type: undefined,
    trace_observation_point: undefined,
    drop_reason_desc: undefined,
    is_reply: undefined,
    sock_xlate_point: undefined,
    uuid: '',
    auth_type: undefined,
    trace_reason: undefined,
    aggregate: undefined,
    extensions: undefined,
  }
}

/** As the envelopes of `envelope.ts` are read: the flow's own node and time come before those of the answer. */
function flowReading(flow: FlowMembers, node: string, time: DecodedTime | undefined): Reading {
  const context = {
    node: flow.node_name === '' ? node : flow.node_name,
    time: flow.time ?? time,
    cluster: '',
    path: '',
  }
  return readPayload({ kind: 'flow', flow: flow as unknown as JsonObject, context })
}

function once<Value>(before: Value | undefined, value: Value): Value {
  if (before !== undefined) throw unusual
  return value
}

function appended(list: string[] | undefined, text: string): string[] {
  if (list === undefined) return [text]
  list.push(text)
  return list
}

function enumOf({ names }: EnumType, cursor: WireCursor): unknown {
  const number = cursor.uint32() | 0
  return number === 0 ? undefined : (names[number] ?? number)
}

/** Undefined where RFC 3339 cannot spell it, since then the record has no time. */
function timeOf(cursor: WireCursor): DecodedTime | undefined {
  const time = readTimestamp(cursor)
  if (time === undefined) return undefined
  return new DecodedTime(time.seconds * 1000 + Math.floor(time.nanos / 1e6))
}

/** What stands in a message field that is not read must be a message all the same. */
function pass(tag: number, type: MessageType | undefined, cursor: WireCursor): void {
  if (type === undefined) cursor.skip(tag)
  else checkMessage(cursor.message(), type)
}

function checkMessage(cursor: WireCursor, { fields }: MessageType): void {
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return
    const type = (tag & 7) === bytes ? fields.get(tag >>> 3)?.type : undefined
    pass(tag, typeof type === 'object' && type.kind === 'message' ? type : undefined, cursor)
  }
}

function addressesOf(cursor: WireCursor): JsonObject {
  let source = ''
  let destination = ''
  let encrypted: boolean | undefined
  for (;;) {
    const tag = cursor.tag()
    switch (tag) {
      case 0:
        return { source, destination, encrypted }
      case 1 * 8 + bytes:
        source = cursor.text()
        break
      case 2 * 8 + bytes:
        destination = cursor.text()
        break
      case 4 * 8 + varint:
        encrypted = cursor.bool() || undefined
        break
      default:
        cursor.skip(tag)
    }
  }
}

function eventTypeOf(cursor: WireCursor): JsonObject {
  let type: number | undefined
  let subType: number | undefined
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return { type, sub_type: subType }
    if (tag === 1 * 8 + varint) type = cursor.uint32() | 0 || undefined
    else if (tag === 2 * 8 + varint) subType = cursor.uint32() | 0 || undefined
    else cursor.skip(tag)
  }
}

/** Ports and flags; what else a transport says is left to the table of messages. */
function layer4Of(cursor: WireCursor): JsonObject {
  const start = cursor.at
  const tag = cursor.tag()
  const name = tag === 1 * 8 + bytes ? 'TCP' : tag === 2 * 8 + bytes ? 'UDP' : undefined
  if (name === undefined) {
    return messageToJson(cursor.bytes.subarray(start, cursor.end), typeOfField(6))
  }
  const segment = portsOf(cursor.message())
  if (cursor.at < cursor.end) throw unusual
  return name === 'TCP' ? { TCP: segment } : { UDP: segment }
}

function portsOf(cursor: WireCursor): JsonObject {
  let source: number | undefined
  let destination: number | undefined
  let flags: JsonObject | undefined
  for (;;) {
    const tag = cursor.tag()
    switch (tag) {
      case 0:
        return { source_port: source, destination_port: destination, flags }
      case 1 * 8 + varint:
        source = cursor.uint32() || undefined
        break
      case 2 * 8 + varint:
        destination = cursor.uint32() || undefined
        break
      case 3 * 8 + bytes:
        flags = once(flags, flagsOf(cursor.message()))
        break
      default:
        cursor.skip(tag)
    }
  }
}

function flagsOf(cursor: WireCursor): JsonObject {
  let SYN: boolean | undefined
  let ACK: boolean | undefined
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return { SYN, ACK }
    if (tag === 2 * 8 + varint) SYN = cursor.bool() || undefined
    else if (tag === 5 * 8 + varint) ACK = cursor.bool() || undefined
    else cursor.skip(tag)
  }
}

function typeOfField(number: number): MessageType {
  const type = flowMessage.fields.get(number)?.type
  if (typeof type !== 'object' || type.kind !== 'message') throw new Error(`no message ${number}`)
  return type
}

function unreadFields(): ReadonlyMap<number, MessageType> {
  const read: readonly number[] = [5, 6, 8, 9, 15, 19, 21007]
  const found = new Map<number, MessageType>()
  for (const { number, type } of flowMessage.fields.values()) {
    if (typeof type !== 'object' || type.kind !== 'message' || read.includes(number)) continue
    found.set(number * 8 + bytes, type)
  }
  return found
}
