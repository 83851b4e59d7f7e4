/** Learning of many processes together through a state topic, and the making of that topic. */
import { NetweirError } from '../errors.ts'
import type { KafkaAddress } from '../source/kafka-address.ts'
import { kafkaConnection, parseKafkaAddress } from '../source/kafka-address.ts'
import type { KafkaClient } from '../source/kafka-client.ts'
import type { MemberReport } from '../source/member-health.ts'
import { runStateMember } from '../source/state-member.ts'
import type { StateTopic, StateTopicChange } from '../source/state-topic.ts'
import { createStateTopic } from '../source/state-topic.ts'
import type {
  GroupOptions,
  LearnOptions,
  MemberHost,
  Notice,
  StateTopicOptions,
} from './pipeline.ts'
import { createValueReader } from './value-reader.ts'

/** How a member fared, and what a person should know of what it read. */
export interface MemberResult {
  readonly report: MemberReport
  readonly notices: readonly Notice[]
}

/**
 * Takes part in a group until it is asked to stop, or its time is over. What is learned goes to the state topic.
 * @throws {NetweirError} `USAGE` for a source that is no Kafka topic, the codes of a state topic that is not fit, and
 * `SOURCE_LOST` when the brokers are gone.
 */
export async function learnTogether(
  source: string,
  options: LearnOptions & GroupOptions,
  host: MemberHost,
): Promise<MemberResult> {
  const name = parseKafkaAddress(source)
  const timeUp = new AbortController()
  const timer =
    options.forMs === undefined ? undefined : setTimeout(() => timeUp.abort(), options.forMs)
  const ends = [host.signal, timeUp.signal, ...(host.closed === undefined ? [] : [host.closed])]
  const client = await connect(name, options)
  const values = createValueReader(source, client, options)
  try {
    const report = await runStateMember({
      client,
      topics: name.topics,
      place: source,
      signal: AbortSignal.any(ends),
      createReader: (partition) => values.partition(partition),
      group: options.group,
      stateTopic: options.stateTopic,
      ...chosen(options, ['flushMs', 'windowMs', 'sinceMs', 'sessionTimeoutMs']),
      ...chosen(host, ['onEvent', 'onReport']),
    })
    if (report.joins === 0 && timeUp.signal.aborted) throw neverJoined(source, options.group)
    return { report, notices: values.notices() }
  } finally {
    clearTimeout(timer)
    await client.close()
  }
}

function neverJoined(source: string, group: string): NetweirError {
  return new NetweirError('SOURCE_LOST', `the group ${group} did not let this member in in time`, {
    location: { file: source },
    hint: 'nothing was read; -v says what happened, and a longer --for waits longer',
  })
}

/**
 * Makes the state topic for the topics of a source, or checks the one that is there and adds what it lacks of partitions.
 * @throws {NetweirError} `SOURCE_UNREADABLE` when the one that is there is not fit, and what a client fails with.
 */
export async function initStateTopic(
  source: string,
  options: StateTopicOptions,
): Promise<{ readonly change: StateTopicChange; readonly topic: StateTopic }> {
  const name = parseKafkaAddress(source)
  const client = await connect(name, options)
  const { stateTopic, replicationFactor } = options
  try {
    return await createStateTopic(
      client,
      {
        stateTopic,
        topics: name.topics,
        ...(replicationFactor === undefined ? {} : { replicationFactor }),
      },
      source,
    )
  } finally {
    await client.close()
  }
}

async function connect(
  address: KafkaAddress,
  { kafka, tls }: Pick<LearnOptions, 'kafka' | 'tls'>,
): Promise<KafkaClient> {
  const connection = await kafkaConnection(address, kafka?.login, tls)
  // The client is loaded only by runs that need it.
  const { createKafkaClient } = await import('../source/kafkajs.ts')
  return createKafkaClient(connection, address.name)
}

/** Returns the members that are there. */
function chosen<T extends object, Name extends keyof T>(
  from: T,
  names: readonly Name[],
): { [Key in Name]+?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
  ) as { [Key in Name]+?: Exclude<T[Key], undefined> }
}
