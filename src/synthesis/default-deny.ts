/** Default deny: the policy that makes everything else in a namespace an exception, and when it is held back. */
import { namespaceDeny } from '../policy/namespace-deny.ts'
import type { Policy } from '../policy/network-policy.ts'
import { isDefaultDeny, isManaged } from '../policy/network-policy.ts'
import type { Confidence, GroupConfidence, Verdict } from '../traffic/confidence.ts'
import { isAtLeast } from '../traffic/confidence.ts'
import { clusterwideDeny, standingClusterwide } from './clusterwide-deny.ts'
import { managedPolicy } from './documents.ts'
import { defaultDenyName, fullName, nameTakenBy } from './ownership.ts'
import type { Plan } from './plan.ts'
import { groupOfEnd } from './plan.ts'
import { assignPolicyNames } from './policy-names.ts'
import type { Finding, GeneratedPolicy, Grant, Group } from './synthesis.ts'
import { managedCilium } from './to-cilium.ts'

/** The default denies of a synthesis, and the namespaces that have to wait for theirs. */
export interface DefaultDenies {
  readonly policies: readonly GeneratedPolicy[]
  readonly heldBack: readonly { readonly namespace: string; readonly reasons: readonly string[] }[]
  readonly findings: readonly Finding[]
}

/** Most names that one reason lists. */
const maxNames = 5

/** Returns a default deny for each namespace with a subject, as the option `defaultDeny` has it. */
export function denyByDefault(
  plan: Plan,
  grants: readonly Grant[],
  confidence: Confidence,
): DefaultDenies {
  const mode = plan.options.defaultDeny ?? 'auto'
  const subjects = [...plan.subjects].flatMap((id) => plan.groups[id] ?? [])
  const namespaces = [...new Set(subjects.map((group) => group.namespace))].sort()
  const policies: GeneratedPolicy[] = []
  const heldBack: { namespace: string; reasons: readonly string[] }[] = []
  const findings: Finding[] = []
  const standing = new Map(
    plan.managed
      .filter(({ policy }) => isDefaultDeny(policy))
      .map(({ policy }) => [policy.metadata.namespace, policy]),
  )
  const across = standingClusterwide(plan.options.existing ?? [])
  const closed = new Set(across.flatMap(closedBy))
  const open: string[] = []
  const context = {
    plan,
    resolving: resolvingSubjects(grants),
    groups: groupsByNamespace(plan),
    unresolved: unresolvedGroups(plan),
    unready: unreadyGroups(confidence, plan.options.minConfidence ?? 'insufficient'),
  }
  const isOpen = (namespace: string): boolean =>
    !standing.has(namespace) && !closed.has(namespace) && !isDenied(plan, namespace)
  for (const namespace of mode === 'never' ? [] : namespaces.filter(isOpen)) {
    const reasons = mode === 'always' ? [] : reasonsToWait(context, namespace)
    if (reasons.length > 0) {
      heldBack.push({ namespace, reasons })
      findings.push(heldBackFinding(namespace, reasons))
      continue
    }
    open.push(namespace)
    const unseen = unseenPods(plan, namespace)
    if (plan.options.inventory?.has.pods !== true) findings.push(unknownFinding(namespace))
    else if (unseen.length > 0) findings.push(unseenFinding(namespace, unseen))
  }
  policies.push(...denyAll(plan, across, open))
  for (const policy of standing.values())
    policies.push({ policy: plan.originalOf(policy), role: 'default-deny', carried: true })
  return { policies, heldBack, findings }
}

function closedBy(policy: Policy): readonly string[] {
  return namespaceDeny(policy)?.namespaces ?? []
}

