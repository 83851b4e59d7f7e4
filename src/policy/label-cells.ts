/** Cells of label maps: the ways in which some selectors can tell label maps apart (`reference/algorithms.md` E.2). */
import type { Labels } from '../labels.ts'
import { labelTexts, toLabels } from '../labels.ts'
import type { Bits } from './bits.ts'
import {
  addBit,
  bitsKey,
  bitsOf,
  commonBits,
  hasAll,
  hasBit,
  membersOf,
  withoutBits,
} from './bits.ts'
import type { LabelSelector, LabelSelectorRequirement } from './network-policy.ts'
import { requirementsOf } from './selector.ts'

/** Label maps on which the same selectors hold. */
export interface LabelCell {
  /** Positions of the selectors that hold. */
  readonly holds: Bits
  /** The fewest labels that lie in the cell; a value that no selector names stands for all such. */
  readonly witness: Labels
  /** The witness in words: `role=db`, `another value of role`; empty for a pod without labels. */
  readonly words: readonly string[]
}

/** Choices of {@link cutLabels}. */
export interface LabelCut {
  /** A key that every label map has, with the values that it cannot have: namespaces and their names. */
  readonly identity?: { readonly key: string; readonly taken: ReadonlySet<string> }
  /** Cells and steps that may be spent before the rest is given up. */
  readonly maxCells: number
}

/** The cells of some selectors. */
export interface LabelCells {
  readonly cells: readonly LabelCell[]
  /** True when not all cells were found. */
  readonly truncated: boolean
  /** Returns the positions of the selectors that hold on a label map. */
  readonly holdsOn: (labels: Labels) => Bits
}

/** Steps that are spent for each cell that may be found. */
const stepsPerCell = 256

/**
 * Returns every nonempty cell of the selectors, with a witness in each. Selectors are looked at key by key: what a key
 * has falsified already needs no further look, so the work follows the cells that there are.
 */
export function cutLabels(selectors: readonly LabelSelector[], cut: LabelCut): LabelCells {
  const keys = tableOf(selectors, cut.identity?.key)
  const start: State = { alive: bitsOf(selectors.length, selectors.keys()), choices: [] }
  let states = new Map([[bitsKey(start.alive), start]])
  let steps = 0
  let truncated = false
  for (const key of keys) {
    const identity = cut.identity?.key === key.name ? cut.identity : undefined
    const next = new Map<string, State>()
    for (const state of states.values()) {
      const choices = choicesOf(key, state.alive, identity?.taken)
      steps += choices.length
      if (next.size >= cut.maxCells || steps > stepsPerCell * cut.maxCells) {
        truncated = true
        break
      }
      for (const choice of choices) keep(next, extend(state, key, choice))
    }
    states = next
  }
  return {
    cells: sortCells([...states.values()].map((state) => toCell(state, cut.identity))),
    truncated,
    holdsOn: (labels) => holdsOn(selectors.length, keys, labels),
  }
}

/** Tells whether some label map meets the selector. */
export function isSatisfiable(selector: LabelSelector): boolean {
  return cutLabels([selector], { maxCells: 4_096 }).cells.some(({ holds }) => hasBit(holds, 0))
}

/** One key, and what its values falsify. */
interface Key {
  readonly name: string
  /** Values that selectors name, sorted, each with the selectors that accept it. */
  readonly accepts: ReadonlyMap<string, Bits>
  /** Selectors that accept a pod without the key, and one with a value that no selector names. */
  readonly absent: Bits
  readonly other: Bits
  /** By selector: the values that it names; and the selectors that name some. */
  readonly named: ReadonlyMap<number, readonly string[]>
  readonly naming: Bits
}

/** What one key is set to: a value, nothing, or a value that no selector names. */
type Choice = { readonly value: string } | 'absent' | 'other'

interface State {
  readonly alive: Bits
  readonly choices: readonly { readonly key: Key; readonly choice: Exclude<Choice, 'absent'> }[]
}

/** Keys with the most values come first: they falsify the most. */
function tableOf(
  selectors: readonly LabelSelector[],
  identity: string | undefined,
): readonly Key[] {
  const requirements = new Map<string, Map<number, LabelSelectorRequirement[]>>()
  if (identity !== undefined) requirements.set(identity, new Map())
  for (const [id, selector] of selectors.entries()) {
    for (const requirement of requirementsOf(selector)) {
      let ofKey = requirements.get(requirement.key)
      if (ofKey === undefined) {
        ofKey = new Map()
        requirements.set(requirement.key, ofKey)
      }
      const list = ofKey.get(id)
      if (list === undefined) ofKey.set(id, [requirement])
      else list.push(requirement)
    }
  }
  const keys = [...requirements].map(([name, ofKey]) => keyOf(name, ofKey, selectors.length))
  return keys.sort(
    (a, b) => b.accepts.size - a.accepts.size || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  )
}

