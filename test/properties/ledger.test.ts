import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reading } from '../../src/flow/flow.ts'
import type { CommunicationSet, Ledger } from '../../src/traffic/communication-set.ts'
import { readOut } from '../../src/traffic/read-out.ts'
import { mergeSets } from '../../src/traffic/set-document.ts'
import type { ReadOutOptions } from '../../src/traffic/traffic.ts'
import { aggregateOf, anyReadings, crowdedReadings, inventory } from '../support/readings.ts'

const anyRecording = fc.oneof(anyReadings, crowdedReadings)

const anyOptions: fc.Arbitrary<ReadOutOptions> = fc.record(
  {
    learnAudit: fc.boolean(),
    learnDenied: fc.boolean(),
    nodeCidrs: fc.constantFrom(['203.0.113.0/28'], ['2001:db8::/64']),
    serviceCidrs: fc.constantFrom(['198.51.100.0/24'], ['203.0.113.32/27']),
    inventory: fc.constant(
      inventory({ nodes: [{ name: 'n', addresses: ['192.0.2.1'], podCidrs: [] }] }),
    ),
  },
  { requiredKeys: [] },
)

function setOf(readings: readonly Reading[]): CommunicationSet {
  return aggregateOf(readings, { outsideLimit: 4 }).toSet()
}

function total(ledger: Ledger): number {
  return Object.values(ledger.outcomes).reduce((sum, count) => sum + count, 0)
}

describe('the ledger', () => {
  test('has every reading once', () => {
    fc.assert(
      fc.property(anyRecording, (readings) => {
        const { ledger } = setOf(readings)
        expect(ledger.records).toBe(readings.length)
        expect(total(ledger)).toBe(readings.length)
      }),
      { numRuns: 150 },
    )
  })

  test('has every reading once, however the set is read out', () => {
    fc.assert(
      fc.property(anyRecording, anyOptions, (readings, options) => {
        const traffic = readOut(setOf(readings), { ...options, clusterName: 'east' })
        expect(total(traffic.ledger)).toBe(readings.length)
        expect(traffic.ledger.records).toBe(readings.length)
      }),
      { numRuns: 150 },
    )
  })

  test('agrees with the edges, outcome by outcome', () => {
    fc.assert(
      fc.property(anyRecording, anyOptions, (readings, options) => {
        const set = setOf(readings)
        const traffic = readOut(set, { ...options, clusterName: 'east' })
        const counts = new Map<string, number>(Object.entries(set.counted))
        for (const { outcome, evidence } of traffic.edges) {
          counts.set(outcome, (counts.get(outcome) ?? 0) + evidence.records)
        }
        expect(Object.fromEntries(counts)).toEqual(traffic.ledger.outcomes)
      }),
      { numRuns: 150 },
    )
  })

  test('of a merge is that of all readings, and so are the edges', () => {
    fc.assert(
      fc.property(anyRecording, anyRecording, anyOptions, (first, second, options) => {
        const whole = setOf([...second, ...first])
        const merged = mergeSets([setOf(first), setOf(second)])
        expect(merged.ledger).toEqual(whole.ledger)
        const asked = { ...options, clusterName: 'east' }
        expect(readOut(merged, asked)).toEqual(readOut(whole, asked))
      }),
      { numRuns: 60 },
    )
  })

  test('adds up what producers lost', () => {
    fc.assert(
      fc.property(anyReadings, (readings) => {
        const lost = readings.reduce(
          (sum, item) => sum + (item.kind === 'lost-events' ? item.count : 0),
          0,
        )
        expect(setOf(readings).ledger.lostEvents).toBe(lost)
      }),
      { numRuns: 60 },
    )
  })
})
