import { describe, expect, test } from 'vitest'
import type { DiffInput } from '../../src/diff/diff-policies.ts'
import { diffPolicies } from '../../src/diff/diff-policies.ts'
import { toLabels } from '../../src/labels.ts'
import type { LocatedPolicy, NetworkPolicy } from '../../src/policy/network-policy.ts'
import { makeTraffic } from '../support/traffic.ts'
import { located, peer, policy, ports } from './policies.ts'

const start = Date.UTC(2026, 2, 2, 9)

/** shop: web, api and db; data: store; ops: scraper. Web was seen talking to api, api to db and to an address. */
const shop = makeTraffic(
  ['shop/app=web', 'shop/app=api', 'shop/app=db', 'data/app=store', 'ops/app=scraper'],
  [
    { from: 0, to: 1, port: 8080, evidence: { flows: 120, lastMs: start + 60_000 } },
    { from: 1, to: 2, port: 5432, evidence: { flows: 40 } },
    { from: 1, to: '203.0.113.7', port: 443, evidence: { flows: 7 } },
    { from: 4, to: 'entity:kube-apiserver', port: 6443 },
    { from: 'entity:host', to: 0, port: 9090 },
    { from: 4, to: 2, port: 9187, outcome: 'denied' },
    { from: 0, to: 1, port: 8, protocol: 'ICMPv4', outcome: 'icmp' },
  ],
)

const web = policy('shop/web', {
  pods: { app: 'web' },
  ingress: [{ ports: ports('80/TCP') }],
  egress: [{ to: [peer({ app: 'api' })], ports: ports('8080/TCP') }],
})
const api = policy('shop/api', {
  pods: { app: 'api' },
  ingress: [{ from: [peer({ app: 'web' })], ports: ports('8080/TCP') }],
  egress: [
    { to: [peer({ app: 'db' })], ports: ports('5432/TCP') },
    { to: [{ ipBlock: { cidr: '203.0.113.7/32' } }], ports: ports('443/TCP') },
  ],
})
const db = policy('shop/db', {
  pods: { app: 'db' },
  ingress: [{ from: [peer({ app: 'api' })], ports: ports('5432/TCP') }],
})

function inFile(...policies: readonly NetworkPolicy[]): readonly LocatedPolicy<NetworkPolicy>[] {
  return policies.map((value) => located(value, `${value.metadata.name}.yaml`))
}

function withIngress(
  value: NetworkPolicy,
  ingress: NetworkPolicy['spec']['ingress'],
): NetworkPolicy {
  return { ...value, spec: { ...value.spec, ingress: ingress ?? [] } }
}

function linesOf(input: Partial<DiffInput>): readonly string[] {
  const diff = diffPolicies({ old: [], new: [], traffic: shop, ...input })
  return diff.changes.map(
    ({ section, effect, from, to, ports: texts }) =>
      `${section} ${effect}: ${from} -> ${to} ${texts.join(', ')}`,
  )
}

