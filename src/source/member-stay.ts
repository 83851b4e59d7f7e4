/**
 * One stay of a member in its group: the partitions it owns until the next rebalance, from their durable state to what
 * is written back. Nothing of it is used once the stay is over.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetweirError } from '../errors.ts'
import type { StateBatch } from '../traffic/partition-state.ts'
import { PartitionState } from '../traffic/partition-state.ts'
import { emptySet, mergeSets } from '../traffic/set-document.ts'
import type { StateTable } from '../traffic/state-table.ts'
import type {
  Membership,
  PartitionPosition,
  PartitionRange,
  RecordBatch,
  TopicPartition,
} from './kafka-client.ts'
import { isPassing } from './kafka-errors.ts'
import { placeText } from './member-health.ts'
import type { PartitionReader, StaySettings } from './member-settings.ts'
import { readStateTopic } from './state-topic.ts'

interface Owned extends TopicPartition {
  readonly state: PartitionState
  readonly reader: PartitionReader
  /** The offset of the next message that is to be read. */
  next: number
  /** What the group has as committed. */
  committed: number | undefined
  /** Nothing was passed by between `next` and where the client reads. */
  isAligned: boolean
  /** When it was last looked for what is too old. */
  expiredMs: number
}

/** Attempts of whatever asks the brokers before a member gives up; between them it waits up to {@link longestWaitMs}. */
const attempts = 8
const firstWaitMs = 200
const longestWaitMs = 5_000

/** Records after which it is time to look at the clock. */
const recordsPerBeat = 256

/** How often the group is told that the member lives while it works, at most. */
const heartbeatMs = 1_000

/** What is too old is looked for this many times in a window. */
const expiriesPerWindow = 100

const encoder = new TextEncoder()

/** The stay. Its methods are to be called one at a time, but for {@link passed} and {@link end}. */
export class MemberStay {
  readonly #settings: StaySettings
  readonly #membership: Membership
  readonly #over = new AbortController()
  readonly #loaded: Promise<void>
  readonly #owned = new Map<string, Owned>()
  #isLoaded = false
  #isAcknowledged = false
  #messages = 0
  #beatMs = Date.now()

