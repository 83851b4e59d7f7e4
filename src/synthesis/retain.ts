/** What managed policies grant and this traffic lacks: kept, so that a short look revokes nothing. */

import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Policy,
} from '../policy/network-policy.ts'
import { isDefaultDeny } from '../policy/network-policy.ts'
import { policyName } from '../policy/plain-rule.ts'
import type { PortRange } from '../policy/port-set.ts'
import { formatPorts, toPortSet } from '../policy/port-set.ts'
import { selectorMatches } from '../policy/selector.ts'
import { blockMs } from '../traffic/communication-set.ts'
import { indexGrants } from './implied-grants.ts'
import { describePeer, describeRequest, grantsOf, portRanges } from './managed-grants.ts'
import { classesOfPolicy, fullName } from './ownership.ts'
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
  if (plan.managed.length + plan.foreign.length === 0) return nothing
  const kept: Grant[] = []
  const stale: StaleGrant[] = []
  const carried: GeneratedPolicy[] = []
  const deleted: string[] = []
  const findings: Finding[] = []
  const isDead = isPruned(plan)
  const granted = indexGrants(plan, fresh)
  for (const located of plan.managed) {
    const { policy } = located
    if (isDefaultDeny(policy)) continue
    const owner = ownerOf(plan, policy)
    if (owner === undefined) {
      if (isGone(plan, policy)) deleted.push(fullName(policy))
      else {
        carried.push({ policy: plan.originalOf(policy), role: 'workload', carried: true })
        stale.push(...wholePolicy(plan, policy))
      }
      continue
    }
    for (const subject of subjectsOf(plan, policy, owner)) {
      const lacking = grantsOf(plan, located, subject, findings).filter(
        (grant) => !granted.implies(grant),
      )
      stale.push(...lacking.map((grant) => toStale(plan, grant, isDead)))
      if (isDead) continue
      kept.push(...lacking)
      granted.add(lacking)
    }
  }
  for (const policy of plan.foreign) {
    carried.push({ policy, role: 'workload', carried: true })
    findings.push(foreignFinding(policy))
  }
  return { grants: kept, stale: mergeStale(stale), carried, deleted, findings }
}

function foreignFinding(policy: Policy): Finding {
  return {
    code: 'MANAGED_EDITED',
    severity: 'action',
    subject: policyName(policy),
    message:
      'is managed by netweir and was edited by hand into what it never writes: it stays as it is, beside what is written',
    hint: 'remove its managed-by label, and it is yours',
  }
}

function ownerOf(plan: Plan, policy: NetworkPolicy): number | undefined {
  const owner = plan.ownership.ownerOf.get(fullName(policy))
  return owner !== undefined && plan.subjects.has(owner) ? owner : undefined
}

function toStale(plan: Plan, grant: Grant, isDead: boolean): StaleGrant {
  return {
    policy: plan.policyNames[grant.subject] ?? '',
    direction: grant.direction,
    peer: describePeer(grant.peer),
    ports: portsOf(grant),
    kept: !isDead,
  }
}

/** A window is as long as the days in it that have traffic: two short looks half a year apart are two days. */
function isPruned(plan: Plan): boolean {
  if (plan.options.prune !== true) return false
  const blocksADay = 86_400_000 / blockMs
  const days = new Set<number>()
  for (const { evidence } of plan.traffic.edges) {
    for (const [first, last] of evidence.blocks) {
      for (let day = Math.floor(first / blocksADay); day <= last / blocksADay; day += 1)
        days.add(day)
    }
  }
  return days.size >= (plan.options.pruneAfterDays ?? defaultPruneAfterDays)
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

/** Returns the owner of a managed policy, and the groups that its successor no longer selects: they had its grants. */
function subjectsOf(plan: Plan, policy: NetworkPolicy, owner: number): readonly number[] {
  const covered = plan.selectors[owner]?.selects ?? []
  const left = classesOfPolicy(plan, policy)
    .filter((id) => !covered.includes(id))
    .map((id) => plan.grouping.groupOf[id] ?? owner)
  return [owner, ...[...new Set(left)].sort((a, b) => a - b)]
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

function portsOf({ protocol, port, endPort = port, request }: Grant): readonly string[] {
  if (protocol === 'ICMPv4' || protocol === 'ICMPv6') return [`${port}/${protocol}`]
  const texts = portTexts([{ protocol, first: port, last: endPort }])
  return request === undefined ? texts : texts.map((text) => `${text} ${describeRequest(request)}`)
}
