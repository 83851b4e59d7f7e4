/**
 * Messages of the Hubble API, field by field, with the names and numbers of `proto/`. No number ever changed its type,
 * so one table reads Hubble 1.8 to 1.20 and what else speaks its API.
 */
import type { EnumType } from './hubble-enums.ts'
import {
  authType,
  capturePoint,
  chunkType,
  dropReason,
  flowType,
  ipVersion,
  l7FlowType,
  lostEventSource,
  nodeState,
  tracePoint,
  traceReason,
  trafficDirection,
  translationPoint,
  tunnelProtocol,
  verdict,
} from './hubble-enums.ts'

/** Scalars, and those well-known types that JSON has a form of its own for. */
export type ScalarType =
  | 'string'
  | 'bool'
  | 'int32'
  | 'uint32'
  | 'uint64'
  | 'double'
  | 'timestamp'
  | 'bool-value'
  | 'int32-value'
  | 'uint32-value'
  | 'any'

/** What a field holds. */
export type FieldType = ScalarType | EnumType | MessageType

/** One field of a message. */
export interface Field {
  readonly number: number
  /** The proto name, which is the key in JSON. */
  readonly name: string
  readonly type: FieldType
  readonly isRepeated: boolean
  /** The other fields of its `oneof`, which it takes the place of. */
  readonly rivals: readonly string[]
}

/** A message: its fields by number. */
export interface MessageType {
  readonly kind: 'message'
  /** With its package: `flow.Flow`. */
  readonly name: string
  readonly fields: ReadonlyMap<number, Field>
}

type FieldSpec = readonly [number, FieldType] | readonly [number, FieldType, 'repeated']

function message(
  name: string,
  specs: Readonly<Record<string, FieldSpec>>,
  oneof: Readonly<Record<string, FieldSpec>> = {},
): MessageType {
  const fields = new Map<number, Field>()
  const rivals = Object.keys(oneof)
  for (const [field, [number, type, repeated]] of Object.entries({ ...specs, ...oneof })) {
    fields.set(number, {
      number,
      name: field,
      type,
      isRepeated: repeated !== undefined,
      rivals: rivals.includes(field) ? rivals.filter((rival) => rival !== field) : [],
    })
  }
  return { kind: 'message', name, fields }
}

const ports = { source_port: [1, 'uint32'], destination_port: [2, 'uint32'] } as const
const icmp = { type: [1, 'uint32'], code: [2, 'uint32'] } as const
const named = { name: [1, 'string'], namespace: [2, 'string'] } as const

const workload = message('flow.Workload', { name: [1, 'string'], kind: [2, 'string'] })

const endpoint = message('flow.Endpoint', {
  ID: [1, 'uint32'],
  identity: [2, 'uint32'],
  namespace: [3, 'string'],
  labels: [4, 'string', 'repeated'],
  pod_name: [5, 'string'],
  workloads: [6, workload, 'repeated'],
  cluster_name: [7, 'string'],
})

const tcpFlags = message('flow.TCPFlags', {
  FIN: [1, 'bool'],
  SYN: [2, 'bool'],
  RST: [3, 'bool'],
  PSH: [4, 'bool'],
  ACK: [5, 'bool'],
  URG: [6, 'bool'],
  ECE: [7, 'bool'],
  CWR: [8, 'bool'],
  NS: [9, 'bool'],
})

const layer4 = message(
  'flow.Layer4',
  {},
  {
    TCP: [1, message('flow.TCP', { ...ports, flags: [3, tcpFlags] })],
    UDP: [2, message('flow.UDP', ports)],
    ICMPv4: [3, message('flow.ICMPv4', icmp)],
    ICMPv6: [4, message('flow.ICMPv6', icmp)],
    SCTP: [5, message('flow.SCTP', { ...ports, chunk_type: [3, chunkType] })],
    VRRP: [
      6,
      message('flow.VRRP', { type: [1, 'uint32'], vrid: [2, 'uint32'], priority: [3, 'uint32'] }),
    ],
    IGMP: [7, message('flow.IGMP', { type: [1, 'uint32'], group_address: [2, 'string'] })],
  },
)

const ip = message('flow.IP', {
  source: [1, 'string'],
  destination: [2, 'string'],
  ipVersion: [3, ipVersion],
  encrypted: [4, 'bool'],
  source_xlated: [5, 'string'],
})

const dns = message('flow.DNS', {
  query: [1, 'string'],
  ips: [2, 'string', 'repeated'],
  ttl: [3, 'uint32'],
  cnames: [4, 'string', 'repeated'],
  observation_source: [5, 'string'],
  rcode: [6, 'uint32'],
  qtypes: [7, 'string', 'repeated'],
  rrtypes: [8, 'string', 'repeated'],
})

const http = message('flow.HTTP', {
  code: [1, 'uint32'],
  method: [2, 'string'],
  url: [3, 'string'],
  protocol: [4, 'string'],
  headers: [
    5,
    message('flow.HTTPHeader', { key: [1, 'string'], value: [2, 'string'] }),
    'repeated',
  ],
})

