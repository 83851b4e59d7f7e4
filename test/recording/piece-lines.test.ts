import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ExportedLine } from '../../src/recording/exported-line.ts'
import { PieceLines } from '../../src/recording/piece-lines.ts'
import type { Piece } from '../../src/source/source.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { encodeSet } from '../../src/traffic/set-document.ts'
import { root } from '../support/built.ts'
import { encodeFlow, encodeResponse } from '../support/hubble-proto.ts'
import { describeShared } from '../support/shared.ts'

type Encoding = Piece['encoding']

function piece(bytes: Uint8Array | string, encoding: Encoding, more: Partial<Piece> = {}): Piece {
  return { bytes: Buffer.from(bytes), encoding, place: { source: 's', offset: 0 }, ...more }
}

function linesOf(pieces: readonly Piece[]): {
  readonly lines: readonly ExportedLine[]
  readonly unknown: ReadonlyMap<string, number>
} {
  const lines: ExportedLine[] = []
  const made = new PieceLines((line) => lines.push(line))
  for (const one of pieces) made.add(one)
  made.end()
  return { lines, unknown: made.unknownFields }
}

/** The communication set that a live run makes of the pieces, and the one that a replay of their lines makes. */
function bothSets(pieces: readonly Piece[]): readonly [string, string] {
  const [live, replay] = [createReader(), createReader()]
  for (const { bytes, place, encoding, end } of pieces) {
    live.consume(bytes, place, { encoding, ...(end === undefined ? {} : { end }) })
  }
  const { lines } = linesOf(pieces)
  const text = lines.map((line) => `${line.text}\n`).join('')
  replay.consume(Buffer.from(text), { source: 'flows.jsonl', offset: 0 })
  return [encodeSet(live.finish()), encodeSet(replay.finish())]
}

const recordsOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

const samples = recordsOf(readFileSync(join(root, 'samples/shop/flows.jsonl'), 'utf8')).filter(
  (record) => record['agent_event'] === undefined,
)

describe('answers of a server', () => {
  test('become the lines that the exporter writes', () => {
    const { lines, unknown } = linesOf(
      samples.map((record) => piece(encodeResponse(record), 'get-flows-response')),
    )
    expect(lines.map(({ text }) => JSON.parse(text))).toEqual(samples)
    expect(unknown).toEqual(new Map())
  })

  test('replay to the bytes of the live run', () => {
    const pieces = [
      ...samples.map((record) => piece(encodeResponse(record), 'get-flows-response')),
      piece(
        encodeResponse({ node_status: { state_change: 'NODE_ERROR', node_names: ['a'] } }),
        'get-flows-response',
      ),
      // No message, no answer, and an answer of a kind that is yet to come.
      piece(Buffer.from('ff', 'hex'), 'get-flows-response'),
      piece('', 'get-flows-response'),
      piece(Buffer.from('220212340a', 'hex').subarray(0, 4), 'get-flows-response'),
    ]
    const [live, replay] = bothSets(pieces)
    expect(replay).toBe(live)
  })

  test('say who they are', () => {
    const [record] = samples
    const { lines } = linesOf([piece(encodeResponse(record ?? {}), 'get-flows-response')])
    expect(lines[0]).toMatchObject({
      id: 'c7bf8f57-ad38-4601-aeb2-18f8e8c5a6ff',
      node: 'prod/worker-2',
      time: '2026-03-02T09:00:03.000000521Z',
      timeMs: Date.parse('2026-03-02T09:00:03Z'),
      isEvent: true,
    })
  })

  test('with fields that nobody knows are counted by field', () => {
    // Field 900 of the answer, and field 901 of its flow, each a varint.
    const flow = Buffer.concat([encodeFlow({ uuid: 'u' }), Buffer.from('a83801', 'hex')])
    const answer = Buffer.concat([
      Buffer.from([0x0a, flow.length]),
      flow,
      Buffer.from('a03807', 'hex'),
    ])
    const { lines, unknown } = linesOf([
      piece(answer, 'get-flows-response'),
      piece(answer, 'get-flows-response'),
    ])
    expect(lines.map(({ text }) => text)).toEqual(Array(2).fill('{"flow":{"uuid":"u"}}'))
    expect([...unknown]).toEqual([
      ['flow.Flow.901', 2],
      ['observer.GetFlowsResponse.900', 2],
    ])
  })
})

