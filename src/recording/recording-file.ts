/** The file that is being recorded to: what was handed over survives a kill, and it is rotated by size. */
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FrameFormat } from './frames.ts'
import { recordingFailed } from './recording-error.ts'

/** How a recording is laid out. */
export interface FileOptions {
  readonly format: FrameFormat | undefined
  /** A file of at least so many bytes is put aside and a new one begun. Default: never. */
  readonly rotateBytes?: number
  /** How many files that were put aside are kept, the newest ones. Default: all. */
  readonly keep?: number
  /** Milliseconds since the epoch, for the names of files that are put aside. */
  readonly now: () => number
}

/** What is written at once. */
const flushBytes = 1024 * 1024

/** Between two writes of a source that says little, in milliseconds: what a kill may cost at most. */
const flushIntervalMs = 1000

/** A frame compresses badly when it is short. */
const frameIntervalMs = 2000

/** Between two times that what was written is made to survive the machine, in milliseconds. */
const syncIntervalMs = 5000

/** Names as the directory reader orders them (`source/recorded.ts`). */
const nameParts = /^(.*?)(\.(?:log|json|jsonl|ndjson))(\.gz|\.zst)?$/

/** Tells whether a directory reader takes a file of this name for a recording. */
export function isRecordingName(path: string): boolean {
  return nameParts.test(basename(path))
}

/**
 * Returns the files of the same recording that were put aside, the oldest first.
 * @throws {Error} what the system says of the directory.
 */
export async function rotatedFiles(path: string): Promise<readonly string[]> {
  const [, stem = '', extension = '', compression = ''] = nameParts.exec(basename(path)) ?? []
  const directory = dirname(path)
  const names = (await readdir(directory)).filter((name) => {
    const isOurs = name.startsWith(`${stem}-`) && name.endsWith(`${extension}${compression}`)
    const time = name.slice(stem.length + 1, name.length - extension.length - compression.length)
    return isOurs && /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/.test(time)
  })
  return names.sort().map((name) => join(directory, name))
}

/** A recording that lines are added to. Methods may be called while others are under way: they take their turn. */
export class RecordingFile {
  readonly #path: string
  readonly #options: FileOptions
  #file: FileHandle
  /** Where the next frame goes. */
  #end: number
  #waiting: string[] = []
  #waitingBytes = 0
  #dueMs: number | undefined
  #unsyncedMs: number | undefined
  #turn: Promise<void> = Promise.resolve()
  #failure: Error | undefined
  #saved = 0
  readonly #putAside: string[] = []
  readonly #removed: string[] = []

  private constructor(path: string, options: FileOptions, file: FileHandle, end: number) {
    this.#path = path
    this.#options = options
    this.#file = file
    this.#end = end
  }

  /**
   * Opens a recording to go on behind its first `end` bytes; what stands behind them is cut off.
   * @throws {NetweirError} `OUTPUT_FAILED`.
   */
  static async open(path: string, end: number, options: FileOptions): Promise<RecordingFile> {
    let file: FileHandle | undefined
    try {
      file = await open(path, end === 0 ? 'w' : 'r+')
      await file.truncate(end)
      await syncDirectory(dirname(path))
      return new RecordingFile(path, options, file, end)
    } catch (reason) {
      await file?.close().catch(() => undefined)
      throw recordingFailed(path, reason)
    }
  }

  /** How many lines were handed to the system: they survive a kill of this process. */
  get saved(): number {
    return this.#saved
  }

