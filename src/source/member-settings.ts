/** What a stay in a group works with, from one rebalance to the next. */
import type { CommunicationSet } from '../traffic/communication-set.ts'
import type { KafkaClient, KafkaRecord, TopicPartition } from './kafka-client.ts'
import type { MemberHealth } from './member-health.ts'
import type { StateTopic } from './state-topic.ts'

/** Reduces messages of one partition to a set. */
export interface PartitionReader {
  /** Takes in the next message. */
  take(record: KafkaRecord): void
  /** Returns the set of what was taken in since the last call, which begins anew. */
  drain(): CommunicationSet
  /** Resolves when what was bad is where it is to be kept: nothing is committed before. */
  settle(): Promise<void>
}

/** What a stay works with. */
export interface StaySettings {
  readonly client: KafkaClient
  readonly group: string
  readonly topics: readonly string[]
  readonly stateTopic: StateTopic
  /** What errors name. */
  readonly place: string
  /** Edges that were not seen for this long are removed. Default: none are. */
  readonly windowMs?: number
  /** Where partitions without a state begin: at the first record of this time. Default: at the first there is. */
  readonly sinceMs?: number
  /** Messages after which a flush does not wait for its time. */
  readonly flushMessages: number
  readonly health: MemberHealth
  readonly newTenure: () => string
  readonly createReader: (partition: TopicPartition) => PartitionReader
}
