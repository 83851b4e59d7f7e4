/** From what a Kafka client fails with to what a person can do about it. */
import type { ErrorCode } from '../errors.ts'
import { NetweirError } from '../errors.ts'

/** What every failure of a client may carry: a protocol error's name, or the code of a socket or of OpenSSL. */
interface Failure {
  readonly name?: unknown
  readonly type?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

interface Explanation {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
}

const loginHint =
  'check --sasl, --sasl-user and the password or token; the mechanism must be enabled on that listener'

/** By the names of the protocol, and those of kafkajs for what never reached it. */
const known: ReadonlyMap<string, Explanation> = new Map([
  ...['SASL_AUTHENTICATION_FAILED', 'KafkaJSSASLAuthenticationError'].map(
    (name) => [name, denied('the broker refused the login', loginHint)] as const,
  ),
  [
    'UNSUPPORTED_SASL_MECHANISM',
    denied('the broker does not offer this SASL mechanism', loginHint),
  ],
  ['ILLEGAL_SASL_STATE', denied('the broker does not expect a login here', loginHint)],
  [
    'TOPIC_AUTHORIZATION_FAILED',
    denied('no permission for the topic', 'grant Describe and Read on the topic to this user'),
  ],
  [
    'GROUP_AUTHORIZATION_FAILED',
    denied(
      'no permission for the consumer group',
      'grant Read on the group; those of single runs start with "netweir-"',
    ),
  ],
  [
    'CLUSTER_AUTHORIZATION_FAILED',
    denied('no permission on the cluster', 'grant Create on the topic or the cluster'),
  ],
  ['UNKNOWN_TOPIC_OR_PARTITION', absent('no such topic')],
  [
    'INCONSISTENT_GROUP_PROTOCOL',
    denied(
      'the group is in use by consumers of another kind',
      'name a group of its own with --group: groups of other programs cannot be joined',
    ),
  ],
  [
    'GROUP_MAX_SIZE_REACHED',
    denied(
      'the group has as many members as the broker allows',
      'see group.max.size of the broker',
    ),
  ],
  [
    'INVALID_SESSION_TIMEOUT',
    denied(
      'the broker does not take this session timeout',
      'choose another --session-timeout: the broker takes group.min.session.timeout.ms to group.max.session.timeout.ms',
    ),
  ],
  [
    'INVALID_REPLICATION_FACTOR',
    denied(
      'there are fewer brokers than replicas are asked for',
      'choose a smaller --replication-factor',
    ),
  ],
  ...['INVALID_PARTITIONS', 'INVALID_CONFIG', 'POLICY_VIOLATION'].map(
    (name) =>
      [
        name,
        denied(
          'the cluster does not take such a topic',
          'make it by hand as docs/kafka-members.md says, or ask whoever runs the cluster',
        ),
      ] as const,
  ),
  ...['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'].map(
    (name) =>
      [
        name,
        denied(
          'the topic does not take a batch of this size',
          'raise max.message.bytes of the topic that is written to (--dlq-topic, --state-topic)',
        ),
      ] as const,
  ),
  [
    'INVALID_RECORD',
    denied(
      'the topic does not take such records',
      'a topic of dead letters must not be compacted: records without a key are refused there',
    ),
  ],
  [
    'UNSUPPORTED_VERSION',
    denied('the broker is of a version that is not supported', 'Kafka 2.1 to 4 is'),
  ],
  [
    'INVALID_TOPIC_EXCEPTION',
    {
      code: 'USAGE',
      message: 'no valid name of a topic',
      hint: 'letters, digits, ".", "_" and "-", at most 249 of them',
    },
  ],
])

/** Codes of OpenSSL and Node.js for certificates that do not pass. */
const certificateCode =
  /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL_)/

/** Returns the error for a topic that is not there. */
export function noTopic(topic: string, place: string): NetweirError {
  const { code, hint } = absent('')
  return new NetweirError(code, `no such topic: "${topic}"`, { location: { file: place }, hint })
}

function absent(message: string): Explanation {
  const hint = 'check the name; a topic that the user may not describe is not there either'
  return { code: 'SOURCE_NOT_FOUND', message, hint }
}

function denied(message: string, hint: string): Explanation {
  return { code: 'SOURCE_UNREADABLE', message, hint }
}

/** Returns a failure of a client as an error that names `place`, such as `kafka://host:9092/flows`. */
export function kafkaError(reason: unknown, place: string): NetweirError {
  const failures = chainOf(reason)
  const own = failures.find((failure) => failure instanceof NetweirError)
  if (own instanceof NetweirError) return own
  const details = { location: { file: place }, cause: reason }
  for (const { type, name, code, message } of failures) {
    const explanation = known.get(String(type)) ?? known.get(String(name))
    if (explanation !== undefined) {
      const { code, message, hint } = explanation
      return new NetweirError(code, message, { ...details, hint })
    }
    if (typeof code === 'string' && certificateCode.test(code)) {
      return new NetweirError('SOURCE_UNREADABLE', `TLS failed: ${lastWords(message)}`, {
        ...details,
        hint: 'name the authority of the brokers with --tls-ca, and their name with --tls-server-name',
      })
    }
  }
  const words = lastWords(failures.at(-1)?.message ?? reason)
  return new NetweirError('SOURCE_LOST', `the brokers do not answer: ${words}`, {
    ...details,
    hint: 'check address and port, and whether that listener wants TLS (kafkas://) or a login (--sasl)',
  })
}

/** Returns whether another try with a fresh connection may succeed. */
export function isPassing(error: NetweirError): boolean {
  return error.code === 'SOURCE_LOST'
}

/** The failure, its causes, and the errors that it stands for, outermost first. */
function chainOf(reason: unknown): readonly Failure[] {
  const chain: Failure[] = []
  const seen = new Set<unknown>()
  const queue: unknown[] = [reason]
  while (queue.length > 0 && chain.length < 20) {
    const failure = queue.shift()
    if (typeof failure !== 'object' || failure === null || seen.has(failure)) continue
    seen.add(failure)
    const entry = failure as Failure
    chain.push(entry)
    queue.push(entry.cause, ...(Array.isArray(entry.errors) ? entry.errors : []))
  }
  return chain
}

function lastWords(message: unknown): string {
  const text = message instanceof Error ? message.message : String(message)
  return text.replace(/^Connection error: /, '').slice(0, 200)
}
