/** Reads pieces of a large file of lines, each piece by itself, in whatever thread this runs. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { ScannerModule } from '../flow/scanner.ts'
import type { ReadParts } from '../traffic/read-parts.ts'
import type { Reader, ReaderOptions } from '../traffic/reader.ts'
import { createReader } from '../traffic/reader.ts'

/** The part of a file that is read in pieces. It starts behind a line feed, and ends with one. */
export interface FileRange {
  readonly path: string
  readonly start: number
  readonly end: number
  readonly pieceBytes: number
}

/** What all readers of a range share. */
export interface SharedPieces {
  /** The number of the next piece that nobody reads yet; -1 once reading is given up. */
  readonly next: Int32Array
  /** Bytes and records that were read so far, of each reader. */
  readonly progress: Float64Array
}

/** What one reader found in its pieces. */
export interface PieceParts {
  readonly parts: ReadParts
  /** Lines of the pieces that it read, by their numbers. */
  readonly lines: ReadonlyMap<number, number>
}

/** What a thread is told to do. */
export interface PieceTask {
  readonly range: FileRange
  readonly module: ScannerModule
  readonly options: Pick<ReaderOptions, 'sinceMs' | 'untilMs' | 'requests'>
  readonly shared: SharedPieces
  /** Its position among the readers. */
  readonly index: number
}

const lineFeed = 0x0a

/** Few lines are longer. */
const lineBytes = 16 * 1024

/** What the first reader reads while the others hand over what they found, at most a part of the file. */
const lastBytes = 48 * 1024 * 1024
const lastPart = 1 / 32

/** Returns how many pieces a range has. */
export function pieceCount({ start, end, pieceBytes }: FileRange): number {
  return Math.ceil((end - start) / pieceBytes)
}

/** Returns how many pieces at the end are for the first reader alone. */
function lastPieces(range: FileRange): number {
  return Math.min(Math.ceil(lastBytes / range.pieceBytes), Math.floor(pieceCount(range) * lastPart))
}

/** Reads one piece after another, until none is left. */
export class PieceReader {
  readonly #task: PieceTask
  readonly #reader: Reader
  readonly #input: Uint8Array
  readonly #file: number
  readonly #lines = new Map<number, number>()
  #read = 0

  /** Default: a reader of its own. */
  constructor(task: PieceTask, reader?: Reader) {
    this.#task = task
    this.#reader = reader ?? createReader({ ...task.options, scanner: task.module, isPiece: true })
    this.#input = this.#reader.input ?? new Uint8Array(0)
    this.#file = openSync(task.range.path, 'r')
  }

  /**
   * Reads the pieces that others leave, yielding after every few chunks. Returns undefined when there is something that
   * must be read in order: all is then to be read anew, in one go.
   */
  *read(): Generator<undefined, PieceParts | undefined> {
    const { range, shared, index } = this.#task
    const count = pieceCount(range)
    const end = count - (index === 0 ? 0 : lastPieces(range))
    try {
      while (Atomics.load(shared.next, 0) < end) {
        const piece = Atomics.add(shared.next, 0, 1)
        if (piece < 0 || piece >= count) break
        if (!(yield* this.#readPiece(piece))) {
          Atomics.store(shared.next, 0, count)
          return undefined
        }
      }
      return { parts: this.#reader.finishParts(), lines: this.#lines }
    } catch (reason) {
      // All is read anew: what others still find is of no use.
      Atomics.store(shared.next, 0, count)
      throw reason
    } finally {
      closeSync(this.#file)
    }
  }

  /** The lines of a piece are those that begin in it; the last one may end behind it. */
  *#readPiece(piece: number): Generator<undefined, boolean> {
    const { range } = this.#task
    const source = String(piece)
    const start = range.start + piece * range.pieceBytes
    const end = Math.min(start + range.pieceBytes, range.end)
    let position = piece === 0 ? start : this.#lineAfter(start - 1, end)
    let isOver = position >= end
    for (let chunk = 0; !isOver; chunk += 1) {
      const bytes = this.#chunk(position, range.end)
      if (bytes.length === 0) break
      const feed = bytes.indexOf(lineFeed, Math.max(end - 1 - position, 0))
      isOver = feed >= 0
      const lines = isOver ? bytes.subarray(0, feed + 1) : bytes
      this.#reader.consume(lines, { source, offset: position })
      position += lines.length
      this.#report(lines.length)
      if (chunk % 16 === 15) yield
    }
    this.#lines.set(piece, this.#reader.endOfPiece())
    return !this.#reader.needsOrder
  }

  /** Returns where the first line begins behind a line feed from `position` on; `end` when none begins before it. */
  #lineAfter(position: number, end: number): number {
    for (let at = position; at < end; ) {
      const bytes = this.#chunk(at, Math.min(at + lineBytes, end))
      const feed = bytes.indexOf(lineFeed)
      if (feed >= 0) return at + feed + 1
      if (bytes.length === 0) return end
      at += bytes.length
    }
    return end
  }

  #report(bytes: number): void {
    const { shared, index } = this.#task
    this.#read += bytes
    shared.progress[index * 2] = this.#read
    shared.progress[index * 2 + 1] = this.#reader.records
  }

  #chunk(position: number, end: number): Uint8Array {
    const wanted = Math.min(this.#input.length, end - position)
    return this.#input.subarray(0, readSync(this.#file, this.#input, 0, wanted, position))
  }
}