describe('a change is put into its section', () => {
  test.each<{ what: string; input: Partial<DiffInput>; lines: readonly string[] }>([
    {
      what: 'removed and observed',
      input: { old: inFile(api), new: inFile(withIngress(api, [])) },
      lines: ['breaks narrows: shop/web -> shop/api 8080/TCP'],
    },
    {
      what: 'removed and observed, towards an address',
      input: {
        old: inFile(api),
        new: inFile({ ...api, spec: { ...api.spec, egress: [api.spec.egress![0]!] } }),
      },
      lines: ['breaks narrows: shop/api -> 203.0.113.7 443/TCP'],
    },
    {
      what: 'added and observed',
      input: { old: inFile(withIngress(db, [])), new: inFile(db) },
      lines: ['needed widens: shop/api -> shop/db 5432/TCP'],
    },
    {
      what: 'added and not observed',
      input: {
        old: inFile(db),
        new: inFile(
          withIngress(db, [
            ...db.spec.ingress!,
            { from: [peer({ app: 'scraper' }, 'ops')], ports: ports('9187/TCP') },
          ]),
        ),
      },
      lines: ['opens widens: ops/scraper -> shop/db 9187/TCP'],
    },
    {
      what: 'removed and not observed',
      input: {
        old: inFile(
          withIngress(db, [
            { from: [peer({ app: 'api' })], ports: ports('5432/TCP', '8000-8100/UDP') },
          ]),
        ),
        new: inFile(db),
      },
      lines: ['tightens narrows: shop/api -> shop/db 8000-8100/UDP'],
    },
    {
      what: 'a pod that becomes isolated',
      input: { old: [], new: inFile(db) },
      lines: ['isolation narrows: everyone -> shop/db ingress'],
    },
    {
      what: 'a pod that becomes isolated, with what that would break',
      input: { old: [], new: inFile(withIngress(db, [])) },
      lines: [
        'breaks narrows: shop/api -> shop/db 5432/TCP',
        'isolation narrows: everyone -> shop/db ingress',
      ],
    },
    {
      what: 'a pod that is no longer isolated',
      input: { old: inFile(db), new: [] },
      lines: ['isolation widens: everyone -> shop/db ingress'],
    },
    {
      what: 'a pod that is isolated and still open to all',
      input: { old: [], new: inFile(withIngress(db, [{}])) },
      lines: [],
    },
    {
      what: 'a rule taken back while another pod becomes isolated',
      input: {
        old: inFile(withIngress(db, [{ from: [peer({})], ports: ports('5432/TCP') }])),
        new: [...inFile(db), ...inFile(policy('shop/web', { pods: { app: 'web' }, egress: [] }))],
      },
      lines: [
        'breaks narrows: shop/web -> shop/api 8080/TCP',
        'isolation narrows: shop/web -> everyone egress',
        'tightens narrows: shop/db, shop/web -> shop/db 5432/TCP',
        'future narrows: any other pod in namespace shop -> shop/db 5432/TCP',
      ],
    },
    {
      what: 'an edge to an entity, which only a rule without peers lets through',
      input: {
        old: inFile(
          policy('ops/scraper', {
            pods: { app: 'scraper' },
            egress: [{ ports: ports('6443/TCP') }],
          }),
        ),
        new: inFile(policy('ops/scraper', { pods: { app: 'scraper' }, egress: [] })),
      },
      lines: [
        'breaks narrows: ops/scraper -> kube-apiserver 6443/TCP',
        'tightens narrows: ops/scraper -> every pod 6443/TCP',
        'tightens narrows: ops/scraper -> everyone outside 6443/TCP',
        'tightens narrows: ops/scraper -> host 6443/TCP',
      ],
    },
  ])('$what', ({ input, lines }) => {
    expect(linesOf(input)).toEqual(lines)
  })
})

test('the node of a pod is let in whatever policies say', () => {
  const closed = policy('shop/web', { pods: { app: 'web' }, ingress: [] })
  const open = policy('shop/web', { pods: { app: 'web' }, ingress: [{ ports: ports('9090/TCP') }] })
  const lines = linesOf({ old: inFile(open), new: inFile(closed) })
  expect(lines).toEqual(['tightens narrows: everyone -> shop/web 9090/TCP'])
})

