/** The lines that the agents' exporters write: one packet, seen at one place, as Cilium 1.18 prints it. */
import { clusterName, identityLabels, identityOf } from './cluster.mjs'
import { createRandom, hashOf, hexOf } from './random.mjs'

/** 2026-03-02T09:00:00Z, when the recording starts. */
const startMs = Date.UTC(2026, 2, 2, 9)

const points = {
  TO_ENDPOINT: 0,
  TO_PROXY: 1,
  TO_STACK: 3,
  TO_OVERLAY: 4,
  TO_NETWORK: 11,
}

/**
 * Returns a recorder: `packet`, `event` add a line each, `lines` gives all of them in the order of their times.
 * Times are seconds after the start.
 */
export function createRecorder() {
  const random = createRandom(20_260_302)
  const recorded = []

  function add(at, node, body) {
    const order = recorded.length
    const time = timeOf(at, random)
    recorded.push({ time, order, line: { ...body(time), node_name: nodeName(node), time } })
  }

  return {
    random,
    packet(packet) {
      add(packet.at, packet.node, (time) => ({ flow: flowOf(packet, time, uuidOf(random)) }))
    },
    event(at, node, body) {
      add(at, node, () => body)
    },
    lines() {
      return recorded
        .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.order - b.order))
        .map(({ line }) => JSON.stringify(line))
    },
  }
}

function nodeName(node) {
  return `${clusterName}/${node}`
}

function timeOf(at, random) {
  const microseconds = Math.round(at * 1_000_000)
  const whole = new Date(startMs + Math.floor(microseconds / 1000)).toISOString().slice(0, -1)
  const rest = String(microseconds % 1000).padStart(3, '0')
  return `${whole}${rest}${String(1 + Math.floor(random() * 999)).padStart(3, '0')}Z`
}

function uuidOf(random) {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('')
  const variant = '89ab'[Number.parseInt(digits[16], 16) % 4]
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`
}

/** The members stand in the order of the API's message; those that are undefined are not printed. */
function flowOf(packet, time, uuid) {
  const { from, to, node, l7 } = packet
  return {
    time,
    uuid,
    verdict: packet.verdict ?? 'FORWARDED',
    drop_reason: packet.denied ? 133 : undefined,
    ethernet: l7 ? undefined : { source: macOf(from), destination: macOf(to) },
    IP: { source: from.address, destination: to.address, ipVersion: 'IPv4' },
    l4: layer4Of(packet),
    source: endpointOf(from, node),
    destination: endpointOf(to, node),
    Type: l7 ? 'L7' : 'L3_L4',
    node_name: nodeName(node),
    source_names: packet.reply ? from.names : undefined,
    destination_names: packet.reply ? undefined : to.names,
    l7,
    reply: packet.reply || undefined,
    event_type: eventOf(packet),
    traffic_direction: packet.direction,
    policy_match_type: packet.match || undefined,
    trace_observation_point: packet.point,
    trace_reason: packet.reason,
    file: packet.file,
    drop_reason_desc: packet.denied ? 'POLICY_DENIED' : undefined,
    is_reply: packet.denied ? undefined : Boolean(packet.reply),
    interface: packet.interface,
    proxy_port: packet.proxyPort,
    Summary: packet.summary ?? summaryOf(packet),
    egress_allowed_by: packet.egressAllowedBy,
    ingress_allowed_by: packet.ingressAllowedBy,
    policy_log: packet.denied && packet.type === 5 ? [''] : undefined,
  }
}

function layer4Of({ protocol, fromPort, toPort, flags, icmp, l7 }) {
  if (protocol === 'ICMPv4') return { ICMPv4: icmp }
  const ports = { source_port: fromPort, destination_port: toPort }
  if (protocol === 'UDP' || l7) return { [protocol]: ports }
  return { TCP: { ...ports, flags: Object.fromEntries(flags.map((flag) => [flag, true])) } }
}

function eventOf({ type, point, denied, l7 }) {
  if (l7) return { type: 129 }
  if (type === 5) return { type: 5 }
  if (denied) return { type: 1, sub_type: 133 }
  return { type: 4, sub_type: points[point] || undefined }
}

function summaryOf({ protocol, flags }) {
  if (protocol !== 'TCP') return protocol
  // Upstream lists the flags in an order of its own: SYN, ACK, RST, FIN, PSH.
  const order = ['SYN', 'ACK', 'RST', 'FIN', 'PSH']
  return `TCP Flags: ${order.filter((flag) => flags.includes(flag)).join(', ')}`
}

/** An endpoint is printed with its local id and controller only by the node it lives on. */
function endpointOf(end, node) {
  if (end.kind !== 'pod') return { identity: end.identity, labels: end.labels }
  const labels = identityLabels(end)
  const local = end.node === node
  const workload = end.workload && [{ name: end.workload.name, kind: end.workload.kind }]
  return {
    ID: local ? endpointId(end) : undefined,
    identity: identityOf(labels),
    cluster_name: clusterName,
    namespace: end.namespace,
    labels,
    pod_name: end.name,
    workloads: local ? workload : undefined,
  }
}

/** Returns the node-local endpoint id of a pod. */
export function endpointId(pod) {
  return 64 + (hashOf(pod.name) % 3900)
}

/** Returns the interface through which a node reaches a pod of its own. */
export function podInterface(pod) {
  return { index: 10 + (hashOf(pod.name) % 80), name: `lxc${hexOf(pod.name, 12)}` }
}

function macOf(end) {
  const digits = hexOf(`mac ${end.address}`, 10)
  return `02:${digits.match(/../g).join(':')}`
}
