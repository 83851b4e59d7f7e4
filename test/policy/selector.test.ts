import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import type { LabelSelector } from '../../src/policy/network-policy.ts'
import { canonicalSelector, selectorMatches } from '../../src/policy/selector.ts'

const some = (...pairs: readonly (readonly [string, string])[]): ReturnType<typeof toLabels> =>
  toLabels(pairs)

describe('selectorMatches', () => {
  const gold = some(['app', 'web'], ['tier', 'gold'])
  const none = some(['app', 'web'])

  test.each<[string, LabelSelector, boolean, boolean]>([
    ['nothing asked', {}, true, true],
    ['empty members', { matchLabels: some(), matchExpressions: [] }, true, true],
    ['matchLabels', { matchLabels: some(['tier', 'gold']) }, true, false],
    ['two labels', { matchLabels: some(['app', 'web'], ['tier', 'iron']) }, false, false],
    [
      'In',
      { matchExpressions: [{ key: 'tier', operator: 'In', values: ['iron', 'gold'] }] },
      true,
      false,
    ],
    ['In without values', { matchExpressions: [{ key: 'tier', operator: 'In' }] }, false, false],
    [
      'NotIn',
      { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['gold'] }] },
      false,
      true,
    ],
    [
      'NotIn without values',
      { matchExpressions: [{ key: 'tier', operator: 'NotIn' }] },
      true,
      true,
    ],
    ['Exists', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true, false],
    [
      'DoesNotExist',
      { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
      false,
      true,
    ],
    [
      'all of them',
      {
        matchLabels: some(['app', 'web']),
        matchExpressions: [
          { key: 'tier', operator: 'Exists' },
          { key: 'app', operator: 'NotIn', values: ['web'] },
        ],
      },
      false,
      false,
    ],
  ])('%s', (_name, selector, onGold, onNone) => {
    expect([selectorMatches(selector, gold), selectorMatches(selector, none)]).toEqual([
      onGold,
      onNone,
    ])
  })

  test('names of object members are keys like others', () => {
    const key = 'toString'
    expect(selectorMatches({ matchExpressions: [{ key, operator: 'Exists' }] }, { app: 'x' })).toBe(
      false,
    )
    expect(selectorMatches({ matchLabels: some([key, 'x']) }, some([key, 'x']))).toBe(true)
  })
})

describe('canonicalSelector', () => {
  test.each<[string, LabelSelector, LabelSelector]>([
    ['empty members go', { matchLabels: some(), matchExpressions: [] }, {}],
    [
      'one value becomes a label',
      { matchExpressions: [{ key: 'a', operator: 'In', values: ['x', 'x'] }] },
      { matchLabels: some(['a', 'x']) },
    ],
    [
      'the same label once',
      {
        matchLabels: some(['a', '']),
        matchExpressions: [{ key: 'a', operator: 'In', values: [''] }],
      },
      { matchLabels: some(['a', '']) },
    ],
    [
      'two values of a key stay apart',
      {
        matchLabels: some(['a', 'x']),
        matchExpressions: [{ key: 'a', operator: 'In', values: ['y'] }],
      },
      {
        matchLabels: some(['a', 'x']),
        matchExpressions: [{ key: 'a', operator: 'In', values: ['y'] }],
      },
    ],
    [
      'sorted and once',
      {
        matchExpressions: [
          { key: 'b', operator: 'Exists', values: [] },
          { key: 'a', operator: 'NotIn', values: ['y', 'x', 'y'] },
          { key: 'b', operator: 'Exists' },
        ],
      },
      {
        matchExpressions: [
          { key: 'a', operator: 'NotIn', values: ['x', 'y'] },
          { key: 'b', operator: 'Exists' },
        ],
      },
    ],
  ])('%s', (_name, selector, expected) => {
    expect(JSON.stringify(canonicalSelector(selector))).toBe(JSON.stringify(expected))
  })
})
