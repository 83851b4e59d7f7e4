/** From the messages of a topic to sets, one for each time that a member asks, and what was bad about them. */
import type { KafkaClient, TopicPartition } from '../source/kafka-client.ts'
import { DeadLetters } from '../source/kafka-dead-letters.ts'
import { decodeValue } from '../source/kafka-values.ts'
import type { PartitionReader } from '../source/member-settings.ts'
import type { Reader } from '../traffic/reader.ts'
import { createReader } from '../traffic/reader.ts'
import type { LearnOptions, Notice } from './pipeline.ts'

/** Reads the messages of all partitions of a run. */
export interface ValueReader {
  /** Returns what reads the messages of one partition. */
  partition(partition: TopicPartition): PartitionReader
  /** The first bad messages, and how many there were. */
  notices(): readonly Notice[]
}

/** Returns a reader that has read nothing. `source` is the name that places begin with. */
export function createValueReader(
  source: string,
  client: KafkaClient,
  { strict = false, kafka = {} }: Pick<LearnOptions, 'strict' | 'kafka'>,
): ValueReader {
  const { deadLetterTopic, maxBadRatio } = kafka
  const letters = new DeadLetters(client, {
    name: source,
    ...(deadLetterTopic === undefined ? {} : { topic: deadLetterTopic }),
    ...(maxBadRatio === undefined ? {} : { maxRatio: maxBadRatio }),
  })
  const brokers = source.slice(0, source.lastIndexOf('/') + 1)
  return {
    partition: ({ topic, partition }) => {
      const create = (): Reader => createReader({ strict })
      let reader = create()
      const name = `${brokers}${topic}/${partition}`
      return {
        take: (record) => {
          letters.countValue()
          const place = { source: name, offset: record.offset }
          for (const { bytes, encoding, fault } of decodeValue(record.value).parts) {
            const form = {
              encoding,
              end: 'whole',
              ...(fault === undefined ? {} : { fault }),
            } as const
            const reason = reader.consume(bytes, place, form)
            if (reason !== undefined) letters.add({ topic, partition, record, reason })
          }
        },
        drain: () => {
          const set = reader.finish()
          reader = create()
          return set
        },
        settle: () => letters.flush(),
      }
    },
    notices: () => [
      ...letters.samples.map(({ file, text }) => ({
        message: `no flow: ${text}`,
        location: { file: `${brokers}${file}` },
      })),
      ...(letters.count <= letters.samples.length
        ? []
        : [{ message: `${letters.count} values are no flows in all`, location: { file: source } }]),
    ],
  }
}
