/** What differs at one destination between two sets, sorted by what it means. */
import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  addBits,
  commonBits,
  countBits,
  countWord,
  createBits,
  hasBit,
  isEmptyBits,
  withoutBits,
} from '../policy/bits.ts'
import type { CompiledSet } from '../policy/compiled-set.ts'
import type { Span } from '../policy/port-line.ts'
import { namedStart, protocolStarts } from '../policy/port-line.ts'
import type { PassingRows } from '../policy/rows.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo } from '../policy/rows.ts'
import type { Universe } from '../policy/universe.ts'
import type { Block } from './blocks.ts'
import { blocksOf } from './blocks.ts'
import type { ObservedConnection } from './observed.ts'
import type { Section } from './policy-diff.ts'

/** Two sets over one universe. */
export interface ComparedSets {
  readonly universe: Universe
  readonly old: CompiledSet
  readonly new: CompiledSet
  readonly observed: ReadonlyMap<number, readonly ObservedConnection[]>
}

/** Sources whose ports at the destination differ in one way. */
export interface Difference extends Block {
  readonly section: Exclude<Section, 'isolation'>
}

/** What pods that change their isolation have to do with what was lost, or won, at the destination. */
export interface IsolationShare {
  /** Sources that the destination's own side cuts off, when that side is newly isolated; unobserved ones alone in `quiet`. */
  readonly ingress: Bits
  readonly ingressQuiet: Bits
  /** Sources whose own side, newly isolated, cuts them off. */
  readonly egress: Bits
  readonly egressQuiet: Bits
}

/** All that differs at one destination. */
export interface DestinationDifference {
  readonly atoms: readonly Span[]
  readonly old: PassingRows
  readonly new: PassingRows
  readonly differences: readonly Difference[]
  readonly closed: IsolationShare
  readonly opened: IsolationShare
  /** Maximal port ranges, by source, that both sets allow. */
  readonly unchanged: number
}

/** Returns what differs at an end. */
export function compareDestination(sets: ComparedSets, end: number): DestinationDifference {
  const { universe } = sets
  const observed = sets.observed.get(end) ?? []
  const grants = { old: grantsTo(sets.old, universe, end), new: grantsTo(sets.new, universe, end) }
  const seen = observed.map(({ position }) => ({ low: position, high: position }))
  const atoms = cutPorts(universe, end, [
    ...grantSpans(grants.old),
    ...grantSpans(grants.new),
    ...seen,
  ])
  const old = rowsTo(sets.old, universe, end, atoms, grants.old)
  const fresh = rowsTo(sets.new, universe, end, atoms, grants.new)
  const seenRows = observedRows(universe, atoms, observed)
  const before = { ...old, both: passing(old) }
  const after = { ...fresh, both: passing(fresh) }
  const closed = lossOf(before, after, seenRows, freshIsolation(sets.old, sets.new, end))
  const opened = lossOf(after, before, seenRows, freshIsolation(sets.new, sets.old, end))
  return {
    atoms,
    old: before,
    new: after,
    differences: [
      ...sectioned('breaks', closed.seen),
      ...sectioned('opens', opened.listed),
      ...sectioned('needed', opened.seen),
      ...sectioned('tightens', closed.listed),
    ],
    closed: closed.share,
    opened: opened.share,
    unchanged: countRanges(atoms, before.both, after.both),
  }
}

function sectioned(section: Difference['section'], rows: readonly Bits[]): readonly Difference[] {
  return blocksOf(rows).map((block) => ({ ...block, section }))
}

function observedRows(
  universe: Universe,
  atoms: readonly Span[],
  observed: readonly ObservedConnection[],
): readonly Bits[] {
  const byPosition = new Map<number, Bits>()
  for (const { sources, position } of observed) {
    const row = byPosition.get(position) ?? createBits(universe.ends.length)
    byPosition.set(position, row)
    for (const source of sources) addBit(row, source)
  }
  const none = createBits(universe.ends.length)
  return atoms.map((atom) => byPosition.get(atom.low) ?? none)
}

/** Where the second set isolates what the first does not. */
interface FreshIsolation {
  readonly ingress: boolean
  readonly egress: Bits
}

function freshIsolation(first: CompiledSet, second: CompiledSet, end: number): FreshIsolation {
  return {
    ingress: hasBit(second.ingress.isolated, end) && !hasBit(first.ingress.isolated, end),
    egress: withoutBits(second.egress.isolated, first.egress.isolated),
  }
}

interface Loss {
  /** Lost, although it was observed. */
  readonly seen: readonly Bits[]
  /** Lost and not observed, for more than that a pod became isolated. */
  readonly listed: readonly Bits[]
  readonly share: IsolationShare
}

/**
 * Returns what `before` lets through and `after` does not. An unobserved loss is left to the isolation change when each
 * side that denies it is one that was not isolated before: no rule was taken back then, the pod just became isolated.
 */
function lossOf(
  before: PassingRows,
  after: PassingRows,
  observed: readonly Bits[],
  fresh: FreshIsolation,
): Loss {
  const size = 32 * (observed[0]?.length ?? 0)
  const total = (): Bits => createBits(size)
  const share = {
    ingress: total(),
    ingressQuiet: total(),
    egress: total(),
    egressQuiet: total(),
  }
  const none = total()
  const seen: Bits[] = []
  const listed: Bits[] = []
  for (const [atom, row] of before.both.entries()) {
    const lost = withoutBits(row, after.both[atom] ?? none)
    if (isEmptyBits(lost)) {
      seen.push(none)
      listed.push(none)
      continue
    }
    const byIngress = withoutBits(lost, after.ingress[atom] ?? none)
    const byEgress = withoutBits(lost, after.egress[atom] ?? none)
    const freshEgress = commonBits(byEgress, fresh.egress)
    const revoked = withoutBits(byEgress, fresh.egress)
    if (!fresh.ingress) addBits(revoked, byIngress)
    const unseen = withoutBits(lost, observed[atom] ?? none)
    const quiet = withoutBits(unseen, revoked)
    seen.push(commonBits(lost, observed[atom] ?? none))
    listed.push(commonBits(unseen, revoked))
    addBits(share.egress, freshEgress)
    addBits(share.egressQuiet, commonBits(freshEgress, quiet))
    if (!fresh.ingress) continue
    addBits(share.ingress, byIngress)
    addBits(share.ingressQuiet, commonBits(byIngress, quiet))
  }
  return { seen, listed, share }
}

/** Counts the maximal port ranges that both allow; all ports of all protocols count as one. */
function countRanges(
  atoms: readonly Span[],
  before: readonly Bits[],
  after: readonly Bits[],
): number {
  let count = 0
  let previous: Bits | undefined
  let whole: Bits | undefined
  for (const [index, { low }] of atoms.entries()) {
    // A named port of unknown number lies somewhere in the numbered ones: it is not counted again.
    if (low >= namedStart) break
    const row = commonBits(before[index] ?? new Uint32Array(0), after[index] ?? new Uint32Array(0))
    if (protocolStarts.includes(low)) previous = undefined
    count += previous === undefined ? countBits(row) : countStarts(row, previous)
    whole = whole === undefined ? row : commonBits(whole, row)
    previous = row
  }
  return count - (protocolStarts.length - 1) * (whole === undefined ? 0 : countBits(whole))
}

function countStarts(row: Bits, previous: Bits): number {
  let count = 0
  for (let word = 0; word < row.length; word++) {
    count += countWord((row[word] ?? 0) & ~(previous[word] ?? 0))
  }
  return count
}
