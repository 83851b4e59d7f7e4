/** Sources that have the same ports at one end, taken together. */
import type { Bits } from '../policy/bits.ts'
import {
  addBits,
  commonBits,
  copyBits,
  equalBits,
  isEmptyBits,
  withoutBits,
} from '../policy/bits.ts'

/** Sources and the atoms that all of them have, and none of them has more. */
export interface Block {
  readonly sources: Bits
  /** Positions of the atoms, ascending. */
  readonly atoms: readonly number[]
}

/** Returns the rows of an end, one per atom, as the fewest blocks; every source with a bit is in exactly one. */
export function blocksOf(rows: readonly Bits[]): readonly Block[] {
  const alike = alikeRows(rows)
  const [first, ...others] = alike
  if (first === undefined) return []
  if (others.length === 0) return [{ sources: first.row, atoms: first.atoms }]
  const all = copyBits(first.row)
  for (const { row } of others) addBits(all, row)
  let blocks: readonly Block[] = [{ sources: all, atoms: [] }]
  for (const { row, atoms } of alike) {
    blocks = blocks.flatMap((block) => splitBlock(block, row, atoms))
  }
  return blocks.map(({ sources, atoms }) => ({ sources, atoms: atoms.toSorted(ascending) }))
}

/** Returns the rows that are not empty, equal ones once with all their atoms. */
export function alikeRows(
  rows: readonly Bits[],
): readonly { readonly row: Bits; readonly atoms: readonly number[] }[] {
  const alike: { readonly row: Bits; readonly atoms: number[] }[] = []
  let empty: Bits | undefined
  for (const [atom, row] of rows.entries()) {
    if (row === empty) continue
    const known = alike.find((one) => one.row === row || equalBits(one.row, row))
    if (known !== undefined) known.atoms.push(atom)
    else if (isEmptyBits(row)) empty = row
    else alike.push({ row, atoms: [atom] })
  }
  return alike
}

function splitBlock(block: Block, row: Bits, atoms: readonly number[]): readonly Block[] {
  const inside = commonBits(block.sources, row)
  if (isEmptyBits(inside)) return [block]
  const outside = withoutBits(block.sources, row)
  const split = { sources: inside, atoms: [...block.atoms, ...atoms] }
  return isEmptyBits(outside) ? [split] : [split, { sources: outside, atoms: block.atoms }]
}

function ascending(a: number, b: number): number {
  return a - b
}
