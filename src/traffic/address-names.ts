/** DNS names by address, or by the prefix that addresses were folded into. */
import { formatPrefix, prefixOf } from '../ip.ts'
import type { CommunicationSet } from './communication-set.ts'
import { prefixOfText } from './end-order.ts'
import { keepSmallest } from './text-key.ts'

/** How many names of a prefix are told. */
const prefixNameLimit = 8

/** Finds names. */
export class AddressNames {
  readonly #records: CommunicationSet['names']
  readonly #exact: ReadonlyMap<string, readonly string[]>
  /** Names by prefix, for each family and length that was asked for. */
  readonly #folded = new Map<string, ReadonlyMap<string, readonly string[]>>()

  constructor(records: CommunicationSet['names']) {
    this.#records = records
    this.#exact = new Map(records.map(({ address, names }) => [address, names]))
  }

  /** Returns the names of an address, or the smallest names of the addresses in a prefix, sorted. */
  of(text: string): readonly string[] {
    if (!text.includes('/')) return this.#exact.get(text) ?? []
    const prefix = prefixOfText(text)
    if (prefix === undefined) return []
    const key = `${prefix.width}/${prefix.length}`
    let folded = this.#folded.get(key)
    if (folded === undefined) {
      folded = this.#fold(prefix.width, prefix.length)
      this.#folded.set(key, folded)
    }
    return folded.get(formatPrefix(prefix)) ?? []
  }

  #fold(width: number, length: number): ReadonlyMap<string, readonly string[]> {
    const folded = new Map<string, string[]>()
    for (const { address, names } of this.#records) {
      const prefix = prefixOfText(address)
      if (prefix?.width !== width) continue
      const key = formatPrefix(prefixOf(prefix, length))
      const kept = folded.get(key) ?? []
      for (const name of names) keepSmallest(kept, name, prefixNameLimit)
      folded.set(key, kept)
    }
    return folded
  }
}
