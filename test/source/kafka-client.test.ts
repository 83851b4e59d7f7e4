import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import type {
  ConsumeOptions,
  KafkaClient,
  KafkaConnection,
  KafkaRecord,
  PartitionPosition,
} from '../../src/source/kafka-client.ts'
import { createKafkaClient } from '../../src/source/kafkajs.ts'
import { describeBroker, describeKafka, topicName, users } from '../support/kafka.ts'

const place = 'kafka://test/topic'

/** Short enough for a test, long enough for a busy machine. */
const patience = { connectMs: 5_000, requestMs: 4_000, silenceMs: 5_000 }

const clients: KafkaClient[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

function clientOf(address: string, more: Partial<KafkaConnection> = {}): KafkaClient {
  const client = createKafkaClient({ brokers: [address], patience, ...more }, place)
  clients.push(client)
  return client
}

async function fill(client: KafkaClient, topic: string, partition: number, values: string[]) {
  await client.produce(
    topic,
    partition,
    values.map((value) => ({ key: null, value: Buffer.from(value) })),
  )
}

/** A client, and a topic of one partition that holds these values. */
async function filled(
  address: string,
  name: string,
  values: string[],
): Promise<{ client: KafkaClient; topic: string }> {
  const topic = topicName(name)
  const client = clientOf(address)
  await client.createTopic({ topic, partitions: 1 })
  await fill(client, topic, 0, values)
  return { client, topic }
}

/** The package itself, for what the client under test does not do. */
function packageOf(address: string): kafkajs.Kafka {
  return new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING })
}

async function administer(
  address: string,
  act: (admin: kafkajs.Admin) => Promise<unknown>,
): Promise<void> {
  const admin = packageOf(address).admin()
  await admin.connect()
  await act(admin)
  await admin.disconnect()
}

/** Makes the first record of partition 0 that of this offset. */
async function expire(address: string, topic: string, offset: number): Promise<void> {
  await administer(address, async (admin) => {
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] })
  })
}

/** Gives a topic of one partition a second one. */
async function grow(address: string, topic: string): Promise<void> {
  await administer(address, (admin) =>
    admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }),
  )
}

/** Reads from the first record to the ends, and returns what was seen. */
async function readAll(
  client: KafkaClient,
  topic: string,
  more: Partial<ConsumeOptions> = {},
): Promise<{ values: string[]; records: KafkaRecord[]; events: string[] }> {
  const ends = new Map((await client.ranges(topic)).map(({ partition, end }) => [partition, end]))
  const left = new Set([...ends].filter(([, end]) => end > 0).map(([partition]) => partition))
  const done = new AbortController()
  const records: KafkaRecord[] = []
  const events: string[] = []
  const moved = ({ partition, offset }: PartitionPosition): void => {
    if (offset >= (ends.get(partition) ?? 0)) left.delete(partition)
    if (left.size === 0) done.abort()
  }
  if (left.size === 0) return { values: [], records, events }
  await client.consume({
    group: topicName('group'),
    topics: [topic],
    signal: done.signal,
    onJoin: ({ partitions }) => partitions.map((partition) => ({ ...partition, offset: 0 })),
    onBatch: (batch) => {
      records.push(...batch.records)
      moved({ ...batch, offset: batch.next })
    },
    onPassed: moved,
    onEvent: ({ kind }) => events.push(kind),
    ...more,
  })
  return { values: records.map(({ value }) => String(value)), records, events }
}

async function failureOf(action: Promise<unknown>): Promise<NetweirError> {
  const reason = await action.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (reason instanceof NetweirError) return reason
  throw new Error(`expected a NetweirError, got ${String(reason)}`)
}

