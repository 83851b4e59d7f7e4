/** What was seen and is not opened, or hardly was: findings on edges and groups that no grant came of. */

import { isIcmpError, isObserved } from '../traffic/observed-outcomes.ts'
import type { Edge, EdgeEnd } from '../traffic/traffic.ts'
import { isObligation } from './edge-grants.ts'
import type { Plan } from './plan.ts'
import { classesOf, describeEdge, describeEnd, groupOfEnd } from './plan.ts'
import { knowsCilium } from './special-grants.ts'
import type { Finding, Group } from './synthesis.ts'

/**
 * Returns findings on edges that were seen and are not opened (conflicts, audits, ICMP, what nobody could resolve), one
 * for each pair of ends, and on groups that the traffic says too little of.
 */
export function reportUnopened(plan: Plan): readonly Finding[] {
  const pairs = new Map<string, Edge[]>()
  for (const edge of plan.traffic.edges) {
    if (adviceOn(plan, edge) === undefined || !touchesSubject(plan, edge)) continue
    if (isObligation(plan, edge)) continue
    const key = [edge.outcome, describeEnd(plan, edge.from), describeEnd(plan, edge.to)].join('\n')
    const edges = pairs.get(key)
    if (edges === undefined) pairs.set(key, [edge])
    else edges.push(edge)
  }
  const denied = deniedRecords(plan)
  const unopened = [...pairs.values()].flatMap((edges): readonly Finding[] => {
    const [first] = edges
    const advice = first === undefined ? undefined : adviceOn(plan, first)
    if (first === undefined || advice === undefined) return []
    const ports = [...new Set(edges.map((edge) => `${edge.port}/${edge.protocol}`))].sort()
    const subject = `${describeEnd(plan, first.from)} -> ${describeEnd(plan, first.to)} ${listPorts(ports)}`
    const count = edges.reduce((sum, edge) => sum + (denied.get(placeOf(edge)) ?? 0), 0)
    const times = count > 0 ? `${count} ${count === 1 ? 'record' : 'records'} of it` : 'it'
    return [{ ...advice, subject, message: advice.message.replace('{denied}', times) }]
  })
  return [...unopened, ...reportPartial(plan), ...reportIdle(plan), ...reportLabelLess(plan)]
}

/** What concerns no subject is not for this run to decide. */
function touchesSubject(plan: Plan, edge: Edge): boolean {
  return [edge.from, edge.to].some((end) => plan.subjects.has(groupOfEnd(plan, end)?.id ?? -1))
}

function listPorts(ports: readonly string[]): string {
  const more = ports.length - 6
  return more > 0 ? `${ports.slice(0, 6).join(', ')} and ${more} more` : ports.join(', ')
}

function deniedRecords(plan: Plan): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const edge of plan.traffic.edges) {
    if (edge.evidence.denied === 0) continue
    const place = placeOf(edge)
    counts.set(place, (counts.get(place) ?? 0) + edge.evidence.denied)
  }
  return counts
}

function placeOf(edge: Edge): string {
  const end = ({ names: _, ...one }: EdgeEnd & { readonly names?: unknown }): string =>
    JSON.stringify(one)
  return [end(edge.from), end(edge.to), edge.protocol, edge.port].join(' ')
}

/** The words for an outcome; `{denied}` stands for what was denied. */
function adviceOn(plan: Plan, edge: Edge): Omit<Finding, 'subject'> | undefined {
  switch (edge.outcome) {
    case 'conflict':
      return {
        code: 'CONFLICT',
        severity: 'action',
        message:
          'was let through on one side, and a policy on the other denied {denied}: it is not opened',
        hint: 'if it is wanted, learn it with --learn-denied; if not, nothing needs to be done',
      }
    case 'audit':
      return {
        code: 'AUDIT',
        severity: 'action',
        message: 'passed only because policy enforcement is in audit mode: it is not opened',
        hint: 'if it is wanted, learn it with --learn-audit',
      }
    case 'icmp':
      if (isIcmpError(edge)) return undefined
      if (knowsCilium(plan.options)) return unopenedIcmp
      return {
        code: 'ICMP',
        severity: 'warning',
        message:
          'is ICMP, which NetworkPolicy cannot allow: most network plugins will drop it once the pods are isolated',
        hint: 'if the application needs it, a policy of the network plugin (such as CiliumNetworkPolicy icmps) can allow it',
      }
    case 'unresolved':
    case 'masked':
      return {
        code: 'UNRESOLVED',
        severity: 'action',
        message: 'involves a pod whose labels no record shows: it is not opened',
        hint: 'give an inventory with --inventory, or record for longer',
      }
    case 'service-address':
      return {
        code: 'SERVICE_ADDRESS',
        severity: 'action',
        message: 'goes to a service address whose backends are not known: it is not opened',
        hint: 'give an inventory with services and pods with --inventory',
      }
    default:
      return undefined
  }
}

