/** From rules of peers and ports to Cilium's policies, alone or as companions of a NetworkPolicy. */
import { formatPrefix, parsePrefix } from '../ip.ts'
import { namespaceNameLabel, toLabels } from '../labels.ts'
import { canonicalCiliumPolicy } from '../policy/canonical-cilium.ts'
import type {
  CiliumEgressRule,
  CiliumIngressRule,
  CiliumPolicy,
  CiliumPort,
  CiliumPortRule,
} from '../policy/cilium-policy.ts'
import { maxCiliumPorts } from '../policy/cilium-port-fields.ts'
import { namespaceLabelPrefix, podNamespaceKey } from '../policy/lower-cilium.ts'
import type { LabelSelector, LabelSelectorRequirement } from '../policy/network-policy.ts'
import { managedBy, managedByLabel } from '../policy/network-policy.ts'
import type { PolicyRequest, RulePeer, RulePort } from '../policy/plain-rule.ts'
import { canonicalSelector, requirementsOf } from '../policy/selector.ts'

/** One rule of either direction, with peers and ports of every kind. */
export interface MixedRule {
  /** Empty for everyone. */
  readonly peers: readonly RulePeer[]
  readonly ports: readonly RulePort[]
  /** Send what it allows through the DNS proxy, which learns the addresses of names. */
  readonly dns?: true
}

/** Rules of one policy. */
export interface MixedRules {
  readonly ingress: readonly MixedRule[]
  readonly egress: readonly MixedRule[]
}

/** Returns a managed CiliumNetworkPolicy that isolates both directions but for its rules. */
export function managedCilium(
  fullName: string,
  podSelector: LabelSelector,
  { ingress, egress }: MixedRules,
): CiliumPolicy {
  const slash = fullName.indexOf('/')
  const into = ingress.flatMap((rule) => ciliumRules(rule, 'from'))
  const out = egress.flatMap((rule) => ciliumRules(rule, 'to'))
  return canonicalCiliumPolicy({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: {
      name: fullName.slice(slash + 1),
      namespace: fullName.slice(0, slash),
      labels: toLabels([[managedByLabel, managedBy]]),
    },
    spec: {
      endpointSelector: withSource(podSelector, 'k8s:'),
      ingress: into.length === 0 ? [{}] : into,
      egress: out.length === 0 ? [{}] : out,
    },
  })
}

/** Tells whether a rule has a part that NetworkPolicy cannot say exactly where Cilium enforces it. */
export function needsCilium({ peers, ports, dns }: MixedRule): boolean {
  return (
    dns === true || peers.some(({ special }) => special !== undefined) || ports.some(isBeyondPorts)
  )
}

/** Tells whether a port is one that NetworkPolicy has no word for: a type of ICMP, or requests. */
function isBeyondPorts({ icmp, requests }: RulePort): boolean {
  return icmp !== undefined || requests !== undefined
}

/** Returns the part of a rule that NetworkPolicy says exactly; undefined for none. */
export function portablePart({ peers, ports }: MixedRule): MixedRule | undefined {
  const plainPeers = peers.filter(({ special }) => special === undefined)
  const plainPorts = ports.filter((port) => !isBeyondPorts(port))
  const hasPeers = peers.length === 0 || plainPeers.length > 0
  return hasPeers && plainPorts.length > 0 ? { peers: plainPeers, ports: plainPorts } : undefined
}

/** Returns the parts of a rule that NetworkPolicy cannot say. */
export function companionParts(rule: MixedRule): readonly MixedRule[] {
  if (rule.dns === true) return [rule]
  const { peers, ports } = rule
  const special = peers.filter((peer) => peer.special !== undefined)
  const plain = peers.filter((peer) => peer.special === undefined)
  const beyond = ports.filter(isBeyondPorts)
  const isPlainBeyond = beyond.length > 0 && (plain.length > 0 || peers.length === 0)
  return [
    ...(special.length > 0 ? [{ peers: special, ports }] : []),
    ...(isPlainBeyond ? [{ peers: plain, ports: beyond }] : []),
  ]
}

type Word = 'from' | 'to'

function ciliumRules(
  rule: MixedRule,
  word: Word,
): readonly (CiliumIngressRule & CiliumEgressRule)[] {
  return peerParts(rule.peers, word).flatMap((peers) =>
    serviceParts(rule).map((services) => ({ ...peers, ...services })),
  )
}

