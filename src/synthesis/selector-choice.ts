/**
 * The label selectors of one group: an anchor that names it, plus the cheapest literals that tell it from every other
 * class of the namespace (`reference/algorithms.md` B).
 */
import type { Labels } from '../labels.ts'
import { labelTexts, toLabels } from '../labels.ts'
import type { Conjunction, Literal } from './conjunction.ts'
import {
  canonicalConjunction,
  conjunctionMatches,
  conjunctionText,
  isPositive,
  labelValue,
  literalMatches,
  literalText,
} from './conjunction.ts'
import { coverTargets } from './conjunction-cover.ts'
import { minimumHittingSet } from './hitting-set.ts'
import type { Level, LiteralRules } from './literal-candidates.ts'
import {
  anchorOf,
  candidateLiterals,
  levels,
  literalCost,
  separatorOf,
} from './literal-candidates.ts'

/** What a choice may use, and what it should keep. */
export interface SelectorOptions {
  /**
   * The controller's own selector. What holds of it on all targets is part of every selector, whatever `volatile` and
   * `suspect` say of its keys: it cannot change. Default: the first preferred key that the targets agree on.
   */
  readonly anchor?: Labels
  /** Tells whether the network plugin sees a key on the targets. */
  readonly allowKey: (key: string) => boolean
  /** Tells whether a key changes with a rollout or a pod; such keys are never used. */
  readonly volatile: (key: string) => boolean
  /** Tells whether a key looks like a version; such keys are used only where nothing else separates. */
  readonly suspect: (key: string) => boolean
  /** Use `NotIn` and `DoesNotExist` where nothing positive separates. Default: no, since they hold on unseen pods. */
  readonly negatives?: boolean
  /** The selectors of last time, kept while they are right. */
  readonly previous?: readonly Conjunction[]
  /** How many conjunctions may share the work. Default: no limit. */
  readonly maxConjunctions?: number
}

/** How the selectors of a group were found. */
export type SelectorKind = 'sticky' | 'equal' | 'in' | 'negative' | 'several' | 'merged'

/** The selectors of a group, and what must be said about them. */
export interface SelectorChoice {
  /** A pod belongs to the group when one of them holds. Empty when no label names the group. */
  readonly selectors: readonly Conjunction[]
  readonly kind: SelectorKind
  /** False when a search was cut short: the selectors are right, and cheaper ones may exist. */
  readonly exact: boolean
  /** Whether values that were never seen are selected too: `Exists`, `NotIn` or `DoesNotExist` is used. */
  readonly openWorld: boolean
  /** Positions in `others` that are selected too, ascending. */
  readonly collides: readonly number[]
  /** Suspect keys that had to be used, sorted. */
  readonly usedSuspect: readonly string[]
}

/**
 * Returns selectors that hold on all targets and on no other, or, where that cannot be, on the fewest others. Tried in
 * this order: what was there before, one conjunction of equalities, of value sets, of negations where allowed, several
 * conjunctions; all of it without suspect keys, then with them; and last with the others that cannot be told apart
 * given up. No selector is empty, and without `negatives` none is without a positive literal: targets that no positive
 * literal names give no selectors at all, and collide with every other.
 */
export function chooseSelector(
  targets: readonly Labels[],
  others: readonly Labels[],
  options: SelectorOptions,
): SelectorChoice {
  const rules = rulesOf(options, true)
  const task: Task = { targets: distinct(targets, rules), others, options }
  const kept = stickySelectors(task)
  if (kept !== undefined) return describe(kept, 'sticky', task)
  return climb(task) ?? merge(task, rules)
}

interface Task {
  /** Reduced to usable keys, distinct and sorted. */
  readonly targets: readonly Labels[]
  readonly others: readonly Labels[]
  readonly options: SelectorOptions
}

interface Found {
  readonly selectors: readonly Conjunction[]
  readonly exact: boolean
}

interface Solution {
  readonly conjunction: Conjunction
  readonly level: Level
  readonly cost: number
  readonly exact: boolean
}

