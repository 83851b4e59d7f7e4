/**
 * Managed policies of every kind as NetworkPolicies whose peers and ports may be more than that kind can say: what a
 * managed policy grants is kept, whichever target it was written for.
 */
import { unjudgedPart } from '../policy/lower-cilium.ts'
import { namespaceDeny } from '../policy/namespace-deny.ts'
import type { LocatedPolicy, NetworkPolicy, Policy } from '../policy/network-policy.ts'
import { isManaged } from '../policy/network-policy.ts'
import type { PlainRule, RuleDirection, RulePeer } from '../policy/plain-rule.ts'
import { plainPolicy } from '../policy/plain-rule.ts'

/** Managed policies as views, and what each was made of. */
export interface ManagedViews {
  readonly managed: readonly LocatedPolicy<NetworkPolicy>[]
  readonly originalOf: (view: NetworkPolicy) => Policy
  /** Policies with our label that nobody of ours wrote as they are: edited by hand, and left alone. */
  readonly foreign: readonly Policy[]
}

/** Returns the managed policies of some that exist, sorted by name; Cilium's only where the target knows them. */
export function viewManaged(existing: readonly LocatedPolicy[], withCilium: boolean): ManagedViews {
  const originals = new Map<NetworkPolicy, Policy>()
  const foreign: Policy[] = []
  const managed = existing.flatMap((located): readonly LocatedPolicy<NetworkPolicy>[] => {
    const { policy } = located
    if (!isManaged(policy) || (policy.kind !== 'NetworkPolicy' && !withCilium)) return []
    const view = viewOf(policy)
    if (view === undefined) {
      if (!isAcross(policy)) foreign.push(policy)
      return []
    }
    originals.set(view, policy)
    return [{ ...located, policy: view }]
  })
  return {
    managed: managed.toSorted((a, b) => {
      const [left, right] = [keyOf(a.policy), keyOf(b.policy)]
      return left < right ? -1 : left > right ? 1 : 0
    }),
    originalOf: (view) => originals.get(view) ?? view,
    foreign,
  }
}

/** One default deny for several namespaces has its own way. */
function isAcross(policy: Policy): boolean {
  return policy.kind === 'CiliumClusterwideNetworkPolicy' && namespaceDeny(policy) !== undefined
}

function keyOf({ metadata }: NetworkPolicy): string {
  return `${metadata.namespace}/${metadata.name}`
}

/** A policy with denials or several parts was not written by us, whatever its label says. */
function viewOf(policy: Policy): NetworkPolicy | undefined {
  if (policy.kind === 'NetworkPolicy') return policy
  if (policy.kind !== 'CiliumNetworkPolicy' || policy.specs !== undefined) return undefined
  if (unjudgedPart(policy) !== undefined) return undefined
  const { subject, rules } = plainPolicy(policy)
  if (subject.podSelector === undefined || rules.some(({ deny }) => deny)) return undefined
  const own = (direction: RuleDirection): readonly PlainRule[] =>
    rules.filter((rule) => rule.direction === direction && !isNobody(rule))
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: policy.metadata,
    spec: {
      podSelector: subject.podSelector,
      policyTypes: ['Ingress', 'Egress'],
      ingress: own('ingress').map(({ peers, ports = [] }) => ({
        from: withoutCluster(peers),
        ports,
      })),
      egress: own('egress').map(({ peers, ports = [] }) => ({ to: withoutCluster(peers), ports })),
    },
  }
}

/** A peer of ours that names a cluster names another one: what it would mean in this one is nobody. */
function withoutCluster(peers: readonly RulePeer[] = []): readonly RulePeer[] {
  return peers.filter(({ cluster }) => cluster === undefined)
}

function isNobody({ peers = [] }: PlainRule): boolean {
  return peers.length > 0 && peers.every((peer) => Object.keys(peer).length === 0)
}
