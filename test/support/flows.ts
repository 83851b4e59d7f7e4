/**
 * Builders of Hubble records for tests: name what matters, and the rest is what a current exporter would write.
 *
 * `flowLine({ from: { ns: 'shop', app: 'web' }, to: { ns: 'shop', app: 'api' }, port: 8080 })` is the egress policy
 * verdict of one new TCP connection. `flowRecord` gives the same as an object, `bareFlow` without the envelope.
 */

/** A pod. Without `labels` it has the one label `app`; its name and address follow from `ns` and `app`. */
export interface PodEnd {
  readonly ns: string
  readonly app?: string
  /** Pod labels by key, instead of `app`. `{}` is a pod without labels. */
  readonly labels?: Readonly<Record<string, string>>
  /** Default: `<app>-0`; `null` leaves the name out, as for proxied packets. */
  readonly pod?: string | null
  readonly workload?: { readonly kind: string; readonly name: string }
  readonly ip?: string
  /** Written as `cluster_name` and as the policy cluster label. */
  readonly cluster?: string
  /** True for a pod of another cluster than the one that is evaluated. */
  readonly remote?: true
  /** Labels of the namespace object besides `kubernetes.io/metadata.name`. */
  readonly nsLabels?: Readonly<Record<string, string>>
  /** Replaces all labels of the record, with their source: `['reserved:world']`. */
  readonly rawLabels?: readonly string[]
  /** Leaves the labels out, as a field mask does. */
  readonly masked?: boolean
  /** Endpoint id, present on the node where the pod runs. Default: by the side that observed the flow. */
  readonly id?: number | null
}

/** An address outside the cluster, labelled `reserved:world` unless told otherwise. */
export interface WorldEnd {
  readonly world: string
  /** Names that evaluation knows it by. */
  readonly names?: readonly string[]
  readonly rawLabels?: readonly string[]
}

/** A node or another reserved end: `{ entity: ['kube-apiserver', 'remote-node'], ip: '172.18.0.2' }`. */
export interface EntityEnd {
  readonly entity: string | readonly string[]
  readonly ip?: string
}

/** An endpoint object written as it stands; its address is that of `ip`. */
export interface RawEnd {
  readonly raw: Readonly<Record<string, unknown>>
  readonly ip?: string
}

/** One end of a flow. */
export type End = PodEnd | WorldEnd | EntityEnd | RawEnd

/** TCP flags by name, `SYN` or `SYN,ACK`. */
export type Flags = string

/** What a record says. Only `from`, `to` and `port` are needed. */
export interface FlowOptions {
  /** Source of the packet: for a reply that is the server. */
  readonly from: End
  readonly to: End
  /** Destination port. Absent: the record has no port (or no l4 for `protocol: 'none'`). */
  readonly port?: number
  /** Default: 40000; `null` leaves it out. */
  readonly sourcePort?: number | null
  /** Default: TCP. `none` leaves `l4` out. */
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP' | 'ICMPv4' | 'ICMPv6' | 'VRRP' | 'IGMP' | 'none'
  /** Default for TCP: `SYN` (none for L7); the empty text leaves the flags out. */
  readonly flags?: Flags
  readonly icmpType?: number
  /** Default: false, absent for drops; `null` leaves it out. */
  readonly isReply?: boolean | null
  /** The member of Cilium 1.9 and before. */
  readonly legacyReply?: boolean
  /** A name or a number. Default: FORWARDED; `null` leaves it out. */
  readonly verdict?: string | number | null
  /** Event type. Default: 5 (policy verdict), 129 with `dns` or `http`, 4 with `point`; `null` leaves it out. */
  readonly type?: number | null
  readonly subType?: number
  /** Trace observation point: `TO_ENDPOINT`, `TO_OVERLAY`, ... */
  readonly point?: string | number
  readonly reason?: string | number
  /** Default: EGRESS; `null` leaves it out. */
  readonly direction?: 'EGRESS' | 'INGRESS' | number | null
  readonly dropReason?: string | number
  /** Default: {@link baseTime}. A number is milliseconds after it; `null` leaves it out. */
  readonly time?: string | number | null
  /** Default: `worker-1`; `null` leaves it out. */
  readonly node?: string | null
  readonly uuid?: string
  readonly destinationNames?: readonly string[]
  readonly sourceNames?: readonly string[]
  readonly dns?: {
    readonly kind: 'REQUEST' | 'RESPONSE' | 'SAMPLE'
    readonly query: string
    readonly ips?: readonly string[]
    readonly cnames?: readonly string[]
    readonly rcode?: number
  }
  readonly http?: {
    readonly kind: 'REQUEST' | 'RESPONSE' | 'SAMPLE'
    readonly method?: string
    readonly url?: string
    readonly code?: number
  }
  readonly aggregate?: {
    readonly ingress?: number
    readonly egress?: number
    readonly unknown?: number
  }
  /** Members that are added to the flow, or replace what stands there. */
  readonly extra?: Readonly<Record<string, unknown>>
  /** Members that are added to the envelope. */
  readonly envelope?: Readonly<Record<string, unknown>>
}

