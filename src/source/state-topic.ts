/** The state topic on a cluster: made, checked before anything is written to it, and read to its end. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { NetweirError } from '../errors.ts'
import { StateTable } from '../traffic/state-table.ts'
import type { KafkaClient, PartitionRange, RecordBatch } from './kafka-client.ts'

/** What a batch takes beside its records, and the size of a record at worst beside what is counted of it. */
const batchOverhead = 4_096

/** How large a batch may be in a topic that netweir makes: a flush that fits is a single one. */
const madeBatchBytes = 8 * 1024 * 1024

const growthAttempts = 20
const growthWaitMs = 250

const cleanup = 'cleanup.policy'
const batchLimit = 'max.message.bytes'

/** What is to be known of a state topic before it is written to. */
export interface StateTopic {
  readonly name: string
  readonly partitions: number
  /** How large a batch of records may be. */
  readonly maxBytes: number
}

/** How a state topic is made. */
export interface StateTopicSpec {
  readonly stateTopic: string
  /** The topics with flows: the state topic has as many partitions as the largest of them. */
  readonly topics: readonly string[]
  /** Default: the broker's. */
  readonly replicationFactor?: number
}

/** What became of a state topic. */
export type StateTopicChange = 'made' | 'grown' | 'none'

/**
 * Makes the state topic for some topics. One that is there already is left as it is, but for partitions that it lacks:
 * what it holds stays where it is.
 * @throws {NetweirError} `SOURCE_UNREADABLE` when there is one that is not fit, and what the client fails with.
 */
export async function createStateTopic(
  client: KafkaClient,
  spec: StateTopicSpec,
  place: string,
): Promise<{ readonly change: StateTopicChange; readonly topic: StateTopic }> {
  const partitions = await countPartitions(client, spec.topics)
  const isMade = await client.createTopic({
    topic: spec.stateTopic,
    partitions,
    ...(spec.replicationFactor === undefined ? {} : { replicationFactor: spec.replicationFactor }),
    settings: {
      [cleanup]: 'compact',
      [batchLimit]: String(madeBatchBytes),
      'min.cleanable.dirty.ratio': '0.2',
      'compression.type': 'gzip',
    },
  })
  const isShort = !isMade && (await countPartitions(client, [spec.stateTopic])) < partitions
  if (isShort) {
    await refuseUncompacted(client, spec.stateTopic, place)
    await client.addPartitions(spec.stateTopic, partitions)
    await grown(client, spec.stateTopic, partitions)
  }
  const topic = await checkStateTopic(client, spec, place)
  return { change: isMade ? 'made' : isShort ? 'grown' : 'none', topic }
}

/** Waits until brokers tell of new partitions: those that do not yet are asked some more times. */
async function grown(client: KafkaClient, topic: string, partitions: number): Promise<void> {
  for (let attempt = 1; attempt < growthAttempts; attempt += 1) {
    if ((await countPartitions(client, [topic])) >= partitions) return
    await sleep(growthWaitMs)
  }
}

/** Returns the settings of a topic that is compacted and nothing else. */
async function refuseUncompacted(
  client: KafkaClient,
  topic: string,
  place: string,
): Promise<ReadonlyMap<string, string>> {
  const settings = await client.settings(topic, [cleanup, batchLimit])
  const policy = settings.get(cleanup) ?? ''
  if (policy === 'compact') return settings
  throw new NetweirError(
    'SOURCE_UNREADABLE',
    `the state topic ${topic} has ${cleanup}=${policy}: it would lose what was learned`,
    {
      location: { file: place },
      hint: `set ${cleanup}=compact, or make another topic with: netweir kafka init`,
    },
  )
}

/**
 * Returns what there is to know of the state topic.
 * @throws {NetweirError} `SOURCE_UNREADABLE` when records would be lost in it, or partitions lack one to be kept in.
 */
export async function checkStateTopic(
  client: KafkaClient,
  spec: StateTopicSpec,
  place: string,
): Promise<StateTopic> {
  const { stateTopic: name } = spec
  const present = (await client.ranges(name)).length
  const settings = await refuseUncompacted(client, name, place)
  const needed = await countPartitions(client, spec.topics)
  if (present < needed) {
    throw new NetweirError(
      'SOURCE_UNREADABLE',
      `the state topic ${name} has too few partitions, ${present} where the flows have ${needed}`,
      {
        location: { file: place },
        hint: 'netweir kafka init adds them: what it holds stays where it is',
      },
    )
  }
  const limit = Number(settings.get(batchLimit))
  return {
    name,
    partitions: present,
    maxBytes: Math.max(
      1,
      (Number.isFinite(limit) && limit > 0 ? limit : 1_048_588) - batchOverhead,
    ),
  }
}

/** Tells whether a topic is compacted, as state topics are; not so where nobody may ask. */
export async function isCompacted(client: KafkaClient, topic: string): Promise<boolean> {
  try {
    return (await client.settings(topic, [cleanup])).get(cleanup)?.includes('compact') ?? false
  } catch (reason) {
    if (reason instanceof NetweirError && reason.code === 'SOURCE_UNREADABLE') return false
    throw reason
  }
}

async function countPartitions(client: KafkaClient, topics: readonly string[]): Promise<number> {
  const ranges = await Promise.all(topics.map((topic) => client.ranges(topic)))
  return Math.max(...ranges.map(({ length }) => length))
}

/**
 * Returns what a state topic holds. Each partition is read until nothing came after what was read: compaction may remove
 * a record before the end only where a later one has taken its place.
 *
 * @param wanted numbers of partitions; absent, all are read
 */
export async function readStateTopic(
  client: KafkaClient,
  topic: string,
  options: {
    readonly place: string
    readonly signal: AbortSignal
    readonly wanted?: ReadonlySet<number>
    readonly onRecords?: (count: number) => void
  },
): Promise<StateTable> {
  const table = new StateTable({ file: options.place })
  const { wanted, signal } = options
  const ranges = await client.ranges(topic)
  const isWanted = ({ partition }: { partition: number }): boolean =>
    wanted === undefined || wanted.has(partition)
  const open = new Map<number, PartitionRange>()
  for (const range of ranges) {
    if (isWanted(range) && range.end > range.start) open.set(range.partition, range)
  }
  if (open.size === 0) return table
  const finished = new AbortController()
  const close = (partition: number): void => {
    open.delete(partition)
    if (open.size === 0) finished.abort()
  }
  await client.consume({
    group: `netweir-state-${randomUUID()}`,
    isAlone: true,
    topics: [topic],
    signal: AbortSignal.any([signal, finished.signal]),
    onJoin: (membership) => {
      for (const range of ranges) if (!open.has(range.partition)) membership.pause(range)
      return [...open.values()].map(({ partition, start }) => ({ topic, partition, offset: start }))
    },
    onBatch: (batch, membership) => {
      const range = open.get(batch.partition)
      if (range === undefined) return
      applyBatch(table, batch)
      options.onRecords?.(batch.records.length)
      if (batch.next < range.end || batch.next < batch.highWatermark) return
      membership.pause(batch)
      close(batch.partition)
    },
    onPassed: ({ partition, offset }) => {
      if (offset >= (open.get(partition)?.end ?? Number.POSITIVE_INFINITY)) close(partition)
    },
  })
  signal.throwIfAborted()
  return table
}

const decoder = new TextDecoder()

function applyBatch(table: StateTable, { records }: RecordBatch): void {
  for (const { key, value } of records) {
    table.apply({
      key: key === null ? '' : decoder.decode(key),
      value: value === null ? null : decoder.decode(value),
    })
  }
}
