/**
 * The naive evaluator, written from the text of the Kubernetes NetworkPolicy API: a connection needs the egress side of
 * its source and the ingress side of its destination; a side that no policy isolates lets everything pass, an isolated
 * side what some rule allows. It is the second opinion on the exact engine, and shares no evaluation code with it.
 *
 * A pod always reaches itself, whatever policies say: asking about a pod and itself is the caller's business.
 */
import { NetweirError } from '../errors.ts'
import type { Labels } from '../labels.ts'
import type {
  IpBlock,
  LabelSelector,
  LabelSelectorRequirement,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Policy,
  PolicyEndpoint,
  PolicyPod,
  PolicyService,
} from './network-policy.ts'

/** What the policies of one direction decide, and which of them. */
export interface DirectionDecision {
  readonly allowed: boolean
  /** Policies that isolate this side, `namespace/name`, sorted; empty when it is not isolated. */
  readonly isolatedBy: readonly string[]
  /** Rules that let the connection pass, by position in their policy; empty when the side is not isolated. */
  readonly allowedBy: readonly { readonly policy: string; readonly rule: number }[]
}

/** Whether a connection is allowed, and by what. */
export interface Decision {
  readonly allowed: boolean
  readonly egress: DirectionDecision
  readonly ingress: DirectionDecision
}

/** Choices of evaluation that the API leaves to the network plugin. */
export interface EvaluateOptions {
  /** Whether ipBlock matches addresses of pods. Default: no, as on Cilium. */
  readonly ipBlockPods?: boolean
}

/** Evaluates many connections against the same policies. */
export interface Evaluator {
  evaluate(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): Decision
  /** Tells whether {@link evaluate} would allow the connection, without looking for more than one rule on each side. */
  allows(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): boolean
}

/**
 * Returns whether `policies` allow a connection from `from` to `to`.
 *
 * @throws NetweirError `KIND_UNSUPPORTED` for a policy that is no NetworkPolicy.
 */
export function evaluate(
  policies: readonly Policy[],
  from: PolicyEndpoint,
  to: PolicyEndpoint,
  service: PolicyService,
  options: EvaluateOptions = {},
): Decision {
  return createEvaluator(policies, options).evaluate(from, to, service)
}

/**
 * Returns an evaluator that remembers which policies select an endpoint: pass the same object for the same endpoint,
 * and do not change it.
 *
 * @throws NetweirError `KIND_UNSUPPORTED` for a policy that is no NetworkPolicy.
 */
export function createEvaluator(
  policies: readonly Policy[],
  options: EvaluateOptions = {},
): Evaluator {
  return new NaiveEvaluator(policies, options)
}

type Direction = 'egress' | 'ingress'

/** One rule without its direction. */
interface Rule {
  readonly peers: readonly PeerTest[]
  readonly ports: readonly NetworkPolicyPort[]
}

/** A peer with its selectors as lists of what they ask for. */
interface PeerTest {
  readonly block?: IpBlock
  readonly namespaces?: readonly LabelSelectorRequirement[]
  readonly pods?: readonly LabelSelectorRequirement[]
}

/** A policy with what it asks of the pods that it selects. */
interface Asking {
  readonly policy: NetworkPolicy
  readonly asks: readonly LabelSelectorRequirement[]
}

/** A policy that selects a pod. */
interface Selecting {
  readonly name: string
  readonly namespace: string
  readonly rules: readonly Rule[]
}

const open: DirectionDecision = { allowed: true, isolatedBy: [], allowedBy: [] }

