/** Replays what was recorded against given policies: what they would deny, never use, and allow beyond it. */

import { compileSet } from '../policy/compiled-set.ts'
import type { LocatedPolicy, PolicyPod, PolicyService } from '../policy/network-policy.ts'
import { createEndTexts } from '../traffic/edge-ends.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import { changeId } from './change-id.ts'
import { edgePortText, flowEvidence } from './flow-evidence.ts'
import { nearMisses } from './near-misses.ts'
import type { ListeningPort } from './over-permission.ts'
import { overPermissionOf } from './over-permission.ts'
import type { PolicyBook } from './policy-book.ts'
import { createPolicyBook, ruleReferences } from './policy-book.ts'
import { splitKinds } from './policy-kinds.ts'
import type { Denial, Replayed } from './replay.ts'
import { isReplayed, judgesIcmp, replayEdges, serviceOf } from './replay.ts'
import { usageOf } from './rule-usage.ts'
import type { Surroundings, TrafficUniverse } from './universe.ts'
import { createUniverse, evaluateOptions } from './universe.ts'
import type {
  Coverage,
  CoveredShare,
  DeniedEdge,
  DeniedSide,
  Gate,
  OverPermission,
  VerifyReport,
} from './verify-report.ts'

/** Edges that are spelled out for each grant. */
const maxSeen = 5

/** What is replayed, against what, and which limits it has to meet. */
export interface VerifyInput extends Surroundings {
  readonly policies: readonly LocatedPolicy[]
  /** Returns every port that a class is said to listen on, named or not. Default: none. */
  readonly listeningPortsOf?: (classId: number) => readonly ListeningPort[]
  /** Unused connections that each namespace may have. Default: any number. */
  readonly maxUnused?: number
  /** Percentage of the edges that must be covered. Default: none. */
  readonly minCoverage?: number
}

/**
 * Returns what the policies make of the traffic. What would be denied is decided by the naive evaluator, edge by edge;
 * over-permission is counted by the exact engine. The order of the policies has no influence. Policies that
 * cannot be evaluated are left out and named.
 */
export function verifyPolicies(input: VerifyInput): VerifyReport {
  const { traffic } = input
  const { judged, others } = splitKinds(input.policies)
  const universe = createUniverse(
    judged.map((located) => located.policy),
    input,
  )
  const book = createPolicyBook(judged, evaluateOptions(input))
  const endText = createEndTexts(traffic)
  const replayed = replayEdges(traffic, book, knownPods(universe, traffic))
  const denied = replayed.flatMap((one) => deniedEdge(one, book, endText))
  const coverage = coverageOf(replayed)
  const overPermission = overPermissionOf({
    universe,
    set: compileSet(judged, universe),
    traffic,
    listeningPortsOf: input.listeningPortsOf ?? (() => []),
  })
  const gates = [
    ...coverageGate(coverage, input.minCoverage),
    ...unusedGate(overPermission, input.maxUnused),
  ]
  return {
    apiVersion: 'netweir/v1',
    kind: 'VerifyReport',
    holds: denied.length === 0 && gates.every((gate) => gate.passed),
    coverage,
    denied,
    usage: usageOf({ book, universe, replayed, endText, maxSeen }, book.entries),
    overPermission,
    gates,
    notReplayed: notReplayed(traffic.edges, judgesIcmp(book)),
    notEvaluated: [...new Set(others)].sort(),
  }
}

/** Returns the pods of the classes of a traffic, by position. */
export function knownPods(universe: TrafficUniverse, traffic: Traffic): readonly PolicyPod[] {
  return universe.ends
    .slice(0, traffic.classes.length)
    .flatMap((end) => (end.kind === 'pod' ? end.pod : []))
}

function deniedEdge(
  { edge, judgement, denials }: Replayed,
  book: PolicyBook,
  endText: (end: EdgeEnd) => string,
): readonly DeniedEdge[] {
  if (judgement !== 'denied') return []
  const from = endText(edge.from)
  const to = endText(edge.to)
  const port = edgePortText(edge)
  const service = serviceOf(edge)
  return [
    {
      id: changeId(['denied', from, to, port]),
      from,
      to,
      port,
      outcome: edge.outcome,
      sides: denials.map((denial) => deniedSide(denial, book, service)),
      evidence: flowEvidence(edge),
    },
  ]
}

function deniedSide(
  { side, from, to }: Denial,
  book: PolicyBook,
  service: PolicyService,
): DeniedSide {
  const { direction } = side
  return {
    direction,
    isolatedBy: side.isolatedBy.flatMap((id) => book.entries[id]?.reference ?? []),
    ...(side.deniedBy.length > 0 && { deniedBy: ruleReferences(book, direction, side.deniedBy) }),
    closest: nearMisses(book, { direction, from, to, service }),
  }
}

function coverageOf(replayed: readonly Replayed[]): Coverage {
  return {
    edges: shareOf(replayed, () => 1),
    flows: shareOf(replayed, ({ evidence }) => evidence.flows),
  }
}

function shareOf(replayed: readonly Replayed[], weight: (edge: Edge) => number): CoveredShare {
  const counts = { covered: 0, denied: 0, unjudged: 0 }
  for (const { edge, judgement } of replayed) counts[judgement] += weight(edge)
  const total = counts.covered + counts.denied + counts.unjudged
  return {
    ...counts,
    percent: total === 0 ? 100 : Math.floor((counts.covered * 1000) / total) / 10,
  }
}

function coverageGate({ edges }: Coverage, limit: number | undefined): readonly Gate[] {
  if (limit === undefined) return []
  const total = edges.covered + edges.denied + edges.unjudged
  const passed = edges.covered * 100 >= limit * total
  const { percent } = edges
  return [
    {
      gate: 'min-coverage',
      limit,
      actual: percent,
      passed,
      message: `${percent} % of the edges are covered, ${limit} % were asked for`,
    },
  ]
}

function unusedGate(
  overPermission: readonly OverPermission[],
  limit: number | undefined,
): readonly Gate[] {
  if (limit === undefined) return []
  const actual = overPermission.reduce((most, { unused }) => Math.max(most, unused), 0)
  const over = overPermission.filter(({ unused }) => unused > limit)
  const names = over.map(({ namespace, unused }) => `${namespace} (${unused})`).join(', ')
  return [
    {
      gate: 'max-unused',
      limit,
      actual,
      passed: over.length === 0,
      message:
        over.length === 0
          ? `no namespace allows more than ${limit} connections that nobody used`
          : `more than ${limit} connections that nobody used are allowed in ${names}`,
    },
  ]
}

function notReplayed(edges: readonly Edge[], withIcmp: boolean): VerifyReport['notReplayed'] {
  const counts = new Map<Edge['outcome'], { edges: number; flows: number }>()
  for (const edge of edges) {
    if (isReplayed(edge, withIcmp)) continue
    const count = counts.get(edge.outcome) ?? { edges: 0, flows: 0 }
    count.edges += 1
    count.flows += edge.evidence.flows
    counts.set(edge.outcome, count)
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([outcome, count]) => ({ outcome, ...count }))
}
