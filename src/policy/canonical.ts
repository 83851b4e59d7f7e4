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

/** Returns the JSON of a peer in canonical form. */
export function peerJson(peer: NetworkPolicyPeer): string {
  return rememberedPeer(peer).json
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
  const ingress = writtenList((spec.ingress ?? []).map(canonicalIngress), compareRules).part
  const egress = writtenList((spec.egress ?? []).map(canonicalEgress), compareRules).part
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

/** A part of a policy with its JSON: what is shared by many rules is written once. */
interface Written<Part> {
  readonly part: Part
  readonly json: string
}

function canonicalIngress({ from, ports }: IngressRule): Written<IngressRule> {
  return writtenRule('from', canonicalPeers(from), canonicalPorts(ports))
}

function canonicalEgress({ to, ports }: EgressRule): Written<EgressRule> {
  return writtenRule('to', canonicalPeers(to), canonicalPorts(ports))
}

function writtenRule(
  side: 'from' | 'to',
  peers: Written<readonly NetworkPolicyPeer[]>,
  ports: Written<readonly NetworkPolicyPort[]>,
): Written<IngressRule & EgressRule> {
  const members: string[] = []
  if (peers.part.length > 0) members.push(`"${side}":${peers.json}`)
  if (ports.part.length > 0) members.push(`"ports":${ports.json}`)
  return {
    part: {
      ...(peers.part.length > 0 && { [side]: peers.part }),
      ...(ports.part.length > 0 && { ports: ports.part }),
    },
    json: `{${members.join()}}`,
  }
}

function canonicalPeers(
  peers: readonly NetworkPolicyPeer[] = [],
): Written<readonly NetworkPolicyPeer[]> {
  return writtenList(peers.map(rememberedPeer), noOrder)
}

/** Policies that are made together share their peers and lists of ports: the canonical form of one is made once. */
const knownPeers = new WeakMap<NetworkPolicyPeer, Written<NetworkPolicyPeer>>()
const knownPorts = new WeakMap<
  readonly NetworkPolicyPort[],
  Written<readonly NetworkPolicyPort[]>
>()

function rememberedPeer(peer: NetworkPolicyPeer): Written<NetworkPolicyPeer> {
  const known = knownPeers.get(peer)
  if (known !== undefined) return known
  const written = writtenAs(canonicalPeer(peer))
  knownPeers.set(peer, written)
  return written
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

const noPorts: readonly NetworkPolicyPort[] = []

function canonicalPorts(
  ports: readonly NetworkPolicyPort[] = noPorts,
): Written<readonly NetworkPolicyPort[]> {
  const known = knownPorts.get(ports)
  if (known !== undefined) return known
  const written = writtenList(
    ports.map((port) => writtenAs(canonicalPort(port))),
    comparePorts,
  )
  knownPorts.set(ports, written)
  return written
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
  return (
    compareTexts(a.protocol ?? '', b.protocol ?? '') ||
    compareNumbers(a.port, b.port) ||
    compareNumbers(a.endPort, b.endPort)
  )
}

function compareNumbers(a: number | string = 0, b: number | string = 0): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  return typeof a === 'number' ? -1 : 1
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

function writtenAs<Part>(part: Part): Written<Part> {
  return { part, json: JSON.stringify(part) }
}

function writtenList<Part>(
  parts: readonly Written<Part>[],
  order: (a: Part, b: Part) => number,
): Written<readonly Part[]> {
  const once = sortedOnce(parts, order)
  return {
    part: once.map(({ part }) => part),
    json: `[${once.map(({ json }) => json).join()}]`,
  }
}

/** Returns the parts once, in the given order, and by their JSON where that does not decide. */
function sortedOnce<Part>(
  parts: readonly Written<Part>[],
  order: (a: Part, b: Part) => number,
): readonly Written<Part>[] {
  if (parts.length < 2) return parts
  return [...new Map(parts.map((one) => [one.json, one])).values()].sort(
    (a, b) => order(a.part, b.part) || compareTexts(a.json, b.json),
  )
}

/** Leaves the order to the JSON of the parts. */
function noOrder(): number {
  return 0
}
