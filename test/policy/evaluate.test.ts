import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { toLabels } from '../../src/labels.ts'
import type { CiliumPolicy } from '../../src/policy/cilium-policy.ts'
import { createEvaluator, evaluate } from '../../src/policy/evaluate.ts'
import { unjudgedPart } from '../../src/policy/lower-cilium.ts'
import type {
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
  PolicyEndpoint,
  PolicyPod,
  PolicyService,
} from '../../src/policy/network-policy.ts'

function policy(spec: NetworkPolicySpec, name = 'p', namespace = 'shop'): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  }
}

function pod(
  name: string,
  namespace = 'shop',
  more: Partial<PolicyPod> & { readonly extra?: Readonly<Record<string, string>> } = {},
): PolicyPod {
  const { extra = {}, ...rest } = more
  return {
    kind: 'pod',
    namespace,
    namespaceLabels: toLabels([['kubernetes.io/metadata.name', namespace]]),
    labels: toLabels([['app', name], ...Object.entries(extra)]),
    ...rest,
  }
}

const web = pod('web')
const db = pod('db', 'shop', {
  ports: [
    { name: 'sql', protocol: 'TCP', port: 5432 },
    { name: 'dns', protocol: 'UDP', port: 5353 },
  ],
  addresses: ['10.0.0.5', 'fd00::5'],
})
const other = pod('web', 'other')
const outside: PolicyEndpoint = { kind: 'address', address: '203.0.113.7' }
const outsideV6: PolicyEndpoint = { kind: 'address', address: '2001:db8::7' }
const host: PolicyEndpoint = { kind: 'entity', entity: 'host', labels: ['host'] }
const sql: PolicyService = { protocol: 'TCP', port: 5432 }
const ping: PolicyService = { icmp: { family: 'IPv4', type: 8 } }

const all: LabelSelector = {}
const isDb: LabelSelector = { matchLabels: toLabels([['app', 'db']]) }
const isWeb: LabelSelector = { matchLabels: toLabels([['app', 'web']]) }

/** Whether a policy on `db` with this ingress rule lets `from` in. */
function admits(
  peers: readonly NetworkPolicyPeer[] | undefined,
  from: PolicyEndpoint = web,
  options = {},
): boolean {
  const rule = peers === undefined ? {} : { from: peers }
  return evaluate([policy({ podSelector: isDb, ingress: [rule] })], from, db, sql, options).allowed
}

/** Whether a policy on `db` with these ports lets `web` in. */
function opens(ports: readonly NetworkPolicyPort[] | undefined, service: PolicyService): boolean {
  const rule = ports === undefined ? {} : { ports }
  return evaluate([policy({ podSelector: isDb, ingress: [rule] })], web, db, service).allowed
}

