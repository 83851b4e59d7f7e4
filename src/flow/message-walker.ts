/**
 * Protobuf messages read in one walk over their bytes. Only what decides about a record is decoded, and what repeats from
 * one message to the next, endpoints above all, only once. What is unusual is left to the plain way (`message.ts`).
 */
import { canonicalAddress } from '../ip.ts'
import { readAny } from './any.ts'
import type { Place } from './assemble.ts'
import { assembleFlow, counted } from './assemble.ts'
import { ByteTable } from './byte-table.ts'
import { placeOf, readPayload } from './decode.ts'
import type { RecordEnd } from './endpoint.ts'
import { KnownEnd, readEnd } from './endpoint.ts'
import type { Context } from './envelope.ts'
import type { Reading } from './flow.ts'
import type { JsonObject } from './json.ts'
import { DecodedTime, MalformedRecord } from './json.ts'
import type { MessageEncoding } from './message.ts'
import { messageToJson, readBool, readTimestamp } from './message-json.ts'
import { membersOf, parts, ShapeTable } from './message-shape.ts'
import { passOver, typeOfField } from './passed-fields.ts'
import { wireBytes as bytes, textOf, wireVarint as varint, WireCursor } from './wire.ts'

/** Thrown where the plain way has to read a message: it holds something twice, which has to be merged. */
class Unusual extends Error {}

const unusual = new Unusual()

/** What the walk finds of one flow, apart from the numbers of its shape. */
class Found {
  timeMs = Number.NaN
  place: Place | undefined
  hasIp = false
  hasLayer4 = false
  sourceAddress = ''
  destinationAddress = ''
  sourcePort = 0
  destinationPort = 0
  source: KnownEnd | undefined
  destination: KnownEnd | undefined
  sourceNames: string[] | undefined
  destinationNames: string[] | undefined
  uuid = ''
  /** What has no place among the numbers, by its name in the JSON form. */
  rest: Record<string, JsonObject | undefined> | undefined

  clear(): void {
    this.timeMs = Number.NaN
    this.place = undefined
    this.hasIp = false
    this.hasLayer4 = false
    this.sourceAddress = ''
    this.destinationAddress = ''
    this.sourcePort = 0
    this.destinationPort = 0
    this.source = undefined
    this.destination = undefined
    this.sourceNames = undefined
    this.destinationNames = undefined
    this.uuid = ''
    this.rest = undefined
  }
}

const noContext: Context = { node: '', time: undefined, cluster: '', path: '' }

const noPlace: Place = { timeMs: undefined, node: '', cluster: '' }

