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

/** What is being written. */
type Writable<T> = { -readonly [Member in keyof T]: T[Member] }

/** Evidence of many records, with its times as numbers, in the form in which a tally keeps it: it does not change. */
export interface CountedEvidence {
  readonly cells: CellNumbers
  readonly blocks: readonly BlockRange[]
  /** Sorted, at most 3. */
  readonly samples: readonly string[]
  readonly encrypted: number
  readonly authenticated: number
  /** As {@link smallestNames} returns them. */
  readonly names: readonly string[]
  readonly requests: RequestRecord | undefined
}

/** Evidence that can be added to: at first a copy of other evidence. */
class OwnEvidence implements CountedEvidence {
  readonly numbers: number[]
  readonly blocks: BlockRange[]
  readonly samples: string[]
  encrypted: number
  authenticated: number
  names: readonly string[]
  requests: RequestRecord | undefined

  constructor(evidence: CountedEvidence) {
    this.numbers = ownNumbers(evidence.cells)
    this.blocks = [...evidence.blocks]
    this.samples = [...evidence.samples]
    this.encrypted = evidence.encrypted
    this.authenticated = evidence.authenticated
    this.names = evidence.names
    this.requests = evidence.requests
  }

  get cells(): CellNumbers {
    return allOf(this.numbers)
  }
}

const nothing: readonly never[] = []
const noEvidence: CountedEvidence = {
  cells: noCells,
  blocks: nothing,
  samples: nothing,
  encrypted: 0,
  authenticated: 0,
  names: nothing,
  requests: undefined,
}
const noTime = emptySpan()

/** Tells whether a policy refused what carries this verdict. */
export function isDenied(verdict: VerdictKind): boolean {
  return verdict === 'denied' || verdict === 'denied-explicit' || verdict === 'denied-l7'
}

/** Returns those names of an edge's server that are kept, once there are more: the smallest, sorted. */
export function smallestNames(
  names: readonly string[],
  more: readonly string[],
): readonly string[] {
  const fresh = more.filter((name) => !names.includes(name))
  if (fresh.length === 0) return names
  const kept = [...names]
  for (const name of fresh) keepSmallest(kept, name, nameLimit)
  return kept
}

/** The evidence of one edge. What was taken over, and what was given out, is shared until something is added. */
export class Tally implements Mergeable<Tally> {
  #shared: CountedEvidence = noEvidence
  #own: OwnEvidence | undefined

  /** The counters, by rank. */
  get cells(): readonly Cell[] {
    return cellsOf(this.#now.cells)
  }

  get blocks(): readonly BlockRange[] {
    return this.#now.blocks
  }

  get samples(): readonly string[] {
    return this.#now.samples
  }

  /** Names under which clients of this edge knew the server's address, sorted. */
  get names(): readonly string[] {
    return this.#now.names
  }

  /** What is kept of the requests that proxies saw; undefined for nothing. */
  get requests(): RequestRecord | undefined {
    return this.#now.requests
  }

  /** The evidence as it is now; what is counted later leaves it as it is. */
  get counted(): CountedEvidence {
    this.#shared = this.#now
    this.#own = undefined
    return this.#shared
  }

  /** Counts one record. */
  add(observation: Observation): void {
    const { verdict, timeMs, uuid, names = nothing, requests } = observation
    const own = this.#opened()
    const rank = cellRank(observation.side, verdict, observation.strength)
    const { firstMs, lastMs } = timeMs === undefined ? noTime : { firstMs: timeMs, lastMs: timeMs }
    addToCell(own.numbers, rank, 1, observation.flows, firstMs, lastMs)
    if (uuid !== '') keepSmallest(own.samples, uuid, sampleLimit)
    own.names = smallestNames(own.names, names)
    if (isDenied(verdict)) return
    if (observation.encrypted === true) own.encrypted = addCounts(own.encrypted, 1)
    if (observation.authenticated === true) own.authenticated = addCounts(own.authenticated, 1)
    own.requests = joinedRequests(own.requests, requests)
    if (timeMs === undefined) return
    const block = Math.floor(timeMs / blockMs)
    addBlocks(own.blocks, block, block)
  }

  absorb(other: Tally): void {
    this.absorbCounts(other.counted)
  }

  /** Takes in evidence that was counted elsewhere. */
  absorbCounts(evidence: CountedEvidence): void {
    if (this.#now === noEvidence) this.#shared = evidence
    else this.#join(evidence)
  }

  /** Takes in what a document says of the edge. */
  absorbRecord(record: EvidenceRecord): void {
    const { blocks, samples, encrypted = 0, authenticated = 0, names = nothing, requests } = record
    const cells = readCells(record.cells)
    this.#join({ cells, blocks, samples, encrypted, authenticated, names, requests })
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
    const { blocks, samples, encrypted, authenticated } = evidence
    // Names and requests are those of the server that the client was taken for.
    const cells = allOf(turned)
    this.#join({ ...noEvidence, cells, blocks, samples, encrypted, authenticated })
  }

  /** Makes its own what it shares with lists that are much longer. */
  settle(): void {
    if (!Array.isArray(this.#now.cells.numbers)) this.#opened()
  }

  /** Returns what records say of encryption; members are absent where they are nought. */
  toProtection(): Protection {
    const { encrypted, authenticated } = this.#now
    return {
      ...(encrypted === 0 ? {} : { encrypted }),
      ...(authenticated === 0 ? {} : { authenticated }),
    }
  }

  get #now(): CountedEvidence {
    return this.#own ?? this.#shared
  }

  /** Returns what can be added to: a copy of what is shared. */
  #opened(): OwnEvidence {
    if (this.#own === undefined) {
      this.#own = new OwnEvidence(this.#shared)
      this.#shared = noEvidence
    }
    return this.#own
  }

  #join(evidence: CountedEvidence): void {
    const own = this.#opened()
    addCells(own.numbers, evidence.cells)
    for (const [first, last] of evidence.blocks) addBlocks(own.blocks, first, last)
    for (const uuid of evidence.samples) keepSmallest(own.samples, uuid, sampleLimit)
    own.encrypted = addCounts(own.encrypted, evidence.encrypted)
    own.authenticated = addCounts(own.authenticated, evidence.authenticated)
    own.names = smallestNames(own.names, evidence.names)
    own.requests = joinedRequests(own.requests, evidence.requests)
  }
}

function allOf(numbers: readonly number[]): CellNumbers {
  return { numbers, from: 0, to: numbers.length }
}

function joinedRequests(
  known: RequestRecord | undefined,
  more: RequestRecord | undefined,
): RequestRecord | undefined {
  return known === undefined || more === undefined ? (known ?? more) : joinRequests(known, more)
}

const turnedSide = { egress: 'ingress', ingress: 'egress', none: 'none' } as const

/** Returns the evidence as documents spell it, in canonical order. */
export function spellEvidence(evidence: CountedEvidence): EvidenceRecord {
  const { cells, blocks, samples, encrypted, authenticated, names, requests } = evidence
  const record: Writable<EvidenceRecord> = { cells: spellCells(cells), blocks, samples }
  // Few edges have these, and spreading what is absent costs more than the rest.
  if (encrypted > 0) record.encrypted = encrypted
  if (authenticated > 0) record.authenticated = authenticated
  if (names.length > 0) record.names = names
  if (requests !== undefined) record.requests = requests
  return record
}
