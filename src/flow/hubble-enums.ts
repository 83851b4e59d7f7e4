/** Enums of the Hubble API by name and number, as `proto/flow/flow.proto` and `proto/relay/relay.proto` define them. */

/** An enum: names by number. Numbers that it lacks are printed as numbers. */
export interface EnumType {
  readonly kind: 'enum'
  /** With its package: `flow.Verdict`. */
  readonly name: string
  readonly names: Readonly<Record<number, string>>
}

function listed(
  name: string,
  names: readonly string[],
  more: Readonly<Record<number, string>> = {},
): EnumType {
  return { kind: 'enum', name, names: { ...names, ...more } }
}

export const verdict: EnumType = listed('flow.Verdict', [
  'VERDICT_UNKNOWN',
  'FORWARDED',
  'DROPPED',
  'ERROR',
  'AUDIT',
  'REDIRECTED',
  'TRACED',
  'TRANSLATED',
])
export const flowType: EnumType = listed('flow.FlowType', ['UNKNOWN_TYPE', 'L3_L4', 'L7', 'SOCK'])
export const authType: EnumType = listed('flow.AuthType', ['DISABLED', 'SPIRE', 'TEST_ALWAYS_FAIL'])
export const tracePoint: EnumType = listed(
  'flow.TraceObservationPoint',
  [
    'UNKNOWN_POINT',
    'TO_PROXY',
    'TO_HOST',
    'TO_STACK',
    'TO_OVERLAY',
    'FROM_ENDPOINT',
    'FROM_PROXY',
    'FROM_HOST',
    'FROM_STACK',
    'FROM_OVERLAY',
    'FROM_NETWORK',
    'TO_NETWORK',
    'FROM_CRYPTO',
    'TO_CRYPTO',
  ],
  { 101: 'TO_ENDPOINT' },
)
export const traceReason: EnumType = listed('flow.TraceReason', [
  'TRACE_REASON_UNKNOWN',
  'NEW',
  'ESTABLISHED',
  'REPLY',
  'RELATED',
  'REOPENED',
  'SRV6_ENCAP',
  'SRV6_DECAP',
  'ENCRYPT_OVERLAY',
])
export const l7FlowType: EnumType = listed('flow.L7FlowType', [
  'UNKNOWN_L7_TYPE',
  'REQUEST',
  'RESPONSE',
  'SAMPLE',
])
export const chunkType: EnumType = listed('flow.SCTPChunkType', [
  'UNSUPPORTED',
  'INIT',
  'INIT_ACK',
  'SHUTDOWN',
  'SHUTDOWN_ACK',
  'SHUTDOWN_COMPLETE',
  'ABORT',
])
export const ipVersion: EnumType = listed('flow.IPVersion', ['IP_NOT_USED', 'IPv4', 'IPv6'])
export const tunnelProtocol: EnumType = listed('flow.Tunnel.Protocol', [
  'UNKNOWN',
  'VXLAN',
  'GENEVE',
])
export const trafficDirection: EnumType = listed('flow.TrafficDirection', [
  'TRAFFIC_DIRECTION_UNKNOWN',
  'INGRESS',
  'EGRESS',
])
export const capturePoint: EnumType = listed(
  'flow.DebugCapturePoint',
  ['DBG_CAPTURE_POINT_UNKNOWN'],
  {
    4: 'DBG_CAPTURE_DELIVERY',
    5: 'DBG_CAPTURE_FROM_LB',
    6: 'DBG_CAPTURE_AFTER_V46',
    7: 'DBG_CAPTURE_AFTER_V64',
    8: 'DBG_CAPTURE_PROXY_PRE',
    9: 'DBG_CAPTURE_PROXY_POST',
    10: 'DBG_CAPTURE_SNAT_PRE',
    11: 'DBG_CAPTURE_SNAT_POST',
  },
)
export const translationPoint: EnumType = listed('flow.SocketTranslationPoint', [
  'SOCK_XLATE_POINT_UNKNOWN',
  'SOCK_XLATE_POINT_PRE_DIRECTION_FWD',
  'SOCK_XLATE_POINT_POST_DIRECTION_FWD',
  'SOCK_XLATE_POINT_PRE_DIRECTION_REV',
  'SOCK_XLATE_POINT_POST_DIRECTION_REV',
])
export const lostEventSource: EnumType = listed('flow.LostEventSource', [
  'UNKNOWN_LOST_EVENT_SOURCE',
  'PERF_EVENT_RING_BUFFER',
  'OBSERVER_EVENTS_QUEUE',
  'HUBBLE_RING_BUFFER',
])
export const nodeState: EnumType = listed('relay.NodeState', [
  'UNKNOWN_NODE_STATE',
  'NODE_CONNECTED',
  'NODE_UNAVAILABLE',
  'NODE_GONE',
  'NODE_ERROR',
])
export const dropReason: EnumType = listed('flow.DropReason', ['DROP_REASON_UNKNOWN'], {
  130: 'INVALID_SOURCE_MAC',
  131: 'INVALID_DESTINATION_MAC',
  132: 'INVALID_SOURCE_IP',
  133: 'POLICY_DENIED',
  134: 'INVALID_PACKET_DROPPED',
  135: 'CT_TRUNCATED_OR_INVALID_HEADER',
  136: 'CT_MISSING_TCP_ACK_FLAG',
  137: 'CT_UNKNOWN_L4_PROTOCOL',
  138: 'CT_CANNOT_CREATE_ENTRY_FROM_PACKET',
  139: 'UNSUPPORTED_L3_PROTOCOL',
  140: 'MISSED_TAIL_CALL',
  141: 'ERROR_WRITING_TO_PACKET',
  142: 'UNKNOWN_L4_PROTOCOL',
  143: 'UNKNOWN_ICMPV4_CODE',
  144: 'UNKNOWN_ICMPV4_TYPE',
  145: 'UNKNOWN_ICMPV6_CODE',
  146: 'UNKNOWN_ICMPV6_TYPE',
  147: 'ERROR_RETRIEVING_TUNNEL_KEY',
  148: 'ERROR_RETRIEVING_TUNNEL_OPTIONS',
  149: 'INVALID_GENEVE_OPTION',
  150: 'UNKNOWN_L3_TARGET_ADDRESS',
  151: 'STALE_OR_UNROUTABLE_IP',
  152: 'NO_MATCHING_LOCAL_CONTAINER_FOUND',
  153: 'ERROR_WHILE_CORRECTING_L3_CHECKSUM',
  154: 'ERROR_WHILE_CORRECTING_L4_CHECKSUM',
  155: 'CT_MAP_INSERTION_FAILED',
  156: 'INVALID_IPV6_EXTENSION_HEADER',
  157: 'IP_FRAGMENTATION_NOT_SUPPORTED',
  158: 'SERVICE_BACKEND_NOT_FOUND',
  160: 'NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT',
  161: 'FAILED_TO_INSERT_INTO_PROXYMAP',
  162: 'REACHED_EDT_RATE_LIMITING_DROP_HORIZON',
  163: 'UNKNOWN_CONNECTION_TRACKING_STATE',
  164: 'LOCAL_HOST_IS_UNREACHABLE',
  165: 'NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION',
  166: 'UNSUPPORTED_L2_PROTOCOL',
  167: 'NO_MAPPING_FOR_NAT_MASQUERADE',
  168: 'UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE',
  169: 'FIB_LOOKUP_FAILED',
  170: 'ENCAPSULATION_TRAFFIC_IS_PROHIBITED',
  171: 'INVALID_IDENTITY',
  172: 'UNKNOWN_SENDER',
  173: 'NAT_NOT_NEEDED',
  174: 'IS_A_CLUSTERIP',
  175: 'FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND',
  176: 'FORBIDDEN_ICMPV6_MESSAGE',
  177: 'DENIED_BY_LB_SRC_RANGE_CHECK',
  178: 'SOCKET_LOOKUP_FAILED',
  179: 'SOCKET_ASSIGN_FAILED',
  180: 'PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL',
  181: 'POLICY_DENY',
  182: 'VLAN_FILTERED',
  183: 'INVALID_VNI',
  184: 'INVALID_TC_BUFFER',
  185: 'NO_SID',
  186: 'MISSING_SRV6_STATE',
  187: 'NAT46',
  188: 'NAT64',
  189: 'AUTH_REQUIRED',
  190: 'CT_NO_MAP_FOUND',
  191: 'SNAT_NO_MAP_FOUND',
  192: 'INVALID_CLUSTER_ID',
  193: 'UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP',
  194: 'NO_EGRESS_GATEWAY',
  195: 'UNENCRYPTED_TRAFFIC',
  196: 'TTL_EXCEEDED',
  197: 'NO_NODE_ID',
  198: 'DROP_RATE_LIMITED',
  199: 'IGMP_HANDLED',
  200: 'IGMP_SUBSCRIBED',
  201: 'MULTICAST_HANDLED',
  202: 'DROP_HOST_NOT_READY',
  203: 'DROP_EP_NOT_READY',
  204: 'DROP_NO_EGRESS_IP',
  205: 'DROP_PUNT_PROXY',
  207: 'DROP_FRAG_NOT_FOUND_WORLD',
})
