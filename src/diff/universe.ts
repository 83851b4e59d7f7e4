/** Everything that two policy sets are compared over: known pods, pods the policies speak of, addresses, entities. */
import type { Labels } from '../labels.ts'
import { toLabels } from '../labels.ts'
import type {
  IpBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  PolicyEndpoint,
  PolicyPod,
} from '../policy/network-policy.ts'
import type { Edge, EdgeEnd, Traffic, TrafficClass } from '../traffic/traffic.ts'
import type { AddressCell, LearnedAddress } from './address-cells.ts'
import { blockHolds, blockKey, cutAddresses } from './address-cells.ts'
import type { Bits } from './bits.ts'
import { bitsOf } from './bits.ts'
import { isObserved } from './observed-outcomes.ts'
import { indexPods } from './pod-index.ts'
import type { NamedContainerPorts, PortNames } from './port-line.ts'
import { portName } from './port-line.ts'
import { namespaceNameLabel, standInsOf } from './stand-ins.ts'

/** One end of the comparison. */
export type UniverseEnd =
  | {
      readonly kind: 'pod'
      readonly name: string
      readonly pod: PolicyPod
      /** False for a pod that only the policies speak of. */
      readonly known: boolean
    }
  | { readonly kind: 'outside'; readonly cell: AddressCell }
  | { readonly kind: 'entity'; readonly name: string }

/** What is known of the cluster, beside the policies. */
export interface Surroundings {
  readonly traffic: Traffic
  /** Returns how a person would name a class. Default: `namespace/workload`. */
  readonly groupOf?: (classId: number) => string
  /** Returns the container ports of a class, or undefined where nobody knows them. Default: unknown. */
  readonly portsOf?: (classId: number) => NamedContainerPorts | undefined
  /** Returns the addresses of the pods of a class, which matter only with `ipBlockPods`. */
  readonly addressesOf?: (classId: number) => readonly string[]
  /** Let ipBlock match pods. Default: no. */
  readonly ipBlockPods?: boolean
}

/** The ends, and what policies and edges select of them. Ends are named by their position. */
export interface Universe {
  /** Pods first (those of the traffic at the position of their class), then outside cells, then entities. */
  readonly ends: readonly UniverseEnd[]
  readonly podCount: number
  /** Names of ports that rules use, for pods whose container ports nobody knows. */
  readonly portNames: PortNames
  /** Returns the ends that a peer of a policy in `namespace` matches, sorted; the same list for the same question. */
  readonly endsMatching: (namespace: string, peer: NetworkPolicyPeer) => readonly number[]
  /** Returns the ends that an end of an edge stands for; none for a pod whose labels nobody knows. */
  readonly endsOfEdge: (end: EdgeEnd) => readonly number[]
  /** Sources whose connections to the end can depend on a policy. */
  readonly sourcesOf: (end: number) => Bits
}

/** Entities that nodes always let in, or that are no part of the cluster's traffic: never a source that is compared. */
const neverSources: ReadonlySet<string> = new Set(['host'])

/** Returns the universe of some policies within what was seen; the order of the policies does not matter. */
export function createUniverse(
  policies: readonly NetworkPolicy[],
  surroundings: Surroundings,
): Universe {
  const { traffic } = surroundings
  const namespaces = namespaceLabels(traffic)
  const known = traffic.classes.map((record) => knownPod(record, namespaces, surroundings))
  const knownIndex = indexPods(known.map((end) => end.pod))
  const standIns = standInsOf(
    policies,
    namespaces,
    (namespace, peer) => knownIndex.matching(namespace, peer).length > 0,
  ).map(({ name, pod }): PodEnd => ({ kind: 'pod', name, pod, known: false }))
  const pods = [...known, ...standIns]
  const cut = cutAddresses(blocksOf(policies), learnedAddresses(traffic.edges))
  const outside = cut.cells.map((cell): UniverseEnd => ({ kind: 'outside', cell }))
  const entityNames = entitiesOf(traffic.edges)
  const entities = entityNames.map((name): UniverseEnd => ({ kind: 'entity', name }))
  const ends: readonly UniverseEnd[] = [...pods, ...outside, ...entities]
  const index = standIns.length === 0 ? knownIndex : indexPods(pods.map((end) => end.pod))
  const firstEntity = pods.length + outside.length
  const sources = allowedSources(ends, pods.length)
  const endsInBlock = rememberBlocks((block) => [
    ...podsInBlock(pods, block, surroundings.ipBlockPods ?? false),
    ...cut.cellsOfBlock(block).map((cell) => pods.length + cell),
  ])
  return {
    ends,
    podCount: pods.length,
    portNames: portNamesOf(policies),
    endsMatching: (namespace, peer) =>
      peer.ipBlock === undefined ? index.matching(namespace, peer) : endsInBlock(peer.ipBlock),
    endsOfEdge: (end) => {
      if (end.kind === 'class') return [end.class]
      if (end.kind === 'address') {
        return cut.cellsOfLearned(end.address).map((cell) => pods.length + cell)
      }
      const name = entityName(end)
      return name === undefined ? [] : [firstEntity + entityNames.indexOf(name)]
    },
    sourcesOf: (end) => (end < pods.length ? sources.toPods : sources.toOthers),
  }
}

