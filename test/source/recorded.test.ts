import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Zstd } from '@hpcc-js/wasm-zstd'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RecordedSource } from '../../src/source/recorded.ts'
import { expandSource, openRecorded } from '../../src/source/recorded.ts'

/** What {@link sample} spells, as the zstd command line compresses it at level 19. */
const sampleZstd = Buffer.from(
  'KLUv/WQuPjUVABbwXxtgTao52ocVZT48Q97QSKWI0dKSnUQe5xoGBjlwAFQAUwC0sCuropqSulqsqCOjIqIhoalECrqxKZoZmafDiTkxKSEZEVkqlJDbrulZ/s7js1apU+lt2ejRWCSOcJZk8Kxo5DI0CDjQUIAAAVSocGAYYMBAgQaGw8IhAgIGCSAokHAIEAsHBwcKC4cJDxosOFAILEbxyIqIQxTixBKJQTwrGs7I8GGHHMbwTIqEIxThwgopITwrmjPlZydnzLMqlVNKedmSZfSsiBxSyFkGeVbB4MhlBM+ujm5O7uvx4s7MysjGxLZabXtWRNS2JTXopm0r06fT9qxIRtq2Ib3ttu238/asqJ1K27bHGott27JksLWi6EQlerRRRiN6VkfHOcrxY488xp0VGccoxq1GGsN4VlRTlOLFFgN3///1/rMiG/v/K6v/b7H+f0jo/7Op+X9OzP+LLP9nNf3/X///tv9ZEYf/f2Hx/3Fjxp8VXefk2rZnVta2rZUW1radqtQVgZGoEdDRnvbfEW+UQoYDEngFgsAJAgqCvwLzBzPrm1dLi1bRABHtml9rJzPLNkg6b79KPtGkV0hoZ3+lHclYtgPia3+jPsWl6u52mPRqYaNqGmBimuxHf0E4kgg7v+Kx6/WjjSJXEcNktfb0b+VRwd2W/wDNtjwmODbJsaZ7S74Ql+Vi7ORvy6MgnbteP9oo8ijobKLHzt7rZzbMPdfO8xPNaG2KN986sNh9Oi/3RSWvntWBZVVPrJzKuVapRWqZJbsuZzR20RzVQl3l78sB2c/GPpMlJf94bvFkPpUcvQ17vrUReS8nDz03Puw2/i4y/MZOqWfDj93Gb0WO39hovNfpa7I5r5NlBsdn8NlRChP7XejCLeUS7Z8Zw6GYPIC4aOpXAVnNtF4=',
  'base64',
)

const sample = Array.from(
  { length: 400 },
  (_, n) => `${JSON.stringify({ flow: { n, verdict: n % 7 ? 'FORWARDED' : 'DROPPED' } })}\n`,
).join('')

let dir = ''
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'recorded-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const never = new AbortController().signal

async function* noInput(): AsyncGenerator<Uint8Array> {}

async function* inputOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
}

/** Cuts bytes into chunks of one size. */
function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

interface Content {
  readonly bytes: Buffer
  readonly isCut: boolean
  readonly readBytes: number
}

async function contentOf(source: RecordedSource): Promise<Content> {
  const parts: Buffer[] = []
  let offset = 0
  let isCut = false
  let readBytes = 0
  for await (const chunk of source.chunks) {
    expect(isCut).toBe(false)
    expect(chunk.offset).toBe(offset)
    expect(chunk.readBytes).toBeGreaterThanOrEqual(readBytes)
    offset += chunk.bytes.length
    parts.push(Buffer.from(chunk.bytes))
    isCut = chunk.isCut
    readBytes = chunk.readBytes
  }
  return { bytes: Buffer.concat(parts), isCut, readBytes }
}

async function readFile(name: string, bytes: Uint8Array): Promise<Content> {
  const path = join(dir, name)
  writeFileSync(path, bytes)
  const source = await openRecorded(path, noInput(), never)
  expect(source).toMatchObject({ name: path, totalBytes: bytes.length })
  return contentOf(source)
}

async function readInput(bytes: Uint8Array, size = bytes.length): Promise<Content> {
  return contentOf(await openRecorded('-', inputOf(chunksOf(bytes, Math.max(size, 1))), never))
}

