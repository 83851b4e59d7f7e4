/** Takes in the edges that another scanner has counted, from copies of its tables. */
import {
  AUTHENTICATED, CELL, cellAt, edgeAt, ENCRYPTED, NO_BLOCK, noteRun, noteSample, PACKED_CELLS, RUN, RUN_FIRST, RUN_LAST,
  SAMPLE, SAMPLE_BYTES, SAMPLES,
} from "./edges.as"
import {
  BLOCK_CELLS, EDGE_BYTES, EDGES, IS_V6, MAX_CELLS, MAX_EDGES, MAX_RUNS, PACKED_BYTES, RUN_BYTES, TEXT_BYTES, TEXTS,
} from "./layout.as"
import { uuid } from "./line.as"
import { cellCount, edgeCount, runCount, texts } from "./state.as"

/** Where a joined edge says which one of this scanner it went to. */
const WENT_TO: usize = 16

/** Returns where tables of another scanner can be put. */
export function joinAt(): usize { return (texts + 63) & ~63 }

/**
 * Returns how many bytes there are for them, 0 where so many edges, cells in whole blocks, and runs might not fit into
 * the tables of this one.
 */
export function joinRoom(edges: u32, cells: u32, runs: u32): u32 {
  const fits = u64(edgeCount) + edges <= MAX_EDGES - 2 && u64(cellCount) + cells <= MAX_CELLS - 2 * BLOCK_CELLS &&
    u64(runCount) + runs + edges <= MAX_RUNS - 2
  return fits ? u32(TEXTS + TEXT_BYTES - joinAt()) : 0
}

/**
 * Takes in edges, and notes in each which one of this scanner it went to. `cells` are those from number `firstCell` on;
 * `ends` and `addresses` say which number this scanner has for each of the other one's.
 */
export function join(
  at: usize, edges: u32, cells: usize, firstCell: u32, runs: usize, ends: usize, addresses: usize,
): void {
  for (let i: u32 = 0; i < edges; i++) {
    const other = at + usize(i) * EDGE_BYTES
    const key1 = load<u64>(other)
    const key2 = load<u64>(other + 8)
    const from = load<u32>(ends + ((usize(key1) & 0x3ffffff) << 2))
    const to = load<u32>(ends + ((usize(key1 >> 26) & 0x3ffffff) << 2))
    const address = u32(key2)
    const spread = load<u32>(addresses + (usize(address & ~IS_V6) << 2)) | (address & IS_V6)
    const edge = edgeAt(
      u64(from) | (u64(to) << 26) | (key1 & (u64.MAX_VALUE << 52)), u64(spread) | (key2 & (u64.MAX_VALUE << 32)),
    )
    store<u32>(other + WENT_TO, u32((edge - EDGES) / EDGE_BYTES))
    joinCells(edge, cells + usize(load<u32>(other + CELL) - firstCell) * PACKED_BYTES, load<u32>(other + PACKED_CELLS))
    joinRuns(edge, other, runs)
    store<f64>(edge + ENCRYPTED, load<f64>(edge + ENCRYPTED) + load<f64>(other + ENCRYPTED))
    store<f64>(edge + AUTHENTICATED, load<f64>(edge + AUTHENTICATED) + load<f64>(other + AUTHENTICATED))
    const samples = load<u32>(other + SAMPLES)
    for (let sample: u32 = 0; sample < samples; sample++) {
      uuid = other + SAMPLE + sample * SAMPLE_BYTES
      noteSample(edge)
    }
  }
}

function joinCells(edge: usize, cells: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const other = cells + usize(i) * PACKED_BYTES
    const cell = cellAt(edge, u32(load<f64>(other)) + 1)
    store<f64>(cell + 8, load<f64>(cell + 8) + load<f64>(other + 8))
    const first = load<f64>(other + 24)
    if (first == f64.POSITIVE_INFINITY) continue
    const last = i64(load<f64>(other + 32))
    if (i64(first) < load<i64>(cell + 16)) store<i64>(cell + 16, i64(first))
    if (last > load<i64>(cell + 24)) store<i64>(cell + 24, last)
  }
}

function joinRuns(edge: usize, other: usize, runsAt: usize): void {
  if (load<u32>(other + RUN_FIRST) == NO_BLOCK) return
  noteRun(edge, load<u32>(other + RUN_FIRST), load<u32>(other + RUN_LAST))
  let number = load<u32>(other + RUN)
  while (number != 0) {
    const run = runsAt + usize(number) * RUN_BYTES
    noteRun(edge, load<u32>(run + 4), load<u32>(run + 8))
    number = load<u32>(run)
  }
}
