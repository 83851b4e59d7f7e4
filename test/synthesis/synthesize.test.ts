import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import type { LocatedPolicy, NetworkPolicy, Policy } from '../../src/policy/network-policy.ts'
import { renderPolicies } from '../../src/policy/render.ts'
import { prove } from '../../src/synthesis/gate.ts'
import type { Synthesis, SynthesisOptions } from '../../src/synthesis/synthesis.ts'
import { synthesize } from '../../src/synthesis/synthesize.ts'
import type { Inventory } from '../../src/traffic/inventory.ts'
import type { Traffic } from '../../src/traffic/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

const emptyInventory: Inventory = {
  pods: [],
  namespaces: [],
  workloads: [],
  services: [],
  nodes: [],
  apiServerBackends: [],
  has: { pods: true, workloads: true, services: true },
}

function proven(traffic: Traffic, options: SynthesisOptions = {}): Synthesis {
  const synthesis = synthesize(traffic, options)
  prove(traffic, synthesis)
  return synthesis
}

function policy(synthesis: Synthesis, name: string): NetworkPolicy {
  const found = synthesis.policies.find(
    (one) => `${one.policy.metadata.namespace}/${one.policy.metadata.name}` === name,
  )
  if (found === undefined) throw new Error(`no policy ${name} among ${names(synthesis).join(', ')}`)
  return found.policy as NetworkPolicy
}

function withSpec(policy: Policy, changes: Partial<NetworkPolicy['spec']>): NetworkPolicy {
  const { spec, ...head } = policy as NetworkPolicy
  return { ...head, spec: { ...spec, ...changes } }
}

function names(synthesis: Synthesis): readonly string[] {
  return synthesis.policies.map(
    (one) => `${one.policy.metadata.namespace}/${one.policy.metadata.name}`,
  )
}

function located(policies: readonly NetworkPolicy[]): readonly LocatedPolicy[] {
  return policies.map((one) => ({
    policy: one,
    location: { file: 'existing.yaml', line: 1 },
    rules: { ingress: [], egress: [] },
  }))
}

function codes(synthesis: Synthesis): readonly string[] {
  return [...new Set(synthesis.findings.map((finding) => finding.code))]
}

const shop = [
  'shop/app=web',
  'shop/app=api',
  'data/app=pg',
  { of: 'kube-system/k8s-app=kube-dns', workload: 'coredns' },
]
const shopEdges = [
  { from: 0, to: 1, port: 8080 },
  { from: 1, to: 2, port: 5432 },
  { from: 0, to: 3, port: 53, protocol: 'UDP' as const },
]

