/** What was seen of an edge, in the form of a document. */
import type { Edge, EdgeEnd } from '../traffic/traffic.ts'
import type { FlowEvidence, SeenEdge } from './verify-report.ts'

/** Returns counts, times and samples of an edge. */
export function flowEvidence({ evidence }: Edge): FlowEvidence {
  const { flows, firstMs, lastMs, samples } = evidence
  return {
    flows,
    ...(firstMs === undefined ? {} : { first: timeText(firstMs) }),
    ...(lastMs === undefined ? {} : { last: timeText(lastMs) }),
    samples,
  }
}

/** Returns an edge in words. */
export function seenEdge(edge: Edge, endText: (end: EdgeEnd) => string): SeenEdge {
  return {
    from: endText(edge.from),
    to: endText(edge.to),
    port: edgePortText(edge),
    outcome: edge.outcome,
    evidence: flowEvidence(edge),
  }
}

/** Returns port and protocol of an edge: `443/TCP`. */
export function edgePortText({ port, protocol }: Pick<Edge, 'port' | 'protocol'>): string {
  return `${port}/${protocol}`
}

/** Returns a time as RFC 3339 in UTC, with milliseconds. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