/** Returns a policy for each namespace, or one for all that is closed across namespaces; what stands already stays. */
function denyAll(
  plan: Plan,
  standing: readonly Policy[],
  open: readonly string[],
): readonly GeneratedPolicy[] {
  if (plan.options.defaultDeny !== 'clusterwide') {
    return [
      ...open.map((namespace): GeneratedPolicy => {
        return { policy: defaultDeny(plan, namespace), role: 'default-deny' }
      }),
      ...standing.map((policy): GeneratedPolicy => {
        return { policy, role: 'default-deny', carried: true }
      }),
    ]
  }
  const namespaces = [...new Set([...standing.flatMap(closedBy), ...open])]
  if (namespaces.length === 0) return []
  const policy = clusterwideDeny(namespaces, plan.options.existing ?? [])
  return [{ policy, role: 'default-deny' }]
}

/** Tells whether a policy of somebody else already denies everything in both directions. */
function isDenied(plan: Plan, namespace: string): boolean {
  return (plan.options.existing ?? []).some(
    ({ policy }) =>
      policy.kind === 'NetworkPolicy' &&
      policy.metadata.namespace === namespace &&
      !isManaged(policy) &&
      isDefaultDeny(policy) &&
      policy.spec.policyTypes?.length === 2,
  )
}

/** What every namespace is judged by. */
interface Context {
  readonly plan: Plan
  /** Subjects that may resolve names. */
  readonly resolving: ReadonlySet<number>
  readonly groups: ReadonlyMap<string, readonly Group[]>
  /** Groups of which traffic was seen that could be given to nobody. */
  readonly unresolved: ReadonlySet<number>
  /** Groups that were not watched for as long as was asked for. */
  readonly unready: readonly GroupConfidence[]
}

function unreadyGroups({ groups }: Confidence, least: Verdict): readonly GroupConfidence[] {
  return groups.filter(({ verdict }) => !isAtLeast(verdict, least))
}

/** Closing a namespace blocks what its pods did with ends that nobody could resolve. */
function unresolvedGroups(plan: Plan): ReadonlySet<number> {
  const outcomes: readonly string[] = ['unresolved', 'masked', 'service-address']
  const ends = plan.traffic.edges
    .filter((edge) => outcomes.includes(edge.outcome))
    .flatMap((edge) => [edge.from, edge.to])
  return new Set(ends.flatMap((end) => groupOfEnd(plan, end)?.id ?? []))
}

function resolvingSubjects(grants: readonly Grant[]): ReadonlySet<number> {
  const resolving = new Set<number>()
  for (const { direction, port, why, subject } of grants) {
    if (direction === 'egress' && (port === 53 || why === 'dns')) resolving.add(subject)
  }
  return resolving
}

function groupsByNamespace(plan: Plan): ReadonlyMap<string, readonly Group[]> {
  const byNamespace = new Map<string, Group[]>()
  for (const group of plan.groups) {
    const list = byNamespace.get(group.namespace)
    if (list === undefined) byNamespace.set(group.namespace, [group])
    else list.push(group)
  }
  return byNamespace
}

function reasonsToWait(
  { plan, resolving, groups, unresolved, unready }: Context,
  namespace: string,
): readonly string[] {
  const reasons: string[] = []
  const here = groups.get(namespace) ?? []
  const unseen = unseenPods(plan, namespace)
  if (unseen.length > 0) reasons.push(`no traffic was seen of ${listNames(unseen)}`)
  const unnamed = here.filter(
    (group) =>
      (plan.selectors[group.id]?.selectors.length ?? 0) === 0 &&
      group.classes.some((id) => plan.traffic.classes[id]?.observed === true),
  )
  if (unnamed.length > 0) {
    reasons.push(`no selector can name ${listNames(unnamed.map((group) => group.name))}`)
  }
  const leftOut = here.filter(
    (group) =>
      !plan.subjects.has(group.id) &&
      !unnamed.includes(group) &&
      group.classes.some((id) => plan.traffic.classes[id]?.observed === true),
  )
  if (leftOut.length > 0) {
    reasons.push(`${listNames(leftOut.map((group) => group.name))} was left out by the selector`)
  }
  const guessed = here.filter((group) => plan.subjects.has(group.id) && unresolved.has(group.id))
  if (guessed.length > 0) {
    const names = listNames(guessed.map((group) => group.name))
    reasons.push(`traffic of ${names} was seen whose other end could not be resolved`)
  }
  const early = unready.filter((group) => group.namespace === namespace)
  if (early.length > 0) {
    const names = listNames(early.map(({ group, verdict }) => `${group} (${verdict})`))
    const days = early.reduce((most, { moreDays }) => Math.max(most, moreDays), 0)
    const more = days > 0 ? `; about ${days} more ${days === 1 ? 'day' : 'days'} of watching` : ''
    reasons.push(`not watched for as long as --min-confidence asks: ${names}${more}`)
  }
  const mute = here.filter((group) => plan.subjects.has(group.id) && !resolving.has(group.id))
  if (plan.options.dns !== undefined && plan.options.dns !== 'all' && mute.length > 0) {
    reasons.push(`${listNames(mute.map((group) => group.name))} could no longer resolve names`)
  }
  return reasons
}

