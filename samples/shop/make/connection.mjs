/** How one connection looks to the agents: the verdicts and traces that its packets leave on both nodes. */
import { nodes } from './cluster.mjs'
import { allowedBy, isDenied } from './enforced.mjs'
import { podInterface } from './exporter.mjs'

const overlay = { index: 6, name: 'cilium_vxlan' }

/** Returns the world's end of a connection. */
export function world(address, names) {
  return { kind: 'world', address, names, identity: 2, labels: ['reserved:world'] }
}

/** Returns a node as another node, or the node itself, sees it. The API server lives on the control plane. */
export function nodeEnd(name, seenFrom) {
  const { address } = nodes.find((each) => each.name === name)
  const apiServer = name === 'control-plane' ? ['reserved:kube-apiserver'] : []
  if (name === seenFrom) {
    return { kind: 'node', address, identity: 1, labels: ['reserved:host', ...apiServer] }
  }
  const labels = [...apiServer, 'reserved:remote-node']
  return { kind: 'node', address, identity: apiServer.length > 0 ? 7 : 6, labels }
}

/** Records a TCP connection: its first packets at every place, then `exchanges` later packets, then its end. */
export function connect(
  recorder,
  { at, from, to, port, exchanges = 0, closes = false, clientPort },
) {
  const tuple = { from, to, fromPort: clientPort ?? ephemeralPort(recorder), toPort: port }
  const opened = open(recorder, at, tuple)
  if (!opened) return
  for (let round = 1; round <= exchanges; round++) {
    exchange(recorder, { ...tuple, at: at + round * 5.02 })
  }
  if (closes)
    deliver(recorder, { ...tuple, at: at + exchanges * 5.02 + 0.31, flags: ['FIN', 'ACK'] })
}

/** Records packets of a connection that was open before the recording: no SYN, no verdict. */
export function exchange(recorder, tuple) {
  deliver(recorder, { ...tuple, flags: ['ACK', 'PSH'] })
  answer(recorder, { ...tuple, at: tuple.at + 0.0011, flags: ['ACK', 'PSH'] })
}

/** Records a question over UDP and its answer. */
export function ask(recorder, { at, from, to, port }) {
  const tuple = { from, to, fromPort: ephemeralPort(recorder), toPort: port, protocol: 'UDP' }
  open(recorder, at, tuple)
}

/** Returns a client port as Linux chooses it. */
export function ephemeralPort(recorder) {
  return 32_768 + Math.floor(recorder.random() * 28_000)
}

/** The first packet and its answer; false when a policy dropped it. */
function open(recorder, at, tuple) {
  const { from, to } = tuple
  const first = { protocol: 'TCP', ...tuple, flags: ['SYN'], reason: 'NEW' }
  if (from.kind === 'pod') verdict(recorder, { ...first, at, node: from.node, direction: 'EGRESS' })
  if (to.kind === 'pod' && isDenied(from, to, tuple.toPort)) {
    leave(recorder, { ...first, at: at + 0.00002 })
    drop(recorder, { ...first, at: at + 0.0004 })
    return false
  }
  // The node's own packets into its pods are let through before any policy is looked at.
  if (to.kind === 'pod' && !from.labels?.includes?.('reserved:host')) {
    verdict(recorder, { ...first, at: at + 0.0004, node: to.node, direction: 'INGRESS' })
  }
  deliver(recorder, { ...first, at: at + 0.00003 })
  answer(recorder, { ...first, at: at + 0.0009, flags: ['SYN', 'ACK'] })
  return true
}

function verdict(recorder, packet) {
  const policies = allowedBy(packet.direction, packet)
  recorder.packet({
    ...packet,
    type: 5,
    reason: undefined,
    match: policies.length === 0 ? 4 : policies[0].match,
    egressAllowedBy: packet.direction === 'EGRESS' ? marks(policies) : undefined,
    ingressAllowedBy: packet.direction === 'INGRESS' ? marks(policies) : undefined,
  })
}

function marks(policies) {
  return policies.length === 0 ? undefined : policies.map(({ mark }) => mark)
}

function drop(recorder, packet) {
  const denied = {
    ...packet,
    reason: undefined,
    node: packet.to.node,
    direction: 'INGRESS',
    verdict: 'DROPPED',
    denied: true,
  }
  recorder.packet({ ...denied, type: 5 })
  recorder.packet({
    ...denied,
    at: packet.at + 0.000013,
    file: { name: 'bpf_lxc.c', line: 2290 },
  })
}

/** The packet leaves its node, when it has to. */
function leave(recorder, packet) {
  const { from, to } = packet
  if (from.kind !== 'pod' || to.node === from.node) return
  const inCluster = to.kind === 'pod'
  recorder.packet({
    protocol: 'TCP',
    ...packet,
    node: from.node,
    direction: 'EGRESS',
    point: inCluster ? 'TO_OVERLAY' : 'TO_STACK',
    reason: packet.reason ?? 'ESTABLISHED',
    interface: inCluster ? overlay : undefined,
  })
}

