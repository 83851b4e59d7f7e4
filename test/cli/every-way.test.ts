/**
 * The same flows by every way that netweir has: from a file, through standard input, over gRPC, and from Kafka in JSON and
 * protobuf, wrapped and plain, alone and by a group. `generate` writes the same bytes.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import type { KafkaClient } from '../../src/source/kafka-client.ts'
import { createKafkaClient } from '../../src/source/kafkajs.ts'
import { root } from '../support/built.ts'
import { createFakeIo } from '../support/fake-io.ts'
import type { Json } from '../support/hubble-proto.ts'
import { encodeResponse } from '../support/hubble-proto.ts'
import type { HubbleServer } from '../support/hubble-server.ts'
import { startHubbleServer } from '../support/hubble-server.ts'
import { describeKafka, topicName } from '../support/kafka.ts'
import type { Packing } from '../support/kafka-values.ts'
import { packings } from '../support/kafka-values.ts'
import { createMessages } from '../support/messages.ts'
import { describeShared } from '../support/shared.ts'

/** Topics have so many partitions, over which the events are dealt out one by one. */
const partitions = 3

/** Batches that brokers take. */
const eventsPerSend = 200

let directory = ''
let client: KafkaClient
const servers: HubbleServer[] = []

/** Returns each event as a response of the Hubble API: recordings of early versions hold the flow alone. */
function eventsOf(text: string): readonly Json[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Json)
    .map((one) =>
      'flow' in one || 'lost_events' in one || 'node_status' in one ? one : { flow: one },
    )
}

/** Replies, outsiders, drops, losses, node status; without what is no event. */
function madeUp(): readonly Json[] {
  const messages = createMessages(7)
  const values = Array.from({ length: 3_000 }, () => messages.next(1).value)
  return eventsOf(values.filter((value) => value.endsWith('}')).join('\n'))
}

async function generate(...argv: readonly string[]): Promise<{ out: string; said: string }> {
  const io = createFakeIo()
  const code = await main(['generate', ...argv], io)
  return { out: io.out, said: `exit code ${code}: ${io.err}` }
}

async function serve(events: readonly Json[]): Promise<string> {
  const answers = events.map((event) => encodeResponse(event))
  const server = await startHubbleServer({
    onFlows: (answer) => answer.send(...answers).then(answer.end),
  })
  servers.push(server)
  return server.url
}

async function fill(events: readonly Json[], { pack }: Packing): Promise<string> {
  const topic = topicName('way')
  await client.createTopic({ topic, partitions })
  for (let partition = 0; partition < partitions; partition += 1) {
    const values = events
      .filter((_, index) => index % partitions === partition)
      .map((event) => ({ key: null, value: pack(event) }))
    for (let at = 0; at < values.length; at += eventsPerSend) {
      await client.produce(topic, partition, values.slice(at, at + eventsPerSend))
    }
  }
  return topic
}

await describeKafka('the policies of the same flows', (address) => {
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'netweir-ways-'))
    client = createKafkaClient({ brokers: [address()] }, 'kafka://test')
  })

  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true })
    await Promise.all(servers.splice(0).map((server) => server.stop()))
    await client.close()
  })

  const source = (topic: string): string => `kafka://${address()}/${topic}`

  /** Learns with two members of a group, and returns the state topic. */
  async function learnTogether(topic: string): Promise<string> {
    const state = topicName('way-state')
    const init = createFakeIo()
    expect(await main(['kafka', 'init', source(topic), '--state-topic', state], init)).toBe(0)
    const flags = ['--group', topicName('way-group'), '--state-topic', state]
    const member = async (): Promise<string> => {
      const io = createFakeIo()
      const argv = ['learn', source(topic), ...flags, '--for', '6s', '--flush', '1s']
      return `exit code ${await main(argv, io)}: ${io.err}`
    }
    for (const said of await Promise.all([member(), member()])) {
      expect(said).toContain('exit code 0')
    }
    return state
  }

  async function compare(events: readonly Json[], ways: readonly Packing[]): Promise<void> {
    const file = join(directory, `${topicName('events')}.jsonl`)
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('')
    writeFileSync(file, text)
    const recorded = await generate(file)
    expect(recorded.said).toMatch(/^exit code 0/)
    expect(recorded.out).toContain('kind: NetworkPolicy')
    const expectSame = async (way: string, argv: readonly string[]): Promise<void> => {
      const { out, said } = await generate(...argv)
      expect(said, way).toMatch(/^exit code 0/)
      expect(Buffer.compare(Buffer.from(out), Buffer.from(recorded.out)), `${way}: ${said}`).toBe(0)
    }
    writeFileSync(`${file}.gz`, gzipSync(text))
    await expectSame('gzip', [`${file}.gz`])
    await expectSame('the plain decoder', [file, '--strict'])
    await expectSame('gRPC', [await serve(events)])
    for (const way of ways) await expectSame(way.name, [source(await fill(events, way))])
  }

  test('are the same from a file, over gRPC, and from Kafka however it is packed', async () => {
    const events = eventsOf(readFileSync(join(root, 'samples', 'shop', 'flows.jsonl'), 'utf8'))
    const flows = events.filter((event) => 'flow' in event)
    await compare(flows, packings)
  }, 180_000)

  /** One of JSON and one of protobuf, plain and wrapped. What is no flow goes in answers alone. */
  const few = packings.filter(({ name }) =>
    [
      'a line',
      'vector',
      'the schema registry',
      'a protobuf answer',
      'a protobuf answer and the schema registry',
    ].includes(name),
  )

  test('are the same with replies, outsiders, denials and losses among them', async () => {
    expect(few).toHaveLength(5)
    await compare(madeUp(), few)
  }, 180_000)

  test('are the same from what a group learned together', async () => {
    const events = madeUp()
    const file = join(directory, 'together.jsonl')
    writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    const [line, protobuf] = [few[0], few[3]]
    const recorded = await generate(file)
    for (const way of [line, protobuf]) {
      if (way === undefined) throw new Error('no way')
      const state = await learnTogether(await fill(events, way))
      const { out, said } = await generate(source(state))
      expect(said, way.name).toMatch(/^exit code 0/)
      expect(out === recorded.out, `${way.name}: ${said}`).toBe(true)
    }
  }, 180_000)

  describeShared('real recordings', (shared) => {
    const folder = join(shared, 'flows', 'hubble-otel')
    test('make the same policies by every way', async () => {
      const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
      const events = names.flatMap((name) => eventsOf(readFileSync(join(folder, name), 'utf8')))
      expect(events.length).toBeGreaterThan(1_900)
      await compare(events, few)
    }, 180_000)
  })
})
