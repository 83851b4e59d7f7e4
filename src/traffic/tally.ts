/** What is known of one edge: counters, activity, samples. Merging is commutative and associative. */
import type { Side, Strength, VerdictKind } from '../flow/flow.ts'
import { sides, strengths, verdictKinds } from '../flow/flow.ts'
import type { BlockRange } from './block-ranges.ts'
import { addBlocks } from './block-ranges.ts'
import type { CellRecord } from './communication-set.ts'
import { blockMs } from './communication-set.ts'
import { addCounts } from './counts.ts'
import type { RequestRecord } from './request-record.ts'
import { joinRequests } from './request-record.ts'
import { keepSmallest } from './text-key.ts'
import type { Span } from './timestamp.ts'
import { emptySpan, extendSpan, joinSpan, spanOf, spanRecord } from './timestamp.ts'

/** How many uuids are kept of an edge. */
const sampleLimit = 3

/** How many names of the server are kept of an edge: the smallest. */
const nameLimit = 8

const sideRank = rankOf(sides)
const verdictRank = rankOf(verdictKinds)
const strengthRank = rankOf(strengths)

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
  /** What the record says of requests; default: nothing. */
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

/** What is kept of an edge beside its counters. */
type Activity = Protection &
  Pick<EvidenceRecord, 'blocks' | 'samples' | 'names'> & {
    readonly requests?: RequestRecord | undefined
  }

/** One counter. */
export interface Cell extends Span {
  readonly side: Side
  readonly verdict: VerdictKind
  readonly strength: Strength
  records: number
  flows: number
}

/** Evidence of many records, with its times as numbers. */
export interface CountedEvidence {
  readonly cells: readonly Cell[]
  readonly blocks: readonly BlockRange[]
  readonly samples: readonly string[]
  readonly encrypted: number
  readonly authenticated: number
  readonly names?: readonly string[]
}

/** Tells whether a policy refused what carries this verdict. */
export function isDenied(verdict: VerdictKind): boolean {
  return verdict === 'denied' || verdict === 'denied-explicit' || verdict === 'denied-l7'
}

type RankedCell = Cell & { readonly rank: number }

/** The evidence of one edge. What it has spelled, and what it took over, is shared until it changes. */
export class Tally implements Mergeable<Tally> {
  #cells: readonly RankedCell[] = []
  #blocks: readonly BlockRange[] = []
  #samples: readonly string[] = []
  #names: readonly string[] = []
  #requests: RequestRecord | undefined
  #isShared = true
  #encrypted = 0
  #authenticated = 0

  /** The counters, in no order. */
  get cells(): readonly Cell[] {
    return this.#cells
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
    const { blocks, samples } = this.#own()
    const cell = this.#cell(observation.side, verdict, observation.strength)
    cell.records = addCounts(cell.records, 1)
    cell.flows = addCounts(cell.flows, observation.flows)
    if (!isDenied(verdict)) {
      if (observation.encrypted === true) this.#encrypted = addCounts(this.#encrypted, 1)
      if (observation.authenticated === true)
        this.#authenticated = addCounts(this.#authenticated, 1)
    }
    if (timeMs !== undefined) {
      extendSpan(cell, timeMs)
      const block = Math.floor(timeMs / blockMs)
      if (!isDenied(verdict)) addBlocks(blocks, block, block)
    }
    if (uuid !== '') keepSmallest(samples, uuid, sampleLimit)
    this.#addNames(observation.names ?? [])
    if (!isDenied(verdict)) this.#addRequests(observation.requests)
  }

