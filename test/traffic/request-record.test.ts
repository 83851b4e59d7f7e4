/** Laws of what is kept of requests, and when an edge counts as inspected. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readOut } from '../../src/traffic/read-out.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { joinRequests, requestLimits } from '../../src/traffic/request-record.ts'
import { decodeSet, encodeSet, mergeSets } from '../../src/traffic/set-document.ts'
import type { FlowOptions } from '../support/flows.ts'
import { flowLines } from '../support/flows.ts'
import { builtScanning } from '../support/scanning.ts'

const { module } = await builtScanning()

const texts = fc.uniqueArray(
  fc.nat(90).map((number) => `n${number}.example.com`),
  { maxLength: 80 },
)
const record = fc.record({ dns: texts, read: fc.nat(5), more: fc.boolean() }).map((one) => ({
  read: [one.read, 0] as const,
  redirected: [0, one.read] as const,
  ...(one.dns.length > 0 && { dns: [...one.dns].sort() }),
  ...(one.more && { more: true as const }),
}))

test('joining is commutative and associative, and bounded', () => {
  fc.assert(
    fc.property(record, record, record, (a, b, c) => {
      expect(joinRequests(a, b)).toEqual(joinRequests(b, a))
      expect(joinRequests(joinRequests(a, b), c)).toEqual(joinRequests(a, joinRequests(b, c)))
      expect(joinRequests(a, b).dns?.length ?? 0).toBeLessThanOrEqual(requestLimits.dns)
    }),
  )
})

test('more kinds than are kept are the smallest, and are said', () => {
  const list = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `GET /{any}/${'a'.repeat(from + index + 1)}`)
  const make = (http: readonly string[]) => ({
    read: [0, 0] as const,
    redirected: [0, 0] as const,
    http: [...http].sort(),
  })
  const joined = joinRequests(make(list(0, 40)), make(list(30, 70)))
  expect(joined.http).toHaveLength(requestLimits.http)
  expect(joined.more).toBe(true)
  expect(joinRequests(make(list(0, 40)), make(list(30, 64))).more).toBeUndefined()
})

const ends = { from: { ns: 'shop', app: 'web' }, to: { ns: 'shop', app: 'api' }, port: 8080 }
const sent: FlowOptions = { ...ends, verdict: 'REDIRECTED', direction: 'INGRESS' }
const asked: FlowOptions = {
  ...ends,
  direction: 'INGRESS',
  http: { kind: 'REQUEST', method: 'GET', url: 'http://api/v1/orders/7' },
}

function learn(
  flows: readonly FlowOptions[],
  { isAsked = true, isScanned = false }: { isAsked?: boolean; isScanned?: boolean } = {},
) {
  const reader = createReader({
    ...(isAsked && { requests: ['http', 'dns'] as const }),
    ...(isScanned && { scanner: module }),
  })
  reader.consume(new TextEncoder().encode(flowLines(flows)), { source: 'test', offset: 0 })
  return reader.finish()
}

function inspected(flows: readonly FlowOptions[]): readonly string[] | undefined {
  return readOut(learn(flows)).edges[0]?.evidence.requests?.inspected
}

describe('an edge is inspected where a proxy saw all of it', () => {
  const delivered: FlowOptions = { ...ends, point: 'TO_ENDPOINT', reason: 'NEW', flags: 'SYN' }
  test.each<[string, readonly FlowOptions[], readonly string[] | undefined]>([
    ['sent to the proxy, and read', [sent, asked, asked], ['ingress']],
    ['and handed on by the proxy', [sent, asked, delivered], ['ingress']],
    ['records of the proxy alone', [asked], ['ingress']],
    ['one connection passed by the proxy', [sent, asked, { ...ends, direction: 'INGRESS' }], []],
    ['delivered without a verdict', [asked, delivered], []],
    ['delivered more often than sent', [sent, asked, delivered, delivered], []],
    [
      'a request that cannot be said',
      [sent, asked, { ...asked, http: { kind: 'REQUEST', method: 'get', url: 'x' } }],
      [],
    ],
    ['no request', [sent], undefined],
    ['the other side saw it without a proxy', [sent, asked, ends], ['ingress']],
    [
      'a request that was refused is none',
      [sent, asked, { ...asked, verdict: 'DROPPED' }],
      ['ingress'],
    ],
  ])('%s', (_, flows, sides) => expect(inspected(flows)).toEqual(sides))
})

test('nothing is kept unless it is asked for', () => {
  const text = encodeSet(learn([sent, asked], { isAsked: false }))
  expect(text).not.toContain('orders')
  expect(text).not.toContain('requests')
})

test('what was learned without requests keeps an edge from being inspected', () => {
  const merged = mergeSets([learn([sent, asked]), learn([sent, asked], { isAsked: false })])
  expect(readOut(merged).edges[0]?.evidence.requests).toMatchObject({ inspected: [] })
})

test('a set is read as it was written, with the scanner as without', () => {
  const flows = [
    sent,
    asked,
    { ...ends, port: 53, dns: { kind: 'REQUEST', query: 'a.b.' } as const },
  ]
  const plain = encodeSet(learn(flows))
  expect(encodeSet(learn(flows, { isScanned: true }))).toBe(plain)
  expect(encodeSet(decodeSet(JSON.parse(plain)))).toBe(plain)
  expect(plain).toContain('GET /v1/orders/{number}')
})

test('a document with a request that nobody would keep is refused', () => {
  const text = encodeSet(learn([sent, asked])).replace('{number}', 'eyJhbGciOiJIUzI1NiJ9')
  expect(() => decodeSet(JSON.parse(text))).toThrow(/requests\.http\[0\]/)
})
