/** From what was typed to how Kafka is read. */
import type { KafkaOptions, LearnOptions } from '../index.ts'
import { NetweirError } from '../index.ts'
import { saslMechanisms } from './kafka-options.ts'
import type { RawOptions } from './raw-options.ts'

/** The choices about Kafka sources. */
export type KafkaChoices = Pick<LearnOptions, 'kafka' | 'state'>

/** Returns how Kafka sources are read. @throws NetweirError `USAGE`. */
export function resolveKafka(raw: RawOptions): KafkaChoices {
  if (raw.untilEnd === true && raw.follow === true) {
    throw usage('--until-end and --follow contradict each other')
  }
  const login = loginOf(raw)
  const kafka: KafkaOptions = {
    ...(login === undefined ? {} : { login }),
    ...(raw.dlqTopic === undefined ? {} : { deadLetterTopic: given('--dlq-topic', raw.dlqTopic) }),
    ...(raw.maxBadRatio === undefined ? {} : { maxBadRatio: ratio(raw.maxBadRatio) }),
    ...(raw.explainFormat === undefined ? {} : { explainFormat: raw.explainFormat }),
  }
  if (raw.state !== undefined) refuseCuts(raw)
  return {
    ...(Object.keys(kafka).length === 0 ? {} : { kafka }),
    ...(raw.state === undefined ? {} : { state: given('--state', raw.state) }),
  }
}

/** What a state holds was read from its beginning on. */
function refuseCuts(raw: RawOptions): void {
  const cuts = [
    ['--since', raw.since],
    ['--until', raw.until],
    ['--last', raw.last],
  ] as const
  const cut = cuts.find(([, value]) => value !== undefined)
  if (cut === undefined) return
  throw usage(
    `${cut[0]} and --state contradict each other`,
    'a state goes on where the last run stopped, and holds all that was read so far',
  )
}

function loginOf(raw: RawOptions): KafkaOptions['login'] | undefined {
  const { sasl, saslUser, saslPasswordFile, saslTokenFile } = raw
  if (sasl === undefined) {
    if (saslUser === undefined && saslPasswordFile === undefined && saslTokenFile === undefined) {
      return undefined
    }
    throw usage('--sasl-user, --sasl-password-file and --sasl-token-file need --sasl')
  }
  const mechanism = saslMechanisms.find((known) => known === sasl)
  if (mechanism === undefined) {
    throw usage(`--sasl must be one of ${saslMechanisms.join(', ')}, is "${sasl}"`)
  }
  if (mechanism === 'oauthbearer' && saslPasswordFile !== undefined) {
    throw usage('--sasl oauthbearer has a token and no password', 'see --sasl-token-file')
  }
  if (mechanism !== 'oauthbearer' && saslTokenFile !== undefined) {
    throw usage(`--sasl ${mechanism} has a password and no token`, 'see --sasl-password-file')
  }
  if (mechanism !== 'oauthbearer' && saslUser === undefined) {
    throw usage(`--sasl ${mechanism} needs --sasl-user`)
  }
  return {
    mechanism,
    ...(saslUser === undefined ? {} : { user: given('--sasl-user', saslUser) }),
    ...(saslPasswordFile === undefined
      ? {}
      : { passwordFile: given('--sasl-password-file', saslPasswordFile) }),
    ...(saslTokenFile === undefined
      ? {}
      : { tokenFile: given('--sasl-token-file', saslTokenFile) }),
  }
}

function ratio(text: string): number {
  const value = Number(text)
  if (/^\d*\.?\d+$/.test(text) && value <= 1) return value
  throw usage(`--max-bad-ratio must be a number from 0 to 1 such as 0.05, is "${text}"`)
}

function given(flag: string, value: string): string {
  if (value === '' || value.includes('\0')) throw usage(`${flag} must not be empty`)
  return value
}

function usage(message: string, hint?: string): NetweirError {
  return new NetweirError('USAGE', message, hint === undefined ? {} : { hint })
}
