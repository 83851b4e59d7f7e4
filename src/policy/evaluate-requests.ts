/** Names and requests as the naive evaluator reads them, from the text of Cilium's documentation. */
import type { CiliumL7Rules, FqdnSelector } from './cilium-policy.ts'
import type { AskedRequest } from './network-policy.ts'

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

function isWhole(expression: string | undefined, text: string): boolean {
  return expression === undefined || new RegExp(`^(?:${expression})$`).test(text)
}

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
