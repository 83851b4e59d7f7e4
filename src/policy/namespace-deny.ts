/** Which namespaces a policy closes as a whole: default denies of every kind. */
import { podNamespaceKey } from './lower-cilium.ts'
import type { Policy } from './network-policy.ts'
import { isDefaultDeny } from './network-policy.ts'
import type { RuleDirection } from './plain-rule.ts'
import { plainPolicy } from './plain-rule.ts'
import { requirementsOf } from './selector.ts'

/** What a default deny closes. */
export interface NamespaceDeny {
  readonly namespaces: readonly string[]
  readonly directions: readonly RuleDirection[]
}

/** Returns what a policy closes; undefined for one that is no default deny of whole namespaces. */
export function namespaceDeny(policy: Policy): NamespaceDeny | undefined {
  if (policy.kind === 'NetworkPolicy') {
    if (!isDefaultDeny(policy)) return undefined
    return { namespaces: [policy.metadata.namespace], directions: plainPolicy(policy).isolates }
  }
  const { spec, specs, kind, metadata } = policy
  if (spec?.endpointSelector === undefined || specs !== undefined) return undefined
  const rules = [spec.ingress, spec.ingressDeny, spec.egress, spec.egressDeny].flatMap(
    (list): readonly object[] => list ?? [],
  )
  if (rules.some((rule) => Object.keys(rule).length > 0)) return undefined
  const wanted = requirementsOf(spec.endpointSelector)
  const directions = plainPolicy(policy).isolates
  if (kind === 'CiliumNetworkPolicy') {
    return wanted.length === 0 ? { namespaces: [metadata.namespace], directions } : undefined
  }
  const [only, ...rest] = wanted
  const isByName = only?.key === `k8s:${podNamespaceKey}` && only.operator === 'In'
  return isByName && rest.length === 0
    ? { namespaces: [...(only.values ?? [])].sort(), directions }
    : undefined
}
