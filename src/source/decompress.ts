/** Streaming decompression of recordings: bounded by what the consumer takes, whatever the input expands to. */
import type { Transform } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { MessageChannel } from 'node:worker_threads'
import * as zlib from 'node:zlib'
import { NetweirError } from '../errors.ts'
import type { Compression } from './compression.ts'
import { ZstdFrames } from './zstd-frames.ts'

/** How a compressed stream ended: where it should, or in the middle, as the newest file of a live recording does. */
export type StreamEnd = 'whole' | 'cut'

/** Decompressed bytes, piece by piece. */
export type Decompressed = AsyncGenerator<Uint8Array, StreamEnd>

/** How much is decompressed at once. */
const pieceBytes = 1024 * 1024

/**
 * Returns the content of a compressed stream, all members and frames of it. What was decoded before a fault is
 * yielded first.
 * @throws {NetweirError} `SOURCE_CORRUPT` from the generator.
 */
export function decompress(
  input: AsyncIterable<Uint8Array>,
  compression: Exclude<Compression, 'none'>,
  file: string,
): Decompressed {
  return compression === 'gzip' ? gunzip(input, file) : unzstd(input, file)
}

/** A decoder goes on, in a thread of its own, while what it has given is read: so many pieces may wait. */
const aheadPieces = 2

async function* gunzip(input: AsyncIterable<Uint8Array>, file: string): Decompressed {
  const failure = yield* through(zlib.createGunzip({ chunkSize: pieceBytes }), input)
  if (failure === undefined) return 'whole'
  if ('code' in failure && failure.code === 'Z_BUF_ERROR') return 'cut'
  throw corrupt('gzip', failure.message, file)
}

/** Node has a decoder of its own since 22.15; another one stands in before. */
async function* unzstd(input: AsyncIterable<Uint8Array>, file: string): Decompressed {
  const frames = new ZstdFrames()
  const create = (zlib as { readonly createZstdDecompress?: () => Transform }).createZstdDecompress
  let hasAll = false
  const checked = followed(input, frames, file, () => {
    hasAll = true
  })
  const failure = yield* create === undefined ? slowly(checked) : through(create(), checked)
  // A decoder that gives up before its input ends has met what is broken.
  if (hasAll && !frames.isAtEnd) return 'cut'
  if (failure !== undefined) throw corrupt('zstd', failure.message, file)
  return 'whole'
}

async function* followed(
  input: AsyncIterable<Uint8Array>,
  frames: ZstdFrames,
  file: string,
  onEnd: () => void,
): AsyncGenerator<Uint8Array, void> {
  for await (const bytes of input) {
    try {
      yield* frames.slices(bytes)
    } catch (reason) {
      throw corrupt('zstd', reason instanceof Error ? reason.message : String(reason), file)
    }
  }
  onEnd()
}

/** Returns the failure of the decoder, if any, once all that it decoded is yielded. */
async function* slowly(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, Error | undefined> {
  // Loaded only here: few recordings need it.
  const { createZstdDecoder } = await import('./zstd-decoder.ts')
  const decoder = await createZstdDecoder()
  const { port1: bin } = new MessageChannel()
  bin.close()
  const pieces = decoder.decode(input)
  try {
    for (;;) {
      const { done, value } = await pieces.next()
      if (done === true) {
        if (value instanceof NetweirError) throw value
        return value
      }
      yield value
      // Given back at once, as below.
      bin.postMessage(undefined, [value.buffer])
    }
  } finally {
    await pieces.return(undefined)
  }
}

/**
 * Returns the failure of a decoder, if any, once all that it decoded is yielded: the iterator of a stream would throw
 * away what stands in its buffer at the failure, and joins the pieces in it, which are large.
 */
async function* through(
  decoder: Transform,
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, Error | undefined> {
  const decoded: Uint8Array[] = []
  let failure: Error | undefined
  let hasEnded = false
  let wake: () => void = () => undefined
  decoder.on('data', (bytes: Uint8Array) => {
    decoded.push(bytes)
    if (decoded.length >= aheadPieces) decoder.pause()
    wake()
  })
  decoder.on('end', () => {
    hasEnded = true
    wake()
  })
  decoder.on('error', (error: Error) => {
    failure = error
    wake()
  })
  void feed(decoder, input)
  const { port1: bin } = new MessageChannel()
  bin.close()
  try {
    for (;;) {
      const bytes = decoded.shift()
      if (bytes !== undefined) {
        decoder.resume()
        // The decoder is given its next input before this thread is busy with what it gave.
        await setImmediate()
        yield bytes
        release(bytes, bin)
      } else if (hasEnded || failure !== undefined) break
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    decoder.destroy()
  }
  if (failure instanceof NetweirError) throw failure
  return failure
}

/**
 * Gives the memory of a piece back at once, where the decoder is done with it: the collector would come late, since what
 * it sees is small. What is given to a port that is closed is gone.
 */
function release(bytes: Uint8Array, bin: MessagePort): void {
  const { buffer, byteOffset, byteLength } = bytes
  const isLast = byteOffset + byteLength === buffer.byteLength
  if (isLast && buffer instanceof ArrayBuffer && buffer.byteLength === pieceBytes) {
    bin.postMessage(undefined, [buffer])
  }
}

/** Each piece is waited for before the next: a decoder that is told of the end too early drops what the last held. */
async function feed(decoder: Transform, input: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const bytes of input) {
      await new Promise<void>((resolve) => {
        decoder.write(bytes, () => resolve())
      })
      if (decoder.destroyed) return
    }
    decoder.end()
  } catch (reason) {
    decoder.destroy(reason instanceof Error ? reason : new Error(String(reason)))
  }
}

function corrupt(format: string, what: string, file: string): NetweirError {
  return new NetweirError('SOURCE_CORRUPT', `broken ${format} data: ${what}`, {
    location: { file },
    hint: `test the file with "${format} -t", and record or copy it again`,
  })
}
