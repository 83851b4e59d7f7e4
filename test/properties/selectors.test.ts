import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Labels } from '../../src/labels.ts'
import { toLabels } from '../../src/labels.ts'
import type { Conjunction, Literal } from '../../src/synthesis/conjunction.ts'
import { conjunctionMatches, isPositive } from '../../src/synthesis/conjunction.ts'
import { minimumHittingSet } from '../../src/synthesis/hitting-set.ts'
import { literalCost, separatorOf } from '../../src/synthesis/literal-candidates.ts'
import type { SelectorChoice, SelectorOptions } from '../../src/synthesis/selector-choice.ts'
import { chooseSelector } from '../../src/synthesis/selector-choice.ts'

const free: SelectorOptions = {
  allowKey: () => true,
  volatile: () => false,
  suspect: () => false,
}

/** What the laws hold for: label maps on both sides, over keys that are no anchors, or `app` as well. */
interface World {
  readonly targets: readonly Labels[]
  readonly others: readonly Labels[]
}

function labelMap(keys: readonly string[], values: readonly string[]): fc.Arbitrary<Labels> {
  const value = fc.option(fc.constantFrom(...values), { freq: 3 })
  return fc.tuple(...keys.map(() => value)).map((chosen) =>
    toLabels(
      keys.flatMap((key, at) => {
        const held = chosen[at]
        return held === null || held === undefined ? [] : [[key, held] as const]
      }),
    ),
  )
}

function world(
  keys: readonly string[],
  size: {
    readonly values?: readonly string[]
    readonly targets?: number
    readonly others?: number
  },
): fc.Arbitrary<World> {
  const map = labelMap(keys, size.values ?? ['x', 'y', 'z'])
  return fc.record({
    targets: fc.array(map, { minLength: 1, maxLength: size.targets ?? 3 }),
    others: fc.array(map, { maxLength: size.others ?? 6 }),
  })
}

const levels = ['equal', 'in', 'negative'] as const
const plain = ['k0', 'k1', 'k2']
const anchored = ['app', 'component', 'k0', 'version']
const anyWorld = fc.oneof(world(plain, {}), world(anchored, {}))
const anyOptions = fc.record({ negatives: fc.boolean() }).map((chosen) => ({ ...free, ...chosen }))

function choose(of: World, options: SelectorOptions): SelectorChoice {
  return chooseSelector(of.targets, of.others, options)
}

function selects(selectors: readonly Conjunction[], labels: Labels): boolean {
  return selectors.some((conjunction) => conjunctionMatches(conjunction, labels))
}

/** Every literal over the keys and values of a world that holds on all targets. */
function literalsThatHold({ targets, others }: World, level: SelectorChoice['kind']): Literal[] {
  const all = [...targets, ...others]
  const keys = [...new Set(all.flatMap((labels) => Object.keys(labels)))]
  const literals: Literal[] = []
  for (const key of keys) {
    const here = [...new Set(targets.flatMap((labels) => labels[key] ?? []))].sort()
    const there = [...new Set(others.flatMap((labels) => labels[key] ?? []))]
    const foreign = there.filter((value) => !here.includes(value)).sort()
    if (here.length === 1) literals.push({ key, op: 'Eq', values: here })
    if (level === 'equal') continue
    if (here.length > 1) literals.push({ key, op: 'In', values: here })
    literals.push({ key, op: 'Exists', values: [] })
    if (level === 'in') continue
    if (foreign.length > 0) literals.push({ key, op: 'NotIn', values: foreign })
    literals.push({ key, op: 'DoesNotExist', values: [] })
  }
  return literals.filter((literal) => targets.every((t) => conjunctionMatches([literal], t)))
}

/** The cheapest selector of a level by trying every set of literals. */
function cheapest(of: World, level: SelectorChoice['kind'], anchor: Conjunction): Best | undefined {
  const literals = literalsThatHold(of, level)
  const mayBeNegative = level === 'negative' && !literals.some(isPositive)
  let best: Best | undefined
  for (let mask = 0; mask < 2 ** literals.length; mask += 1) {
    const chosen = literals.filter((_, at) => mask & (1 << at))
    const conjunction = [...anchor, ...chosen]
    if (conjunction.length === 0 || of.others.some((o) => conjunctionMatches(conjunction, o)))
      continue
    if (!conjunction.some(isPositive) && !mayBeNegative) continue
    const cost = chosen.reduce((sum, literal) => sum + literalCost(literal), 0)
    const made = { cost, count: chosen.length, text: spell(chosen), conjunction }
    if (best === undefined || isBefore(made, best)) best = made
  }
  return best
}

