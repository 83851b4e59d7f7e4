/** From the messages of a topic to sets, one for each time that a member asks, and what was bad about them. */
import { hasBinary, inspectedBytes } from '../flow/foreign.ts'
import type { ScannerModule } from '../flow/scanner.ts'
import type { KafkaClient, TopicPartition } from '../source/kafka-client.ts'
import { DeadLetters } from '../source/kafka-dead-letters.ts'
import type { ValuePart } from '../source/kafka-values.ts'
import { decodeValue } from '../source/kafka-values.ts'
import type { PartitionReader } from '../source/member-settings.ts'
import { loadScanner } from '../source/scanner-module.ts'
import { LineScanner } from '../traffic/line-scanner.ts'
import type { Reader } from '../traffic/reader.ts'
import { createReader } from '../traffic/reader.ts'
import type { ScanBatch } from '../traffic/scan-batch.ts'
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
  options: Pick<LearnOptions, 'strict' | 'plain' | 'kafka' | 'l7'>,
): ValueReader {
  const { strict = false, plain = false, kafka = {}, l7: requests = [] } = options
  const scanner = plain ? undefined : SharedScanner.load(requests.length > 0)
  const { deadLetterTopic, maxBadRatio } = kafka
  const letters = new DeadLetters(client, {
    name: source,
    ...(deadLetterTopic === undefined ? {} : { topic: deadLetterTopic }),
    ...(maxBadRatio === undefined ? {} : { maxRatio: maxBadRatio }),
  })
  const brokers = source.slice(0, source.lastIndexOf('/') + 1)
  return {
    partition: ({ topic, partition }) => {
      const create = (): Reader => createReader({ strict, requests })
      let reader = create()
      const name = `${brokers}${topic}/${partition}`
      const consume = (
        { bytes, encoding, fault }: ValuePart,
        offset: number,
      ): string | undefined => {
        const isText = encoding === 'text' && fault === undefined
        if (isText && scanner?.take(bytes, reader) === true) return undefined
        const form = { encoding, end: 'whole', ...(fault === undefined ? {} : { fault }) } as const
        return reader.consume(bytes, { source: name, offset }, form)
      }
      return {
        take: (record) => {
          letters.countValue()
          for (const part of decodeValue(record.value).parts) {
            const reason = consume(part, record.offset)
            if (reason !== undefined) letters.add({ topic, partition, record, reason })
          }
        },
        drain: () => {
          scanner?.settle()
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

/**
 * One scanner for the readers of all partitions: its tables are large, and a batch of messages is of one partition. What
 * it counted for one goes to that one's reader before it counts for another.
 */
class SharedScanner {
  readonly #scanner: LineScanner
  #owner: Reader | undefined
  /** Records that went to readers. */
  #settled = 0

  /** With `requests` what says something of them is left to the decoder. */
  static load(requests: boolean): SharedScanner | undefined {
    const module = loadScanner()
    return module === undefined ? undefined : new SharedScanner(module, requests)
  }

  private constructor(module: ScannerModule, requests: boolean) {
    this.#scanner = new LineScanner(module, { requests })
    this.#scanner.countFor((batch) => this.#give(batch))
  }

  /** Counts a record for a reader, and tells whether it was one for the scanner. */
  take(bytes: Uint8Array, reader: Reader): boolean {
    if (hasBinary(bytes.subarray(0, inspectedBytes))) return false
    if (this.#owner !== reader) {
      this.settle()
      this.#owner = reader
    }
    return this.#scanner.scanRecord(bytes)
  }

  /** Gives what was counted to whom it was counted for. */
  settle(): void {
    if (this.#owner !== undefined && this.#scanner.records > this.#settled) {
      this.#give(this.#scanner.takeBatch())
    }
    this.#owner = undefined
  }

  #give(batch: ScanBatch): void {
    const scanned = this.#scanner.records - this.#settled
    this.#settled += scanned
    const found = { batch, set: undefined, bad: [], records: scanned, scanned }
    this.#owner?.absorb([{ ...found, passedOver: 0, handedBack: 0 }], nothingSkipped, new Map())
  }
}

const nothingSkipped = { lines: 0, bytes: 0 }
