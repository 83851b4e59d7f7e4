/** Cilium's policies as types: cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy. */
import type { LabelSelector, ObjectMeta } from './network-policy.ts'

/** Groups of ends that a rule can name. */
export const ciliumEntities = [
  'all',
  'world',
  'cluster',
  'host',
  'init',
  'ingress',
  'unmanaged',
  'remote-node',
  'health',
  'none',
  'kube-apiserver',
] as const

/** One of {@link ciliumEntities}. */
export type CiliumEntity = (typeof ciliumEntities)[number]

/** A DNS name, or a pattern of DNS names: just one of the two. */
export interface FqdnSelector {
  readonly matchName?: string
  readonly matchPattern?: string
}

/** A block of addresses, or a reference to objects that hold some: just one of the three. */
export interface CiliumCidrRule {
  readonly cidr?: string
  readonly cidrGroupRef?: string
  readonly cidrGroupSelector?: LabelSelector
  readonly except?: readonly string[]
}

/** Protocols that a port can name. */
export const ciliumProtocols = ['TCP', 'UDP', 'SCTP', 'VRRP', 'IGMP', 'ANY'] as const

/** One port. */
export interface CiliumPort {
  /** A number in digits, `0` for every port, or the name of a container port of the destination. */
  readonly port?: string
  readonly endPort?: number
  /** Default: `ANY`, which is TCP, UDP and SCTP. */
  readonly protocol?: (typeof ciliumProtocols)[number]
}

/** One kind of HTTP request; members are anchored regular expressions. */
export interface CiliumHttpRule {
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly headers?: readonly string[]
  readonly headerMatches?: readonly unknown[]
}

/** What a proxy lets through of a connection. At most one member but `l7`, which goes with `l7proto`. */
export interface CiliumL7Rules {
  readonly http?: readonly CiliumHttpRule[]
  readonly dns?: readonly FqdnSelector[]
  readonly kafka?: readonly unknown[]
  readonly l7proto?: string
  readonly l7?: readonly unknown[]
}

/** Ports of a rule, with what a proxy checks on them; none of the ports stands for nothing. */
export interface CiliumPortRule {
  readonly ports?: readonly CiliumPort[]
  readonly rules?: CiliumL7Rules
  readonly terminatingTLS?: unknown
  readonly originatingTLS?: unknown
  readonly serverNames?: readonly string[]
  readonly listener?: unknown
}

/** One type of ICMP messages. */
export interface CiliumIcmpField {
  /** Default: `IPv4`. */
  readonly family?: 'IPv4' | 'IPv6'
  /** 0 to 255, or the type's name. */
  readonly type: number | string
}

/** Types of ICMP messages. */
export interface CiliumIcmpRule {
  readonly fields?: readonly CiliumIcmpField[]
}

/** One ingress rule. A list of peers that is there and empty selects nobody; no list of peers at all is everyone. */
export interface CiliumIngressRule {
  readonly fromEndpoints?: readonly LabelSelector[]
  readonly fromCIDR?: readonly string[]
  readonly fromCIDRSet?: readonly CiliumCidrRule[]
  readonly fromEntities?: readonly CiliumEntity[]
  readonly fromGroups?: readonly unknown[]
  readonly fromNodes?: readonly LabelSelector[]
  readonly toPorts?: readonly CiliumPortRule[]
  readonly icmps?: readonly CiliumIcmpRule[]
  readonly authentication?: unknown
}

/** One egress rule; its lists of peers are read as those of {@link CiliumIngressRule}. */
export interface CiliumEgressRule {
  readonly toEndpoints?: readonly LabelSelector[]
  readonly toCIDR?: readonly string[]
  readonly toCIDRSet?: readonly CiliumCidrRule[]
  readonly toEntities?: readonly CiliumEntity[]
  readonly toServices?: readonly unknown[]
  readonly toGroups?: readonly unknown[]
  readonly toNodes?: readonly LabelSelector[]
  readonly toFQDNs?: readonly FqdnSelector[]
  readonly toPorts?: readonly CiliumPortRule[]
  readonly icmps?: readonly CiliumIcmpRule[]
  readonly authentication?: unknown
}

/** What one part of a policy says. Keys of selectors may carry a source: `k8s:app`, `reserved:host`, `any:app`. */
export interface CiliumSpec {
  readonly endpointSelector?: LabelSelector
  /** Selects nodes instead of pods; only in a clusterwide policy. */
  readonly nodeSelector?: LabelSelector
  readonly enableDefaultDeny?: { readonly ingress?: boolean; readonly egress?: boolean }
  readonly ingress?: readonly CiliumIngressRule[]
  readonly ingressDeny?: readonly CiliumIngressRule[]
  readonly egress?: readonly CiliumEgressRule[]
  readonly egressDeny?: readonly CiliumEgressRule[]
  readonly description?: string
  readonly labels?: readonly unknown[]
  readonly log?: unknown
}

/** A cilium.io/v2 policy: what `spec` says and what each of `specs` says add up. */
export interface CiliumPolicy {
  readonly apiVersion: 'cilium.io/v2'
  readonly kind: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy'
  /** The namespace of a clusterwide policy is empty. */
  readonly metadata: ObjectMeta
  readonly spec?: CiliumSpec
  readonly specs?: readonly CiliumSpec[]
}

/** Returns the parts of a policy, `spec` first. */
export function specsOf({ spec, specs = [] }: CiliumPolicy): readonly CiliumSpec[] {
  return spec === undefined ? specs : [spec, ...specs]
}
