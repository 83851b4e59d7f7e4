/** How far partitions are read, where reading of each ends, and what it missed: plain bookkeeping. */
import { createHash } from 'node:crypto'
import { NetweirError } from '../errors.ts'
import type {
  KafkaRecord,
  PartitionPosition,
  PartitionRange,
  RecordBatch,
  TopicPartition,
} from './kafka-client.ts'

/** By what a record is known again: offsets begin anew when a topic is made anew. */
export interface RecordMark {
  readonly offset: number
  /** Of its time, key and value. */
  readonly digest: string
}

/** How far a partition was read, and the last record of it that was. */
export interface ReadPosition extends PartitionPosition {
  readonly last?: RecordMark
}

/** What decides where partitions are read. */
export interface ReadingPlan {
  /** What the partitions held when reading began. */
  readonly ranges: readonly PartitionRange[]
  /** Where earlier runs got to, or a time starts; partitions that are absent start at their first record. */
  readonly starts: readonly ReadPosition[]
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
  /** The last record that was handed out, and the last one that was taken. */
  handedMark: RecordMark | undefined
  takenMark: RecordMark | undefined
  /** The record before the first that is to be read, while it is to be seen whether it is still the same. */
  check: RecordMark | undefined
}

/** Partitions that a summary spells out. */
const namedPartitions = 4

/** The partitions of one reading. */
export class KafkaPositions {
  readonly #follow: boolean
  readonly #partitions = new Map<string, PartitionState>()
  /** Partitions that came after the plan, where it has an end. */
  readonly #added = new Set<string>()

  constructor({ ranges, starts, last, follow }: ReadingPlan) {
    this.#follow = follow
    const wanted = new Map(starts.map((start) => [keyOf(start), start]))
    for (const range of ranges) {
      const { offset: from = range.start, last: mark } = wanted.get(keyOf(range)) ?? {}
      const first = last === undefined ? from : Math.max(from, range.end - last)
      const state = this.#add(range, Math.max(first, range.start), range.end)
      state.expired = Math.max(0, range.start - from)
      state.handedMark = mark
      state.takenMark = mark
      state.check = mark
    }
  }

  #add(partition: TopicPartition, start: number, end: number): PartitionState {
    const state: PartitionState = {
      topic: partition.topic,
      partition: partition.partition,
      start,
      end: this.#follow ? undefined : end,
      handed: start,
      taken: start,
      highWatermark: end,
      expired: 0,
      handedMark: undefined,
      takenMark: undefined,
      check: undefined,
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
      if (state === undefined && this.#follow) state = this.#add({ topic, partition }, 0, 0)
      if (state === undefined) this.#added.add(keyOf({ topic, partition }))
      else starts.push({ topic, partition, offset: state.check?.offset ?? state.handed })
      if (state === undefined || isAtEnd(state)) done.push({ topic, partition })
    }
    return { starts, done }
  }

  /**
   * Returns the records of a batch that are to be read and were not yet; what expired before them is counted.
   * @throws {NetweirError} `SET_INVALID` when the partition does not hold what was read of it in an earlier run.
   */
  take(batch: RecordBatch): RecordBatch['records'] {
    const state = this.#partitions.get(keyOf(batch))
    if (state === undefined) return []
    verify(state, batch)
    state.highWatermark = Math.max(state.highWatermark, batch.highWatermark)
    const from = state.handed
    const end = state.end ?? Number.POSITIVE_INFINITY
    state.expired += Math.max(0, Math.min(batch.from, end) - from)
    state.handed = Math.max(state.handed, Math.min(batch.next, end))
    const records = batch.records.filter(({ offset }) => offset >= from && offset < end)
    const last = records.at(-1)
    if (last !== undefined) state.handedMark = markOf(last)
    return records
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
    if (within >= state.handed) state.takenMark = state.handedMark
    state.handed = Math.max(state.handed, within)
    state.taken = Math.max(state.taken, within)
    return isAtEnd(state)
  }

  /** Where a later run goes on. */
  get positions(): readonly ReadPosition[] {
    return [...this.#partitions.values()]
      .map(({ topic, partition, taken, takenMark }) => ({
        topic,
        partition,
        offset: taken,
        ...(takenMark === undefined ? {} : { last: takenMark }),
      }))
      .sort(byPlace)
  }

  /** Says in one line what was read, and how much was left. */
  get summary(): string {
    const all = [...this.#partitions.values()].sort(byPlace)
    const read = all.filter(({ start, taken }) => taken > start)
    const named = read
      .slice(0, namedPartitions)
      .map(
        ({ topic, partition, start, taken }) => `${topic}/${partition} from ${start} to ${taken}`,
      )
    const more = read.length > namedPartitions ? [`and ${read.length - namedPartitions} more`] : []
    const { lag } = this
    const rest = lag === 0 ? 'to the end' : `${lag} ${lag === 1 ? 'record' : 'records'} behind`
    const parts = [...named, ...more].join(', ')
    const count = `${all.length} ${all.length === 1 ? 'partition' : 'partitions'}`
    return `read ${count} ${rest}${parts === '' ? ', nothing new' : `: ${parts}`}`
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

/** What expired or was compacted since cannot be compared. */
function verify(state: PartitionState, batch: RecordBatch): void {
  const { check, topic, partition } = state
  state.check = undefined
  const record = batch.records.find(({ offset }) => offset === check?.offset)
  if (check === undefined || record === undefined || markOf(record).digest === check.digest) return
  throw new NetweirError(
    'SET_INVALID',
    `the state was read to offset ${state.handed} of ${topic}/${partition}, which holds other records now`,
    {
      location: { file: `${topic}/${partition}`, offset: check.offset },
      hint: 'the topic was made anew, or lost records and got others in their place: begin another file',
    },
  )
}

function markOf({ offset, timeMs, key, value }: KafkaRecord): RecordMark {
  const hash = createHash('sha256').update(`${timeMs}:${key?.length ?? -1}:`)
  const digest = hash
    .update(key ?? '')
    .update(value ?? '')
    .digest('base64url')
    .slice(0, 22)
  return { offset, digest }
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
