/** What the value of a record holds, by its first bytes (`kafka.md` 1.3): text, or messages of the Hubble API. */
import { gunzipSync } from 'node:zlib'
import { logfmtMessage, unwrap } from '../flow/envelope.ts'
import { MalformedRecord } from '../flow/json.ts'
import { WireCursor, wireBytes, wireVarint } from '../flow/wire.ts'
import type { RecordEncoding } from '../traffic/bytes-form.ts'
import { otlpTexts } from './kafka-otlp.ts'

/** One part of a value, to be read on its own. */
export interface ValuePart {
  readonly bytes: Uint8Array
  readonly encoding: RecordEncoding
  /** Why the part is no record. */
  readonly fault?: string
}

/** A value that was looked at. */
export interface DecodedValue {
  /** How it was packed, such as `gzip, schema registry, protobuf flow`. */
  readonly format: string
  /** Empty where the value holds nothing. */
  readonly parts: readonly ValuePart[]
}

/** Most bytes that a compressed value may hold. */
export const maxValueBytes: number = 64 * 1024 * 1024

const openBracket = 0x5b
const openBrace = 0x7b
const quote = 0x22

/** Returns what a value holds. Never throws: what nobody can read is a part with a fault. */
export function decodeValue(value: Uint8Array | null): DecodedValue {
  if (value === null) return { format: 'tombstone', parts: [] }
  if (value.length === 0) return { format: 'empty', parts: [] }
  if (value[0] === 0x1f && value[1] === 0x8b) return gunzipped(value)
  if (value[0] === 0 && value.length > 5) return registered(value)
  return decodePlain(value)
}

/** Returns the formats of the records of a text, such as `json, in message`, for those who ask what is there. */
export function textFormats(text: Uint8Array): readonly string[] {
  const lines = utf8.decode(text).trim()
  const values = parsed(lines) ?? lines.split('\n').flatMap((line) => parsed(line) ?? [line])
  return values.flatMap((value) =>
    unwrap(value).map((payload) => {
      if (payload.kind === 'malformed') return 'json, no event'
      const { path } = payload.context
      return path === '' ? `json ${payload.kind}` : `json ${payload.kind} in ${path}`
    }),
  )
}

const utf8 = new TextDecoder()

function parsed(text: string): readonly unknown[] | undefined {
  try {
    return [JSON.parse(text)]
  } catch {
    return undefined
  }
}

function gunzipped(value: Uint8Array): DecodedValue {
  let inner: Uint8Array
  try {
    inner = gunzipSync(value, { maxOutputLength: maxValueBytes })
  } catch (reason) {
    const isLarge =
      reason instanceof Error && 'code' in reason && reason.code === 'ERR_BUFFER_TOO_LARGE'
    const fault = isLarge ? `gzip data of more than ${maxValueBytes} bytes` : 'damaged gzip data'
    return faulty('gzip', value, fault)
  }
  const { format, parts } = decodePlain(inner)
  return { format: `gzip, ${format}`, parts }
}

/** A schema's number stands before the body; before a protobuf message, also which message of the schema it is. */
function registered(value: Uint8Array): DecodedValue {
  const body = value.subarray(5)
  if (startsText(body)) return { format: 'schema registry, text', parts: textParts(body) }
  const start = afterMessageIndex(body)
  const message = start === undefined ? undefined : messageParts(body.subarray(start))
  if (message === undefined) {
    return faulty('schema registry', value, 'neither JSON nor a message of the Hubble API')
  }
  return { ...message, format: `schema registry, ${message.format}` }
}

function decodePlain(value: Uint8Array): DecodedValue {
  if (startsText(value) || isPrintable(value)) return { format: 'text', parts: textParts(value) }
  const message = messageParts(value)
  if (message !== undefined) return message
  if (isMessagePack(value)) {
    return faulty('MessagePack', value, 'MessagePack, expected JSON or protobuf')
  }
  return { format: 'text', parts: textParts(value) }
}

/** Lines of text that start otherwise are left to the reader, but for those that quote an event. */
function textParts(text: Uint8Array): readonly ValuePart[] {
  if (!startsText(text) && text.length < 1024 * 1024) {
    const message = logfmtMessage(utf8.decode(text))
    if (message !== undefined) return [{ bytes: Buffer.from(message), encoding: 'text' }]
  }
  return [{ bytes: text, encoding: 'text' }]
}

