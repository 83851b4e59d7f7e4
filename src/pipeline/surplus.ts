/** What policies of others grant beyond the traffic: they add up with ours, and only their owners can take it back. */
import type { DiffInput } from '../diff/diff-policies.ts'
import { diffPolicies } from '../diff/diff-policies.ts'
import type { Change } from '../diff/policy-diff.ts'
import type { CiliumPolicy, CiliumSpec } from '../policy/cilium-policy.ts'
import type { LocatedPolicy, NetworkPolicy, PolicyType } from '../policy/network-policy.ts'
import type { Finding } from '../synthesis/synthesis.ts'

/**
 * Returns one finding for each policy of somebody else that allows what neither the traffic nor our policies do. Each
 * direction is looked at alone: what the other side happens to deny today is granted all the same.
 */
export function reportSurplus(
  ours: readonly LocatedPolicy[],
  theirs: readonly LocatedPolicy[],
  surroundings: Omit<DiffInput, 'old' | 'new' | 'stale'>,
): readonly Finding[] {
  if (theirs.length === 0) return []
  const opened = new Map<string, { at: string | undefined; changes: Change[] }>()
  for (const direction of ['Ingress', 'Egress'] as const) {
    const old = oneSide(ours, direction)
    const diff = diffPolicies({
      ...surroundings,
      old,
      new: [...old, ...oneSide(theirs, direction)],
    })
    for (const change of diff.changes.filter(isSurplus)) {
      for (const { policy, at } of change.new) {
        const known = opened.get(policy) ?? { at, changes: [] }
        opened.set(policy, known)
        known.changes.push(change)
      }
    }
  }
  return [...opened.keys()].sort().flatMap((policy): readonly Finding[] => {
    const { at, changes } = opened.get(policy) ?? { at: undefined, changes: [] }
    const [first] = changes
    if (first === undefined) return []
    const more = changes.length > 1 ? ` and ${changes.length - 1} more` : ''
    return [
      {
        code: 'UNMANAGED_GRANT',
        severity: 'warning',
        subject: at === undefined ? policy : `${policy} (${at})`,
        message: `is not managed by netweir, and goes on allowing what was not seen: ${first.from} -> ${first.to} on ${first.ports.join(', ')}${more}`,
        hint: 'tighten or remove it by hand: policies add up, so no other policy can take this back',
      },
    ]
  })
}

/** What opens for pods that do not exist yet comes last: it is named where nothing else is. */
function isSurplus({ section, effect }: Change): boolean {
  return section === 'opens' || (section === 'future' && effect === 'widens')
}

/** Returns the policies as far as they are about one direction. */
function oneSide(
  policies: readonly LocatedPolicy[],
  direction: PolicyType,
): readonly LocatedPolicy[] {
  return policies.flatMap((located): readonly LocatedPolicy[] => {
    const { policy } = located
    if (policy.kind !== 'NetworkPolicy') return ciliumSide(located, policy, direction)
    if (!isolates(policy, direction)) return []
    const { podSelector, ingress, egress } = policy.spec
    const rules = direction === 'Ingress' ? { ingress: ingress ?? [] } : { egress: egress ?? [] }
    return [
      {
        ...located,
        policy: { ...policy, spec: { podSelector, policyTypes: [direction], ...rules } },
      },
    ]
  })
}

/** What is left of a Cilium policy that is about one direction alone keeps the places of its rules. */
function ciliumSide(
  located: LocatedPolicy,
  policy: CiliumPolicy,
  direction: PolicyType,
): readonly LocatedPolicy[] {
  const { spec, specs, ...head } = policy
  const side = (one: CiliumSpec): CiliumSpec => {
    const { ingress, ingressDeny, egress, egressDeny, ...rest } = one
    return direction === 'Ingress'
      ? { ...rest, ...(ingress && { ingress }), ...(ingressDeny && { ingressDeny }) }
      : { ...rest, ...(egress && { egress }), ...(egressDeny && { egressDeny }) }
  }
  return [
    {
      ...located,
      policy: {
        ...head,
        ...(spec && { spec: side(spec) }),
        ...(specs && { specs: specs.map(side) }),
      },
    },
  ]
}

/** Without policyTypes a policy is about ingress, and about egress only when it has egress rules. */
function isolates(policy: NetworkPolicy, direction: PolicyType): boolean {
  const { policyTypes, egress } = policy.spec
  if (policyTypes !== undefined && policyTypes.length > 0) return policyTypes.includes(direction)
  return direction === 'Ingress' || (egress ?? []).length > 0
}
