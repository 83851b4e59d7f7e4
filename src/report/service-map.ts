/** Who talks to whom as a map: workloads and what is outside as nodes, ports with their evidence as edges. */
import type { AllowingRule, EdgeDecision } from '../diff/edge-decisions.ts'
import type { PolicyDiff, Section } from '../diff/policy-diff.ts'
import type { Outcome } from '../flow/flow.ts'
import type { WatchedGroup } from '../traffic/active-edges.ts'
import { isObserved } from '../traffic/observed-outcomes.ts'
import type { Edge, EdgeEnd, Evidence, Traffic } from '../traffic/traffic.ts'
import { clearTextOn } from '../traffic/zone-report.ts'
import { impliedZones } from '../traffic/zones.ts'

/** Addresses and uuids that an edge or a node names. */
const maxExamples = 3

/** Where ends without a namespace stand: no namespace can be called so. */
const places = { outside: '(outside)', platform: '(platform)' } as const

/** One end of edges on the map. */
export interface MapNode {
  /** Position in {@link ServiceMap.nodes}. */
  readonly id: number
  readonly kind: 'workload' | 'addresses' | 'entity' | 'unresolved' | 'remote'
  /** `namespace/workload`, a DNS name, an entity. */
  readonly name: string
  /** The namespace of a workload; one of {@link places} for what has none. */
  readonly namespace: string
  readonly zone?: string
  readonly pods: number
  /** Addresses of a node outside: the first ones, and how many there are. */
  readonly addresses?: { readonly count: number; readonly first: readonly string[] }
}

/** What was seen between two nodes on one port, with one outcome. */
export interface MapEdge {
  readonly from: number
  readonly to: number
  /** `443/TCP` */
  readonly port: string
  readonly outcome: Outcome
  /** What the policies in force would make of it; absent for what they have no say in, or where none were given. */
  readonly decision?: EdgeDecision['decision']
  readonly allowedBy?: readonly AllowingRule[]
  readonly deniedBy?: readonly string[]
  readonly flows: number
  readonly records: number
  /** RFC 3339. */
  readonly first?: string
  readonly last?: string
  /** Blocks of five minutes in which it was active; the sum over the edges that it is made of. */
  readonly blocks: number
  readonly samples: readonly string[]
  readonly clearText?: string
  readonly encrypted?: number
  readonly authenticated?: number
}

/** A difference in meaning between two nodes of the map. */
export interface MapChange {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly section: Section
  readonly ports: readonly string[]
}

/** The map. */
export interface ServiceMap {
  readonly nodes: readonly MapNode[]
  readonly edges: readonly MapEdge[]
  readonly changes: readonly MapChange[]
}

/** What the map is drawn of. */
export interface MapInput {
  readonly traffic: Traffic
  readonly groups: readonly WatchedGroup[]
  /** Default: no zones. */
  readonly zoneOf?: (end: EdgeEnd) => string
  readonly decisions?: ReadonlyMap<Edge, EdgeDecision>
  readonly diff?: PolicyDiff
}

/** Returns the map; nodes and edges are sorted by name, and it depends on no order. */
export function serviceMapOf(input: MapInput): ServiceMap {
  const drawing = new Drawing(input)
  for (const edge of input.traffic.edges) drawing.add(edge)
  return drawing.finish()
}

/** Tells whether an edge was seen to pass. */
export function isPassing({ outcome }: Pick<MapEdge, 'outcome'>): boolean {
  return isObserved(outcome)
}

interface GrowingNode extends Omit<MapNode, 'id' | 'addresses'> {
  readonly addresses: Set<string>
}

interface GrowingEdge {
  readonly from: string
  readonly to: string
  readonly port: string
  readonly outcome: Outcome
  flows: number
  records: number
  firstMs: number
  lastMs: number
  blocks: number
  encrypted: number
  authenticated: number
  readonly samples: Set<string>
  readonly decisions: Set<EdgeDecision['decision']>
  readonly allowedBy: Map<string, AllowingRule>
  readonly deniedBy: Set<string>
}

