import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type * as FsPromises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RunHost } from '../../src/pipeline/pipeline.ts'
import type { RecordOptions, RecordResult } from '../../src/pipeline/record.ts'
import { record } from '../../src/pipeline/record.ts'
import { expandSource, openRecorded } from '../../src/source/recorded.ts'
import { fault, setFault } from '../support/faulty-fs.ts'

vi.mock('node:fs/promises', async (importOriginal) => {
  const { withFaults } = await import('../support/faulty-fs.ts')
  return withFaults(await importOriginal<typeof FsPromises>())
})

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-record-'))
})

afterEach(() => {
  setFault('fail', 0)
  vi.useRealTimers()
  rmSync(directory, { recursive: true, force: true })
})

const startMs = Date.UTC(2026, 2, 2, 9)

/** A line of a flow, with noise so that no compression makes it short. */
function flow(
  index: number,
  options: { readonly node?: string; readonly noise?: number } = {},
): string {
  const time = new Date(startMs + index * 1000).toISOString()
  const { node = 'worker-1', noise = 0 } = options
  return JSON.stringify({
    flow: {
      uuid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      time,
      l4: { TCP: { destination_port: 80 } },
      ...(noise === 0 ? {} : { Summary: randomBytes(noise).toString('base64') }),
    },
    node_name: node,
    time,
  })
}

function hostOf(lines: readonly string[], signals: Partial<RunHost> = {}): RunHost {
  async function* stdin(): AsyncGenerator<Uint8Array, void> {
    for (const line of lines) yield Buffer.from(`${line}\n`)
  }
  return { stdin: stdin(), signal: new AbortController().signal, ...signals }
}

const place = (name = 'flows.jsonl'): string => join(directory, name)

function recordLines(
  lines: readonly string[],
  options: Partial<RecordOptions> = {},
): Promise<RecordResult> {
  return record('-', { out: place(), ...options }, hostOf(lines))
}

/** All lines of the recordings of the directory, as a replay meets them. */
async function replayed(): Promise<readonly string[]> {
  const { files } = await expandSource(directory)
  const texts: string[] = []
  for (const file of files) {
    const source = await openRecorded(file, hostOf([]).stdin, new AbortController().signal)
    const parts: Uint8Array[] = []
    for await (const { bytes, isCut } of source.chunks) {
      expect(isCut).toBe(false)
      parts.push(Uint8Array.from(bytes))
    }
    texts.push(Buffer.concat(parts).toString())
  }
  return texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
}

const endings = ['jsonl', 'jsonl.gz', 'jsonl.zst'] as const