describe('synthesize', () => {
  test('writes one policy a group, both directions isolated, DNS over UDP and TCP, and the default denies last', () => {
    const synthesis = proven(makeTraffic(shop, shopEdges))
    expect(names(synthesis)).toEqual([
      'data/pg',
      'shop/api',
      'shop/web',
      'data/default-deny',
      'shop/default-deny',
    ])
    expect(renderPolicies([policy(synthesis, 'shop/web')])).toMatchInlineSnapshot(`
      "apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        name: web
        namespace: shop
        labels:
          app.kubernetes.io/managed-by: netweir
      spec:
        podSelector:
          matchLabels:
            app: web
        policyTypes:
          - Ingress
          - Egress
        egress:
          - to:
              - namespaceSelector:
                  matchLabels:
                    kubernetes.io/metadata.name: kube-system
                podSelector:
                  matchLabels:
                    k8s-app: kube-dns
            ports:
              - protocol: TCP
                port: 53
              - protocol: UDP
                port: 53
          - to:
              - podSelector:
                  matchLabels:
                    app: api
            ports:
              - protocol: TCP
                port: 8080
      "
    `)
  })

  test('keeps system namespaces as peers unless they are asked for', () => {
    const traffic = makeTraffic(shop, shopEdges)
    expect(names(proven(traffic)).some((name) => name.startsWith('kube-system/'))).toBe(false)
    const included = proven(traffic, { includeSystem: ['kube-system'] })
    expect(names(included)).toContain('kube-system/coredns')
  })

  test.each([
    ['a node', 'entity:remote-node', 'remote-node'],
    ['the API server on a node', 'entity:kube-apiserver', 'kube-apiserver'],
    ['the ingress of the network plugin', 'entity:ingress', 'ingress'],
  ])('opens just the port for %s, and says so', (_, end) => {
    const traffic = makeTraffic(['shop/app=web'], [{ from: end, to: 0, port: 9443 }])
    const synthesis = proven(traffic)
    expect(policy(synthesis, 'shop/web').spec.ingress).toEqual([
      { ports: [{ protocol: 'TCP', port: 9443 }] },
    ])
    expect(synthesis.widenings.map((one) => one.reason)).toContain('inexpressible')
    expect(synthesis.findings[0]).toMatchObject({ severity: 'action' })
    const blocked = proven(traffic, { onInexpressible: 'block' })
    expect(policy(blocked, 'shop/web').spec.ingress).toBeUndefined()
    expect(() => synthesize(traffic, { onInexpressible: 'fail' })).toThrow(
      expect.objectContaining({ code: 'INEXPRESSIBLE' }),
    )
  })

  test('needs no rule for the probes of a node, and counts the host as a node on other ports', () => {
    const traffic = makeTraffic(
      ['shop/app=web'],
      [
        { from: 'entity:host', to: 0, port: 8080 },
        { from: 'entity:host', to: 0, port: 9100 },
      ],
    )
    expect(policy(proven(traffic), 'shop/web').spec.ingress).toBeUndefined()
    const inventory: Inventory = {
      ...emptyInventory,
      workloads: [
        {
          kind: 'Deployment',
          name: 'web',
          namespace: 'shop',
          labels: toLabels([['app', 'web']]),
          selector: toLabels([['app', 'web']]),
          hostNetwork: false,
          ports: [],
          probePorts: [8080],
        },
      ],
    }
    expect(policy(proven(traffic, { inventory }), 'shop/web').spec.ingress).toEqual([
      { ports: [{ protocol: 'TCP', port: 9100 }] },
    ])
  })

  test('lets a pod that no selector can name in as its namespace, and gives it no policy', () => {
    const synthesis = proven(
      makeTraffic(
        [{ of: 'shop/', workload: 'bare' }, 'shop/app=web'],
        [{ from: 0, to: 1, port: 80 }],
      ),
    )
    expect(names(synthesis)).toEqual(['shop/web'])
    expect(policy(synthesis, 'shop/web').spec.ingress?.[0]?.from).toEqual([{ podSelector: {} }])
    expect(codes(synthesis)).toEqual(expect.arrayContaining(['NO_LABELS', 'DEFAULT_DENY_HELD']))
    expect(synthesis.widenings.map((one) => one.reason)).toContain('namespace-peer')
  })

  test('declares what a selector that cannot be made exact lets through', () => {
    const synthesis = proven(
      makeTraffic(
        [
          { of: 'shop/app=web', workload: 'web' },
          { of: 'shop/app=web,canary=true', workload: 'web-canary' },
          'shop/app=db',
        ],
        [
          { from: 0, to: 2, port: 5432 },
          { from: 1, to: 2, port: 9999 },
        ],
      ),
    )
    expect(codes(synthesis)).toContain('INSEPARABLE')
    expect(synthesis.widenings.map((one) => one.reason)).toContain('inseparable')
  })

  test('names two workloads that share their labels in one group', () => {
    const synthesis = proven(
      makeTraffic(
        [
          { of: 'shop/app=w', workload: 'one' },
          { of: 'shop/app=w', workload: 'two' },
        ],
        [{ from: 0, to: 1, port: 80 }],
      ),
    )
    expect(codes(synthesis)).toContain('EQUAL_LABELS')
    expect(synthesis.groups).toHaveLength(1)
  })

  test('lists outside addresses, merges siblings without loss, and keeps families apart', () => {
    const synthesis = proven(
      makeTraffic(
        ['shop/app=web'],
        [
          { from: 0, to: '203.0.113.6', port: 443 },
          { from: 0, to: '203.0.113.7', port: 443 },
          { from: 0, to: '2001:db8::5', port: 443 },
        ],
      ),
      { dns: 'none' },
    )
    expect(policy(synthesis, 'shop/web').spec.egress?.[0]?.to).toEqual([
      { ipBlock: { cidr: '2001:db8::5/128' } },
      { ipBlock: { cidr: '203.0.113.6/31' } },
    ])
  })

  test('clients are one peer of confidence where all are let in, and one each where they are listed', () => {
    const clientsOf = (count: number) => {
      const traffic = makeTraffic(
        ['shop/app=web'],
        Array.from({ length: count }, (_, index) => ({
          from: `203.0.113.${index + 1}`,
          to: 0,
          port: 443,
          evidence: { blocks: [[index * 3, index * 3] as const] },
        })),
      )
      return proven(traffic).confidence.groups[0]?.ingress
    }
    expect(clientsOf(8)).toMatchObject({ edges: 8, once: 8 })
    expect(clientsOf(9)).toMatchObject({ edges: 1, events: 9, once: 0 })
  })

  test('opens a port to the world for more than eight clients, without the ranges of the cluster', () => {
    const clients = Array.from({ length: 9 }, (_, index) => `198.51.100.${index * 9}`)
    const synthesis = proven(
      makeTraffic(
        ['edge/app=proxy'],
        clients.map((from) => ({ from, to: 0, port: 443 })),
      ),
      { podCidrs: ['10.244.0.0/16'] },
    )
    expect(policy(synthesis, 'edge/proxy').spec.ingress?.[0]?.from).toEqual([
      { ipBlock: { cidr: '0.0.0.0/0', except: ['10.244.0.0/16'] } },
      { ipBlock: { cidr: '::/0' } },
    ])
    expect(synthesis.widenings.map((one) => one.reason)).toContain('world-ingress')
  })

  test('holds the default deny back while the inventory shows a pod that the traffic does not', () => {
    const traffic = makeTraffic(shop, shopEdges)
    const inventory: Inventory = {
      ...emptyInventory,
      pods: [
        {
          namespace: 'shop',
          name: 'nightly-1',
          labels: toLabels([['app', 'nightly']]),
          hostNetwork: false,
          addresses: [],
          ports: [],
          probePorts: [],
          running: true,
        },
      ],
    }
    const synthesis = proven(traffic, { inventory })
    expect(synthesis.heldBack).toEqual([
      { namespace: 'shop', reasons: ['no traffic was seen of pod nightly-1'] },
    ])
    expect(names(synthesis)).not.toContain('shop/default-deny')
    expect(names(proven(traffic, { inventory, defaultDeny: 'always' }))).toContain(
      'shop/default-deny',
    )
    expect(names(proven(traffic, { defaultDeny: 'never' })).join()).not.toContain('default-deny')
  })

  test('assumes kube-dns, and says so, where no DNS was seen', () => {
    const synthesis = proven(makeTraffic(['shop/app=web'], [{ from: 0, to: 0, port: 80 }]))
    expect(codes(synthesis)).toContain('DNS_ASSUMED')
    expect(policy(synthesis, 'shop/web').spec.egress).toContainEqual({
      to: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
          podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
        },
      ],
      ports: [
        { protocol: 'TCP', port: 53 },
        { protocol: 'UDP', port: 53 },
      ],
    })
  })
})

