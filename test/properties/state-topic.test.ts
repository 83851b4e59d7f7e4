import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reading } from '../../src/flow/flow.ts'
import { PartitionState } from '../../src/traffic/partition-state.ts'
import { encodeSet, mergeSets } from '../../src/traffic/set-document.ts'
import { StateTable } from '../../src/traffic/state-table.ts'
import { aggregateOf, anyReadings, crowdedReadings } from '../support/readings.ts'
import { anyEvent, bytesOf, group, stateLocation, World } from '../support/state-world.ts'

const recordings: readonly (readonly [string, fc.Arbitrary<readonly Reading[]>])[] = [
  ['of every kind', anyReadings],
  ['that exceed the bounds', crowdedReadings],
]

describe.each(recordings)('recordings %s', (_name, anyRecording) => {
  test('whatever happens to members, the state is that of one process, and so is the merge', () => {
    fc.assert(
      fc.property(
        anyRecording,
        anyRecording,
        fc.array(fc.tuple(fc.boolean(), anyEvent), { minLength: 1, maxLength: 40 }),
        fc.constantFrom(600, 4000, 1_000_000),
        (left, right, events, maxBytes) => {
          const worlds = [new World(0, left, maxBytes), new World(1, right, maxBytes)] as const
          for (const [isLeft, event] of events) {
            const world = isLeft ? worlds[0] : worlds[1]
            world.step(event)
            world.check()
          }
          const table = new StateTable(stateLocation)
          for (const world of worlds) {
            world.finish()
            world.check()
            for (const record of world.log) table.apply(record)
          }
          const { set, positions } = table.materialise(group)
          if (left.length + right.length > 0) {
            expect(encodeSet(set)).toBe(bytesOf([...left, ...right]))
          }
          expect(positions.reduce((sum, { next }) => sum + next, 0)).toBe(
            left.length + right.length,
          )
        },
      ),
      { numRuns: 100 },
    )
  })

  test('a flush that fits is one batch with what changed and the position', () => {
    fc.assert(
      fc.property(anyRecording, anyRecording, (first, second) => {
        const place = { group, topic: 'flows', partition: 0 }
        const state = new PartitionState(place, () => 't', undefined, 0)
        const deltas = [first, second].map((readings) => aggregateOf(readings).toSet())
        let before = new Map<string, string | null>()
        deltas.forEach((delta, index) => {
          state.advance(delta, index + 1)
          const batches = state.flush(Number.POSITIVE_INFINITY)
          state.settle()
          expect(batches).toHaveLength(1)
          const records = batches[0] ?? []
          expect(new Set(records.map(({ key }) => key)).size).toBe(records.length)
          for (const { key, value } of records) expect(before.get(key)).not.toBe(value)
          before = new Map([...before, ...records.map(({ key, value }) => [key, value] as const)])
        })
        expect(state.flush(1)).toEqual([])
        const merged = mergeSets(deltas)
        const table = new StateTable(stateLocation)
        for (const [key, value] of before) table.apply({ key, value })
        expect(encodeSet(table.materialise(group).set)).toBe(encodeSet(merged))
      }),
      { numRuns: 60 },
    )
  })
})