class Drawing {
  readonly #input: MapInput
  readonly #groupOf = new Map<number, WatchedGroup>()
  readonly #nodes = new Map<string, GrowingNode>()
  readonly #edges = new Map<string, GrowingEdge>()

  constructor(input: MapInput) {
    this.#input = input
    for (const group of input.groups) {
      for (const id of group.classes) this.#groupOf.set(id, group)
      this.#addGroup(group)
    }
  }

  add(edge: Edge): void {
    const from = this.#nodeOf(edge.from)
    const to = this.#nodeOf(edge.to)
    const port = `${edge.port}/${edge.protocol}`
    const key = JSON.stringify([from, to, port, edge.outcome])
    const known = this.#edges.get(key) ?? growing(from, to, port, edge.outcome)
    this.#edges.set(key, known)
    addEvidence(known, edge.evidence)
    const decision = this.#input.decisions?.get(edge)
    if (decision === undefined) return
    known.decisions.add(decision.decision)
    for (const rule of decision.allowedBy) known.allowedBy.set(JSON.stringify(rule), rule)
    for (const policy of decision.deniedBy) known.deniedBy.add(policy)
  }

  finish(): ServiceMap {
    const keys = [...this.#nodes.keys()].sort()
    const ids = new Map(keys.map((key, id) => [key, id]))
    const nodes = keys.flatMap((key, id): readonly MapNode[] => {
      const node = this.#nodes.get(key)
      return node === undefined ? [] : [finishNode(node, id)]
    })
    const edges = [...this.#edges.keys()].sort().flatMap((key): readonly MapEdge[] => {
      const edge = this.#edges.get(key)
      return edge === undefined ? [] : [finishEdge(edge, ids)]
    })
    return { nodes, edges, changes: changesOf(this.#input.diff, nodes) }
  }

  #addGroup({ name, namespace, classes }: WatchedGroup): void {
    const { traffic, zoneOf } = this.#input
    const known = classes.flatMap((id) => traffic.classes[id] ?? [])
    const pods = known.reduce((sum, { pods: own }) => sum + own.length, 0)
    const zones = [
      ...new Set(
        zoneOf === undefined ? [] : classes.map((id) => zoneOf({ kind: 'class', class: id })),
      ),
    ].sort()
    this.#nodes.set(workloadKey(name), {
      kind: 'workload',
      name,
      namespace,
      ...(zones.length === 0 ? {} : { zone: zones.join('+') }),
      pods,
      addresses: new Set(),
    })
  }

  #nodeOf(end: EdgeEnd): string {
    if (end.kind === 'class') {
      const group = this.#groupOf.get(end.class)
      if (group !== undefined) return workloadKey(group.name)
    }
    const zone = this.#input.zoneOf?.(end)
    const node = strangerOf(end, zone)
    // One DNS name may stand for addresses of several zones.
    const key = `1 ${node.kind} ${node.name}${zone === undefined ? '' : ` ${zone}`}`
    const known = this.#nodes.get(key)
    if (known === undefined) this.#nodes.set(key, node)
    if (end.kind === 'address') (known ?? node).addresses.add(end.address)
    if (end.kind === 'entity') for (const one of end.addresses) (known ?? node).addresses.add(one)
    return key
  }
}

/** Workloads come before everything else. */
function workloadKey(name: string): string {
  return `0 ${name}`
}

/** Addresses are one node by their DNS name, and the rest one for each zone: a map of every visitor shows nothing. */
function strangerOf(end: EdgeEnd, zone: string | undefined): GrowingNode {
  const base = { pods: 0, addresses: new Set<string>(), ...(zone === undefined ? {} : { zone }) }
  switch (end.kind) {
    case 'address': {
      const [name] = end.names
      const label = end.labels.length > 0 ? ` (${end.labels.join(', ')})` : ''
      const plain = zone === undefined || zone === impliedZones.outside ? 'addresses' : zone
      return {
        ...base,
        kind: 'addresses',
        name: `${name ?? `${plain} outside`}${label}`,
        namespace: places.outside,
      }
    }
    case 'entity':
      return { ...base, kind: 'entity', name: end.entity, namespace: places.platform }
    case 'unresolved':
      return {
        ...base,
        kind: 'unresolved',
        name: `${end.namespace}/${end.pod} (labels unknown)`,
        namespace: end.namespace,
        pods: 1,
      }
    case 'remote':
      return {
        ...base,
        kind: 'remote',
        name: `${end.cluster}: ${end.namespace}`,
        namespace: places.outside,
      }
    case 'class':
      return { ...base, kind: 'unresolved', name: `class ${end.class}`, namespace: places.platform }
  }
}

