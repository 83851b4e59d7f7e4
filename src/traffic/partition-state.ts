/**
 * What the owner of a partition knows of it, and the records that make it durable.
 *
 * A flush is one atomic batch, and while its outcome is not known no other is written in the same tenure; what does not
 * fit into one batch, or follows a batch of unknown fate, is written whole in a new tenure, where it counts from the
 * moment its position, the last record, is there. So every tenure with a position is exact up to that position at any
 * moment, whoever is killed or evicted when, and readers take the one that has come furthest.
 */
import type { ClassRecord, CommunicationSet } from './communication-set.ts'
import { expireSet } from './expiry.ts'
import { emptySet, mergeSets } from './set-document.ts'
import type { SetHead, SetItem } from './set-items.ts'
import { bundleOf, classesOf, classItem, documentOf, headOf, itemsOf } from './set-items.ts'
import type { StatePlace, StatePosition, StateRecord } from './state-record.ts'
import { itemRecord, positionRecord } from './state-record.ts'
import type { FoundState } from './state-table.ts'
import { keyOf } from './text-key.ts'

/** Records that are appended to one partition together. */
export type StateBatch = readonly StateRecord[]

/** What a record takes in a batch beyond key and value. */
const recordOverhead = 32

/** The state. */
export class PartitionState {
  readonly #place: StatePlace
  readonly #newTenure: () => string
  readonly #items = new Map<string, string>()
  readonly #bundles = new Map<string, Set<string>>()
  readonly #classes: ClassRecord[] = []
  readonly #classNumbers = new Map<string, number>()
  #head: SetHead = headOf(emptySet())
  #next: number
  #records = 0
  #expired = 0
  #expiredBefore: string | undefined
  #tenure: string
  /** Nothing of the tenure is known to be durable. */
  #isFresh = true
  #changed = new Set<string>()
  /** The durable position is not the present one. */
  #isAhead = false
  /** Keys of earlier tenures that are to be removed. */
  readonly #obsolete: Map<string, ReadonlySet<string>>

  /**
   * @param newTenure gives a name that no tenure of the partition ever had
   * @param found what the state topic holds of the partition; absent, reading begins at `start`
   */
  constructor(
    place: StatePlace,
    newTenure: () => string,
    found: FoundState | undefined,
    start: number,
  ) {
    this.#place = place
    this.#newTenure = newTenure
    this.#tenure = newTenure()
    this.#next = found?.state?.position.next ?? start
    this.#obsolete = new Map(found?.tenures)
    if (found?.state === undefined) return
    const { set, position } = found.state
    this.#replace(new Set(), set)
    this.#records = position.records
    this.#expired = position.expired
    this.#expiredBefore = position.expiredBefore
    this.#isAhead = false
  }

  /** The offset of the next record that is to be taken in. */
  get next(): number {
    return this.#next
  }

  /** True when something was taken in that no durable flush holds. */
  get isAhead(): boolean {
    return this.#isAhead
  }

  /** How many items there are. */
  get size(): number {
    return this.#items.size
  }

