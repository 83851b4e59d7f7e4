/** The protobuf wire format (protobuf.dev/programming-guides/encoding): a cursor over the bytes of one message. */
import { MalformedRecord } from './json.ts'

/** Wire types that are told apart. */
export const wireVarint = 0
export const wireFixed64 = 1
export const wireBytes = 2
export const wireGroup = 3
export const wireGroupEnd = 4
export const wireFixed32 = 5

/** How deep groups may be nested, which no message of Hubble has. */
const maxGroups = 32

/** A byte order mark is a character like any other here. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** Reads one message, field by field. Every method throws {@link MalformedRecord} where the bytes end too early. */
export class WireCursor {
  readonly bytes: Uint8Array
  /** Where the next byte is read. */
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Number and wire type of the next field as `number * 8 + type`, or 0 at the end of the message. */
  tag(): number {
    if (this.at >= this.end) return 0
    const first = this.bytes[this.at] ?? 0
    const tag = first < 0x80 ? this.#oneByte(first) : this.varint()
    if (tag < 8 || tag > 0xffff_ffff) throw new MalformedRecord('not a protobuf message')
    return tag
  }

  /** The next varint as a number: exact below 2^53, which is all that is needed of tags and lengths. */
  varint(): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.#next()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new MalformedRecord('a number of a protobuf message is too long')
  }

  /** The next varint, its low 32 bits as an unsigned number. */
  uint32(): number {
    let value = 0
    for (let count = 0; count < 10; count++) {
      const byte = this.#next()
      if (count < 5) value |= (byte & 0x7f) << (7 * count)
      if (byte < 0x80) return value >>> 0
    }
    throw new MalformedRecord('a number of a protobuf message is too long')
  }

  /** The next varint, its low 64 bits as an unsigned number. */
  uint64(): bigint {
    let value = 0n
    for (let count = 0n; count < 10n; count++) {
      const byte = this.#next()
      value |= BigInt(byte & 0x7f) << (7n * count)
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new MalformedRecord('a number of a protobuf message is too long')
  }

  /** The next varint as a truth: any bit of it makes it true. */
  bool(): boolean {
    let bits = 0
    for (let count = 0; count < 10; count++) {
      const byte = this.#next()
      bits |= count < 9 ? byte & 0x7f : byte & 0x01
      if (byte < 0x80) return bits !== 0
    }
    throw new MalformedRecord('a number of a protobuf message is too long')
  }

  /** The next eight bytes as a number. */
  double(): number {
    const start = this.#take(8)
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + start, 8).getFloat64(0, true)
  }

  /** A cursor over the bytes of a field of wire type 2; this one stands behind them afterwards. */
  message(): WireCursor {
    const start = this.take()
    return new WireCursor(this.bytes, start, this.at)
  }

  /** The bytes of a field of wire type 2, not copied. */
  field(): Uint8Array {
    const start = this.take()
    return this.bytes.subarray(start, this.at)
  }

  /** Returns where the bytes of a field of wire type 2 start; this cursor stands at their end afterwards. */
  take(): number {
    return this.#take(this.varint())
  }

  /** The text of a field of wire type 2; what is no UTF-8 becomes U+FFFD. */
  text(): string {
    const start = this.take()
    return textOf(this.bytes, start, this.at)
  }

  /** Passes over the value of a field whose tag was read. */
  skip(tag: number): void {
    this.#skip(tag, 0)
  }

  #skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case wireVarint:
        this.bool()
        break
      case wireFixed64:
        this.#take(8)
        break
      case wireBytes:
        this.take()
        break
      case wireGroup:
        this.#skipGroup(tag, depth)
        break
      case wireFixed32:
        this.#take(4)
        break
      default:
        throw new MalformedRecord('not a protobuf message')
    }
  }

  #skipGroup(tag: number, depth: number): void {
    if (depth >= maxGroups) throw new MalformedRecord('groups of a protobuf message are too deep')
    for (;;) {
      const inner = this.tag()
      if (inner === 0) throw new MalformedRecord('a protobuf message is cut')
      if ((inner & 7) === wireGroupEnd) {
        if (inner >>> 3 === tag >>> 3) return
        throw new MalformedRecord('not a protobuf message')
      }
      this.#skip(inner, depth + 1)
    }
  }

  #oneByte(first: number): number {
    this.at++
    return first
  }

  #next(): number {
    if (this.at >= this.end) throw new MalformedRecord('a protobuf message is cut')
    return this.bytes[this.at++] ?? 0
  }

  #take(length: number): number {
    const start = this.at
    if (length > this.end - start) throw new MalformedRecord('a protobuf message is cut')
    this.at = start + length
    return start
  }
}

/** The longest text that is made of its bytes one by one. */
const shortText = 64

/** Returns the text that bytes spell; short ASCII, which most are, without the cost of a decoder. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  const range = bytes.subarray(start, end)
  if (end - start > shortText) return utf8.decode(range)
  for (let at = start; at < end; at++) {
    if ((bytes[at] ?? 0) >= 0x80) return utf8.decode(range)
  }
  return String.fromCharCode.apply(undefined, range as unknown as number[])
}
