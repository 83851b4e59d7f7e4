/** From what was typed to how live sources are read. */
import type { LearnOptions, TlsOptions } from '../index.ts'
import { NetweirError } from '../index.ts'
import { parseSpan } from './moment.ts'
import type { RawOptions } from './raw-options.ts'
import type { KafkaChoices } from './resolve-kafka.ts'
import { resolveKafka } from './resolve-kafka.ts'

/** The choices about live sources. */
export type LiveChoices = Pick<
  LearnOptions,
  'forMs' | 'follow' | 'last' | 'allowPartial' | 'strictCompleteness' | 'tls' | 'serverFilter'
> &
  KafkaChoices

/** Returns how live sources are read. @throws NetweirError `USAGE`. */
export function resolveLive(raw: RawOptions): LiveChoices {
  if (raw.last !== undefined && raw.since !== undefined) {
    throw usage('--last and --since contradict each other', 'both say where reading starts')
  }
  const tls = resolveTls(raw)
  return {
    ...(raw.for === undefined ? {} : { forMs: parseSpan('--for', raw.for) }),
    ...(raw.follow === true || (raw.for !== undefined && raw.untilEnd !== true)
      ? { follow: true }
      : {}),
    ...resolveKafka(raw),
    ...(raw.last === undefined ? {} : { last: lastCount(raw.last) }),
    ...(raw.allowPartial === undefined ? {} : { allowPartial: raw.allowPartial }),
    ...(raw.strictCompleteness === undefined ? {} : { strictCompleteness: raw.strictCompleteness }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(raw.serverFilter === undefined ? {} : { serverFilter: raw.serverFilter }),
  }
}

function resolveTls(raw: RawOptions): TlsOptions {
  if ((raw.tlsCert === undefined) !== (raw.tlsKey === undefined)) {
    const missing = raw.tlsCert === undefined ? '--tls-cert' : '--tls-key'
    throw usage(`--tls-cert and --tls-key go together, ${missing} is missing`)
  }
  const typed = {
    ca: given('--tls-ca', raw.tlsCa),
    cert: given('--tls-cert', raw.tlsCert),
    key: given('--tls-key', raw.tlsKey),
    serverName: given('--tls-server-name', raw.tlsServerName),
  }
  return Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined))
}

function given(flag: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (value === '' || value.includes('\0')) throw usage(`${flag} must not be empty`)
  return value
}

function lastCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw usage(`--last must be a number of records from 1 to 999999999, is "${text}"`)
}

function usage(message: string, hint?: string): NetweirError {
  return new NetweirError('USAGE', message, hint === undefined ? {} : { hint })
}
