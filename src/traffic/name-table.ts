/** DNS names under which addresses were looked up, bounded in both directions. */
import type { CommunicationSet } from './communication-set.ts'
import { Smallest } from './smallest.ts'
import type { Mergeable } from './tally.ts'
import { keepSmallest } from './text-key.ts'

/** How many names of an address are kept: the smallest. */
const nameLimit = 8

/** How many addresses are kept: the smallest. */
const addressLimit = 16_384

class Names implements Mergeable<Names> {
  readonly texts: string[] = []

  add(name: string): void {
    keepSmallest(this.texts, name, nameLimit)
  }

  absorb(other: Names): void {
    for (const name of other.texts) this.add(name)
  }
}

/** The table. */
export class NameTable {
  readonly #addresses = new Smallest<string, Names>(addressLimit, () => new Names())

  /** Notes that `address`, in canonical form, was looked up as `name`. */
  add(address: string, name: string): void {
    this.#addresses.at(address).add(name)
  }

  /** Returns the names as documents spell them, sorted. */
  toRecords(): CommunicationSet['names'] {
    return [...this.#addresses.entries()].flatMap(([address, names]) =>
      address === undefined ? [] : [{ address, names: [...names.texts] }],
    )
  }
}
