/**
 * How a recording is compressed: in frames that can each be read on their own, so that a recorder that is killed loses
 * no more than the frame it was writing, and finds the end of the last whole one without decompressing those before.
 *
 * Both forms are what every decompressor reads. A gzip member says its own length in an extra field (RFC 1952 section
 * 2.3.1.1), a zstd frame follows a skippable one that says its length (RFC 8878 section 3.1.2), as pzstd writes it.
 */
import { crc32, deflateRawSync, gunzipSync } from 'node:zlib'

/** One way to write frames. */
export interface FrameFormat {
  readonly name: 'gzip' | 'zstd'
  /** How many bytes of a frame {@link frameBytes} needs. */
  readonly headBytes: number
  /** Returns one frame that holds `content`. */
  encode(content: Uint8Array): Uint8Array
  /** Returns the length of the frame that begins with `head`, or undefined where `head` is no head of a recorder's. */
  frameBytes(head: Buffer): number | undefined
  /**
   * Returns what a frame holds.
   * @throws {Error} when it is damaged.
   */
  decode(frame: Uint8Array): Uint8Array
}

/** The longest content of a frame: the longest record, and what may wait to be written with it. */
const maxContentBytes = 64 * 1024 * 1024

/** Returns the format that a file name asks for; undefined for text as it is. */
export async function frameFormatOf(path: string): Promise<FrameFormat | undefined> {
  if (path.endsWith('.gz')) return gzip
  return path.endsWith('.zst') ? await zstd() : undefined
}

/** Identification, deflate, flag for the extra field, no time, no flags, unknown system, the field's length and name. */
const gzipHead = Buffer.from([
  0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 8, 0, 0x4e, 0x57, 4, 0, 0, 0, 0, 0,
])
const gzipLengthAt = 16
const gzipTailBytes = 8

const gzip: FrameFormat = {
  name: 'gzip',
  headBytes: gzipHead.length,
  encode: (content) => {
    const body = deflateRawSync(content)
    const head = Buffer.from(gzipHead)
    head.writeUInt32LE(head.length + body.length + gzipTailBytes, gzipLengthAt)
    const tail = Buffer.alloc(gzipTailBytes)
    tail.writeUInt32LE(crc32(content), 0)
    tail.writeUInt32LE(content.length % 2 ** 32, 4)
    return Buffer.concat([head, body, tail])
  },
  frameBytes: (head) =>
    head.subarray(0, gzipLengthAt).equals(gzipHead.subarray(0, gzipLengthAt))
      ? head.readUInt32LE(gzipLengthAt)
      : undefined,
  decode: (frame) => gunzipSync(frame, { maxOutputLength: maxContentBytes }),
}

/** The first magic number of skippable frames, and the length of this one's content: a length of four bytes. */
const skippableHead = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0])
const zstdHeadBytes = 12

async function zstd(): Promise<FrameFormat> {
  const { Zstd } = await import('@hpcc-js/wasm-zstd')
  const codec = await Zstd.load()
  return {
    name: 'zstd',
    headBytes: zstdHeadBytes,
    encode: (content) => {
      const body = codec.compress(content)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(body.length)
      return Buffer.concat([skippableHead, length, body])
    },
    frameBytes: (head) =>
      head.subarray(0, skippableHead.length).equals(skippableHead)
        ? zstdHeadBytes + head.readUInt32LE(skippableHead.length)
        : undefined,
    decode: (frame) => codec.decompress(frame.subarray(zstdHeadBytes)),
  }
}
