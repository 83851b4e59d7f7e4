/** What synthesis takes and gives: options, policies with their reasons, declared widenings, findings. */
import type { Labels } from '../labels.ts'
import type { CiliumEntity } from '../policy/cilium-policy.ts'
import type { LocatedPolicy, NetworkPolicyPeer, Policy } from '../policy/network-policy.ts'
import type { PolicyRequest } from '../policy/plain-rule.ts'
import type { Confidence, Verdict } from '../traffic/confidence.ts'
import type { Inventory, WorkloadRef } from '../traffic/inventory.ts'
import type { Edge } from '../traffic/traffic.ts'

/** Choices of synthesis; every member has the default that the design gives it. */
export interface SynthesisOptions {
  readonly inventory?: Inventory
  /** The policies that exist: managed ones are sticky and never shrink, the names of others are taken. */
  readonly existing?: readonly LocatedPolicy[]
  /** Remove managed grants that are stale by evidence, and managed policies whose workload is gone. Default: no. */
  readonly prune?: boolean
  /** Days with traffic that there must be before `prune` removes a grant they lack. Default: 90. */
  readonly pruneAfterDays?: number
  /** Namespaces whose pods become subjects. Default: all but system ones. */
  readonly namespaces?: readonly string[]
  /** A label selector that subjects must match, `key=value[,key=value]`. */
  readonly selector?: string
  /** System namespaces that become subjects. */
  readonly includeSystem?: readonly string[]
  /**
   * When a namespace gets its default deny; `clusterwide` is `auto` with one CiliumClusterwideNetworkPolicy for all of
   * them. Default: `auto`.
   */
  readonly defaultDeny?: 'auto' | 'always' | 'never' | 'clusterwide'
  /** Hold back the default deny of namespaces with a group whose verdict is worse. Default: `insufficient`, none is. */
  readonly minConfidence?: Verdict
  /** Default: `all`. */
  readonly dns?: 'all' | 'observed' | 'none'
  /** What to do with an edge that NetworkPolicy cannot name. Default: `port`. */
  readonly onInexpressible?: 'port' | 'block' | 'fail'
  /** What to do with a group that no positive selector separates. Default: `merge`. */
  readonly onInseparable?: 'merge' | 'negative' | 'fail'
  /** Outside addresses: list them, or open their port to everyone outside. Default: `exact`. */
  readonly outside?: 'exact' | 'port'
  /** Addresses that a shorter prefix list may add, per prefix saved. Default: 0, lossless. */
  readonly cidrMaxExtra?: number
  readonly podCidrs?: readonly string[]
  readonly serviceCidrs?: readonly string[]
  readonly nodeCidrs?: readonly string[]
  /** Choose selectors afresh instead of keeping those of managed policies. Default: no. */
  readonly reoptimise?: boolean
  /** Peers with the same ports share a rule, or the fewest rules, in which a peer may stand twice. Default: `canonical`. */
  readonly minimise?: 'canonical' | 'rules'
  /**
   * Kinds of policies that are written: NetworkPolicies; Cilium's, which name entities, DNS names and ICMP; or
   * NetworkPolicies with Cilium's for what they cannot say. Default: `kubernetes`.
   */
  readonly target?: 'kubernetes' | 'cilium' | 'hybrid'
  /** Kinds of requests that edges are narrowed to where proxies saw all of them. Default: none. */
  readonly l7?: readonly ('http' | 'dns')[]
  /** How many names below one parent, used alike, become a pattern. Default: they never do. */
  readonly namePatterns?: number
}

/** Workloads that share a class: the subject and the peer of rules. */
export interface Group {
  /** Position in {@link Synthesis.groups}. */
  readonly id: number
  readonly namespace: string
  readonly workloads: readonly WorkloadRef[]
  /** Positions in `Traffic.classes`. */
  readonly classes: readonly number[]
  /** How a person would name it: `namespace/workload`. */
  readonly name: string
}

/** Why something that was not learned is allowed. */
export const wideningReasons = [
  'dns',
  'inexpressible',
  'inseparable',
  'namespace-peer',
  'folded-prefix',
  'cidr-merge',
  'world-ingress',
  'outside-port',
  'api-server-backend',
  'dns-name',
  'dns-pattern',
  'node-pair',
  'request-shape',
] as const

/** One of {@link wideningReasons}. */
export type WideningReason = (typeof wideningReasons)[number]

/** One thing that is allowed on purpose although it was not learned. */
export interface Widening {
  readonly reason: WideningReason
  /** `namespace/name` of the policy that grants it. */
  readonly policy: string
  readonly direction: 'ingress' | 'egress'
  readonly subject: string
  /** The peers in words: a group, `everyone`, a prefix. */
  readonly peer: string
  /** `443/TCP`, sorted. */
  readonly ports: readonly string[]
  /** How much it adds, in words with a number: `4 addresses`, `every pod of namespace data`. */
  readonly size: string
  /** The tighter way out. */
  readonly hint: string
}