/** The walker. */
export class MessageWalker {
  readonly #ends = new ByteTable((range) => new KnownEnd(messageToJson(range, typeOfField(8))))
  readonly #addresses = new ByteTable(
    (range) => canonicalAddress(textOf(range, 0, range.length)) ?? '',
  )
  readonly #places = new ByteTable((range) =>
    placeOf({ ...noContext, node: textOf(range, 0, range.length) }),
  )
  readonly #shapes = new ShapeTable()
  readonly #found = new Found()
  #view: DataView = new DataView(new ArrayBuffer(0))

  /** Returns what one message says, undefined where the plain way has to find out. */
  read(message: Uint8Array, encoding: MessageEncoding): Reading | undefined {
    this.#view = new DataView(message.buffer, message.byteOffset, message.length)
    try {
      const cursor = new WireCursor(message)
      if (encoding !== 'flow') return this.#answer(cursor)
      this.#flow(cursor)
      return this.#reading(noPlace, Number.NaN)
    } catch (error) {
      if (error instanceof Unusual || error instanceof MalformedRecord) return undefined
      throw error
    }
  }

  /** Answers that are no flows are few enough for the plain way. */
  #answer(cursor: WireCursor): Reading | undefined {
    let isFlow = false
    let place = noPlace
    let timeMs = Number.NaN
    for (;;) {
      const tag = cursor.tag()
      switch (tag) {
        case 0:
          return isFlow ? this.#reading(place, timeMs) : undefined
        case 1 * 8 + bytes:
          if (isFlow) throw unusual
          isFlow = true
          this.#flow(cursor.message())
          break
        case 2 * 8 + bytes:
        case 3 * 8 + bytes:
          return undefined
        case 1000 * 8 + bytes:
          place = this.#known(this.#places, cursor)
          break
        case 1001 * 8 + bytes:
          timeMs = timeOf(cursor.message())
          break
        default:
          cursor.skip(tag)
      }
    }
  }

  /** As the envelopes of `envelope.ts` are read: the flow's own node and time come before those of the answer. */
  #reading(outer: Place, outerMs: number): Reading | undefined {
    const found = this.#found
    const { numbers } = this.#shapes
    const { sourcePort, destinationPort } = found
    if (sourcePort > 65_535 || destinationPort > 65_535) return undefined
    const place = found.place === undefined || found.place.node === '' ? outer : found.place
    const timeMs = Number.isNaN(found.timeMs) ? outerMs : found.timeMs
    if (found.rest !== undefined) return readFully(found, numbers, place.node, timeMs)
    numbers[parts.hasSourcePort] = sourcePort > 0 ? 1 : 0
    numbers[parts.hasDestinationPort] = destinationPort > 0 ? 1 : 0
    const shape = this.#shapes.find()
    const { node, cluster } = place
    const seen = { timeMs: Number.isNaN(timeMs) ? undefined : timeMs, node, cluster }
    if (typeof shape === 'string') return counted(shape, seen)
    const { turned } = shape.orientation
    return assembleFlow({
      shape,
      port: turned ? sourcePort : destinationPort,
      clientPort: turned ? destinationPort : sourcePort,
      place: seen,
      source: endOf(found.source, found.sourceAddress),
      destination: endOf(found.destination, found.destinationAddress),
      sourceNames: found.sourceNames,
      destinationNames: found.destinationNames,
      answers: none,
      uuid: found.uuid,
      flows: 1,
    })
  }

  #flow(cursor: WireCursor): void {
    this.#found.clear()
    this.#shapes.numbers.fill(0)
    for (;;) {
      const tag = cursor.tag()
      if (tag === 0) return
      this.#field(tag, cursor)
    }
  }

  #field(tag: number, cursor: WireCursor): void {
    const found = this.#found
    const { numbers } = this.#shapes
    switch (tag) {
      case 1 * 8 + bytes:
        found.timeMs = timeOf(cursor.message())
        break
      case 2 * 8 + varint:
        numbers[parts.verdict] = cursor.uint32()
        break
      case 3 * 8 + varint:
        numbers[parts.dropReason] = cursor.uint32()
        break
      case 5 * 8 + bytes:
        if (found.hasIp) throw unusual
        found.hasIp = true
        this.#addressFields(cursor.message())
        break
      case 6 * 8 + bytes:
        if (found.hasLayer4) throw unusual
        found.hasLayer4 = true
        this.#layer4(cursor.message())
        break
      case 8 * 8 + bytes:
        if (found.source !== undefined) throw unusual
        found.source = this.#known(this.#ends, cursor)
        break
      case 9 * 8 + bytes:
        if (found.destination !== undefined) throw unusual
        found.destination = this.#known(this.#ends, cursor)
        break
      case 10 * 8 + varint:
        numbers[parts.flowType] = cursor.uint32()
        break
      case 11 * 8 + bytes:
        found.place = this.#known(this.#places, cursor)
        break
      case 13 * 8 + bytes:
        found.sourceNames = appended(found.sourceNames, cursor.text())
        break
      case 14 * 8 + bytes:
        found.destinationNames = appended(found.destinationNames, cursor.text())
        break
      case 15 * 8 + bytes:
        this.#once('l7', messageToJson(cursor.field(), typeOfField(15)))
        break
      case 16 * 8 + varint:
        numbers[parts.reply] = cursor.bool() ? 1 : 0
        break
      case 19 * 8 + bytes:
        if (numbers[parts.hasEventType] !== 0) throw unusual
        numbers[parts.hasEventType] = 1
        this.#eventType(cursor.message())
        break
      case 22 * 8 + varint:
        numbers[parts.direction] = cursor.uint32()
        break
      case 23 * 8 + varint:
        numbers[parts.policyMatch] = cursor.uint32()
        break
      case 24 * 8 + varint:
        numbers[parts.tracePoint] = cursor.uint32()
        break
      case 25 * 8 + varint:
        numbers[parts.dropReasonDesc] = cursor.uint32()
        break
      case 26 * 8 + bytes:
        numbers[parts.isReply] = readBool(cursor.message()) ? 2 : 1
        break
      case 31 * 8 + varint:
        numbers[parts.translationPoint] = cursor.uint32()
        break
      case 34 * 8 + bytes:
        found.uuid = cursor.text()
        break
      case 35 * 8 + varint:
        numbers[parts.authType] = cursor.uint32()
        break
      case 36 * 8 + varint:
        numbers[parts.traceReason] = cursor.uint32()
        break
      case 21007 * 8 + bytes:
        this.#once('aggregate', messageToJson(cursor.field(), typeOfField(21007)))
        break
      case 150000 * 8 + bytes:
        found.rest = { ...found.rest, extensions: readAny(cursor.message()) }
        break
      default:
        passOver(tag, cursor)
    }
  }

  #addressFields(cursor: WireCursor): void {
    const found = this.#found
    for (;;) {
      const tag = cursor.tag()
      switch (tag) {
        case 0:
          return
        case 1 * 8 + bytes:
          found.sourceAddress = this.#known(this.#addresses, cursor)
          break
        case 2 * 8 + bytes:
          found.destinationAddress = this.#known(this.#addresses, cursor)
          break
        case 4 * 8 + varint:
          this.#shapes.numbers[parts.encrypted] = cursor.bool() ? 1 : 0
          break
        default:
          cursor.skip(tag)
      }
    }
  }

  #eventType(cursor: WireCursor): void {
    const { numbers } = this.#shapes
    for (;;) {
      const tag = cursor.tag()
      if (tag === 0) return
      if (tag === 1 * 8 + varint) numbers[parts.eventType] = cursor.uint32()
      else if (tag === 2 * 8 + varint) numbers[parts.eventSubType] = cursor.uint32()
      else cursor.skip(tag)
    }
  }

  /** Ports and flags; what else a transport says is left to the table of messages. */
  #layer4(cursor: WireCursor): void {
    const start = cursor.at
    const tag = cursor.tag()
    if (tag !== 1 * 8 + bytes && tag !== 2 * 8 + bytes) {
      this.#once('l4', messageToJson(cursor.bytes.subarray(start, cursor.end), typeOfField(6)))
      return
    }
    this.#shapes.numbers[parts.protocol] = tag >>> 3
    this.#ports(cursor.message())
    if (cursor.at < cursor.end) throw unusual
  }

  #ports(cursor: WireCursor): void {
    const found = this.#found
    const { numbers } = this.#shapes
    for (;;) {
      const tag = cursor.tag()
      switch (tag) {
        case 0:
          return
        case 1 * 8 + varint:
          found.sourcePort = cursor.uint32()
          break
        case 2 * 8 + varint:
          found.destinationPort = cursor.uint32()
          break
        case 3 * 8 + bytes:
          if (numbers[parts.hasFlags] !== 0) throw unusual
          numbers[parts.hasFlags] = 1
          this.#flags(cursor.message())
          break
        default:
          cursor.skip(tag)
      }
    }
  }

  #flags(cursor: WireCursor): void {
    const { numbers } = this.#shapes
    for (;;) {
      const tag = cursor.tag()
      if (tag === 0) return
      if (tag === 2 * 8 + varint) numbers[parts.syn] = cursor.bool() ? 1 : 0
      else if (tag === 5 * 8 + varint) numbers[parts.ack] = cursor.bool() ? 1 : 0
      else cursor.skip(tag)
    }
  }

  #once(name: string, value: JsonObject): void {
    const { rest } = this.#found
    if (rest?.[name] !== undefined) throw unusual
    this.#found.rest = { ...rest, [name]: value }
  }

  #known<Value>(table: ByteTable<Value>, cursor: WireCursor): Value {
    const start = cursor.take()
    return table.at(this.#view, start, cursor.at)
  }
}

