import { describe, expect, test } from 'vitest'
import { bytesText, createProgressLine, liveText, progressText } from '../../src/cli/progress.ts'
import { createFakeIo, hostileCharacters } from '../support/fake-io.ts'

const erase = '\r\u001b[2K'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [1550, '1.6 kB'],
  [99_400, '99.4 kB'],
  [99_500, '100 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [2.5e12, '2.5 TB'],
  [5e15, '5000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

describe('the words of the line', () => {
  test.each([
    [
      { source: 'flows.jsonl', bytes: 5e6, totalBytes: 20e6, records: 9000, edges: 0 },
      5000,
      100,
      'reading flows.jsonl  25%  5.0 MB  5.0 MB/s  9000 records  3s left',
    ],
    [
      { source: '-', bytes: 5e6, records: 9000, edges: 0 },
      5000,
      100,
      'reading -  5.0 MB  5.0 MB/s  9000 records',
    ],
    [
      { source: 'flows.jsonl', bytes: 0, totalBytes: 20e6, records: 0, edges: 0 },
      0,
      100,
      'reading flows.jsonl  0%  0 B  0 records',
    ],
    [
      { source: 'a', bytes: 1e6, totalBytes: 500e6, records: 1, edges: 0 },
      1000,
      100,
      'reading a  0%  1.0 MB  1.0 MB/s  1 records  8m 19s left',
    ],
    [
      { source: 'a', bytes: 1e6, totalBytes: 9e9, records: 1, edges: 0 },
      1000,
      100,
      'reading a  0%  1.0 MB  1.0 MB/s  1 records  2h 29m left',
    ],
    [
      {
        source: '/var/run/cilium/hubble/events.log',
        bytes: 5e6,
        totalBytes: 20e6,
        records: 9000,
        edges: 0,
      },
      5000,
      60,
      'reading ...og  25%  5.0 MB  5.0 MB/s  9000 records  3s left',
    ],
  ])('%#', (progress, bytesPerMs, columns, expected) => {
    const text = progressText(progress, bytesPerMs, columns)
    expect(text.length).toBeLessThan(columns)
    expect(text).toBe(expected)
  })

  test.each([
    [
      { lostEvents: 0, isDown: false },
      { recordsPerSecond: 0 },
      'watching hubble://a  900 records  0/s  12 edges',
    ],
    [
      { lostEvents: 7, members: 6, missing: 1, isDown: true },
      { recordsPerSecond: 1234.4, sinceNewEdgeMs: 90_000 },
      'watching hubble://a  connection lost  900 records  1234/s  12 edges, last new 1m 30s ago  7 lost  5 of 6 nodes',
    ],
    [
      { lostEvents: 0, members: 3, missing: 0, isDown: false },
      { recordsPerSecond: 2, sinceNewEdgeMs: 0 },
      'watching hubble://a  900 records  2/s  12 edges, last new 0s ago  3 nodes',
    ],
  ])('of a live source: %#', (live, pace, expected) => {
    const progress = { source: 'hubble://a', bytes: 5, records: 900, edges: 12, live }
    expect(liveText(progress, pace, 200)).toBe(expected)
    expect(liveText(progress, pace, 60).length).toBeLessThan(60)
  })

  test('a name from outside cannot move the cursor', () => {
    const text = progressText({ source: 'a\u001b[2Jb\r', bytes: 1, records: 1, edges: 0 }, 0, 100)
    expect(hostileCharacters(text)).toEqual([])
  })
})

describe('the line', () => {
  test('is drawn at most ten times a second, and erased before it is gone', async () => {
    const io = createFakeIo({ stderrIsTty: true, columns: 80 })
    const line = createProgressLine(io, { isWanted: true })
    for (let step = 0; step <= 20; step += 1) {
      line.show({ source: 'a', bytes: step * 1000, totalBytes: 40_000, records: step, edges: 0 })
      io.nowMs += 10
    }
    await line.clear()
    const draws = io.err.split(erase)
    expect(draws).toEqual([
      '',
      'reading a  0%  0 B  0 records',
      'reading a  25%  10.0 kB  100 kB/s  10 records  1s left',
      'reading a  50%  20.0 kB  100 kB/s  20 records  1s left',
      '',
    ])
  })

  test('of a live source tells the rate, and how old the newest communication is', async () => {
    const io = createFakeIo({ stderrIsTty: true, columns: 120 })
    const line = createProgressLine(io, { isWanted: true })
    const live = { lostEvents: 0, isDown: false }
    for (const [records, edges] of [
      [0, 0],
      [100, 2],
      [200, 2],
      [300, 2],
    ] as const) {
      line.show({ source: 'hubble://a', bytes: records, records, edges, live })
      io.nowMs += 1000
    }
    await line.clear()
    expect(io.err.split(erase).slice(1, -1)).toEqual([
      'watching hubble://a  0 records  0/s  0 edges',
      'watching hubble://a  100 records  100/s  2 edges, last new 0s ago',
      'watching hubble://a  200 records  100/s  2 edges, last new 1s ago',
      'watching hubble://a  300 records  100/s  2 edges, last new 2s ago',
    ])
  })

  test('leaves nothing to erase when nothing was drawn', async () => {
    const io = createFakeIo({ stderrIsTty: true })
    await createProgressLine(io, { isWanted: true }).clear()
    expect(io.err).toBe('')
  })

  test.each([
    ['standard error is no terminal', false, true],
    ['it is not wanted', true, false],
  ])('is not there when %s', async (_, stderrIsTty, isWanted) => {
    const io = createFakeIo({ stderrIsTty })
    const line = createProgressLine(io, { isWanted })
    line.show({ source: 'a', bytes: 1, records: 1, edges: 0 })
    await line.clear()
    expect(io.err).toBe('')
  })
})
