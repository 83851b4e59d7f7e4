/** NetworkPolicies as the naive evaluator reads them, from the text of the Kubernetes API. */
import type { Labels } from '../labels.ts'
import type { RangeReader } from './evaluate-addresses.ts'
import type {
  IpBlock,
  LabelSelector,
  LabelSelectorRequirement,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  PolicyEndpoint,
  PolicyPod,
  PolicyService,
} from './network-policy.ts'

/** The two directions. */
export type Direction = 'egress' | 'ingress'

/** One rule, asked about the other end of a connection. */
export interface RuleQuestion {
  readonly deny: boolean
  readonly matches: (
    peer: PolicyEndpoint,
    service: PolicyService,
    destination: PolicyEndpoint,
  ) => boolean
}

/** A policy that selects a pod, in one direction. */
export interface SelectingPolicy {
  readonly name: string
  readonly isolates: boolean
  /** In the order in which the rules of the direction are numbered. */
  readonly rules: readonly RuleQuestion[]
}

/** A peer with its selectors as lists of what they ask for. */
interface PeerTest {
  readonly block?: IpBlock
  readonly namespaces?: readonly LabelSelectorRequirement[]
  readonly pods?: readonly LabelSelectorRequirement[]
}

/** Asks NetworkPolicies about pods; what is asked of a peer is worked out once. */
export class NetworkPolicyReader {
  readonly #tests = new Map<NetworkPolicyPeer, PeerTest>()
  readonly #asks = new Map<NetworkPolicy, readonly LabelSelectorRequirement[]>()
  readonly #selecting = {
    egress: new Map<NetworkPolicy, SelectingPolicy>(),
    ingress: new Map<NetworkPolicy, SelectingPolicy>(),
  }
  readonly #ranges: RangeReader
  readonly #ipBlockPods: boolean

  constructor(ranges: RangeReader, ipBlockPods: boolean) {
    this.#ranges = ranges
    this.#ipBlockPods = ipBlockPods
  }

  /** Returns what a policy says of a pod; undefined when it does not select it, or is not about the direction. */
  ask(policy: NetworkPolicy, direction: Direction, pod: PolicyPod): SelectingPolicy | undefined {
    const { metadata, spec } = policy
    if (metadata.namespace !== pod.namespace || !isolates(policy, direction)) return undefined
    let asks = this.#asks.get(policy)
    if (asks === undefined) {
      asks = requirementsOf(spec.podSelector)
      this.#asks.set(policy, asks)
    }
    if (!allHold(asks, pod.labels)) return undefined
    const known = this.#selecting[direction].get(policy)
    if (known !== undefined) return known
    const { namespace, name } = metadata
    const rules = this.#rulesOf(policy, direction)
    const selecting = { name: `${namespace}/${name}`, isolates: true, rules }
    this.#selecting[direction].set(policy, selecting)
    return selecting
  }

  #rulesOf({ spec, metadata }: NetworkPolicy, direction: Direction): readonly RuleQuestion[] {
    const { ingress = [], egress = [] } = spec
    const plain =
      direction === 'egress'
        ? egress.map(({ to = [], ports = [] }) => ({ peers: to, ports }))
        : ingress.map(({ from = [], ports = [] }) => ({ peers: from, ports }))
    return plain.map(({ peers, ports }) => {
      const tests = peers.map((peer) => this.#testOf(peer))
      return {
        deny: false,
        matches: (peer, service, destination) =>
          portsMatch(ports, service, destination) &&
          this.#peersMatch(tests, metadata.namespace, peer),
      }
    })
  }

  #testOf(peer: NetworkPolicyPeer): PeerTest {
    const known = this.#tests.get(peer)
    if (known !== undefined) return known
    const { ipBlock, namespaceSelector, podSelector } = peer
    const test: PeerTest = {
      ...(ipBlock && { block: ipBlock }),
      ...(namespaceSelector && { namespaces: requirementsOf(namespaceSelector) }),
      ...(podSelector && { pods: requirementsOf(podSelector) }),
    }
    this.#tests.set(peer, test)
    return test
  }

  #peersMatch(
    peers: readonly PeerTest[],
    policyNamespace: string,
    endpoint: PolicyEndpoint,
  ): boolean {
    if (peers.length === 0) return true
    for (const peer of peers) {
      if (peer.block !== undefined) {
        if (this.#blockMatches(peer.block, endpoint)) return true
      } else if (endpoint.kind === 'pod' && podMatches(peer, policyNamespace, endpoint)) return true
    }
    return false
  }

  #blockMatches(block: IpBlock, endpoint: PolicyEndpoint): boolean {
    return this.#addressesOf(endpoint).some(
      (address) =>
        this.#ranges.isWithin(address, block.cidr) &&
        !(block.except ?? []).some((hole) => this.#ranges.isWithin(address, hole)),
    )
  }

  #addressesOf(endpoint: PolicyEndpoint): readonly string[] {
    if (endpoint.kind === 'address') return [endpoint.address]
    return endpoint.kind === 'pod' && this.#ipBlockPods ? (endpoint.addresses ?? []) : []
  }
}

