/** Records that are lines: JSON as it stands, or behind the prefix of a container runtime. */
import type { Location } from '../errors.ts'
import { parseRecord } from './decode.ts'
import { criPrefix } from './envelope.ts'
import { inspectedLines, refuseForeignLine } from './foreign.ts'
import type { RecordLimits } from './record-buffer.ts'
import { asciiText, RecordBuffer } from './record-buffer.ts'

/** Where a record starts: bytes from the start of the (uncompressed) source, and its line, counted from 1. */
export interface RecordPlace {
  readonly offset: number
  readonly line: number
}

/** How a record can be bad before anyone has parsed it. */
export type BadOutcome = 'malformed' | 'too-long' | 'truncated'

/** Takes what a splitter finds. */
export interface RecordSink {
  /** Takes the text of one record, which may yet turn out to be no JSON. It is valid during the call only. */
  record(bytes: Uint8Array, place: RecordPlace): void
  /**
   * Takes whole lines at once, each ended by a line feed, and gives those that it does not know to `plain`, in order.
   * A sink without it gets every line by itself.
   */
  lines?(bytes: Uint8Array, place: RecordPlace, plain: PlainLines): TakenLines
  /** Takes one record that is none. */
  bad(outcome: BadOutcome, place: RecordPlace, reason: string): void
}

/** Takes one line without its line feed. */
export type PlainLines = (bytes: Uint8Array, place: RecordPlace) => void

/** What was taken of whole lines. */
export interface TakenLines {
  readonly lines: number
  /** Records among them that were not given back. */
  readonly records: number
}

const quote = 0x22
const openBracket = 0x5b
const openBrace = 0x7b

/** The prefix of a container runtime is shorter than this. */
const maxPrefixBytes = 96

/** Reads lines one by one. */
export class LineReader {
  private readonly sink: RecordSink
  private readonly limits: RecordLimits
  private readonly source: string | undefined
  /** Lines that a container runtime cut into parts, by stream. */
  private readonly parts = new Map<string, { readonly buffer: RecordBuffer; place: RecordPlace }>()
  private lineCount = 0
  private hasRecord = false
  private sawPrefix = false

  constructor(sink: RecordSink, limits: RecordLimits, source: string | undefined) {
    this.sink = sink
    this.limits = limits
    this.source = source
  }

  /** True once a line of a container runtime was read: such lines may be parts of one record, and so have an order. */
  get hasPrefixed(): boolean {
    return this.sawPrefix
  }

  /** Says that records were taken in by something else. */
  noteRecords(): void {
    this.hasRecord = true
  }

  /** Takes a record that something else has delimited. */
  record(bytes: Uint8Array, place: RecordPlace): void {
    this.hasRecord = true
    this.sink.record(bytes, place)
  }

  /**
   * Reads one whole line without its line feed, and tells whether a container runtime wrote it.
   * @throws {NetweirError} `NOT_FLOWS` when the file turns out to be something else.
   */
  line(bytes: Uint8Array, place: RecordPlace): boolean {
    const text = trimmed(bytes)
    if (text.length === 0) return false
    if (startsJson(text)) {
      this.record(text, place)
      return false
    }
    const prefix = prefixOf(text)
    if (prefix === undefined) this.other(text, place)
    else this.prefixed(text.subarray(prefix.bytes), prefix, place)
    return prefix !== undefined
  }

  /** Reads the last line of a source when no line feed ends it: perhaps it is whole, perhaps it was cut. */
  lastLine(bytes: Uint8Array, place: RecordPlace): void {
    const text = trimmed(bytes)
    if (text.length === 0) return
    const prefix = startsJson(text) ? undefined : prefixOf(text)
    if (prefix === undefined && !startsJson(text)) this.inspect(text, place)
    const part = prefix === undefined ? undefined : this.parts.get(prefix.stream)
    if (prefix !== undefined) this.parts.delete(prefix.stream)
    const tail = prefix === undefined ? text : text.subarray(prefix.bytes)
    const whole = part === undefined ? tail : part.buffer.take(tail)
    const start = part?.place ?? place
    if (whole !== undefined && prefix?.isPartial !== true && parseRecord(whole).ok) {
      this.record(whole, start)
    } else this.sink.bad('truncated', start, 'the last line is cut')
  }

  /** Ends the source: parts that nothing completed are records that were cut. */
  end(): void {
    for (const { place } of this.parts.values()) {
      this.sink.bad('truncated', place, 'the last part of a line is missing')
    }
    this.parts.clear()
  }

  private prefixed(text: Uint8Array, prefix: Prefix, place: RecordPlace): void {
    this.sawPrefix = true
    const part = this.parts.get(prefix.stream)
    if (prefix.isPartial) {
      const open = part ?? { buffer: new RecordBuffer(this.limits), place }
      open.buffer.append(text)
      this.parts.set(prefix.stream, open)
      return
    }
    this.parts.delete(prefix.stream)
    const whole = part === undefined ? text : part.buffer.take(text)
    const start = part?.place ?? place
    if (whole === undefined) this.sink.bad('too-long', start, tooLong(this.limits))
    else if (startsJson(whole)) this.record(whole, start)
    else if (whole.length > 0) this.sink.bad('malformed', start, 'not JSON')
  }

  private other(text: Uint8Array, place: RecordPlace): void {
    this.inspect(text, place)
    this.sink.bad('malformed', place, 'not JSON')
  }

  private inspect(text: Uint8Array, place: RecordPlace): void {
    this.lineCount++
    if (this.hasRecord || this.lineCount > inspectedLines) return
    refuseForeignLine(asciiText(text.subarray(0, 1024)), this.location(place.line))
  }

  private location(line: number): Location | undefined {
    return this.source === undefined ? undefined : { file: this.source, line }
  }
}

/** Returns the reason of a record that is too long. */
export function tooLong(limits: RecordLimits): string {
  return `longer than ${limits.maxRecordBytes} bytes`
}

interface Prefix {
  readonly stream: string
  readonly isPartial: boolean
  readonly bytes: number
}

function prefixOf(text: Uint8Array): Prefix | undefined {
  const match = criPrefix.exec(asciiText(text.subarray(0, maxPrefixBytes)))
  if (match === null) return undefined
  return { stream: match[1] ?? '', isPartial: match[2] === 'P', bytes: match[0].length }
}

function startsJson(text: Uint8Array): boolean {
  const first = text[0]
  return first === openBrace || first === openBracket || first === quote
}

/** Without blanks at both ends, and without a byte order mark. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && isBlank(bytes[end - 1])) end--
  let start = hasMark(bytes) ? 3 : 0
  while (start < end && isBlank(bytes[start])) start++
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
}

function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d
}
