import { describe, expect, test } from 'vitest'
import { parseEndQuery } from '../../src/diff/end-query.ts'
import type { ExplainInput } from '../../src/diff/explain.ts'
import { explainConnection, explainPolicy } from '../../src/diff/explain.ts'
import type { Explanation } from '../../src/diff/explanation.ts'
import { toLabels } from '../../src/labels.ts'
import type { LocatedPolicy } from '../../src/policy/network-policy.ts'
import type { Inventory } from '../../src/traffic/inventory.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'
import { located, peer, policy, ports } from './policies.ts'

const classes = [
  'shop/app=web,version=1',
  'shop/app=web,version=2',
  'shop/app=api',
  { of: 'data/app=db', pods: [{ name: 'db-0' }], kind: 'StatefulSet' },
]

const policies: readonly LocatedPolicy[] = [
  located(
    policy('data/db', {
      pods: { app: 'db' },
      ingress: [
        { from: [peer({ app: 'api' }, 'shop')], ports: ports('5432/TCP') },
        { from: [peer({ app: 'web' }, 'shop')], ports: ports('8080/TCP', 'http/TCP') },
        { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] },
      ],
    }),
    'db.yaml',
  ),
  located(policy('data/deny', { ingress: [] }), 'deny.yaml'),
  located(
    policy('shop/api', {
      pods: { app: 'api' },
      egress: [{ to: [peer({ app: 'db' }, 'data')], ports: ports('5000-5500/TCP') }],
    }),
    'api.yaml',
  ),
]

const edges: readonly EdgeSpec[] = [
  { from: 2, to: 3, port: 5432, evidence: { flows: 9, samples: ['u'] } },
  { from: 1, to: 3, port: 5432, outcome: 'denied' },
  { from: '203.0.113.0/24', to: 3, port: 443 },
]

const traffic = makeTraffic(classes, edges)

function ask(
  from: string,
  to: string,
  port: number,
  input: Partial<ExplainInput> = {},
): Explanation {
  const queries = { from: parseEndQuery(from), to: parseEndQuery(to) }
  if (queries.from === undefined || queries.to === undefined) throw new Error('no such end')
  return explainConnection(
    { policies, traffic, ...input },
    {
      from: queries.from,
      to: queries.to,
      protocol: 'TCP',
      port,
      words: { from, to },
    },
  )
}

test('an allowed connection has the rule of each side, with its place, and the flows', () => {
  const { allowed, answers, question } = ask('shop/api', 'data/db-0', 5432)
  expect(allowed).toBe(true)
  expect(question).toEqual({ from: 'shop/api', to: 'data/db-0', port: '5432/TCP' })
  expect(answers).toMatchObject([
    {
      from: 'shop/api',
      to: 'data/db',
      egress: {
        reason: 'rule',
        isolatedBy: [{ policy: 'shop/api', at: 'api.yaml:1' }],
        allowedBy: [{ policy: 'shop/api', rule: 0, at: 'api.yaml:10' }],
        closest: [],
      },
      ingress: {
        reason: 'rule',
        isolatedBy: [
          { policy: 'data/db', at: 'db.yaml:1' },
          { policy: 'data/deny', at: 'deny.yaml:1' },
        ],
        allowedBy: [{ policy: 'data/db', rule: 0, at: 'db.yaml:10' }],
      },
      evidence: [{ outcome: 'learned', evidence: { flows: 9, samples: ['u'] } }],
    },
  ])
})

test('every class of a workload is answered, denied ones with what came close', () => {
  const { allowed, answers } = ask('shop/web', 'data/db', 5432)
  expect(allowed).toBe(false)
  expect(answers.map((answer) => answer.from)).toEqual([
    'shop/web {app=web,version=1}',
    'shop/web {app=web,version=2}',
  ])
  expect(answers[1]?.egress.reason).toBe('open')
  expect(answers[1]?.ingress).toMatchObject({
    allowed: false,
    reason: 'denied',
    allowedBy: [],
    closest: [
      { policy: 'data/db', rule: 0, reasons: ['its peer has app=api, the pod has app=web'] },
      {
        policy: 'data/db',
        rule: 1,
        at: 'db.yaml:20',
        reasons: [
          'it opens the named port http/TCP, whose number nobody knows without an inventory',
        ],
      },
    ],
  })
  expect(answers.map((answer) => answer.evidence.map((edge) => edge.outcome))).toEqual([
    [],
    ['denied'],
  ])
})

