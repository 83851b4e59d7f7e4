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

/** Returns how many pieces a range has. */
export function pieceCount({ start, end, pieceBytes }: FileRange): number {
  return Math.ceil((end - start) / pieceBytes)
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
    const { range, shared } = this.#task
    const count = pieceCount(range)
    try {
      for (;;) {
        const piece = Atomics.add(shared.next, 0, 1)
        if (piece < 0 || piece >= count) break
        if (!(yield* this.#readPiece(piece))) {
          Atomics.store(shared.next, 0, count)
          return undefined
        }
      }
      return { parts: this.#reader.finishParts(), lines: this.#lines }
    } finally {
      closeSync(this.#file)
    }
  }

  /** The lines of a piece are those that begin in it: they follow a line feed from the byte before it on. */
  *#readPiece(piece: number): Generator<undefined, boolean> {
    const { range, shared, index } = this.#task
    const source = String(piece)
    const start = range.start + piece * range.pieceBytes
    const end = Math.min(start + range.pieceBytes, range.end)
    let position = piece === 0 ? start : start - 1
    let isInside = piece === 0
    for (let chunk = 0; position < range.end; chunk += 1) {
      const bytes = this.#chunk(position, range.end)
      if (bytes.length === 0) break
      const from = isInside ? 0 : bytes.indexOf(lineFeed) + 1
      isInside ||= from > 0
      const until = lastByte(bytes, position, end)
      if (isInside && until > from) {
        this.#reader.consume(bytes.subarray(from, until), { source, offset: position + from })
      }
      position += until
      this.#read += bytes.length
      shared.progress[index * 2] = this.#read
      shared.progress[index * 2 + 1] = this.#reader.records
      if (until < bytes.length || position >= range.end) break
      if (chunk % 16 === 15) yield
    }
    this.#lines.set(piece, this.#reader.endOfPiece())
    return !this.#reader.needsOrder
  }

  #chunk(position: number, end: number): Uint8Array {
    const wanted = Math.min(this.#input.length, end - position)
    return this.#input.subarray(0, readSync(this.#file, this.#input, 0, wanted, position))
  }
}

/** Returns how many of the bytes at `position` belong to a piece that ends at `end`, with the line that it is cut in. */
function lastByte(bytes: Uint8Array, position: number, end: number): number {
  const last = end - 1 - position
  if (last >= bytes.length) return bytes.length
  const feed = bytes.indexOf(lineFeed, Math.max(last, 0))
  return feed < 0 ? bytes.length : feed + 1
}
