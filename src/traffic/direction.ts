/** Which observations prove their own direction, and which wait for the whole picture. */
import type { Flow } from '../flow/flow.ts'

/** Ports from here on are what systems hand out to clients by default. */
export const firstEphemeralPort = 32_768

/** Ports below are bound by services alone. */
const firstUserPort = 1024

/**
 * How an observation is kept: as a `communication` at once; as a `suspect` reply, keyed by the client's port, which
 * would be the real service; or as a `pair` of two ports of which either may be the service.
 */
export type Direction = 'communication' | 'suspect' | 'pair'

/** What decides how a flow is kept. */
export type DirectionEvidence = Pick<
  Flow,
  'certain' | 'clientPort' | 'port' | 'protocol' | 'strength'
>

/**
 * Returns how an oriented flow is kept. With client port c and server port s:
 * - certain flows and ICMP are communications;
 * - TCP with s ephemeral and 0 < c < 32768 is suspect, UDP and SCTP with 0 < c < 1024 too;
 * - UDP and SCTP with s ephemeral and 1024 <= c < 32768 is a pair;
 * - TCP that shows no new connection is a pair when both ports are ephemeral or neither is;
 * - all else is a communication.
 */
export function directionOf(flow: DirectionEvidence): Direction {
  if (flow.certain || flow.clientPort === 0) return 'communication'
  switch (flow.protocol) {
    case 'TCP':
      return tcpDirection(flow)
    case 'UDP':
    case 'SCTP':
      return datagramDirection(flow)
    default:
      return 'communication'
  }
}

function tcpDirection(flow: DirectionEvidence): Direction {
  const clientIsEphemeral = flow.clientPort >= firstEphemeralPort
  const serverIsEphemeral = flow.port >= firstEphemeralPort
  if (serverIsEphemeral && !clientIsEphemeral) return 'suspect'
  if (flow.strength === 'strong' || flow.strength === 'reply') return 'communication'
  return clientIsEphemeral === serverIsEphemeral ? 'pair' : 'communication'
}

function datagramDirection(flow: DirectionEvidence): Direction {
  if (flow.port < firstEphemeralPort || flow.clientPort >= firstEphemeralPort) {
    return 'communication'
  }
  return flow.clientPort < firstUserPort ? 'suspect' : 'pair'
}
