/** Checks that every grant which claims to be learned was: from the traffic alone, without the steps that made it. */
import { NetweirError } from '../errors.ts'
import type { Prefix } from '../ip.ts'
import { parsePrefix } from '../ip.ts'
import { hasNoIps, subtractIps, toIpSet } from '../policy/ip-set.ts'
import { isObserved, isPassedIcmp } from '../traffic/observed-outcomes.ts'
import { requestPattern } from '../traffic/request-shapes.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import { specialPeersOf } from './special-grants.ts'
import type { Grant, Synthesis } from './synthesis.ts'

/**
 * Throws unless each `learned` grant has an edge behind it, and each learned block holds no address that was not seen.
 * @throws {NetweirError} `GATE_FAILED`
 */
export function checkReasons(traffic: Traffic, synthesis: Synthesis): void {
  const learned = learnedPlaces(traffic, synthesis)
  const blocks = new Map<Place, { grant: Grant; prefixes: Prefix[] }>()
  for (const grant of synthesis.grants) {
    if (grant.why !== 'learned') continue
    const place = learned.find(grant.direction, grant.subject, grant)
    if (place === undefined || !isSeenRequest(place, grant)) throw unfounded(synthesis, grant)
    if (grant.peer.kind === 'block') {
      const block = blocks.get(place) ?? { grant, prefixes: [] }
      blocks.set(place, block)
      block.prefixes.push(...prefixesOf(grant.peer.cidr))
      continue
    }
    if (!isSeenAt(place, grant.peer)) throw unfounded(synthesis, grant)
  }
  for (const [{ outside }, { grant, prefixes }] of blocks) {
    const surplus = subtractIps(toIpSet(prefixes), toIpSet(outside))
    if (!hasNoIps(surplus)) throw unfounded(synthesis, grant)
  }
}

/** No range of ports was seen, and a request only as it was kept. */
function isSeenRequest({ requests }: Place, { endPort, request }: Grant): boolean {
  return endPort === undefined && (request === undefined || requests.has(JSON.stringify(request)))
}

function isSeenAt({ peers, specials }: Place, peer: Grant['peer']): boolean {
  return peer.kind === 'group' ? peers.has(peer.group) : specials.has(JSON.stringify(peer))
}

/** What the learned edges show of one port of one subject in one direction: its peers, and its addresses outside. */
interface Place {
  readonly peers: Set<number>
  /** Entities and pods of other clusters, as texts. */
  readonly specials: Set<string>
  readonly outside: Prefix[]
  /** Kinds of requests, as texts. */
  readonly requests: Set<string>
}

type Service = { readonly port: number; readonly protocol: string }

function learnedPlaces(
  traffic: Traffic,
  synthesis: Synthesis,
): {
  readonly find: (
    direction: 'ingress' | 'egress',
    subject: number,
    service: Service,
  ) => Place | undefined
} {
  const groupOf = new Map(
    synthesis.groups.flatMap((group) => group.classes.map((id) => [id, group.id] as const)),
  )
  // By subject, then by port.
  const places: Record<Grant['direction'], Map<number, Place>[]> = { ingress: [], egress: [] }
  const note = (direction: 'ingress' | 'egress', own: EdgeEnd, peer: EdgeEnd, edge: Edge): void => {
    const subject = own.kind === 'class' ? groupOf.get(own.class) : undefined
    if (subject === undefined) return
    const byPort = places[direction][subject] ?? new Map<number, Place>()
    places[direction][subject] = byPort
    const port = portNumber(edge)
    let place = byPort.get(port)
    if (place === undefined) {
      place = { peers: new Set(), specials: new Set(), outside: [], requests: new Set() }
      byPort.set(port, place)
    }
    const group = peer.kind === 'class' ? groupOf.get(peer.class) : undefined
    if (group !== undefined) place.peers.add(group)
    noteRequests(place, edge)
    const [special] = specialPeersOf(peer)
    if (special !== undefined) place.specials.add(JSON.stringify(special))
    if (peer.kind === 'address') place.outside.push(...prefixesOf(peer.address))
  }
  for (const edge of traffic.edges) {
    if (!isObserved(edge.outcome) && !isPassedIcmp(edge)) continue
    note('egress', edge.from, edge.to, edge)
    note('ingress', edge.to, edge.from, edge)
  }
  return {
    find: (direction, subject, service) => places[direction][subject]?.get(portNumber(service)),
  }
}

function noteRequests({ requests }: Place, { evidence }: Edge): void {
  for (const kind of ['http', 'dns'] as const) {
    for (const text of evidence.requests?.[kind] ?? []) {
      requests.add(JSON.stringify(requestPattern(kind, text)))
    }
  }
}

const protocols: readonly string[] = ['TCP', 'UDP', 'SCTP', 'ICMPv4', 'ICMPv6']

function portNumber({ port, protocol }: Service): number {
  return protocols.indexOf(protocol) * 65_536 + port
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
