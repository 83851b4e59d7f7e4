/** Many high ports between the same two ends: a list of ports that will not hold. */
import type { Edge } from '../traffic/traffic.ts'
import type { Plan } from './plan.ts'
import { describeEnd } from './plan.ts'
import type { Finding } from './synthesis.ts'

/** More learned ports of 1024 and above between two ends than this are a finding. */
export const dynamicPorts = 10

/** Returns a finding for every pair of ends with so many high ports that they must be dynamic. */
export function reportPorts(plan: Plan): readonly Finding[] {
  return manyPorts(plan).map(({ pair, ports }): Finding => {
    return {
      code: 'DYNAMIC_PORTS',
      severity: 'action',
      subject: pair,
      message: `used ${ports.length} ports between ${ports[0]} and ${ports.at(-1)}: they look dynamic, and the next one will be blocked`,
      hint: 'fix the ports in the application (passive FTP, RPC, JMX and cluster gossip can be), or allow their range in a policy of your own',
    }
  })
}

/** Ends by what they are called: thousands of edges cost no text each, as only few pairs come to be named. */
function manyPorts(
  plan: Plan,
): readonly { readonly pair: string; readonly ports: readonly number[] }[] {
  const bySource = new Map<string, Map<string, Edge[]>>()
  for (const edge of plan.traffic.edges) {
    if (edge.outcome !== 'learned' || edge.port < 1_024) continue
    const from = describeEnd(plan, edge.from)
    const byDestination = bySource.get(from) ?? new Map<string, Edge[]>()
    bySource.set(from, byDestination)
    const to = describeEnd(plan, edge.to)
    const edges = byDestination.get(to)
    if (edges === undefined) byDestination.set(to, [edge])
    else edges.push(edge)
  }
  return [...bySource]
    .flatMap(([from, byDestination]) =>
      [...byDestination].flatMap(([to, edges]) => {
        if (edges.length <= dynamicPorts) return []
        return [...new Set(edges.map(({ protocol }) => protocol))].flatMap((protocol) => {
          const own = edges.filter((edge) => edge.protocol === protocol)
          const ports = [...new Set(own.map(({ port }) => port))].sort((a, b) => a - b)
          return ports.length <= dynamicPorts ? [] : { pair: `${from} -> ${to} ${protocol}`, ports }
        })
      }),
    )
    .sort((a, b) => (a.pair < b.pair ? -1 : 1))
}
