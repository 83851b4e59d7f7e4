/** The literals that a selector may be made of: what holds on all targets, at what price, and which of them anchor. */
import type { Labels } from '../labels.ts'
import type { Conjunction, Literal } from './conjunction.ts'
import { labelValue } from './conjunction.ts'

/** How far the search may go: equality, sets of values, negations (`reference/algorithms.md` B.1). */
export const levels = ['equal', 'in', 'negative'] as const

/** One of {@link levels}. */
export type Level = (typeof levels)[number]

/** What a search may use. */
export interface LiteralRules {
  readonly isUsable: (key: string) => boolean
  /** Keys of a controller's own selector come first. */
  readonly controller?: Labels
  readonly negatives: boolean
}

/**
 * Returns what a literal costs: by key as `reference/algorithms.md` A.2 has it; more where it lists values, more again
 * where it says only that a key is there, and so much for a negation that no two of them replace a positive literal.
 */
export function literalCost(literal: Literal, controller?: Labels): number {
  const base = keyCost(literal.key, controller)
  switch (literal.op) {
    case 'Eq':
      return base
    case 'In':
      return base + literal.values.length
    case 'Exists':
      return base + 20
    case 'DoesNotExist':
      return base + 200
    case 'NotIn':
      return base + 210 + literal.values.length
  }
}

/** Returns the literals that hold on all targets; the negative ones only where they tell some other apart. */
export function candidateLiterals(
  targets: readonly Labels[],
  others: readonly Labels[],
  level: Level,
  rules: LiteralRules,
): readonly Literal[] {
  const keys = level === 'negative' ? keysOf([...targets, ...others]) : keysOf(targets)
  return keys
    .filter(rules.isUsable)
    .flatMap((key) => literalsOfKey(key, valuesOf(key, targets), others, level))
}

/**
 * Returns the test whether some conjunction holds on all targets and not on another label map: whether some usable key
 * has a value there that no target has, or is missing there alone (the hull theorem of `reference/algorithms.md` B.1).
 */
export function separatorOf(
  targets: readonly Labels[],
  rules: LiteralRules,
): (other: Labels) => boolean {
  const usable = keysOf(targets).filter(rules.isUsable)
  const held = usable.map((key) => ({ key, ...valuesOf(key, targets) }))
  const decisive = held.filter(({ isMissing }) => rules.negatives || !isMissing)
  const foreign = (key: string): boolean =>
    rules.isUsable(key) && !targets.some((labels) => Object.hasOwn(labels, key))
  return (other) =>
    decisive.some(({ key, values, isMissing }) => {
      const value = labelValue(other, key)
      return value === undefined ? !isMissing : !values.has(value)
    }) ||
    (rules.negatives && Object.keys(other).some(foreign))
}

/**
 * Returns the literals that every selector of the targets has: what holds of the controller's selector, else the first
 * of the preferred keys that has one value on all targets. Empty when there is none.
 */
export function anchorOf(targets: readonly Labels[], rules: LiteralRules): Conjunction {
  const common = (key: string): Literal | undefined => {
    const first = targets[0] === undefined ? undefined : labelValue(targets[0], key)
    if (first === undefined || !rules.isUsable(key)) return undefined
    const isCommon = targets.every((labels) => labelValue(labels, key) === first)
    return isCommon ? { key, op: 'Eq', values: [first] } : undefined
  }
  const declared = Object.keys(rules.controller ?? {})
    .map(common)
    .filter((literal) => literal !== undefined)
    .filter((literal) => labelValue(rules.controller ?? {}, literal.key) === literal.values[0])
  if (declared.length > 0) return declared
  for (const keys of anchorKeys) {
    const anchor = keys.map(common).filter((literal) => literal !== undefined)
    if (anchor.length > 0) return anchor
  }
  return []
}

const anchorKeys: readonly (readonly string[])[] = [
  ['app.kubernetes.io/name', 'app.kubernetes.io/instance'],
  ['app'],
  ['k8s-app'],
  ['name'],
  ['run'],
  ['app.kubernetes.io/component'],
  ['component'],
  ['role'],
  ['tier'],
  ['service'],
]

const keyCosts: ReadonlyMap<string, number> = new Map([
  ...priced(10, [
    'app.kubernetes.io/name',
    'app.kubernetes.io/instance',
    'app.kubernetes.io/component',
  ]),
  ...priced(11, ['app', 'k8s-app']),
  ...priced(13, ['name', 'component', 'role', 'tier', 'service', 'run']),
  ...priced(16, ['app.kubernetes.io/part-of', 'part-of']),
  ...priced(60, [
    'app.kubernetes.io/managed-by',
    'app.kubernetes.io/version',
    'chart',
    'heritage',
    'managed-by',
    'release',
    'track',
    'version',
  ]),
])

function priced(cost: number, keys: readonly string[]): readonly (readonly [string, number])[] {
  return keys.map((key) => [key, cost])
}

function keyCost(key: string, controller: Labels | undefined): number {
  if (controller !== undefined && Object.hasOwn(controller, key)) return 8
  return keyCosts.get(key) ?? 30
}

interface KeyValues {
  readonly values: ReadonlySet<string>
  /** Whether some label map lacks the key. */
  readonly isMissing: boolean
}

function literalsOfKey(
  key: string,
  held: KeyValues,
  others: readonly Labels[],
  level: Level,
): readonly Literal[] {
  const literals: Literal[] = []
  const values = [...held.values].sort()
  if (!held.isMissing && values.length === 1) literals.push({ key, op: 'Eq', values })
  if (level === 'equal') return literals
  if (!held.isMissing && values.length > 1) literals.push({ key, op: 'In', values })
  if (!held.isMissing) literals.push({ key, op: 'Exists', values: [] })
  if (level === 'in') return literals
  const foreign = [...valuesOf(key, others).values].filter((value) => !held.values.has(value))
  if (foreign.length > 0) literals.push({ key, op: 'NotIn', values: foreign.sort() })
  if (held.values.size === 0) literals.push({ key, op: 'DoesNotExist', values: [] })
  return literals
}

function valuesOf(key: string, maps: readonly Labels[]): KeyValues {
  const values = new Set<string>()
  let isMissing = false
  for (const labels of maps) {
    const value = labelValue(labels, key)
    if (value === undefined) isMissing = true
    else values.add(value)
  }
  return { values, isMissing }
}

function keysOf(maps: readonly Labels[]): readonly string[] {
  return [...new Set(maps.flatMap((labels) => Object.keys(labels)))].sort()
}