function rulesOf(options: SelectorOptions, withSuspects: boolean): LiteralRules {
  const { anchor, allowKey, volatile, suspect } = options
  const isTrusted = (key: string): boolean =>
    (anchor !== undefined && Object.hasOwn(anchor, key)) ||
    (!volatile(key) && (withSuspects || !suspect(key)))
  return {
    isUsable: (key) => allowKey(key) && isTrusted(key),
    negatives: options.negatives ?? false,
    ...(anchor !== undefined && { controller: anchor }),
  }
}

function distinct(maps: readonly Labels[], rules: LiteralRules): readonly Labels[] {
  const byText = new Map<string, Labels>()
  for (const labels of maps) {
    const usable = toLabels(Object.entries(labels).filter(([key]) => rules.isUsable(key)))
    byText.set(JSON.stringify(labelTexts(usable)), usable)
  }
  return [...byText.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, labels]) => labels)
}

function stickySelectors(task: Task): Found | undefined {
  const { previous, negatives, maxConjunctions } = task.options
  if (previous === undefined || previous.length === 0 || task.targets.length === 0) return undefined
  if (previous.length > (maxConjunctions ?? previous.length)) return undefined
  const { isUsable } = rulesOf(task.options, true)
  const isFit = previous.every(
    (conjunction) =>
      conjunction.length > 0 &&
      conjunction.every((literal) => isUsable(literal.key)) &&
      (negatives === true || conjunction.some(isPositive)),
  )
  const selects = (labels: Labels): boolean =>
    previous.some((conjunction) => conjunctionMatches(conjunction, labels))
  const isRight = isFit && task.targets.every(selects) && !task.others.some(selects)
  return isRight ? { selectors: previous, exact: true } : undefined
}

/** Climbs the ladder without suspect keys, then with them. */
function climb(task: Task): SelectorChoice | undefined {
  for (const withSuspects of [false, true]) {
    if (withSuspects && !hasSuspects(task)) return undefined
    const rules = rulesOf(task.options, withSuspects)
    const single = solve(task.targets, task.others, rules)
    if (single !== undefined) {
      return describe({ ...single, selectors: [single.conjunction] }, single.level, task)
    }
    const several = solveInParts(task, rules)
    if (several !== undefined) return describe(several, 'several', task)
  }
  return undefined
}

function hasSuspects({ targets, others, options }: Task): boolean {
  const maps = options.negatives === true ? [...targets, ...others] : targets
  return maps.some((labels) => Object.keys(labels).some(options.suspect))
}

function solveInParts(task: Task, rules: LiteralRules): Found | undefined {
  const { targets, others, options } = task
  if (targets.length < 2) return undefined
  const cover = coverTargets<Solution>({
    targets,
    fits: (part) => isNameable(part, others, rules) && others.every(separatorOf(part, rules)),
    solve: (part) => solve(part, others, rules),
  })
  if (cover === undefined) return undefined
  if (cover.parts.length > (options.maxConjunctions ?? cover.parts.length)) return undefined
  return {
    selectors: cover.parts.map((part) => part.conjunction),
    exact: cover.exact && cover.parts.every((part) => part.exact),
  }
}

function isNameable(
  part: readonly Labels[],
  others: readonly Labels[],
  rules: LiteralRules,
): boolean {
  return (
    (rules.negatives && others.length > 0) || candidateLiterals(part, [], 'in', rules).length > 0
  )
}

/** Gives up the others that cannot be told apart, and finds selectors that hold on no further one. */
function merge(task: Task, rules: LiteralRules): SelectorChoice {
  const { targets, others } = task
  const separators = targets.map((target) => separatorOf([target], rules))
  const separable = others.filter((other) => separators.every((separates) => separates(other)))
  const without = (kept: readonly Labels[]): Task => ({ ...task, others: kept })
  const found = stickySelectors(without(separable)) ?? climb(without(separable))
  if (found !== undefined) return describe(found, 'merged', task)
  // Too many conjunctions: one for all of them gives up what lies between them as well.
  const outside = others.filter(separatorOf(targets, rules))
  const single = targets.length === 0 ? undefined : climb(without(outside))
  if (single !== undefined) return describe(single, 'merged', task)
  return {
    selectors: [],
    kind: 'merged',
    exact: true,
    openWorld: false,
    collides: others.map((_, index) => index),
    usedSuspect: [],
  }
}

