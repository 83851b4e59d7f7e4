/** Everything that policy sets are worked out over: pods, the whole address space, entities. */
import type { Labels } from '../labels.ts'
import type { AddressCell, AddressCells, LearnedAddress } from './address-cells.ts'
import { blockHolds, blockKey, cutAddresses } from './address-cells.ts'
import type { Bits } from './bits.ts'
import { bitsOf } from './bits.ts'
import type { KnownEntity } from './mixed-ends.ts'
import { hasCilium, labelsKey, mixedEntities, unseenAddresses } from './mixed-ends.ts'
import type {
  IpBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Policy,
  PolicyEndpoint,
  PolicyPod,
} from './network-policy.ts'
import type { NumberLists } from './number-lists.ts'
import type { RulePeer, RulePort } from './plain-rule.ts'
import { questionsIn } from './plain-rule.ts'
import type { PodIndex } from './pod-index.ts'
import { indexPods, sharedIndex } from './pod-index.ts'
import { blocksIn, portNamesIn } from './policy-words.ts'
import type { PortNames, PortResolution, Span } from './port-line.ts'
import { rulePortSpans } from './port-line.ts'
import { createPeerFilter } from './special-peers.ts'
import { standInsOf } from './stand-ins.ts'
import { symbolicPods } from './symbolic-pods.ts'

/** One end of a connection. */
export type UniverseEnd = PodEnd | OutsideEnd | EntityEnd

/** A pod, or all pods of one class. */
export interface PodEnd {
  readonly kind: 'pod'
  readonly name: string
  readonly pod: PolicyPod
  /** False for a pod that does not exist yet and stands for all of its kind. */
  readonly known: boolean
}

/** Addresses outside the cluster that behave alike. */
export interface OutsideEnd {
  readonly kind: 'outside'
  readonly cell: AddressCell
  /** DNS names and reserved labels, where policies are compared that can tell them apart. */
  readonly names?: readonly string[]
  readonly labels?: readonly string[]
}

/** What has neither labels nor an address that policies match: a node, the API server. */
export interface EntityEnd {
  readonly kind: 'entity'
  readonly name: string
  /** Absent where policies cannot tell entities apart. */
  readonly endpoint?: PolicyEndpoint
}

/** What there is, beside what the policies speak of. */
export interface KnownEnds {
  readonly pods: readonly { readonly name: string; readonly pod: PolicyPod }[]
  /** Labels of the namespaces that are known, by name. Default: none. */
  readonly namespaces?: ReadonlyMap<string, Labels>
  /** Blocks that the addresses are cut at, beside those of the policies. Default: none. */
  readonly blocks?: readonly IpBlock[]
  /** Addresses that are ends of their own. Default: none. */
  readonly learned?: readonly LearnedAddress[]
  /** Default: none. */
  readonly entities?: readonly (string | KnownEntity)[]
  /** Name of the local cluster, for policies that ask for it. Default: `default`. */
  readonly cluster?: string
  /** Let ipBlock match the addresses of pods, where no Cilium policy is compared. Default: no. */
  readonly ipBlockPods?: boolean
  /**
   * Add the pods that do not exist yet, as far as policies can tell them from those that do: `novel`, or as many as the
   * number says at most; or `stand-ins`, one for each selector that no known pod meets. Default: `none`.
   */
  readonly symbolic?: 'novel' | 'stand-ins' | 'none' | number
}

/** Ports of a rule; absent or empty for all. */
export type RulePorts = readonly RulePort[] | undefined

