import { describe, expect, test } from 'vitest'
import { parseMoment } from '../../src/cli/moment.ts'

const nowMs = Date.UTC(2026, 1, 24, 12)

describe('a duration is counted back from now', () => {
  test.each([
    ['45s', 45_000],
    ['15m', 15 * 60_000],
    ['24h', 86_400_000],
    ['7d', 7 * 86_400_000],
    ['1h30m', 90 * 60_000],
    ['1d12h30m15s', 86_400_000 + 12 * 3_600_000 + 30 * 60_000 + 15_000],
    ['0s', 0],
  ])('%s', (text, durationMs) => {
    expect(parseMoment('--since', text, nowMs)).toBe(nowMs - durationMs)
  })
})

describe('a time is RFC 3339', () => {
  test.each([
    ['2026-02-24T08:00:00Z', '2026-02-24T08:00:00.000Z'],
    ['2026-02-24t08:00:00z', '2026-02-24T08:00:00.000Z'],
    ['2026-02-24T08:00:00.5Z', '2026-02-24T08:00:00.500Z'],
    ['2026-02-24T08:00:00.123456789Z', '2026-02-24T08:00:00.123Z'],
    ['2026-02-24T08:00:00+02:00', '2026-02-24T06:00:00.000Z'],
    ['2026-02-24T08:00:00-05:30', '2026-02-24T13:30:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2026-06-30T23:59:60Z', '2026-07-01T00:00:00.000Z'],
  ])('%s', (text, expected) => {
    expect(new Date(parseMoment('--since', text, nowMs)).toISOString()).toBe(expected)
  })
})

describe('anything else is refused with what is accepted', () => {
  test.each([
    '',
    '15',
    '-15m',
    'm',
    '15 m',
    '15w',
    '1.5h',
    '30m1h',
    '5m5m',
    '9999999999d',
    'yesterday',
    '2026-02-24',
    '2026-02-24T08:00:00',
    '2026-02-24 08:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-02-00T00:00:00Z',
    '2026-02-24T24:00:00Z',
    '2026-02-24T08:60:00Z',
    '2026-02-24T08:00:00+24:00',
    '2026-02-24T08:00:00+2:00',
  ])('%j', (text) => {
    expect(() => parseMoment('--until', text, nowMs)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringContaining(
          '--until must be a time such as 2026-02-24T08:00:00Z, or a duration before now',
        ),
      }),
    )
  })
})
