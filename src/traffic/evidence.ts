/** The evidence of an edge, as its readers want it. */
import type { Strength } from '../flow/flow.ts'
import { addCounts } from './counts.ts'
import type { RequestRecord } from './request-record.ts'
import type { Cell, Tally } from './tally.ts'
import { isDenied } from './tally.ts'
import { emptySpan, joinSpan } from './timestamp.ts'
import type { Evidence, SeenRequests } from './traffic.ts'

/** Returns the evidence that some counters of a tally are; activity and samples are those of the whole edge. */
export function evidenceOf(tally: Tally, cells: readonly Cell[]): Evidence {
  const passed = cells.filter((cell) => !isDenied(cell.verdict))
  const span = emptySpan()
  for (const cell of cells) joinSpan(span, cell)
  return {
    records: sum(cells, (cell) => cell.records),
    flows: sum(cells, (cell) => cell.flows),
    ...(span.firstMs > span.lastMs ? {} : { firstMs: span.firstMs, lastMs: span.lastMs }),
    blocks: passed.length === 0 ? [] : tally.blocks,
    samples: tally.samples,
    strong: ofStrength(cells, 'strong'),
    medium: ofStrength(cells, 'medium'),
    reply: ofStrength(cells, 'reply'),
    egress: passed.some(({ side }) => side === 'egress'),
    ingress: passed.some(({ side }) => side === 'ingress'),
    denied: sum(cells, (cell) => (isDenied(cell.verdict) ? cell.records : 0)),
    audited: sum(cells, (cell) => (cell.verdict === 'audit' ? cell.records : 0)),
    ...(passed.length === 0 ? {} : tally.toProtection()),
    ...seenRequests(tally.requests, passed),
  }
}

const proxySides = ['egress', 'ingress'] as const

function seenRequests(
  kept: RequestRecord | undefined,
  passed: readonly Cell[],
): { readonly requests?: SeenRequests } {
  if (kept === undefined || kept.read[0] + kept.read[1] === 0) return {}
  const { http = [], dns = [], more = false } = kept
  const read = proxySides.filter((_, index) => (kept.read[index] ?? 0) > 0)
  const inspected = read.filter((side) => {
    const index = proxySides.indexOf(side)
    const here = passed.filter((cell) => cell.side === side)
    const others = here.filter(({ verdict }) => verdict !== 'l7')
    const requests = here.filter(
      ({ verdict, strength }) => verdict === 'l7' && strength === 'strong',
    )
    const verdicts = others.filter(({ verdict }) => verdict === 'verdict')
    const redirected = kept.redirected[index] ?? 0
    const deliveries = others.filter(
      ({ verdict, strength }) => verdict === 'delivery' && strength === 'strong',
    )
    // Without verdicts nobody can say of a packet whether it passed the proxy.
    return (
      sum(requests, ({ records }) => records) === kept.read[index] &&
      sum(verdicts, ({ records }) => records) === redirected &&
      // What the proxy hands on is delivered, too: more than that came by another way.
      sum(deliveries, ({ records }) => records) <= redirected &&
      (redirected > 0 || others.length === 0)
    )
  })
  return { requests: { http, dns, more, read, inspected } }
}

function ofStrength(cells: readonly Cell[], strength: Strength): number {
  return sum(cells, (cell) => (cell.strength === strength ? cell.records : 0))
}

function sum(cells: readonly Cell[], count: (cell: Cell) => number): number {
  return cells.reduce((total, cell) => addCounts(total, count(cell)), 0)
}
