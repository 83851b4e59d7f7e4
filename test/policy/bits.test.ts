import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addBits,
  bitsKey,
  bitsOf,
  commonBits,
  countBits,
  hasBit,
  isEmptyBits,
  membersOf,
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
      addBits(left, right)
      expect(membersOf(left)).toEqual(ascending(new Set([...a, ...b])))
    }),
  )
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