/** A rule of Cilium's has one kind of peers. */
function peerParts(peers: readonly RulePeer[], word: Word): readonly object[] {
  if (peers.length === 0) return [{ [`${word}Entities`]: ['all'] }]
  const endpoints = peers.flatMap((peer) => endpointOf(peer) ?? [])
  const entities = peers.flatMap(({ special }) =>
    special?.kind === 'entity' ? special.entity : [],
  )
  const names = peers.flatMap(({ special }) => (special?.kind === 'fqdn' ? special.selector : []))
  const blocks = peers.flatMap(({ ipBlock }) => ipBlock ?? [])
  const whole = blocks.filter(({ except = [] }) => except.length === 0)
  const holed = blocks.filter(({ except = [] }) => except.length > 0)
  const lists: readonly (readonly [string, readonly unknown[]])[] = [
    ['Endpoints', endpoints],
    ['Entities', entities],
    ['FQDNs', names],
    ['CIDR', whole.map(({ cidr }) => canonicalCidr(cidr))],
    ['CIDRSet', holed.map(({ cidr, except }) => ({ cidr, except }))],
  ]
  return lists
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => ({ [`${word}${name}`]: list }))
}

function canonicalCidr(cidr: string): string {
  const prefix = parsePrefix(cidr)
  return prefix === undefined ? cidr : formatPrefix(prefix)
}

function endpointOf({
  special,
  podSelector,
  namespaceSelector,
}: RulePeer): LabelSelector | undefined {
  if (special !== undefined) {
    return special.kind === 'identity'
      ? canonicalSelector({ matchExpressions: special.requirements })
      : undefined
  }
  if (podSelector === undefined && namespaceSelector === undefined) return undefined
  const pods = requirementsOf(withSource(podSelector ?? {}, 'k8s:'))
  const homes = namespaceSelector === undefined ? [] : homeRequirements(namespaceSelector)
  return canonicalSelector({ matchExpressions: [...pods, ...homes] })
}

function homeRequirements(selector: LabelSelector): readonly LabelSelectorRequirement[] {
  const requirements = requirementsOf(selector)
  const key = `k8s:${podNamespaceKey}`
  if (requirements.length === 0) return [{ key, operator: 'Exists' }]
  return requirements.map((one) => ({
    ...one,
    key: one.key === namespaceNameLabel ? key : `k8s:${namespaceLabelPrefix}${one.key}`,
  }))
}

function withSource(selector: LabelSelector, source: string): LabelSelector {
  return canonicalSelector({
    matchExpressions: requirementsOf(selector).map((one) => ({
      ...one,
      key: `${source}${one.key}`,
    })),
  })
}

/** A rule has ports or ICMP types, and at most 40 in each list. */
function serviceParts({
  ports,
  dns,
}: MixedRule): readonly Pick<CiliumIngressRule, 'toPorts' | 'icmps'>[] {
  const numbered = ports.filter(({ icmp }) => icmp === undefined)
  const types = ports.flatMap(({ icmp }) => icmp ?? [])
  const byRequests = new Map<string, RulePort[]>()
  for (const port of numbered) {
    const key = JSON.stringify(port.requests ?? [])
    byRequests.set(key, [...(byRequests.get(key) ?? []), port])
  }
  const toPorts = [...byRequests.values()].flatMap((some) => {
    const rules = rulesOf(some[0]?.requests, dns)
    return chunks(some.map(toCiliumPort)).map((part): CiliumPortRule => ({ ports: part, ...rules }))
  })
  return [
    ...(toPorts.length > 0 ? [{ toPorts }] : []),
    ...(types.length > 0 ? [{ icmps: chunks(types).map((fields) => ({ fields })) }] : []),
  ]
}

/** What a proxy lets through: the requests, every look-up, or, without it, everything. */
function rulesOf(
  requests: readonly PolicyRequest[] = [],
  dns: true | undefined,
): Pick<CiliumPortRule, 'rules'> {
  const http = requests.flatMap((request) => ('http' in request ? request.http : []))
  const names = requests.flatMap((request) => ('dns' in request ? request.dns : []))
  if (http.length > 0) return { rules: { http } }
  if (names.length > 0) return { rules: { dns: names } }
  return dns === true ? { rules: { dns: [{ matchPattern: '*' }] } } : {}
}

function toCiliumPort({ protocol = 'TCP', port, endPort }: RulePort): CiliumPort {
  return {
    port: String(port ?? 0),
    ...(endPort !== undefined && { endPort }),
    protocol,
  }
}

function chunks<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / maxCiliumPorts)
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * maxCiliumPorts, (index + 1) * maxCiliumPorts),
  )
}
