/** Random Cilium policies over the same small cluster as the random NetworkPolicies, and NetworkPolicies in Cilium's words. */
import fc from 'fast-check'
import { toLabels } from '../../src/labels.ts'
import type {
  CiliumEgressRule,
  CiliumEntity,
  CiliumIngressRule,
  CiliumPolicy,
  CiliumPort,
  CiliumSpec,
} from '../../src/policy/cilium-policy.ts'
import type { KnownEntity } from '../../src/policy/mixed-ends.ts'
import type {
  LabelSelector,
  LabelSelectorRequirement,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../src/policy/network-policy.ts'

const clusterLabel = 'k8s:io.cilium.k8s.policy.cluster'
const namespaceLabel = 'k8s:io.kubernetes.pod.namespace'
const ofNamespace = 'k8s:io.cilium.k8s.namespace.labels.'

/** Ends beside pods and addresses that random policies can tell apart. */
export const seenEntities: readonly KnownEntity[] = [
  { name: 'host', labels: ['host'] },
  { name: 'host', labels: ['host', 'kube-apiserver'] },
  { name: 'kube-apiserver', labels: ['kube-apiserver', 'remote-node'] },
  {
    name: 'remote-cluster',
    labels: [
      'k8s:app=a',
      'k8s:io.kubernetes.pod.namespace=shop',
      'k8s:io.cilium.k8s.policy.cluster=edge',
    ],
    text: 'edge:shop {app=a}',
  },
]

const key = fc.constantFrom(
  'app',
  'k8s:app',
  'any:tier',
  'k8s:constructor',
  'k8s:kubernetes.io/os',
  'reserved:host',
  'reserved:kube-apiserver',
  namespaceLabel,
  'io.kubernetes.pod.namespace',
  clusterLabel,
  `${ofNamespace}team`,
  `${ofNamespace}kubernetes.io/metadata.name`,
  'container:x',
)
const value = fc.constantFrom('a', 'b', '', 'shop', 'data', 'edge', 'default')

const requirement: fc.Arbitrary<LabelSelectorRequirement> = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.uniqueArray(value, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
)

const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('app', 'k8s:tier', 'any:constructor'), fc.constantFrom('a', 'b'))
      .map((entry) => ({ matchLabels: toLabels([entry]) })),
  },
  {
    weight: 4,
    arbitrary: fc
      .array(requirement, { minLength: 1, maxLength: 3 })
      .map((matchExpressions) => ({ matchExpressions })),
  },
)

const entity = fc.constantFrom<CiliumEntity>(
  'all',
  'world',
  'cluster',
  'host',
  'ingress',
  'remote-node',
  'kube-apiserver',
  'none',
  'health',
)
const cidr = fc.constantFrom('0.0.0.0/0', '10.0.0.0/8', '203.0.113.0/29', '::/0', '2001:db8::/64')
const cidrRule = fc.constantFrom(
  { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '203.0.113.4/31'] },
  { cidr: '203.0.113.0/24' },
  { cidr: '2001:db8::/32', except: ['2001:db8::/64'] },
)
const fqdn = fc.constantFrom(
  { matchName: 'api.example.com' },
  { matchName: 'API.example.com.' },
  { matchPattern: '*.example.com' },
  { matchPattern: '**.example.com' },
  { matchPattern: 'a*.example.*' },
  { matchPattern: '*' },
)

const port: fc.Arbitrary<CiliumPort> = fc.oneof(
  fc.record(
    {
      port: fc.constantFrom('0', '80', '443', 'http', 'DNS'),
      protocol: fc.constantFrom<NonNullable<CiliumPort['protocol']>>(
        'TCP',
        'UDP',
        'SCTP',
        'ANY',
        'VRRP',
      ),
    },
    { requiredKeys: ['port'] },
  ),
  fc.integer({ min: 79, max: 90 }).map((endPort) => ({ port: '79', endPort })),
)

const icmps = fc.array(
  fc.record({
    fields: fc.array(
      fc.constantFrom(
        { type: 8 },
        { family: 'IPv4' as const, type: 'EchoReply' },
        { family: 'IPv6' as const, type: 'EchoRequest' },
        { family: 'IPv6' as const, type: 255 },
      ),
      { maxLength: 2 },
    ),
  }),
  { maxLength: 1 },
)

const services: fc.Arbitrary<Pick<CiliumIngressRule, 'toPorts' | 'icmps'>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc
      .array(
        fc.array(port, { maxLength: 3 }).map((ports) => ({ ports })),
        { maxLength: 2 },
      )
      .map((toPorts) => ({ toPorts })),
  },
  { weight: 2, arbitrary: icmps.map((list) => ({ icmps: list })) },
)

function few<Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<readonly Item[]> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.array(item, { minLength: 1, maxLength: 2 }) },
    { weight: 1, arbitrary: fc.constant([]) },
  )
}

const ingress: fc.Arbitrary<CiliumIngressRule> = fc
  .tuple(
    fc.oneof(
      fc.constant({}),
      few(selector).map((fromEndpoints) => ({ fromEndpoints })),
      few(selector).map((fromEndpoints) => ({ fromEndpoints })),
      few(entity).map((fromEntities) => ({ fromEntities })),
      few(cidr).map((fromCIDR) => ({ fromCIDR })),
      few(cidrRule).map((fromCIDRSet) => ({ fromCIDRSet })),
    ),
    services,
  )
  .map(([peers, rest]) => ({ ...peers, ...rest }))

