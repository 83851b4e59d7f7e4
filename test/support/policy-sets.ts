/** Random policy sets of every operator, peer and port, over a cluster so small that they meet. */
import fc from 'fast-check'
import type { Labels } from '../../src/labels.ts'
import { toLabels } from '../../src/labels.ts'
import type {
  LabelSelector,
  LabelSelectorRequirement,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  PolicyPod,
  PolicyType,
} from '../../src/policy/network-policy.ts'
import type { NamedContainerPorts } from '../../src/policy/port-line.ts'

/** Namespaces that are there, with their labels. */
export const knownNamespaces: ReadonlyMap<string, Labels> = new Map([
  ['shop', toLabels([['kubernetes.io/metadata.name', 'shop']])],
  [
    'data',
    toLabels([
      ['kubernetes.io/metadata.name', 'data'],
      ['team', 'b'],
    ]),
  ],
])

const key = fc.constantFrom('app', 'tier', 'constructor')
const value = fc.constantFrom('a', 'b', '')

const requirement: fc.Arbitrary<LabelSelectorRequirement> = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.uniqueArray(value, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
)

/** A selector of pods. */
export const podSelector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.tuple(key, value).map((entry) => ({ matchLabels: toLabels([entry]) })),
  },
  {
    weight: 4,
    arbitrary: fc
      .array(requirement, { minLength: 1, maxLength: 2 })
      .map((matchExpressions) => ({ matchExpressions })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(key, value, requirement).map(([name, held, more]) => ({
      matchLabels: toLabels([[name, held]]),
      matchExpressions: [more],
    })),
  },
)

const namespaceSelector: fc.Arbitrary<LabelSelector> = fc.oneof(
  fc.constant({}),
  fc
    .constantFrom('shop', 'data', 'elsewhere')
    .map((name) => ({ matchLabels: toLabels([['kubernetes.io/metadata.name', name]]) })),
  fc.constantFrom<LabelSelector>(
    { matchLabels: toLabels([['team', 'b']]) },
    { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] },
    {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['data'] },
      ],
    },
    { matchExpressions: [{ key: 'team', operator: 'In', values: ['b', 'c'] }] },
    {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['shop', 'afar'] },
      ],
    },
  ),
)

const ipBlock = fc.constantFrom(
  { cidr: '0.0.0.0/0' },
  { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '203.0.113.0/25'] },
  { cidr: '203.0.113.0/29', except: ['203.0.113.4/31', '203.0.113.6/32'] },
  { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
  { cidr: '10.1.0.0/16' },
  { cidr: '::/0', except: ['2001:db8::/64'] },
  { cidr: '2001:db8::/32' },
  { cidr: '2001:db8::1/128' },
)

const peer: fc.Arbitrary<NetworkPolicyPeer> = fc.oneof(
  { weight: 4, arbitrary: podSelector.map((selector) => ({ podSelector: selector })) },
  { weight: 2, arbitrary: namespaceSelector.map((chosen) => ({ namespaceSelector: chosen })) },
  { weight: 4, arbitrary: fc.record({ podSelector, namespaceSelector }) },
  { weight: 4, arbitrary: ipBlock.map((block) => ({ ipBlock: block })) },
  // The API refuses it; it must not become a peer that is everyone.
  { weight: 1, arbitrary: fc.constant({}) },
)

const port: fc.Arbitrary<NetworkPolicyPort> = fc.oneof(
  fc.constantFrom<NetworkPolicyPort>(
    {},
    { protocol: 'UDP' },
    { protocol: 'SCTP', port: 65_535 },
    { port: 1 },
    { port: 80 },
    { port: 1, endPort: 65_535 },
    { port: 53, protocol: 'UDP' },
    { port: 'http' },
    { port: 'http', protocol: 'UDP' },
    { port: 'dns', protocol: 'UDP' },
    { port: 'nowhere' },
  ),
  fc
    .tuple(fc.integer({ min: 78, max: 82 }), fc.integer({ min: 82, max: 90 }))
    .map(([first, endPort]) => ({ port: first, endPort })),
)

interface PlainRule {
  readonly peers: readonly NetworkPolicyPeer[] | undefined
  readonly ports: readonly NetworkPolicyPort[] | undefined
}

const rule: fc.Arbitrary<PlainRule> = fc.record({
  peers: fc.option(fc.array(peer, { maxLength: 3 }), { nil: undefined, freq: 4 }),
  ports: fc.option(fc.array(port, { maxLength: 3 }), { nil: undefined, freq: 3 }),
})

const rules = fc.option(fc.array(rule, { maxLength: 2 }), { nil: undefined, freq: 4 })

const policy: fc.Arbitrary<NetworkPolicy> = fc
  .record({
    namespace: fc.constantFrom('shop', 'shop', 'data', 'elsewhere'),
    selector: podSelector,
    policyTypes: fc.constantFrom<readonly PolicyType[] | undefined>(
      undefined,
      [],
      ['Ingress'],
      ['Egress'],
      ['Ingress', 'Egress'],
    ),
    ingress: rules,
    egress: rules,
  })
  .map(({ namespace, selector, policyTypes, ingress, egress }) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace },
    spec: {
      podSelector: selector,
      ...(policyTypes && { policyTypes }),
      ...(ingress && {
        ingress: ingress.map(({ peers, ports }) => ({
          ...(peers && { from: peers }),
          ...(ports && { ports }),
        })),
      }),
      ...(egress && {
        egress: egress.map(({ peers, ports }) => ({
          ...(peers && { to: peers }),
          ...(ports && { ports }),
        })),
      }),
    },
  }))

/** A set of valid policies with names of their own. */
export const policySet: fc.Arbitrary<readonly NetworkPolicy[]> = fc
  .array(policy, { minLength: 1, maxLength: 5 })
  .map((list) =>
    list.map((one, index) => ({ ...one, metadata: { ...one.metadata, name: `p${index}` } })),
  )

const containerPorts: fc.Arbitrary<NamedContainerPorts | undefined> = fc.constantFrom(
  undefined,
  [],
  [{ name: 'http', protocol: 'TCP' as const, port: 80 }],
  [
    { name: 'http', protocol: 'UDP' as const, port: 90 },
    { name: 'dns', protocol: 'UDP' as const, port: 53 },
  ],
)

const pod: fc.Arbitrary<PolicyPod> = fc
  .record({
    namespace: fc.constantFrom('shop', 'data'),
    labels: fc.uniqueArray(fc.tuple(key, value), { maxLength: 3, selector: ([name]) => name }),
    ports: containerPorts,
    addresses: fc.constantFrom([], ['10.1.2.3'], ['10.2.0.1', '2001:db8::1']),
  })
  .map(({ namespace, labels, ports, addresses }) => ({
    kind: 'pod',
    namespace,
    namespaceLabels: knownNamespaces.get(namespace) ?? {},
    labels: toLabels(labels),
    addresses,
    ...(ports && { ports }),
  }))

/** What there is beside the policies. */
export interface SmallCluster {
  readonly pods: readonly PolicyPod[]
  readonly ipBlockPods: boolean
}

/** A cluster of a few pods. */
export const smallCluster: fc.Arbitrary<SmallCluster> = fc.record({
  pods: fc.array(pod, { maxLength: 4 }),
  ipBlockPods: fc.boolean(),
})
