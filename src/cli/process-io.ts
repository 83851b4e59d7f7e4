import process from 'node:process'
import type { Io, Output } from './io.ts'
import { BrokenPipe } from './io.ts'

const interruptions = ['SIGINT', 'SIGTERM'] as const

/** An {@link Io} that can be let go of. */
export interface ProcessIo extends Io {
  /** Stops reading standard input, which would keep the process alive. */
  close(): void
}

/** Returns the real process as an {@link Io}. Standard input is not touched before it is read. */
export function createProcessIo(): ProcessIo {
  let isReading = false
  return {
    stdin: {
      [Symbol.asyncIterator]: () => {
        isReading = true
        return process.stdin[Symbol.asyncIterator]()
      },
    },
    stdout: outputTo(process.stdout, { isResult: true }),
    stderr: outputTo(process.stderr, { isResult: false }),
    env: process.env,
    now: () => Date.now(),
    onInterrupt,
    close: () => {
      if (isReading) process.stdin.destroy()
    },
  }
}

function onInterrupt(listener: () => void): () => void {
  let count = 0
  const onSignal = (): void => {
    count += 1
    if (count > 1) process.exit(130)
    listener()
  }
  for (const signal of interruptions) process.on(signal, onSignal)
  return () => {
    for (const signal of interruptions) process.off(signal, onSignal)
  }
}

function outputTo(stream: NodeJS.WriteStream, role: { readonly isResult: boolean }): Output {
  // Without a listener, Node turns a failed write into an uncaught exception with a stack trace.
  stream.on('error', () => undefined)
  return {
    isTty: stream.isTTY === true,
    get columns() {
      return stream.isTTY === true ? stream.columns : undefined
    },
    write: (content) =>
      new Promise((resolve, reject) => {
        stream.write(content, (error) => {
          // Messages that nobody can read are no reason to lose a result.
          if (error === undefined || error === null || !role.isResult) resolve()
          else reject(isBrokenPipe(error) ? new BrokenPipe('nobody reads standard output') : error)
        })
      }),
  }
}

function isBrokenPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED'
}