test.each<[string, string, number, boolean, string, readonly string[]]>([
  ['shop/app=api', 'data/app=db', 5432, true, 'rule', []],
  [
    'shop/app=none',
    'data/app=db',
    5432,
    false,
    'denied',
    ['its peer has app=api, the pod has app=none'],
  ],
  ['10.2.0.1', 'data/db', 1, true, 'rule', []],
  [
    '10.1.0.1',
    'data/db',
    1,
    false,
    'denied',
    ['its peer is 10.0.0.0/8 except 10.1.0.0/16, which holds 10.1.0.1'],
  ],
  [
    '192.0.2.1',
    'data/db',
    1,
    false,
    'denied',
    ['its peer is 10.0.0.0/8, which does not hold 192.0.2.1'],
  ],
  ['host', 'data/db', 1, true, 'node', []],
  ['kube-apiserver', 'data/db', 1, false, 'denied', []],
  ['shop/web', '192.0.2.1', 443, true, 'no-pod', []],
  ['data/db', 'shop/web', 443, true, 'open', []],
])('%s -> %s %i: %s, %s', (from, to, port, allowed, reason, closest) => {
  const [answer] = ask(from, to, port).answers
  expect([answer?.allowed, answer?.ingress.reason]).toEqual([allowed, reason])
  expect(answer?.ingress.closest[0]?.reasons ?? []).toEqual(closest)
})

test('a rule of a policy that is not about the direction, or selects another pod, is named', () => {
  const [first, second] = [
    located({
      ...policy('shop/a', {}),
      spec: {
        podSelector: {},
        policyTypes: ['Ingress'],
        egress: [{ ports: ports('443/TCP') }],
      },
    }),
    located(policy('shop/b', { pods: { app: 'api' }, egress: [{ ports: ports('443/TCP') }] })),
  ]
  const none = located(policy('shop/none', { pods: { app: 'web' }, egress: [] }))
  const { answers } = ask('shop/web', '192.0.2.1', 443, { policies: [first, second, none] })
  expect(answers[0]?.egress.closest.map((miss) => [miss.policy, miss.reasons])).toEqual([
    ['shop/a', ['the policy is not about egress: its policyTypes lack Egress']],
    ['shop/b', ['the policy selects pods with app=api, the pod has app=web']],
  ])
})

test('an address is shown by the edges of the prefix that was folded around it', () => {
  const { answers } = ask('203.0.113.9', 'data/db', 443)
  expect(answers[0]?.evidence.map((edge) => edge.from)).toEqual(['203.0.113.0/24'])
})

test('addresses of pods and nodes are what the inventory says they are', () => {
  const inventory: Inventory = {
    pods: [
      {
        namespace: 'data',
        name: 'db-0',
        labels: toLabels([['app', 'db']]),
        hostNetwork: false,
        addresses: ['10.9.9.9'],
        ports: [],
        probePorts: [],
        running: true,
      },
    ],
    namespaces: [],
    workloads: [],
    services: [
      {
        namespace: 'data',
        name: 'db',
        type: 'ClusterIP',
        clusterIps: ['10.96.0.7'],
        externalIps: [],
        loadBalancerSourceRanges: [],
        ports: [],
      },
    ],
    nodes: [{ name: 'one', addresses: ['172.18.0.2'], podCidrs: [] }],
    apiServerBackends: [],
    has: { pods: true, workloads: true, services: true },
  }
  const node = ask('172.18.0.2', 'data/db', 5432, { inventory }).answers[0]
  expect([node?.from, node?.allowed]).toEqual(['remote-node (172.18.0.2)', false])
  expect(ask('shop/api', '10.9.9.9', 5432, { inventory }).answers[0]?.to).toBe('data/db')
  expect(() => ask('shop/api', '10.96.0.7', 5432, { inventory })).toThrow(
    'is the address of the service "data/db"',
  )
})

test('too many pairs are cut, and the rest is counted', () => {
  const many = makeTraffic(
    Array.from({ length: 12 }, (_, id) => ({ of: `shop/app=a,id=${id}`, workload: 'a' })),
    [],
  )
  const { answers, leftOut } = ask('shop/app=a', 'shop/app=a', 1, { traffic: many })
  expect([answers.length, leftOut]).toEqual([100, 44])
})

