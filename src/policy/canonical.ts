/** The one form in which NetworkPolicies that say the same are the same. */
import type { Labels } from '../labels.ts'
import { toLabels } from '../labels.ts'
import type {
  EgressRule,
  IngressRule,
  IpBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
  ObjectMeta,
  PolicyType,
} from './network-policy.ts'
import { canonicalSelector } from './selector.ts'

/**
 * Returns the policy in canonical form, which allows exactly the same: policyTypes explicit, rules, peers, ports and
 * values sorted and once, defaults of ports written, lists without effect left out, members in a fixed order.
 */
export function canonicalPolicy(policy: NetworkPolicy): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: canonicalMetadata(policy.metadata),
    spec: canonicalSpec(policy.spec),
  }
}

/** Returns name, namespace, labels and annotations in canonical form. */
export function canonicalMetadata({
  name,
  namespace,
  labels,
  annotations,
}: ObjectMeta): ObjectMeta {
  return {
    name,
    namespace,
    ...canonicalMap('labels', labels),
    ...canonicalMap('annotations', annotations),
  }
}

function canonicalMap<K extends string>(
  name: K,
  map: Labels = {},
): Partial<Readonly<Record<K, Labels>>> {
  const entries = Object.entries(map)
  return entries.length === 0 ? {} : ({ [name]: toLabels(entries) } as Record<K, Labels>)
}

function canonicalSpec(spec: NetworkPolicySpec): NetworkPolicySpec {
  const ingress = sortedOnce((spec.ingress ?? []).map(canonicalIngress), compareRules)
  const egress = sortedOnce((spec.egress ?? []).map(canonicalEgress), compareRules)
  return {
    podSelector: canonicalSelector(spec.podSelector),
    policyTypes: policyTypes(spec),
    ...(ingress.length > 0 && { ingress }),
    ...(egress.length > 0 && { egress }),
  }
}

/** The API's default: ingress, and egress when there are egress rules. */
function policyTypes({ policyTypes: types = [], egress = [] }: NetworkPolicySpec): PolicyType[] {
  const isDefault = types.length === 0
  const all: PolicyType[] = []
  if (isDefault || types.includes('Ingress')) all.push('Ingress')
  if (isDefault ? egress.length > 0 : types.includes('Egress')) all.push('Egress')
  return all
}

function canonicalIngress(rule: IngressRule): IngressRule {
  const from = canonicalPeers(rule.from)
  const ports = canonicalPorts(rule.ports)
  return { ...(from.length > 0 && { from }), ...(ports.length > 0 && { ports }) }
}

function canonicalEgress(rule: EgressRule): EgressRule {
  const to = canonicalPeers(rule.to)
  const ports = canonicalPorts(rule.ports)
  return { ...(to.length > 0 && { to }), ...(ports.length > 0 && { ports }) }
}

function canonicalPeers(peers: readonly NetworkPolicyPeer[] = []): readonly NetworkPolicyPeer[] {
  return sortedOnce(peers.map(canonicalPeer), noOrder)
}

function canonicalPeer(peer: NetworkPolicyPeer): NetworkPolicyPeer {
  const { namespaceSelector, podSelector, ipBlock } = peer
  return {
    ...(namespaceSelector && { namespaceSelector: canonicalSelector(namespaceSelector) }),
    ...(podSelector && { podSelector: canonicalSelector(podSelector) }),
    ...(ipBlock && { ipBlock: canonicalBlock(ipBlock) }),
  }
}

function canonicalBlock({ cidr, except = [] }: IpBlock): IpBlock {
  const holes = [...new Set(except)].sort()
  return { cidr, ...(holes.length > 0 && { except: holes }) }
}

function canonicalPorts(ports: readonly NetworkPolicyPort[] = []): readonly NetworkPolicyPort[] {
  return sortedOnce(ports.map(canonicalPort), comparePorts)
}

function canonicalPort({ protocol = 'TCP', port, endPort }: NetworkPolicyPort): NetworkPolicyPort {
  return {
    protocol,
    ...(port !== undefined && { port }),
    ...(endPort !== undefined && endPort !== port && { endPort }),
  }
}

/** By protocol; within one every port, then numbers, then names. */
function comparePorts(a: NetworkPolicyPort, b: NetworkPolicyPort): number {
  const rank = (port: NetworkPolicyPort): string => {
    const number = (value: number | string | undefined): string =>
      typeof value === 'string' ? `x${value}` : String(value ?? 0).padStart(5, '0')
    return `${port.protocol} ${number(port.port)} ${number(port.endPort)}`
  }
  return compareTexts(rank(a), rank(b))
}

function compareRules(a: IngressRule | EgressRule, b: IngressRule | EgressRule): number {
  const [left, right] = [a.ports ?? [], b.ports ?? []]
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const order = comparePorts(left[index] ?? {}, right[index] ?? {})
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** Orders texts by code unit. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Returns the items once, in the given order, and by their JSON where that does not decide. */
function sortedOnce<T>(items: readonly T[], order: (a: T, b: T) => number): readonly T[] {
  const once = new Map(items.map((item) => [JSON.stringify(item), item]))
  return [...once]
    .sort(([left, a], [right, b]) => order(a, b) || compareTexts(left, right))
    .map(([, item]) => item)
}

/** Leaves the order to the JSON of the items. */
function noOrder(): number {
  return 0
}
