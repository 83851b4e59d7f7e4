/** Label selectors: whether one matches, and the one form in which equal selectors are equal. */
import type { Labels } from '../labels.ts'
import { toLabels } from '../labels.ts'
import type { LabelSelector, LabelSelectorRequirement } from './network-policy.ts'

/** Tells whether a selector matches a label map; `NotIn` and `DoesNotExist` match where the key is absent. */
export function selectorMatches(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels, matchExpressions } = selector
  if (matchLabels !== undefined) {
    for (const key of Object.keys(matchLabels)) {
      if (!(Object.hasOwn(labels, key) && labels[key] === matchLabels[key])) return false
    }
  }
  return matchExpressions?.every((expression) => expressionMatches(expression, labels)) ?? true
}

/** Returns the expressions of a selector, its labels among them. */
export function requirementsOf(selector: LabelSelector): readonly LabelSelectorRequirement[] {
  return [
    ...Object.entries(selector.matchLabels ?? {}).map(
      ([key, value]): LabelSelectorRequirement => ({ key, operator: 'In', values: [value] }),
    ),
    ...(selector.matchExpressions ?? []),
  ]
}

function expressionMatches(expression: LabelSelectorRequirement, labels: Labels): boolean {
  const { key, operator, values } = expression
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  const isListed = value !== undefined && (values ?? []).includes(value)
  switch (operator) {
    case 'In':
      return isListed
    case 'NotIn':
      return !isListed
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}

/** The same policies are asked about in several universes: the text of a selector is made once. */
const texts = new WeakMap<LabelSelector, string>()

/** Returns a text that is equal for selectors that are written alike. */
export function selectorText(selector: LabelSelector): string {
  const known = texts.get(selector)
  if (known !== undefined) return known
  const text = JSON.stringify(selector)
  texts.set(selector, text)
  return text
}

/**
 * Returns the selector in canonical form: `In` with one value as a matchLabels entry, everything sorted and once,
 * empty members left out. It matches exactly what the given one matches.
 */
export function canonicalSelector(selector: LabelSelector): LabelSelector {
  const { matchLabels = {}, matchExpressions = [] } = selector
  if (matchExpressions.length === 0) {
    const entries = Object.entries(matchLabels)
    return entries.length > 0 ? { matchLabels: toLabels(entries) } : {}
  }
  const labels = new Map(Object.entries(matchLabels))
  const expressions = new Map<string, LabelSelectorRequirement>()
  for (const expression of matchExpressions.map(canonicalExpression).sort(byText)) {
    const { key, operator, values = [] } = expression
    const [value] = values
    const isEquality = operator === 'In' && values.length === 1 && value !== undefined
    // Two different values for a key match nothing: one stays an expression, as a map cannot hold both.
    if (isEquality && (labels.get(key) ?? value) === value) labels.set(key, value)
    else expressions.set(JSON.stringify(expression), expression)
  }
  return {
    ...(labels.size > 0 && { matchLabels: toLabels(labels) }),
    ...(expressions.size > 0 && { matchExpressions: [...expressions.values()] }),
  }
}

function canonicalExpression(expression: LabelSelectorRequirement): LabelSelectorRequirement {
  const { key, operator, values = [] } = expression
  const isSet = operator === 'In' || operator === 'NotIn'
  return isSet ? { key, operator, values: [...new Set(values)].sort() } : { key, operator }
}

function byText(a: LabelSelectorRequirement, b: LabelSelectorRequirement): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
