/** What a stream remembers, at sizes at which it forgets. */
import { expect, test } from 'vitest'
import type { MessagePeek } from '../../src/flow/message-peek.ts'
import { StreamHistory } from '../../src/source/hubble-history.ts'

const startMs = Date.parse('2026-03-02T09:00:00Z')
const nothing = new Uint8Array()

const flow = (node: string, index: number): MessagePeek => ({
  kind: 'flow',
  uuid: `${node}-${index}`,
  node,
  timeMs: startMs + index,
})

/** A quiet node says something, then a busy one more than is remembered. */
function crowded(): StreamHistory {
  const history = new StreamHistory()
  history.note(flow('quiet', 0), nothing)
  history.note(flow('quiet', 5), nothing)
  for (let index = 10; index < 140_000; index++) history.note(flow('busy', index), nothing)
  return history
}

test('a node whose events are all forgotten does not count twice', () => {
  const history = crowded()
  const sinceMs = history.resumeMs ?? 0
  expect(sinceMs).toBeLessThanOrEqual(startMs + 5)
  history.beginReplay(sinceMs)
  const isRepeat = (peek: MessagePeek): boolean => history.isRepeat(peek, nothing)
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
  expect(history.isRepeat(flow('busy', 139_999), nothing)).toBe(true)
  expect(history.isRepeat(flow('quiet', 200_000), nothing)).toBe(false)
  expect(history.gaps).toEqual([{ node: 'quiet', fromMs: startMs + 5, toMs: startMs + 200_000 }])
})