  constructor(settings: StaySettings, membership: Membership) {
    this.#settings = settings
    this.#membership = membership
    this.#loaded = this.#patiently(() => this.#load()).catch((reason: unknown) => {
      // Reading that was given up since the stay is over is no failure.
      if (this.#isCurrent) throw reason
    })
    this.#loaded.catch(() => undefined)
  }

  /** Ends the stay: what is not durable is somebody else's to read again. */
  end(): void {
    this.#over.abort()
  }

  /** Takes in a batch. Resolves as well when the stay is over. */
  async take(batch: RecordBatch): Promise<void> {
    await this.#untilLoaded()
    const owned = this.#owned.get(placeText(batch))
    if (owned === undefined || !this.#isCurrent || !(await this.#align(owned, batch))) return
    const { counts } = this.#settings.health
    for (const record of batch.records) {
      counts.messages += 1
      if (record.offset < owned.next) {
        counts.replayed += 1
        continue
      }
      owned.reader.take(record)
      owned.next = record.offset + 1
      this.#messages += 1
      if (this.#messages % recordsPerBeat === 0) await this.#beat()
      if (!this.#isCurrent) return
    }
    owned.next = Math.max(owned.next, batch.next)
    this.#reach(owned, batch.highWatermark)
    if (this.#messages >= this.#settings.flushMessages) await this.flush()
  }

  /** Notes that the client stepped over what nobody sees. */
  passed(position: PartitionPosition): void {
    const owned = this.#owned.get(placeText(position))
    if (owned?.isAligned !== true || position.offset <= owned.next) return
    owned.next = position.offset
    this.#reach(owned, position.offset)
  }

  /**
   * Makes durable what was taken in, then commits it, then removes what it supersedes. Resolves as well when the stay is
   * over.
   * @throws {NetweirError} when the state cannot be loaded or written.
   */
  async flush(): Promise<void> {
    if (!this.#isLoaded) {
      // Whoever cannot load is told so even where no batch comes.
      await Promise.race([this.#loaded, Promise.resolve()])
      return
    }
    for (const owned of this.#owned.values()) {
      if (!(await this.#write(owned))) return
    }
    this.#messages = 0
    this.#settings.health.durableMs = Date.now()
    if (await this.#commit()) await this.#sweep()
  }

  get #isCurrent(): boolean {
    return this.#membership.isCurrent && !this.#over.signal.aborted
  }

  #reach({ topic, partition, next }: Owned, highWatermark: number): void {
    const end = Math.max(next, highWatermark)
    this.#settings.health.reach({ topic, partition, offset: next, end })
  }

  async #load(): Promise<void> {
    const { client, group, topics, stateTopic, place } = this.#settings
    const { signal } = this.#over
    const own = this.#membership.partitions
    const wanted = new Set(own.map(({ partition }) => partition))
    for (const { topic, partition } of own) {
      if (partition >= stateTopic.partitions) this.#refuseNew(topic, partition)
    }
    const [table, ranges, committed, starts] = await Promise.all([
      readStateTopic(client, stateTopic.name, { place, signal, wanted }),
      Promise.all(topics.map((topic) => client.ranges(topic))),
      client.committed(group, topics),
      this.#starts(),
    ])
    this.#owned.clear()
    for (const partition of own) {
      if (!this.#isCurrent) return
      const isHere = (other: TopicPartition): boolean => placeText(other) === placeText(partition)
      const range = ranges.flat().find(isHere)
      if (range === undefined) continue
      this.#own(range, table, {
        committed: committed.find(isHere)?.offset,
        start: starts.find(isHere)?.offset ?? range.start,
      })
      // Decoding a state takes a while.
      await sleep(0)
    }
    this.#isLoaded = true
  }

  async #starts(): Promise<readonly PartitionPosition[]> {
    const { client, topics, sinceMs } = this.#settings
    if (sinceMs === undefined) return []
    return (await Promise.all(topics.map((topic) => client.positionsAt(topic, sinceMs)))).flat()
  }

  #refuseNew(topic: string, partition: number): never {
    const { stateTopic, place } = this.#settings
    throw new NetweirError(
      'SOURCE_UNREADABLE',
      `the state topic ${stateTopic.name} has ${stateTopic.partitions} partitions: none for ${topic}, partition ${partition}`,
      {
        location: { file: place },
        hint: 'give the state topic as many partitions as the flows have: what it holds stays where it is',
      },
    )
  }

  #own(
    range: PartitionRange,
    table: StateTable,
    from: { readonly committed: number | undefined; readonly start: number },
  ): void {
    const { group, newTenure, createReader, place } = this.#settings
    const { topic, partition } = range
    const key = { group, topic, partition }
    const state = new PartitionState(key, newTenure, table.find(key), from.start)
    table.forget(key)
    if (state.next > range.end) {
      throw new NetweirError(
        'SET_INVALID',
        `the state of ${topic}, partition ${partition}, is that of ${state.next} messages, but the partition ends at ${range.end}`,
        {
          location: { file: place },
          hint: 'the topic was made anew, or lost messages: learn into a new state topic, with a new group',
        },
      )
    }
    const owned: Owned = {
      topic,
      partition,
      state,
      reader: createReader({ topic, partition }),
      next: state.next,
      committed: from.committed,
      isAligned: (from.committed ?? range.start) === state.next,
      expiredMs: 0,
    }
    this.#owned.set(placeText(owned), owned)
    if (!owned.isAligned)
      this.#membership.seek({ topic, partition, offset: Math.max(owned.next, range.start) })
    this.#reach(owned, range.end)
  }

  async #untilLoaded(): Promise<void> {
    const waiting = new AbortController()
    const wait = (): Promise<boolean> =>
      sleep(heartbeatMs, false, { signal: waiting.signal }).catch(() => true)
    const loaded = this.#loaded.then(() => true).finally(() => waiting.abort())
    while (!(await Promise.race([loaded, wait()]))) {
      await this.#beat()
      if (!this.#isCurrent) return
    }
  }

  /** Returns whether the batch goes on where the partition's state ends, or before. */
  async #align(owned: Owned, batch: RecordBatch): Promise<boolean> {
    const { topic, partition } = owned
    if (batch.next > owned.next && batch.from > owned.next) {
      const ranges = await this.#patiently(() => this.#settings.client.ranges(topic))
      const start = ranges.find((range) => range.partition === partition)?.start ?? 0
      if (start > owned.next) this.#miss(owned, start)
    }
    owned.isAligned = batch.from <= owned.next && batch.next > owned.next
    if (owned.isAligned) return true
    if (batch.next <= owned.next) {
      this.#settings.health.counts.messages += batch.records.length
      this.#settings.health.counts.replayed += batch.records.length
    }
    this.#membership.seek({ topic, partition, offset: owned.next })
    return false
  }

  /** What the broker deleted before it was read is a loss like those that producers report. */
  #miss(owned: Owned, start: number): void {
    const events = start - owned.next
    this.#settings.health.counts.missed += events
    const lost = [{ source: 'kafka', node: placeText(owned), events }]
    owned.state.advance(owned.reader.drain(), owned.next)
    owned.state.advance(mergeSets([{ ...emptySet(), lost }]), start)
    owned.next = start
  }

  /** Returns false when the stay is over. */
  async #write(owned: Owned): Promise<boolean> {
    const { state, reader, next } = owned
    if (next > state.next) {
      await reader.settle()
      state.advance(reader.drain(), next)
    }
    this.#expire(owned)
    for (let attempt = 1; state.isAhead; attempt += 1) {
      await this.#beat()
      if (!this.#isCurrent) return false
      const batches = state.flush(this.#settings.stateTopic.maxBytes)
      const failure = await this.#append(owned, batches)
      if (failure === undefined) {
        state.settle()
        this.#settings.health.counts.flushes += 1
        break
      }
      if (!this.#isCurrent) return false
      if (!isPassing(failure) || attempt === attempts) throw failure
      // Nobody knows whether the batch arrived, or will.
      state.renew()
      this.#settings.health.counts.retries += 1
      await sleep(waitMs(attempt))
    }
    return this.#isCurrent
  }

  /**
   * Appends batches to the partition of the state topic that has the number of the source's, one after the other. Returns what the first one that failed failed with.
   */
  async #append(
    { partition }: TopicPartition,
    batches: readonly StateBatch[],
  ): Promise<NetweirError | undefined> {
    const { client, stateTopic, health, place } = this.#settings
    for (const batch of batches) {
      const records = batch.map(({ key, value }) => ({
        key: encoder.encode(key),
        value: value === null ? null : encoder.encode(value),
      }))
      try {
        await client.produce(stateTopic.name, partition, records, 'one')
      } catch (reason) {
        return NetweirError.from(reason, 'SOURCE_LOST', { location: { file: place } })
      }
      health.counts.written += records.length
      await this.#beat()
    }
    return undefined
  }

  #expire(owned: Owned): void {
    const { windowMs } = this.#settings
    const now = Date.now()
    if (windowMs === undefined || now - owned.expiredMs < windowMs / expiriesPerWindow) return
    owned.expiredMs = now
    owned.state.expire(new Date(now - windowMs).toISOString())
  }

  /** Returns whether the group counts this member as the owner of what it flushed. */
  async #commit(): Promise<boolean> {
    const moved = [...this.#owned.values()].filter(
      ({ state, committed }) => state.next !== committed,
    )
    if (moved.length > 0) {
      try {
        await this.#membership.commit(
          moved.map(({ topic, partition, state }) => ({ topic, partition, offset: state.next })),
        )
      } catch {
        // Durable it is; a later commit will say so, of this member or of the next owner.
        return false
      }
      for (const owned of moved) owned.committed = owned.state.next
      this.#isAcknowledged = true
    }
    return this.#isAcknowledged && this.#isCurrent
  }

  async #sweep(): Promise<void> {
    for (const owned of this.#owned.values()) {
      const { state } = owned
      const batches = state.sweep(this.#settings.stateTopic.maxBytes)
      if (batches.length === 0) continue
      // What could not be removed now is removed with a later flush.
      if ((await this.#append(owned, batches)) !== undefined || !this.#isCurrent) return
      state.swept()
    }
  }

  /** Asks again while brokers are gone for a moment, and the stay is not over. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask()
      } catch (reason) {
        const isFinal = !(reason instanceof NetweirError) || !isPassing(reason)
        if (isFinal || attempt === attempts || !this.#isCurrent) throw reason
        await sleep(waitMs(attempt))
      }
    }
  }

  /** Tells the group now and then that this member lives; the answer may be that the stay is over. */
  async #beat(): Promise<void> {
    const now = Date.now()
    if (now - this.#beatMs < heartbeatMs || !this.#isCurrent) return
    this.#beatMs = now
    await this.#membership.heartbeat()
  }
}

function waitMs(attempt: number): number {
  return Math.min(firstWaitMs * 2 ** attempt, longestWaitMs)
}
