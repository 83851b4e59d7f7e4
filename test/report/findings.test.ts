import { describe, expect, test } from 'vitest'
import type { LintReport } from '../../src/diff/lint-report.ts'
import { lintCodes } from '../../src/diff/lint-report.ts'
import type { RailViolation } from '../../src/diff/rail-violation.ts'
import { lintToJson, lintToMarkdown, lintToText } from '../../src/report/lint-text.ts'
import { createStyle } from '../../src/report/style.ts'
import { violationsToMarkdown, violationsToText } from '../../src/report/violations-text.ts'
import { hostileCharacters } from '../support/fake-io.ts'
import { hostile } from './examples.ts'

const plain = createStyle({ color: false })

const violation: RailViolation = {
  kind: 'forbid',
  rail: hostile,
  at: `${hostile}:7`,
  from: hostile,
  to: hostile,
  ports: ['80/TCP'],
  witness: { from: hostile, to: hostile, port: '80/TCP' },
  policies: Array.from({ length: 6 }, (_, index) => ({ policy: `${hostile}${index}` })),
  message: hostile,
}

const report: LintReport = {
  apiVersion: 'netweir/v1',
  kind: 'LintReport',
  policies: 2,
  findings: (['error', 'warning', 'info'] as const).map((severity) => ({
    code: 'INVALID',
    severity,
    policy: hostile,
    at: hostile,
    message: hostile,
    hint: hostile,
  })),
  counts: { error: 1, warning: 1, info: 1 },
  notChecked: [lintCodes[0]],
  notLinted: [hostile],
}

describe('text from outside', () => {
  test.each([
    ['violations', violationsToText([violation], plain)],
    ['violations as markdown', violationsToMarkdown([violation])],
    ['lint', lintToText(report, plain)],
    ['lint as markdown', lintToMarkdown(report)],
    ['lint as json', lintToJson(report)],
  ])('does nothing in %s', (name, text) => {
    expect(hostileCharacters(text)).toEqual([])
    if (!name.includes('markdown')) return
    expect(text).not.toContain('<script>')
    expect(text).not.toMatch(/[^&#\d]@team/)
  })

  test('is the same again in JSON', () => {
    expect(JSON.parse(lintToJson(report))).toEqual(report)
  })
})

test('nothing is said where nothing is broken', () => {
  expect([violationsToText([], plain), violationsToMarkdown([])]).toEqual(['', ''])
})

test('a violation without policies says that none isolates the ends', () => {
  const text = violationsToText([{ ...violation, policies: [] }], plain)
  expect(text).toContain('allowed, as no policy isolates either end')
  expect(violationsToText([violation], plain)).toContain('2 more')
})

describe('what is long is shortened, and said so', () => {
  const many = Array.from({ length: 1000 }, () => violation)
  const findings = Array.from({ length: 1000 }, () => report.findings[0]!)

  test('violations', () => {
    expect(violationsToText(many, plain)).toContain('and 800 more')
    const markdown = violationsToMarkdown(many)
    expect(markdown.length).toBeLessThan(6000)
    expect(markdown).toMatch(/\*\*Shortened:\*\* \d+ left out/)
  })

  test('lint as markdown', () => {
    const markdown = lintToMarkdown({ ...report, findings: [...findings, ...report.findings] })
    expect(markdown.length).toBeLessThan(65_000)
    expect(markdown).toMatch(/\*\*Shortened:\*\*/)
  })
})
