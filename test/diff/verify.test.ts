import { describe, expect, test } from 'vitest'
import { verifyPolicies } from '../../src/diff/verify.ts'
import type { VerifyReport } from '../../src/diff/verify-report.ts'
import { toLabels } from '../../src/labels.ts'
import type { LocatedPolicy } from '../../src/policy/network-policy.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'
import { located, peer, policy, ports } from './policies.ts'

const classes = ['shop/app=web', 'shop/app=api', 'shop/app=db', 'ops/app=monitor']
const [web, api, db, monitor] = [0, 1, 2, 3]

function verify(
  policies: readonly LocatedPolicy[],
  edges: readonly EdgeSpec[],
  options: Partial<Parameters<typeof verifyPolicies>[0]> = {},
): VerifyReport {
  return verifyPolicies({ policies, traffic: makeTraffic(classes, edges), ...options })
}

const dbOnly = located(
  policy('shop/db', {
    pods: { app: 'db' },
    ingress: [
      { from: [peer({ app: 'api' })], ports: ports('5432/TCP') },
      { from: [peer({ app: 'monitor' }, 'ops')], ports: ports('9100/TCP', '9101/TCP') },
    ],
  }),
  'db.yaml',
)

describe('what would be denied', () => {
  test('is named with its side, the policies in the way, the closest rule and the flows', () => {
    const evidence = { flows: 7, samples: ['u1'] }
    const report = verify([dbOnly], [{ from: web, to: db, port: 5432, evidence }])
    expect(report.holds).toBe(false)
    expect(report.denied).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{12}$/),
        from: 'shop/web',
        to: 'shop/db',
        port: '5432/TCP',
        outcome: 'learned',
        sides: [
          {
            direction: 'ingress',
            isolatedBy: [{ policy: 'shop/db', at: 'db.yaml:1' }],
            closest: [
              {
                policy: 'shop/db',
                direction: 'ingress',
                rule: 0,
                at: 'db.yaml:10',
                reasons: ['its peer has app=api, the pod has app=web'],
              },
            ],
          },
        ],
        evidence: {
          flows: 7,
          first: '2026-03-02T09:00:00.000Z',
          last: '2026-03-02T09:00:00.000Z',
          samples: ['u1'],
        },
      },
    ])
    expect(report.coverage).toEqual({
      edges: { covered: 0, denied: 1, unjudged: 0, percent: 0 },
      flows: { covered: 0, denied: 7, unjudged: 0, percent: 0 },
    })
  })

  test('on both sides is one edge with two sides', () => {
    const noEgress = located(policy('shop/web', { pods: { app: 'web' }, egress: [] }), 'web.yaml')
    const report = verify([dbOnly, noEgress], [{ from: web, to: db, port: 5432 }])
    expect(report.denied.map((edge) => edge.sides.map((side) => side.direction))).toEqual([
      ['egress', 'ingress'],
    ])
  })

  test.each<[string, EdgeSpec, boolean]>([
    ['what a rule allows', { from: api, to: db, port: 5432 }, false],
    ['another port', { from: api, to: db, port: 5433 }, true],
    ['another protocol', { from: api, to: db, port: 5432, protocol: 'UDP' }, true],
    ['a pod that nothing isolates', { from: web, to: api, port: 80 }, false],
    ['an address', { from: '203.0.113.7', to: db, port: 5432 }, true],
    ['the API server', { from: 'entity:kube-apiserver', to: db, port: 5432 }, true],
    ['another node', { from: 'entity:remote-node', to: db, port: 5432 }, true],
    [
      'the node of the pod, which always reaches it',
      { from: 'entity:host', to: db, port: 1 },
      false,
    ],
    ['two pods of one class', { from: db, to: db, port: 5432 }, true],
    ['an audited edge is not replayed', { from: web, to: db, port: 1, outcome: 'audit' }, false],
    ['a denied edge is not replayed', { from: web, to: db, port: 1, outcome: 'denied' }, false],
  ])('%s', (_, edge, isDenied) => {
    const report = verify([dbOnly], [edge])
    expect(report.denied).toHaveLength(isDenied ? 1 : 0)
    expect(report.holds).toBe(!isDenied)
  })

  test('a folded prefix is denied when a part of it is', () => {
    const rule = (except: readonly string[]) =>
      located(
        policy('shop/web', {
          pods: { app: 'web' },
          egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/24', except } }] }],
        }),
      )
    const edge = { from: web, to: '203.0.113.0/25', port: 443 }
    expect(verify([rule([])], [edge]).denied).toHaveLength(0)
    expect(verify([rule(['203.0.113.64/30'])], [edge]).denied).toHaveLength(1)
    expect(verify([rule(['203.0.113.128/25'])], [edge]).denied).toHaveLength(0)
  })

  test('a named port is what the inventory says, and denied with a reason where it says nothing', () => {
    const named = located(
      policy('shop/db', {
        pods: { app: 'db' },
        ingress: [{ from: [peer({})], ports: ports('sql/TCP') }],
      }),
    )
    const edge = { from: web, to: db, port: 5432 }
    const known = [{ name: 'sql', protocol: 'TCP' as const, port: 5432 }]
    expect(verify([named], [edge], { portsOf: () => known }).denied).toHaveLength(0)
    expect(verify([named], [edge]).denied[0]?.sides[0]?.closest[0]?.reasons).toEqual([
      'it opens the named port sql/TCP, whose number nobody knows without an inventory',
    ])
  })

  test('an end whose labels nobody knows is counted, and covered by nothing', () => {
    const traffic = makeTraffic(classes, [{ from: api, to: db, port: 5432 }])
    const [edge] = traffic.edges
    const unresolved = {
      ...edge!,
      to: { kind: 'unresolved' as const, namespace: 'shop', pod: 'x' },
      outcome: 'unresolved' as const,
    }
    const report = verifyPolicies({
      policies: [dbOnly],
      traffic: { ...traffic, edges: [...traffic.edges, unresolved] },
      minCoverage: 50.1,
    })
    expect(report.coverage.edges).toEqual({ covered: 1, denied: 0, unjudged: 1, percent: 50 })
    expect(report.gates.map((gate) => gate.passed)).toEqual([false])
    expect(report.holds).toBe(false)
  })
})

