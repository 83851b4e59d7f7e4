/** The evidence of an edge, as its readers want it. */

import type { Cell } from './cell-numbers.ts'
import { addCounts } from './counts.ts'
import type { Tally } from './tally.ts'
import { isDenied } from './tally.ts'
import { emptySpan, joinSpan } from './timestamp.ts'
import type { Evidence } from './traffic.ts'

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
  }
}
