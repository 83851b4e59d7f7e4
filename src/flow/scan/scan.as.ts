/**
 * The scanner: walks recorded lines once, byte by byte and without building objects, and counts what they say.
 *
 * AssemblyScript, compiled to WebAssembly with SIMD by `npm run build`. It knows how Hubble's encoder spells a flow and
 * nothing of what a flow means: whatever a member says is looked up by its exact bytes, and what bytes were not seen
 * before is asked of the host once (`learn`), which decodes them with the plain decoder. A line that is spelled in any
 * other way is handed to the host as it stands (`plain`).
 *
 * Memory is laid out once and never grows: input, texts (every distinct text that was looked up, once), rows (what is
 * known of each text), and the tables of edges, cells and runs that `traffic/scan-batch.ts` reads. When one of them is
 * nearly full the host is told (`full`), takes everything out and starts anew.
 *
 * One file for each part of the work; this one has what the host calls. In AssemblyScript a file may assign what another
 * one exports.
 */

import { countLine, walkedShape } from "./count.as"
import { full, plain } from "./host.as"
import {
  BLOCK_CELLS, INPUT, INPUT_BYTES, MAX_CELLS, MAX_EDGES, MAX_ROWS, MAX_RUNS, SINGLE, TEXT_BYTES, TEXTS,
} from "./layout.as"
import { forgetLine } from "./line.as"
import {
  cellCount, edgeCount, handedBack, lines, passedOver, records, rowCount, runCount, texts,
} from "./state.as"
import { walkTop } from "./walk.as"
import { followWay, learnWay, wayShape } from "./ways.as"
export { join, joinAt, joinRoom } from "./join.as"
export { pack, packedAt } from "./pack.as"
export {
  inputAt, inputBytes, singleAt, singleBytes, outcomesAt, rowsAt, edgesAt, runsAt, countRows,
  countEdges, countRuns, countLines, countRecords, countPassedOver, countHandedBack, countFollowed, start,
  setOutcomes, clear,
} from "./state.as"

// @ts-ignore: decorator
@inline
function isNearlyFull(): bool {
  return rowCount > MAX_ROWS - 32 || edgeCount > MAX_EDGES - 2 || cellCount > MAX_CELLS - 2 * BLOCK_CELLS ||
    runCount > MAX_RUNS - 2 || u32(texts - TEXTS) > TEXT_BYTES - INPUT_BYTES - 4096
}

/**
 * Reads the line at `p`, and returns where its line feed stands; 0 when the line is not one for the scanner. With `last`
 * the line feed must stand there.
 */
function readLine(p: usize, last: usize): usize {
  if (isNearlyFull()) full()
  forgetLine()
  const known = followWay(p)
  if (known == 0) forgetLine()
  const end = known != 0 ? known : walkTop(p)
  if (end == 0) return 0
  const feed = load<u8>(end) == 0x0d ? end + 1 : end
  if (load<u8>(feed) != 0x0a || (last != 0 && feed != last)) return 0
  if (known != 0) return countLine(wayShape) ? feed : 0
  const shape = walkedShape()
  learnWay(p, end, shape)
  return countLine(shape) ? feed : 0
}

/** Reads whole lines of the input, `length` bytes from `at` on: the last one is a line feed. */
export function scan(at: u32, length: u32): void {
  let p: usize = INPUT + at
  const end: usize = p + length
  lines = 0
  records = 0
  passedOver = 0
  handedBack = 0
  while (p < end) {
    const c = load<u8>(p)
    const feed = c == 0x7b ? readLine(p, 0) : c == 0x0a ? p : 0
    if (feed != 0) {
      p = feed + 1
    } else {
      const next = lineEnd(p)
      handedBack++
      plain(p, u32(next - p), lines)
      p = next + 1
    }
    lines++
  }
}

/** Reads the one record that stands in its own place; false for one that is not for the scanner. */
export function scanSingle(length: u32): bool {
  const p: usize = SINGLE
  records = 0
  passedOver = 0
  handedBack = 0
  store<u8>(p + length, 0x0a)
  if (load<u8>(p) == 0x7b && readLine(p, p + length) != 0) return true
  handedBack++
  return false
}

function lineEnd(start: usize): usize {
  let p = start
  while (true) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(0x0a)))
    if (found != 0) return p + ctz(found)
    p += 16
  }
}
