/**
 * Addresses outside the cluster, bounded: all are kept as prefixes of one length, the longest at which no more than a
 * limit of distinct ones remain. That length is a function of the addresses alone, so folding commutes with merging.
 */
import type { Width } from '../ip.ts'
import { formatPrefix, parseAddress, parsePrefix, prefixOf } from '../ip.ts'
import type { Mergeable } from './tally.ts'

interface Place {
  readonly value: bigint
  readonly length: number
}

/** Values by address, folded to prefixes where there are too many. */
export class OutsideAddresses<Value extends Mergeable<Value>> {
  readonly #width: Width
  readonly #create: () => Value
  /** By text: an address while nothing is folded, else a prefix of `#length`. */
  #values = new Map<string, Value>()
  #length: number
  #limit: number

  constructor(width: Width, limit: number, create: () => Value) {
    this.#width = width
    this.#length = width
    this.#limit = limit
    this.#create = create
  }

  /** Returns the value that evidence of `text`, a canonical address or prefix, belongs to. */
  at(text: string): Value {
    const present = this.#values.get(text)
    if (present !== undefined) return present
    // Nearly all are of one address while nothing is folded, and that is its own key.
    if (this.#length === this.#width && this.#values.size < this.#limit && !text.includes('/')) {
      const value = this.#create()
      this.#values.set(text, value)
      return value
    }
    const place = this.#place(text)
    if (place.length < this.#length) this.#foldTo(place.length)
    const key = this.#key(place)
    const known = this.#values.get(key)
    if (known !== undefined) return known
    const value = this.#create()
    this.#values.set(key, value)
    if (this.#values.size <= this.#limit) return value
    this.#fold()
    return this.#values.get(this.#key(place)) ?? value
  }

  /** Lowers the limit, folding what no longer fits. */
  tighten(limit: number): void {
    this.#limit = limit
    if (this.#values.size > limit) this.#fold()
  }

  /** Returns addresses, or prefixes where they were folded, with their values. */
  entries(): Iterable<readonly [string, Value]> {
    return this.#values
  }

  /** Calls `take` with each value, and the address or prefix it belongs to. */
  forEach(take: (value: Value, address: string) => void): void {
    this.#values.forEach(take)
  }

  #fold(): void {
    this.#foldTo(this.#fittingLength())
  }

  /** Returns the greatest length at which at most `#limit` prefixes are distinct. */
  #fittingLength(): number {
    const values = [...this.#values.keys()].map((text) => this.#place(text).value)
    values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    // Two neighbours fall together exactly at lengths up to what they share, so at length L there are
    // 1 + (neighbours that share less than L) distinct prefixes.
    const shared = values
      .slice(1)
      .map((value, index) => this.#sharedBits(values[index] ?? 0n, value))
    shared.sort((a, b) => a - b)
    return Math.min(this.#length, shared[this.#limit - 1] ?? this.#length)
  }

  #sharedBits(a: bigint, b: bigint): number {
    const difference = a ^ b
    return difference === 0n ? this.#width : this.#width - difference.toString(2).length
  }

  #foldTo(length: number): void {
    const before = this.#values
    this.#length = length
    this.#values = new Map()
    for (const [text, value] of before) {
      const key = this.#key(this.#place(text))
      const known = this.#values.get(key)
      if (known === undefined) this.#values.set(key, value)
      else known.absorb(value)
    }
  }

  #place(text: string): Place {
    const prefix = text.includes('/') ? parsePrefix(text) : undefined
    if (prefix !== undefined) return prefix
    return { value: parseAddress(text)?.value ?? 0n, length: this.#width }
  }

  #key(place: Place): string {
    const prefix = prefixOf({ width: this.#width, value: place.value }, this.#length)
    const text = formatPrefix(prefix)
    return this.#length === this.#width ? text.slice(0, text.indexOf('/')) : text
  }
}
