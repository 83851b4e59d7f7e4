/** What the scanner takes out of wrappers is what the plain decoder reads in them, byte for byte. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { flowLine, lostEventsLine, nodeStatusLine } from '../support/flows.ts'
import { packings } from '../support/kafka-values.ts'
import { createMessages } from '../support/messages.ts'
import { builtScanning } from '../support/scanning.ts'

const { module, createReader, encodeSet } = await builtScanning()

/** Reads values as a topic gives them, and returns all that is said of them. */
function read(values: readonly Uint8Array[], scans: boolean): { text: string; scanned: number } {
  const reader = createReader(scans ? { scanner: module } : {})
  const reasons = values.map((bytes, offset) =>
    reader.consume(bytes, { source: 't/0', offset }, { end: 'whole' }),
  )
  const text = JSON.stringify([encodeSet(reader.finish()), reasons, reader.notices])
  return { text, scanned: reader.scanned.records }
}

function compare(values: readonly (string | Uint8Array)[]): number {
  const bytes = values.map((value) => Buffer.from(value))
  const plain = read(bytes, false)
  const scanned = read(bytes, true)
  expect(scanned.text).toBe(plain.text)
  return scanned.scanned
}

const ends = { from: { ns: 'shop', app: 'web' }, to: { ns: 'shop', app: 'api' } } as const
const flow = flowLine({ ...ends, port: 8080 })

const inner = fc.oneof(
  fc.constantFrom(
    flow,
    `  ${flow}\n`,
    flow.slice(0, 80),
    `${flow}${flow}`,
    `2026-01-01T00:00:00.000000000Z stdout F ${flow}`,
    `level=info msg=${JSON.stringify(flow)}`,
    lostEventsLine(3),
    nodeStatusLine('NODE_UNAVAILABLE', ['n1']),
    JSON.stringify({ message: flow }),
    JSON.stringify([JSON.parse(flow)]),
    flow.replace('shop', '\u{1f980}'),
    flow.replace('shop', '\ud800'),
    flow.replace('shop', 'sh\\ud800op'),
    '{}',
    'text',
    '',
  ),
  fc.nat(500).map((seed) => createMessages(seed).next(1).value),
)

const member = fc.constantFrom(
  ...['log', 'message', '_source', 'line', 'result', 'data', 'streams', 'values', 'hits', 'msg'],
  ...['event', 'payload', 'body', 'value', 'record', 'fields', 'log_processed', 'flow', 'time'],
  ...['node_name', 'nodeName', 'cluster_name', 'clusterName', 'verdict', 'source', 'destination'],
  ...['IP', 'l4', 'event_type', 'lost_events', 'agent_event', 'resourceLogs', 'host', '__proto__'],
)

const other = fc.oneof(
  fc.constantFrom<unknown>(null, 1, true, '', 'text', {}, [], { offset: 1, file: { path: '/x' } }),
  fc.constantFrom<unknown>('worker-1', '2026-01-01T00:00:00Z', 'FORWARDED'),
  inner.map((text): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }),
)

test('whatever else stands in the wrapper', () => {
  const members = fc.array(
    fc.tuple(member, fc.oneof({ weight: 2, arbitrary: inner }, { weight: 1, arbitrary: other })),
    { minLength: 1, maxLength: 5 },
  )
  fc.assert(
    fc.property(fc.array(members, { minLength: 50, maxLength: 80 }), (wrappers) => {
      compare(
        wrappers.map((pairs) => {
          const texts = pairs.map(
            ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
          )
          return `{${texts.join(',')}}`
        }),
      )
    }),
    { numRuns: 60 },
  )
})

test('of every shipper, most of which the scanner takes', () => {
  const event = JSON.parse(flow) as Record<string, unknown>
  const taken = packings
    .filter(({ format }) => format.startsWith('json'))
    .filter(({ pack }) => compare([pack(event), pack(event)]) === 2)
    .map(({ name }) => name)
  for (const name of ['a line', 'vector', 'filebeat', 'fluent-bit', 'a container log']) {
    expect(taken).toContain(name)
  }
  expect(taken).toContain('Kafka Connect')
  // It says more than the flow: a cluster, or a time of its own.
  expect(compare([JSON.stringify({ cluster_name: 'c', message: flow })])).toBe(0)
})
