/**
 * Records by their brackets: pretty-printed and concatenated JSON, and the containers whose elements are records.
 *
 * States: `between` records; in a `value`; in a `scalar` that is an element of a container; in a `text` line outside all
 * brackets; `lost` after a record that does not close, until a line starts as that record did.
 */
import { Brackets } from './brackets.ts'
import type { LineReader, RecordPlace, RecordSink } from './lines.ts'
import { tooLong } from './lines.ts'
import type { RecordLimits } from './record-buffer.ts'
import { RecordBuffer } from './record-buffer.ts'

const lineFeed = 0x0a
const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** How deep brackets of one record may be nested. */
const maxDepth = 100

/** Paths of the arrays whose elements are records: answers of Loki and Elasticsearch. */
const containerPaths: ReadonlySet<string> = new Set([
  'data.result.[].values',
  'streams.[].values',
  'hits.hits',
])

const maxContainerDepth = 5

const nothing = new Uint8Array(0)

type State = 'between' | 'value' | 'scalar' | 'text' | 'lost'

/** Reads bytes by their brackets. */
export class StructureReader {
  private readonly sink: RecordSink
  private readonly lines: LineReader
  private readonly limits: RecordLimits
  private readonly buffer: RecordBuffer
  private readonly brackets = new Brackets()

  private state: State = 'between'
  /** The depth at which records start: 0, or that of a container's elements. */
  private recordDepth = 0
  private isTooDeep = false
  /** True in the part of a container's wrapper that holds no records. */
  private isWrapper = false

  private chunk: Uint8Array = nothing
  /** Where in the chunk the part of the record starts that is not in the buffer. */
  private mark = 0

  private line = 1
  private lineStart = 0
  private isBlankSoFar = true
  private start: RecordPlace = { offset: 0, line: 1 }
  /** Column of the record, or -1 when something stands before it on its line. */
  private startColumn = 0

  private hasFirst = false
  private mayBeLines = true
  private areLines = false

  constructor(sink: RecordSink, lines: LineReader, limits: RecordLimits) {
    this.sink = sink
    this.lines = lines
    this.limits = limits
    this.buffer = new RecordBuffer(limits)
  }

  /** True once it is known that the records are lines. */
  get isDone(): boolean {
    return this.areLines
  }

  /** The line that is being read, counted from 1. */
  get lineNumber(): number {
    return this.line
  }

