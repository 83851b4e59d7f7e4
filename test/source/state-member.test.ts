import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import type { KafkaClient } from '../../src/source/kafka-client.ts'
import { createKafkaClient } from '../../src/source/kafkajs.ts'
import type { MemberReport } from '../../src/source/member-health.ts'
import type { PartitionReader } from '../../src/source/member-settings.ts'
import type { StateMemberOptions } from '../../src/source/state-member.ts'
import { runStateMember } from '../../src/source/state-member.ts'
import { createStateTopic, readStateTopic } from '../../src/source/state-topic.ts'
import { PartitionState } from '../../src/traffic/partition-state.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { emptySet, encodeSet } from '../../src/traffic/set-document.ts'
import { describeKafka, topicName } from '../support/kafka.ts'

const { Kafka, logLevel } = kafkajs

const encoder = new TextEncoder()

/** The message number `index` of a partition: few edges, each seen again and again, now and then a bad record. */
function messageOf(partition: number, index: number): string {
  if (index % 97 === 96) return '{"flow":{"broken'
  const client = `app-${(index * 7 + partition) % 13}`
  return JSON.stringify({
    flow: {
      time: new Date(Date.UTC(2026, 2, 2, 9) + index * 1000).toISOString(),
      uuid: `${partition}-${String(index).padStart(6, '0')}`,
      verdict: 'FORWARDED',
      IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 'IPv4' },
      l4: {
        TCP: { source_port: 40_000, destination_port: 8000 + (index % 5), flags: { SYN: true } },
      },
      source: {
        namespace: 'shop',
        pod_name: `${client}-0`,
        labels: [`k8s:app=${client}`, 'k8s:io.kubernetes.pod.namespace=shop'],
      },
      destination: {
        namespace: 'shop',
        pod_name: 'api-0',
        labels: ['k8s:app=api', 'k8s:io.kubernetes.pod.namespace=shop'],
      },
      Type: 'L3_L4',
      event_type: { type: 5 },
      traffic_direction: 'EGRESS',
      is_reply: false,
      node_name: `worker-${partition}`,
    },
    node_name: `worker-${partition}`,
  })
}

function messageReader(): PartitionReader {
  let reader = createReader()
  return {
    take: ({ value, offset }) => {
      reader.consume(value ?? new Uint8Array(), { source: 'kafka', offset })
      reader.endOfSource()
    },
    drain: () => {
      const set = reader.finish()
      reader = createReader()
      return set
    },
    settle: () => Promise.resolve(),
  }
}