/** Returns an end as the evaluator takes it; an outside cell by the address that stands for it. */
export function policyEndpoint(end: UniverseEnd): PolicyEndpoint {
  if (end.kind === 'pod') return end.pod
  return end.kind === 'outside'
    ? { kind: 'address', address: end.cell.witness }
    : { kind: 'entity', entity: end.name, labels: [end.name] }
}

type PodEnd = Extract<UniverseEnd, { kind: 'pod' }>

function namespaceLabels(traffic: Traffic): ReadonlyMap<string, Labels> {
  const names = new Set([
    ...Object.keys(traffic.namespaces),
    ...traffic.classes.map((record) => record.namespace),
  ])
  return new Map(
    [...names].map((name) => {
      const labels = Object.hasOwn(traffic.namespaces, name) ? traffic.namespaces[name] : undefined
      return [name, toLabels([...Object.entries(labels ?? {}), [namespaceNameLabel, name]])]
    }),
  )
}

function knownPod(
  record: TrafficClass,
  namespaces: ReadonlyMap<string, Labels>,
  { groupOf, portsOf, addressesOf }: Surroundings,
): PodEnd {
  const ports = portsOf?.(record.id)
  const addresses = addressesOf?.(record.id)
  return {
    kind: 'pod',
    name: groupOf?.(record.id) ?? workloadName(record),
    pod: {
      kind: 'pod',
      namespace: record.namespace,
      namespaceLabels: namespaces.get(record.namespace) ?? toLabels([]),
      labels: record.labels,
      ...(ports === undefined ? {} : { ports }),
      ...(addresses === undefined ? {} : { addresses }),
    },
    known: true,
  }
}

function workloadName({ namespace, workloads }: TrafficClass): string {
  const names = [...new Set(workloads.map((workload) => workload.name))].sort()
  return `${namespace}/${names.length === 0 ? 'unnamed' : names.join('+')}`
}

function blocksOf(policies: readonly NetworkPolicy[]): readonly IpBlock[] {
  return policies.flatMap(({ spec }) =>
    [
      ...(spec.ingress ?? []).flatMap((rule) => rule.from ?? []),
      ...(spec.egress ?? []).flatMap((rule) => rule.to ?? []),
    ].flatMap((peer) => peer.ipBlock ?? []),
  )
}

function portNamesOf(policies: readonly NetworkPolicy[]): PortNames {
  const names = policies.flatMap(({ spec }) =>
    [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap((rule) =>
      (rule.ports ?? []).flatMap(({ port, protocol = 'TCP' }) =>
        typeof port === 'string' ? portName(port, protocol) : [],
      ),
    ),
  )
  return [...new Set(names)].sort()
}

/** Addresses that were seen in the same edges need no cut between them. */
function learnedAddresses(edges: readonly Edge[]): readonly LearnedAddress[] {
  const keys = new Map<string, string[]>()
  const add = (end: EdgeEnd, other: EdgeEnd, rest: string): void => {
    if (end.kind !== 'address' || other.kind !== 'class') return
    const list = keys.get(end.address) ?? []
    list.push(`${rest} ${other.class}`)
    keys.set(end.address, list)
  }
  for (const { from, to, protocol, port } of edges.filter((edge) => isObserved(edge.outcome))) {
    add(from, to, `from ${port}/${protocol}`)
    add(to, from, `to ${port}/${protocol}`)
  }
  return [...keys].map(([address, list]) => ({ address, likeness: list.sort().join(',') }))
}

function entityName(end: EdgeEnd): string | undefined {
  if (end.kind === 'remote') return 'remote-cluster'
  return end.kind === 'entity' && end.entity !== 'health' ? end.entity : undefined
}

function entitiesOf(edges: readonly Edge[]): readonly string[] {
  const names = edges.flatMap(({ from, to }) => [entityName(from) ?? [], entityName(to) ?? []])
  return [...new Set(names.flat())].sort()
}

function allowedSources(
  ends: readonly UniverseEnd[],
  podCount: number,
): { readonly toPods: Bits; readonly toOthers: Bits } {
  const positions = [...ends.keys()]
  const isSource = (id: number): boolean => {
    const end = ends[id]
    return end?.kind !== 'entity' || !neverSources.has(end.name)
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
    const ends = answers.get(key) ?? answer(block)
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
