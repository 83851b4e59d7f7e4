/** From traffic to policies: the steps of a synthesis, joined. */
import { confidenceOf } from '../traffic/confidence.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { grantApiServer } from './api-server.ts'
import { assemblePolicies } from './assemble.ts'
import { findCutOff } from './cut-off.ts'
import { denyByDefault } from './default-deny.ts'
import { grantDns } from './dns.ts'
import { reportPorts } from './dynamic-ports.ts'
import type { Contribution } from './edge-grants.ts'
import { grantEdges, isObligation } from './edge-grants.ts'
import { grantOutside, openPortsOf } from './outside.ts'
import type { Plan } from './plan.ts'
import { makePlan } from './plan.ts'
import { allowLookups, narrowRequests } from './request-grants.ts'
import { retainGrants } from './retain.ts'
import type {
  Finding,
  GeneratedPolicy,
  Synthesis,
  SynthesisOptions,
  Widening,
} from './synthesis.ts'
import { uniqueGrants } from './unique-grants.ts'
import { reportUnopened } from './unopened.ts'

/**
 * Returns the least policies that allow what was learned, with everything else that they allow declared. Nothing in the
 * result is proven: pass it through the gate before anything is written.
 * @throws {NetweirError} `INSEPARABLE` or `INEXPRESSIBLE` where the options say `fail`, `USAGE` for a bad selector.
 */
export function synthesize(traffic: Traffic, options: SynthesisOptions): Synthesis {
  const plan = makePlan(traffic, options)
  const edges = grantEdges(plan)
  const dns = grantDns(plan)
  const resolving = dns.grants.filter((grant) => grant.direction === 'egress')
  const made: readonly Contribution[] = [
    edges,
    grantOutside(plan, edges.outside, new Set(resolving.map((grant) => grant.subject))),
    grantApiServer(plan),
    dns,
  ]
  const narrowed = narrowRequests(
    plan,
    made.flatMap((step) => step.grants),
  )
  const steps = [...made, narrowed]
  const fresh = uniqueGrants(narrowed.grants)
  const retention = retainGrants(plan, fresh)
  const together =
    retention.grants.length === 0 ? fresh : uniqueGrants([...fresh, ...retention.grants])
  const looked = allowLookups(together)
  const grants = looked === together ? together : uniqueGrants(looked)
  const confidence = confidenceOf({
    traffic,
    groups: plan.groups,
    judged: new Set([...plan.subjects].flatMap((id) => plan.groups[id]?.name ?? [])),
    isOpen: openPortsOf(grants),
    ...(options.inventory === undefined ? {} : { inventory: options.inventory }),
  })
  const denies = denyByDefault(plan, grants, confidence)
  const assembly = assemblePolicies(plan, grants, resolving)
  const policies = [...assembly.policies, ...retention.carried, ...denies.policies]
  const cutOff = findCutOff(plan, policies)
  return {
    policies: sortPolicies(policies),
    groups: plan.groups,
    grants,
    widenings: sortedByText([
      ...steps.flatMap((step) => step.widenings),
      ...inseparableWidenings(plan),
    ]),
    findings: sortFindings([
      ...plan.findings.map((finding) => ofSubject(plan, finding)),
      ...steps.flatMap((step) => step.findings),
      ...reportUnopened(plan),
      ...reportPorts(plan),
      ...retention.findings,
      ...assembly.findings,
      ...denies.findings,
      ...cutOff.findings,
    ]),
    stale: retention.stale,
    deleted: retention.deleted,
    heldBack: denies.heldBack,
    selected: plan.selectors.map((selector) => selector.selects),
    obligations: obligationsBut(plan, cutOff.edges),
    subjects: [...plan.subjects].sort((a, b) => a - b),
    confidence,
  }
}

/** Returns the positions of the edges that must be let through, without some. */
function obligationsBut(plan: Plan, others: ReadonlySet<number>): readonly number[] {
  const obligations: number[] = []
  for (const [index, edge] of plan.traffic.edges.entries()) {
    if (isObligation(plan, edge) && !others.has(index)) obligations.push(index)
  }
  return obligations
}

/** What is wrong with the labels of a peer that gets no policy is only good to know. */
function ofSubject(plan: Plan, finding: Finding): Finding {
  const isSubject = plan.groups.some(
    (group) => group.name === finding.subject && plan.subjects.has(group.id),
  )
  return isSubject ? finding : { ...finding, severity: 'info' }
}

/** What a selector that cannot be made exact lets its grants reach beyond the group. */
function inseparableWidenings(plan: Plan): readonly Widening[] {
  return plan.groups.flatMap((group): readonly Widening[] => {
    const selects = plan.selectors[group.id]?.selects ?? []
    const others = selects.filter((id) => !group.classes.includes(id))
    if (others.length === 0) return []
    const names = [
      ...new Set(others.map((id) => plan.groups[plan.grouping.groupOf[id] ?? -1]?.name ?? '')),
    ].sort()
    return [
      {
        reason: 'inseparable',
        policy: plan.policyNames[group.id] ?? '',
        direction: 'ingress',
        subject: group.name,
        peer: names.join(', '),
        ports: [],
        size: `${names.length} more ${names.length === 1 ? 'workload is' : 'workloads are'} selected wherever ${group.name} is, as subject or as peer`,
        hint: 'add a label of its own to its pod template, or use --on-inseparable negative',
      },
    ]
  })
}

function sortPolicies(policies: readonly GeneratedPolicy[]): readonly GeneratedPolicy[] {
  return policies
    .map((one) => {
      const { namespace, name } = one.policy.metadata
      return { one, key: JSON.stringify([one.role === 'default-deny', namespace, name]) }
    })
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ one }) => one)
}

function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const severity = { action: 1, warning: 2, info: 3 } as const
  // What NetworkPolicy cannot say comes before everything else: it is open, or will break.
  const rank = (finding: Finding): number =>
    finding.code === 'INEXPRESSIBLE' ? 0 : severity[finding.severity]
  return sortedByText(findings).toSorted((a, b) => rank(a) - rank(b))
}

function sortedByText<T>(items: readonly T[]): readonly T[] {
  const byText = new Map(items.map((item) => [JSON.stringify(item), item]))
  return [...byText.keys()].sort().flatMap((text) => byText.get(text) ?? [])
}