const none = [] as const

function endOf(known: KnownEnd | undefined, address: string): RecordEnd {
  return known === undefined ? readEnd(undefined, address) : known.at(address)
}

/** Returns what a flow says that is not told by its numbers alone. */
function readFully(found: Found, numbers: Int32Array, node: string, timeMs: number): Reading {
  const ports = { source: found.sourcePort, destination: found.destinationPort }
  const flow = {
    ...membersOf(numbers, ports),
    IP: {
      source: found.sourceAddress,
      destination: found.destinationAddress,
      encrypted: numbers[parts.encrypted] === 1 ? true : undefined,
    },
    source: found.source,
    destination: found.destination,
    source_names: found.sourceNames,
    destination_names: found.destinationNames,
    uuid: found.uuid,
    ...found.rest,
  }
  const time = Number.isNaN(timeMs) ? undefined : new DecodedTime(timeMs)
  return readPayload({ kind: 'flow', flow, context: { ...noContext, node, time } })
}

function appended(list: string[] | undefined, text: string): string[] {
  if (list === undefined) return [text]
  list.push(text)
  return list
}

/** NaN where RFC 3339 cannot spell it, since then the record has no time. */
function timeOf(cursor: WireCursor): number {
  const time = readTimestamp(cursor)
  return time === undefined ? Number.NaN : time.seconds * 1000 + Math.floor(time.nanos / 1e6)
}
