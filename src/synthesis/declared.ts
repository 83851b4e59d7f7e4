/** What a synthesis says that it allows, end by end: its grants, beside the policies that were made of them. */
import type { Bits } from '../policy/bits.ts'
import { addBit, createBits, hasBit } from '../policy/bits.ts'
import { namespaceDeny } from '../policy/namespace-deny.ts'
import type { IpBlock, NetworkPolicyPort } from '../policy/network-policy.ts'
import type { PortResolution, Span } from '../policy/port-line.ts'
import { icmpPosition, portPosition, rulePortSpans } from '../policy/port-line.ts'
import { maxPort } from '../policy/port-set.ts'
import type { Grants } from '../policy/rows.ts'
import type { Universe } from '../policy/universe.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { toSpecialPeer } from './special-grants.ts'
import type { Grant, GrantPeer, Synthesis } from './synthesis.ts'

/** The declared side of the comparison, over a universe whose first pods are the classes of the traffic. */
export interface Declared {
  /** Classes that are closed but for the grants, in both directions. */
  readonly isolated: Bits
  /** Returns what the grants open towards an end. */
  readonly grantsTo: (end: number) => Grants
}

/** Returns the block that a grant is about, if any. */
export function blockOf(peer: GrantPeer): readonly IpBlock[] {
  return peer.kind === 'block' ? [{ cidr: peer.cidr, except: peer.except }] : []
}

/** Returns what the grants of a synthesis declare over a universe that is cut at their blocks. */
export function declare(traffic: Traffic, synthesis: Synthesis, universe: Universe): Declared {
  const size = universe.ends.length
  const selecting = subjectsByClass(traffic, synthesis)
  const isolated = createBits(size)
  for (const [id, subjects] of selecting.entries()) {
    if (subjects.length > 0) addBit(isolated, id)
  }
  const denied = deniedNamespaces(synthesis)
  for (const known of traffic.classes) if (denied.has(known.namespace)) addBit(isolated, known.id)
  const endsOf = peerEnds(traffic, synthesis, universe)
  const ingress = ingressBySubject(synthesis)
  const spansOf = rememberSpans()
  const egress = egressByEnd(synthesis, endsOf, spansOf)
  return {
    isolated,
    grantsTo: (end) => {
      const out = egress(end)
      if (end >= universe.podCount || !hasBit(isolated, end)) return { egress: out }
      const everyone = universe.sourcesOf(end)
      const grants = joinGrants((selecting[end] ?? []).map((subject) => ingress.get(subject) ?? []))
      return {
        egress: out,
        ingress: grants.map((grant) => ({
          spans: spansOf(grant),
          peers: endsOf(grant) ?? everyone,
        })),
      }
    },
  }
}

/** No grant has a named port. */
const numbersAlone: PortResolution = { names: [], ports: 'none' }

/** Returns the spans of a grant; the same list for the same ports. */
type SpansOf = (grant: Grant) => readonly Span[]

function rememberSpans(): SpansOf {
  const known = new Map<number, readonly Span[]>()
  return ({ protocol, port, endPort }) => {
    if (protocol === 'ICMPv4' || protocol === 'ICMPv6') {
      const position = icmpPosition(protocol === 'ICMPv4' ? 'IPv4' : 'IPv6', port)
      return [{ low: position, high: position }]
    }
    const first = portPosition(protocol, port)
    const key = endPort === undefined ? first : -first * (maxPort + 1) - endPort
    const before = known.get(key)
    if (before !== undefined) return before
    const range: NetworkPolicyPort =
      endPort === undefined ? { protocol, port } : { protocol, port, endPort }
    const spans = rulePortSpans([range], numbersAlone)
    known.set(key, spans)
    return spans
  }
}

/** A pod that one policy selects has the very grants of that. */
function joinGrants(lists: readonly (readonly Grant[])[]): readonly Grant[] {
  const [first = [], ...others] = lists
  return others.length === 0 ? first : lists.flat()
}

function deniedNamespaces(synthesis: Synthesis): ReadonlySet<string> {
  return new Set(
    synthesis.policies
      .filter((one) => one.carried !== true && one.role === 'default-deny')
      .flatMap((one) => namespaceDeny(one.policy)?.namespaces ?? []),
  )
}

function subjectsByClass(traffic: Traffic, synthesis: Synthesis): readonly (readonly number[])[] {
  const selecting = traffic.classes.map((): number[] => [])
  for (const subject of synthesis.subjects) {
    for (const id of synthesis.selected[subject] ?? []) selecting[id]?.push(subject)
  }
  return selecting
}

function ingressBySubject(synthesis: Synthesis): ReadonlyMap<number, readonly Grant[]> {
  const bySubject = new Map<number, Grant[]>()
  for (const grant of synthesis.grants) {
    if (grant.direction !== 'ingress') continue
    const list = bySubject.get(grant.subject)
    if (list === undefined) bySubject.set(grant.subject, [grant])
    else list.push(grant)
  }
  return bySubject
}

/** Ends that the peer of a grant stands for; undefined when it stands for everyone. */
type PeerEnds = (grant: Grant) => readonly number[] | undefined

function peerEnds(traffic: Traffic, synthesis: Synthesis, universe: Universe): PeerEnds {
  const byNamespace = new Map<string, number[]>()
  for (const { id, namespace } of traffic.classes) {
    const list = byNamespace.get(namespace)
    if (list === undefined) byNamespace.set(namespace, [id])
    else list.push(id)
  }
  return ({ peer, subject }) => {
    switch (peer.kind) {
      case 'everyone':
        return undefined
      case 'group':
        return synthesis.selected[peer.group] ?? []
      case 'namespace':
        return byNamespace.get(peer.namespace) ?? []
      case 'block':
        return blockOf(peer).flatMap((ipBlock) => universe.endsMatching('', { ipBlock }))
      case 'entity':
      case 'fqdn':
      case 'fqdn-pattern':
      case 'remote':
        return universe.endsMatching('', { special: toSpecialPeer(peer) })
      case 'selector':
        return universe.endsMatching(synthesis.groups[subject]?.namespace ?? '', peer.peer)
    }
  }
}

/** Sources that may send to an end over one range of ports; equal spans are one list. */
interface Outlet {
  readonly spans: readonly Span[]
  readonly sources: readonly number[]
}

function egressByEnd(
  synthesis: Synthesis,
  endsOf: PeerEnds,
  spansOf: SpansOf,
): (end: number) => readonly Outlet[] {
  const everyone: Outlet[] = []
  const byEnd: Outlet[][] = []
  for (const grant of synthesis.grants) {
    if (grant.direction !== 'egress') continue
    const sources = synthesis.selected[grant.subject] ?? []
    const spans = spansOf(grant)
    const ends = endsOf(grant)
    const outlet = { spans, sources }
    if (ends === undefined) everyone.push(outlet)
    for (const end of ends ?? []) {
      const outlets = byEnd[end]
      if (outlets === undefined) byEnd[end] = [outlet]
      else outlets.push(outlet)
    }
  }
  if (everyone.length === 0) return (end) => byEnd[end] ?? everyone
  return (end) => [...everyone, ...(byEnd[end] ?? [])]
}
