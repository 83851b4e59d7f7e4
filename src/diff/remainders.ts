/** What pods that become isolated may still do. */
import type { Bits } from '../policy/bits.ts'
import {
  addBit,
  addBits,
  BitsMap,
  commonBits,
  copyBits,
  createBits,
  hasBit,
  isEmptyBits,
  membersOf,
  withoutBits,
} from '../policy/bits.ts'
import type { Span } from '../policy/port-line.ts'
import { spanTexts } from '../policy/port-line.ts'
import { alikeRows } from './blocks.ts'
import type { ComparedSets, DestinationDifference } from './destination-diff.ts'
import type { EndNames } from './end-names.ts'

/** The two sides of a connection. */
export type Direction = 'ingress' | 'egress'

/** Peers that stay allowed over some ports. The bits of one entry are shared by many pods, and never change. */
interface Entry {
  readonly text: string
  readonly peers: Bits
}

/** Collects what stays, destination by destination. */
export interface Remainders {
  readonly add: (end: number, difference: DestinationDifference) => void
  /** Returns what stays allowed to pods that become isolated, in words, one text for each peer and its ports. */
  readonly textsOf: (direction: Direction, pods: readonly number[]) => readonly string[]
}

/** Returns a collector for two sets; pods that do not exist yet are told of only where nothing else stays allowed. */
export function collectRemainders(sets: ComparedSets, names: EndNames): Remainders {
  const { universe } = sets
  const fresh = {
    ingress: withoutBits(sets.new.ingress.isolated, sets.old.ingress.isolated),
    egress: withoutBits(sets.new.egress.isolated, sets.old.egress.isolated),
  }
  const hasFreshEgress = !isEmptyBits(fresh.egress)
  const ingress = new Map<number, readonly Entry[]>()
  const outgoing = collectOutgoing(universe.ends.length)
  const shownOf = rememberKnown(universe.known)
  return {
    add: (end, { atoms, new: { both } }) => {
      const isFresh = hasBit(fresh.ingress, end)
      if (!isFresh && !hasFreshEgress) return
      const rows = alikeRows(both).map(({ row, atoms: positions }) => ({
        text: spanTexts(spansOf(atoms, positions), universe.portNames).join(', '),
        row,
      }))
      if (isFresh) {
        ingress.set(
          end,
          rows.map(({ text, row }) => ({ text, peers: row })),
        )
      }
      for (const { text, row } of rows) outgoing.add(end, text, commonBits(row, fresh.egress))
    },
    textsOf: (direction, pods) => {
      const everyone = direction === 'ingress' ? universe.sourcesOf(pods[0] ?? 0) : universe.known
      const universal = commonBits(everyone, universe.known)
      const entries = pods.flatMap((pod) =>
        direction === 'ingress' ? (ingress.get(pod) ?? []) : outgoing.of(pod),
      )
      const word = direction === 'ingress' ? 'from' : 'to'
      return uniteEntries(entries).flatMap(({ text, peers }) =>
        names.split(shownOf(peers), universal).map((peer) => `${word} ${peer.text} on ${text}`),
      )
    },
  }
}

function spansOf(atoms: readonly Span[], positions: readonly number[]): readonly Span[] {
  return positions.flatMap((position) => atoms[position] ?? [])
}

/** What some sources may still reach over some ports. */
interface Outgoing extends Entry {
  readonly sources: Bits
}

/** What pods may still reach, kept by destination first: most of them are open to the same sources. */
function collectOutgoing(size: number): {
  readonly add: (end: number, text: string, sources: Bits) => void
  readonly of: (pod: number) => readonly Entry[]
} {
  const totals: Outgoing[] = []
  const byText = new Map<string, BitsMap<Outgoing>>()
  let bySource: Map<number, Entry[]> | undefined
  return {
    add: (end, text, sources) => {
      if (isEmptyBits(sources)) return
      const bySources = byText.get(text) ?? new BitsMap()
      byText.set(text, bySources)
      const { peers } = bySources.take(sources, () => {
        const total = { text, sources, peers: createBits(size) }
        totals.push(total)
        return total
      })
      addBit(peers, end)
    },
    of: (pod) => {
      bySource ??= entriesBySource(totals)
      return bySource.get(pod) ?? []
    },
  }
}

function entriesBySource(totals: readonly Outgoing[]): Map<number, Entry[]> {
  const bySource = new Map<number, Entry[]>()
  for (const total of totals) {
    for (const source of membersOf(total.sources)) {
      const list = bySource.get(source)
      if (list === undefined) bySource.set(source, [total])
      else list.push(total)
    }
  }
  return bySource
}

/** Returns the entries by text, in order; an entry that is alone keeps its very bits. */
function uniteEntries(entries: readonly Entry[]): readonly Entry[] {
  const byText = new Map<string, Entry>()
  for (const { text, peers } of entries) {
    const known = byText.get(text)
    if (known === undefined) byText.set(text, { text, peers })
    else {
      const united = copyBits(known.peers)
      addBits(united, peers)
      byText.set(text, { text, peers: united })
    }
  }
  return [...byText.values()].sort((a, b) => (a.text < b.text ? -1 : 1))
}

/** Returns the known ends of some bits, or the bits where there are none. */
function rememberKnown(known: Bits): (ends: Bits) => Bits {
  const masked = new WeakMap<Bits, Bits>()
  return (ends) => {
    const before = masked.get(ends)
    if (before !== undefined) return before
    const part = commonBits(ends, known)
    const shown = isEmptyBits(part) ? ends : part
    masked.set(ends, shown)
    return shown
  }
}
