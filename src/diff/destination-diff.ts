/** What differs at one destination between two sets, sorted by what it means. */
import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  commonBits,
  copyBits,
  countBits,
  countWord,
  createBits,
  equalBits,
  hasAll,
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
export type DestinationComparer = (end: number) => DestinationDifference

/** Returns the comparer of two sets. */
export function compareDestinations(sets: ComparedSets): DestinationComparer {
  const isolation = {
    closed: withoutBits(sets.new.egress.isolated, sets.old.egress.isolated),
    opened: withoutBits(sets.old.egress.isolated, sets.new.egress.isolated),
  }
  const none = createBits(sets.universe.ends.length)
  return (end) => compareDestination({ ...sets, isolation, none }, end)
}

/** The sets with what is the same for every destination. */
interface Comparison extends ComparedSets {
  /** Pods whose egress side the second set alone isolates, and the first alone. */
  readonly isolation: { readonly closed: Bits; readonly opened: Bits }
  readonly none: Bits
}

function compareDestination(sets: Comparison, end: number): DestinationDifference {
  const { universe, none } = sets
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
  const seenRows = observedRows(sets, atoms, observed)
  const before = { ...old, both: passing(old) }
  const after = { ...fresh, both: passing(fresh) }
  const everyone = universe.sourcesOf(end)
  const counted = hasBit(universe.known, end) ? universe.known : none
  const ingress = {
    closed: hasBit(sets.new.ingress.isolated, end) && !hasBit(sets.old.ingress.isolated, end),
    opened: hasBit(sets.old.ingress.isolated, end) && !hasBit(sets.new.ingress.isolated, end),
  }
  const closed = lossOf(before, after, {
    observed: seenRows,
    fresh: { ingress: ingress.closed, egress: sets.isolation.closed },
    counted,
    none,
  })
  const opened = lossOf(after, before, {
    observed: seenRows,
    fresh: { ingress: ingress.opened, egress: sets.isolation.opened },
    counted,
    none,
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
      ...sectioned('future', 'widens', beyond(opened.listed, { counted, everyone, none })),
      ...sectioned('future', 'narrows', beyond(closed.listed, { counted, everyone, none })),
    ],
    closed: closed.share,
    opened: opened.share,
    unchanged: countRanges(atoms, [before.both, after.both], counted),
  }
}

interface GrantPair {
  readonly old: Grants
  readonly new: Grants
}

/** Most ends of a small change are like this. */
function isSame({ isolation }: Comparison, grants: GrantPair): boolean {
  return (
    isEmptyBits(isolation.closed) &&
    isEmptyBits(isolation.opened) &&
    sameGrants(grants.old, grants.new)
  )
}