describe('the ends of a change are named', () => {
  const open = (from: NonNullable<NetworkPolicy['spec']['ingress']>[number]['from']) =>
    linesOf({
      old: inFile(db),
      new: inFile(
        withIngress(db, [...db.spec.ingress!, { ports: ports('1/TCP'), ...(from && { from }) }]),
      ),
    })[0]

  test.each([
    { name: 'every pod of a namespace', from: [peer({})], text: 'every pod of namespace shop' },
    { name: 'a namespace with one group', from: [peer({}, 'data')], text: 'data/store' },
    { name: 'every pod', from: [{ namespaceSelector: {} }], text: 'every pod' },
    {
      name: 'some groups',
      from: [peer({ app: 'web' }), peer({ app: 'api' })],
      text: 'shop/web, shop/api'.split(', ').sort().join(', '),
    },
    {
      name: 'everyone outside',
      from: [{ ipBlock: { cidr: '0.0.0.0/0' } }, { ipBlock: { cidr: '::/0' } }],
      text: 'everyone outside',
    },
    { name: 'one family', from: [{ ipBlock: { cidr: '0.0.0.0/0' } }], text: '0.0.0.0/0' },
    {
      name: 'a block with a hole',
      from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }],
      text: '0.0.0.0/0 except 10.0.0.0/8',
    },
    {
      name: 'a list of addresses',
      from: [{ ipBlock: { cidr: '198.51.100.7/32' } }, { ipBlock: { cidr: '2001:db8::/32' } }],
      text: '198.51.100.7, 2001:db8::/32',
    },
    {
      name: 'a long list of addresses',
      from: Array.from({ length: 12 }, (_, index) => ({
        ipBlock: { cidr: `10.${2 * index}.0.0/16` },
      })),
      text: '10.0.0.0/16, 10.2.0.0/16, 10.4.0.0/16, 10.6.0.0/16, 10.8.0.0/16, 10.10.0.0/16, 10.12.0.0/16, 10.14.0.0/16 and 4 more prefixes',
    },
  ])('$name', ({ from, text }) => {
    expect(open(from)).toBe(`opens widens: ${text} -> shop/db 1/TCP`)
  })

  test('a rule without peers is open to everyone', () => {
    const lines = linesOf({
      traffic: makeTraffic(['shop/app=db'], []),
      old: inFile(withIngress(db, [])),
      new: inFile(withIngress(db, [{ ports: ports('1/TCP') }])),
    })
    expect(lines).toEqual(['opens widens: everyone -> shop/db 1/TCP'])
  })

  test('a part of a group is named by what sets it apart', () => {
    const traffic = makeTraffic(
      [
        'shop/app=web,version=1',
        'shop/app=web,version=2',
        'shop/app=web,version=3',
        'data/app=store',
      ],
      [],
    )
    const store = (...from: readonly NonNullable<Parameters<typeof open>[0]>[number][]) =>
      linesOf({
        traffic,
        old: inFile(policy('data/store', { ingress: [] })),
        new: inFile(policy('data/store', { ingress: [{ from, ports: ports('1/TCP') }] })),
      })
    expect(store(peer({ version: '2' }, 'shop'))).toEqual([
      'opens widens: shop/web (version=2) -> data/store 1/TCP',
    ])
    expect(store(peer({ version: '1' }, 'shop'), peer({ version: '2' }, 'shop'))).toEqual([
      'opens widens: shop/web (2 of 3 label sets) -> data/store 1/TCP',
    ])
  })

  test('sources of equal ports are one change, and the groups may be named by the caller', () => {
    const lines = linesOf({
      groupOf: (id) => ['front', 'middle', 'back', 'store', 'scraper'][id]!,
      old: inFile(db),
      new: inFile(withIngress(db, [{ from: [peer({})], ports: ports('5432/TCP', '9/UDP') }])),
    })
    expect(lines).toEqual([
      'opens widens: back, front -> back 5432/TCP, 9/UDP',
      'opens widens: middle -> back 9/UDP',
    ])
  })

  test('a long list of sources is shortened in the text, and its length is said', () => {
    const many = Array.from({ length: 120 }, (_, index) => `n${index % 60}/app=w${index}`)
    const traffic = makeTraffic([...many, 'data/app=store'], [])
    const diff = diffPolicies({
      traffic,
      old: inFile(policy('data/store', { ingress: [] })),
      new: inFile(
        policy('data/store', {
          ingress: [
            {
              from: Array.from({ length: 60 }, (_, index) =>
                peer({ app: `w${index}` }, `n${index}`),
              ),
            },
          ],
        }),
      ),
    })
    expect(diff.changes[0]?.from).toMatch(/^n0\/w0, .* and 10 more$/)
    expect(diff.changes[0]?.message).toBe(
      'n0/w0, n1/w1, n10/w10 and 57 more would reach data/store on all ports, which was never seen',
    )
  })
})

