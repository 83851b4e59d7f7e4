/** Puts the cells of all edges one behind the other, once they are counted. */
import { CELL, PACKED_CELLS } from "./edges.as"
import { BLOCK_CELLS, CELL_BYTES, CELLS, EDGE_BYTES, EDGES, NO_TIME, PACKED_BYTES, TEXTS } from "./layout.as"
import { edgeCount } from "./state.as"

/**
 * Writes the cells of each edge, sorted by rank, over the texts, which nobody reads any more: rank, records, flows, first
 * and last time of each, as numbers of eight bytes. Each edge then names the first of its cells, and says how many they
 * are. Returns how many there are in all.
 */
export function pack(): u32 {
  let packed: u32 = 0
  for (let i: u32 = 0; i < edgeCount; i++) {
    const edge = EDGES + usize(i) * EDGE_BYTES
    const count = packEdge(load<u32>(edge + CELL), packed)
    store<u32>(edge + CELL, packed)
    store<u32>(edge + PACKED_CELLS, count)
    packed += count
  }
  return packed
}

export function packedAt(): usize { return TEXTS }

function packEdge(block: u32, packed: u32): u32 {
  const start = TEXTS + usize(packed) * PACKED_BYTES
  let end = start
  while (block != 0) {
    const first = CELLS + usize(block) * CELL_BYTES
    for (let i: u32 = 0; i < BLOCK_CELLS; i++) {
      const cell = first + i * CELL_BYTES
      if (load<u32>(cell + 4) == 0) break
      insert(start, end, cell)
      end += PACKED_BYTES
    }
    block = load<u32>(first)
  }
  return u32((end - start) / PACKED_BYTES)
}

function insert(start: usize, end: usize, cell: usize): void {
  const rank = f64(load<u32>(cell + 4) - 1)
  let at = end
  while (at > start && load<f64>(at - PACKED_BYTES) > rank) {
    memory.copy(at, at - PACKED_BYTES, PACKED_BYTES)
    at -= PACKED_BYTES
  }
  const records = load<f64>(cell + 8)
  const first = load<i64>(cell + 16)
  const hasTime = first != NO_TIME
  store<f64>(at, rank)
  store<f64>(at + 8, records)
  // A record that stands for several flows is not for the scanner.
  store<f64>(at + 16, records)
  store<f64>(at + 24, hasTime ? f64(first) : f64.POSITIVE_INFINITY)
  store<f64>(at + 32, hasTime ? f64(load<i64>(cell + 24)) : f64.NEGATIVE_INFINITY)
}
