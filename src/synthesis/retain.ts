/** What managed policies grant and this traffic lacks: kept, so that a short look revokes nothing. */

import { hasNoIps, ipBlockSet, noIps, subtractIps, uniteIps } from '../policy/ip-set.ts'
import type {
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../policy/network-policy.ts'
import { isDefaultDeny } from '../policy/network-policy.ts'
import type { PortRange } from '../policy/port-set.ts'
import { formatPorts, toPortSet } from '../policy/port-set.ts'
import { selectorMatches } from '../policy/selector.ts'
import type { Literal } from './conjunction.ts'
import { conjunctionMatches, literalText } from './conjunction.ts'
import { describePeer, grantsOf, portRanges } from './managed-grants.ts'
import { classesOfPolicy, fullName } from './ownership.ts'
import type { Cube } from './peer-cubes.ts'
import { fromPeer } from './peer-cubes.ts'
import type { Plan } from './plan.ts'
import type { Finding, GeneratedPolicy, Grant, GrantPeer, StaleGrant } from './synthesis.ts'

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

/** Returns what the managed policies grant beyond `fresh`, and what becomes of it under the options of the plan. */
export function retainGrants(plan: Plan, fresh: readonly Grant[]): Retention {
  const kept: Grant[] = []
  const stale: StaleGrant[] = []
  const carried: GeneratedPolicy[] = []
  const deleted: string[] = []
  const findings: Finding[] = []
  const isDead = isPruned(plan)
  for (const located of plan.managed) {
    const { policy } = located
    if (isDefaultDeny(policy)) continue
    const owner = plan.ownership.ownerOf.get(fullName(policy))
    if (owner === undefined || !plan.subjects.has(owner)) {
      if (isGone(plan, policy)) deleted.push(fullName(policy))
      else {
        carried.push({ policy, role: 'workload', carried: true })
        stale.push(...wholePolicy(plan, policy))
      }
      continue
    }
    for (const subject of subjectsOf(plan, policy, owner)) {
      const lacking = grantsOf(plan, located, subject, findings).filter(
        (grant) => !isImplied(plan, grant, fresh) && !isImplied(plan, grant, kept),
      )
      stale.push(...lacking.map((grant) => toStale(plan, grant, isDead)))
      if (!isDead) kept.push(...lacking)
    }
  }
  return { grants: kept, stale: mergeStale(stale), carried, deleted, findings }
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

/** Returns the cubes that a grant's peer stands for, or nothing when it is no selector. */
export function cubesOf(plan: Plan, peer: GrantPeer, ownNamespace: string): readonly Cube[] {
  switch (peer.kind) {
    case 'group': {
      const group = plan.groups[peer.group]
      if (group === undefined) return []
      return (plan.selectors[peer.group]?.selectors ?? []).map((literals) => ({
        namespaces: [group.namespace],
        literals,
      }))
    }
    case 'namespace':
      return [{ namespaces: [peer.namespace], literals: [] }]
    case 'selector': {
      const cube = fromPeer(peer.peer, ownNamespace)
      return cube === undefined ? [] : [cube]
    }
    default:
      return []
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

/** Returns the owner of a managed policy, and the groups that its successor no longer selects: they had its grants. */
function subjectsOf(plan: Plan, policy: NetworkPolicy, owner: number): readonly number[] {
  const covered = plan.selectors[owner]?.selects ?? []
  const left = classesOfPolicy(plan, policy)
    .filter((id) => !covered.includes(id))
    .map((id) => plan.grouping.groupOf[id] ?? owner)
  return [owner, ...[...new Set(left)].sort((a, b) => a - b)]
}

/** A grant is implied by what is fresh when its text is, or when every known class that it reaches is reached anyway. */
function isImplied(plan: Plan, grant: Grant, fresh: readonly Grant[]): boolean {
  const own = plan.groups[grant.subject]?.namespace ?? ''
  const classes = plan.groups[grant.subject]?.classes ?? []
  const rivals = fresh.filter(
    (one) =>
      one.direction === grant.direction &&
      coversPorts(one, grant) &&
      classes.every((id) => plan.selectors[one.subject]?.selects.includes(id) === true),
  )
  if (rivals.some((one) => one.peer.kind === 'everyone')) return true
  if (grant.peer.kind === 'block') return isBlockCovered(grant.peer, rivals)
  if (rivals.some((one) => isEveryPod(one.peer))) return true
  const atom = cubesOf(plan, grant.peer, own)[0]
  if (atom === undefined) {
    const text = JSON.stringify(grant.peer)
    return rivals.some((one) => JSON.stringify(one.peer) === text)
  }
  const cubes = rivals.flatMap((one) => cubesOf(plan, one.peer, own))
  if (cubes.some((cube) => cubeHolds(cube, atom))) return true
  const reached = plan.traffic.classes.filter((known) => cubeSelects(atom, known))
  return (
    reached.length > 0 && reached.every((known) => cubes.some((cube) => cubeSelects(cube, known)))
  )
}

function isEveryPod(peer: GrantPeer): boolean {
  if (peer.kind !== 'selector') return false
  const { namespaceSelector, podSelector } = peer.peer
  return (
    namespaceSelector !== undefined &&
    isEmptySelector(namespaceSelector) &&
    (podSelector === undefined || isEmptySelector(podSelector))
  )
}

function isEmptySelector(selector: LabelSelector): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0
}

function coversPorts(wide: Grant, narrow: Grant): boolean {
  return (
    wide.protocol === narrow.protocol &&
    wide.port <= narrow.port &&
    (wide.endPort ?? wide.port) >= (narrow.endPort ?? narrow.port)
  )
}

function isBlockCovered(
  block: { readonly cidr: string; readonly except: readonly string[] },
  rivals: readonly Grant[],
): boolean {
  let granted = noIps
  for (const { peer } of rivals) {
    if (peer.kind === 'block') granted = uniteIps(granted, ipBlockSet(peer))
  }
  return hasNoIps(subtractIps(ipBlockSet(block), granted))
}

function cubeSelects(
  cube: Cube,
  known: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  return (
    cube.namespaces.includes(known.namespace) && conjunctionMatches(cube.literals, known.labels)
  )
}

function cubeHolds(wide: Cube, narrow: Cube): boolean {
  return (
    narrow.namespaces.every((namespace) => wide.namespaces.includes(namespace)) &&
    wide.literals.every((literal) => narrow.literals.some((one) => literalImplies(one, literal)))
  )
}

function literalImplies(narrow: Literal, wide: Literal): boolean {
  if (narrow.key !== wide.key) return false
  if (narrow.op === 'Eq' || narrow.op === 'In') {
    if (wide.op === 'Exists') return true
    if (wide.op === 'Eq' || wide.op === 'In') {
      return narrow.values.every((value) => wide.values.includes(value))
    }
    return false
  }
  return literalText(narrow) === literalText(wide)
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

function rangeOf(grant: Grant): PortRange {
  return { protocol: grant.protocol, first: grant.port, last: grant.endPort ?? grant.port }
}
