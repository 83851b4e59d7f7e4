/** The flows of the benchmarks of Kafka, and how a topic is filled with them and read by kafkajs alone. */
import process from 'node:process'
import kafkajs from 'kafkajs'

/**
 * Returns a flow as an exporter writes it: of 200 workloads, each of which talks to ten others. Numbers that follow each
 * other are of different workloads, so that nothing is gained from repetition within a batch.
 */
export function line(number) {
  const client = number % 200
  const server = (client * 7 + (Math.floor(number / 200) % 10) * 13) % 200
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

/** Fills a topic with so many messages. Returns their mean size. */
export async function fill(address, topic, { messages, partitions, codec = 'uncompressed', pack }) {
  const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const configEntries = [{ name: 'compression.type', value: codec }]
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] })
  await admin.disconnect()
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  let bytes = 0
  for (let start = 0; start < messages; start += 500) {
    const values = Array.from({ length: 500 }, (_, index) => pack(line(start + index)))
    bytes += values.reduce((sum, value) => sum + value.length, 0)
    const partition = (start / 500) % partitions
    await producer.send({ topic, messages: values.map((value) => ({ value, partition })) })
  }
  await producer.disconnect()
  return Math.round(bytes / messages)
}

/** Reads so many messages with kafkajs alone, which looks at nothing: from connecting to the last message. */
export async function readBare(address, topic, messages) {
  const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING })
  // It has no zstd of its own: it is given the one that netweir uses.
  const { decompressors } = await import('../../dist/source/kafka-codecs.js')
  kafkajs.CompressionCodecs[4] = () => ({ decompress: decompressors.get(4) })
  const started = performance.now()
  const consumer = kafka.consumer({
    groupId: `bench-${process.pid}`,
    maxBytes: 2 * 1024 * 1024,
    maxWaitTimeInMs: 250,
  })
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
  return { count, ms: performance.now() - started }
}

/** Writes a result, with the peak of memory, and ends the process. */
export function print(result) {
  const rss = Math.round(process.resourceUsage().maxRSS / 1024)
  process.stdout.write(JSON.stringify({ ...result, rss }), () => process.exit())
}