describe('isolation', () => {
  test('without policies everything is allowed', () => {
    expect(evaluate([], web, db, sql)).toEqual({
      allowed: true,
      egress: { allowed: true, isolatedBy: [], allowedBy: [], deniedBy: [] },
      ingress: { allowed: true, isolatedBy: [], allowedBy: [], deniedBy: [] },
    })
  })

  test.each<[string, NetworkPolicy, boolean, boolean]>([
    ['a matching policy isolates', policy({ podSelector: isDb }), true, false],
    ['another namespace does not', policy({ podSelector: all }, 'p', 'other'), false, false],
    ['other labels do not', policy({ podSelector: isWeb, policyTypes: ['Ingress'] }), false, false],
    ['Egress of the source', policy({ podSelector: isWeb, policyTypes: ['Egress'] }), false, true],
    [
      'both directions, both pods',
      policy({ podSelector: all, policyTypes: ['Ingress', 'Egress'] }),
      true,
      true,
    ],
  ])('%s', (_name, only, ingress, egress) => {
    const decision = evaluate([only], web, db, sql)
    expect(decision.ingress.isolatedBy).toEqual(ingress ? ['shop/p'] : [])
    expect(decision.egress.isolatedBy).toEqual(egress ? ['shop/p'] : [])
    expect(decision.allowed).toBe(!(ingress || egress))
  })

  test.each<[string, NetworkPolicySpec, boolean, boolean]>([
    ['no types, no rules', { podSelector: all }, true, false],
    ['no types, egress: []', { podSelector: all, egress: [] }, true, false],
    ['types: [], egress: []', { podSelector: all, policyTypes: [], egress: [] }, true, false],
    ['no types, one egress rule', { podSelector: all, egress: [{}] }, true, true],
    ['types: [], one egress rule', { podSelector: all, policyTypes: [], egress: [{}] }, true, true],
    [
      'Ingress, one egress rule',
      { podSelector: all, policyTypes: ['Ingress'], egress: [{}] },
      true,
      false,
    ],
    ['Egress, egress: []', { podSelector: all, policyTypes: ['Egress'], egress: [] }, false, true],
    [
      'Egress, one ingress rule',
      { podSelector: all, policyTypes: ['Egress'], ingress: [{}] },
      false,
      true,
    ],
  ])('policyTypes: %s', (_name, spec, ingress, egress) => {
    const decision = evaluate([policy(spec)], web, db, sql)
    expect(decision.ingress.isolatedBy.length > 0).toBe(ingress)
    expect(decision.egress.isolatedBy.length > 0).toBe(egress)
  })

  test('a rule of a direction that is not isolated allows nothing and denies nothing', () => {
    const rules = policy({ podSelector: all, policyTypes: ['Egress'], ingress: [{}], egress: [{}] })
    const { ingress, egress } = evaluate([rules], web, db, sql)
    expect(ingress).toEqual({ allowed: true, isolatedBy: [], allowedBy: [], deniedBy: [] })
    expect(egress.allowedBy).toEqual([{ policy: 'shop/p', rule: 0 }])
  })

  test('both sides must allow', () => {
    const closed = policy({ podSelector: isWeb, policyTypes: ['Egress'] })
    const opened = policy({ podSelector: isDb, ingress: [{}] }, 'q')
    const decision = evaluate([closed, opened], web, db, sql)
    expect([decision.egress.allowed, decision.ingress.allowed]).toEqual([false, true])
    expect(decision.allowed).toBe(false)
  })

  test('policies add up, and the deciding rules are named in order of the policies', () => {
    const deny = policy({ podSelector: all }, 'b')
    const allow = policy({ podSelector: isDb, ingress: [{ ports: [{ port: 1 }] }, {}] }, 'a')
    const expected = {
      allowed: true,
      isolatedBy: ['shop/a', 'shop/b'],
      allowedBy: [{ policy: 'shop/a', rule: 1 }],
      deniedBy: [],
    }
    expect(evaluate([deny, allow], web, db, sql).ingress).toEqual(expected)
    expect(evaluate([allow, deny], web, db, sql).ingress).toEqual(expected)
  })

  test('addresses and entities have no side of their own', () => {
    const deny = policy({ podSelector: all, policyTypes: ['Ingress', 'Egress'] })
    expect(evaluate([deny], outside, host, sql).allowed).toBe(true)
    expect(evaluate([deny], outside, db, sql).egress.allowed).toBe(true)
    expect(evaluate([deny], db, outside, sql).ingress.allowed).toBe(true)
    expect(evaluate([deny], db, host, sql).allowed).toBe(false)
  })
})

describe('peers', () => {
  const byName = (name: string): LabelSelector => ({
    matchLabels: toLabels([['kubernetes.io/metadata.name', name]]),
  })

  test.each<[string, readonly NetworkPolicyPeer[] | undefined, readonly boolean[]]>([
    ['absent: everyone', undefined, [true, true, true, true]],
    ['empty: everyone', [], [true, true, true, true]],
    [
      'podSelector: pods of the policy namespace',
      [{ podSelector: all }],
      [true, false, false, false],
    ],
    ['podSelector with other labels', [{ podSelector: isDb }], [false, false, false, false]],
    [
      'namespaceSelector: every pod there',
      [{ namespaceSelector: all }],
      [true, true, false, false],
    ],
    [
      'namespaceSelector by name',
      [{ namespaceSelector: byName('other') }],
      [false, true, false, false],
    ],
    [
      'both: pods in namespaces',
      [{ namespaceSelector: byName('other'), podSelector: isDb }],
      [false, false, false, false],
    ],
    [
      'both, matching',
      [{ namespaceSelector: byName('other'), podSelector: isWeb }],
      [false, true, false, false],
    ],
    [
      'ipBlock: no pod, no entity',
      [{ ipBlock: { cidr: '0.0.0.0/0' } }],
      [false, false, true, false],
    ],
    ['an empty peer: nobody', [{}], [false, false, false, false]],
    [
      'one of several',
      [{ podSelector: isDb }, { ipBlock: { cidr: '203.0.113.0/24' } }],
      [false, false, true, false],
    ],
  ])('%s', (_name, peers, expected) => {
    expect([web, other, outside, host].map((from) => admits(peers, from))).toEqual(expected)
  })

  test('egress rules match their peers against the destination', () => {
    const rule = { to: [{ podSelector: isDb }] }
    const only = policy({ podSelector: isWeb, policyTypes: ['Egress'], egress: [rule] })
    expect(evaluate([only], web, db, sql).allowed).toBe(true)
    expect(evaluate([only], web, pod('cache'), sql).allowed).toBe(false)
  })
})

