/**
 * Policies of every kind in one form for the exact engine: whom they select, whom they isolate, and rules of peers and
 * ports that allow or deny.
 */
import type { CiliumEntity, CiliumHttpRule, FqdnSelector } from './cilium-policy.ts'
import { lowerCilium } from './lower-cilium.ts'
import type {
  LabelSelectorRequirement,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Policy,
} from './network-policy.ts'
import { unplaced } from './network-policy.ts'

/** What Cilium can name beside pods by their labels and blocks of addresses. */
export type SpecialPeer =
  | { readonly kind: 'entity'; readonly entity: CiliumEntity }
  | { readonly kind: 'fqdn'; readonly selector: FqdnSelector }
  /** Whatever has these identity labels, whose keys may carry a source; pods of the local cluster only where it says so. */
  | {
      readonly kind: 'identity'
      readonly requirements: readonly LabelSelectorRequirement[]
      readonly local: boolean
    }

/** One peer of a rule. One without any member is nobody. */
export interface RulePeer extends NetworkPolicyPeer {
  readonly special?: SpecialPeer
  /** What the local cluster's name has to meet for the selectors to mean anything. */
  readonly cluster?: readonly LabelSelectorRequirement[]
}

/** One port of a rule, or one type of ICMP messages. */
export interface RulePort extends NetworkPolicyPort {
  /** Requests that a proxy lets through on it; absent for all. The engine compares connections, and passes them over. */
  readonly requests?: readonly PolicyRequest[]
  readonly icmp?: { readonly family: 'IPv4' | 'IPv6'; readonly type: number }
}

/** One kind of requests: of HTTP with anchored expressions, or a look-up of names. */
export type PolicyRequest = { readonly http: CiliumHttpRule } | { readonly dns: FqdnSelector }

/** The two directions. */
export type RuleDirection = 'ingress' | 'egress'

/** One rule, whichever direction it is about. */
export interface PlainRule {
  readonly direction: RuleDirection
  /** Position among the rules of its direction, from 0. */
  readonly rule: number
  /** What it matches never passes, whatever other rules allow. */
  readonly deny: boolean
  /** Absent or empty for everyone. */
  readonly peers: readonly RulePeer[] | undefined
  /** Absent or empty for every port of every protocol, and ICMP. */
  readonly ports: readonly RulePort[] | undefined
}

/** A policy of one part in plain form. */
export interface PlainPolicy {
  /** Empty for a clusterwide policy. */
  readonly namespace: string
  /** The pods that it selects. */
  readonly subject: RulePeer
  /** Directions in which what no rule allows is denied. */
  readonly isolates: readonly RuleDirection[]
  /** Directions that it has a say in: those it isolates, and those of its rules. */
  readonly about: readonly RuleDirection[]
  /** Every rule, of directions that the policy is not about too. */
  readonly rules: readonly PlainRule[]
}

const plain = new WeakMap<Policy, PlainPolicy>()

/** Returns a policy in plain form; a Cilium policy must have one part alone ({@link partsOf}). */
export function plainPolicy(policy: Policy): PlainPolicy {
  const known = plain.get(policy)
  if (known !== undefined) return known
  const made = policy.kind === 'NetworkPolicy' ? lowerNetwork(policy) : lowerCilium(policy)
  plain.set(policy, made)
  return made
}

/** Returns how a person names a policy: `namespace/name`, a clusterwide one by its name. */
export function policyName({ metadata: { namespace, name } }: Policy): string {
  return namespace === '' ? name : `${namespace}/${name}`
}

/**
 * Returns a policy as NetworkPolicies that ask the same of pods, addresses and named ports: what is only looked at for
 * the selectors, blocks and names that it holds needs to know no other kind. They do not mean what the policy means.
 */
export function questionsIn(policy: Policy): readonly NetworkPolicy[] {
  if (policy.kind === 'NetworkPolicy') return [policy]
  return partsOf(unplaced(policy)).map((part) => {
    const { namespace, subject, rules } = plainPolicy(part.policy)
    const hasWords = ({ podSelector, ipBlock }: RulePeer): boolean =>
      podSelector !== undefined || ipBlock !== undefined
    const own = subject.namespaceSelector === undefined ? [] : [{ from: [subject] }]
    const asked = (direction: RuleDirection) =>
      rules
        .filter((rule) => rule.direction === direction)
        .map(({ peers = [], ports = [] }) => ({
          peers: peers.filter(hasWords),
          ports: ports.filter(({ icmp }) => icmp === undefined),
        }))
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: policy.metadata.name, namespace },
      spec: {
        podSelector: subject.podSelector ?? {},
        ingress: [...asked('ingress').map(({ peers, ports }) => ({ from: peers, ports })), ...own],
        egress: asked('egress').map(({ peers, ports }) => ({ to: peers, ports })),
      },
    }
  })
}

/** Returns a policy as policies of one part each. */
export function partsOf(located: LocatedPolicy): readonly LocatedPolicy[] {
  const { policy } = located
  if (policy.kind === 'NetworkPolicy' || policy.specs === undefined) return [located]
  const { spec, specs, ...head } = policy
  const parts = spec === undefined ? specs : [spec, ...specs]
  const taken = { ingress: 0, egress: 0 }
  return parts.map((part): LocatedPolicy => {
    const slice = (direction: RuleDirection) => {
      const denying = direction === 'ingress' ? part.ingressDeny : part.egressDeny
      const start = taken[direction]
      taken[direction] += (part[direction] ?? []).length + (denying ?? []).length
      return located.rules[direction].slice(start, taken[direction])
    }
    return {
      policy: { ...head, spec: part },
      location: located.location,
      rules: { ingress: slice('ingress'), egress: slice('egress') },
    }
  })
}

function lowerNetwork(policy: NetworkPolicy): PlainPolicy {
  const { podSelector, ingress = [], egress = [] } = policy.spec
  const isolates = (['ingress', 'egress'] as const).filter((one) => isAbout(policy, one))
  return {
    namespace: policy.metadata.namespace,
    subject: { podSelector },
    isolates,
    about: isolates,
    rules: [
      ...ingress.map(({ from, ports }, rule): PlainRule => {
        return { direction: 'ingress', rule, deny: false, peers: from, ports }
      }),
      ...egress.map(({ to, ports }, rule): PlainRule => {
        return { direction: 'egress', rule, deny: false, peers: to, ports }
      }),
    ],
  }
}

/** Without types a policy is about ingress, and about egress when it has an egress rule (networking/v1 defaults). */
function isAbout({ spec }: NetworkPolicy, direction: RuleDirection): boolean {
  const { policyTypes = [], egress = [] } = spec
  if (policyTypes.length > 0) {
    return policyTypes.includes(direction === 'ingress' ? 'Ingress' : 'Egress')
  }
  return direction === 'ingress' || egress.length > 0
}
