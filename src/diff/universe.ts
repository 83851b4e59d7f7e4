/** What two policy sets are compared over, as the traffic shows it. */
import type { Labels } from '../labels.ts'
import { namespaceNameLabel, toLabels } from '../labels.ts'
import type { LearnedAddress } from '../policy/address-cells.ts'
import type { EvaluateOptions } from '../policy/evaluate.ts'
import type { KnownEntity } from '../policy/mixed-ends.ts'
import type { Policy, PolicyPod } from '../policy/network-policy.ts'
import type { NamedContainerPorts } from '../policy/port-line.ts'
import type { Universe } from '../policy/universe.ts'
import { layOutUniverse } from '../policy/universe.ts'
import { addressMarks, createEndTexts, identityLabels } from '../traffic/edge-ends.ts'
import { isObserved } from '../traffic/observed-outcomes.ts'
import type { Edge, EdgeEnd, Traffic, TrafficClass } from '../traffic/traffic.ts'

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

/** A universe whose first pods are the classes of a traffic, at their positions. */
export interface TrafficUniverse extends Universe {
  /** Returns the ends that an end of an edge stands for; none for a pod whose labels nobody knows. */
  readonly endsOfEdge: (end: EdgeEnd) => readonly number[]
}

/** Returns how the naive evaluator is to judge what these surroundings show. */
export function evaluateOptions({ traffic, ipBlockPods = false }: Surroundings): EvaluateOptions {
  return { ipBlockPods, cluster: traffic.cluster }
}

/**
 * Returns the universe of some policies within what was seen; the order of the policies does not matter. Pods that do
 * not exist yet are there in every kind that policies can tell apart, or as one for each selector that no pod meets.
 */
export function createUniverse(
  policies: readonly Policy[],
  surroundings: Surroundings,
  symbolic: 'novel' | 'stand-ins' = 'novel',
): TrafficUniverse {
  const { traffic } = surroundings
  const namespaces = namespaceLabels(traffic)
  const universe = layOutUniverse(policies, {
    pods: traffic.classes.map((record) => knownPod(record, namespaces, surroundings)),
    namespaces,
    learned: learnedAddresses(traffic.edges),
    entities: entitiesOf(traffic),
    cluster: traffic.cluster,
    ipBlockPods: surroundings.ipBlockPods ?? false,
    symbolic,
  })
  const alone = traffic.classes.map(({ id }) => [id])
  return {
    ...universe,
    endsOfEdge: (end) => {
      if (end.kind === 'class') return alone[end.class] ?? []
      if (end.kind === 'address') return universe.endsOfLearned(end.address)
      const entity = entityOf(end, '')
      const id = entity === undefined ? undefined : universe.endOfEntity(entity.name, entity.labels)
      return id === undefined ? [] : [id]
    },
  }
}

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
): { readonly name: string; readonly pod: PolicyPod } {
  const ports = portsOf?.(record.id)
  const addresses = addressesOf?.(record.id)
  return {
    name: groupOf?.(record.id) ?? workloadName(record),
    pod: {
      kind: 'pod',
      namespace: record.namespace,
      namespaceLabels: namespaces.get(record.namespace) ?? toLabels([]),
      labels: record.labels,
      ...(ports === undefined ? {} : { ports }),
      ...(addresses === undefined ? {} : { addresses }),
    },
  }
}

function workloadName({ namespace, workloads }: TrafficClass): string {
  const names = [...new Set(workloads.map((workload) => workload.name))].sort()
  return `${namespace}/${names.length === 0 ? 'unnamed' : names.join('+')}`
}

/** Addresses that were seen in the same edges need no cut between them. */
function learnedAddresses(edges: readonly Edge[]): readonly LearnedAddress[] {
  const keysOf = new Map<string, string[]>()
  const add = (end: EdgeEnd, other: EdgeEnd, rest: string): void => {
    if (end.kind !== 'address' || other.kind !== 'class') return
    const keys = keysOf.get(end.address) ?? []
    keys.push(`${rest} ${other.class}`)
    keysOf.set(end.address, keys)
  }
  const observed: EdgeEnd[] = []
  for (const { from, to, protocol, port, outcome } of edges) {
    // Most edges have no address at all, and need no text.
    const hasAddress = from.kind === 'address' || to.kind === 'address'
    if (!hasAddress || !isObserved(outcome)) continue
    observed.push(from, to)
    add(from, to, `from ${port}/${protocol}`)
    add(to, from, `to ${port}/${protocol}`)
  }
  const known = addressMarks(observed)
  return [...known].flatMap(([address, marks]) => {
    const keys = keysOf.get(address)
    return keys === undefined ? [] : [{ address, likeness: keys.sort().join(','), ...marks }]
  })
}

function entityOf(end: EdgeEnd, text: string): KnownEntity | undefined {
  if (end.kind === 'remote') {
    return { name: 'remote-cluster', labels: identityLabels(end), text }
  }
  return end.kind === 'entity' && end.entity !== 'health'
    ? { name: end.entity, labels: identityLabels(end) }
    : undefined
}

function entitiesOf(traffic: Traffic): readonly KnownEntity[] {
  const endText = createEndTexts(traffic)
  const found: KnownEntity[] = []
  const note = (end: EdgeEnd): void => {
    if (end.kind === 'class') return
    const entity = entityOf(end, end.kind === 'remote' ? endText(end) : '')
    if (entity !== undefined) found.push(entity)
  }
  for (const { from, to } of traffic.edges) {
    note(from)
    note(to)
  }
  return found
}