describe('names', () => {
  test.each([
    'shop/web',
    'shop/web-0.a',
    'shop/app=web',
    'shop/app=',
    'shop/app.kubernetes.io/name=web,tier=',
    '10.0.0.1',
    'fd00::1',
    '::ffff:10.0.0.1',
    'host',
    'kube-apiserver',
  ])('%s is an end', (text) => expect(parseEndQuery(text)).toBeDefined())

  test.each([
    '',
    'web',
    'shop/',
    '/web',
    'Shop/web',
    'shop/Web',
    'shop/app=a,',
    'shop/=a',
    'shop/app=a b',
    'app.kubernetes.io/name=web',
    '10.0.0.0/8',
    '10.0.0.256',
    'world',
    `${'a'.repeat(64)}/web`,
  ])('%j is none', (text) => expect(parseEndQuery(text)).toBeUndefined())

  test('a name that is not known is refused, with those that are', () => {
    expect(() => ask('shop/nobody', 'data/db', 1)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: 'no pod or workload "nobody" is known in namespace "shop"',
        hint: 'known there: api, web',
      }),
    )
    expect(() => ask('gone/web', 'data/db', 1)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('gone/key=value') }),
    )
  })
})

describe('the evidence behind a policy', () => {
  test('is given rule by rule', () => {
    const explanation = explainPolicy({ policies, traffic }, 'data/db')
    expect(explanation).toMatchObject({ allowed: true, answers: [] })
    expect(explanation.policies[0]?.rules.map((rule) => rule.state)).toEqual([
      'used',
      'unused',
      'unused',
    ])
    expect(explanation.policies[0]?.rules[0]?.used[0]?.seen).toMatchObject([
      { from: 'shop/api', to: 'data/db', port: '5432/TCP', evidence: { flows: 9 } },
    ])
  })

  test('a name that no policy has is refused', () => {
    expect(() => explainPolicy({ policies, traffic }, 'data/none')).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: 'there are: data/db, data/deny, shop/api' }),
    )
  })

  test('a policy that is not evaluated is refused as such', () => {
    const cilium: LocatedPolicy = {
      policy: {
        apiVersion: 'cilium.io/v2',
        kind: 'CiliumNetworkPolicy',
        metadata: { name: 'x', namespace: 'shop' },
        spec: { endpointSelector: {}, egress: [{ toServices: [{}] }] },
      },
      location: { file: '' },
      rules: { ingress: [], egress: [] },
    }
    expect(() => explainPolicy({ policies: [cilium], traffic }, 'shop/x')).toThrow(
      expect.objectContaining({ code: 'KIND_UNSUPPORTED' }),
    )
  })
})

describe('ICMP by type', () => {
  const cilium = (name: string, spec: object): LocatedPolicy =>
    ({
      policy: {
        apiVersion: 'cilium.io/v2',
        kind: 'CiliumNetworkPolicy',
        metadata: { name, namespace: 'shop' },
        spec,
      },
      location: { file: `${name}.yaml` },
      rules: { ingress: [{ file: `${name}.yaml`, line: 9 }], egress: [] },
    }) as unknown as LocatedPolicy
  const network = located(policy('shop/api', { pods: { app: 'api' }, ingress: [] }), 'api.yaml')
  const pings = cilium('pings', {
    endpointSelector: { matchLabels: { 'k8s:app': 'api' } },
    ingress: [
      {
        fromEndpoints: [{ matchLabels: { 'k8s:app': 'web' } }],
        icmps: [{ fields: [{ family: 'IPv4', type: 8 }] }],
      },
    ],
  })
  const seen = makeTraffic(classes, [
    { from: 0, to: 2, protocol: 'ICMPv4', port: 8, outcome: 'icmp' },
  ])
  const askType = (type: number, set: readonly LocatedPolicy[]): Explanation => {
    const [from, to] = ['shop/version=1', 'shop/app=api'].map((text) => parseEndQuery(text)!)
    return explainConnection(
      { policies: set, traffic: seen },
      { from: from!, to: to!, protocol: 'ICMPv4', port: type, words: { from: 'web', to: 'api' } },
    )
  }

  test('is allowed by a rule of Cilium beside a NetworkPolicy that isolates, and was seen', () => {
    const { allowed, question, answers } = askType(8, [network, pings])
    expect(allowed).toBe(true)
    expect(question?.port).toBe('8/ICMPv4')
    expect(answers[0]?.ingress).toMatchObject({
      reason: 'rule',
      allowedBy: [{ policy: 'shop/pings', at: 'pings.yaml:9' }],
    })
    expect(answers[0]?.evidence).toHaveLength(1)
  })

  test('another type is denied, and the rule says which it opens', () => {
    const { allowed, answers } = askType(13, [network, pings])
    expect(allowed).toBe(false)
    expect(answers[0]?.ingress.closest[0]?.reasons).toEqual(['it opens 8/ICMPv4, not 13/ICMPv4'])
  })

  test('a NetworkPolicy alone denies it', () => {
    expect(askType(8, [network]).allowed).toBe(false)
    expect(askType(8, []).allowed).toBe(true)
  })
})