test('a pod of another cluster is reached by a rule without peers alone', () => {
  const traffic = makeTraffic(classes, [{ from: web, to: db, port: 5432 }])
  const remote = {
    ...traffic.edges[0]!,
    from: {
      kind: 'remote' as const,
      cluster: 'west',
      namespace: 'shop',
      labels: toLabels([['app', 'api']]),
    },
    outcome: 'remote-cluster' as const,
  }
  const open = located(
    policy('shop/open', { pods: { app: 'db' }, ingress: [{ ports: ports('5432/TCP') }] }),
  )
  const deniedBy = (policies: readonly LocatedPolicy[]) =>
    verifyPolicies({ policies, traffic: { ...traffic, edges: [remote] } }).denied.map(
      ({ from }) => from,
    )
  expect(deniedBy([dbOnly])).toEqual(['west:shop {app=api}'])
  expect(deniedBy([dbOnly, open])).toEqual([])
})

describe('usage', () => {
  test('says for each rule which cells are used and which never are', () => {
    const report = verify(
      [dbOnly],
      [
        { from: api, to: db, port: 5432, evidence: { flows: 3 } },
        { from: monitor, to: db, port: 9100, evidence: { flows: 2 } },
      ],
    )
    const [usage] = report.usage
    expect(usage).toMatchObject({
      policy: 'shop/db',
      at: 'db.yaml:1',
      isolates: ['ingress'],
      selects: ['shop/db'],
      grants: 3,
      unusedGrants: 1,
    })
    expect(usage?.rules).toMatchObject([
      { rule: 0, state: 'used', grants: 1, unusedGrants: 0, unused: [] },
      {
        rule: 1,
        at: 'db.yaml:20',
        state: 'partly',
        grants: 2,
        unusedGrants: 1,
        used: [{ peer: 'app=monitor in namespace ops', port: '9100/TCP', edges: 1, flows: 2 }],
        unused: [{ peers: ['app=monitor in namespace ops'], ports: ['9101/TCP'] }],
      },
    ])
  })

  test('rules without peers or ports are one cell each; rules of no policy type are ignored', () => {
    const wide = located({
      ...policy('shop/wide', { pods: { app: 'api' }, ingress: [{}] }),
      spec: {
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [{}],
        egress: [{ to: [peer({ app: 'gone' })] }],
      },
    })
    const { usage } = verify([wide], [{ from: web, to: api, port: 80 }])
    expect(usage[0]?.rules).toMatchObject([
      { direction: 'ingress', state: 'used', used: [{ peer: 'everyone', port: 'all ports' }] },
      { direction: 'egress', state: 'ignored', grants: 0 },
    ])
  })

  test('two objects of one name stay two', () => {
    const one = located(policy('shop/db', { pods: { app: 'db' }, ingress: [] }), 'a.yaml')
    const report = verify([dbOnly, one], [{ from: web, to: db, port: 1 }])
    expect(report.usage.map(({ at }) => at)).toEqual(['a.yaml:1', 'db.yaml:1'])
    expect(report.denied[0]?.sides[0]?.isolatedBy.map(({ at }) => at)).toEqual([
      'a.yaml:1',
      'db.yaml:1',
    ])
  })
})

