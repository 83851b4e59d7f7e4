/** The tables of an aggregate as one document: renumbered, sorted, and with nothing that depends on order. */
import { protocols } from '../flow/flow.ts'
import { keepCells } from './cell-numbers.ts'
import type {
  ClassRecord,
  CommunicationRecord,
  EndRecord,
  PendingRecord,
} from './communication-set.ts'
import type { EdgeTable, TableEdge } from './edge-table.ts'
import { sortedEnds } from './end-order.ts'
import type { End } from './end-table.ts'
import type { Tally } from './tally.ts'
import { compareTextLists, compareTexts } from './text-key.ts'

/** Classes in canonical order, and where each numbered end of the kind went. */
export interface ClassPositions {
  readonly classes: readonly ClassRecord[]
  readonly positions: ReadonlyMap<number, number>
}

/** An edge with the ports of its document record. */
export interface PortedEdge extends TableEdge<Tally> {
  /** 0 for communications. */
  readonly clientPort: number
}

interface SpelledEdge {
  readonly from: EndRecord
  readonly to: EndRecord
  readonly edge: TableEdge<Tally> | PortedEdge
  /** Orders by both ends, then protocol. */
  rank: number
  /** Orders by the client's port, then the server's. */
  readonly ports: number
}

/** Ports are less. */
const portRange = 65_536

/** Returns the classes among numbered ends, sorted, with the position of each number. */
export function placeClasses(ends: readonly End[]): ClassPositions {
  const numbered = ends.flatMap((end, number) => (end.kind === 'class' ? [{ end, number }] : []))
  numbered.sort((a, b) => compareClasses(a.end, b.end))
  return {
    classes: numbered.map(({ end: { cluster, namespace, labels } }) => ({
      cluster,
      namespace,
      labels,
    })),
    positions: new Map(numbered.map(({ number }, position) => [number, position])),
  }
}

/** Spells edges as document records; equal ends are the same object. */
export class EdgeSpeller {
  readonly #ends: readonly End[]
  readonly #positions: ReadonlyMap<number, number>
  /** Ends without an address, by number. */
  readonly #plain: (EndRecord | undefined)[] = []
  readonly #placed = new Map<number, Map<string, EndRecord>>()

  constructor(ends: readonly End[], positions: ReadonlyMap<number, number>) {
    this.#ends = ends
    this.#positions = positions
  }

  /** Returns the communications, sorted. */
  communications(table: EdgeTable<Tally>): readonly CommunicationRecord[] {
    const spelled: SpelledEdge[] = []
    table.forEach((edge) => {
      spelled.push(this.#spelledEdge(edge, edge.port))
    })
    this.#sort(spelled)
    const records = spelled.map(({ from, to, edge: { protocol, port, value } }) => ({
      ...{ from, to, protocol, port },
      ...value.toRecord(),
    }))
    return keep(records, spelled)
  }

  /** Returns the pending records, sorted. */
  pending(edges: readonly PortedEdge[]): readonly PendingRecord[] {
    const spelled = edges.map((edge) =>
      this.#spelledEdge(edge, edge.clientPort * portRange + edge.port),
    )
    this.#sort(spelled)
    const records = spelled.map(({ from, to, edge: { protocol, port, value }, ports }) => ({
      ...{ from, to, protocol, clientPort: Math.floor(ports / portRange), port },
      ...value.toRecord(),
    }))
    return keep(records, spelled)
  }

  #spelledEdge(edge: TableEdge<Tally>, ports: number): SpelledEdge {
    const { spread, address } = edge
    const from = this.#spell(edge.from, spread === 'from' ? address : '')
    const to = this.#spell(edge.to, spread === 'to' ? address : '')
    return { from, to, edge, rank: 0, ports }
  }

  #sort(spelled: SpelledEdge[]): void {
    const ranks = this.#ranks()
    for (const one of spelled) {
      const pair = (ranks.get(one.from) ?? 0) * ranks.size + (ranks.get(one.to) ?? 0)
      one.rank = pair * protocols.length + protocols.indexOf(one.edge.protocol)
    }
    spelled.sort((a, b) => a.rank - b.rank || a.ports - b.ports)
  }

  #ranks(): ReadonlyMap<EndRecord, number> {
    const records = this.#plain.filter((record) => record !== undefined)
    for (const byAddress of this.#placed.values()) records.push(...byAddress.values())
    return new Map(sortedEnds(records).map((record, index) => [record, index]))
  }

  #spell(end: number, address: string): EndRecord {
    if (address === '') {
      this.#plain[end] ??= this.#record(end, '')
      return this.#plain[end]
    }
    let byAddress = this.#placed.get(end)
    if (byAddress === undefined) {
      byAddress = new Map()
      this.#placed.set(end, byAddress)
    }
    let record = byAddress.get(address)
    if (record === undefined) {
      record = this.#record(end, address)
      byAddress.set(address, record)
    }
    return record
  }

  #record(number: number, address: string): EndRecord {
    const end = this.#ends[number]
    switch (end?.kind) {
      case 'named': {
        const { cluster, namespace, pod, lacks } = end
        return { cluster, namespace, pod, lacks }
      }
      case 'outside':
        return end.labels.length > 0 ? { address, labels: end.labels } : { address }
      case 'entity': {
        const { entity, labels } = end
        return address === '' ? { entity, labels } : { entity, labels, address }
      }
      default:
        return { class: this.#positions.get(number) ?? 0 }
    }
  }
}

function compareClasses(a: ClassRecord, b: ClassRecord): number {
  return (
    compareTexts(a.cluster, b.cluster) ||
    compareTexts(a.namespace, b.namespace) ||
    compareTextLists(a.labels, b.labels)
  )
}

/** Whoever reads the records needs not parse their counters. */
function keep<R extends CommunicationRecord>(
  records: readonly R[],
  spelled: readonly SpelledEdge[],
): readonly R[] {
  keepCells(
    records,
    spelled.map(({ edge }) => edge.value.counted),
  )
  return records
}
