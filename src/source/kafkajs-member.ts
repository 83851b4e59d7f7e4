/**
 * Membership in a consumer group with kafkajs: what it leaves to its users is done here (`kafka.md` 2.3). Crashes become
 * failures or restarts, silence becomes a failure, records that kafkajs cannot step over are stepped over.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type {
  ConsumeOptions,
  KafkaPatience,
  PartitionPosition,
  PartitionRange,
  TopicPartition,
} from './kafka-client.ts'
import { isPassing, kafkaError } from './kafka-errors.ts'
import { within } from './kafka-wait.ts'
import { batchesIn, fetchOurWay } from './kafkajs-fetch.ts'
import { CurrentMembership, keyOf } from './kafkajs-membership.ts'

/** What a member needs beside its options. */
export interface MemberSettings {
  readonly place: string
  readonly patience: KafkaPatience
  readonly partitionBytes: number
  ranges(topic: string): Promise<readonly PartitionRange[]>
  /** Returns how often kafkajs has complained so far, of whatever. */
  complaints(): number
}

/** Restarts in a row, without a single record between them, after which a failure is final. */
const maxRestarts = 8

/** How long a rebalance waits for members that are there. */
const rebalanceMs = 60_000

const leavingMs = 5_000
const watchMs = 250

/** Without a step of any partition for this long, though the broker answers, one may hold nothing that can be read. */
const stallMs = 4_000

/** Fetches that must have come back empty before an offset is stepped over: at first, and after one was. */
const stallFetches = 8
const nextStallFetches = 2

/** Reads until the signal. @throws {NetweirError} once reading is no longer possible. */
export async function consumeAsMember(
  kafka: Kafka,
  options: ConsumeOptions,
  settings: MemberSettings,
): Promise<void> {
  const state: MemberState = {
    generation: 0,
    stays: 0,
    restarts: 0,
    aliveMs: Date.now(),
    paused: new Map(),
  }
  const silenceMs = options.silenceMs ?? silenceOf(options, settings)
  for (;;) {
    const end = await new Stay(kafka, options, settings, state).run(silenceMs)
    if (end === 'left') return
    if ('handler' in end) throw end.handler
    const failure = kafkaError(end.client, settings.place)
    const isOver = state.restarts >= maxRestarts || Date.now() - state.aliveMs > silenceMs
    if (!isPassing(failure) || isOver) throw failure
    state.restarts += 1
    state.stays += 1
    options.onEvent?.({ kind: 'restarting', message: failure.message })
    await sleep(Math.min(200 * 2 ** state.restarts, 5_000), undefined, {
      signal: options.signal,
    }).catch(() => undefined)
    if (options.signal.aborted) return
  }
}

function silenceOf(options: ConsumeOptions, { patience }: MemberSettings): number {
  if (options.isAlone === true) return patience.silenceMs
  return Math.max(patience.silenceMs, sessionOf(options) + rebalanceMs + patience.requestMs)
}

function sessionOf({ sessionTimeoutMs }: ConsumeOptions): number {
  return sessionTimeoutMs ?? 45_000
}

/** How a stay ended: as asked, with what a handler threw, or with what the client could not do. */
type StayEnd = 'left' | { readonly handler: unknown } | { readonly client: unknown }

/** What outlives a restart. */
interface MemberState {
  generation: number
  /** All of the run. */
  stays: number
  /** In a row. */
  restarts: number
  /** When a broker last answered. */
  aliveMs: number
  readonly paused: Map<string, TopicPartition>
}

interface Stalls {
  sinceMs: number
  /** That came back without an error. */
  fetches: number
  needed: number
  complaints: number
}