describe('existing policies', () => {
  const first = proven(makeTraffic(shop, shopEdges))
  const existing = located(first.policies.map((one) => one.policy as NetworkPolicy))

  test('the same traffic again gives the same policies, nothing stale', () => {
    const again = proven(makeTraffic(shop, shopEdges), { existing })
    expect(renderPolicies(again.policies.map((one) => one.policy))).toBe(
      renderPolicies(first.policies.map((one) => one.policy)),
    )
    expect(again.stale).toEqual([])
  })

  test('a shorter look revokes nothing, and lists what it did not see', () => {
    const less = makeTraffic(shop, shopEdges.slice(1))
    const again = proven(less, { existing })
    expect(renderPolicies(again.policies.map((one) => one.policy))).toBe(
      renderPolicies(first.policies.map((one) => one.policy)),
    )
    expect(again.stale).toContainEqual({
      policy: 'shop/web',
      direction: 'egress',
      peer: 'shop/app=api',
      ports: ['8080/TCP'],
      kept: true,
    })
  })

  test('prune removes a stale grant once the traffic spans long enough, and not before', () => {
    const less = makeTraffic(shop, shopEdges.slice(1))
    const short = proven(less, { existing, prune: true })
    expect(short.stale.every((one) => one.kept)).toBe(true)
    const long = proven(less, { existing, prune: true, pruneAfterDays: 0 })
    expect(long.stale.some((one) => !one.kept)).toBe(true)
    expect(JSON.stringify(policy(long, 'shop/web'))).not.toContain('8080')
  })

  test('a managed policy is deleted only with prune and an inventory that lacks its workload', () => {
    const traffic = makeTraffic(['shop/app=web'], [{ from: 0, to: 0, port: 80 }])
    const gone = proven(traffic, { existing, prune: true, inventory: emptyInventory })
    expect(gone.deleted).toEqual(['data/pg', 'shop/api'])
    const kept = proven(traffic, { existing, inventory: emptyInventory })
    expect(kept.deleted).toEqual([])
    expect(names(kept)).toEqual(expect.arrayContaining(['data/pg', 'shop/api']))
  })

  test('a name that a policy of somebody else has is left to it', () => {
    const foreign: NetworkPolicy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { podSelector: {} },
    }
    const synthesis = proven(makeTraffic(shop, shopEdges), { existing: located([foreign]) })
    expect(names(synthesis)).not.toContain('shop/web')
    expect(names(synthesis).some((name) => /^shop\/web-[0-9a-f]{6}$/.test(name))).toBe(true)
  })
})