  /** Files that were put aside, and files that went because only some are kept. */
  get rotation(): { readonly putAside: readonly string[]; readonly removed: readonly string[] } {
    return { putAside: this.#putAside, removed: this.#removed }
  }

  /** Bytes of the file that is being written. */
  get bytes(): number {
    return this.#end
  }

  /** Adds a line, without its line feed. */
  add(line: string): void {
    this.#waiting.push(line)
    this.#waitingBytes += line.length + 1
    this.#dueMs ??= performance.now() + this.#intervalMs
  }

  /**
   * Writes what is due: because much is waiting, or because it has been waiting for long. To be called again and again,
   * also while no line comes in.
   * @throws {NetweirError} `OUTPUT_FAILED`, also for an earlier write.
   */
  async tick(): Promise<void> {
    const nowMs = performance.now()
    const isDue = this.#dueMs !== undefined && nowMs >= this.#dueMs
    if (isDue || this.#waitingBytes >= flushBytes) await this.flush()
    if (this.#unsyncedMs !== undefined && nowMs - this.#unsyncedMs >= syncIntervalMs) {
      await this.#inTurn(() => this.#sync())
    }
  }

  /** Writes all lines that are waiting. @throws {NetweirError} `OUTPUT_FAILED`. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#write())
  }

  /** Writes all that is waiting, makes it durable, and lets go of the file. @throws {NetweirError} `OUTPUT_FAILED`. */
  async close(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        await this.#write()
        await this.#sync()
      })
    } finally {
      await this.#file.close().catch(() => undefined)
    }
  }

  get #intervalMs(): number {
    return this.#options.format === undefined ? flushIntervalMs : frameIntervalMs
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn
      .then(() => {
        if (this.#failure !== undefined) throw this.#failure
        return work()
      })
      .catch((reason: unknown) => {
        this.#failure ??= recordingFailed(this.#path, reason)
        throw this.#failure
      })
    const turn = this.#turn
    // Whoever asked is told; the next in turn finds the failure by itself.
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #write(): Promise<void> {
    const lines = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#dueMs = undefined
    let first = 0
    let length = 0
    for (const [index, line] of lines.entries()) {
      length += line.length + 1
      if (length < flushBytes && index < lines.length - 1) continue
      await this.#writeFrame(lines.slice(first, index + 1))
      first = index + 1
      length = 0
    }
  }

  async #writeFrame(lines: readonly string[]): Promise<void> {
    const content = Buffer.from(`${lines.join('\n')}\n`)
    const bytes = this.#options.format?.encode(content) ?? content
    try {
      for (let at = 0; at < bytes.length; ) {
        const length = bytes.length - at
        const { bytesWritten } = await this.#file.write(bytes, at, length, this.#end + at)
        at += bytesWritten
      }
    } catch (reason) {
      // A full disk takes a part of it: half a line must not stand before what another run adds.
      await this.#file.truncate(this.#end).catch(() => undefined)
      throw reason
    }
    this.#end += bytes.length
    this.#saved += lines.length
    this.#unsyncedMs ??= performance.now()
    const { rotateBytes } = this.#options
    if (rotateBytes !== undefined && this.#end >= rotateBytes) await this.#rotate()
  }

  async #sync(): Promise<void> {
    if (this.#unsyncedMs === undefined) return
    this.#unsyncedMs = undefined
    await this.#file.datasync()
  }

  /** At every moment of it all lines stand in files that the next run finds. */
  async #rotate(): Promise<void> {
    await this.#sync()
    await this.#file.close()
    const before = await rotatedFiles(this.#path)
    const aside = this.#nameAside(before.at(-1))
    await rename(this.#path, aside)
    this.#putAside.push(aside)
    this.#file = await open(this.#path, 'wx')
    this.#end = 0
    await syncDirectory(dirname(this.#path))
    const { keep } = this.#options
    if (keep === undefined) return
    for (const old of [...before, aside].slice(0, -keep)) {
      await rm(old)
      this.#removed.push(old)
    }
  }

  /** The time stands in the name, and a name is never given twice, nor one before the last one. */
  #nameAside(last: string | undefined): string {
    const [, stem = '', extension = '', compression = ''] =
      nameParts.exec(basename(this.#path)) ?? []
    const directory = dirname(this.#path)
    for (let ms = this.#options.now(); ; ms++) {
      const time = new Date(ms).toISOString().slice(0, -1).replaceAll(':', '-')
      const path = join(directory, `${stem}-${time}${extension}${compression}`)
      if (last === undefined || path > last) return path
      // A clock that was set back: go on right behind the last name.
      ms = Math.max(ms, timeOf(last, stem, directory))
    }
  }
}

function timeOf(path: string, stem: string, directory: string): number {
  const time = path.slice(join(directory, `${stem}-`).length).slice(0, 23)
  return Date.parse(`${time.slice(0, 10)}T${time.slice(11).replaceAll('-', ':')}Z`)
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (reason) {
    // Some file systems cannot sync a directory, and then promise nothing about its names either.
    if (!(reason instanceof Error && 'code' in reason && reason.code === 'EINVAL')) throw reason
  } finally {
    await handle.close()
  }
}
