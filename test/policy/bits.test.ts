import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addBits,
  BitsMap,
  bitsKey,
  bitsOf,
  commonBits,
  countBits,
  equalBits,
  hasBit,
  isEmptyBits,
  membersOf,
  removeBits,
  uniteBits,
  withoutBits,
} from '../../src/policy/bits.ts'

const size = 100
const members = fc.uniqueArray(fc.nat({ max: size - 1 }))

test('bit rows behave as sets of numbers', () => {
  fc.assert(
    fc.property(members, members, (a, b) => {
      const ascending = (numbers: Iterable<number>) => [...numbers].sort((x, y) => x - y)
      const [left, right] = [bitsOf(size, a), bitsOf(size, b)]
      expect(membersOf(left)).toEqual(ascending(a))
      expect(countBits(left)).toBe(a.length)
      expect(isEmptyBits(left)).toBe(a.length === 0)
      expect(membersOf(commonBits(left, right))).toEqual(ascending(a.filter((x) => b.includes(x))))
      expect(membersOf(withoutBits(left, right))).toEqual(
        ascending(a.filter((x) => !b.includes(x))),
      )
      for (const number of [0, 31, 32, 63, 99])
        expect(hasBit(left, number)).toBe(a.includes(number))
      expect(bitsKey(left) === bitsKey(right)).toBe(String(ascending(a)) === String(ascending(b)))
      expect(equalBits(left, right)).toBe(String(ascending(a)) === String(ascending(b)))
      expect(membersOf(uniteBits(left, right))).toEqual(ascending(new Set([...a, ...b])))
      const rest = left.slice()
      removeBits(rest, right)
      expect(membersOf(rest)).toEqual(ascending(a.filter((x) => !b.includes(x))))
      addBits(left, right)
      expect(membersOf(left)).toEqual(ascending(new Set([...a, ...b])))
    }),
  )
})

test('a map by sets has one value for each set of members', () => {
  fc.assert(
    fc.property(fc.array(members), (lists) => {
      const map = new BitsMap<string>()
      const texts = lists.map((list) => [...list].sort((x, y) => x - y).join())
      const taken = lists.map((list, at) => map.take(bitsOf(size, list), () => texts[at] ?? ''))
      expect(taken).toEqual(texts)
    }),
  )
})

test('a map by sets makes the value of a set once', () => {
  const map = new BitsMap<object>()
  const first = map.take(bitsOf(size, [31, 64]), () => ({}))
  expect(map.take(bitsOf(size, [64, 31]), () => ({}))).toBe(first)
  expect(map.take(bitsOf(size, [63, 64]), () => ({}))).not.toBe(first)
})

test.each([
  { name: 'what is common', combine: commonBits, left: [1] },
  { name: 'what is left', combine: withoutBits, left: [99] },
])('$name works with a set of smaller size', ({ combine, left }) => {
  expect(membersOf(combine(bitsOf(size, [1, 99]), bitsOf(10, [1])))).toEqual(left)
})

test('a set of smaller size can be added', () => {
  const bits = bitsOf(size, [99])
  addBits(bits, bitsOf(10, [1]))
  expect(membersOf(bits)).toEqual([1, 99])
})
