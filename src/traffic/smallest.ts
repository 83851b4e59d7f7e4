/**
 * A bounded map that keeps the values of its smallest keys and folds all others into one. Which keys stay depends only
 * on the keys that were ever put in, not on their order, so cutting early and cutting late come to the same.
 */
import type { Mergeable } from './tally.ts'

/** Values by key, of the `limit` smallest keys. */
export class Smallest<Key extends string | number, Value extends Mergeable<Value>>
  implements Mergeable<Smallest<Key, Value>>
{
  readonly #limit: number
  readonly #create: () => Value
  readonly #values = new Map<Key, Value>()
  /** Sorted. */
  readonly #keys: Key[] = []
  #rest: Value | undefined

  constructor(limit: number, create: () => Value) {
    this.#limit = limit
    this.#create = create
  }

  /** Returns the value that evidence of `key` belongs to: its own, or that of all keys beyond the limit. */
  at(key: Key): Value {
    const present = this.#values.get(key)
    if (present !== undefined) return present
    const last = this.#keys[this.#limit - 1]
    if (last !== undefined && key > last) return this.rest()
    const value = this.#create()
    this.#values.set(key, value)
    this.#keys.splice(this.#position(key), 0, key)
    if (last !== undefined) this.#evict(last)
    return value
  }

  /** Returns the value of the keys beyond the limit, and of what never had a key. */
  rest(): Value {
    this.#rest ??= this.#create()
    return this.#rest
  }

  absorb(other: Smallest<Key, Value>): void {
    for (const [key, value] of other.#values) this.at(key).absorb(value)
    if (other.#rest !== undefined) this.rest().absorb(other.#rest)
  }

  /** Yields keys in order with their values, then the rest, if any, with the key undefined. */
  *entries(): Generator<readonly [Key | undefined, Value]> {
    for (const key of this.#keys) {
      const value = this.#values.get(key)
      if (value !== undefined) yield [key, value]
    }
    if (this.#rest !== undefined) yield [undefined, this.#rest]
  }

  #evict(key: Key): void {
    const value = this.#values.get(key)
    this.#values.delete(key)
    this.#keys.pop()
    if (value !== undefined) this.rest().absorb(value)
  }

  #position(key: Key): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#keys[middle]
      if (other !== undefined && other < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
