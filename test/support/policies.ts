/** Random policies, endpoints and services over a vocabulary so small that they meet. */
import fc from 'fast-check'
import { toLabels } from '../../src/labels.ts'
import type {
  EgressRule,
  IngressRule,
  LabelSelector,
  LabelSelectorRequirement,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  PolicyEndpoint,
  PolicyService,
} from '../../src/policy/network-policy.ts'

const namespaces = ['shop', 'data'] as const
const keys = ['app', 'tier', 'constructor', 'app.kubernetes.io/name']
const values = ['a', 'b', '', 'true', '1e3', 'null', '0x1f']
const cidrs = ['10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '::/0', '2001:db8::/32', '10.1.2.3/32']
const names = ['http', 'dns']

const key = fc.constantFrom(...keys)
const value = fc.constantFrom(...values)
const protocol = fc.constantFrom('TCP', 'UDP', 'SCTP')
const port = fc.integer({ min: 1, max: 6 })

/** Removes members that are undefined, as the API types have none. */
function defined<T extends object>(
  object: {
    readonly [K in keyof T]: T[K] | undefined
  },
): T {
  return Object.fromEntries(
    Object.entries(object).filter(([, member]) => member !== undefined),
  ) as T
}

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })

const labels = fc.array(fc.tuple(key, value), { maxLength: 3 }).map((entries) => toLabels(entries))

const requirement: fc.Arbitrary<LabelSelectorRequirement> = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.array(value, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist'), values: fc.constant([]) }),
)

/** A valid label selector. */
export const arbitrarySelector: fc.Arbitrary<LabelSelector> = fc
  .record({
    matchLabels: optional(fc.array(fc.tuple(key, value), { maxLength: 1 }).map(toLabels)),
    matchExpressions: optional(fc.array(requirement, { maxLength: 2 })),
  })
  .map((selector) => defined<LabelSelector>(selector))

const block = fc
  .tuple(
    fc.constantFrom(...cidrs),
    optional(fc.constantFrom([], ['10.1.2.0/24'], ['10.1.2.0/24', '10.1.128.0/17'])),
  )
  .map(([cidr, except]) => ({
    ipBlock: { cidr, ...(except && (except.length === 0 || cidr === '10.0.0.0/8') && { except }) },
  }))

const peer: fc.Arbitrary<NetworkPolicyPeer> = fc.oneof(
  arbitrarySelector.map((podSelector) => ({ podSelector })),
  arbitrarySelector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.record({ podSelector: arbitrarySelector, namespaceSelector: arbitrarySelector }),
  block,
)

const policyPort: fc.Arbitrary<NetworkPolicyPort> = fc
  .tuple(
    optional(protocol),
    optional(fc.oneof(port, fc.constantFrom(...names))),
    fc.nat({ max: 3 }),
  )
  .map(([itsProtocol, itsPort, more]) =>
    defined<NetworkPolicyPort>({
      protocol: itsProtocol,
      port: itsPort,
      endPort: typeof itsPort === 'number' && more > 0 ? itsPort + more - 1 : undefined,
    }),
  )

const rule = fc.record({
  peers: optional(fc.array(peer, { maxLength: 2 })),
  ports: optional(fc.array(policyPort, { maxLength: 2 })),
})

const ingressRule = rule.map(({ peers, ports }) => defined<IngressRule>({ from: peers, ports }))
const egressRule = rule.map(({ peers, ports }) => defined<EgressRule>({ to: peers, ports }))

/** A valid NetworkPolicy. */
export const arbitraryPolicy: fc.Arbitrary<NetworkPolicy> = fc
  .record({
    name: fc.constantFrom('allow-web', '1e3', 'true', 'null', 'yes', '2024-01-01', 'a.b-c'),
    namespace: fc.constantFrom(...namespaces),
    labels: optional(labels),
    annotations: optional(
      fc
        .array(fc.tuple(key, fc.string({ unit: 'binary', maxLength: 12 })), { maxLength: 2 })
        .map(toLabels),
    ),
    podSelector: arbitrarySelector,
    policyTypes: optional(fc.constantFrom([], ['Ingress'], ['Egress'], ['Egress', 'Ingress'])),
    ingress: optional(fc.array(ingressRule, { maxLength: 3 })),
    egress: optional(fc.array(egressRule, { maxLength: 3 })),
  })
  .map(({ name, namespace, labels: own, annotations, ...spec }) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, ...(own && { labels: own }), ...(annotations && { annotations }) },
    spec: defined<NetworkPolicy['spec']>(spec as NetworkPolicy['spec']),
  }))

/** An end of a connection. */
export const arbitraryEndpoint: fc.Arbitrary<PolicyEndpoint> = fc.oneof(
  { arbitrary: pod(), weight: 4 },
  {
    arbitrary: fc
      .constantFrom('10.1.2.3', '10.2.0.1', '192.0.2.1', '2001:db8::1', 'fd00::1')
      .map((address) => ({ kind: 'address' as const, address })),
    weight: 1,
  },
  { arbitrary: fc.constant({ kind: 'entity' as const, entity: 'host', labels: [] }), weight: 1 },
)

/** A protocol and port, or a ping. */
export const arbitraryService: fc.Arbitrary<PolicyService> = fc.oneof(
  { arbitrary: fc.record({ protocol, port: fc.integer({ min: 1, max: 9 }) }), weight: 9 },
  { arbitrary: fc.constant({ icmp: { family: 'IPv4' as const, type: 8 } }), weight: 1 },
)

function pod(): fc.Arbitrary<PolicyEndpoint> {
  return fc
    .record({
      namespace: fc.constantFrom(...namespaces),
      labels,
      ports: fc.array(fc.record({ name: fc.constantFrom(...names), protocol, port }), {
        maxLength: 2,
      }),
      addresses: fc.constantFrom([], ['10.1.2.3'], ['10.1.200.1', '2001:db8::2']),
    })
    .map(({ namespace, ...rest }) => ({
      kind: 'pod' as const,
      namespace,
      namespaceLabels: toLabels([
        ['kubernetes.io/metadata.name', namespace],
        ['tier', namespace === 'shop' ? 'a' : 'b'],
      ]),
      ...rest,
    }))
}