describe('the gate', () => {
  const traffic = makeTraffic(shop, shopEdges)
  const synthesis = synthesize(traffic, {})

  test('checks every obligation and every point', () => {
    const report = prove(traffic, synthesis)
    expect(report.edges).toBe(3)
    expect(report.points).toBeGreaterThan(50)
    // A cluster this small is judged whole by both evaluators: all points but those without a pod.
    expect(report.sampled).toBeGreaterThan(report.points / 2)
  })

  test('refuses policies that deny a learned edge', () => {
    const broken = {
      ...synthesis,
      policies: synthesis.policies.map((one) => ({
        ...one,
        policy: withSpec(one.policy, { ingress: [] }),
      })),
    }
    expect(() => prove(traffic, broken)).toThrow(/would deny a learned edge on its ingress side/)
  })

  test('refuses policies that allow what nothing declares', () => {
    const broken = {
      ...synthesis,
      policies: synthesis.policies.map((one) => ({
        ...one,
        policy: withSpec(one.policy, { ingress: [{}], egress: [{}] }),
      })),
    }
    expect(() => prove(traffic, broken)).toThrow(/allow what nothing declares/)
  })

  test.each([
    { what: 'an address', rule: { to: [{ ipBlock: { cidr: '198.51.100.0/31' } }] } },
    { what: 'an address of IPv6', rule: { to: [{ ipBlock: { cidr: '2001:db8::/64' } }] } },
    {
      what: 'a port of every address',
      rule: { to: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: [{ port: 65_535 }] },
    },
  ])('refuses policies that open $what that nothing declares', ({ rule }) => {
    const broken = {
      ...synthesis,
      policies: synthesis.policies.map((one) => ({
        ...one,
        policy: withSpec(one.policy, {
          egress: [...((one.policy as NetworkPolicy).spec.egress ?? []), rule],
        }),
      })),
    }
    expect(() => prove(traffic, broken)).toThrow(/allow what nothing declares/)
  })

  test('refuses grants that the policies do not keep', () => {
    const grant = {
      ...synthesis.grants.find((one) => one.direction === 'egress')!,
      peer: { kind: 'block' as const, cidr: '198.51.100.7/32', except: [] },
      why: 'outside-port' as const,
    }
    expect(() => prove(traffic, { ...synthesis, grants: [...synthesis.grants, grant] })).toThrow(
      /deny what is declared/,
    )
  })

  test('refuses a grant that claims to be learned and was not', () => {
    const grant = { ...synthesis.grants.find((one) => one.why === 'learned')!, port: 81 }
    expect(() => prove(traffic, { ...synthesis, grants: [...synthesis.grants, grant] })).toThrow(
      /claims to be learned/,
    )
  })
})