/** A zstd frame by hand: blocks as they stand (raw), or one byte many times. */
function frame(
  blocks: readonly (string | { readonly byte: number; readonly count: number })[],
  header: readonly number[] = [0x00, 0x38],
): Buffer {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...header])]
  for (const [index, block] of blocks.entries()) {
    const isRaw = typeof block === 'string'
    const size = isRaw ? Buffer.byteLength(block) : block.count
    const bits = (index === blocks.length - 1 ? 1 : 0) + (isRaw ? 0 : 2) + size * 8
    parts.push(Buffer.from([bits & 255, (bits >> 8) & 255, bits >> 16]))
    parts.push(isRaw ? Buffer.from(block) : Buffer.from([block.byte]))
  }
  return Buffer.concat(parts)
}

const plain = Buffer.from(sample)
const gz = gzipSync(plain)

describe('content', () => {
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])

  test.each<[string, Uint8Array, string]>([
    ['plain', plain, sample],
    ['empty', Buffer.from(''), ''],
    ['three bytes', Buffer.from('{}\n'), '{}\n'],
    ['gzip', gz, sample],
    ['gzip of nothing', gzipSync(''), ''],
    ['gzip in several members', Buffer.concat([gz, gzipSync('x\n'), gz]), `${sample}x\n${sample}`],
    ['gzip with padding', Buffer.concat([gz, Buffer.alloc(512)]), sample],
    ['zstd', sampleZstd, sample],
    [
      'zstd in several frames',
      Buffer.concat([sampleZstd, frame(['x\n']), sampleZstd]),
      `${sample}x\n${sample}`,
    ],
    ['zstd with skippable frames', Buffer.concat([skippable, sampleZstd, skippable]), sample],
    ['zstd of blocks as they stand', frame(['{"a":1}\n', '', '{"b":2}\n']), '{"a":1}\n{"b":2}\n'],
    [
      'zstd with a checksum',
      Buffer.concat([frame(['{}\n{}\n'], [0x04, 0x38]), Buffer.from('fac5e06e', 'hex')]),
      '{}\n{}\n',
    ],
    ['zstd of a single segment', frame(['{"a":1}\n{}\n'], [0x20, 11]), '{"a":1}\n{}\n'],
    [
      'zstd of a single segment of two size bytes',
      frame(['x'.repeat(300)], [0x60, 44, 0]),
      'x'.repeat(300),
    ],
  ])('%s, from a file of any name and from a pipe in any chunks', async (_, bytes, expected) => {
    const whole = {
      bytes: Buffer.from(expected),
      isCut: false,
      readBytes: expected === '' ? expect.anything() : bytes.length,
    }
    expect(await readFile('recording.log', bytes)).toEqual(whole)
    for (const size of [1, 3, 100, 5000]) {
      expect((await readInput(bytes, size)).bytes.toString()).toBe(expected)
    }
  })

  test('a large file comes in bounded chunks', async () => {
    const large = Buffer.alloc(3 * 1024 * 1024, sample)
    for (const bytes of [large, gzipSync(large)]) {
      writeFileSync(join(dir, 'large'), bytes)
      const source = await openRecorded(join(dir, 'large'), noInput(), never)
      let total = 0
      for await (const chunk of source.chunks) {
        expect(chunk.bytes.length).toBeLessThanOrEqual(1024 * 1024)
        total += chunk.bytes.length
      }
      expect(total).toBe(large.length)
    }
  })

  test('standard input has no size', async () => {
    const source = await openRecorded('-', noInput(), never)
    expect(source.name).toBe('-')
    expect(source).not.toHaveProperty('totalBytes')
  })
})

