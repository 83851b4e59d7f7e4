/** Pods that become isolated, or are no longer: one change for each group and direction, instead of all that it closes. */
import { countBits, hasBit, isEmptyBits, membersOf } from '../policy/bits.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import { changeId } from './change-id.ts'
import type { ComparedSets, DestinationDifference, IsolationShare } from './destination-diff.ts'
import type { EndNames, NamedEnds } from './end-names.ts'
import type { Change } from './policy-diff.ts'
import { mergeReferences } from './references.ts'
import type { Direction } from './remainders.ts'
import { collectRemainders } from './remainders.ts'

/** Peers that a message spells out. */
const maxPeers = 3

/** Kinds of pods that do not exist yet which a change spells out. */
const maxFuture = 50

const directions = ['ingress', 'egress'] as const

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
  const remainders = collectRemainders(sets, names)
  return {
    add: (end, difference) => {
      noteTurns(narrows, end, difference.closed)
      noteTurns(widens, end, difference.opened)
      remainders.add(end, difference)
    },
    list: () =>
      directions.flatMap((direction) => {
        const stays = (pods: readonly number[]): readonly string[] =>
          remainders.textsOf(direction, pods)
        const closed = narrows[direction]
        const opened = widens[direction]
        return [
          ...names
            .groups(known(sets, closed))
            .map((part) =>
              isolated(sets, direction, part, countIn(closed, part), stays(part.members)),
            ),
          ...names
            .groups(known(sets, opened))
            .map((part) => released(sets, direction, part, countIn(opened, part))),
          ...futureTurns(sets, direction, 'narrows', names.groups(symbolic(sets, closed)), stays),
          ...futureTurns(sets, direction, 'widens', names.groups(symbolic(sets, opened)), () => []),
        ]
      }),
  }
}

function known({ universe }: ComparedSets, turns: ReadonlyMap<number, number>): readonly number[] {
  return [...turns.keys()].filter((pod) => hasBit(universe.known, pod))
}

function symbolic(
  { universe }: ComparedSets,
  turns: ReadonlyMap<number, number>,
): readonly number[] {
  return [...turns.keys()].filter((pod) => !hasBit(universe.known, pod))
}

function countIn(turns: ReadonlyMap<number, number>, part: NamedEnds): number {
  return part.members.reduce((sum, pod) => sum + (turns.get(pod) ?? 0), 0)
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

function isolated(
  sets: ComparedSets,
  direction: Direction,
  part: NamedEnds,
  closed: number,
  stays: readonly string[],
): Change {
  return turnChange(sets, direction, part, {
    section: 'isolation',
    effect: 'narrows',
    message: `${part.text} becomes isolated for ${direction}; ${restText(stays)}; closed without having been seen: ${pairsText(closed)}`,
  })
}

function released(
  sets: ComparedSets,
  direction: Direction,
  part: NamedEnds,
  opened: number,
): Change {
  return turnChange(sets, direction, part, {
    section: 'isolation',
    effect: 'widens',
    message: `${part.text} is no longer isolated for ${direction}; opened without having been seen: ${pairsText(opened)}`,
  })
}

function isolating(
  sets: ComparedSets,
  set: 'old' | 'new',
  direction: Direction,
  part: NamedEnds,
): readonly PolicyReference[] {
  return mergeReferences(part.members.map((pod) => sets[set][direction].isolatedBy[pod] ?? []))
}

function restText(stays: readonly string[], whom = ''): string {
  const shown = stays.slice(0, maxPeers).join('; ')
  const more = stays.length > maxPeers ? `; and ${stays.length - maxPeers} more` : ''
  return stays.length === 0 ? 'nothing stays allowed' : `still allowed${whom}: ${shown}${more}`
}

function pairsText(pairs: number): string {
  return pairs === 1 ? '1 connection' : `${pairs} connections`
}

/** Pods that do not exist yet are told together where the same policies isolate them. */
function futureTurns(
  sets: ComparedSets,
  direction: Direction,
  effect: Change['effect'],
  parts: readonly NamedEnds[],
  staysOf: (pods: readonly number[]) => readonly string[],
): readonly Change[] {
  const alike = new Map<string, NamedEnds[]>()
  for (const part of parts) {
    const key = JSON.stringify(
      (['old', 'new'] as const).map((set) => isolating(sets, set, direction, part)),
    )
    const same = alike.get(key)
    if (same === undefined) alike.set(key, [part])
    else same.push(part)
  }
  return [...alike.values()].map((same) => {
    const shown = same.slice(0, maxFuture).map((part) => part.text)
    const more = same.length > maxFuture ? ` and ${same.length - maxFuture} more` : ''
    const text = `${shown.join(', ')}${more}`
    const part = {
      text,
      key: same.map(({ key }) => key).join('\n'),
      members: same.flatMap(({ members }) => members),
    }
    const rest = restText(staysOf(part.members), same.length > 1 ? ' to some of them' : '')
    const message =
      effect === 'narrows'
        ? `${text} would be isolated for ${direction}; ${rest}`
        : `${text} would not be isolated for ${direction} any more`
    return turnChange(sets, direction, part, { section: 'future', effect, message })
  })
}

function turnChange(
  sets: ComparedSets,
  direction: Direction,
  part: NamedEnds,
  { section, effect, message }: Pick<Change, 'section' | 'effect' | 'message'>,
): Change {
  const from = direction === 'ingress' ? 'everyone' : part.text
  const to = direction === 'ingress' ? part.text : 'everyone'
  return {
    id: changeId([section, effect, part.key, direction]),
    section,
    effect,
    from,
    to,
    ports: [direction],
    old: isolating(sets, 'old', direction, part),
    new: isolating(sets, 'new', direction, part),
    message,
  }
}
