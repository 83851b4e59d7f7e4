import { NetweirError } from '../index.ts'

/** Returns the failure of a run that was asked to stop. */
export function interrupted(): NetweirError {
  return new NetweirError('INTERRUPTED', 'interrupted before the end, and nothing was written')
}

/**
 * Yields what `input` yields until `signal` fires. A pipe that is silent would otherwise hold up an interrupted run for
 * as long as its writer pleases.
 *
 * @throws NetweirError `INTERRUPTED` once the signal has fired.
 */
export async function* abortable<T>(
  input: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = input[Symbol.asyncIterator]()
  let stop: () => void = () => undefined
  const aborted = new Promise<'aborted'>((resolve) => {
    stop = () => resolve('aborted')
    signal.addEventListener('abort', stop, { once: true })
  })
  if (signal.aborted) stop()
  let isOver = false
  try {
    while (!isOver) {
      const next = await Promise.race([iterator.next(), aborted])
      if (next === 'aborted') throw interrupted()
      isOver = next.done === true
      if (next.done !== true) yield next.value
    }
  } finally {
    signal.removeEventListener('abort', stop)
    // Not awaited: a stream that waits for its writer answers only when that writer does.
    if (!isOver) iterator.return?.()?.then(undefined, () => undefined)
  }
}