  /**
   * Reads bytes, and returns how many it took: fewer than there are once it is known that the records of the source
   * are lines, of which the rest is the start.
   * @throws {NetweirError} `NOT_FLOWS` when the file turns out to be something else.
   */
  push(bytes: Uint8Array, offset: number): number {
    this.chunk = bytes
    this.mark = 0
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] ?? 0
      this.step(byte, index, offset + index)
      if (byte === lineFeed) this.endLine(offset + index)
      else if (!isBlank(byte)) this.isBlankSoFar = false
      if (this.areLines) return index + 1
    }
    if (this.isCapturing()) this.buffer.append(bytes.subarray(this.mark))
    return bytes.length
  }

  /** Ends the source. */
  end(): void {
    if (this.state === 'text') this.endInText()
    else if (this.state !== 'lost' && this.brackets.depth > 0) this.endInside()
    else if (this.state === 'value') this.endInside()
    this.state = 'between'
  }

  private step(byte: number, index: number, offset: number): void {
    switch (this.state) {
      case 'between':
        this.stepBetween(byte, index, offset)
        break
      case 'value':
        this.stepValue(byte, index, offset)
        break
      case 'scalar':
        this.stepScalar(byte, index, offset)
        break
      case 'text':
        if (byte === lineFeed) this.endText(index)
        break
      case 'lost':
        if (byte === openBrace && this.startsLikeRecord(offset)) this.begin(byte, index, offset)
        break
    }
  }

  private stepBetween(byte: number, index: number, offset: number): void {
    const { depth } = this.brackets
    if (isBlank(byte) || byte === comma) return
    if (isByteOrderMark(byte)) this.lineStart++
    else if (byte === openBracket && depth === 0) this.openContainer(byte)
    else if (isClosing(byte) && depth > 0) this.closeContainer(byte)
    else if (byte === openBrace || byte === openBracket || byte === quote) {
      this.begin(byte, index, offset)
    } else this.capture(depth === 0 ? 'text' : 'scalar', index, offset)
  }

  private stepValue(byte: number, index: number, offset: number): void {
    const { brackets } = this
    if (brackets.inText && byte === lineFeed) {
      this.lose('a line ends inside a text')
      return
    }
    if (byte === openBrace && !brackets.inText && this.startsUnasked(offset)) {
      this.lose('brackets that do not close')
      this.begin(byte, index, offset)
      return
    }
    brackets.step(byte)
    if (brackets.depth > maxDepth) this.isTooDeep = true
    if (!brackets.inText && brackets.depth <= this.recordDepth) this.endValue(index + 1)
    else if (byte === openBracket && this.isContainer()) this.openContainer(undefined)
  }

  private stepScalar(byte: number, index: number, offset: number): void {
    if (!isBlank(byte) && byte !== comma && !isClosing(byte)) return
    this.emit(index)
    this.stepBetween(byte, index, offset)
  }

  private begin(byte: number, index: number, offset: number): void {
    if (this.hasFirst) this.mayBeLines = false
    this.capture('value', index, offset)
    this.brackets.step(byte)
  }

  private capture(state: State, index: number, offset: number): void {
    this.state = state
    this.mark = index
    this.start = { offset, line: this.line }
    this.startColumn = this.isBlankSoFar ? offset - this.lineStart : -1
  }

  private endValue(end: number): void {
    if (this.isWrapper) {
      this.isWrapper = false
      this.state = 'between'
      return
    }
    if (this.recordDepth === 0) this.hasFirst = true
    if (this.start.line !== this.line) this.mayBeLines = false
    this.emit(end)
  }

  private emit(end: number): void {
    const isTooDeep = this.isTooDeep
    const isOverflown = this.buffer.isOverflown
    const record = this.take(end)
    this.state = 'between'
    this.isTooDeep = false
    if (isTooDeep) {
      this.sink.bad('malformed', this.start, `nested deeper than ${maxDepth} brackets`)
    } else if (isOverflown || record === undefined) {
      this.sink.bad('too-long', this.start, tooLong(this.limits))
    } else this.lines.record(record, this.start)
  }

  private take(end: number): Uint8Array | undefined {
    return this.buffer.take(this.chunk.subarray(this.mark, end))
  }

  /** The line feed itself is no part of the line. */
  private endText(index: number): void {
    const line = this.take(index)
    this.state = 'between'
    if (line === undefined) this.sink.bad('too-long', this.start, tooLong(this.limits))
    else if (this.lines.line(line, this.start)) this.areLines = true
  }

  private endLine(offset: number): void {
    this.line++
    this.lineStart = offset + 1
    this.isBlankSoFar = true
    if (this.state !== 'between' || this.brackets.depth > 0) return
    if (this.hasFirst && this.mayBeLines) this.areLines = true
  }

  private isContainer(): boolean {
    const { brackets } = this
    if (this.recordDepth > 0 || brackets.depth > maxContainerDepth) return false
    return containerPaths.has(brackets.path)
  }

  /** What was read of the wrapper so far is no record. */
  private openContainer(byte: number | undefined): void {
    if (byte !== undefined) this.brackets.step(byte)
    this.buffer.clear()
    this.recordDepth = this.brackets.depth
    this.isWrapper = false
    this.mayBeLines = false
    this.state = 'between'
  }

  private closeContainer(byte: number): void {
    this.brackets.step(byte)
    this.recordDepth = 0
    if (this.brackets.depth === 0) return
    this.isWrapper = true
    this.state = 'value'
  }

  private lose(reason: string): void {
    this.sink.bad('malformed', this.start, reason)
    this.buffer.clear()
    this.isTooDeep = false
    this.isWrapper = false
    this.state = 'lost'
    this.brackets.resetTo(this.recordDepth)
  }

  /** A record that does not close is noticed where the next one starts at the same column, as printers write them. */
  private startsUnasked(offset: number): boolean {
    return this.startsLikeRecord(offset) && !this.brackets.allowsObject
  }

  private startsLikeRecord(offset: number): boolean {
    return this.isBlankSoFar && offset - this.lineStart === Math.max(this.startColumn, 0)
  }

  private endInText(): void {
    const line = this.buffer.take(nothing)
    if (line === undefined) this.sink.bad('too-long', this.start, tooLong(this.limits))
    else this.lines.lastLine(line, this.start)
  }

  private endInside(): void {
    if (this.buffer.isOverflown) this.sink.bad('too-long', this.start, tooLong(this.limits))
    else if (this.isTooDeep) {
      this.sink.bad('malformed', this.start, `nested deeper than ${maxDepth} brackets`)
    } else this.sink.bad('truncated', this.start, 'the source ends inside a record')
    this.buffer.clear()
  }

  private isCapturing(): boolean {
    return (
      (this.state === 'value' && !this.isWrapper) ||
      this.state === 'scalar' ||
      this.state === 'text'
    )
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === lineFeed || byte === 0x0d || byte === 0x09
}

function isClosing(byte: number): boolean {
  return byte === closeBracket || byte === closeBrace
}

function isByteOrderMark(byte: number): boolean {
  return byte === 0xef || byte === 0xbb || byte === 0xbf
}
