import { describe, expect, test } from 'vitest'
import { Smallest } from '../../src/traffic/smallest.ts'

class Sum {
  total = 0
  absorb(other: Sum): void {
    this.total += other.total
  }
}

function filled(limit: number, keys: readonly number[]): Smallest<number, Sum> {
  const smallest = new Smallest<number, Sum>(limit, () => new Sum())
  for (const key of keys) smallest.at(key).total += 1
  return smallest
}

function content(
  smallest: Smallest<number, Sum>,
): readonly (readonly [number | undefined, number])[] {
  return [...smallest.entries()].map(([key, { total }]) => [key, total])
}

describe('a bounded map', () => {
  test.each([
    [
      'keeps all while they fit',
      [3, 1, 3],
      [
        [1, 1],
        [3, 2],
      ],
    ],
    [
      'folds the greatest away',
      [5, 4, 3, 3],
      [
        [3, 2],
        [4, 1],
        [undefined, 1],
      ],
    ],
    [
      'sends a key beyond the limit to the rest',
      [1, 2, 9, 9, 0],
      [
        [0, 1],
        [1, 1],
        [undefined, 3],
      ],
    ],
    [
      'does not bring a folded key back',
      [5, 4, 3, 5],
      [
        [3, 1],
        [4, 1],
        [undefined, 2],
      ],
    ],
  ])('%s', (_name, keys, expected) => {
    expect(content(filled(2, keys))).toEqual(expected)
  })

  test('takes in another one', () => {
    const first = filled(2, [1, 7, 8])
    first.absorb(filled(2, [2, 1, 9]))
    expect(content(first)).toEqual([
      [1, 2],
      [2, 1],
      [undefined, 3],
    ])
  })

  test('keeps what never had a key in the rest', () => {
    const smallest = filled(2, [1])
    smallest.rest().total += 4
    expect(content(smallest)).toEqual([
      [1, 1],
      [undefined, 4],
    ])
  })
})
