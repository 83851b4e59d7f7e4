/** The tables of an aggregate as one document: renumbered, sorted, and with nothing that depends on order. */
import { protocols } from '../flow/flow.ts'
import type { ClassRecord, EndRecord } from './communication-set.ts'
import type { CountedEdge, CountedEdges } from './counted-edge.ts'
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

/** An edge with what orders it among those of its source, but for the ports: its other end and the protocol. */
interface RankedEdge {
  readonly edge: CountedEdge
  rank: number
}

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

/** Puts edges in the order of documents, and spells their ends; equal ends are the same object. */
export class EdgePlacer {
  readonly #ends: readonly End[]
  readonly #positions: ReadonlyMap<number, number>
  /** Ends without an address, by number. */
  readonly #plain: (EndRecord | undefined)[] = []
  readonly #placed = new Map<number, Map<string, EndRecord>>()

  constructor(ends: readonly End[], positions: ReadonlyMap<number, number>) {
    this.#ends = ends
    this.#positions = positions
  }

  /** Returns the edges, each kind sorted. */
  place(communications: EdgeTable<Tally>, pending: readonly PortedEdge[]): CountedEdges {
    const edges: RankedEdge[] = []
    communications.forEach((edge) => {
      edges.push(this.#ranked(edge, 0))
    })
    const pendingEdges = pending.map((edge) => this.#ranked(edge, edge.clientPort))
    const ranks = this.#ranks()
    return { communications: sorted(edges, ranks), pending: sorted(pendingEdges, ranks) }
  }

  #ranked(
    { from, to, spread, address, protocol, port, value }: TableEdge<Tally>,
    clientPort: number,
  ): RankedEdge {
    return {
      edge: {
        from: this.#spell(from, spread === 'from' ? address : ''),
        to: this.#spell(to, spread === 'to' ? address : ''),
        protocol,
        clientPort,
        port,
        evidence: value.counted,
      },
      rank: 0,
    }
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

function sorted(
  edges: readonly RankedEdge[],
  ranks: ReadonlyMap<EndRecord, number>,
): readonly CountedEdge[] {
  const bySource: RankedEdge[][] = Array.from(ranks, () => [])
  for (const one of edges) {
    const { from, to, protocol } = one.edge
    one.rank = (ranks.get(to) ?? 0) * protocols.length + protocols.indexOf(protocol)
    bySource[ranks.get(from) ?? 0]?.push(one)
  }
  return bySource.flatMap((some) => some.sort(compareRanked).map(({ edge }) => edge))
}

function compareRanked(a: RankedEdge, b: RankedEdge): number {
  return a.rank - b.rank || a.edge.clientPort - b.edge.clientPort || a.edge.port - b.edge.port
}

function compareClasses(a: ClassRecord, b: ClassRecord): number {
  return (
    compareTexts(a.cluster, b.cluster) ||
    compareTexts(a.namespace, b.namespace) ||
    compareTextLists(a.labels, b.labels)
  )
}
