/** The Kafka client that netweir uses: kafkajs, with what it lacks (`kafka.md` 2.3). Loaded when a run needs it. */
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { connect as connectPlain, isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, rootCertificates } from 'node:tls'
import type { Admin, Producer } from 'kafkajs'
import kafkajs from 'kafkajs'
import { NetweirError } from '../errors.ts'
import type {
  ConsumeOptions,
  KafkaClient,
  KafkaConnection,
  KafkaPatience,
  OutgoingRecord,
  PartitionPosition,
  PartitionRange,
  TopicSpec,
} from './kafka-client.ts'
import { defaultPatience } from './kafka-client.ts'
import { decompressors } from './kafka-codecs.ts'
import { kafkaError, noTopic } from './kafka-errors.ts'
import { within } from './kafka-wait.ts'
import { mendFetch } from './kafkajs-fetch.ts'
import { consumeAsMember } from './kafkajs-member.ts'
import { messageOf } from './kafkajs-records.ts'

const { CompressionCodecs, Kafka, logLevel, Partitioners } = kafkajs

/** Answers of brokers that do not lead the partition or group, or do not yet. */
const leaderless: ReadonlySet<string> = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
])

/** How often, and after which pause, those are asked again. */
const leaderAttempts = 10
const leaderWaitMs = 300

/** How long leaving may take before connections are cut. */
const closingMs = 5_000

/** Returns a client; nothing is connected yet. `place` is what errors name. */
export function createKafkaClient(connection: KafkaConnection, place: string): KafkaClient {
  prepare()
  return new KafkajsClient(connection, place)
}

let isPrepared = false

/** What is mended of kafkajs is so for the whole process, and so are its codecs: batches of before 0.11 need them. */
function prepare(): void {
  if (isPrepared) return
  isPrepared = true
  const codecs: Record<number, () => Codec> = CompressionCodecs
  for (const [codec, decompress] of decompressors) codecs[codec] = () => ({ compress, decompress })
  mendRequestQueue()
  mendFetch()
}

interface Codec {
  compress(): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

/** What is written is little. */
function compress(): Promise<Buffer> {
  return Promise.reject(new NetweirError('INTERNAL', 'records are written without compression'))
}

interface RequestQueue {
  pending: readonly unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
}

/**
 * The queue of requests of kafkajs 2.2.4 sets a timer in the past whenever it has nothing to do (tulios/kafkajs#1751): a
 * wake-up each millisecond, and a warning of newer Node.js.
 */
function mendRequestQueue(): void {
  const require = createRequire(import.meta.url)
  const { prototype } = require('kafkajs/src/network/requestQueue') as {
    readonly prototype: { scheduleCheckPendingRequests(this: RequestQueue): void }
  }
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
    const waitMs = Math.max(this.throttledUntil - Date.now(), 10)
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    }, waitMs)
  }
}

type Attempts = 'one' | 'some'

class KafkajsClient implements KafkaClient {
  readonly #place: string
  readonly #patience: KafkaPatience
  readonly #kafka: InstanceType<typeof Kafka>
  readonly #connection: KafkaConnection
  readonly #sockets = new Set<Socket>()
  #complaints = 0
  #admin: Promise<Admin> | undefined
  #isClosed = false
  readonly #producers = new Map<Attempts, Promise<Producer>>()

  constructor(connection: KafkaConnection, place: string) {
    this.#place = place
    this.#connection = connection
    this.#patience = connection.patience ?? defaultPatience
    this.#kafka = new Kafka({
      brokers: [...connection.brokers],
      clientId: 'netweir',
      ...(connection.sasl === undefined ? {} : { sasl: saslOf(connection.sasl) }),
      connectionTimeout: Math.min(10_000, this.#patience.connectMs),
      authenticationTimeout: Math.min(10_000, this.#patience.connectMs),
      requestTimeout: this.#patience.requestMs,
      retry: { retries: 4, initialRetryTime: 200, maxRetryTime: 2_000 },
      // Errors come as rejections and events. What kafkajs logs beside them would go to standard output: it is counted.
      logLevel: logLevel.ERROR,
      logCreator: () => () => {
        this.#complaints += 1
      },
      socketFactory: ({ host, port, onConnect }) => this.#connect(host, port, onConnect),
    })
  }

