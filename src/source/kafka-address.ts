/** The name of a Kafka source, and what reaching it takes. */
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { NetweirError } from '../errors.ts'
import type { KafkaConnection, KafkaSasl, KafkaTls } from './kafka-client.ts'
import type { TlsOptions } from './source.ts'

/** Mechanisms of SASL. */
export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const

/** How to log in. Secrets come from files, or from the environment: `NETWEIR_KAFKA_PASSWORD`, `NETWEIR_KAFKA_TOKEN`. */
export interface KafkaLogin {
  readonly mechanism: (typeof saslMechanisms)[number]
  readonly user?: string
  readonly passwordFile?: string
  /** Read again at every login, since tokens expire. */
  readonly tokenFile?: string
}

/** What the name of a source says. */
export interface KafkaAddress {
  readonly name: string
  readonly brokers: readonly string[]
  readonly topics: readonly string[]
  readonly isTls: boolean
}

const form = 'kafka://BROKER[:PORT][,BROKER[:PORT]]/TOPIC[,TOPIC], kafkas:// for TLS'

/**
 * Returns what a name such as `kafka://a:9092,b:9092/flows` says; the port is 9092 where none is named.
 * @throws {NetweirError} `USAGE`, which repeats no more of the name than is safe.
 */
export function parseKafkaAddress(name: string): KafkaAddress {
  const match = /^kafka(s?):\/\/([^/]*)\/([^/?#]*)$/.exec(name)
  const [, secure, hosts = '', path = ''] = match ?? []
  if (hosts.includes('@') || name.includes('@')) {
    throw usage(
      'the name of a Kafka source holds no login',
      'see --sasl-user and --sasl-password-file',
    )
  }
  if (match === null) throw usage(`"${name}" is no Kafka source`, form)
  const brokers = hosts.split(',').map((host) => brokerOf(name, host))
  const topics = [...new Set(path.split(','))]
  for (const topic of topics) {
    if (!/^[\w.-]{1,249}$/.test(topic) || topic === '.' || topic === '..') {
      throw usage(
        topic === '' ? `"${name}" names no topic` : `"${topic}" is no name of a topic`,
        form,
      )
    }
  }
  return { name, brokers, topics, isTls: secure === 's' }
}

function brokerOf(name: string, host: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/.exec(host)
  const port = Number(match?.[2] ?? '9092')
  if (match?.[1] === undefined || port < 1 || port > 65_535) {
    throw usage(`"${host}" in "${name}" is no broker`, form)
  }
  return `${match[1]}:${port}`
}

/**
 * Returns the connection that an address and options mean, with the secrets and certificates that they name.
 * @throws {NetweirError} `USAGE`, `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export async function kafkaConnection(
  address: KafkaAddress,
  login: KafkaLogin | undefined,
  tls: TlsOptions | undefined,
): Promise<KafkaConnection> {
  if (tls !== undefined && !address.isTls) {
    throw usage(`--tls options with "${address.name}", which is not TLS`, 'write kafkas://')
  }
  return {
    brokers: address.brokers,
    ...(address.isTls ? { tls: await tlsOf(tls ?? {}) } : {}),
    ...(login === undefined ? {} : { sasl: await saslOf(login) }),
  }
}

async function tlsOf({ ca, cert, key, serverName }: TlsOptions): Promise<KafkaTls> {
  return {
    ...(ca === undefined ? {} : { ca: await textOf(ca) }),
    ...(cert === undefined ? {} : { certificate: await textOf(cert) }),
    ...(key === undefined ? {} : { key: await textOf(key) }),
    ...(serverName === undefined ? {} : { serverName }),
  }
}

async function saslOf(login: KafkaLogin): Promise<KafkaSasl> {
  const { mechanism, user } = login
  if (mechanism === 'oauthbearer') {
    const token = (): Promise<string> => secretOf(login.tokenFile, 'token')
    await token()
    return { mechanism, token }
  }
  if (user === undefined) throw usage(`--sasl ${mechanism} needs --sasl-user`)
  const password = await secretOf(login.passwordFile, 'password')
  return { mechanism, user, password }
}

/** The file wins: it is named on purpose. The line end that editors put behind a secret is no part of it. */
async function secretOf(file: string | undefined, what: 'password' | 'token'): Promise<string> {
  const variable = `NETWEIR_KAFKA_${what.toUpperCase()}`
  const secret =
    file === undefined ? process.env[variable] : (await textOf(file)).replace(/\r?\n$/, '')
  if (secret !== undefined && secret !== '') return secret
  const place = file === undefined ? {} : { location: { file } }
  throw new NetweirError(
    'USAGE',
    `the ${what} for --sasl is ${secret === '' ? 'empty' : 'missing'}`,
    {
      ...place,
      hint: `write it to a file for --sasl-${what}-file, or set ${variable}`,
    },
  )
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (reason) {
    const isAbsent = reason instanceof Error && 'code' in reason && reason.code === 'ENOENT'
    throw new NetweirError(
      isAbsent ? 'SOURCE_NOT_FOUND' : 'SOURCE_UNREADABLE',
      isAbsent ? `no file "${file}"` : `cannot read "${file}"`,
      { location: { file }, cause: reason },
    )
  }
}

function usage(message: string, hint?: string): NetweirError {
  return new NetweirError('USAGE', message, hint === undefined ? {} : { hint })
}
