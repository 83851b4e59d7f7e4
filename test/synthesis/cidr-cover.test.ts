import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import type { Prefix } from '../../src/ip.ts'
import { formatPrefix, parseAddress, parsePrefix, prefixOf } from '../../src/ip.ts'
import type { CoverOptions } from '../../src/synthesis/cidr-cover.ts'
import { coverAddresses, worldExcept } from '../../src/synthesis/cidr-cover.ts'

function prefix(text: string): Prefix {
  const address = parseAddress(text)
  const found = address === undefined ? parsePrefix(text) : prefixOf(address, address.width)
  if (found === undefined) throw new Error(`not a prefix: ${text}`)
  return found
}

interface CoverCase extends Partial<Omit<CoverOptions, 'forbidden'>> {
  readonly name: string
  readonly given: readonly string[]
  readonly forbidden?: readonly string[]
  readonly covered: readonly string[]
  readonly extra?: bigint
}

describe('coverAddresses', () => {
  test.each<CoverCase>([
    { name: 'nothing', given: [], covered: [] },
    { name: 'one address', given: ['203.0.113.7'], covered: ['203.0.113.7/32'] },
    {
      name: 'an IPv6 address never has the length of an IPv4 one',
      given: ['2001:db8::7'],
      covered: ['2001:db8::7/128'],
    },
    {
      name: 'neighbours become one without adding anything, across any length',
      given: ['10.0.0.0/25', '10.0.0.128/25', '10.0.1.0/24', '8.0.0.0/7', '10.0.1.9'],
      maxExtra: 0,
      minLength: { v4: 32, v6: 128 },
      covered: ['8.0.0.0/7', '10.0.0.0/23'],
    },
    {
      name: 'near is not next to',
      given: ['10.0.0.1', '10.0.0.2'],
      covered: ['10.0.0.1/32', '10.0.0.2/32'],
    },
    {
      name: 'one address may be added for a prefix saved',
      given: ['10.0.0.0', '10.0.0.1', '10.0.0.2'],
      maxExtra: 1,
      covered: ['10.0.0.0/30'],
      extra: 1n,
    },
    {
      name: 'two may not',
      given: ['10.0.0.1', '10.0.0.2'],
      maxExtra: 1,
      covered: ['10.0.0.1/32', '10.0.0.2/32'],
    },
    {
      name: 'several prefixes saved pay together',
      given: ['10.0.0.0', '10.0.0.2', '10.0.0.5', '10.0.0.7'],
      maxExtra: 2,
      covered: ['10.0.0.0/29'],
      extra: 4n,
    },
    {
      name: 'a widened prefix stays at or above the shortest length',
      given: ['10.0.0.1', '10.0.1.1'],
      maxExtra: 100_000,
      covered: ['10.0.0.1/32', '10.0.1.1/32'],
    },
    {
      name: 'which can be lowered',
      given: ['10.0.0.1', '10.0.1.1'],
      maxExtra: 100_000,
      minLength: { v4: 16, v6: 64 },
      covered: ['10.0.0.0/23'],
      extra: 510n,
    },
    {
      name: 'nothing is added where something is forbidden',
      given: ['10.0.0.0', '10.0.0.2', '10.0.0.5', '10.0.0.7'],
      maxExtra: 100,
      forbidden: ['10.0.0.6'],
      covered: ['10.0.0.0/30', '10.0.0.5/32', '10.0.0.7/32'],
      extra: 2n,
    },
    {
      name: 'what was seen in a forbidden range stays, and neighbours there still become one',
      given: ['169.254.169.254', '169.254.169.252', '169.254.169.253'],
      maxExtra: 100,
      forbidden: ['169.254.0.0/16'],
      covered: ['169.254.169.252/31', '169.254.169.254/32'],
    },
    {
      name: 'families do not mix, and the older comes first',
      given: ['::1', '0.0.0.1', '::', '0.0.0.0'],
      covered: ['0.0.0.0/31', '::/127'],
    },
    {
      name: 'IPv6 widens too',
      given: ['2001:db8::', '2001:db8::3'],
      maxExtra: 2,
      covered: ['2001:db8::/126'],
      extra: 2n,
    },
    {
      name: 'host bits are no matter',
      given: ['10.0.0.77/24'],
      covered: ['10.0.0.0/24'],
    },
    {
      name: 'everything',
      given: ['0.0.0.0/1', '128.0.0.0/1', '1.2.3.4'],
      covered: ['0.0.0.0/0'],
    },
  ])('$name', ({ given, forbidden = [], covered, extra = 0n, ...options }) => {
    const parse = (text: string): Prefix =>
      text === '10.0.0.77/24' ? { ...prefix('10.0.0.77'), length: 24 } : prefix(text)
    const cover = coverAddresses(given.map(parse), {
      maxExtra: 0,
      ...options,
      forbidden: forbidden.map(prefix),
    })
    expect(cover.prefixes.map(formatPrefix)).toEqual(covered)
    expect(cover.extra).toBe(extra)
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    '%s is no number of addresses',
    (maxExtra) => {
      const cover = (): unknown => coverAddresses([], { maxExtra, forbidden: [] })
      expect(cover).toThrow(NetweirError)
      expect(cover).toThrow(`"${maxExtra}"`)
    },
  )

  test('4,096 scattered addresses are covered quickly', () => {
    const points = Array.from({ length: 4096 }, (_, at) => ({
      width: 32 as const,
      value: BigInt(Math.imul(at, 0x9e3779b1) >>> 0),
      length: 32,
    }))
    const cover = coverAddresses(points, { maxExtra: 0, forbidden: [] })
    expect(cover.prefixes).toHaveLength(4096)
  })
})

describe('worldExcept', () => {
  test.each<{
    name: string
    forbidden: readonly string[]
    kept: readonly string[]
    blocks: readonly (readonly [string, readonly string[]])[]
  }>([
    {
      name: 'nothing forbidden',
      forbidden: [],
      kept: ['10.0.0.1'],
      blocks: [
        ['0.0.0.0/0', []],
        ['::/0', []],
      ],
    },
    {
      name: 'overlapping, adjacent and repeated ranges become few, sorted',
      forbidden: [
        '10.96.0.0/12',
        '10.0.1.0/24',
        '10.0.0.0/24',
        'fd00::/8',
        '10.0.1.0/24',
        '10.0.0.9',
      ],
      kept: [],
      blocks: [
        ['0.0.0.0/0', ['10.0.0.0/23', '10.96.0.0/12']],
        ['::/0', ['fd00::/8']],
      ],
    },
    {
      name: 'a hole is split around what must stay allowed',
      forbidden: ['10.0.0.0/29'],
      kept: ['10.0.0.2', '192.0.2.1', '2001:db8::1'],
      blocks: [
        ['0.0.0.0/0', ['10.0.0.0/31', '10.0.0.3/32', '10.0.0.4/30']],
        ['::/0', []],
      ],
    },
    {
      name: 'a hole inside what must stay allowed vanishes',
      forbidden: ['10.0.0.0/29', 'fd00::/64'],
      kept: ['10.0.0.0/24', 'fd00::/64'],
      blocks: [
        ['0.0.0.0/0', []],
        ['::/0', []],
      ],
    },
    {
      name: 'a family that is forbidden altogether is left out',
      forbidden: ['0.0.0.0/0'],
      kept: [],
      blocks: [['::/0', []]],
    },
    {
      name: 'unless an address of it must stay allowed',
      forbidden: ['::/0'],
      kept: ['::'],
      blocks: [
        ['0.0.0.0/0', []],
        [
          '::/0',
          Array.from({ length: 128 }, (_, at) =>
            formatPrefix({ width: 128, value: 1n << BigInt(at), length: 128 - at }),
          ),
        ],
      ],
    },
  ])('$name', ({ forbidden, kept, blocks }) => {
    expect(worldExcept(forbidden.map(prefix), kept.map(prefix))).toEqual(
      blocks.map(([cidr, except]) => ({ cidr, except })),
    )
  })
})