describe.each(endings)('recording to %s', (ending) => {
  const name = `flows.${ending}`

  test('keeps every record as it came, and leaves nothing else behind', async () => {
    const lines = [
      flow(0),
      '{"lost_events":{"num_events_lost":"7"}}',
      flow(1, { node: 'worker-2' }),
    ]
    const result = await recordLines(lines, { out: place(name) })
    expect(result).toMatchObject({ records: 3, known: 0, gaps: [], tornBytes: 0 })
    expect(await replayed()).toEqual(lines)
    expect(readdirSync(directory)).toEqual([name])
  })

  test('goes on where it ended, without what it holds', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => flow(index))
    await recordLines(lines.slice(0, 12), { out: place(name) })
    const result = await recordLines(lines.slice(5), { out: place(name) })
    expect(result).toMatchObject({
      records: 8,
      known: 7,
      gaps: [],
      resumedFrom: '2026-03-02T09:00:11.000Z',
    })
    expect(await replayed()).toEqual(lines)
  })

  test('names what a node no longer had, in the result and in the recording', async () => {
    const before = [flow(0), flow(1, { node: 'worker-2' }), flow(2), flow(3, { node: 'worker-2' })]
    await recordLines(before, { out: place(name) })
    const after = [
      flow(2),
      flow(30),
      flow(40, { node: 'worker-2' }),
      flow(41, { node: 'worker-2' }),
    ]
    const { gaps, records } = await recordLines(after, { out: place(name) })
    const [from, to] = ['2026-03-02T09:00:03.000Z', '2026-03-02T09:00:40.000Z']
    expect(gaps).toEqual([{ node: 'worker-2', from, to }])
    expect(records).toBe(3)
    expect((await replayed()).filter((line) => line.includes('node_status'))).toEqual([
      JSON.stringify({
        node_status: {
          state_change: 'NODE_UNAVAILABLE',
          node_names: ['worker-2'],
          message: `netweir: missing from ${from} to ${to}`,
        },
        time: to,
      }),
    ])
  })

  test('puts files aside that a directory gives back in order', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => flow(index, { noise: 200_000 }))
    const { putAside, removed } = await recordLines(lines, {
      out: place(name),
      rotateBytes: 700_000,
    })
    expect(putAside.length).toBeGreaterThan(2)
    expect(removed).toEqual([])
    expect(await replayed()).toEqual(lines)
    expect(await recordLines(lines.slice(15), { out: place(name) })).toMatchObject({
      records: 0,
      known: 5,
      gaps: [],
    })
  })

  test('keeps as many files as it is asked to', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => flow(index, { noise: 200_000 }))
    const { putAside, removed } = await recordLines(lines, {
      out: place(name),
      rotateBytes: 700_000,
      keep: 2,
    })
    expect(removed).toEqual(putAside.slice(0, -2))
    const left = await replayed()
    expect(left).toEqual(lines.slice(-left.length))
    expect(readdirSync(directory)).toHaveLength(3)
  })
})

test('a clock that is set back does not mix up the files', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 2, 2, 12) })
  const lines = Array.from({ length: 24 }, (_, index) => flow(index, { noise: 200_000 }))
  const options = { rotateBytes: 1_000_000 }
  const first = await recordLines(lines.slice(0, 12), options)
  vi.setSystemTime(Date.UTC(2026, 2, 2, 11))
  const second = await recordLines(lines.slice(12), options)
  const names = [...first.putAside, ...second.putAside]
  expect(names).toEqual([...names].sort())
  expect(new Set(names).size).toBe(names.length)
  expect((await replayed()).filter((line) => !line.includes('node_status'))).toEqual(lines)
})

describe('whatever operation a recorder is killed in', () => {
  test.each(['jsonl', 'jsonl.gz'])(
    'nothing is lost and nothing stands twice in %s',
    async (ending) => {
      const out = place(`flows.${ending}`)
      const options = { out, rotateBytes: 700_000 }
      const lines = Array.from({ length: 9 }, (_, index) => flow(index, { noise: 200_000 }))
      setFault('fail', 0)
      await recordLines(lines, options)
      const operations = fault.count
      expect(operations).toBeGreaterThan(15)
      for (let at = 1; at <= operations; at++) {
        for (const file of readdirSync(directory)) rmSync(join(directory, file))
        setFault('crash', at)
        await recordLines(lines, options).catch(() => undefined)
        setFault('fail', 0)
        const { gaps } = await recordLines(lines, options)
        expect({ at, gaps }).toEqual({ at, gaps: [] })
        expect((await replayed()).map((line) => line.slice(0, 64))).toEqual(
          lines.map((line) => line.slice(0, 64)),
        )
      }
    },
  )
})

test('a full disk ends the run with what was recorded until then', async () => {
  const lines = Array.from({ length: 12 }, (_, index) => flow(index, { noise: 300_000 }))
  await recordLines([])
  const opening = fault.count
  setFault('fail', opening + 3)
  await expect(recordLines(lines)).rejects.toMatchObject({
    code: 'OUTPUT_FAILED',
    message: `cannot record to "${place()}"`,
    hint: expect.stringContaining('free some space'),
  })
  setFault('fail', 0)
  expect(await recordLines(lines)).toMatchObject({ gaps: [] })
  expect(await replayed()).toEqual(lines)
})

