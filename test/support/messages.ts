/** Messages of a made-up cluster, the same for the same seed: repeated edges, replies, outsiders, losses, and rubbish. */

/** A message and the partition that it goes to. */
export interface PlacedMessage {
  readonly partition: number
  readonly value: string
}

/** Returns a source of messages without end. */
export function createMessages(seed: number): { next(partitions: number): PlacedMessage } {
  const random = randomOf(seed)
  const pick = (count: number): number => Math.floor(random() * count)
  let index = 0
  return {
    next: (partitions) => {
      index += 1
      return { partition: pick(partitions), value: messageOf(index, pick) }
    },
  }
}

const apps = Array.from({ length: 24 }, (_, index) => `app-${index}`)
const startMs = Date.UTC(2026, 2, 2, 9)

function messageOf(index: number, pick: (count: number) => number): string {
  const node = `worker-${pick(5)}`
  const time = new Date(startMs + index * 97).toISOString()
  const kind = pick(400)
  if (kind === 0) return '{"flow":{"verdict":'
  if (kind === 1) {
    const lost_events = { source: 'PERF_EVENT_RING_BUFFER', num_events_lost: '3' }
    return JSON.stringify({ lost_events, node_name: node, time })
  }
  if (kind === 2) {
    const node_status = { state_change: 'NODE_UNAVAILABLE', node_names: [node] }
    return JSON.stringify({ node_status, time })
  }
  const client = end(apps[pick(apps.length)] ?? '', pick(3))
  const server = kind < 60 ? outsider(pick(200)) : end(apps[pick(apps.length)] ?? '', 0)
  const isReply = kind % 5 === 0
  const ports = { source_port: 32_768 + pick(20_000), destination_port: 8000 + pick(4) }
  const l4 = {
    TCP: isReply
      ? {
          source_port: ports.destination_port,
          destination_port: ports.source_port,
          flags: { ACK: true },
        }
      : { ...ports, flags: kind % 3 === 0 ? { ACK: true } : { SYN: true } },
  }
  const [source, destination] = isReply ? [server, client] : [client, server]
  const flow = {
    time,
    uuid: `${index.toString(16).padStart(8, '0')}`,
    verdict: kind % 37 === 0 ? 'DROPPED' : 'FORWARDED',
    ...(kind % 37 === 0 ? { drop_reason_desc: 'POLICY_DENIED' } : {}),
    IP: { source: source.ip, destination: destination.ip, ipVersion: 'IPv4' },
    l4,
    source: source.endpoint,
    destination: destination.endpoint,
    Type: 'L3_L4',
    node_name: node,
    event_type: { type: kind % 2 === 0 ? 5 : 4 },
    traffic_direction: 'EGRESS',
    trace_observation_point: 'TO_STACK',
    is_reply: isReply,
  }
  return JSON.stringify({ flow, node_name: node, time })
}

interface MessageEnd {
  readonly ip: string
  readonly endpoint: object
}

function end(app: string, replica: number): MessageEnd {
  const number = Number(app.slice(4))
  const labels = [`k8s:app=${app}`, 'k8s:io.kubernetes.pod.namespace=shop']
  return {
    ip: `10.0.${number}.${replica + 1}`,
    endpoint: { identity: 1000 + number, namespace: 'shop', labels, pod_name: `${app}-${replica}` },
  }
}

function outsider(host: number): MessageEnd {
  return { ip: `203.0.113.${host + 1}`, endpoint: { identity: 2, labels: ['reserved:world'] } }
}

/** A small generator of numbers from 0 to 1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
