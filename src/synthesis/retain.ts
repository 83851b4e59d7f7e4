/** What managed policies grant and this traffic lacks: kept, so that a short look revokes nothing. */

import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../policy/network-policy.ts'
import { isDefaultDeny } from '../policy/network-policy.ts'
import type { PortRange } from '../policy/port-set.ts'
import { formatPorts, toPortSet } from '../policy/port-set.ts'
import { selectorMatches } from '../policy/selector.ts'
import type { TrafficClass } from '../traffic/traffic.ts'
import { conjunctionText, fromLabelSelector } from './conjunction.ts'
import { indexGrants } from './implied-grants.ts'
import { describePeer, grantsOf, portRanges } from './managed-grants.ts'
import type { Plan } from './plan.ts'
import type { Finding, GeneratedPolicy, Grant, StaleGrant } from './synthesis.ts'

/** Days of silence after which `prune` takes a grant for dead that no record of the whole window supports. */
export const defaultPruneAfterDays = 90

/** What remains of the managed policies beside what the traffic calls for. */
export interface Retention {
  readonly grants: readonly Grant[]
  readonly stale: readonly StaleGrant[]
  /** Managed policies without a subject in this traffic, carried over as they are. */
  readonly carried: readonly GeneratedPolicy[]
  /** Managed policies that `prune` deletes, as `namespace/name`. */
  readonly deleted: readonly string[]
  readonly findings: readonly Finding[]
}

const nothing: Retention = { grants: [], stale: [], carried: [], deleted: [], findings: [] }

/** Returns what the managed policies grant beyond `fresh`, and what becomes of it under the options of the plan. */
export function retainGrants(plan: Plan, fresh: readonly Grant[]): Retention {
  if (plan.managed.length === 0) return nothing
  const kept: Grant[] = []
  const stale: StaleGrant[] = []
  const carried: GeneratedPolicy[] = []
  const deleted: string[] = []
  const findings: Finding[] = []
  const isDead = isPruned(plan)
  const granted = indexGrants(plan, fresh)
  const ownerOf = ownersByName(plan)
  const subjectsOf = subjectsByNamespace(plan)
  for (const located of plan.managed) {
    const { policy } = located
    if (isDefaultDeny(policy)) continue
    const owner = ownerOf(policy)
    if (owner === undefined) {
      if (isGone(plan, policy)) deleted.push(fullName(policy))
      else {
        carried.push({ policy, role: 'workload', carried: true })
        stale.push(...wholePolicy(plan, policy))
      }
      continue
    }
    for (const subject of subjectsOf(policy, owner)) {
      const lacking = grantsOf(plan, located, subject, findings).filter(
        (grant) => !granted.implies(grant),
      )
      stale.push(...lacking.map((grant) => toStale(plan, grant, isDead)))
      if (isDead) continue
      kept.push(...lacking)
      granted.add(lacking)
    }
  }
  return { grants: kept, stale: mergeStale(stale), carried, deleted, findings }
}

/** Returns the look-up of the subject whose policy takes the place of a managed one: by name, or as a further part of that policy. */
function ownersByName(plan: Plan): (policy: NetworkPolicy) => number | undefined {
  const byName = new Map<string, number>()
  for (const [id, name] of plan.policyNames.entries()) if (!byName.has(name)) byName.set(name, id)
  return (policy) => {
    const name = fullName(policy)
    const direct = byName.get(name)
    if (direct !== undefined) return direct
    const base = byName.get(name.replace(/-\d+$/, ''))
    if (base === undefined) return undefined
    const selector = conjunctionText(fromLabelSelector(policy.spec.podSelector))
    const isPart = plan.selectors[base]?.selectors.some((own) => conjunctionText(own) === selector)
    return isPart === true ? base : undefined
  }
}

function toStale(plan: Plan, grant: Grant, isDead: boolean): StaleGrant {
  return {
    policy: plan.policyNames[grant.subject] ?? '',
    direction: grant.direction,
    peer: describePeer(grant.peer),
    ports: portTexts([rangeOf(grant)]),
    kept: !isDead,
  }
}

