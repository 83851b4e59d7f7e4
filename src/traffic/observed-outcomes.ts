/** Which edges count as traffic that policies have to let through. */
import type { Edge } from './traffic.ts'

/** Learned edges, and those to ends that a policy may have to open a port for although it cannot name them. */
const observedOutcomes: ReadonlySet<Edge['outcome']> = new Set<Edge['outcome']>([
  'learned',
  'host',
  'remote-node',
  'kube-apiserver',
  'ingress',
  'unmanaged',
  'remote-cluster',
])

/** Tells whether edges of this outcome were seen to pass, so that closing them would break something. */
export function isObserved(outcome: Edge['outcome']): boolean {
  return observedOutcomes.has(outcome)
}

/** Types of messages about other packets: they belong to a connection, with which they pass. */
const icmpErrors: readonly number[] = [3, 4, 5, 11, 12]

/** Tells whether the messages of an ICMP edge are about packets of another one (RFC 792, RFC 4443). */
export function isIcmpError({ protocol, port }: Pick<Edge, 'protocol' | 'port'>): boolean {
  return protocol === 'ICMPv4' ? icmpErrors.includes(port) : protocol === 'ICMPv6' && port < 128
}

/** Tells whether ICMP messages of an edge were seen to pass, are about no other connection, and no policy denied one. */
export function isPassedIcmp({ protocol, port, outcome, evidence }: Edge): boolean {
  return (
    outcome === 'icmp' &&
    (protocol === 'ICMPv4' || protocol === 'ICMPv6') &&
    port <= 255 &&
    !isIcmpError({ protocol, port }) &&
    evidence.denied + evidence.audited === 0 &&
    (evidence.egress || evidence.ingress || evidence.reply > 0)
  )
}
