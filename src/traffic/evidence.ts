/** The evidence of an edge, as its readers want it. */

import type { Cell } from './cell-numbers.ts'
import { addCounts } from './counts.ts'
import type { RequestRecord } from './request-record.ts'
import type { Tally } from './tally.ts'
import { isDenied } from './tally.ts'
import { emptySpan, joinSpan } from './timestamp.ts'
import type { Evidence, SeenRequests } from './traffic.ts'

/** Returns the evidence that some counters of a tally are; activity and samples are those of the whole edge. */
export function evidenceOf(tally: Tally, cells: readonly Cell[]): Evidence {
  const span = emptySpan()
  const counts = { records: 0, flows: 0, strong: 0, medium: 0, reply: 0, weak: 0 }
  let denied = 0
  let audited = 0
  let hasPassed = false
  let egress = false
  let ingress = false
  for (const cell of cells) {
    const { records } = cell
    joinSpan(span, cell)
    counts.records = addCounts(counts.records, records)
    counts.flows = addCounts(counts.flows, cell.flows)
    counts[cell.strength] = addCounts(counts[cell.strength], records)
    if (isDenied(cell.verdict)) denied = addCounts(denied, records)
    else {
      hasPassed = true
      egress ||= cell.side === 'egress'
      ingress ||= cell.side === 'ingress'
    }
    if (cell.verdict === 'audit') audited = addCounts(audited, records)
  }
  return {
    records: counts.records,
    flows: counts.flows,
    ...(span.firstMs > span.lastMs ? {} : { firstMs: span.firstMs, lastMs: span.lastMs }),
    blocks: hasPassed ? tally.blocks : [],
    samples: tally.samples,
    strong: counts.strong,
    medium: counts.medium,
    reply: counts.reply,
    egress,
    ingress,
    denied,
    audited,
    ...(hasPassed ? tally.toProtection() : {}),
    ...(tally.requests === undefined ? {} : seenRequests(tally.requests, cells)),
  }
}

const proxySides = ['egress', 'ingress'] as const

function seenRequests(
  kept: RequestRecord,
  cells: readonly Cell[],
): { readonly requests?: SeenRequests } {
  const passed = cells.filter(({ verdict }) => !isDenied(verdict))
  if (passed.length === 0 || kept.read[0] + kept.read[1] === 0) return {}
  const { http = [], dns = [], more = false } = kept
  const read = proxySides.filter((_, index) => (kept.read[index] ?? 0) > 0)
  const inspected = read.filter((side) => {
    const index = proxySides.indexOf(side)
    const here = passed.filter((cell) => cell.side === side)
    const others = here.filter(({ verdict }) => verdict !== 'l7')
    const redirected = kept.redirected[index] ?? 0
    // Without verdicts nobody can say of a packet whether it passed the proxy.
    return (
      countOf(here, 'l7', 'strong') === kept.read[index] &&
      countOf(here, 'verdict') === redirected &&
      // What the proxy hands on is delivered, too: more than that came by another way.
      countOf(here, 'delivery', 'strong') <= redirected &&
      (redirected > 0 || others.length === 0)
    )
  })
  return { requests: { http, dns, more, read, inspected } }
}

function countOf(
  cells: readonly Cell[],
  verdict: Cell['verdict'],
  strength?: Cell['strength'],
): number {
  return cells
    .filter((cell) => cell.verdict === verdict)
    .filter((cell) => strength === undefined || cell.strength === strength)
    .reduce((total, { records }) => addCounts(total, records), 0)
}