describe('bare flows', () => {
  const flows = samples.flatMap(({ flow }) =>
    flow === undefined ? [] : [flow as Record<string, unknown>],
  )

  test('get the envelope of the exporter', () => {
    const { lines } = linesOf(flows.map((flow) => piece(encodeFlow(flow), 'flow')))
    expect(lines.map(({ text }) => JSON.parse(text))).toEqual(
      flows.map((flow) => ({ flow, node_name: flow['node_name'], time: flow['time'] })),
    )
  })

  test('replay to the bytes of the live run', () => {
    const [live, replay] = bothSets(flows.map((flow) => piece(encodeFlow(flow), 'flow')))
    expect(replay).toBe(live)
  })
})

describe('texts', () => {
  const line = (uuid: string): string => JSON.stringify({ flow: { uuid, l4: {} } })

  test('are cut into lines wherever their pieces end', () => {
    const text = `${line('a')}\n${line('b')}\n${line('c')}`
    for (let cut = 0; cut <= text.length; cut++) {
      const pieces = [
        piece(text.slice(0, cut), 'text'),
        piece(text.slice(cut), 'text', { end: 'whole' }),
      ]
      expect(linesOf(pieces).lines.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    }
  })

  test('that are whole may stand between the parts of another', () => {
    const other = { place: { source: 'other', offset: 7 } }
    const { lines } = linesOf([
      piece(line('a').slice(0, 9), 'text'),
      piece(line('b'), 'text', { ...other, end: 'whole' }),
      piece(line('a').slice(9), 'text'),
    ])
    expect(lines.map(({ id }) => id)).toEqual(['b', 'a'])
  })

  test('that end too early are one bad record', () => {
    const { lines } = linesOf([piece(`${line('a')}\n{"flow"`, 'text', { end: 'cut' })])
    expect(lines.map(({ isEvent }) => isEvent)).toEqual([true, false])
  })

  test('without an id are told by what they say', () => {
    const texts = [
      '{"flow":{"time":"2026-03-02T09:00:03Z"}}',
      '{"flow":{"time":"2026-03-02T09:00:04Z"}}',
    ]
    const { lines } = linesOf([...texts, ...texts].map((text) => piece(`${text}\n`, 'text')))
    const ids = lines.map(({ id }) => id)
    expect(ids.slice(2)).toEqual(ids.slice(0, 2))
    expect(new Set(ids).size).toBe(2)
  })

  test('replay to the bytes of the live run', () => {
    const text = samples.map((record) => `${JSON.stringify(record, undefined, 1)}\n`).join('')
    const [live, replay] = bothSets([piece(text, 'text', { end: 'whole' })])
    expect(replay).toBe(live)
  })
})

describeShared('real recordings', (dir) => {
  const folder = join(dir, 'flows/hubble-otel')
  test.each(
    readdirSync(folder).filter(
      (name) => /\d{2}-.*flows\.json$/.test(name) && name !== 'basic-sample-10-flows.json',
    ),
  )('%s replays to the bytes of the live run', (name) => {
    const records = recordsOf(readFileSync(join(folder, name), 'utf8'))
    const pieces = records.map((record) => piece(encodeResponse(record), 'get-flows-response'))
    expect(linesOf(pieces).lines.map(({ text }) => JSON.parse(text))).toEqual(records)
    const [live, replay] = bothSets(pieces)
    expect(replay).toBe(live)
  })
})
