/**
 * A member of a group that learns together: it reads the partitions that the group gives it, keeps what they say in the
 * state topic, and commits what is durable there (DESIGN: section 7; `kafka.md` 4.3).
 */
import { randomUUID } from 'node:crypto'
import { NetweirError } from '../errors.ts'
import type { KafkaClient, MemberEvent, TopicPartition } from './kafka-client.ts'
import type { MemberReport } from './member-health.ts'
import { MemberHealth } from './member-health.ts'
import type { PartitionReader } from './member-settings.ts'
import { MemberStay } from './member-stay.ts'
import { checkStateTopic } from './state-topic.ts'

/** What a member is to do. */
export interface StateMemberOptions {
  readonly client: KafkaClient
  readonly group: string
  readonly topics: readonly string[]
  readonly stateTopic: string
  /** What errors name. */
  readonly place: string
  /** Ends the membership after a last flush. */
  readonly signal: AbortSignal
  readonly createReader: (partition: TopicPartition) => PartitionReader
  /** Milliseconds between flushes. Default: {@link defaultFlushMs}. */
  readonly flushMs?: number
  /** Messages after which a flush does not wait for its time. Default: 200,000. */
  readonly flushMessages?: number
  /** Edges that were not seen for this long are removed. Default: none are. */
  readonly windowMs?: number
  /** Where partitions without a state begin. Default: at the first message there is. */
  readonly sinceMs?: number
  readonly sessionTimeoutMs?: number
  readonly onEvent?: (event: MemberEvent) => void
  /** Called after each flush that was due. */
  readonly onReport?: (report: MemberReport) => void
}

/** How much is read again when a member is killed, and how old the state is at most. */
export const defaultFlushMs: number = 10_000

/** After a flush a member reads for so many times as long as it took, before the next one is due. */
const readingShare = 2

/**
 * Takes part until the signal, and returns how it went.
 * @throws {NetweirError} when the state topic is not fit, the state is damaged, or the brokers are gone.
 */
export async function runStateMember(options: StateMemberOptions): Promise<MemberReport> {
  const { client, group, topics, place, createReader, windowMs, sinceMs } = options
  const stateTopic = await checkStateTopic(
    client,
    { stateTopic: options.stateTopic, topics },
    place,
  )
  const health = new MemberHealth()
  const settings = {
    client,
    group,
    topics,
    stateTopic,
    place,
    health,
    createReader,
    flushMessages: options.flushMessages ?? 200_000,
    newTenure: randomUUID,
    ...(windowMs === undefined ? {} : { windowMs }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  }
  const failure = new AbortController()
  const turns = new Turns()
  let stay: MemberStay | undefined
  let notBeforeMs = 0
  const flush = async (): Promise<void> => {
    const beganMs = Date.now()
    await stay?.flush().catch((reason: unknown) => {
      // Anything else is the group's refusal of a heartbeat: the stay is over, and the next one reads again.
      if (reason instanceof NetweirError) throw reason
    })
    notBeforeMs = Date.now() + readingShare * (Date.now() - beganMs)
    options.onReport?.(health.report())
  }
  const timer = setInterval(() => {
    if (turns.isWaiting || Date.now() < notBeforeMs) return
    turns.take(flush).catch((reason: unknown) => failure.abort(reason))
  }, options.flushMs ?? defaultFlushMs)
  try {
    await client.consume({
      group,
      topics,
      signal: AbortSignal.any([options.signal, failure.signal]),
      ...(options.sessionTimeoutMs === undefined
        ? {}
        : { sessionTimeoutMs: options.sessionTimeoutMs }),
      onJoin: (membership) => {
        stay?.end()
        health.join()
        stay = new MemberStay(settings, membership)
        return []
      },
      onBatch: (batch) => turns.take(async () => stay?.take(batch)),
      onPassed: (position) => stay?.passed(position),
      onLeave: () => turns.take(flush),
      onEvent: (event) => {
        if (event.kind === 'restarting') health.counts.restarts += 1
        options.onEvent?.(event)
      },
    })
    failure.signal.throwIfAborted()
  } finally {
    clearInterval(timer)
    stay?.end()
  }
  return health.report()
}

/** Work that is done one piece at a time, in the order it came. */
class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  take<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1
    const turn = this.#last.then(work).finally(() => {
      this.#waiting -= 1
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