describe('a change says why', () => {
  test('what was seen, and which policies allowed and deny it', () => {
    const diff = diffPolicies({
      traffic: shop,
      old: inFile(web, api),
      new: inFile(web, withIngress(api, [])),
    })
    expect(diff.changes).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{12}$/),
        section: 'breaks',
        effect: 'narrows',
        from: 'shop/web',
        to: 'shop/api',
        ports: ['8080/TCP'],
        old: [
          { policy: 'shop/api', at: 'api.yaml:10' },
          { policy: 'shop/web', at: 'web.yaml:10' },
        ],
        new: [{ policy: 'shop/api', at: 'api.yaml:1' }],
        evidence: {
          flows: 120,
          first: '2026-03-02T09:00:00.000Z',
          last: '2026-03-02T09:01:00.000Z',
        },
        message: 'shop/web would no longer reach shop/api on 8080/TCP, which was seen',
      },
    ])
  })

  test('which policy is in the way on the egress side', () => {
    const diff = diffPolicies({
      traffic: shop,
      old: inFile(policy('shop/web', { pods: { app: 'web' }, egress: [] })),
      new: [located(web)],
    })
    const needed = diff.changes.find((change) => change.section === 'needed')
    expect(needed?.old).toEqual([{ policy: 'shop/web', at: 'web.yaml:1' }])
    expect(needed?.new).toEqual([{ policy: 'shop/web' }])
  })

  test('at most twenty policies of each set', () => {
    const open = Array.from({ length: 30 }, (_, index) =>
      policy(`shop/p${String(index).padStart(2, '0')}`, {
        pods: { app: 'db' },
        ingress: [{ from: [peer({})], ports: ports('9/TCP') }],
      }),
    )
    const diff = diffPolicies({ traffic: shop, old: inFile(...open), new: inFile(db) })
    const tightens = diff.changes.find((change) => change.section === 'tightens')
    expect(tightens?.old).toHaveLength(20)
    expect(tightens?.old[0]).toEqual({ policy: 'shop/p00', at: 'p00.yaml:10' })
    expect(tightens?.new).toEqual([{ policy: 'shop/db', at: 'db.yaml:1' }])
  })

  test('evidence without times has none', () => {
    const traffic = makeTraffic(
      ['shop/app=web', 'shop/app=db'],
      [{ from: 0, to: 1, port: 1, evidence: {} }],
    )
    const { firstMs: _first, lastMs: _last, ...evidence } = traffic.edges[0]!.evidence
    const [edge] = traffic.edges
    const diff = diffPolicies({
      traffic: { ...traffic, edges: [{ ...edge!, evidence }] },
      old: inFile(withIngress(db, [{}])),
      new: inFile(withIngress(db, [])),
    })
    expect(diff.changes[0]?.evidence).toEqual({ flows: 1 })
  })
})

describe('an isolation change says what stays and what is closed', () => {
  test.each([
    {
      what: 'ingress',
      policies: [db],
      message:
        'shop/db becomes isolated for ingress; still allowed: from shop/api on 5432/TCP; closed without having been seen: 8 connections',
    },
    {
      what: 'ingress closed altogether',
      policies: [withIngress(db, [])],
      message:
        'shop/db becomes isolated for ingress; nothing stays allowed; closed without having been seen: 8 connections',
    },
    {
      what: 'egress, with more than fits',
      policies: [
        policy('shop/api', {
          pods: { app: 'api' },
          egress: [
            { to: [{ namespaceSelector: {} }], ports: ports('53/UDP') },
            { to: [peer({ app: 'db' })], ports: ports('5432/TCP', '1/TCP') },
            { to: [{ ipBlock: { cidr: '203.0.113.7/32' } }], ports: ports('443/TCP') },
            { ports: ports('9/TCP') },
          ],
        }),
      ],
      message:
        'shop/api becomes isolated for egress; still allowed: to shop/db on 1/TCP, 9/TCP, 5432/TCP, 53/UDP; to 0.0.0.0/0 except 203.0.113.7, ::/0 on 9/TCP; to host on 9/TCP; and 6 more; closed without having been seen: 9 connections',
    },
  ])('$what', ({ policies, message }) => {
    const diff = diffPolicies({ traffic: shop, old: [], new: inFile(...policies) })
    expect(diff.changes.find((change) => change.section === 'isolation')?.message).toBe(message)
  })

  test('and when a pod is released, what is opened', () => {
    const diff = diffPolicies({ traffic: shop, old: inFile(db), new: [] })
    expect(diff.changes).toEqual([
      {
        id: expect.any(String),
        section: 'isolation',
        effect: 'widens',
        from: 'everyone',
        to: 'shop/db',
        ports: ['ingress'],
        old: [{ policy: 'shop/db', at: 'db.yaml:1' }],
        new: [],
        message:
          'shop/db is no longer isolated for ingress; opened without having been seen: 8 connections',
      },
    ])
  })

  test('one connection is one connection', () => {
    const traffic = makeTraffic(['shop/app=web', 'shop/app=db'], [])
    const closed = withIngress(db, [
      {
        from: [
          peer({ app: 'db' }),
          { ipBlock: { cidr: '0.0.0.0/0' } },
          { ipBlock: { cidr: '::/0' } },
        ],
      },
    ])
    const diff = diffPolicies({ traffic, old: [], new: inFile(closed) })
    expect(diff.changes[0]?.message).toMatch(
      /still allowed: .*; closed without having been seen: 1 connection$/,
    )
  })
})