interface Best {
  readonly cost: number
  readonly count: number
  readonly text: string
  readonly conjunction: Conjunction
}

function isBefore(a: Best, b: Best): boolean {
  if (a.cost !== b.cost) return a.cost < b.cost
  if (a.count !== b.count) return a.count < b.count
  return a.text < b.text
}

function spell(conjunction: Conjunction): string {
  return conjunction
    .map(({ key, op, values }) => JSON.stringify([key, op, ...values]))
    .sort()
    .join('\n')
}

describe('P1: a selector holds on all targets and on nothing that is not said', () => {
  test('for every world', () => {
    fc.assert(
      fc.property(anyWorld, anyOptions, (of, options) => {
        const choice = choose(of, options)
        if (choice.selectors.length > 0) {
          for (const target of of.targets) expect(selects(choice.selectors, target)).toBe(true)
          const hit = of.others.flatMap((o, at) => (selects(choice.selectors, o) ? [at] : []))
          expect(choice.collides).toEqual(hit)
          if (choice.kind !== 'merged') expect(hit).toEqual([])
        } else {
          expect(choice.kind).toBe('merged')
          expect(choice.collides).toEqual(of.others.map((_, at) => at))
          // Nothing names a target without labels, and only that leaves a group without selectors.
          expect(of.targets.some((labels) => Object.keys(labels).length === 0)).toBe(true)
        }
        expect(choice.exact).toBe(true)
      }),
      { numRuns: 900 },
    )
  })
})

describe('P2: a single selector costs what trying every set of literals finds', () => {
  test.each([
    ['without an anchor', plain],
    ['with an anchor', ['app', 'k0', 'k1']],
  ])('%s', (_, keys) => {
    fc.assert(
      fc.property(world(keys, { values: ['x', 'y'] }), fc.boolean(), (of, negatives) => {
        const choice = choose(of, { ...free, negatives })
        const apps = new Set(of.targets.map((labels) => labels['app']))
        const [app] = apps
        const anchor: Conjunction =
          apps.size === 1 && app !== undefined ? [{ key: 'app', op: 'Eq', values: [app] }] : []
        const tried = negatives ? levels : levels.slice(0, 2)
        const found = tried
          .map((level) => ({ level, best: cheapest(of, level, anchor) }))
          .find(({ best }) => best !== undefined)
        if (found?.best === undefined) {
          expect(['several', 'merged']).toContain(choice.kind)
          return
        }
        expect(choice.kind).toBe(found.level)
        expect(choice.selectors.map(spell)).toEqual([spell(dedupe(found.best.conjunction))])
      }),
      { numRuns: 500 },
    )
  })
})

function dedupe(conjunction: Conjunction): Conjunction {
  return [...new Map(conjunction.map((literal) => [spell([literal]), literal])).values()]
}

describe('P3: the hull theorem', () => {
  test('a conjunction separates where, and only where, one key does', () => {
    fc.assert(
      fc.property(world(plain, { others: 1 }), fc.boolean(), (of, negatives) => {
        const separates = separatorOf(of.targets, { isUsable: () => true, negatives })
        for (const other of of.others) {
          const literals = literalsThatHold(
            { ...of, others: [other] },
            negatives ? 'negative' : 'in',
          )
          // All literals that hold on the targets together are the strongest conjunction there is.
          expect(separates(other)).toBe(!conjunctionMatches(literals, other))
        }
      }),
      { numRuns: 1200 },
    )
  })

  test('selectors together leave out whatever is not equal, or no superset without negations', () => {
    fc.assert(
      fc.property(world(plain, {}), fc.boolean(), (of, negatives) => {
        const choice = choose(of, { ...free, negatives })
        if (choice.selectors.length === 0) return
        const hopeless = of.others.flatMap((other, at) =>
          of.targets.some((target) =>
            plain.every((key) =>
              negatives
                ? target[key] === other[key]
                : target[key] === undefined || target[key] === other[key],
            ),
          )
            ? [at]
            : [],
        )
        expect(choice.collides).toEqual(hopeless)
      }),
      { numRuns: 900 },
    )
  })
})

