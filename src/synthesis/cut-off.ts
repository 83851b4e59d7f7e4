/** Learned edges that a policy cuts off to which this run makes no exception: one taken over, or a forced default deny. */
import type { Evaluator } from '../policy/evaluate.ts'
import { createEvaluator } from '../policy/evaluate.ts'
import { unjudgedPart } from '../policy/lower-cilium.ts'
import type { PolicyEndpoint } from '../policy/network-policy.ts'
import { identityLabels } from '../traffic/edge-ends.ts'
import type { Edge, EdgeEnd } from '../traffic/traffic.ts'
import { isObligation } from './edge-grants.ts'
import type { Plan } from './plan.ts'
import { classesOf, describeEdge, groupOfEnd } from './plan.ts'
import type { Finding, GeneratedPolicy } from './synthesis.ts'

/** What cannot be let through, with what is in the way. */
export interface CutOff {
  /** Positions in `Traffic.edges`. */
  readonly edges: ReadonlySet<number>
  readonly findings: readonly Finding[]
}

/**
 * Returns the edges that default denies, and policies taken over unchanged, deny at a pod that gets no policy: out of the chosen namespaces,
 * or without a label that could name it. Nothing that is written can let them through.
 */
export function findCutOff(plan: Plan, policies: readonly GeneratedPolicy[]): CutOff {
  const carried = policies
    .filter((one) => one.carried === true || one.role === 'default-deny')
    .map((one) => one.policy)
    .filter((policy) => unjudgedPart(policy) === undefined)
  const edges = new Set<number>()
  const findings: Finding[] = []
  if (carried.length === 0) return { edges, findings }
  const evaluator = createEvaluator(carried, { cluster: plan.traffic.cluster })
  for (const [index, edge] of plan.traffic.edges.entries()) {
    if (!isObligation(plan, edge)) continue
    const culprits = culpritsOf(plan, edge, evaluator)
    if (culprits.length === 0) continue
    edges.add(index)
    findings.push({
      code: 'CUT_OFF',
      severity: 'action',
      subject: describeEdge(plan, edge),
      message: `was learned, and is denied by ${culprits.join(', ')}, which has no exception for it`,
      hint: 'write policies for that namespace, too (-n, --include-system), label the pod, or change that policy by hand',
    })
  }
  return { edges, findings }
}

function culpritsOf(plan: Plan, edge: Edge, evaluator: Evaluator): readonly string[] {
  const { protocol, port } = edge
  if (protocol === 'ICMPv4' || protocol === 'ICMPv6') return []
  const fromLeft = isLeft(plan, edge.from)
  const toLeft = isLeft(plan, edge.to)
  if (!fromLeft && !toLeft) return []
  const decisions = endpointsOf(plan, edge.from).flatMap((from) =>
    endpointsOf(plan, edge.to).map((to) => evaluator.evaluate(from, to, { protocol, port })),
  )
  const culprits = decisions.flatMap(({ egress, ingress }) => [
    ...(fromLeft && !egress.allowed ? egress.isolatedBy : []),
    ...(toLeft && !ingress.allowed ? ingress.isolatedBy : []),
  ])
  return [...new Set(culprits)].sort()
}

/** Tells whether an end is a pod that gets no policy. */
function isLeft(plan: Plan, end: EdgeEnd): boolean {
  const group = groupOfEnd(plan, end)
  return group !== undefined && !plan.subjects.has(group.id)
}

function endpointsOf(plan: Plan, end: EdgeEnd): readonly PolicyEndpoint[] {
  const group = groupOfEnd(plan, end)
  if (group !== undefined) {
    return classesOf(plan, group).map(({ namespace, labels }) => ({
      kind: 'pod',
      namespace,
      namespaceLabels: plan.traffic.namespaces[namespace] ?? {},
      labels,
    }))
  }
  if (end.kind === 'address') {
    const { names, labels } = end
    return [{ kind: 'address', address: end.address.replace(/\/.*/, ''), names, labels }]
  }
  return [
    {
      kind: 'entity',
      entity: end.kind,
      labels: end.kind === 'entity' || end.kind === 'remote' ? identityLabels(end) : [],
    },
  ]
}