class NaiveEvaluator implements Evaluator {
  readonly #byNamespace = new Map<string, Asking[]>()
  readonly #selecting = {
    egress: new WeakMap<PolicyPod, readonly Selecting[]>(),
    ingress: new WeakMap<PolicyPod, readonly Selecting[]>(),
  }
  readonly #tests = new WeakMap<NetworkPolicyPeer, PeerTest>()
  readonly #ranges = new Map<string, Range | undefined>()
  readonly #ipBlockPods: boolean

  constructor(policies: readonly Policy[], options: EvaluateOptions) {
    this.#ipBlockPods = options.ipBlockPods ?? false
    for (const policy of policies) {
      if (policy.kind !== 'NetworkPolicy') throw unsupported(policy)
      const { namespace } = policy.metadata
      const sameNamespace = this.#byNamespace.get(namespace)
      const asking = { policy, asks: requirementsOf(policy.spec.podSelector) }
      if (sameNamespace === undefined) this.#byNamespace.set(namespace, [asking])
      else sameNamespace.push(asking)
    }
    for (const sameNamespace of this.#byNamespace.values()) {
      sameNamespace.sort((a, b) => compare(a.policy.metadata.name, b.policy.metadata.name))
    }
  }

  evaluate(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): Decision {
    const egress = this.#decide('egress', from, to, service, to)
    const ingress = this.#decide('ingress', to, from, service, to)
    return { allowed: egress.allowed && ingress.allowed, egress, ingress }
  }

  allows(from: PolicyEndpoint, to: PolicyEndpoint, service: PolicyService): boolean {
    return (
      this.#lets('egress', from, to, service, to) && this.#lets('ingress', to, from, service, to)
    )
  }

  #lets(
    direction: Direction,
    subject: PolicyEndpoint,
    peer: PolicyEndpoint,
    service: PolicyService,
    destination: PolicyEndpoint,
  ): boolean {
    const selecting = subject.kind === 'pod' ? this.#policiesOf(direction, subject) : []
    if (selecting.length === 0) return true
    for (const { namespace, rules } of selecting) {
      for (const { peers, ports } of rules) {
        if (portsMatch(ports, service, destination) && this.#peersMatch(peers, namespace, peer))
          return true
      }
    }
    return false
  }

  #decide(
    direction: Direction,
    subject: PolicyEndpoint,
    peer: PolicyEndpoint,
    service: PolicyService,
    destination: PolicyEndpoint,
  ): DirectionDecision {
    const selecting = subject.kind === 'pod' ? this.#policiesOf(direction, subject) : []
    if (selecting.length === 0) return open
    const allowedBy: { readonly policy: string; readonly rule: number }[] = []
    for (const { name, namespace, rules } of selecting) {
      for (const [rule, { peers, ports }] of rules.entries()) {
        if (!portsMatch(ports, service, destination)) continue
        if (this.#peersMatch(peers, namespace, peer)) allowedBy.push({ policy: name, rule })
      }
    }
    const isolatedBy = selecting.map(({ name }) => name)
    return { allowed: allowedBy.length > 0, isolatedBy, allowedBy }
  }

  #policiesOf(direction: Direction, pod: PolicyPod): readonly Selecting[] {
    const known = this.#selecting[direction].get(pod)
    if (known !== undefined) return known
    const selecting = (this.#byNamespace.get(pod.namespace) ?? [])
      .filter(({ asks }) => allHold(asks, pod.labels))
      .filter(({ policy }) => isolates(policy, direction))
      .map(({ policy }) => ({
        name: `${policy.metadata.namespace}/${policy.metadata.name}`,
        namespace: policy.metadata.namespace,
        rules: this.#rulesOf(policy, direction),
      }))
    this.#selecting[direction].set(pod, selecting)
    return selecting
  }

  #rulesOf({ spec }: NetworkPolicy, direction: Direction): readonly Rule[] {
    const { ingress = [], egress = [] } = spec
    const test = (peer: NetworkPolicyPeer): PeerTest => this.#testOf(peer)
    return direction === 'egress'
      ? egress.map(({ to = [], ports = [] }) => ({ peers: to.map(test), ports }))
      : ingress.map(({ from = [], ports = [] }) => ({ peers: from.map(test), ports }))
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
        this.#isWithin(address, block.cidr) &&
        !(block.except ?? []).some((hole) => this.#isWithin(address, hole)),
    )
  }

  #addressesOf(endpoint: PolicyEndpoint): readonly string[] {
    if (endpoint.kind === 'address') return [endpoint.address]
    return endpoint.kind === 'pod' && this.#ipBlockPods ? (endpoint.addresses ?? []) : []
  }

  #isWithin(address: string, cidr: string): boolean {
    const inner = this.#rangeOf(address)
    const outer = this.#rangeOf(cidr)
    if (inner === undefined || outer === undefined || inner.family !== outer.family) return false
    return outer.first <= inner.first && inner.last <= outer.last
  }

  #rangeOf(text: string): Range | undefined {
    if (!this.#ranges.has(text)) this.#ranges.set(text, readRange(text))
    return this.#ranges.get(text)
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
  const value = labelValue(labels, requirement.key)
  const { operator, values = [] } = requirement
  if (operator === 'In') return value !== undefined && values.includes(value)
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

/** Addresses from `first` to `last`; one address is a range of one. */
interface Range {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

/** Returns the range that an address or a CIDR spells, or undefined. */
function readRange(text: string): Range | undefined {
  const [address = '', length, ...rest] = text.split('/')
  const isV6 = address.includes(':')
  const width = isV6 ? 128 : 32
  const bits = length === undefined ? width : Number(length)
  const value = isV6 ? readV6(address) : readV4(address)
  if (value === undefined || rest.length > 0 || !(bits >= 0 && bits <= width)) return undefined
  const host = 1n << BigInt(width - bits)
  const first = value - (value % host)
  return { family: isV6 ? 6 : 4, first, last: first + host - 1n }
}

function readV4(text: string): bigint | undefined {
  const bytes = text.split('.')
  if (bytes.length !== 4 || !bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256)) {
    return undefined
  }
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n)
}

function readV6(text: string): bigint | undefined {
  // A dotted tail stands for the last two groups.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const v4 = tail?.[2] === undefined ? 0n : readV4(tail[2])
  if (v4 === undefined) return undefined
  const hex =
    tail === null ? text : `${tail[1]}${(v4 >> 16n).toString(16)}:${(v4 % 65_536n).toString(16)}`
  const [head = '', after, ...rest] = hex.split('::')
  if (rest.length > 0) return undefined
  const left = head === '' ? [] : head.split(':')
  const right = after === undefined || after === '' ? [] : after.split(':')
  const missing = 8 - left.length - right.length
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`)
}

function unsupported(policy: Policy): NetweirError {
  const { namespace, name } = policy.metadata
  return new NetweirError(
    'KIND_UNSUPPORTED',
    `${policy.kind} "${namespace}/${name}" cannot be evaluated, expected a NetworkPolicy`,
    { hint: 'leave Cilium policies out of the set that is evaluated' },
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
