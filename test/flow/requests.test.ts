import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRequestText, requestOf } from '../../src/flow/requests.ts'
import { requestExamples, requestPattern } from '../../src/traffic/request-shapes.ts'

const shapeOf = (method: string, url: string): string | undefined =>
  requestOf({ http: { method, url } })?.text

describe('a request is kept by its shape', () => {
  test.each([
    ['http://api:8080/v1/orders', 'GET /v1/orders'],
    ['/v1/orders/812?page=2&token=abc', 'GET /v1/orders/{number}?'],
    ['http://api', 'GET /'],
    ['http://api?x=1', 'GET /?'],
    ['http://api:80/#top', 'GET /'],
    ['/users/0d9a3c1e-7b1f-4c55-9f63-2b8a5d1e4f70', 'GET /users/{uuid}'],
    ['/blobs/deadbeef00', 'GET /blobs/{hex}'],
    ['/a//b/', 'GET /a//b/'],
    ['/.well-known/openid-configuration', 'GET /.well-known/openid-configuration'],
    ['/apis/apps/v1beta1/deployments', 'GET /apis/apps/v1beta1/deployments'],
    ['/index.html', 'GET /index.html'],
    ['/oauth2/token', 'GET /oauth2/token'],
  ])('%s', (url, text) => expect(shapeOf('GET', url)).toBe(text))

  test.each([
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln',
    'dGhpc0lzQVNlY3JldA==',
    'AKIAIOSFODNN7EXAMPLE',
    'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
    'alice@example.com',
    'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
    'a%20b',
    'DEADBEEFCAFE',
    'XJQZKVBNMWRTP',
    '203.0.113.7',
    '+491701234567',
    'b3BlbnNlc2FtZQ',
    'user:password',
    'x'.repeat(25),
  ])('%s is never kept', (secret) => {
    const text = shapeOf('GET', `/v1/${secret}/rest`)
    expect(text).not.toContain(secret)
    expect(text).toMatch(/^GET \/v1\/\{(any|hex|number)\}\/rest$/)
  })

  test.each([
    ['get', '/a'],
    ['', '/a'],
    ['GET\n', '/a'],
    ['GET', ''],
    ['GET', 'nonsense'],
    ['GET', `/${'a/'.repeat(40)}`],
    ['GET', `/${'word-'.repeat(120)}`],
  ])('%s %s cannot be said', (method, url) => {
    const text = shapeOf(method, url)
    if (text !== undefined) expect(isRequestText({ kind: 'http', text })).toBe(true)
    else expect(text).toBeUndefined()
  })

  test('names lose their final dot', () => {
    expect(requestOf({ dns: { query: 'API.Example.com.' } })).toEqual({
      kind: 'dns',
      text: 'api.example.com',
    })
    expect(requestOf({ dns: { query: 'a b' } })).toBeUndefined()
    expect(requestOf({ dns: { query: '*.example.com' } })).toBeUndefined()
    expect(requestOf({ kafka: {} })).toBeUndefined()
    expect(requestOf(undefined)).toBeUndefined()
  })
})

const part = fc.oneof(
  fc.constantFrom('v1', 'orders', 'users', '7', 'index.html', '', 'deadbeef', '~a', '(x)+', '..'),
  fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[/?#]/g, '')),
)

test('a kind of requests lets through what it was made of, and its examples', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.boolean(), (parts, isAsked) => {
      const path = `/${parts.join('/')}${isAsked ? '?a=b' : ''}`
      const request = requestOf({ http: { method: 'GET', url: `http://host${path}` } })
      if (request === undefined) return
      expect(isRequestText(request)).toBe(true)
      const pattern = requestPattern('http', request.text)
      const expression = new RegExp('http' in pattern ? pattern.http.path : '$^')
      expect(expression.test(path)).toBe(true)
      for (const example of requestExamples('http', request.text)) {
        expect('path' in example && expression.test(example.path)).toBe(true)
      }
      // What is kept is kept again as it is.
      expect(requestOf({ http: { method: 'GET', url: path } })?.text).toBe(request.text)
    }),
  )
})

test('only texts that are made here are taken from a document', () => {
  for (const text of ['GET /eyJhbGciOiJIUzI1NiJ9x', 'GET ', 'GET /a b', 'get /a', 'GET /a?b']) {
    expect(isRequestText({ kind: 'http', text })).toBe(false)
  }
  expect(isRequestText({ kind: 'dns', text: 'a..b' })).toBe(false)
})
