/** Flows from Kafka: what the partitions of topics hold, read once, from where an earlier run got to, or on and on. */
import { randomUUID } from 'node:crypto'
import { NetweirError } from '../errors.ts'
import type { Handed } from './handoff.ts'
import { Handoff } from './handoff.ts'
import type { KafkaLogin } from './kafka-address.ts'
import { kafkaConnection, parseKafkaAddress } from './kafka-address.ts'
import type {
  KafkaClient,
  KafkaPatience,
  KafkaRecord,
  Membership,
  PartitionPosition,
  PartitionRange,
  RecordBatch,
} from './kafka-client.ts'
import { defaultPatience } from './kafka-client.ts'
import { DeadLetters } from './kafka-dead-letters.ts'
import type { ReadPosition } from './kafka-positions.ts'
import { KafkaPositions } from './kafka-positions.ts'
import { decodeValue, textFormats } from './kafka-values.ts'
import { createKafkaClient } from './kafkajs.ts'
import type {
  Completeness,
  LiveOptions,
  OpenSource,
  Piece,
  SourceHost,
  SourceNotice,
  SourceProgress,
} from './source.ts'
import { openStateTopic } from './state-source.ts'

/** How Kafka sources are read, beyond what all live sources know. */
export interface KafkaOptions {
  readonly login?: KafkaLogin
  /** Where an earlier run got to. Partitions that are absent start at their first record. */
  readonly positions?: readonly ReadPosition[]
  /** The topic that values go to which are no flows. Default: none. */
  readonly deadLetterTopic?: string
  /** The part of the values that may be no flows; more fail the run. Default: 0.5. */
  readonly maxBadRatio?: number
  /** Say which formats were seen. Default: no. */
  readonly explainFormat?: boolean
  /** Milliseconds between two savings of a state while reading goes on. Default: 60,000. */
  readonly stateEveryMs?: number
  /** Bounds of waiting, for tests. */
  readonly patience?: KafkaPatience & { readonly idleMs?: number }
}

/** A bounded reading that gets nothing for so long, though there should be something, has failed. */
const defaultIdleMs = 60_000

/** Follow mode rides out restarts of brokers. */
const followSilenceMs = 300_000

const heartbeatMs = 2_000

/** Clocks of shippers may be behind: a record is asked for from so much before the time that is wanted. */
const clockMarginMs = 600_000