await describeKafka('a Kafka client', (address) => {
  test('reads what it wrote, with keys, headers, times and tombstones', async () => {
    const client = clientOf(address())
    const topic = topicName('records')
    expect(await client.createTopic({ topic, partitions: 2 })).toBe(true)
    expect(await client.createTopic({ topic, partitions: 2 })).toBe(false)
    const headers = [
      ['a', Buffer.from('1')],
      ['b', Buffer.from([0, 255])],
      ['a', Buffer.from('2')],
    ] as const
    const before = Date.now()
    await client.produce(topic, 1, [
      { key: Buffer.from('k'), value: Buffer.from('v'), headers },
      { key: Buffer.from('k'), value: null },
    ])
    const { records } = await readAll(client, topic)
    expect(
      records.map(({ offset, key, value }) => [offset, String(key), value && String(value)]),
    ).toEqual([
      [0, 'k', 'v'],
      [1, 'k', null],
    ])
    expect(records[0]?.headers.map(([name, value]) => [name, [...value]])).toEqual([
      ['a', [49]],
      ['a', [50]],
      ['b', [0, 255]],
    ])
    expect(records[0]?.timeMs).toBeGreaterThanOrEqual(before - 60_000)
  })

  test('says what partitions hold, and where a time starts', async () => {
    const client = clientOf(address())
    const topic = topicName('ranges')
    await client.createTopic({ topic, partitions: 3, settings: { 'cleanup.policy': 'compact' } })
    await fill(client, topic, 2, ['a', 'b'].map(String)).catch(() => undefined)
    expect([...(await client.settings(topic, ['cleanup.policy']))]).toEqual([
      ['cleanup.policy', 'compact'],
    ])
    await client.produce(topic, 1, [{ key: Buffer.from('k'), value: null }])
    expect(await client.ranges(topic)).toEqual([
      { topic, partition: 0, start: 0, end: 0 },
      { topic, partition: 1, start: 0, end: 1 },
      { topic, partition: 2, start: 0, end: 0 },
    ])
    expect(await client.positionsAt(topic, 0)).toEqual([
      { topic, partition: 0, offset: 0 },
      { topic, partition: 1, offset: 0 },
      { topic, partition: 2, offset: 0 },
    ])
    const later = await client.positionsAt(topic, Date.now() + 60_000)
    expect(later.map(({ offset }) => offset)).toEqual([0, 1, 0])
  })

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    test(`reads ${codec} as a broker writes it`, async () => {
      const client = clientOf(address())
      const topic = topicName(codec)
      await client.createTopic({ topic, partitions: 1, settings: { 'compression.type': codec } })
      const values = Array.from({ length: 2_000 }, (_, index) => `${index}`.repeat(50))
      await fill(client, topic, 0, values)
      expect((await readAll(client, topic)).values).toEqual(values)
    })
  }

  test('ends where only control records and aborted ones are left', async () => {
    const topic = topicName('control')
    const client = clientOf(address())
    await client.createTopic({ topic, partitions: 2 })
    const kafka = packageOf(address())
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      transactionalId: topicName('tx'),
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    const aborted = await producer.transaction()
    await aborted.send({ topic, messages: [{ partition: 0, value: 'never' }] })
    await aborted.abort()
    const committed = await producer.transaction()
    await committed.send({ topic, messages: [{ partition: 1, value: 'seen' }] })
    await committed.commit()
    await producer.disconnect()
    expect((await readAll(client, topic)).values).toEqual(['seen'])
  })

  test('steps over batches that compaction left empty', { timeout: 60_000 }, async () => {
    const topic = topicName('compacted')
    const client = clientOf(address(), { partitionBytes: 1 })
    await client.createTopic({
      topic,
      partitions: 1,
      settings: {
        'cleanup.policy': 'compact',
        'min.cleanable.dirty.ratio': '0.01',
        'segment.bytes': '1048576',
        'segment.ms': '200',
      },
    })
    const kafka = packageOf(address())
    // The last batch of an idempotent producer stays when its records are gone.
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (const value of ['a', 'b', 'c']) {
      await producer.send({ topic, messages: [{ key: 'k', value }] })
    }
    await producer.disconnect()
    const write = (value: string): Promise<void> =>
      client.produce(topic, 0, [{ key: Buffer.from('k'), value: Buffer.from(value) }])
    for (let round = 0; round < 4; round += 1) {
      await sleep(500)
      await write(`round ${round}`)
    }
    await sleep(2_000)
    const { values } = await readAll(client, topic)
    expect(values.at(-1)).toBe('round 3')
  })

  test('starts at the first record that is kept where older ones have expired', async () => {
    const { client, topic } = await filled(address(), 'expired', ['0', '1', '2', '3'])
    await expire(address(), topic, 2)
    const froms: number[] = []
    const done = new AbortController()
    await client.consume({
      group: topicName('group'),
      topics: [topic],
      signal: done.signal,
      onJoin: () => [{ topic, partition: 0, offset: 1 }],
      onBatch: ({ from, next }) => {
        froms.push(from)
        if (next === 4) done.abort()
      },
    })
    expect(froms).toEqual([2])
  })

  test('goes on where records expire while it reads', async () => {
    const { client, topic } = await filled(address(), 'expiring', ['0'])
    const seen: string[] = []
    const done = new AbortController()
    await client.consume({
      group: topicName('group'),
      topics: [topic],
      signal: done.signal,
      onJoin: () => [{ topic, partition: 0, offset: 0 }],
      onBatch: async ({ from, records }) => {
        seen.push(`${from}: ${records.map(({ value }) => String(value)).join()}`)
        if (seen.length > 1) done.abort()
        else {
          await fill(client, topic, 0, ['1', '2', '3'])
          await expire(address(), topic, 3)
        }
      },
    })
    expect(seen).toEqual(['0: 0', '3: 3'])
  })

  test('finds partitions that are added while it reads', async () => {
    const { client, topic } = await filled(address(), 'growing', ['old'])
    const seen: string[] = []
    const joins: number[] = []
    const done = new AbortController()
    await client.consume({
      group: topicName('group'),
      topics: [topic],
      signal: done.signal,
      metadataAgeMs: 500,
      onJoin: ({ partitions }) => {
        joins.push(partitions.length)
        return partitions.map((partition) => ({
          ...partition,
          offset: partition.partition === 0 && seen.length > 0 ? 1 : 0,
        }))
      },
      onBatch: async ({ partition, records }) => {
        seen.push(...records.map(({ value }) => `${partition}: ${value}`))
        if (partition === 1) done.abort()
        else {
          await grow(address(), topic)
          await sleep(300)
          await fill(client, topic, 1, ['new'])
        }
      },
    })
    expect(seen).toEqual(['0: old', '1: new'])
    expect(joins.at(-1)).toBe(2)
  })

  test('commits for its group, and goes on there', async () => {
    const group = topicName('group')
    const { client, topic } = await filled(address(), 'commits', ['0', '1', '2'])
    const readOne = async (): Promise<string[]> => {
      const done = new AbortController()
      const seen: string[] = []
      await client.consume({
        group,
        topics: [topic],
        signal: done.signal,
        onJoin: () => [],
        onBatch: async ({ records }, membership) => {
          await membership.heartbeat()
          seen.push(...records.map(({ value }) => String(value)))
          await membership.commit([{ topic, partition: 0, offset: (records[0]?.offset ?? 0) + 1 }])
          done.abort()
        },
        onLeave: async (membership) => {
          seen.push(`leaves ${membership.isCurrent}`)
          await Promise.resolve()
        },
      })
      return seen
    }
    expect(await readOne()).toEqual(['0', '1', '2', 'leaves true'])
    expect(await client.committed(group, [topic])).toEqual([{ topic, partition: 0, offset: 1 }])
    expect(await readOne()).toEqual(['1', '2', 'leaves true'])
  })

  test('gives partitions back when another member joins', async () => {
    const topic = topicName('members')
    const group = topicName('group')
    const first = clientOf(address())
    const second = clientOf(address())
    await first.createTopic({ topic, partitions: 2 })
    const stop = new AbortController()
    const joins: string[] = []
    const join = (client: KafkaClient, name: string, then: () => void): Promise<void> =>
      client.consume({
        group,
        topics: [topic],
        signal: stop.signal,
        sessionTimeoutMs: 6_000,
        onJoin: ({ partitions }) => {
          joins.push(`${name} ${partitions.length}`)
          then()
          return []
        },
        onBatch: () => undefined,
      })
    let others: Promise<void> = Promise.resolve()
    let isStarted = false
    await join(first, 'first', () => {
      if (!isStarted) {
        isStarted = true
        others = join(second, 'second', () => undefined)
      } else if (joins.includes('first 1')) stop.abort()
    })
    await others
    expect(joins).toContain('first 2')
    expect(joins).toContain('first 1')
  })

  test('writes to partitions that are younger than its knowledge, and to no others', async () => {
    const { client, topic } = await filled(address(), 'younger', ['0'])
    await grow(address(), topic)
    await sleep(200)
    await fill(client, topic, 1, ['1'])
    expect((await client.ranges(topic)).map(({ end }) => end)).toEqual([1, 1])
    expect((await failureOf(fill(client, topic, 2, ['2']))).code).toBe('SOURCE_NOT_FOUND')
  })

  test('fails with what its handler fails with, at once', async () => {
    const { client, topic } = await filled(address(), 'failing', ['0'])
    let calls = 0
    const failure = await failureOf(
      readAll(client, topic, {
        onBatch: () => {
          calls += 1
          throw new NetweirError('FLOW_MALFORMED', 'poison')
        },
      }),
    )
    expect(failure.message).toBe('poison')
    expect(calls).toBe(1)
  })

  test('fails for a topic that is not there, without creating it', async () => {
    const client = clientOf(address())
    const topic = topicName('absent')
    for (let round = 0; round < 2; round += 1) {
      expect((await failureOf(client.ranges(topic))).code).toBe('SOURCE_NOT_FOUND')
    }
    const consuming = client.consume({
      group: 'g',
      topics: [topic],
      signal: new AbortController().signal,
      onJoin: () => [],
      onBatch: () => undefined,
    })
    expect((await failureOf(consuming)).code).toBe('SOURCE_NOT_FOUND')
  })
})

