/** Checks that every grant which claims to be learned was: from the traffic alone, without the steps that made it. */
import { NetweirError } from '../errors.ts'
import type { Prefix } from '../ip.ts'
import { parsePrefix } from '../ip.ts'
import { hasNoIps, subtractIps, toIpSet } from '../policy/ip-set.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import type { Grant, Synthesis } from './synthesis.ts'

/**
 * Throws unless each `learned` grant has an edge behind it, and each learned block holds no address that was not seen.
 * @throws {NetweirError} `GATE_FAILED`
 */
export function checkReasons(traffic: Traffic, synthesis: Synthesis): void {
  const { peers, outside } = learnedPlaces(traffic, synthesis)
  const blocks = new Map<string, { grant: Grant; prefixes: Prefix[] }>()
  for (const grant of synthesis.grants) {
    if (grant.why !== 'learned') continue
    const place = placeOf(grant.direction, grant.subject, grant)
    if (grant.peer.kind === 'block' && grant.endPort === undefined) {
      const block = blocks.get(place) ?? { grant, prefixes: [] }
      blocks.set(place, block)
      block.prefixes.push(...prefixesOf(grant.peer.cidr))
      continue
    }
    const isSeen = grant.peer.kind === 'group' && peers.get(place)?.has(grant.peer.group) === true
    if (grant.endPort !== undefined || !isSeen) throw unfounded(synthesis, grant)
  }
  for (const [place, { grant, prefixes }] of blocks) {
    const surplus = subtractIps(toIpSet(prefixes), toIpSet(outside.get(place) ?? []))
    if (!hasNoIps(surplus)) throw unfounded(synthesis, grant)
  }
}

/** What the learned edges show of each place (direction, subject, port): its peers, and its addresses outside. */
function learnedPlaces(
  traffic: Traffic,
  synthesis: Synthesis,
): {
  peers: ReadonlyMap<string, ReadonlySet<number>>
  outside: ReadonlyMap<string, readonly Prefix[]>
} {
  const groupOf = new Map(
    synthesis.groups.flatMap((group) => group.classes.map((id) => [id, group.id] as const)),
  )
  const peers = new Map<string, Set<number>>()
  const outside = new Map<string, Prefix[]>()
  const note = (direction: 'ingress' | 'egress', own: EdgeEnd, peer: EdgeEnd, edge: Edge): void => {
    const subject = own.kind === 'class' ? groupOf.get(own.class) : undefined
    if (subject === undefined) return
    const place = placeOf(direction, subject, edge)
    const group = peer.kind === 'class' ? groupOf.get(peer.class) : undefined
    if (group !== undefined) {
      const known = peers.get(place) ?? new Set<number>()
      peers.set(place, known)
      known.add(group)
    }
    if (peer.kind !== 'address') return
    const known = outside.get(place) ?? []
    outside.set(place, known)
    known.push(...prefixesOf(peer.address))
  }
  for (const edge of traffic.edges) {
    if (edge.outcome !== 'learned') continue
    note('egress', edge.from, edge.to, edge)
    note('ingress', edge.to, edge.from, edge)
  }
  return { peers, outside }
}

function placeOf(
  direction: 'ingress' | 'egress',
  subject: number,
  service: { readonly port: number; readonly protocol: string },
): string {
  return `${direction} ${subject} ${service.port}/${service.protocol}`
}

function prefixesOf(text: string): readonly Prefix[] {
  const width = text.includes(':') ? 128 : 32
  const prefix = parsePrefix(text.includes('/') ? text : `${text}/${width}`)
  return prefix === undefined ? [] : [prefix]
}

function unfounded(synthesis: Synthesis, grant: Grant): NetweirError {
  const subject = synthesis.groups[grant.subject]?.name ?? 'unknown'
  return new NetweirError(
    'GATE_FAILED',
    `a grant of ${subject} (${grant.direction} ${grant.port}/${grant.protocol}) claims to be learned, and was not`,
    {
      hint: 'nothing was written; this is a defect of netweir, please report it with the communication set (netweir learn)',
    },
  )
}