describe('operators', () => {
  const key = 'tier'
  const withTier = pod('web', 'shop', { extra: { tier: 'gold' } })
  const inherited = pod('web', 'shop', { extra: {} })

  test.each<[string, LabelSelector['matchExpressions'], boolean, boolean]>([
    ['In', [{ key, operator: 'In', values: ['silver', 'gold'] }], true, false],
    ['In other', [{ key, operator: 'In', values: ['silver'] }], false, false],
    ['In nothing', [{ key, operator: 'In' }], false, false],
    ['NotIn', [{ key, operator: 'NotIn', values: ['gold'] }], false, true],
    ['NotIn other', [{ key, operator: 'NotIn', values: ['silver'] }], true, true],
    ['Exists', [{ key, operator: 'Exists' }], true, false],
    ['DoesNotExist', [{ key, operator: 'DoesNotExist' }], false, true],
    [
      'all must hold',
      [
        { key, operator: 'Exists' },
        { key, operator: 'NotIn', values: ['gold'] },
      ],
      false,
      false,
    ],
  ])('%s: present, absent', (_name, matchExpressions, present, absent) => {
    const peers = [{ podSelector: { matchExpressions: matchExpressions ?? [] } }]
    expect(admits(peers, withTier)).toBe(present)
    expect(admits(peers, inherited)).toBe(absent)
  })

  test('matchLabels and matchExpressions hold together', () => {
    const podSelector: LabelSelector = {
      matchLabels: toLabels([['app', 'web']]),
      matchExpressions: [{ key, operator: 'DoesNotExist' }],
    }
    expect(admits([{ podSelector }], inherited)).toBe(true)
    expect(admits([{ podSelector }], withTier)).toBe(false)
    expect(admits([{ podSelector }], pod('db'))).toBe(false)
  })

  test('an empty value is not an absent key', () => {
    const podSelector = { matchLabels: toLabels([['tier', '']]) }
    expect(admits([{ podSelector }], inherited)).toBe(false)
    expect(admits([{ podSelector }], pod('web', 'shop', { extra: { tier: '' } }))).toBe(true)
  })

  test('names of object members are labels like others', () => {
    const exists = (name: string): readonly NetworkPolicyPeer[] => [
      { podSelector: { matchExpressions: [{ key: name, operator: 'Exists' }] } },
    ]
    expect(admits(exists('constructor'), { ...web, labels: { app: 'web' } })).toBe(false)
    const labelled = { ...web, labels: toLabels([['constructor', 'x']]) }
    expect(admits(exists('constructor'), labelled)).toBe(true)
    const proto = { ...web, labels: toLabels([['__proto__', 'x']]) }
    expect(admits([{ podSelector: { matchLabels: proto.labels } }], proto)).toBe(true)
    expect(admits([{ podSelector: { matchLabels: proto.labels } }], web)).toBe(false)
  })
})

