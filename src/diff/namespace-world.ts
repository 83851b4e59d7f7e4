/**
 * All that the policies of one namespace can tell apart: every kind of pod in it and elsewhere, whether or not it exists,
 * the address space, and what is neither. What holds here holds in every cluster.
 */
import type { Labels } from '../labels.ts'
import { namespaceNameLabel, toLabels } from '../labels.ts'
import { cutAddresses } from '../policy/address-cells.ts'
import { bitsOf } from '../policy/bits.ts'
import type { LabelCell } from '../policy/label-cells.ts'
import { cutLabels } from '../policy/label-cells.ts'
import type {
  IpBlock,
  LabelSelector,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  PolicyPod,
} from '../policy/network-policy.ts'
import { indexPods } from '../policy/pod-index.ts'
import { portNamesIn } from '../policy/policy-words.ts'
import { selectorMatches } from '../policy/selector.ts'
import type { EntityEnd, Universe, UniverseEnd } from '../policy/universe.ts'
import { createSpansOf } from '../policy/universe.ts'

/** Kinds of pods that a namespace is told apart into before its rules are left undecided. */
const maxCells = 4096

/** What is neither a pod nor outside. */
const node: EntityEnd = { kind: 'entity', name: 'node' }

/** What the world has to hold beside what the policies speak of. */
export interface WorldExtras {
  readonly blocks?: readonly IpBlock[]
  readonly pods?: readonly PolicyPod[]
}

/** The world, and where the further pods stand in it. */
export interface NamespaceWorld {
  readonly universe: Universe
  readonly extraPods: readonly number[]
}

/** Returns the world of some policies of one namespace, or undefined when it has too many kinds of pods. */
export function worldOf(
  namespace: string,
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  { blocks = [], pods: extras = [] }: WorldExtras = {},
): NamespaceWorld | undefined {
  const peers = uniquePeers(policies)
  const cells = podCells(namespace, policies, peers)
  if (cells === undefined) return undefined
  const pods = [...cells, ...extras]
  const cut = cutAddresses([...peers.flatMap(({ ipBlock }) => ipBlock ?? []), ...blocks], [])
  const index = indexPods(pods)
  const ends: readonly UniverseEnd[] = [
    ...pods.map((pod) => ({ kind: 'pod' as const, name: nameOf(pod), pod, known: false })),
    ...cut.cells.map((cell) => ({ kind: 'outside' as const, cell })),
    node,
  ]
  const everyone = bitsOf(ends.length, ends.keys())
  const podsOnly = bitsOf(ends.length, pods.keys())
  const portNames = portNamesIn(policies.map(({ policy }) => policy))
  const universe: Universe = {
    ends,
    podCount: pods.length,
    lists: index.lists,
    known: everyone,
    truncated: false,
    icmp: false,
    portNames,
    spansOf: createSpansOf(ends, portNames),
    endsMatching: (home, peer) =>
      peer.ipBlock === undefined
        ? index.matching(home, peer)
        : cut.cellsOfBlock(peer.ipBlock).map((cell) => pods.length + cell),
    endsOfLearned: () => [],
    endOfEntity: (name) => (name === node.name ? ends.length - 1 : undefined),
    sourcesOf: (end) => (end < pods.length ? everyone : podsOnly),
  }
  return { universe, extraPods: extras.map((_, position) => cells.length + position) }
}

function podCells(
  namespace: string,
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  peers: readonly NetworkPolicyPeer[],
): readonly PolicyPod[] | undefined {
  const homes = namespaceCells(namespace, peers)
  const pods: PolicyPod[] = []
  for (const namespaceLabels of homes ?? []) {
    const name = namespaceLabels[namespaceNameLabel] ?? ''
    const isOwn = name === namespace
    const selectors = [
      ...(isOwn ? policies.map(({ policy }) => policy.spec.podSelector) : []),
      ...peers.flatMap(({ namespaceSelector, podSelector }) => {
        const isMeant =
          namespaceSelector === undefined
            ? isOwn
            : selectorMatches(namespaceSelector, namespaceLabels)
        return isMeant && podSelector !== undefined ? podSelector : []
      }),
    ]
    const { cells, truncated } = cutLabels(unique(selectors), { maxCells: maxCells - pods.length })
    if (truncated) return undefined
    // The plainest pods come first: a finding names the first pod that it is true of.
    for (const { witness } of cells.toSorted(compareSizes)) {
      pods.push({ kind: 'pod', namespace: name, namespaceLabels, labels: witness })
    }
  }
  return homes === undefined ? undefined : pods
}

function compareSizes(a: LabelCell, b: LabelCell): number {
  return Object.keys(a.witness).length - Object.keys(b.witness).length
}

/** The namespace itself is told from every other, and from itself with other labels: those can change. */
function namespaceCells(
  namespace: string,
  peers: readonly NetworkPolicyPeer[],
): readonly Labels[] | undefined {
  const own: LabelSelector = { matchLabels: toLabels([[namespaceNameLabel, namespace]]) }
  const selectors = peers.flatMap(({ namespaceSelector }) => namespaceSelector ?? [])
  const { cells, truncated } = cutLabels(unique([own, ...selectors]), {
    identity: { key: namespaceNameLabel, taken: new Set() },
    maxCells,
  })
  return truncated ? undefined : cells.map(({ witness }) => witness)
}

function uniquePeers(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
): readonly NetworkPolicyPeer[] {
  return unique(
    policies.flatMap(({ policy: { spec } }) => [
      ...(spec.ingress ?? []).flatMap((rule) => rule.from ?? []),
      ...(spec.egress ?? []).flatMap((rule) => rule.to ?? []),
    ]),
  )
}

function unique<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()]
}

function nameOf({ namespace, labels }: PolicyPod): string {
  const texts = Object.keys(labels).map((key) => `${key}=${labels[key]}`)
  return `a pod ${texts.length === 0 ? 'without labels' : `with ${texts.join(', ')}`} in namespace ${namespace}`
}
