/** Edges by their two ends, protocol and port, with outside and entity addresses bounded within each. */
import type { Protocol } from '../flow/flow.ts'
import { protocols } from '../flow/flow.ts'
import type { End, EndTable } from './end-table.ts'
import { isPodEnd } from './end-table.ts'
import { OutsideAddresses } from './outside-addresses.ts'
import { Smallest } from './smallest.ts'
import type { Mergeable } from './tally.ts'

/** How many addresses of an entity are kept per other end, protocol and port; the rest lose their address. */
const entityAddressLimit = 64

/** Ends are numbered below this, so that a pair of them is a safe integer. */
const endRange = 2 ** 26

/** One edge of the table. */
export interface TableEdge<Value> {
  /** Numbers of ends. */
  readonly from: number
  readonly to: number
  /** The end that the address belongs to; it is empty where there is none. */
  readonly spread: 'from' | 'to'
  readonly address: string
  readonly protocol: Protocol
  readonly port: number
  readonly value: Value
}

/** The values of one (end, end, protocol, port) by the address of the end that has one. */
interface Places<Value> {
  at(address: string): Value
  tighten(limit: number): void
  forEach(take: (value: Value, address: string) => void): void
}

interface Group<Value> {
  readonly from: number
  readonly to: number
  /** The end that the addresses belong to. */
  readonly spread: 'from' | 'to'
  readonly places: Places<Value>
}

/** All edges of a protocol and port, by the pair of their ends. */
interface Service<Value> {
  readonly protocol: Protocol
  readonly port: number
  readonly groups: Map<number, Group<Value>>
}

/** The table; at least one end of every edge is a pod. */
export class EdgeTable<Value extends Mergeable<Value>> {
  readonly #ends: EndTable
  readonly #create: () => Value
  readonly #services = new Map<number, Service<Value>>()
  #outsideLimit: number
  #size = 0

  constructor(ends: EndTable, outsideLimit: number, create: () => Value) {
    this.#ends = ends
    this.#outsideLimit = outsideLimit
    this.#create = create
  }

  /** How many edges there are, those that differ only in the address of an end counted as one. */
  get size(): number {
    return this.#size
  }

  /**
   * Returns the value of an edge between two ends, a new one when the edge is new; `address` is that of the end that has
   * one, empty where none has.
   */
  at(from: number, to: number, address: string, protocol: Protocol, port: number): Value {
    const key = protocols.indexOf(protocol) * 65_536 + port
    let service = this.#services.get(key)
    if (service === undefined) {
      service = { protocol, port, groups: new Map() }
      this.#services.set(key, service)
    }
    const pair = from * endRange + to
    let group = service.groups.get(pair)
    if (group === undefined) {
      group = this.#group(from, to)
      service.groups.set(pair, group)
      this.#size += 1
    }
    return group.places.at(address)
  }

  /** Lowers the limit of outside prefixes. */
  tighten(outsideLimit: number): void {
    this.#outsideLimit = outsideLimit
    for (const { groups } of this.#services.values()) {
      for (const { places } of groups.values()) places.tighten(outsideLimit)
    }
  }

  /** Calls `take` with each edge, in no order. */
  forEach(take: (edge: TableEdge<Value>) => void): void {
    for (const { protocol, port, groups } of this.#services.values()) {
      for (const { from, to, spread, places } of groups.values()) {
        places.forEach((value, address) => {
          take({ from, to, spread, address, protocol, port, value })
        })
      }
    }
  }

  #group(from: number, to: number): Group<Value> {
    const fromEnd = this.#ends.ends[from]
    const toEnd = this.#ends.ends[to]
    const spread = fromEnd !== undefined && isPodEnd(fromEnd) ? 'to' : 'from'
    return { from, to, spread, places: this.#places(spread === 'from' ? fromEnd : toEnd) }
  }

  #places(end: End | undefined): Places<Value> {
    if (end?.kind === 'outside') {
      return new OutsideAddresses(end.width, this.#outsideLimit, this.#create)
    }
    if (end?.kind === 'entity') return new EntityPlaces(this.#create)
    return new OnlyPlace(this.#create())
  }
}

class OnlyPlace<Value> implements Places<Value> {
  readonly #value: Value

  constructor(value: Value) {
    this.#value = value
  }

  at(): Value {
    return this.#value
  }

  tighten(): void {}

  forEach(take: (value: Value, address: string) => void): void {
    take(this.#value, '')
  }
}

class EntityPlaces<Value extends Mergeable<Value>> implements Places<Value> {
  readonly #addresses: Smallest<string, Value>

  constructor(create: () => Value) {
    this.#addresses = new Smallest(entityAddressLimit, create)
  }

  at(address: string): Value {
    return address === '' ? this.#addresses.rest() : this.#addresses.at(address)
  }

  tighten(): void {}

  forEach(take: (value: Value, address: string) => void): void {
    for (const [address, value] of this.#addresses.entries()) take(value, address ?? '')
  }
}
