import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import type { AbortedTransaction } from '../../src/source/kafka-batches.ts'
import { areBatches, committedBatches, recordsAtOnce } from '../../src/source/kafka-batches.ts'
import type { KafkaRecord } from '../../src/source/kafka-client.ts'

interface Written {
  readonly offsetDelta?: number
  readonly timestampDelta?: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly headers?: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

interface Encoded {
  readonly buffer: Buffer
}

/** The encoder of kafkajs, which brokers understand. */
const require = createRequire(import.meta.url)
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (
  record: Written,
) => Encoded
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(batch: object): Promise<Encoded>
}

interface BatchOptions {
  readonly base?: number
  readonly producer?: number
  readonly marker?: 'abort' | 'commit'
  readonly lastDelta?: number
}

const attributesAt = 21
const controlBit = 0b10_0000

async function batch(records: readonly Written[], options: BatchOptions = {}): Promise<Buffer> {
  const { base = 0, producer, marker, lastDelta = Math.max(0, records.length - 1) } = options
  const { buffer } = await RecordBatch({
    firstOffset: BigInt(base),
    firstTimestamp: 1_000,
    lastOffsetDelta: lastDelta,
    transactional: producer !== undefined,
    producerId: BigInt(producer ?? -1),
    records: records.map((record, index) => encodeRecord({ offsetDelta: index, ...record })),
  })
  const bytes = Buffer.from(buffer)
  if (marker !== undefined) {
    bytes.writeInt16BE(bytes.readInt16BE(attributesAt) | controlBit, attributesAt)
  }
  return bytes
}

const marker = (base: number, producer: number, kind: 'abort' | 'commit'): Promise<Buffer> =>
  batch([{ key: Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1]), value: Buffer.alloc(6) }], {
    base,
    producer,
    marker: kind,
  })

const valued = (...values: readonly string[]): readonly Written[] =>
  values.map((value) => ({ value: Buffer.from(value) }))

async function read(
  bytes: Buffer,
  aborted: readonly AbortedTransaction[] = [],
): Promise<{ records: KafkaRecord[]; next: number | undefined; parts: number }> {
  const stored = committedBatches(bytes, aborted)
  const records: KafkaRecord[] = []
  let next = stored?.next
  let parts = 0
  for await (const part of recordsAtOnce(stored ?? { batches: [], next: 0 }, 'kafka://b/t/0')) {
    records.push(...part.records)
    next = part.next
    parts += 1
  }
  return { records, next, parts }
}

const valuesOf = ({ records }: { readonly records: readonly KafkaRecord[] }): string[] =>
  records.map(({ value }) => String(value))

