/**
 * The counters of an edge as one list of numbers, sorted by rank: sets hold tens of thousands, and as objects they take
 * four times the memory. A counter is five numbers: rank, records, flows, first and last time.
 */
import type { Side, Strength, VerdictKind } from '../flow/flow.ts'
import { sides, strengths, verdictKinds } from '../flow/flow.ts'
import type { CellRecord } from './communication-set.ts'
import { addCounts } from './counts.ts'
import type { Span } from './timestamp.ts'
import { formatTime, spanOf } from './timestamp.ts'

/** A list of counters. */
export type CellNumbers = readonly number[]

/** One counter. */
export interface Cell extends Readonly<Span> {
  readonly side: Side
  readonly verdict: VerdictKind
  readonly strength: Strength
  readonly records: number
  readonly flows: number
}

/** Numbers of a counter. */
const stride = 5

/** Returns the number under which a counter of this kind is kept; ranks order as the closed lists do. */
export function cellRank(side: Side, verdict: VerdictKind, strength: Strength): number {
  return sides.indexOf(side) * 32 + verdictKinds.indexOf(verdict) * 4 + strengths.indexOf(strength)
}

/** Adds to the counter of a rank, in place; an empty span leaves its times as they are. */
export function addToCell(
  numbers: number[],
  rank: number,
  records: number,
  flows: number,
  firstMs: number,
  lastMs: number,
): void {
  let at = 0
  while (at < numbers.length && (numbers[at] ?? 0) < rank) at += stride
  if (numbers[at] !== rank) {
    // Nearly all come in order.
    if (at === numbers.length) numbers.push(rank, records, flows, firstMs, lastMs)
    else numbers.splice(at, 0, rank, records, flows, firstMs, lastMs)
    return
  }
  numbers[at + 1] = addCounts(numbers[at + 1] ?? 0, records)
  numbers[at + 2] = addCounts(numbers[at + 2] ?? 0, flows)
  numbers[at + 3] = Math.min(numbers[at + 3] ?? 0, firstMs)
  numbers[at + 4] = Math.max(numbers[at + 4] ?? 0, lastMs)
}

/** Returns the counters one by one. */
export function cellsOf(numbers: CellNumbers): readonly Cell[] {
  const cells: Cell[] = []
  for (let at = 0; at < numbers.length; at += stride) {
    const rank = numbers[at] ?? 0
    cells.push({
      side: sides[rank >> 5] ?? 'none',
      verdict: verdictKinds[(rank >> 2) & 7] ?? 'trace',
      strength: strengths[rank & 3] ?? 'weak',
      records: numbers[at + 1] ?? 0,
      flows: numbers[at + 2] ?? 0,
      firstMs: numbers[at + 3] ?? 0,
      lastMs: numbers[at + 4] ?? 0,
    })
  }
  return cells
}

/** Tells whether a policy refused one of the records, or would have. */
export function holdsRefusal(numbers: CellNumbers): boolean {
  for (let at = 0; at < numbers.length; at += stride) {
    if (refusals.has(verdictKinds[((numbers[at] ?? 0) >> 2) & 7] ?? 'trace')) return true
  }
  return false
}

const refusals: ReadonlySet<VerdictKind> = new Set([
  'audit',
  'denied',
  'denied-explicit',
  'denied-l7',
])

/** What documents spelled by {@link spellCells} were made of: whoever reads one needs not parse it. */
const spelled = new WeakMap<readonly CellRecord[], CellNumbers>()

/** Returns the counters as documents spell them. */
export function spellCells(numbers: CellNumbers): readonly CellRecord[] {
  const records: CellRecord[] = new Array(numbers.length / stride)
  for (let at = 0, index = 0; at < numbers.length; at += stride, index += 1) {
    records[index] = spellCell(numbers, at)
  }
  spelled.set(records, numbers)
  return records
}

function spellCell(numbers: CellNumbers, at: number): CellRecord {
  const rank = numbers[at] ?? 0
  const side = sides[rank >> 5] ?? 'none'
  const verdict = verdictKinds[(rank >> 2) & 7] ?? 'trace'
  const strength = strengths[rank & 3] ?? 'weak'
  const records = numbers[at + 1] ?? 0
  const flows = numbers[at + 2] ?? 0
  const firstMs = numbers[at + 3] ?? 0
  const lastMs = numbers[at + 4] ?? 0
  if (firstMs > lastMs) {
    return flows > records
      ? { side, verdict, strength, records, flows }
      : { side, verdict, strength, records }
  }
  const first = formatTime(firstMs)
  const last = firstMs === lastMs ? first : formatTime(lastMs)
  return flows > records
    ? { side, verdict, strength, records, flows, first, last }
    : { side, verdict, strength, records, first, last }
}

/** Returns the numbers that were spelled as these records, undefined for records of another origin. */
export function numbersSpelledAs(records: readonly CellRecord[]): CellNumbers | undefined {
  return spelled.get(records)
}

/** Returns the counters that a document spells, of whatever origin. */
export function cellsSpelledAs(records: readonly CellRecord[]): readonly Cell[] {
  const numbers = spelled.get(records)
  if (numbers !== undefined) return cellsOf(numbers)
  return records.map((cell) => ({ ...cell, flows: cell.flows ?? cell.records, ...spanOf(cell) }))
}
