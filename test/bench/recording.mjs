/**
 * A made-up recording, line by line as Hubble's exporter of Cilium 1.19 writes it: the same for the same options.
 *
 * Traffic of workloads with a few pods each, over nodes, by Zipf's law: policy verdicts and traces of both sides, replies
 * (two in five), a fifth to addresses outside (most with names), name look-ups through the proxy, HTTP, probes of the
 * host, ICMP, drops, and now and then lost events.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { createRandom } from './random.mjs'

const start = Date.UTC(2026, 2, 2, 9)
const servicePorts = [8080, 8443, 9090, 5432, 6379, 50051, 3306, 9092, 80, 443]
const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const chunkBytes = 4 * 1024 * 1024

/**
 * Writes `lines` lines to `path`.
 *
 * @param {string} path
 * @param {{ lines: number, workloads?: number, podsPerWorkload?: number, nodes?: number, edges?: number,
 *   nodeLabels?: boolean, secondsPerMillion?: number }} options
 */
export function writeRecording(path, options) {
  const file = openSync(path, 'w')
  try {
    let text = ''
    for (const line of recordingLines(options)) {
      text += line
      if (text.length < chunkBytes) continue
      writeSync(file, text, null, 'latin1')
      text = ''
    }
    writeSync(file, text, null, 'latin1')
  } finally {
    closeSync(file)
  }
}

/** Yields the lines, each with its line feed. */
export function* recordingLines(options) {
  const cluster = new Cluster(options)
  const { lines, secondsPerMillion = 3600 } = options
  const stepMs = (secondsPerMillion * 1000) / 1_000_000
  for (let number = 0; number < lines; number += 1) {
    cluster.timeMs = start + number * stepMs
    yield number % 20_000 === 19_999 ? cluster.lostEvents() : cluster.line()
  }
}

class Cluster {
  constructor({ workloads = 300, podsPerWorkload = 3, nodes = 24, edges, nodeLabels = false }) {
    this.random = createRandom(workloads * 7919 + nodes)
    this.timeMs = start
    this.nodes = Array.from({ length: nodes }, (_, id) => makeNode(id, nodeLabels))
    this.workloads = Array.from({ length: workloads }, (_, id) =>
      this.makeWorkload(id, podsPerWorkload),
    )
    this.dns = this.makeWorkload(workloads, 2, 'kube-system', 'coredns', [['k8s-app', 'kube-dns']])
    this.names = Array.from({ length: 400 }, (_, id) => ({
      name: `${['api', 'cdn', 'auth', 'storage'][id % 4]}-${id}.example-${id % 37}.com`,
      addresses: Array.from({ length: 1 + (id % 5) }, (_, host) => outsideAddress(id * 8 + host)),
    }))
    const count = edges ?? workloads * 8
    this.edges = Array.from({ length: count }, () => this.makeEdge())
    this.denied = Array.from({ length: workloads }, () => ({
      from: this.pickZipf(this.workloads),
      to: this.pick(this.workloads),
    }))
    this.pings = Array.from({ length: Math.ceil(workloads / 3) }, () => ({
      from: this.pickZipf(this.workloads),
      to: this.pickZipf(this.workloads),
    }))
    this.outside = Array.from({ length: workloads * 4 }, () => ({
      from: this.pick(this.workloads),
      to: this.pickZipf(this.names),
      port: this.random() < 0.9 ? 443 : 5671,
    }))
  }

  number(count) {
    return Math.floor(this.random() * count)
  }

  pick(list) {
    return list[this.number(list.length)]
  }

  /** The earlier in the list, the likelier, about as one over the position. */
  pickZipf(list) {
    return list[Math.floor(list.length ** this.random()) - 1]
  }

  makeWorkload(id, pods, namespace = `team-${id % 20}`, name = `service-${id}`, extra = []) {
    const labels = [
      ['app.kubernetes.io/name', name],
      ['app.kubernetes.io/instance', `${name}-main`],
      ['app.kubernetes.io/part-of', `product-${id % 11}`],
      ['app.kubernetes.io/version', `1.${id % 9}.${id % 5}`],
      ['tier', ['frontend', 'backend', 'data'][id % 3]],
      ['team', namespace],
      ...extra,
      ['io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name', namespace],
      ['io.cilium.k8s.namespace.labels.pod-security.kubernetes.io/enforce', 'restricted'],
      ['io.cilium.k8s.policy.cluster', 'prod'],
      ['io.cilium.k8s.policy.serviceaccount', name],
      ['io.kubernetes.pod.namespace', namespace],
    ].map(([key, value]) => `k8s:${key}=${value}`)
    labels.sort()
    return {
      name,
      namespace,
      port: servicePorts[id % servicePorts.length],
      pods: Array.from({ length: pods }, (_, index) =>
        this.makePod({ id: id * pods + index, identity: 10_000 + id, name, namespace, labels }),
      ),
    }
  }