const kafka = message('flow.Kafka', {
  error_code: [1, 'int32'],
  api_version: [2, 'int32'],
  api_key: [3, 'string'],
  correlation_id: [4, 'int32'],
  topic: [5, 'string'],
})

const layer7 = message(
  'flow.Layer7',
  { type: [1, l7FlowType], latency_ns: [2, 'uint64'] },
  { dns: [100, dns], http: [101, http], kafka: [102, kafka] },
)

const policy = message('flow.Policy', {
  ...named,
  labels: [3, 'string', 'repeated'],
  revision: [4, 'uint64'],
  kind: [5, 'string'],
})

const service = message('flow.Service', named)

/** One event (`proto/flow/flow.proto`). */
export const flowMessage: MessageType = message('flow.Flow', {
  time: [1, 'timestamp'],
  verdict: [2, verdict],
  drop_reason: [3, 'uint32'],
  ethernet: [4, message('flow.Ethernet', { source: [1, 'string'], destination: [2, 'string'] })],
  IP: [5, ip],
  l4: [6, layer4],
  source: [8, endpoint],
  destination: [9, endpoint],
  Type: [10, flowType],
  node_name: [11, 'string'],
  source_names: [13, 'string', 'repeated'],
  destination_names: [14, 'string', 'repeated'],
  l7: [15, layer7],
  reply: [16, 'bool'],
  event_type: [19, message('flow.CiliumEventType', { type: [1, 'int32'], sub_type: [2, 'int32'] })],
  source_service: [20, service],
  destination_service: [21, service],
  traffic_direction: [22, trafficDirection],
  policy_match_type: [23, 'uint32'],
  trace_observation_point: [24, tracePoint],
  drop_reason_desc: [25, dropReason],
  is_reply: [26, 'bool-value'],
  debug_capture_point: [27, capturePoint],
  interface: [28, message('flow.NetworkInterface', { index: [1, 'uint32'], name: [2, 'string'] })],
  proxy_port: [29, 'uint32'],
  trace_context: [
    30,
    message('flow.TraceContext', {
      parent: [1, message('flow.TraceParent', { trace_id: [1, 'string'] })],
    }),
  ],
  sock_xlate_point: [31, translationPoint],
  socket_cookie: [32, 'uint64'],
  cgroup_id: [33, 'uint64'],
  uuid: [34, 'string'],
  auth_type: [35, authType],
  trace_reason: [36, traceReason],
  node_labels: [37, 'string', 'repeated'],
  file: [38, message('flow.FileInfo', { name: [1, 'string'], line: [2, 'uint32'] })],
  tunnel: [
    39,
    message('flow.Tunnel', {
      protocol: [1, tunnelProtocol],
      IP: [2, ip],
      l4: [3, layer4],
      vni: [4, 'uint32'],
    }),
  ],
  ip_trace_id: [
    40,
    message('flow.IPTraceID', { trace_id: [1, 'uint64'], ip_option_type: [2, 'uint32'] }),
  ],
  emitter: [41, message('flow.Emitter', { name: [1, 'string'], version: [2, 'string'] })],
  egress_allowed_by: [21001, policy, 'repeated'],
  ingress_allowed_by: [21002, policy, 'repeated'],
  egress_denied_by: [21004, policy, 'repeated'],
  ingress_denied_by: [21005, policy, 'repeated'],
  policy_log: [21006, 'string', 'repeated'],
  aggregate: [
    21007,
    message('flow.Aggregate', {
      ingress_flow_count: [1, 'uint32'],
      egress_flow_count: [2, 'uint32'],
      unknown_direction_flow_count: [3, 'uint32'],
    }),
  ],
  Summary: [100000, 'string'],
  extensions: [150000, 'any'],
})

const nodeStatus = message('relay.NodeStatusEvent', {
  state_change: [1, nodeState],
  node_names: [2, 'string', 'repeated'],
  message: [3, 'string'],
})

const lostEvent = message('flow.LostEvent', {
  source: [1, lostEventSource],
  num_events_lost: [2, 'uint64'],
  cpu: [3, 'int32-value'],
  first: [4, 'timestamp'],
  last: [5, 'timestamp'],
})

/** One answer of `GetFlows` (`proto/observer/observer.proto`). */
export const responseMessage: MessageType = message(
  'observer.GetFlowsResponse',
  { node_name: [1000, 'string'], time: [1001, 'timestamp'] },
  { flow: [1, flowMessage], node_status: [2, nodeStatus], lost_events: [3, lostEvent] },
)

/** The answer of `ServerStatus`. */
export const serverStatusMessage: MessageType = message('observer.ServerStatusResponse', {
  num_flows: [1, 'uint64'],
  max_flows: [2, 'uint64'],
  seen_flows: [3, 'uint64'],
  uptime_ns: [4, 'uint64'],
  num_connected_nodes: [5, 'uint32-value'],
  num_unavailable_nodes: [6, 'uint32-value'],
  unavailable_nodes: [7, 'string', 'repeated'],
  version: [8, 'string'],
  flows_rate: [9, 'double'],
})
