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
    if (!isFounded(learned, grant)) throw unfounded(synthesis, grant)
    if (grant.peer.kind !== 'block') continue
    const place = learned.find(grant)
    if (place === undefined) continue
    const block = blocks.get(place) ?? { grant, prefixes: [] }
    blocks.set(place, block)
    block.prefixes.push(...prefixesOf(grant.peer.cidr))
  }
  for (const [{ outside }, { grant, prefixes }] of blocks) {
    const surplus = subtractIps(toIpSet(prefixes), toIpSet(outside))
    if (!hasNoIps(surplus)) throw unfounded(synthesis, grant)
  }
}

/** Tells whether the learned edges show a grant; of a block, that some address was seen. */
function isFounded(learned: LearnedPlaces, grant: Grant): boolean {
  const { peer, request } = grant
  if (peer.kind === 'group' && !learned.isSeen(grant, peer.group)) return false
  if (peer.kind === 'group' && request === undefined) return true
  const place = learned.find(grant)
  if (place === undefined || !isSeenRequest(place, grant)) return false
  return peer.kind === 'group' || peer.kind === 'block' || place.specials.has(JSON.stringify(peer))
}

/** No range of ports was seen, and a request only as it was kept. */
function isSeenRequest({ requests }: Place, { endPort, request }: Grant): boolean {
  return endPort === undefined && (request === undefined || requests.has(JSON.stringify(request)))
}

/** What the learned edges show of one port of one subject in one direction beside groups: most show nothing. */
interface Place {
  /** Entities and pods of other clusters, as texts. */
  readonly specials: Set<string>
  readonly outside: Prefix[]
  /** Kinds of requests, as texts. */
  readonly requests: Set<string>
}

/** What the learned edges show of one subject in one direction. */
interface Seen {
  /** Peers and ports, as numbers. */
  readonly groups: Set<number>
  readonly places: Map<number, Place>
}

type Service = { readonly port: number; readonly protocol: string }

/** What is asked about one port of a subject. */
type Side = Service & Pick<Grant, 'direction' | 'subject' | 'endPort'>

interface LearnedPlaces {
  readonly isSeen: (side: Side, group: number) => boolean
  readonly find: (side: Side) => Place | undefined
}

function learnedPlaces(traffic: Traffic, synthesis: Synthesis): LearnedPlaces {
  const groupOf: number[] = []
  for (const { id, classes } of synthesis.groups) for (const known of classes) groupOf[known] = id
  const seen: Record<Grant['direction'], Seen[]> = { ingress: [], egress: [] }
  const note = (direction: 'ingress' | 'egress', own: EdgeEnd, peer: EdgeEnd, edge: Edge): void => {
    const subject = own.kind === 'class' ? groupOf[own.class] : undefined
    if (subject === undefined) return
    let side = seen[direction][subject]
    if (side === undefined) {
      side = { groups: new Set(), places: new Map() }
      seen[direction][subject] = side
    }
    const port = portNumber(edge)
    const group = peer.kind === 'class' ? groupOf[peer.class] : undefined
    if (group !== undefined) side.groups.add(group * portNumbers + port)
    if (peer.kind === 'class' && edge.evidence.requests === undefined) return
    noteOthers(placeAt(side, port), peer, edge)
  }
  for (const edge of traffic.edges) {
    if (!isObserved(edge.outcome) && !isPassedIcmp(edge)) continue
    note('egress', edge.from, edge.to, edge)
    note('ingress', edge.to, edge.from, edge)
  }
  return {
    isSeen: (side, group) =>
      side.endPort === undefined &&
      seen[side.direction][side.subject]?.groups.has(group * portNumbers + portNumber(side)) ===
        true,
    find: (side) => seen[side.direction][side.subject]?.places.get(portNumber(side)),
  }
}

function placeAt({ places }: Seen, port: number): Place {
  const known = places.get(port)
  if (known !== undefined) return known
  const place = { specials: new Set<string>(), outside: [], requests: new Set<string>() }
  places.set(port, place)
  return place
}

function noteOthers(place: Place, peer: EdgeEnd, edge: Edge): void {
  noteRequests(place, edge)
  const [special] = specialPeersOf(peer)
  if (special !== undefined) place.specials.add(JSON.stringify(special))
  if (peer.kind === 'address') place.outside.push(...prefixesOf(peer.address))
}

function noteRequests({ requests }: Place, { evidence }: Edge): void {
  for (const kind of ['http', 'dns'] as const) {
    for (const text of evidence.requests?.[kind] ?? []) {
      requests.add(JSON.stringify(requestPattern(kind, text)))
    }
  }
}

/** Numbers that {@link portNumber} gives, all below. */
const portNumbers = 5 * 65_536

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
