/** The communication set as a document: the minimal, mergeable record of who talks to whom (DESIGN: section 4). */
import type { Entity, Outcome, Protocol, Side, Strength, VerdictKind } from '../flow/flow.ts'
import type { RequestRecord } from './request-record.ts'

/** Length of a block, the unit in which activity is remembered. */
export const blockMs: number = 5 * 60_000

/** How many distinct prefixes are kept per class, direction, protocol and port before addresses are folded. */
export const defaultOutsideLimit = 4096

/** What policies can distinguish: a cluster, a namespace and a set of pod labels. */
export interface ClassRecord {
  readonly cluster: string
  readonly namespace: string
  /** `key=value`, sorted. */
  readonly labels: readonly string[]
}

/** A pod that was seen. */
export interface PodRecord {
  /** Index into `classes`. */
  readonly class: number
  readonly name: string
  /** Generation labels, `key=value`, sorted. */
  readonly generation?: readonly string[]
  readonly workload?: { readonly kind: string; readonly name: string }
  /** RFC 3339, milliseconds; absent when no record of the pod had a time. */
  readonly first?: string
  readonly last?: string
}

/** One end of a communication. */
export type EndRecord =
  | { readonly class: number }
  | {
      readonly cluster: string
      readonly namespace: string
      readonly pod: string
      readonly lacks: 'world' | 'masked'
    }
  /** An address (`203.0.113.7`) or, where addresses were folded, a prefix (`203.0.113.0/24`). */
  | { readonly address: string; readonly labels?: readonly string[] }
  | { readonly entity: Entity; readonly labels: readonly string[]; readonly address?: string }

/** Evidence of one kind: how often, and from when to when. */
export interface CellRecord {
  readonly side: Side
  readonly verdict: VerdictKind
  readonly strength: Strength
  /** Records of the input: what the ledger counts. */
  readonly records: number
  /** Flows that they stand for, when more than `records`. */
  readonly flows?: number
  readonly first?: string
  readonly last?: string
}

/** One edge with its evidence. */
export interface CommunicationRecord {
  readonly from: EndRecord
  readonly to: EndRecord
  readonly protocol: Protocol
  /** For ICMP the type. */
  readonly port: number
  readonly cells: readonly CellRecord[]
  /** Inclusive ranges of block numbers (time divided by {@link blockMs}) with evidence that was not denied. */
  readonly blocks: readonly (readonly [number, number])[]
  /** The three smallest uuids of its records. */
  readonly samples: readonly string[]
  /** Records that passed and say that the packet was encrypted on the wire; absent for none. */
  readonly encrypted?: number
  /** Records that passed and say that the peers authenticated each other; absent for none. */
  readonly authenticated?: number
  /** Names under which its clients knew the address of the server, at most eight; absent for none. */
  readonly names?: readonly string[]
  /** What proxies saw of its requests; absent unless that was asked for, and there was something. */
  readonly requests?: RequestRecord
}

/** Evidence whose direction only the whole picture can decide; a port of 0 stands for any ephemeral port. */
export interface PendingRecord extends CommunicationRecord {
  readonly clientPort: number
}

/** A node that reported flows. */
export interface NodeRecord {
  readonly name: string
  readonly records: number
  readonly first?: string
  readonly last?: string
}

/** The ledger: every record once, by outcome. */
export interface Ledger {
  readonly records: number
  /** Only outcomes that occurred; they sum to `records`. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
  /** Events that the producers say they lost. */
  readonly lostEvents: number
  /** Nodes that were unavailable, or failed, at some time. */
  readonly unavailableNodes: readonly string[]
}

/** The document. Arrays are sorted, members stand in this order, and equal sets are equal bytes. */
export interface CommunicationSet {
  readonly apiVersion: 'netweir/v1'
  readonly kind: 'CommunicationSet'
  readonly window: { readonly first?: string; readonly last?: string }
  /** Prefixes kept per class, direction, protocol and port; the smallest of the merged sets. */
  readonly outsideLimit: number
  /** Clusters whose nodes reported, by name; empty for a producer that does not say. */
  readonly clusters: readonly { readonly name: string; readonly records: number }[]
  readonly nodes: readonly NodeRecord[]
  readonly namespaces: readonly {
    readonly cluster: string
    readonly name: string
    /** The value of each label that was seen last. */
    readonly labels: readonly { readonly label: string; readonly last?: string }[]
  }[]
  readonly classes: readonly ClassRecord[]
  readonly pods: readonly PodRecord[]
  readonly communications: readonly CommunicationRecord[]
  readonly pending: readonly PendingRecord[]
  /** Names under which outside addresses were looked up, at most eight an address. */
  readonly names: readonly { readonly address: string; readonly names: readonly string[] }[]
  /** Records that no edge was made of, by outcome. */
  readonly counted: Readonly<Partial<Record<Outcome, number>>>
  readonly lost: readonly {
    readonly source: string
    readonly node: string
    readonly events: number
  }[]
  readonly nodeStatus: readonly {
    readonly node: string
    readonly state: string
    readonly message: string
    readonly records: number
  }[]
  /** Derived from all of the above whenever a set is written. */
  readonly ledger: Ledger
}
