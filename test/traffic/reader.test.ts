import { describe, expect, test } from 'vitest'
import type { ReaderOptions } from '../../src/traffic/reader.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { encodeSet, mergeSets } from '../../src/traffic/set-document.ts'
import { flowLine } from '../support/flows.ts'
import { encodeResponse } from '../support/hubble-proto.ts'

const web = { ns: 'shop', app: 'web' }
const api = { ns: 'shop', app: 'api' }
const line = flowLine({ from: web, to: api, port: 8080 })
const other = flowLine({ from: web, to: api, port: 9090, time: 60_000 })

function read(texts: Readonly<Record<string, string>>, options: ReaderOptions = {}, step = 7) {
  const reader = createReader(options)
  for (const [source, text] of Object.entries(texts)) {
    const bytes = new TextEncoder().encode(text)
    for (let offset = 0; offset < bytes.length; offset += step) {
      reader.consume(bytes.subarray(offset, offset + step), { source, offset })
    }
    reader.endOfSource()
  }
  const set = reader.finish()
  return { set, records: reader.records, notices: reader.notices }
}

describe('a reader', () => {
  test('turns bytes into a set, however they are cut', () => {
    const text = `${line}\n${other}\n`
    const whole = read({ 'a.jsonl': text }, {}, text.length)
    expect(whole.records).toBe(2)
    expect(whole.notices).toEqual([])
    expect(whole.set.communications.map(({ port }) => port)).toEqual([8080, 9090])
    expect(encodeSet(read({ 'a.jsonl': text }, {}, 5).set)).toBe(encodeSet(whole.set))
    expect(encodeSet(read({ a: `${other}\n`, b: line }).set)).toBe(encodeSet(whole.set))
  })

  test('begins a new source where another name comes', () => {
    const reader = createReader()
    const bytes = new TextEncoder().encode(line)
    reader.consume(bytes, { source: 'a', offset: 0 })
    reader.consume(bytes.subarray(0, 40), { source: 'b', offset: 0 })
    expect(reader.finish().ledger.outcomes).toEqual({ learned: 1, truncated: 1 })
    expect(reader.notices[0]?.location).toEqual({ file: 'b', line: 1 })
  })

  test('takes protobuf messages, and says of a bad one which it was', () => {
    const reader = createReader()
    const bytes = encodeResponse(JSON.parse(line))
    reader.consume(bytes, { source: 'hubble://a', offset: 0 }, { encoding: 'get-flows-response' })
    const cut = bytes.subarray(0, 40)
    reader.consume(cut, { source: 'hubble://a', offset: 1 }, { encoding: 'get-flows-response' })
    expect([reader.records, reader.edges]).toEqual([2, 1])
    expect(reader.finish().ledger.outcomes).toEqual({ learned: 1, malformed: 1 })
    expect(reader.notices).toEqual([
      {
        message: '1 record malformed, the first one here: a protobuf message is cut',
        location: { file: 'hubble://a', offset: 1 },
      },
    ])
  })

  test('takes whole texts and messages between the parts of another text', () => {
    const reader = createReader()
    const [first, second] = [line, other].map((text) => new TextEncoder().encode(text))
    reader.consume(first!.subarray(0, 50), { source: 'a', offset: 0 })
    reader.consume(second!, { source: 'topic/0', offset: 7 }, { end: 'whole' })
    reader.consume(second!.subarray(0, 50), { source: 'topic/0', offset: 8 }, { end: 'cut' })
    reader.consume(
      encodeResponse(JSON.parse(line)),
      { source: 'b', offset: 0 },
      {
        encoding: 'get-flows-response',
      },
    )
    reader.consume(first!.subarray(50), { source: 'a', offset: 50 }, { end: 'whole' })
    expect(reader.finish().ledger.outcomes).toEqual({ learned: 3, truncated: 1 })
  })

  test('counts bad records and names the place of the first of each kind', () => {
    const text = `${line}\n{"flow":\n{]\n\n[1]\n${line.slice(0, 40)}`
    const { set, records, notices } = read({ 'a.jsonl': text })
    expect(set.ledger.outcomes).toMatchObject({ learned: 1, truncated: 1 })
    expect(set.ledger.records).toBe(records)
    expect(notices).toHaveLength(2)
    expect(notices[0]).toEqual({
      message: expect.stringMatching(/^1 record truncated, the first one here: ./),
      location: { file: 'a.jsonl', line: 6 },
    })
    expect(notices[1]).toEqual({
      message: expect.stringMatching(/^\d records malformed, the first one here: ./),
      location: { file: 'a.jsonl', line: 2 },
    })
  })

  test('counts a source that is known to be cut as one truncated record', () => {
    const reader = createReader()
    reader.consume(new TextEncoder().encode(`${line}\n`), { source: 'a.gz', offset: 0 })
    reader.endOfSource({ isCut: true })
    expect(reader.finish().ledger.outcomes).toEqual({ learned: 1, truncated: 1 })
  })

  test('fails at the first bad record when it is strict', () => {
    expect(() => read({ 'a.jsonl': `${line}\n{"a":]}\n${line}\n` }, { strict: true })).toThrow(
      expect.objectContaining({
        code: 'FLOW_MALFORMED',
        location: { file: 'a.jsonl', line: 2 },
        hint: expect.stringContaining('--strict'),
      }),
    )
    expect(() => read({ 'a.jsonl': `${line}\n{"future":1}\n` }, { strict: true })).toThrow(
      expect.objectContaining({ code: 'FLOW_MALFORMED' }),
    )
  })

  test('merges communication sets, alone or among flows', () => {
    const first = read({ a: `${line}\n` }).set
    const second = read({ b: `${other}\n${line}\n` }).set
    const merged = mergeSets([first, second])
    const { set, records } = read({ a: encodeSet(first), b: encodeSet(second) })
    expect(encodeSet(set)).toBe(encodeSet(merged))
    expect(records).toBe(3)
    expect(encodeSet(read({ b: `${other}\n${encodeSet(first)}${line}\n` }).set)).toBe(
      encodeSet(merged),
    )
    expect(encodeSet(read({ a: JSON.stringify(merged, null, 2) }).set)).toBe(encodeSet(merged))
  })

  test('refuses a damaged set with its place', () => {
    expect(() =>
      read({ 'a.json': `${line}\n{"apiVersion":"netweir/v1","kind":"CommunicationSet"}\n` }),
    ).toThrow(
      expect.objectContaining({ code: 'SET_INVALID', location: { file: 'a.json', line: 2 } }),
    )
  })

  test('passes over records outside the asked time, and says how many', () => {
    const startMs = Date.parse('2025-06-12T09:14:00Z')
    const late = { sinceMs: startMs + 1 }
    expect(read({ a: `${line}\n${other}\n` }, late)).toMatchObject({
      records: 2,
      notices: [{ message: '1 record outside the asked time passed over' }],
      set: { ledger: { records: 1 }, communications: [{ port: 9090 }] },
    })
    const early = { sinceMs: startMs, untilMs: startMs }
    expect(read({ a: `${line}\n${other}\n` }, early).set.communications).toMatchObject([
      { port: 8080 },
    ])
    const timeless = flowLine({ from: web, to: api, port: 1, time: null })
    expect(read({ a: timeless }, late).set.ledger.records).toBe(1)
  })
})
