import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reading } from '../../src/flow/flow.ts'
import type { CommunicationSet } from '../../src/traffic/communication-set.ts'
import { decodeSet, emptySet, encodeSet, mergeSets } from '../../src/traffic/set-document.ts'
import { aggregateOf, anyReadings, crowdedReadings } from '../support/readings.ts'

const here = { file: 'set.json' }

/** Every bound is reached: few prefixes, many addresses and port pairs. */
const limit = { outsideLimit: 3 }

const recordings: readonly (readonly [string, fc.Arbitrary<readonly Reading[]>])[] = [
  ['of every kind', anyReadings],
  ['that exceed the bounds', crowdedReadings],
]

function bytes(set: CommunicationSet): string {
  return encodeSet(set)
}

function setOf(readings: Iterable<Reading>): CommunicationSet {
  return aggregateOf(readings, limit).toSet()
}

/** Readings in another order, cut into pieces: `keys` order, `cuts` deal. */
function dealt(readings: readonly Reading[], keys: readonly number[], pieces: number): Reading[][] {
  const shuffled = readings
    .map((reading, index) => ({ reading, key: keys[index % keys.length] ?? 0, index }))
    .sort((a, b) => a.key - b.key || b.index - a.index)
  const hands: Reading[][] = Array.from({ length: pieces }, () => [])
  for (const { reading, key } of shuffled) hands[key % pieces]?.push(reading)
  return hands
}

const anyKeys = fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 })

describe.each(recordings)('recordings %s', (_name, anyRecording) => {
  test('any order and any split give the same bytes', () => {
    fc.assert(
      fc.property(
        anyRecording,
        anyKeys,
        fc.integer({ min: 1, max: 5 }),
        (readings, keys, pieces) => {
          const whole = bytes(setOf(readings))
          const hands = dealt(readings, keys, pieces)
          expect(bytes(setOf(hands.flat()))).toBe(whole)
          expect(bytes(mergeSets(hands.map(setOf)))).toBe(whole)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('a reading may follow a merged set', () => {
    fc.assert(
      fc.property(anyRecording, anyRecording, (first, second) => {
        const aggregate = aggregateOf([], limit)
        aggregate.addSet(setOf(first))
        for (const reading of second) aggregate.add(reading)
        expect(bytes(aggregate.toSet())).toBe(bytes(setOf([...first, ...second])))
      }),
      { numRuns: 60 },
    )
  })

  test('merge is commutative and associative, and the empty set is its unit', () => {
    fc.assert(
      fc.property(anyRecording, anyRecording, anyRecording, (first, second, third) => {
        const [a, b, c] = [
          setOf(first),
          setOf(second),
          aggregateOf(third, { outsideLimit: 5 }).toSet(),
        ]
        expect(bytes(mergeSets([a, b]))).toBe(bytes(mergeSets([b, a])))
        const left = mergeSets([mergeSets([a, b]), c])
        const right = mergeSets([a, mergeSets([b, c])])
        expect(bytes(left)).toBe(bytes(right))
        expect(bytes(mergeSets([emptySet(), a]))).toBe(bytes(a))
        expect(bytes(mergeSets([a, emptySet()]))).toBe(bytes(a))
      }),
      { numRuns: 60 },
    )
  })

  test('what was written reads as what it was', () => {
    fc.assert(
      fc.property(anyRecording, (readings) => {
        const set = setOf(readings)
        const read = decodeSet(JSON.parse(bytes(set)), here)
        expect(bytes(read)).toBe(bytes(set))
        expect(read).toEqual(set)
      }),
      { numRuns: 100 },
    )
  })

  test('repeated input changes nothing but counts', () => {
    fc.assert(
      fc.property(anyRecording, (readings) => {
        const once = setOf(readings)
        const twice = setOf([...readings, ...readings])
        expect(withoutCounts(twice)).toEqual(withoutCounts(once))
        expect(twice.ledger.records).toBe(2 * once.ledger.records)
      }),
      { numRuns: 60 },
    )
  })
})

/** Repetition may show in how many, nowhere else. */
const countMembers = [
  'records',
  'flows',
  'encrypted',
  'authenticated',
  'events',
  'lostEvents',
  'outcomes',
  'counted',
]

function withoutCounts(set: CommunicationSet): unknown {
  return JSON.parse(JSON.stringify(set, (key, value) => (countMembers.includes(key) ? 0 : value)))
}

/** Replaces one value somewhere in a document. */
function mutated(document: unknown, path: readonly number[], replacement: unknown): unknown {
  const [step, ...rest] = path
  if (typeof document !== 'object' || document === null || step === undefined) return replacement
  const keys = Object.keys(document)
  const key = keys[step % Math.max(keys.length, 1)]
  if (key === undefined) return replacement
  const inner = mutated((document as Record<string, unknown>)[key], rest, replacement)
  return Array.isArray(document)
    ? document.map((item, index) => (String(index) === key ? inner : item))
    : { ...document, [key]: inner }
}

describe('damaged documents', () => {
  test('are refused with a path or read, and never crash', () => {
    const anyReplacement = fc.oneof(
      fc.constantFrom(null, -1, 1.5, 2 ** 60, '', 'x', [], {}, [[]], true, '10.0.0.0/33', [9, 1]),
      fc.json().map((text) => JSON.parse(text)),
    )
    fc.assert(
      fc.property(
        anyReadings,
        fc.array(fc.nat(50), { maxLength: 8 }),
        anyReplacement,
        (readings, path, replacement) => {
          const document = mutated(JSON.parse(bytes(setOf(readings))), path, replacement)
          let read: CommunicationSet | undefined
          try {
            read = decodeSet(document, here)
          } catch (error) {
            expect(error).toMatchObject({
              name: 'NetweirError',
              code: 'SET_INVALID',
              location: here,
            })
          }
          if (read !== undefined) {
            expect(bytes(decodeSet(JSON.parse(bytes(read)), here))).toBe(bytes(read))
          }
        },
      ),
      { numRuns: 600 },
    )
  })

  test('any JSON at all is refused or read', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => decodeSet(value, here)).toThrow(
          expect.objectContaining({ code: 'SET_INVALID' }),
        )
      }),
    )
  })
})
