/**
 * Messages a second that one process reads from Kafka: netweir, decoding and aggregating, beside kafkajs that looks at
 * nothing, over the same topic of a broker on this machine. Each run is a process of its own; they take turns.
 */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
// biome-ignore lint/correctness/useImportExtensions: the broker is JavaScript, beside a declaration of its types.
import { startBroker } from '../support/kafka/broker.mjs'
import { fill, print, readBare } from './kafka-lines.mjs'

const messages = 200_000
const partitions = 8
const rounds = 3

const script = fileURLToPath(import.meta.url)
const [, , role, brokers, topic] = process.argv

if (role === 'kafkajs') print(await readBare(brokers, topic, messages))
else if (role === 'netweir') print(await readWhole())
else await compare()

async function compare() {
  const broker = await startBroker()
  try {
    console.log(`${messages} messages in ${partitions} partitions, the best of ${rounds} runs each`)
    console.log(
      '| topic | kafkajs alone, messages/s | peak MB | netweir, messages/s | peak MB | ratio |',
    )
    console.log('|---|---|---|---|---|---|')
    const asIs = (line) => line
    for (const [kind, codec, pack] of [
      ['lines', 'uncompressed', asIs],
      ['lines', 'gzip', asIs],
      ['lines', 'zstd', asIs],
      [
        'lines in a `message`',
        'uncompressed',
        (line) => JSON.stringify({ host: 'n', message: line }),
      ],
    ]) {
      const name = `${kind} ${codec}`.replace(/[^\w]+/g, '-')
      const size = await fill(broker.plaintext, name, { messages, partitions, codec, pack })
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
      const peak = (runs) => Math.max(...runs.map(({ rss }) => rss))
      const ratio = rate(whole) / rate(bare)
      console.log(
        `| ${kind}, ${codec}, ${size} bytes | ${rate(bare)} | ${peak(bare)} | ${rate(whole)} | ${peak(whole)} | ${ratio.toFixed(2)} |`,
      )
    }
  } finally {
    await broker.stop()
  }
}

/** From connecting to the set of all messages. */
async function readWhole() {
  // As the program does.
  setFlagsFromString('--semi-space-growth-factor=1')
  const { learn } = await import('../../dist/index.js')
  const started = performance.now()
  const { set } = await learn(
    [`kafka://${brokers}/${topic}`],
    {},
    { stdin: process.stdin, signal: new AbortController().signal },
  )
  return { count: set.ledger.records, ms: performance.now() - started }
}
