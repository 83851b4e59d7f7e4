import { describe, expect, test } from 'vitest'
import type { Labels } from '../../src/labels.ts'
import { splitLabel, toLabels } from '../../src/labels.ts'
import type { Literal } from '../../src/synthesis/conjunction.ts'
import {
  anchorOf,
  candidateLiterals,
  literalCost,
  separatorOf,
} from '../../src/synthesis/literal-candidates.ts'

function pod(text: string): Labels {
  return toLabels(text.split(',').map(splitLabel))
}

const rules = { isUsable: (key: string) => key !== 'barred', negatives: false }

describe('literalCost', () => {
  const of = (key: string, op: Literal['op'] = 'Eq', count = 1): number =>
    literalCost({ key, op, values: Array.from({ length: count }, (_, at) => `v${at}`) })

  test.each([
    ['app.kubernetes.io/name', 10],
    ['app.kubernetes.io/instance', 10],
    ['app.kubernetes.io/component', 10],
    ['app', 11],
    ['k8s-app', 11],
    ['component', 13],
    ['run', 13],
    ['app.kubernetes.io/part-of', 16],
    ['team', 30],
    ['constructor', 30],
    ['version', 60],
    ['release', 60],
  ])('%s costs %i', (key, cost) => {
    expect(of(key)).toBe(cost)
  })

  test('a key of the controller comes first', () => {
    const literal: Literal = { key: 'team', op: 'Eq', values: ['x'] }
    expect(literalCost(literal, pod('team=y'))).toBe(8)
  })

  test('the same key gets dearer from equality to negation', () => {
    const costs = [
      of('app'),
      of('app', 'In', 2),
      of('app', 'Exists', 0),
      of('app', 'DoesNotExist', 0),
      of('app', 'NotIn', 1),
      of('app', 'NotIn', 5),
    ]
    expect(costs).toEqual([...new Set(costs)].sort((a, b) => a - b))
  })
})

test('candidates hold on all targets, and grow with the level', () => {
  const targets = [pod('a=1,b=1,c=1,barred=1'), pod('a=1,b=2,barred=1')]
  const others = [pod('a=2,c=2,d=1')]
  const spell = (level: 'equal' | 'in' | 'negative'): string[] =>
    candidateLiterals(targets, others, level, rules).map(({ key, op, values }) =>
      `${key} ${op} ${values.join('|')}`.trim(),
    )
  expect(spell('equal')).toEqual(['a Eq 1'])
  expect(spell('in')).toEqual(['a Eq 1', 'a Exists', 'b In 1|2', 'b Exists'])
  expect(spell('negative')).toEqual([
    'a Eq 1',
    'a Exists',
    'a NotIn 2',
    'b In 1|2',
    'b Exists',
    'c NotIn 2',
    'd NotIn 1',
    'd DoesNotExist',
  ])
})

test.each([
  ['a=3,b=1', true, true],
  ['a=1,b=2', false, false],
  ['a=1', true, true],
  ['a=1,b=1,c=9', false, true],
  ['a=1,b=1,d=1', false, true],
  ['a=1,b=1,barred=9', false, false],
])('%s can be told apart: %s, with negations: %s', (text, positive, negative) => {
  const targets = [pod('a=1,b=1,c=1,barred=1'), pod('a=1,b=2,barred=1')]
  expect(separatorOf(targets, rules)(pod(text))).toBe(positive)
  expect(separatorOf(targets, { ...rules, negatives: true })(pod(text))).toBe(negative)
})

test.each([
  [
    'app.kubernetes.io/name=n,app.kubernetes.io/instance=i,app=a',
    ['app.kubernetes.io/name', 'app.kubernetes.io/instance'],
  ],
  ['app.kubernetes.io/instance=i,app=a', ['app.kubernetes.io/instance']],
  ['run=r,k8s-app=k,name=n', ['k8s-app']],
  ['app=a,k8s-app=k', ['app']],
  ['team=x', []],
  ['barred=1', []],
])('%s is anchored by %j', (text, keys) => {
  expect(anchorOf([pod(text), pod(text)], rules).map((literal) => literal.key)).toEqual(keys)
})