/** Opens the topics that `name` means. @throws {NetweirError} as `openSource` does. */
export async function openKafka(
  name: string,
  options: LiveOptions,
  host: SourceHost,
): Promise<OpenSource> {
  const address = parseKafkaAddress(name)
  const kafka = options.kafka ?? {}
  const { deadLetterTopic } = kafka
  if (deadLetterTopic !== undefined && address.topics.includes(deadLetterTopic)) {
    throw new NetweirError('USAGE', `--dlq-topic "${deadLetterTopic}" is a topic that is read`)
  }
  const patience = kafka.patience ?? defaultPatience
  const connection = await kafkaConnection(address, kafka.login, options.tls)
  const client = createKafkaClient({ ...connection, patience }, name)
  try {
    const [topic = '', ...others] = address.topics
    const state = others.length > 0 ? undefined : await openStateTopic(name, topic, client, host)
    if (state !== undefined) {
      await client.close()
      return state
    }
    const ranges: PartitionRange[] = []
    for (const topic of address.topics) ranges.push(...(await client.ranges(topic)))
    if (deadLetterTopic !== undefined) await client.ranges(deadLetterTopic)
    const starts = await startsOf(client, address.topics, options)
    checkPositions(kafka.positions ?? [], ranges, name)
    const positions = new KafkaPositions({
      ranges,
      starts,
      follow: options.follow ?? false,
      ...(options.last === undefined ? {} : { last: options.last }),
    })
    return new KafkaSource({ name, topics: address.topics, client, positions, options, host })
  } catch (reason) {
    await client.close()
    throw reason
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

async function startsOf(
  client: KafkaClient,
  topics: readonly string[],
  { sinceMs, kafka }: LiveOptions,
): Promise<readonly ReadPosition[]> {
  if (kafka?.positions !== undefined) return kafka.positions
  if (sinceMs === undefined) return []
  const fromMs = Math.max(0, sinceMs - clockMarginMs)
  return (await Promise.all(topics.map((topic) => client.positionsAt(topic, fromMs)))).flat()
}

/** A topic that was deleted and created again has the same name and other records. */
function checkPositions(
  positions: readonly PartitionPosition[],
  ranges: readonly PartitionRange[],
  name: string,
): void {
  for (const { topic, partition, offset } of positions) {
    const range = ranges.find((one) => one.topic === topic && one.partition === partition)
    if (range !== undefined && offset <= range.end) continue
    const found = range === undefined ? 'is not there' : `ends at offset ${range.end}`
    throw new NetweirError(
      'SET_INVALID',
      `the state was read to offset ${offset} of ${topic}/${partition}, which ${found}`,
      {
        location: { file: name },
        hint: 'the state belongs to another cluster, other topics, or a topic that was created anew: begin another file',
      },
    )
  }
}

interface SourceParts {
  readonly name: string
  readonly topics: readonly string[]
  readonly client: KafkaClient
  readonly positions: KafkaPositions
  readonly options: LiveOptions
  readonly host: SourceHost
}

/** Values that were fetched together, taken apart. */
interface Delivery {
  readonly batch: RecordBatch
  readonly pieces: readonly Piece[]
  /** Which record each piece is of. */
  readonly records: ReadonlyMap<Piece, KafkaRecord>
}

class KafkaSource implements OpenSource {
  readonly name: string
  readonly pieces: AsyncIterable<readonly Piece[]>
  readonly #parts: SourceParts
  readonly #letters: DeadLetters
  readonly #handoff = new Handoff<Delivery>()
  readonly #stop = new AbortController()
  readonly #formats = new Map<string, number>()
  #bytes = 0
  #values = 0
  #movedMs = Date.now()
  #inHand: Delivery | undefined
  #isDown = false
  #restarts = 0
  #stopped: string | undefined

  constructor(parts: SourceParts) {
    const { name, client, options } = parts
    const { deadLetterTopic, maxBadRatio } = options.kafka ?? {}
    this.name = name
    this.#parts = parts
    this.#letters = new DeadLetters(client, {
      name,
      ...(deadLetterTopic === undefined ? {} : { topic: deadLetterTopic }),
      ...(maxBadRatio === undefined ? {} : { maxRatio: maxBadRatio }),
    })
    this.pieces = this.#read()
  }

  progress(): SourceProgress {
    const { lag } = this.#parts.positions
    return {
      source: this.name,
      bytes: this.#bytes,
      live: { lostEvents: 0, lag, isDown: this.#isDown },
    }
  }

  completeness(): Completeness {
    const { positions } = this.#parts
    const unread = positions.unread
    if (this.#stopped !== undefined) {
      const reason = this.#stopped
      const places = unread.length === 0 ? [`${this.name}: ${reason}`] : unread
      return { stopped: places.map((place) => `${place}: ${reason}`), missing: positions.gaps }
    }
    const early = unread.map((place) => `${place}, where the window was closed`)
    return { stopped: [], missing: [...positions.gaps, ...early] }
  }

  notices(): readonly SourceNotice[] {
    const location = { file: this.name }
    const { positions, options } = this.#parts
    const bad = this.#letters.samples.map(({ file, text }) => ({
      message: `no flow: ${text}`,
      location: { file: `${this.#place()}${file}` },
    }))
    const topic = options.kafka?.deadLetterTopic
    const formats = [...this.#formats].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    return [
      { message: positions.summary, location, isNews: true },
      ...(options.kafka?.explainFormat === true
        ? formats.map(([format, count]) => ({
            message: `format: ${count} ${format}`,
            location,
            isNews: true,
          }))
        : []),
      ...bad,
      ...(topic === undefined || this.#letters.count === 0
        ? []
        : [{ message: `${this.#letters.count} values went to topic ${topic}`, location }]),
      ...(this.#restarts === 0
        ? []
        : [{ message: `the connection was made anew ${times(this.#restarts)}`, location }]),
      ...positions.added.map((place) => ({
        message: `${place} was added after reading began, and is left to the next run`,
        location,
      })),
    ]
  }

  positions(): readonly ReadPosition[] {
    return this.#parts.positions.positions
  }

  reject(piece: Piece, reason: string): void {
    const record = this.#inHand?.records.get(piece)
    if (this.#inHand === undefined || record === undefined) return
    const { topic, partition } = this.#inHand.batch
    this.#letters.add({ topic, partition, record, reason })
  }

  async *#read(): AsyncGenerator<readonly Piece[], void> {
    const { client, host, positions } = this.#parts
    const stop = (): void => this.#stop.abort()
    for (const signal of [host.closed, host.aborted]) {
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
    }
    const consuming = positions.isDone ? Promise.resolve() : this.#consume()
    const ended = consuming.finally(() => this.#handoff.close())
    ended.catch(() => undefined)
    let handed: Handed<Delivery> | undefined
    try {
      for (;;) {
        handed = await this.#handoff.take()
        if (handed === undefined || host.aborted.aborted) break
        const { batch, pieces } = handed.item
        this.#inHand = handed.item
        yield pieces
        await this.#letters.flush()
        if (positions.reached({ ...batch, offset: batch.next })) this.#checkEnd()
        this.#inHand = undefined
        this.#movedMs = Date.now()
        handed.done()
      }
      await ended
      await this.#letters.flush()
    } catch (reason) {
      this.#noteLoss(reason)
    } finally {
      stop()
      this.#handoff.drop()
      handed?.done()
      for (const signal of [host.closed, host.aborted]) signal.removeEventListener('abort', stop)
      await ended.catch(() => undefined)
      await client.close()
    }
    if (host.aborted.aborted) {
      throw new NetweirError('INTERRUPTED', `interrupted while reading "${this.name}"`)
    }
  }

  /** What is lost after reading began is a partial result; anything else is a failure of its own. */
  #noteLoss(reason: unknown): void {
    // A topic that is not there any more was deleted.
    const isLoss =
      reason instanceof NetweirError &&
      (reason.code === 'SOURCE_LOST' || reason.code === 'SOURCE_NOT_FOUND')
    if (!isLoss || this.#parts.host.aborted.aborted) throw reason
    this.#stopped = reason.message
  }

  async #consume(): Promise<void> {
    const { client, topics, options } = this.#parts
    const patience = options.kafka?.patience
    const silenceMs =
      patience?.silenceMs ?? (options.follow === true ? followSilenceMs : defaultPatience.silenceMs)
    const idleMs = patience?.idleMs ?? defaultIdleMs
    const failed = new AbortController()
    const watch = setInterval(() => this.#watch(idleMs, failed), Math.min(1_000, idleMs / 4))
    try {
      await client.consume({
        group: `netweir-once-${randomUUID()}`,
        isAlone: true,
        topics,
        signal: AbortSignal.any([this.#stop.signal, failed.signal]),
        silenceMs,
        onJoin: (membership) => this.#join(membership),
        onBatch: (batch, membership) => this.#deliver(batch, membership),
        onPassed: (position, expired) => {
          this.#movedMs = Date.now()
          if (this.#parts.positions.reached(position, expired)) this.#checkEnd()
        },
        onEvent: ({ kind }) => {
          this.#isDown = kind !== 'joined'
          if (kind === 'restarting') this.#restarts += 1
        },
      })
      failed.signal.throwIfAborted()
    } finally {
      clearInterval(watch)
    }
  }

  #watch(idleMs: number, failed: AbortController): void {
    const { options, positions, name } = this.#parts
    if (this.#inHand !== undefined || options.follow === true || positions.isDone) return
    if (Date.now() - this.#movedMs < idleMs) return
    const words = `nothing came for ${Math.round(idleMs / 1000)} s`
    failed.abort(new NetweirError('SOURCE_LOST', words, { location: { file: name } }))
  }

  #join(membership: Membership): readonly PartitionPosition[] {
    const { starts, done } = this.#parts.positions.assigned(membership.partitions)
    for (const partition of done) membership.pause(partition)
    this.#isDown = false
    return starts
  }

  async #deliver(batch: RecordBatch, membership: Membership): Promise<void> {
    const records = new Map<Piece, KafkaRecord>()
    for (const record of this.#parts.positions.take(batch)) {
      for (const piece of this.#piecesOf(batch, record)) records.set(piece, record)
    }
    const taken = this.#handoff.put({ batch, pieces: [...records.keys()], records })
    let isTaken = false
    const end = taken.then(() => {
      isTaken = true
    })
    while (!isTaken) {
      const timer = new Promise<void>((resolve) => {
        setTimeout(resolve, heartbeatMs).unref()
      })
      await Promise.race([end, timer])
      if (!isTaken) await membership.heartbeat()
    }
    if (this.#parts.positions.reached({ ...batch, offset: batch.from })) membership.pause(batch)
  }

  #piecesOf({ topic, partition }: RecordBatch, record: KafkaRecord): readonly Piece[] {
    const { format, parts } = decodeValue(record.value)
    this.#values += 1
    this.#bytes += record.value?.length ?? 0
    this.#letters.countValue()
    if (this.#parts.options.kafka?.explainFormat === true) this.#explain(format, parts)
    const place = { source: `${this.#place()}${topic}/${partition}`, offset: record.offset }
    return parts.map(({ bytes, encoding, fault }) => ({
      bytes,
      place,
      encoding,
      end: 'whole',
      ...(fault === undefined ? {} : { fault }),
    }))
  }

  #explain(format: string, parts: readonly { readonly bytes: Uint8Array }[]): void {
    const kinds = format.endsWith('text')
      ? parts.flatMap(({ bytes }) =>
          textFormats(bytes).map((kind) => format.replace(/text$/, kind)),
        )
      : [format]
    for (const kind of kinds) this.#formats.set(kind, (this.#formats.get(kind) ?? 0) + 1)
  }

  /** `kafka://brokers/`: what stands before topic, partition and offset in every place. */
  #place(): string {
    return this.name.slice(0, this.name.lastIndexOf('/') + 1)
  }

  #checkEnd(): void {
    if (this.#parts.positions.isDone) this.#stop.abort()
  }
}
