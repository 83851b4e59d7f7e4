/** An Io whose streams are kept as text, whose clock is turned by hand, and whose signals are sent by the test. */

import type { Io, Output } from '../../src/cli/io.ts'
import { BrokenPipe } from '../../src/cli/io.ts'

/** What a {@link FakeIo} starts with. */
export interface FakeIoOptions {
  /** What standard input holds, chunk by chunk. Default: nothing. */
  readonly stdin?: AsyncIterable<Uint8Array> | string
  readonly env?: Readonly<Record<string, string>>
  readonly stdoutIsTty?: boolean
  readonly stderrIsTty?: boolean
  readonly columns?: number
  /** Characters that standard output takes before its reader goes away. */
  readonly stdoutBreaksAfter?: number
  /** What every write to standard output fails with. */
  readonly stdoutFailure?: Error
}

/** The fake, and what is to be seen of a run in it. */
export interface FakeIo extends Io {
  /** All that was written to standard output. */
  readonly out: string
  /** All that was written to standard error. */
  readonly err: string
  /** What `now()` gives, in milliseconds. */
  nowMs: number
  /** Number of listeners that wait for an interruption. */
  readonly listeners: number
  /** Sends a SIGINT. */
  interrupt(): void
}

/** Returns a fresh fake. */
export function createFakeIo(options: FakeIoOptions = {}): FakeIo {
  const out: string[] = []
  const err: string[] = []
  const listeners = new Set<() => void>()
  const stdout: Output = {
    isTty: options.stdoutIsTty ?? false,
    columns: options.columns,
    write: (content) => {
      if (options.stdoutFailure !== undefined) return Promise.reject(options.stdoutFailure)
      out.push(textOf(content))
      const limit = options.stdoutBreaksAfter ?? Number.POSITIVE_INFINITY
      return out.join('').length > limit
        ? Promise.reject(new BrokenPipe('nobody reads standard output'))
        : Promise.resolve()
    },
  }
  const stderr: Output = {
    isTty: options.stderrIsTty ?? false,
    columns: options.columns,
    write: (content) => {
      err.push(textOf(content))
      return Promise.resolve()
    },
  }
  return {
    stdin: typeof options.stdin === 'object' ? options.stdin : bytesOf(options.stdin ?? ''),
    stdout,
    stderr,
    env: options.env ?? {},
    get out() {
      return out.join('')
    },
    get err() {
      return err.join('')
    },
    nowMs: Date.UTC(2026, 1, 24, 12),
    now() {
      return this.nowMs
    },
    get listeners() {
      return listeners.size
    },
    onInterrupt: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    interrupt: () => {
      for (const listener of listeners) listener()
    },
  }
}

/** Returns the characters of a text that could move a cursor or turn its direction, as code points; newlines are allowed. */
export function hostileCharacters(text: string): readonly number[] {
  return [...text]
    .map((character) => character.codePointAt(0) ?? 0)
    .filter((code) => (code < 32 && code !== 10) || (code >= 127 && code < 160) || isBidi(code))
}

function isBidi(code: number): boolean {
  return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield new TextEncoder().encode(text)
}

function textOf(content: string | Uint8Array): string {
  return typeof content === 'string' ? content : new TextDecoder().decode(content)
}
