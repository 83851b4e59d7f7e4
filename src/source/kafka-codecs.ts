/** Decompression of record batches: gzip, snappy, lz4 and zstd, each loaded when a batch needs it, all with a cap. */
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { NetweirError } from '../errors.ts'
import { ZstdFrames } from './zstd-frames.ts'

/** Most bytes that one compressed batch may hold; producers do not make batches of more than a few megabytes. */
export const maxBatchBytes: number = 256 * 1024 * 1024

/** Returns what a compressed batch holds. Rejects when it is damaged, or holds more than {@link maxBatchBytes}. */
export type Decompressor = (bytes: Buffer) => Promise<Buffer>

const gunzip = promisify(zlib.gunzip)
const require = createRequire(import.meta.url)

/** Both come without types of their own. */
interface Snappy {
  uncompress(bytes: Buffer, maxLength: number): Buffer
}

interface Lz4 {
  /** Returns the most bytes that a frame can hold. */
  decompressBound(frame: Uint8Array): number
  /** Returns how many bytes it wrote. */
  decompressFrame(frame: Uint8Array, output: Uint8Array): number
}

/** Bits 0 to 2 of the attributes of a record batch (KIP-98, KIP-110); the other three values mean nothing yet. */
export const decompressors: ReadonlyMap<number, Decompressor> = new Map<number, Decompressor>([
  [1, guarded('gzip', (bytes) => gunzip(bytes, { maxOutputLength: maxBatchBytes }))],
  [2, guarded('snappy', unsnappy)],
  [3, guarded('lz4', unlz4)],
  [4, guarded('zstd', unzstd)],
  [5, unknown(5)],
  [6, unknown(6)],
  [7, unknown(7)],
])

function guarded(
  name: string,
  decompress: (bytes: Buffer) => Buffer | Promise<Buffer>,
): Decompressor {
  return async (bytes) => {
    try {
      return await decompress(bytes)
    } catch (reason) {
      throw NetweirError.from(reason, 'SOURCE_CORRUPT', {
        hint: `a batch that is compressed with ${name} is damaged, or holds more than ${maxBatchBytes / 2 ** 20} MiB`,
      })
    }
  }
}

function unknown(codec: number): Decompressor {
  return () =>
    Promise.reject(
      new NetweirError('SOURCE_UNREADABLE', `records are compressed with codec ${codec}`, {
        hint: 'none, gzip, snappy, lz4 and zstd are known: set compression.type of the producer to one of them',
      }),
    )
}

/** Java's producers cut snappy into blocks with a header of their own, others write one plain block. */
function unsnappy(bytes: Buffer): Buffer {
  const snappy = require('snappyjs') as Snappy
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) {
    return snappy.uncompress(bytes, maxBatchBytes)
  }
  const blocks: Buffer[] = []
  let left = maxBatchBytes
  let at = xerialHeaderBytes
  while (at < bytes.length) {
    const length = bytes.readUInt32BE(at)
    at += 4
    if (length > bytes.length - at) throw new Error('a snappy block is cut')
    const block = snappy.uncompress(bytes.subarray(at, at + length), left)
    blocks.push(block)
    left -= block.length
    at += length
  }
  return Buffer.concat(blocks)
}

/** Magic, then two versions of four bytes each. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const xerialHeaderBytes = 16

function unlz4(bytes: Buffer): Buffer {
  const lz4 = require('lz4js') as Lz4
  const bound = lz4.decompressBound(bytes)
  if (bound > maxBatchBytes) throw new Error('too large')
  const output = new Uint8Array(bound)
  const length = lz4.decompressFrame(bytes, output)
  return Buffer.from(output.buffer, 0, length)
}

/** Node.js has a decoder of its own since 22.15, which says nothing of what is cut off and stops behind the first frame. */
async function unzstd(bytes: Buffer): Promise<Buffer> {
  const frames = [...wholeFrames(bytes)]
  const pieces: Uint8Array[] = []
  let length = 0
  const take = (decoded: Iterable<Uint8Array>): void => {
    for (const piece of decoded) {
      length += piece.length
      if (length > maxBatchBytes) throw new Error('too large')
      pieces.push(piece)
    }
  }
  const { zstdDecompress } = zlib as unknown as Partial<ZstdOfNode>
  if (zstdDecompress !== undefined) {
    for (const frame of frames) {
      take([await promisify(zstdDecompress)(frame, { maxOutputLength: maxBatchBytes })])
    }
    return Buffer.concat(pieces)
  }
  const { createZstdDecoder } = await import('./zstd-decoder.ts')
  const decoder = await createZstdDecoder()
  for (const frame of frames) take(decoder.push(frame))
  take(decoder.end())
  return Buffer.concat(pieces)
}

/** @throws {Error} where the last frame is cut off. */
function* wholeFrames(bytes: Buffer): Generator<Buffer, void> {
  const frames = new ZstdFrames()
  let start = 0
  let end = 0
  for (const slice of frames.slices(bytes)) {
    end += slice.length
    if (!frames.isAtEnd) continue
    yield bytes.subarray(start, end)
    start = end
  }
  if (!frames.isAtEnd) throw new Error('cut off')
}

interface ZstdOfNode {
  zstdDecompress(
    bytes: Buffer,
    options: { readonly maxOutputLength: number },
    done: (error: Error | null, result: Buffer) => void,
  ): void
}
