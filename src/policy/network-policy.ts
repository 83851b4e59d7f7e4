/** The policy API as types: networking.k8s.io/v1 NetworkPolicy, and the kinds that may stand beside it. */
import type { Location } from '../errors.ts'
import type { Labels } from '../labels.ts'
import type { CiliumPolicy } from './cilium-policy.ts'

/** Protocols that a NetworkPolicy port can name. */
export type PortProtocol = 'TCP' | 'UDP' | 'SCTP'

/** One expression of a label selector. */
export interface LabelSelectorRequirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  readonly values?: readonly string[]
}

/** A label selector; the empty one selects everything. */
export interface LabelSelector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly LabelSelectorRequirement[]
}

/** A range of addresses with holes. */
export interface IpBlock {
  readonly cidr: string
  readonly except?: readonly string[]
}

/** One peer of a rule: a selector pair or an address block. */
export interface NetworkPolicyPeer {
  readonly podSelector?: LabelSelector
  readonly namespaceSelector?: LabelSelector
  readonly ipBlock?: IpBlock
}

/** One port of a rule. */
export interface NetworkPolicyPort {
  /** Default: TCP. */
  readonly protocol?: PortProtocol
  /** A number, or the name of a container port of the destination; absent for every port. */
  readonly port?: number | string
  readonly endPort?: number
}

/** One ingress rule. */
export interface IngressRule {
  readonly from?: readonly NetworkPolicyPeer[]
  readonly ports?: readonly NetworkPolicyPort[]
}

/** One egress rule. */
export interface EgressRule {
  readonly to?: readonly NetworkPolicyPeer[]
  readonly ports?: readonly NetworkPolicyPort[]
}

/** Directions that a policy can isolate. */
export type PolicyType = 'Ingress' | 'Egress'

/** What a NetworkPolicy says. */
export interface NetworkPolicySpec {
  readonly podSelector: LabelSelector
  readonly policyTypes?: readonly PolicyType[]
  readonly ingress?: readonly IngressRule[]
  readonly egress?: readonly EgressRule[]
}

/** Name, place and marks of an object. */
export interface ObjectMeta {
  readonly name: string
  /** `default` when the manifest has none. */
  readonly namespace: string
  readonly labels?: Labels
  readonly annotations?: Labels
}

/** A networking.k8s.io/v1 NetworkPolicy. */
export interface NetworkPolicy {
  readonly apiVersion: 'networking.k8s.io/v1'
  readonly kind: 'NetworkPolicy'
  readonly metadata: ObjectMeta
  readonly spec: NetworkPolicySpec
}

/** Any policy. */
export type Policy = NetworkPolicy | CiliumPolicy

/** A policy with where it was found. */
export interface LocatedPolicy<P extends Policy = Policy> {
  readonly policy: P
  readonly location: Location
  /**
   * Where each rule begins, by position in `spec.ingress` and `spec.egress`; for Cilium's policies by position among all
   * rules of the direction: of each part the allowing ones, then the denying ones.
   */
  readonly rules: { readonly ingress: readonly Location[]; readonly egress: readonly Location[] }
}

/** Returns a policy that stands in no file: one that was made, or that is looked at alone. */
export function unplaced<P extends Policy>(policy: P): LocatedPolicy<P> {
  return { policy, location: { file: '' }, rules: { ingress: [], egress: [] } }
}

/** The label that marks policies netweir manages; its value is {@link managedBy}. */
export const managedByLabel = 'app.kubernetes.io/managed-by'

/** Value of {@link managedByLabel}. */
export const managedBy = 'netweir'

/** Tells whether netweir wrote a policy, and may therefore change or delete it. */
export function isManaged(policy: Policy): boolean {
  const labels = policy.metadata.labels
  return labels !== undefined && Object.hasOwn(labels, managedByLabel)
    ? labels[managedByLabel] === managedBy
    : false
}

/** Tells whether a policy is the default deny of a namespace: it selects every pod and allows nothing. */
export function isDefaultDeny(policy: NetworkPolicy): boolean {
  const { podSelector, ingress, egress } = policy.spec
  return (
    Object.keys(podSelector.matchLabels ?? {}).length === 0 &&
    (podSelector.matchExpressions ?? []).length === 0 &&
    (ingress ?? []).length === 0 &&
    (egress ?? []).length === 0
  )
}

/** Shows every peer of every rule, rules of ingress first. */
export function forEachPeer(
  { ingress = [], egress = [] }: NetworkPolicySpec,
  see: (peer: NetworkPolicyPeer) => void,
): void {
  for (const { from = [] } of ingress) for (const peer of from) see(peer)
  for (const { to = [] } of egress) for (const peer of to) see(peer)
}

/** A pod, as policies see it. */
export interface PolicyPod {
  readonly kind: 'pod'
  readonly namespace: string
  readonly namespaceLabels: Labels
  readonly labels: Labels
  /** Container ports by name, for named ports of rules. */
  readonly ports?: readonly {
    readonly name: string
    readonly protocol: PortProtocol
    readonly port: number
  }[]
  /** Canonical addresses, which matter only where ipBlock matches pods. */
  readonly addresses?: readonly string[]
}

/** An address outside the cluster, with the names under which it is known. */
export interface PolicyAddress {
  readonly kind: 'address'
  readonly address: string
  readonly names?: readonly string[]
  /** Its reserved labels beside `world`: `kube-apiserver`, or nothing. */
  readonly labels?: readonly string[]
}

/**
 * An end that NetworkPolicy has no word for: only a rule without peers lets it through. Its labels are reserved ones
 * (`kube-apiserver`), or labels of a pod in another cluster with their source (`k8s:app=web`).
 */
export interface PolicyEntity {
  readonly kind: 'entity'
  readonly entity: string
  readonly labels: readonly string[]
}

/** One end of a connection. */
export type PolicyEndpoint = PolicyPod | PolicyAddress | PolicyEntity

/** A request over a connection, as a proxy sees it: the path with its query string, a name without a final dot. */
export type AskedRequest =
  | { readonly method: string; readonly path: string }
  | { readonly name: string }
  | 'other'

/** What is asked for. */
export type PolicyService =
  | {
      readonly protocol: PortProtocol
      readonly port: number
      /** What is asked for once the connection is there; `other` is what no rule names. Default: only the connection matters. */
      readonly request?: AskedRequest
    }
  | { readonly icmp: { readonly family: 'IPv4' | 'IPv6'; readonly type: number } }
