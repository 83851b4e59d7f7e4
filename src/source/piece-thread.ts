/** Threads that read pieces of large files, one of which may be started before it is known what it is to read. */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { PieceParts, PieceTask } from './piece-reader.ts'

/** Files from this size on are read in another way than others: straight into memory. */
export const largeBytes: number = 64 * 1024 * 1024

/**
 * Files from this size on are read by several threads. In smaller ones a second thread saves nothing: it, too, sees every
 * text for a first time.
 */
export const sharedBytes: number = 512 * 1024 * 1024

/** A thread that reads. */
export interface PieceThread {
  /** Tells it what to read, once. */
  begin(task: PieceTask): void
  /**
   * What it found; undefined when something must be read in order, or when it failed: whatever goes wrong in a thread
   * goes wrong again, and is told, when the file is read in order.
   */
  readonly found: Promise<PieceParts | undefined>
  /** Gives back all that it holds. Nobody need wait for that. */
  end(): void
}

let ahead: PieceThread | undefined

/**
 * Starts a thread while the program is still loaded, which takes about as long, if the words that were typed name a large
 * file and nothing against threads. This is a guess: when it is wrong, time is lost and nothing else. Returns whether one
 * was started.
 */
export function startThreadAhead(
  words: readonly string[],
  processors: number = availableParallelism(),
): boolean {
  const isAlone = /(?:^| )--(?:strict|threads[ =]1)(?: |$)/.test(words.join(' '))
  if (isAlone || processors < 2 || !words.some(isSharedText)) return false
  ahead = startThread()
  return ahead !== undefined
}

function isSharedText(path: string): boolean {
  try {
    if (statSync(path).size < sharedBytes) return false
    const file = openSync(path, 'r')
    const head = Buffer.alloc(1)
    readSync(file, head)
    closeSync(file)
    return head.toString() === '{'
  } catch {
    return false
  }
}

/** Returns the thread that was started ahead, or a new one; undefined where there can be none, for want of memory or of a permission. */
export function pieceThread(): PieceThread | undefined {
  const thread = ahead ?? startThread()
  ahead = undefined
  return thread
}

function startThread(): PieceThread | undefined {
  let worker: Worker
  try {
    worker = new Worker(new URL('../source/piece-worker.js', import.meta.url), {
      // Scanning leaves little behind.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
  } catch {
    return undefined
  }
  const found = new Promise<PieceParts | undefined>((resolve) => {
    worker.once('message', (parts: PieceParts | undefined) => resolve(parts))
    worker.once('error', () => resolve(undefined))
    worker.once('exit', () => resolve(undefined))
  })
  return {
    begin: (task) => worker.postMessage(task),
    found,
    end: () => {
      worker.terminate().catch(() => undefined)
    },
  }
}