/** Yields every way to divide some things into parts. */
function* divisions<T>(things: readonly T[]): Generator<readonly (readonly T[])[]> {
  const [first, ...rest] = things
  if (first === undefined) {
    yield []
    return
  }
  for (const parts of divisions(rest)) {
    yield [[first], ...parts]
    for (const at of parts.keys()) {
      yield parts.map((part, index) => (index === at ? [first, ...part] : part))
    }
  }
}

describe('P4: several selectors are as few as can be, and as cheap', () => {
  test('against every division of the targets', () => {
    let severalCount = 0
    const several = world(plain, { values: ['x', 'y'], targets: 5, others: 4 })
    fc.assert(
      fc.property(several, fc.boolean(), (of, negatives) => {
        const choice = choose(of, { ...free, negatives })
        if (choice.kind !== 'several') return
        severalCount += 1
        const distinct = [...new Map(of.targets.map((t) => [JSON.stringify(t), t])).values()]
        const isOne = (part: readonly Labels[]): boolean => {
          const literals = literalsThatHold(
            { targets: part, others: of.others },
            negatives ? 'negative' : 'in',
          )
          const isNamed = literals.some(isPositive) || (negatives && of.others.length > 0)
          return isNamed && !of.others.some((other) => conjunctionMatches(literals, other))
        }
        const possible = [...divisions(distinct)].filter((parts) => parts.every(isOne))
        const fewest = Math.min(...possible.map((parts) => parts.length))
        expect(choice.selectors).toHaveLength(fewest)
        const priceOf = (part: readonly Labels[]): number =>
          levels
            .slice(0, negatives ? 3 : 2)
            .map((level) => cheapest({ targets: part, others: of.others }, level, []))
            .find((best) => best !== undefined)?.cost ?? Number.POSITIVE_INFINITY
        const prices = possible
          .filter((parts) => parts.length === fewest)
          .map((parts) => parts.reduce((sum, part) => sum + priceOf(part), 0))
        const price = choice.selectors.flat().reduce((sum, one) => sum + literalCost(one), 0)
        expect(price).toBe(Math.min(...prices))
      }),
      { numRuns: 1200 },
    )
    expect(severalCount).toBeGreaterThan(30)
  })
})

describe('P5: order does not matter', () => {
  test('of targets, of others, or of repetitions', () => {
    fc.assert(
      fc.property(anyWorld, anyOptions, fc.nat(), (of, options, turn) => {
        const choice = choose(of, options)
        const turned = {
          targets: [...of.targets.toReversed(), ...of.targets],
          others: rotate(of.others, turn),
        }
        const again = choose(turned, options)
        expect(JSON.stringify({ ...again, collides: [] })).toBe(
          JSON.stringify({ ...choice, collides: [] }),
        )
        const hit = new Set(again.collides.map((at) => turned.others[at]))
        expect(hit).toEqual(new Set(choice.collides.map((at) => of.others[at])))
      }),
      { numRuns: 800 },
    )
  })
})

function rotate<T>(things: readonly T[], turn: number): readonly T[] {
  const at = things.length === 0 ? 0 : turn % things.length
  return [...things.slice(at), ...things.slice(0, at)]
}

describe('P6: only keys that may be used, and never only negations', () => {
  test('for every rule', () => {
    const rule = fc.subarray(anchored)
    fc.assert(
      fc.property(
        world(anchored, {}),
        fc.record({ allowed: rule, volatile: rule, suspect: rule, negatives: fc.boolean() }),
        (of, { allowed, volatile, suspect, negatives }) => {
          const choice = choose(of, {
            allowKey: (key) => allowed.includes(key),
            volatile: (key) => volatile.includes(key),
            suspect: (key) => suspect.includes(key),
            negatives,
          })
          const literals = choice.selectors.flat()
          for (const { key } of literals) {
            expect(allowed).toContain(key)
            expect(volatile).not.toContain(key)
          }
          const used = literals.map(({ key }) => key).filter((key) => suspect.includes(key))
          expect(choice.usedSuspect).toEqual([...new Set(used)].sort())
          for (const conjunction of choice.selectors) {
            expect(conjunction.length).toBeGreaterThan(0)
            if (!negatives) expect(conjunction.every(isPositive)).toBe(true)
          }
          const isOpen = literals.some(({ op }) => op !== 'Eq' && op !== 'In')
          expect(choice.openWorld).toBe(isOpen)
        },
      ),
      { numRuns: 900 },
    )
  })

  test('suspect keys only where nothing else separates', () => {
    fc.assert(
      fc.property(world(anchored, {}), anyOptions, (of, options) => {
        const suspicious = choose(of, { ...options, suspect: (key) => key === 'version' })
        const without = choose(of, { ...options, allowKey: (key) => key !== 'version' })
        const isNeeded = without.selectors.length === 0 || without.collides.length > 0
        if (suspicious.usedSuspect.length > 0) expect(isNeeded).toBe(true)
      }),
      { numRuns: 800 },
    )
  })
})

