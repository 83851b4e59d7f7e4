/** Records as kafkajs has them, and as netweir has them. */
import type { KafkaMessage, Message } from 'kafkajs'
import type { KafkaHeader, KafkaRecord, OutgoingRecord } from './kafka-client.ts'

/** Returns a record that was read. */
export function recordOf({ offset, timestamp, key, value, headers }: KafkaMessage): KafkaRecord {
  return {
    offset: Number(offset),
    timeMs: Number(timestamp),
    key,
    value,
    headers: headers === undefined ? [] : headersRead(headers),
  }
}

function headersRead(headers: NonNullable<KafkaMessage['headers']>): readonly KafkaHeader[] {
  // A name such as `constructor` finds what kafkajs takes for an earlier value.
  return Object.entries(headers).flatMap(([name, values]) =>
    [values ?? '']
      .flat()
      .filter((value: unknown) => typeof value === 'string' || Buffer.isBuffer(value))
      .map((value): KafkaHeader => [name, Buffer.from(value)]),
  )
}

/** Returns a record to write. */
export function messageOf(record: OutgoingRecord, partition: number | undefined): Message {
  return {
    key: toBuffer(record.key),
    value: toBuffer(record.value),
    headers: headersOf(record),
    ...(partition === undefined ? {} : { partition }),
  }
}

function headersOf({ headers = [] }: OutgoingRecord): NonNullable<KafkaMessage['headers']> {
  // Whoever wrote a record may have named a header `__proto__`.
  const grouped = Object.create(null) as Record<string, Buffer[]>
  for (const [name, value] of headers) {
    grouped[name] ??= []
    grouped[name].push(Buffer.from(value))
  }
  return grouped
}

function toBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
