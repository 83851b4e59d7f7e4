/**
 * What netweir asks of a Kafka client: everything, and nothing of the one that is behind it, so that it can be replaced
 * (`kafka.md` 2.7). Offsets are numbers: a partition reaches 2^53 after 285 years of a million records a second.
 */

/** How a cluster is reached. Secrets are values here: where they come from is the caller's business. */
export interface KafkaConnection {
  /** `host:port` */
  readonly brokers: readonly string[]
  readonly tls?: KafkaTls
  readonly sasl?: KafkaSasl
  /** What bounds every wait. Default: {@link defaultPatience}. */
  readonly patience?: KafkaPatience
  /** Most bytes that one fetch asks of one partition. Default: 1 MiB, as much as brokers take in one batch. */
  readonly partitionBytes?: number
}

/** TLS; certificates and key as PEM. */
export interface KafkaTls {
  /** Authorities besides those that Node.js knows. */
  readonly ca?: string
  readonly certificate?: string
  readonly key?: string
  /** Name that the broker's certificate must have, where it is not the one in its address. */
  readonly serverName?: string
}

/** How to log in. */
export type KafkaSasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly user: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** Asked at every login, since tokens expire while a run lasts. */
      readonly token: () => Promise<string>
    }

/** How long what may take, in milliseconds. */
export interface KafkaPatience {
  /** Until the first answer. */
  readonly connectMs: number
  /** Until a single request is given up. */
  readonly requestMs: number
  /** Without any answer in the middle of a run, broker restarts included. */
  readonly silenceMs: number
}

/** Bounds of a run that ends by itself. */
export const defaultPatience: KafkaPatience = {
  connectMs: 15_000,
  requestMs: 15_000,
  silenceMs: 30_000,
}

/** One partition. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** What a partition holds. */
export interface PartitionRange extends TopicPartition {
  /** First offset that is kept. */
  readonly start: number
  /** One past the last record that is readable: open transactions come after it. */
  readonly end: number
}

/** A place in a partition: the offset of the record that is read next. */
export interface PartitionPosition extends TopicPartition {
  readonly offset: number
}

/** One header; a key may stand more than once. */
export type KafkaHeader = readonly [key: string, value: Uint8Array]

