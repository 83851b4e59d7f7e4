/** Reading of large files that are not compressed: straight into the reader, and in pieces by several threads. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { NetweirError } from '../errors.ts'
import type { ScannerModule } from '../flow/scanner.ts'
import type { Reader, ReaderOptions } from '../traffic/reader.ts'
import type { FileRange, PieceParts, PieceTask } from './piece-reader.ts'
import { PieceReader, pieceCount } from './piece-reader.ts'
import { pieceThread, sharedBytes } from './piece-thread.ts'
import { fail } from './recorded.ts'

/** How a large file is read. */
export interface LargeFileOptions extends Pick<ReaderOptions, 'sinceMs' | 'untilMs' | 'requests'> {
  /** Absent where there is none; then one thread reads all. */
  readonly scanner?: ScannerModule
  readonly threads: number
  /** Fires when the run is given up. */
  readonly aborted: AbortSignal
  /** Bytes and records that were read so far. */
  readonly onProgress: (bytes: number, records: number) => void
  /** Bytes of a piece. Default: a 128th of the file, 4 to 64 MiB, and all of a file below 512 MiB. */
  readonly pieceBytes?: number
}

const mebibyte = 1024 * 1024
const chunkBytes = 256 * 1024

/** How much is read before it is known what the file holds, and others can help. */
const headBytes = chunkBytes

/** How far before the end of the file the last line feed is looked for. */
const tailBytes = 16 * mebibyte

const lineFeed = 0x0a

/**
 * Reads a file to its end. What comes out is the same for any number of threads.
 * @throws {NetweirError} `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`, `INTERRUPTED`, and the codes of {@link Reader.consume}.
 */
