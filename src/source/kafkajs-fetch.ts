/**
 * What brokers answer to a fetch, taken apart by us instead of kafkajs: it decodes and decompresses all of an answer at
 * once, into objects for every record, stays for ever where a batch is empty (tulios/kafkajs#1072), takes any four zero
 * bytes in a key for the end of a transaction, and lets aborted transactions that overlap pass.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import type { Batch } from 'kafkajs'
import type { AbortedTransaction, ReadBatches, StoredBatches } from './kafka-batches.ts'
import { areBatches, committedBatches, recordsAtOnce } from './kafka-batches.ts'
import type { RecordBatch } from './kafka-client.ts'
import { keyOf } from './kafkajs-membership.ts'
import { recordOf } from './kafkajs-records.ts'

/** kafkajs's decoder of what brokers stored before version 0.11. */
type OldDecoder = (decoder: object, size: number) => Promise<readonly unknown[]>

/** One message stands for all of a partition's: kafkajs reads nothing of it but its last offset, and whether to skip it. */
interface Fetched {
  readonly offset: string
  readonly isControlRecord: boolean
  readonly key: null
  readonly value: null
  readonly batchContext: object
  readonly stored: StoredBatches
}

/** Answers of these versions hold record batches. */
const versions = [4, 5, 6, 7, 8, 9, 10, 11]

/** Whether it is us who asked: others in this process may use kafkajs, too. */
const isOurs = new AsyncLocalStorage<true>()

/** Runs a consumer of kafkajs whose answers are taken apart our way: {@link batchesIn} reads what it gets. */
export function fetchOurWay<T>(run: () => Promise<T>): Promise<T> {
  return isOurs.run(true, run)
}

/** Makes {@link fetchOurWay} possible. */
export function mendFetch(): void {
  const require = createRequire(import.meta.url)
  const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
  const decodeOld = require('kafkajs/src/protocol/messageSet/decoder') as OldDecoder
  const decodeSet = (bytes: Buffer): Promise<readonly unknown[]> =>
    decodeOld(new Decoder(bytes), bytes.length)
  for (const version of versions) {
    const response = require(`kafkajs/src/protocol/requests/fetch/v${version}/response`) as {
      decode(bytes: Buffer): Promise<unknown>
    }
    const decode = response.decode.bind(response)
    response.decode = (bytes) =>
      isOurs.getStore() === true ? new Answer(bytes, version, decodeSet).read() : decode(bytes)
  }
}

/**
 * Yields what a batch of kafkajs stands for, decompressed bit by bit: never a record from before the offset that was
 * asked for. `source` is the name that places begin with.
 */
export async function* batchesIn(batch: Batch, source: string): AsyncGenerator<RecordBatch, void> {
  const { topic, partition } = batch
  const { fetchedOffset } = batch as { readonly fetchedOffset?: string }
  const first = Number(fetchedOffset ?? batch.firstOffset() ?? 0)
  const highWatermark = Number(batch.highWatermark)
  let from = first
  for await (const { records, next } of recordsIn(batch, source)) {
    const wanted = records.filter(({ offset }) => offset >= first)
    yield { topic, partition, records: wanted, from, next, highWatermark }
    from = next
  }
}

async function* recordsIn(batch: Batch, source: string): AsyncGenerator<ReadBatches, void> {
  const [fetched] = batch.messages as unknown as readonly Partial<Fetched>[]
  if (fetched?.stored === undefined) {
    const records = batch.messages.map(recordOf)
    yield { records, next: Math.max(Number(batch.lastOffset()), records.at(-1)?.offset ?? 0) + 1 }
  } else {
    const place = `${source.replace(/[^/]*$/, '')}${keyOf(batch)}`
    yield* recordsAtOnce(fetched.stored, place)
  }
}

/** Kafka's `FetchResponse`. */
class Answer {
  readonly #bytes: Buffer
  readonly #version: number
  readonly #decodeSet: (bytes: Buffer) => Promise<readonly unknown[]>
  #at = 0

  constructor(
    bytes: Buffer,
    version: number,
    decodeSet: (bytes: Buffer) => Promise<readonly unknown[]>,
  ) {
    this.#bytes = bytes
    this.#version = version
    this.#decodeSet = decodeSet
  }

  async read(): Promise<object> {
    const throttleTime = this.#int32()
    // Since version 8 the broker has answered before it throttles: the next request is what waits.
    const throttling =
      this.#version < 8
        ? { throttleTime }
        : { throttleTime: 0, clientSideThrottleTime: throttleTime }
    const session = this.#version < 7 ? {} : { errorCode: this.#int16(), sessionId: this.#int32() }
    const responses: object[] = []
    for (let left = this.#int32(); left > 0; left -= 1) {
      const topicName = this.#take(this.#int16()).toString('utf8')
      const partitions: object[] = []
      for (let more = this.#int32(); more > 0; more -= 1) partitions.push(await this.#partition())
      responses.push({ topicName, partitions })
    }
    return { ...throttling, ...session, responses }
  }

  async #partition(): Promise<object> {
    const head = {
      partition: this.#int32(),
      errorCode: this.#int16(),
      highWatermark: String(this.#int64()),
      lastStableOffset: String(this.#int64()),
    }
    if (this.#version >= 5) this.#int64()
    const aborted: AbortedTransaction[] = []
    for (let left = this.#int32(); left > 0; left -= 1) {
      aborted.push({ producer: this.#int64(), first: Number(this.#int64()) })
    }
    const replica = this.#version < 11 ? {} : { preferredReadReplica: this.#int32() }
    const messages = await this.#messages(this.#take(this.#int32()), aborted)
    // What was aborted is not among the messages: nothing is left to filter.
    return { ...head, ...replica, abortedTransactions: [], messages }
  }

  #messages(
    bytes: Buffer,
    aborted: readonly AbortedTransaction[],
  ): Promise<readonly unknown[]> | readonly Fetched[] {
    if (bytes.length > 0 && !areBatches(bytes)) return this.#decodeSet(bytes)
    const stored = committedBatches(bytes, aborted)
    if (stored === undefined) return []
    return [
      {
        offset: String(stored.next - 1),
        isControlRecord: stored.batches.length === 0,
        key: null,
        value: null,
        batchContext: {},
        stored,
      },
    ]
  }

  #int16(): number {
    this.#at += 2
    return this.#bytes.readInt16BE(this.#at - 2)
  }

  #int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  #int64(): bigint {
    this.#at += 8
    return this.#bytes.readBigInt64BE(this.#at - 8)
  }

  #take(length: number): Buffer {
    const start = this.#at
    this.#at += Math.max(0, length)
    return this.#bytes.subarray(start, this.#at)
  }
}
