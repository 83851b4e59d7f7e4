/** What happens in the recording: eighteen minutes of a Monday morning, with a rollout of `web` in the middle. */
import { debug, nodes, pods, podsOf } from './cluster.mjs'
import {
  ask,
  askThroughProxy,
  connect,
  ephemeralPort,
  exchange,
  nodeEnd,
  ping,
  stray,
  world,
} from './connection.mjs'
import { createRecorder, endpointId } from './exporter.mjs'

const minutes = 60
const end = 18 * minutes
const payName = 'api.stripe.example'
const payAddresses = ['203.0.113.40', '198.51.100.40']
const storage = world('192.0.2.80')
const resolver = world('10.0.0.2')

const [coreA, coreB] = podsOf('kube-system/coredns')
const [controller] = podsOf('ingress-nginx/ingress-nginx-controller')
const [prometheus] = podsOf('monitoring/prometheus')
const [recordsA, recordsB] = podsOf('patients/records-api')
const [db] = podsOf('patients/records-db')
const backups = podsOf('patients/backup')
const [payments] = podsOf('payments/payments-api')
const [cart] = podsOf('shop/cart')
const [redis] = podsOf('shop/cart-redis')
const [checkout] = podsOf('shop/checkout')
const [oldA, oldB, newA, newB] = podsOf('shop/web')

/** When each pod serves: those that are not named do so all the time. */
const rollout = 8 * minutes
const lives = new Map([
  [oldA, [0, rollout + 40]],
  [oldB, [0, rollout + 75]],
  [newA, [rollout + 10, end]],
  [newB, [rollout + 45, end]],
])

function isAlive(pod, at) {
  const [from, to] = lives.get(pod) ?? [0, end]
  return at >= from && at < to
}

/** Returns the lines of the recording. */
export function record() {
  const recorder = createRecorder()
  const tell = createTeller(recorder)
  for (const chapter of [
    customers,
    shopping,
    records,
    paying,
    backupJobs,
    scraping,
    lookups,
    probes,
    controlPlane,
    portScan,
    oddities,
  ]) {
    chapter(tell, recorder)
  }
  return recorder.lines()
}

/** Repeats something at even distances with some jitter, so that the recording does not tick. */
function createTeller(recorder) {
  return {
    repeat(count, action, [from, to] = [4, end - 4]) {
      const step = (to - from) / count
      for (let index = 0; index < count; index++) {
        action(from + (index + recorder.random() * 0.9) * step, index)
      }
    },
    /** The web pod that a balancer chooses at that time. */
    web(at, index) {
      const alive = [oldA, oldB, newA, newB].filter((pod) => isAlive(pod, at))
      return alive[index % alive.length]
    },
  }
}

function customers({ repeat, web }, recorder) {
  repeat(34, (at, index) => {
    const network = ['192.0.2', '198.51.100', '203.0.113'][index % 3]
    const client = world(`${network}.${100 + ((index * 7) % 24) * 5}`)
    const port = index % 9 === 4 ? 80 : 443
    connect(recorder, { at, from: client, to: controller, port, closes: index % 3 === 0 })
    if (port === 443) {
      connect(recorder, { at: at + 0.02, from: controller, to: web(at, index), port: 8080 })
    }
  })
}

function shopping({ repeat, web }, recorder) {
  const call = (to, port) => (at, index) => {
    connect(recorder, { at, from: web(at, index), to, port, closes: index % 4 === 0 })
  }
  repeat(16, call(cart, 8081))
  repeat(12, call(checkout, 8082))
  repeat(8, (at) => connect(recorder, { at, from: checkout, to: cart, port: 8081 }))
  repeat(4, (at) => connect(recorder, { at, from: cart, to: redis, port: 6379, exchanges: 4 }))
}

function records({ repeat }, recorder) {
  repeat(9, (at, index) => {
    const to = index % 2 === 0 ? recordsA : recordsB
    connect(recorder, { at, from: checkout, to, port: 8080 })
  })
  // The database connections were opened long before the recording and stay open.
  for (const from of [recordsA, recordsB]) {
    const fromPort = ephemeralPort(recorder)
    repeat(12, (at) => exchange(recorder, { at, from, to: db, fromPort, toPort: 5432 }))
  }
}

function paying({ repeat }, recorder) {
  repeat(9, (at, index) => {
    connect(recorder, { at, from: checkout, to: payments, port: 8443 })
    const provider = world(payAddresses[index % 2], [payName])
    connect(recorder, { at: at + 0.2, from: payments, to: provider, port: 443, closes: true })
    if (index % 2 !== 0) return
    askThroughProxy(recorder, {
      at: at + 0.1,
      from: payments,
      to: index % 4 === 0 ? coreA : coreB,
      query: payName,
      addresses: payAddresses,
    })
  })
}