  makePod({ id, identity, name, namespace, labels }) {
    const podName = `${name}-${(0x5f0000 + identity * 77).toString(36)}-${(id * 7_777_777 + 99_999_999).toString(36).slice(-5)}`
    const common =
      `"identity":${identity},"cluster_name":"prod","namespace":"${namespace}","labels":${JSON.stringify(labels)},` +
      `"pod_name":"${podName}"`
    return {
      address: `10.${64 + (id >> 16)}.${(id >> 8) & 255}.${id & 255}`,
      mac: `ea:${hexBytes[(id >> 16) & 255]}:3c:${hexBytes[(id >> 8) & 255]}:9b:${hexBytes[id & 255]}`,
      node: this.pick(this.nodes),
      local: `{"ID":${100 + (id % 4000)},${common},"workloads":[{"name":"${name}","kind":"Deployment"}]}`,
      remote: `{${common}}`,
    }
  }

  makeEdge() {
    const from = this.pickZipf(this.workloads)
    const to = this.pickZipf(this.workloads)
    return { from, to, port: this.random() < 0.9 ? to.port : 9102 }
  }

  line() {
    const kind = this.random()
    if (kind < 0.6) return this.podLine()
    if (kind < 0.8) return this.outsideLine()
    if (kind < 0.9) return this.dnsLine()
    if (kind < 0.94) return this.httpLine()
    if (kind < 0.98) return this.probeLine()
    return kind < 0.99 ? this.dropLine() : this.pingLine()
  }

  podLine() {
    const edge = this.pickZipf(this.edges)
    const client = this.pick(edge.from.pods)
    const server = this.pick(edge.to.pods)
    const clientPort = 32_768 + this.number(28_000)
    const way = this.random()
    const request = { from: client, to: server, fromPort: clientPort, toPort: edge.port }
    const reply = { from: server, to: client, fromPort: edge.port, toPort: clientPort }
    if (way < 0.14) return this.verdict(request, client.node, 'EGRESS')
    if (way < 0.28) return this.verdict(request, server.node, 'INGRESS')
    if (way < 0.4) return this.trace(request, client.node, 'TO_OVERLAY', 4, 'NEW', 'SYN', 'EGRESS')
    if (way < 0.54)
      return this.trace(request, server.node, 'TO_ENDPOINT', 0, 'NEW', 'SYN', 'EGRESS')
    if (way < 0.6) {
      return this.trace(request, server.node, 'TO_ENDPOINT', 0, 'ESTABLISHED', 'ACK, PSH', 'EGRESS')
    }
    if (way < 0.8)
      return this.trace(reply, server.node, 'TO_OVERLAY', 4, 'REPLY', 'SYN, ACK', 'INGRESS')
    return this.trace(reply, client.node, 'TO_ENDPOINT', 0, 'REPLY', 'ACK, PSH', 'INGRESS')
  }

  outsideLine() {
    const edge = this.pickZipf(this.outside)
    const client = this.pick(edge.from.pods)
    const address = this.pick(edge.to.addresses)
    const world = { address, mac: '52:54:00:12:34:56', node: undefined, remote: worldEnd }
    const clientPort = 32_768 + this.number(28_000)
    const names = this.random() < 0.8 ? `"${edge.to.name}"` : undefined
    const request = { from: client, to: world, fromPort: clientPort, toPort: edge.port }
    const reply = { from: world, to: client, fromPort: edge.port, toPort: clientPort }
    const way = this.random()
    if (way < 0.3) return this.verdict({ ...request, toNames: names }, client.node, 'EGRESS')
    if (way < 0.55) {
      const packet = { ...request, toNames: names }
      return this.trace(packet, client.node, 'TO_STACK', 3, 'NEW', 'SYN', 'EGRESS')
    }
    const packet = { ...reply, fromNames: names }
    return this.trace(packet, client.node, 'TO_ENDPOINT', 0, 'REPLY', 'SYN, ACK', 'INGRESS')
  }

