import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Labels } from '../../src/labels.ts'
import { toLabels } from '../../src/labels.ts'
import type { Literal } from '../../src/synthesis/conjunction.ts'
import { conjunctionMatches } from '../../src/synthesis/conjunction.ts'
import type { Cube } from '../../src/synthesis/peer-cubes.ts'
import { fromPeer, mergeCubes, toPeer } from '../../src/synthesis/peer-cubes.ts'

const namespaces = ['data', 'shop', 'web']
const values = ['x', 'y']
const keys = ['app', 'tier']

const someValues = fc.subarray(values, { minLength: 1 })

const literal: fc.Arbitrary<Literal> = fc.oneof(
  { weight: 4, arbitrary: literalOf('Eq', fc.constantFrom(...values.map((value) => [value]))) },
  { weight: 3, arbitrary: literalOf('In', someValues) },
  { weight: 1, arbitrary: literalOf('NotIn', someValues) },
  { weight: 1, arbitrary: literalOf('Exists', fc.constant<string[]>([])) },
  { weight: 1, arbitrary: literalOf('DoesNotExist', fc.constant<string[]>([])) },
)

function literalOf(op: Literal['op'], of: fc.Arbitrary<string[]>): fc.Arbitrary<Literal> {
  return fc.record({ key: fc.constantFrom(...keys), op: fc.constant(op), values: of })
}

const cubes: fc.Arbitrary<readonly Cube[]> = fc.array(
  fc.record({
    namespaces: fc.subarray(namespaces, { minLength: 1 }),
    literals: fc.array(literal, { maxLength: 3 }),
  }),
  { maxLength: 8 },
)

/** Every pod that the literals can tell apart: a value that is not mentioned stands for all of those. */
const pods: readonly { readonly namespace: string; readonly labels: Labels }[] = [
  ...namespaces,
  'unknown',
].flatMap((namespace) =>
  combinations([undefined, ...values, 'unknown']).map((held) => ({
    namespace,
    labels: toLabels(
      keys.flatMap((key, at) => (held[at] === undefined ? [] : [[key, held[at]] as const])),
    ),
  })),
)

function combinations<T>(of: readonly T[]): readonly (readonly T[])[] {
  return of.flatMap((first) => of.map((second) => [first, second]))
}

function truth(of: readonly Cube[]): readonly boolean[] {
  return pods.map((pod) =>
    of.some(
      (cube) =>
        cube.namespaces.includes(pod.namespace) && conjunctionMatches(cube.literals, pod.labels),
    ),
  )
}

/** Cubes of one namespace and one key, which are merged in a shorter way. */
const plainCubes: fc.Arbitrary<readonly Cube[]> = fc.array(
  fc.record({
    namespaces: fc.constantFrom(...namespaces.map((namespace) => [namespace])),
    literals: fc
      .subarray(['x', 'y', 'z'], { minLength: 1 })
      .map((held): Literal[] => [
        { key: 'app', op: held.length === 1 ? 'Eq' : 'In', values: held },
      ]),
  }),
  { maxLength: 8 },
)

describe('P8: merging cubes', () => {
  test('the shorter way for plain cubes says what the long one does', () => {
    // It merges with nothing, and is not plain.
    const odd: Cube = { namespaces: ['zoo'], literals: [{ key: 'zoo', op: 'Exists', values: [] }] }
    fc.assert(
      fc.property(plainCubes, (given) => {
        const long = mergeCubes([...given, odd])
        expect(long.at(-1)).toEqual(odd)
        expect(mergeCubes(given)).toEqual(long.slice(0, -1))
      }),
    )
  })

  test('keeps the truth for every pod, those that do not exist yet included', () => {
    let mergedCount = 0
    fc.assert(
      fc.property(cubes, (given) => {
        const merged = mergeCubes(given)
        expect(truth(merged)).toEqual(truth(given))
        expect(merged.length).toBeLessThanOrEqual(given.length)
        if (merged.length < given.length) mergedCount += 1
      }),
      { numRuns: 1500 },
    )
    expect(mergedCount).toBeGreaterThan(250)
  })

  test('does not depend on order, and ends where nothing can be merged', () => {
    fc.assert(
      fc.property(cubes, fc.nat(), (given, turn) => {
        const merged = mergeCubes(given)
        const at = given.length === 0 ? 0 : turn % given.length
        const turned = [...given.slice(at), ...given.slice(0, at)].map((cube) => ({
          namespaces: cube.namespaces.toReversed(),
          literals: cube.literals.toReversed(),
        }))
        expect(mergeCubes(turned)).toEqual(merged)
        expect(mergeCubes(merged)).toEqual(merged)
        for (const one of merged) {
          for (const other of merged) {
            if (one !== other) expect(mergeCubes([one, other])).toHaveLength(2)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a merged cube comes back from the peer that it becomes', () => {
    fc.assert(
      fc.property(cubes, fc.constantFrom(...namespaces), (given, own) => {
        for (const cube of mergeCubes(given)) {
          const back = fromPeer(toPeer(cube, own), own)
          expect(back?.namespaces).toEqual(cube.namespaces)
          expect(truth(back === undefined ? [] : [back])).toEqual(truth([cube]))
        }
      }),
      { numRuns: 500 },
    )
  })
})
