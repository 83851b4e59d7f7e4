/** The ledger of a set: every record once, by outcome. */
import type { Outcome } from '../flow/flow.ts'
import { outcomes } from '../flow/flow.ts'
import type { ClassSource } from './class-book.ts'
import type { CommunicationSet, Ledger } from './communication-set.ts'
import type { CountedEdges } from './counted-edge.ts'
import { addCounts } from './counts.ts'
import { resolveEdges } from './edge-resolution.ts'
import { namedClusters } from './local-cluster.ts'
import { countsInOrder } from './producer-table.ts'
import { sortedTexts } from './text-key.ts'

/** A set before its ledger is derived. */
export type SetContent = Omit<CommunicationSet, 'ledger'>

/** What the ledger of a set says besides its edges. */
type LedgerSource = Pick<CommunicationSet, 'counted' | 'lost' | 'nodeStatus'>

/** States in which a node reports nothing. */
const absentStates: ReadonlySet<string> = new Set(['NODE_UNAVAILABLE', 'NODE_GONE', 'NODE_ERROR'])

/**
 * Returns the ledger of a set as it reads with default options. Where records of several clusters stand in the set, none
 * of them is taken for remote.
 */
export function ledgerOf(
  set: ClassSource & LedgerSource & Pick<CommunicationSet, 'clusters'>,
  edges: CountedEdges,
): Ledger {
  const clusters = namedClusters(set)
  const local = clusters.length === 1 ? (clusters[0] ?? '') : ''
  return ledgerWith(set, resolveEdges(set, edges, local).counts)
}

/** Returns the ledger of a set whose edges have these outcomes. */
export function ledgerWith(set: LedgerSource, edges: ReadonlyMap<Outcome, number>): Ledger {
  const counts = new Map(edges)
  for (const outcome of outcomes) {
    counts.set(outcome, addCounts(counts.get(outcome) ?? 0, set.counted[outcome] ?? 0))
  }
  return {
    records: [...counts.values()].reduce(addCounts, 0),
    outcomes: countsInOrder(counts),
    lostEvents: set.lost.reduce((sum, { events }) => addCounts(sum, events), 0),
    unavailableNodes: sortedTexts(
      set.nodeStatus.filter(({ state }) => absentStates.has(state)).map(({ node }) => node),
    ),
  }
}