describe('what managed policies hold must not be lost', () => {
  const managed = (
    name: string,
    namespace: string,
    spec: NetworkPolicy['spec'],
  ): NetworkPolicy => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name,
      namespace,
      labels: toLabels([['app.kubernetes.io/managed-by', 'netweir']]),
    },
    spec,
  })
  const denyAll = (namespace: string): NetworkPolicy =>
    managed('default-deny', namespace, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
  const both = ['Ingress', 'Egress'] as const
  const web = managed('web', 'shop', {
    podSelector: { matchLabels: toLabels([['app', 'web']]) },
    policyTypes: both,
    egress: [
      {
        to: [{ podSelector: { matchLabels: toLabels([['app', 'db']]) } }],
        ports: [{ protocol: 'TCP', port: 5432 }],
      },
    ],
  })
  const front = { of: 'shop/app=web,tier=front', workload: 'web' }
  const back = { of: 'shop/app=web,tier=back', workload: 'back' }
  const db = { of: 'shop/app=db', workload: 'db' }

  test('a workload that a narrower selector leaves out gets a policy of its own, with -l and without', () => {
    const traffic = makeTraffic(
      [front, back, db],
      [
        { from: 0, to: 2, port: 1 },
        { from: 1, to: 2, port: 2 },
      ],
    )
    const synthesis = proven(traffic, {
      dns: 'none',
      selector: 'tier=front',
      existing: located([web, denyAll('shop')]),
    })
    const text = JSON.stringify(synthesis.policies)
    expect(names(synthesis)).toEqual(expect.arrayContaining(['shop/web', 'shop/back']))
    expect(text).toContain('5432')
    expect(new Set(names(synthesis)).size).toBe(names(synthesis).length)
  })

  test('and so does one that the inventory alone shows', () => {
    const traffic = makeTraffic(
      [front, { ...back, observed: false }, db],
      [{ from: 0, to: 2, port: 5432 }],
    )
    const synthesis = proven(traffic, {
      dns: 'none',
      existing: located([web, denyAll('shop')]),
    })
    const own = policy(synthesis, 'shop/back')
    expect(own.spec.egress).toEqual(web.spec.egress)
  })

  test('an edge that a standing default deny cuts off is named', () => {
    const traffic = makeTraffic(
      ['a/app=web', { of: 'a/', workload: 'bare' }, 'b/app=api'],
      [
        { from: 0, to: 1, port: 80 },
        { from: 0, to: 2, port: 81 },
      ],
    )
    const synthesis = proven(traffic, {
      dns: 'none',
      namespaces: ['a'],
      existing: located([denyAll('a'), denyAll('b')]),
    })
    const cut = synthesis.findings.filter((finding) => finding.code === 'CUT_OFF')
    expect(cut.map((finding) => finding.subject)).toEqual([
      'a/web -> a/bare 80/TCP',
      'a/web -> b/api 81/TCP',
    ])
  })

  test('a part takes no name that is not free', () => {
    const parts = [
      { of: 'shop/a=a,t=x', workload: 'x' },
      { of: 'shop/a=b,t=y', workload: 'x' },
      { of: 'shop/a=a,t=y', workload: 'q' },
      { of: 'shop/a=b,t=x', workload: 'z' },
    ]
    const foreign: NetworkPolicy = {
      ...web,
      metadata: { name: 'x-2', namespace: 'shop' },
    }
    const traffic = makeTraffic(parts, [{ from: 0, to: 2, port: 1 }])
    const synthesis = proven(traffic, { existing: located([foreign]) })
    expect(names(synthesis)).not.toContain('shop/x-2')
    expect(names(synthesis)).toContain('shop/x-3')
    const carried = managed('x-2', 'shop', {
      podSelector: { matchLabels: toLabels([['a', 'gone']]) },
      policyTypes: both,
    })
    const again = proven(traffic, { existing: located([carried]) })
    expect(new Set(names(again)).size).toBe(names(again).length)
  })

  test('its own output opens nothing for a workload that one of its selectors touches', () => {
    const traffic = makeTraffic(
      [
        { of: 'b/app=api,gen=x', workload: 'api' },
        { of: 'b/app=api,team=pay', workload: 'api' },
        { of: 'b/team=pay', workload: 'worker' },
      ],
      [
        { from: 2, to: 0, port: 82 },
        { from: 1, to: 2, port: 82 },
        { from: 2, to: '203.0.113.9', port: 443 },
      ],
    )
    const options = { dns: 'none', defaultDeny: 'never' } as const
    const first = proven(traffic, options)
    const again = proven(traffic, {
      ...options,
      existing: located(first.policies.map((one) => one.policy as NetworkPolicy)),
    })
    expect(renderPolicies(again.policies.map((one) => one.policy))).toBe(
      renderPolicies(first.policies.map((one) => one.policy)),
    )
    expect(again.stale).toEqual([])
  })
})

