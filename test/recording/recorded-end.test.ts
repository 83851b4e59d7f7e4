import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { frameFormatOf } from '../../src/recording/frames.ts'
import type { RecordedEnd } from '../../src/recording/recorded-end.ts'
import { readEnd } from '../../src/recording/recorded-end.ts'

const directory = mkdtempSync(join(tmpdir(), 'netweir-end-'))
let count = 0

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

const startMs = Date.UTC(2026, 2, 2, 9)

const timeAt = (seconds: number): string => new Date(startMs + seconds * 1000).toISOString()

function flow(uuid: string, seconds: number, node = 'worker-1'): string {
  const time = timeAt(seconds)
  return JSON.stringify({ flow: { uuid, time, l4: { TCP: {} } }, node_name: node, time })
}

function place(name: string): string {
  count += 1
  return join(directory, `${count}-${name}`)
}

async function frames(path: string, parts: readonly (readonly string[])[]): Promise<Buffer> {
  const format = await frameFormatOf(path)
  return Buffer.concat(
    parts.map((lines) => {
      const text = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      return format?.encode(text) ?? text
    }),
  )
}

async function endOf(path: string): Promise<RecordedEnd> {
  return readEnd(path, await frameFormatOf(path))
}

const endings = ['jsonl', 'jsonl.gz', 'jsonl.zst'] as const

describe.each(endings)('a recording as %s', (ending) => {
  test('that is not there yet has no end', async () => {
    expect(await endOf(place(`flows.${ending}`))).toEqual({ wholeBytes: 0, tornBytes: 0 })
  })

  test('that is empty has none either', async () => {
    const path = place(`flows.${ending}`)
    writeFileSync(path, '')
    expect(await endOf(path)).toEqual({ wholeBytes: 0, tornBytes: 0 })
  })

  test('tells what the source is asked for again', async () => {
    const path = place(`flows.${ending}`)
    const lost = '{"lost_events":{"num_events_lost":"3"},"node_name":"worker-2"}'
    const parts = [
      [flow('a', 0), flow('b', 800, 'worker-2')],
      [flow('c', 1000), lost, flow('d', 990)],
    ]
    writeFileSync(path, await frames(path, parts))
    const { wholeBytes, tornBytes, last } = await endOf(path)
    expect({ wholeBytes, tornBytes }).toEqual({
      wholeBytes: readFileSync(path).length,
      tornBytes: 0,
    })
    expect(last?.time).toBe(timeAt(1000))
    // A record of worker-2 is among what is asked for.
    expect(last?.sinceMs).toBe(startMs + 800_000)
    expect([...(last?.nodes ?? [])].sort()).toEqual([
      ['worker-1', timeAt(1000)],
      ['worker-2', timeAt(800)],
    ])
    for (const uuid of ['b', 'c', 'd']) expect(last?.ids.has(uuid)).toBe(true)
    expect(last?.ids.size).toBe(5)
  })

  test('asks for a minute at least', async () => {
    const path = place(`flows.${ending}`)
    writeFileSync(path, await frames(path, [[flow('a', 100), flow('b', 101)]]))
    expect((await endOf(path)).last?.sinceMs).toBe(startMs + 41_000)
  })

  test('leaves nodes that were silent for long', async () => {
    const path = place(`flows.${ending}`)
    writeFileSync(path, await frames(path, [[flow('a', 0, 'worker-9')], [flow('b', 5000)]]))
    const { last } = await endOf(path)
    expect([...(last?.nodes.keys() ?? [])]).toEqual(['worker-1'])
    expect(last?.sinceMs).toBe(startMs + 4_940_000)
  })

  test('ends behind the last whole line, wherever it was cut', async () => {
    const path = place(`flows.${ending}`)
    const parts = [[flow('a', 0), flow('b', 1)], [flow('c', 2)], [flow('d', 3)]]
    const whole = await frames(path, parts)
    const boundaries = [0]
    for (let index = 1; index <= parts.length; index++) {
      boundaries.push((await frames(path, parts.slice(0, index))).length)
    }
    // Lines of text are whole one by one.
    if (ending === 'jsonl') boundaries.push(flow('a', 0).length + 1)
    boundaries.sort((a, b) => a - b)
    for (let cut = whole.length; cut >= 0; cut--) {
      writeFileSync(path, whole)
      truncateSync(path, cut)
      const { wholeBytes, tornBytes } = await endOf(path)
      const expected = boundaries.findLast((boundary) => boundary <= cut)
      expect({ cut, wholeBytes, tornBytes }).toEqual({
        cut,
        wholeBytes: expected,
        tornBytes: cut - (expected ?? 0),
      })
    }
  })

  test('goes back into files that were put aside', async () => {
    const path = place(`flows.${ending}`)
    const aside = path.replace(`.${ending}`, `-2026-03-02T09-30-00.000.${ending}`)
    writeFileSync(aside, await frames(path, [[flow('a', 0), flow('b', 10)]]))
    const other = path.replace(`.${ending}`, `-notes.${ending}`)
    writeFileSync(other, await frames(path, [[flow('x', 90)]]))
    const { wholeBytes, last } = await endOf(path)
    expect(wholeBytes).toBe(0)
    expect(last?.time).toBe(timeAt(10))
    expect([...(last?.ids ?? [])].sort()).toEqual(['a', 'b'])
  })

  test.each([
    ['text', Buffer.from('dear diary\n'), /holds no flows|is not compressed/],
    [
      'a gzip file of another writer',
      gzipSync(`${flow('a', 0)}\n`),
      /not of "netweir record"|its name does not say/,
    ],
    [
      'a zip',
      Buffer.from('504b030414000000080000000000504b', 'hex'),
      /does not|holds no flows|not of|is not compressed/,
    ],
  ])('is not %s', async (_, content, message) => {
    const path = place(`flows.${ending}`)
    writeFileSync(path, Buffer.concat([content, Buffer.from(ending === 'jsonl' ? '\n' : '')]))
    await expect(endOf(path)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringMatching(message),
    })
    expect(readFileSync(path).length).toBeGreaterThanOrEqual(content.length)
  })
})

