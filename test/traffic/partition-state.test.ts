import { describe, expect, test } from 'vitest'
import { PartitionState } from '../../src/traffic/partition-state.ts'
import { encodeSet } from '../../src/traffic/set-document.ts'
import { StateTable } from '../../src/traffic/state-table.ts'
import { baseMs, outside, reading, setOf } from '../support/readings.ts'
import type { WorldEvent } from '../support/state-world.ts'
import { bytesOf, group, stateLocation, World } from '../support/state-world.ts'

const readings = Array.from({ length: 30 }, (_, index) =>
  reading({
    port: 8000 + (index % 4),
    ...(index % 3 === 0 ? { server: outside(`203.0.113.${index}`) } : {}),
  }),
)

/** `read 0 5`: the oldest member reads five records. */
function eventOf(line: string): WorldEvent {
  const [kind, who = '0', amount = '0'] = line.split(' ')
  return { kind: kind as WorldEvent['kind'], who: Number(who), amount: Number(amount) }
}

type Story = [what: string, events: readonly string[], maxBytes?: number]

const stories: readonly Story[] = [
  [
    'an evicted member writes on in a tenure that its successor removed',
    [
      'read 0 5',
      'flush 0',
      'commit 0',
      'rebalance',
      'read 1 5',
      'flush 1',
      'commit 1',
      'sweep 1 99',
      'read 0 20',
      'flush 0',
    ],
  ],
  [
    'an evicted member has come further than its successor',
    [
      'read 0 5',
      'flush 0',
      'commit 0',
      'rebalance',
      'read 1 2',
      'flush 1',
      'read 0 20',
      'flush 0',
      'die 1',
      'rebalance',
      'read 1 4',
      'flush 1',
    ],
  ],
  [
    'a batch that was given up arrives after the one that followed it',
    [
      'read 0 5',
      'flush 0',
      'read 0 5',
      'doubtful-flush 0 4',
      'read 0 2',
      'flush 0',
      'late-batch',
      'commit 0',
      'sweep 0 99',
      'late-batch',
    ],
  ],
  [
    'a member is killed between two batches of a flush',
    [
      'read 0 5',
      'flush 0',
      'commit 0',
      'read 0 20',
      'flush-and-die 0 1',
      'rebalance',
      'read 0 3',
      'flush 0',
      'commit 0',
      'sweep 0 99',
    ],
    700,
  ],
  [
    'the successor of a member that was killed before its first position takes over what stood before',
    [
      'read 0 9',
      'flush 0',
      'commit 0',
      'rebalance',
      'read 1 3',
      'flush-and-die 1 2',
      'compact 0 40',
      'rebalance',
      'read 1 9',
      'flush 1',
    ],
    700,
  ],
  [
    'a member that took over and read nothing removes nothing',
    ['read 0 9', 'flush 0', 'commit 0', 'die 0', 'rebalance', 'flush 0', 'commit 0', 'sweep 0 99'],
  ],
]

describe('the state of a partition', () => {
  test.each(stories)('%s', (...story: Story) => {
    const [, lines, maxBytes = 1_000_000] = story
    const world = new World(0, readings, maxBytes)
    for (const line of lines) {
      world.step(eventOf(line))
      world.check()
    }
    world.finish()
    world.check()
    expect(encodeSet(world.table().materialise(group).set)).toBe(bytesOf(readings))
  })
})

const place = { group, topic: 'flows', partition: 0 }

/** The table after one owner took in sets one by one, each followed by a step. */
function tableAfter(...steps: readonly ((state: PartitionState) => void)[]): StateTable {
  const table = new StateTable(stateLocation)
  let tenures = 0
  const newTenure = (): string => {
    tenures += 1
    return `t${tenures}`
  }
  const state = new PartitionState(place, newTenure, undefined, 0)
  for (const step of steps) {
    step(state)
    for (const batch of state.flush(1_000_000)) for (const record of batch) table.apply(record)
    state.settle()
  }
  return table
}

