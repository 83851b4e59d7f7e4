/** Names and requests as the naive evaluator reads them, from the text of Cilium's documentation. */
import type { CiliumL7Rules, FqdnSelector } from './cilium-policy.ts'
import type { AskedRequest, Policy } from './network-policy.ts'

/** Where a proxy looks at requests, one of its rules must hold for all of one. */
export function requestHolds(
  rules: CiliumL7Rules | undefined,
  asked: AskedRequest | undefined,
): boolean {
  const { http = [], dns = [] } = rules ?? {}
  if (asked === undefined || http.length + dns.length === 0) return true
  if (asked === 'other') return dns.some(({ matchPattern }) => matchPattern === '*')
  if ('name' in asked) return dns.some((selector) => nameHolds(selector, asked.name))
  return http.some(({ method, path, ...rest }) => {
    // What hosts and headers are is not asked about.
    if (Object.keys(rest).length > 0) return false
    return isWhole(method, asked.method) && isWhole(path, asked.path)
  })
}

/** What is not known to hold does not: nothing is said to pass because of it. */
function isWhole(expression: string | undefined, text: string): boolean {
  if (expression === undefined) return true
  return isEvaluable(expression) && new RegExp(`^(?:${expression})$`).test(text)
}

/**
 * Tells whether an expression is one that JavaScript reads as RE2 does, which is what Cilium's proxy uses: literals, `.`,
 * classes of characters, groups, alternatives and repetitions, in ASCII. Flags, classes by name and the like are not.
 */
export function isEvaluable(expression: string): boolean {
  if (expression.length > maxEvaluable || !common.test(expression)) return false
  try {
    return new RegExp(expression) !== undefined
  } catch {
    return false
  }
}

/** Returns the expressions of a policy that are not evaluated, in their order: of methods, paths and hosts. */
export function unevaluatedExpressions(policy: Policy): readonly string[] {
  if (policy.kind === 'NetworkPolicy') return []
  return [policy.spec ?? [], policy.specs ?? []]
    .flat()
    .flatMap(({ ingress = [], egress = [] }) => [...ingress, ...egress])
    .flatMap(({ toPorts = [] }) => toPorts)
    .flatMap(({ rules: { http = [] } = {} }) => http)
    .flatMap(({ method, path, host }) => [method, path, host])
    .flatMap((text) => (text === undefined || isEvaluable(text) ? [] : [text]))
}

/** Longer expressions are not evaluated. */
const maxEvaluable = 4096

/** A class by a letter, or a mark that means itself. */
const escaped = String.raw`\\(?:[dDwW]|[!-/:-@[-\x60{-~])`

const common = new RegExp(
  `^(?:${[
    String.raw`[^\\()[\]{}?*+\x00-\x1f\x7f-\uffff]`,
    escaped,
    String.raw`\[\^?(?:[ -Z_-~]|${escaped})(?:[ -Z^-~]|${escaped})*\]`,
    String.raw`\((?!\?)|\(\?:|\)`,
    String.raw`(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??`,
  ].join('|')})*$`,
)

/** Tells whether a name is one that a selector means. */
export function nameHolds({ matchName, matchPattern }: FqdnSelector, name: string): boolean {
  const actual = withoutDot(name)
  if (matchName !== undefined) return withoutDot(matchName) === actual
  const pattern = withoutDot(matchPattern ?? '')
  if (/^\*+$/.test(pattern)) return true
  const deep = /^\*{2,}\./.test(pattern)
  const rest = deep ? pattern.replace(/^\*+\./, '') : pattern
  const expression = rest
    .split(/\*+/)
    .map((part) => part.replaceAll('.', '[.]'))
    .join('[-a-z0-9_]*')
  const prefix = deep ? '([-a-z0-9_]+[.])+' : ''
  return new RegExp(`^${prefix}${expression}$`).test(actual)
}

function withoutDot(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
