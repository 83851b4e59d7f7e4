/** The tables of an aggregate as one document: renumbered, sorted, and with nothing that depends on order. */
import { protocols } from '../flow/flow.ts'
import type {
  ClassRecord,
  CommunicationRecord,
  EndRecord,
  PendingRecord,
} from './communication-set.ts'
import type { TableEdge } from './edge-table.ts'
import { sortedEnds } from './end-order.ts'
import type { End, EndPlace } from './end-table.ts'
import type { Tally } from './tally.ts'
import { compareTextLists, compareTexts } from './text-key.ts'

/** Classes in canonical order, and where each numbered end of the kind went. */
export interface ClassPositions {
  readonly classes: readonly ClassRecord[]
  readonly positions: ReadonlyMap<number, number>
}

/** An edge with the ports of its document record. */
export interface PortedEdge extends Omit<TableEdge<Tally>, 'value'> {
  /** Absent for communications. */
  readonly clientPort?: number
  readonly value: Tally
}

interface SpelledEdge {
  readonly from: EndRecord
  readonly to: EndRecord
  readonly edge: PortedEdge
  /** Orders by both ends, then protocol. */
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

/** Spells edges as document records; equal ends are the same object. */
export class EdgeSpeller {
  readonly #ends: readonly End[]
  readonly #positions: ReadonlyMap<number, number>
  readonly #spelled = new Map<number, Map<string, EndRecord>>()

  constructor(ends: readonly End[], positions: ReadonlyMap<number, number>) {
    this.#ends = ends
    this.#positions = positions
  }

  /** Returns the communications, sorted. */
  communications(edges: Iterable<PortedEdge>): readonly CommunicationRecord[] {
    return this.#sorted(edges).map(({ from, to, edge: { protocol, port, value } }) => {
      const { cells, blocks, samples, ...protection } = value.toRecord()
      return { from, to, protocol, port, cells, blocks, samples, ...protection }
    })
  }

  /** Returns the pending records, sorted. */
  pending(edges: Iterable<PortedEdge>): readonly PendingRecord[] {
    return this.#sorted(edges).map(({ from, to, edge }) => {
      const { protocol, clientPort = 0, port } = edge
      const { cells, blocks, samples, ...protection } = edge.value.toRecord()
      return { from, to, protocol, clientPort, port, cells, blocks, samples, ...protection }
    })
  }

  #sorted(edges: Iterable<PortedEdge>): readonly SpelledEdge[] {
    const spelled: SpelledEdge[] = []
    for (const edge of edges) {
      const [from, to] = [this.#spell(edge.from), this.#spell(edge.to)]
      spelled.push({ from, to, edge, rank: 0 })
    }
    const ranks = this.#ranks()
    for (const one of spelled) {
      const pair = (ranks.get(one.from) ?? 0) * ranks.size + (ranks.get(one.to) ?? 0)
      one.rank = pair * protocols.length + protocols.indexOf(one.edge.protocol)
    }
    return spelled.sort((a, b) => a.rank - b.rank || comparePorts(a.edge, b.edge))
  }

  #ranks(): ReadonlyMap<EndRecord, number> {
    const records = [...this.#spelled.values()].flatMap((byAddress) => [...byAddress.values()])
    return new Map(sortedEnds(records).map((record, index) => [record, index]))
  }

  #spell(place: EndPlace): EndRecord {
    let byAddress = this.#spelled.get(place.end)
    if (byAddress === undefined) {
      byAddress = new Map()
      this.#spelled.set(place.end, byAddress)
    }
    let record = byAddress.get(place.address)
    if (record === undefined) {
      record = this.#record(place)
      byAddress.set(place.address, record)
    }
    return record
  }

  #record({ end: number, address }: EndPlace): EndRecord {
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

function comparePorts(a: PortedEdge, b: PortedEdge): number {
  return (a.clientPort ?? 0) - (b.clientPort ?? 0) || a.port - b.port
}
