/** A made-up cluster of any size, as read-out traffic: the same for the same size. */
import { toLabels } from '../../dist/index.js'

const start = Date.UTC(2026, 2, 2, 9)
const workloadsPerNamespace = 50
const services = [
  { protocol: 'TCP', port: 8080 },
  { protocol: 'TCP', port: 8443 },
  { protocol: 'TCP', port: 9090 },
  { protocol: 'TCP', port: 5432 },
  { protocol: 'TCP', port: 6379 },
  { protocol: 'TCP', port: 50051 },
  { protocol: 'UDP', port: 8125 },
]

/** Returns a traffic of `workloads` classes and `edges` learned edges. */
export function makeCluster({ workloads, edges }) {
  const random = createRandom(workloads)
  const pick = (count) => Math.floor(random() * count)
  const perNamespace = Math.min(workloadsPerNamespace, workloads)
  const classes = [dnsClass()]
  for (let id = 1; id <= workloads; id += 1) classes.push(workloadClass(id, perNamespace))
  const made = new Map()
  const add = (from, to, { protocol, port }, outcome = 'learned') => {
    const key = JSON.stringify([from, to, protocol, port])
    if (!made.has(key)) made.set(key, { from, to, protocol, port, outcome, evidence })
  }
  const pod = (id) => ({ kind: 'class', class: id })
  for (let id = 1; id <= workloads; id += 1) {
    add(pod(id), pod(0), { protocol: 'UDP', port: 53 })
    if (id % 5 === 0) add(pod(id), address(`203.0.113.${id % 200}`), { protocol: 'TCP', port: 443 })
    if (id % 20 === 0) {
      const node = { kind: 'entity', entity: 'remote-node', labels: ['remote-node'], addresses: [] }
      add(node, pod(id), { protocol: 'TCP', port: 9100 }, 'remote-node')
    }
  }
  while (made.size < edges) {
    const from = 1 + pick(workloads)
    const first = from - ((from - 1) % perNamespace)
    const isNear = pick(4) > 0
    const to = isNear
      ? first + pick(Math.min(perNamespace, workloads - first + 1))
      : 1 + pick(workloads)
    // A workload serves on one or two ports, as they do.
    if (to !== from)
      add(pod(from), pod(to), services[(to + (pick(8) === 0 ? 1 : 0)) % services.length])
  }
  const list = [...made.values()]
  return {
    cluster: '',
    window: { firstMs: start, lastMs: start + 7 * 86_400_000 },
    nodes: ['node-1'],
    classes,
    edges: list,
    namespaces: Object.fromEntries(
      [...new Set(classes.map((known) => known.namespace))].map((name) => [
        name,
        toLabels([['kubernetes.io/metadata.name', name]]),
      ]),
    ),
    ledger: {
      records: list.length,
      outcomes: { learned: list.length },
      lostEvents: 0,
      unavailableNodes: [],
    },
    lost: [],
    folded: [],
  }
}

const evidence = {
  records: 10,
  flows: 10,
  firstMs: start,
  lastMs: start + 86_400_000,
  blocks: [[0, 12]],
  samples: [],
  strong: 10,
  medium: 0,
  reply: 0,
  egress: true,
  ingress: true,
  denied: 0,
  audited: 0,
}

function address(text) {
  return { kind: 'address', address: text, labels: [], names: [] }
}

function dnsClass() {
  return knownClass(0, 'kube-system', 'coredns', [['k8s-app', 'kube-dns']])
}

function workloadClass(id, perNamespace) {
  const number = Math.floor((id - 1) / perNamespace)
  const namespace = `team-${number}`
  const name = `service-${(id - 1) % perNamespace}`
  return knownClass(id, namespace, name, [
    ['app.kubernetes.io/name', name],
    ['app.kubernetes.io/part-of', `product-${number % 7}`],
    ['tier', ['front', 'back', 'data'][id % 3]],
    ['team', namespace],
  ])
}

function knownClass(id, namespace, name, labels) {
  const workload = { kind: 'Deployment', name }
  return {
    id,
    namespace,
    labels: toLabels(labels),
    pods: [
      { name: `${name}-7d9c5b6f4-x2x4z`, generation: [], workload, resolvedBy: 'flow' },
      { name: `${name}-7d9c5b6f4-k8k9q`, generation: [], workload, resolvedBy: 'flow' },
    ],
    workloads: [workload],
    observed: true,
  }
}

/** The mulberry32 generator: numbers from 0 to 1 that depend on the seed alone. */
function createRandom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
