import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { simulatedCoverage, simulatedEdges } from '../../src/report/simulated-coverage.ts'
import { eventsOf } from '../../src/traffic/active-edges.ts'
import type { BlockRange } from '../../src/traffic/block-ranges.ts'
import { addBlocks } from '../../src/traffic/block-ranges.ts'
import { blockMs } from '../../src/traffic/communication-set.ts'
import { newInNextBlock, poissonUpper, unseenUpper } from '../../src/traffic/unseen-bound.ts'

/** The shapes that rates of edges take, over this many edges. */
const edges = simulatedEdges

const normalised = (rates: readonly number[]): readonly number[] => {
  const sum = rates.reduce((total, rate) => total + rate, 0)
  return rates.map((rate) => rate / sum)
}

const ranks = Array.from({ length: edges }, (_, index) => index + 1)
const zipf = (exponent: number): readonly number[] => ranks.map((rank) => rank ** -exponent)

const distributions: Readonly<Record<string, readonly number[]>> = {
  uniform: ranks.map(() => 1),
  linear: ranks,
  'Zipf 0.8': zipf(0.8),
  'Zipf 1.0': zipf(1),
  'Zipf 1.5': zipf(1.5),
  geometric: ranks.map((rank) => 0.95 ** rank),
  'two levels, hot and cold': ranks.map((rank) => (rank <= 20 ? 50 : 1)),
  // Every occurrence is a burst of some twenty flows within two minutes.
  bursty: zipf(1),
}

/** Mulberry32: the same numbers on every machine. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Poisson numbers: by product of uniform ones, in halves where the mean is great. */
function poisson(mean: number, random: () => number): number {
  if (mean > 30) {
    // The greatest counts only have to be great: the normal approximation is good to far below one event in a thousand.
    const radius = Math.sqrt(-2 * Math.log(1 - random()))
    const normal = radius * Math.cos(2 * Math.PI * random())
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
  }
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count += 1
  return count
}

/** Returns the events of one edge as its tally keeps them: each burst is active in the block of each of its flows. */
function eventsOfBursts(bursts: number, random: () => number): number {
  const blocks: BlockRange[] = []
  for (let burst = 0; burst < bursts; burst += 1) {
    const start = random() * 90 * 86_400_000
    const offsets = Array.from({ length: 1 + poisson(19, random) }, () => random() * 120_000)
    for (const offset of [Math.min(...offsets), Math.max(...offsets)]) {
      const block = Math.floor((start + offset) / blockMs)
      addBlocks(blocks, block, block)
    }
  }
  return eventsOf(blocks)
}

/** Returns in how many of so many made-up recordings the bound was not below the truth. */
function held(name: string, size: number, runs: number): number {
  const rates = normalised(distributions[name] ?? [])
  const random = randomOf(size * 31 + name.length)
  let hits = 0
  for (let run = 0; run < runs; run += 1) {
    let events = 0
    let once = 0
    let twice = 0
    let unseen = 0
    for (const rate of rates) {
      const occurrences = poisson(size * rate, random)
      const count = name === 'bursty' ? eventsOfBursts(occurrences, random) : occurrences
      events += count
      if (count === 0) unseen += rate
      else if (count === 1) once += 1
      else if (count === 2) twice += 1
    }
    if (unseenUpper({ events, once, twice }) >= unseen) hits += 1
  }
  return hits
}

describe('the bound of the chance of something new (P21)', () => {
  test('was simulated over eight distributions at six sizes', () => {
    expect(simulatedCoverage.map(({ distribution }) => distribution)).toEqual(
      Object.keys(distributions),
    )
    for (const { sizes } of simulatedCoverage) {
      expect(sizes.map(({ events }) => events)).toEqual([30, 100, 300, 1000, 3000, 10_000])
    }
  })

  test.each(simulatedCoverage)(
    'covers what it promises, nominal 95 percent, and as often as reports say: $distribution',
    ({ distribution, sizes }) => {
      for (const size of sizes) {
        expect(size).toEqual({ ...size, held: held(distribution, size.events, size.runs) })
        expect(size.held / size.runs, `${size.events} events`).toBeGreaterThanOrEqual(0.93)
      }
    },
  )

  test('a day without anything new covers what it promises', () => {
    const random = randomOf(7)
    for (const days of [7, 14, 30, 90]) {
      const rates = normalised(zipf(1)).map((rate) => rate * 20)
      let hits = 0
      for (let run = 0; run < 1000; run += 1) {
        let singles = 0
        let missing = 0
        for (const rate of rates) {
          // Chance to be active on a day.
          const chance = 1 - Math.exp(-rate / days)
          let active = 0
          for (let day = 0; day < days; day += 1) if (random() < chance) active += 1
          if (active === 1) singles += 1
          if (active === 0) missing += rate / days
        }
        if (newInNextBlock(singles, days).upper >= 1 - Math.exp(-missing)) hits += 1
      }
      expect(hits / 1000, `${days} days`).toBeGreaterThanOrEqual(0.93)
    }
  })

  test('never grows with events', () => {
    const frequencies = fc.record({ once: fc.nat(500), twice: fc.nat(500) })
    fc.assert(
      fc.property(frequencies, fc.integer({ min: 1, max: 1e6 }), fc.nat(1e6), (seen, n, more) => {
        const events = seen.once + 2 * seen.twice + n
        const now = unseenUpper({ events, ...seen })
        const later = unseenUpper({ events: events + more, ...seen })
        expect(later).toBeLessThanOrEqual(now)
        expect(now).toBeGreaterThan(0)
        expect(now).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('uses the Poisson quantile: the rule of three, and one formula for all counts', () => {
    // Half the 95 % quantiles of chi-squared with 2, 4, 12 and 202 degrees of freedom, from printed tables.
    expect(poissonUpper(0)).toBeCloseTo(2.9957, 4)
    expect(poissonUpper(1)).toBeCloseTo(4.7439, 4)
    expect(poissonUpper(5)).toBeCloseTo(10.513, 3)
    expect(poissonUpper(100)).toBeCloseTo(118.08, 1)
    expect(poissonUpper(401) - poissonUpper(400)).toBeCloseTo(1.04, 1)
    expect(unseenUpper({ events: 1000, once: 0, twice: 0 })).toBeCloseTo(0.003, 4)
    expect(blockMs).toBe(300_000)
  })
})
