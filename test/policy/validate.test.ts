import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import type { NetworkPolicy } from '../../src/policy/network-policy.ts'
import { parsePolicies } from '../../src/policy/validate.ts'

const parse = (text: string): ReturnType<typeof parsePolicies> =>
  parsePolicies(readManifests(text, 'web.yaml'))

/** A policy with this spec, in JSON. */
function withSpec(spec: unknown, metadata: unknown = { name: 'p', namespace: 'shop' }): string {
  return JSON.stringify({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec,
  })
}

function failure(text: string): NetweirError {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof NetweirError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const problemsOf = (text: string): readonly string[] =>
  failure(text).problems.map(({ message }) => message)

const ingress = (...rules: unknown[]): unknown => ({ podSelector: {}, ingress: rules })
const egress = (...rules: unknown[]): unknown => ({ podSelector: {}, egress: rules })
const peer = (value: unknown): unknown => ingress({ from: [value] })
const port = (value: unknown): unknown => ingress({ ports: [value] })
const selector = (...matchExpressions: unknown[]): unknown => ({
  podSelector: { matchExpressions },
})
const labels = (matchLabels: unknown): unknown => ({ podSelector: { matchLabels } })
const word = 'expected at most 63 of A-Z, a-z, 0-9, "-", "_" and ".", alphanumeric at both ends'
const name = word.replace('expected', 'expected a name of')
const portName =
  'expected a number, or a name of at most 15 of a-z, 0-9 and single "-" with at least one letter'

describe('a valid policy is kept as it is written', () => {
  test.each<[string, unknown]>([
    ['the smallest', { podSelector: {} }],
    ['empty lists stay', { podSelector: {}, policyTypes: [], ingress: [], egress: [] }],
    ['empty rules stay', { podSelector: {}, ingress: [{}], egress: [{ to: [], ports: [] }] }],
    ['both types, repeated', { podSelector: {}, policyTypes: ['Ingress', 'Ingress'] }],
    ['empty selectors', peer({ podSelector: {}, namespaceSelector: {} })],
    [
      'labels',
      labels({ app: 'a', 'app.kubernetes.io/name': '', 'a/b': `x${'y'.repeat(61)}z`, A_1: '1' }),
    ],
    [
      'every operator',
      selector(
        { key: 'a', operator: 'In', values: ['x', ''] },
        { key: 'b', operator: 'NotIn', values: ['x'] },
        { key: 'c', operator: 'Exists' },
        { key: 'd', operator: 'DoesNotExist', values: [] },
      ),
    ],
    ['blocks', peer({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.0.0.0/9'] } })],
    ['host bits', peer({ ipBlock: { cidr: '10.1.2.3/8' } })],
    ['IPv6', peer({ ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } })],
    ['no exceptions', peer({ ipBlock: { cidr: '::/0', except: [] } })],
    ['ports', ingress({ ports: [{}, { port: 1 }, { port: 65_535, protocol: 'SCTP' }] })],
    ['ranges', port({ port: 80, endPort: 80, protocol: 'UDP' })],
    ['names of ports', egress({ ports: [{ port: 'a' }, { port: '0-a-123456789-b' }] })],
    [
      'both sides',
      { podSelector: {}, ingress: [{ from: [] }], egress: [{ to: [{ podSelector: {} }] }] },
    ],
  ])('%s', (_name, spec) => {
    const [found] = parse(withSpec(spec)).policies
    expect(found?.policy.spec).toEqual(spec)
    expect(JSON.parse(JSON.stringify(found?.policy.spec))).toEqual(spec)
  })

  test('null reads as absent, as the API server reads it', () => {
    const spec = {
      podSelector: { matchLabels: null, matchExpressions: null },
      policyTypes: null,
      ingress: [{ from: null, ports: [{ protocol: null, port: null, endPort: null }] }],
      egress: null,
    }
    expect(parse(withSpec(spec)).policies[0]?.policy.spec).toEqual({
      podSelector: {},
      ingress: [{ ports: [{}] }],
    })
  })

  test('metadata: the namespace defaults, labels and annotations stay, the rest is passed over', () => {
    const metadata = {
      name: 'p.example.com',
      labels: { 'app.kubernetes.io/managed-by': 'netweir' },
      annotations: { note: 'x' },
      managedFields: [{ anything: 1 }],
      resourceVersion: '1',
    }
    const text = JSON.stringify({
      ...JSON.parse(withSpec({ podSelector: {} }, metadata)),
      status: 1,
    })
    expect(parse(text).policies[0]?.policy.metadata).toEqual({
      name: 'p.example.com',
      namespace: 'default',
      labels: { 'app.kubernetes.io/managed-by': 'netweir' },
      annotations: { note: 'x' },
    })
  })

  test('labels named like members of objects', () => {
    const text = withSpec(labels({ constructor: 'a', toString: 'b' }))
    const { podSelector } = (parse(text).policies[0]!.policy as NetworkPolicy).spec
    expect(podSelector.matchLabels).toEqual({ constructor: 'a', toString: 'b' })
    expect(Object.getPrototypeOf(podSelector.matchLabels)).toBeNull()
  })
})

describe('problems', () => {
  test.each<[string, unknown, readonly string[]]>([
    [
      'no spec',
      undefined,
      ['spec: must be a mapping with podSelector, ingress and egress, is absent'],
    ],
    ['a spec that is a list', [], ['spec: must be a mapping, is a list']],
    ['no podSelector', {}, ['spec.podSelector: must be a label selector, is absent']],
    [
      'a null podSelector',
      { podSelector: null },
      ['spec.podSelector: must be a label selector, is null'],
    ],
    [
      'a podSelector that is text',
      { podSelector: 'x' },
      ['spec.podSelector: must be a mapping, is the string "x"'],
    ],
    [
      'unknown fields at every level',
      {
        podSelector: { labels: {} },
        policyType: [],
        ingress: [{ to: [], port: 1 }],
        egress: [{ from: [] }, { to: [{ cidr: 'x', podSelector: {} }], ports: [{ ports: 1 }] }],
      },
      [
        'spec.policyType: is an unknown field, expected one of podSelector, policyTypes, ingress, egress',
        'spec.ingress[0].to: is an unknown field, expected one of from, ports',
        'spec.ingress[0].port: is an unknown field, expected one of from, ports',
        'spec.egress[0].from: is an unknown field, expected one of to, ports',
        'spec.egress[1].to[0].cidr: is an unknown field, expected one of podSelector, namespaceSelector, ipBlock',
        'spec.egress[1].ports[0].ports: is an unknown field, expected one of protocol, port, endPort',
        'spec.podSelector.labels: is an unknown field, expected one of matchLabels, matchExpressions',
      ],
    ],
    [
      'a policy type',
      { podSelector: {}, policyTypes: ['ingress'] },
      ['spec.policyTypes[0]: must be one of Ingress, Egress, is "ingress"'],
    ],
    [
      'too many policy types',
      { podSelector: {}, policyTypes: ['Ingress', 'Egress', 'Egress'] },
      ['spec.policyTypes: must have at most 2 items, has 3'],
    ],
    [
      'rules that are no list',
      { podSelector: {}, ingress: {} },
      ['spec.ingress: must be a list, is a mapping'],
    ],
    ['a null rule', ingress(null), ['spec.ingress[0]: must be a rule, is null']],
    [
      'an empty peer',
      peer({}),
      ['spec.ingress[0].from[0]: must have a podSelector, a namespaceSelector or an ipBlock'],
    ],
    ['a null peer', peer(null), ['spec.ingress[0].from[0]: must be a peer, is null']],
    [
      'selector and block',
      peer({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }),
      ['spec.ingress[0].from[0]: must not have an ipBlock beside a selector'],
    ],
    [
      'namespaceSelector and block',
      peer({ namespaceSelector: {}, ipBlock: { cidr: '::/0' } }),
      ['spec.ingress[0].from[0]: must not have an ipBlock beside a selector'],
    ],
    [
      'no operator',
      selector({ key: 'a' }),
      ['spec.podSelector.matchExpressions[0].operator: is required'],
    ],
    [
      'an operator',
      selector({ key: 'a', operator: 'in', values: ['x'] }),
      [
        'spec.podSelector.matchExpressions[0].operator: must be one of In, NotIn, Exists, DoesNotExist, is "in"',
      ],
    ],
    [
      'In without values',
      selector({ key: 'a', operator: 'In' }),
      ['spec.podSelector.matchExpressions[0].values: must have a value for the operator In'],
    ],
    [
      'NotIn with none',
      selector({ key: 'a', operator: 'NotIn', values: [] }),
      ['spec.podSelector.matchExpressions[0].values: must have a value for the operator NotIn'],
    ],
    [
      'Exists with values',
      selector({ key: 'a', operator: 'Exists', values: ['x'] }),
      ['spec.podSelector.matchExpressions[0].values: must be absent for the operator Exists'],
    ],
    [
      'DoesNotExist with values',
      selector({ key: 'a', operator: 'DoesNotExist', values: ['x'] }),
      ['spec.podSelector.matchExpressions[0].values: must be absent for the operator DoesNotExist'],
    ],
    [
      'no key',
      selector({ operator: 'Exists' }),
      ['spec.podSelector.matchExpressions[0].key: must be a string, is absent or null'],
    ],
    [
      'a null expression',
      selector(null),
      [
        'spec.podSelector.matchExpressions[0]: must be an expression with key and operator, is null',
      ],
    ],
    [
      'a null value',
      selector({ key: 'a', operator: 'In', values: [null] }),
      ['spec.podSelector.matchExpressions[0].values[0]: must be a string, is absent or null'],
    ],
    [
      'the key of an expression',
      selector({ key: '-a', operator: 'Exists' }),
      [`spec.podSelector.matchExpressions[0].key: is "-a", ${name}`],
    ],
    [
      'the value of an expression',
      selector({ key: 'a', operator: 'In', values: ['a b'] }),
      [`spec.podSelector.matchExpressions[0].values[0]: is "a b", ${word}`],
    ],
    [
      'a key that is too long',
      labels({ ['k'.repeat(64)]: 'x' }),
      [`spec.podSelector.matchLabels["${'k'.repeat(64)}"]: key is "${'k'.repeat(64)}", ${name}`],
    ],
    ['an empty key', labels({ '': 'x' }), [`spec.podSelector.matchLabels[""]: key is "", ${name}`]],
    [
      'a key of two slashes',
      labels({ 'a/b/c': 'x' }),
      [`spec.podSelector.matchLabels["a/b/c"]: key is "a/b/c", ${name}`],
    ],
    [
      'an empty prefix',
      labels({ '/a': 'x' }),
      [
        'spec.podSelector.matchLabels["/a"]: key is "/a", expected a DNS name of at most 253 characters before the "/"',
      ],
    ],
    [
      'a prefix that is no name',
      labels({ 'A/a': 'x' }),
      [
        'spec.podSelector.matchLabels["A/a"]: key is "A/a", expected a DNS name of at most 253 characters before the "/"',
      ],
    ],
    [
      'a prefix that is too long',
      labels({ [`${'a'.repeat(254)}/a`]: 'x' }),
      [expect.stringContaining('expected a DNS name of at most 253')],
    ],
    [
      'a value that is too long',
      labels({ a: 'v'.repeat(64) }),
      [`spec.podSelector.matchLabels.a: is "${'v'.repeat(64)}", ${word}`],
    ],
    [
      'a value that ends in a dot',
      labels({ a: 'v.' }),
      [`spec.podSelector.matchLabels.a: is "v.", ${word}`],
    ],
    [
      'a value that is null',
      labels({ a: null }),
      ['spec.podSelector.matchLabels.a: must be a string, is null'],
    ],
    [
      'no cidr',
      peer({ ipBlock: {} }),
      ['spec.ingress[0].from[0].ipBlock.cidr: must be a string, is absent or null'],
    ],
    ...['10.0.0.0', '10.0.0.0/33', '010.0.0.0/8', '10.0.0.0/08', '10.0.0/8', '::/129', 'x'].map(
      (cidr): [string, unknown, readonly string[]] => [
        `cidr ${cidr}`,
        peer({ ipBlock: { cidr } }),
        [
          `spec.ingress[0].from[0].ipBlock.cidr: must be a CIDR such as 10.0.0.0/8 or 2001:db8::/32, is "${cidr}"`,
        ],
      ],
    ),
    [
      'a mapped cidr',
      peer({ ipBlock: { cidr: '::ffff:10.0.0.0/104' } }),
      [
        'spec.ingress[0].from[0].ipBlock.cidr: must not be an IPv4-mapped IPv6 block, is "::ffff:10.0.0.0/104"',
      ],
    ],
    ...['10.0.0.0/8', '10.0.0.0/7', '11.0.0.0/16', '2001:db8::/48'].map(
      (hole): [string, unknown, readonly string[]] => [
        `except ${hole}`,
        peer({ ipBlock: { cidr: '10.0.0.0/8', except: [hole] } }),
        [
          `spec.ingress[0].from[0].ipBlock.except[0]: must be strictly inside cidr (10.0.0.0/8), is "${hole}"`,
        ],
      ],
    ),
    [
      'an exception that is none',
      peer({ ipBlock: { cidr: '10.0.0.0/8', except: ['x', null] } }),
      [
        'spec.ingress[0].from[0].ipBlock.except[0]: must be a CIDR such as 10.0.0.0/8 or 2001:db8::/32, is "x"',
        'spec.ingress[0].from[0].ipBlock.except[1]: must be a string, is absent or null',
      ],
    ],
    ['port 0', port({ port: 0 }), ['spec.ingress[0].ports[0].port: must be from 1 to 65535, is 0']],
    [
      'port 65536',
      port({ port: 65_536 }),
      ['spec.ingress[0].ports[0].port: must be from 1 to 65535, is 65536'],
    ],
    [
      'half a port',
      port({ port: 80.5 }),
      ['spec.ingress[0].ports[0].port: must be an integer, is the number 80.5'],
    ],
    [
      'a port that is true',
      port({ port: true }),
      ['spec.ingress[0].ports[0].port: must be an integer, is the boolean true'],
    ],
    ...['80', '', 'A', 'a_b', 'a--b', '-a', 'a-', 'abcdefghijklmnop', '1-2'].map(
      (text): [string, unknown, readonly string[]] => [
        `port name "${text}"`,
        port({ port: text }),
        [`spec.ingress[0].ports[0].port: is "${text}", ${portName}`],
      ],
    ),
    [
      'a protocol',
      port({ protocol: 'tcp' }),
      ['spec.ingress[0].ports[0].protocol: must be one of TCP, UDP, SCTP, is "tcp"'],
    ],
    ['a null port item', port(null), ['spec.ingress[0].ports[0]: must be a port, is null']],
    [
      'endPort below port',
      ingress({}, { ports: [{}, { port: 8080, endPort: 80 }] }),
      ['spec.ingress[1].ports[1].endPort: must be at least port (8080), is 80'],
    ],
    [
      'endPort alone',
      port({ endPort: 80 }),
      ['spec.ingress[0].ports[0].endPort: must not stand without port'],
    ],
    [
      'endPort of a name',
      port({ port: 'http', endPort: 80 }),
      ['spec.ingress[0].ports[0].endPort: must not stand beside a named port'],
    ],
    [
      'endPort out of range',
      port({ port: 80, endPort: 65_536 }),
      ['spec.ingress[0].ports[0].endPort: must be from 1 to 65535, is 65536'],
    ],
    [
      'endPort that is text',
      port({ port: 80, endPort: '90' }),
      ['spec.ingress[0].ports[0].endPort: must be an integer, is the string "90"'],
    ],
  ])('%s', (_name, spec, problems) => {
    expect(problemsOf(withSpec(spec))).toEqual(problems)
  })

  test.each<[string, unknown, readonly string[]]>([
    ['none', null, ['metadata.name: is required']],
    ['no name', {}, ['metadata.name: is required']],
    [
      'a name',
      { name: 'a_b' },
      [
        'metadata.name: is "a_b", expected at most 253 of a-z, 0-9, "-" and ".", alphanumeric at the ends of every part',
      ],
    ],
    [
      'a name that is too long',
      { name: 'a'.repeat(254) },
      [expect.stringContaining('expected at most 253')],
    ],
    ['a name that is a number', { name: 1 }, ['metadata.name: must be a string, is the number 1']],
    [
      'a namespace',
      { name: 'a', namespace: 'a.b' },
      [
        'metadata.namespace: is "a.b", expected at most 63 of a-z, 0-9 and "-", alphanumeric at both ends',
      ],
    ],
    [
      'labels',
      { name: 'a', labels: { v: 1 }, annotations: { w: true } },
      [
        'metadata.labels.v: must be a string, is the number 1',
        'metadata.annotations.w: must be a string, is the boolean true',
      ],
    ],
  ])('metadata: %s', (_name, metadata, problems) => {
    expect(problemsOf(withSpec({ podSelector: {} }, metadata))).toEqual(problems)
  })

  test('members beside spec, where an indentation went wrong', () => {
    const text = `${withSpec({ podSelector: {} }).slice(0, -1)},"policyTypes":[]}`
    expect(problemsOf(text)).toEqual([
      'policyTypes: is an unknown field, expected one of apiVersion, kind, metadata, spec, status',
    ])
  })

  test('every problem of every document, with its place and the first hint', () => {
    const text = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: a
spec:
  podSelector:
    matchLabels:
      app: true
      version: 1
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: b, namespace: B }
spec:
  podSelector: {}
  ingress:
    - ports:
        - port: 8080
          endPort: 80
`
    const error = failure(text)
    expect(error).toMatchObject({
      code: 'MANIFEST_INVALID',
      message: '4 problems in web.yaml',
      hint: 'quote the value: "true"',
      location: { file: 'web.yaml', line: 8, column: 12, document: 1 },
    })
    expect(
      error.problems.map(
        ({ message, location: { line, column, document } }) =>
          `${document} ${line}:${column} ${message}`,
      ),
    ).toEqual([
      '1 8:12 spec.podSelector.matchLabels.app: must be a string, is the boolean true',
      '1 9:16 spec.podSelector.matchLabels.version: must be a string, is the number 1',
      '2 13:33 metadata.namespace: is "B", expected at most 63 of a-z, 0-9 and "-", alphanumeric at both ends',
      '2 19:20 spec.ingress[0].ports[0].endPort: must be at least port (8080), is 80',
    ])
  })

  test('one problem is the message', () => {
    expect(failure(withSpec({})).message).toBe(
      'spec.podSelector: must be a label selector, is absent',
    )
  })
})

describe('a set of objects', () => {
  const cilium = (kind: string, metadata: object, spec: object): object => ({
    apiVersion: 'cilium.io/v2',
    kind,
    metadata,
    ...spec,
  })

  test('Cilium policies are read, other kinds are listed', () => {
    const items = [
      cilium(
        'CiliumNetworkPolicy',
        { name: 'c' },
        { spec: { endpointSelector: {}, ingress: [{}] } },
      ),
      cilium(
        'CiliumClusterwideNetworkPolicy',
        { name: 'd' },
        { specs: [{ endpointSelector: {}, egress: [{}] }] },
      ),
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop' } },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
      { apiVersion: 'projectcalico.org/v3', kind: 'NetworkPolicy', metadata: { name: 'x' } },
      { apiVersion: 'cilium.io/v2alpha1', kind: 'CiliumNetworkPolicy', metadata: { name: 'y' } },
    ]
    const { policies, others } = parse(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    expect(policies.map(({ policy }) => policy)).toEqual([
      cilium(
        'CiliumNetworkPolicy',
        { name: 'c', namespace: 'default' },
        { spec: { endpointSelector: {}, ingress: [{}] } },
      ),
      cilium(
        'CiliumClusterwideNetworkPolicy',
        { name: 'd', namespace: '' },
        { specs: [{ endpointSelector: {}, egress: [{}] }] },
      ),
    ])
    expect(policies[0]?.rules.ingress).toHaveLength(1)
    expect(others).toEqual([
      'Pod shop/web',
      'Namespace shop',
      'NetworkPolicy x',
      'CiliumNetworkPolicy y',
    ])
  })

  test('places of policies and their rules', () => {
    const text = `apiVersion: v1
kind: List
items:
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: { name: p }
    spec:
      podSelector: {}
      ingress:
        - {}
        - ports:
            - port: 1
      egress:
        - to: []
`
    const at = (line: number, column: number): object => ({
      file: 'web.yaml',
      line,
      column,
      document: 1,
    })
    expect(parse(text).policies[0]).toMatchObject({
      location: at(4, 5),
      rules: { ingress: [at(10, 11), at(11, 11)], egress: [at(14, 11)] },
    })
  })

  test('a policy that is given twice counts once, and must say the same', () => {
    const one = withSpec({ podSelector: {} })
    const list = (...items: readonly string[]): string =>
      `{"apiVersion":"v1","kind":"List","items":[\n${items.join(',\n')}]}`
    expect(parse(list(one, one)).policies).toHaveLength(1)
    expect(parse(list(one, withSpec({ podSelector: {} }, { name: 'p' }))).policies).toHaveLength(2)
    const { message, location } = failure(list(one, withSpec({ podSelector: {}, ingress: [{}] })))
    expect(message).toBe('NetworkPolicy shop/p is defined twice, first at web.yaml:2')
    expect(location).toMatchObject({ line: 3 })
  })

  test('policies without a name are a problem each', () => {
    const text = `{"apiVersion":"v1","kind":"List","items":[${withSpec({ podSelector: {} }, {})},${withSpec({ podSelector: {}, egress: [] }, {})}]}`
    expect(problemsOf(text)).toEqual(['metadata.name: is required', 'metadata.name: is required'])
  })
})
