import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { KafkaClient } from '../../src/source/kafka-client.ts'
import { createKafkaClient } from '../../src/source/kafkajs.ts'
import type { MemberReport } from '../../src/source/member-health.ts'
import type { MessageReader } from '../../src/source/member-stay.ts'
import type { StateMemberOptions } from '../../src/source/state-member.ts'
import { runStateMember } from '../../src/source/state-member.ts'
import { createStateTopic, readStateTopic } from '../../src/source/state-topic.ts'
import { createReader } from '../../src/traffic/reader.ts'
import { encodeSet } from '../../src/traffic/set-document.ts'
import { describeKafka, topicName } from '../support/kafka.ts'

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

function messageReader(): MessageReader {
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
      await client.produce(topic, partition, records)
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

  interface Running {
    readonly client: KafkaClient
    stop(): Promise<MemberReport>
  }

  function startMember(
    options: Pick<StateMemberOptions, 'group' | 'topics' | 'stateTopic'>,
  ): Running {
    const client = connect()
    const stopped = new AbortController()
    const run = runStateMember({
      ...options,
      client,
      place: place(),
      signal: stopped.signal,
      createReader: messageReader,
      flushMs: 300,
      flushMessages: 500,
      sessionTimeoutMs: 6000,
    })
    run.catch(() => undefined)
    return {
      client,
      stop: async () => {
        stopped.abort()
        const report = await run
        await client.close()
        return report
      },
    }
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
    const admin = connect()
    const topic = topicName('flows')
    const stateTopic = topicName('state')
    const group = topicName('group')
    await admin.createTopic({ topic, partitions })
    const { created } = await createStateTopic(admin, { stateTopic, topics: [topic] }, place())
    expect(created).toBe(true)
    await fill(admin, topic, 0, 400)

    const first = startMember({ group, topics: [topic], stateTopic })
    await untilCommitted(admin, group, topic, 400)
    expect(await materialised(admin, stateTopic, group)).toBe(expected(400))

    const second = startMember({ group, topics: [topic], stateTopic })
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
})
