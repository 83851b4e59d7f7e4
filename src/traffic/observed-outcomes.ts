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

/** Tells whether ICMP messages of an edge were seen to pass, and no policy denied one. */
export function isPassedIcmp({ protocol, port, outcome, evidence }: Edge): boolean {
  return (
    outcome === 'icmp' &&
    (protocol === 'ICMPv4' || protocol === 'ICMPv6') &&
    port <= 255 &&
    evidence.denied + evidence.audited === 0 &&
    (evidence.egress || evidence.ingress || evidence.reply > 0)
  )
}
