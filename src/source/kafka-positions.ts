/** How far partitions are read, where reading of each ends, and what it missed: plain bookkeeping. */
import type {
  PartitionPosition,
  PartitionRange,
  RecordBatch,
  TopicPartition,
} from './kafka-client.ts'

/** What decides where partitions are read. */
export interface ReadingPlan {
  /** What the partitions held when reading began. */
  readonly ranges: readonly PartitionRange[]
  /** Where earlier runs got to, or a time starts; partitions that are absent start at their first record. */
  readonly starts: readonly PartitionPosition[]
  /** Only so many records before the end of each partition. */
  readonly last?: number
  /** Go on behind the ends. */
  readonly follow: boolean
}

interface PartitionState extends TopicPartition {
  readonly start: number
  /** Undefined where reading goes on without end. */
  readonly end: number | undefined
  /** What was handed out: it must not be handed out again. */
  handed: number
  /** What was taken, too: a later run starts here. */
  taken: number
  highWatermark: number
  /** Records that were gone before they were read. */
  expired: number
}

/** The partitions of one reading. */
export class KafkaPositions {
  readonly #follow: boolean
  readonly #partitions = new Map<string, PartitionState>()
  /** Partitions that came after the plan, where it has an end. */
  readonly #added = new Set<string>()

  constructor({ ranges, starts, last, follow }: ReadingPlan) {
    this.#follow = follow
    const wanted = new Map(starts.map((start) => [keyOf(start), start.offset]))
    for (const range of ranges) {
      const from = wanted.get(keyOf(range)) ?? range.start
      const first = last === undefined ? from : Math.max(from, range.end - last)
      this.#add(range, Math.max(first, range.start), range.end, Math.max(0, range.start - from))
    }
  }

  #add(partition: TopicPartition, start: number, end: number, expired: number): PartitionState {
    const state = {
      topic: partition.topic,
      partition: partition.partition,
      start,
      end: this.#follow ? undefined : end,
      handed: start,
      taken: start,
      highWatermark: end,
      expired,
    }
    this.#partitions.set(keyOf(partition), state)
    return state
  }

  /** Whether there is nothing left to read. */
  get isDone(): boolean {
    return !this.#follow && [...this.#partitions.values()].every(isAtEnd)
  }

  /** Records between where reading stands and the ends, as far as they are known. */
  get lag(): number {
    return sum(
      [...this.#partitions.values()].map(({ highWatermark, end, taken }) =>
        Math.max(0, (end ?? highWatermark) - taken),
      ),
    )
  }

  /** Where a member starts to read the partitions that it was given, and which of them it needs not read. */
  assigned(partitions: readonly TopicPartition[]): {
    readonly starts: readonly PartitionPosition[]
    readonly done: readonly TopicPartition[]
  } {
    const starts: PartitionPosition[] = []
    const done: TopicPartition[] = []
    for (const { topic, partition } of partitions) {
      let state = this.#partitions.get(keyOf({ topic, partition }))
      if (state === undefined && this.#follow) state = this.#add({ topic, partition }, 0, 0, 0)
      if (state === undefined) this.#added.add(keyOf({ topic, partition }))
      else starts.push({ topic, partition, offset: state.handed })
      if (state === undefined || isAtEnd(state)) done.push({ topic, partition })
    }
    return { starts, done }
  }

  /** Returns the records of a batch that are to be read and were not yet; what expired before them is counted. */
  take(batch: RecordBatch): RecordBatch['records'] {
    const state = this.#partitions.get(keyOf(batch))
    if (state === undefined) return []
    state.highWatermark = Math.max(state.highWatermark, batch.highWatermark)
    const from = state.handed
    const end = state.end ?? Number.POSITIVE_INFINITY
    state.expired += Math.max(0, Math.min(batch.from, end) - from)
    state.handed = Math.max(state.handed, Math.min(batch.next, end))
    return batch.records.filter(({ offset }) => offset >= from && offset < end)
  }

  /**
   * Notes that all before `offset` was taken, is for nobody, or, so many records of it, gone; returns whether the
   * partition is done.
   */
  reached({ topic, partition, offset }: PartitionPosition, expired = 0): boolean {
    const state = this.#partitions.get(keyOf({ topic, partition }))
    if (state === undefined) return true
    state.expired += expired
    const within = Math.min(offset, state.end ?? offset)
    state.handed = Math.max(state.handed, within)
    state.taken = Math.max(state.taken, within)
    return isAtEnd(state)
  }

  /** Where a later run goes on. */
  get positions(): readonly PartitionPosition[] {
    return [...this.#partitions.values()]
      .map(({ topic, partition, taken }) => ({ topic, partition, offset: taken }))
      .sort(byPlace)
  }

  /** Says of each partition that is not read to its end how far it is. */
  get unread(): readonly string[] {
    return [...this.#partitions.values()]
      .filter((state) => !this.#follow && !isAtEnd(state))
      .sort(byPlace)
      .map(
        ({ topic, partition, taken, end }) =>
          `${topic}/${partition} stopped at offset ${taken} of ${end}`,
      )
  }

  /** Says of each partition what was gone before it was read. */
  get gaps(): readonly string[] {
    return [...this.#partitions.values()]
      .filter(({ expired }) => expired > 0)
      .sort(byPlace)
      .map(
        ({ topic, partition, expired }) =>
          `${expired} ${expired === 1 ? 'offset' : 'offsets'} of ${topic}/${partition} had expired before they were read`,
      )
  }

  /** Names of partitions that were added while reading, and not read. */
  get added(): readonly string[] {
    return [...this.#added].sort()
  }
}

function isAtEnd({ end, taken }: PartitionState): boolean {
  return end !== undefined && taken >= end
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

function byPlace(a: TopicPartition, b: TopicPartition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition
}
