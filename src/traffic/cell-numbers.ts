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

/** A list of counters: the numbers of a larger list from one position to another. */
export interface CellNumbers {
  readonly numbers: ArrayLike<number>
  readonly from: number
  readonly to: number
}

/** No counters. */
export const noCells: CellNumbers = { numbers: [], from: 0, to: 0 }

/** One counter. */
export interface Cell extends Readonly<Span> {
  readonly side: Side
  readonly verdict: VerdictKind
  readonly strength: Strength
  readonly records: number
  readonly flows: number
}

/** Numbers of a counter. */
export const numbersOfCell = 5

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
  while (at < numbers.length && (numbers[at] ?? 0) < rank) at += numbersOfCell
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

/** Adds to each counter what another list counts, in place. */
export function addCells(into: number[], { numbers, from, to }: CellNumbers): void {
  for (let at = from; at < to; at += numbersOfCell) {
    addToCell(
      into,
      numbers[at] ?? 0,
      numbers[at + 1] ?? 0,
      numbers[at + 2] ?? 0,
      numbers[at + 3] ?? 0,
      numbers[at + 4] ?? 0,
    )
  }
}

/** Returns the counters in a list of their own. */
export function ownNumbers({ numbers, from, to }: CellNumbers): number[] {
  const own: number[] = []
  for (let at = from; at < to; at += 1) own.push(numbers[at] ?? 0)
  return own
}

/** Returns the counters one by one. */
export function cellsOf({ numbers, from, to }: CellNumbers): readonly Cell[] {
  const cells: Cell[] = []
  for (let at = from; at < to; at += numbersOfCell) {
    const rank = numbers[at] ?? 0
    cells.push({
      side: sideOf(rank),
      verdict: verdictOf(rank),
      strength: strengthOf(rank),
      records: numbers[at + 1] ?? 0,
      flows: numbers[at + 2] ?? 0,
      firstMs: numbers[at + 3] ?? 0,
      lastMs: numbers[at + 4] ?? 0,
    })
  }
  return cells
}

/** Returns what a counter of a rank counts; the inverse of {@link cellRank}. */
export function kindOfCell(rank: number): Pick<Cell, 'side' | 'verdict' | 'strength'> {
  return { side: sideOf(rank), verdict: verdictOf(rank), strength: strengthOf(rank) }
}

function sideOf(rank: number): Side {
  return sides[rank >> 5] ?? 'none'
}

function verdictOf(rank: number): VerdictKind {
  return verdictKinds[(rank >> 2) & 7] ?? 'trace'
}

function strengthOf(rank: number): Strength {
  return strengths[rank & 3] ?? 'weak'
}

/** Tells whether one of the counters is of such a kind. */
export function someCell(
  { numbers, from, to }: CellNumbers,
  isSuch: (verdict: VerdictKind, strength: Strength) => boolean,
): boolean {
  for (let at = from; at < to; at += numbersOfCell) {
    const rank = numbers[at] ?? 0
    if (isSuch(verdictOf(rank), strengthOf(rank))) return true
  }
  return false
}

/** Returns how many records all of them count. */
export function recordsOf({ numbers, from, to }: CellNumbers): number {
  let records = 0
  for (let at = from; at < to; at += numbersOfCell)
    records = addCounts(records, numbers[at + 1] ?? 0)
  return records
}

/** Tells whether a policy refused one of the records, or would have. */
export function holdsRefusal({ numbers, from, to }: CellNumbers): boolean {
  for (let at = from; at < to; at += numbersOfCell) {
    if (refusals[((numbers[at] ?? 0) >> 2) & 7] === true) return true
  }
  return false
}

/** By the positions of verdicts. */
const refusals: readonly boolean[] = verdictKinds.map(
  (verdict) => verdict === 'audit' || verdict.startsWith('denied'),
)

/** Returns the counters as documents spell them. */
export function spellCells({ numbers, from, to }: CellNumbers): readonly CellRecord[] {
  // Lists that grow take more memory than they need, and sets hold many.
  const records: CellRecord[] = new Array((to - from) / numbersOfCell)
  for (let at = from, index = 0; at < to; at += numbersOfCell, index += 1) {
    records[index] = spellCell(numbers, at)
  }
  return records
}

function spellCell(numbers: ArrayLike<number>, at: number): CellRecord {
  const rank = numbers[at] ?? 0
  const side = sideOf(rank)
  const verdict = verdictOf(rank)
  const strength = strengthOf(rank)
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

/** Returns the counters that a document spells, in whatever order. */
export function readCells(records: readonly CellRecord[]): CellNumbers {
  const numbers: number[] = []
  for (const cell of records) {
    const rank = cellRank(cell.side, cell.verdict, cell.strength)
    const { firstMs, lastMs } = spanOf(cell)
    addToCell(numbers, rank, cell.records, cell.flows ?? cell.records, firstMs, lastMs)
  }
  return { numbers, from: 0, to: numbers.length }
}
