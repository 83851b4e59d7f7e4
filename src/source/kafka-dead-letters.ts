/** Records of a bus that nobody can read: counted, shown in part, kept in a topic on request, and too many are an error. */
import { NetweirError } from '../errors.ts'
import type { KafkaClient, KafkaRecord, OutgoingRecord, TopicPartition } from './kafka-client.ts'

/** A value with where it stands and why it was bad. */
export interface DeadLetter extends TopicPartition {
  readonly record: KafkaRecord
  readonly reason: string
}

/** What is done about bad records. */
export interface DeadLetterOptions {
  readonly name: string
  /** Where they go. Default: nowhere. */
  readonly topic?: string
  /** The part of the values from which on the run fails; 1 never does. Default: 0.5. */
  readonly maxRatio?: number
}

/** Values that must have been read before the part of bad ones says anything. */
const leastValues = 1_000

const maxSamples = 5
const sampleBytes = 200

/** Brokers take batches of one megabyte unless told otherwise; headers need some room, too. */
const maxSendBytes = 900_000

/** The bad records of one source. */
export class DeadLetters {
  readonly #client: KafkaClient
  readonly #options: DeadLetterOptions
  readonly #samples: { readonly file: string; readonly text: string }[] = []
  #pending: DeadLetter[] = []
  #values = 0
  #bad = 0

  constructor(client: KafkaClient, options: DeadLetterOptions) {
    this.#client = client
    this.#options = options
  }

  /** How many records went to the topic of dead letters, or would have. */
  get count(): number {
    return this.#bad
  }

  /** The first bad records: where they stand, and what they look like without saying anything. */
  get samples(): readonly { readonly file: string; readonly text: string }[] {
    return this.#samples
  }

  countValue(): void {
    this.#values += 1
  }

  add(letter: DeadLetter): void {
    this.#bad += 1
    if (this.#options.topic !== undefined) this.#pending.push(letter)
    if (this.#samples.length >= maxSamples) return
    const { topic, partition, record, reason } = letter
    const shape = redacted(record.value ?? new Uint8Array(0))
    this.#samples.push({
      file: `${topic}/${partition}@${record.offset}`,
      text: `${reason}: ${shape}`,
    })
  }

  /**
   * Resolves when all bad records so far are kept, so that the position behind them may be.
   * @throws {NetweirError} `NOT_FLOWS` when there are too many of them, and the codes of the client.
   */
  async flush(): Promise<void> {
    const { topic } = this.#options
    const letters = this.#pending
    this.#pending = []
    if (topic !== undefined) {
      for (const batch of batchesOf(letters.map(outgoing))) {
        await this.#client.produce(topic, undefined, batch)
      }
    }
    this.#check()
  }

  #check(): void {
    const { maxRatio = 0.5, name } = this.#options
    if (this.#values < leastValues || this.#bad <= maxRatio * this.#values) return
    const [sample] = this.#samples
    throw new NetweirError(
      'NOT_FLOWS',
      `${this.#bad} of ${this.#values} values are no flows, more than --max-bad-ratio ${maxRatio}`,
      {
        location: { file: name },
        hint: `${sample === undefined ? '' : `the first one, ${sample.file}: ${sample.text}; `}--explain-format says what is there`,
      },
    )
  }
}

/** Returns the shape of a value: letters as x, digits as 9, the rest of ASCII as it is. */
export function redacted(value: Uint8Array): string {
  const text = [...value.subarray(0, sampleBytes)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      if (/[A-Za-z]/.test(char)) return 'x'
      if (/\d/.test(char)) return '9'
      return byte >= 0x20 && byte < 0x7f ? char : '.'
    })
    .join('')
  return value.length > sampleBytes ? `${text}...` : text
}

function outgoing({ topic, partition, record, reason }: DeadLetter): OutgoingRecord {
  const size = (record.value?.length ?? 0) + (record.key?.length ?? 0)
  const isLarge = size > maxSendBytes / 2
  const text = (value: string | number): Uint8Array => Buffer.from(String(value).slice(0, 500))
  return {
    key: isLarge ? null : record.key,
    value: isLarge ? (record.value?.subarray(0, maxSendBytes / 2) ?? null) : record.value,
    headers: [
      ...(isLarge ? [] : record.headers),
      ['netweir-reason', text(reason)],
      ['netweir-topic', text(topic)],
      ['netweir-partition', text(partition)],
      ['netweir-offset', text(record.offset)],
      ...(isLarge ? [['netweir-cut', text(size)] as const] : []),
    ],
  }
}

function batchesOf(records: readonly OutgoingRecord[]): readonly (readonly OutgoingRecord[])[] {
  const batches: OutgoingRecord[][] = []
  let room = 0
  for (const record of records) {
    const bytes = sizeOf(record)
    if (bytes > room) {
      batches.push([])
      room = maxSendBytes
    }
    batches.at(-1)?.push(record)
    room -= bytes
  }
  return batches
}

function sizeOf({ key, value, headers = [] }: OutgoingRecord): number {
  const heads = headers.reduce((sum, [name, content]) => sum + name.length + content.length + 10, 0)
  return (key?.length ?? 0) + (value?.length ?? 0) + heads + 50
}
