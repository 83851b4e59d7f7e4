/** The host of the scanner: tells it what texts mean that it has not seen before, and takes out what it has counted. */

import { wrappedText } from '../flow/envelope.ts'
import type { Outcome } from '../flow/flow.ts'
import { outcomes } from '../flow/flow.ts'
import type { ScannerExports, ScannerModule } from '../flow/scanner.ts'
import { hostWords, rowBytes, startScanner, textKinds } from '../flow/scanner.ts'
import type { ScanBatch } from './scan-batch.ts'
import { cellBytes, edgeBytes, runBytes } from './scan-batch.ts'
import { wordsOfShape } from './scan-shape.ts'
import { RowReader, ScannedTexts } from './scanned-texts.ts'
import { joinTables } from './table-join.ts'

/** What a scanner is made with. */
export interface LineScannerOptions {
  readonly sinceMs?: number
  readonly untilMs?: number
  /** Leave what says something of requests to the decoder. Default: no. */
  readonly requests?: boolean
}

/** Takes what was counted. */
export type TakeBatch = (batch: ScanBatch) => void

/** Takes a line that is not for the scanner, valid during the call: its bytes, their place, and which line it is. */
export type PlainLine = (bytes: Uint8Array, offset: number, line: number) => void

/** What a scan took. */
export interface Scanned {
  readonly lines: number
  /** Records that the scanner itself counted. */
  readonly records: number
}

const lineFeed = 0x0a

/** Longer records hold many events: they are parsed once. */
const maxWrapperBytes = 64 * 1024
const maxTime = 8.64e15
const utf8 = new TextDecoder()

/** Counts lines. */
export class LineScanner {
  readonly #scanner: ScannerExports
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  /** Takes what was counted when there is no room for more. */
  #onFull: TakeBatch = () => undefined
  readonly #isAsked: boolean
  #texts = new ScannedTexts()
  #plain: PlainLine = () => undefined
  #plainStart = 0
  #records = 0
  #passedOver = 0
  #handedBack = 0
  /** True while the tables hold what was taken out. */
  #isTaken = false