/** The time of a record that names none. */
export const baseTime = '2025-06-12T09:14:00.000000000Z'

/** Returns one record as an exporter writes it, without the newline. */
export function flowLine(options: FlowOptions): string {
  return JSON.stringify(flowRecord(options))
}

/** Returns several records, one a line, each ended by a newline. */
export function flowLines(all: readonly FlowOptions[]): string {
  return all.map((options) => `${flowLine(options)}\n`).join('')
}

/** Returns one record as an object: flow, node and time in an envelope. */
export function flowRecord(options: FlowOptions): Record<string, unknown> {
  const flow = bareFlow(options)
  return defined({ flow, node_name: flow['node_name'], time: flow['time'], ...options.envelope })
}

/** Returns the flow alone, as old command lines print it. */
export function bareFlow(options: FlowOptions): Record<string, unknown> {
  const type = eventType(options)
  const direction = options.direction === undefined ? 'EGRESS' : options.direction
  const dropped = options.verdict === 'DROPPED' || options.verdict === 2
  const isReply = options.isReply === undefined ? (dropped ? null : false) : options.isReply
  return defined({
    time: timeText(options.time),
    uuid: options.uuid,
    verdict: options.verdict === undefined ? 'FORWARDED' : (options.verdict ?? undefined),
    IP: addresses(options),
    l4: layer4(options),
    source: endpoint(options.from, observedHere(options, direction, 'EGRESS')),
    destination: endpoint(options.to, observedHere(options, direction, 'INGRESS')),
    Type: type === 129 ? 'L7' : 'L3_L4',
    node_name: options.node === undefined ? 'worker-1' : (options.node ?? undefined),
    source_names: options.sourceNames,
    destination_names: options.destinationNames,
    l7: layer7(options),
    reply: options.legacyReply,
    event_type: type === null ? undefined : defined({ type, sub_type: options.subType }),
    traffic_direction: direction ?? undefined,
    trace_observation_point: options.point,
    trace_reason: options.reason,
    drop_reason_desc: options.dropReason,
    is_reply: isReply ?? undefined,
    aggregate: aggregate(options),
    ...options.extra,
  })
}

/** Returns a record that says how many events a node lost. */
export function lostEventsLine(
  count: number,
  options: { readonly source?: string; readonly node?: string; readonly time?: string } = {},
): string {
  return JSON.stringify({
    lost_events: {
      source: options.source ?? 'HUBBLE_RING_BUFFER',
      num_events_lost: String(count),
    },
    node_name: options.node ?? 'worker-1',
    time: options.time ?? baseTime,
  })
}

/** Returns a record in which a relay reports the state of nodes. */
export function nodeStatusLine(
  state: string,
  nodes: readonly string[],
  message: string | undefined = undefined,
): string {
  return JSON.stringify({
    node_status: defined({ state_change: state, node_names: nodes, message }),
    node_name: 'hubble-relay-0',
    time: baseTime,
  })
}

/** Returns the address that a builder gives to an end that names none: stable, and different for different pods. */
export function addressOf(end: End): string | undefined {
  if ('world' in end) return end.world
  if ('raw' in end) return end.ip
  if ('entity' in end) return end.ip ?? '172.18.0.2'
  if (end.ip !== undefined) return end.ip
  let hash = 7
  for (const character of `${end.cluster ?? ''}/${end.ns}/${podName(end) ?? end.app ?? ''}`) {
    hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521
  }
  return `10.244.${Math.floor(hash / 256)}.${hash % 256}`
}

function podName(end: PodEnd): string | undefined {
  if (end.pod === null) return undefined
  return end.pod ?? `${end.app ?? 'pod'}-0`
}

