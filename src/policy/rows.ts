/** Who may connect to one end, port by port, as bit rows: the exact engine of the comparison. */
import type { Bits } from './bits.ts'
import {
  addBit,
  addBits,
  commonBits,
  copyBits,
  createBits,
  hasBit,
  uniteBits,
  withoutBits,
} from './bits.ts'
import type { CompiledSet } from './compiled-set.ts'
import { spansAt } from './compiled-set.ts'
import type { Denials } from './denied-rows.ts'
import { denialsTo, withoutDenied } from './denied-rows.ts'
import type { Span } from './port-line.ts'
import { icmpEnd, icmpFamilyStarts, icmpStart, namedStart, protocolStarts } from './port-line.ts'
import type { Universe } from './universe.ts'

/** What a set opens towards one end, rule by rule. */
export interface Grants {
  /** Absent when the end is not isolated, and lets everyone in. */
  readonly ingress?: readonly {
    readonly spans: readonly Span[]
    readonly peers: Bits | readonly number[]
  }[]
  readonly egress: readonly {
    readonly spans: readonly Span[]
    readonly sources: Bits | readonly number[]
  }[]
  /** Absent when nothing is denied whatever is opened. */
  readonly denied?: Denials
}

/**
 * Rows of one set at one end, one per atom: the sources that its ingress side lets in, and that their egress lets out.
 * Atoms that no grant is about share their rows, with other ends too: none may be changed.
 */
export interface Rows {
  readonly ingress: readonly Bits[]
  readonly egress: readonly Bits[]
}

/** Rows with the sources that pass both sides, one row per atom. */
export interface PassingRows extends Rows {
  readonly both: readonly Bits[]
}

/** Returns what a set opens towards an end. */
export function grantsTo(set: CompiledSet, universe: Universe, end: number): Grants {
  const egress = set.egressTo(end).map(({ ports, sources }) => ({
    spans: spansAt(universe, end, ports),
    sources,
  }))
  const denials = denialsTo(set, universe, end)
  const denied = denials === undefined ? {} : { denied: denials }
  if (!hasBit(set.ingress.isolated, end)) return { egress, ...denied }
  const everyone = universe.sourcesOf(end)
  const ingress = (set.ingress.rules[end] ?? []).map(({ ports, peers }) => ({
    spans: spansAt(universe, end, ports),
    peers: peers === 'everyone' ? everyone : peers,
  }))
  return { ingress, egress, ...denied }
}

/** Tells whether two sets plainly open the same towards an end; what says the same in other words may be missed. */
export function sameGrants(a: Grants, b: Grants): boolean {
  if (a.denied !== undefined || b.denied !== undefined) return false
  if (a.egress.length !== b.egress.length || a.ingress?.length !== b.ingress?.length) return false
  return (
    a.egress.every(({ spans, sources }, index) => {
      const other = b.egress[index]
      return (
        other !== undefined && sameSpans(spans, other.spans) && sameMembers(sources, other.sources)
      )
    }) &&
    (a.ingress ?? []).every(({ spans, peers }, index) => {
      const other = b.ingress?.[index]
      return other !== undefined && peers === other.peers && sameSpans(spans, other.spans)
    })
  )
}

function sameMembers(a: Bits | readonly number[], b: Bits | readonly number[]): boolean {
  if (a === b) return true
  return a.length === b.length && a.every((member, at) => member === b[at])
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every(({ low, high }, index) => low === b[index]?.low && high === b[index]?.high)
}

/** Returns the spans of some grants, for {@link cutPorts}. */
export function grantSpans({ ingress = [], egress, denied }: Grants): readonly Span[] {
  const all: Span[] = []
  for (const { spans } of ingress) for (const span of spans) all.push(span)
  for (const { spans } of egress) for (const span of spans) all.push(span)
  for (const { spans } of denied?.ingress ?? []) all.push(...spans)
  for (const { spans } of denied?.egress ?? []) all.push(...spans)
  return all
}

/** Returns the coarsest cut of an end's ports into atoms that no given span splits, in order. */
export function cutPorts(universe: Universe, end: number, spans: readonly Span[]): readonly Span[] {
  const at = universe.ends[end]
  const hasNames = at?.kind === 'pod' && at.pod.ports === undefined
  const limit = namedStart + (hasNames ? universe.portNames.length : 0)
  const starts = new Set(protocolStarts)
  for (let position = namedStart; position < limit; position++) starts.add(position)
  let before: Span | undefined
  for (const span of spans) {
    // Many rules are about the same ports, one after the other.
    if (span === before || span.low >= icmpStart) continue
    before = span
    const { low, high } = span
    starts.add(low)
    if (high + 1 < limit) starts.add(high + 1)
  }
  const sorted = [...starts].sort((a, b) => a - b)
  const atoms = sorted.map((low, index) => ({ low, high: (sorted[index + 1] ?? limit) - 1 }))
  return universe.icmp ? [...atoms, ...cutIcmp(spans)] : atoms
}

