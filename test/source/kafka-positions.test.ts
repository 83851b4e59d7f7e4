import { describe, expect, test } from 'vitest'
import { parseKafkaAddress } from '../../src/source/kafka-address.ts'
import type { KafkaRecord, RecordBatch } from '../../src/source/kafka-client.ts'
import { KafkaPositions } from '../../src/source/kafka-positions.ts'

const topic = 't'
const at = (partition: number): { topic: string; partition: number } => ({ topic, partition })

function record(offset: number): KafkaRecord {
  return { offset, timeMs: 0, key: null, value: null, headers: [] }
}

function batch(
  partition: number,
  from: number,
  offsets: readonly number[],
  next: number,
): RecordBatch {
  return { topic, partition, from, records: offsets.map(record), next, highWatermark: next }
}

function plan(more: Partial<ConstructorParameters<typeof KafkaPositions>[0]> = {}): KafkaPositions {
  const ranges = [
    { ...at(0), start: 0, end: 10 },
    { ...at(1), start: 5, end: 5 },
  ]
  return new KafkaPositions({ ranges, starts: [], follow: false, ...more })
}

const offsets = (records: readonly KafkaRecord[]): readonly number[] =>
  records.map(({ offset }) => offset)

describe('positions of a bounded reading', () => {
  test('end where the partitions ended when it began', () => {
    const positions = plan()
    expect(positions.isDone).toBe(false)
    expect(positions.assigned([at(0), at(1)])).toEqual({
      starts: [
        { ...at(0), offset: 0 },
        { ...at(1), offset: 5 },
      ],
      done: [at(1)],
    })
    expect(offsets(positions.take(batch(0, 0, [0, 1, 9, 10, 11], 12)))).toEqual([0, 1, 9])
    expect(positions.isDone).toBe(false)
    expect(positions.unread).toEqual(['t/0 stopped at offset 0 of 10'])
    expect(positions.reached({ ...at(0), offset: 12 })).toBe(true)
    expect(positions.isDone).toBe(true)
    expect(positions.unread).toEqual([])
    expect(positions.positions).toEqual([
      { ...at(0), offset: 10, last: { offset: 9, digest: expect.any(String) } },
      { ...at(1), offset: 5 },
    ])
  })

  test('know the last record again that an earlier run has read, and no other in its place', () => {
    const first = plan()
    first.take(batch(0, 0, [0, 1, 4], 6))
    first.reached({ ...at(0), offset: 6 })
    const [start] = first.positions
    expect(start).toMatchObject({ offset: 6, last: { offset: 4 } })
    const more = { starts: start === undefined ? [] : [start] }
    const again = plan(more)
    expect(again.assigned([at(0)]).starts).toEqual([{ ...at(0), offset: 4 }])
    expect(offsets(again.take(batch(0, 4, [4, 7, 8], 9)))).toEqual([7, 8])
    // Until that was taken, the earlier record is what the next run would look for.
    expect(again.positions[0]).toMatchObject({ offset: 6, last: { offset: 4 } })
    again.reached({ ...at(0), offset: 9 })
    expect(again.positions[0]).toMatchObject({ offset: 9, last: { offset: 8 } })
    for (const change of [{ timeMs: 1 }, { value: Buffer.from('x') }, { key: Buffer.alloc(0) }]) {
      const other = { ...batch(0, 4, [7], 8), records: [{ ...record(4), ...change }, record(7)] }
      expect(() => plan(more).take(other)).toThrowError(/holds other records now/)
    }
    // It may have expired, or been compacted.
    expect(offsets(plan(more).take(batch(0, 4, [7], 8)))).toEqual([7])
    const late = plan(more)
    expect(offsets(late.take(batch(0, 8, [8], 9)))).toEqual([8])
    expect(late.gaps).toEqual(['2 offsets of t/0 had expired before they were read'])
  })

  test('say in one line what was read', () => {
    const positions = plan()
    expect(positions.summary).toBe('read 2 partitions 10 records behind, nothing new')
    positions.take(batch(0, 0, [0, 1], 2))
    positions.reached({ ...at(0), offset: 2 })
    expect(positions.summary).toBe('read 2 partitions 8 records behind: t/0 from 0 to 2')
    positions.reached({ ...at(0), offset: 10 })
    expect(positions.summary).toBe('read 2 partitions to the end: t/0 from 0 to 10')
  })

  test('give nothing twice, whatever is delivered again', () => {
    const positions = plan()
    expect(offsets(positions.take(batch(0, 0, [0, 1], 2)))).toEqual([0, 1])
    expect(offsets(positions.take(batch(0, 0, [0, 1], 2)))).toEqual([])
    expect(positions.assigned([at(0)]).starts).toEqual([{ ...at(0), offset: 2 }])
    expect(positions.positions[0]).toEqual({ ...at(0), offset: 0 })
    expect(offsets(positions.take(batch(0, 1, [1, 2], 3)))).toEqual([2])
    expect(positions.gaps).toEqual([])
  })

  test('tell expired records from gaps that compaction left', () => {
    const positions = plan()
    expect(offsets(positions.take(batch(0, 0, [4], 5)))).toEqual([4])
    expect(positions.gaps).toEqual([])
    expect(offsets(positions.take(batch(0, 7, [7], 8)))).toEqual([7])
    expect(positions.gaps).toEqual(['2 offsets of t/0 had expired before they were read'])
    positions.reached({ ...at(0), offset: 10 }, 1)
    expect(positions.gaps).toEqual(['3 offsets of t/0 had expired before they were read'])
  })

  test('start where they are told to, or so many records before the end', () => {
    const told = plan({ starts: [{ ...at(0), offset: 8 }] })
    expect(told.assigned([at(0)]).starts).toEqual([{ ...at(0), offset: 8 }])
    const expired = plan({ starts: [{ ...at(1), offset: 2 }] })
    expect(expired.gaps).toEqual(['3 offsets of t/1 had expired before they were read'])
    const last = plan({ last: 3 })
    expect(last.assigned([at(0)]).starts).toEqual([{ ...at(0), offset: 7 }])
    expect(last.lag).toBe(3)
  })

  test('leave partitions that are added to the next run', () => {
    const positions = plan()
    expect(positions.assigned([at(2)])).toEqual({ starts: [], done: [at(2)] })
    expect(positions.take(batch(2, 0, [0], 1))).toEqual([])
    expect(positions.added).toEqual(['t/2'])
  })
})

