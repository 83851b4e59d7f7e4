/** One stay in a consumer group, as those see it who read: what they may do until the partitions are somebody else's. */
import { NetweirError } from '../errors.ts'
import type { Membership, PartitionPosition, TopicPartition } from './kafka-client.ts'

/** What a membership asks of the consumer. */
export interface MemberActions {
  commit(positions: readonly PartitionPosition[]): Promise<void>
  seek(position: PartitionPosition): void
  pause(partition: TopicPartition): void
}

/** A membership that can end. */
export class CurrentMembership implements Membership {
  readonly partitions: readonly TopicPartition[]
  readonly generation: number
  readonly #actions: MemberActions
  readonly #keys: ReadonlySet<string>
  /** Of kafkajs, for the batch in hand. */
  beat: () => Promise<void> = () => Promise.resolve()
  /** What the heartbeat was refused with. */
  lost: unknown
  #isCurrent = true

  constructor(partitions: readonly TopicPartition[], generation: number, actions: MemberActions) {
    this.partitions = partitions
    this.generation = generation
    this.#actions = actions
    this.#keys = new Set(partitions.map(keyOf))
  }

  get isCurrent(): boolean {
    return this.#isCurrent
  }

  has(partition: TopicPartition): boolean {
    return this.#keys.has(keyOf(partition))
  }

  end(): void {
    this.#isCurrent = false
  }

  async heartbeat(): Promise<void> {
    try {
      await this.beat()
    } catch (reason) {
      this.lost = reason
      this.end()
      throw reason
    }
  }

  async commit(positions: readonly PartitionPosition[]): Promise<void> {
    this.#check()
    await this.#actions.commit(positions)
    this.#check()
  }

  seek(position: PartitionPosition): void {
    if (this.#isCurrent) this.#actions.seek(position)
  }

  pause(partition: TopicPartition): void {
    this.#actions.pause(partition)
  }

  #check(): void {
    if (this.#isCurrent) return
    throw new NetweirError('SOURCE_LOST', 'the group gave the partitions to another member', {
      hint: 'another member goes on from what was committed',
    })
  }
}

/** Returns a key by which partitions of several topics are told apart. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