/** Where ICMP can be opened it is, unless there was something against it. */
const unopenedIcmp: Omit<Finding, 'subject'> = {
  code: 'ICMP',
  severity: 'warning',
  message:
    'is ICMP that a policy denied, or that went to or came from what no policy can name: it is not opened',
  hint: 'if the application needs it, allow it with a policy of your own',
}

/** A class pair that was denied while another pair of the same groups was learned is opened with it: say so. */
function reportPartial(plan: Plan): readonly Finding[] {
  const isRefused = ({ outcome }: Edge): boolean =>
    outcome === 'conflict' || outcome === 'denied-explicit'
  const refused = plan.traffic.edges.filter(isRefused)
  if (refused.length === 0) return []
  const learned = new Set<string>()
  const pair = (edge: Edge): string | undefined => {
    const from = groupOfEnd(plan, edge.from)
    const to = groupOfEnd(plan, edge.to)
    if (from === undefined || to === undefined) return undefined
    return `${from.id} ${to.id} ${edge.protocol} ${edge.port}`
  }
  for (const edge of plan.traffic.edges) {
    const key = edge.outcome === 'learned' ? pair(edge) : undefined
    if (key !== undefined) learned.add(key)
  }
  return refused.flatMap((edge): readonly Finding[] => {
    const key = pair(edge)
    if (key === undefined || !learned.has(key)) return []
    return [
      {
        code: 'MIXED_EVIDENCE',
        severity: 'warning',
        subject: describeEdge(plan, edge),
        message:
          'was denied for some pods of these workloads and let through for others, which no policy of ours can tell apart: it is opened',
        hint: 'look at the labels of the pods that were denied',
      },
    ]
  })
}

function reportIdle(plan: Plan): readonly Finding[] {
  const active = new Set<number>()
  for (const edge of plan.traffic.edges) {
    if (!isObserved(edge.outcome)) continue
    for (const end of [edge.from, edge.to]) {
      const group = groupOfEnd(plan, end)
      if (group !== undefined) active.add(group.id)
    }
  }
  return [...plan.subjects]
    .sort((a, b) => a - b)
    .filter((id) => !active.has(id))
    .map((id) => ({
      code: 'NOTHING_LEARNED',
      severity: 'warning',
      subject: plan.groups[id]?.name ?? '',
      message: 'was seen, but none of its traffic was learned: its policy isolates it',
      hint: 'look at what was not learned before you apply this policy, or leave its namespace out with -n',
    }))
}

function reportLabelLess(plan: Plan): readonly Finding[] {
  return plan.groups.flatMap((group): readonly Finding[] => {
    const observed = group.classes.some((id) => plan.traffic.classes[id]?.observed === true)
    if (!observed || (plan.selectors[group.id]?.selectors.length ?? 0) > 0) return []
    return [
      {
        code: 'NO_LABELS',
        severity: 'action',
        subject: group.name,
        message: `has no label that a selector could use (${podNames(plan, group)}): it gets no policy of its own, and as a peer its whole namespace is let in`,
        hint: 'label the pod template of this workload',
      },
    ]
  })
}

function podNames(plan: Plan, group: Group): string {
  const pods = classesOf(plan, group).flatMap((known) => known.pods.map((pod) => pod.name))
  const names = [...new Set(pods)].sort()
  const more = names.length - 3
  if (names.length === 0) return 'no pod is known by name'
  const shown = `${names.length === 1 ? 'pod' : 'pods'} ${names.slice(0, 3).join(', ')}`
  return more > 0 ? `${shown} and ${more} more` : shown
}
