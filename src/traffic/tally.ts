/** What is known of one edge: counters, activity, samples. Merging is commutative and associative. */
import type { Side, Strength, VerdictKind } from '../flow/flow.ts'
import type { BlockRange } from './block-ranges.ts'
import { addBlocks } from './block-ranges.ts'
import type { Cell, CellNumbers } from './cell-numbers.ts'
import {
  addToCell,
  cellRank,
  cellsOf,
  cellsSpelledAs,
  holdsRefusal,
  numbersSpelledAs,
  spellCells,
} from './cell-numbers.ts'
import type { CellRecord } from './communication-set.ts'
import { blockMs } from './communication-set.ts'
import { addCounts } from './counts.ts'
import type { RequestRecord } from './request-record.ts'
import { joinRequests } from './request-record.ts'
import { keepSmallest } from './text-key.ts'
import { emptySpan } from './timestamp.ts'

/** How many uuids are kept of an edge. */
const sampleLimit = 3

/** How many names of the server are kept of an edge: the smallest. */
const nameLimit = 8

/** Something that takes in another of its kind. */
export interface Mergeable<T> {
  absorb(other: T): void
}

/** What one observation adds to an edge. */
export interface Observation {
  readonly side: Side
  readonly verdict: VerdictKind
  readonly strength: Strength
  readonly flows: number
  readonly timeMs: number | undefined
  readonly uuid: string
  /** The record says so; default: it does not. */
  readonly encrypted?: boolean
  readonly authenticated?: boolean
  /** Names under which the client knew the server's address. Default: none. */
  readonly names?: readonly string[]
  /** What the record says of requests. Default: nothing. */
  readonly requests?: RequestRecord | undefined
}

/** Evidence as documents spell it: the part that communications and pending records share. */
export interface EvidenceRecord {
  readonly cells: readonly CellRecord[]
  readonly blocks: readonly BlockRange[]
  readonly samples: readonly string[]
  readonly encrypted?: number
  readonly authenticated?: number
  readonly names?: readonly string[]
  readonly requests?: RequestRecord
}

type Protection = Pick<EvidenceRecord, 'encrypted' | 'authenticated'>

/** What few edges have. */
interface Extras {
  readonly names?: readonly string[] | undefined
  readonly requests?: RequestRecord | undefined
}

/** Evidence of many records, with its times as numbers, in the form in which a tally keeps it. */
export interface CountedEvidence extends Extras {
  readonly cells: CellNumbers
  readonly blocks: readonly BlockRange[]
  readonly samples: readonly string[]
  readonly encrypted: number
  readonly authenticated: number
}

const nothing: readonly never[] = []
const noTime = emptySpan()

/** Tells whether a policy refused what carries this verdict. */
export function isDenied(verdict: VerdictKind): boolean {
  return verdict === 'denied' || verdict === 'denied-explicit' || verdict === 'denied-l7'
}

/** The evidence of one edge. What it has spelled, and what it took over, is shared until it changes. */
export class Tally implements Mergeable<Tally> {
  #cells: CellNumbers = nothing
  #blocks: readonly BlockRange[] = nothing
  #samples: readonly string[] = nothing
  #isShared = true
  #encrypted = 0
  #authenticated = 0
  #names: readonly string[] = nothing
  #requests: RequestRecord | undefined