/** Without policyTypes a policy isolates ingress, and egress only when it has egress rules. */
function isolates(policy: NetworkPolicy, direction: Direction): boolean {
  const { policyTypes = [], egress = [] } = policy.spec
  if (policyTypes.length > 0) {
    return policyTypes.includes(direction === 'egress' ? 'Egress' : 'Ingress')
  }
  return direction === 'ingress' || egress.length > 0
}

function podMatches(peer: PeerTest, policyNamespace: string, pod: PolicyPod): boolean {
  const { namespaces, pods } = peer
  // An empty peer is invalid in the API; it must not become one that matches every pod of the namespace.
  if (pods === undefined && namespaces === undefined) return false
  const isNamespace =
    namespaces === undefined
      ? pod.namespace === policyNamespace
      : allHold(namespaces, pod.namespaceLabels)
  return isNamespace && (pods === undefined || allHold(pods, pod.labels))
}

/** A label that must match is a requirement of one value. */
function requirementsOf(selector: LabelSelector): readonly LabelSelectorRequirement[] {
  const { matchLabels, matchExpressions = [] } = selector
  if (matchLabels === undefined) return matchExpressions
  const equal = Object.keys(matchLabels).map((key): LabelSelectorRequirement => {
    return { key, operator: 'In', values: [matchLabels[key] ?? ''] }
  })
  return [...equal, ...matchExpressions]
}

function allHold(requirements: readonly LabelSelectorRequirement[], labels: Labels): boolean {
  for (const requirement of requirements) if (!holds(requirement, labels)) return false
  return true
}

/** In and Exists need the key; NotIn and DoesNotExist hold where the key is absent. */
function holds(requirement: LabelSelectorRequirement, labels: Labels): boolean {
  const { key, operator, values = [] } = requirement
  if (operator === 'In') {
    // What a map may inherit is no text, and so never one of the values.
    const text = labels[key]
    return text !== undefined && values.includes(text)
  }
  const value = labelValue(labels, key)
  if (operator === 'NotIn') return value === undefined || !values.includes(value)
  return (operator === 'Exists') === (value !== undefined)
}

function labelValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

/** ICMP has no ports, so that a rule with ports never means it. */
function portsMatch(
  ports: readonly NetworkPolicyPort[],
  service: PolicyService,
  destination: PolicyEndpoint,
): boolean {
  if (ports.length === 0) return true
  if ('icmp' in service) return false
  for (const port of ports) if (portMatches(port, service, destination)) return true
  return false
}

function portMatches(
  { protocol, port, endPort }: NetworkPolicyPort,
  service: Exclude<PolicyService, { readonly icmp: unknown }>,
  destination: PolicyEndpoint,
): boolean {
  if ((protocol ?? 'TCP') !== service.protocol) return false
  if (port === undefined) return true
  if (typeof port === 'number') return port <= service.port && service.port <= (endPort ?? port)
  return (
    destination.kind === 'pod' &&
    (destination.ports ?? []).some(
      (own) => own.name === port && own.protocol === service.protocol && own.port === service.port,
    )
  )
}
