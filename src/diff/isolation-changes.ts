/** Pods that become isolated, or are no longer: one change for each group and direction, instead of all that it closes. */
import type { Bits } from './bits.ts'
import {
  bitsOf,
  commonBits,
  countBits,
  hasBit,
  isEmptyBits,
  membersOf,
  withoutBits,
} from './bits.ts'
import { blocksOf } from './blocks.ts'
import { changeId } from './change-id.ts'
import type { ComparedSets, DestinationDifference, IsolationShare } from './destination-diff.ts'
import { passing } from './destination-diff.ts'
import type { EndNames, NamedEnds } from './end-names.ts'
import type { Change, PolicyReference } from './policy-diff.ts'
import { spanTexts } from './port-line.ts'
import { mergeReferences } from './references.ts'

/** Peers that a message spells out. */
const maxPeers = 3

const directions = ['ingress', 'egress'] as const
type Direction = (typeof directions)[number]

/** What a pod may still do once it is isolated: peers by the text of their ports. */
type Remainder = Map<string, Set<number>>

/** Pods that turned in one direction: how many unobserved connections that closed or opened, by pod. */
type Turns = Readonly<Record<Direction, Map<number, number>>>

/** Collects what each destination says about isolation, and sums it up. */
export interface IsolationChanges {
  readonly add: (end: number, difference: DestinationDifference) => void
  readonly list: () => readonly Change[]
}

/** Returns a collector for two sets; a pod whose isolation changes nothing that is compared is no change. */
export function collectIsolation(sets: ComparedSets, names: EndNames): IsolationChanges {
  const narrows: Turns = { ingress: new Map(), egress: new Map() }
  const widens: Turns = { ingress: new Map(), egress: new Map() }
  const remainders = {
    ingress: new Map<number, Remainder>(),
    egress: new Map<number, Remainder>(),
  }
  const fresh = {
    ingress: withoutBits(sets.new.ingress.isolated, sets.old.ingress.isolated),
    egress: withoutBits(sets.new.egress.isolated, sets.old.egress.isolated),
  }
  const hasFreshEgress = !isEmptyBits(fresh.egress)
  return {
    add: (end, difference) => {
      noteTurns(narrows, end, difference.closed)
      noteTurns(widens, end, difference.opened)
      const isFresh = hasBit(fresh.ingress, end)
      if (!isFresh && !hasFreshEgress) return
      for (const { sources, text } of remaining(sets, difference)) {
        if (isFresh) keep(remainders.ingress, end, text, membersOf(sources))
        for (const source of membersOf(commonBits(sources, fresh.egress))) {
          keep(remainders.egress, source, text, [end])
        }
      }
    },
    list: () =>
      directions.flatMap((direction) => [
        ...listTurns(narrows[direction], names, (part, closed) =>
          isolated(sets, names, direction, part, closed, remainders[direction]),
        ),
        ...listTurns(widens[direction], names, (part, opened) =>
          released(sets, direction, part, opened),
        ),
      ]),
  }
}

function noteTurns(turns: Turns, end: number, share: IsolationShare): void {
  if (!isEmptyBits(share.ingress)) count(turns.ingress, end, countBits(share.ingressQuiet))
  for (const source of membersOf(share.egress)) {
    count(turns.egress, source, hasBit(share.egressQuiet, source) ? 1 : 0)
  }
}

function count(counts: Map<number, number>, pod: number, more: number): void {
  counts.set(pod, (counts.get(pod) ?? 0) + more)
}

function remaining(
  { universe }: ComparedSets,
  { atoms, new: rows }: DestinationDifference,
): readonly { readonly sources: Bits; readonly text: string }[] {
  return blocksOf(passing(rows)).map((block) => {
    const spans = block.atoms.flatMap((atom) => atoms[atom] ?? [])
    return { sources: block.sources, text: spanTexts(spans, universe.portNames).join(', ') }
  })
}

function keep(
  remainders: Map<number, Remainder>,
  pod: number,
  text: string,
  peers: readonly number[],
): void {
  const remainder = remainders.get(pod) ?? new Map<string, Set<number>>()
  remainders.set(pod, remainder)
  const known = remainder.get(text) ?? new Set<number>()
  remainder.set(text, known)
  for (const peer of peers) known.add(peer)
}

function listTurns(
  turns: ReadonlyMap<number, number>,
  names: EndNames,
  changeFor: (part: NamedEnds, pairs: number) => Change,
): readonly Change[] {
  return names.groups([...turns.keys()]).map((part) => {
    const pairs = part.members.reduce((sum, pod) => sum + (turns.get(pod) ?? 0), 0)
    return changeFor(part, pairs)
  })
}

function isolated(
  sets: ComparedSets,
  names: EndNames,
  direction: Direction,
  part: NamedEnds,
  closed: number,
  remainders: ReadonlyMap<number, Remainder>,
): Change {
  const stays = remainderTexts(sets, names, direction, part, remainders)
  const shown = stays.slice(0, maxPeers).join('; ')
  const more = stays.length > maxPeers ? `; and ${stays.length - maxPeers} more` : ''
  const rest = stays.length === 0 ? 'nothing stays allowed' : `still allowed: ${shown}${more}`
  return turnChange(sets, direction, part, {
    effect: 'narrows',
    message: `${part.text} becomes isolated for ${direction}; ${rest}; closed without having been seen: ${pairsText(closed)}`,
  })
}

function released(
  sets: ComparedSets,
  direction: Direction,
  part: NamedEnds,
  opened: number,
): Change {
  return turnChange(sets, direction, part, {
    effect: 'widens',
    message: `${part.text} is no longer isolated for ${direction}; opened without having been seen: ${pairsText(opened)}`,
  })
}

function pairsText(pairs: number): string {
  return pairs === 1 ? '1 connection' : `${pairs} connections`
}

function remainderTexts(
  { universe }: ComparedSets,
  names: EndNames,
  direction: Direction,
  part: NamedEnds,
  remainders: ReadonlyMap<number, Remainder>,
): readonly string[] {
  const total: Remainder = new Map()
  for (const pod of part.members) {
    for (const [text, peers] of remainders.get(pod) ?? []) {
      const known = total.get(text) ?? new Set<number>()
      total.set(text, known)
      for (const peer of peers) known.add(peer)
    }
  }
  const everything = bitsOf(universe.ends.length, universe.ends.keys())
  const universal = direction === 'ingress' ? universe.sourcesOf(0) : everything
  const word = direction === 'ingress' ? 'from' : 'to'
  return [...total]
    .sort(byText)
    .flatMap(([text, peers]) =>
      names
        .split(bitsOf(universe.ends.length, peers), universal)
        .map((peer) => `${word} ${peer.text} on ${text}`),
    )
}

function byText([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function turnChange(
  sets: ComparedSets,
  direction: Direction,
  part: NamedEnds,
  { effect, message }: Pick<Change, 'effect' | 'message'>,
): Change {
  const from = direction === 'ingress' ? 'everyone' : part.text
  const to = direction === 'ingress' ? part.text : 'everyone'
  const isolating = (set: 'old' | 'new'): readonly PolicyReference[] =>
    mergeReferences(part.members.map((pod) => sets[set][direction].isolatedBy.get(pod) ?? []))
  return {
    id: changeId(['isolation', effect, part.key, direction]),
    section: 'isolation',
    effect,
    from,
    to,
    ports: [direction],
    old: isolating('old'),
    new: isolating('new'),
    message,
  }
}
