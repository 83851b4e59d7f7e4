/** Conjunctions of label literals: what synthesis calls a label selector. */
import type { Labels } from '../labels.ts'
import { toLabels } from '../labels.ts'
import type { LabelSelector, LabelSelectorRequirement } from '../policy/network-policy.ts'

/** One condition on the value of one label key. */
export interface Literal {
  readonly key: string
  readonly op: 'Eq' | 'In' | 'Exists' | 'NotIn' | 'DoesNotExist'
  /** One value for `Eq`, none for `Exists` and `DoesNotExist`. */
  readonly values: readonly string[]
}

/** Literals that must all hold; the empty conjunction holds everywhere. */
export type Conjunction = readonly Literal[]

/** Tells whether a literal holds; `NotIn` and `DoesNotExist` hold where the key is absent, as the API server has it. */
export function literalMatches(literal: Literal, labels: Labels): boolean {
  const value = labelValue(labels, literal.key)
  switch (literal.op) {
    case 'Eq':
    case 'In':
      return value !== undefined && literal.values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'NotIn':
      return value === undefined || !literal.values.includes(value)
    case 'DoesNotExist':
      return value === undefined
  }
}

/** Tells whether every literal of a conjunction holds. */
export function conjunctionMatches(conjunction: Conjunction, labels: Labels): boolean {
  for (const literal of conjunction) if (!literalMatches(literal, labels)) return false
  return true
}

/** Returns the value of a key, or undefined when the map lacks it. */
export function labelValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

/** Tells whether a literal needs its key to be there, so that a pod without labels fails it. */
export function isPositive(literal: Literal): boolean {
  return literal.op === 'Eq' || literal.op === 'In' || literal.op === 'Exists'
}

/** Returns a text that is equal for equal literals alone. */
export function literalText(literal: Literal): string {
  return JSON.stringify([literal.key, literal.op, ...literal.values])
}

/** Returns a text that is equal for equal conjunctions alone, once they are canonical. */
export function conjunctionText(conjunction: Conjunction): string {
  return canonicals.get(conjunction) ?? conjunction.map(literalText).join()
}

/** Texts of conjunctions that are canonical: what is made of them asks for form and text again and again. */
const canonicals = new WeakMap<Conjunction, string>()

/** Returns the same condition with literals and values sorted, without repetitions, and `Eq` for `In` of one value. */
export function canonicalConjunction(conjunction: Conjunction): Conjunction {
  if (canonicals.has(conjunction)) return conjunction
  const [only] = conjunction
  if (only !== undefined && conjunction.length === 1) return alone(canonicalLiteral(only))
  const byText = new Map<string, Literal>()
  for (const literal of conjunction) {
    const canonical = canonicalLiteral(literal)
    byText.set(literalText(canonical), canonical)
  }
  const texts = [...byText.keys()].sort()
  const sorted = texts.flatMap((text) => byText.get(text) ?? [])
  canonicals.set(sorted, texts.join())
  return sorted
}

/** Returns the conjunction of one literal in canonical form. */
function alone(literal: Literal): Conjunction {
  const conjunction = [literal]
  canonicals.set(conjunction, literalText(literal))
  return conjunction
}

/** Returns the canonical conjunction that a key has one of some values, which are sorted and once. */
export function anyValueOf(key: string, values: readonly string[]): Conjunction {
  return alone({ key, op: values.length === 1 ? 'Eq' : 'In', values })
}

/** Returns the label selector that says the same: `Eq` as `matchLabels`, the rest as expressions, all sorted. */
export function toLabelSelector(conjunction: Conjunction): LabelSelector {
  const [only] = conjunction
  if (only !== undefined && conjunction.length === 1) return soleSelector(canonicalLiteral(only))
  const equal = new Map<string, string>()
  const matchExpressions: LabelSelectorRequirement[] = []
  for (const literal of canonicalConjunction(conjunction)) {
    const value = literal.values[0]
    if (literal.op === 'Eq' && value !== undefined && !equal.has(literal.key)) {
      equal.set(literal.key, value)
    } else {
      matchExpressions.push(toRequirement(literal))
    }
  }
  return {
    ...(equal.size > 0 && { matchLabels: toLabels(equal) }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  }
}

function soleSelector(literal: Literal): LabelSelector {
  const [value] = literal.values
  return literal.op === 'Eq' && value !== undefined
    ? { matchLabels: toLabels([[literal.key, value]]) }
    : { matchExpressions: [toRequirement(literal)] }
}

/** Returns the canonical conjunction that a label selector says. */
export function fromLabelSelector(selector: LabelSelector): Conjunction {
  const matchLabels = selector.matchLabels ?? {}
  const equal = Object.keys(matchLabels).map(
    (key): Literal => ({ key, op: 'Eq', values: [matchLabels[key] ?? ''] }),
  )
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values }): Literal => ({ key, op: operator, values: values ?? [] }),
  )
  return canonicalConjunction([...equal, ...expressions])
}

function canonicalLiteral({ key, op, values }: Literal): Literal {
  if (op === 'Exists' || op === 'DoesNotExist') return { key, op, values: [] }
  const isSorted = values.every((value, at) => at === 0 || (values[at - 1] ?? '') < value)
  const sorted = isSorted ? values : [...new Set(values)].sort()
  return { key, op: op === 'In' && sorted.length === 1 ? 'Eq' : op, values: sorted }
}

function toRequirement({ key, op, values }: Literal): LabelSelectorRequirement {
  if (op === 'Exists' || op === 'DoesNotExist') return { key, operator: op }
  return { key, operator: op === 'Eq' ? 'In' : op, values }
}