test("a selector is that of the policy with the workload's name, though another policy would fit too", () => {
  const w0 = { of: 'n/app=a,version=b', workload: 'w' }
  const w1 = { of: 'n/app=c,version=b', workload: 'w' }
  const all = makeTraffic(
    ['a/app=x', w0, w1, { of: 'n/app=c', workload: 'o' }],
    [
      { from: 0, to: 2, port: 80 },
      { from: 1, to: 0, port: 81 },
      { from: 0, to: 3, port: 99 },
    ],
  )
  const options = { dns: 'none', defaultDeny: 'never' } as const
  const first = proven(all, options)
  const less = makeTraffic(['a/app=x', w1], [{ from: 0, to: 1, port: 80 }])
  const again = proven(less, {
    ...options,
    existing: located(first.policies.map((one) => one.policy as NetworkPolicy)),
  })
  expect(names(again)).toEqual(names(first))
  expect(policy(again, 'n/w')).toEqual(policy(first, 'n/w'))
})

test('what a forced default deny cuts off is named', () => {
  const traffic = makeTraffic(
    ['n/app=a', 'n/app=b', 'n/app=c'],
    [
      { from: 0, to: 1, port: 80 },
      { from: 1, to: 2, port: 81 },
    ],
  )
  const synthesis = proven(traffic, { dns: 'none', selector: 'app=a', defaultDeny: 'always' })
  const cut = synthesis.findings.filter((finding) => finding.code === 'CUT_OFF')
  expect(cut.map((finding) => finding.subject)).toEqual(['n/a -> n/b 80/TCP', 'n/b -> n/c 81/TCP'])
})

