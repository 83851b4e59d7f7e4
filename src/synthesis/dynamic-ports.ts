/** Many high ports between the same two ends: a list of ports that will not hold. */
import type { Edge, EdgeEnd } from '../traffic/traffic.ts'
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

/** Ends by what they are called: thousands of edges cost no list each, as only few pairs have so many. */
function manyPorts(
  plan: Plan,
): readonly { readonly pair: string; readonly ports: readonly number[] }[] {
  const bySource = new Map<string, Map<string, Edge[]>>()
  for (const edge of busyEdges(plan)) {
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

/** Returns the edges with high ports between ends that have more than {@link dynamicPorts} of them. */
function busyEdges(plan: Plan): readonly Edge[] {
  const high = plan.traffic.edges.filter(
    ({ outcome, port }) => outcome === 'learned' && port >= 1_024,
  )
  const numberOf = numberEnds(plan)
  const counts = new Map<number, number>()
  // No traffic has so many ends that the number of a pair is not exact.
  const pairs = high.map(({ from, to }) => numberOf(from) * 2 ** 26 + numberOf(to))
  for (const pair of pairs) counts.set(pair, (counts.get(pair) ?? 0) + 1)
  return high.filter((_, at) => (counts.get(pairs[at] ?? -1) ?? 0) > dynamicPorts)
}

/** Returns a number for what an end is called, with one look at the name of a group. */
function numberEnds(plan: Plan): (end: EdgeEnd) => number {
  const byName = new Map<string, number>()
  const byClass: number[] = []
  const numberOf = (end: EdgeEnd): number => {
    const name = describeEnd(plan, end)
    const number = byName.get(name) ?? byName.size
    byName.set(name, number)
    return number
  }
  return (end) => {
    if (end.kind !== 'class') return numberOf(end)
    const known = byClass[end.class] ?? numberOf(end)
    byClass[end.class] = known
    return known
  }
}
