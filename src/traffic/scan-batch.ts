/** What a scanner has counted, as plain data that one thread can give to another: totals, ends, and tables as bytes. */
import type { NamedAddress, NamespaceSighting, Outcome, PodSighting } from '../flow/flow.ts'
import { protocols } from '../flow/flow.ts'
import type { BlockRange } from './block-ranges.ts'
import { addBlocks } from './block-ranges.ts'
import type { CellNumbers } from './cell-numbers.ts'
import type { Direction } from './direction.ts'
import type { End } from './end-table.ts'
import type { CountedEvidence } from './tally.ts'
import { smallestNames } from './tally.ts'
import type { Span } from './timestamp.ts'
import { emptySpan } from './timestamp.ts'

/** A batch. Its tables are laid out by `flow/scan/layout.as.ts`, the cells of each edge put one behind the other. */
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
  readonly edges: Uint8Array
  readonly cells: Uint8Array
  readonly runs: Uint8Array
}

/** Returns the batch with tables of its own, which stay valid. */
export function withOwnTables(batch: ScanBatch): ScanBatch {
  const { edges, cells, runs } = batch
  return { ...batch, edges: edges.slice(), cells: cells.slice(), runs: runs.slice() }
}

/** One edge of a batch. */
export interface BatchEdge {
  readonly from: number
  readonly to: number
  /** Of the end that is no pod; empty when there is none. */
  readonly address: string
  readonly protocol: (typeof protocols)[number]
  readonly direction: Direction
  readonly clientPort: number
  readonly port: number
  readonly evidence: CountedEvidence
}

/** Sizes of the rows, as the scanner lays them out. */
export const edgeBytes = 192
export const cellBytes = 40
export const runBytes = 16

/** Numbers of a cell, in the form of `CellNumbers`. */
const cellStride = cellBytes / 8

const noNames: readonly string[] = []

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
  const names = namesByEdge(batch)
  const tables = tablesOf(batch)
  const { words } = tables
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
      evidence: new TableEvidence(tables, at, names.get(at / (edgeBytes / 4)) ?? noNames),
    })
  }
}

/** The tables of a batch as numbers and text. */
interface Tables {
  readonly words: Uint32Array
  readonly numbers: Float64Array
  readonly text: Buffer
  readonly cells: Float64Array
  readonly runs: Uint32Array
}

/** Of copies: evidence keeps them, and goes on where the tables of a scanner do not. */
function tablesOf(batch: ScanBatch): Tables {
  const { edges, cells, runs } = withOwnTables(batch)
  const { buffer, byteOffset, byteLength } = edges
  return {
    words: wordsOf(edges),
    numbers: numbersOf(edges),
    text: Buffer.from(buffer, byteOffset, byteLength),
    cells: numbersOf(cells),
    runs: wordsOf(runs),
  }
}

/** The evidence of an edge of a batch. What few ask for is read only then. */
class TableEvidence implements CountedEvidence {
  readonly cells: CellNumbers
  readonly names: readonly string[]
  readonly requests = undefined
  readonly #tables: Tables
  /** The word from which on the row of the edge stands. */
  readonly #at: number

  constructor(tables: Tables, at: number, names: readonly string[]) {
    const { words, cells } = tables
    const from = (words[at + 6] ?? 0) * cellStride
    this.cells = { numbers: cells, from, to: from + (words[at + 12] ?? 0) * cellStride }
    this.names = names
    this.#tables = tables
    this.#at = at
  }

  get blocks(): readonly BlockRange[] {
    return blocksOf(this.#tables.words, this.#tables.runs, this.#at)
  }

  get samples(): readonly string[] {
    return samplesOf(this.#tables.text, this.#at * 4, this.#tables.words[this.#at + 11] ?? 0)
  }

  get encrypted(): number {
    return this.#tables.numbers[this.#at / 2 + 8] ?? 0
  }

  get authenticated(): number {
    return this.#tables.numbers[this.#at / 2 + 9] ?? 0
  }
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / 4)
}

function numbersOf({ buffer, byteOffset, byteLength }: Uint8Array): Float64Array {
  return new Float64Array(buffer, byteOffset, byteLength / 8)
}

function namesByEdge({ edgeNames }: ScanBatch): ReadonlyMap<number, readonly string[]> {
  const byEdge = new Map<number, readonly string[]>()
  for (const { edge, names } of edgeNames) {
    byEdge.set(edge, smallestNames(byEdge.get(edge) ?? noNames, names))
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