/** The ends, and what policies select of them. Ends are named by their position. */
export interface Universe {
  /** Pods first (the known ones at the position they were given in), then outside cells, then entities. */
  readonly ends: readonly UniverseEnd[]
  readonly podCount: number
  /** Ends that are no symbolic pods. */
  readonly known: Bits
  /** True when there are more kinds of pods that do not exist yet than could be told. */
  readonly truncated: boolean
  /** Names of ports that rules use, for pods whose container ports nobody knows. */
  readonly portNames: PortNames
  /** Returns the ends that a peer of a policy in `namespace` matches, sorted; the same list for the same question. */
  readonly endsMatching: (namespace: string, peer: RulePeer) => readonly number[]
  /** The lists of ends that are answers, for whoever makes others that must be told from them. */
  readonly lists: NumberLists
  /** What universes over the same known pods share; absent where nothing is. */
  readonly shared?: SharedPods
  /** Returns the ends that make up a learned address or prefix; none for one that was not given. */
  readonly endsOfLearned: (address: string) => readonly number[]
  /** Returns the end that stands for an entity; undefined for one that was not given. */
  readonly endOfEntity: (name: string, labels?: readonly string[]) => number | undefined
  /** True where types of ICMP messages are told apart, which only Cilium's policies do. */
  readonly icmp: boolean
  /** Returns the spans that ports of a rule open at an end; the same list for the same list of ports where it can. */
  readonly spansOf: (end: number, ports: RulePorts) => readonly Span[]
  /** Sources whose connections to the end can depend on a policy. */
  readonly sourcesOf: (end: number) => Bits
}

/** What a universe has in common with every other over the same known pods. */
export interface SharedPods {
  /** One object for all of them. */
  readonly index: PodIndex
  /** Tells whether a peer of a policy in `namespace` matches known pods alone here, wherever else it may match more. */
  readonly isKnownAlone: (namespace: string, peer: RulePeer) => boolean
}

/** Entities that nodes always let in, or that are no part of the cluster's traffic: never a source that is compared. */
const neverSources: ReadonlySet<string> = new Set(['host'])

/** Returns the universe of some policies within what is known; the order of the policies does not matter. */
export function layOutUniverse(policies: readonly Policy[], known: KnownEnds): Universe {
  const isMixed = hasCilium(policies)
  const asked = policies.flatMap(questionsIn)
  const knownPods = known.pods.map(({ name, pod }): PodEnd => {
    return { kind: 'pod', name, pod, known: true }
  })
  const symbolic = symbolicEnds(asked, known)
  const pods = [...knownPods, ...symbolic.pods]
  const blocks = [...blocksIn(asked), ...(known.blocks ?? [])]
  const learned = isMixed ? (known.learned ?? []).map(withMarks) : (known.learned ?? [])
  const cut = cutAddresses(blocks, learned)
  const outside = isMixed ? markedCells(cut, learned) : cut.cells.map(plainCell)
  const background = isMixed ? backgroundOf(cut, blocks, learned) : 0
  const unseen = isMixed
    ? unseenAddresses(policies, cut.cells[background]?.witness ?? '0.0.0.0')
    : []
  const entities = [
    ...(isMixed ? mixedEntities(known.entities ?? []) : plainEntities(known.entities ?? [])),
    ...unseen,
  ].map((entity): EntityEnd => ({ kind: 'entity', ...entity }))
  const ends: readonly UniverseEnd[] = [...pods, ...outside, ...entities]
  const index = sharedIndex(known.pods.map(({ pod }) => pod))
  const future = indexPods(
    symbolic.pods.map(({ pod }) => pod),
    { first: knownPods.length, lists: index.lists },
  )
  const podsMatching: PodIndex['matching'] =
    symbolic.pods.length === 0
      ? index.matching
      : (namespace, peer) => {
          const there = index.matching(namespace, peer)
          const more = future.matching(namespace, peer)
          return more.length === 0 ? there : index.lists.unite([there, more])
        }
  const entityIds = entityPlaces(entities, pods.length + outside.length)
  const portNames = portNamesIn(asked)
  const sources = allowedSources(ends, pods.length)
  const firstUnseen = ends.length - unseen.length
  const endsInBlock = rememberBlocks((block) => {
    const cells = cut.cellsOfBlock(block)
    return [
      ...podsInBlock(pods, block, known.ipBlockPods === true && !isMixed),
      ...cells.map((cell) => pods.length + cell),
      ...(cells.includes(background) ? unseen.map((_end, place) => firstUnseen + place) : []),
    ]
  })
  const endsOfPeer = isMixed
    ? createPeerFilter(ends.map(policyEndpoint), known.cluster || 'default')
    : () => undefined
  return {
    ends,
    podCount: pods.length,
    known: bitsOf(
      ends.length,
      [...ends.keys()].filter(
        (id) => (id < knownPods.length || id >= pods.length) && id < firstUnseen,
      ),
    ),
    truncated: symbolic.truncated,
    portNames,
    icmp: isMixed,
    spansOf: createSpansOf(ends, portNames, isMixed),
    endsMatching: (namespace, peer) => {
      if (peer.ipBlock !== undefined) return endsInBlock(peer.ipBlock)
      return endsOfPeer(peer) ?? podsMatching(namespace, peer)
    },
    lists: index.lists,
    ...(!isMixed && {
      shared: {
        index,
        isKnownAlone: (namespace, peer) =>
          peer.ipBlock === undefined &&
          (symbolic.pods.length === 0 ||
            future.lacks(peer) ||
            future.matching(namespace, peer).length === 0),
      },
    }),
    endsOfLearned: (address) => cut.cellsOfLearned(address).map((cell) => pods.length + cell),
    endOfEntity: (name, labels) =>
      (labels === undefined ? undefined : entityIds.get(labelsKey(labels))) ?? entityIds.get(name),
    sourcesOf: (end) => (end < pods.length ? sources.toPods : sources.toOthers),
  }
}

