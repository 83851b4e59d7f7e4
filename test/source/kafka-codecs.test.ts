import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { decompressors, maxBatchBytes } from '../../src/source/kafka-codecs.ts'

async function failureOf(codec: number, bytes: Buffer): Promise<NetweirError> {
  const decompress = decompressors.get(codec)
  if (decompress === undefined) throw new Error(`no codec ${codec}`)
  return decompress(bytes).then(
    () => {
      throw new Error('it was decompressed')
    },
    (reason: NetweirError) => reason,
  )
}

describe('codecs of record batches', () => {
  for (const codec of [5, 6, 7]) {
    test(`${codec} is refused by its number`, async () => {
      const failure = await failureOf(codec, Buffer.from('anything'))
      expect(failure.code).toBe('SOURCE_UNREADABLE')
      expect(failure.message).toContain(`codec ${codec}`)
    })
  }

  test('snappy is read in both of its forms', async () => {
    const plain = Buffer.from([5, 16, ...Buffer.from('hello')])
    const block = Buffer.alloc(4)
    block.writeUInt32BE(plain.length)
    const header = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1])
    const framed = Buffer.concat([header, block, plain, block, plain])
    expect(String(await decompressors.get(2)?.(plain))).toBe('hello')
    expect(String(await decompressors.get(2)?.(framed))).toBe('hellohello')
    expect((await failureOf(2, framed.subarray(0, -3))).code).toBe('SOURCE_CORRUPT')
  })

  test('zstd is read whole, and no more of it than the cap', async () => {
    const frame = Buffer.from('28b52ffd04583100007b7d0a7b7d0afac5e06e', 'hex')
    const text = '{}\n{}\n'
    expect(String(await decompressors.get(4)?.(Buffer.concat([frame, frame])))).toBe(text + text)
    const wrong = Buffer.from(frame)
    wrong[wrong.length - 1] = 0
    for (const bytes of [wrong, frame.subarray(0, -3), Buffer.concat([frame, Buffer.from('x')])]) {
      expect((await failureOf(4, bytes)).code).toBe('SOURCE_CORRUPT')
    }
    // Blocks of one byte 128 times 1,024 times.
    const block = Buffer.from([0x02, 0x00, 0x10, 0x61])
    const blocks = Array.from({ length: maxBatchBytes / 2 ** 17 + 1 }, () => block)
    const bomb = Buffer.concat([frame.subarray(0, 6), ...blocks, Buffer.from([1, 0, 0])])
    expect((await failureOf(4, bomb)).code).toBe('SOURCE_CORRUPT')
  })

  for (const codec of [1, 2, 3, 4]) {
    test(`${codec} refuses what is damaged`, async () => {
      const failure = await failureOf(codec, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]))
      expect(failure).toBeInstanceOf(NetweirError)
      expect(failure.code).toBe('SOURCE_CORRUPT')
    })
  }

  test('no more is decompressed than the cap', async () => {
    const bomb = gzipSync(Buffer.alloc(maxBatchBytes + 1))
    expect((await failureOf(1, bomb)).code).toBe('SOURCE_CORRUPT')
    const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])
    expect((await failureOf(2, claim)).code).toBe('SOURCE_CORRUPT')
  })
})