function isPruned(plan: Plan): boolean {
  if (plan.options.prune !== true) return false
  const { firstMs, lastMs } = plan.traffic.window
  if (firstMs === undefined || lastMs === undefined) return false
  const days = plan.options.pruneAfterDays ?? defaultPruneAfterDays
  return lastMs - firstMs >= days * 86_400_000
}

function isGone(plan: Plan, policy: NetworkPolicy): boolean {
  const { inventory } = plan.options
  if (plan.options.prune !== true || inventory === undefined) return false
  if (!inventory.has.pods && !inventory.has.workloads) return false
  const here = [...inventory.pods, ...inventory.workloads].filter(
    (one) => one.namespace === policy.metadata.namespace,
  )
  return !here.some((one) => selectorMatches(policy.spec.podSelector, one.labels))
}

/** Returns the look-up of the subjects that a managed policy selects: each of them had its grants. */
function subjectsByNamespace(
  plan: Plan,
): (policy: NetworkPolicy, owner: number) => readonly number[] {
  const classes = new Map<string, TrafficClass[]>()
  for (const known of plan.traffic.classes) {
    const list = classes.get(known.namespace)
    if (list === undefined) classes.set(known.namespace, [known])
    else list.push(known)
  }
  // What the widest selector keeps, the groups inside it need not keep again.
  const width = (id: number): number => plan.selectors[id]?.selects.length ?? 0
  return (policy, owner) => {
    const selected = new Set<number>()
    for (const known of classes.get(policy.metadata.namespace) ?? []) {
      if (!selectorMatches(policy.spec.podSelector, known.labels)) continue
      const group = plan.grouping.groupOf[known.id]
      if (group !== undefined && plan.subjects.has(group)) selected.add(group)
    }
    if (selected.size === 0) return [owner]
    return [...selected].sort((a, b) => width(b) - width(a) || a - b)
  }
}

function wholePolicy(plan: Plan, policy: NetworkPolicy): readonly StaleGrant[] {
  const { namespaces } = plan.options
  if (namespaces !== undefined && !namespaces.includes(policy.metadata.namespace)) return []
  const describe = (
    direction: 'ingress' | 'egress',
    peers: readonly NetworkPolicyPeer[] | undefined,
    ports: readonly NetworkPolicyPort[] | undefined,
  ): StaleGrant => ({
    policy: fullName(policy),
    direction,
    peer:
      peers === undefined || peers.length === 0
        ? 'everyone'
        : peers.map((peer) => describePeer({ kind: 'selector', peer })).join(', '),
    ports: portTexts(portRanges(plan, ports, () => undefined)),
    kept: true,
  })
  return [
    ...(policy.spec.ingress ?? []).map((rule) => describe('ingress', rule.from, rule.ports)),
    ...(policy.spec.egress ?? []).map((rule) => describe('egress', rule.to, rule.ports)),
  ]
}

function mergeStale(stale: readonly StaleGrant[]): readonly StaleGrant[] {
  const byPeer = new Map<string, StaleGrant>()
  for (const one of stale) {
    const key = JSON.stringify([one.policy, one.direction, one.peer, one.kept])
    const known = byPeer.get(key)
    const ports = [...new Set([...(known?.ports ?? []), ...one.ports])].sort()
    byPeer.set(key, { ...one, ports })
  }
  return [...byPeer.keys()].sort().flatMap((key) => byPeer.get(key) ?? [])
}

function portTexts(ranges: readonly PortRange[]): readonly string[] {
  return formatPorts(toPortSet(ranges))
}

function fullName(policy: NetworkPolicy): string {
  return `${policy.metadata.namespace}/${policy.metadata.name}`
}

function rangeOf(grant: Grant): PortRange {
  return { protocol: grant.protocol, first: grant.port, last: grant.endPort ?? grant.port }
}