const egress = (mayName: boolean): fc.Arbitrary<CiliumEgressRule> =>
  fc
    .tuple(
      fc.oneof(
        fc.constant({}),
        few(selector).map((toEndpoints) => ({ toEndpoints })),
        few(entity).map((toEntities) => ({ toEntities })),
        few(cidr).map((toCIDR) => ({ toCIDR })),
        few(cidrRule).map((toCIDRSet) => ({ toCIDRSet })),
        ...(mayName ? [few(fqdn).map((toFQDNs) => ({ toFQDNs }))] : []),
      ),
      services,
    )
    .map(([peers, rest]) => ({ ...peers, ...rest }))

const some = <Rule>(rule: fc.Arbitrary<Rule>): fc.Arbitrary<readonly Rule[]> =>
  fc.array(rule, { minLength: 1, maxLength: 2 })

const spec: fc.Arbitrary<CiliumSpec> = fc
  .record(
    {
      endpointSelector: selector,
      enableDefaultDeny: fc.record(
        { ingress: fc.boolean(), egress: fc.boolean() },
        { requiredKeys: [] },
      ),
      ingress: some(ingress),
      ingressDeny: some(ingress),
      egress: some(egress(true)),
      egressDeny: some(egress(false)),
    },
    { requiredKeys: ['endpointSelector'] },
  )
  .filter(
    ({ ingress: a, ingressDeny: b, egress: c, egressDeny: d }) => (a ?? b ?? c ?? d) !== undefined,
  )

/** One Cilium policy, of a namespace or clusterwide, with one part or several. */
export const ciliumPolicy: fc.Arbitrary<CiliumPolicy> = fc
  .record({
    home: fc.constantFrom('shop', 'shop', 'data', 'elsewhere', ''),
    name: fc.constantFrom('p', 'q', 'r', 's'),
    first: fc.option(spec, { nil: undefined, freq: 4 }),
    rest: fc.option(fc.array(spec, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 1 }),
  })
  .filter(({ first, rest }) => (first ?? rest) !== undefined)
  .map(({ home, name, first, rest }) => ({
    apiVersion: 'cilium.io/v2',
    kind: home === '' ? 'CiliumClusterwideNetworkPolicy' : 'CiliumNetworkPolicy',
    metadata: { name, namespace: home },
    ...(first && { spec: first }),
    ...(rest && { specs: rest }),
  }))

/** Returns a NetworkPolicy in Cilium's words: it means the same where names of labels pass Cilium's filter. */
export function inCiliumWords(policy: NetworkPolicy): CiliumPolicy {
  const { podSelector, policyTypes = [], ingress = [], egress = [] } = policy.spec
  const types =
    policyTypes.length > 0 ? policyTypes : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])]
  const into = types.includes('Ingress')
    ? ingress.flatMap(({ from, ports }) => ciliumRules('from', from, ports))
    : undefined
  const out = types.includes('Egress')
    ? egress.flatMap(({ to, ports }) => ciliumRules('to', to, ports))
    : undefined
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: policy.metadata,
    spec: {
      endpointSelector: prefixed(podSelector, 'k8s:'),
      ...(into && { ingress: into.length === 0 ? [{}] : into }),
      ...(out && { egress: out.length === 0 ? [{}] : out }),
    },
  }
}

function ciliumRules(
  word: 'from' | 'to',
  peers: readonly NetworkPolicyPeer[] = [],
  ports: readonly NetworkPolicyPort[] = [],
): readonly object[] {
  const toPorts =
    ports.length === 0 ? {} : { toPorts: ports.map((port) => ({ ports: [toPort(port)] })) }
  if (peers.length === 0) return [{ [`${word}Entities`]: ['all'], ...toPorts }]
  return peers.map(({ ipBlock, podSelector, namespaceSelector }) => {
    if (ipBlock !== undefined) return { [`${word}CIDRSet`]: [ipBlock], ...toPorts }
    if (podSelector === undefined && namespaceSelector === undefined)
      return { [`${word}Endpoints`]: [] }
    const pods = prefixed(podSelector ?? {}, 'k8s:')
    const homes = namespaceSelector === undefined ? undefined : namespaces(namespaceSelector)
    return {
      [`${word}Endpoints`]: [
        {
          matchLabels: toLabels([
            ...Object.entries(pods.matchLabels ?? {}),
            ...Object.entries(homes?.matchLabels ?? {}),
          ]),
          matchExpressions: [...(pods.matchExpressions ?? []), ...(homes?.matchExpressions ?? [])],
        },
      ],
      ...toPorts,
    }
  })
}

function namespaces(selected: LabelSelector): LabelSelector {
  const isEmpty =
    Object.keys(selected.matchLabels ?? {}).length + (selected.matchExpressions ?? []).length === 0
  return isEmpty
    ? { matchExpressions: [{ key: namespaceLabel, operator: 'Exists' }] }
    : prefixed(selected, ofNamespace)
}

function prefixed({ matchLabels, matchExpressions }: LabelSelector, prefix: string): LabelSelector {
  return {
    ...(matchLabels && {
      matchLabels: toLabels(
        Object.entries(matchLabels).map(([name, held]) => [`${prefix}${name}`, held]),
      ),
    }),
    ...(matchExpressions && {
      matchExpressions: matchExpressions.map((one) => ({ ...one, key: `${prefix}${one.key}` })),
    }),
  }
}

function toPort({ protocol = 'TCP', port: number, endPort }: NetworkPolicyPort): CiliumPort {
  return {
    port: String(number ?? 0),
    protocol,
    ...(endPort !== undefined && { endPort }),
  }
}
