import { describe, expect, test } from 'vitest'
import type { Observation } from '../../src/traffic/tally.ts'
import { spellEvidence, Tally } from '../../src/traffic/tally.ts'
import { baseMs } from '../support/readings.ts'

function observed(...overrides: readonly Partial<Observation>[]): Tally {
  const tally = new Tally()
  for (const override of overrides) {
    tally.add({
      side: 'egress',
      verdict: 'verdict',
      strength: 'strong',
      flows: 1,
      timeMs: baseMs,
      uuid: '',
      ...override,
    })
  }
  return tally
}

const minute = 60_000
const block = baseMs / (5 * minute)

describe('evidence', () => {
  test('is counted by side, verdict and strength, in the order of the closed lists', () => {
    const { cells } = spellEvidence(
      observed(
        { side: 'ingress' },
        { verdict: 'denied', flows: 4 },
        {},
        { timeMs: baseMs + minute },
      ).counted,
    )
    expect(cells).toEqual([
      {
        side: 'egress',
        verdict: 'verdict',
        strength: 'strong',
        records: 2,
        first: '2026-03-02T09:00:00.000Z',
        last: '2026-03-02T09:01:00.000Z',
      },
      expect.objectContaining({ side: 'egress', verdict: 'denied', records: 1, flows: 4 }),
      expect.objectContaining({ side: 'ingress', records: 1 }),
    ])
    expect(cells[0]).not.toHaveProperty('flows')
  })

  test('remembers blocks of activity, but not of what was denied', () => {
    const tally = observed(
      { timeMs: baseMs },
      { timeMs: baseMs + 5 * minute },
      { timeMs: baseMs + 30 * minute },
      { timeMs: baseMs + 60 * minute, verdict: 'denied' },
      { timeMs: undefined },
    )
    expect(tally.blocks).toEqual([
      [block, block + 1],
      [block + 6, block + 6],
    ])
  })

  test('keeps the three smallest uuids', () => {
    const uuids = ['d', 'b', 'e', 'a', 'b', 'c', ''].map((uuid) => ({ uuid }))
    expect(observed(...uuids).samples).toEqual(['a', 'b', 'c'])
  })

  test('that turned out to be replies changes side and strength, and delivers nothing to a server', () => {
    const turned = new Tally()
    turned.absorbTurned(
      observed({ side: 'ingress', verdict: 'delivery', strength: 'medium' }, { side: 'none' })
        .counted,
    )
    expect(spellEvidence(turned.counted).cells).toEqual([
      expect.objectContaining({ side: 'egress', verdict: 'trace', strength: 'reply' }),
      expect.objectContaining({ side: 'none', verdict: 'verdict', strength: 'reply' }),
    ])
  })

  test('never counts beyond the safe integers', () => {
    const record = spellEvidence(observed({}).counted)
    const cells = record.cells.map((cell) => ({ ...cell, records: Number.MAX_SAFE_INTEGER }))
    const tally = observed({})
    tally.absorbRecord({ ...record, cells })
    expect(tally.cells[0]?.records).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('protection on the wire', () => {
  test('counts records that passed and say so, and is absent where none does', () => {
    const { encrypted, authenticated } = spellEvidence(
      observed(
        { encrypted: true },
        { encrypted: true, authenticated: true },
        { encrypted: true, verdict: 'denied' },
        {},
      ).counted,
    )
    expect({ encrypted, authenticated }).toEqual({ encrypted: 2, authenticated: 1 })
    expect(spellEvidence(observed({}).counted)).not.toHaveProperty('encrypted')
  })
})
