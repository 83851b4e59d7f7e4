/** The connection that the name of a Kafka source means. */
import { readFile } from 'node:fs/promises'
import { NetweirError } from '../errors.ts'
import type { KafkaClient, KafkaTls } from './kafka-client.ts'
import type { KafkaName } from './kafka-name.ts'
import type { TlsOptions } from './source.ts'

/** Returns a client for what a name means, with the certificates that are named. @throws {NetweirError} `SOURCE_UNREADABLE`. */
export async function connectKafka(
  source: string,
  { brokers, isTls }: KafkaName,
  tls: TlsOptions | undefined,
): Promise<KafkaClient> {
  // The client is loaded only by runs that need it.
  const { createKafkaClient } = await import('./kafkajs.ts')
  return createKafkaClient({ brokers, ...(isTls ? { tls: await tlsOf(tls ?? {}) } : {}) }, source)
}

async function tlsOf({ ca, cert, key, serverName }: TlsOptions): Promise<KafkaTls> {
  return {
    ...(ca === undefined ? {} : { ca: await readPem(ca) }),
    ...(cert === undefined ? {} : { certificate: await readPem(cert) }),
    ...(key === undefined ? {} : { key: await readPem(key) }),
    ...(serverName === undefined ? {} : { serverName }),
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new NetweirError('SOURCE_UNREADABLE', 'cannot read the file', {
      location: { file },
      cause,
    })
  }
}
