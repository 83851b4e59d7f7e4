import { describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createKafkaClient } from '../../src/source/kafkajs.ts'
import { createFakeIo } from '../support/fake-io.ts'
import { describeKafka, topicName } from '../support/kafka.ts'

async function netweir(
  ...argv: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  const io = createFakeIo()
  const code = await main(argv, io)
  return { code, out: io.out, err: io.err }
}

const source = 'kafka://127.0.0.1:1/flows'

describe('what a member is asked to do', () => {
  test.each([
    [['--group', 'g', '--follow'], '--group and --state-topic go together'],
    [['--state-topic', 's', '--follow'], '--group and --state-topic go together'],
    [['--window', '1d'], '--group and --state-topic go together'],
    [['--group', 'g', '--state-topic', 's'], '--state-topic needs --follow or --for'],
    [['--group', '', '--state-topic', 's', '--follow'], '--group must not be empty'],
    [['--group', 'g', '--state-topic', 's', '--follow', '--out', 'x'], '--out has no meaning'],
    [['--group', 'g', '--state-topic', 's', '--follow', '-o', 'text'], '--output has no meaning'],
    [['--group', 'g', '--state-topic', 's', '--follow', '--window', '0s'], '--window must be'],
    [['--group', 'g', '--state-topic', 's', '--follow', '--flush', 'often'], '--flush must be'],
  ])('%j is refused', async (flags, message) => {
    const { code, out, err } = await netweir('learn', source, ...flags)
    expect(err).toContain(message)
    expect(code).toBe(2)
    expect(out).toBe('')
  })

  test('two sources are refused, and one that is no topic', async () => {
    const flags = ['--group', 'g', '--state-topic', 's', '--follow']
    expect((await netweir('learn', source, 'x', ...flags)).err).toContain('reads one source')
    const { code, err } = await netweir('learn', 'flows.jsonl', ...flags)
    expect(code).toBe(2)
    expect(err).toContain('error[USAGE]')
  })

  test.each([
    [['kafka', 'drop', source, '--state-topic', 's'], 'ACTION must be init'],
    [['kafka', 'init', source], '--state-topic is missing'],
    [
      ['kafka', 'init', source, '--state-topic', 's', '--replication-factor', '0'],
      'must be a number',
    ],
  ])('%j is refused', async (argv, message) => {
    const { code, err } = await netweir(...argv)
    expect(err).toContain(message)
    expect(code).toBe(2)
  })
})

await describeKafka('kafka init and a member, on the command line', (address) => {
  test('make the topic, learn into it, and say how it went', async () => {
    const client = createKafkaClient({ brokers: [address()] }, 'kafka://test')
    const [topic, stateTopic, group] = [topicName('flows'), topicName('state'), topicName('group')]
    await client.createTopic({ topic, partitions: 3 })
    const place = `kafka://${address()}/${topic}`
    const init = ['kafka', 'init', place, '--state-topic', stateTopic]
    expect(await netweir(...init)).toMatchObject({
      code: 0,
      out: '',
      err: `made ${stateTopic}: 3 partitions, compacted\n`,
    })
    expect((await netweir(...init)).err).toContain('was there already')
    await client.produce(topic, 1, [{ key: null, value: new TextEncoder().encode('{"flow":') }])
    const { code, out, err } = await netweir(
      ...['learn', place, '--group', group, '--state-topic', stateTopic],
      ...['--for', '3s', '--flush', '1s'],
    )
    expect(err).toContain('with 3 partitions')
    expect(err).toContain('1 record')
    expect(err).toContain('read 1 message\n')
    expect(err).toContain('owned 3 partitions, all read to the end')
    expect(code).toBe(0)
    expect(out).toBe('')
    expect(await client.committed(group, [topic])).toContainEqual({
      topic,
      partition: 1,
      offset: 1,
    })
    const learned = await netweir('learn', `kafka://${address()}/${stateTopic}`, '-o', 'text')
    // The one message is no flow.
    expect(learned.err).toContain('error[NOT_FLOWS]')
    const flow = {
      verdict: 'FORWARDED',
      time: '2026-03-02T09:00:00Z',
      l4: { TCP: { source_port: 40_000, destination_port: 8080, flags: { SYN: true } } },
      source: { namespace: 'shop', labels: ['k8s:app=web'] },
      destination: { namespace: 'shop', labels: ['k8s:app=api'] },
      traffic_direction: 'EGRESS',
      event_type: { type: 5 },
      is_reply: false,
    }
    await client.produce(topic, 2, [
      { key: null, value: new TextEncoder().encode(JSON.stringify({ flow })) },
    ])
    const flags = ['--group', group, '--state-topic', stateTopic, '--for', '3s', '--flush', '1s']
    expect((await netweir('learn', place, ...flags)).code).toBe(0)
    const made = await netweir('generate', `kafka://${address()}/${stateTopic}`)
    expect(made.err).toContain('read 2 records')
    expect(made.out).toContain('app: api')
    expect(made.code).toBe(0)
    await client.close()
  })
})
