/** Laws of reading: nothing that can be parsed, damaged or cut makes it fail or lose a record. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRecord, readRecord } from '../../src/flow/decode.ts'
import type { Reading } from '../../src/flow/flow.ts'
import { outcomes, protocols } from '../../src/flow/flow.ts'
import { createRecordSplitter } from '../../src/flow/records.ts'
import type { FlowOptions } from '../support/flows.ts'
import { flowLine, flowRecord } from '../support/flows.ts'

const members = [
  'flow',
  'log',
  'message',
  '_source',
  'line',
  'values',
  'data',
  'result',
  'hits',
  'streams',
  'lost_events',
  'node_status',
  'agent_event',
  'time',
  'node_name',
  'verdict',
  'l4',
  'TCP',
  'UDP',
  'ICMPv4',
  'source',
  'destination',
  'labels',
  'IP',
  'source_port',
  'destination_port',
  'flags',
  'SYN',
  'ACK',
  'is_reply',
  'event_type',
  'type',
  'trace_observation_point',
  'namespace',
  'pod_name',
  'l7',
  'dns',
  'ips',
  'query',
  'aggregate',
  'uuid',
  'identity',
  '__proto__',
  'constructor',
  'toString',
] as const

const words = [
  'FORWARDED',
  'DROPPED',
  'AUDIT',
  'k8s:app=web',
  'reserved:world',
  'reserved:host',
  '10.0.0.1',
  '::1',
  'RESPONSE',
  'TO_ENDPOINT',
  'FROM_ENDPOINT',
  '{"flow":{}}',
  '[',
  'shop',
  '2025-06-12T09:14:01Z',
  '',
  '\ud800',
  '412',
] as const

/** Values made of the words that records are made of. */
const recordLike = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom<unknown>(
      ...words,
      true,
      false,
      null,
      0,
      1,
      4,
      5,
      129,
      80,
      70_000,
      -1,
      1.5,
      1e300,
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...members), tie('value'), { maxKeys: 8 }),
  ),
})).value

const ends = fc.oneof(
  fc.record({
    ns: fc.constantFrom('shop', 'data'),
    app: fc.constantFrom('web', 'api'),
    masked: fc.boolean(),
  }),
  fc.record({ world: fc.constantFrom('203.0.113.7', '2001:db8::1') }),
  fc.record({
    entity: fc.constantFrom('host', 'remote-node', 'health', 'init', ['kube-apiserver', 'world']),
  }),
)

const options: fc.Arbitrary<FlowOptions> = fc.record(
  {
    from: ends,
    to: ends,
    port: fc.integer({ min: 0, max: 65_535 }),
    sourcePort: fc.integer({ min: 0, max: 65_535 }),
    protocol: fc.constantFrom('TCP', 'UDP', 'SCTP', 'ICMPv4', 'ICMPv6', 'IGMP', 'none'),
    flags: fc.constantFrom('SYN', 'SYN,ACK', 'ACK', 'RST', ''),
    isReply: fc.constantFrom(true, false, null),
    verdict: fc.constantFrom(
      'FORWARDED',
      'REDIRECTED',
      'AUDIT',
      'DROPPED',
      'TRACED',
      'ERROR',
      15,
      null,
    ),
    type: fc.constantFrom(1, 2, 4, 5, 7, 129, 130, null),
    point: fc.constantFrom('TO_ENDPOINT', 'TO_OVERLAY', 'FROM_ENDPOINT', 'TO_PROXY'),
    dropReason: fc.constantFrom('POLICY_DENIED', 'POLICY_DENY', 'CT_MAP_INSERTION_FAILED', 133),
  },
  { requiredKeys: ['from', 'to'] },
)

function checkReadings(readings: readonly Reading[]): void {
  expect(readings.length).toBeGreaterThan(0)
  for (const reading of readings) {
    if (reading.kind === 'counted') expect(outcomes).toContain(reading.outcome)
    if (reading.kind !== 'flow') continue
    expect(protocols).toContain(reading.flow.protocol)
    const isIcmp = reading.flow.protocol.startsWith('ICMP')
    expect(reading.flow.port).toBeGreaterThanOrEqual(isIcmp ? 0 : 1)
    expect(reading.flow.port).toBeLessThanOrEqual(isIcmp ? 255 : 65_535)
    expect(reading.flow.flows).toBeGreaterThan(0)
  }
}

