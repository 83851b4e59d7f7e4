import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import type {
  LabelSelector,
  NetworkPolicyPeer,
  PolicyPod,
} from '../../src/policy/network-policy.ts'
import { symbolicPods } from '../../src/policy/symbolic-pods.ts'
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

function pod(namespace: string, ...labels: readonly [string, string][]): PolicyPod {
  return {
    kind: 'pod',
    namespace,
    namespaceLabels: namespaces.get(namespace) ?? {},
    labels: toLabels(labels),
  }
}

/** A pod that no policy asks about, so that only kinds that some policy tells apart are new. */
const plain = pod('data')

function namesFor(item: NetworkPolicyPeer, pods: readonly PolicyPod[] = [plain]) {
  const value = policy('shop/p', { pods: { app: 'db' }, ingress: [{ from: [item] }] })
  const made = symbolicPods([value], { pods, namespaces })
  expect(made.truncated).toBe(false)
  return made.pods.map(({ name }) => name).filter((name) => !name.includes('app=db'))
}

describe('a pod that does not exist yet is told', () => {
  test.each<{ what: string; item: NetworkPolicyPeer; names: readonly string[] }>([
    {
      what: 'by labels in the own namespace',
      item: peer({ app: 'web', tier: 'front' }),
      names: ['any pod with app=web, tier=front in namespace shop'],
    },
    {
      what: 'as any of a namespace that nobody knows, by name',
      item: { namespaceSelector: peer({}, 'elsewhere').namespaceSelector! },
      names: ['any pod in namespace elsewhere'],
    },
    {
      what: 'by labels in a namespace that nobody knows',
      item: peer({ app: 'web' }, 'elsewhere'),
      names: ['any pod with app=web in namespace elsewhere'],
    },
    {
      what: 'by the labels of a namespace',
      item: { namespaceSelector: { matchLabels: toLabels([['team', 'z']]) } },
      names: ['any pod in any other namespace with team=z'],
    },
    {
      what: 'by a value that no selector names',
      item: {
        podSelector: {
          matchExpressions: [
            { key: 'tier', operator: 'Exists' },
            { key: 'tier', operator: 'NotIn', values: ['back'] },
          ],
        },
      },
      names: ['any pod with another value of tier in namespace shop'],
    },
    {
      what: 'in every namespace',
      item: { namespaceSelector: {}, podSelector: { matchLabels: toLabels([['role', 'x']]) } },
      names: [
        'any pod with role=x in namespace data',
        'any pod with role=x in namespace shop',
        'any pod with role=x in any other namespace',
      ],
    },
    {
      what: 'by keys that objects have by themselves',
      item: {
        podSelector: {
          matchLabels: toLabels([
            ['__proto__', 'x'],
            ['constructor', 'y'],
          ]),
        },
      },
      names: ['any pod with __proto__=x, constructor=y in namespace shop'],
    },
  ])('$what', ({ item, names }) => {
    expect(namesFor(item)).toEqual(names)
  })
})

test('a kind of pod that exists is not new', () => {
  const web = peer({ app: 'web' })
  expect(namesFor(web)).toEqual(['any pod with app=web in namespace shop'])
  expect(namesFor(web, [plain, pod('shop', ['app', 'web'])])).toEqual([])
  expect(namesFor(web, [plain, pod('shop', ['app', 'web'], ['tier', 'x'])])).toEqual([])
})

test('a pod of another namespace is of the same kind where no policy tells the two apart', () => {
  const everywhere = { namespaceSelector: {}, podSelector: peer({ app: 'web' }).podSelector! }
  expect(namesFor(everywhere, [plain, pod('data', ['app', 'web'])])).toEqual([])
})

test('no pod is of a kind that contradicts itself', () => {
  const contradiction: LabelSelector = {
    matchLabels: toLabels([['app', 'a']]),
    matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }],
  }
  expect(namesFor({ podSelector: contradiction })).toEqual([])
  expect(namesFor({ namespaceSelector: contradiction })).toEqual([])
})

test('a new namespace has a name, and none of a known one', () => {
  const selector: LabelSelector = {
    matchExpressions: [
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['data', 'other'] },
    ],
  }
  const value = policy('shop/p', { ingress: [{ from: [{ namespaceSelector: selector }] }] })
  const { pods } = symbolicPods([value], { pods: [], namespaces })
  const fresh = pods.filter(({ pod: made }) => !namespaces.has(made.namespace))
  expect(fresh.map(({ pod: made }) => made.namespace).sort()).toEqual(['other', 'other-2'])
  for (const { pod: made } of fresh) {
    expect(made.namespaceLabels['kubernetes.io/metadata.name']).toBe(made.namespace)
  }
})

test('the order of policies has no influence', () => {
  const values = ['a', 'b', 'c'].map((name) =>
    policy(`shop/${name}`, { pods: { app: name }, ingress: [{ from: [peer({ tier: name })] }] }),
  )
  const known = { pods: [plain], namespaces }
  expect(symbolicPods([...values].reverse(), known)).toEqual(symbolicPods(values, known))
})
