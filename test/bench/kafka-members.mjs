/**
 * Messages a second that a group learns together, one member beside two, from the same topic of a broker on this machine.
 * Members are processes of their own, the broker is another one: what there is of cores they share.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createKafkaClient } from '../../dist/source/kafkajs.js'
import { createStateTopic } from '../../dist/source/state-topic.js'
// biome-ignore lint/correctness/useImportExtensions: the broker is JavaScript, beside a declaration of its types.
import { startBroker } from '../support/kafka/broker.mjs'

const messages = 400_000
const partitions = 12
const topic = 'flows'
const program = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

const broker = await startBroker()
const place = `kafka://${broker.plaintext}/${topic}`
const client = createKafkaClient({ brokers: [broker.plaintext] }, place)
try {
  await client.createTopic({ topic, partitions })
  const encoder = new TextEncoder()
  for (let start = 0; start < messages; start += 500) {
    const records = Array.from({ length: 500 }, (_, index) => ({
      key: null,
      value: encoder.encode(line(start + index)),
    }))
    await client.produce(topic, (start / 500) % partitions, records)
  }
  console.log(`${messages} messages in ${partitions} partitions, flushed every second`)
  console.log('| members | messages/s |')
  console.log('|---|---|')
  const rates = []
  for (const members of [1, 2, 1, 2]) {
    const rate = await measure(members, rates.length)
    rates.push({ members, rate })
    console.log(`| ${members} | ${Math.round(rate)} |`)
  }
  const best = (count) =>
    Math.max(...rates.filter(({ members }) => members === count).map(({ rate }) => rate))
  console.log(`growth from one to two members: ${(best(2) / best(1)).toFixed(2)}`)
} finally {
  await client.close()
  await broker.stop()
}

/** Returns the rate between the first and the last commit that all members had a part in. */
async function measure(members, run) {
  const names = { group: `group-${run}`, stateTopic: `state-${run}` }
  await createStateTopic(client, { stateTopic: names.stateTopic, topics: [topic] }, place)
  const flags = ['--group', names.group, '--state-topic', names.stateTopic, '--follow']
  const running = Array.from({ length: members }, () =>
    spawn(process.execPath, [program, 'learn', place, ...flags, '--flush', '1s'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  )
  const share = `with ${partitions / members} partitions`
  await Promise.all(running.map((member) => until(member.stderr, share)))
  const began = await committed(names.group, 1)
  const ended = await committed(names.group, messages)
  for (const member of running) member.kill('SIGTERM')
  await Promise.all(running.map((member) => once(member, 'exit')))
  return (ended.count - began.count) / ((ended.ms - began.ms) / 1_000)
}

async function until(stream, words) {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk
    if (text.includes(words)) break
  }
  stream.resume()
}

/** Waits until the group has come so far. */
async function committed(group, least) {
  for (;;) {
    const positions = await client.committed(group, [topic])
    const count = positions.reduce((sum, { offset }) => sum + offset, 0)
    if (count >= least) return { count, ms: Date.now() }
    await sleep(50)
  }
}

/** Flows between 200 workloads, as an exporter writes them, without what is not read. */
function line(number) {
  const client = number % 200
  const server = (number * 7 + Math.floor(number / 200)) % 200
  const end = (workload) => ({
    identity: 1000 + workload,
    namespace: `team-${workload % 8}`,
    labels: [
      `k8s:app.kubernetes.io/name=service-${workload}`,
      'k8s:app.kubernetes.io/part-of=shop',
      'k8s:io.cilium.k8s.policy.serviceaccount=default',
      `k8s:io.kubernetes.pod.namespace=team-${workload % 8}`,
    ],
    pod_name: `service-${workload}-7d9f6b5c4-x${(workload * 31) % 997}`,
  })
  const node = `worker-${number % 5}`
  return JSON.stringify({
    flow: {
      time: new Date(1_760_000_000_000 + number).toISOString(),
      uuid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
      verdict: 'FORWARDED',
      IP: { source: `10.0.${client}.5`, destination: `10.0.${server}.6`, ipVersion: 'IPv4' },
      l4: {
        TCP: {
          source_port: 32_768 + (number % 28_000),
          destination_port: 8080,
          flags: { SYN: true },
        },
      },
      source: end(client),
      destination: end(server),
      Type: 'L3_L4',
      node_name: node,
      event_type: { type: 4, sub_type: 3 },
      traffic_direction: 'EGRESS',
      trace_observation_point: 'TO_ENDPOINT',
      is_reply: false,
    },
    node_name: node,
  })
}
