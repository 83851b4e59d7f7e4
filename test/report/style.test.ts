import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  countOf,
  createStyle,
  escapeMarkdown,
  escapeText,
  formatCount,
  formatDuration,
  formatTime,
  table,
} from '../../src/report/style.ts'
import { hostile, obeyed } from './examples.ts'

test('a style with colour writes ANSI codes, and one without writes none', () => {
  const style = createStyle({ color: true })
  expect(style.red('x')).toBe('\u001b[31mx\u001b[39m')
  expect(style.bold(style.cyan('x'))).toBe('\u001b[1m\u001b[36mx\u001b[39m\u001b[22m')
  expect(style.dim('')).toBe('')
  const plain = createStyle({ color: false })
  for (const paint of Object.values(plain)) expect(paint('x')).toBe('x')
})

describe('escaped text', () => {
  test.each([
    { text: 'plain text, with ünïcödé and 漢字', shown: 'plain text, with ünïcödé and 漢字' },
    { text: '\u001b[31m', shown: '\\u001b[31m' },
    { text: 'a\r\nb\tc', shown: 'a\\u000d\\u000ab\\u0009c' },
    { text: '\u202egpj', shown: '\\u202egpj' },
    { text: '\u009b31m', shown: '\\u009b31m' },
    { text: 'a\u2028b\u00adc', shown: 'a\\u2028b\\u00adc' },
    { text: '\u{e0041}', shown: '\\u{e0041}' },
    { text: '\ud800', shown: '\\ud800' },
    { text: '😀', shown: '😀' },
  ])('$shown', ({ text, shown }) => {
    expect(escapeText(text)).toBe(shown)
  })

  test('has nothing that a terminal obeys, is one line, and is bounded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const shown = escapeText(text)
        expect(shown).not.toMatch(obeyed)
        expect(shown).not.toContain('\n')
      }),
    )
    expect(escapeText('x'.repeat(10_000))).toBe(`${'x'.repeat(4000)}... (6,000 more characters)`)
  })
})

test('escaped Markdown has no character that Markdown or HTML acts on', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
      const shown = escapeMarkdown(`${hostile}${text}`)
      expect(shown).not.toMatch(/[<>|`*_~[\]\\@]|&(?!#\d+;)|:\/\//)
    }),
  )
  expect(escapeMarkdown('a|b')).toBe('a&#124;b')
  expect(escapeMarkdown('shop/web 443/TCP 2001:db8::1')).toBe('shop/web 443/TCP 2001:db8::1')
})

test('a table is aligned, escaped, and cuts long cells', () => {
  const paint = (text: string) => `<${text}>`
  expect(
    table([
      [{ text: 'NAME' }, { text: 'COUNT', align: 'right' }, { text: 'LAST' }],
      [{ text: 'a\n', paint }, { text: '1', align: 'right' }, { text: 'x' }],
      [{ text: '漢字' }, { text: '1,000', align: 'right' }, { text: '' }],
    ]),
  ).toEqual(['NAME     COUNT  LAST', '<a\\u000a>      1  x', '漢字       1,000'])
  expect(table([[{ text: 'x'.repeat(200) }]])).toEqual([`${'x'.repeat(117)}...`])
  expect(table([])).toEqual([])
})

test.each([
  { count: 0, text: '0' },
  { count: 999, text: '999' },
  { count: 1000, text: '1,000' },
  { count: 1_234_567, text: '1,234,567' },
])('$text', ({ count, text }) => {
  expect(formatCount(count)).toBe(text)
})

test.each([
  { count: 1, text: '1 policy' },
  { count: 2000, text: '2,000 policies' },
])('$text', ({ count, text }) => {
  expect(countOf(count, 'policy', 'policies')).toBe(text)
})

test.each([
  { durationMs: 0, text: '0ms' },
  { durationMs: 350.4, text: '350ms' },
  { durationMs: 1000, text: '1s' },
  { durationMs: 62_000, text: '1m 2s' },
  { durationMs: 3_600_000, text: '1h' },
  { durationMs: 3_661_000, text: '1h 1m' },
  { durationMs: 90_000_000, text: '1d 1h' },
  { durationMs: 86_460_000, text: '1d' },
])('$text', ({ durationMs, text }) => {
  expect(formatDuration(durationMs)).toBe(text)
})

test.each([
  { timeMs: 0, text: '1970-01-01T00:00:00Z' },
  { timeMs: 1, text: '1970-01-01T00:00:00.001Z' },
])('$text', ({ timeMs, text }) => {
  expect(formatTime(timeMs)).toBe(text)
})
