/** What a scanner has counted, as plain data that one thread can give to another: totals, ends, and tables as bytes. */
import type { NamedAddress, NamespaceSighting, Outcome, PodSighting } from '../flow/flow.ts'
import { protocols } from '../flow/flow.ts'
import type { BlockRange } from './block-ranges.ts'
import { addBlocks } from './block-ranges.ts'
import type { CellNumbers } from './cell-numbers.ts'
import { addToCell } from './cell-numbers.ts'
import type { Direction } from './direction.ts'
import type { End } from './end-table.ts'
import type { CountedEvidence } from './tally.ts'
import type { Span } from './timestamp.ts'
import { emptySpan } from './timestamp.ts'

/** A batch. Its tables are copies of those that `flow/scan/layout.as.ts` lays out. */
export interface ScanBatch {
  /** Ends; edges name them by position. */
  readonly ends: readonly End[]
  /** Addresses in canonical form; edges name them by position, 0 for none. */
  readonly addresses: readonly string[]
  readonly pods: readonly (Span & { readonly end: number; readonly sighting: PodSighting })[]
  readonly namespaces: readonly {
    readonly sighting: NamespaceSighting
    /** The last time it was seen, absent when no record had a time. */
    readonly timeMs?: number
  }[]
  readonly origins: readonly (Span & {
    readonly cluster: string
    readonly node: string
    readonly records: number
  })[]
  readonly names: readonly NamedAddress[]
  /** Names of servers by the position of the edge; an edge may come up more than once. */
  readonly edgeNames: readonly { readonly edge: number; readonly names: readonly string[] }[]
  readonly counted: readonly { readonly outcome: Outcome; readonly records: number }[]
  readonly edges: ArrayBuffer
  readonly cells: ArrayBuffer
  readonly runs: ArrayBuffer
}

/** One edge of a batch. */
export interface BatchEdge extends CountedEvidence {
  readonly from: number
  readonly to: number
  /** Of the end that is no pod; empty when there is none. */
  readonly address: string
  readonly protocol: (typeof protocols)[number]
  readonly direction: Direction
  readonly clientPort: number
  readonly port: number
}

/** Sizes of the rows, as the scanner lays them out. */
export const edgeBytes = 192
export const cellBytes = 32
export const runBytes = 16

/** Cells stand in blocks of so many, the first of which names the next block. */
const blockCells = 4

const directions = ['communication', 'suspect', 'pair'] as const

const noBlock = 0xfffffff0

/** The upper half of a first time where there was none. */
const noTimeHigh = 0x7fffffff
const wordRange = 2 ** 32

/** Returns the span of two times that stand in the tables of the scanner, the first from word `at` on. */
export function tableSpan(words: Uint32Array, at: number): Span {
  const high = words[at + 1] ?? 0
  if (high === noTimeHigh) return emptySpan()
  return {
    firstMs: high * wordRange + (words[at] ?? 0),
    lastMs: (words[at + 3] ?? 0) * wordRange + (words[at + 2] ?? 0),
  }
}

/** Calls `take` with the edges of a batch, one by one. */
export function forEachEdge(batch: ScanBatch, take: (edge: BatchEdge) => void): void {
  const cells = new CellTable(batch.cells)
  const runs = new Uint32Array(batch.runs)
  const words = new Uint32Array(batch.edges)
  const numbers = new Float64Array(batch.edges)
  const bytes = Buffer.from(batch.edges)
  const names = namesByEdge(batch)
  for (let at = 0; at < words.length; at += edgeBytes / 4) {
    const key0 = words[at] ?? 0
    const key1 = words[at + 1] ?? 0
    const key3 = words[at + 3] ?? 0
    take({
      from: key0 & 0x3ffffff,
      to: (key0 >>> 26) | ((key1 & 0xfffff) << 6),
      protocol: protocols[(key1 >>> 20) & 7] ?? 'TCP',
      direction: directions[(key1 >>> 23) & 3] ?? 'communication',
      address: batch.addresses[(words[at + 2] ?? 0) & 0x7fffffff] ?? '',
      port: key3 & 0xffff,
      clientPort: key3 >>> 16,
      cells: cells.from(words[at + 6] ?? 0),
      blocks: blocksOf(words, runs, at),
      samples: samplesOf(bytes, at * 4, words[at + 11] ?? 0),
      encrypted: numbers[at / 2 + 8] ?? 0,
      authenticated: numbers[at / 2 + 9] ?? 0,
      names: names.get(at / (edgeBytes / 4)),
    })
  }
}

function namesByEdge({ edgeNames }: ScanBatch): ReadonlyMap<number, readonly string[]> {
  const byEdge = new Map<number, string[]>()
  for (const { edge, names } of edgeNames) {
    const known = byEdge.get(edge)
    if (known === undefined) byEdge.set(edge, [...names])
    else known.push(...names)
  }
  return byEdge
}

/** Runs may touch and overlap. */
function blocksOf(words: Uint32Array, runs: Uint32Array, at: number): readonly BlockRange[] {
  const first = words[at + 7] ?? noBlock
  if (first === noBlock) return []
  const last = words[at + 8] ?? first
  let number = words[at + 9] ?? 0
  if (number === 0) return [[first, last]]
  const blocks: BlockRange[] = []
  addBlocks(blocks, first, last)
  while (number !== 0) {
    const run = number * (runBytes / 4)
    addBlocks(blocks, runs[run + 1] ?? 0, runs[run + 2] ?? 0)
    number = runs[run] ?? 0
  }
  return blocks
}

/** They stand in order. */
function samplesOf(bytes: Buffer, at: number, count: number): readonly string[] {
  const samples: string[] = new Array(count)
  for (let index = 0; index < count; index += 1) {
    const start = at + 80 + index * 36
    samples[index] = bytes.toString('latin1', start, start + 36)
  }
  return samples
}

class CellTable {
  private readonly words: Uint32Array
  private readonly numbers: Float64Array
  private readonly scratch: number[] = []

  constructor(cells: ArrayBuffer) {
    this.words = new Uint32Array(cells)
    this.numbers = new Float64Array(cells)
  }

  from(first: number): CellNumbers {
    const { words, numbers, scratch } = this
    scratch.length = 0
    for (let block = first; block !== 0; ) {
      for (let number = block; number < block + blockCells; number += 1) {
        const word = number * (cellBytes / 4)
        const rank = words[word + 1] ?? 0
        if (rank === 0) break
        const { firstMs, lastMs } = tableSpan(words, word + 4)
        // A record that stands for several flows is not for the scanner.
        const records = numbers[number * (cellBytes / 8) + 1] ?? 0
        addToCell(scratch, rank - 1, records, records, firstMs, lastMs)
      }
      block = words[block * (cellBytes / 4)] ?? 0
    }
    // A list of its own, no longer than it must be.
    return scratch.slice()
  }
}