  async ranges(topic: string): Promise<readonly PartitionRange[]> {
    const admin = await this.#connectedAdmin()
    await this.#checkTopic(admin, topic)
    const offsets = await this.#askLeaders(() => admin.fetchTopicOffsets(topic))
    return offsets
      .map(({ partition, low, high }) => ({
        topic,
        partition,
        start: Number(low),
        end: Number(high),
      }))
      .sort((a, b) => a.partition - b.partition)
  }

  async positionsAt(topic: string, timeMs: number): Promise<readonly PartitionPosition[]> {
    const admin = await this.#connectedAdmin()
    await this.#checkTopic(admin, topic)
    const offsets = await this.#ask(admin.fetchTopicOffsetsByTimestamp(topic, timeMs))
    return offsets
      .map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
      .sort((a, b) => a.partition - b.partition)
  }

  async committed(group: string, topics: readonly string[]): Promise<readonly PartitionPosition[]> {
    const admin = await this.#connectedAdmin()
    const found = await this.#askLeaders(() =>
      admin.fetchOffsets({ groupId: group, topics: [...topics] }),
    )
    return found.flatMap(({ topic, partitions }) =>
      partitions
        .map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
        .filter(({ offset }) => offset >= 0),
    )
  }

  async settings(topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const admin = await this.#connectedAdmin()
    await this.#checkTopic(admin, topic)
    const { resources } = await this.#ask(
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [
          { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: [...names] },
        ],
      }),
    )
    const entries = resources.flatMap(({ configEntries }) => configEntries)
    return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
  }

  async createTopic(spec: TopicSpec): Promise<boolean> {
    const admin = await this.#connectedAdmin()
    return this.#ask(
      admin.createTopics({
        waitForLeaders: true,
        timeout: this.#patience.requestMs,
        topics: [
          {
            topic: spec.topic,
            numPartitions: spec.partitions,
            replicationFactor: spec.replicationFactor ?? -1,
            configEntries: Object.entries(spec.settings ?? {}).map(([name, value]) => ({
              name,
              value,
            })),
          },
        ],
      }),
    )
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    const admin = await this.#connectedAdmin()
    await this.#ask(
      admin.createPartitions({
        timeout: this.#patience.requestMs,
        topicPartitions: [{ topic, count }],
      }),
    )
  }

  async consume(options: ConsumeOptions): Promise<void> {
    for (const topic of options.topics) await this.ranges(topic)
    await consumeAsMember(this.#kafka, options, {
      place: this.#place,
      patience: this.#patience,
      partitionBytes: this.#connection.partitionBytes ?? 1_048_576,
      ranges: (topic) => this.ranges(topic),
      complaints: () => this.#complaints,
    })
  }

  async produce(
    topic: string,
    partition: number | undefined,
    records: readonly OutgoingRecord[],
    attempts: Attempts = 'some',
  ): Promise<void> {
    if (await this.#sent(topic, partition, records, attempts)) return
    // The producer knows the partitions of some minutes ago, and drops records of others without a word.
    const producer = await this.#producers.get(attempts)
    this.#producers.delete(attempts)
    await producer?.disconnect()
    if (await this.#sent(topic, partition, records, attempts)) return
    throw new NetweirError('SOURCE_NOT_FOUND', `topic "${topic}" has no partition ${partition}`, {
      location: { file: this.#place },
    })
  }

  /** Returns whether every record has gone somewhere. */
  async #sent(
    topic: string,
    partition: number | undefined,
    records: readonly OutgoingRecord[],
    attempts: Attempts,
  ): Promise<boolean> {
    const producer = await this.#connectedProducer(attempts)
    const written = await this.#ask(
      producer.send({
        topic,
        acks: -1,
        timeout: this.#patience.requestMs,
        messages: records.map((record) => messageOf(record, partition)),
      }),
    )
    return partition === undefined || written.some((part) => part.partition === partition)
  }

  async close(): Promise<void> {
    const open = [this.#admin, ...this.#producers.values()].map(async (client) =>
      (await client)?.disconnect(),
    )
    await within(Promise.allSettled(open), closingMs).catch(() => undefined)
    this.#isClosed = true
    for (const socket of this.#sockets) socket.destroy()
  }

  #connectedAdmin(): Promise<Admin> {
    if (this.#admin !== undefined) return this.#admin
    const admin = this.#connected(this.#kafka.admin())
    this.#admin = admin
    // What could not connect now may be able to later.
    admin.catch(() => {
      this.#admin = undefined
    })
    return admin
  }

  /** Without a producer id, compacted topics keep no empty batches, which kafkajs cannot read (tulios/kafkajs#1072). */
  #connectedProducer(attempts: Attempts): Promise<Producer> {
    const known = this.#producers.get(attempts)
    if (known !== undefined) return known
    const producer = this.#connected(
      this.#kafka.producer({
        idempotent: false,
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
        maxInFlightRequests: 1,
        ...(attempts === 'one' ? { retry: { retries: 0 } } : {}),
      }),
    )
    this.#producers.set(attempts, producer)
    producer.catch(() => {
      this.#producers.delete(attempts)
    })
    return producer
  }

  async #connected<T extends { connect(): Promise<void> }>(client: T): Promise<T> {
    await this.#ask(client.connect(), this.#patience.connectMs)
    return client
  }

  /** Asking for the metadata of one topic would create it where brokers do so; asking for all does not. */
  async #checkTopic(admin: Admin, topic: string): Promise<void> {
    const topics = await this.#ask(admin.listTopics())
    if (!topics.includes(topic)) throw noTopic(topic, this.#place)
  }

  /** Asks again while a topic or group is so new, or a broker so lately gone, that nobody leads it yet. */
  async #askLeaders<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#ask(ask())
      } catch (reason) {
        const { type } = ((reason as NetweirError).cause ?? {}) as { readonly type?: unknown }
        if (!leaderless.has(String(type)) || attempt === leaderAttempts) throw reason
        await sleep(leaderWaitMs)
      }
    }
  }

  async #ask<T>(answer: Promise<T>, waitMs: number = 2 * this.#patience.requestMs): Promise<T> {
    try {
      return await within(answer, waitMs)
    } catch (reason) {
      throw kafkaError(reason, this.#place)
    }
  }

  #connect(host: string, port: number, onConnect: () => void): Socket {
    const { tls } = this.#connection
    const socket =
      tls === undefined
        ? connectPlain({ host, port }, onConnect)
        : connectTls(
            {
              host,
              port,
              ...(tls.ca === undefined ? {} : { ca: [...rootCertificates, tls.ca] }),
              ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
              ...(tls.key === undefined ? {} : { key: tls.key }),
              ...(tls.serverName === undefined
                ? isIP(host) === 0
                  ? { servername: host }
                  : {}
                : { servername: tls.serverName }),
            },
            onConnect,
          )
    // What kafkajs still tries after the end would keep the process alive.
    if (this.#isClosed) socket.destroy(new Error('the client is closed'))
    socket.setKeepAlive(true, 60_000)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }
}

function saslOf(sasl: NonNullable<KafkaConnection['sasl']>): kafkajs.SASLOptions {
  if (sasl.mechanism === 'oauthbearer') {
    const oauthBearerProvider = async (): Promise<{ value: string }> => ({
      value: await sasl.token(),
    })
    return { mechanism: 'oauthbearer', oauthBearerProvider }
  }
  const { mechanism, user, password } = sasl
  return { mechanism, username: user, password } as kafkajs.SASLOptions
}