describe('named ports', () => {
  const named = withIngress(db, [{ from: [peer({ app: 'web' })], ports: ports('pg/TCP') }])
  const numbered = withIngress(db, [{ from: [peer({ app: 'web' })], ports: ports('5432/TCP') }])

  test('mean the container port where it is known', () => {
    const portsOf = () => [{ name: 'pg', protocol: 'TCP' as const, port: 5432 }]
    expect(linesOf({ portsOf, old: inFile(named), new: inFile(numbered) })).toEqual([])
  })

  test('are ports of their own where nobody knows', () => {
    expect(linesOf({ old: inFile(named), new: inFile(numbered) })).toEqual([
      'opens widens: shop/web -> shop/db 5432/TCP',
      'tightens narrows: shop/web -> shop/db pg/TCP',
    ])
  })
})

test('ipBlock matches pods only on request', () => {
  const old = inFile(withIngress(db, []))
  const fresh = inFile(
    withIngress(db, [{ from: [{ ipBlock: { cidr: '10.0.0.0/24' } }], ports: ports('1/TCP') }]),
  )
  const addressesOf = (id: number) => [`10.0.0.${id}`, '10.9.9.9']
  const input = { addressesOf, old, new: fresh }
  expect(linesOf(input)).toEqual(['opens widens: 10.0.0.0/24 -> shop/db 1/TCP'])
  expect(linesOf({ ...input, ipBlockPods: true })).toEqual([
    'opens widens: every pod, 10.0.0.0/24 -> shop/db 1/TCP',
  ])
  const { addressesOf: _, ...unknown } = input
  expect(linesOf({ ...unknown, ipBlockPods: true })).toEqual([
    'opens widens: 10.0.0.0/24 -> shop/db 1/TCP',
  ])
})

test('what policies say about pods that nobody has seen is compared too', () => {
  const traffic = makeTraffic([], [])
  expect(linesOf({ traffic, old: inFile(db), new: inFile(withIngress(db, [])) })).toEqual([
    'future narrows: any pod with app=api in namespace shop -> any pod with app=db in namespace shop 5432/TCP',
  ])
})

test('an end in another cluster, and one that nobody could resolve', () => {
  const edges = makeTraffic(['shop/app=web', 'shop/app=db'], [{ from: 0, to: 1, port: 80 }]).edges
  const [edge] = edges
  const traffic = {
    ...makeTraffic(['shop/app=web', 'shop/app=db'], []),
    edges: [
      {
        ...edge!,
        outcome: 'remote-cluster' as const,
        from: { kind: 'remote' as const, cluster: 'b', namespace: 'x', labels: toLabels([]) },
      },
      {
        ...edge!,
        outcome: 'unresolved' as const,
        from: { kind: 'unresolved' as const, namespace: 'x', pod: 'y' },
      },
      {
        ...edge!,
        outcome: 'health' as const,
        from: { kind: 'entity' as const, entity: 'health' as const, labels: [], addresses: [] },
      },
    ],
  }
  const open = withIngress(db, [{ ports: ports('80/TCP') }])
  const lines = linesOf({ traffic, old: inFile(open), new: inFile(withIngress(db, [])) })
  expect(lines).toEqual([
    'breaks narrows: remote-cluster -> shop/db 80/TCP',
    'tightens narrows: every pod of namespace shop, everyone outside -> shop/db 80/TCP',
  ])
})

test('an empty peer, which the API refuses, matches nothing', () => {
  const empty = withIngress(db, [{ from: [{}], ports: ports('80/TCP') }])
  expect(linesOf({ old: inFile(withIngress(db, [])), new: inFile(empty) })).toEqual([])
})

