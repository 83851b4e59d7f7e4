/** Sources that have the same ports at one end, taken together. */
import type { Bits } from '../policy/bits.ts'
import { addBits, commonBits, createBits, isEmptyBits, withoutBits } from '../policy/bits.ts'

/** Sources and the atoms that all of them have, and none of them has more. */
export interface Block {
  readonly sources: Bits
  /** Positions of the atoms, ascending. */
  readonly atoms: readonly number[]
}

/** Returns the rows of an end, one per atom, as the fewest blocks; every source with a bit is in exactly one. */
export function blocksOf(rows: readonly Bits[]): readonly Block[] {
  if (rows.every(isEmptyBits)) return []
  const all = createBits(32 * (rows[0]?.length ?? 0))
  for (const row of rows) addBits(all, row)
  let blocks: readonly Block[] = [{ sources: all, atoms: [] }]
  for (const [atom, row] of rows.entries()) {
    if (!isEmptyBits(row)) blocks = blocks.flatMap((block) => splitBlock(block, row, atom))
  }
  return blocks
}

function splitBlock(block: Block, row: Bits, atom: number): readonly Block[] {
  const inside = commonBits(block.sources, row)
  if (isEmptyBits(inside)) return [block]
  const outside = withoutBits(block.sources, row)
  const split = { sources: inside, atoms: [...block.atoms, atom] }
  return isEmptyBits(outside) ? [split] : [split, { sources: outside, atoms: block.atoms }]
}
