import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import type { LabelSelector, NetworkPolicyPeer } from '../../src/policy/network-policy.ts'
import { standInsOf } from '../../src/policy/stand-ins.ts'
import { peer, policy } from '../diff/policies.ts'

const namespaces = new Map([
  ['shop', toLabels([['kubernetes.io/metadata.name', 'shop']])],
  [
    'data',
    toLabels([
      ['kubernetes.io/metadata.name', 'data'],
      ['team', 'b'],
    ]),
  ],
])

function namesFor(item: NetworkPolicyPeer): readonly string[] {
  const value = policy('shop/p', { ingress: [{ from: [item] }] })
  return standInsOf([value], namespaces, (_, asked) => asked !== item).map(({ name }) => name)
}

describe('a pod stands in for', () => {
  test.each<{ what: string; item: NetworkPolicyPeer; names: readonly string[] }>([
    {
      what: 'labels in the own namespace',
      item: peer({ app: 'web', tier: 'front' }),
      names: ['any pod with app=web, tier=front in namespace shop'],
    },
    {
      what: 'every pod of a namespace',
      item: { namespaceSelector: { matchLabels: toLabels([['team', 'b']]) } },
      names: ['any pod in namespace data'],
    },
    {
      what: 'a namespace that nobody knows, by name',
      item: peer({ app: 'web' }, 'elsewhere'),
      names: ['any pod with app=web in namespace elsewhere'],
    },
    {
      what: 'a namespace that nobody knows, by label',
      item: { namespaceSelector: { matchLabels: toLabels([['team', 'z']]) } },
      names: ['any pod in any other namespace with team=z'],
    },
  ])('$what', ({ item, names }) => {
    expect(namesFor(item)).toEqual(names)
  })

  test.each<{ selector: LabelSelector; labels: string }>([
    {
      selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['b', 'a'] }] },
      labels: ' with app=a',
    },
    {
      selector: {
        matchExpressions: [
          { key: 'app', operator: 'In', values: ['a', 'b'] },
          { key: 'app', operator: 'NotIn', values: ['a'] },
        ],
      },
      labels: ' with app=b',
    },
    {
      selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] },
      labels: ' with another value of app',
    },
    {
      selector: {
        matchExpressions: [
          { key: 'app', operator: 'Exists' },
          { key: 'app', operator: 'NotIn', values: [''] },
        ],
      },
      labels: ' with another value of app',
    },
    {
      selector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['a'] }] },
      labels: '',
    },
    {
      selector: {
        matchLabels: toLabels([
          ['__proto__', 'x'],
          ['constructor', 'y'],
        ]),
      },
      labels: ' with __proto__=x, constructor=y',
    },
  ])('a selector by $labels', ({ selector, labels }) => {
    expect(namesFor({ podSelector: selector })).toEqual([`any pod${labels} in namespace shop`])
  })
})

test('nothing stands in for a selector that contradicts itself', () => {
  const contradiction: LabelSelector = {
    matchLabels: toLabels([['app', 'a']]),
    matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }],
  }
  expect(namesFor({ podSelector: contradiction })).toEqual([])
  expect(namesFor({ namespaceSelector: contradiction })).toEqual([])
  const nameless: LabelSelector = {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'DoesNotExist' }],
  }
  expect(namesFor({ namespaceSelector: nameless })).toEqual([])
})

test('nothing stands in for an address block or a selector that selects known pods', () => {
  const value = policy('shop/p', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] })
  expect(standInsOf([value], namespaces, () => true)).toEqual([])
})