  constructor(module: ScannerModule, options: LineScannerOptions) {
    this.#isAsked = options.requests === true
    this.#scanner = startScanner(module, {
      learn: (kind, row, text, length) => this.#learn(kind, row, text, length),
      plain: (start, length, line) => {
        this.#plain(this.#bytes.subarray(start, start + length), start - this.#plainStart, line)
      },
      full: () => {
        this.#onFull(this.takeBatch())
        this.#startAnew()
      },
    })
    this.#scanner.start(
      Math.ceil(Math.max(options.sinceMs ?? -maxTime, -maxTime)),
      Math.floor(Math.min(options.untilMs ?? maxTime, maxTime)),
    )
    const position = (outcome: Outcome): number => outcomes.indexOf(outcome)
    this.#scanner.setOutcomes(
      position('self'),
      position('health'),
      position('masked'),
      position('no-pod'),
      position('unresolved'),
      position('icmp'),
    )
    this.#bytes = new Uint8Array(this.#scanner.memory.buffer)
    this.#words = new Uint32Array(this.#scanner.memory.buffer)
  }

  /** Where bytes can be put that are then scanned without being copied. */
  get input(): Uint8Array {
    const at = this.#scanner.inputAt()
    return this.#bytes.subarray(at, at + this.#scanner.inputBytes())
  }

  /** How many records were counted. */
  get records(): number {
    return this.#records
  }

  /** How many of them were outside the asked time. */
  get passedOver(): number {
    return this.#passedOver
  }

  /** How many different edges were counted since they were last taken out. */
  get edges(): number {
    return this.#scanner.countEdges()
  }

  /** How many lines and records were not for the scanner. */
  get handedBack(): number {
    return this.#handedBack
  }

  /** Counts whole lines, the last byte of which is a line feed; what is not for the scanner goes to `plain`. */
  scan(bytes: Uint8Array, plain: PlainLine): Scanned {
    this.#startAnew()
    const before = this.#records
    let lines = 0
    let done = 0
    while (done < bytes.length) {
      const [at, length] = this.#place(bytes, done)
      if (length === 0) {
        const end = bytes.indexOf(lineFeed, done)
        this.#handedBack += 1
        plain(bytes.subarray(done, end), done, lines)
        lines += 1
        done = end + 1
        continue
      }
      const firstLine = lines
      const firstByte = done
      this.#plain = (line, offset, number) => plain(line, firstByte + offset, firstLine + number)
      this.#plainStart = at
      this.#scanner.scan(at - this.#scanner.inputAt(), length)
      lines += this.#scanner.countLines()
      this.#addCounts()
      done += length
    }
    return { lines, records: this.#records - before }
  }

  /** Counts one record, or what it wraps, and tells whether it was one for the scanner. */
  scanRecord(bytes: Uint8Array): boolean {
    if (this.#scanSingle(bytes)) return true
    const text = innerText(bytes)
    return text !== undefined && this.#scanSingle(text)
  }

  #scanSingle(bytes: Uint8Array): boolean {
    if (bytes.length > this.#scanner.singleBytes()) return false
    this.#startAnew()
    this.#bytes.set(bytes, this.#scanner.singleAt())
    const isTaken = this.#scanner.scanSingle(bytes.length) !== 0
    this.#addCounts()
    return isTaken
  }

  /** Takes out all that was counted; the tables are valid until the next call. */
  takeBatch(): ScanBatch {
    this.#startAnew()
    const scanner = this.#scanner
    const { buffer } = scanner.memory
    const counts = new Float64Array(buffer, scanner.outcomesAt(), outcomes.length)
    const rows = new RowReader(buffer, scanner.rowsAt())
    const cut = (at: number, count: number, size: number): Uint8Array =>
      this.#bytes.subarray(at, at + count * size)
    const batch = {
      ...this.#texts.toBatch(rows),
      counted: outcomes.flatMap((outcome, index) => {
        const records = counts[index] ?? 0
        return records > 0 ? [{ outcome, records }] : []
      }),
      edges: cut(scanner.edgesAt(), scanner.countEdges(), edgeBytes),
      cells: cut(scanner.packedAt(), scanner.pack(), cellBytes),
      runs: cut(scanner.runsAt(), scanner.countRuns(), runBytes),
    }
    this.#isTaken = true
    return batch
  }

  /** Counts for somebody from here on: his records from nought on, and what has no room goes to him. */
  countFor(onFull: TakeBatch): void {
    this.#onFull = onFull
    this.#records = 0
    this.#passedOver = 0
    this.#handedBack = 0
  }

  /** Forgets what the tables hold. */
  forget(): void {
    this.#isTaken = true
  }

  /**
   * Takes in what another scanner has counted, by number; false where there is no room for it, which leaves everything as
   * it was.
   */
  joinBatch(batch: ScanBatch): boolean {
    this.#startAnew()
    const numbers = this.#texts.numbersOf(batch)
    const wentTo = joinTables(this.#scanner, batch, numbers)
    if (wentTo === undefined) return false
    this.#texts.join(batch, numbers.ofEnds, (edge) => wentTo[edge] ?? 0)
    const { buffer } = this.#scanner.memory
    const counts = new Float64Array(buffer, this.#scanner.outcomesAt(), outcomes.length)
    for (const { outcome, records } of batch.counted) {
      const index = outcomes.indexOf(outcome)
      counts[index] = (counts[index] ?? 0) + records
    }
    return true
  }

  /** Clearing takes time, which the last batch is spared. */
  #startAnew(): void {
    if (!this.#isTaken) return
    this.#scanner.clear()
    this.#texts = new ScannedTexts()
    this.#isTaken = false
  }

  /** Returns where the next whole lines stand in the scanner's memory, and how many bytes they are; 0 for too long a line. */
  #place(bytes: Uint8Array, done: number): readonly [number, number] {
    const { buffer } = this.#scanner.memory
    if (bytes.buffer === buffer) return [bytes.byteOffset + done, bytes.length - done]
    const part = bytes.subarray(done, done + this.#scanner.inputBytes())
    const length = part.lastIndexOf(lineFeed) + 1
    const at = this.#scanner.inputAt()
    if (length > 0) this.#bytes.set(part.subarray(0, length), at)
    return [at, length]
  }

  #addCounts(): void {
    this.#records += this.#scanner.countRecords()
    this.#passedOver += this.#scanner.countPassedOver()
    this.#handedBack += this.#scanner.countHandedBack()
  }

  #learn(kind: number, row: number, text: number, length: number): void {
    switch (kind) {
      case textKinds.endpoint:
        this.#say(row, this.#texts.endpoint(row, this.#textAt(text, length)))
        break
      case textKinds.address:
        this.#say(row, this.#texts.address(this.#textAt(text, length)))
        break
      case textKinds.shape: {
        const bytes = this.#bytes.subarray(text, text + length)
        this.#say(row, wordsOfShape(bytes, this.#isAsked))
        break
      }
      case textKinds.origin:
        this.#texts.origin(row, this.#textsOf(text, length))
        break
      case textKinds.named: {
        const [address = 0, names = 0, edge = 0] = this.#tuple(text, length)
        this.#texts.named(address, names, edge, () => this.#textOf(names))
        break
      }
      case textKinds.answer:
        this.#texts.answer(this.#textsOf(text, length))
        break
    }
  }

  /** Writes what is said of a row into its words. */
  #say(row: number, said: readonly number[]): void {
    const at = (this.#scanner.rowsAt() + row * rowBytes) / 4 + hostWords
    for (let word = 0; word < said.length; word += 1) this.#words[at + word] = said[word] ?? 0
  }

  #tuple(text: number, length: number): readonly number[] {
    return [...this.#words.subarray(text / 4, (text + length) / 4)]
  }

  #textsOf(text: number, length: number): readonly string[] {
    return this.#tuple(text, length).map((row) => this.#textOf(row))
  }

  /** Returns the text of a row; that of row 0 is empty. */
  #textOf(row: number): string {
    const at = (this.#scanner.rowsAt() + row * rowBytes) / 4
    return this.#textAt(this.#words[at + 2] ?? 0, this.#words[at + 3] ?? 0)
  }

  #textAt(at: number, length: number): string {
    return utf8.decode(this.#bytes.subarray(at, at + length))
  }
}

const encoder = new TextEncoder()

/** What a wrapper holds is read from a text of its own, which is found without decoding what it says. */
function innerText(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length > maxWrapperBytes) return undefined
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
  const text = wrappedText(value)
  return text === undefined ? undefined : encoder.encode(text)
}