export async function readLargeFile(
  path: string,
  reader: Reader,
  options: LargeFileOptions,
): Promise<void> {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    await new LargeFile(path, file, reader, options).read()
  } catch (reason) {
    fail(path, reason)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

class LargeFile {
  readonly #path: string
  readonly #file: number
  readonly #reader: Reader
  readonly #options: LargeFileOptions
  readonly #input: Uint8Array
  #position = 0

  constructor(path: string, file: number, reader: Reader, options: LargeFileOptions) {
    this.#path = path
    this.#file = file
    this.#reader = reader
    this.#options = options
    this.#input = reader.input ?? new Uint8Array(chunkBytes)
  }

  async read(): Promise<void> {
    this.#readHead()
    await this.#readPieces()
    await this.#readRest()
  }

  /** Up to a line feed where there is one. */
  #readHead(): void {
    const bytes = this.#chunk(0, headBytes)
    const end = bytes.lastIndexOf(lineFeed) + 1
    this.#consume(end > 0 ? bytes.subarray(0, end) : bytes)
  }

  async #readPieces(): Promise<void> {
    const { scanner, threads, pieceBytes: asked } = this.#options
    if (scanner === undefined || threads < 2 || !this.#reader.isBetweenLines) return
    const { size } = fstatSync(this.#file)
    if (asked === undefined && size < sharedBytes) return
    const end = this.#lastLine(size)
    const bytes = end - this.#position
    const pieceBytes =
      asked ?? Math.min(Math.max(Math.ceil(bytes / 128), 4 * mebibyte), 64 * mebibyte)
    if (bytes < 2 * pieceBytes) return
    const range = { path: this.#path, start: this.#position, end, pieceBytes }
    const found = await this.#shareOut(range, scanner)
    if (found === undefined) {
      this.#reader.dropPieces()
      return
    }
    const { firstLines, lines } = layOut(range, found)
    const parts = found.map((one) => one.parts)
    this.#reader.absorb(parts, { lines, bytes }, firstLines)
    this.#position = end
  }

  /** Returns undefined when something was found that one thread must read in order. */
  async #shareOut(
    range: FileRange,
    module: ScannerModule,
  ): Promise<readonly PieceParts[] | undefined> {
    const { sinceMs, untilMs, requests } = this.#options
    const count = Math.min(this.#options.threads, pieceCount(range))
    const shared = {
      next: new Int32Array(new SharedArrayBuffer(4)),
      progress: new Float64Array(new SharedArrayBuffer(16 * count)),
    }
    const task = (index: number): PieceTask => ({
      range,
      module,
      options: {
        ...(sinceMs === undefined ? {} : { sinceMs }),
        ...(untilMs === undefined ? {} : { untilMs }),
        ...(requests === undefined ? {} : { requests }),
      },
      shared,
      index,
    })
    // Where there can be no more threads, fewer do the work.
    const threads = Array.from({ length: count - 1 }, pieceThread).filter(
      (thread) => thread !== undefined,
    )
    for (const [index, thread] of threads.entries()) thread.begin(task(index + 1))
    try {
      const own = await this.#ownPieces(task(0))
      const all = [own, ...(await Promise.all(threads.map(({ found }) => found)))]
      this.#checkAborted()
      return all.every((parts) => parts !== undefined) ? all : undefined
    } finally {
      // What they held is given back while their findings are joined.
      for (const thread of threads) thread.end()
    }
  }

  async #ownPieces(task: PieceTask): Promise<PieceParts | undefined> {
    const { progress } = task.shared
    try {
      const reading = new PieceReader(task, this.#reader.startPieces()).read()
      for (;;) {
        const step = reading.next()
        if (step.done === true) return step.value
        await setImmediate()
        this.#checkAborted()
        let [bytes, records] = [this.#position, this.#reader.records]
        for (let at = 0; at < progress.length; at += 2) {
          bytes += progress[at] ?? 0
          records += progress[at + 1] ?? 0
        }
        this.#options.onProgress(bytes, records)
      }
    } catch (reason) {
      if (reason instanceof NetweirError && reason.code !== 'INTERRUPTED') return undefined
      throw reason
    }
  }

  async #readRest(): Promise<void> {
    for (let chunk = 1; ; chunk += 1) {
      const bytes = this.#chunk(this.#position, this.#input.length)
      if (bytes.length === 0) return
      this.#consume(bytes)
      if (chunk % 16 !== 0) continue
      this.#options.onProgress(this.#position, this.#reader.records)
      await setImmediate()
      this.#checkAborted()
    }
  }

  #consume(bytes: Uint8Array): void {
    this.#reader.consume(bytes, { source: this.#path, offset: this.#position })
    this.#position += bytes.length
  }

  #chunk(position: number, wanted: number): Uint8Array {
    const length = Math.min(wanted, this.#input.length)
    return this.#input.subarray(0, readSync(this.#file, this.#input, 0, length, position))
  }

  /** Returns where the last line of the file starts that has no line feed yet. */
  #lastLine(size: number): number {
    const tail = Buffer.alloc(chunkBytes)
    const least = Math.max(this.#position, size - tailBytes)
    for (let end = size; end > least; end -= chunkBytes) {
      const start = Math.max(least, end - chunkBytes)
      const length = readSync(this.#file, tail, 0, end - start, start)
      const feed = tail.subarray(0, length).lastIndexOf(lineFeed)
      if (feed >= 0) return start + feed + 1
    }
    return this.#position
  }

  #checkAborted(): void {
    if (this.#options.aborted.aborted) {
      throw new NetweirError('INTERRUPTED', `interrupted while reading "${this.#path}"`)
    }
  }
}

/** Returns which line of the range is the first of each piece, and how many there are. */
function layOut(
  range: FileRange,
  found: readonly PieceParts[],
): { readonly firstLines: ReadonlyMap<number, number>; readonly lines: number } {
  const counts = new Map(found.flatMap((parts) => [...parts.lines]))
  const firstLines = new Map<number, number>()
  let lines = 0
  for (let piece = 0; piece < pieceCount(range); piece += 1) {
    firstLines.set(piece, lines)
    lines += counts.get(piece) ?? 0
  }
  return { firstLines, lines }
}
