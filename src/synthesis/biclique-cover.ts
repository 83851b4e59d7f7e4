/**
 * The fewest rules that say a matrix of peers and ports (`reference/algorithms.md` C.1). Columns are bits of a mask:
 * a mask that holds another is never the smaller number, which is what the orders in this file rest on.
 */
import { NetweirError } from '../errors.ts'
import { minimumHittingSet } from './hitting-set.ts'

/** Every row has a cell in every column. */
export interface Biclique {
  /** Ascending; at least one. */
  readonly rows: readonly number[]
  /** Ascending; at least one. */
  readonly columns: readonly number[]
}

/** Bicliques that together hold exactly the cells of a matrix. */
export interface BicliqueCover {
  /** In an order that depends on their columns alone. */
  readonly bicliques: readonly Biclique[]
  /** False when the search was cut off: the bicliques are then those of {@link groupEqualRows}. */
  readonly exact: boolean
}

/** Sets of columns that rows may have in common before the search is given up. */
const maxIntents = 4_096

/** Distinct rows times the sets that they have in common: what it takes to compare them, a few seconds. */
const maxComparisons = 1_000_000

/** Sets of columns among which the search may choose, once those that decide themselves are gone. */
const maxCandidates = 30

/** The rows by their set of columns, ascending by mask. */
type Patterns = ReadonlyMap<bigint, readonly number[]>

/** What is left to choose from. */
interface Candidate {
  /** The columns of a biclique; its rows are all that have them. */
  readonly intent: bigint
  /** The cells that it covers, as bits. */
  readonly reach: bigint
}

/**
 * Returns the fewest bicliques that cover exactly the cells of a matrix, whose rows list their columns, each below
 * `columns`. Where grouping equal rows is as good, that is the answer. The order of rows does not matter.
 * @throws {NetweirError} `INTERNAL` for a column out of bounds.
 */
export function coverBicliques(
  rows: readonly (readonly number[])[],
  columns: number,
): BicliqueCover {
  const groups = groupEqualRows(rows)
  const patterns = patternsOf(groups, columns)
  const masks = [...patterns.keys()]
  const intents = closeUnderIntersection(masks)
  const chosen = intents && chooseIntents(masks, intents, columns)
  if (chosen === undefined) return { bicliques: groups, exact: false }
  const isShorter = chosen.length < groups.length
  return { bicliques: isShorter ? placeRows(patterns, chosen) : groups, exact: true }
}

/** Returns one biclique for each set of columns that a row has, in time that grows with the cells. */
export function groupEqualRows(rows: readonly (readonly number[])[]): readonly Biclique[] {
  const byText = new Map<string, { rows: number[]; columns: readonly number[] }>()
  for (const [row, list] of rows.entries()) {
    if (list.length === 0) continue
    const columns = [...new Set(list)].sort((a, b) => a - b)
    const text = columns.join()
    const alike = byText.get(text)
    if (alike === undefined) byText.set(text, { rows: [row], columns })
    else alike.rows.push(row)
  }
  return [...byText.keys()].sort().flatMap((text) => byText.get(text) ?? [])
}

function patternsOf(groups: readonly Biclique[], columns: number): Patterns {
  const byMask = groups.map(
    (group) => [maskOf(group.columns, columns), group.rows] as [bigint, readonly number[]],
  )
  return new Map(byMask.sort(([a], [b]) => compare(a, b)))
}

function maskOf(list: readonly number[], columns: number): bigint {
  let mask = 0n
  for (const column of list) {
    if (!(column >= 0 && column < columns)) {
      throw new NetweirError(
        'INTERNAL',
        `column "${column}" was found, expected one below ${columns}`,
      )
    }
    mask |= 1n << BigInt(column)
  }
  return mask
}

function columnsOf(mask: bigint): readonly number[] {
  const columns: number[] = []
  for (const [at, digit] of [...mask.toString(2)].reverse().entries()) {
    if (digit === '1') columns.push(at)
  }
  return columns
}

/** Returns every set of columns that some rows have in common, ascending, or undefined when they are too many. */
function closeUnderIntersection(masks: readonly bigint[]): readonly bigint[] | undefined {
  if (masks.length ** 2 > maxComparisons) return undefined
  const intents = new Set<bigint>()
  for (const mask of masks) {
    for (const known of [...intents]) intents.add(known & mask)
    intents.add(mask)
    if (intents.size > maxIntents) return undefined
  }
  if (intents.size * masks.length > maxComparisons) return undefined
  intents.delete(0n)
  return [...intents].sort(compare)
}

