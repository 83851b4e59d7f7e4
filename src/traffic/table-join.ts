/** Gives the tables of one scanner to another, which joins them with its own by number. */
import type { ScannerExports } from '../flow/scanner.ts'
import type { ScanBatch } from './scan-batch.ts'
import { cellBytes, edgeBytes, runBytes } from './scan-batch.ts'

/** The numbers that a scanner has for ends and addresses of another one, by theirs. */
export interface OtherNumbers {
  readonly ofEnds: readonly number[]
  readonly ofAddresses: readonly number[]
}

/** Cells of a table stand in blocks of so many. */
const blockCells = 4

/** So many edges are given at once, and the cells of one edge are less bytes than this. */
const chunkEdges = 4096
const leastBytes = 65_536

/** Words of an edge: its first cell and how many they are, and once it is joined where it went to. */
const firstCellWord = 6
const cellCountWord = 12
const wentToWord = 4

/**
 * Joins the tables of a batch with those of `scanner`, and returns which of its edges each edge went to; undefined where
 * there is no room for them, which leaves everything as it was.
 */
export function joinTables(
  scanner: ScannerExports,
  batch: ScanBatch,
  numbers: OtherNumbers,
): Uint32Array | undefined {
  const count = batch.edges.byteLength / edgeBytes
  const edges = new Uint32Array(batch.edges.buffer, batch.edges.byteOffset, (count * edgeBytes) / 4)
  const wordOf = (edge: number, word: number): number => edges[(edge * edgeBytes) / 4 + word] ?? 0
  let cells = 0
  for (let edge = 0; edge < count; edge += 1) {
    cells += Math.ceil(wordOf(edge, cellCountWord) / blockCells) * blockCells
  }
  const room = scanner.joinRoom(count, cells, batch.runs.byteLength / runBytes)
  const { ofEnds, ofAddresses } = numbers
  const runsAt = scanner.joinAt()
  const endsAt = runsAt + batch.runs.byteLength
  const addressesAt = endsAt + ofEnds.length * 4
  const edgesAt = Math.ceil((addressesAt + ofAddresses.length * 4) / 8) * 8
  const bytesLeft = room - (edgesAt - runsAt)
  if (bytesLeft < leastBytes) return undefined
  const bytes = new Uint8Array(scanner.memory.buffer)
  const words = new Uint32Array(scanner.memory.buffer)
  bytes.set(batch.runs, runsAt)
  words.set(ofEnds, endsAt / 4)
  words.set(ofAddresses, addressesAt / 4)
  const cellAfter = (edge: number): number =>
    edge < count ? wordOf(edge, firstCellWord) : batch.cells.byteLength / cellBytes
  const wentTo = new Uint32Array(count)
  for (let done = 0; done < count; ) {
    const first = cellAfter(done)
    const bytesOf = (taken: number): number =>
      taken * edgeBytes + (cellAfter(done + taken) - first) * cellBytes
    let taken = Math.min(chunkEdges, count - done)
    while (bytesOf(taken) > bytesLeft) taken = Math.ceil(taken / 2)
    const next = done + taken
    const cellsAt = edgesAt + taken * edgeBytes
    bytes.set(batch.edges.subarray(done * edgeBytes, next * edgeBytes), edgesAt)
    bytes.set(batch.cells.subarray(first * cellBytes, cellAfter(next) * cellBytes), cellsAt)
    scanner.join(edgesAt, taken, cellsAt, first, runsAt, endsAt, addressesAt)
    const joined = edgesAt / 4 + wentToWord
    for (let edge = 0; edge < taken; edge += 1) {
      wentTo[done + edge] = words[joined + (edge * edgeBytes) / 4] ?? 0
    }
    done = next
  }
  return wentTo
}