describe('P23: a selector stays as long as it is right', () => {
  test('when others go, and when others come that it leaves out', () => {
    const kept = fc.array(fc.boolean(), { minLength: 6, maxLength: 6 })
    fc.assert(
      fc.property(anyWorld, anyWorld, kept, anyOptions, (of, later, mask, options) => {
        const first = choose(of, options)
        if (first.selectors.length === 0) return
        const rest = of.others.filter((_, at) => mask[at] === true)
        const come = later.others.filter((other) => !selects(first.selectors, other))
        const next = choose(
          { targets: of.targets, others: [...rest, ...come] },
          { ...options, previous: first.selectors },
        )
        expect(next.selectors).toEqual(first.selectors)
        expect(next.kind).toBe(next.collides.length === 0 ? 'sticky' : 'merged')
      }),
      { numRuns: 1000 },
    )
  })
})

describe('P24: what was cut short says so', () => {
  const problem = fc.integer({ min: 1, max: 40 }).chain((size) =>
    fc.record({
      elements: fc.constant(
        Array.from({ length: size }, (_, at) => ({ name: `e${at}`, cost: 1 + ((at * 7) % 5) })),
      ),
      sets: fc.array(fc.array(fc.nat(size - 1), { minLength: 1, maxLength: 5 }), { maxLength: 25 }),
    }),
  )

  test('an answer of a search with a cap hits every set, and is the cheapest when it says so', () => {
    fc.assert(
      fc.property(problem, fc.integer({ min: 1, max: 20 }), ({ elements, sets }, maxNodes) => {
        const whole = minimumHittingSet({ elements, sets })
        const cut = minimumHittingSet({ elements, sets, maxNodes })
        expect(whole?.exact).toBe(true)
        for (const set of sets) expect(set.some((at) => cut!.chosen.includes(at))).toBe(true)
        if (cut!.exact) expect(cut).toEqual(whole)
        else expect(cut!.cost).toBeGreaterThanOrEqual(whole!.cost)
      }),
      { numRuns: 300 },
    )
  })

  test('the whole search finds what trying every choice finds, ties and all', () => {
    const small = problem.filter(({ elements }) => elements.length <= 10)
    fc.assert(
      fc.property(small, fc.integer({ min: 1, max: 3 }), ({ elements, sets }, prices) => {
        const priced = elements.map((one) => ({ ...one, cost: 1 + (one.cost % prices) }))
        const answers: { cost: number; chosen: number[] }[] = []
        for (let mask = 0; mask < 2 ** priced.length; mask += 1) {
          if (!sets.every((set) => set.some((at) => mask & (1 << at)))) continue
          const chosen = [...priced.keys()].filter((at) => mask & (1 << at))
          answers.push({ cost: chosen.reduce((sum, at) => sum + priced[at]!.cost, 0), chosen })
        }
        const names = (chosen: readonly number[]): string => chosen.map((at) => `e${at}`).join()
        answers.sort(
          (a, b) =>
            a.cost - b.cost ||
            a.chosen.length - b.chosen.length ||
            (names(a.chosen) < names(b.chosen) ? -1 : 1),
        )
        const found = minimumHittingSet({ elements: priced, sets })
        expect(found?.cost).toBe(answers[0]!.cost)
        expect(found?.chosen).toEqual(answers[0]!.chosen)
      }),
      { numRuns: 400 },
    )
  })

  test('more targets than are divided exactly', () => {
    const many = world(['k0', 'k1', 'k2', 'k3'], { targets: 30, others: 8 })
    fc.assert(
      fc.property(many, (of) => {
        const choice = choose(of, free)
        const distinct = new Set(of.targets.map((labels) => JSON.stringify(labels))).size
        if (choice.selectors.length > 1) expect(choice.exact).toBe(distinct <= 12)
        for (const target of of.targets) {
          expect(choice.selectors.length === 0 || selects(choice.selectors, target)).toBe(true)
        }
      }),
      { numRuns: 200 },
    )
  })
})
