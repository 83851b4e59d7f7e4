import { expect, test } from 'vitest'
import { findingsToText, noticesToText } from '../../src/cli/notes.ts'
import type { FindingCode } from '../../src/index.ts'
import { createStyle } from '../../src/index.ts'
import { hostileCharacters } from '../support/fake-io.ts'

const plain = createStyle({ color: false })

test('a notice is a line with its place', () => {
  const notices = [
    { message: '3 records malformed', location: { file: 'flows.jsonl', line: 7 } },
    { message: 'passed over notes.txt' },
  ]
  expect(noticesToText(notices, plain)).toBe(
    'flows.jsonl:7: warning: 3 records malformed\nwarning: passed over notes.txt\n',
  )
  expect(noticesToText([], plain)).toBe('')
})

test('a finding is a line with its hint below', () => {
  const finding = {
    code: 'DNS_ASSUMED',
    severity: 'action',
    subject: 'shop',
    message: 'no DNS',
  } as const
  const findings = [
    { ...finding, hint: 'record for longer' },
    { ...finding, severity: 'warning' as const, hint: '' },
  ]
  expect(findingsToText(findings, plain)).toBe(
    'action[DNS_ASSUMED]: shop: no DNS\n  hint: record for longer\nwarning[DNS_ASSUMED]: shop: no DNS\n',
  )
})

test('nothing in them can move the cursor', () => {
  const text = 'a\u001b[2J\r\u202e\u0007'
  const location = { file: text, line: 1 }
  const finding = {
    code: text as FindingCode,
    severity: 'action',
    subject: text,
    message: text,
    hint: text,
  } as const
  const shown =
    noticesToText([{ message: text, location }], plain) + findingsToText([finding], plain)
  expect(hostileCharacters(shown)).toEqual([])
})