describe('a compressed file that ends in the middle', () => {
  test.each([
    ['gzip', gz],
    ['zstd', sampleZstd],
    ['gzip behind a whole member', Buffer.concat([gzipSync('x\n'), gz])],
    ['zstd behind a whole frame', Buffer.concat([frame(['{"a":1}\n']), sampleZstd])],
  ])('%s: what is there is read, then the cut is reported', async (_, bytes) => {
    const whole = (await readInput(bytes)).bytes
    const cuts = [5, 12, 30, 35, Math.floor(bytes.length / 2), bytes.length - 9, bytes.length - 1]
    for (const cut of cuts) {
      const { bytes: found, isCut } = await readInput(bytes.subarray(0, cut), 64)
      expect(isCut, `cut at ${cut}`).toBe(true)
      expect(whole.subarray(0, found.length).equals(found)).toBe(true)
    }
  })

  test('gzip: nothing that can be decoded is lost', async () => {
    const lines = Array.from({ length: 50_000 }, (_, n) => `${n * 7919}\n`).join('')
    const bytes = gzipSync(lines)
    expect((await readInput(bytes.subarray(0, -8), 1000)).bytes.toString()).toBe(lines)
  })

  test('zstd: whole blocks are kept', async () => {
    const bytes = frame(['{"a":1}\n', '{"b":2}\n', '{"c":3}\n'])
    expect(await readInput(bytes.subarray(0, -1), 1)).toMatchObject({ isCut: true })
    const { bytes: found } = await readInput(bytes.subarray(0, -1), 1)
    expect(found.toString()).toMatch(/^\{"a":1\}\n\{"b":2\}\n(?:\{"c":3\})?$/)
  })
})

describe('broken data', () => {
  const broken = (bytes: Uint8Array, at: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 0xff
    return copy
  }

  test.each<[string, Uint8Array, string]>([
    ['gzip header', broken(gz, 2), 'gzip'],
    ['gzip content', broken(gz, 200), 'gzip'],
    ['gzip checksum', broken(gz, gz.length - 6), 'gzip'],
    ['gzip followed by something else', Buffer.concat([gz, Buffer.from('hello')]), 'gzip'],
    [
      'zstd followed by something else',
      Buffer.concat([sampleZstd, Buffer.from('hello')]),
      'no frame',
    ],
    ['zstd content', broken(sampleZstd, 60), 'zstd'],
    [
      'zstd with a wrong checksum',
      Buffer.concat([frame(['{}\n{}\n'], [0x04, 0x38]), Buffer.alloc(4)]),
      'zstd',
    ],
    ['zstd block type', Buffer.concat([frame([]), Buffer.from([0x06, 0, 0, 0])]), 'block'],
    ['zstd block size', frame([{ byte: 120, count: 200_000 }]), 'block'],
    ['zstd window of 256 MiB', frame(['x'], [0x00, 18 << 3]), '128 MiB'],
    ['zstd segment of 4 GB', frame(['x'], [0xa0, 255, 255, 255, 255]), '128 MiB'],
  ])('%s', async (_, bytes, message) => {
    await expect(readInput(bytes, 50)).rejects.toMatchObject({
      code: 'SOURCE_CORRUPT',
      location: { file: '-' },
      message: expect.stringContaining(message),
      hint: expect.stringContaining('-t'),
    })
  })

  test('zstd: wherever a byte is damaged, nothing else is taken for the content', async () => {
    // Behind the magic number, without which it is no zstd.
    for (let at = 4; at < sampleZstd.length; at++) {
      const found = await readInput(broken(sampleZstd, at)).catch((reason: unknown) => reason)
      if (found instanceof Error)
        expect(found, `byte ${at}`).toMatchObject({ name: 'NetweirError' })
      else if (!(found as { isCut: boolean }).isCut) {
        expect(String((found as { bytes: Buffer }).bytes), `byte ${at}`).toBe(sample)
      }
    }
  })

  test('zstd: what is broken before its end is no end that came early', async () => {
    const text = Array.from({ length: 40_000 }, (_, n) => `{"n":${(n * 2_654_435_761) % 1e9}}\n`)
    const whole = (await Zstd.load()).compress(Buffer.from(text.join('')))
    expect(whole.length).toBeGreaterThan(150_000)
    let refused = 0
    for (let at = 100; at < whole.length / 2; at += 4_003) {
      const copy = Buffer.from(whole)
      copy.fill(0xff, at, at + 8)
      const found = await readInput(copy, 65_536).catch((reason: unknown) => reason)
      if (found instanceof Error) {
        expect(found, `byte ${at}`).toMatchObject({ code: 'SOURCE_CORRUPT' })
        refused += 1
      } else expect(found, `byte ${at}`).toMatchObject({ isCut: false })
    }
    expect(refused).toBeGreaterThan(10)
    const cut = await readInput(whole.subarray(0, whole.length / 2), 65_536)
    expect((cut as Content).isCut).toBe(true)
  })

  test.each([
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
    ['bzip2', [0x42, 0x5a, 0x68, 0x39]],
    ['lz4', [0x04, 0x22, 0x4d, 0x18]],
    ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ])('%s is named', async (name, bytes) => {
    await expect(readInput(Buffer.from(bytes), 1)).rejects.toMatchObject({
      code: 'NOT_FLOWS',
      message: expect.stringContaining(name),
    })
  })
})