  dnsLine() {
    const client = this.pick(this.pickZipf(this.workloads).pods)
    const server = this.pick(this.dns.pods)
    const clientPort = 32_768 + this.number(28_000)
    const request = { from: client, to: server, fromPort: clientPort, toPort: 53, protocol: 'UDP' }
    const reply = { from: server, to: client, fromPort: 53, toPort: clientPort, protocol: 'UDP' }
    const way = this.random()
    if (way < 0.3) return this.verdict(request, client.node, 'EGRESS')
    const { name, addresses } = this.pickZipf(this.names)
    if (way < 0.65) {
      const dns = `{"query":"${name}.","observation_source":"proxy","qtypes":["A"]}`
      return this.proxied(request, client.node, 'REQUEST', `"dns":${dns}`, `DNS Query ${name}. A`)
    }
    const ips = addresses.map((address) => `"${address}"`).join(',')
    const ttl = 5 + this.number(60)
    const dns = `{"query":"${name}.","ips":[${ips}],"ttl":${ttl},"observation_source":"proxy","qtypes":["A"],"rrtypes":["A"]}`
    return this.proxied(
      reply,
      client.node,
      'RESPONSE',
      `"dns":${dns}`,
      `DNS Answer ${addresses[0]} TTL: ${ttl}`,
    )
  }

  httpLine() {
    const edge = this.pickZipf(this.edges)
    const client = this.pick(edge.from.pods)
    const server = this.pick(edge.to.pods)
    const clientPort = 32_768 + this.number(28_000)
    const url = `http://${edge.to.name}.${edge.to.namespace}:${edge.port}/api/v1/items/${this.number(10_000)}`
    const headers =
      '"headers":[{"key":"User-Agent","value":"go-http-client/1.1"},{"key":"X-Request-Id","value":"7c4a8d09"}]'
    if (this.random() < 0.5) {
      const packet = { from: client, to: server, fromPort: clientPort, toPort: edge.port }
      const http = `"http":{"method":"GET","url":"${url}","protocol":"HTTP/1.1",${headers}}`
      return this.proxied(packet, server.node, 'REQUEST', http, `HTTP/1.1 GET ${url}`)
    }
    const packet = { from: server, to: client, fromPort: edge.port, toPort: clientPort }
    const latency = 100_000 + this.number(90_000_000)
    const http = `"latency_ns":"${latency}","http":{"code":200,"method":"GET","url":"${url}","protocol":"HTTP/1.1",${headers}}`
    return this.proxied(packet, server.node, 'RESPONSE', http, `HTTP/1.1 200 GET ${url}`)
  }

  probeLine() {
    const server = this.pick(this.pickZipf(this.workloads).pods)
    const host = { address: server.node.address, mac: '52:54:00:ab:cd:ef', remote: hostEnd }
    const clientPort = 32_768 + this.number(28_000)
    const packet = { from: host, to: server, fromPort: clientPort, toPort: 8081 }
    return this.trace(packet, server.node, 'TO_ENDPOINT', 0, 'NEW', 'SYN', 'EGRESS')
  }

  dropLine() {
    const edge = this.pickZipf(this.denied)
    const client = this.pick(edge.from.pods)
    const server = this.pick(edge.to.pods)
    const packet = {
      from: client,
      to: server,
      fromPort: 32_768 + this.number(28_000),
      toPort: 2379,
    }
    return this.flow(packet, server.node, {
      verdict: 'DROPPED',
      flags: 'SYN',
      after:
        '"event_type":{"type":1,"sub_type":133},"traffic_direction":"INGRESS","drop_reason_desc":"POLICY_DENIED",',
      before: '"drop_reason":133,',
    })
  }

  pingLine() {
    const edge = this.pickZipf(this.pings)
    const client = this.pick(edge.from.pods)
    const server = this.pick(edge.to.pods)
    const isReply = this.random() < 0.5
    const [from, to] = isReply ? [server, client] : [client, server]
    return this.flow({ from, to, icmp: isReply ? 0 : 8 }, to.node, {
      verdict: 'FORWARDED',
      after: `"event_type":{"type":4},"traffic_direction":"INGRESS","trace_observation_point":"TO_ENDPOINT","trace_reason":"${isReply ? 'REPLY' : 'NEW'}","is_reply":${isReply},`,
    })
  }

  verdict(packet, node, direction) {
    return this.flow(packet, node, {
      verdict: 'FORWARDED',
      flags: 'SYN',
      after: `"event_type":{"type":5},"traffic_direction":"${direction}","policy_match_type":4,"is_reply":false,`,
    })
  }

  trace(packet, node, point, subType, reason, flags, direction) {
    const event = subType === 0 ? '{"type":4}' : `{"type":4,"sub_type":${subType}}`
    return this.flow(packet, node, {
      verdict: 'FORWARDED',
      flags,
      after:
        `"event_type":${event},"traffic_direction":"${direction}","trace_observation_point":"${point}",` +
        `"trace_reason":"${reason}","is_reply":${reason === 'REPLY'},"interface":{"index":${6 + this.number(40)},"name":"lxc${hexBytes[this.number(256)]}8f1a2b3c"},`,
    })
  }