function keyOf(
  name: string,
  requirements: ReadonlyMap<number, readonly LabelSelectorRequirement[]>,
  size: number,
): Key {
  const naming = bitsOf(size, requirements.keys())
  const untouched = withoutBits(bitsOf(size, Array(size).keys()), naming)
  const named = new Map<number, readonly string[]>()
  for (const [id, list] of requirements) {
    named.set(
      id,
      list.flatMap(({ values }) => values ?? []),
    )
  }
  const accepts = new Map<string, Bits>()
  for (const value of sortedValues(named.values())) accepts.set(value, untouched.slice())
  const absent = untouched.slice()
  const other = untouched.slice()
  for (const [id, list] of requirements) {
    for (const value of acceptedBy(list, accepts.keys())) {
      const bits = accepts.get(value)
      if (bits !== undefined) addBit(bits, id)
    }
    if (list.every((one) => accepted(one, undefined))) addBit(absent, id)
    if (list.every((one) => one.operator === 'NotIn' || one.operator === 'Exists'))
      addBit(other, id)
  }
  return { name, accepts, absent, other, named, naming }
}

/** Returns the values that all requirements accept, of those that are named. */
function acceptedBy(
  requirements: readonly LabelSelectorRequirement[],
  named: Iterable<string>,
): readonly string[] {
  // A requirement that lists its values accepts no others, and most do: there may be thousands.
  const listed = requirements.find(({ operator }) => operator === 'In')
  const values = listed === undefined ? [...named] : (listed.values ?? [])
  const others = requirements.filter((one) => one !== listed)
  return others.length === 0
    ? values
    : values.filter((value) => others.every((one) => accepted(one, value)))
}

function accepted({ operator, values = [] }: LabelSelectorRequirement, value?: string): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}

/** Returns what a key may be set to; values that no selector names which is still alive are like any other value. */
function choicesOf(
  key: Key,
  alive: Bits,
  taken: ReadonlySet<string> | undefined,
): readonly Choice[] {
  const free = livingValues(key, alive).filter((value) => taken?.has(value) !== true)
  const named = free.map((value): Choice => ({ value }))
  return taken === undefined ? ['absent', ...named, 'other'] : [...named, 'other']
}

/** Returns the values that selectors name which are still alive, sorted. */
function livingValues(key: Key, alive: Bits): readonly string[] {
  if (hasAll(alive, key.naming)) return [...key.accepts.keys()]
  const living = membersOf(commonBits(alive, key.naming))
  return sortedValues(living.map((id) => key.named.get(id) ?? []))
}

function sortedValues(lists: Iterable<readonly string[]>): readonly string[] {
  const values = new Set<string>()
  for (const list of lists) for (const value of list) values.add(value)
  return [...values].sort()
}

function extend(state: State, key: Key, choice: Choice): State {
  if (choice === 'absent') {
    return { alive: commonBits(state.alive, key.absent), choices: state.choices }
  }
  const accepts = choice === 'other' ? key.other : key.accepts.get(choice.value)
  return {
    alive: commonBits(state.alive, accepts ?? key.other),
    choices: [...state.choices, { key, choice }],
  }
}

/** Keeps the simplest way to each set of selectors. */
function keep(states: Map<string, State>, state: State): void {
  const key = bitsKey(state.alive)
  const known = states.get(key)
  if (known === undefined || compareChoices(state, known) < 0) states.set(key, state)
}

/** Fewer labels are simpler, then labels with a value that is named. */
function compareChoices(a: State, b: State): number {
  const others = ({ choices }: State): number =>
    choices.filter(({ choice }) => choice === 'other').length
  return a.choices.length - b.choices.length || others(a) - others(b)
}

function toCell({ alive, choices }: State, identity: LabelCut['identity']): LabelCell {
  const witness = toLabels(
    choices.map(({ key, choice }) => [
      key.name,
      choice === 'other' ? unnamedValue(key, identity) : choice.value,
    ]),
  )
  const unnamed = choices
    .filter(({ choice }) => choice === 'other')
    .map(({ key }) => `another value of ${key.name}`)
  const named = choices.flatMap(({ key, choice }) =>
    choice === 'other' ? [] : [`${key.name}=${choice.value}`],
  )
  return { holds: alive, witness, words: [...named.sort(), ...unnamed.sort()] }
}

/** Returns a value that no selector names, and that is free. */
function unnamedValue(key: Key, identity: LabelCut['identity']): string {
  const taken = identity?.key === key.name ? identity.taken : undefined
  let value = 'other'
  for (let number = 2; key.accepts.has(value) || taken?.has(value) === true; number += 1) {
    value = `other-${number}`
  }
  return value
}

function sortCells(cells: readonly LabelCell[]): readonly LabelCell[] {
  return cells
    .map((cell) => ({ cell, key: JSON.stringify(labelTexts(cell.witness)) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ cell }) => cell)
}

function holdsOn(size: number, keys: readonly Key[], labels: Labels): Bits {
  let holds: Bits | undefined
  for (const key of keys) {
    const value = Object.hasOwn(labels, key.name) ? labels[key.name] : undefined
    const accepts = value === undefined ? key.absent : (key.accepts.get(value) ?? key.other)
    holds = holds === undefined ? accepts : commonBits(holds, accepts)
  }
  return holds ?? bitsOf(size, Array(size).keys())
}
