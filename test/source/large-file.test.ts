/** Large files come out the same for any number of threads, wherever the pieces are cut. */
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultThreads } from '../../src/pipeline/read-sources.ts'
import { readLargeFile } from '../../src/source/large-file.ts'
import type { PieceTask } from '../../src/source/piece-reader.ts'
import { PieceReader, pieceCount } from '../../src/source/piece-reader.ts'
import type { pieceThread, startThreadAhead } from '../../src/source/piece-thread.ts'
import { sharedBytes } from '../../src/source/piece-thread.ts'
import type { Reader } from '../../src/traffic/reader.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { encodeSet } from '../../src/traffic/set-document.ts'
import { built } from '../support/built.ts'
import { flowLine } from '../support/flows.ts'
import { sourceScanning } from '../support/scanning.ts'

const { module } = await sourceScanning()
const { writeRecording }: { writeRecording(path: string, options: { lines: number }): void } =
  await import(new URL('../bench/recording.mjs', import.meta.url).href)
const never = new AbortController().signal
let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-large-'))
})

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

function write(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

function resultOf(reader: Reader): { set: string; notices: string; records: number } {
  reader.endOfSource()
  const set = encodeSet(reader.finish())
  return { set, notices: JSON.stringify(reader.notices), records: reader.records }
}

function readPlainly(path: string, text: string): ReturnType<typeof resultOf> {
  const reader = createReader()
  reader.consume(new TextEncoder().encode(text), { source: path, offset: 0 })
  return resultOf(reader)
}

const end = (ns: string, app: string) => ({ ns, masked: true, pod: app })
const short = (port: number, time: number): string =>
  flowLine({
    ...{ from: end('a', 'b'), to: end('a', 'c'), port, time, node: null },
    ...{ direction: null, type: 5, sourcePort: null },
  })

describe('pieces of a file', () => {
  const tiny = (port: number): string =>
    `{"flow":{"verdict":"FORWARDED","l4":{"TCP":{"destination_port":${port},"flags":{"SYN":true}}},"source":{"namespace":"a","pod_name":"b"},"destination":{"namespace":"a","pod_name":"c"}}}`
  const lines = [tiny(1), '', '{]', `${tiny(2)}\r`, tiny(1), '[1]']
  const text = lines.map((line) => `${line}\n`).join('')

  test('come out the same wherever they are cut, at every byte', () => {
    const path = write('short.jsonl', text)
    const expected = readPlainly(path, text)
    for (let pieceBytes = 1; pieceBytes <= text.length; pieceBytes++) {
      const range = { path, start: 0, end: text.length, pieceBytes }
      const shared = { next: new Int32Array(1), progress: new Float64Array(4) }
      const task = (index: number): PieceTask => ({ range, module, options: {}, shared, index })
      const readers = pieceBytes % 8 === 0 ? [0, 1] : [0]
      const readings = readers.map((index) => new PieceReader(task(index)).read())
      const found = readings.map((reading) => {
        let step = reading.next()
        while (step.done !== true) step = reading.next()
        return step.value!
      })
      const reader = createReader()
      reader.consume(new Uint8Array(0), { source: path, offset: 0 })
      let lineCount = 0
      const firstLines = new Map<number, number>()
      const counts = new Map(found.flatMap((one) => [...one.lines]))
      for (let piece = 0; piece < pieceCount(range); piece++) {
        firstLines.set(piece, lineCount)
        lineCount += counts.get(piece)!
      }
      expect(lineCount).toBe(lines.length)
      const parts = found.map((one) => one.parts)
      reader.absorb(parts, { lines: lineCount, bytes: text.length }, firstLines)
      expect(reader.scanned.records).toBe(3)
      expect([pieceBytes, resultOf(reader)]).toEqual([pieceBytes, expected])
    }
  })

  test('are as many threads as there are processors, within bounds', () => {
    expect([0, 1, 2, 64].map(defaultThreads)).toEqual([1, 1, 2, 8])
  })
})

describe('a large file', () => {
  const load = async (): Promise<{
    readLargeFile: typeof readLargeFile
    createReader: typeof createReader
  }> => {
    const large = await import(built('source/large-file.js'))
    const reader = await import(built('traffic/reader.js'))
    return { readLargeFile: large.readLargeFile, createReader: reader.createReader }
  }

  async function readWith(
    path: string,
    threads: number,
    options: { readonly pieceBytes?: number; readonly sinceMs?: number } = {},
  ): Promise<ReturnType<typeof resultOf> & { scanned: number }> {
    const code = await load()
    const reader = code.createReader({ ...options, scanner: module })
    await code.readLargeFile(path, reader, {
      ...{ scanner: module, threads, aborted: never, onProgress: () => undefined },
      ...options,
    })
    return { ...resultOf(reader), scanned: reader.scanned.records }
  }

  test('is the same for one thread and several, and for the plain decoder', async () => {
    const path = join(directory, 'recording.jsonl')
    writeRecording(path, { lines: 6000 })
    const reader = createReader()
    await readLargeFile(path, reader, { threads: 2, aborted: never, onProgress: () => undefined })
    const expected = resultOf(reader)
    expect(expected.records).toBe(6000)
    for (const [threads, pieceBytes] of [
      [1, undefined],
      [2, 1024 * 1024],
      [3, 999_983],
      [5, 100_003],
    ] as const) {
      const found = await readWith(path, threads, pieceBytes === undefined ? {} : { pieceBytes })
      expect(found).toEqual({ ...expected, scanned: 6000 })
    }
    const sinceMs = Date.UTC(2026, 2, 2, 9, 0, 10)
    const [one, two] = [
      await readWith(path, 1, { sinceMs }),
      await readWith(path, 2, { sinceMs, pieceBytes: 1024 * 1024 }),
    ]
    expect(two).toEqual(one)
    expect(one.notices).toContain('outside the asked time')
  })

  test('counts no line twice where lines, chunks and pieces end together', async () => {
    const chunk = 256 * 1024
    const padded = (size: number): string => {
      const line = short(1, 0).slice(0, -1)
      return `${line},"unread":"${'x'.repeat(size - line.length - 14)}"}\n`
    }
    for (const size of [2048, chunk, 2 * chunk + 2048]) {
      const text = padded(size).repeat((8 * chunk) / Math.min(size, chunk))
      const path = write('padded.jsonl', text)
      const expected = readPlainly(path, text)
      for (const pieceBytes of [chunk, 2 * chunk, 2 * chunk - 1, 2 * chunk + 1]) {
        const { scanned: _, ...found } = await readWith(path, 2, { pieceBytes })
        expect([size, pieceBytes, found]).toEqual([size, pieceBytes, expected])
      }
    }
  })

  test('names the line of the first bad record, and keeps what has no line feed yet', async () => {
    const good = `${short(1, 0)}\n`.repeat(3000)
    const text = `${good}{]\n\n${good}"text"\n[3]\n${good}${good}${short(2, 0).slice(0, 90)}`
    const path = write('bad.jsonl', text)
    const expected = readPlainly(path, text)
    expect(expected.notices).toContain('"line":3001')
    for (const threads of [1, 2, 4]) {
      const { scanned, ...found } = await readWith(path, threads, { pieceBytes: 100_000 })
      expect(found).toEqual(expected)
      expect(scanned).toBe(12_000)
    }
  })

  test('is read in order where lines of a container runtime stand in it', async () => {
    const good = `${short(1, 0)}\n`.repeat(3000)
    const whole = short(7, 0)
    const prefix = '2026-02-24T08:43:37.094000000Z stdout'
    const text = `${good}${prefix} P ${whole.slice(0, 40)}\n${good}${prefix} F ${whole.slice(40)}\n${good}`
    const path = write('mixed.jsonl', text)
    const expected = readPlainly(path, text)
    const { scanned, ...found } = await readWith(path, 2, { pieceBytes: 300_000 })
    expect(found).toEqual(expected)
    expect(scanned).toBe(9000)
  })

  test('that is one document is read in order, too', async () => {
    const text = JSON.stringify(Array.from({ length: 3000 }, () => JSON.parse(short(5, 0))))
    const path = write('array.json', text)
    const { scanned: _, ...found } = await readWith(path, 2, { pieceBytes: 100_000 })
    expect(found).toEqual(readPlainly(path, text))
  })

  test('has a thread that is started ahead of the program, unless one reads alone', async () => {
    const line = `${short(1, 0)}\n`
    const path = write('ahead.jsonl', '')
    const block = line.repeat(10_000)
    for (let size = 0; size < sharedBytes; size += block.length) appendFileSync(path, block)
    const other = write('other.txt', 'x')
    truncateSync(other, sharedBytes)
    const threads: { startThreadAhead: typeof startThreadAhead; pieceThread: typeof pieceThread } =
      await import(built('source/piece-thread.js'))
    const starts = (words: readonly string[], processors = 2): boolean =>
      threads.startThreadAhead(words, processors)
    expect(starts(['learn', path], 1)).toBe(false)
    for (const words of [[], ['--threads', '1'], ['--threads=1', '-q'], ['--strict']]) {
      const named = words.length === 0 ? [other, directory, 'none'] : [path]
      expect([words, starts(['learn', ...named, ...words])]).toEqual([words, false])
    }
    expect(starts(['learn', path, '--threads', '16'])).toBe(true)
    const found = await readWith(path, 2)
    expect(found).toEqual(await readWith(path, 1))
    // One that nothing is read with ends with the process, or by itself.
    expect(starts(['learn', path])).toBe(true)
    const thread = threads.pieceThread()
    thread?.end()
    expect(await thread?.found).toBeUndefined()
  })

  test('gives up when the run is, and names what cannot be read', async () => {
    const path = write('again.jsonl', `${short(1, 0)}\n`.repeat(30_000))
    expect(statSync(path).size).toBeGreaterThan(9_000_000)
    const code = await load()
    const gone = new AbortController()
    const options = { scanner: module, aborted: gone.signal, onProgress: () => gone.abort() }
    for (const [threads, pieceBytes] of [
      [1, undefined],
      [2, 4 * 1024 * 1024 + 7],
    ] as const) {
      const all = { ...options, threads, ...(pieceBytes === undefined ? {} : { pieceBytes }) }
      const reading = code.readLargeFile(path, code.createReader({ scanner: module }), all)
      await expect(reading).rejects.toMatchObject({ code: 'INTERRUPTED' })
    }
    const missing = code.readLargeFile(join(directory, 'none'), code.createReader(), {
      ...{ threads: 1, aborted: never, onProgress: () => undefined },
    })
    await expect(missing).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' })
  })
})
