/** What a stream remembers, at sizes at which it forgets. */
import { expect, test } from 'vitest'
import type { MessagePeek } from '../../src/flow/message-peek.ts'
import { StreamHistory } from '../../src/source/hubble-history.ts'

const startMs = Date.parse('2026-03-02T09:00:00Z')

type Looked = readonly [MessagePeek, Uint8Array]

/** A message of nothing but its uuid. */
const flow = (node: string, index: number): Looked => {
  const bytes = Buffer.from(`${node}-${index}`.padEnd(36, '-'))
  const timeMs = startMs + index
  return [{ kind: 'flow', uuidStart: 0, uuidEnd: bytes.length, node, timeMs }, bytes]
}

/** A quiet node says something, then a busy one more than is remembered. */
function crowded(): StreamHistory {
  const history = new StreamHistory()
  history.note(...flow('quiet', 0))
  history.note(...flow('quiet', 5))
  for (let index = 10; index < 140_000; index++) history.note(...flow('busy', index))
  return history
}

test('a node whose events are all forgotten does not count twice', () => {
  const history = crowded()
  const sinceMs = history.resumeMs ?? 0
  expect(sinceMs).toBeLessThanOrEqual(startMs + 5)
  history.beginReplay(sinceMs)
  const isRepeat = (looked: Looked): boolean => history.isRepeat(...looked)
  expect([flow('quiet', 0), flow('quiet', 5), flow('quiet', 6)].map(isRepeat)).toEqual([
    true,
    true,
    false,
  ])
  expect([flow('busy', 10), flow('busy', 139_999), flow('busy', 140_000)].map(isRepeat)).toEqual([
    true,
    true,
    false,
  ])
  history.endReplay()
  expect(history.gaps).toEqual([])
})

test('and what it could not give again is named', () => {
  const history = crowded()
  history.beginReplay(history.resumeMs ?? 0)
  expect(history.isRepeat(...flow('busy', 139_999))).toBe(true)
  expect(history.isRepeat(...flow('quiet', 200_000))).toBe(false)
  expect(history.gaps).toEqual([{ node: 'quiet', fromMs: startMs + 5, toMs: startMs + 200_000 }])
})

test('messages are told apart by what stands for a uuid, or by all their bytes', () => {
  const history = new StreamHistory()
  const named = (text: string, uuidEnd: number, index = 0): Looked => [
    { kind: 'flow', uuidStart: 0, uuidEnd, node: 'a', timeMs: startMs + index },
    Buffer.from(text),
  ]
  history.note(...named('short, and more', 5))
  history.note(...named('no uuid', 0))
  history.beginReplay(startMs)
  expect(history.isRepeat(...named('short, and other', 5, 1))).toBe(true)
  expect(history.isRepeat(...named('shore, and more', 5, 1))).toBe(false)
  expect(history.isRepeat(...named('no uuid', 0, 1))).toBe(true)
  expect(history.isRepeat(...named('no uuie', 0, 1))).toBe(false)
})
