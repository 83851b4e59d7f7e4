import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BlockRange } from '../../src/traffic/block-ranges.ts'
import { addBlocks } from '../../src/traffic/block-ranges.ts'

test.each<[string, BlockRange[], BlockRange, BlockRange[]]>([
  ['into nothing', [], [4, 4], [[4, 4]]],
  ['inside', [[1, 9]], [3, 4], [[1, 9]]],
  ['beside, which joins', [[1, 3]], [4, 4], [[1, 4]]],
  [
    'before, with a gap',
    [[5, 6]],
    [1, 3],
    [
      [1, 3],
      [5, 6],
    ],
  ],
  [
    'across a gap',
    [
      [1, 2],
      [4, 5],
    ],
    [3, 3],
    [[1, 5]],
  ],
  [
    'over several',
    [
      [1, 1],
      [3, 3],
      [5, 5],
      [9, 9],
    ],
    [2, 6],
    [
      [1, 6],
      [9, 9],
    ],
  ],
])('adds blocks %s', (_name, ranges, [first, last], expected) => {
  addBlocks(ranges, first, last)
  expect(ranges).toEqual(expected)
})

test('holds what was added, as the fewest ranges', () => {
  const anyRange = fc
    .tuple(fc.nat(40), fc.nat(6))
    .map(([first, more]) => [first, first + more] as const)
  fc.assert(
    fc.property(fc.array(anyRange, { maxLength: 12 }), (added) => {
      const ranges: BlockRange[] = []
      for (const [first, last] of added) addBlocks(ranges, first, last)
      for (let block = 0; block < 50; block += 1) {
        const holds = (range: BlockRange): boolean => range[0] <= block && block <= range[1]
        expect(ranges.filter(holds)).toHaveLength(added.some(holds) ? 1 : 0)
      }
      for (const [index, range] of ranges.entries()) {
        expect(range[0]).toBeGreaterThan((ranges[index - 1]?.[1] ?? -2) + 1)
      }
    }),
  )
})