describe('data that expands a lot', () => {
  async function largest(bytes: Uint8Array): Promise<{ chunk: number; total: number }> {
    const source = await openRecorded('-', inputOf(chunksOf(bytes, 65_536)), never)
    let chunk = 0
    let total = 0
    for await (const { bytes: piece } of source.chunks) {
      chunk = Math.max(chunk, piece.length)
      total += piece.length
    }
    return { chunk, total }
  }

  test('gzip comes in bounded chunks', async () => {
    const megabytes = 100
    const bytes = gzipSync(Buffer.alloc(megabytes * 1024 * 1024, 32))
    const { chunk, total } = await largest(bytes)
    expect(total).toBe(megabytes * 1024 * 1024)
    expect(chunk).toBeLessThanOrEqual(1024 * 1024)
  })

  test('zstd comes in bounded chunks', async () => {
    const block = { byte: 32, count: 128 * 1024 }
    const bytes = frame(Array.from({ length: 2000 }, () => block))
    const { chunk, total } = await largest(bytes)
    expect(total).toBe(2000 * 128 * 1024)
    expect(chunk).toBeLessThanOrEqual(1024 * 1024)
  })

  test('reading stops when nobody asks for more', async () => {
    for (const bytes of [gzipSync(Buffer.alloc(50 * 1024 * 1024, 32)), sampleZstd, plain]) {
      let isClosed = false
      async function* input(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield bytes
        } finally {
          isClosed = true
        }
      }
      const source = await openRecorded('-', input(), never)
      for await (const chunk of source.chunks) {
        expect(chunk.bytes.length).toBeGreaterThan(0)
        break
      }
      await expect.poll(() => isClosed).toBe(true)
    }
  })
})

describe('what cannot be read', () => {
  test.each([
    ['missing', 'SOURCE_NOT_FOUND'],
    ['file/below', 'SOURCE_NOT_FOUND'],
    ['directory', 'SOURCE_UNREADABLE'],
  ])('%s', async (name, code) => {
    writeFileSync(join(dir, 'file'), '')
    mkdirSync(join(dir, 'directory'), { recursive: true })
    const path = join(dir, name)
    await expect(openRecorded(path, noInput(), never)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(path),
    })
  })

  test('a file without permission', async () => {
    const path = join(dir, 'secret.log')
    writeFileSync(path, 'x')
    chmodSync(path, 0)
    const reading = openRecorded(path, noInput(), never).then(contentOf)
    if (process.getuid?.() === 0) expect((await reading).bytes.toString()).toBe('x')
    else await expect(reading).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  })

  test('an input that fails', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gz.subarray(0, 100)
      throw Object.assign(new Error('input/output error'), { code: 'EIO' })
    }
    const source = await openRecorded('-', failing(), never)
    await expect(contentOf(source)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      location: { file: '-' },
    })
  })
})

describe('an abort', () => {
  test.each([
    ['plain', plain],
    ['gzip', gz],
    ['zstd', sampleZstd],
  ])('ends waiting for standard input: %s', async (_, bytes) => {
    async function* waiting(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 100)
      await new Promise(() => undefined)
    }
    const controller = new AbortController()
    const source = await openRecorded('-', waiting(), controller.signal)
    const reading = contentOf(source)
    setTimeout(() => controller.abort(), 20)
    await expect(reading).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })

  test('before the first byte', async () => {
    writeFileSync(join(dir, 'a.log'), sample)
    const source = await openRecorded(join(dir, 'a.log'), noInput(), AbortSignal.abort())
    await expect(contentOf(source)).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })
})