describe('reading', () => {
  test('never throws, and gives at least one reading for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => checkReadings(readRecord(value))),
    )
    fc.assert(
      fc.property(recordLike, (value) => checkReadings(readRecord(value))),
      { numRuns: 2000 },
    )
  })

  test('never throws for a damaged record', () => {
    fc.assert(
      fc.property(
        options,
        fc.nat(),
        fc.constantFrom(...words, null, [], {}, -1),
        (choice, at, value) => {
          const record = JSON.parse(flowLine(choice))
          const places = placesOf(record)
          const [holder, key] = places[at % places.length]!
          holder[key] = value
          checkReadings(readRecord(record))
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('does not depend on the order of members, on names of the other protojson style, or on wrappers', () => {
    fc.assert(
      fc.property(options, (choice) => {
        const record = flowRecord(choice)
        const expected = readRecord(record)
        expect(expected).toHaveLength(1)
        expect(readRecord(reversed(record))).toEqual(expected)
        expect(readRecord(camel(record))).toEqual(expected)
        expect(readRecord({ log: `${JSON.stringify(record)}\n`, stream: 'stdout' })).toEqual(
          expected,
        )
        expect(readRecord([record, record])).toEqual([...expected, ...expected])
      }),
      { numRuns: 300 },
    )
  })
})

describe('splitting', () => {
  const utf8 = new TextEncoder()

  function readAll(bytes: Uint8Array, sizes: readonly number[]): string[] {
    const found: string[] = []
    const splitter = createRecordSplitter({
      record: (record, place) => {
        const parsed = parseRecord(record)
        const readings = parsed.ok ? readRecord(parsed.value) : 'malformed'
        found.push(`${place.offset} ${JSON.stringify(readings)}`)
      },
      bad: (outcome, place) => found.push(`${place.offset} ${outcome}`),
    })
    let start = 0
    for (let index = 0; start < bytes.length; index++) {
      const end = start + (sizes[index % sizes.length] ?? 1)
      splitter.push(bytes.slice(start, end), start)
      start = end
    }
    splitter.end()
    return found
  }

  const files = fc.array(options, { minLength: 1, maxLength: 5 }).chain((choices) => {
    const records = choices.map(flowRecord)
    return fc
      .constantFrom(
        records.map((record) => `${JSON.stringify(record)}\n`).join(''),
        records.map((record) => `${JSON.stringify(record, null, 2)}\n`).join(''),
        JSON.stringify(records),
        JSON.stringify(records, null, 4),
      )
      .map((text) => ({ text, count: records.length }))
  })
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 })

  test('gives every record once, whatever the form and the chunks', () => {
    fc.assert(
      fc.property(files, sizes, ({ text, count }, chunks) => {
        const bytes = utf8.encode(text)
        const whole = readAll(bytes, [bytes.length])
        expect(whole).toHaveLength(count)
        expect(readAll(bytes, chunks)).toEqual(whole)
      }),
      { numRuns: 100 },
    )
  })

  test('a cut file gives the records before the cut, and at most one that is truncated', () => {
    fc.assert(
      fc.property(files, fc.nat(), ({ text }, at) => {
        const bytes = utf8.encode(text)
        const whole = readAll(bytes, [bytes.length])
        const cut = readAll(bytes.slice(0, at % bytes.length), [bytes.length])
        const kept = cut.filter((event) => !event.endsWith('truncated'))
        expect(whole.slice(0, kept.length)).toEqual(kept)
        expect(cut.length - kept.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 200 },
    )
  })

  test('any bytes are read to the end, in the same way for all chunks', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ',',
      ':',
      '\n',
      '\r\n',
      ' ',
      '=',
      '{"a":1}',
      '\ufeff',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), sizes, (parts, chunks) => {
        const bytes = utf8.encode(parts.join(''))
        expect(readAll(bytes, chunks)).toEqual(readAll(bytes, [Math.max(bytes.length, 1)]))
      }),
      { numRuns: 1000 },
    )
  })
})

type Holder = Record<string, unknown>

function placesOf(value: unknown): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    [value as Holder, key] as [Holder, string],
    ...placesOf(inner),
  ])
}

function reversed(value: unknown): unknown {
  return mapMembers(value, (key) => key, true)
}

function camel(value: unknown): unknown {
  return mapMembers(
    value,
    (key) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    false,
  )
}

function mapMembers(value: unknown, rename: (key: string) => string, reverse: boolean): unknown {
  if (Array.isArray(value)) return value.map((element) => mapMembers(element, rename, reverse))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(
    ([key, inner]) => [rename(key), mapMembers(inner, rename, reverse)] as const,
  )
  return Object.fromEntries(reverse ? entries.reverse() : entries)
}