function backupJobs(_tell, recorder) {
  for (const [index, job] of backups.entries()) {
    const at = index * 10 * minutes + 3
    ask(recorder, { at, from: job, to: coreA, port: 53 })
    connect(recorder, { at: at + 0.5, from: job, to: db, port: 5432, exchanges: 5, closes: true })
    ask(recorder, { at: at + 31, from: job, to: coreB, port: 53 })
    connect(recorder, {
      at: at + 32,
      from: job,
      to: storage,
      port: 443,
      exchanges: 3,
      closes: true,
    })
  }
}

function scraping({ repeat }, recorder) {
  const targets = [
    [controller, 10_254],
    [coreA, 9153],
    [coreB, 9153],
    [recordsA, 9102],
    [recordsB, 9102],
    [payments, 9102],
    [cart, 9102],
    [checkout, 9102],
    [oldA, 9102],
    [oldB, 9102],
    [newA, 9102],
    [newB, 9102],
    ...nodes.map((node) => [nodeEnd(node.name, prometheus.node), 9100]),
  ]
  for (const [index, [to, port]] of targets.entries()) {
    const [from, until] = lives.get(to) ?? [2 + index, end]
    connect(recorder, { at: from + 6 + index * 0.3, from: prometheus, to, port })
    const fromPort = ephemeralPort(recorder)
    repeat(
      until - from > 10 * minutes ? 4 : 2,
      (at) => exchange(recorder, { at, from: prometheus, to, fromPort, toPort: port }),
      [from + 20, until - 20],
    )
  }
}

function lookups({ repeat, web }, recorder) {
  const cores = [coreA, coreB]
  for (const from of [cart, checkout, recordsA, recordsB, controller, prometheus]) {
    repeat(5, (at, index) => ask(recorder, { at, from, to: cores[index % 2], port: 53 }))
  }
  repeat(14, (at, index) => {
    ask(recorder, { at, from: web(at, index), to: cores[index % 2], port: 53 })
  })
  // An answer too long for UDP is asked for again over TCP.
  repeat(3, (at) => connect(recorder, { at, from: checkout, to: coreB, port: 53, closes: true }))
  repeat(10, (at, index) => ask(recorder, { at, from: cores[index % 2], to: resolver, port: 53 }))
}

function probes({ repeat }, recorder) {
  for (const pod of pods) {
    const port = pod.workload?.ports.find((each) => each.name === pod.workload.probe)?.port
    if (port === undefined) continue
    const [from, until] = lives.get(pod) ?? [0, end]
    const host = nodeEnd(pod.node, pod.node)
    repeat(5, (at) => connect(recorder, { at, from: host, to: pod, port }), [from + 5, until - 5])
  }
}

function controlPlane({ repeat }, recorder) {
  const apiServer = (pod) => nodeEnd('control-plane', pod.node)
  for (const from of [prometheus, controller, coreB]) {
    connect(recorder, { at: 11, from, to: apiServer(from), port: 6443, exchanges: 2 })
    const fromPort = ephemeralPort(recorder)
    repeat(4, (at) => {
      exchange(recorder, { at, from, to: apiServer(from), fromPort, toPort: 6443 })
    })
  }
  // The rollout changes an Ingress, which the API server shows to the admission webhook first.
  const at = rollout + 2
  connect(recorder, { at, from: apiServer(controller), to: controller, port: 8443, closes: true })
}

function portScan(_tell, recorder) {
  const at = 13 * minutes
  const from = debug()
  for (const [index, to] of [coreA, coreB].entries()) {
    ask(recorder, { at: at + index, from, to, port: 53 })
  }
  ping(recorder, { at: at + 5, from, to: newA })
  for (const [index, port] of [22, 80, 443, 1433, 3306, 5432, 6379, 8080, 9200, 27_017].entries()) {
    connect(recorder, { at: at + 20 + index * 0.21, from, to: db, port })
  }
  for (const [index, port] of [22, 80, 443, 8080, 8081, 9102].entries()) {
    connect(recorder, { at: at + 30 + index * 0.21, from, to: cart, port })
  }
}

function oddities(_tell, recorder) {
  recorder.event(rollout + 9, newA.node, {
    agent_event: { type: 'ENDPOINT_CREATED', endpoint_update: endpointUpdate(newA) },
  })
  recorder.event(rollout + 76, oldB.node, {
    agent_event: { type: 'ENDPOINT_DELETED', endpoint_update: endpointUpdate(oldB) },
  })
  recorder.event(11 * minutes, 'worker-2', {
    lost_events: { source: 'HUBBLE_RING_BUFFER', num_events_lost: '38' },
  })
  // Late packets of servers whose connections the node had forgotten.
  const at = 15 * minutes
  stray(recorder, { at, from: redis, to: cart, fromPort: 6379, toPort: ephemeralPort(recorder) })
  const gone = world('198.51.100.77')
  stray(recorder, { at: at + 9, from: gone, to: newB, fromPort: 443, toPort: 41_532 })
}

function endpointUpdate(pod) {
  return { id: String(endpointId(pod)), pod_name: pod.name, namespace: pod.namespace }
}
