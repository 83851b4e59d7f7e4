/** What is known of one edge: counters, activity, samples. Merging is commutative and associative. */
import type { Side, Strength, VerdictKind } from '../flow/flow.ts'
import type { BlockRange } from './block-ranges.ts'
import { addBlocks } from './block-ranges.ts'
import type { Cell, CellNumbers } from './cell-numbers.ts'
import {
  addCells,
  addToCell,
  cellRank,
  cellsOf,
  noCells,
  ownNumbers,
  readCells,
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

/** Evidence without its counters. */
type Activity = Protection & Extras & Pick<EvidenceRecord, 'blocks' | 'samples'>

/** What is being written. */
type Writable<T> = { -readonly [Member in keyof T]: T[Member] }

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
  #cells: CellNumbers = noCells
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

  /** The evidence as it is now; what is counted later leaves it as it is. */
  get counted(): CountedEvidence {
    this.#isShared = true
    return {
      cells: this.#cells,
      blocks: this.#blocks,
      samples: this.#samples,
      encrypted: this.#encrypted,
      authenticated: this.#authenticated,
      names: this.#names,
      requests: this.#requests,
    }
  }

  /** Counts one record. */
  add(observation: Observation): void {
    const { verdict, timeMs, uuid } = observation
    const { cells, blocks, samples } = this.#own()
    const rank = cellRank(observation.side, verdict, observation.strength)
    const { firstMs, lastMs } = timeMs === undefined ? noTime : { firstMs: timeMs, lastMs: timeMs }
    addToCell(cells, rank, 1, observation.flows, firstMs, lastMs)
    this.#setOwn(cells)
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
    this.absorbCounts(other.counted)
  }

  /** Takes in evidence that was counted elsewhere, and is not changed any more. */
  absorbCounts(evidence: CountedEvidence): void {
    if (this.#isEmpty) this.#takeOver(evidence.cells, evidence)
    else this.#join(evidence.cells, evidence)
  }

  /** Takes in what a document says of the edge. */
  absorbRecord(record: EvidenceRecord): void {
    this.#join(readCells(record.cells), record)
  }

  /**
   * Takes in evidence that turned out to be replies: what was seen at one end's egress as a request was seen at the
   * other role's ingress as a reply, and nothing was delivered to a server.
   */
  absorbTurned(evidence: CountedEvidence): void {
    const turned: number[] = []
    for (const { side, verdict, records, flows, firstMs, lastMs } of cellsOf(evidence.cells)) {
      const kind = verdict === 'delivery' ? 'trace' : verdict
      const rank = cellRank(turnedSide[side], kind, 'reply')
      addToCell(turned, rank, records, flows, firstMs, lastMs)
    }
    const { names: _client, requests: _none, ...rest } = evidence
    this.#join({ numbers: turned, from: 0, to: turned.length }, rest)
  }

  /** Makes its own what it shares with lists that are much longer. */
  settle(): void {
    if (Array.isArray(this.#cells.numbers)) return
    this.#setOwn(ownNumbers(this.#cells))
  }

  /** Returns what records say of encryption; members are absent where they are nought. */
  toProtection(): Protection {
    return {
      ...(this.#encrypted === 0 ? {} : { encrypted: this.#encrypted }),
      ...(this.#authenticated === 0 ? {} : { authenticated: this.#authenticated }),
    }
  }

  get #isEmpty(): boolean {
    return this.#cells.to === this.#cells.from
  }

  /** Takes over what others made, while there is nothing yet to join it with. */
  #takeOver(cells: CellNumbers, evidence: Activity): void {
    this.#cells = cells
    this.#blocks = evidence.blocks
    this.#samples = evidence.samples
    this.#isShared = true
    this.#encrypted = evidence.encrypted ?? 0
    this.#authenticated = evidence.authenticated ?? 0
    this.#addExtras(evidence)
  }

  #addExtras({ names, requests }: Extras): void {
    if (requests !== undefined) {
      this.#requests =
        this.#requests === undefined ? requests : joinRequests(this.#requests, requests)
    }
    if (names === undefined || names.length === 0) return
    const fresh = names.filter((name) => !this.#names.includes(name))
    if (fresh.length === 0) return
    const kept = [...this.#names]
    for (const name of fresh) keepSmallest(kept, name, nameLimit)
    this.#names = kept
  }

  /** Returns what can be changed, copied first where it is shared. */
  #own(): { cells: number[]; blocks: BlockRange[]; samples: string[] } {
    if (this.#isShared) {
      this.#setOwn(ownNumbers(this.#cells))
      this.#blocks = [...this.#blocks]
      this.#samples = [...this.#samples]
      this.#isShared = false
    }
    return {
      cells: this.#cells.numbers as number[],
      blocks: this.#blocks as BlockRange[],
      samples: this.#samples as string[],
    }
  }

  #setOwn(numbers: number[]): void {
    if (numbers !== this.#cells.numbers || numbers.length !== this.#cells.to) {
      this.#cells = { numbers, from: 0, to: numbers.length }
    }
  }

  #join(cells: CellNumbers, activity: Activity): void {
    this.#addExtras(activity)
    this.#encrypted = addCounts(this.#encrypted, activity.encrypted ?? 0)
    this.#authenticated = addCounts(this.#authenticated, activity.authenticated ?? 0)
    const own = this.#own()
    addCells(own.cells, cells)
    this.#setOwn(own.cells)
    for (const [first, last] of activity.blocks) addBlocks(own.blocks, first, last)
    for (const uuid of activity.samples) keepSmallest(own.samples, uuid, sampleLimit)
  }
}

const turnedSide = { egress: 'ingress', ingress: 'egress', none: 'none' } as const

/** Returns the evidence as documents spell it, in canonical order. */
export function spellEvidence(evidence: CountedEvidence): EvidenceRecord {
  const { cells, blocks, samples, encrypted, authenticated, names = nothing, requests } = evidence
  const record: Writable<EvidenceRecord> = { cells: spellCells(cells), blocks, samples }
  // Few edges have these, and spreading what is absent costs more than the rest.
  if (encrypted > 0) record.encrypted = encrypted
  if (authenticated > 0) record.authenticated = authenticated
  if (names.length > 0) record.names = names
  if (requests !== undefined) record.requests = requests
  return record
}