describe('a Kafka client without a broker', () => {
  test('fails within its patience', async () => {
    const failure = await failureOf(clientOf('127.0.0.1:1').ranges('t'))
    expect(failure.code).toBe('SOURCE_LOST')
    expect(failure.message).toContain('ECONNREFUSED')
  })
})

await describeBroker('a Kafka client and security', (broker) => {
  const token = (subject: string): Promise<string> => {
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
    const now = Math.floor(Date.now() / 1000)
    return Promise.resolve(
      `${encode({ alg: 'none' })}.${encode({ sub: subject, iat: now, exp: now + 300 })}.`,
    )
  }
  const topic = topicName('secured')

  beforeAll(async () => {
    const client = createKafkaClient({ brokers: [broker().plaintext] }, place)
    await client.createTopic({ topic, partitions: 1 })
    await fill(client, topic, 0, ['value'])
    await client.close()
  })

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    test(`logs in with ${mechanism}`, async () => {
      const sasl = { mechanism, user: 'alice', password: users.alice }
      const client = clientOf(broker().sasl, { sasl })
      expect((await readAll(client, topic)).values).toEqual(['value'])
    })

    test(`says when a password is wrong with ${mechanism}`, async () => {
      const sasl = { mechanism, user: 'alice', password: 'wrong' }
      const failure = await failureOf(clientOf(broker().sasl, { sasl }).ranges(topic))
      expect(failure.code).toBe('SOURCE_UNREADABLE')
      expect(failure.message).toBe('the broker refused the login')
      expect(JSON.stringify(failure)).not.toContain('wrong')
    })
  }

  test('logs in with a token', async () => {
    const sasl = { mechanism: 'oauthbearer', token: () => token('alice') } as const
    const client = clientOf(broker().sasl, { sasl })
    expect((await readAll(client, topic)).values).toEqual(['value'])
    const bad = { mechanism: 'oauthbearer', token: () => Promise.resolve('no token') } as const
    const failure = await failureOf(clientOf(broker().sasl, { sasl: bad }).ranges(topic))
    expect(failure.code).toBe('SOURCE_UNREADABLE')
  })

  test('speaks TLS to brokers whose authority it knows', async () => {
    const tls = { ca: readFileSync(broker().ca, 'utf8') }
    expect((await readAll(clientOf(broker().ssl, { tls }), topic)).values).toEqual(['value'])
    const failure = await failureOf(clientOf(broker().ssl, { tls: {} }).ranges(topic))
    expect(failure.code).toBe('SOURCE_UNREADABLE')
    expect(failure.message).toMatch(/^TLS failed: .*certificate/)
    const misnamed = { ...tls, serverName: 'other.example' }
    const other = await failureOf(clientOf(broker().ssl, { tls: misnamed }).ranges(topic))
    expect(other.message).toMatch(/^TLS failed: /)
    const renamed = { ...tls, serverName: 'localhost' }
    expect(await clientOf(broker().ssl, { tls: renamed }).ranges(topic)).toHaveLength(1)
  })

  test('shows a certificate of its own', async () => {
    const ca = readFileSync(broker().ca, 'utf8')
    const certificate = readFileSync(broker().clientCertificate, 'utf8')
    const key = readFileSync(broker().clientKey, 'utf8')
    const tls = { ca, certificate, key }
    expect((await readAll(clientOf(broker().mtls, { tls }), topic)).values).toEqual(['value'])
    const failure = await failureOf(clientOf(broker().mtls, { tls: { ca } }).ranges(topic))
    expect(failure.message).toMatch(/TLS|certificate|SSL/i)
  })

  test('logs in over TLS', async () => {
    const tls = { ca: readFileSync(broker().ca, 'utf8') }
    const sasl = { mechanism: 'scram-sha-512', user: 'alice', password: users.alice } as const
    expect((await readAll(clientOf(broker().saslSsl, { tls, sasl }), topic)).values).toEqual([
      'value',
    ])
  })

  test('says what a user may not do', async () => {
    const sasl = { mechanism: 'plain', user: 'guest', password: users.guest } as const
    const client = clientOf(broker().sasl, { sasl })
    expect((await failureOf(client.ranges(topic))).code).toBe('SOURCE_NOT_FOUND')
    const creation = await failureOf(client.createTopic({ topic: 'other', partitions: 1 }))
    expect(creation.code).toBe('SOURCE_UNREADABLE')
  })

  test('fails where a listener speaks another protocol', async () => {
    const failures = await Promise.all([
      failureOf(clientOf(broker().ssl).ranges(topic)),
      failureOf(clientOf(broker().plaintext, { tls: {} }).ranges(topic)),
      failureOf(clientOf(broker().sasl).ranges(topic)),
    ])
    for (const { code } of failures) expect(['SOURCE_LOST', 'SOURCE_UNREADABLE']).toContain(code)
  })
})