/** Every kind of finding, as a closed list; `docs/policies.md` says what each means. */
export const findingCodes = [
  'ADDRESS_CHURN',
  'API_SERVER_BACKEND',
  'AUDIT',
  'CONFLICT',
  'CUT_OFF',
  'DEFAULT_DENY_HELD',
  'DNS_ASSUMED',
  'DYNAMIC_PORTS',
  'EQUAL_LABELS',
  'HOST_INGRESS',
  'ICMP',
  'INEXPRESSIBLE',
  'INSEPARABLE',
  'MANAGED_EDITED',
  'MIXED_EVIDENCE',
  'NOTHING_LEARNED',
  'NO_LABELS',
  'OUTSIDE_PORT',
  'REQUESTS_OPEN',
  'RULE_CAP',
  'SELECTOR_CAP',
  'SERVICE_ADDRESS',
  'SPECIAL_ADDRESS',
  'SUSPECT_LABEL',
  'UNMANAGED_GRANT',
  'UNRESOLVED',
  'UNSEEN_PODS',
  'WORLD_INGRESS',
] as const

/** One of {@link findingCodes}. */
export type FindingCode = (typeof findingCodes)[number]

/** Something a person should know or do. */
export interface Finding {
  readonly code: FindingCode
  /** `action`: something was learned that the output cannot say exactly, or that a person must decide. */
  readonly severity: 'action' | 'warning' | 'info'
  /** What it is about: an edge, a group, a namespace. */
  readonly subject: string
  readonly message: string
  readonly hint: string
}

/** A grant of a managed policy that this traffic lacks. */
export interface StaleGrant {
  readonly policy: string
  readonly direction: 'ingress' | 'egress'
  readonly peer: string
  readonly ports: readonly string[]
  /** True when it was kept, false when `prune` removed it. */
  readonly kept: boolean
}

/** One generated policy. */
export interface GeneratedPolicy {
  readonly policy: Policy
  readonly role: 'workload' | 'default-deny'
  /** The group it is about; absent for a default deny. */
  readonly group?: number
  /** True for a managed policy that was taken over as it was found: this traffic says nothing of it. */
  readonly carried?: true
}

/** What the policies must allow, and may: the obligations of the gate. */
export interface Grant {
  readonly direction: 'ingress' | 'egress'
  /** Position in {@link Synthesis.groups}. */
  readonly subject: number
  readonly peer: GrantPeer
  readonly protocol: Edge['protocol']
  /** For ICMP the type. */
  readonly port: number
  readonly endPort?: number
  /** The one kind of requests that it lets through; absent for every request. */
  readonly request?: PolicyRequest
  readonly why: 'learned' | 'retained' | WideningReason
}

/** The other end of a {@link Grant}. */
export type GrantPeer =
  | { readonly kind: 'group'; readonly group: number }
  /** Every pod of a namespace. */
  | { readonly kind: 'namespace'; readonly namespace: string }
  | { readonly kind: 'block'; readonly cidr: string; readonly except: readonly string[] }
  /** A rule without peers. */
  | { readonly kind: 'everyone' }
  | SpecialGrantPeer
  /** A peer of a retained grant, as it stands in the policy it came from. */
  | {
      readonly kind: 'selector'
      readonly peer: NetworkPolicyPeer
    }

/** A peer that only Cilium can name. */
export type SpecialGrantPeer =
  | { readonly kind: 'entity'; readonly entity: CiliumEntity }
  | { readonly kind: 'fqdn'; readonly name: string }
  /** Names by a pattern: `*.example.com`. */
  | { readonly kind: 'fqdn-pattern'; readonly pattern: string }
  | {
      readonly kind: 'remote'
      readonly cluster: string
      readonly namespace: string
      readonly labels: Labels
    }

/** The result of synthesis. Nothing in it has been proven yet: that is the gate's work. */
export interface Synthesis {
  readonly policies: readonly GeneratedPolicy[]
  readonly groups: readonly Group[]
  /** Sorted; `learned` ones first. */
  readonly grants: readonly Grant[]
  readonly widenings: readonly Widening[]
  readonly findings: readonly Finding[]
  readonly stale: readonly StaleGrant[]
  /** Managed policies that `prune` deletes, as `namespace/name`. */
  readonly deleted: readonly string[]
  /** By group: the classes that its selector selects, its own among them. */
  readonly selected: readonly (readonly number[])[]
  /** Positions in `Traffic.edges` of the edges that the policies must let through. */
  readonly obligations: readonly number[]
  /** Positions of the groups that have a policy, ascending. */
  readonly subjects: readonly number[]
  /** Namespaces whose default deny was held back, and why. */
  readonly heldBack: readonly { readonly namespace: string; readonly reasons: readonly string[] }[]
  /** Whether the subjects were watched for long enough. */
  readonly confidence: Confidence
}