test('a directory that is not there is said', async () => {
  await expect(recordLines([], { out: join(directory, 'none/flows.jsonl') })).rejects.toMatchObject(
    {
      code: 'OUTPUT_FAILED',
      hint: expect.stringContaining('create the directory first'),
    },
  )
})

describe('records of every form', () => {
  test('stand on one line each', async () => {
    const pretty = JSON.stringify(JSON.parse(flow(0)), undefined, 2).split('\n')
    await recordLines([
      ...pretty,
      ...JSON.stringify([JSON.parse(flow(1))], undefined, 1).split('\n'),
    ])
    const lines = await replayed()
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [flow(0), flow(1)].map((line) => JSON.parse(line)),
    )
  })

  test('that nobody can read are one bad record again', async () => {
    await recordLines([flow(0), '{"flow":{"uuid":', flow(1)])
    const lines = await replayed()
    expect(lines).toHaveLength(3)
    expect(JSON.parse(lines[1] ?? '')).toEqual({ malformed: '{"flow":{"uuid":' })
  })
})

test('what was not asked for is left out', async () => {
  const lines = Array.from({ length: 5 }, (_, index) => flow(index))
  const { records } = await recordLines(lines, { sinceMs: startMs + 1000, untilMs: startMs + 3000 })
  expect(records).toBe(3)
  expect(await replayed()).toEqual(lines.slice(1, 4))
})

test('a window that is closed ends a recording of standard input well', async () => {
  const closing = new AbortController()
  async function* stdin(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.from(`${flow(0)}\n`)
    closing.abort()
    await new Promise(() => undefined)
  }
  const host = hostOf([], { stdin: stdin(), closed: closing.signal })
  expect(await record('-', { out: place() }, host)).toMatchObject({ records: 1 })
  expect(await replayed()).toEqual([flow(0)])
})

test('a run that is given up keeps what it has', async () => {
  const aborting = new AbortController()
  async function* stdin(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.from(`${flow(0)}\n`)
    aborting.abort()
    await new Promise(() => undefined)
  }
  const host = hostOf([], { stdin: stdin(), signal: aborting.signal })
  await expect(record('-', { out: place() }, host)).rejects.toMatchObject({ code: 'INTERRUPTED' })
  expect(await replayed()).toEqual([flow(0)])
})

test('a silent source does not keep what it said from the disk', async () => {
  const closing = new AbortController()
  async function* stdin(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.from(`${flow(0)}\n`)
    await vi.waitFor(() => expect(readFileSync(place(), 'utf8')).toBe(`${flow(0)}\n`), 10_000)
    closing.abort()
    await new Promise(() => undefined)
  }
  await record('-', { out: place() }, hostOf([], { stdin: stdin(), closed: closing.signal }))
})

describe('one recorder at a time', () => {
  const lockPlace = (): string => place('.flows.jsonl.netweir-lock')

  test('is refused beside another one', async () => {
    writeFileSync(lockPlace(), String(process.ppid))
    await expect(recordLines([flow(0)])).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: `process ${process.ppid} is recording to "${place()}"`,
    })
    expect(readdirSync(directory)).toEqual(['.flows.jsonl.netweir-lock'])
  })

  test('waits for a lock that was just made to say whose it is', async () => {
    writeFileSync(lockPlace(), '')
    setTimeout(() => writeFileSync(lockPlace(), String(process.ppid)), 100)
    await expect(recordLines([flow(0)])).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
    expect(readdirSync(directory)).toEqual(['.flows.jsonl.netweir-lock'])
  })

  test.each(['', 'x', '4194304000', String(process.pid)])(
    'takes over the lock "%s" of one that is no more',
    async (owner) => {
      writeFileSync(lockPlace(), owner)
      await recordLines([flow(0)])
      expect(readdirSync(directory)).toEqual(['flows.jsonl'])
    },
  )
})

test('a file is no live source', async () => {
  await expect(record('flows.jsonl', { out: place() }, hostOf([]))).rejects.toMatchObject({
    code: 'USAGE',
  })
})
