/** Every way in which a label map can meet or miss some selectors, each with one label map that does. */
import type { Labels } from '../labels.ts'
import { toLabels } from '../labels.ts'
import type { LabelSelector, LabelSelectorRequirement } from '../policy/network-policy.ts'
import { requirementsOf, selectorMatches } from '../policy/selector.ts'

/** What is special about the cells. */
export interface CellOptions {
  /** More cells than that are none: the answer is undefined. */
  readonly limit: number
  /** A key that is always there. */
  readonly required?: string
}

/** One key, and what it decides: which selectors stay possible when it is absent, or has a value. */
interface KeyStep {
  readonly key: string
  readonly options: readonly { readonly value: string | undefined; readonly passes: bigint }[]
}

/**
 * Returns one label map for each set of selectors that some label map meets and no more, with as few labels as that
 * takes (`reference/algorithms.md` E.2); undefined when there are more than the limit.
 */
export function labelCells(
  selectors: readonly LabelSelector[],
  { limit, required }: CellOptions,
): readonly Labels[] | undefined {
  const lists = selectors.map(requirementsOf)
  let states: States | undefined = new Map([[(1n << BigInt(lists.length)) - 1n, []]])
  for (const step of keySteps(lists, required)) {
    states = takeStep(states, step, limit)
    if (states === undefined) return undefined
  }
  return [...states.values()].map(toLabels)
}

/** Selectors that no key has ruled out yet, as bits, with the labels that led there. */
type States = ReadonlyMap<bigint, readonly (readonly [string, string])[]>

function takeStep(states: States, { key, options }: KeyStep, limit: number): States | undefined {
  const next = new Map<bigint, readonly (readonly [string, string])[]>()
  for (const [alive, labels] of states) {
    for (const { value, passes } of options) {
      const left = alive & passes
      if (next.has(left)) continue
      next.set(left, value === undefined ? labels : [...labels, [key, value]])
      if (next.size > limit) return undefined
    }
  }
  return next
}

/** Tells whether some label map meets the selector. */
export function isSatisfiable(selector: LabelSelector): boolean {
  const cells = labelCells([selector], { limit: 2 }) ?? []
  return cells.some((labels) => selectorMatches(selector, labels))
}

/** Keys with many values come first, which keeps the number of states between them low. */
function keySteps(
  lists: readonly (readonly LabelSelectorRequirement[])[],
  required: string | undefined,
): readonly KeyStep[] {
  const keys = new Set(lists.flatMap((list) => list.map(({ key }) => key)))
  if (required !== undefined) keys.add(required)
  return [...keys]
    .map((key): KeyStep => {
      const own = lists.map((list) => list.filter((each) => each.key === key))
      const values = new Set(own.flatMap((list) => list.flatMap((each) => each.values ?? [])))
      const all = [
        ...(key === required ? [] : [undefined]),
        otherThan(values),
        ...[...values].sort(),
      ]
      return { key, options: all.map((value) => ({ value, passes: passing(own, key, value) })) }
    })
    .sort((a, b) => b.options.length - a.options.length || (a.key < b.key ? -1 : 1))
}

function passing(
  lists: readonly (readonly LabelSelectorRequirement[])[],
  key: string,
  value: string | undefined,
): bigint {
  const labels = toLabels(value === undefined ? [] : [[key, value]])
  return lists.reduce(
    (bits, matchExpressions, index) =>
      selectorMatches({ matchExpressions }, labels) ? bits | (1n << BigInt(index)) : bits,
    0n,
  )
}

/** Returns a value that is none of the values. */
function otherThan(values: ReadonlySet<string>): string {
  let value = 'other'
  for (let count = 1; values.has(value); count++) value = `other-${count}`
  return value
}
