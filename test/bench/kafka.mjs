/**
 * Messages a second that one process reads from Kafka: netweir, decoding and aggregating, beside kafkajs that looks at
 * nothing, over the same topic of a broker on this machine. Each run is a process of its own; they take turns.
 */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'
// biome-ignore lint/correctness/useImportExtensions: the broker is JavaScript, beside a declaration of its types.
import { startBroker } from '../support/kafka/broker.mjs'

const messages = 200_000
const partitions = 8
const rounds = 3

const script = fileURLToPath(import.meta.url)
const [, , role, brokers, topic] = process.argv

if (role === 'kafkajs') print(await readBare())
else if (role === 'netweir') print(await readWhole())
else await compare()

async function compare() {
  const broker = await startBroker()
  try {
    console.log(`${messages} messages in ${partitions} partitions, the best of ${rounds} runs each`)
    console.log(
      '| topic | kafkajs alone, messages/s | netweir, messages/s | ratio | netweir, peak MB |',
    )
    console.log('|---|---|---|---|---|')
    for (const [kind, codec, pack] of [
      ['lines', 'uncompressed', (line) => line],
      ['lines', 'gzip', (line) => line],
      ['lines', 'zstd', (line) => line],
      [
        'lines in a message',
        'uncompressed',
        (line) => JSON.stringify({ host: 'n', message: line }),
      ],
    ]) {
      const name = `${kind} ${codec}`.replaceAll(' ', '-')
      const size = await fill(broker.plaintext, name, codec, pack)
      const run = (who) =>
        JSON.parse(
          execFileSync(process.execPath, [script, who, broker.plaintext, name], {
            encoding: 'utf8',
          }),
        )
      const bare = []
      const whole = []
      for (let round = 0; round < rounds; round += 1) {
        bare.push(run('kafkajs'))
        whole.push(run('netweir'))
      }
      for (const { count } of [...bare, ...whole]) {
        if (count !== messages) throw new Error(`read ${count} of ${messages} messages`)
      }
      const rate = (runs) => Math.max(...runs.map(({ ms }) => Math.round((messages / ms) * 1_000)))
      const ratio = rate(whole) / rate(bare)
      const peak = Math.max(...whole.map(({ rss }) => rss))
      console.log(
        `| ${kind}, ${codec}, ${size} bytes | ${rate(bare)} | ${rate(whole)} | ${ratio.toFixed(2)} | ${peak} |`,
      )
    }
  } finally {
    await broker.stop()
  }
}

/** Flows between 200 workloads, as an exporter writes them. Returns the mean size of a message. */
async function fill(address, name, codec, pack) {
  const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: [
      {
        topic: name,
        numPartitions: partitions,
        configEntries: [{ name: 'compression.type', value: codec }],
      },
    ],
  })
  await admin.disconnect()
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  let bytes = 0
  for (let start = 0; start < messages; start += 500) {
    const values = Array.from({ length: 500 }, (_, index) => pack(line(start + index)))
    bytes += values.reduce((sum, value) => sum + value.length, 0)
    await producer.send({
      topic: name,
      messages: values.map((value) => ({ value, partition: (start / 500) % partitions })),
    })
  }
  await producer.disconnect()
  return Math.round(bytes / messages)
}

function line(number) {
  const client = number % 200
  const server = (number * 7 + Math.floor(number / 200)) % 200
  const time = new Date(1_760_000_000_000 + number).toISOString()
  const end = (workload, identity) => ({
    ID: 100 + workload,
    identity,
    cluster_name: 'default',
    namespace: `team-${workload % 8}`,
    labels: [
      `k8s:app.kubernetes.io/name=service-${workload}`,
      'k8s:app.kubernetes.io/part-of=shop',
      'k8s:io.cilium.k8s.policy.cluster=default',
      'k8s:io.cilium.k8s.policy.serviceaccount=default',
      `k8s:io.kubernetes.pod.namespace=team-${workload % 8}`,
      `k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=team-${workload % 8}`,
    ],
    pod_name: `service-${workload}-7d9f6b5c4-x${(workload * 31) % 997}`,
    workloads: [{ name: `service-${workload}`, kind: 'Deployment' }],
  })
  return JSON.stringify({
    flow: {
      time,
      uuid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
      verdict: 'FORWARDED',
      ethernet: { source: '7e:a3:2d:ff:5a:0c', destination: '9a:ef:20:0f:1b:22' },
      IP: { source: `10.0.${client}.5`, destination: `10.0.${server}.6`, ipVersion: 'IPv4' },
      l4: {
        TCP: {
          source_port: 32768 + (number % 28000),
          destination_port: 8080,
          flags: { SYN: true },
        },
      },
      source: end(client, 1000 + client),
      destination: end(server, 1000 + server),
      Type: 'L3_L4',
      node_name: `worker-${number % 5}`,
      event_type: { type: 4, sub_type: 3 },
      traffic_direction: 'EGRESS',
      trace_observation_point: 'TO_ENDPOINT',
      is_reply: false,
      Summary: 'TCP Flags: SYN',
    },
    node_name: `worker-${number % 5}`,
    time,
  })
}

/** From connecting to the last message, which is when the ends that were asked for are reached. */
async function readBare() {
  const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING })
  const started = performance.now()
  const consumer = kafka.consumer({
    groupId: `bench-${process.pid}`,
    maxBytes: 2 * 1024 * 1024,
    maxWaitTimeInMs: 250,
  })
  if (topic.includes('zstd')) await useZstd()
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let count = 0
  let end = () => undefined
  const ended = new Promise((resolve) => {
    end = resolve
  })
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }) => {
      count += batch.messages.length
      if (count >= messages) end()
      return Promise.resolve()
    },
  })
  await ended
  const ms = performance.now() - started
  return { count, ms }
}

/** kafkajs has no zstd of its own: it is given the one that netweir uses. */
async function useZstd() {
  const { decompressors } = await import('../../dist/source/kafka-codecs.js')
  kafkajs.CompressionCodecs[4] = () => ({ decompress: decompressors.get(4) })
}

async function readWhole() {
  const { learn } = await import('../../dist/index.js')
  const started = performance.now()
  const { set } = await learn(
    [`kafka://${brokers}/${topic}`],
    {},
    { stdin: process.stdin, signal: new AbortController().signal },
  )
  const ms = performance.now() - started
  return { count: set.ledger.records, ms }
}

function print(result) {
  const rss = Math.round(process.resourceUsage().maxRSS / 1024)
  process.stdout.write(JSON.stringify({ ...result, rss }), () => process.exit())
}