function symbolicEnds(
  policies: readonly NetworkPolicy[],
  { pods, namespaces = new Map(), symbolic = 'none' }: KnownEnds,
): { readonly pods: readonly PodEnd[]; readonly truncated: boolean } {
  if (symbolic === 'none') return { pods: [], truncated: false }
  if (symbolic === 'stand-ins') {
    const index = sharedIndex(pods.map(({ pod }) => pod))
    const meets = (namespace: string, peer: NetworkPolicyPeer): boolean =>
      index.matching(namespace, peer).length > 0
    const made = standInsOf(policies, namespaces, meets)
    return {
      pods: made.map(({ name, pod }): PodEnd => ({ kind: 'pod', name, pod, known: false })),
      truncated: false,
    }
  }
  const made = symbolicPods(policies, {
    pods: pods.map(({ pod }) => pod),
    namespaces,
    ...(symbolic === 'novel' ? {} : { maxPods: symbolic }),
  })
  return {
    pods: made.pods.map(({ name, pod }): PodEnd => ({ kind: 'pod', name, pod, known: false })),
    truncated: made.truncated,
  }
}

/** Returns an end as the evaluator takes it; an outside cell by the address that stands for it. */
export function policyEndpoint(end: UniverseEnd): PolicyEndpoint {
  if (end.kind === 'pod') return end.pod
  return end.kind === 'outside'
    ? {
        kind: 'address',
        address: end.cell.witness,
        ...(end.names && { names: end.names }),
        ...(end.labels && { labels: end.labels }),
      }
    : (end.endpoint ?? { kind: 'entity', entity: end.name, labels: [end.name] })
}

function plainCell(cell: AddressCell): OutsideEnd {
  return { kind: 'outside', cell }
}

function plainEntities(
  entities: readonly (string | KnownEntity)[],
): readonly { readonly name: string; readonly endpoint?: PolicyEndpoint }[] {
  const names = entities.map((one) => (typeof one === 'string' ? one : one.name))
  return [...new Set(names)].sort().map((name) => ({ name }))
}

/** Where names and labels count, addresses that differ in them behave differently. */
function withMarks(learned: LearnedAddress): LearnedAddress {
  const { names = [], labels = [], likeness } = learned
  return { ...learned, likeness: JSON.stringify([likeness, names, labels]) }
}

function markedCells(cut: AddressCells, learned: readonly LearnedAddress[]): readonly OutsideEnd[] {
  const marks = new Map<number, Pick<OutsideEnd, 'names' | 'labels'>>()
  for (const { address, names = [], labels = [] } of learned) {
    // A prefix stands for many addresses, of which no name is known to mean all.
    if (address.includes('/')) continue
    for (const cell of cut.cellsOfLearned(address)) {
      marks.set(cell, {
        ...(names.length > 0 && { names }),
        ...(labels.length > 0 && { labels }),
      })
    }
  }
  return cut.cells.map((cell, id): OutsideEnd => ({ kind: 'outside', cell, ...marks.get(id) }))
}

