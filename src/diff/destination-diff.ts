/** What differs at one destination between two sets, sorted by what it means. */
import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  addBits,
  commonBits,
  countBits,
  countWord,
  createBits,
  firstDifference,
  hasBit,
  isEmptyBits,
  withoutBits,
} from '../policy/bits.ts'
import type { CompiledSet } from '../policy/compiled-set.ts'
import type { Span } from '../policy/port-line.ts'
import { namedStart, protocolStarts } from '../policy/port-line.ts'
import type { Grants, PassingRows } from '../policy/rows.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo, sameGrants } from '../policy/rows.ts'
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
  readonly effect: 'widens' | 'narrows'
}

/** What pods that change their isolation have to do with what was lost, or won, at the destination. */
export interface IsolationShare {
  /**
   * Sources that the destination's own side cuts off, when that side is newly isolated; `quiet` are the known ones
   * among them that were never observed, for a known destination.
   */
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
  const grants = { old: grantsTo(sets.old, universe, end), new: grantsTo(sets.new, universe, end) }
  if (isSame(sets, grants)) return withoutDifference(sets, end, grants.new)
  const observed = sets.observed.get(end) ?? []
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
  const everyone = universe.sourcesOf(end)
  const counted = hasBit(universe.known, end) ? universe.known : createBits(universe.ends.length)
  const closed = lossOf(before, after, {
    observed: seenRows,
    fresh: freshIsolation(sets.old, sets.new, end),
    counted,
  })
  const opened = lossOf(after, before, {
    observed: seenRows,
    fresh: freshIsolation(sets.new, sets.old, end),
    counted,
  })
  return {
    atoms,
    old: before,
    new: after,
    differences: [
      ...sectioned('breaks', 'narrows', closed.seen),
      ...sectioned('opens', 'widens', within(opened.listed, counted)),
      ...sectioned('needed', 'widens', opened.seen),
      ...sectioned('tightens', 'narrows', within(closed.listed, counted)),
      ...sectioned('future', 'widens', beyond(opened.listed, counted, everyone)),
      ...sectioned('future', 'narrows', beyond(closed.listed, counted, everyone)),
    ],
    closed: closed.share,
    opened: opened.share,
    unchanged: countRanges(atoms, within(before.both, counted), after.both),
  }
}

interface GrantPair {
  readonly old: Grants
  readonly new: Grants
}

/** Most ends of a small change are like this. */
function isSame({ old, new: fresh }: ComparedSets, grants: GrantPair): boolean {
  return (
    firstDifference(old.egress.isolated, fresh.egress.isolated) === undefined &&
    sameGrants(grants.old, grants.new)
  )
}

function withoutDifference(
  { universe, new: set }: ComparedSets,
  end: number,
  grants: Grants,
): DestinationDifference {
  const atoms = cutPorts(universe, end, grantSpans(grants))
  const rows = rowsTo(set, universe, end, atoms, grants)
  const both = passing(rows)
  const none = createBits(universe.ends.length)
  const share = { ingress: none, ingressQuiet: none, egress: none, egressQuiet: none }
  const counted = hasBit(universe.known, end) ? universe.known : none
  return {
    atoms,
    old: { ...rows, both },
    new: { ...rows, both },
    differences: [],
    closed: share,
    opened: share,
    unchanged: countRanges(atoms, within(both, counted), both),
  }
}

function sectioned(
  section: Difference['section'],
  effect: Difference['effect'],
  rows: readonly Bits[],
): readonly Difference[] {
  return blocksOf(rows).map((block) => ({ ...block, section, effect }))
}

function within(rows: readonly Bits[], ends: Bits): readonly Bits[] {
  return rows.map((row) => (isEmptyBits(row) ? row : commonBits(row, ends)))
}

/** Pods that do not exist yet are part of `everyone`: where known ends are called so, they need no line of their own. */
function beyond(rows: readonly Bits[], ends: Bits, everyone: Bits): readonly Bits[] {
  return rows.map((row) => {
    if (isEmptyBits(row)) return row
    const isSaid = !isEmptyBits(ends) && firstDifference(row, everyone) === undefined
    return isSaid ? createBits(32 * row.length) : withoutBits(row, ends)
  })
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

/** What a loss is judged by. */
interface LossContext {
  readonly observed: readonly Bits[]
  readonly fresh: FreshIsolation
  /** Sources that count for the isolation changes: known ones, where the destination is known. */
  readonly counted: Bits
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
  { observed, fresh, counted }: LossContext,
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
    const quiet = commonBits(withoutBits(unseen, revoked), counted)
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
