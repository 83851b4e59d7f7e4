/** Where a recording ended: how far it reaches, and what of it the source may send again. */
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { compressionOf } from '../source/compression.ts'
import type { ExportedLine } from './exported-line.ts'
import { lineOfText } from './exported-line.ts'
import { walk } from './frame-walk.ts'
import type { FrameFormat } from './frames.ts'
import { notARecording, recordingFailed } from './recording-error.ts'
import { rotatedFiles } from './recording-file.ts'

/** What is known of the end of a recording. */
export interface RecordedEnd {
  /** How many bytes of the file that was being written are whole: another run goes on behind them. */
  readonly wholeBytes: number
  /** How many bytes behind them were cut off by a kill. */
  readonly tornBytes: number
  /** Absent for a recording that holds nothing yet. */
  readonly last?: LastWords
}

/** The last minutes of a recording. */
export interface LastWords {
  /** Time of the newest flow, as it says it. */
  readonly time: string
  /** The source is asked for what came from this time on; everything in the recording that did is in `ids`. */
  readonly sinceMs: number
  readonly ids: ReadonlySet<string>
  /** The time of the newest flow of each node since then, as it says it. */
  readonly nodes: ReadonlyMap<string, string>
}

/** How far back the source is asked again, at least: longer than records of several nodes are out of order. */
const overlapMs = 60_000

/** And at most, to meet something again of nodes that say little. */
const reachMs = 600_000

/** How many lines are read back at most. */
const maxLines = 300_000

/** Records stand about in the order of their times: this much apart from it, and no more. */
const disorderMs = 10_000

/** Clocks of nodes that are further ahead than this of the time at which the recording was written are wrong. */
const aheadMs = 60_000

/**
 * Returns how a recording ends, or that there is none yet. Files that were put aside count as its beginning.
 * @throws {NetweirError} `OUTPUT_FAILED` where something else stands at the place.
 */
export async function readEnd(path: string, format: FrameFormat | undefined): Promise<RecordedEnd> {
  try {
    const memory = new Memory()
    const newest = await readFile(path, format, memory)
    const aside = (await rotatedFiles(path)).toReversed()
    for (const file of aside) {
      if (memory.isEnough) break
      await readFile(file, format, memory)
    }
    const last = memory.lastWords()
    return { ...newest, ...(last === undefined ? {} : { last }) }
  } catch (reason) {
    throw recordingFailed(path, reason)
  }
}

async function readFile(
  path: string,
  format: FrameFormat | undefined,
  memory: Memory,
): Promise<{ readonly wholeBytes: number; readonly tornBytes: number }> {
  const file = await openIfThere(path)
  if (file === undefined) return { wholeBytes: 0, tornBytes: 0 }
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw notARecording(path, 'is no regular file')
    await checkCompression(file, format, path)
    const { end, backwards } = await walk(file, stats.size, format, path)
    memory.writtenMs ??= stats.mtimeMs
    for await (const text of backwards()) {
      memory.add(linesOf(text))
      if (memory.isEnough) break
    }
    if (end > 0 && !memory.hasEvents) throw notARecording(path, 'holds no flows')
    return { wholeBytes: end, tornBytes: stats.size - end }
  } finally {
    await file.close()
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (reason) {
    if (reason instanceof Error && 'code' in reason && reason.code === 'ENOENT') return undefined
    throw reason
  }
}

async function checkCompression(
  file: FileHandle,
  format: FrameFormat | undefined,
  path: string,
): Promise<void> {
  const head = new Uint8Array(4)
  const { bytesRead } = await file.read(head, 0, 4, 0)
  const found = compressionOf(head.subarray(0, bytesRead))
  const wanted = format?.name ?? 'none'
  if (bytesRead < 4 || found === wanted) return
  const what = found === 'none' ? 'is not compressed' : `holds ${found} data`
  throw notARecording(path, `${what}, which its name does not say`)
}

function linesOf(text: Buffer): readonly ExportedLine[] {
  return text
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map(lineOfText)
}

/** Collects lines from the last one backwards. */
class Memory {
  readonly #lines: ExportedLine[] = []
  /** When the recording was written last, by the clock of this machine. */
  writtenMs: number | undefined
  /**
   * What says a later time is not the newest: a server that is asked from then on would keep back everything else. None
   * where all say a later one, so that it is this machine's clock that is behind.
   */
  #limitMs: number | undefined
  #newest: ExportedLine | undefined
  /** The newest time in the lines that were added last, which are the oldest ones. */
  #reachedMs = Number.POSITIVE_INFINITY

  get hasEvents(): boolean {
    return this.#lines.some(({ isEvent }) => isEvent)
  }

  get isEnough(): boolean {
    return (
      this.#lines.length >= maxLines ||
      this.#reachedMs < (this.#newest?.timeMs ?? 0) - reachMs - disorderMs
    )
  }

  add(lines: readonly ExportedLine[]): void {
    let newestMs: number | undefined
    if (lines.some(({ timeMs }) => timeMs !== undefined)) this.#limitMs ??= this.#limitFor(lines)
    for (const line of lines) {
      this.#lines.push(line)
      if (line.timeMs === undefined || this.#isAhead(line)) continue
      newestMs = Math.max(newestMs ?? line.timeMs, line.timeMs)
      if (this.#newest?.timeMs === undefined || line.timeMs > this.#newest.timeMs) {
        this.#newest = line
      }
    }
    this.#reachedMs = newestMs ?? this.#reachedMs
  }

  #limitFor(lines: readonly ExportedLine[]): number {
    const limitMs = (this.writtenMs ?? Number.POSITIVE_INFINITY) + aheadMs
    const isAnyBefore = lines.some(({ timeMs }) => timeMs !== undefined && timeMs <= limitMs)
    return isAnyBefore ? limitMs : Number.POSITIVE_INFINITY
  }

  #isAhead({ timeMs }: ExportedLine): boolean {
    return timeMs !== undefined && timeMs > (this.#limitMs ?? Number.POSITIVE_INFINITY)
  }

  lastWords(): LastWords | undefined {
    const { time, timeMs } = this.#newest ?? {}
    if (time === undefined || timeMs === undefined) return undefined
    const nodes = new Map<string, ExportedLine>()
    for (const line of this.#lines) {
      const { timeMs: lineMs } = line
      if (lineMs === undefined || lineMs < timeMs - reachMs) continue
      const before = nodes.get(line.node)
      const isLater = before?.timeMs === undefined || lineMs > before.timeMs
      // One wrong time among right ones says nothing of its node.
      const isBetter = before === undefined || this.#isAhead(line) === this.#isAhead(before)
      if (isBetter ? isLater : this.#isAhead(before)) nodes.set(line.node, line)
    }
    // At least one record of every node is asked for again: if it is not sent, the node has lost what came after it.
    const eldestMs = Math.min(...[...nodes.values()].map((line) => line.timeMs ?? timeMs))
    const wantedMs = Math.min(timeMs - overlapMs, eldestMs)
    // Where reading back stopped early, what stands before is not known, and is not asked for.
    const sinceMs = this.#lines.length >= maxLines ? Math.max(wantedMs, this.#reachedMs) : wantedMs
    return {
      time,
      sinceMs,
      ids: new Set(this.#lines.flatMap(({ id }) => id ?? [])),
      nodes: new Map([...nodes].map(([node, line]) => [node, line.time ?? time])),
    }
  }
}
