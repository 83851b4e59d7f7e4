/** What a state topic says: the table of its records, and the communication set that it adds up to. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import type { CommunicationSet } from './communication-set.ts'
import { DocumentField } from './document-field.ts'
import { expireSet } from './expiry.ts'
import { decodeSet, mergeSets } from './set-document.ts'
import type { SetItem } from './set-items.ts'
import { documentOf } from './set-items.ts'
import type { StatePlace, StatePosition, StateRecord } from './state-record.ts'
import { parseStateKey, placeKey } from './state-record.ts'

/** What a partition's furthest tenure says: exactly what the records before its position add up to. */
export interface DurableState {
  readonly set: CommunicationSet
  readonly position: StatePosition
}

/** What a state topic holds of one partition. */
export interface FoundState {
  /** Absent when no tenure has a position yet: then nothing was ever said to be durable. */
  readonly state: DurableState | undefined
  /** The keys of items of every tenure. */
  readonly tenures: ReadonlyMap<string, ReadonlySet<string>>
}

/** The merge of all partitions. */
export interface MaterialisedState {
  readonly set: CommunicationSet
  readonly positions: readonly (StatePlace & StatePosition)[]
}

interface TenureTable {
  readonly items: Map<string, string>
  position: string | undefined
}

interface PlaceTable {
  readonly place: StatePlace
  readonly tenures: Map<string, TenureTable>
}

/** The table of a state topic. Of each key the record that was applied last counts, as in the topic. */
export class StateTable {
  readonly #location: Location
  readonly #places = new Map<string, PlaceTable>()
  #foreign = 0

  constructor(location: Location) {
    this.#location = location
  }

  /** How many records were no state. */
  get foreign(): number {
    return this.#foreign
  }

  /** The groups that have a state here, sorted. */
  get groups(): readonly string[] {
    const groups = [...this.#places.values()].map(({ place }) => place.group)
    return [...new Set(groups)].sort()
  }

  /**
   * Takes in the next record of the topic.
   * @throws {NetweirError} `SET_INVALID` for the state of another version of netweir.
   */
  apply(record: StateRecord): void {
    const key = parseStateKey(record.key, this.#location)
    if (key === undefined) {
      this.#foreign += 1
      return
    }
    const table = this.#tenure(key.place, key.tenure)
    if (key.item === undefined) table.position = record.value ?? undefined
    else if (record.value === null) table.items.delete(key.item)
    else table.items.set(key.item, record.value)
  }

  /**
   * Returns what the topic holds of a partition, or undefined when it holds nothing.
   * @throws {NetweirError} `SET_INVALID` when a position is there and items are not, and for damaged records.
   */
  find(place: StatePlace): FoundState | undefined {
    const known = this.#places.get(placeKey(place))
    if (known === undefined) return undefined
    const tenures = [...known.tenures].filter(
      ([, { items, position }]) => items.size > 0 || position !== undefined,
    )
    if (tenures.length === 0) return undefined
    return {
      state: this.#furthest(place, known.tenures),
      tenures: new Map(tenures.map(([name, { items }]) => [name, new Set(items.keys())])),
    }
  }

  /** Drops what was applied of a partition. */
  forget(place: StatePlace): void {
    this.#places.delete(placeKey(place))
  }

  /**
   * Returns what all partitions of a group together say. What expired for one of them is left out of all.
   * @throws {NetweirError} as {@link find}.
   */
  materialise(group: string): MaterialisedState {
    const states = [...this.#places.values()]
      .filter(({ place }) => place.group === group)
      .flatMap(({ place, tenures }) => {
        const state = this.#furthest(place, tenures)
        return state === undefined ? [] : [{ place, ...state }]
      })
      .sort((a, b) => (placeKey(a.place) < placeKey(b.place) ? -1 : 1))
    const whole = mergeSets(states.map(({ set }) => set))
    const limits = states.flatMap(({ position }) => position.expiredBefore ?? [])
    const limit = limits.sort().at(-1)
    return {
      set: limit === undefined ? whole : expireSet(whole, limit).set,
      positions: states.map(({ place, position }) => ({ ...place, ...position })),
    }
  }

  #tenure(place: StatePlace, name: string): TenureTable {
    const key = placeKey(place)
    let known = this.#places.get(key)
    if (known === undefined) {
      known = { place, tenures: new Map() }
      this.#places.set(key, known)
    }
    let table = known.tenures.get(name)
    if (table === undefined) {
      table = { items: new Map(), position: undefined }
      known.tenures.set(name, table)
    }
    return table
  }

  /** Of tenures that have come equally far, all say the same. */
  #furthest(
    place: StatePlace,
    tenures: ReadonlyMap<string, TenureTable>,
  ): DurableState | undefined {
    let furthest:
      | { readonly items: TenureTable['items']; readonly position: StatePosition }
      | undefined
    let lacking: { readonly found: number; readonly items: number } | undefined
    for (const [, { items, position: text }] of [...tenures].sort(byName)) {
      if (text === undefined) continue
      const position = this.#readPosition(text)
      // An evicted member may go on writing to a tenure that its successor removed.
      if (position.items !== items.size) lacking = { found: items.size, items: position.items }
      else if (furthest === undefined || position.next > furthest.position.next) {
        furthest = { items, position }
      }
    }
    if (furthest !== undefined) return this.#read(place, furthest.items, furthest.position)
    if (lacking === undefined) return undefined
    return this.#fail(place, `holds ${lacking.found} of the ${lacking.items} records of its state`)
  }

  #read(
    place: StatePlace,
    items: ReadonlyMap<string, string>,
    position: StatePosition,
  ): DurableState {
    const set = decodeSet(this.#document(place, items, position), this.#location)
    if (set.ledger.records + position.expired === position.records) return { set, position }
    return this.#fail(
      place,
      `adds up to ${set.ledger.records + position.expired} records where ${position.records} were taken in`,
    )
  }

  #document(place: StatePlace, items: Iterable<SetItem>, position: StatePosition): unknown {
    try {
      return documentOf(items, position)
    } catch {
      return this.#fail(place, 'holds a record that is no state')
    }
  }

  #readPosition(text: string): StatePosition {
    const field = new DocumentField(parseJson(text), this.#location)
    const expiredBefore = field.member('expiredBefore')
    return {
      next: field.member('next').count(),
      items: field.member('items').count(),
      records: field.member('records').count(),
      expired: field.member('expired').count(),
      ...(expiredBefore.isAbsent ? {} : { expiredBefore: expiredBefore.text() }),
      // What remains is judged with the whole set.
      ...(parseJson(text) as Pick<StatePosition, 'window' | 'outsideLimit' | 'counted'>),
    }
  }

  #fail(place: StatePlace, what: string): never {
    throw new NetweirError(
      'SET_INVALID',
      `the state topic ${what} of ${place.topic}, partition ${place.partition}, group ${place.group}`,
      {
        location: this.#location,
        hint: 'the topic must be compacted, never cut by time or size (netweir kafka init makes it so); learn into a new state topic',
      },
    )
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