describe('what is older than a window', () => {
  const day = 86_400_000
  const old = setOf({ port: 1, timeMs: baseMs }, { port: 1, timeMs: baseMs + 1 })
  const young = setOf({ port: 2, timeMs: baseMs + 10 * day, client: outside('203.0.113.9') })
  const limit = new Date(baseMs + 5 * day).toISOString()
  const table = tableAfter(
    (state) => state.advance(old, 2),
    (state) => state.advance(young, 3),
    (state) => state.expire(limit),
  )

  test('is removed, and counted', () => {
    const { set, positions } = table.materialise(group)
    expect(set.communications.map(({ port }) => port)).toEqual([2])
    expect(set.classes).toHaveLength(1)
    expect(set.window.first).toBe(limit)
    expect(positions).toMatchObject([{ next: 3, records: 3, expired: 2, expiredBefore: limit }])
  })

  test('is left out of partitions whose owner has not come to it yet', () => {
    const other = new PartitionState({ ...place, partition: 1 }, () => 't', undefined, 0)
    other.advance(old, 2)
    for (const batch of other.flush(1_000_000)) for (const record of batch) table.apply(record)
    const { set, positions } = table.materialise(group)
    expect(set.communications.map(({ port }) => port)).toEqual([2])
    expect(positions.map(({ next }) => next)).toEqual([3, 2])
  })
})

describe('a state topic that lost records', () => {
  test('is refused when items are missing', () => {
    const state = new PartitionState(place, () => 't', undefined, 0)
    state.advance(setOf({ port: 1 }, { port: 2 }), 2)
    const [batch = []] = state.flush(1_000_000)
    for (let lost = 0; lost < batch.length - 1; lost += 1) {
      const table = new StateTable(stateLocation)
      for (const record of batch.filter((_, index) => index !== lost)) table.apply(record)
      expect(() => table.find(place)).toThrow(/of the \d+ records/)
    }
  })

  test('is refused when a record says something else', () => {
    const state = new PartitionState(place, () => 't', undefined, 0)
    state.advance(setOf({ port: 1 }), 1)
    const [batch = []] = state.flush(1_000_000)
    const table = new StateTable(stateLocation)
    for (const { key, value } of batch) {
      table.apply({
        key,
        value: value?.replace('"records":1,"first"', '"records":7,"first"') ?? null,
      })
    }
    expect(() => table.find(place)).toThrow(/adds up to 7 records where 1/)
  })

  test.each([
    ['["netweir/v1","weir","flows",0,"t","edge"]', '{}'],
    ['["netweir/v1","weir","flows",0,"t","pod",1,"x"]', 'null'],
    ['["netweir/v1","weir","flows",0,"t","class",0]', 'no JSON'],
    ['["netweir/v1","weir","flows",0,"t","edge",null,7,"TCP",1]', '{}'],
  ])('is refused with a code for the key %s', (key, value) => {
    const table = new StateTable(stateLocation)
    const position = {
      next: 1,
      items: 1,
      records: 0,
      expired: 0,
      outsideLimit: 1,
      window: {},
      counted: {},
    }
    table.apply({ key, value })
    table.apply({
      key: '["netweir/v1","weir","flows",0,"t","position"]',
      value: JSON.stringify(position),
    })
    expect(() => table.materialise(group)).toThrow(
      expect.objectContaining({ code: 'SET_INVALID', location: stateLocation }),
    )
  })

  test('counts what is no state, and refuses that of another version', () => {
    const table = new StateTable(stateLocation)
    for (const key of ['', 'x', '[', '[]', '["other"]', '["netweir/v1",1]']) {
      table.apply({ key, value: '{}' })
    }
    expect(table.foreign).toBe(6)
    expect(table.groups).toEqual([])
    expect(() => table.apply({ key: '["netweir/v2"]', value: '{}' })).toThrow(/netweir\/v2/)
  })
})