describe('ports', () => {
  const tcp = (port: number): PolicyService => ({ protocol: 'TCP', port })
  const udp = (port: number): PolicyService => ({ protocol: 'UDP', port })
  const sctp = (port: number): PolicyService => ({ protocol: 'SCTP', port })

  test.each<[string, readonly NetworkPolicyPort[] | undefined, PolicyService, boolean]>([
    ['absent: TCP', undefined, tcp(1), true],
    ['absent: SCTP', undefined, sctp(65_535), true],
    ['empty: UDP', [], udp(53), true],
    ['absent: ICMP', undefined, ping, true],
    ['any port of TCP: no ICMP', [{ protocol: 'TCP' }], ping, false],
    ['number', [{ port: 80 }], tcp(80), true],
    ['another number', [{ port: 80 }], tcp(81), false],
    ['protocol defaults to TCP', [{ port: 80 }], udp(80), false],
    ['UDP', [{ protocol: 'UDP', port: 80 }], udp(80), true],
    ['UDP is not SCTP', [{ protocol: 'UDP', port: 80 }], sctp(80), false],
    ['no port: every port of the protocol', [{ protocol: 'SCTP' }], sctp(9), true],
    ['no port: not of another protocol', [{ protocol: 'SCTP' }], tcp(9), false],
    ['an empty item is all of TCP', [{}], tcp(9), true],
    ['an empty item is no UDP', [{}], udp(9), false],
    ['endPort: first', [{ port: 80, endPort: 90 }], tcp(80), true],
    ['endPort: last', [{ port: 80, endPort: 90 }], tcp(90), true],
    ['endPort: before', [{ port: 80, endPort: 90 }], tcp(79), false],
    ['endPort: after', [{ port: 80, endPort: 90 }], tcp(91), false],
    ['named', [{ port: 'sql' }], tcp(5432), true],
    ['named: another port', [{ port: 'sql' }], tcp(5433), false],
    ['named: by protocol, too', [{ protocol: 'UDP', port: 'sql' }], udp(5432), false],
    ['named UDP', [{ protocol: 'UDP', port: 'dns' }], udp(5353), true],
    ['named: no pod has it', [{ port: 'metrics' }], tcp(5432), false],
    ['one of several', [{ port: 80 }, { port: 'sql' }], tcp(5432), true],
  ])('%s', (_name, ports, service, expected) => {
    expect(opens(ports, service)).toBe(expected)
  })

  test('named ports are those of the destination, in both directions', () => {
    const server = pod('web', 'shop', { ports: [{ name: 'sql', protocol: 'TCP', port: 80 }] })
    const egress = policy({
      podSelector: all,
      policyTypes: ['Egress'],
      egress: [{ ports: [{ port: 'sql' }] }],
    })
    expect(evaluate([egress], server, db, sql).allowed).toBe(true)
    expect(evaluate([egress], db, server, sql).allowed).toBe(false)
    expect(evaluate([egress], db, server, { protocol: 'TCP', port: 80 }).allowed).toBe(true)
    expect(evaluate([egress], db, web, sql).allowed).toBe(false)
  })

  test('named ports mean nothing for addresses and entities', () => {
    const egress = policy({
      podSelector: all,
      policyTypes: ['Egress'],
      egress: [{ ports: [{ port: 'sql' }] }],
    })
    expect(evaluate([egress], db, outside, sql).allowed).toBe(false)
    expect(evaluate([egress], db, host, sql).allowed).toBe(false)
  })

  test('peer and port must hold in the same rule', () => {
    const split = policy({
      podSelector: isDb,
      ingress: [
        { from: [{ podSelector: isWeb }], ports: [{ port: 1 }] },
        { from: [{ podSelector: isDb }], ports: [{ port: 5432 }] },
      ],
    })
    expect(evaluate([split], web, db, sql).allowed).toBe(false)
  })
})

describe('ipBlock', () => {
  const block = (cidr: string, ...except: string[]): readonly NetworkPolicyPeer[] => [
    { ipBlock: except.length > 0 ? { cidr, except } : { cidr } },
  ]
  const at = (address: string): PolicyEndpoint => ({ kind: 'address', address })

  test.each<[string, readonly NetworkPolicyPeer[], string, boolean]>([
    ['first of a block', block('10.1.0.0/16'), '10.1.0.0', true],
    ['last of a block', block('10.1.0.0/16'), '10.1.255.255', true],
    ['before a block', block('10.1.0.0/16'), '10.0.255.255', false],
    ['after a block', block('10.1.0.0/16'), '10.2.0.0', false],
    ['host bits do not matter', block('10.1.2.3/16'), '10.1.9.9', true],
    ['one address', block('10.1.2.3/32'), '10.1.2.3', true],
    ['one address, its neighbour', block('10.1.2.3/32'), '10.1.2.2', false],
    ['everything', block('0.0.0.0/0'), '255.255.255.255', true],
    ['IPv4 is not in ::/0', block('::/0'), '10.0.0.1', false],
    ['IPv6 is not in 0.0.0.0/0', block('0.0.0.0/0'), '2001:db8::1', false],
    ['IPv6', block('2001:db8::/32'), '2001:db8:ffff::1', true],
    ['IPv6, beside it', block('2001:db8::/32'), '2001:db9::', false],
    [
      'IPv6 in full',
      block('2001:db8:0:0:0:0:0:0/33'),
      '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff',
      true,
    ],
    ['IPv6 with a dotted tail', block('64:ff9b::10.0.0.0/104'), '64:ff9b::a00:1', true],
    ['an exception', block('10.0.0.0/8', '10.1.0.0/16'), '10.1.2.3', false],
    ['beside an exception', block('10.0.0.0/8', '10.1.0.0/16'), '10.2.0.0', true],
    ['the second exception', block('10.0.0.0/8', '10.1.0.0/16', '10.3.0.0/16'), '10.3.0.1', false],
    ['an IPv6 exception', block('2001:db8::/32', '2001:db8:1::/48'), '2001:db8:1::1', false],
    [
      'another peer allows what one excepts',
      [...block('10.0.0.0/8', '10.1.0.0/16'), ...block('10.1.2.0/24')],
      '10.1.2.3',
      true,
    ],
    ...[
      '10.0.0.0',
      'x/8',
      '10.0.0/8',
      '10.0.0.256/32',
      '10.0.0.0/33',
      '10.0.0.0/8/8',
      '::1::/8',
    ].map((cidr): [string, readonly NetworkPolicyPeer[], string, boolean] => [
      `${cidr} holds nothing else`,
      block(cidr),
      '10.0.0.1',
      false,
    ]),
    ['groups of more than four digits are none', block('12345::/16'), '1234::', false],
    ['too few groups are none', block('1:2:3/16'), '1:2:3::', false],
    ['too many groups are none', block('1:2:3:4:5:6:7::8/16'), '1:2:3:4:5:6:7:8', false],
    ['a wrong dotted tail is none', block('::1.2.3.256/96'), '::1.2.3.4', false],
  ])('%s', (_name, peers, address, expected) => {
    expect(admits(peers, at(address))).toBe(expected)
  })

  test('addresses of pods match only where it is asked for, any family', () => {
    const from = { ...web, addresses: ['10.0.0.9', 'fd00::9'] }
    expect(admits(block('10.0.0.0/24'), from)).toBe(false)
    expect(admits(block('10.0.0.0/24'), from, { ipBlockPods: true })).toBe(true)
    expect(admits(block('fd00::/64'), from, { ipBlockPods: true })).toBe(true)
    expect(admits(block('10.0.0.0/24', '10.0.0.8/30'), from, { ipBlockPods: true })).toBe(false)
    expect(admits(block('10.0.0.0/24'), web, { ipBlockPods: true })).toBe(false)
    expect(admits(block('10.0.0.0/24'), host, { ipBlockPods: true })).toBe(false)
  })

  test('egress to addresses of both families', () => {
    const egress = policy({
      podSelector: all,
      policyTypes: ['Egress'],
      egress: [{ to: block('2001:db8::/32'), ports: [{ port: 443 }] }],
    })
    const https: PolicyService = { protocol: 'TCP', port: 443 }
    expect(evaluate([egress], web, outsideV6, https).allowed).toBe(true)
    expect(evaluate([egress], web, outside, https).allowed).toBe(false)
    expect(evaluate([egress], web, outsideV6, sql).allowed).toBe(false)
  })
})