/** Returns the cell that fewest blocks hold: where an address lies of which nothing is known. */
function backgroundOf(
  cut: AddressCells,
  blocks: readonly IpBlock[],
  learned: readonly LearnedAddress[],
): number {
  const counts = cut.cells.map(() => 0)
  const holders = [
    ...blocks.map(cut.cellsOfBlock),
    ...learned.map(({ address }) => cut.cellsOfLearned(address)),
  ]
  for (const cells of holders) for (const cell of cells) counts[cell] = (counts[cell] ?? 0) + 1
  return counts.indexOf(Math.min(...counts))
}

/** Returns the positions of entities by name, and by their labels where they have some. */
function entityPlaces(entities: readonly EntityEnd[], first: number): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  for (const [place, { endpoint }] of entities.entries()) {
    if (endpoint?.kind === 'entity') places.set(labelsKey(endpoint.labels), first + place)
  }
  for (const [place, { name }] of entities.entries()) places.set(name, first + place)
  return places
}

/** Returns the spans of rules at the ends: a port of a number means the same at every end, and equal spans are one list. */
export function createSpansOf(
  ends: readonly UniverseEnd[],
  names: PortNames,
  icmp = false,
): Universe['spansOf'] {
  const shared = {
    unknown: createSpanTable({ names, ports: 'unknown', icmp }),
    none: createSpanTable({ names, ports: 'none', icmp }),
  }
  return (end, ports) => {
    const at = ends[end]
    if (at?.kind !== 'pod') return shared.none(ports)
    const known = at.pod.ports
    if (known === undefined) return shared.unknown(ports)
    const hasName = ports?.some(({ port }) => typeof port === 'string') === true
    return hasName ? rulePortSpans(ports, { names, ports: known }) : shared.none(ports)
  }
}

function createSpanTable(resolution: PortResolution): (rule: RulePorts) => readonly Span[] {
  const all = rulePortSpans(undefined, resolution)
  const known = new WeakMap<readonly NetworkPolicyPort[], readonly Span[]>()
  const byText = new Map<string, readonly Span[]>()
  return (rule) => {
    if (rule === undefined || rule.length === 0) return all
    const before = known.get(rule)
    if (before !== undefined) return before
    const made = rulePortSpans(rule, resolution)
    const text = made.map(({ low, high }) => `${low}-${high}`).join()
    const spans = byText.get(text) ?? made
    byText.set(text, spans)
    known.set(rule, spans)
    return spans
  }
}

function allowedSources(
  ends: readonly UniverseEnd[],
  podCount: number,
): { readonly toPods: Bits; readonly toOthers: Bits } {
  const positions = [...ends.keys()]
  const isSource = (id: number): boolean => {
    const end = ends[id]
    if (end?.kind !== 'entity') return true
    const { endpoint, name } = end
    if (endpoint === undefined) return !neverSources.has(name)
    // No address opens a connection because of its name.
    return endpoint.kind === 'entity' && !endpoint.labels.some((label) => neverSources.has(label))
  }
  return {
    toPods: bitsOf(ends.length, positions.filter(isSource)),
    toOthers: bitsOf(ends.length, positions.slice(0, podCount)),
  }
}

function rememberBlocks(
  answer: (block: IpBlock) => readonly number[],
): (block: IpBlock) => readonly number[] {
  const answers = new Map<string, readonly number[]>()
  return (block) => {
    const key = blockKey(block)
    const known = answers.get(key)
    if (known !== undefined) return known
    const ends = answer(block)
    answers.set(key, ends)
    return ends
  }
}

/** Returns which pods have an address in a block; none, where ipBlock does not match pods. */
function podsInBlock(
  pods: readonly PodEnd[],
  block: IpBlock,
  ipBlockPods: boolean,
): readonly number[] {
  if (!ipBlockPods) return []
  return [...pods.keys()].filter((id) =>
    (pods[id]?.pod.addresses ?? []).some((address) => blockHolds(block, address)),
  )
}
