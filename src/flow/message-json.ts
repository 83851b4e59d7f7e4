/**
 * Protobuf messages as the JSON values that protojson prints of them (proto names, 64-bit integers as texts, enums as
 * names or, where nobody knows one, numbers; fields that are absent or zero left out).
 */
import { readAny } from './any.ts'
import type { EnumType } from './hubble-enums.ts'
import type { Field, MessageType, ScalarType } from './hubble-messages.ts'
import type { JsonObject } from './json.ts'
import { WireCursor, wireBytes, wireFixed64, wireVarint } from './wire.ts'

/** Seconds since the epoch of the first and the last second that RFC 3339 can spell. */
const firstSecond = -62_135_596_800
const lastSecond = 253_402_300_799

/** Is told of each field that is passed over: the message that it is a field of, and its number. */
export type OnUnknownField = (message: string, number: number) => void

/**
 * Returns the message that `bytes` hold. Fields that the table lacks, or that have another wire type, are passed over;
 * a message that stands twice in a field that holds one is merged, as protobuf asks.
 * @throws {MalformedRecord} when the bytes are no message.
 */
export function messageToJson(
  bytes: Uint8Array,
  type: MessageType,
  onUnknown: OnUnknownField = () => undefined,
): JsonObject {
  return readMessage(new WireCursor(bytes), type, {}, onUnknown)
}

type Mutable = Record<string, unknown>

function readMessage(
  cursor: WireCursor,
  type: MessageType,
  into: Mutable,
  onUnknown: OnUnknownField,
): Mutable {
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return into
    const field = type.fields.get(tag >>> 3)
    if (field !== undefined && wireTypeOf(field) === (tag & 7)) {
      setField(into, field, cursor, onUnknown)
    } else {
      onUnknown(type.name, tag >>> 3)
      cursor.skip(tag)
    }
  }
}

function wireTypeOf({ type }: Field): number {
  switch (type) {
    case 'bool':
    case 'int32':
    case 'uint32':
    case 'uint64':
      return wireVarint
    case 'double':
      return wireFixed64
    default:
      return typeof type === 'object' && type.kind === 'enum' ? wireVarint : wireBytes
  }
}

function setField(
  into: Mutable,
  field: Field,
  cursor: WireCursor,
  onUnknown: OnUnknownField,
): void {
  const { name } = field
  for (const rival of field.rivals) delete into[rival]
  const before = into[name]
  if (field.isRepeated) {
    const value = singleOf(field, cursor, undefined, onUnknown)
    if (Array.isArray(before)) before.push(value)
    else into[name] = [value]
    return
  }
  const value = singleOf(field, cursor, before, onUnknown)
  if (value === undefined || value === '') delete into[name]
  else into[name] = value
}

/** Undefined for zero, which is not printed; `before` is the message that an earlier occurrence of the field held. */
function singleOf(
  { type }: Field,
  cursor: WireCursor,
  before: unknown,
  onUnknown: OnUnknownField,
): unknown {
  if (typeof type === 'string') return scalarOf(type, cursor)
  if (type.kind === 'enum') return enumOf(type, cursor)
  return readMessage(cursor.message(), type, (before ?? {}) as Mutable, onUnknown)
}

function enumOf({ names }: EnumType, cursor: WireCursor): unknown {
  const number = cursor.uint32() | 0
  return number === 0 ? undefined : (names[number] ?? number)
}

/** The wrapper types are there to tell zero from absence. */
function scalarOf(type: ScalarType, cursor: WireCursor): unknown {
  switch (type) {
    case 'string':
      return cursor.text()
    case 'bool':
      return cursor.bool() ? true : undefined
    case 'int32':
      return nonZero(cursor.uint32() | 0)
    case 'uint32':
      return nonZero(cursor.uint32())
    case 'uint64': {
      const number = cursor.uint64()
      return number === 0n ? undefined : String(number)
    }
    case 'double':
      return nonZero(cursor.double())
    case 'timestamp':
      return timestampText(readTimestamp(cursor.message()))
    case 'bool-value':
      return readBool(cursor.message())
    case 'int32-value':
      return readWrapped(cursor.message(), (value) => value.uint32() | 0, 0)
    case 'uint32-value':
      return readWrapped(cursor.message(), (value) => value.uint32(), 0)
    case 'any':
      return readAny(cursor.message())
  }
}

function nonZero(value: number): number | undefined {
  return value === 0 ? undefined : value
}

/** Returns what a `google.protobuf.BoolValue` says. */
export function readBool(cursor: WireCursor): boolean {
  return readWrapped(cursor, (value) => value.bool(), false)
}

/** The value of a wrapper type, which is its field 1. */
function readWrapped<T>(cursor: WireCursor, read: (cursor: WireCursor) => T, zero: T): T {
  let value = zero
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return value
    if (tag === 8) value = read(cursor)
    else cursor.skip(tag)
  }
}

/** A `google.protobuf.Timestamp` that RFC 3339 can spell. */
export interface Timestamp {
  readonly seconds: number
  readonly nanos: number
}

/** Returns what a `google.protobuf.Timestamp` says, undefined for what RFC 3339 cannot spell. */
export function readTimestamp(cursor: WireCursor): Timestamp | undefined {
  let seconds = 0
  let nanos = 0
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) break
    if (tag === 8) seconds = readSeconds(cursor)
    else if (tag === 16) nanos = cursor.uint32() | 0
    else cursor.skip(tag)
  }
  if (seconds < firstSecond || seconds > lastSecond || nanos < 0 || nanos > 999_999_999) return
  return { seconds, nanos }
}

/** A negative number is written as 64-bit two's complement, which a float64 cannot hold. */
function readSeconds(cursor: WireCursor): number {
  const start = cursor.at
  const seconds = cursor.varint()
  if (seconds <= Number.MAX_SAFE_INTEGER) return seconds
  cursor.at = start
  return Number(BigInt.asIntN(64, cursor.uint64()))
}

function timestampText(time: Timestamp | undefined): string | undefined {
  if (time === undefined) return undefined
  const text = new Date(time.seconds * 1000).toISOString().slice(0, 19)
  return `${text}${fractionOf(time.nanos)}Z`
}

/** None, three, six or nine digits, as protojson prints them. */
function fractionOf(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.replace(/(?:000){1,2}$/, '')}`
}
