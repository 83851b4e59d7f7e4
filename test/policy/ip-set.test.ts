import { describe, expect, test } from 'vitest'
import { parseAddress, parsePrefix } from '../../src/ip.ts'
import {
  allIps,
  countIps,
  equalIps,
  hasNoIps,
  holdsIp,
  intersectIps,
  ipBlockSet,
  noIps,
  subtractIps,
  toIpSet,
  toPrefixes,
  uniteIps,
} from '../../src/policy/ip-set.ts'

const set = (...texts: readonly string[]): ReturnType<typeof toIpSet> =>
  toIpSet(texts.map((text) => parsePrefix(text)!))

describe('toPrefixes', () => {
  test.each<[readonly string[], readonly string[]]>([
    [[], []],
    [['10.0.0.0/9', '10.128.0.0/9'], ['10.0.0.0/8']],
    [
      ['10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32'],
      ['10.0.0.1/32', '10.0.0.2/31'],
    ],
    [
      ['2001:db8::/33', '10.0.0.0/8', '2001:db8:8000::/33'],
      ['10.0.0.0/8', '2001:db8::/32'],
    ],
    [['10.0.0.0/8', '10.1.0.0/16'], ['10.0.0.0/8']],
    [
      ['0.0.0.0/1', '128.0.0.0/1', '::/0'],
      ['0.0.0.0/0', '::/0'],
    ],
    [['255.255.255.255/32'], ['255.255.255.255/32']],
  ])('%j is %j', (texts, expected) => {
    expect(toPrefixes(set(...texts))).toEqual(expected)
  })

  test('all but one address is one prefix for each bit', () => {
    const rest = toPrefixes(subtractIps(allIps, set('10.0.0.1/32')))
    expect(rest).toHaveLength(32 + 1)
    expect(rest[0]).toBe('0.0.0.0/5')
  })
})

describe('ipBlockSet', () => {
  test('is the block without its holes', () => {
    expect(toPrefixes(ipBlockSet({ cidr: '10.0.0.0/30', except: ['10.0.0.1/32'] }))).toEqual([
      '10.0.0.0/32',
      '10.0.0.2/31',
    ])
    expect(toPrefixes(ipBlockSet({ cidr: '10.1.2.3/16' }))).toEqual(['10.1.0.0/16'])
    expect(hasNoIps(ipBlockSet({ cidr: '::/0', except: ['::/1', '8000::/1'] }))).toBe(true)
  })

  test.each(['10.0.0.0', 'x', ''])('refuses "%s"', (cidr) => {
    expect(() => ipBlockSet({ cidr })).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID' }),
    )
  })
})

test('families never meet', () => {
  expect(hasNoIps(intersectIps(set('0.0.0.0/0'), set('::/0')))).toBe(true)
  expect(equalIps(uniteIps(set('0.0.0.0/0'), set('::/0')), allIps)).toBe(true)
  expect(holdsIp(set('::/0'), parseAddress('10.0.0.1')!)).toBe(false)
  expect(holdsIp(set('10.0.0.0/8'), parseAddress('10.255.255.255')!)).toBe(true)
})

test('counts of addresses do not overflow', () => {
  expect(countIps(allIps)).toBe((1n << 128n) + (1n << 32n))
  expect(countIps(noIps)).toBe(0n)
})