function cutIcmp(spans: readonly Span[]): readonly Span[] {
  const starts = new Set(icmpFamilyStarts)
  for (const { low, high } of spans) {
    if (low >= icmpStart) starts.add(low)
    if (high >= icmpStart && high + 1 < icmpEnd) starts.add(high + 1)
  }
  const sorted = [...starts].sort((a, b) => a - b)
  return sorted.map((low, index) => ({ low, high: (sorted[index + 1] ?? icmpEnd) - 1 }))
}

/** Returns the rows of a set at an end; the atoms must come from {@link cutPorts} over the set's spans. */
export function rowsTo(
  set: CompiledSet,
  universe: Universe,
  end: number,
  atoms: readonly Span[],
  grants: Grants = grantsTo(set, universe, end),
): Rows {
  const sources = universe.sourcesOf(end)
  return rowsOfGrants(grants, { sources, free: freeSources(set, sources) }, atoms)
}

/** Hardly more than two ends differ in the sources that are compared at them. */
const knownFree = new WeakMap<CompiledSet, Map<Bits, Bits>>()

function freeSources(set: CompiledSet, sources: Bits): Bits {
  const known = knownFree.get(set) ?? new Map<Bits, Bits>()
  knownFree.set(set, known)
  const free = known.get(sources) ?? withoutBits(sources, set.egress.isolated)
  known.set(sources, free)
  return free
}

/** Sources of an end: all that are compared, and those among them whose own side lets everything out. */
export interface RowSources {
  readonly sources: Bits
  readonly free: Bits
}

/** Returns the rows that grants to an end make; the atoms must come from {@link cutPorts} over their spans. */
export function rowsOfGrants(
  grants: Grants,
  { sources, free }: RowSources,
  atoms: readonly Span[],
): Rows {
  const { denied, ...opened } = grants
  if (denied !== undefined) {
    const rows = rowsOfGrants(opened, { sources, free }, atoms)
    return {
      ingress: withoutDenied(rows.ingress, denied.ingress, atoms),
      egress: withoutDenied(rows.egress, denied.egress, atoms),
    }
  }
  const egress = createRows(atoms, free)
  for (const { spans, sources: granted } of grants.egress) egress.add(spans, granted)
  if (grants.ingress === undefined) {
    return { ingress: atoms.map(() => sources), egress: egress.rows() }
  }
  const ingress = createRows(atoms, createBits(32 * sources.length))
  for (const { spans, peers } of grants.ingress) ingress.add(spans, peers)
  return { ingress: ingress.rows(), egress: egress.rows() }
}

/** Returns the sources that pass both sides, one row per atom; atoms that share rows share this one, too. */
export function passing(rows: Rows): readonly Bits[] {
  const [ingress, egress] = [rows.ingress[0], rows.egress[0]]
  const both: Bits[] = []
  for (const [atom, row] of rows.ingress.entries()) {
    const other = rows.egress[atom] ?? row
    const alike = row === ingress && other === egress ? both[0] : undefined
    both.push(alike ?? commonBits(row, other))
  }
  return both
}

function addPeers(row: Bits, peers: Bits | readonly number[]): void {
  if (peers instanceof Uint32Array) addBits(row, peers)
  else for (const peer of peers) addBit(row, peer)
}

/**
 * Returns rows that start as one row, and a way to add peers to the atoms that lie within spans. What is added to equal
 * spans, which are one list, is gathered first: atoms that the same lists are about share one row.
 */
function createRows(
  atoms: readonly Span[],
  start: Bits,
): {
  readonly rows: () => readonly Bits[]
  readonly add: (spans: readonly Span[], peers: Bits | readonly number[]) => void
} {
  const layers = new Map<readonly Span[], Bits>()
  return {
    add: (spans, peers) => {
      let layer = layers.get(spans)
      if (layer === undefined) {
        layer = copyBits(start)
        layers.set(spans, layer)
      }
      addPeers(layer, peers)
    },
    rows: () => {
      const rows = atoms.map(() => start)
      for (const [spans, layer] of layers) lay(rows, layer, { atoms, spans, start })
      return rows
    },
  }
}

/** Adds a layer to the rows of the atoms within its spans; rows that were one stay one. */
function lay(
  rows: Bits[],
  layer: Bits,
  { atoms, spans, start }: { atoms: readonly Span[]; spans: readonly Span[]; start: Bits },
): void {
  let below = start
  let united = layer
  const raise = (row: Bits): Bits => {
    if (row === united || row === below) return united
    below = row
    united = row === start ? layer : uniteBits(row, layer)
    return united
  }
  for (const span of spans) {
    for (let index = firstAtom(atoms, span.low); index < atoms.length; index++) {
      if ((atoms[index]?.low ?? 0) > span.high) break
      rows[index] = raise(rows[index] ?? start)
    }
  }
}

function firstAtom(atoms: readonly Span[], position: number): number {
  let low = 0
  let high = atoms.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((atoms[middle]?.low ?? 0) < position) low = middle + 1
    else high = middle
  }
  return low
}