  proxied(packet, node, type, l7, summary) {
    const isReply = type === 'RESPONSE'
    return this.flow(packet, node, {
      verdict: 'FORWARDED',
      type: 'L7',
      l7: `"l7":{"type":"${type}",${l7}},`,
      before: isReply ? '"reply":true,' : '',
      after: `"event_type":{"type":129},"traffic_direction":"EGRESS","is_reply":${isReply},`,
      summary,
    })
  }

  flow(
    packet,
    node,
    { verdict, flags = '', type = 'L3_L4', l7 = '', before = '', after, summary },
  ) {
    const { from, to } = packet
    const time = this.timeText()
    const ethernet =
      type === 'L7' ? '' : `"ethernet":{"source":"${from.mac}","destination":"${to.mac}"},`
    const names =
      (packet.fromNames === undefined ? '' : `"source_names":[${packet.fromNames}],`) +
      (packet.toNames === undefined ? '' : `"destination_names":[${packet.toNames}],`)
    return (
      `{"flow":{"time":"${time}","uuid":"${this.uuid()}","verdict":"${verdict}",${before}${ethernet}` +
      `"IP":{"source":"${from.address}","destination":"${to.address}","ipVersion":"IPv4"},` +
      `"l4":${layer4(packet, flags)},"source":${endOn(from, node)},"destination":${endOn(to, node)},` +
      `"Type":"${type}","node_name":"${node.name}",${names}${l7}${after}${node.labels}` +
      `"Summary":"${summary ?? (packet.protocol === 'UDP' ? 'UDP' : `TCP Flags: ${flags}`)}",` +
      `"emitter":{"name":"Hubble","version":"1.19.2+g3977f6a1"}},"node_name":"${node.name}","time":"${time}"}\n`
    )
  }

  lostEvents() {
    const { name } = this.pick(this.nodes)
    return `{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"${1 + this.number(500)}"},"node_name":"${name}","time":"${this.timeText()}"}\n`
  }

  timeText() {
    const second = Math.floor(this.timeMs / 1000)
    if (second !== this.second) {
      this.second = second
      this.secondText = new Date(second * 1000).toISOString().slice(0, 19)
    }
    const milliseconds = String(Math.floor(this.timeMs % 1000)).padStart(3, '0')
    return `${this.secondText}.${milliseconds}${String(this.number(1_000_000)).padStart(6, '0')}Z`
  }

  uuid() {
    const [a, b, c, d] = [this.hex(), this.hex(), this.hex(), this.hex()]
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-a${c.slice(1, 4)}-${c.slice(4)}${d}`
  }

  hex() {
    const word = this.number(4_294_967_296)
    return (
      hexBytes[word >>> 24] +
      hexBytes[(word >>> 16) & 255] +
      hexBytes[(word >>> 8) & 255] +
      hexBytes[word & 255]
    )
  }
}

const worldEnd = '{"identity":16777217,"labels":["reserved:world"]}'
const hostEnd = '{"identity":1,"labels":["reserved:host"]}'

function endOn(end, node) {
  return end.node === node && end.local !== undefined ? end.local : end.remote
}

function layer4({ fromPort, toPort, protocol = 'TCP', icmp }, flags) {
  if (icmp !== undefined) return icmp === 0 ? '{"ICMPv4":{}}' : `{"ICMPv4":{"type":${icmp}}}`
  const set = flags === '' || protocol === 'UDP' ? '' : `,"flags":{${flagMembers[flags]}}`
  return `{"${protocol}":{"source_port":${fromPort},"destination_port":${toPort}${set}}}`
}

const flagMembers = {
  SYN: '"SYN":true',
  'SYN, ACK': '"SYN":true,"ACK":true',
  'ACK, PSH': '"PSH":true,"ACK":true',
}

function makeNode(id, nodeLabels) {
  const name = `ip-10-0-${id >> 8}-${id & 255}.eu-central-1.compute.internal`
  const labels = [
    'beta.kubernetes.io/arch=amd64',
    'beta.kubernetes.io/os=linux',
    'kubernetes.io/arch=amd64',
    `kubernetes.io/hostname=${name}`,
    'node.kubernetes.io/instance-type=m6i.2xlarge',
    'topology.kubernetes.io/region=eu-central-1',
    `topology.kubernetes.io/zone=eu-central-1${'abc'[id % 3]}`,
  ]
  return {
    name: `prod/${name}`,
    address: `10.0.${id >> 8}.${id & 255}`,
    labels: nodeLabels ? `"node_labels":${JSON.stringify(labels)},` : '',
  }
}

function outsideAddress(id) {
  return `${20 + (id % 180)}.${(id * 7) % 256}.${(id * 13) % 256}.${1 + (id % 250)}`
}
