/** One partition of a source, its state in a topic, and processes that own it one after the other, or believe so. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Reading } from '../../src/flow/flow.ts'
import type { StateBatch } from '../../src/traffic/partition-state.ts'
import { PartitionState } from '../../src/traffic/partition-state.ts'
import { encodeSet } from '../../src/traffic/set-document.ts'
import { itemsOf } from '../../src/traffic/set-items.ts'
import type { StatePlace, StateRecord } from '../../src/traffic/state-record.ts'
import { StateTable } from '../../src/traffic/state-table.ts'
import { aggregateOf } from './readings.ts'

/** Every bound is reached: few prefixes, many addresses and port pairs. */
const limit = { outsideLimit: 3 }

/** The group of all states here. */
export const group = 'weir'

/** Where they are said to be. */
export const stateLocation = { file: 'kafka://broker/state' }

/** The set of readings as one process writes it. */
export function bytesOf(readings: readonly Reading[]): string {
  return encodeSet(aggregateOf(readings, limit).toSet())
}

/** What may happen next; `amount` says how much, `who` to whom, by age. */
export const anyEvent = fc.record({
  kind: fc.constantFrom(
    'read',
    'read',
    'read',
    'flush',
    'flush',
    'flush-and-die',
    'doubtful-flush',
    'commit',
    'sweep',
    'rebalance',
    'die',
    'compact',
    'late-batch',
  ),
  who: fc.nat(3),
  amount: fc.nat(40),
})

/** One event. */
export type WorldEvent = typeof anyEvent extends fc.Arbitrary<infer Value> ? Value : never

/** A process that owns the partition, or believes so. */
interface Member {
  readonly state: PartitionState
  /** The generation in which it was made the owner. */
  readonly generation: number
  durable: number
  /** Set by a commit that the group took: the sweep was then begun, and goes on whatever happens. */
  sweep: StateBatch[]
}

/** The world; `maxBytes` is the most that one batch holds. */
export class World {
  readonly place: StatePlace
  readonly log: StateRecord[] = []
  committed = 0
  readonly #readings: readonly Reading[]
  readonly #maxBytes: number
  readonly #delayed: StateBatch[] = []
  #members: Member[] = []
  #generation = 0
  #tenures = 0

  constructor(partition: number, readings: readonly Reading[], maxBytes: number) {
    this.place = { group, topic: 'flows', partition }
    this.#readings = readings
    this.#maxBytes = maxBytes
    this.#takeOver()
  }

  /** Lets something happen. */
  step({ kind, who, amount }: WorldEvent): void {
    const member = this.#members[who % Math.max(1, this.#members.length)]
    if (member === undefined) this.#takeOver()
    else if (kind === 'read') this.#read(member, amount)
    else if (kind === 'flush') this.#flush(member)
    else if (kind === 'flush-and-die') this.#flushAndDie(member, amount)
    else if (kind === 'doubtful-flush') this.#flushInDoubt(member, amount)
    else if (kind === 'commit') this.#commit(member)
    else if (kind === 'sweep') this.#sweep(member, amount)
    else if (kind === 'rebalance') this.#takeOver()
    else if (kind === 'die') this.#die(member)
    else if (kind === 'compact') this.#compact(amount, who)
    else this.log.push(...(this.#delayed.shift() ?? []))
  }

  /** Everybody is evicted, and a last owner reads to the end. */
  finish(): void {
    this.#takeOver()
    const last = this.#members.at(-1)
    if (last === undefined) return
    this.#read(last, this.#readings.length)
    this.#flush(last)
    this.#commit(last)
    this.#sweep(last, this.log.length)
    for (const batch of this.#delayed.splice(0)) this.log.push(...batch)
  }

  /** The state is always that of one process that read up to the position, and what was committed is durable. */
  check(): void {
    const state = this.table().find(this.place)?.state
    const next = state?.position.next ?? 0
    expect(next).toBeGreaterThanOrEqual(this.committed)
    if (state !== undefined) {
      const expected = aggregateOf(this.#readings.slice(0, next), limit).toSet()
      expect(encodeSet(state.set)).toBe(encodeSet(expected))
      // What is bounded in the set is bounded in the topic.
      const items = [...itemsOf(expected, () => 0)].length + expected.classes.length
      expect(state.position.items).toBe(items)
    }
  }

  /** The state topic, read. */
  table(): StateTable {
    const table = new StateTable(stateLocation)
    for (const record of this.log) table.apply(record)
    return table
  }

  #takeOver(): void {
    this.#generation += 1
    const found = this.table().find(this.place)
    const newTenure = (): string => {
      this.#tenures += 1
      return `t${this.#tenures}`
    }
    const state = new PartitionState(this.place, newTenure, found, 0)
    expect(state.next).toBeGreaterThanOrEqual(this.committed)
    this.#members.push({ state, generation: this.#generation, durable: state.next, sweep: [] })
  }

  #read({ state }: Member, amount: number): void {
    const next = Math.min(state.next + amount, this.#readings.length)
    state.advance(aggregateOf(this.#readings.slice(state.next, next), limit).toSet(), next)
  }

  #flush(member: Member): void {
    for (const batch of member.state.flush(this.#maxBytes)) this.log.push(...batch)
    member.state.settle()
    member.durable = member.state.next
  }

  #flushAndDie(member: Member, amount: number): void {
    const batches = member.state.flush(this.#maxBytes)
    for (const batch of batches.slice(0, amount % (batches.length + 1))) this.log.push(...batch)
    this.#die(member)
  }

  /** A batch fails: it may be in the topic, or not, or arrive later. */
  #flushInDoubt(member: Member, amount: number): void {
    const batches = member.state.flush(this.#maxBytes)
    const failing = amount % Math.max(1, batches.length)
    for (const batch of batches.slice(0, failing)) this.log.push(...batch)
    const batch = batches[failing]
    if (batch !== undefined && amount % 3 === 0) this.log.push(...batch)
    if (batch !== undefined && amount % 3 === 1) this.#delayed.push(batch)
    member.state.renew()
    if (amount % 2 === 0) this.#flush(member)
  }

  /** The group takes offsets only from a member of its present generation. */
  #commit(member: Member): void {
    if (member.generation !== this.#generation) return
    this.committed = member.durable
    if (!member.state.isAhead && member.sweep.length === 0) {
      member.sweep = [...member.state.sweep(this.#maxBytes)]
      member.state.swept()
    }
  }

  #sweep(member: Member, amount: number): void {
    for (const batch of member.sweep.splice(0, amount)) this.log.push(...batch)
  }

  #die(member: Member): void {
    this.#members = this.#members.filter((other) => other !== member)
  }

  /** Of each key the last record up to some point stays, and tombstones go when `who` says so. */
  #compact(amount: number, who: number): void {
    const end = Math.floor((this.log.length * amount) / 40)
    const last = new Map(this.log.slice(0, end).map(({ key }, index) => [key, index]))
    const kept = this.log.filter(
      ({ key, value }, index) =>
        index >= end || (last.get(key) === index && (value !== null || who % 2 === 0)),
    )
    this.log.splice(0, this.log.length, ...kept)
  }
}
