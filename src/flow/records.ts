/** Framing: where in a stream of bytes each record starts and ends. */
import type { Location } from '../errors.ts'
import { inspectedBytes, refuseBinary } from './foreign.ts'
import type { RecordPlace, RecordSink } from './lines.ts'
import { LineReader, tooLong } from './lines.ts'
import type { RecordLimits } from './record-buffer.ts'
import { RecordBuffer } from './record-buffer.ts'
import { StructureReader } from './structure.ts'

/** How a source is split. */
export interface SplitterOptions {
  /** Longest record that is read. Default: 16 MiB, far above any flow. */
  readonly maxRecordBytes?: number
  /** Longest communication set that is read. Default: 256 MiB, since a set is one record however much it says. */
  readonly maxDocumentBytes?: number
  /** The source as the user named it, for the location of errors. */
  readonly source?: string
  /** The bytes are whole lines from the middle of a source of lines. Default: the source from its start. */
  readonly isMiddle?: boolean
}

/** Splits one source. */
export interface RecordSplitter {
  /** How many lines have ended. */
  readonly linesRead: number
  /**
   * Whether what comes next is a line that begins, of a source whose lines can be read in any order.
   */
  readonly isBetweenLines: boolean
  /** Passes over whole lines that something else has read; `records` tells whether there was any record among them. */
  skip(lines: number, bytes: number, records: number): void
  /**
   * Takes the next bytes of the source, `offset` being the place of the first one. The bytes are not kept.
   * @throws {NetweirError} `NOT_FLOWS` when the source turns out to hold something else than events.
   */
  push(bytes: Uint8Array, offset: number): void
  /**
   * Ends the source. With `isCut` the source is known to go on where its bytes ended: then exactly one record is
   * `truncated`, the unfinished one or, where none is, the one that would have come next.
   */
  end(options?: { readonly isCut?: boolean }): void
}

const lineFeed = 0x0a
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * Returns a splitter that hands each record of one source to `sink`, in order. Whether records are lines or run over
 * several of them is decided by the first one; after that lines cost one search each. Memory is bounded by the longest
 * record, whatever the input.
 */
export function createRecordSplitter(
  sink: RecordSink,
  options: SplitterOptions = {},
): RecordSplitter {
  return new Splitter(sink, options)
}

class Splitter implements RecordSplitter {
  private readonly sink: RecordSink
  private readonly limits: RecordLimits
  private readonly source: string | undefined
  private readonly lines: LineReader
  private readonly pending: RecordBuffer
  /** Undefined once the records are known to be lines. */
  private structure: StructureReader | undefined
  private line = 1
  private lineOffset = 0
  private position = 0
  private inspected = 0
  private hasTruncated = false

  constructor(sink: RecordSink, options: SplitterOptions) {
    const takesLines = sink.lines?.bind(sink)
    this.sink = {
      record: (bytes, place) => sink.record(bytes, place),
      ...(takesLines === undefined ? {} : { lines: takesLines }),
      bad: (outcome, place, reason) => {
        if (outcome === 'truncated') this.hasTruncated = true
        sink.bad(outcome, place, reason)
      },
    }
    this.limits = {
      maxRecordBytes: options.maxRecordBytes ?? 16 * 1024 * 1024,
      maxDocumentBytes: options.maxDocumentBytes ?? 256 * 1024 * 1024,
    }
    this.source = options.source
    this.lines = new LineReader(this.sink, this.limits, options.source)
    this.pending = new RecordBuffer(this.limits)
    this.structure =
      options.isMiddle === true
        ? undefined
        : new StructureReader(this.sink, this.lines, this.limits)
    if (options.isMiddle === true) {
      this.inspected = inspectedBytes
      this.lines.noteRecords()
    }
  }

  get linesRead(): number {
    return (this.structure?.lineNumber ?? this.line) - 1
  }

  get isBetweenLines(): boolean {
    return this.structure === undefined && this.pending.isEmpty && !this.lines.hasPrefixed
  }

  skip(lines: number, bytes: number, records: number): void {
    this.line += lines
    this.position += bytes
    this.lineOffset = this.position
    if (records > 0) this.lines.noteRecords()
  }

  push(bytes: Uint8Array, offset: number): void {
    this.inspect(bytes)
    const taken = this.structure?.push(bytes, offset) ?? 0
    this.position = offset + bytes.length
    if (this.structure !== undefined) {
      if (taken === bytes.length && !this.structure.isDone) return
      this.line = this.structure.lineNumber
      this.lineOffset = offset + taken
      this.structure = undefined
    }
    this.pushLines(bytes.subarray(taken), offset + taken)
  }

  end(options: { readonly isCut?: boolean } = {}): void {
    if (this.structure !== undefined) this.structure.end()
    else this.endLines()
    this.lines.end()
    if (options.isCut === true && !this.hasTruncated) {
      const place = { offset: this.position, line: this.structure?.lineNumber ?? this.line }
      this.sink.bad('truncated', place, 'the source is cut')
    }
  }

  private inspect(bytes: Uint8Array): void {
    if (this.inspected >= inspectedBytes) return
    const location: Location | undefined =
      this.source === undefined ? undefined : { file: this.source }
    refuseBinary(bytes.subarray(0, inspectedBytes - this.inspected), location)
    this.inspected += bytes.length
  }

  private pushLines(bytes: Uint8Array, offset: number): void {
    let start = 0
    if (this.sink.lines !== undefined) {
      if (!this.pending.isEmpty) start = this.endPending(bytes)
      start += this.takeLines(bytes.subarray(start), offset + start)
    }
    for (;;) {
      const end = bytes.indexOf(lineFeed, start)
      if (end < 0) break
      if (this.pending.isEmpty) this.lineOffset = offset + start
      this.endLine(bytes.subarray(start, end))
      start = end + 1
    }
    if (this.pending.isEmpty) this.lineOffset = offset + start
    this.pending.append(bytes.subarray(start))
  }

  /** Ends the line that has begun before these bytes, and returns how many of them belong to it; 0 where it goes on. */
  private endPending(bytes: Uint8Array): number {
    const end = bytes.indexOf(lineFeed)
    if (end >= 0) this.endLine(bytes.subarray(0, end))
    return end + 1
  }

  /** Hands all whole lines to the sink at once, and returns how many bytes they are. */
  private takeLines(bytes: Uint8Array, offset: number): number {
    if (!this.pending.isEmpty || this.sink.lines === undefined) return 0
    const whole = bytes.subarray(0, bytes.lastIndexOf(lineFeed) + 1)
    if (whole.length === 0) return 0
    const { lines, records } = this.sink.lines(whole, { offset, line: this.line }, (line, place) =>
      this.takeLine(line, place),
    )
    this.line += lines
    if (records > 0) this.lines.noteRecords()
    return whole.length
  }

  private endLine(tail: Uint8Array): void {
    const place: RecordPlace = { offset: this.lineOffset, line: this.line }
    this.line++
    this.takeLine(tail, place)
  }

  private takeLine(tail: Uint8Array, place: RecordPlace): void {
    const line = this.pending.take(tail)
    if (line === undefined) this.sink.bad('too-long', place, tooLong(this.limits))
    else if (line[0] === openBrace && line.at(-1) === closeBrace) this.lines.record(line, place)
    else this.lines.line(line, place)
  }

  private endLines(): void {
    const place: RecordPlace = { offset: this.lineOffset, line: this.line }
    if (this.pending.isOverflown) this.sink.bad('too-long', place, tooLong(this.limits))
    else this.lines.lastLine(this.pending.take(new Uint8Array(0)) ?? new Uint8Array(0), place)
  }
}
