import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import type { Conjunction, Literal } from '../../src/synthesis/conjunction.ts'
import {
  canonicalConjunction,
  conjunctionMatches,
  fromLabelSelector,
  literalMatches,
  toLabelSelector,
} from '../../src/synthesis/conjunction.ts'

function literal(op: Literal['op'], ...values: string[]): Literal {
  return { key: 'k', op, values }
}

const present = toLabels([['k', 'a']])
const empty = toLabels([['k', '']])
const absent = toLabels([['x', 'a']])

describe('literalMatches', () => {
  test.each([
    { of: literal('Eq', 'a'), present: true, empty: false, absent: false },
    { of: literal('Eq', ''), present: false, empty: true, absent: false },
    { of: literal('In', 'a', 'b'), present: true, empty: false, absent: false },
    { of: literal('In'), present: false, empty: false, absent: false },
    { of: literal('Exists'), present: true, empty: true, absent: false },
    { of: literal('NotIn', 'a'), present: false, empty: true, absent: true },
    { of: literal('DoesNotExist'), present: false, empty: false, absent: true },
  ])('$of.op $of.values', ({ of, ...expected }) => {
    expect({
      present: literalMatches(of, present),
      empty: literalMatches(of, empty),
      absent: literalMatches(of, absent),
    }).toEqual(expected)
  })

  test.each(['__proto__', 'constructor', 'toString'])('%s is a key like any other', (key) => {
    expect(literalMatches({ key, op: 'Exists', values: [] }, {})).toBe(false)
    expect(literalMatches({ key, op: 'Eq', values: ['x'] }, toLabels([[key, 'x']]))).toBe(true)
  })
})

test('a conjunction needs every literal, and the empty one holds everywhere', () => {
  const labels = toLabels([
    ['a', '1'],
    ['b', '2'],
  ])
  const one: Literal = { key: 'a', op: 'Eq', values: ['1'] }
  const other: Literal = { key: 'b', op: 'Eq', values: ['1'] }
  expect(conjunctionMatches([one], labels)).toBe(true)
  expect(conjunctionMatches([one, other], labels)).toBe(false)
  expect(conjunctionMatches([], labels)).toBe(true)
})

describe('label selectors', () => {
  test('equality goes to matchLabels, the rest to expressions, all sorted', () => {
    const conjunction: Conjunction = [
      { key: 'z', op: 'Eq', values: ['1'] },
      { key: 't', op: 'NotIn', values: ['y', 'x', 'y'] },
      { key: 'a', op: 'Eq', values: ['2'] },
      { key: 't', op: 'Exists', values: [] },
      { key: 'b', op: 'In', values: ['only'] },
    ]
    const selector = toLabelSelector(conjunction)
    expect(selector).toEqual({
      matchLabels: { a: '2', b: 'only', z: '1' },
      matchExpressions: [
        { key: 't', operator: 'Exists' },
        { key: 't', operator: 'NotIn', values: ['x', 'y'] },
      ],
    })
    expect(JSON.stringify(toLabelSelector([...conjunction].reverse()))).toBe(
      JSON.stringify(selector),
    )
  })

  test('the empty conjunction is the empty selector', () => {
    expect(toLabelSelector([])).toEqual({})
    expect(fromLabelSelector({})).toEqual([])
  })

  test('two equalities of one key stay a contradiction', () => {
    const contradiction: Conjunction = [
      { key: 'k', op: 'Eq', values: ['a'] },
      { key: 'k', op: 'Eq', values: ['b'] },
    ]
    expect(toLabelSelector(contradiction)).toEqual({
      matchLabels: { k: 'a' },
      matchExpressions: [{ key: 'k', operator: 'In', values: ['b'] }],
    })
  })

  test('what a selector says comes back, for keys that objects inherit too', () => {
    const conjunction = canonicalConjunction([
      { key: '__proto__', op: 'Eq', values: ['x'] },
      { key: 'constructor', op: 'In', values: ['b', 'a'] },
      { key: 'tier', op: 'DoesNotExist', values: [] },
    ])
    expect(fromLabelSelector(toLabelSelector(conjunction))).toEqual(conjunction)
  })
})
