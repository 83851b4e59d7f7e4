/** A real Kafka broker for tests, and how a suite says that it needs one. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
// biome-ignore lint/correctness/useImportExtensions: the broker is JavaScript, since benchmarks start it without a build.
import type { Broker as RunningBroker } from './kafka/broker.mjs'
// biome-ignore lint/correctness/useImportExtensions: see above.
import { users as brokerUsers, missingForBroker, startBroker } from './kafka/broker.mjs'

/** A broker that a suite has for itself. */
export type Broker = RunningBroker

/** Users of its SASL listeners with their passwords; `guest` is authorised to nothing. */
export const users: typeof brokerUsers = brokerUsers

/** A broker that is there already, as `host:port` without TLS and SASL. */
const given = process.env['NETWEIR_TEST_KAFKA']

const starting = 120_000

/**
 * Declares a suite that reads and writes topics of a broker, by its plaintext address: one that `NETWEIR_TEST_KAFKA`
 * names, else one that is started for the file. Where there is neither, the suite is one skipped test that says so, or
 * a failure where `NETWEIR_REQUIRE` is `all` or names `kafka`.
 */
export async function describeKafka(
  name: string,
  suite: (address: () => string) => void,
): Promise<void> {
  if (given !== undefined && given !== '') {
    describe(name, () => suite(() => given))
    return
  }
  await describeBroker(name, (broker) => suite(() => broker().plaintext))
}

/**
 * Declares a suite that needs a broker of its own: to kill it, or with TLS and SASL.
 */
export async function describeBroker(
  name: string,
  suite: (broker: () => Broker) => void,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<void> {
  const missing = await missingForBroker()
  if (missing !== undefined) {
    skip(`${name}: no Kafka broker (${missing})`)
    return
  }
  describe(name, () => {
    let broker: Broker | undefined
    beforeAll(async () => {
      broker = await startBroker(settings)
    }, starting)
    afterAll(async () => {
      await broker?.stop()
    })
    suite(() => {
      if (broker === undefined) throw new Error('the broker is there only while tests run')
      return broker
    })
  })
}

/** Returns a name that no other topic has: a broker that is given to the tests keeps theirs. */
export function topicName(about: string): string {
  return `netweir-test-${about}-${randomBytes(4).toString('hex')}`
}

function skip(message: string): void {
  const required = (process.env['NETWEIR_REQUIRE'] ?? '').split(',')
  if (!required.includes('all') && !required.includes('kafka')) {
    test.skip(message, () => undefined)
    return
  }
  test(message, () => {
    throw new Error(message)
  })
}