/** Returns the cheapest anchored conjunction of the first level that separates, or undefined. */
function solve(
  targets: readonly Labels[],
  others: readonly Labels[],
  rules: LiteralRules,
): Solution | undefined {
  if (targets.length === 0) return undefined
  const anchor = anchorOf(targets, rules)
  const near = others.filter((other) => conjunctionMatches(anchor, other))
  for (const level of levels) {
    if (level === 'negative' && !rules.negatives) return undefined
    const solution = solveAt(level, targets, near, anchor, rules)
    if (solution !== undefined) return solution
  }
  return undefined
}

function solveAt(
  level: Level,
  targets: readonly Labels[],
  near: readonly Labels[],
  anchor: Conjunction,
  rules: LiteralRules,
): Solution | undefined {
  const literals = candidateLiterals(targets, near, level, rules)
  const sets = rejectingSets(literals, near)
  if (anchor.length === 0) {
    const positive = positionsOf(literals, isPositive)
    if (positive.length > 0) sets.push(positive)
    else if (near.length === 0) return undefined
  }
  const costOf = (literal: Literal): number => literalCost(literal, rules.controller)
  const elements = literals.map((literal) => ({
    name: literalText(literal),
    cost: costOf(literal),
  }))
  const hitting = minimumHittingSet({ elements, sets })
  if (hitting === undefined) return undefined
  const chosen = hitting.chosen.flatMap((position) => literals[position] ?? [])
  const anchorCost = anchor.reduce((sum, literal) => sum + costOf(literal), 0)
  return {
    conjunction: canonicalConjunction([...anchor, ...chosen]),
    level,
    cost: anchorCost + hitting.cost,
    exact: hitting.exact,
  }
}

/** Returns, for each other, the positions of the literals that reject it; equal sets once. */
function rejectingSets(literals: readonly Literal[], others: readonly Labels[]): number[][] {
  const sets = new Map<string, number[]>()
  for (const other of others) {
    let pattern = ''
    for (const literal of literals) pattern += literalMatches(literal, other) ? '0' : '1'
    if (sets.has(pattern)) continue
    sets.set(
      pattern,
      positionsOf(literals, (literal) => !literalMatches(literal, other)),
    )
  }
  return [...sets.values()]
}

function positionsOf(literals: readonly Literal[], holds: (literal: Literal) => boolean): number[] {
  return literals.flatMap((literal, position) => (holds(literal) ? [position] : []))
}

function describe(found: Found, kind: SelectorKind, task: Task): SelectorChoice {
  const byText = new Map<string, Conjunction>()
  for (const conjunction of found.selectors.map(canonicalConjunction)) {
    byText.set(conjunctionText(conjunction), conjunction)
  }
  const selectors = [...byText.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, conjunction]) => conjunction)
  const literals = selectors.flat()
  const { anchor = {}, suspect } = task.options
  const suspects = literals
    .map((literal) => literal.key)
    .filter((key) => suspect(key) && labelValue(anchor, key) === undefined)
  return {
    selectors,
    kind,
    exact: found.exact,
    openWorld: literals.some((literal) => literal.op !== 'Eq' && literal.op !== 'In'),
    collides: selectedBy(selectors, task.others),
    usedSuspect: [...new Set(suspects)].sort(),
  }
}

/** Returns the positions of the label maps on which one of the selectors holds. */
function selectedBy(selectors: readonly Conjunction[], maps: readonly Labels[]): readonly number[] {
  const positions: number[] = []
  let position = 0
  for (const labels of maps) {
    if (selectors.some((one) => conjunctionMatches(one, labels))) positions.push(position)
    position += 1
  }
  return positions
}
