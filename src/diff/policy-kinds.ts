/** Tells the policies that are evaluated from those that are named only. */
import type { CiliumPolicy } from '../policy/cilium-policy.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'

/** Policies by whether they are evaluated. */
export interface PolicyKinds {
  readonly network: readonly LocatedPolicy<NetworkPolicy>[]
  /** Policies of other kinds, as `kind namespace/name`. */
  readonly others: readonly string[]
}

/** Returns the NetworkPolicies, and the names of all other policies. */
export function splitKinds(policies: readonly LocatedPolicy[]): PolicyKinds {
  return {
    network: policies.filter(isNetworkPolicy),
    others: policies.filter(isOtherPolicy).map(({ policy }) => otherName(policy)),
  }
}

function otherName({ kind, metadata: { namespace, name } }: CiliumPolicy): string {
  // A clusterwide policy has no namespace of its own, whatever its metadata defaults to.
  return `${kind} ${kind === 'CiliumClusterwideNetworkPolicy' ? name : `${namespace}/${name}`}`
}

function isNetworkPolicy(located: LocatedPolicy): located is LocatedPolicy<NetworkPolicy> {
  return located.policy.kind === 'NetworkPolicy'
}

function isOtherPolicy(located: LocatedPolicy): located is LocatedPolicy<CiliumPolicy> {
  return located.policy.kind !== 'NetworkPolicy'
}