describe.each(['jsonl.gz', 'jsonl.zst'])('what a dead machine left of %s', (ending) => {
  test('room that was never filled is cut off', async () => {
    const path = place(`flows.${ending}`)
    const whole = await frames(path, [[flow('a', 0)]])
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(4096)]))
    expect(await endOf(path)).toMatchObject({ wholeBytes: whole.length, tornBytes: 4096 })
  })

  test('a frame with a length and without its content is cut off', async () => {
    const path = place(`flows.${ending}`)
    const whole = await frames(path, [[flow('a', 0)]])
    const last = Buffer.from(await frames(path, [[flow('b', 1)]]))
    last.fill(0, 24)
    writeFileSync(path, Buffer.concat([whole, last]))
    expect(await endOf(path)).toMatchObject({
      wholeBytes: whole.length,
      tornBytes: last.length,
    })
  })
})

test('long lines do not get in the way', async () => {
  const path = place('flows.jsonl')
  const long = JSON.stringify({
    flow: { uuid: 'long', time: timeAt(1), Summary: 'x'.repeat(3_000_000) },
  })
  writeFileSync(path, await frames(path, [[flow('a', 0), long, flow('b', 2)]]))
  const { last } = await endOf(path)
  expect([...(last?.ids ?? [])].sort()).toEqual(['a', 'b', 'long'])
})

test.each(['{"a":1}', 'dear diary', '[]', '{"flowers":[]}'])(
  'a short file of somebody else is none: %s',
  async (text) => {
    const path = place('flows.json')
    writeFileSync(path, text)
    await expect(endOf(path)).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
  },
)

test('a line that a dead machine left without its content is cut off', async () => {
  const path = place('flows.jsonl')
  writeFileSync(path, Buffer.alloc(4096))
  expect(await endOf(path)).toEqual({ wholeBytes: 0, tornBytes: 4096 })
})

describe('a clock that is ahead', () => {
  const years = 80 * 365 * 86_400
  test('does not say where the recording ends', async () => {
    const path = place('flows.jsonl')
    const lines = [flow('a', 0), flow('b', 90), flow('c', years, 'ahead'), flow('d', years)]
    writeFileSync(path, await frames(path, [lines]))
    const { last } = await endOf(path)
    expect(last?.time).toBe(timeAt(90))
    expect(last?.sinceMs).toBe(startMs + 30_000)
    expect(last?.nodes).toEqual(
      new Map([
        ['worker-1', timeAt(90)],
        ['ahead', timeAt(years)],
      ]),
    )
  })

  test('of all nodes is one of this machine that is behind', async () => {
    const path = place('flows.jsonl')
    writeFileSync(path, await frames(path, [[flow('a', years), flow('b', years + 90)]]))
    expect((await endOf(path)).last?.time).toBe(timeAt(years + 90))
  })
})

test('no directory is a recording', async () => {
  await expect(endOf(directory)).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
})