/** One consumer of kafkajs, from joining to the end. */
class Stay {
  readonly #options: ConsumeOptions
  readonly #settings: MemberSettings
  readonly #state: MemberState
  readonly #consumer: Consumer
  readonly #positions = new Map<string, PartitionPosition>()
  readonly #firsts = new Map<string, number>()
  readonly #stalls: Stalls = {
    sinceMs: Date.now(),
    fetches: 0,
    needed: stallFetches,
    complaints: 0,
  }
  #membership: CurrentMembership | undefined
  #inHand: Promise<void> = Promise.resolve()
  #isBusy = false
  #isProbing = false
  #isOver = false
  #settle: (end: StayEnd) => void = () => undefined

  constructor(kafka: Kafka, options: ConsumeOptions, settings: MemberSettings, state: MemberState) {
    this.#options = options
    this.#settings = settings
    this.#state = state
    this.#consumer = kafka.consumer({
      groupId: options.isAlone === true ? `${options.group}-${state.stays}` : options.group,
      allowAutoTopicCreation: false,
      sessionTimeout: sessionOf(options),
      rebalanceTimeout: rebalanceMs,
      heartbeatInterval: Math.min(3_000, sessionOf(options) / 3),
      metadataMaxAge: options.metadataAgeMs ?? 60_000,
      maxBytes: Math.max(2 * 1024 * 1024, settings.partitionBytes),
      maxBytesPerPartition: settings.partitionBytes,
      maxWaitTimeInMs: 250,
      readUncommitted: false,
      // Every crash comes to the loop above: it knows what may be tried again, and for how long.
      retry: {
        retries: 3,
        initialRetryTime: 200,
        maxRetryTime: 1_000,
        restartOnFailure: () => Promise.resolve(false),
      },
    })
  }

  async run(silenceMs: number): Promise<StayEnd> {
    const { signal } = this.#options
    const ended = new Promise<StayEnd>((resolve) => {
      this.#settle = (end) => {
        this.#isOver = true
        resolve(end)
      }
    })
    const leave = (): void => this.#settle('left')
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    const watch = setInterval(() => this.#watch(silenceMs), watchMs)
    this.#listen()
    this.#start().catch((reason: unknown) => this.#fail({ client: reason }))
    const end = await ended
    signal.removeEventListener('abort', leave)
    clearInterval(watch)
    return this.#leave(end)
  }

  async #start(): Promise<void> {
    const { topics } = this.#options
    const ranges = await Promise.all(topics.map((topic) => this.#settings.ranges(topic)))
    for (const range of ranges.flat()) this.#firsts.set(keyOf(range), range.start)
    await within(this.#consumer.connect(), this.#settings.patience.connectMs)
    await within(this.#consumer.subscribe({ topics: [...topics], fromBeginning: true }), 30_000)
    if (this.#isOver) return
    await fetchOurWay(() =>
      this.#consumer.run({
        autoCommit: false,
        eachBatch: (payload) => this.#eachBatch(payload),
      }),
    )
  }

  #listen(): void {
    const { events } = this.#consumer
    this.#consumer.on(events.CRASH, ({ payload }) => this.#fail({ client: payload.error }))
    this.#consumer.on(events.REBALANCING, () => {
      this.#membership?.end()
      this.#options.onEvent?.({ kind: 'rebalancing', message: 'the group is rebalancing' })
    })
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#join(payload.memberAssignment))
    this.#consumer.on(events.FETCH, () => {
      this.#stalls.fetches += 1
    })
    this.#consumer.on(events.REQUEST, () => {
      this.#state.aliveMs = Date.now()
    })
    this.#consumer.on(events.END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0 || payload.lastOffset === null) return
      const { topic, partition } = payload
      this.#moved({ topic, partition, offset: Number(payload.lastOffset) + 1 })
      this.#guard(() => {
        const position = this.#positions.get(keyOf(payload))
        if (position !== undefined) this.#options.onPassed?.(position, 0)
      })
    })
  }

  #join(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#membership?.end()
    this.#positions.clear()
    this.#state.generation += 1
    const partitions = Object.entries(assignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    )
    const membership = new CurrentMembership(partitions, this.#state.generation, {
      commit: (positions) => this.#commit(positions),
      seek: (position) => this.#seek(position),
      pause: (partition) => this.#pause(partition),
    })
    this.#membership = membership
    this.#options.onEvent?.({
      kind: 'joined',
      message: `joined group ${this.#options.group} with ${partitions.length} partitions`,
    })
    this.#guard(() => {
      for (const { topic, partition, offset } of this.#options.onJoin(membership)) {
        // What has expired is not asked for: kafkajs would commit a marker to the group to get over it.
        const first = this.#firsts.get(keyOf({ topic, partition })) ?? 0
        this.#seek({ topic, partition, offset: Math.max(offset, first) })
      }
    })
    for (const partition of this.#state.paused.values()) this.#pause(partition)
    this.#restartStall(stallFetches)
  }

  /** Never rejects but to tell kafkajs that the membership is over: it would deliver the same batch for ever. */
  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const membership = this.#membership
    const { topic, partition } = payload.batch
    if (this.#isOver || membership?.isCurrent !== true || !membership.has(payload.batch)) return
    membership.beat = payload.heartbeat
    this.#isBusy = true
    let finish: () => void = () => undefined
    this.#inHand = new Promise((resolve) => {
      finish = resolve
    })
    try {
      for await (const batch of batchesIn(payload.batch, this.#settings.place)) {
        await this.#options.onBatch(batch, membership)
        this.#state.restarts = 0
        this.#moved({ topic, partition, offset: batch.next })
        // After a seek the rest is not what comes next, and after a pause nobody wants it.
        const isOver = this.#isOver || !membership.isCurrent || payload.isStale()
        if (isOver || this.#state.paused.has(keyOf(batch))) break
      }
    } catch (reason) {
      if (reason === membership.lost) throw reason
      this.#fail({ handler: reason })
    } finally {
      this.#isBusy = false
      this.#state.aliveMs = Date.now()
      finish()
    }
  }

  #moved(position: PartitionPosition): void {
    const key = keyOf(position)
    // A seek from within the handler is where reading goes on.
    if ((this.#positions.get(key)?.offset ?? -1) < position.offset) {
      this.#positions.set(key, position)
    }
    this.#restartStall(stallFetches)
  }

  #restartStall(needed: number): void {
    const complaints = this.#settings.complaints()
    Object.assign(this.#stalls, { sinceMs: Date.now(), fetches: 0, needed, complaints })
  }

  #seek(position: PartitionPosition): void {
    this.#positions.set(keyOf(position), position)
    this.#consumer.seek({ ...position, offset: String(position.offset) })
  }

  #pause(partition: TopicPartition): void {
    this.#state.paused.set(keyOf(partition), partition)
    this.#consumer.pause([{ topic: partition.topic, partitions: [partition.partition] }])
  }

  /** kafkajs drops commits silently while it stops, and loses those of an older generation. */
  async #commit(positions: readonly PartitionPosition[]): Promise<void> {
    const offsets = positions.map((position) => ({ ...position, offset: String(position.offset) }))
    const { requestMs } = this.#settings.patience
    await within(this.#consumer.commitOffsets(offsets), requestMs).catch((reason: unknown) => {
      throw kafkaError(reason, this.#settings.place)
    })
  }

  #watch(silenceMs: number): void {
    if (this.#isBusy || this.#isOver) return
    if (Date.now() - this.#state.aliveMs > silenceMs) {
      this.#fail({ client: new Error(`no answer for ${Math.round(silenceMs / 1000)} s`) })
      return
    }
    // Some errors are swallowed, and look like a fetch that found nothing.
    if (this.#settings.complaints() !== this.#stalls.complaints) this.#restartStall(stallFetches)
    const { sinceMs, fetches, needed } = this.#stalls
    const waitMs = needed === stallFetches ? stallMs : 0
    if (this.#isProbing || fetches < needed || Date.now() - sinceMs < waitMs) return
    this.#isProbing = true
    this.#probe()
      .catch(() => this.#restartStall(stallFetches))
      .finally(() => {
        this.#isProbing = false
      })
  }

  /** Looks for partitions that have records where every fetch comes back empty. */
  async #probe(): Promise<void> {
    const { fetches } = this.#stalls
    const before = new Map(this.#positions)
    const ranges = await Promise.all(
      this.#options.topics.map((topic) => this.#settings.ranges(topic)),
    )
    // Whatever came in the meantime was no stall.
    if (this.#isOver || this.#isBusy || this.#stalls.fetches < fetches) return
    let hasStepped = false
    for (const range of ranges.flat()) {
      const key = keyOf(range)
      const position = this.#positions.get(key)
      if (position === undefined || position !== before.get(key)) continue
      if (this.#state.paused.has(key) || position.offset >= range.end) continue
      const offset = Math.max(position.offset + 1, range.start)
      const next = { topic: range.topic, partition: range.partition, offset }
      this.#seek(next)
      this.#options.onPassed?.(next, Math.max(0, range.start - position.offset))
      hasStepped = true
    }
    this.#restartStall(hasStepped ? nextStallFetches : stallFetches)
  }

  #guard(action: () => void): void {
    try {
      action()
    } catch (reason) {
      this.#fail({ handler: reason })
    }
  }

  #fail(end: StayEnd): void {
    this.#membership?.end()
    this.#settle(end)
  }

  async #leave(end: StayEnd): Promise<StayEnd> {
    let outcome = end
    await this.#inHand
    const membership = this.#membership
    if (end === 'left' && membership?.isCurrent === true) {
      await this.#options.onLeave?.(membership).catch((reason: unknown) => {
        outcome = { handler: reason }
      })
    }
    membership?.end()
    // Sockets of a broker that does not answer are cut when the client is closed.
    await within(this.#consumer.disconnect(), leavingMs).catch(() => undefined)
    return outcome
  }
}
