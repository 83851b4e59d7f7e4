/** Takes what rules deny out of rows: nothing that others allow makes up for it. */
import type { Bits } from './bits.ts'
import { bitsOf, withoutBits } from './bits.ts'
import type { CompiledSet } from './compiled-set.ts'
import type { Span } from './port-line.ts'
import type { Universe } from './universe.ts'

/** What a set denies towards one end, rule by rule. */
export interface Denials {
  readonly ingress: readonly {
    readonly spans: readonly Span[]
    readonly peers: Bits | readonly number[]
  }[]
  readonly egress: readonly {
    readonly spans: readonly Span[]
    readonly peers: Bits | readonly number[]
  }[]
}

/** Returns what a set denies towards an end; undefined for nothing. */
export function denialsTo(set: CompiledSet, universe: Universe, end: number): Denials | undefined {
  const egress = set.deniedTo(end)
  const ingress = set.ingress.denials[end] ?? []
  if (egress.length === 0 && ingress.length === 0) return undefined
  const everyone = universe.sourcesOf(end)
  return {
    ingress: ingress.map(({ ports, peers }) => ({
      spans: universe.spansOf(end, ports),
      peers: peers === 'everyone' ? everyone : peers,
    })),
    egress: egress.map(({ ports, sources }) => ({
      spans: universe.spansOf(end, ports),
      peers: sources,
    })),
  }
}

/** Returns rows without what one direction denies; rows that lose nothing are the same ones. */
export function withoutDenied(
  rows: readonly Bits[],
  denials: Denials['ingress'],
  atoms: readonly Span[],
): readonly Bits[] {
  const rest = [...rows]
  for (const { spans, peers } of denials) {
    const size = 32 * (rows[0]?.length ?? 0)
    const denied = peers instanceof Uint32Array ? peers : bitsOf(size, peers)
    for (const [index, atom] of atoms.entries()) {
      if (!spans.some(({ low, high }) => low <= atom.low && atom.low <= high)) continue
      const row = rest[index]
      if (row !== undefined) rest[index] = withoutBits(row, denied)
    }
  }
  return rest
}