  /** Takes in the set of the source's records from {@link next} up to, and without, the offset `next`. */
  advance(delta: CommunicationSet, next: number): void {
    if (next <= this.#next) return
    const names = delta.names.filter((known) => !this.#hasNames(known))
    const fresh = { ...delta, names }
    const touched = this.#touchedBy(fresh)
    const part = documentOf(this.#itemsWithClasses(touched), this.#head)
    this.#replace(touched, mergeSets([part as unknown as CommunicationSet, fresh]))
    this.#records += delta.ledger.records
    this.#next = next
    this.#isAhead = true
  }

  /** Removes what was last seen before `time`, RFC 3339. */
  expire(time: string): void {
    const everything = new Set(this.#items.keys())
    const whole = documentOf(this.#items, this.#head) as unknown as CommunicationSet
    const { set, expired } = expireSet(mergeSets([whole]), time)
    if (expired === 0) return
    this.#replace(everything, set)
    this.#expired += expired
    this.#expiredBefore = time
    this.#isAhead = true
  }

  /**
   * Returns the batches that make the present state durable, to be appended in this order, each after the one before is
   * known to be durable; none when nothing is new. Each is at most `maxBytes` long where its records allow it.
   */
  flush(maxBytes: number): readonly StateBatch[] {
    if (!this.#isAhead) return []
    if (!this.#isFresh) {
      const changes = this.#changeRecords(this.#changed)
      if (sizeOf(changes) <= maxBytes) return [changes]
      this.renew()
    }
    return batchesOf(this.#changeRecords(this.#items.keys()), maxBytes)
  }

  /** Notes that all batches of the last {@link flush} are durable. */
  settle(): void {
    if (!this.#isAhead) return
    this.#isFresh = false
    this.#isAhead = false
    this.#changed.clear()
  }

  /** Begins a new tenure: to be called when it is not known what became of a batch. */
  renew(): void {
    this.#obsolete.set(this.#tenure, new Set([...this.#items.keys(), ...this.#changed]))
    this.#tenure = this.#newTenure()
    this.#isFresh = true
    this.#changed.clear()
  }

  /**
   * Returns batches that remove the records of earlier tenures. Only to be written while the group is known to count
   * this member as the owner, after a flush: what they remove must be nobody's last word.
   */
  sweep(maxBytes: number): readonly StateBatch[] {
    // Until this tenure stands, an earlier one is what the partition lives by.
    if (this.#isFresh) return []
    return [...this.#obsolete].flatMap(([tenure, keys]) => {
      const items = [...keys].map((key) => itemRecord(this.#place, tenure, key, undefined))
      return batchesOf([positionRecord(this.#place, tenure, undefined), ...items], maxBytes)
    })
  }

  /** Notes that all batches of the last {@link sweep} are written. */
  swept(): void {
    if (!this.#isFresh) this.#obsolete.clear()
  }

  /** Whether all names of an address are known: then they change nothing. */
  #hasNames(known: CommunicationSet['names'][number]): boolean {
    const [entry] = itemsOf({ ...emptySet(), names: [known] }, () => -1)
    if (entry === undefined) return true
    const [key, value] = entry
    const present = this.#items.get(key)
    return present !== undefined && isSubset(value, present)
  }

  /** Returns the present items that the set's items merge with. */
  #touchedBy(set: CommunicationSet): ReadonlySet<string> {
    if (set.outsideLimit < this.#head.outsideLimit) return new Set(this.#items.keys())
    const touched = new Set<string>()
    for (const [key] of itemsOf(set, (record) => this.#numberOf(record))) {
      if (this.#items.has(key)) touched.add(key)
      const bundle = bundleOf(key)
      const members = bundle === undefined ? undefined : this.#bundles.get(bundle)
      for (const member of members ?? []) touched.add(member)
    }
    return touched
  }

  *#itemsWithClasses(keys: ReadonlySet<string>): Generator<SetItem> {
    const numbers = new Set<number>()
    for (const key of keys) {
      const value = this.#items.get(key)
      if (value !== undefined) yield [key, value]
      for (const number of classesOf(key)) numbers.add(number)
    }
    for (const number of numbers) {
      const record = this.#classes[number]
      if (record !== undefined) yield classItem(number, record)
    }
  }

  /** Puts all of a set in the place of some items. */
  #replace(keys: ReadonlySet<string>, set: CommunicationSet): void {
    const gone = new Set(keys)
    for (const [key, value] of itemsOf(set, (record) => this.#numberOf(record))) {
      gone.delete(key)
      this.#put(key, value)
    }
    for (const record of set.classes) gone.delete(classItem(this.#numberOf(record), record)[0])
    for (const key of gone) this.#remove(key)
    this.#head = headOf(set)
  }

  #put(key: string, value: string): void {
    const present = this.#items.get(key)
    if (present === value) return
    this.#items.set(key, value)
    this.#changed.add(key)
    const bundle = present === undefined ? bundleOf(key) : undefined
    if (bundle === undefined) return
    const members = this.#bundles.get(bundle)
    if (members === undefined) this.#bundles.set(bundle, new Set([key]))
    else members.add(key)
  }

  #remove(key: string): void {
    this.#items.delete(key)
    this.#changed.add(key)
    const bundle = bundleOf(key)
    if (bundle === undefined) return
    const members = this.#bundles.get(bundle)
    members?.delete(key)
    if (members?.size === 0) this.#bundles.delete(bundle)
  }

  #numberOf(record: ClassRecord): number {
    const text = `${keyOf([record.cluster, record.namespace])}${keyOf(record.labels)}`
    let number = this.#classNumbers.get(text)
    if (number === undefined) {
      number = this.#classes.push(record) - 1
      this.#classNumbers.set(text, number)
    }
    const [key, value] = classItem(number, record)
    this.#put(key, value)
    return number
  }

  #changeRecords(keys: Iterable<string>): StateRecord[] {
    const records = [...keys].map((key) => {
      const text = this.#items.get(key)
      const value = text === undefined ? undefined : { text, upTo: this.#next }
      return itemRecord(this.#place, this.#tenure, key, value)
    })
    return [...records, positionRecord(this.#place, this.#tenure, this.#position())]
  }

  #position(): StatePosition {
    return {
      next: this.#next,
      items: this.#items.size,
      records: this.#records,
      expired: this.#expired,
      ...(this.#expiredBefore === undefined ? {} : { expiredBefore: this.#expiredBefore }),
      ...this.#head,
    }
  }
}

const encoder = new TextEncoder()

function sizeOf(records: readonly StateRecord[]): number {
  return records.reduce((sum, record) => sum + sizeOfRecord(record), 0)
}

function sizeOfRecord({ key, value }: StateRecord): number {
  return recordOverhead + encoder.encode(key).length + encoder.encode(value ?? '').length
}

/** Cuts records into batches, in order. */
function batchesOf(records: readonly StateRecord[], maxBytes: number): readonly StateBatch[] {
  const batches: StateRecord[][] = []
  let room = 0
  for (const record of records) {
    const size = sizeOfRecord(record)
    if (batches.length === 0 || size > room) {
      batches.push([])
      room = maxBytes
    }
    batches.at(-1)?.push(record)
    room -= size
  }
  return batches
}

/** Whether all names of one item's value are in another's. */
function isSubset(value: string, present: string): boolean {
  const [some, all] = [value, present].map(
    (text) => (JSON.parse(text) as Pick<CommunicationSet['names'][number], 'names'>).names,
  )
  return some?.every((name) => all?.includes(name)) ?? false
}
