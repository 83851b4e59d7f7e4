/**
 * A gRPC server that answers `GetFlows` with made-up flows, encoded once before it listens: pods of 300 workloads by
 * Zipf's law, two in five messages replies, a fifth to addresses outside, as Cilium 1.19 describes them. Prints its port.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const distinct = 30_000
const total = Number(process.argv[2] ?? 300_000)

const { 'observer.Observer': observer } = loadSync(join('observer', 'observer.proto'), {
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
  keepCase: true,
})

let state = 20_260_302
/** mulberry32: the same flows in every run. */
function random() {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}
const below = (limit) => Math.floor(random() * limit)
const zipf = (limit) => Math.min(limit - 1, Math.floor(limit ** random()) - 1)
const hex = (digits) => Array.from({ length: digits }, () => below(16).toString(16)).join('')

const pods = Array.from({ length: 900 }, (_, index) => {
  const workload = Math.floor(index / 3)
  const namespace = `team-${workload % 20}`
  const name = `service-${workload}`
  return {
    node: `prod/worker-${index % 24}`,
    address: `10.${index % 24}.${index >> 8}.${index & 255}`,
    end: {
      ID: index + 100,
      identity: 10_000 + workload,
      cluster_name: 'prod',
      namespace,
      labels: [
        `k8s:app.kubernetes.io/instance=${name}`,
        `k8s:app.kubernetes.io/name=${name}`,
        'k8s:app.kubernetes.io/part-of=platform',
        `k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=${namespace}`,
        'k8s:io.cilium.k8s.policy.cluster=prod',
        `k8s:io.cilium.k8s.policy.serviceaccount=${name}`,
        `k8s:io.kubernetes.pod.namespace=${namespace}`,
        `k8s:pod-template-hash=${(workload * 7919).toString(16)}`,
      ],
      pod_name: `${name}-${(workload * 7919).toString(16)}-${index % 3}xk9p`,
      workloads: [{ name, kind: 'Deployment' }],
    },
  }
})

const elsewhere = ({ ID, ...end }) => end

function message(index) {
  const client = pods[zipf(900)]
  const isOutside = random() < 0.2
  const server = pods[zipf(900)]
  const isReply = random() < 0.42
  const outside = `203.0.${below(40)}.${below(250)}`
  const [from, to] = isReply ? ['destination', 'source'] : ['source', 'destination']
  const port = isOutside ? 443 : 8000 + (pods.indexOf(server) % 10)
  const time = { seconds: String(1_772_442_000 + (index >> 6)), nanos: (index & 63) * 1_000_000 }
  return {
    flow: {
      time,
      uuid: `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
      verdict: 'FORWARDED',
      ethernet: { source: '02:42:ac:11:00:02', destination: `02:42:ac:11:00:${index & 63}` },
      IP: {
        [from]: client.address,
        [to]: isOutside ? outside : server.address,
        ipVersion: 'IPv4',
      },
      l4: {
        TCP: {
          [`${from}_port`]: 32_768 + below(28_000),
          [`${to}_port`]: port,
          flags: isReply ? { SYN: true, ACK: true } : { SYN: true },
        },
      },
      [from]: client.end,
      [to]: isOutside
        ? { identity: 2, labels: ['reserved:world'] }
        : server.node === client.node
          ? server.end
          : elsewhere(server.end),
      Type: 'L3_L4',
      node_name: client.node,
      [`${to}_names`]: isOutside && random() < 0.7 ? [`api-${below(50)}.example.com`] : [],
      event_type: { type: 4, sub_type: 3 },
      traffic_direction: 'EGRESS',
      trace_observation_point: 'TO_STACK',
      is_reply: { value: isReply },
      trace_reason: isReply ? 'REPLY' : 'NEW',
      emitter: { name: 'Hubble', version: '1.19.2+g3977f6a1' },
      Summary: isReply ? 'TCP Flags: SYN, ACK' : 'TCP Flags: SYN',
    },
    node_name: client.node,
    time,
  }
}

const { GetFlows, ServerStatus } = observer
const messages = Array.from({ length: distinct }, (_, index) =>
  GetFlows.responseSerialize(message(index)),
)
const bytes = messages.reduce((sum, one) => sum + one.length, 0)

async function stream(call) {
  let isCancelled = false
  call.on('cancelled', () => {
    isCancelled = true
  })
  for (let index = 0; index < total && !isCancelled; index += 1) {
    if (!call.write(messages[index % distinct])) {
      await new Promise((resolve) => call.once('drain', resolve))
    }
  }
  call.end()
}

const server = new Server()
server.addService(
  { GetFlows: { ...GetFlows, responseSerialize: (message) => message }, ServerStatus },
  { GetFlows: stream, ServerStatus: (_, reply) => reply(null, { version: 'v1.19.4' }) },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  console.log(JSON.stringify({ port, total, meanBytes: Math.round(bytes / distinct) }))
})
