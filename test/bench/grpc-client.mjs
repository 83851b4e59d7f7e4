/**
 * Reads one stream of `grpc-server.mjs` to a communication set, and prints what it cost: `netweir` the way the product
 * does, `generated` with the decoder that @grpc/proto-loader generates (protobufjs), `count` without decoding anything.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { readRecord } from '../../dist/flow/decode.js'
import { openSource } from '../../dist/source/source.js'
import { createAggregate } from '../../dist/traffic/aggregate.js'
import { createReader } from '../../dist/traffic/reader.js'
import { encodeSet } from '../../dist/traffic/set-document.js'

const [mode, port] = process.argv.slice(2)

async function netweir() {
  const never = new AbortController().signal
  const host = { stdin: (async function* () {})(), closed: never, aborted: never }
  const source = await openSource(`hubble://127.0.0.1:${port}`, {}, host)
  const reader = createReader()
  let count = 0
  return measure(async () => {
    for await (const pieces of source.pieces) {
      for (const { bytes, place, encoding } of pieces) reader.consume(bytes, place, { encoding })
      count += pieces.length
    }
    return { count, toSet: () => reader.finish() }
  })
}

async function generated() {
  const proto = loadSync(join('observer', 'observer.proto'), {
    includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
    keepCase: true,
    longs: String,
    enums: String,
  })
  const { Observer } = loadPackageDefinition(proto).observer
  const client = new Observer(`127.0.0.1:${port}`, credentials.createInsecure())
  const aggregate = createAggregate()
  return measure(async () => {
    let count = 0
    const call = client.GetFlows({})
    call.on('data', (message) => {
      for (const reading of readRecord(asJson(message))) aggregate.add(reading)
      count += 1
    })
    await new Promise((resolve, reject) => call.on('end', resolve).on('error', reject))
    client.close()
    return { count, toSet: () => aggregate.toSet() }
  })
}

/** The well-known types have forms of their own in JSON. */
function asJson(message) {
  const { flow } = message
  if (flow.time) flow.time = timeText(flow.time)
  if (flow.is_reply) flow.is_reply = flow.is_reply.value
  if (message.time) message.time = timeText(message.time)
  return message
}

function timeText({ seconds, nanos = 0 }) {
  return new Date(Number(seconds) * 1000 + nanos / 1e6).toISOString()
}

async function count() {
  const { HubbleClient } = await import('../../dist/source/hubble-client.js')
  const client = new HubbleClient(
    { name: '', place: '', target: `127.0.0.1:${port}`, isTls: false },
    credentials.createInsecure(),
    {},
  )
  return measure(async () => {
    const call = client.getFlows(Buffer.alloc(0))
    let count = 0
    for (;;) {
      const batch = await call.next()
      if (batch === undefined) break
      count += batch.length
    }
    client.close()
    return { count, toSet: () => undefined }
  })
}

async function measure(work) {
  const before = process.cpuUsage()
  const start = performance.now()
  const { count: messages, toSet } = await work()
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(before)
  const set = toSet()
  return {
    messages,
    seconds,
    microseconds: (user + system) / messages,
    digest: set && createHash('sha256').update(encodeSet(set)).digest('hex').slice(0, 16),
    edges: set?.communications.length,
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }
}

console.log(JSON.stringify(await { netweir, generated, count }[mode]()))
process.exit(0)