describe('createEvaluator', () => {
  const account = { matchLabels: { 'k8s:io.cilium.k8s.policy.serviceaccount': 'web' } }
  test.each<[string, CiliumPolicy['spec']]>([
    ['services', { endpointSelector: {}, egress: [{ toServices: [{}] }] }],
    ['groups', { endpointSelector: {}, egress: [{ toGroups: [{}] }] }],
    ['nodes', { endpointSelector: {}, ingress: [{ fromNodes: [{}] }] }],
    ['a selector of nodes', { nodeSelector: {}, ingress: [{}] }],
    [
      'groups of blocks',
      { endpointSelector: {}, egress: [{ toCIDRSet: [{ cidrGroupRef: 'a' }] }] },
    ],
    ['a subject by its account', { endpointSelector: account, ingress: [{}] }],
    ['a peer by its account', { endpointSelector: {}, ingress: [{ fromEndpoints: [account] }] }],
    ['a denied peer', { endpointSelector: {}, egressDeny: [{ toEndpoints: [account] }] }],
  ])('what is asked of %s is judged by neither evaluator', (_, spec) => {
    const cilium: CiliumPolicy = {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: { name: 'c', namespace: 'shop' },
      spec: spec!,
    }
    expect(() => createEvaluator([cilium])).toThrow(NetweirError)
    expect(unjudgedPart(cilium)).toBeDefined()
  })

  test('refuses policies that it cannot evaluate', () => {
    const cilium: CiliumPolicy = {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: { name: 'c', namespace: 'shop' },
      spec: { endpointSelector: {}, egress: [{ toServices: [{}] }] },
    }
    expect(() => createEvaluator([cilium])).toThrow(NetweirError)
    expect(() => evaluate([cilium], web, db, sql)).toThrow(
      expect.objectContaining({
        code: 'KIND_UNSUPPORTED',
        message: expect.stringContaining('shop/c'),
      }),
    )
  })

  test('answers the same for the same endpoints, and by their labels for others', () => {
    const evaluator = createEvaluator([policy({ podSelector: isDb })])
    expect(evaluator.evaluate(web, db, sql).allowed).toBe(false)
    expect(evaluator.evaluate(web, db, sql).allowed).toBe(false)
    expect(evaluator.evaluate(web, { ...db, labels: toLabels([]) }, sql).allowed).toBe(true)
  })
})