test('policies that depend on more than ends are left out and named', () => {
  const other = (
    kind: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy',
  ): LocatedPolicy => ({
    policy: {
      apiVersion: 'cilium.io/v2',
      kind,
      metadata: { name: 'l7', namespace: kind === 'CiliumNetworkPolicy' ? 'default' : '' },
      spec: { endpointSelector: {}, egress: [{ toServices: [{}] }] },
    },
    location: { file: 'l7.yaml' },
    rules: { ingress: [], egress: [] },
  })
  const both = [other('CiliumNetworkPolicy'), other('CiliumClusterwideNetworkPolicy')]
  const diff = diffPolicies({ traffic: shop, old: both, new: [...both, ...inFile(db)] })
  expect(diff.notCompared).toEqual([
    'CiliumClusterwideNetworkPolicy l7',
    'CiliumNetworkPolicy default/l7',
  ])
  expect(diff.objects.map((object) => object.policy)).toEqual(['shop/db'])
})

test('the document counts what stays, and passes stale grants on', () => {
  const stale = [
    {
      policy: 'shop/db',
      direction: 'ingress' as const,
      peer: 'shop/old',
      ports: ['1/TCP'],
      kept: true,
    },
  ]
  const traffic = makeTraffic(['shop/app=web', 'shop/app=db'], [])
  const diff = diffPolicies({ traffic, old: inFile(db), new: inFile(db), stale })
  // Web and db to web, web and db to both address families, and each family to web; nobody reaches db but `api`.
  expect(diff).toEqual({
    apiVersion: 'netweir/v1',
    kind: 'PolicyDiff',
    same: true,
    changes: [],
    unchanged: expect.any(Number),
    objects: [{ policy: 'shop/db', action: 'unchanged', at: 'db.yaml:1', rules: [] }],
    stale,
    notCompared: [],
  })
})

test.each([
  { what: 'without policies', policies: [], unchanged: 2 * 2 + 2 * 1 + 1 * 2 },
  { what: 'with a pod that is closed', policies: [withIngress(db, [])], unchanged: 2 + 2 + 1 },
  {
    what: 'with two port ranges to a pod from both pods',
    policies: [withIngress(db, [{ from: [peer({})], ports: ports('80-81/TCP', '80/UDP') }])],
    unchanged: 2 + 2 + 1 + 2 * 2,
  },
])('connections that stay $what', ({ policies, unchanged }) => {
  const traffic = makeTraffic(['shop/app=web', 'shop/app=db'], [])
  const diff = diffPolicies({ traffic, old: inFile(...policies), new: inFile(...policies) })
  expect(diff.unchanged).toBe(unchanged)
})

test('hundreds of workloads are compared at once', () => {
  const count = 300
  const names = Array.from({ length: count }, (_, index) => `n${index % 10}/app=w${index}`)
  const edges = names.flatMap((_, from) =>
    Array.from({ length: 10 }, (_, step) => ({
      from,
      to: (from + 7 * step + 1) % count,
      port: 8000 + step,
    })),
  )
  const policies = names.map((_, index) =>
    policy(`n${index % 10}/w${index}`, {
      pods: { app: `w${index}` },
      ingress: edges
        .filter((edge) => edge.to === index)
        .map(({ from, port }) => ({
          from: [peer({ app: `w${from}` }, `n${from % 10}`)],
          ports: ports(`${port}/TCP`),
        })),
      egress: edges
        .filter((edge) => edge.from === index)
        .map(({ to, port }) => ({
          to: [peer({ app: `w${to}` }, `n${to % 10}`)],
          ports: ports(`${port}/TCP`),
        })),
    }),
  )
  const begin = performance.now()
  const diff = diffPolicies({
    traffic: makeTraffic(names, edges),
    old: inFile(...policies.slice(0, count / 2)),
    new: inFile(...policies),
  })
  const durationMs = performance.now() - begin
  expect(new Set(diff.changes.map((change) => change.section))).toEqual(new Set(['isolation']))
  expect(diff.changes).toHaveLength(count)
  // The aim is 2 s on an idle machine.
  expect(durationMs).toBeLessThan(10_000)
})
