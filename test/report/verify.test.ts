import { describe, expect, test } from 'vitest'
import type { Explanation } from '../../src/diff/explanation.ts'
import type { DeniedEdge, VerifyReport } from '../../src/diff/verify-report.ts'
import { explanationToMarkdown } from '../../src/report/explain-markdown.ts'
import { explanationToJson, explanationToText } from '../../src/report/explain-text.ts'
import { maxMarkdownLength } from '../../src/report/markdown-parts.ts'
import { createStyle } from '../../src/report/style.ts'
import { verifyToMarkdown } from '../../src/report/verify-markdown.ts'
import { verifyToJson, verifyToText } from '../../src/report/verify-text.ts'
import { hostileCharacters } from '../support/fake-io.ts'
import { hostile } from './examples.ts'

const evidence = { flows: 1, samples: [hostile] }
const seen = { from: hostile, to: hostile, port: '1/TCP', outcome: 'learned', evidence } as const
const reference = { policy: hostile, at: hostile }
const miss = { ...reference, direction: 'ingress', rule: 0, reasons: [hostile] } as const
const side = { direction: 'ingress', isolatedBy: [reference], closest: [miss] } as const
const usage = {
  ...reference,
  isolates: ['ingress'],
  selects: [hostile],
  grants: 2,
  unusedGrants: 1,
  rules: [
    {
      direction: 'ingress',
      rule: 0,
      at: hostile,
      state: 'partly',
      grants: 2,
      unusedGrants: 1,
      used: [{ peer: hostile, port: hostile, edges: 1, flows: 1, last: hostile, seen: [seen] }],
      unused: [{ peers: [hostile], ports: [hostile] }],
    },
  ],
} as const
const share = { covered: 0, denied: 1, unjudged: 0, percent: 0 }
const denied: DeniedEdge = { ...seen, id: '0123456789ab', sides: [side] }

const report: VerifyReport = {
  apiVersion: 'netweir/v1',
  kind: 'VerifyReport',
  holds: false,
  coverage: { edges: share, flows: share },
  denied: [denied],
  usage: [usage],
  overPermission: [
    {
      namespace: hostile,
      allowed: 2,
      used: 1,
      unused: 1,
      open: 0,
      otherPorts: 0,
      largest: [{ from: hostile, to: hostile, port: hostile, connections: 1 }],
    },
  ],
  gates: [{ gate: 'max-unused', limit: 0, actual: 1, passed: false, message: hostile }],
  notReplayed: [{ outcome: 'denied', edges: 1, flows: 1 }],
  notEvaluated: [hostile],
  violations: [
    {
      kind: 'forbid',
      rail: hostile,
      at: hostile,
      from: hostile,
      to: hostile,
      ports: [hostile],
      witness: { from: hostile, to: hostile, port: hostile },
      policies: [reference],
      message: hostile,
    },
  ],
}

const path = { direction: 'ingress', isolatedBy: [reference] } as const
const explanation: Explanation = {
  apiVersion: 'netweir/v1',
  kind: 'Explanation',
  allowed: false,
  question: { from: hostile, to: hostile, port: '1/TCP' },
  answers: [
    {
      from: hostile,
      to: hostile,
      port: '1/TCP',
      allowed: false,
      egress: {
        ...path,
        allowed: true,
        reason: 'rule',
        allowedBy: [{ policy: hostile, rule: 0, at: hostile }],
        closest: [],
      },
      ingress: { ...path, allowed: false, reason: 'denied', allowedBy: [], closest: [miss] },
      evidence: [seen],
    },
  ],
  leftOut: 3,
  policies: [usage],
  notEvaluated: [hostile],
}

const style = createStyle({ color: false })

describe('text from outside', () => {
  test.each([
    ['verify as text', verifyToText(report, style)],
    ['verify as json', verifyToJson(report)],
    ['verify as markdown', verifyToMarkdown(report)],
    ['explain as text', explanationToText(explanation, style)],
    ['explain as json', explanationToJson(explanation)],
    ['explain as markdown', explanationToMarkdown(explanation)],
  ])('is shown and never acts: %s', (name, text) => {
    expect(hostileCharacters(text)).toEqual([])
    expect(text).toContain('evil.example')
    if (!name.endsWith('markdown')) return
    expect(text).not.toContain('<script')
    expect(text).not.toContain('@team')
    expect(text.match(/<details/g)).toHaveLength(text.match(/<\/details>/g)?.length ?? 0)
    for (const line of text.split('\n').filter((one) => one.startsWith('|'))) {
      expect(line.endsWith(' |')).toBe(true)
    }
  })

  test('json is the document itself', () => {
    expect(Object.keys(JSON.parse(verifyToJson(report)))).toEqual(Object.keys(report))
    expect(Object.keys(JSON.parse(explanationToJson(explanation)))).toEqual(
      Object.keys(explanation),
    )
  })
})

test('broken guard rails stand above everything, and are part of the result', () => {
  const heading = '1 guard rail violation: 1 forbidden and possible\n'
  const result = '1 edge would be denied, failed: max-unused, 1 guard rail violation; '
  for (const text of [verifyToText(report, style), verifyToMarkdown(report)]) {
    expect(text.replace(/^### /, '').startsWith(heading)).toBe(true)
    expect(text.replaceAll('\\', '')).toContain(result)
  }
})

test('colour marks the result, and adds nothing else', () => {
  const coloured = verifyToText(report, createStyle({ color: true }))
  expect(coloured).toContain('\u001b[31m')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what colour is made of.
  expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(verifyToText(report, style))
})

test('long reports are shortened, and say so', () => {
  const many = { ...report, denied: Array.from({ length: 3000 }, () => denied) }
  const text = verifyToText(many, style)
  expect(text).toContain('and 2,800 more: -o json lists all of them')
  const markdown = verifyToMarkdown(many)
  expect(markdown.length).toBeLessThanOrEqual(maxMarkdownLength)
  expect(markdown).toContain('**Shortened:**')
  expect(JSON.parse(verifyToJson(many)).denied).toHaveLength(3000)
})

test('each reason of a side has its words', () => {
  const [answer] = explanation.answers
  const reasons = ['no-pod', 'open', 'node', 'rule'] as const
  const texts = reasons.map((reason) =>
    explanationToText(
      {
        ...explanation,
        policies: [],
        answers: [{ ...answer!, ingress: { ...answer!.ingress, allowed: true, reason } }],
      },
      style,
    ),
  )
  expect(texts[0]).toContain('ingress: policies have no say, as this end is no pod')
  expect(texts[1]).toContain('ingress: no policy isolates the pod')
  expect(texts[2]).toContain('ingress: a node always reaches its own pods')
  expect(texts[3]).toContain('ingress is isolated by')
})
