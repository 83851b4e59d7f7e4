/** What a scanner has counted, as plain data that one thread can give to another: totals, ends, and tables as bytes. */
import type { NamedAddress, NamespaceSighting, Outcome, PodSighting } from '../flow/flow.ts'
import { protocols, sides, strengths, verdictKinds } from '../flow/flow.ts'
import type { BlockRange } from './block-ranges.ts'
import type { Direction } from './direction.ts'
import type { End } from './end-table.ts'
import type { Cell, CountedEvidence } from './tally.ts'
import type { Span } from './timestamp.ts'

/** A batch. Its tables are copies of those that `flow/scan.as.ts` lays out. */
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
export const cellBytes = 40
export const runBytes = 16

const directions = ['communication', 'suspect', 'pair'] as const

const noBlock = 0xfffffff0
const noTime = 2n ** 63n - 1n

/** Returns the number under which a cell of this kind is counted. */
export function cellRank(
  side: (typeof sides)[number],
  verdict: (typeof verdictKinds)[number],
  strength: (typeof strengths)[number],
): number {
  return sides.indexOf(side) * 32 + verdictKinds.indexOf(verdict) * 4 + strengths.indexOf(strength)
}

/** Returns the span of two times in the tables of the scanner. */
export function tableSpan(first: bigint, last: bigint): Span {
  if (first === noTime) {
    return { firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY }
  }
  return { firstMs: Number(first), lastMs: Number(last) }
}

/** Yields the edges of a batch. */
export function* batchEdges(batch: ScanBatch): Generator<BatchEdge> {
  const cells = new CellTable(batch.cells)
  const runs = new Uint32Array(batch.runs)
  const words = new Uint32Array(batch.edges)
  const numbers = new Float64Array(batch.edges)
  const bytes = Buffer.from(batch.edges)
  const names = namesByEdge(batch)
  for (let at = 0; at < words.length; at += edgeBytes / 4) {
    const [key0, key1, key2, key3] = [
      words[at] ?? 0,
      words[at + 1] ?? 0,
      words[at + 2] ?? 0,
      words[at + 3] ?? 0,
    ]
    yield {
      from: key0 & 0x3ffffff,
      to: (key0 >>> 26) | ((key1 & 0xfffff) << 6),
      protocol: protocols[(key1 >>> 20) & 7] ?? 'TCP',
      direction: directions[(key1 >>> 23) & 3] ?? 'communication',
      address: batch.addresses[key2 & 0x7fffffff] ?? '',
      port: key3 & 0xffff,
      clientPort: key3 >>> 16,
      cells: cells.from(words[at + 6] ?? 0),
      blocks: blocksOf(words, runs, at),
      samples: samplesOf(bytes, at * 4, words[at + 11] ?? 0),
      encrypted: numbers[at / 2 + 6] ?? 0,
      authenticated: numbers[at / 2 + 7] ?? 0,
      names: names.get(at / (edgeBytes / 4)) ?? [],
    }
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

function blocksOf(words: Uint32Array, runs: Uint32Array, at: number): readonly BlockRange[] {
  const first = words[at + 7] ?? noBlock
  if (first === noBlock) return []
  const blocks: BlockRange[] = [[first, words[at + 8] ?? first]]
  let number = words[at + 9] ?? 0
  while (number !== 0) {
    const run = number * (runBytes / 4)
    blocks.push([runs[run + 1] ?? 0, runs[run + 2] ?? 0])
    number = runs[run] ?? 0
  }
  return blocks.reverse()
}

function samplesOf(bytes: Buffer, at: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const start = at + 64 + index * 40
    return bytes.toString('latin1', start, start + 36)
  })
}

class CellTable {
  private readonly words: Uint32Array
  private readonly numbers: Float64Array
  private readonly times: BigInt64Array

  constructor(cells: ArrayBuffer) {
    this.words = new Uint32Array(cells)
    this.numbers = new Float64Array(cells)
    this.times = new BigInt64Array(cells)
  }

  from(first: number): readonly Cell[] {
    const found: Cell[] = []
    for (let number = first; number !== 0; ) {
      const word = number * (cellBytes / 4)
      const half = number * (cellBytes / 8)
      const rank = this.words[word + 1] ?? 0
      found.push({
        side: sides[rank >> 5] ?? 'none',
        verdict: verdictKinds[(rank >> 2) & 7] ?? 'trace',
        strength: strengths[rank & 3] ?? 'weak',
        records: this.numbers[half + 1] ?? 0,
        flows: this.numbers[half + 2] ?? 0,
        ...tableSpan(this.times[half + 3] ?? noTime, this.times[half + 4] ?? noTime),
      })
      number = this.words[word] ?? 0
    }
    return found
  }
}
