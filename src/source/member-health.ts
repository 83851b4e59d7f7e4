/** How a member of a group is doing: counted while it runs, reported whenever somebody asks. */
import type { PartitionPosition, TopicPartition } from './kafka-client.ts'

/** How far one partition is read, as of its last batch. */
export interface PartitionLag extends PartitionPosition {
  /** One past its last record. */
  readonly end: number
}

/** The health of a member. */
export interface MemberReport {
  /** How often it joined the group: once, and once more for each rebalance. */
  readonly joins: number
  /** How often the connection to the group was made anew. */
  readonly restarts: number
  /** Messages that were read, and how many of them the state had already. */
  readonly messages: number
  readonly replayed: number
  /** Messages that the broker deleted before they were read. */
  readonly missed: number
  /** Flushes that wrote something, records that they wrote, and batches that had to be written again. */
  readonly flushes: number
  readonly written: number
  readonly retries: number
  /** Milliseconds since the epoch of the last flush after which everything read was durable. */
  readonly durableMs?: number
  /** The partitions that are its own at present, sorted. */
  readonly partitions: readonly PartitionLag[]
}

/** The counters; `-readonly` for whoever counts. */
export type MemberCounts = {
  -readonly [Name in Exclude<keyof MemberReport, 'partitions' | 'durableMs'>]: number
}

/** Counts. */
export class MemberHealth {
  readonly counts: MemberCounts = {
    joins: 0,
    restarts: 0,
    messages: 0,
    replayed: 0,
    missed: 0,
    flushes: 0,
    written: 0,
    retries: 0,
  }
  durableMs: number | undefined
  readonly #partitions = new Map<string, PartitionLag>()

  /** Begins a stay: what was owned before is forgotten. */
  join(): void {
    this.counts.joins += 1
    this.#partitions.clear()
  }

  /** Notes how far a partition is read. */
  reach(lag: PartitionLag): void {
    this.#partitions.set(placeText(lag), lag)
  }

  /** Returns the present health. */
  report(): MemberReport {
    const partitions = [...this.#partitions.values()].sort((a, b) =>
      a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
    )
    const { durableMs } = this
    return { ...this.counts, ...(durableMs === undefined ? {} : { durableMs }), partitions }
  }
}

/** Returns `topic/partition`. */
export function placeText({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
