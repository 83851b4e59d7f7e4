/** Saves a live source for replay: its records as lines, in files that survive a kill and that the next run goes on with. */
import { NetweirError } from '../errors.ts'
import type { ExportedLine } from '../recording/exported-line.ts'
import { gapLine } from '../recording/exported-line.ts'
import { frameFormatOf } from '../recording/frames.ts'
import { lock } from '../recording/lock.ts'
import { PieceLines } from '../recording/piece-lines.ts'
import type { RecordedEnd } from '../recording/recorded-end.ts'
import { readEnd } from '../recording/recorded-end.ts'
import { RecordingFile } from '../recording/recording-file.ts'
import type { Gap } from '../recording/resumption.ts'
import { Resumption } from '../recording/resumption.ts'
import type { LiveOptions, OpenSource } from '../source/source.ts'
import { isLiveSource, openSource } from '../source/source.ts'
import type { LearnOptions, Notice, RunHost } from './pipeline.ts'
import { windowEnd } from './read-sources.ts'

/** Choices of `record`. */
export interface RecordOptions
  extends LiveOptions,
    Pick<LearnOptions, 'forMs' | 'strictCompleteness'> {
  /** The file to record to, compressed when its name ends in `.gz` or `.zst`; what it holds is gone on with. */
  readonly out: string
  /** A file of at least so many bytes is put aside and a new one begun. Default: never. */
  readonly rotateBytes?: number
  /** How many files that were put aside are kept. Default: all. */
  readonly keep?: number
}

/** What `record` did. */
export interface RecordResult {
  readonly out: string
  /** Records that were added. */
  readonly records: number
  /** Records that came again and stood in the recording already. */
  readonly known: number
  /** The time of the last flow that an earlier run recorded, where this one went on behind it. */
  readonly resumedFrom?: string
  /** Bytes at the end of the recording that a kill had cut off, and that were removed. */
  readonly tornBytes: number
  readonly gaps: readonly Gap[]
  /** Fields that stand in no line since nobody here knows them: how often, by message and number. */
  readonly unknownFields: readonly { readonly field: string; readonly count: number }[]
  readonly putAside: readonly string[]
  readonly removed: readonly string[]
  /** Why recording ended before what was asked for was read; then it is no success. */
  readonly stopped: readonly string[]
  /** What is missing within what was read. */
  readonly missing: readonly string[]
  readonly notices: readonly Notice[]
}

/** Nodes are given this long to send something that is known, in milliseconds, before they are said to have a gap. */
const settleMs = 2000

/** And so many lines at most are kept waiting for that. */
const settleLines = 20_000

/** How often it is looked whether something is due, in milliseconds. */
const tickMs = 250

/**
 * Records a live source, or standard input for `-`, until it ends or its window is closed. Every line that was written
 * is whole; an interrupted run keeps what it has.
 * @throws {NetweirError} `USAGE`, `OUTPUT_FAILED`, the codes of the source, and `INTERRUPTED`.
 */
export async function record(
  source: string,
  options: RecordOptions,
  host: RunHost,
): Promise<RecordResult> {
  if (source !== '-' && !isLiveSource(source)) {
    throw new NetweirError('USAGE', `"${source}" is no live source`, {
      hint: 'name hubble://HOST:PORT, hubbles://HOST:PORT, unix:PATH or kafka://BROKER/TOPIC, or - for standard input; a file is a recording already',
    })
  }
  const { out } = options
  const format = await frameFormatOf(out)
  const unlock = await lock(out)
  try {
    const end = await readEnd(out, format)
    const window = windowEnd(options.forMs, host.closed)
    const failure = new AbortController()
    const closed = AbortSignal.any([window.closed, failure.signal])
    const opened = await openSource(source, askedFor(options, end), {
      stdin: host.stdin,
      closed,
      // What is piped in has no window of its own to close.
      aborted: source === '-' ? AbortSignal.any([host.signal, closed]) : host.signal,
    })
    const file = await RecordingFile.open(out, end.wholeBytes, {
      format,
      now: () => Date.now(),
      ...(options.rotateBytes === undefined ? {} : { rotateBytes: options.rotateBytes }),
      ...(options.keep === undefined ? {} : { keep: options.keep }),
    })
    const recorder = new Recorder(file, end, options)
    const timer = setInterval(() => {
      // The failure is kept, and thrown by whatever comes next.
      recorder.tick().catch(() => failure.abort())
    }, tickMs)
    try {
      await recordAll(opened, recorder, { ...host, closed })
    } finally {
      clearInterval(timer)
      window.release()
      await recorder.close()
    }
    return resultOf(recorder, opened, end, options)
  } finally {
    await unlock()
  }
}