describe('record batches', () => {
  test('give back what was written, whatever it was', async () => {
    const bytes = fc.option(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      { nil: null },
    )
    const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', ''))
    const record = fc.record({
      timestampDelta: fc.integer({ min: -1e6, max: 1e6 }),
      key: bytes,
      value: bytes,
      headers: fc.uniqueArray(fc.tuple(name, fc.string()), {
        selector: ([key]) => key,
        maxLength: 4,
      }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.nat(),
        async (all, base) => {
          const written = all.map(({ headers, ...rest }) => {
            const named = Object.create(null) as Record<string, Buffer>
            for (const [key, value] of headers) named[key] = Buffer.from(value)
            return { ...rest, headers: named }
          })
          const { records, next } = await read(await batch(written, { base }))
          expect(next).toBe(base + all.length)
          expect(records).toHaveLength(all.length)
          for (const [index, found] of records.entries()) {
            const { key, value, timestampDelta, headers } = written[index] as (typeof written)[0]
            expect(found.offset).toBe(base + index)
            expect(found.timeMs).toBe(1_000 + timestampDelta)
            expect(found.key === null ? null : [...found.key]).toEqual(
              key === null ? null : [...key],
            )
            expect(found.value === null ? null : [...found.value]).toEqual(
              value === null ? null : [...value],
            )
            expect(found.headers.map(([key, content]) => [key, String(content)])).toEqual(
              Object.keys(headers).map((key) => [key, String(headers[key])]),
            )
          }
        },
      ),
    )
  })

  test('end where the last whole one ends', async () => {
    const one = await batch(valued('a', 'b'))
    const two = await batch(valued('c'), { base: 2 })
    const bytes = Buffer.concat([one, two])
    expect(await read(bytes)).toMatchObject({ next: 3, parts: 1 })
    for (let length = one.length; length < bytes.length; length += 1) {
      const cut = await read(bytes.subarray(0, length))
      expect([cut.next, ...valuesOf(cut)]).toEqual([2, 'a', 'b'])
    }
    expect(committedBatches(one.subarray(0, one.length - 1), [])).toBeUndefined()
    expect(committedBatches(Buffer.alloc(0), [])).toBeUndefined()
    expect([areBatches(one), areBatches(Buffer.alloc(20, 1)), areBatches(Buffer.alloc(3))]).toEqual(
      [true, false, false],
    )
  })

  test('that compaction left empty, or without their last records, are stepped over', async () => {
    const empty = await batch([], { base: 0, lastDelta: 4 })
    expect(committedBatches(empty, [])).toEqual({ batches: [], next: 5 })
    const shortened = await batch(valued('a'), { base: 5, lastDelta: 9 })
    const found = await read(Buffer.concat([empty, shortened]))
    expect([found.next, ...valuesOf(found)]).toEqual([15, 'a'])
  })

  test('of transactions that were given up are left out, also where these overlap', async () => {
    // Producer 1 begins first and ends last; brokers name the one that ended first first.
    const bytes = Buffer.concat([
      await batch([{ key: Buffer.alloc(4), value: Buffer.from('x1') }], { base: 0, producer: 1 }),
      await batch(valued('y1'), { base: 1, producer: 2 }),
      await batch(valued('z1'), { base: 2, producer: 3 }),
      await batch(valued('x2'), { base: 3, producer: 1 }),
      await marker(4, 2, 'abort'),
      await batch(valued('y2'), { base: 5, producer: 2 }),
      await batch(valued('x3'), { base: 6, producer: 1 }),
      await marker(7, 1, 'abort'),
      await marker(8, 3, 'commit'),
      await batch(valued('plain'), { base: 9 }),
      await marker(10, 2, 'commit'),
    ])
    const aborted = [
      { producer: 2n, first: 1 },
      { producer: 1n, first: 0 },
    ]
    const found = await read(bytes, aborted)
    expect(valuesOf(found)).toEqual(['z1', 'y2', 'plain'])
    expect(found.next).toBe(11)
    const onlyAborted = committedBatches(
      bytes.subarray(
        0,
        (await batch([{ key: Buffer.alloc(4), value: Buffer.from('x1') }], { producer: 1 })).length,
      ),
      aborted,
    )
    expect(onlyAborted).toEqual({ batches: [], next: 1 })
  })

  test('are decompressed some at a time', async () => {
    const large = 'v'.repeat(700_000)
    const bytes = Buffer.concat([
      await batch(valued(large), { base: 0 }),
      await batch(valued(large), { base: 1 }),
      await batch(valued(large), { base: 2 }),
    ])
    const found = await read(bytes)
    expect([found.parts, found.records.length, found.next]).toEqual([2, 3, 3])
  })

  test('that are damaged are an error with their place', async () => {
    const fail = async (bytes: Buffer): Promise<NetweirError> => {
      const reason = await read(bytes).catch((error: unknown) => error)
      if (reason instanceof NetweirError) return reason
      throw new Error(`no error: ${String(reason)}`)
    }
    const whole = await batch(valued('abc', 'def'), { base: 40 })
    for (const [at, byte] of [
      [61, 0x7f],
      [61, 0xff],
      [60, 9],
    ] as const) {
      const damaged = Buffer.from(whole)
      damaged[at] = byte
      expect(await fail(damaged)).toMatchObject({
        code: 'SOURCE_CORRUPT',
        location: { file: 'kafka://b/t/0', offset: 40 },
      })
    }
    for (const [codec, code] of [
      [1, 'SOURCE_CORRUPT'],
      [2, 'SOURCE_CORRUPT'],
      [3, 'SOURCE_CORRUPT'],
      [4, 'SOURCE_CORRUPT'],
      [5, 'SOURCE_UNREADABLE'],
    ] as const) {
      const lying = Buffer.from(whole)
      lying.writeInt16BE(codec, attributesAt)
      const failure = await fail(lying)
      expect([codec, failure.code, failure.location]).toEqual([
        codec,
        code,
        { file: 'kafka://b/t/0', offset: 40 },
      ])
    }
  })

  test('of a transaction whose end is damaged are an error, since what follows cannot be told apart', async () => {
    const end = await marker(0, 1, 'abort')
    end[61] = 0x7f
    expect(() => committedBatches(end, [])).toThrowError(/end of a transaction is damaged/)
  })

  test('say no more than they hold, whatever their bytes are', async () => {
    const whole = await batch(valued('abc', 'def', 'ghi'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const bytes = Buffer.from(whole)
          for (const [at, byte] of changes) bytes[at] = byte
          const found = await read(bytes).catch((reason: unknown) => reason)
          if (found instanceof NetweirError) return
          const { records } = found as { readonly records: readonly KafkaRecord[] }
          for (const { headers } of records) expect(headers.length).toBeLessThan(300)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('of a compressed batch are bounded', async () => {
    const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024))
    const head = Buffer.from((await batch(valued('a'))).subarray(0, 61))
    head.writeInt32BE(61 - 12 + bomb.length, 8)
    head.writeInt16BE(1, attributesAt)
    const failure = await read(Buffer.concat([head, bomb])).catch((reason: unknown) => reason)
    expect(failure).toMatchObject({ code: 'SOURCE_CORRUPT' })
    expect(String((failure as NetweirError).hint)).toContain('256 MiB')
  })
})