function growing(from: string, to: string, port: string, outcome: Outcome): GrowingEdge {
  return {
    from,
    to,
    port,
    outcome,
    flows: 0,
    records: 0,
    firstMs: Infinity,
    lastMs: -Infinity,
    blocks: 0,
    encrypted: 0,
    authenticated: 0,
    samples: new Set(),
    decisions: new Set(),
    allowedBy: new Map(),
    deniedBy: new Set(),
  }
}

function addEvidence(edge: GrowingEdge, evidence: Evidence): void {
  edge.flows += evidence.flows
  edge.records += evidence.records
  edge.firstMs = Math.min(edge.firstMs, evidence.firstMs ?? Infinity)
  edge.lastMs = Math.max(edge.lastMs, evidence.lastMs ?? -Infinity)
  edge.blocks += evidence.blocks.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  edge.encrypted += evidence.encrypted ?? 0
  edge.authenticated += evidence.authenticated ?? 0
  for (const sample of evidence.samples) edge.samples.add(sample)
}

function finishNode({ addresses, ...node }: GrowingNode, id: number): MapNode {
  const sorted = [...addresses].sort()
  return {
    id,
    ...node,
    ...(sorted.length === 0
      ? {}
      : { addresses: { count: sorted.length, first: sorted.slice(0, maxExamples) } }),
  }
}

/** The worst of several decisions stands for all: an edge is allowed when all that it is made of is. */
const decisionOrder = ['denied', 'unjudged', 'allowed'] as const

function finishEdge(edge: GrowingEdge, ids: ReadonlyMap<string, number>): MapEdge {
  const { port, outcome, flows, records, firstMs, lastMs, blocks } = edge
  const decision = decisionOrder.find((one) => edge.decisions.has(one))
  const clearText = clearTextOn(port)
  return {
    from: ids.get(edge.from) ?? 0,
    to: ids.get(edge.to) ?? 0,
    port,
    outcome,
    ...(decision === undefined ? {} : { decision }),
    ...(edge.allowedBy.size === 0
      ? {}
      : {
          allowedBy: [...edge.allowedBy.keys()]
            .sort()
            .flatMap((key) => edge.allowedBy.get(key) ?? []),
        }),
    ...(edge.deniedBy.size === 0 ? {} : { deniedBy: [...edge.deniedBy].sort() }),
    flows,
    records,
    ...(firstMs > lastMs
      ? {}
      : { first: new Date(firstMs).toISOString(), last: new Date(lastMs).toISOString() }),
    blocks,
    samples: [...edge.samples].sort().slice(0, maxExamples),
    ...(clearText === undefined ? {} : { clearText }),
    ...(edge.encrypted === 0 ? {} : { encrypted: edge.encrypted }),
    ...(edge.authenticated === 0 ? {} : { authenticated: edge.authenticated }),
  }
}

/** Changes between ends that the map does not show (prefixes, pods to come) are those of the diff alone. */
function changesOf(diff: PolicyDiff | undefined, nodes: readonly MapNode[]): readonly MapChange[] {
  const byName = new Map<string, number>()
  for (const { id, name, addresses } of nodes) {
    byName.set(name, id)
    for (const address of addresses?.first ?? []) if (!byName.has(address)) byName.set(address, id)
  }
  return (diff?.changes ?? []).flatMap(({ id, from, to, section, ports }) => {
    if (section === 'isolation' || section === 'future') return []
    const ends = [byName.get(from), byName.get(to)] as const
    const [source, target] = ends
    if (source === undefined || target === undefined) return []
    return [{ id, from: source, to: target, section, ports }]
  })
}
