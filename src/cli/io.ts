/** What the command line needs of the process it runs in: handed in, so that a test can be the process. */

/** One of the two streams that a run writes to. */
export interface Output {
  readonly isTty: boolean
  /** Width in characters; absent where the stream is no terminal. */
  readonly columns: number | undefined
  /**
   * Resolves when the content has been taken by the other side, so that a slow reader slows the run.
   *
   * @throws {@link BrokenPipe} when nobody reads any more; what the system said for every other failure.
   */
  write(content: string | Uint8Array): Promise<void>
}

/** The outside of one run. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  now(): number
  /**
   * Calls `listener` at the first SIGINT or SIGTERM. The second one ends the process at once with exit code 130.
   * Returns what takes the listener away again.
   */
  onInterrupt(listener: () => void): () => void
}

/** The reader of standard output has gone (`| head -1`): a reason to stop, and not a failure. */
export class BrokenPipe extends Error {
  override readonly name = 'BrokenPipe'
}