function withoutDifference(
  { universe, new: set, none }: Comparison,
  end: number,
  grants: Grants,
): DestinationDifference {
  const atoms = cutPorts(universe, end, grantSpans(grants))
  const rows = rowsTo(set, universe, end, atoms, grants)
  const both = passing(rows)
  const share = { ingress: none, ingressQuiet: none, egress: none, egressQuiet: none }
  const counted = hasBit(universe.known, end) ? universe.known : none
  return {
    atoms,
    old: { ...rows, both },
    new: { ...rows, both },
    differences: [],
    closed: share,
    opened: share,
    unchanged: countRanges(atoms, [both, both], counted),
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
  return mapShared(rows, (row) => (hasAll(ends, row) ? row : commonBits(row, ends)))
}

/** Pods that do not exist yet are part of `everyone`: where known ends are called so, they need no line of their own. */
function beyond(
  rows: readonly Bits[],
  { counted: ends, everyone, none }: { counted: Bits; everyone: Bits; none: Bits },
): readonly Bits[] {
  return mapShared(rows, (row) => {
    if (isEmptyBits(row)) return row
    const isSaid = !isEmptyBits(ends) && equalBits(row, everyone)
    return isSaid || hasAll(ends, row) ? none : withoutBits(row, ends)
  })
}

/** Rows that are one stay one. */
function mapShared(rows: readonly Bits[], change: (row: Bits) => Bits): readonly Bits[] {
  const [first] = rows
  let changed: Bits | undefined
  return rows.map((row) => {
    if (row !== first) return change(row)
    changed ??= change(row)
    return changed
  })
}

function observedRows(
  { universe, none }: Comparison,
  atoms: readonly Span[],
  observed: readonly ObservedConnection[],
): readonly Bits[] {
  const byPosition = new Map<number, Bits>()
  for (const { sources, position } of observed) {
    const row = byPosition.get(position) ?? createBits(universe.ends.length)
    byPosition.set(position, row)
    for (const source of sources) addBit(row, source)
  }
  return atoms.map((atom) => byPosition.get(atom.low) ?? none)
}

/** What a loss is judged by. */
interface LossContext {
  readonly observed: readonly Bits[]
  /** Sides that the second set isolates, and the first does not: that of the destination, those of sources. */
  readonly fresh: { readonly ingress: boolean; readonly egress: Bits }
  /** Sources that count for the isolation changes: known ones, where the destination is known. */
  readonly counted: Bits
  readonly none: Bits
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
  { observed, fresh, counted, none }: LossContext,
): Loss {
  const total = (): Bits => createBits(32 * none.length)
  let share = { ingress: none, ingressQuiet: none, egress: none, egressQuiet: none }
  const lossAt = (atom: number): LossRows => {
    const row = before.both[atom] ?? none
    const kept = after.both[atom] ?? none
    if (row === kept || hasAll(kept, row)) return { seen: none, listed: none }
    const rows = { seen: total(), listed: total() }
    if (share.ingress === none) {
      share = { ingress: total(), ingressQuiet: total(), egress: total(), egressQuiet: total() }
    }
    shareLoss(rows, share, {
      row,
      kept,
      ingress: after.ingress[atom] ?? none,
      egress: after.egress[atom] ?? none,
      observed: observed[atom] ?? none,
      fresh,
      counted,
    })
    return rows
  }
  // Most atoms are ports that no rule is about: they share their rows, and so what becomes of them.
  const isLikeFirst = (atom: number): boolean =>
    before.both[atom] === before.both[0] &&
    after.both[atom] === after.both[0] &&
    after.ingress[atom] === after.ingress[0] &&
    after.egress[atom] === after.egress[0] &&
    observed[atom] === observed[0]
  const first = lossAt(0)
  const losses = before.both.map((_, atom) => (isLikeFirst(atom) ? first : lossAt(atom)))
  return {
    seen: losses.map(({ seen }) => seen),
    listed: losses.map(({ listed }) => listed),
    share,
  }
}

interface LossRows {
  readonly seen: Bits
  readonly listed: Bits
}

/** One atom of a loss: what was and is let through, by which sides, and what it is judged by. */
interface LossAtom extends Pick<LossContext, 'fresh' | 'counted'> {
  readonly row: Bits
  readonly kept: Bits
  readonly ingress: Bits
  readonly egress: Bits
  readonly observed: Bits
}

/** Fills the rows and adds to the shares word by word: a row for each step would be most of what a large diff allocates. */
function shareLoss(
  { seen, listed }: LossRows,
  share: IsolationShare,
  { row, kept, ingress, egress, observed, fresh, counted }: LossAtom,
): void {
  const byNewIngress = fresh.ingress ? -1 : 0
  for (let word = 0; word < row.length; word++) {
    const lost = wordOf(row, word) & ~wordOf(kept, word)
    if (lost === 0) continue
    const byIngress = lost & ~wordOf(ingress, word)
    const byEgress = lost & ~wordOf(egress, word)
    const freshIngress = byIngress & byNewIngress
    const freshEgress = byEgress & wordOf(fresh.egress, word)
    const revoked = (byEgress & ~freshEgress) | (byIngress & ~byNewIngress)
    const unseen = lost & ~wordOf(observed, word)
    const quiet = unseen & ~revoked & wordOf(counted, word)
    addWord(share.ingress, word, freshIngress)
    addWord(share.ingressQuiet, word, freshIngress & quiet)
    addWord(share.egress, word, freshEgress)
    addWord(share.egressQuiet, word, freshEgress & quiet)
    seen[word] = lost & wordOf(observed, word)
    listed[word] = unseen & revoked
  }
}

function wordOf(bits: Bits, word: number): number {
  return bits[word] ?? 0
}

function addWord(bits: Bits, word: number, more: number): void {
  bits[word] = wordOf(bits, word) | more
}

/** Counts the maximal port ranges that both allow to some sources; all ports of all protocols count as one. */
function countRanges(
  atoms: readonly Span[],
  [before, after]: readonly [before: readonly Bits[], after: readonly Bits[]],
  counted: Bits,
): number {
  let count = 0
  const previous = createBits(32 * counted.length)
  const whole = copyBits(counted)
  for (const [index, { low }] of atoms.entries()) {
    // A named port of unknown number lies somewhere in the numbered ones: it is not counted again.
    if (low >= namedStart) break
    const [one, other] = [before[index], after[index]]
    const isStart = protocolStarts.includes(low)
    // What goes on from the port before is no range of its own.
    if (!isStart && one === before[index - 1] && other === after[index - 1]) continue
    if (isStart) previous.fill(0)
    for (let word = 0; word < counted.length; word++) {
      const both = (one?.[word] ?? 0) & (other?.[word] ?? 0) & (counted[word] ?? 0)
      count += countWord(both & ~(previous[word] ?? 0))
      whole[word] = (whole[word] ?? 0) & both
      previous[word] = both
    }
  }
  return count - (protocolStarts.length - 1) * countBits(whole)
}
