/** The evidence of an edge, as its readers want it. */
import type { Strength } from '../flow/flow.ts'
import { addCounts } from './counts.ts'
import type { Cell, Tally } from './tally.ts'
import { isDenied } from './tally.ts'
import { emptySpan, joinSpan } from './timestamp.ts'
import type { Evidence } from './traffic.ts'

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
  }
}

function ofStrength(cells: readonly Cell[], strength: Strength): number {
  return sum(cells, (cell) => (cell.strength === strength ? cell.records : 0))
}

function sum(cells: readonly Cell[], count: (cell: Cell) => number): number {
  return cells.reduce((total, cell) => addCounts(total, count(cell)), 0)
}
