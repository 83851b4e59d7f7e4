/** From the rules of one policy to the documents of the target: a NetworkPolicy, a policy of Cilium's, or both. */
import { toLabels } from '../labels.ts'
import { canonicalPolicy } from '../policy/canonical.ts'
import type {
  EgressRule,
  IngressRule,
  LabelSelector,
  NetworkPolicy,
  Policy,
} from '../policy/network-policy.ts'
import { managedBy, managedByLabel } from '../policy/network-policy.ts'
import { companionSuffix } from './ownership.ts'
import type { SynthesisOptions } from './synthesis.ts'
import type { MixedRule, MixedRules } from './to-cilium.ts'
import { companionParts, managedCilium, portablePart } from './to-cilium.ts'

/** Returns a managed policy with the label that marks it, both directions isolated. */
export function managedPolicy(
  fullName: string,
  podSelector: LabelSelector,
  rules: { readonly ingress: readonly IngressRule[]; readonly egress: readonly EgressRule[] },
): NetworkPolicy {
  const slash = fullName.indexOf('/')
  return canonicalPolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: fullName.slice(slash + 1),
      namespace: fullName.slice(0, slash),
      labels: toLabels([[managedByLabel, managedBy]]),
    },
    spec: { podSelector, policyTypes: ['Ingress', 'Egress'], ...rules },
  })
}

/** Returns the documents that say the rules of one policy for the target of the plan. */
export function documents(
  options: SynthesisOptions,
  fullName: string,
  podSelector: LabelSelector,
  rules: MixedRules,
): readonly Policy[] {
  const { target = 'kubernetes' } = options
  if (target === 'cilium') return [managedCilium(fullName, podSelector, rules)]
  const portable = (list: readonly MixedRule[]): readonly MixedRule[] =>
    target === 'hybrid'
      ? list.filter(({ dns }) => dns !== true).flatMap((rule) => portablePart(rule) ?? [])
      : list
  const network = managedPolicy(fullName, podSelector, {
    ingress: portable(rules.ingress).map(({ peers, ports }) => ({
      ...(peers.length > 0 && { from: peers }),
      ports,
    })),
    egress: portable(rules.egress).map(({ peers, ports }) => ({
      ...(peers.length > 0 && { to: peers }),
      ports,
    })),
  })
  if (target !== 'hybrid') return [network]
  const companion = {
    ingress: rules.ingress.flatMap(companionParts),
    egress: rules.egress.flatMap(companionParts),
  }
  if (companion.ingress.length + companion.egress.length === 0) return [network]
  return [network, managedCilium(companionName(fullName), podSelector, companion)]
}

/** A companion is called as its NetworkPolicy is, and so never meets it in one file. */
function companionName(fullName: string): string {
  const slash = fullName.indexOf('/')
  return `${fullName.slice(0, slash + 1 + 63 - companionSuffix.length)}${companionSuffix}`
}
