import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redacted } from '../../src/source/kafka-dead-letters.ts'
import { decodeValue, maxValueBytes, textFormats } from '../../src/source/kafka-values.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { flowRecord } from '../support/flows.ts'
import { packings } from '../support/kafka-values.ts'

const event = flowRecord({
  from: { ns: 'shop', app: 'web' },
  to: { ns: 'shop', app: 'api' },
  port: 8080,
})

function read(value: Uint8Array | null): { outcomes: object; edges: number; reasons: string[] } {
  const reader = createReader()
  const reasons = decodeValue(value).parts.flatMap(({ bytes, encoding, fault }) => {
    const form = { encoding, end: 'whole' as const, ...(fault === undefined ? {} : { fault }) }
    const reason = reader.consume(bytes, { source: 'topic/0', offset: 7 }, form)
    return reason === undefined ? [] : [reason]
  })
  const { ledger, communications } = reader.finish()
  return { outcomes: ledger.outcomes, edges: communications.length, reasons }
}

function formatsOf(value: Uint8Array): readonly string[] {
  const { format, parts } = decodeValue(value)
  if (!format.endsWith('text')) return [format]
  return parts.flatMap(({ bytes }) =>
    textFormats(bytes).map((kind) => format.replace(/text$/, kind)),
  )
}

describe('values that hold a flow', () => {
  for (const { name, format, pack } of packings) {
    test(`as ${name}`, () => {
      const value = pack(event)
      expect(read(value)).toEqual({ outcomes: { learned: 1 }, edges: 1, reasons: [] })
      expect(formatsOf(value)).toEqual([format])
    })
  }

  test('several in one value', () => {
    const lines = Buffer.from(`${JSON.stringify(event)}\n${JSON.stringify(event)}\n`)
    expect(read(lines).outcomes).toEqual({ learned: 2 })
    expect(formatsOf(lines)).toEqual(['json flow', 'json flow'])
  })
})

describe('values that hold none', () => {
  const cases: readonly (readonly [string, Buffer | null, string, readonly string[]])[] = [
    ['a tombstone', null, 'tombstone', []],
    ['nothing', Buffer.alloc(0), 'empty', []],
    ['other JSON', Buffer.from('{"a":1}'), 'text', ['an object that is no Hubble event']],
    ['cut JSON', Buffer.from('{"flow":{"time":'), 'text', ['the source ends inside a record']],
    ['a word', Buffer.from('hello'), 'text', ['the last line is cut']],
    [
      'text output of hubble',
      Buffer.from('Jan 1 00:00:00: a/b:1 -> c/d:2 to-endpoint FORWARDED (TCP Flags: SYN)'),
      'text',
      ['text output of the hubble command line, expected Hubble flows as JSON'],
    ],
    ['CSV', Buffer.from('a,b,c'), 'text', ['CSV, expected Hubble flows as JSON']],
    [
      'bytes',
      Buffer.from([0xff, 0xfe, 1, 2, 3]),
      'text',
      ['binary data, expected Hubble flows as JSON'],
    ],
    ['damaged gzip', gzipSync('{}').subarray(0, 12), 'gzip', ['damaged gzip data']],
    [
      'too much gzip',
      gzipSync(Buffer.alloc(maxValueBytes + 1, ' ')),
      'gzip',
      [`gzip data of more than ${maxValueBytes} bytes`],
    ],
    [
      'MessagePack',
      Buffer.from([0x81, 0xa3, ...Buffer.from('log'), 0xa1, 0x78]),
      'MessagePack',
      ['MessagePack, expected JSON or protobuf'],
    ],
    [
      'an unknown schema',
      Buffer.from([0, 0, 0, 0, 9, 0xff, 0xff, 0xff]),
      'schema registry',
      ['neither JSON nor a message of the Hubble API'],
    ],
    [
      'a damaged communication set',
      Buffer.from('{"apiVersion":"netweir/v1","kind":"CommunicationSet"}'),
      'text',
      [expect.any(String)],
    ],
  ]
  for (const [name, value, format, reasons] of cases) {
    test(name, () => {
      expect(decodeValue(value).format).toBe(format)
      const result = read(value)
      expect(result.reasons).toEqual(reasons)
      const bad = Object.entries(result.outcomes).map(([outcome, count]) => `${outcome} ${count}`)
      const outcome = reasons.some((reason) => /cut|ends inside/.test(reason))
        ? 'truncated 1'
        : 'malformed 1'
      expect(bad).toEqual(reasons.length === 0 ? [] : [outcome])
    })
  }

  test('no bytes make it throw, and all that are taken are counted', () => {
    const starts = [[0], [0x0a], [0x1f, 0x8b], [0x7b], [0, 0, 0, 0, 1]].map((start) =>
      fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.from([...start, ...rest])),
    )
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), ...starts), (value) => {
        const { format, parts } = decodeValue(value)
        expect(format.length).toBeGreaterThan(0)
        for (const { bytes } of parts) textFormats(bytes)
        const { outcomes } = read(value)
        const total = Object.values(outcomes).reduce((sum, count) => sum + Number(count), 0)
        expect(total).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 500 },
    )
  })
})

test('a sample shows the shape of a value, and nothing of what it says', () => {
  const value = Buffer.from('{"user":"Alice","card":4111}\n\u0000é')
  expect(redacted(value)).toBe('{"xxxx":"xxxxx","xxxx":9999}....')
  expect(redacted(Buffer.alloc(300, 'a'))).toBe(`${'x'.repeat(200)}...`)
})
