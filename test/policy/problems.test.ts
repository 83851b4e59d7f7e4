import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { Problems } from '../../src/policy/problems.ts'
import { describeValue, escapeUnprintable, quote } from '../../src/policy/quote.ts'

function thrownBy(problems: Problems): NetweirError | undefined {
  try {
    problems.throwIfAny('MANIFEST_INVALID')
  } catch (error) {
    return error as NetweirError
  }
  return undefined
}

describe('Problems', () => {
  test('none throw nothing', () => {
    expect(thrownBy(new Problems())).toBeUndefined()
  })

  test('problems of several files', () => {
    const problems = new Problems()
    problems.add('one', { file: 'a', line: 2 })
    problems.add('two', { file: 'b' }, 'do this')
    problems.add('three', { file: 'b' }, 'do that')
    const error = thrownBy(problems)
    expect(error).toMatchObject({ message: '3 problems in 2 files', hint: 'do this' })
    expect(error?.location).toEqual({ file: 'a', line: 2 })
    expect(problems.count).toBe(3)
  })

  test('problems of another error, and an error that is one', () => {
    const problems = new Problems()
    const location = { file: 'a', line: 1 }
    const many = [
      { message: 'x', location },
      { message: 'y', location },
    ]
    problems.addError(new NetweirError('MANIFEST_SYNTAX', '2 problems', { problems: many }), 'a')
    problems.addError(new NetweirError('MANIFEST_SYNTAX', 'z', { hint: 'h' }), 'b')
    expect(thrownBy(problems)?.problems).toEqual([
      ...many,
      { message: 'z', location: { file: 'b' } },
    ])
    expect(thrownBy(problems)?.hint).toBe('h')
  })
})

describe('text from outside', () => {
  test.each([
    ['plain', '"plain"'],
    ['a "b" \\', '"a \\"b\\" \\\\"'],
    ['\u001b[31m\u009b\u202e\u2028', '"\\u001b[31m\\u009b\\u202e\\u2028"'],
    ['x'.repeat(100), `"${'x'.repeat(80)}..."`],
  ])('quote %j', (text, expected) => {
    expect(quote(text)).toBe(expected)
  })

  test('lines stay lines', () => {
    expect(escapeUnprintable('a\nb\r\tc é 𝄞')).toBe('a\nb\\u000d\\u0009c é 𝄞')
  })

  test.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'absent'],
    [[], 'a list'],
    [{}, 'a mapping'],
    [true, 'the boolean true'],
    [1.5, 'the number 1.5'],
    ['x', 'the string "x"'],
  ])('describeValue %j', (value, expected) => {
    expect(describeValue(value)).toBe(expected)
  })
})
