import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import { membersOf } from '../../src/policy/bits.ts'
import { cutLabels, isSatisfiable } from '../../src/policy/label-cells.ts'
import type { LabelSelector } from '../../src/policy/network-policy.ts'
import { requirementsOf, selectorMatches } from '../../src/policy/selector.ts'
import { arbitrarySelector } from '../support/policies.ts'

/** Which selectors a label map meets, as text. */
function signature(selectors: readonly LabelSelector[], labels: ReturnType<typeof toLabels>) {
  return selectors.map((selector) => (selectorMatches(selector, labels) ? '1' : '0')).join('')
}

/** Every label map over the keys and values that selectors can name, and one value more. */
function everyLabelMap(selectors: readonly LabelSelector[]) {
  const requirements = selectors.flatMap(requirementsOf)
  const keys = [...new Set(requirements.map(({ key }) => key))]
  const values = [...new Set(requirements.flatMap((each) => each.values ?? [])), 'unheard-of']
  let maps: [string, string][][] = [[]]
  for (const key of keys) {
    maps = maps.flatMap((map) => [
      map,
      ...values.map((value): [string, string][] => [...map, [key, value]]),
    ])
  }
  return maps.map((map) => toLabels(map))
}

describe('cutLabels', () => {
  test('has one cell for each set of selectors that some label map meets, with a label map in it', () => {
    fc.assert(
      fc.property(fc.array(arbitrarySelector, { maxLength: 4 }), (selectors) => {
        const { cells, truncated, holdsOn } = cutLabels(selectors, { maxCells: 10_000 })
        const expected = new Set(
          everyLabelMap(selectors).map((labels) => signature(selectors, labels)),
        )
        expect(truncated).toBe(false)
        expect(cells.map(({ witness }) => signature(selectors, witness)).sort()).toEqual(
          [...expected].sort(),
        )
        for (const { holds, witness } of cells) {
          expect(membersOf(holdsOn(witness))).toEqual(membersOf(holds))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('an identity is in every cell, and takes no value that is taken', () => {
    const { cells } = cutLabels([{ matchLabels: toLabels([['name', 'other']]) }], {
      maxCells: 9,
      identity: { key: 'name', taken: new Set(['other-2']) },
    })
    expect(cells.map(({ witness }) => witness)).toEqual([
      toLabels([['name', 'other']]),
      toLabels([['name', 'other-3']]),
    ])
  })

  test.each([
    [11, false],
    [12, false],
    [13, true],
  ])('%i keys of one namespace do not fit into 4,096 cells: %s', (count, truncated) => {
    const selectors = Array.from(
      { length: count },
      (_, index): LabelSelector => ({
        matchExpressions: [{ key: `k${index}`, operator: 'Exists' }],
      }),
    )
    expect(cutLabels(selectors, { maxCells: 4096 }).truncated).toBe(truncated)
  })
})

test('isSatisfiable tells what some label map meets', () => {
  fc.assert(
    fc.property(arbitrarySelector, (selector) => {
      const expected = everyLabelMap([selector]).some((labels) => selectorMatches(selector, labels))
      expect(isSatisfiable(selector)).toBe(expected)
    }),
  )
})

test('a selector of many values is looked at to the end', () => {
  const values = Array.from({ length: 5_000 }, (_, number) => `v${number}`)
  expect(isSatisfiable({ matchExpressions: [{ key: 'a', operator: 'In', values }] })).toBe(true)
})
