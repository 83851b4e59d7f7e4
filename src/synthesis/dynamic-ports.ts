/** Many high ports between the same two ends: a list of ports that will not hold. */
import type { Plan } from './plan.ts'
import { describeEnd } from './plan.ts'
import type { Finding } from './synthesis.ts'

/** More learned ports of 1024 and above between two ends than this are a finding. */
export const dynamicPorts = 10

/** Returns a finding for every pair of ends with so many high ports that they must be dynamic. */
export function reportPorts(plan: Plan): readonly Finding[] {
  const pairs = new Map<string, Set<number>>()
  for (const edge of plan.traffic.edges) {
    if (edge.outcome !== 'learned' || edge.port < 1_024) continue
    const pair = `${describeEnd(plan, edge.from)} -> ${describeEnd(plan, edge.to)} ${edge.protocol}`
    const ports = pairs.get(pair) ?? new Set()
    pairs.set(pair, ports)
    ports.add(edge.port)
  }
  return [...pairs.keys()].sort().flatMap((pair): readonly Finding[] => {
    const ports = [...(pairs.get(pair) ?? [])].sort((a, b) => a - b)
    if (ports.length <= dynamicPorts) return []
    return [
      {
        code: 'DYNAMIC_PORTS',
        severity: 'action',
        subject: pair,
        message: `used ${ports.length} ports between ${ports[0]} and ${ports.at(-1)}: they look dynamic, and the next one will be blocked`,
        hint: 'fix the ports in the application (passive FTP, RPC, JMX and cluster gossip can be), or allow their range in a policy of your own',
      },
    ]
  })
}