function endpoint(end: End, here: boolean): Record<string, unknown> {
  if ('raw' in end) return { ...end.raw }
  if ('world' in end) return { identity: 2, labels: end.rawLabels ?? ['reserved:world'] }
  if ('entity' in end) {
    const names = typeof end.entity === 'string' ? [end.entity] : end.entity
    return { labels: names.map((name) => `reserved:${name}`) }
  }
  return defined({
    ID: end.id === undefined ? (here ? 1187 : undefined) : (end.id ?? undefined),
    identity: 23_817,
    cluster_name: end.cluster,
    namespace: end.ns,
    labels: end.masked ? undefined : (end.rawLabels ?? podLabels(end)),
    pod_name: podName(end),
    workloads: end.workload === undefined ? undefined : [end.workload],
  })
}

function podLabels(end: PodEnd): readonly string[] {
  const labels: Record<string, string> = {
    ...(end.labels ?? (end.app === undefined ? {} : { app: end.app })),
    'io.kubernetes.pod.namespace': end.ns,
    'io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': end.ns,
    'io.cilium.k8s.policy.serviceaccount': 'default',
  }
  if (end.cluster !== undefined) labels['io.cilium.k8s.policy.cluster'] = end.cluster
  for (const [key, value] of Object.entries(end.nsLabels ?? {})) {
    labels[`io.cilium.k8s.namespace.labels.${key}`] = value
  }
  return Object.entries(labels)
    .map(([key, value]) => `k8s:${key}=${value}`)
    .sort()
}

/** The endpoint id is present on the node that observed: the source of egress, the destination of ingress. */
function observedHere(options: FlowOptions, direction: unknown, side: string): boolean {
  if (options.point !== undefined) {
    const delivered = options.point === 'TO_ENDPOINT' || options.point === 101
    return delivered ? side === 'INGRESS' : side === 'EGRESS'
  }
  return direction === side || direction === (side === 'INGRESS' ? 1 : 2)
}

function eventType(options: FlowOptions): number | null {
  if (options.type !== undefined) return options.type
  if (options.dns !== undefined || options.http !== undefined) return 129
  return options.point === undefined ? 5 : 4
}

function addresses(options: FlowOptions): Record<string, unknown> | undefined {
  const source = addressOf(options.from)
  const destination = addressOf(options.to)
  if (source === undefined && destination === undefined) return undefined
  const v6 = (source ?? destination ?? '').includes(':')
  return defined({ source, destination, ipVersion: v6 ? 'IPv6' : 'IPv4' })
}

function layer4(options: FlowOptions): Record<string, unknown> | undefined {
  const protocol = options.protocol ?? 'TCP'
  if (protocol === 'none') return undefined
  if (protocol === 'VRRP' || protocol === 'IGMP') return { [protocol]: {} }
  if (protocol === 'ICMPv4' || protocol === 'ICMPv6') {
    return { [protocol]: defined({ type: options.icmpType || undefined }) }
  }
  const ports = {
    source_port: options.sourcePort === undefined ? 40_000 : (options.sourcePort ?? undefined),
    destination_port: options.port,
  }
  const flags = protocol === 'TCP' ? flagsOf(options) : undefined
  return { [protocol]: defined({ ...ports, flags }) }
}

function flagsOf(options: FlowOptions): Record<string, boolean> | undefined {
  const isL7 = options.dns !== undefined || options.http !== undefined
  const text = options.flags ?? (isL7 ? '' : 'SYN')
  if (text === '') return undefined
  return Object.fromEntries(text.split(',').map((flag) => [flag, true]))
}

function layer7(options: FlowOptions): Record<string, unknown> | undefined {
  if (options.dns !== undefined) {
    const { kind, ...dns } = options.dns
    return { type: kind, dns: defined({ ...dns, observation_source: 'proxy' }) }
  }
  if (options.http === undefined) return undefined
  const { kind, ...http } = options.http
  return { type: kind, http: defined({ protocol: 'HTTP/1.1', ...http }) }
}

function aggregate(options: FlowOptions): Record<string, unknown> | undefined {
  if (options.aggregate === undefined) return undefined
  return defined({
    ingress_flow_count: options.aggregate.ingress,
    egress_flow_count: options.aggregate.egress,
    unknown_direction_flow_count: options.aggregate.unknown,
  })
}

function timeText(time: string | number | null | undefined): string | undefined {
  if (time === null) return undefined
  if (typeof time === 'string') return time
  return time === undefined ? baseTime : new Date(Date.parse(baseTime) + time).toISOString()
}

function defined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}
