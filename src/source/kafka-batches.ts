/**
 * Record batches as brokers store and send them (Kafka's record batch, magic 2). A batch is looked at without being
 * decompressed, so that no more of a fetch is in memory than the batches that are being read.
 */
import { NetweirError } from '../errors.ts'
import type { KafkaHeader, KafkaRecord } from './kafka-client.ts'
import { decompressors } from './kafka-codecs.ts'

/** A batch of which only the head was read. */
export interface StoredBatch {
  /** Offset that the deltas of its records count from. */
  readonly base: number
  /** One past its last offset, which compaction may have taken the record of. */
  readonly next: number
  /** Markers of transactions, and no data. */
  readonly isControl: boolean
  readonly isTransactional: boolean
  readonly producer: bigint
  /** Records that it still holds. */
  readonly count: number
  readonly codec: number
  /** Of a record with a delta of 0. */
  readonly timeMs: number
  /** The broker's, where it and not the producer said when. */
  readonly appendedMs: number | undefined
  readonly body: Buffer
}

/** A transaction that was given up: its records from this offset on are nobody's. */
export interface AbortedTransaction {
  readonly producer: bigint
  readonly first: number
}

/** What one fetch has of a partition. */
export interface StoredBatches {
  /** Those that hold data, with their records not yet looked at. */
  readonly batches: readonly StoredBatch[]
  /** Where reading goes on: behind all that was fetched, markers and empty batches included. */
  readonly next: number
}

/** The records of some batches that follow each other. */
export interface ReadBatches {
  readonly records: readonly KafkaRecord[]
  /** Where reading goes on behind them. */
  readonly next: number
}

const headBytes = 61
/** What the length of a batch does not count: its first offset, and itself. */
const uncountedBytes = 12
const magicAt = 16

/** Of values: what is decompressed at once, unless a single batch holds more. */
const bytesAtOnce = 1024 * 1024

const codecBits = 0b111
const appendTimeBit = 0b1000
const transactionalBit = 0b1_0000
const controlBit = 0b10_0000

/** Tells whether bytes of a partition are record batches, and not what brokers stored before version 0.11. */
export function areBatches(bytes: Buffer): boolean {
  return bytes.length > magicAt && bytes.readInt8(magicAt) === 2
}

/**
 * Returns the committed batches of what was fetched of a partition, or undefined where not even one batch is whole. The
 * last one may be cut: brokers cut by bytes.
 * @throws {NetweirError} `SOURCE_CORRUPT` for a damaged marker: what comes after it cannot be told apart.
 */
export function committedBatches(
  bytes: Buffer,
  aborted: readonly AbortedTransaction[],
): StoredBatches | undefined {
  const transactions = new AbortedTransactions(aborted)
  const batches: StoredBatch[] = []
  let next: number | undefined
  for (let at = 0; at + headBytes <= bytes.length; ) {
    const length = uncountedBytes + bytes.readInt32BE(at + 8)
    if (length < headBytes || at + length > bytes.length) break
    const batch = batchOf(bytes.subarray(at, at + length))
    if (transactions.holdsData(batch) && batch.count > 0) batches.push(batch)
    next = batch.next
    at += length
  }
  return next === undefined ? undefined : { batches, next }
}

/** Which transactions are open and will be given up, at the batch that is looked at. */
class AbortedTransactions {
  readonly #begin: AbortedTransaction[]
  readonly #open = new Set<bigint>()

  /** Brokers give them in the order in which they ended. */
  constructor(aborted: readonly AbortedTransaction[]) {
    this.#begin = [...aborted].sort((a, b) => a.first - b.first)
  }