  /** The counters, by rank. */
  get cells(): readonly Cell[] {
    return cellsOf(this.#cells)
  }

  /** Whether a policy refused one of the records, or would have. */
  get isDisputed(): boolean {
    return holdsRefusal(this.#cells)
  }

  get blocks(): readonly BlockRange[] {
    return this.#blocks
  }

  get samples(): readonly string[] {
    return this.#samples
  }

  /** Names under which clients of this edge knew the server's address, sorted. */
  get names(): readonly string[] {
    return this.#names
  }

  /** What is kept of the requests that proxies saw; undefined for nothing. */
  get requests(): RequestRecord | undefined {
    return this.#requests
  }

  /** Counts one record. */
  add(observation: Observation): void {
    const { verdict, timeMs, uuid } = observation
    const { cells, blocks, samples } = this.#own()
    const rank = cellRank(observation.side, verdict, observation.strength)
    const { firstMs, lastMs } = timeMs === undefined ? noTime : { firstMs: timeMs, lastMs: timeMs }
    addToCell(cells, rank, 1, observation.flows, firstMs, lastMs)
    if (!isDenied(verdict)) {
      if (observation.encrypted === true) this.#encrypted = addCounts(this.#encrypted, 1)
      if (observation.authenticated === true)
        this.#authenticated = addCounts(this.#authenticated, 1)
    }
    if (timeMs !== undefined && !isDenied(verdict)) {
      const block = Math.floor(timeMs / blockMs)
      addBlocks(blocks, block, block)
    }
    if (uuid !== '') keepSmallest(samples, uuid, sampleLimit)
    const { names, requests } = observation
    this.#addExtras(isDenied(verdict) ? { names } : { names, requests })
  }

  absorb(other: Tally): void {
    this.absorbCounts({
      cells: other.#cells,
      blocks: other.#blocks,
      samples: other.#samples,
      encrypted: other.#encrypted,
      authenticated: other.#authenticated,
      names: other.#names,
      requests: other.#requests,
    })
  }

  /** Takes in evidence that was counted elsewhere, and is not changed any more. */
  absorbCounts(evidence: CountedEvidence): void {
    if (this.#cells.length === 0) this.#takeOver(evidence)
    else this.#join(cellsOf(evidence.cells), evidence)
  }

  /** Takes in what a document says of the edge. */
  absorbRecord(record: EvidenceRecord): void {
    const cells = this.#cells.length === 0 ? numbersSpelledAs(record.cells) : undefined
    if (cells === undefined) this.#join(cellsSpelledAs(record.cells), record)
    else {
      const { encrypted = 0, authenticated = 0, ...rest } = record
      this.#takeOver({ ...rest, cells, encrypted, authenticated })
    }
  }

  /**
   * Takes in evidence that turned out to be replies: what was seen at one end's egress as a request was seen at the
   * other role's ingress as a reply, and nothing was delivered to a server.
   */
  absorbTurned(record: EvidenceRecord): void {
    const turned = cellsSpelledAs(record.cells).map((cell): Cell => {
      const verdict = cell.verdict === 'delivery' ? 'trace' : cell.verdict
      return { ...cell, side: turnedSide[cell.side], verdict, strength: 'reply' }
    })
    const { names: _client, requests: _none, ...rest } = record
    this.#join(turned, rest)
  }

  /** Returns the evidence as documents spell it, in canonical order. */
  toRecord(): EvidenceRecord {
    this.#isShared = true
    return {
      cells: spellCells(this.#cells),
      blocks: this.#blocks,
      samples: this.#samples,
      ...this.toProtection(),
      ...(this.#names.length === 0 ? {} : { names: this.#names }),
      ...(this.#requests === undefined ? {} : { requests: this.#requests }),
    }
  }

  /** Returns what records say of encryption; members are absent where they are nought. */
  toProtection(): Protection {
    return {
      ...(this.#encrypted === 0 ? {} : { encrypted: this.#encrypted }),
      ...(this.#authenticated === 0 ? {} : { authenticated: this.#authenticated }),
    }
  }

  /** Takes over what others made, while there is nothing yet to join it with. */
  #takeOver(evidence: CountedEvidence): void {
    const { cells, blocks, samples, encrypted, authenticated } = evidence
    this.#cells = cells
    this.#blocks = blocks
    this.#samples = samples
    this.#isShared = true
    this.#encrypted = encrypted
    this.#authenticated = authenticated
    this.#addExtras(evidence)
  }

  #addExtras({ names = nothing, requests }: Extras): void {
    if (requests !== undefined) {
      this.#requests =
        this.#requests === undefined ? requests : joinRequests(this.#requests, requests)
    }
    const fresh = names.filter((name) => !this.#names.includes(name))
    if (fresh.length === 0) return
    const kept = [...this.#names]
    for (const name of fresh) keepSmallest(kept, name, nameLimit)
    this.#names = kept
  }

  /** Returns what can be changed, copied first where it is shared. */
  #own(): { cells: number[]; blocks: BlockRange[]; samples: string[] } {
    if (this.#isShared) {
      this.#cells = [...this.#cells]
      this.#blocks = [...this.#blocks]
      this.#samples = [...this.#samples]
      this.#isShared = false
    }
    return {
      cells: this.#cells as number[],
      blocks: this.#blocks as BlockRange[],
      samples: this.#samples as string[],
    }
  }

  #join(
    cells: readonly Cell[],
    activity: Protection & Extras & Pick<EvidenceRecord, 'blocks' | 'samples'>,
  ): void {
    this.#addExtras(activity)
    this.#encrypted = addCounts(this.#encrypted, activity.encrypted ?? 0)
    this.#authenticated = addCounts(this.#authenticated, activity.authenticated ?? 0)
    const own = this.#own()
    for (const { side, verdict, strength, records, flows, firstMs, lastMs } of cells) {
      addToCell(own.cells, cellRank(side, verdict, strength), records, flows, firstMs, lastMs)
    }
    for (const [first, last] of activity.blocks) addBlocks(own.blocks, first, last)
    for (const uuid of activity.samples) keepSmallest(own.samples, uuid, sampleLimit)
  }
}

const turnedSide = { egress: 'ingress', ingress: 'egress', none: 'none' } as const
