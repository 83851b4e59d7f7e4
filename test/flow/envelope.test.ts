import { describe, expect, test } from 'vitest'
import { readRecord } from '../../src/flow/decode.ts'
import type { Reading } from '../../src/flow/flow.ts'
import { bareFlow, flowRecord } from '../support/flows.ts'

const options = {
  from: { ns: 'shop', app: 'web' },
  to: { ns: 'shop', app: 'api' },
  port: 8080,
} as const
const record = flowRecord(options)
const bare = bareFlow(options)
const line = JSON.stringify(record)
const at = '2026-02-24T08:43:37.094123456Z'
const expected = readRecord(record)

function outcomesOf(readings: readonly Reading[]): readonly string[] {
  return readings.map((reading) => (reading.kind === 'counted' ? reading.outcome : reading.kind))
}

test('the record itself is a flow', () => expect(outcomesOf(expected)).toEqual(['flow']))

describe('one record in a wrapper reads as the record', () => {
  test.each<[string, unknown]>([
    ['bare flow', bare],
    ['envelope without node and time', { flow: bare }],
    ['flow as text', { flow: JSON.stringify(bare) }],
    ['array of one', [record]],
    ['array of one bare flow', [bare]],
    ['Docker log', { log: `${line}\n`, stream: 'stdout', time: at }],
    ['Fluent Bit log behind a runtime prefix', { log: `${at} stdout F ${line}`, kubernetes: {} }],
    ['message', { message: line, '@timestamp': at }],
    ['message as an object', { message: record }],
    ['source of a search engine', { _index: 'flows', _source: record }],
    ['source that holds a message', { _source: { message: line, host: { name: 'x' } } }],
    ['logcli line', { labels: {}, line, timestamp: at }],
    ['Loki value', ['1771922617094123456', line]],
    ['Loki value with metadata', ['1771922617094123456', line, { level: 'info' }]],
    ['Loki stream', { stream: { pod: 'x' }, values: [['1771922617094123456', line]] }],
    [
      'Loki answer',
      { status: 'success', data: { result: [{ stream: {}, values: [['1', line]] }] } },
    ],
    ['Loki push', { streams: [{ stream: {}, values: [['1', line]] }] }],
    ['search answer', { took: 1, hits: { hits: [{ _source: record }] } }],
    ['gateway answer', { result: record }],
    ['text', line],
    [
      'text of text in wrappers',
      { message: JSON.stringify({ log: JSON.stringify({ message: line }) }) },
    ],
  ])('%s', (_, value) => expect(readRecord(value)).toEqual(expected))

  test('feed with the name of a cluster', () => {
    const feed = {
      cluster_name: 'edge',
      component_name: 'cilium',
      secret_key: 's',
      tenant_id: 't',
      ...record,
    }
    const [reading] = readRecord(feed)
    expect(reading).toMatchObject({ kind: 'flow', flow: { cluster: 'edge' } })
    expect(JSON.stringify(reading)).not.toContain('secret')
  })

  test('lowerCamel envelope', () => {
    const { node_name, ...rest } = record
    const { node_name: _, ...flow } = bare
    expect(readRecord({ ...rest, flow, nodeName: node_name })).toEqual(expected)
  })
})

describe('several records', () => {
  test.each<[string, unknown, number]>([
    ['array', [record, bare, record], 3],
    ['array of arrays', [[record], [record, record]], 3],
    [
      'Loki stream',
      {
        stream: {},
        values: [
          ['1', line],
          ['2', line],
        ],
      },
      2,
    ],
    [
      'Loki answer',
      {
        data: {
          result: [
            { values: [['1', line]] },
            {
              values: [
                ['2', line],
                ['3', line],
              ],
            },
          ],
        },
      },
      3,
    ],
    ['search answer', { hits: { hits: [{ _source: record }, { _source: { message: line } }] } }, 2],
  ])('%s', (_, value, count) => {
    expect(readRecord(value)).toEqual(Array.from({ length: count }, () => expected[0]))
  })
})

describe('what is no flow', () => {
  test.each<[string, unknown, string]>([
    ['agent event', { agent_event: { type: 'ENDPOINT_CREATED' }, node_name: 'x' }, 'other-event'],
    ['debug event', { debugEvent: { type: 1 } }, 'other-event'],
    ['event of a later version', { new_event: {}, node_name: 'x', time: at }, 'other-event'],
    [
      'log line of an agent',
      { time: at, level: 'info', msg: 'x', subsys: 'hubble' },
      'other-event',
    ],
    ['empty array', [], 'other-event'],
    ['empty answer', { data: { result: [] } }, 'other-event'],
    ['empty flow', { flow: {} }, 'not-forwarded'],
    ['empty object', {}, 'malformed'],
    ['another object', { hello: 'world' }, 'malformed'],
    ['a manifest', { apiVersion: 'v1', kind: 'Pod', metadata: {} }, 'malformed'],
    [
      "a log shipper's line that is no JSON",
      { source: 'stdin', message: 'level=info' },
      'malformed',
    ],
    ["a log shipper's line that is cut", { log: line.slice(0, 90) }, 'malformed'],
    ['a number', 7, 'malformed'],
    ['null', null, 'malformed'],
    ['true', true, 'malformed'],
    ['a text', 'hello', 'malformed'],
    ['flow that is a number', { flow: 7 }, 'malformed'],
  ])('%s', (_, value, outcome) => expect(outcomesOf(readRecord(value))).toEqual([outcome]))

  test('reasons say what was wrong, and quote nothing of it', () => {
    const reasons = [7, 'secret', { secret: 1 }, { apiVersion: 'v1', kind: 'Secret' }].map(
      (value) => {
        const [reading] = readRecord(value)
        return reading?.kind === 'counted' ? reading.reason : undefined
      },
    )
    expect(reasons).toEqual([
      'a number, not a record',
      'a text that is not JSON',
      'an object that is no Hubble event',
      'a Kubernetes object, not a flow',
    ])
  })
})

test.each([
  [5, 'flow'],
  [6, 'flow'],
  [7, 'malformed'],
  [200, 'malformed'],
])('%s wrappers in each other give %s', (count, outcome) => {
  let value: unknown = record
  for (let index = 0; index < count; index++) value = { message: value }
  expect(outcomesOf(readRecord(value))).toEqual([outcome])
})

test('more than 100,000 records in one value are not read, and that is counted', () => {
  const readings = readRecord(Array.from({ length: 100_002 }, () => ({ agent_event: {} })))
  expect(readings).toHaveLength(100_001)
  expect(outcomesOf(readings).at(-1)).toBe('malformed')
})
