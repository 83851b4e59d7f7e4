import { setImmediate } from 'node:timers/promises'
import type { Progress, RunHost, Style } from '../index.ts'
import { createStyle, escapeText, NetweirError } from '../index.ts'
import { abortable, interrupted } from './abortable.ts'
import { wantsColor } from './color.ts'
import { letHeapGrow, letHeapGrowWith } from './heap.ts'
import type { Io } from './io.ts'
import { BrokenPipe } from './io.ts'
import { bytesText, createProgressLine } from './progress.ts'
import type { DisplayOptions } from './resolve-options.ts'

/** What one command has of the outside: where it reads, and where each kind of text goes. */
export interface Session {
  /** For the pipeline: standard input, the signal that ends the run, and the progress line. */
  readonly host: RunHost
  readonly display: DisplayOptions
  /** Style of standard error. */
  readonly style: Style
  /** Returns the style of a result, which is plain where it goes to a file. */
  resultStyle(file: string | undefined): Style
  /**
   * Writes the result of the run, to a file where one is named.
   *
   * @throws NetweirError `OUTPUT_FAILED`, and `INTERRUPTED` when the run was asked to stop before.
   */
  writeResult(result: string | Uint8Array, file: string | undefined): Promise<void>
  /** Writes to standard error, unless `--quiet`. */
  note(text: string): Promise<void>
  /** Writes to standard error, whatever was asked for: why the run did not do what it was for. */
  complain(text: string): Promise<void>
  /** Writes to standard error, with `--verbose` only. */
  detail(text: string): Promise<void>
  /** Throws NetweirError `INTERRUPTED` when the run was asked to stop: nothing may be written any more. */
  checkInterrupted(): Promise<void>
  /** Says what was read, and takes the progress line away. */
  endReading(): Promise<void>
}

/** What an interruption means: `closed` fires first where a live source is read, `signal` gives the run up. */
export interface Interruptions {
  readonly closed: AbortSignal
  readonly signal: AbortSignal
}

/** Returns the session of a run. */
export function createSession(
  io: Io,
  display: DisplayOptions,
  { closed, signal }: Interruptions,
): Session {
  const line = createProgressLine(io, { isWanted: display.progress && !display.quiet })
  const read = new Map<string, Progress>()
  const style = createStyle({ color: wantsColor(display.color, io.env, io.stderr) })
  const complain = async (text: string): Promise<void> => {
    await line.clear()
    if (text !== '') await io.stderr.write(text)
  }
  const note = (text: string): Promise<void> => complain(display.quiet ? '' : text)
  const detail = (text: string): Promise<void> => (display.verbose ? note(text) : Promise.resolve())
  const checkInterrupted = async (): Promise<void> => {
    // A signal that arrived during a long calculation is delivered only now.
    await setImmediate()
    if (signal.aborted) throw interrupted()
  }
  const onClosed = (): void => {
    note('going on with what was read so far; interrupt again to give up\n').catch(() => undefined)
  }
  closed.addEventListener('abort', onClosed, { once: true })
  return {
    host: {
      stdin: { [Symbol.asyncIterator]: () => abortable(io.stdin, signal) },
      signal,
      closed,
      writeFile,
      onProgress: (progress) => {
        letHeapGrowWith(progress.edges ?? 0)
        read.set(progress.source, progress)
        line.show(progress)
      },
      onRead: letHeapGrow,
    },
    display,
    style,
    resultStyle: (file) =>
      createStyle({
        color: file === undefined && wantsColor(display.color, io.env, io.stdout),
      }),
    writeResult: async (result, file) => {
      await checkInterrupted()
      await line.clear()
      if (file === undefined) await writeStdout(io, result)
      else {
        await writeFile(file, result)
        await detail(`wrote ${escapeText(file)}\n`)
      }
    },
    note,
    complain,
    detail,
    checkInterrupted,
    endReading: async () => {
      closed.removeEventListener('abort', onClosed)
      await line.clear()
      for (const { source, bytes } of read.values()) {
        await detail(`read ${escapeText(source)} (${bytesText(bytes)})\n`)
      }
      read.clear()
    },
  }
}

/** What writes files is loaded only where one is written. */
async function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  const { writeFileWhole } = await import('./out-file.ts')
  await writeFileWhole(path, content)
}

/** Writes to standard output. @throws NetweirError `OUTPUT_FAILED`, and {@link BrokenPipe} as it came. */
export async function writeStdout(
  io: Pick<Io, 'stdout'>,
  result: string | Uint8Array,
): Promise<void> {
  try {
    await io.stdout.write(result)
  } catch (reason) {
    if (reason instanceof BrokenPipe) throw reason
    throw new NetweirError('OUTPUT_FAILED', 'cannot write to standard output', {
      cause: reason,
      hint: 'make room where standard output goes, or name a file with --out',
    })
  }
}
