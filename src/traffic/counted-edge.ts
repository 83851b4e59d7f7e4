/** The edges of a set as they are counted: what documents are spelled from, and what is read out and joined. */
import type { Protocol } from '../flow/flow.ts'
import type { CommunicationRecord, EndRecord, PendingRecord } from './communication-set.ts'
import type { CountedEvidence } from './tally.ts'
import { spellEvidence, Tally } from './tally.ts'

/** One edge; equal ends of a set are the same object. */
export interface CountedEdge {
  readonly from: EndRecord
  readonly to: EndRecord
  readonly protocol: Protocol
  /** 0 for communications. */
  readonly clientPort: number
  readonly port: number
  readonly evidence: CountedEvidence
}

/** All edges of a set, in the order of the document. */
export interface CountedEdges {
  readonly communications: readonly CountedEdge[]
  readonly pending: readonly CountedEdge[]
}

/** The edges of a set as its document has them. */
export interface EdgeRecords {
  readonly communications: readonly CommunicationRecord[]
  readonly pending: readonly PendingRecord[]
}

const kept = new WeakMap<EdgeRecords, CountedEdges>()

/** Keeps what the edges of a set are spelled from. */
export function keepEdges(set: EdgeRecords, edges: CountedEdges): void {
  kept.set(set, edges)
}

/** Returns what the edges of a set were spelled from; undefined for a set of another origin. */
export function keptEdges(set: EdgeRecords): CountedEdges | undefined {
  return kept.get(set)
}

/** Returns the edges of a set, read from its document where it is of another origin. */
export function edgesOf(set: EdgeRecords): CountedEdges {
  return (
    keptEdges(set) ?? {
      communications: set.communications.map(readEdge),
      pending: set.pending.map(readEdge),
    }
  )
}

function readEdge(record: CommunicationRecord | PendingRecord): CountedEdge {
  const { from, to, protocol, port } = record
  const clientPort = 'clientPort' in record ? record.clientPort : 0
  const tally = new Tally()
  tally.absorbRecord(record)
  return { from, to, protocol, clientPort, port, evidence: tally.counted }
}

/** Edges as records, made when they are first asked for: whoever wants the text of a set alone does not need them. */
export class SpelledEdges implements EdgeRecords {
  readonly #edges: CountedEdges
  #communications: readonly CommunicationRecord[] | undefined
  #pending: readonly PendingRecord[] | undefined

  constructor(edges: CountedEdges) {
    this.#edges = edges
  }

  get communications(): readonly CommunicationRecord[] {
    this.#communications ??= this.#edges.communications.map(
      ({ from, to, protocol, port, evidence }) => ({
        ...{ from, to, protocol, port },
        ...spellEvidence(evidence),
      }),
    )
    return this.#communications
  }

  get pending(): readonly PendingRecord[] {
    this.#pending ??= this.#edges.pending.map(
      ({ from, to, protocol, clientPort, port, evidence }) => ({
        ...{ from, to, protocol, clientPort, port },
        ...spellEvidence(evidence),
      }),
    )
    return this.#pending
  }
}
