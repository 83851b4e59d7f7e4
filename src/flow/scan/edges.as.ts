/** The table of edges, with the cells, blocks and samples of each. */
import {
  BLOCK_CELLS, CELL_BYTES, CELLS, EDGE_BYTES, EDGE_INDEX, EDGE_SLOTS, EDGES, NO_TIME, RUN_BYTES, RUNS,
} from "./layout.as"
import { uuid } from "./line.as"
import { cellCount, edgeCount, edgeMask, runCount } from "./state.as"

// Members of an edge: its two keys, the first bytes of the greatest of its samples, its cells, its last run of blocks
// and the runs before, the names that its address was last known by, and its samples.
const THRESHOLD: u32 = 16
export const CELL: u32 = 24
export const RUN_FIRST: u32 = 28
export const RUN_LAST: u32 = 32
export const RUN: u32 = 36
export const NAMED_BY: u32 = 40
export const SAMPLES: u32 = 44
/** Ranks of the first cells, a byte each. */
const RANKS: u32 = 48
/** How many cells there are, once they are packed. */
export const PACKED_CELLS: u32 = RANKS
// What is seldom looked at stands behind the first line of the cache.
export const ENCRYPTED: u32 = 64
export const AUTHENTICATED: u32 = 72
export const SAMPLE: u32 = 80
export const SAMPLE_BYTES: u32 = 36

/** No run yet: no block is as late. */
export const NO_BLOCK: u32 = 0xfffffff0

// @ts-ignore: decorator
@inline
function edgeHash(key1: u64, key2: u64): u32 {
  let h = (key1 * 0x9e3779b97f4a7c15) ^ (key2 * 0xff51afd7ed558ccd)
  h = (h ^ (h >> 32)) * 0xc4ceb9fe1a85ec53
  return u32(h >> 40)
}

function growEdgeIndex(): void {
  if (edgeMask + 1 >= EDGE_SLOTS) return
  memory.fill(EDGE_INDEX, 0, usize(edgeMask + 1) * 8)
  edgeMask = edgeMask * 2 + 1
  for (let number: u32 = 1; number <= edgeCount; number++) {
    const edge = EDGES + usize(number - 1) * EDGE_BYTES
    let slot = edgeHash(load<u64>(edge), load<u64>(edge + 8)) & edgeMask
    while (load<u32>(EDGE_INDEX + (slot << 2)) != 0) slot = (slot + 1) & edgeMask
    store<u32>(EDGE_INDEX + (slot << 2), number)
  }
}

export function edgeAt(key1: u64, key2: u64): usize {
  let slot = edgeHash(key1, key2) & edgeMask
  while (true) {
    const number = load<u32>(EDGE_INDEX + (slot << 2))
    if (number == 0) break
    const edge = EDGES + usize(number - 1) * EDGE_BYTES
    if (load<u64>(edge) == key1 && load<u64>(edge + 8) == key2) return edge
    slot = (slot + 1) & edgeMask
  }
  const edge = EDGES + usize(edgeCount) * EDGE_BYTES
  edgeCount++
  store<u32>(EDGE_INDEX + (slot << 2), edgeCount)
  store<u64>(edge, key1)
  store<u64>(edge + 8, key2)
  store<u64>(edge + THRESHOLD, u64.MAX_VALUE)
  memory.fill(edge + CELL, 0, EDGE_BYTES - CELL)
  store<u32>(edge + RUN_FIRST, NO_BLOCK)
  store<u32>(edge + RUN_LAST, NO_BLOCK)
  if (edgeCount > edgeMask >> 1) growEdgeIndex()
  return edge
}

// Cells of an edge stand in blocks of four, of which the first names the next block. Members of a cell: the next block,
// its rank above one bit that says it is there, records, first and last time.

// @ts-ignore: decorator
@inline
export function countCell(edge: usize, rank: u32, time: i64): void {
  const wanted = rank + 1
  const difference = load<u32>(edge + RANKS) ^ (wanted * 0x01010101)
  const equal = (difference - 0x01010101) & ~difference & 0x80808080
  const cell = equal != 0
    ? CELLS + usize(load<u32>(edge + CELL) + (ctz(equal) >> 3)) * CELL_BYTES
    : cellAt(edge, wanted)
  store<f64>(cell + 8, load<f64>(cell + 8) + 1)
  if (time == 0) return
  if (time < load<i64>(cell + 16)) store<i64>(cell + 16, time)
  if (time > load<i64>(cell + 24)) store<i64>(cell + 24, time)
}