/** One record as it stands in a partition. */
export interface KafkaRecord {
  readonly offset: number
  /** Of creation or append, as the topic is configured; milliseconds since the epoch. */
  readonly timeMs: number
  readonly key: Uint8Array | null
  /** Null in a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: readonly KafkaHeader[]
}

/** Records of one partition that were fetched together: committed ones, without control records, by offset. */
export interface RecordBatch extends TopicPartition {
  readonly records: readonly KafkaRecord[]
  /** The offset that was asked for: where a reader that lost nothing stands. */
  readonly from: number
  /** Where reading goes on: past control records and gaps that followed. */
  readonly next: number
  /** End of the partition when this was fetched, records of open transactions included. */
  readonly highWatermark: number
}

/** One stay of a member in its group: it ends with the next rebalance. */
export interface Membership {
  readonly partitions: readonly TopicPartition[]
  /** Counts the joins of this member from 1. */
  readonly generation: number
  /** False once the partitions may belong to somebody else: then nothing may be written for them any more. */
  readonly isCurrent: boolean
  /**
   * Tells the group that this member lives; to be called at least every few seconds of work. Rejects when the membership
   * is over: the rejection is to be passed on out of the handler.
   */
  heartbeat(): Promise<void>
  /** Commits positions for the group. Rejects when the membership is over, or the commit did not arrive. */
  commit(positions: readonly PartitionPosition[]): Promise<void>
  /** Goes on reading a partition elsewhere, after the batch in hand. */
  seek(position: PartitionPosition): void
  /** Fetches no more of a partition in this run, nor after a rebalance. */
  pause(partition: TopicPartition): void
}

/** Something that a person, or a counter, should hear of. */
export interface MemberEvent {
  readonly kind: 'joined' | 'rebalancing' | 'restarting'
  readonly message: string
}

/** What a member of a group does with what it reads. */
export interface ConsumeOptions {
  readonly group: string
  /**
   * The group is of this run alone: after a restart it gets another name, so that nobody waits until the member that was
   * lost is given up, which takes the session timeout. Nothing is to be committed then. Default: no.
   */
  readonly isAlone?: boolean
  readonly topics: readonly string[]
  /** Ends the membership: the batch in hand is finished, `onLeave` is called, and {@link KafkaClient.consume} resolves. */
  readonly signal: AbortSignal
  /**
   * Called at every join, before anything of it is fetched. Returns where to start; partitions that are not named go on
   * at the group's committed offset, or at the first record there is.
   */
  onJoin(membership: Membership): readonly PartitionPosition[]
  /**
   * Takes the next batch, one at a time over all partitions. What it throws ends the consumption with it, but for a
   * rejection of {@link Membership.heartbeat}, after which the batch is read again by whoever has the partition then.
   */
  onBatch(batch: RecordBatch, membership: Membership): Promise<void> | void
  /**
   * Called when reading moved on over records that nobody sees: control records, aborted transactions; or, so many of
   * them, records that expired before they were read.
   */
  onPassed?(position: PartitionPosition, expired: number): void
  /** Called once before leaving of one's own accord, with the membership still current: the place for a last commit. */
  onLeave?(membership: Membership): Promise<void>
  onEvent?(event: MemberEvent): void
  /**
   * Without any answer for this long the consumption fails. Default: `silenceMs` of the connection; in a group of several
   * at least so long that a rebalance can wait for a member that was lost.
   */
  readonly silenceMs?: number
  /** Default: 45,000. */
  readonly sessionTimeoutMs?: number
  /** How often topics are looked at for new partitions. Default: 60,000. */
  readonly metadataAgeMs?: number
}

/** A record to write. */
export interface OutgoingRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly KafkaHeader[]
}

/** A topic to create. */
export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** Default: the broker's. */
  readonly replicationFactor?: number
  /** Topic settings such as `cleanup.policy`. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * A connection to a cluster. Everything that waits is bounded, and fails with a NetweirError: `SOURCE_LOST` for a broker
 * that does not answer, `SOURCE_UNREADABLE` for one that refuses, `SOURCE_NOT_FOUND` for a topic that is not there.
 */
export interface KafkaClient {
  /** Returns what the partitions of a topic hold, by number. */
  ranges(topic: string): Promise<readonly PartitionRange[]>
  /** Returns, for each partition, the first record of this time or later, or the end where there is none. */
  positionsAt(topic: string, timeMs: number): Promise<readonly PartitionPosition[]>
  /** Returns what a group has committed; partitions without a commit are absent. */
  committed(group: string, topics: readonly string[]): Promise<readonly PartitionPosition[]>
  /** Returns the settings of a topic that are asked for. */
  settings(topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Creates a topic. Returns false when it was there already, as it is. */
  createTopic(spec: TopicSpec): Promise<boolean>
  /** Gives a topic more partitions, so many in all. What it holds stays where it is. */
  addPartitions(topic: string, count: number): Promise<void>
  /** Reads as a member of a group until the signal, and rejects when that is no longer possible. */
  consume(options: ConsumeOptions): Promise<void>
  /**
   * Writes records to one partition as one batch, which is there as a whole or not at all, and returns when all replicas
   * in sync have it. Without a partition the broker's default spreads them by key, in as many batches.
   *
   * @param attempts `one` sends a batch a single time, so that no copy of it can arrive after what is sent next; default:
   * it is sent again after failures that may pass
   */
  produce(
    topic: string,
    partition: number | undefined,
    records: readonly OutgoingRecord[],
    attempts?: 'one' | 'some',
  ): Promise<void>
  /** Ends all that is open, at the latest after a few seconds. */
  close(): Promise<void>
}
