/** Edges by their two ends, protocol and port, with outside and entity addresses bounded within each. */
import type { Protocol } from '../flow/flow.ts'
import { protocols } from '../flow/flow.ts'
import type { End, EndPlace, EndTable } from './end-table.ts'
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
  readonly from: EndPlace
  readonly to: EndPlace
  readonly protocol: Protocol
  readonly port: number
  readonly value: Value
}

/** The values of one (end, end, protocol, port) by the address of the end that has one. */
interface Group<Value> {
  readonly from: number
  readonly to: number
  readonly protocol: Protocol
  readonly port: number
  /** The end that the addresses belong to. */
  readonly spread: 'from' | 'to'
  at(address: string): Value
  tighten(limit: number): void
  entries(): Iterable<readonly [string, Value]>
}

const protocolRank = new Map<Protocol, number>(protocols.map((name, index) => [name, index]))

/** The table; at least one end of every edge is a pod. */
export class EdgeTable<Value extends Mergeable<Value>> {
  readonly #ends: EndTable
  readonly #create: () => Value
  readonly #pairs = new Map<number, Map<number, Group<Value>>>()
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

  /** Returns the value of an edge, a new one when the edge is new. */
  at(from: EndPlace, to: EndPlace, protocol: Protocol, port: number): Value {
    const pair = from.end * endRange + to.end
    let groups = this.#pairs.get(pair)
    if (groups === undefined) {
      groups = new Map()
      this.#pairs.set(pair, groups)
    }
    const key = (protocolRank.get(protocol) ?? 0) * 65_536 + port
    let group = groups.get(key)
    if (group === undefined) {
      group = this.#group(from.end, to.end, protocol, port)
      groups.set(key, group)
      this.#size += 1
    }
    return group.at(group.spread === 'from' ? from.address : to.address)
  }

  /** Lowers the limit of outside prefixes. */
  tighten(outsideLimit: number): void {
    this.#outsideLimit = outsideLimit
    for (const group of this.#groups()) group.tighten(outsideLimit)
  }

  /** Yields all edges, in no order. */
  *edges(): Generator<TableEdge<Value>> {
    for (const { from, to, protocol, port, spread, entries } of this.#groups()) {
      for (const [address, value] of entries()) {
        yield {
          from: { end: from, address: spread === 'from' ? address : '' },
          to: { end: to, address: spread === 'to' ? address : '' },
          protocol,
          port,
          value,
        }
      }
    }
  }

  *#groups(): Generator<Group<Value>> {
    for (const groups of this.#pairs.values()) yield* groups.values()
  }

  #group(from: number, to: number, protocol: Protocol, port: number): Group<Value> {
    const fromEnd = this.#ends.ends[from]
    const toEnd = this.#ends.ends[to]
    const spread = fromEnd !== undefined && isPodEnd(fromEnd) ? 'to' : 'from'
    const places = this.#places(spread === 'from' ? fromEnd : toEnd)
    return { from, to, protocol, port, spread, ...places }
  }

  #places(end: End | undefined): Pick<Group<Value>, 'at' | 'tighten' | 'entries'> {
    if (end?.kind === 'outside') {
      const addresses = new OutsideAddresses(end.width, this.#outsideLimit, this.#create)
      return {
        at: (address) => addresses.at(address),
        tighten: (limit) => addresses.tighten(limit),
        entries: () => addresses.entries(),
      }
    }
    if (end?.kind === 'entity') return entityPlaces(new Smallest(entityAddressLimit, this.#create))
    const value = this.#create()
    return { at: () => value, tighten: () => undefined, entries: () => [['', value]] }
  }
}

function entityPlaces<Value extends Mergeable<Value>>(
  addresses: Smallest<string, Value>,
): Pick<Group<Value>, 'at' | 'tighten' | 'entries'> {
  return {
    at: (address) => (address === '' ? addresses.rest() : addresses.at(address)),
    tighten: () => undefined,
    *entries() {
      for (const [address, value] of addresses.entries()) yield [address ?? '', value]
    },
  }
}
