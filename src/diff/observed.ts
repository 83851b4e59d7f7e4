/** Connections that were seen to pass, by the end they went to. */
import type { PortProtocol } from '../policy/network-policy.ts'
import { portPosition } from '../policy/port-line.ts'
import { isObserved } from '../traffic/observed-outcomes.ts'
import type { Edge, Traffic } from '../traffic/traffic.ts'
import type { TrafficUniverse } from './universe.ts'

/** One edge as seen from its destination. */
export interface ObservedConnection {
  /** Positions in the universe. */
  readonly sources: readonly number[]
  readonly position: number
  readonly edge: Edge
}

const portProtocols: ReadonlySet<string> = new Set<PortProtocol>(['TCP', 'UDP', 'SCTP'])

/** Returns the observed connections of each end that has some. ICMP has no ports, and is not compared. */
export function observedConnections(
  traffic: Traffic,
  universe: TrafficUniverse,
): ReadonlyMap<number, readonly ObservedConnection[]> {
  const byDestination = new Map<number, ObservedConnection[]>()
  for (const edge of traffic.edges) {
    if (!isObserved(edge.outcome) || !isPortProtocol(edge.protocol)) continue
    const sources = universe.endsOfEdge(edge.from)
    const connection = { sources, position: portPosition(edge.protocol, edge.port), edge }
    for (const end of universe.endsOfEdge(edge.to)) {
      const list = byDestination.get(end)
      if (list === undefined) byDestination.set(end, [connection])
      else list.push(connection)
    }
  }
  return byDestination
}

function isPortProtocol(protocol: string): protocol is PortProtocol {
  return portProtocols.has(protocol)
}