/** A recording that is gone on with says by itself from when. */
function askedFor(options: RecordOptions, { last }: RecordedEnd): LiveOptions {
  if (last === undefined) return options
  const { last: _count, ...others } = options
  return { ...others, sinceMs: Math.max(last.sinceMs, options.sinceMs ?? 0) }
}

async function recordAll(source: OpenSource, recorder: Recorder, host: RunHost): Promise<void> {
  try {
    for await (const pieces of source.pieces) {
      for (const piece of pieces) recorder.lines.add(piece)
      await recorder.tick()
      host.onProgress?.({ ...source.progress(), records: recorder.records })
    }
  } catch (reason) {
    const isClosed = host.closed?.aborted === true && !host.signal.aborted
    const isInterrupted = reason instanceof NetweirError && reason.code === 'INTERRUPTED'
    if (!isClosed || !isInterrupted) throw reason
  }
}

/** From pieces to the file, by way of what the recording knows already. */
class Recorder {
  readonly lines: PieceLines
  readonly gaps: Gap[] = []
  readonly #file: RecordingFile
  readonly #resumption: Resumption | undefined
  readonly #options: RecordOptions
  /** Lines that wait until it is known which nodes have gaps: undefined when it is. */
  #held: ExportedLine[] | undefined
  #heldSinceMs: number | undefined

  constructor(file: RecordingFile, end: RecordedEnd, options: RecordOptions) {
    this.#file = file
    this.#options = options
    this.lines = new PieceLines((line) => this.#take(line))
    if (end.last === undefined) return
    this.#resumption = new Resumption(end.last)
    this.#held = []
  }

  get records(): number {
    return this.#file.saved
  }

  get known(): number {
    return this.#resumption?.known ?? 0
  }

  get rotation(): RecordingFile['rotation'] {
    return this.#file.rotation
  }

  /** Writes what is due. @throws {NetweirError} `OUTPUT_FAILED`. */
  async tick(): Promise<void> {
    const { length = 0 } = this.#held ?? []
    const waitedMs = performance.now() - (this.#heldSinceMs ?? Number.POSITIVE_INFINITY)
    if (waitedMs >= settleMs || length >= settleLines) this.#settle()
    await this.#file.tick()
  }

  /** Writes all there is. @throws {NetweirError} `OUTPUT_FAILED`. */
  async close(): Promise<void> {
    this.lines.end()
    this.#settle()
    await this.#file.close()
  }

  #take(line: ExportedLine): void {
    this.#heldSinceMs ??= performance.now()
    if (this.#isOutside(line) || this.#resumption?.isNew(line) === false) return
    if (this.#held === undefined) this.#add(line)
    else this.#held.push(line)
  }

  /** What nobody asked for stands in no replay either. */
  #isOutside({ timeMs }: ExportedLine): boolean {
    const { sinceMs, untilMs } = this.#options
    if (timeMs === undefined) return false
    return (
      (sinceMs !== undefined && timeMs < sinceMs) || (untilMs !== undefined && timeMs > untilMs)
    )
  }

  #settle(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#addGaps()
    for (const line of held) this.#file.add(line.text)
  }

  #add(line: ExportedLine): void {
    this.#addGaps()
    this.#file.add(line.text)
  }

  /** A gap is written before what follows it: a kill in between leaves it to be found once more. */
  #addGaps(): void {
    for (const gap of this.#resumption?.takeGaps() ?? []) {
      this.gaps.push(gap)
      this.#file.add(gapLine(gap.node, gap.from, gap.to).text)
    }
  }
}

function resultOf(
  recorder: Recorder,
  source: OpenSource,
  end: RecordedEnd,
  options: RecordOptions,
): RecordResult {
  const { stopped, missing } = source.completeness()
  return {
    out: options.out,
    records: recorder.records - recorder.gaps.length,
    known: recorder.known,
    ...(end.last === undefined ? {} : { resumedFrom: end.last.time }),
    tornBytes: end.tornBytes,
    gaps: recorder.gaps,
    unknownFields: [...recorder.lines.unknownFields]
      .map(([field, count]) => ({ field, count }))
      .sort((a, b) => (a.field < b.field ? -1 : 1)),
    ...recorder.rotation,
    stopped,
    missing,
    notices: source.notices(),
  }
}