describe('over-permission', () => {
  const listening = (classId: number) =>
    classId === db ? [{ protocol: 'TCP' as const, port: 5432 }] : []

  test('counts what policies allow and nobody used, on ports that matter', () => {
    const wide = located(
      policy('shop/db', { pods: { app: 'db' }, ingress: [{ from: [peer({})] }] }),
    )
    const report = verify([wide], [{ from: api, to: db, port: 5432 }], {
      listeningPortsOf: listening,
    })
    // web, api and db itself may reach 5432; api did.
    expect(report.overPermission).toMatchObject([
      { namespace: 'ops', allowed: 0, unused: 0 },
      {
        namespace: 'shop',
        allowed: 3,
        used: 1,
        unused: 2,
        open: 0,
        otherPorts: 3,
        largest: [{ to: 'shop/db', port: '5432/TCP', connections: 2 }],
      },
    ])
  })

  test('what no policy has a say in is open, and no grant', () => {
    const report = verify([], [{ from: api, to: db, port: 5432 }])
    expect(report.overPermission).toMatchObject([
      { namespace: 'ops', allowed: 0, open: 0 },
      { namespace: 'shop', allowed: 0, unused: 0, open: 4, otherPorts: 0 },
    ])
  })

  test('a wide egress rule belongs to the namespace of its source', () => {
    const egress = located(policy('ops/all', { pods: { app: 'monitor' }, egress: [{}] }))
    const report = verify([egress], [{ from: api, to: db, port: 5432 }])
    expect(report.overPermission).toMatchObject([
      { namespace: 'ops', allowed: 1, used: 0, unused: 1 },
      { namespace: 'shop', allowed: 0, open: 3 },
    ])
  })
})

describe('gates', () => {
  const edges: readonly EdgeSpec[] = [
    { from: api, to: db, port: 5432 },
    { from: web, to: api, port: 80 },
  ]
  test.each([
    [{ maxUnused: 2 }, true],
    [{ maxUnused: 1 }, false],
    [{ minCoverage: 100 }, true],
    [{ maxUnused: 2, minCoverage: 100 }, true],
    [{ maxUnused: 0, minCoverage: 0 }, false],
  ])('%j holds: %s', (limits, holds) => {
    const wide = located(
      policy('shop/db', {
        pods: { app: 'db' },
        ingress: [{ from: [peer({})], ports: ports('5432/TCP') }],
      }),
    )
    const report = verify([wide], edges, limits)
    expect(report.denied).toEqual([])
    expect(report.holds).toBe(holds)
    expect(report.gates.every((gate) => gate.passed)).toBe(holds)
  })

  test('percentages are rounded down, so that 100 means all', () => {
    const many = Array.from({ length: 2000 }, (_, port) => ({ from: web, to: api, port: port + 1 }))
    const report = verify([dbOnly], [...many, { from: web, to: db, port: 1 }], {
      minCoverage: 99.9,
    })
    expect(report.coverage.edges.percent).toBe(99.9)
    expect(report.gates[0]?.passed).toBe(true)
  })
})

test('policies that depend on more than ends are named as not evaluated', () => {
  const cilium = (
    kind: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy',
  ): LocatedPolicy => ({
    policy: {
      apiVersion: 'cilium.io/v2',
      kind,
      metadata: {
        name: 'x',
        namespace: kind === 'CiliumNetworkPolicy' ? 'shop' : '',
        labels: toLabels([]),
      },
      spec: { endpointSelector: {}, egress: [{ toServices: [{}] }] },
    },
    location: { file: 'x.yaml' },
    rules: { ingress: [], egress: [] },
  })
  const report = verify(
    [cilium('CiliumNetworkPolicy'), cilium('CiliumClusterwideNetworkPolicy')],
    [],
  )
  expect(report.notEvaluated).toEqual([
    'CiliumClusterwideNetworkPolicy x',
    'CiliumNetworkPolicy shop/x',
  ])
})

test('what was not replayed is counted by outcome', () => {
  const report = verify(
    [],
    [
      { from: web, to: db, port: 1, outcome: 'denied', evidence: { flows: 4 } },
      { from: web, to: db, port: 2, outcome: 'denied' },
      { from: web, to: db, port: 8, protocol: 'ICMPv4', outcome: 'icmp' },
    ],
  )
  expect(report.notReplayed).toEqual([
    { outcome: 'denied', edges: 2, flows: 5 },
    { outcome: 'icmp', edges: 1, flows: 1 },
  ])
})