await describeBroker('a Kafka client and a broker that fails', (broker) => {
  const follow = (client: KafkaClient, topic: string, more: Partial<ConsumeOptions>) => {
    const stop = new AbortController()
    const seen: number[] = []
    let next = 0
    const consuming = client.consume({
      group: topicName('group'),
      isAlone: true,
      topics: [topic],
      signal: stop.signal,
      onJoin: () => [{ topic, partition: 0, offset: next }],
      onBatch: (batch) => {
        seen.push(...batch.records.map(({ offset }) => offset).filter((offset) => offset >= next))
        next = Math.max(next, batch.next)
      },
      ...more,
    })
    return { stop, seen, consuming }
  }
  const until = async (condition: () => boolean): Promise<void> => {
    for (let round = 0; round < 300 && !condition(); round += 1) await sleep(100)
    expect(condition()).toBe(true)
  }

  /** One that was frozen is not asked to keep topics before it is known to be back. */
  const filledOnceBack = async (
    name: string,
    values: string[],
  ): Promise<{ client: KafkaClient; topic: string }> => {
    for (let round = 0; round < 20; round += 1) {
      const found = await filled(broker().plaintext, name, values).catch(() => undefined)
      if (found !== undefined) return found
      await sleep(500)
    }
    return filled(broker().plaintext, name, values)
  }

  test('reads on after a restart', async () => {
    const { client, topic } = await filled(broker().plaintext, 'restart', ['0', '1'])
    const events: string[] = []
    const { stop, seen, consuming } = follow(client, topic, {
      silenceMs: 60_000,
      onEvent: ({ kind }) => events.push(kind),
    })
    await until(() => seen.length === 2)
    await broker().kill()
    await broker().start()
    const other = clientOf(broker().plaintext)
    await fill(other, topic, 0, ['2'])
    await until(() => seen.length === 3)
    stop.abort()
    await consuming
    expect(seen).toEqual([0, 1, 2])
    expect(events).toContain('restarting')
  })

  test('gives up on one that does not answer, in bounded time', async () => {
    const { client, topic } = await filled(broker().plaintext, 'frozen', ['0'])
    const { seen, consuming } = follow(client, topic, {})
    const failing = failureOf(consuming)
    await until(() => seen.length === 1)
    broker().freeze()
    try {
      expect((await failing).code).toBe('SOURCE_LOST')
      const closed = Date.now()
      await client.close()
      expect(Date.now() - closed).toBeLessThan(7_000)
      expect((await failureOf(clientOf(broker().plaintext).ranges(topic))).code).toBe('SOURCE_LOST')
    } finally {
      broker().thaw()
    }
  })

  test('gives up on one that is gone', async () => {
    const { client, topic } = await filledOnceBack('gone', ['0'])
    const { seen, consuming } = follow(client, topic, {})
    const failing = failureOf(consuming)
    await until(() => seen.length === 1)
    await broker().kill()
    expect((await failing).code).toBe('SOURCE_LOST')
  })
})