function unseenPods(plan: Plan, namespace: string): readonly string[] {
  const { inventory } = plan.options
  if (inventory === undefined) return []
  const seen = new Set(
    plan.traffic.classes
      .filter((known) => known.namespace === namespace && known.observed)
      .flatMap((known) => known.pods.map((pod) => pod.name)),
  )
  const workloads = new Set(
    plan.traffic.classes
      .filter((known) => known.namespace === namespace && known.observed)
      .flatMap((known) => known.workloads.map((ref) => `${ref.kind} ${ref.name}`)),
  )
  return inventory.pods
    .filter((pod) => pod.namespace === namespace && pod.running && !pod.hostNetwork)
    .filter((pod) => !seen.has(pod.name))
    .filter(
      ({ workload }) =>
        workload === undefined || !workloads.has(`${workload.kind} ${workload.name}`),
    )
    .map((pod) => `pod ${pod.name}`)
    .sort()
}

function defaultDeny(plan: Plan, namespace: string): GeneratedPolicy['policy'] {
  const taken = new Set(
    (plan.options.existing ?? [])
      .filter(({ policy }) => !isManaged(policy))
      .flatMap(({ policy }) =>
        policy.kind === 'NetworkPolicy'
          ? fullName(policy)
          : nameTakenBy(policy, plan.options.target),
      )
      .concat(plan.policyNames),
  )
  const workloads = [{ kind: 'Namespace', name: defaultDenyName }]
  const [name] = assignPolicyNames([{ namespace, workloads }], taken)
  const nothing = { ingress: [], egress: [] }
  return plan.options.target === 'cilium'
    ? managedCilium(`${namespace}/${name}`, {}, nothing)
    : managedPolicy(`${namespace}/${name}`, {}, nothing)
}

function heldBackFinding(namespace: string, reasons: readonly string[]): Finding {
  return {
    code: 'DEFAULT_DENY_HELD',
    severity: 'action',
    subject: `namespace ${namespace}`,
    message: `gets no default deny yet: ${reasons.join('; ')}`,
    hint: 'record until every pod was seen for long enough, label what has no label, or decide it yourself with --default-deny always',
  }
}

function unseenFinding(namespace: string, unseen: readonly string[]): Finding {
  return {
    code: 'UNSEEN_PODS',
    severity: 'action',
    subject: `namespace ${namespace}`,
    message: `gets the default deny that was asked for, and no traffic was seen of ${listNames(unseen)}: they will be isolated`,
    hint: 'hold it back with --default-deny auto until they were seen',
  }
}

function unknownFinding(namespace: string): Finding {
  return {
    code: 'UNSEEN_PODS',
    severity: 'warning',
    subject: `namespace ${namespace}`,
    message:
      'gets a default deny, and without an inventory nobody can say which of its pods were never seen: those will be isolated',
    hint: 'give an inventory with --inventory, or hold it back with --default-deny never',
  }
}

function listNames(names: readonly string[]): string {
  const more = names.length - maxNames
  return more > 0 ? `${names.slice(0, maxNames).join(', ')} and ${more} more` : names.join(', ')
}
