/** What the rules of guard rails claim about each destination: which sources, over which ports. */

import type { Bits } from '../policy/bits.ts'
import { bitsOf, commonBits, isEmptyBits } from '../policy/bits.ts'
import { spansAt } from '../policy/compiled-set.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  PortProtocol,
} from '../policy/network-policy.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Span } from '../policy/port-line.ts'
import type { Universe } from '../policy/universe.ts'
import type { RailKind } from './rail-violation.ts'

/** One rule of a guard rail. */
export interface RailRule {
  readonly kind: RailKind
  readonly reference: PolicyReference
  /** Whether it speaks of no pod that is known, so that only pods made up for it were looked at. */
  readonly isUnmatched: boolean
}

/** What one rule says about one destination. */
export interface Claim {
  readonly rule: RailRule
  readonly sources: Bits
  readonly spans: readonly Span[]
}

/** Every rule, in the order of the files, and what they claim. */
export interface Claims {
  readonly rules: readonly RailRule[]
  readonly byDestination: ReadonlyMap<number, readonly Claim[]>
}

/** A rule of either direction with the two lists of ends that it joins. */
interface JoinedEnds {
  readonly rule: RailRule
  readonly ports: readonly NetworkPolicyPort[] | undefined
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/** Returns what the guard rails claim within a universe that was made with them. */
export function claimsOf(
  rails: readonly { readonly kind: RailKind; readonly located: LocatedPolicy<NetworkPolicy> }[],
  universe: Universe,
): Claims {
  const joined = rails.flatMap(({ kind, located }) => [
    ...joinRules(kind, located, 'ingress', universe),
    ...joinRules(kind, located, 'egress', universe),
  ])
  const byDestination = new Map<number, Claim[]>()
  for (const { rule, ports, from, to } of joined) {
    const wanted = bitsOf(universe.ends.length, from)
    for (const end of to) {
      const sources = commonBits(universe.sourcesOf(end), wanted)
      if (isEmptyBits(sources)) continue
      const spans = claimedSpans(rule.kind, universe, end, ports)
      const claims = byDestination.get(end) ?? []
      byDestination.set(end, claims)
      claims.push({ rule, sources, spans })
    }
  }
  return { rules: joined.map(({ rule }) => rule), byDestination }
}

function joinRules(
  kind: RailKind,
  { policy, location, rules }: LocatedPolicy<NetworkPolicy>,
  direction: 'ingress' | 'egress',
  universe: Universe,
): readonly JoinedEnds[] {
  const { namespace, name } = policy.metadata
  const plain =
    direction === 'ingress'
      ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (policy.spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
  const subjects = relevant(
    kind,
    universe.endsMatching(namespace, { podSelector: policy.spec.podSelector }),
    universe,
  )
  return plain.map(({ peers, ports }, index) => {
    const others = peerEnds(kind, namespace, peers, universe)
    const { file, line } = rules[direction][index] ?? location
    const rule = {
      kind,
      reference: {
        policy: `${namespace}/${name}`,
        ...(file === '' ? {} : { at: line === undefined ? file : `${file}:${line}` }),
      },
      isUnmatched: !(subjects.some(isSeen(universe)) && others.some(isSeen(universe))),
    }
    return direction === 'ingress'
      ? { rule, ports, from: others, to: subjects }
      : { rule, ports, from: subjects, to: others }
  })
}

function peerEnds(
  kind: RailKind,
  namespace: string,
  peers: readonly NetworkPolicyPeer[] | undefined,
  universe: Universe,
): readonly number[] {
  if (peers === undefined || peers.length === 0) {
    return relevant(kind, [...universe.ends.keys()], universe)
  }
  const ends = peers.flatMap((peer) =>
    relevant(kind, universe.endsMatching(namespace, peer), universe),
  )
  return [...new Set(ends)]
}

/** What must be possible must be so for the pods that are there; what must not, for pods that may come, too. */
function relevant(kind: RailKind, ends: readonly number[], universe: Universe): readonly number[] {
  if (kind === 'forbid') return ends
  const seen = ends.filter(isSeen(universe))
  return seen.length > 0 ? seen : ends
}

/** Returns what tells whether an end is there, and no pod that only policies speak of. */
export function isSeen(universe: Universe): (end: number) => boolean {
  return (id) => {
    const end = universe.ends[id]
    return end !== undefined && (end.kind !== 'pod' || end.known)
  }
}

/**
 * A named port of a pod whose container ports nobody knows may be any port of its protocol. What is forbidden must then
 * be looked for under every name, and under every number where the guard rail itself gives a name.
 */
function claimedSpans(
  kind: RailKind,
  universe: Universe,
  end: number,
  ports: readonly NetworkPolicyPort[] | undefined,
): readonly Span[] {
  const at = universe.ends[end]
  const isOpen = kind === 'forbid' && at?.kind === 'pod' && at.pod.ports === undefined
  if (!isOpen || ports === undefined || ports.length === 0) return spansAt(universe, end, ports)
  const alike = ports.flatMap(({ protocol = 'TCP', port }): readonly NetworkPolicyPort[] =>
    typeof port === 'string' ? [{ protocol }] : namedPorts(universe, protocol),
  )
  return spansAt(universe, end, [...ports, ...alike])
}

function namedPorts(universe: Universe, protocol: PortProtocol): readonly NetworkPolicyPort[] {
  const suffix = `/${protocol}`
  return universe.portNames
    .filter((name) => name.endsWith(suffix))
    .map((name) => ({ protocol, port: name.slice(0, -suffix.length) }))
}
