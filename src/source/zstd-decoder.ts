/** zstd where Node.js has no decoder of its own (before 22.15): streams of any length in bounded memory. */
import { ZSTDDecoder } from 'zstddec/stream'

/** Decoded bytes, in memory of their own. */
type Decoded = Uint8Array<ArrayBuffer>

/** Returns a decoder for one stream. */
export async function createZstdDecoder(): Promise<ZstdDecoder> {
  const decoder = new ZSTDDecoder()
  await decoder.init()
  return new ZstdDecoder(decoder)
}

/**
 * Decodes one stream, given in slices that end where frames end. The package asks for all slices in one loop, so that it is
 * given one whenever it asks; and where one is damaged it turns in circles without a word.
 */
export class ZstdDecoder {
  readonly #pieces: Generator<Decoded, void>
  #next: Uint8Array | undefined
  #wasEmpty = false

  constructor(decoder: ZSTDDecoder) {
    this.#pieces = decoder.decodeStreaming(this.#slices())
  }

  /** Yields what the slices hold, and returns what is wrong with them or with their coming, if anything. */
  async *decode(slices: AsyncIterable<Uint8Array>): AsyncGenerator<Decoded, Error | undefined> {
    let failure: Error | undefined
    try {
      for await (const slice of slices) yield* this.push(slice)
    } catch (reason) {
      failure = asError(reason)
    }
    try {
      yield* this.end()
    } catch (reason) {
      failure ??= asError(reason)
    }
    return failure
  }

  /**
   * Takes a slice, which may be overwritten once all is asked for. Yields what was decoded, of the slice before it, too.
   * @throws {Error} for damaged data.
   */
  *push(slice: Uint8Array): Generator<Decoded, void> {
    this.#next = slice
    while (this.#next !== undefined) {
      const piece = this.#decode()
      if (piece !== undefined && piece.length > 0) yield piece
    }
  }

  /** Yields what is left. @throws {Error} for damaged data, and where the last frame is not whole. */
  *end(): Generator<Decoded, void> {
    for (let piece = this.#decode(); piece !== undefined; piece = this.#decode()) {
      if (piece.length > 0) yield piece
    }
  }

  *#slices(): Generator<Uint8Array, void> {
    for (let slice = this.#next; slice !== undefined; slice = this.#next) {
      this.#next = undefined
      yield slice
    }
  }

  #decode(): Decoded | undefined {
    const before = this.#next
    const { done, value } = this.#pieces.next()
    if (done === true) return undefined
    // Nothing comes out of a slice only when all of it went in: then the next one is asked for.
    if (this.#wasEmpty && this.#next === before) throw new Error('what cannot be decoded')
    this.#wasEmpty = value.length === 0
    return value
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
