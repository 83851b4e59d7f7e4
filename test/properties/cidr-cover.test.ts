import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Address, Prefix, Width } from '../../src/ip.ts'
import { comparePrefixes, formatPrefix, parsePrefix, prefixHolds, prefixOf } from '../../src/ip.ts'
import type { AddressCover } from '../../src/synthesis/cidr-cover.ts'
import { coverAddresses, worldExcept } from '../../src/synthesis/cidr-cover.ts'

/** A space of 64 addresses: the last six bits of an address, in either family. */
interface Space {
  readonly width: Width
  readonly base: bigint
}

const spaces: readonly Space[] = [
  { width: 32, base: 0x0a000000n },
  { width: 128, base: 0x20010db8n << 96n },
]

const bits = 6

function prefixIn(space: Space, at: number, depth: number): Prefix {
  const address = { width: space.width, value: space.base + BigInt(at) }
  return prefixOf(address, space.width - bits + depth)
}

function addressesOf(space: Space): readonly Address[] {
  return Array.from({ length: 2 ** bits }, (_, at) => ({
    width: space.width,
    value: space.base + BigInt(at),
  }))
}

const spot = fc.tuple(fc.nat(2 ** bits - 1), fc.integer({ min: 0, max: bits }))
const point = fc.tuple(fc.nat(2 ** bits - 1), fc.integer({ min: bits - 1, max: bits }))

const problem = fc
  .record({
    space: fc.constantFrom(...spaces),
    points: fc.array(point, { maxLength: 14 }),
    forbidden: fc.array(
      spot.map(([at, depth]) => [at, Math.max(depth, 3)] as const),
      {
        maxLength: 2,
      },
    ),
    maxExtra: fc.integer({ min: 0, max: 12 }),
    minDepth: fc.integer({ min: 0, max: bits }),
  })
  .map(({ space, points, forbidden, maxExtra, minDepth }) => ({
    space,
    points: points.map(([at, depth]) => prefixIn(space, at, depth)),
    forbidden: forbidden.map(([at, depth]) => prefixIn(space, at, depth)),
    maxExtra,
    minLength: { v4: 32 - bits + minDepth, v6: 128 - bits + minDepth },
  }))

type Problem = typeof problem extends fc.Arbitrary<infer T> ? T : never

function solve(of: Problem, maxExtra: number): AddressCover {
  const { forbidden, minLength } = of
  return coverAddresses(of.points, { maxExtra, forbidden, minLength })
}

function holds(prefixes: readonly Prefix[], address: Address): boolean {
  return prefixes.some((prefix) => prefixHolds(prefix, address))
}

/** The least cost over the whole tree of the space, node by node, with no trie and no shortcuts. */
function leastCost(of: Problem, at = 0, depth = 0): number {
  const node = prefixIn(of.space, at, depth)
  const inside = addressesOf(of.space).filter((address) => prefixHolds(node, address))
  const missing = inside.filter((address) => !holds(of.points, address))
  if (missing.length === inside.length) return 0
  const isFree =
    node.length >= (of.space.width === 32 ? of.minLength.v4 : of.minLength.v6) &&
    !inside.some((address) => holds(of.forbidden, address))
  const mayBeOne = missing.length === 0 || isFree
  const asOne = mayBeOne ? of.maxExtra + missing.length : Number.POSITIVE_INFINITY
  if (depth === bits) return asOne
  const half = 2 ** (bits - depth - 1)
  return Math.min(asOne, leastCost(of, at, depth + 1) + leastCost(of, at + half, depth + 1))
}

describe('P20: covering addresses', () => {
  test('everything given is covered, nothing forbidden is added, and the cost is the least', () => {
    fc.assert(
      fc.property(problem, (of) => {
        const cover = solve(of, of.maxExtra)
        let extra = 0n
        for (const address of addressesOf(of.space)) {
          const isGiven = holds(of.points, address)
          const isCovered = holds(cover.prefixes, address)
          if (isGiven) expect(isCovered).toBe(true)
          if (!isCovered || isGiven) continue
          extra += 1n
          expect(holds(of.forbidden, address)).toBe(false)
        }
        expect(cover.extra).toBe(extra)
        expect(cover.prefixes.length * of.maxExtra + Number(extra)).toBe(leastCost(of))
        expect(cover.prefixes).toEqual([...cover.prefixes].sort(comparePrefixes))
      }),
      { numRuns: 300 },
    )
  })

  test('without a price nothing is added, and the list is the shortest that says so', () => {
    fc.assert(
      fc.property(problem, (of) => {
        const cover = solve(of, 0)
        expect(cover.extra).toBe(0n)
        // A price of one address for a prefix where nothing may be added leaves the number of prefixes.
        const strict = { ...of, maxExtra: 1, forbidden: [prefixIn(of.space, 0, 0)] }
        expect(cover.prefixes).toHaveLength(leastCost(strict))
      }),
      { numRuns: 150 },
    )
  })

  test('a greater price never makes the list longer, nor takes an address back', () => {
    fc.assert(
      fc.property(problem, fc.integer({ min: 0, max: 12 }), (of, more) => {
        const less = solve(of, of.maxExtra)
        const cover = solve(of, of.maxExtra + more)
        expect(cover.prefixes.length).toBeLessThanOrEqual(less.prefixes.length)
        expect(cover.extra).toBeGreaterThanOrEqual(less.extra)
        for (const address of addressesOf(of.space)) {
          if (holds(less.prefixes, address)) expect(holds(cover.prefixes, address)).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('neither order nor repetition matters', () => {
    fc.assert(
      fc.property(problem, (of) => {
        const turned = { ...of, points: [...of.points.toReversed(), ...of.points] }
        expect(solve(turned, of.maxExtra)).toEqual(solve(of, of.maxExtra))
      }),
      { numRuns: 200 },
    )
  })
})

describe('the world except some ranges', () => {
  test('leaves out what is forbidden and not kept, with as few holes as can be', () => {
    fc.assert(
      fc.property(problem, fc.array(spot, { maxLength: 3 }), (of, spots) => {
        const kept = spots.map(([at, depth]) => prefixIn(of.space, at, Math.max(depth, 2)))
        const blocks = worldExcept(of.forbidden, kept)
        expect(blocks.map((block) => block.cidr)).toEqual(['0.0.0.0/0', '::/0'])
        const [own, other] = of.space.width === 32 ? blocks : [...blocks].reverse()
        expect(other?.except).toEqual([])
        const holes = (own?.except ?? []).flatMap((text) => parsePrefix(text) ?? [])
        expect(own?.except).toEqual([...holes].sort(comparePrefixes).map(formatPrefix))
        const isHole = (address: Address): boolean =>
          holds(of.forbidden, address) && !holds(kept, address)
        for (const address of addressesOf(of.space)) {
          expect(holds(holes, address)).toBe(isHole(address))
        }
        const least = {
          ...of,
          points: addressesOf(of.space)
            .filter(isHole)
            .map((address) => prefixOf(address, address.width)),
          maxExtra: 1,
          forbidden: [prefixIn(of.space, 0, 0)],
        }
        expect(holes).toHaveLength(leastCost(least))
      }),
      { numRuns: 150 },
    )
  })
})
