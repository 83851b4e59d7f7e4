/** One default deny for several namespaces: a CiliumClusterwideNetworkPolicy that names them. */
import { toLabels } from '../labels.ts'
import type { CiliumPolicy } from '../policy/cilium-policy.ts'
import { podNamespaceKey } from '../policy/lower-cilium.ts'
import { namespaceDeny } from '../policy/namespace-deny.ts'
import type { LocatedPolicy, Policy } from '../policy/network-policy.ts'
import { isManaged, managedBy, managedByLabel } from '../policy/network-policy.ts'
import { canonicalSelector } from '../policy/selector.ts'

/** Name of the policy; where somebody else has it, a number follows. */
const name = 'netweir-default-deny'

/** Returns the managed policies that deny by default across namespaces. */
export function standingClusterwide(existing: readonly LocatedPolicy[]): readonly Policy[] {
  return existing
    .map(({ policy }) => policy)
    .filter((policy) => policy.kind === 'CiliumClusterwideNetworkPolicy' && isManaged(policy))
    .filter((policy) => namespaceDeny(policy) !== undefined)
}

/** Returns the policy that isolates every pod of the namespaces, in both directions. */
export function clusterwideDeny(
  namespaces: readonly string[],
  existing: readonly LocatedPolicy[],
): CiliumPolicy {
  const taken = new Set(
    existing
      .map(({ policy }) => policy)
      .filter((policy) => policy.kind === 'CiliumClusterwideNetworkPolicy' && !isManaged(policy))
      .map(({ metadata }) => metadata.name),
  )
  let free = name
  for (let number = 2; taken.has(free); number += 1) free = `${name}-${number}`
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumClusterwideNetworkPolicy',
    metadata: { name: free, namespace: '', labels: toLabels([[managedByLabel, managedBy]]) },
    spec: {
      endpointSelector: canonicalSelector({
        matchExpressions: [
          { key: `k8s:${podNamespaceKey}`, operator: 'In', values: [...namespaces].sort() },
        ],
      }),
      ingress: [{}],
      egress: [{}],
    },
  }
}
