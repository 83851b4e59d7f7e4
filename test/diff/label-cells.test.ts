import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSatisfiable, labelCells } from '../../src/diff/label-cells.ts'
import { toLabels } from '../../src/labels.ts'
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

describe('labelCells', () => {
  test('has one label map for each set of selectors that some label map meets', () => {
    fc.assert(
      fc.property(fc.array(arbitrarySelector, { maxLength: 4 }), (selectors) => {
        const cells = labelCells(selectors, { limit: 10_000 })?.map((labels) =>
          signature(selectors, labels),
        )
        const expected = new Set(
          everyLabelMap(selectors).map((labels) => signature(selectors, labels)),
        )
        expect([...(cells ?? [])].sort()).toEqual([...expected].sort())
      }),
      { numRuns: 300 },
    )
  })

  test('a required key is in every cell', () => {
    const cells = labelCells([{ matchLabels: toLabels([['name', 'other']]) }], {
      limit: 9,
      required: 'name',
    })
    expect(cells).toEqual([toLabels([['name', 'other-1']]), toLabels([['name', 'other']])])
  })

  test.each([
    [11, true],
    [12, true],
    [13, false],
  ])('%i keys of one namespace fit into 4,096 cells: %s', (count, fits) => {
    const selectors = Array.from(
      { length: count },
      (_, index): LabelSelector => ({
        matchExpressions: [{ key: `k${index}`, operator: 'Exists' }],
      }),
    )
    expect(labelCells(selectors, { limit: 4096 }) !== undefined).toBe(fits)
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