describe('managed policies that are not as netweir writes them', () => {
  const managed = (spec: NetworkPolicy['spec']): NetworkPolicy => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: 'web',
      namespace: 'shop',
      labels: toLabels([['app.kubernetes.io/managed-by', 'netweir']]),
    },
    spec,
  })
  const subject = { podSelector: { matchLabels: toLabels([['app', 'web']]) } }
  const both = ['Ingress', 'Egress'] as const
  const traffic = makeTraffic(['shop/app=web', 'shop/app=api'], [{ from: 1, to: 0, port: 80 }])
  const options = { dns: 'none', defaultDeny: 'never' } as const

  test('a named port is kept as its number, and named where nobody knows it', () => {
    const named = managed({
      ...subject,
      policyTypes: both,
      ingress: [{ ports: [{ protocol: 'TCP', port: 'metrics' }] }],
    })
    const unknown = proven(traffic, { ...options, existing: located([named]) })
    expect(codes(unknown)).toContain('MANAGED_EDITED')
    const inventory: Inventory = {
      ...emptyInventory,
      pods: [
        {
          namespace: 'shop',
          name: 'web-0',
          labels: toLabels([['app', 'web']]),
          hostNetwork: false,
          addresses: [],
          ports: [{ name: 'metrics', protocol: 'TCP', port: 9102 }],
          probePorts: [],
          running: true,
        },
      ],
    }
    const known = proven(traffic, { ...options, inventory, existing: located([named]) })
    expect(JSON.stringify(policy(known, 'shop/web').spec.ingress)).toContain('9102')
  })

  test('all ports, ranges, blocks with holes and opaque peers stay', () => {
    const odd = managed({
      ...subject,
      policyTypes: both,
      ingress: [
        { from: [{ namespaceSelector: { matchLabels: toLabels([['team', 'a']]) } }] },
        { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] },
      ],
      egress: [{ ports: [{ protocol: 'UDP', port: 100, endPort: 200 }, { protocol: 'TCP' }] }],
    })
    const synthesis = proven(traffic, { ...options, existing: located([odd]) })
    const text = JSON.stringify(policy(synthesis, 'shop/web').spec)
    for (const part of ['"team":"a"', '10.1.0.0/16', '"endPort":200', '"endPort":65535']) {
      expect(text).toContain(part)
    }
    expect(synthesis.stale.length).toBeGreaterThan(2)
    const again = proven(traffic, {
      ...options,
      existing: located(synthesis.policies.map((one) => one.policy as NetworkPolicy)),
    })
    expect(policy(again, 'shop/web')).toEqual(policy(synthesis, 'shop/web'))
  })

  test('with reoptimise a selector that says the same of known pods replaces the old one', () => {
    const old = managed({
      podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'www'] }] },
      policyTypes: both,
      ingress: [
        {
          from: [
            {
              podSelector: {
                matchExpressions: [{ key: 'app', operator: 'In', values: ['api', 'apis'] }],
              },
            },
          ],
          ports: [{ protocol: 'TCP', port: 80 }],
        },
      ],
    })
    const kept = proven(traffic, { ...options, existing: located([old]) })
    expect(JSON.stringify(policy(kept, 'shop/web').spec)).toContain('www')
    const fresh = proven(traffic, { ...options, reoptimise: true, existing: located([old]) })
    expect(JSON.stringify(policy(fresh, 'shop/web').spec.podSelector)).not.toContain('www')
  })
})

describe('backends of the API server', () => {
  const hook = { of: 'shop/app=hook', workload: 'hook' }
  const traffic = makeTraffic(['shop/app=web', hook], [{ from: 0, to: 1, port: 80 }])
  const inventory = (targetPort: number | string): Inventory => ({
    ...emptyInventory,
    pods: [
      {
        namespace: 'shop',
        name: 'hook-1',
        labels: toLabels([['app', 'hook']]),
        hostNetwork: false,
        addresses: [],
        ports: [{ name: 'https', protocol: 'TCP', port: 9443 }],
        probePorts: [],
        running: true,
      },
    ],
    services: [
      {
        namespace: 'shop',
        name: 'hook',
        type: 'ClusterIP',
        selector: toLabels([['app', 'hook']]),
        clusterIps: [],
        externalIps: [],
        loadBalancerSourceRanges: [],
        ports: [{ protocol: 'TCP', port: 443, targetPort }],
      },
    ],
    apiServerBackends: [{ namespace: 'shop', service: 'hook', port: 443 }],
  })

  test('keep their port open, by number and by name', () => {
    for (const targetPort of [9443, 'https']) {
      const synthesis = proven(traffic, { inventory: inventory(targetPort) })
      expect(policy(synthesis, 'shop/hook').spec.ingress).toContainEqual({
        ports: [{ protocol: 'TCP', port: 9443 }],
      })
    }
  })

  test('are findings where the port is unknown or to stay closed, and fail the run where that is asked', () => {
    expect(codes(proven(traffic, { inventory: inventory('nowhere') }))).toContain(
      'API_SERVER_BACKEND',
    )
    expect(
      codes(proven(traffic, { inventory: inventory('https'), onInexpressible: 'block' })),
    ).toContain('API_SERVER_BACKEND')
    expect(() =>
      synthesize(traffic, { inventory: inventory('https'), onInexpressible: 'fail' }),
    ).toThrow(expect.objectContaining({ code: 'INEXPRESSIBLE' }))
  })
})
