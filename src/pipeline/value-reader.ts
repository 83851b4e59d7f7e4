/** From the messages of a topic to sets, one for each time that a member asks, and what was bad about them. */
import type { Outcome } from '../flow/flow.ts'
import type { TopicPartition } from '../source/kafka-client.ts'
import type { PartitionReader } from '../source/member-stay.ts'
import type { Reader } from '../traffic/reader.ts'
import { createReader } from '../traffic/reader.ts'
import type { Notice } from './pipeline.ts'

/** Reads the messages of all partitions of a run. */
export interface ValueReader {
  /** Returns what reads the messages of one partition. */
  partition(source: string, partition: TopicPartition): PartitionReader
  /** The first bad record of each kind, and how many there were. */
  notices(): readonly Notice[]
}

const badOutcomes = ['malformed', 'truncated', 'too-long'] as const satisfies readonly Outcome[]

const nothing = new Uint8Array(0)

/** Returns a reader that has read nothing. */
export function createValueReader(options: { readonly strict?: boolean }): ValueReader {
  const counts = new Map<Outcome, number>()
  const first: Notice[] = []
  const keep = (reader: Reader): ReturnType<Reader['finish']> => {
    const set = reader.finish()
    const fresh = badOutcomes.some(
      (outcome) => (set.counted[outcome] ?? 0) > 0 && !counts.has(outcome),
    )
    // Later pieces have nothing to add but numbers.
    if (fresh) first.push(...reader.notices)
    for (const outcome of badOutcomes) {
      const count = set.counted[outcome] ?? 0
      if (count > 0) counts.set(outcome, (counts.get(outcome) ?? 0) + count)
    }
    return set
  }
  return {
    partition: (source, { topic, partition }) => {
      const create = (): Reader => createReader({ strict: options.strict ?? false })
      let reader = create()
      const place = `${source.slice(0, source.lastIndexOf('/'))}/${topic}/${partition}`
      return {
        take: ({ value, offset }) => {
          reader.consume(value ?? nothing, { source: place, offset }, { end: 'whole' })
        },
        drain: () => {
          const set = keep(reader)
          reader = create()
          return set
        },
      }
    },
    notices: () => [
      ...first,
      ...[...counts].map(([outcome, count]) => ({ message: `${count} records ${outcome} in all` })),
    ],
  }
}
