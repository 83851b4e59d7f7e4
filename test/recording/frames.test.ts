import { spawnSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FrameFormat } from '../../src/recording/frames.ts'
import { frameFormatOf } from '../../src/recording/frames.ts'
import { compressionOf } from '../../src/source/compression.ts'
import { decompress } from '../../src/source/decompress.ts'

const gzip = await known('flows.jsonl.gz')
const zstd = await known('flows.jsonl.zst')

async function known(path: string): Promise<FrameFormat> {
  const format = await frameFormatOf(path)
  if (format === undefined) throw new Error(`no format for ${path}`)
  return format
}

async function read(bytes: Uint8Array): Promise<string> {
  async function* once(): AsyncGenerator<Uint8Array, void> {
    yield bytes
  }
  const parts: Uint8Array[] = []
  const compression = compressionOf(bytes.subarray(0, 4))
  if (compression === 'none') throw new Error('not compressed')
  const pieces = decompress(once(), compression, 'flows')
  for await (const piece of pieces) parts.push(Uint8Array.from(piece))
  return Buffer.concat(parts).toString()
}

test('a file name tells the format', async () => {
  expect(gzip.name).toBe('gzip')
  expect(zstd.name).toBe('zstd')
  expect(await frameFormatOf('flows.jsonl')).toBeUndefined()
})

describe.each([gzip, zstd])('$name frames', (format) => {
  test('say their length and hold what was put in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array(), (content, after) => {
        const frame = format.encode(content)
        const file = Buffer.concat([frame, after])
        expect(format.frameBytes(file.subarray(0, format.headBytes))).toBe(frame.length)
        expect(Buffer.from(format.decode(frame))).toEqual(Buffer.from(content))
      }),
      { numRuns: 50 },
    )
  })

  test('are read one behind the other by every reader of netweir', async () => {
    const lines = ['a\n', 'b\n'.repeat(9999), 'c\n']
    const file = Buffer.concat(lines.map((line) => format.encode(Buffer.from(line))))
    expect(await read(file)).toBe(lines.join(''))
  })

  test('of another writer are known by their head', () => {
    for (const head of ['1f8b0800000000000003', '28b52ffd', '00', '504b0304']) {
      const bytes = Buffer.concat([Buffer.from(head, 'hex'), Buffer.alloc(format.headBytes)])
      expect(format.frameBytes(bytes.subarray(0, format.headBytes))).toBeUndefined()
    }
  })

  test('that are damaged are no content', () => {
    const frame = Buffer.from(format.encode(Buffer.from('{"flow":{}}\n'.repeat(500))))
    expect(() => format.decode(frame.subarray(0, -1))).toThrow(/./)
    frame.fill(0, format.headBytes)
    expect(() => format.decode(frame)).toThrow(/./)
  })
})

test('gzip frames are what gunzip reads', () => {
  const file = Buffer.concat(['a\n', 'b\n'].map((line) => gzip.encode(Buffer.from(line))))
  expect(gunzipSync(file).toString()).toBe('a\nb\n')
})

test.skipIf(spawnSync('zstd', ['--version']).status !== 0)(
  'zstd frames are what the zstd command reads',
  () => {
    const input = Buffer.concat(['a\n', 'b\n'].map((line) => zstd.encode(Buffer.from(line))))
    expect(spawnSync('zstd', ['-dc'], { input }).stdout.toString()).toBe('a\nb\n')
  },
)
