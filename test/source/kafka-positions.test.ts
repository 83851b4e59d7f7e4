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
      { ...at(0), offset: 10 },
      { ...at(1), offset: 5 },
    ])
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
