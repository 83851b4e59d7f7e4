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
      directions.flatMap((direction) => [
        ...listTurns(narrows[direction], names, (part, closed) =>
          isolated(sets, direction, part, closed, remainders.textsOf(direction, part.members)),
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
  direction: Direction,
  part: NamedEnds,
  closed: number,
  stays: readonly string[],
): Change {
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
