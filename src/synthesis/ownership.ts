/** Which group each managed policy belongs to, and what every policy is called. */
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import { isDefaultDeny } from '../policy/network-policy.ts'
import { selectorMatches } from '../policy/selector.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { conjunctionText, fromLabelSelector } from './conjunction.ts'
import type { GroupSelector } from './group-selectors.ts'
import type { Grouping } from './groups.ts'
import { assignPolicyNames } from './policy-names.ts'
import type { Group, SynthesisOptions } from './synthesis.ts'

/** Name of the default deny of a namespace, which no workload's policy may have. */
export const defaultDenyName = 'default-deny'

/** End of the name of a companion. */
export const companionSuffix = '-cilium'

/** Managed policies by the group whose policy takes their place, and the names of policies. */
export interface Ownership {
  /** Group by `namespace/name` of a managed policy; one without a group is carried over as it is. */
  readonly ownerOf: ReadonlyMap<string, number>
  /** `namespace/name` by group. */
  readonly names: readonly string[]
  /** `namespace/name` of every policy that exists, whoever wrote it. */
  readonly taken: ReadonlySet<string>
  /** By group: classes that its managed policies select and its selector does not. */
  readonly dropped: ReadonlyMap<number, readonly number[]>
}

/** What ownership is decided from. */
interface Context {
  readonly traffic: Traffic
  readonly grouping: Grouping
  readonly selectors: readonly GroupSelector[]
  readonly existing: readonly LocatedPolicy[]
  readonly managed: readonly LocatedPolicy<NetworkPolicy>[]
  readonly target: SynthesisOptions['target']
}

/**
 * Returns who owns which managed policy. A policy is a group's when it has one of the group's selectors, or the group's
 * own name and selects one of its classes; but only where every other class that it selects can be given a policy of
 * its own, since what it isolates and grants must not be lost with it.
 */
export function assignOwnership(context: Context): Ownership {
  const { grouping, managed, existing } = context
  const managedNames = new Set(managed.map(({ policy }) => fullName(policy)))
  const taken = new Set(
    existing.flatMap(({ policy }) =>
      policy.kind === 'NetworkPolicy' || managedNames.has(fullName(policy))
        ? fullName(policy)
        : nameTakenBy(policy, context.target),
    ),
  )
  const reserved = new Set(
    [...taken]
      .filter((name) => !managedNames.has(name))
      .concat(grouping.groups.map(({ namespace }) => `${namespace}/${defaultDenyName}`)),
  )
  const natural = fullNames(grouping, assignPolicyNames(grouping.groups, reserved))
  const ownerOf = new Map<string, number>()
  for (const located of managed) {
    const owner = ownerAmong(context, located.policy, natural)
    if (owner !== undefined) ownerOf.set(fullName(located.policy), owner)
  }
  const previous = grouping.groups.map((group) =>
    managed
      .map(({ policy }) => policy)
      .filter((policy) => ownerOf.get(fullName(policy)) === group.id)
      .map((policy) => withoutSuffix(policy.metadata.name))
      .sort(byLengthThenText)
      .at(0),
  )
  const kept = new Set(grouping.groups.map((group, id) => `${group.namespace}/${previous[id]}`))
  const others = [...taken].filter((name) => !kept.has(name))
  const names = assignPolicyNames(grouping.groups, new Set([...reserved, ...others]), previous)
  return {
    ownerOf,
    names: fullNames(grouping, names),
    taken,
    dropped: droppedClasses(context, ownerOf),
  }
}

/**
 * Returns the name that a policy of another kind keeps ours from having: of kinds that the target does not write none,
 * and of `hybrid` that which a companion would be called by.
 */
export function nameTakenBy(
  policy: LocatedPolicy['policy'],
  target: SynthesisOptions['target'],
): readonly string[] {
  if (policy.kind !== 'CiliumNetworkPolicy') return []
  const name = fullName(policy)
  if (target === 'cilium') return [name]
  return target === 'hybrid' && name.endsWith(companionSuffix) ? [withoutSuffix(name)] : []
}

function ownerAmong(
  context: Context,
  policy: NetworkPolicy,
  natural: readonly string[],
): number | undefined {
  if (isDefaultDeny(policy)) return undefined
  const { grouping, selectors } = context
  const selector = conjunctionText(fromLabelSelector(policy.spec.podSelector))
  const here = grouping.groups.filter((group) => group.namespace === policy.metadata.namespace)
  const selected = classesOfPolicy(context, policy)
  const isNamed = (group: Group): boolean => natural[group.id] === fullName(policy)
  const alike = here.filter((group) =>
    selectors[group.id]?.selectors.some((own) => conjunctionText(own) === selector),
  )
  const owner =
    alike.find(isNamed) ??
    alike[0] ??
    here.find(
      (group) =>
        isNamed(group) &&
        (selectors[group.id]?.selectors.length ?? 0) > 0 &&
        group.classes.some((id) => selected.includes(id)),
    )
  if (owner === undefined) return undefined
  const covered = selectors[owner.id]?.selects ?? []
  const canFollow = selected
    .filter((id) => !covered.includes(id))
    .every((id) => (selectors[grouping.groupOf[id] ?? -1]?.selectors.length ?? 0) > 0)
  return canFollow ? owner.id : undefined
}

function droppedClasses(
  context: Context,
  ownerOf: ReadonlyMap<string, number>,
): ReadonlyMap<number, readonly number[]> {
  const dropped = new Map<number, number[]>()
  for (const { policy } of context.managed) {
    const owner = ownerOf.get(fullName(policy))
    if (owner === undefined) continue
    const covered = context.selectors[owner]?.selects ?? []
    const lost = classesOfPolicy(context, policy).filter((id) => !covered.includes(id))
    dropped.set(owner, [...(dropped.get(owner) ?? []), ...lost])
  }
  return dropped
}

/** Returns the known classes that a policy selects. */
export function classesOfPolicy(
  { traffic }: Pick<Context, 'traffic'>,
  { metadata, spec }: NetworkPolicy,
): readonly number[] {
  return traffic.classes
    .filter((known) => known.namespace === metadata.namespace)
    .filter((known) => selectorMatches(spec.podSelector, known.labels))
    .map((known) => known.id)
}

/** Returns `namespace/name` of a policy. */
export function fullName({ metadata }: { metadata: { namespace: string; name: string } }): string {
  return `${metadata.namespace}/${metadata.name}`
}

function fullNames(grouping: Grouping, names: readonly string[]): readonly string[] {
  return grouping.groups.map((group, id) => `${group.namespace}/${names[id]}`)
}

/** A companion is named after its policy, which is the one that is called so. */
function withoutSuffix(name: string): string {
  return name.endsWith(companionSuffix) ? name.slice(0, -companionSuffix.length) : name
}

function byLengthThenText(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
}
