import { describe, expect, test } from 'vitest'
import type { Labels } from '../../src/labels.ts'
import { toLabels } from '../../src/labels.ts'
import { coverTargets } from '../../src/synthesis/conjunction-cover.ts'

function targets(count: number): readonly Labels[] {
  return Array.from({ length: count }, (_, at) => toLabels([['n', `${at}`]]))
}

function numbersOf(part: readonly Labels[]): readonly number[] {
  return part.map((labels) => Number(labels['n']))
}

/** A solution is the numbers of its part; its price is their spread. */
function solve(part: readonly Labels[]): {
  readonly cost: number
  readonly numbers: readonly number[]
} {
  const numbers = numbersOf(part)
  return { cost: 1 + Math.max(...numbers) - Math.min(...numbers), numbers }
}

describe('coverTargets', () => {
  test('of the fewest parts, the cheapest', () => {
    const cover = coverTargets({ targets: targets(6), fits: (part) => part.length <= 2, solve })
    expect(cover?.exact).toBe(true)
    expect(cover?.parts.map((part) => part.numbers)).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ])
  })

  test('more parts are never taken for a lower price', () => {
    const cover = coverTargets({ targets: targets(4), fits: () => true, solve })
    expect(cover?.parts.map((part) => part.numbers)).toEqual([[0, 1, 2, 3]])
  })

  test('a target that does not fit on its own cannot be covered', () => {
    const fits = (part: readonly Labels[]): boolean => !numbersOf(part).includes(2)
    expect(coverTargets({ targets: targets(3), fits, solve })).toBeUndefined()
  })

  test.each([
    [12, true],
    [13, false],
  ])('%i targets are divided exactly: %s', (count, exact) => {
    const fits = (part: readonly Labels[]): boolean =>
      new Set(numbersOf(part).map((n) => n % 3)).size === 1
    const cover = coverTargets({ targets: targets(count), fits, solve })
    expect(cover?.exact).toBe(exact)
    expect(cover?.parts).toHaveLength(3)
    const covered = cover!.parts.flatMap((part) => part.numbers).sort((a, b) => a - b)
    expect(covered).toEqual(Array.from({ length: count }, (_, at) => at))
  })
})
