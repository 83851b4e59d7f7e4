import { describe, expect, test } from 'vitest'
import type { HittingSetElement } from '../../src/synthesis/hitting-set.ts'
import { minimumHittingSet } from '../../src/synthesis/hitting-set.ts'

function element(name: string, cost: number): HittingSetElement {
  return { name, cost }
}

function namesOf(elements: readonly HittingSetElement[], chosen: readonly number[]): string[] {
  return chosen.map((position) => elements[position]!.name)
}

describe('minimumHittingSet', () => {
  test.each([
    {
      name: 'nothing to hit needs nothing',
      elements: [element('a', 1)],
      sets: [],
      chosen: [],
    },
    {
      name: 'a dearer element that hits all beats two cheaper ones that cost more together',
      elements: [element('a', 3), element('b', 3), element('c', 5)],
      sets: [
        [0, 2],
        [1, 2],
      ],
      chosen: ['c'],
    },
    {
      name: 'two cheap elements beat one dear one',
      elements: [element('a', 2), element('b', 2), element('c', 5)],
      sets: [
        [0, 2],
        [1, 2],
      ],
      chosen: ['a', 'b'],
    },
    {
      name: 'equal costs are decided by the number of elements',
      elements: [element('a', 2), element('b', 2), element('c', 4)],
      sets: [
        [0, 2],
        [1, 2],
      ],
      chosen: ['c'],
    },
    {
      name: 'equal costs and numbers are decided by the names, whatever hits more',
      elements: [element('z', 1), element('b', 1), element('a', 1)],
      sets: [
        [0, 1],
        [1, 2],
        [0, 2],
      ],
      chosen: ['a', 'b'],
    },
    {
      name: 'a greedy first step is taken back',
      // The element with the best price per set (g) is no part of the optimum (x, y).
      elements: [element('g', 5), element('x', 4), element('y', 4), element('z', 4)],
      sets: [
        [0, 1],
        [0, 1],
        [0, 2],
        [0, 2],
        [1, 3],
        [2, 3],
      ],
      chosen: ['x', 'y'],
    },
  ])('$name', ({ elements, sets, chosen }) => {
    const found = minimumHittingSet({ elements, sets })
    expect(found?.exact).toBe(true)
    expect(namesOf(elements, found!.chosen)).toEqual(chosen)
    expect(found?.cost).toBe(found!.chosen.reduce((sum, at) => sum + elements[at]!.cost, 0))
  })

  test('an empty set cannot be hit', () => {
    expect(minimumHittingSet({ elements: [element('a', 1)], sets: [[0], []] })).toBeUndefined()
  })

  test('100 elements that are all needed are all chosen', () => {
    const elements = Array.from({ length: 100 }, (_, at) => element(`e${at}`, 7))
    const found = minimumHittingSet({ elements, sets: elements.map((_, at) => [at]) })
    expect(found).toMatchObject({ cost: 700, exact: true })
    expect(new Set(found?.chosen).size).toBe(100)
  })

  test('a search that is cut short still hits every set, and says so', () => {
    const elements = Array.from({ length: 24 }, (_, at) => element(`e${at}`, 3 + (at % 5)))
    const sets = Array.from({ length: 60 }, (_, at) => [
      (at * 7) % 24,
      (at * 11 + 3) % 24,
      (at * 13 + 5) % 24,
    ])
    const cut = minimumHittingSet({ elements, sets, maxNodes: 2 })
    expect(cut?.exact).toBe(false)
    for (const set of sets) expect(set.some((at) => cut!.chosen.includes(at))).toBe(true)
    const whole = minimumHittingSet({ elements, sets })
    expect(whole?.exact).toBe(true)
    expect(whole!.cost).toBeLessThanOrEqual(cut!.cost)
  })
})