describe('expansion', () => {
  async function expand(
    names: readonly string[],
  ): Promise<{ files: string[]; passedOver: string[] }> {
    const folder = mkdtempSync(join(dir, 'expand-'))
    for (const name of names) writeFileSync(join(folder, name), '')
    const { files, passedOver } = await expandSource(folder)
    const base = (path: string): string => path.slice(folder.length + 1)
    return { files: files.map(base), passedOver: passedOver.map(base) }
  }

  test('a file and standard input stand for themselves', async () => {
    writeFileSync(join(dir, 'odd.name'), '')
    expect(await expandSource(join(dir, 'odd.name'))).toEqual({
      files: [join(dir, 'odd.name')],
      passedOver: [],
    })
    expect(await expandSource('-')).toEqual({ files: ['-'], passedOver: [] })
  })

  test('rotated files come in the order of their time, before the one that is written', async () => {
    expect(
      await expand([
        'events.log',
        'events-2026-02-24T08-43-37.094.log',
        'events-2026-02-23T23-59-59.999.log.gz',
        'events-2026-02-24T08-43-37.093.log.zst',
        'audit.json',
        'audit-2026-02-25T00-00-00.000.json',
      ]),
    ).toEqual({
      files: [
        'audit-2026-02-25T00-00-00.000.json',
        'audit.json',
        'events-2026-02-23T23-59-59.999.log.gz',
        'events-2026-02-24T08-43-37.093.log.zst',
        'events-2026-02-24T08-43-37.094.log',
        'events.log',
      ],
      passedOver: [],
    })
  })

  test('names decide, hidden files are not looked at, and the rest is reported', async () => {
    expect(
      await expand([
        'a.jsonl',
        'b.ndjson.gz',
        'c.json.zst',
        'd.txt',
        'e.log.1',
        'f.yaml',
        '.g.log',
        'h.log.xz',
      ]),
    ).toEqual({
      files: ['a.jsonl', 'b.ndjson.gz', 'c.json.zst'],
      passedOver: ['d.txt', 'e.log.1', 'f.yaml', 'h.log.xz'],
    })
  })

  test('a compressed copy beside its original is passed over', async () => {
    expect(
      await expand(['events-2026-02-24T08-43-37.094.log', 'events-2026-02-24T08-43-37.094.log.gz']),
    ).toEqual({
      files: ['events-2026-02-24T08-43-37.094.log'],
      passedOver: ['events-2026-02-24T08-43-37.094.log.gz'],
    })
  })

  test('directories are not entered, links are followed', async () => {
    const folder = mkdtempSync(join(dir, 'links-'))
    mkdirSync(join(folder, 'sub.log'))
    writeFileSync(join(folder, 'a.log'), '')
    symlinkSync(join(folder, 'a.log'), join(folder, 'b.log'))
    symlinkSync(join(folder, 'nowhere'), join(folder, 'c.log'))
    expect(await expandSource(folder)).toEqual({
      files: [join(folder, 'a.log'), join(folder, 'b.log')],
      passedOver: [join(folder, 'c.log'), join(folder, 'sub.log')],
    })
  })

  test('a directory without recordings is an error', async () => {
    await expect(expand([])).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' })
    await expect(expand(['a.txt'])).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      hint: expect.stringContaining('.jsonl'),
    })
  })

  test('a missing path is an error with a hint', async () => {
    await expect(expandSource(join(dir, 'missing'))).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      hint: expect.stringContaining('-'),
    })
  })
})

test('a pipe is read like a file', async () => {
  const path = join(dir, 'pipe')
  execFileSync('mkfifo', [path])
  const writing = import('node:fs/promises').then(({ writeFile }) => writeFile(path, gz))
  const source = await openRecorded(path, noInput(), never)
  expect(source).not.toHaveProperty('totalBytes')
  expect((await contentOf(source)).bytes.toString()).toBe(sample)
  await writing
})
