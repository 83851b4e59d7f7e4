/** What the tables hold so far, and what the scanner was told before it started. */
import { addKeys } from "./known-keys.as"
import {
  BLOCK_CELLS, EDGE_INDEX, EDGES, END, FIRST_SLOTS, INPUT, INPUT_BYTES, MASK_BYTES, MASKS, MAX_OUTCOMES, OUTCOMES,
  ROW_BYTES, ROW_INDEX, ROWS, RUNS, SINGLE, SINGLE_BYTES, TEXTS,
} from "./layout.as"
import { lastCluster } from "./line.as"
import { followed, forgetWays } from "./ways.as"

export let texts: usize = TEXTS
/** Slots of the indexes that are in use, less one: they grow with what is in them, so that little is looked at. */
export let rowMask: u32 = FIRST_SLOTS - 1
export let edgeMask: u32 = FIRST_SLOTS - 1
export let rowCount: u32 = 1
export let edgeCount: u32 = 0
export let cellCount: u32 = BLOCK_CELLS
export let runCount: u32 = 1
export let lines: u32 = 0
export let records: u32 = 0
export let passedOver: u32 = 0
export let handedBack: u32 = 0
export let since: i64 = i64.MIN_VALUE
export let until: i64 = i64.MAX_VALUE
/** Outcomes that the scanner itself gives, by their position in the closed list. */
export let selfOutcome: u32 = 0
export let healthOutcome: u32 = 0
export let maskedOutcome: u32 = 0
export let noPodOutcome: u32 = 0
export let unresolvedOutcome: u32 = 0
export let icmpOutcome: u32 = 0

export function inputAt(): usize { return INPUT }
export function inputBytes(): u32 { return INPUT_BYTES }
export function singleAt(): usize { return SINGLE }
export function singleBytes(): u32 { return SINGLE_BYTES }
export function outcomesAt(): usize { return OUTCOMES }
export function rowsAt(): usize { return ROWS }
export function edgesAt(): usize { return EDGES }
export function runsAt(): usize { return RUNS }
export function countRows(): u32 { return rowCount }
export function countEdges(): u32 { return edgeCount }
export function countRuns(): u32 { return runCount }
export function countLines(): u32 { return lines }
export function countRecords(): u32 { return records }
export function countPassedOver(): u32 { return passedOver }
export function countHandedBack(): u32 { return handedBack }
export function countFollowed(): u32 { return followed }

/** Makes the memory ready; to be called once. Times are milliseconds since the epoch. */
export function start(sinceMs: f64, untilMs: f64): void {
  const pages = i32((END + 65535) >>> 16)
  if (memory.size() < pages) memory.grow(pages - memory.size())
  since = i64(sinceMs)
  until = i64(untilMs)
  memory.fill(MASKS, 0xff, MASK_BYTES)
  addKeys()
}

/** Tells the positions of outcomes in the closed list. */
export function setOutcomes(
  self: u32, health: u32, masked: u32, noPod: u32, unresolved: u32, icmp: u32,
): void {
  selfOutcome = self
  healthOutcome = health
  maskedOutcome = masked
  noPodOutcome = noPod
  unresolvedOutcome = unresolved
  icmpOutcome = icmp
}

/** Forgets all texts and counts. */
export function clear(): void {
  memory.fill(ROW_INDEX, 0, usize(rowMask + 1) * 4)
  memory.fill(EDGE_INDEX, 0, usize(edgeMask + 1) * 4)
  memory.fill(OUTCOMES, 0, MAX_OUTCOMES * 8)
  texts = TEXTS
  rowMask = FIRST_SLOTS - 1
  edgeMask = FIRST_SLOTS - 1
  rowCount = 1
  edgeCount = 0
  cellCount = BLOCK_CELLS
  runCount = 1
  memory.fill(ROWS, 0, ROW_BYTES)
  lastCluster = 0
  forgetWays()
}
