import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isEvaluable,
  requestHolds,
  unevaluatedExpressions,
} from '../../src/policy/evaluate-requests.ts'
import { expressionProblem } from '../../src/policy/expression.ts'
import type { Policy } from '../../src/policy/network-policy.ts'
import { requestPattern } from '../../src/traffic/request-shapes.ts'

describe('an expression that RE2 and JavaScript read alike', () => {
  test.each([
    '',
    '/',
    'GET|POST',
    '/v1/orders/[0-9]+',
    '^/v1/users/[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}$',
    '/a[.]b([?].*)?',
    '/(?:a|b)*?/\\d{2,}\\.json',
    '[^/?]+',
    '[\\]\\-a]',
    '[-a^]',
  ])('%s', (text) => {
    expect(isEvaluable(text)).toBe(true)
    expect(expressionProblem(text)).toBeUndefined()
  })

  test.each(['GET /v1/orders/{number}?', 'PUT /a.b/{uuid}/{hex}/{any}', 'GET /~x/a_b-c'])(
    'of the shape %s',
    (text) => {
      const pattern = requestPattern('http', text)
      expect('http' in pattern && isEvaluable(pattern.http.path)).toBe(true)
    },
  )

  test('is one for JavaScript', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab\\[](){}?*+|^$.:-1,=!<') }), (text) => {
        if (!isEvaluable(text)) return
        expect(() => new RegExp(`^(?:${text})$`)).not.toThrow()
        expect(expressionProblem(text)).toBeUndefined()
      }),
      { numRuns: 20_000 },
    )
  })
})

/** What JavaScript refuses, and what it takes for something else. */
const ofRe2 = [
  '(?i)/x',
  '(?i:/x)',
  '/(?P<id>a)',
  '[[:alpha:]]+',
  '[]a]',
  '\\Qa(b\\E',
  '\\A/x\\z',
  '\\pL+',
  '\\x{61}',
  '\\s',
  '/\u00e9',
  '/x'.repeat(4000),
]

describe('an expression of RE2 alone is taken, and not evaluated', () => {
  test.each(ofRe2)('%.20s', (text) => {
    expect(expressionProblem(text)).toBeUndefined()
    expect(isEvaluable(text)).toBe(false)
    for (const path of ['/x', '/X', 'a', ':]', 'x', 'Qa(bE', 'A/xz', 'pL', ' ', text]) {
      expect(requestHolds({ http: [{ path: text }] }, { method: 'GET', path })).toBe(false)
    }
    const asked = { method: 'GET', path: '/x' }
    expect(requestHolds({ http: [{ path: text }, { path: '/x' }] }, asked)).toBe(true)
    // The connection is open for the proxy to look at.
    expect(requestHolds({ http: [{ path: text }] }, undefined)).toBe(true)
  })
})

test.each([
  ['(', 'no regular expression'],
  ['[a', 'no regular expression'],
  ['*x', 'no regular expression'],
  ['a(?=x)', 'ahead or behind'],
  ['(?<!x)y', 'ahead or behind'],
  ['(x)\\1', 'back to a group'],
])('%s is none', (text, problem) => {
  expect(expressionProblem(text)).toContain(problem)
  expect(isEvaluable(text)).toBe(false)
})

test('expressions of a policy that are not evaluated', () => {
  const toPorts = (...http: readonly object[]): object => ({ ports: [], rules: { http } })
  const policy = {
    kind: 'CiliumNetworkPolicy',
    spec: {
      ingress: [{ toPorts: [toPorts({ path: '/a', method: '(?i)get' }, { path: '(?i)/b' })] }],
    },
    specs: [{ egress: [{ toPorts: [toPorts({ host: '\\pL' }, {})] }, {}] }],
  } as unknown as Policy
  expect(unevaluatedExpressions(policy)).toEqual(['(?i)get', '(?i)/b', '\\pL'])
})
