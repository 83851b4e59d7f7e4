/**
 * Messages a second that a group learns together, one member beside two, and kafkajs that looks at nothing, from the same
 * topic of a broker on this machine. Members are processes of their own, the broker is another one: what there is of cores
 * they share.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createKafkaClient } from '../../dist/source/kafkajs.js'
import { createStateTopic } from '../../dist/source/state-topic.js'
// biome-ignore lint/correctness/useImportExtensions: the broker is JavaScript, beside a declaration of its types.
import { startBroker } from '../support/kafka/broker.mjs'
import { fill, print, readBare } from './kafka-lines.mjs'

const messages = 400_000
const partitions = 12
const topic = 'flows'
const program = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const script = fileURLToPath(import.meta.url)

const [, , role, address] = process.argv
if (role === 'kafkajs') print(await readBare(address, topic, messages))

const broker = await startBroker()
const place = `kafka://${broker.plaintext}/${topic}`
const client = createKafkaClient({ brokers: [broker.plaintext] }, place)
try {
  await fill(broker.plaintext, topic, { messages, partitions, pack: (line) => line })
  console.log(`${messages} messages in ${partitions} partitions, flushed every second`)
  console.log('| reader | messages/s | a member | peak MB of a member |')
  console.log('|---|---|---|---|')
  const runs = []
  for (const members of [0, 1, 2, 0, 1, 2]) {
    const run = members === 0 ? bare() : await measure(members, runs.length)
    runs.push({ members, ...run })
    const who = members === 0 ? 'kafkajs alone' : members === 1 ? '1 member' : `${members} members`
    const each = Math.round(run.rate / Math.max(1, members))
    console.log(`| ${who} | ${Math.round(run.rate)} | ${each} | ${run.peak} |`)
  }
  const best = (count) =>
    Math.max(...runs.filter(({ members }) => members === count).map(({ rate }) => rate))
  console.log(`ratio of one member to kafkajs alone: ${(best(1) / best(0)).toFixed(2)}`)
  console.log(`growth from one to two members: ${(best(2) / best(1)).toFixed(2)}`)
} finally {
  await client.close()
  await broker.stop()
}

function bare() {
  const argv = [script, 'kafkajs', broker.plaintext]
  const { ms, rss } = JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8' }))
  return { rate: (messages / ms) * 1_000, peak: rss }
}

/** Returns the rate between the first and the last commit that all members had a part in, and the peak of memory. */
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
  const peak = Math.max(...running.map(({ pid }) => peakOf(pid)))
  for (const member of running) member.kill('SIGTERM')
  await Promise.all(running.map((member) => once(member, 'exit')))
  return { rate: (ended.count - began.count) / ((ended.ms - began.ms) / 1_000), peak }
}

/** Megabytes; 0 where the system does not say. */
function peakOf(pid) {
  try {
    const [, kilobytes = '0'] =
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kilobytes) / 1024)
  } catch {
    return 0
  }
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
