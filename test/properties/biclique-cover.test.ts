/** P7: a cover holds exactly the cells, no smaller one exists, the order of rows and columns plays no part. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Biclique } from '../../src/synthesis/biclique-cover.ts'
import { coverBicliques } from '../../src/synthesis/biclique-cover.ts'

type Matrix = readonly (readonly number[])[]

function matrix(maxRows: number, columns: number): fc.Arbitrary<Matrix> {
  const row = fc.subarray(Array.from({ length: columns }, (_, at) => at))
  return fc.array(row, { maxLength: maxRows })
}

function cellsOf(bicliques: readonly Biclique[]): readonly string[] {
  const cells = bicliques.flatMap(({ rows, columns }) =>
    rows.flatMap((row) => columns.map((column) => `${row} ${column}`)),
  )
  return [...new Set(cells)].sort()
}

function cellsOfMatrix(rows: Matrix): readonly string[] {
  return rows.flatMap((list, row) => list.map((column) => `${row} ${column}`)).sort()
}

/** Every rectangle of the matrix, from every set of rows, as sets of cells. */
function rectanglesOf(rows: Matrix, columns: number): readonly ReadonlySet<string>[] {
  const rectangles: ReadonlySet<string>[] = []
  for (let chosen = 1; chosen < 1 << rows.length; chosen += 1) {
    const members = [...rows.keys()].filter((row) => chosen & (1 << row))
    const shared = Array.from({ length: columns }, (_, at) => at).filter((column) =>
      members.every((row) => rows[row]!.includes(column)),
    )
    rectangles.push(new Set(cellsOf([{ rows: members, columns: shared }])))
  }
  return rectangles
}

/** Says whether `count` rectangles can cover the cells, by trying all. */
function canCover(
  cells: readonly string[],
  rectangles: readonly ReadonlySet<string>[],
  count: number,
): boolean {
  const [first] = cells
  if (first === undefined) return true
  if (count === 0) return false
  return rectangles
    .filter((rectangle) => rectangle.has(first))
    .some((rectangle) =>
      canCover(
        cells.filter((cell) => !rectangle.has(cell)),
        rectangles,
        count - 1,
      ),
    )
}

function expectFewest(rows: Matrix, columns: number): void {
  const { bicliques, exact } = coverBicliques(rows, columns)
  const cells = cellsOfMatrix(rows)
  expect(exact).toBe(true)
  expect(cellsOf(bicliques)).toEqual(cells)
  const isLess =
    bicliques.length > 0 && canCover(cells, rectanglesOf(rows, columns), bicliques.length - 1)
  expect({ rows, isLess }).toEqual({ rows, isLess: false })
}

describe('coverBicliques', () => {
  test('P7: exact and fewest, for every matrix of three by three', () => {
    for (let bits = 0; bits < 512; bits += 1) {
      const rows = [0, 3, 6].map((shift) => [0, 1, 2].filter((at) => (bits >> shift) & (1 << at)))
      expectFewest(rows, 3)
    }
  })

  test.each([
    [4, 4],
    [5, 4],
    [4, 6],
    [6, 5],
  ])('P7: exact and fewest, for matrices up to %i by %i', (maxRows, columns) => {
    fc.assert(
      fc.property(matrix(maxRows, columns), (rows) => expectFewest(rows, columns)),
      { numRuns: 600 },
    )
  })

  test('P7: exact whatever the size, also where the search is cut off; a row stands only where it must', () => {
    fc.assert(
      fc.property(matrix(24, 9), (rows) => {
        const { bicliques } = coverBicliques(rows, 9)
        expect(cellsOf(bicliques)).toEqual(cellsOfMatrix(rows))
        const patterns = new Set(rows.filter((row) => row.length > 0).map(String))
        expect(bicliques.length).toBeLessThanOrEqual(patterns.size)
        for (const [at, one] of bicliques.entries()) {
          const others = bicliques.filter((_, other) => other !== at)
          for (const row of one.rows) {
            const less = { rows: one.rows.filter((other) => other !== row), columns: one.columns }
            expect(cellsOf([...others, less])).not.toEqual(cellsOfMatrix(rows))
          }
        }
      }),
      { numRuns: 100 },
    )
  })

  test('P7: the order of rows, and of the columns in them, changes nothing', () => {
    fc.assert(
      fc.property(matrix(10, 6), fc.infiniteStream(fc.nat()), (rows, random) => {
        const order = [...rows.keys()]
          .map((row) => ({ row, at: random.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ row }) => row)
        const shuffled = order.map((row) => rows[row]!.toReversed())
        const { bicliques, exact } = coverBicliques(shuffled, 6)
        const back = bicliques.map(({ rows: members, columns }) => ({
          rows: members.map((at) => order[at]!).sort((a, b) => a - b),
          columns,
        }))
        expect({ bicliques: back, exact }).toEqual(coverBicliques(rows, 6))
      }),
      { numRuns: 300 },
    )
  })
})
