/** Who may connect to one end, port by port, as bit rows: the exact engine of the comparison. */
import type { Bits } from './bits.ts'
import { addBit, addBits, commonBits, firstDifference, hasBit, withoutBits } from './bits.ts'
import type { CompiledSet } from './compiled-set.ts'
import { spansAt } from './compiled-set.ts'
import type { Span } from './port-line.ts'
import { namedStart, protocolStarts } from './port-line.ts'
import type { Universe } from './universe.ts'

/** What a set opens towards one end, rule by rule. */
export interface Grants {
  /** Absent when the end is not isolated, and lets everyone in. */
  readonly ingress?: readonly {
    readonly spans: readonly Span[]
    readonly peers: Bits | readonly number[]
  }[]
  readonly egress: readonly { readonly spans: readonly Span[]; readonly sources: Bits }[]
}

/** Rows of one set at one end, one per atom: the sources that its ingress side lets in, and that their egress lets out. */
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
  if (!hasBit(set.ingress.isolated, end)) return { egress }
  const everyone = universe.sourcesOf(end)
  const ingress = (set.ingress.rules.get(end) ?? []).map(({ ports, peers }) => ({
    spans: spansAt(universe, end, ports),
    peers: peers === 'everyone' ? everyone : peers,
  }))
  return { ingress, egress }
}

/** Tells whether two sets plainly open the same towards an end; what says the same in other words may be missed. */
export function sameGrants(a: Grants, b: Grants): boolean {
  if (a.egress.length !== b.egress.length || a.ingress?.length !== b.ingress?.length) return false
  return (
    a.egress.every(({ spans, sources }, index) => {
      const other = b.egress[index]
      return (
        other !== undefined &&
        sameSpans(spans, other.spans) &&
        firstDifference(sources, other.sources) === undefined
      )
    }) &&
    (a.ingress ?? []).every(({ spans, peers }, index) => {
      const other = b.ingress?.[index]
      return other !== undefined && peers === other.peers && sameSpans(spans, other.spans)
    })
  )
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every(({ low, high }, index) => low === b[index]?.low && high === b[index]?.high)
}

/** Returns the spans of some grants, for {@link cutPorts}. */
export function grantSpans({ ingress = [], egress }: Grants): readonly Span[] {
  return [...ingress, ...egress].flatMap((grant) => grant.spans)
}

/** Returns the coarsest cut of an end's ports into atoms that no given span splits, in order. */
export function cutPorts(universe: Universe, end: number, spans: readonly Span[]): readonly Span[] {
  const at = universe.ends[end]
  const hasNames = at?.kind === 'pod' && at.pod.ports === undefined
  const limit = namedStart + (hasNames ? universe.portNames.length : 0)
  const starts = new Set(protocolStarts)
  for (let position = namedStart; position < limit; position++) starts.add(position)
  for (const { low, high } of spans) {
    starts.add(low)
    if (high + 1 < limit) starts.add(high + 1)
  }
  const sorted = [...starts].sort((a, b) => a - b)
  return sorted.map((low, index) => ({ low, high: (sorted[index + 1] ?? limit) - 1 }))
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
  return rowsOfGrants(grants, { sources, free: withoutBits(sources, set.egress.isolated) }, atoms)
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
  const egress = atoms.map(() => free.slice())
  for (const grant of grants.egress) {
    for (const row of rowsWithin(egress, atoms, grant.spans)) addBits(row, grant.sources)
  }
  if (grants.ingress === undefined) return { ingress: atoms.map(() => sources), egress }
  const ingress = atoms.map(() => new Uint32Array(sources.length))
  for (const grant of grants.ingress) {
    for (const row of rowsWithin(ingress, atoms, grant.spans)) addPeers(row, grant.peers)
  }
  return { ingress, egress }
}

/** Returns the sources that pass both sides, one row per atom. */
export function passing(rows: Rows): readonly Bits[] {
  return rows.ingress.map((row, atom) => commonBits(row, rows.egress[atom] ?? row))
}

function addPeers(row: Bits, peers: Bits | readonly number[]): void {
  if (peers instanceof Uint32Array) addBits(row, peers)
  else for (const peer of peers) addBit(row, peer)
}

/** Gives the rows of the atoms that lie within the spans. */
function* rowsWithin(
  rows: readonly Bits[],
  atoms: readonly Span[],
  spans: readonly Span[],
): Generator<Bits> {
  for (const span of spans) {
    for (let index = firstAtom(atoms, span.low); index < atoms.length; index++) {
      const row = rows[index]
      if (row === undefined || (atoms[index]?.low ?? 0) > span.high) break
      yield row
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