await describeKafka('members of a group that learn together', (address) => {
  const partitions = 4
  const place = () => `kafka://${address()}/flows`
  const connect = (): KafkaClient => createKafkaClient({ brokers: [address()] }, place())

  async function fill(client: KafkaClient, topic: string, from: number, to: number): Promise<void> {
    for (let partition = 0; partition < partitions; partition += 1) {
      const records = []
      for (let index = from; index < to; index += 1) {
        records.push({ key: null, value: encoder.encode(messageOf(partition, index)) })
      }
      if (records.length > 0) await client.produce(topic, partition, records)
    }
  }

  function expected(to: number): string {
    const reader = createReader()
    for (let partition = 0; partition < partitions; partition += 1) {
      for (let index = 0; index < to; index += 1) {
        reader.consume(encoder.encode(messageOf(partition, index)), { source: 'x', offset: 0 })
        reader.endOfSource()
      }
    }
    return encodeSet(reader.finish())
  }

  async function materialised(
    client: KafkaClient,
    stateTopic: string,
    group: string,
  ): Promise<string> {
    const table = await readStateTopic(client, stateTopic, {
      place: place(),
      signal: AbortSignal.timeout(60_000),
    })
    expect(table.foreign).toBe(0)
    return encodeSet(table.materialise(group).set)
  }

  interface Setting {
    readonly admin: KafkaClient
    readonly topic: string
    readonly stateTopic: string
    readonly group: string
  }

  /** Topics with names of their own; messages up to `count` in each partition. */
  async function setUp(
    count: number,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<Setting> {
    const admin = connect()
    const [topic, stateTopic, group] = [topicName('flows'), topicName('state'), topicName('group')]
    await admin.createTopic({ topic, partitions, settings })
    const { change } = await createStateTopic(admin, { stateTopic, topics: [topic] }, place())
    expect(change).toBe('made')
    await fill(admin, topic, 0, count)
    return { admin, topic, stateTopic, group }
  }

  interface Running {
    readonly run: Promise<MemberReport>
    stop(): Promise<MemberReport>
  }

  function startMember(
    { topic, group, stateTopic }: Setting,
    options: Partial<StateMemberOptions> = {},
    client: KafkaClient = connect(),
  ): Running {
    const stopped = new AbortController()
    const run = runStateMember({
      group,
      topics: [topic],
      stateTopic,
      client,
      place: place(),
      signal: stopped.signal,
      createReader: messageReader,
      flushMs: 300,
      flushMessages: 500,
      sessionTimeoutMs: 6000,
      ...options,
    })
    run.catch(() => undefined)
    return {
      run,
      stop: async () => {
        stopped.abort()
        const report = await run
        await client.close()
        return report
      },
    }
  }

  async function waitFor(isDone: () => Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      if (await isDone()) return
      await sleep(200)
    }
    throw new Error('it did not come to that')
  }

  async function untilCommitted(
    client: KafkaClient,
    group: string,
    topic: string,
    each: number,
  ): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const committed = await client.committed(group, [topic])
      if (committed.length === partitions && committed.every(({ offset }) => offset >= each)) return
      await sleep(100)
    }
    throw new Error('the group did not come to the end')
  }

  test('share what they read, hand it over, and add up to what one process reads', async () => {
    const setting = await setUp(400)
    const { admin, topic, stateTopic, group } = setting
    const first = startMember(setting)
    await untilCommitted(admin, group, topic, 400)
    expect(await materialised(admin, stateTopic, group)).toBe(expected(400))

    const second = startMember(setting)
    await fill(admin, topic, 400, 900)
    await untilCommitted(admin, group, topic, 900)
    const report = await first.stop()
    expect(report.messages).toBeGreaterThanOrEqual(1600)
    await fill(admin, topic, 900, 1000)
    await untilCommitted(admin, group, topic, 1000)
    const last = await second.stop()
    expect(last.partitions.map(({ offset, end }) => [offset, end])).toEqual(
      Array.from({ length: partitions }, () => [1000, 1000]),
    )
    expect(await materialised(admin, stateTopic, group)).toBe(expected(1000))
    await admin.close()
  })

  test('write again in a new tenure what may or may not have arrived', async () => {
    const setting = await setUp(600)
    const { admin, topic, stateTopic, group } = setting
    const client = connect()
    const produce = client.produce.bind(client)
    let calls = 0
    client.produce = async (...args) => {
      calls += 1
      if (calls % 3 === 2) throw new NetweirError('SOURCE_LOST', 'not written')
      await produce(...args)
      if (calls % 3 === 1) return
      await produce(...args)
      throw new NetweirError('SOURCE_LOST', 'written twice, and nobody knows')
    }
    const member = startMember(setting, {}, client)
    await untilCommitted(admin, group, topic, 600)
    const { retries } = await member.stop()
    expect(retries).toBeGreaterThan(3)
    expect(await materialised(admin, stateTopic, group)).toBe(expected(600))
    await admin.close()
  })

  test('go by the state, whatever the group has committed', async () => {
    const setting = await setUp(300)
    const { admin, topic, stateTopic, group } = setting
    // Somebody who keeps no state has read everything.
    const passer = new AbortController()
    await admin.consume({
      group,
      topics: [topic],
      signal: passer.signal,
      onJoin: () => [],
      onBatch: () => passer.abort(),
      onLeave: (membership) =>
        membership.commit(
          membership.partitions.map((partition) => ({ ...partition, offset: 300 })),
        ),
    })
    expect(await admin.committed(group, [topic])).toHaveLength(partitions)
    const member = startMember(setting)
    await waitFor(async () => (await materialised(admin, stateTopic, group)) === expected(300))
    await member.stop()
    await admin.close()
  })

  test('count what the broker deleted before it was read', async () => {
    const setting = await setUp(300)
    const { admin, topic, stateTopic, group } = setting
    const first = startMember(setting)
    await untilCommitted(admin, group, topic, 300)
    await first.stop()
    await fill(admin, topic, 300, 400)
    const kafka = new Kafka({ brokers: [address()], logLevel: logLevel.NOTHING })
    const deleter = kafka.admin()
    await deleter.fetchTopicOffsets(topic)
    await deleter.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '350' }] })
    await deleter.disconnect()
    const second = startMember(setting)
    await untilCommitted(admin, group, topic, 400)
    expect(await second.stop()).toMatchObject({ missed: 50 })
    const table = await readStateTopic(admin, stateTopic, {
      place: place(),
      signal: AbortSignal.timeout(60_000),
    })
    const { set } = table.materialise(group)
    expect(set.lost).toEqual([{ source: 'kafka', node: `${topic}/1`, events: 50 }])
    expect(set.ledger).toMatchObject({ records: 400 * partitions - 50, lostEvents: 50 })
    await admin.close()
  })

  test('forget what was not seen for the length of the window', async () => {
    const setting = await setUp(100)
    const { admin, topic, stateTopic, group } = setting
    const member = startMember(setting, { windowMs: 3_600_000 })
    await untilCommitted(admin, group, topic, 100)
    await member.stop()
    const table = await readStateTopic(admin, stateTopic, {
      place: place(),
      signal: AbortSignal.timeout(60_000),
    })
    const { set, positions } = table.materialise(group)
    expect(set.communications).toEqual([])
    expect(positions.map(({ next, records, expired }) => [next, records, expired])).toEqual(
      Array.from({ length: partitions }, () => [100, 100, 99]),
    )
    await admin.close()
  })

  test('refuse a state topic that is not fit', async () => {
    const setting = await setUp(0)
    const { admin, stateTopic } = setting
    const failing = async (options: Partial<StateMemberOptions>): Promise<unknown> => {
      const member = startMember(setting, options)
      const reason = await member.run.catch((error: unknown) => error)
      await member.stop().catch(() => undefined)
      return reason
    }
    expect(await failing({ stateTopic: topicName('absent') })).toMatchObject({
      code: 'SOURCE_NOT_FOUND',
    })
    const deleting = topicName('deleting')
    await admin.createTopic({ topic: deleting, partitions })
    expect(await failing({ stateTopic: deleting })).toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('cleanup.policy=delete'),
    })
    const narrow = topicName('narrow')
    const settings = { 'cleanup.policy': 'compact' }
    await admin.createTopic({ topic: narrow, partitions: 1, settings })
    expect(await failing({ stateTopic: narrow })).toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('too few partitions, 1 where the flows have 4'),
    })
    const again = { stateTopic, topics: [setting.topic] }
    expect(await createStateTopic(admin, again, place())).toMatchObject({ change: 'none' })
    const grown = await createStateTopic(admin, { ...again, stateTopic: narrow }, place())
    expect(grown).toMatchObject({ change: 'grown', topic: { partitions: 4 } })
    await expect(
      createStateTopic(admin, { ...again, stateTopic: deleting }, place()),
    ).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
    await admin.close()
  })

  test('refuse a state that says more than the partition holds', async () => {
    const setting = await setUp(50)
    const { admin, topic, group, stateTopic } = setting
    const state = new PartitionState({ group, topic, partition: 2 }, () => 't', undefined, 0)
    state.advance(emptySet(), 51)
    for (const batch of state.flush(1_000_000)) {
      const records = batch.map(({ key, value }) => ({
        key: encoder.encode(key),
        value: encoder.encode(value ?? ''),
      }))
      await admin.produce(stateTopic, 2, records)
    }
    const member = startMember(setting)
    await expect(member.run).rejects.toMatchObject({
      code: 'SET_INVALID',
      message: expect.stringContaining('51 messages, but the partition ends at 50'),
    })
    await member.stop().catch(() => undefined)
    await admin.close()
  })
})
