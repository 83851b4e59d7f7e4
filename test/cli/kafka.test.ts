/** Commands over topics of a real broker, in the process of the test. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import type { LearnOptions, LearnResult, RunHost } from '../../src/index.ts'
import { learn } from '../../src/index.ts'
import type { KafkaClient } from '../../src/source/kafka-client.ts'
import { createKafkaClient } from '../../src/source/kafkajs.ts'
import type { FakeIo } from '../support/fake-io.ts'
import { createFakeIo, hostileCharacters } from '../support/fake-io.ts'
import type { FlowOptions } from '../support/flows.ts'
import {
  flowLine,
  flowLines,
  flowRecord,
  lostEventsLine,
  nodeStatusLine,
} from '../support/flows.ts'
import { describeBroker, describeKafka, topicName, users } from '../support/kafka.ts'
import { packings } from '../support/kafka-values.ts'

const web = { ns: 'shop', app: 'web' }
const api = { ns: 'shop', app: 'api' }
const database = { ns: 'data', app: 'db' }
const shop: readonly FlowOptions[] = [
  { from: web, to: api, port: 8080 },
  { from: api, to: database, port: 5432 },
  { from: web, to: { world: '192.0.2.7' }, port: 443 },
  { from: web, to: api, port: 8080, protocol: 'UDP' },
]

let directory = ''
const clients: KafkaClient[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-kafka-cli-'))
})

afterEach(async () => {
  rmSync(directory, { recursive: true, force: true })
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

const at = (name: string): string => join(directory, name)

function clientOf(address: string): KafkaClient {
  const client = createKafkaClient({ brokers: [address] }, 'kafka://test')
  clients.push(client)
  return client
}

type Value = Buffer | string | null

async function write(
  client: KafkaClient,
  topic: string,
  partition: number,
  values: readonly Value[],
) {
  await client.produce(
    topic,
    partition,
    values.map((value) => ({ key: null, value: value === null ? null : Buffer.from(value) })),
  )
}

async function topicOf(
  client: KafkaClient,
  partitions: readonly (readonly Value[])[],
): Promise<string> {
  const topic = topicName('cli')
  await client.createTopic({ topic, partitions: partitions.length })
  for (const [partition, values] of partitions.entries()) {
    if (values.length > 0) await write(client, topic, partition, values)
  }
  return topic
}

interface Run extends FakeIo {
  readonly code: number
}

async function run(argv: readonly string[], during?: (io: FakeIo) => Promise<void>): Promise<Run> {
  const io = createFakeIo()
  const [code] = await Promise.all([main(argv, io), during?.(io)])
  expect(hostileCharacters(io.out)).toEqual([])
  expect(hostileCharacters(io.err)).toEqual([])
  return Object.assign(io, { code })
}

const outcomesOf = ({ out }: FakeIo): Record<string, number> => JSON.parse(out).ledger.outcomes

const lines = shop.map((flow) => flowLine(flow))

await describeKafka('flows from Kafka', (address) => {
  const source = (topic: string): string => `kafka://${address()}/${topic}`

  test('make the policies that the same flows make from a file, however they are packed', async () => {
    writeFileSync(at('flows.jsonl'), flowLines(shop))
    const fromFile = await run(['generate', at('flows.jsonl')])
    expect(fromFile.code).toBe(0)
    expect(fromFile.out).toContain('kind: NetworkPolicy')
    const client = clientOf(address())
    const records = shop.map((flow) => flowRecord(flow))
    for (const { name, pack } of packings) {
      const packed = records.map((record) => pack(record))
      const topic = await topicOf(client, [packed.slice(0, 1), packed.slice(1), []])
      const fromKafka = await run(['generate', source(topic)])
      expect([name, fromKafka.code, fromKafka.err]).toEqual([name, 0, fromKafka.err])
      expect([name, fromKafka.out]).toEqual([name, fromFile.out])
    }
    const mixed = packings.flatMap(({ pack }) => records.map((record) => pack(record)))
    const topic = await topicOf(client, [mixed, [...mixed].reverse()])
    expect((await run(['generate', source(topic)])).out).toBe(fromFile.out)
  }, 120_000)

  test('are counted once each, with lost events, node status and what nobody can read', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [
      [...lines, null, '', lostEventsLine(3), nodeStatusLine('NODE_UNAVAILABLE', ['n1'])],
      ['poison', Buffer.from([0xff, 0xfe, 0, 1]), '{"flow":{"time":', 'a,b,c,d'],
    ])
    const learned = await run(['learn', source(topic)])
    expect(learned.code).toBe(0)
    expect(outcomesOf(learned)).toEqual({
      learned: 4,
      'lost-events': 1,
      'node-status': 1,
      malformed: 2,
      truncated: 2,
    })
    expect(learned.err).toContain(`${source(topic)}/1@`)
    expect(learned.err).toContain('no flow: the last line is cut: xxxxxx')
    expect(learned.err).not.toContain('poison')
    const strict = await run(['learn', source(topic), '--strict'])
    expect([strict.code, strict.out]).toEqual([2, ''])
    expect(strict.err).toMatch(/\/1@\d: error\[FLOW_MALFORMED\]/)
  })

  test('say in which formats they came', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [[...lines, JSON.stringify({ message: lines[0] }), null]])
    const { err } = await run(['learn', source(topic), '--explain-format'])
    expect(err).toContain('note: format: 4 json flow\n')
    expect(err).toContain('format: 1 json flow in message\n')
    expect(err).toContain('format: 1 tombstone\n')
  })

  test('of several topics are read together', async () => {
    const client = clientOf(address())
    const one = await topicOf(client, [lines.slice(0, 2)])
    const two = await topicOf(client, [[], lines.slice(2)])
    const learned = await run(['learn', `${source(one)},${two}`])
    expect(outcomesOf(learned)).toEqual({ learned: 4 })
  })

  test('go to a topic of dead letters where they are none', async () => {
    const client = clientOf(address())
    const large = Buffer.alloc(900_000, 'x')
    const topic = await topicOf(client, [[...lines, 'poison', large, ...lines]])
    const dead = await topicOf(client, [[], []])
    const learned = await run(['learn', source(topic), '--dlq-topic', dead])
    expect(learned.code).toBe(0)
    expect(learned.err).toContain(`2 values went to topic ${dead}`)
    const ends = (await client.ranges(dead)).map(({ end }) => end)
    expect(ends.reduce((sum, end) => sum + end, 0)).toBe(2)
    const kafka = new kafkajs.Kafka({ brokers: [address()], logLevel: kafkajs.logLevel.NOTHING })
    const consumer = kafka.consumer({ groupId: topicName('dlq') })
    await consumer.connect()
    await consumer.subscribe({ topic: dead, fromBeginning: true })
    const letters: Record<string, string>[] = []
    await consumer.run({
      eachMessage: ({ message }) => {
        const headers = Object.entries(message.headers ?? {})
        letters.push({
          value: String(message.value).slice(0, 10),
          ...Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
        })
        return Promise.resolve()
      },
    })
    for (let round = 0; round < 100 && letters.length < 2; round += 1) await sleep(100)
    await consumer.disconnect()
    const sorted = letters.sort((a, b) => Number(a['netweir-offset']) - Number(b['netweir-offset']))
    expect(sorted).toEqual([
      {
        value: 'poison',
        'netweir-reason': 'the last line is cut',
        'netweir-topic': topic,
        'netweir-partition': '0',
        'netweir-offset': '4',
      },
      expect.objectContaining({
        value: 'xxxxxxxxxx',
        'netweir-cut': '900000',
        'netweir-offset': '5',
      }),
    ])
    const same = await run(['learn', source(topic), '--dlq-topic', topic])
    expect([same.code, same.err]).toEqual([2, expect.stringContaining('is a topic that is read')])
    const absent = await run(['learn', source(topic), '--dlq-topic', 'absent-topic'])
    expect(absent.code).toBe(2)
  })

  test('fail the run where too many are none', async () => {
    const client = clientOf(address())
    const values = Array.from({ length: 1_200 }, (_, index) =>
      index % 10 === 0 ? 'poison' : (lines[0] ?? ''),
    )
    const topic = await topicOf(client, [values])
    expect((await run(['learn', source(topic)])).code).toBe(0)
    const refused = await run(['learn', source(topic), '--max-bad-ratio', '0.05'])
    expect([refused.code, refused.out]).toEqual([2, ''])
    expect(refused.err).toContain('120 of 1200 values are no flows, more than --max-bad-ratio 0.05')
    const poison = await topicOf(client, [['poison', 'poison']])
    const nothing = await run(['learn', source(poison)])
    expect([nothing.code, nothing.out]).toEqual([2, ''])
    expect(nothing.err).toContain('error[NOT_FLOWS]')
  })

  test('are an error where there are none', async () => {
    const client = clientOf(address())
    const empty = await run(['learn', source(await topicOf(client, [[], []]))])
    expect([empty.code, empty.out]).toEqual([2, ''])
    expect(empty.err).toContain('error[NO_TRAFFIC]')
    const tombstones = await run(['learn', source(await topicOf(client, [[null, null]]))])
    expect(tombstones.err).toContain('error[NO_TRAFFIC]')
    const absent = await run(['learn', source(topicName('absent'))])
    expect(absent.code).toBe(2)
    expect(absent.err).toMatch(/error\[SOURCE_NOT_FOUND\]: no such topic: "netweir-test-absent/)
  })

  test('are read from a time on, or only the last of them', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines])
    expect(outcomesOf(await run(['learn', source(topic), '--last', '1']))).toEqual({ learned: 1 })
    // The records were written just now, long after the time that they tell of.
    const since = await run(['learn', source(topic), '--since', '2025-06-01T00:00:00Z'])
    expect(outcomesOf(since)).toEqual({ learned: 4 })
    const later = new Date(Date.now() + 86_400_000).toISOString()
    const none = await run(['learn', source(topic), '--since', later])
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('NO_TRAFFIC')])
  })

  test('are followed until the window is closed', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines.slice(0, 1), []])
    const followed = await run(['learn', source(topic), '--follow'], async (io) => {
      await sleep(1_500)
      await write(client, topic, 1, lines.slice(1))
      await sleep(1_500)
      io.interrupt()
    })
    expect(followed.code).toBe(0)
    expect(outcomesOf(followed)).toEqual({ learned: 4 })
    const timed = await run(['learn', source(topic), '--for', '2s'])
    expect(outcomesOf(timed)).toEqual({ learned: 4 })
    const bounded = await run(['learn', source(topic), '--for', '1h', '--until-end'])
    expect(outcomesOf(bounded)).toEqual({ learned: 4 })
  })

  test('are kept in a state, and gone on with', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines.slice(0, 2), []])
    const learn = (...more: string[]): Promise<Run> =>
      run(['learn', source(topic), '--state', at('state.json'), ...more])
    const state = (): { positions: unknown; ledger: { records: number } } =>
      JSON.parse(readFileSync(at('state.json'), 'utf8'))
    const first = await learn()
    expect([first.code, outcomesOf(first)]).toEqual([0, { learned: 2 }])
    const mark = (offset: number) => ({ offset, digest: expect.any(String) })
    expect(state().positions).toEqual([
      { topic, partition: 0, offset: 2, last: mark(1) },
      { topic, partition: 1, offset: 0 },
    ])
    await write(client, topic, 1, lines.slice(2))
    const second = await learn()
    expect(outcomesOf(second)).toEqual({ learned: 4 })
    const third = await learn()
    expect(third.out).toBe(second.out)
    expect(state().positions).toEqual([
      { topic, partition: 0, offset: 2, last: mark(1) },
      { topic, partition: 1, offset: 2, last: mark(1) },
    ])
    // At once, all of it gives the same set; and the state is a set like any other.
    expect((await run(['learn', source(topic)])).out).toBe(second.out)
    expect((await run(['learn', at('state.json')])).out).toBe(second.out)
    const before = readFileSync(at('state.json'), 'utf8')
    await write(client, topic, 0, ['poison'])
    expect((await learn('--strict')).code).toBe(2)
    expect(readFileSync(at('state.json'), 'utf8')).toBe(before)
  })

  test('do not go on with a state that belongs to something else', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines])
    const other = await topicOf(client, [lines.slice(0, 1)])
    await run(['learn', source(topic), '--state', at('state.json')])
    const text = readFileSync(at('state.json'), 'utf8')
    const foreign = await run(['learn', source(other), '--state', at('state.json')])
    expect([foreign.code, foreign.err]).toEqual([2, expect.stringContaining('SET_INVALID')])
    writeFileSync(at('shorter.json'), text.replaceAll(topic, other))
    const shorter = await run(['learn', source(other), '--state', at('shorter.json')])
    expect(shorter.err).toContain('which ends at offset 1')
    for (const [name, content] of [
      ['none.json', '{}'],
      ['bad.json', '{"positions":[{"topic":1}]}'],
      ['cut.json', text.slice(0, 50)],
      ['twice.json', text.replace(/"positions":\[(\{.*\})\]/, '"positions":[$1,$1]')],
      ['nowhere.json', text.replace(/"positions":\[.*\]/, '"positions":[]')],
    ] as const) {
      writeFileSync(at(name), content)
      const refused = await run(['learn', source(topic), '--state', at(name)])
      expect([name, refused.code]).toEqual([name, 2])
      expect(readFileSync(at(name), 'utf8')).toBe(content)
    }
    const two = await run(['learn', source(topic), source(other), '--state', at('new.json')])
    expect(two.err).toContain('--state goes with exactly one Kafka source')
  })

  test('do not go on in a topic that was made anew, however much it holds', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines.slice(0, 2)])
    const argv = ['learn', source(topic), '--state', at('state.json')]
    expect((await run(argv)).code).toBe(0)
    const before = readFileSync(at('state.json'), 'utf8')
    const kafka = new kafkajs.Kafka({ brokers: [address()], logLevel: kafkajs.logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
    for (let attempt = 0; !(await client.createTopic({ topic, partitions: 1 })); attempt += 1) {
      if (attempt > 100) throw new Error('the topic is not deleted')
      await sleep(100)
    }
    await write(clientOf(address()), topic, 0, [...lines].reverse())
    const anew = await run(argv)
    expect([anew.code, anew.out]).toEqual([2, ''])
    expect(anew.err).toContain(`read to offset 2 of ${topic}/0, which holds other records now`)
    expect(readFileSync(at('state.json'), 'utf8')).toBe(before)
  })

  test('are kept with their positions while they are followed', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines.slice(0, 1), []])
    const closed = new AbortController()
    const saved: { readonly positions: { readonly offset: number }[]; readonly records: number }[] =
      []
    const host: RunHost = {
      stdin: createFakeIo().stdin,
      signal: new AbortController().signal,
      closed: closed.signal,
      writeFile: (path, text) => {
        const { positions, ledger } = JSON.parse(text)
        saved.push({ positions, records: ledger.records })
        return Promise.resolve(writeFileSync(path, text))
      },
    }
    const options = { follow: true, state: at('state.json'), kafka: { stateEveryMs: 50 } }
    const learning = learn([source(topic)], options, host)
    for (let round = 0; round < 60 && saved.length < 4; round += 1) {
      await sleep(250)
      await write(client, topic, round % 2, lines)
    }
    closed.abort()
    const { set } = await learning
    expect(saved.length).toBeGreaterThanOrEqual(4)
    // No saving counts what its positions do not say, nor the other way round.
    for (const { positions, records } of saved) {
      expect(positions.reduce((sum, { offset }) => sum + offset, 0)).toBe(records)
    }
    expect(saved.at(-1)?.records).toBe(set.ledger.records)
    // A disk that is full ends the run; what was kept stays.
    const full: RunHost = { ...host, writeFile: () => Promise.reject(new Error('ENOSPC')) }
    const before = readFileSync(at('state.json'), 'utf8')
    const { closed: _, ...open } = full
    let reason: unknown
    const failing = learn([source(topic)], options, open).catch((error: unknown) => {
      reason = error
    })
    for (let round = 0; round < 100 && reason === undefined; round += 1) {
      await write(client, topic, 0, lines)
      await sleep(250)
    }
    expect(String(reason)).toContain('ENOSPC')
    await failing
    expect(readFileSync(at('state.json'), 'utf8')).toBe(before)
  })

  test('are lost where the topic is deleted while it is read', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines])
    const kafka = new kafkajs.Kafka({ brokers: [address()], logLevel: kafkajs.logLevel.NOTHING })
    const deleted = async (argv: readonly string[]): Promise<Run> =>
      run(argv, async () => {
        await sleep(2_000)
        const admin = kafka.admin()
        await admin.connect()
        await admin.deleteTopics({ topics: [topic] })
        await admin.disconnect()
      })
    const gone = await deleted(['learn', source(topic), '--for', '60s'])
    expect([gone.code, gone.out]).toEqual([3, ''])
    expect(gone.err).toMatch(/error\[SOURCE_LOST\]: .*no such topic/)
  }, 90_000)

  test('that expired before they were read are a gap', async () => {
    const client = clientOf(address())
    const topic = await topicOf(client, [lines.slice(0, 1)])
    await run(['learn', source(topic), '--state', at('state.json')])
    await write(client, topic, 0, lines)
    const kafka = new kafkajs.Kafka({ brokers: [address()], logLevel: kafkajs.logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] })
    await admin.disconnect()
    const argv = ['learn', source(topic), '--state', at('state.json')]
    const strict = await run([...argv, '--strict-completeness'])
    expect([strict.code, strict.out]).toEqual([3, ''])
    expect(strict.err).toContain(`2 offsets of ${topic}/0 had expired before they were read`)
    const told = await run(argv)
    expect([told.code, outcomesOf(told)]).toEqual([0, { learned: 3 }])
    expect(told.err).toContain('had expired before they were read')
  })
})

describe('what is typed about Kafka', () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['kafka://b/t', '--follow', '--until-end'], '--until-end and --follow contradict each other'],
    [['kafka://b/t', '--sasl', 'gssapi', '--sasl-user', 'a'], '--sasl must be one of plain'],
    [['kafka://b/t', '--sasl', 'plain'], '--sasl plain needs --sasl-user'],
    [['kafka://b/t', '--sasl-user', 'a'], 'need --sasl'],
    [['kafka://b/t', '--sasl', 'plain', '--sasl-user', 'a'], 'the password for --sasl is missing'],
    [['kafka://b/t', '--sasl', 'oauthbearer'], 'the token for --sasl is missing'],
    [
      ['kafka://b/t', '--sasl', 'plain', '--sasl-user', 'a', '--sasl-token-file', 'f'],
      'has a password and no token',
    ],
    [
      ['kafka://b/t', '--sasl', 'oauthbearer', '--sasl-password-file', 'f'],
      'has a token and no password',
    ],
    [
      ['kafka://b/t', '--sasl', 'plain', '--sasl-user', 'a', '--sasl-password-file', '/absent'],
      'no file "/absent"',
    ],
    [['kafka://b/t', '--max-bad-ratio', '2'], '--max-bad-ratio must be a number from 0 to 1'],
    [['kafka://b/t', '--state', ''], '--state must not be empty'],
    [['kafka://b/t', '--state', 's', '--last', '3'], '--last and --state contradict each other'],
    [['kafka://b/t', '--tls-ca', 'f'], 'which is not TLS'],
    [['kafkas://b/t', '--tls-ca', '/absent'], 'no file "/absent"'],
    [['flows.jsonl', '--explain-format'], 'options of Kafka sources are given'],
    [['flows.jsonl', '--state', 's'], '--state goes with exactly one Kafka source'],
    [['kafka://b'], 'is no Kafka source'],
  ]
  for (const [argv, message] of cases) {
    test(`${argv.join(' ')} is refused`, async () => {
      const refused = await run(['learn', ...argv])
      expect([refused.code, refused.out]).toEqual([2, ''])
      expect(refused.err).toContain(message)
    })
  }

  test('nobody at the address is a source that is lost', async () => {
    const lost = await run(['learn', 'kafka://127.0.0.1:1/t'])
    expect([lost.code, lost.out]).toEqual([3, ''])
    expect(lost.err).toContain(
      'kafka://127.0.0.1:1/t: error[SOURCE_LOST]: the brokers do not answer',
    )
  })
})

await describeBroker('Kafka behind a login', (broker) => {
  test('is read with secrets from files and from the environment, and refuses others', async () => {
    const client = clientOf(broker().plaintext)
    const topic = await topicOf(client, [lines])
    writeFileSync(at('password'), `${users.alice}\n`)
    writeFileSync(at('wrong'), 'wrong-secret')
    const login = ['--sasl', 'scram-sha-512', '--sasl-user', 'alice', '--sasl-password-file']
    const tls = ['--tls-ca', broker().ca]
    const read = await run([
      'learn',
      `kafkas://${broker().saslSsl}/${topic}`,
      ...tls,
      ...login,
      at('password'),
    ])
    expect([read.code, outcomesOf(read)]).toEqual([0, { learned: 4 }])
    const refused = await run(['learn', `kafka://${broker().sasl}/${topic}`, ...login, at('wrong')])
    expect([refused.code, refused.out]).toEqual([2, ''])
    expect(refused.err).toContain('error[SOURCE_UNREADABLE]: the broker refused the login')
    expect(refused.err).not.toContain('wrong-secret')
    process.env['NETWEIR_KAFKA_PASSWORD'] = users.alice
    try {
      const argv = ['learn', `kafka://${broker().sasl}/${topic}`, '--sasl', 'plain']
      expect((await run([...argv, '--sasl-user', 'alice'])).code).toBe(0)
    } finally {
      delete process.env['NETWEIR_KAFKA_PASSWORD']
    }
    const untrusted = await run(['learn', `kafkas://${broker().ssl}/${topic}`])
    expect([untrusted.code, untrusted.err]).toEqual([2, expect.stringContaining('TLS failed')])
  })
})

await describeBroker('a broker that dies while it is read', (broker) => {
  test('leaves a partial result only on request, and says where it stopped', async () => {
    const client = clientOf(broker().plaintext)
    const many = Array.from({ length: 500 }, () => lines[0] ?? '')
    const topic = await topicOf(client, [many, many, many, many])
    for (let round = 0; round < 15; round += 1) {
      for (let partition = 0; partition < 4; partition += 1)
        await write(client, topic, partition, many)
    }
    const source = `kafka://${broker().plaintext}/${topic}`
    const whole = await run(['learn', source])
    expect(outcomesOf(whole)).toEqual({ learned: 32_000 })
    const lose = async (options: LearnOptions): Promise<LearnResult> => {
      let killed: Promise<void> | undefined
      const host: RunHost = {
        stdin: createFakeIo().stdin,
        signal: new AbortController().signal,
        writeFile: (path, text) => Promise.resolve(writeFileSync(path, text)),
        onProgress: ({ records }) => {
          if (records > 1_000) killed ??= broker().kill()
        },
      }
      const patience = { connectMs: 3_000, requestMs: 3_000, silenceMs: 3_000 }
      try {
        return await learn([source], { ...options, kafka: { patience } }, host)
      } finally {
        await killed
        await broker().start()
      }
    }
    const partial = await lose({ allowPartial: true, state: at('state.json') })
    expect(partial.set.ledger.records).toBeGreaterThan(0)
    expect(partial.set.ledger.records).toBeLessThan(32_000)
    expect(partial.notices.map(({ message }) => message).join('\n')).toMatch(
      /\/\d stopped at offset \d+ of 8000: the brokers do not answer/,
    )
    // What was kept is exact: going on gives what one run gives.
    const rest = await run(['learn', source, '--state', at('state.json')])
    expect(rest.out).toBe(whole.out)
    const lost = await lose({ state: at('other.json') }).catch((reason: unknown) => reason)
    expect(lost).toMatchObject({ code: 'SOURCE_LOST' })
    expect(String(lost)).toMatch(/\/\d stopped at offset \d+ of 8000/)
    expect(existsSync(at('other.json'))).toBe(false)
  }, 180_000)
})