function startsText(bytes: Uint8Array): boolean {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  let at = hasMark ? 3 : 0
  while (at < bytes.length && isBlank(bytes[at])) at += 1
  const first = bytes[at]
  return first === openBrace || first === openBracket || first === quote
}

/** Lines of a log: messages have lengths and numbers among their first bytes. */
function isPrintable(bytes: Uint8Array): boolean {
  const isAscii = (bytes[0] ?? 0) < 0x7f
  return isAscii && bytes.subarray(0, 48).every((byte) => byte >= 0x20 || byte === 0x09)
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

/** Fluent Bit's maps, and its arrays of a time and a map. */
function isMessagePack(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? 0
  return (first >= 0x80 && first <= 0x8f) || first === 0x92 || first === 0xde || first === 0xdf
}

/** The path to a message in its schema: a count and so many numbers, in zigzag; the first message is a single 0. */
function afterMessageIndex(body: Uint8Array): number | undefined {
  const cursor = new WireCursor(body)
  try {
    const count = cursor.varint()
    if (count % 2 !== 0 || count > 32) return undefined
    for (let index = 0; index < count / 2; index += 1) cursor.varint()
    return cursor.at
  } catch {
    return undefined
  }
}

type MessageKind = 'flow' | 'get-flows-response' | 'otlp'

function messageParts(bytes: Uint8Array): DecodedValue | undefined {
  let kind: MessageKind | undefined
  try {
    kind = messageKind(bytes)
  } catch (reason) {
    if (reason instanceof MalformedRecord) return undefined
    throw reason
  }
  if (kind === undefined) return undefined
  if (kind !== 'otlp') {
    return { format: `protobuf ${kind}`, parts: [{ bytes, encoding: kind }] }
  }
  const texts = otlpTexts(bytes)
  return { format: 'protobuf otlp', parts: texts.flatMap((text) => bodyParts(text)) }
}

/** A body may be a message, too. */
function bodyParts(body: Uint8Array): readonly ValuePart[] {
  if (startsText(body)) return textParts(body)
  const message = body.length > 0 ? messageParts(body) : undefined
  if (message !== undefined && message.format !== 'protobuf otlp') return message.parts
  return textParts(body)
}

/**
 * Tells what a message is, which must be well formed to its end. An answer starts with the flow in it, a flow with its
 * time: two numbers. A request of OpenTelemetry has lists where a flow has its verdict.
 */
function messageKind(bytes: Uint8Array): MessageKind | undefined {
  const types = new Map<number, number>()
  let first: Uint8Array | undefined
  for (const { field, type, content } of fieldsOf(bytes)) {
    if (!types.has(field)) types.set(field, type)
    if (field === 1) first ??= content
  }
  if (types.size === 0) return undefined
  if (types.has(1000) || types.has(1001)) return 'get-flows-response'
  if (types.get(2) === wireVarint) return 'flow'
  if (first === undefined) return types.get(1) === undefined ? withoutFirst(types) : undefined
  return ofFirst(first, types.size)
}

/** Answers without a flow hold one of few messages; flows without a time hold much else. */
function withoutFirst(types: ReadonlyMap<number, number>): MessageKind {
  return [...types].every(([field, type]) => field <= 5 && type === wireBytes)
    ? 'get-flows-response'
    : 'flow'
}

function ofFirst(first: Uint8Array, fields: number): MessageKind | undefined {
  let inner: readonly { readonly field: number; readonly type: number }[]
  try {
    inner = [...fieldsOf(first)]
  } catch (reason) {
    if (reason instanceof MalformedRecord) return undefined
    throw reason
  }
  const isTime = inner.every(({ field, type }) => field <= 2 && type === wireVarint)
  if (isTime && (inner.length > 0 || fields > 1)) return 'flow'
  const isResource = inner.some(({ field, type }) => field === 2 && type === wireBytes)
  return isResource && fields === 1 ? 'otlp' : 'get-flows-response'
}

interface WireField {
  readonly field: number
  readonly type: number
  readonly content: Uint8Array | undefined
}

function* fieldsOf(bytes: Uint8Array): Generator<WireField, void> {
  const cursor = new WireCursor(bytes)
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return
    const type = tag % 8
    const field = (tag - type) / 8
    if (type === wireBytes) yield { field, type, content: cursor.field() }
    else {
      cursor.skip(tag)
      yield { field, type, content: undefined }
    }
  }
}

function faulty(format: string, bytes: Uint8Array, fault: string): DecodedValue {
  return { format, parts: [{ bytes, encoding: 'text', fault }] }
}
