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
import { canonicalSelector, selectorText } from './selector.ts'

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
  const ingress = sortedRules((spec.ingress ?? []).map(canonicalIngress))
  const egress = sortedRules((spec.egress ?? []).map(canonicalEgress))
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

function canonicalIngress({ from, ports }: IngressRule): IngressRule {
  const peers = canonicalPeers(from)
  return { ...(peers.length > 0 && { from: peers }), ...portsPart(ports) }
}

function canonicalEgress({ to, ports }: EgressRule): EgressRule {
  const peers = canonicalPeers(to)
  return { ...(peers.length > 0 && { to: peers }), ...portsPart(ports) }
}

function portsPart(ports: IngressRule['ports']): Pick<IngressRule, 'ports'> {
  const canonical = canonicalPorts(ports)
  return canonical.length > 0 ? { ports: canonical } : {}
}

/** Returns rules once, in order. Their JSON decides where they are about the same ports, which is rare. */
function sortedRules<Rule extends IngressRule | EgressRule>(
  rules: readonly Rule[],
): readonly Rule[] {
  if (rules.length < 2) return rules
  const order = (a: Rule, b: Rule): number =>
    compareRules(a, b) || compareTexts(JSON.stringify(a), JSON.stringify(b))
  return withoutRepetitions(rules.toSorted(order), order)
}

/** Returns sorted items once. */
function withoutRepetitions<Item>(
  sorted: readonly Item[],
  order: (a: Item, b: Item) => number,
): readonly Item[] {
  const isNew = (item: Item, at: number): boolean => {
    const before = sorted[at - 1]
    return before === undefined || order(before, item) !== 0
  }
  return sorted.every(isNew) ? sorted : sorted.filter(isNew)
}

function canonicalPeers(peers: readonly NetworkPolicyPeer[] = []): readonly NetworkPolicyPeer[] {
  if (peers.length < 2) return peers.map((peer) => rememberedPeer(peer).part)
  const order = (a: Written<unknown>, b: Written<unknown>): number => compareTexts(a.json, b.json)
  const sorted = peers.map(rememberedPeer).sort(order)
  return withoutRepetitions(sorted, order).map(({ part }) => part)
}

/** Policies that are made together share their peers and lists of ports: the canonical form of one is made once. */
const knownPeers = new WeakMap<NetworkPolicyPeer, Written<NetworkPolicyPeer>>()
const knownPorts = new WeakMap<readonly NetworkPolicyPort[], readonly NetworkPolicyPort[]>()

function rememberedPeer(peer: NetworkPolicyPeer): Written<NetworkPolicyPeer> {
  const known = knownPeers.get(peer)
  if (known !== undefined) return known
  const written = writtenPeer(canonicalPeer(peer))
  knownPeers.set(peer, written)
  return written
}

/** Notes that a peer, and so each of its selectors, is in canonical form as it stands. */
export function noteCanonical(peer: NetworkPolicyPeer): void {
  knownPeers.set(peer, writtenPeer(peer))
}

/** The texts of selectors are asked for again, whenever policies are compared. */
function writtenPeer(part: NetworkPolicyPeer): Written<NetworkPolicyPeer> {
  const { namespaceSelector, podSelector, ipBlock } = part
  if (ipBlock !== undefined) return writtenAs(part)
  const members: string[] = []
  if (namespaceSelector) members.push(`"namespaceSelector":${selectorText(namespaceSelector)}`)
  if (podSelector) members.push(`"podSelector":${selectorText(podSelector)}`)
  return { part, json: `{${members.join()}}` }
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
): readonly NetworkPolicyPort[] {
  const known = knownPorts.get(ports)
  if (known !== undefined) return known
  const order = (a: Written<NetworkPolicyPort>, b: Written<NetworkPolicyPort>): number =>
    comparePorts(a.part, b.part) || compareTexts(a.json, b.json)
  const sorted = ports.map((port) => writtenAs(canonicalPort(port))).sort(order)
  const canonical = withoutRepetitions(sorted, order).map(({ part }) => part)
  knownPorts.set(ports, canonical)
  return canonical
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
