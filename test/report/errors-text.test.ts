import { describe, expect, test } from 'vitest'
import type { ErrorDetails } from '../../src/errors.ts'
import { NetweirError } from '../../src/errors.ts'
import { errorToText } from '../../src/report/errors-text.ts'
import { createStyle } from '../../src/report/style.ts'
import { hostile, obeyed } from './examples.ts'

const plain = createStyle({ color: false })

describe('an error reads as', () => {
  test.each<{ what: string; message: string; details: ErrorDetails; text: string }>([
    { what: 'a message alone', message: 'bad', details: {}, text: 'error[USAGE]: bad\n' },
    {
      what: 'a place, a hint and the innermost cause',
      message: 'bad',
      details: {
        location: { file: 'a.yaml', line: 3, column: 7, document: 2 },
        hint: 'do better',
        cause: new Error('outer', { cause: new Error('inner') }),
      },
      text: 'a.yaml:3:7: error[USAGE]: bad\n  hint: do better\n  cause: inner\n',
    },
    {
      what: 'a line without a column',
      message: 'bad',
      details: { location: { file: '-', line: 3 } },
      text: '-:3: error[USAGE]: bad\n',
    },
    {
      what: 'a document without a line',
      message: 'bad',
      details: { location: { file: 'a.yaml', document: 2 }, cause: 'why' },
      text: 'a.yaml (document 2): error[USAGE]: bad\n  cause: why\n',
    },
    {
      what: 'a file alone, with a cause that says the same',
      message: 'bad',
      details: { location: { file: 'a.yaml' }, cause: new Error('bad') },
      text: 'a.yaml: error[USAGE]: bad\n',
    },
    {
      what: 'several problems',
      message: '2 problems in a.yaml',
      details: {
        problems: [
          { message: 'first', location: { file: 'a.yaml', line: 1, column: 1 } },
          { message: 'second', location: { file: 'a.yaml', line: 2 } },
        ],
      },
      text: 'error[USAGE]: 2 problems in a.yaml\na.yaml:1:1: error[USAGE]: first\na.yaml:2: error[USAGE]: second\n',
    },
  ])('$what', ({ message, details, text }) => {
    expect(errorToText(new NetweirError('USAGE', message, details), plain)).toBe(text)
  })
})

test('thousands of problems are counted, not listed', () => {
  const problems = Array.from({ length: 1203 }, (_, line) => ({
    message: 'bad',
    location: { file: 'a', line },
  }))
  const lines = errorToText(new NetweirError('USAGE', 'bad', { problems }), plain).split('\n')
  expect(lines).toHaveLength(1 + 200 + 1 + 1)
  expect(lines.at(-2)).toBe('  and 1,003 more problems')
})

test('a cause that is its own cause ends', () => {
  const loop = new Error('loop')
  loop.cause = loop
  expect(errorToText(new NetweirError('USAGE', 'bad', { cause: loop }), plain)).toContain(
    'cause: loop',
  )
})

test('text from outside is escaped everywhere, and colour is only for our own words', () => {
  const error = new NetweirError('USAGE', hostile, {
    location: { file: hostile, line: 1 },
    hint: hostile,
    cause: new Error(`${hostile}!`),
    problems: [{ message: hostile, location: { file: hostile } }],
  })
  expect(errorToText(error, plain)).not.toMatch(obeyed)
  expect(errorToText(new NetweirError('USAGE', 'bad'), createStyle({ color: true }))).toBe(
    '\u001b[31merror[USAGE]\u001b[39m: bad\n',
  )
})
