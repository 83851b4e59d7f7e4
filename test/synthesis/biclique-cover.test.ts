import { describe, expect, test } from 'vitest'
import { coverBicliques, groupEqualRows } from '../../src/synthesis/biclique-cover.ts'

/** Rows as text, a cell where a letter stands: `ab` has the columns 0 and 1. */
function rowsOf(...texts: readonly string[]): readonly (readonly number[])[] {
  return texts.map((text) => [...text].map((letter) => letter.charCodeAt(0) - 97))
}

function textOf(cover: ReturnType<typeof groupEqualRows>): readonly string[] {
  return cover.map(({ rows, columns }) => {
    const letters = columns.map((column) => String.fromCharCode(97 + column))
    return `${rows.join()}: ${letters.join('')}`
  })
}

/** Every row has all columns but one. */
function crown(size: number): readonly (readonly number[])[] {
  const all = Array.from({ length: size }, (_, at) => at)
  return all.map((row) => all.filter((column) => column !== row))
}

describe('coverBicliques', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['no row needs no rule', [], []],
    ['a row without cells stands in none', ['', 'a', ''], ['1: a']],
    ['equal rows share one, however they are listed', ['ab', 'ba', 'aab'], ['0,1,2: ab']],
    ['rows with nothing in common have their own', ['a', 'b', 'c'], ['0: a', '1: b', '2: c']],
    ['the union of two rows stands in both', ['ab', 'a', 'b'], ['0,1: a', '0,2: b']],
    ['nested rows stay apart, as grouped', ['a', 'ab', 'abc'], ['0: a', '1: ab', '2: abc']],
    [
      'a pair that many rows share is one rule',
      ['ab', 'bc', 'abc', 'abd', 'd'],
      ['0,2,3: ab', '1,2: bc', '3,4: d'],
    ],
    [
      'a row does not stand where its other rules suffice',
      ['a', 'ab', 'c', 'd', 'cd'],
      ['0: a', '1: ab', '2,4: c', '3,4: d'],
    ],
    [
      'what rows have in common can be a rule that is no row',
      ['abc', 'abd', 'c', 'd'],
      ['0,1: ab', '0,2: c', '1,3: d'],
    ],
  ])('%s', (_, texts, expected) => {
    const cover = coverBicliques(rowsOf(...texts), 4)
    expect(textOf(cover.bicliques)).toEqual(expected)
    expect(cover.exact).toBe(true)
  })

  test.each([
    [3, 3],
    [4, 4],
    [5, 4],
  ])('a crown of %i rows needs %i', (size, count) => {
    const cover = coverBicliques(crown(size), size)
    expect(cover.exact).toBe(true)
    expect(cover.bicliques).toHaveLength(count)
  })

  test.each([
    ['too many to choose from', 6],
    ['too many sets in common', 13],
  ])('%s: equal rows are grouped, and it says so', (_, size) => {
    const rows = [...crown(size), ...crown(size)]
    const cover = coverBicliques(rows, size)
    expect(cover.exact).toBe(false)
    expect(cover.bicliques).toEqual(groupEqualRows(rows))
    expect(cover.bicliques).toHaveLength(size)
  })

  test('columns beyond the width of a number are told apart', () => {
    const cover = coverBicliques([[0, 70], [0], [70]], 71)
    expect(cover.bicliques).toEqual([
      { rows: [0, 1], columns: [0] },
      { rows: [0, 2], columns: [70] },
    ])
  })

  test('three hundred rows that decide themselves are covered exactly', () => {
    const rows = Array.from({ length: 300 }, (_, at) => [at, 300, 301 + (at % 2)])
    const cover = coverBicliques(rows, 303)
    expect(cover.exact).toBe(true)
    expect(cover.bicliques).toHaveLength(300)
  })

  test('rows that are too many to compare are grouped, and it says so', () => {
    const rows = Array.from({ length: 2_000 }, (_, at) => [at])
    const cover = coverBicliques(rows, 2_000)
    expect(cover.exact).toBe(false)
    expect(cover.bicliques).toEqual(groupEqualRows(rows))
  })

  test.each([[-1], [2], [Number.NaN]])('column %d is out of bounds', (column) => {
    expect(() => coverBicliques([[column]], 2)).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    )
  })
})

test('groupEqualRows gives every set of columns one biclique', () => {
  expect(textOf(groupEqualRows(rowsOf('ab', 'a', 'ba', '', 'b')))).toEqual([
    '1: a',
    '0,2: ab',
    '4: b',
  ])
})