test('positions of a reading that goes on have no end, and take what is added', () => {
  const positions = plan({ follow: true })
  expect(positions.assigned([at(1), at(2)])).toEqual({
    starts: [
      { ...at(1), offset: 5 },
      { ...at(2), offset: 0 },
    ],
    done: [],
  })
  expect(offsets(positions.take(batch(0, 0, [0, 10, 11], 12)))).toEqual([0, 10, 11])
  expect(positions.reached({ ...at(0), offset: 12 })).toBe(false)
  expect(positions.isDone).toBe(false)
  expect(positions.lag).toBe(0)
})

describe('the name of a Kafka source', () => {
  test('says brokers and topics', () => {
    expect(parseKafkaAddress('kafka://a,b:1234,[::1]:9/one,two,one')).toEqual({
      name: 'kafka://a,b:1234,[::1]:9/one,two,one',
      brokers: ['a:9092', 'b:1234', '[::1]:9'],
      topics: ['one', 'two'],
      isTls: false,
    })
    expect(parseKafkaAddress('kafkas://a/t').isTls).toBe(true)
  })

  for (const name of [
    'kafka://',
    'kafka://a',
    'kafka://a/',
    'kafka:///t',
    'kafka://a:0/t',
    'kafka://a:99999/t',
    'kafka://a b/t',
    'kafka://a/t/u',
    'kafka://a/t?x=1',
    'kafka://a/..',
    'kafka://a/t,',
  ]) {
    test(`"${name}" is none`, () => {
      expect(() => parseKafkaAddress(name)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    })
  }

  test('a password in it is not repeated', () => {
    let message = ''
    try {
      parseKafkaAddress('kafka://me:secret@a:9092/t')
    } catch (reason) {
      message = `${(reason as Error).message} ${(reason as { hint?: string }).hint}`
    }
    expect(message).toContain('holds no login')
    expect(message).not.toContain('secret')
  })
})