  /** Goes on to the next batch, and tells whether it holds data that was not given up. */
  holdsData(batch: StoredBatch): boolean {
    while (this.#begin[0] !== undefined && this.#begin[0].first < batch.next) {
      this.#open.add(this.#begin[0].producer)
      this.#begin.shift()
    }
    if (!batch.isControl) return !(batch.isTransactional && this.#open.has(batch.producer))
    if (isAbortMarker(batch)) this.#open.delete(batch.producer)
    return false
  }
}

function batchOf(bytes: Buffer): StoredBatch {
  const base = Number(bytes.readBigInt64BE(0))
  const attributes = bytes.readInt16BE(21)
  return {
    base,
    next: base + bytes.readInt32BE(23) + 1,
    isControl: (attributes & controlBit) !== 0,
    isTransactional: (attributes & transactionalBit) !== 0,
    producer: bytes.readBigInt64BE(43),
    count: bytes.readInt32BE(57),
    codec: attributes & codecBits,
    timeMs: Number(bytes.readBigInt64BE(27)),
    appendedMs: (attributes & appendTimeBit) === 0 ? undefined : Number(bytes.readBigInt64BE(35)),
    body: bytes.subarray(headBytes),
  }
}

/** The key of a marker is a version and a kind, of two bytes each; kind 0 gives the transaction up. */
function isAbortMarker(batch: StoredBatch): boolean {
  let marker: KafkaRecord | undefined
  try {
    marker = recordsIn(batch, batch.body)[0]
  } catch (cause) {
    throw new NetweirError('SOURCE_CORRUPT', 'the end of a transaction is damaged', { cause })
  }
  return marker?.key?.length === 4 && marker.key[2] === 0 && marker.key[3] === 0
}

/**
 * Returns the records of a batch, whose bytes are those of the batch or of what it was decompressed to.
 * @throws {NetweirError} `SOURCE_CORRUPT` and `SOURCE_UNREADABLE`, with `place` and the batch's offset.
 */
async function recordsOf(batch: StoredBatch, place: string): Promise<KafkaRecord[]> {
  const location = { file: place, offset: batch.base }
  try {
    const decompress = decompressors.get(batch.codec)
    return recordsIn(batch, decompress === undefined ? batch.body : await decompress(batch.body))
  } catch (reason) {
    const isOurs = reason instanceof NetweirError
    throw new NetweirError(
      isOurs ? reason.code : 'SOURCE_CORRUPT',
      isOurs ? reason.message : 'a batch of records is damaged',
      {
        location,
        cause: reason,
        ...(isOurs && reason.hint !== undefined ? { hint: reason.hint } : {}),
      },
    )
  }
}

/** Yields the records of stored batches, of some at a time: of as many as hold {@link bytesAtOnce} together. */
export async function* recordsAtOnce(
  { batches, next }: StoredBatches,
  place: string,
): AsyncGenerator<ReadBatches, void> {
  let records: KafkaRecord[] = []
  let bytes = 0
  for (const [index, batch] of batches.entries()) {
    const more = await recordsOf(batch, place)
    records = records.length === 0 ? more : records.concat(more)
    bytes += more.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
    const isLast = index === batches.length - 1
    if (!isLast && bytes < bytesAtOnce) continue
    yield { records, next: isLast ? next : batch.next }
    records = []
    bytes = 0
  }
}

function recordsIn(batch: StoredBatch, bytes: Buffer): KafkaRecord[] {
  const cursor = new RecordCursor(bytes)
  const records: KafkaRecord[] = []
  for (let index = 0; index < batch.count; index += 1) {
    const length = cursor.number()
    const end = cursor.at + length
    if (length < 0 || end > bytes.length) throw new Error('a record is cut')
    cursor.at += 1
    const timeDelta = cursor.number()
    const offset = batch.base + cursor.number()
    const key = cursor.bytes()
    const value = cursor.bytes()
    if (cursor.at > end) throw new Error('a record is longer than it says')
    const headers = bytes.subarray(cursor.at, end)
    records.push(
      new StoredRecord(offset, batch.appendedMs ?? batch.timeMs + timeDelta, key, value, headers),
    )
    cursor.at = end
  }
  return records
}

/** Headers are read when somebody asks for them. */
class StoredRecord implements KafkaRecord {
  readonly offset: number
  readonly timeMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly #headers: Buffer

  constructor(
    offset: number,
    timeMs: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: Buffer,
  ) {
    this.offset = offset
    this.timeMs = timeMs
    this.key = key
    this.value = value
    this.#headers = headers
  }

  /** Those that are damaged end where the damage begins. */
  get headers(): readonly KafkaHeader[] {
    const headers: KafkaHeader[] = []
    const cursor = new RecordCursor(this.#headers)
    try {
      for (let left = cursor.number(); left > 0; left -= 1) {
        const name = cursor.bytes() ?? Buffer.alloc(0)
        headers.push([name.toString('utf8'), cursor.bytes() ?? Buffer.alloc(0)])
      }
    } catch {
      return headers
    }
    return headers
  }
}

/** Reads the numbers and byte strings of records. */
class RecordCursor {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Zigzag, at most ten bytes. */
  number(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.#bytes[this.at]
      if (byte === undefined || factor > 2 ** 63) throw new Error('a number is cut')
      this.at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
      factor *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Null where the length says so. */
  bytes(): Buffer | null {
    const length = this.number()
    if (length < 0) return null
    const end = this.at + length
    if (end > this.#bytes.length) throw new Error('bytes are cut')
    const found = this.#bytes.subarray(this.at, end)
    this.at = end
    return found
  }
}
