import { expect, test } from 'vitest'
import {
  formatTime,
  parseTime,
  plausibleTime,
  spanOf,
  spanRecord,
} from '../../src/traffic/timestamp.ts'

test.each([
  ['a time of our days', 1_772_442_000_000.7, 1_772_442_000_000],
  ['nothing', undefined, undefined],
  ['the year 1, which means nothing', -62_135_596_800_000, undefined],
  ['the year 10000', 253_402_300_800_000, undefined],
  ['no number', Number.NaN, undefined],
])('a recording can have %s or not', (_name, timeMs, expected) => {
  expect(plausibleTime(timeMs)).toBe(expected)
})

test.each([
  ['2026-03-02T09:00:00.000Z', 1_772_442_000_000],
  ['2026-03-02T09:00:00Z', 1_772_442_000_000],
  ['2026-03-02T10:00:00.000000000+01:00', 1_772_442_000_000],
  ['2026-03-02', undefined],
  ['2026-13-02T09:00:00Z', undefined],
  ['1969-12-31T23:59:59Z', undefined],
  ['yesterday', undefined],
])('%s is a time or not', (text, expected) => {
  expect(parseTime(text)).toBe(expected)
  if (expected !== undefined) expect(parseTime(formatTime(expected))).toBe(expected)
})

test('a span that holds no time is spelled without members', () => {
  expect(spanRecord(spanOf({}))).toEqual({})
})
