/**
 * What an edge's counters mean, decided from (side, verdict kind) and the last block of each, so that merged sets decide
 * as one recording would (DESIGN: section 3).
 */
import type { Outcome, Side } from '../flow/flow.ts'
import { sides } from '../flow/flow.ts'
import type { Cell } from './cell-numbers.ts'
import { blockMs } from './communication-set.ts'
import { isDenied } from './tally.ts'

/** What is learned beyond what passed undisputed. */
export interface LearnChoices {
  readonly learnAudit?: boolean
  readonly learnDenied?: boolean
}

/** The outcomes of an edge's records: of those that passed, and of those that were denied for want of a rule. */
export interface Decision {
  readonly passed: 'learned' | 'audit' | 'conflict'
  readonly denied: 'learned' | 'denied'
}

/** The decision on an edge that no policy would have refused: no verdict of it is an audit or a denial. */
export const undisputed: Decision = { passed: 'learned', denied: 'denied' }

/**
 * Returns the decision on an edge.
 * - It is in conflict when a side has denials, and in the block of the last one or later there is neither a forwarded
 *   verdict or proxy record of that side, nor a delivery, nor a reply.
 * - It is audited when a side has audit verdicts and no forwarded policy verdict.
 * - With `learnDenied`, an edge without explicit denials is in no conflict, and its denied records are learned when one
 *   of them is a new connection.
 *
 * A denied reply is no denial of the edge: policies judge connections, and a reply that was denied had lost its one.
 */
export function decideEdge(cells: readonly Cell[], choices: LearnChoices): Decision {
  const hasExplicitDenial = cells.some(({ verdict }) => verdict === 'denied-explicit')
  const learnsDenied = choices.learnDenied === true && !hasExplicitDenial
  const attempted = cells.some((cell) => cell.verdict === 'denied' && cell.strength === 'strong')
  return {
    passed: decidePassed(cells, { ...choices, learnDenied: learnsDenied }),
    denied: learnsDenied && attempted ? 'learned' : 'denied',
  }
}

/** Returns the outcome of one counter; `learned` is what becomes of records that count as learned. */
export function outcomeOfCell(
  verdict: Cell['verdict'],
  decision: Decision,
  learned: Outcome,
): Outcome {
  if (verdict === 'denied') return decision.denied === 'learned' ? learned : 'denied'
  if (verdict === 'denied-explicit' || verdict === 'denied-l7') return verdict
  return decision.passed === 'learned' ? learned : decision.passed
}

function decidePassed(cells: readonly Cell[], choices: LearnChoices): Decision['passed'] {
  if (choices.learnDenied !== true && sides.some((side) => isDisputed(cells, side))) {
    return 'conflict'
  }
  if (choices.learnAudit !== true && sides.some((side) => isAudited(cells, side))) return 'audit'
  return 'learned'
}

function isDisputed(cells: readonly Cell[], side: Side): boolean {
  const denials = cells.filter((cell) => cell.side === side && isDenial(cell))
  if (denials.length === 0) return false
  const lastDenial = Math.max(...denials.map(lastBlock))
  return !cells.some((cell) => settles(cell, side) && lastBlock(cell) >= lastDenial)
}

function isDenial({ verdict, strength }: Cell): boolean {
  return (verdict === 'denied' || verdict === 'denied-explicit') && strength !== 'reply'
}

/** Tells whether a counter shows that connections passed the policies of a side. */
function settles(cell: Cell, side: Side): boolean {
  if (isDenied(cell.verdict)) return false
  if (cell.verdict === 'delivery' || cell.strength === 'reply') return true
  return cell.side === side && (cell.verdict === 'verdict' || cell.verdict === 'l7')
}

function isAudited(cells: readonly Cell[], side: Side): boolean {
  const onSide = cells.filter((cell) => cell.side === side)
  return (
    onSide.some(({ verdict }) => verdict === 'audit') &&
    !onSide.some(({ verdict }) => verdict === 'verdict')
  )
}

/** Returns the block of a counter's last time; evidence without times is older than any other. */
function lastBlock(cell: Cell): number {
  return Math.floor(cell.lastMs / blockMs)
}