/** Returns the fewest intents that cover all cells, or undefined when the search was cut off. */
function chooseIntents(
  masks: readonly bigint[],
  intents: readonly bigint[],
  columns: number,
): readonly bigint[] | undefined {
  const { forced, candidates, open } = reduce(reachOf(masks, intents, columns))
  if (candidates.length > maxCandidates) return undefined
  const answer = minimumHittingSet({
    elements: candidates.map(({ intent }) => ({
      name: intent.toString(2).padStart(columns, '0'),
      cost: 1,
    })),
    sets: columnsOf(open).map((cell) =>
      candidates.flatMap(({ reach }, at) => ((reach >> BigInt(cell)) & 1n ? [at] : [])),
    ),
  })
  if (answer?.exact !== true) return undefined
  const chosen = answer.chosen.flatMap((at) => candidates[at]?.intent ?? [])
  return [...forced, ...chosen].sort(compare)
}

/**
 * Returns what each intent covers of the cells that matter. A biclique covers a cell when its columns lie between what
 * all rows with that column share and what that row has; a cell whose bounds hold those of another one is covered with
 * it, which leaves the smallest rows of a column and, in a row, the columns that share most.
 */
function reachOf(
  masks: readonly bigint[],
  intents: readonly bigint[],
  columns: number,
): readonly Candidate[] {
  const shared = sharedColumns(masks, columns)
  const cells: { readonly least: bigint; readonly most: bigint }[] = []
  for (const most of masks) {
    const below = masks.reduce((all, mask) => (isProperPart(mask, most) ? all | mask : all), 0n)
    const own = shared.filter((least) => isPart(least, most) && !isPart(least, below))
    for (const least of own) {
      if (!own.some((other) => isProperPart(least, other))) cells.push({ least, most })
    }
  }
  const bits = cells.map((cell, at) => ({ ...cell, bit: 1n << BigInt(at) }))
  return intents.map((intent) => ({
    intent,
    reach: bits.reduce(
      (reach, { least, most, bit }) =>
        isPart(least, intent) && isPart(intent, most) ? reach | bit : reach,
      0n,
    ),
  }))
}

/** Returns, for each column that is used, the columns that all rows with it share; equal ones once. */
function sharedColumns(masks: readonly bigint[], columns: number): readonly bigint[] {
  const shared = new Set<bigint>()
  for (let column = 0; column < columns; column += 1) {
    const bit = 1n << BigInt(column)
    const having = masks.filter((mask) => mask & bit)
    const [first, ...rest] = having
    if (first !== undefined) shared.add(rest.reduce((both, mask) => both & mask, first))
  }
  return [...shared].sort(compare)
}

/** Takes what alone covers a cell, and drops what covers no more than another does, until nothing changes. */
function reduce(all: readonly Candidate[]): {
  readonly forced: readonly bigint[]
  readonly candidates: readonly Candidate[]
  readonly open: bigint
} {
  const forced: bigint[] = []
  let open = all.reduce((cells, { reach }) => cells | reach, 0n)
  let candidates = undominated(all)
  for (;;) {
    const alone = coveredOnce(candidates)
    if (alone === 0n) return { forced, candidates, open }
    for (const { intent, reach } of candidates) {
      if ((reach & alone) === 0n) continue
      forced.push(intent)
      open &= ~reach
    }
    candidates = undominated(
      candidates.map(({ intent, reach }) => ({ intent, reach: reach & open })),
    )
  }
}

function coveredOnce(candidates: readonly Candidate[]): bigint {
  let once = 0n
  let twice = 0n
  for (const { reach } of candidates) {
    twice |= once & reach
    once |= reach
  }
  return once & ~twice
}

/** Of candidates that cover the same, the one with the smallest mask is kept. */
function undominated(candidates: readonly Candidate[]): readonly Candidate[] {
  const kept: Candidate[] = []
  const widestFirst = candidates.toSorted(
    (a, b) => compare(b.reach, a.reach) || compare(a.intent, b.intent),
  )
  for (const candidate of widestFirst) {
    const { reach } = candidate
    if (reach !== 0n && !kept.some((wider) => isPart(reach, wider.reach))) kept.push(candidate)
  }
  return kept
}

/** Gives each row the bicliques that it needs: one whose cells the others of the row cover leaves the row out. */
function placeRows(patterns: Patterns, chosen: readonly bigint[]): readonly Biclique[] {
  const rowsOf = new Map<bigint, number[]>(chosen.map((intent) => [intent, []]))
  for (const [mask, rows] of patterns) {
    let needed = chosen.filter((intent) => isPart(intent, mask))
    for (const intent of needed) {
      const others = needed.filter((other) => other !== intent)
      if (others.reduce((all, other) => all | other, 0n) === mask) needed = others
    }
    for (const intent of needed) rowsOf.get(intent)?.push(...rows)
  }
  return [...rowsOf].map(([intent, rows]) => ({
    rows: rows.toSorted((a, b) => a - b),
    columns: columnsOf(intent),
  }))
}

function isPart(part: bigint, whole: bigint): boolean {
  return (part & whole) === part
}

function isProperPart(part: bigint, whole: bigint): boolean {
  return part !== whole && isPart(part, whole)
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