  absorb(other: Tally): void {
    for (const cell of other.#cells) {
      this.#join(this.#cell(cell.side, cell.verdict, cell.strength), cell)
    }
    this.#joinActivity({
      ...other.toProtection(),
      blocks: other.#blocks,
      samples: other.#samples,
      names: other.#names,
      requests: other.#requests,
    })
  }

  /** Takes in evidence that was counted elsewhere. */
  absorbCounts(evidence: CountedEvidence): void {
    for (const cell of evidence.cells) {
      this.#join(this.#cell(cell.side, cell.verdict, cell.strength), cell)
    }
    this.#joinActivity(evidence)
  }

  /** Takes in what a document says of the edge. */
  absorbRecord(record: EvidenceRecord): void {
    if (this.#takeOver(record)) return
    for (const cell of countedCells(record)) {
      this.#join(this.#cell(cell.side, cell.verdict, cell.strength), cell)
    }
    this.#joinActivity(record)
  }

  /**
   * Takes in evidence that turned out to be replies: what was seen at one end's egress as a request was seen at the
   * other role's ingress as a reply, and nothing was delivered to a server.
   */
  absorbTurned(record: EvidenceRecord): void {
    for (const cell of countedCells(record)) {
      const verdict = cell.verdict === 'delivery' ? 'trace' : cell.verdict
      this.#join(this.#cell(turnedSide[cell.side], verdict, 'reply'), cell)
    }
    const { names: _client, requests: _none, ...rest } = record
    this.#joinActivity(rest)
  }

  /** Returns the evidence as documents spell it, in canonical order. */
  toRecord(): EvidenceRecord {
    this.#cells = [...this.#cells].sort((a, b) => a.rank - b.rank)
    this.#isShared = true
    const cells = this.#cells.map(cellRecord)
    spelledCells.set(cells, this.#cells)
    return {
      cells,
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

  /** Takes over what another tally has spelled, when there is nothing yet to join it with. */
  #takeOver(record: EvidenceRecord): boolean {
    const spelled = spelledCells.get(record.cells)
    if (spelled === undefined || this.#cells.length > 0) return false
    this.#cells = spelled
    this.#blocks = record.blocks
    this.#samples = record.samples
    this.#names = record.names ?? []
    this.#requests = record.requests
    this.#isShared = true
    this.#encrypted = record.encrypted ?? 0
    this.#authenticated = record.authenticated ?? 0
    return true
  }

  /** Returns what can be changed, copied first where it is shared. */
  #own(): { cells: RankedCell[]; blocks: BlockRange[]; samples: string[] } {
    if (this.#isShared) {
      this.#cells = this.#cells.map((cell) => ({ ...cell }))
      this.#blocks = [...this.#blocks]
      this.#samples = [...this.#samples]
      this.#isShared = false
    }
    return {
      cells: this.#cells as RankedCell[],
      blocks: this.#blocks as BlockRange[],
      samples: this.#samples as string[],
    }
  }

  #cell(side: Side, verdict: VerdictKind, strength: Strength): Cell {
    const { cells } = this.#own()
    const rank = (sideRank[side] * 16 + verdictRank[verdict]) * 16 + strengthRank[strength]
    for (const cell of cells) if (cell.rank === rank) return cell
    const cell = { rank, side, verdict, strength, records: 0, flows: 0, ...emptySpan() }
    cells.push(cell)
    return cell
  }

  #join(cell: Cell, other: Span & { readonly records: number; readonly flows: number }): void {
    cell.records = addCounts(cell.records, other.records)
    cell.flows = addCounts(cell.flows, other.flows)
    joinSpan(cell, other)
  }

  #joinActivity(activity: Activity): void {
    const { blocks, samples, names = [], encrypted, authenticated } = activity
    this.#encrypted = addCounts(this.#encrypted, encrypted ?? 0)
    this.#authenticated = addCounts(this.#authenticated, authenticated ?? 0)
    const own = this.#own()
    for (const [first, last] of blocks) addBlocks(own.blocks, first, last)
    for (const uuid of samples) keepSmallest(own.samples, uuid, sampleLimit)
    this.#addNames(names)
    this.#addRequests(activity.requests)
  }

  #addRequests(more: RequestRecord | undefined): void {
    if (more === undefined) return
    this.#requests = this.#requests === undefined ? more : joinRequests(this.#requests, more)
  }

  #addNames(names: readonly string[]): void {
    const fresh = names.filter((name) => !this.#names.includes(name))
    if (fresh.length === 0) return
    const kept = [...this.#names]
    for (const name of fresh) keepSmallest(kept, name, nameLimit)
    this.#names = kept
  }
}

const turnedSide = { egress: 'ingress', ingress: 'egress', none: 'none' } as const

/** The counters that a tally has spelled, by what it spelled: whoever reads that needs not parse it. */
const spelledCells = new WeakMap<readonly CellRecord[], readonly RankedCell[]>()

function countedCells({ cells }: EvidenceRecord): readonly Cell[] {
  return (
    spelledCells.get(cells) ??
    cells.map((cell) => ({ ...cell, flows: cell.flows ?? cell.records, ...spanOf(cell) }))
  )
}

function cellRecord(cell: Cell): CellRecord {
  return {
    side: cell.side,
    verdict: cell.verdict,
    strength: cell.strength,
    records: cell.records,
    ...(cell.flows > cell.records ? { flows: cell.flows } : {}),
    ...spanRecord(cell),
  }
}

function rankOf<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, index])) as Record<Name, number>
}
