/** What several scanners counted comes out the same, joined by number or edge by edge, as what one decoder read. */
import { describe, expect, test } from 'vitest'
import type { Reader } from '../../src/traffic/reader.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { encodeSet } from '../../src/traffic/set-document.ts'
import { flowLine } from '../support/flows.ts'
import { sourceScanning } from '../support/scanning.ts'

const { module } = await sourceScanning()
const encoder = new TextEncoder()
const minute = 60_000

/** Numbers that look like chance and are the same in every run. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
}

/** Few edges with much of everything: kinds of counters, runs of blocks, uuids, names, pods, nodes. */
function linesOf(count: number, seed: number): readonly string[] {
  const any = chance(seed)
  const pods = ['web', 'api', 'db', 'job'].map((app) => ({ ns: 'shop', app }))
  const worlds = ['203.0.113.7', '203.0.113.8', '2001:db8::7'].map((world, index) => ({
    world,
    names: [`n${index}.example.com`],
  }))
  const verdicts = ['FORWARDED', 'DROPPED', 'AUDIT', 'TRACED']
  return Array.from({ length: count }, () => {
    const from = pods[any(pods.length)]!
    const to = [...pods, ...worlds].filter((end) => end !== from)[any(6)]!
    const isReply = any(4) === 0
    return flowLine({
      ...(isReply ? { from: to, to: from } : { from, to }),
      ...{ port: 8080 + any(2), sourcePort: 40_000 + any(3), isReply },
      ...{ verdict: verdicts[any(4)]!, direction: any(2) === 0 ? 'EGRESS' : 'INGRESS' },
      ...{ type: any(2) === 0 ? 5 : 4, node: `node-${any(3)}` },
      ...(any(20) === 0 ? { time: null } : { time: any(400) * 7 * minute }),
      uuid: `${String(any(1_000_000)).padStart(8, '0')}-0000-4000-8000-000000000000`,
    })
  })
}

function readerOf(lines: readonly string[], isPiece: boolean): Reader {
  const reader = createReader({ scanner: module, isPiece })
  const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(''))
  reader.consume(bytes, { source: '0', offset: 0 })
  if (isPiece) reader.endOfPiece()
  return reader
}

function join(into: Reader, lines: readonly string[], others: number): string {
  const parts = Array.from({ length: others }, (_, other) => {
    const own = lines.filter((_line, index) => index % others === other)
    return readerOf(own, true).finishParts()
  })
  into.absorb(parts, { lines: 0, bytes: 0 }, new Map([[0, 0]]))
  return encodeSet(into.finish())
}

describe('batches of several scanners', () => {
  test('join to what the plain decoder reads', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const lines = linesOf(800, seed)
      const head = linesOf(150, seed + 100)
      const plain = createReader()
      const text = [...head, ...lines].map((line) => `${line}\n`).join('')
      plain.consume(encoder.encode(text), { source: '0', offset: 0 })
      const expected = encodeSet(plain.finish())
      const joined = readerOf(head, false)
      expect(joined.scanned.records).toBe(150)
      expect(join(joined, lines, 1 + (seed % 4))).toBe(expected)
    }
  })

  test('go edge by edge where the tables have no room for them', () => {
    const end = (app: string) => ({ ns: 'a', masked: true, pod: app })
    const line = flowLine({
      ...{ from: end('b'), to: end('c'), port: 12_345, node: null },
      ...{ direction: null, sourcePort: null },
    })
    const lines: string[] = []
    for (let port = 1; port <= 60_000; port++) lines.push(line.replace('12345', String(port)))
    for (let port = 1; port <= 60_000; port++) {
      lines.push(line.replace('12345', String(port)).replace('"c"', '"d"'))
    }
    const without = createReader()
    const expected = join(without, lines, 2)
    expect(JSON.parse(expected).communications.length).toBe(120_000)
    expect(join(createReader({ scanner: module }), lines, 2)).toBe(expected)
  })
})