/** The packet leaves the client's node and reaches the server. */
function deliver(recorder, packet) {
  leave(recorder, packet)
  if (packet.to.kind !== 'pod') return
  recorder.packet({
    protocol: 'TCP',
    ...packet,
    at: packet.at + 0.0005,
    node: packet.to.node,
    // What Cilium prints here since 1.16, although the packet is on its way into the endpoint.
    direction: 'EGRESS',
    point: 'TO_ENDPOINT',
    reason: packet.reason ?? 'ESTABLISHED',
    interface: podInterface(packet.to),
  })
}

/** The server's packet reaches the client. */
function answer(recorder, packet) {
  const { from, to, fromPort, toPort } = packet
  const back = {
    protocol: 'TCP',
    ...packet,
    from: to,
    to: from,
    fromPort: toPort,
    toPort: fromPort,
    reply: true,
    reason: 'REPLY',
  }
  if (to.kind === 'pod' && from.node !== to.node) {
    const inCluster = from.kind === 'pod'
    recorder.packet({
      ...back,
      node: to.node,
      direction: 'INGRESS',
      point: inCluster ? 'TO_OVERLAY' : 'TO_STACK',
      interface: inCluster ? overlay : undefined,
    })
  }
  if (from.kind !== 'pod') return
  recorder.packet({
    ...back,
    at: packet.at + 0.0004,
    node: from.node,
    direction: 'EGRESS',
    point: 'TO_ENDPOINT',
    interface: podInterface(from),
  })
}

/** Records an echo request and its reply between two pods of one node. */
export function ping(recorder, { at, from, to }) {
  const request = { from, to, protocol: 'ICMPv4', node: to.node, point: 'TO_ENDPOINT' }
  recorder.packet({
    ...request,
    at,
    direction: 'EGRESS',
    reason: 'NEW',
    icmp: { type: 8 },
    summary: 'ICMPv4 EchoRequest',
    interface: podInterface(to),
  })
  recorder.packet({
    ...request,
    at: at + 0.0002,
    from: to,
    to: from,
    direction: 'EGRESS',
    reason: 'REPLY',
    reply: true,
    // Type 0 is the zero value, which is not printed.
    icmp: {},
    summary: 'ICMPv4 EchoReply',
    interface: podInterface(from),
  })
}

/** Records a server's packet that came after the connection was forgotten, and was taken for a new one. */
export function stray(recorder, { at, from, to, fromPort, toPort }) {
  recorder.packet({
    at,
    from,
    to,
    fromPort,
    toPort,
    protocol: 'TCP',
    flags: ['ACK'],
    node: to.node,
    direction: 'EGRESS',
    point: 'TO_ENDPOINT',
    reason: 'NEW',
    interface: podInterface(to),
  })
}

/** Records a lookup that the agent's DNS proxy reads: verdict, trace to the proxy, question, answer. */
export function askThroughProxy(recorder, { at, from, to, query, addresses }) {
  const fromPort = ephemeralPort(recorder)
  const question = { from, to, fromPort, toPort: 53, protocol: 'UDP', node: from.node }
  const policies = allowedBy('EGRESS', question)
  recorder.packet({
    ...question,
    at,
    type: 5,
    verdict: 'REDIRECTED',
    direction: 'EGRESS',
    match: 2,
    egressAllowedBy: marks(policies),
  })
  recorder.packet({
    ...question,
    at: at + 0.00002,
    direction: 'EGRESS',
    point: 'TO_PROXY',
    reason: 'NEW',
    proxyPort: 40_123,
  })
  recorder.packet({
    ...question,
    at: at + 0.0001,
    direction: 'EGRESS',
    l7: {
      type: 'REQUEST',
      dns: { query: `${query}.`, observation_source: 'proxy', qtypes: ['A'] },
    },
    summary: `DNS Query ${query}. A`,
  })
  recorder.packet({
    ...question,
    at: at + 0.0021,
    from: to,
    to: from,
    fromPort: 53,
    toPort: fromPort,
    direction: 'EGRESS',
    reply: true,
    l7: {
      type: 'RESPONSE',
      latency_ns: '1912044',
      dns: {
        query: `${query}.`,
        ips: addresses,
        ttl: 30,
        observation_source: 'proxy',
        qtypes: ['A'],
        rrtypes: ['A'],
      },
    },
    summary: `DNS Answer "${addresses.join(',')}" TTL: 30 (Proxy ${query}. A)`,
  })
  deliverToServer(recorder, { ...question, at: at + 0.0005 })
}

function deliverToServer(recorder, packet) {
  recorder.packet({
    ...packet,
    node: packet.to.node,
    direction: 'EGRESS',
    point: 'TO_ENDPOINT',
    reason: 'NEW',
    interface: podInterface(packet.to),
  })
}
