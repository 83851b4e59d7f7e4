/** What a policy shows once it is known which pods there are, which ports they have, and which addresses are the cluster's. */

import type { Prefix } from '../ip.ts'
import { parsePrefix, prefixesMeet } from '../ip.ts'
import type { Labels } from '../labels.ts'
import { namespaceNameLabel, toLabels } from '../labels.ts'
import { isSatisfiable } from '../policy/label-cells.ts'
import { isStaticVolatileKey } from '../policy/label-keys.ts'
import type {
  IpBlock,
  LabelSelector,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  PolicyPod,
} from '../policy/network-policy.ts'
import type { PodIndex } from '../policy/pod-index.ts'
import { indexPods } from '../policy/pod-index.ts'
import type { NamedContainerPorts } from '../policy/port-line.ts'
import { requirementsOf } from '../policy/selector.ts'
import type { Traffic } from '../traffic/traffic.ts'
import type { Finding, RulePlace } from './lint-place.ts'
import { aboutPolicy, aboutRule, rulesInForce } from './lint-place.ts'
import { peerText, selectorText } from './rule-words.ts'

/** What is known of the cluster. */
export interface LintKnowledge {
  readonly traffic: Traffic
  /** Returns the container ports of a class, or undefined where nobody knows them. */
  readonly portsOf: (classId: number) => NamedContainerPorts | undefined
}

/** Prefixes of the cluster's own addresses, by what has them. */
export interface ClusterRanges {
  readonly pods: readonly string[]
  readonly services: readonly string[]
  readonly nodes: readonly string[]
}

/** The known pods, by class. */
export interface KnownPods {
  readonly pods: readonly PolicyPod[]
  readonly index: PodIndex
  readonly portsOf: LintKnowledge['portsOf']
}

/** Returns the pods that the knowledge is about, or undefined where it knows none. */
export function knownPods({ traffic, portsOf }: LintKnowledge): KnownPods | undefined {
  if (traffic.classes.length === 0) return undefined
  const pods = traffic.classes.map(
    ({ namespace, labels }): PolicyPod => ({
      kind: 'pod',
      namespace,
      namespaceLabels: namespaceLabels(traffic, namespace),
      labels,
    }),
  )
  return { pods, index: indexPods(pods), portsOf }
}

/** Returns what is wrong with one policy among the known pods. */
export function lintPods(
  located: LocatedPolicy<NetworkPolicy>,
  known: KnownPods,
): readonly Finding[] {
  const { metadata, spec } = located.policy
  const subjects = known.index.matching(metadata.namespace, { podSelector: spec.podSelector })
  const rules = rulesInForce(located)
  const unmatched =
    subjects.length === 0 && isLasting(spec.podSelector)
      ? [
          aboutPolicy(
            'MATCHES_NO_POD',
            located,
            `podSelector (${selectorText(spec.podSelector)}) selects no known pod of namespace ${metadata.namespace}`,
          ),
        ]
      : []
  return [
    ...unmatched,
    ...rules.flatMap((place) => lintPeers(place, known)),
    ...rules.flatMap((place) => lintPortNames(place, subjects, known)),
  ]
}

/** Returns the blocks of one policy that lie within the cluster's own addresses. */
export function lintRanges(
  located: LocatedPolicy<NetworkPolicy>,
  ranges: ClusterRanges,
): readonly Finding[] {
  return rulesInForce(located).flatMap((place) =>
    (place.peers ?? []).flatMap(({ ipBlock }) => {
      const reason = ipBlock === undefined ? undefined : reasonAgainst(ipBlock, ranges)
      return reason === undefined ? [] : [aboutRule('CLUSTER_RANGE', place, reason)]
    }),
  )
}

function namespaceLabels(traffic: Traffic, namespace: string): Labels {
  const labels = Object.hasOwn(traffic.namespaces, namespace) ? traffic.namespaces[namespace] : {}
  return toLabels([...Object.entries(labels ?? {}), [namespaceNameLabel, namespace]])
}

function lintPeers(place: RulePlace, { index }: KnownPods): readonly Finding[] {
  const { namespace } = place.located.policy.metadata
  return (place.peers ?? [])
    .filter(
      (peer) =>
        peer.ipBlock === undefined &&
        isPossible(peer) &&
        index.matching(namespace, peer).length === 0,
    )
    .map((peer) =>
      aboutRule(
        'PEER_MATCHES_NO_POD',
        place,
        `has a peer (${peerText(peer, namespace)}) that selects no known pod`,
      ),
    )
}

function isPossible({ podSelector, namespaceSelector }: NetworkPolicyPeer): boolean {
  return isLasting(podSelector ?? {}) && isSatisfiable(namespaceSelector ?? {})
}

/** What contradicts itself is said elsewhere, and so are labels that come and go: known pods are kept without them. */
function isLasting(selector: LabelSelector): boolean {
  return (
    isSatisfiable(selector) && !requirementsOf(selector).some(({ key }) => isStaticVolatileKey(key))
  )
}

/** A name is out of reach when every destination's ports are known and none has it. */
function lintPortNames(
  place: RulePlace,
  subjects: readonly number[],
  known: KnownPods,
): readonly Finding[] {
  const destinations = place.direction === 'ingress' ? subjects : peerPods(place, known)
  const isBlockOnly =
    place.direction === 'egress' &&
    (place.peers ?? []).length > 0 &&
    (place.peers ?? []).every(({ ipBlock }) => ipBlock !== undefined)
  if (destinations.length === 0 && !isBlockOnly) return []
  return (place.ports ?? []).flatMap(({ port, protocol = 'TCP' }) => {
    if (typeof port !== 'string') return []
    const mayHave = destinations.some((id) => {
      const ports = known.portsOf(id)
      return (
        ports === undefined ||
        ports.some((each) => each.name === port && each.protocol === protocol)
      )
    })
    if (mayHave) return []
    const reason = isBlockOnly
      ? 'which addresses do not have: names are those of container ports'
      : 'which no container of the known destinations has'
    return [
      aboutRule('PORT_NAME_UNREACHABLE', place, `names the port ${port}/${protocol}, ${reason}`),
    ]
  })
}

function peerPods({ located, peers }: RulePlace, { pods, index }: KnownPods): readonly number[] {
  if (peers === undefined || peers.length === 0) return [...pods.keys()]
  const { namespace } = located.policy.metadata
  return peers.flatMap((peer) =>
    peer.ipBlock === undefined ? index.matching(namespace, peer) : [],
  )
}

function reasonAgainst({ cidr }: IpBlock, ranges: ClusterRanges): string | undefined {
  const block = parsePrefix(cidr)
  if (block === undefined) return undefined
  if (liesWithin(block, ranges.services)) {
    return `names ${cidr}, which is a service's: plugins compare the pod behind it, so that it matches nothing`
  }
  if (liesWithin(block, ranges.pods)) {
    return `names ${cidr}, which is of pods: Cilium never matches pods by address, and addresses of pods change`
  }
  return liesWithin(block, ranges.nodes)
    ? `names ${cidr}, which is of nodes: Cilium matches nodes by address only with policy-cidr-match-mode=nodes`
    : undefined
}

function liesWithin(block: Prefix, ranges: readonly string[]): boolean {
  return ranges.some((text) => {
    const range = parsePrefix(text)
    return range !== undefined && range.length <= block.length && prefixesMeet(range, block)
  })
}