export function cellAt(edge: usize, wanted: u32): usize {
  let from = edge + CELL
  let block = load<u32>(from)
  while (block != 0) {
    const first = CELLS + usize(block) * CELL_BYTES
    for (let i: u32 = 0; i < BLOCK_CELLS; i++) {
      const cell = first + i * CELL_BYTES
      const rank = load<u32>(cell + 4)
      if (rank == wanted) return cell
      if (rank == 0) {
        if (from == edge + CELL) store<u8>(edge + RANKS + i, u8(wanted))
        store<u32>(cell + 4, wanted)
        return cell
      }
    }
    from = first
    block = load<u32>(from)
  }
  block = cellCount
  cellCount += BLOCK_CELLS
  const first = CELLS + usize(block) * CELL_BYTES
  memory.fill(first, 0, BLOCK_CELLS * CELL_BYTES)
  for (let i: u32 = 0; i < BLOCK_CELLS; i++) store<i64>(first + i * CELL_BYTES + 16, NO_TIME)
  if (from == edge + CELL) store<u32>(edge + RANKS, wanted)
  store<u32>(from, block)
  store<u32>(first + 4, wanted)
  return first
}

// Members of a run: the one before it, first and last block.
export function noteBlock(edge: usize, block: u32): void {
  const first = load<u32>(edge + RUN_FIRST)
  const last = load<u32>(edge + RUN_LAST)
  if (block >= first && block <= last) return
  if (first == NO_BLOCK) {
    store<u32>(edge + RUN_FIRST, block)
    store<u32>(edge + RUN_LAST, block)
    return
  }
  if (block == last + 1) {
    store<u32>(edge + RUN_LAST, block)
    return
  }
  if (block + 1 == first) {
    store<u32>(edge + RUN_FIRST, block)
    return
  }
  // Runs may overlap: whoever reads them joins them. A few steps keep input that jumps about from filling the table.
  let number = load<u32>(edge + RUN)
  for (let steps = 0; number != 0 && steps < 16; steps++) {
    const run = RUNS + usize(number) * RUN_BYTES
    if (block + 1 >= load<u32>(run + 4) && block <= load<u32>(run + 8) + 1) {
      if (block < load<u32>(run + 4)) store<u32>(run + 4, block)
      if (block > load<u32>(run + 8)) store<u32>(run + 8, block)
      return
    }
    number = load<u32>(run)
  }
  addRun(edge, first, last)
  store<u32>(edge + RUN_FIRST, block)
  store<u32>(edge + RUN_LAST, block)
}

/** Notes all blocks of a run that another scanner has found. */
export function noteRun(edge: usize, from: u32, to: u32): void {
  const first = load<u32>(edge + RUN_FIRST)
  const last = load<u32>(edge + RUN_LAST)
  if (first == NO_BLOCK) {
    store<u32>(edge + RUN_FIRST, from)
    store<u32>(edge + RUN_LAST, to)
  } else if (from <= last + 1 && to + 1 >= first) {
    if (from < first) store<u32>(edge + RUN_FIRST, from)
    if (to > last) store<u32>(edge + RUN_LAST, to)
  } else addRun(edge, from, to)
}

function addRun(edge: usize, first: u32, last: u32): void {
  const added = runCount++
  const run = RUNS + usize(added) * RUN_BYTES
  store<u32>(run, load<u32>(edge + RUN))
  store<u32>(run + 4, first)
  store<u32>(run + 8, last)
  store<u32>(edge + RUN, added)
}

/** Keeps the smallest uuids, which are texts of 36 bytes of ASCII: their bytes order as they do. */
// @ts-ignore: decorator
@inline
export function noteSample(edge: usize): void {
  if (bswap<u64>(load<u64>(uuid)) > load<u64>(edge + THRESHOLD)) return
  keepSample(edge)
}

function keepSample(edge: usize): void {
  let count = load<u32>(edge + SAMPLES)
  let at: u32 = 0
  while (at < count) {
    const order = memory.compare(uuid, edge + SAMPLE + at * SAMPLE_BYTES, 36)
    if (order == 0) return
    if (order < 0) break
    at++
  }
  if (at == 3) return
  if (count < 3) count++
  for (let to = count - 1; to > at; to--) {
    memory.copy(edge + SAMPLE + to * SAMPLE_BYTES, edge + SAMPLE + (to - 1) * SAMPLE_BYTES, 36)
  }
  memory.copy(edge + SAMPLE + at * SAMPLE_BYTES, uuid, 36)
  store<u32>(edge + SAMPLES, count)
  if (count == 3) store<u64>(edge + THRESHOLD, bswap<u64>(load<u64>(edge + SAMPLE + 2 * SAMPLE_BYTES)))
}
