/** Names and patterns of names, as Cilium matches them (cilium `pkg/fqdn/matchpattern`). */
import type { FqdnSelector } from './cilium-policy.ts'

/** Tells whether a selector means a DNS name, without regard to case and to a final dot. */
export function fqdnMatches(selector: FqdnSelector, name: string): boolean {
  return expressionOf(selector).test(canonicalName(name))
}

/** Returns a name that the selector means: the name itself, or the pattern with each wildcard filled. */
export function fqdnWitness({ matchName, matchPattern = '' }: FqdnSelector): string {
  if (matchName !== undefined) return canonicalName(matchName)
  return canonicalName(matchPattern).replaceAll(/\*+/g, 'any')
}

/** Returns how a selector reads. */
export function fqdnText({ matchName, matchPattern = '' }: FqdnSelector): string {
  return canonicalName(matchName ?? matchPattern)
}

function canonicalName(name: string): string {
  const lower = name.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

const expressions = new WeakMap<FqdnSelector, RegExp>()

function expressionOf(selector: FqdnSelector): RegExp {
  const known = expressions.get(selector) ?? new RegExp(`^(?:${patternOf(selector)})$`)
  expressions.set(selector, known)
  return known
}

/** `*` stands for any text within a label, a leading `**.` for any number of whole labels, `*` alone for every name. */
function patternOf({ matchName, matchPattern = '' }: FqdnSelector): string {
  const pattern = canonicalName(matchName ?? matchPattern)
  if (/^\*+$/.test(pattern)) return '.*'
  const [head = '', ...rest] = pattern.split('.')
  const isDeep = /^\*{2,}$/.test(head) && rest.length > 0
  const labels = [isDeep ? '[-a-z0-9_.]*[-a-z0-9_]' : labelPattern(head), ...rest.map(labelPattern)]
  return labels.join('[.]')
}

function labelPattern(label: string): string {
  return label.replaceAll(/\*+/g, '[-a-z0-9_]*')
}
