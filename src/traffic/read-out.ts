/** The communication set, read out: what needs the whole picture is decided here, and nothing is decided before. */
import type { Outcome } from '../flow/flow.ts'
import { entities, outcomes, protocols } from '../flow/flow.ts'
import type { Labels } from '../labels.ts'
import { labelTexts, namespaceNameLabel, splitLabel, toLabels } from '../labels.ts'
import { AddressNames } from './address-names.ts'
import type { Cell } from './cell-numbers.ts'
import type { ClassEntry } from './class-book.ts'
import { trafficClass } from './class-book.ts'
import type { CommunicationSet } from './communication-set.ts'
import { edgesOf } from './counted-edge.ts'
import type { Resolution } from './edge-resolution.ts'
import { resolveEdges } from './edge-resolution.ts'
import { compareAddressTexts, prefixOfText } from './end-order.ts'
import type { ResolvedEnd } from './end-resolver.ts'
import { evidenceOf } from './evidence.ts'
import type { ResolvedEdge } from './gathered-edge.ts'
import type { Inventory } from './inventory.ts'
import { ledgerWith } from './ledger.ts'
import { isLocal, localCluster } from './local-cluster.ts'
import { compareTextLists, compareTexts, sortedTexts } from './text-key.ts'
import { spanOf } from './timestamp.ts'
import type { Edge, EdgeEnd, ReadOutOptions, Traffic, TrafficClass } from './traffic.ts'

/**
 * Returns what a set says of the local cluster. An edge is one (end, end, protocol, port, outcome); records of one edge
 * that have different outcomes (some were denied) make several. The ledger counts every record once, also where the
 * address of a service stands for several backends and its evidence is that of several edges.
 * @throws {NetweirError} `CLUSTERS_MIXED` when records of several clusters stand in the set and none is asked for.
 */
export function readOut(set: CommunicationSet, options: ReadOutOptions = {}): Traffic {
  const cluster = localCluster(set, options.clusterName)
  const resolution = resolveEdges(set, edgesOf(set), cluster, options)
  const entries = resolution.book.sortedEntries()
  const classes = entries.map(trafficClass)
  const edges = spellEdges(resolution, entries, new AddressNames(set.names))
  const window = spanOf(set.window)
  return {
    cluster,
    window:
      window.firstMs > window.lastMs ? {} : { firstMs: window.firstMs, lastMs: window.lastMs },
    nodes: set.nodes.map(({ name }) => name),
    classes,
    edges,
    namespaces: namespacesOf(set, cluster, classes, options.inventory),
    ledger: ledgerWith(set, resolution.counts),
    lost: set.lost,
    folded: foldedOf(edges),
  }
}

function spellEdges(
  resolution: Resolution,
  entries: readonly ClassEntry[],
  names: AddressNames,
): readonly Edge[] {
  const ids = new Map(entries.map((entry, id) => [entry, id]))
  const edges = resolution.edges.flatMap((edge) => {
    const addresses = [...(edge.addresses ?? [])].sort(compareAddressTexts)
    const from = spellEnd(edge.from, { ids, addresses, names })
    const { protocol, port, tally } = edge
    // What the clients of this edge say comes before what somebody else looked up.
    const known = tally.names.length > 0 ? tally.names : names
    const to = spellEnd(edge.to, { ids, addresses, names: known })
    return cellsByOutcome(resolution, edge).map(([outcome, cells]) => ({
      from,
      to,
      protocol,
      port,
      outcome,
      evidence: evidenceOf(tally, cells),
    }))
  })
  return edges.sort(compareEdges)
}

function cellsByOutcome(
  resolution: Resolution,
  edge: ResolvedEdge,
): readonly (readonly [Outcome, readonly Cell[]])[] {
  const { cells } = edge.tally
  const [first] = cells
  if (first !== undefined && !edge.isDisputed) {
    return [[resolution.outcomeOf(edge, first), cells]]
  }
  const byOutcome = new Map<Outcome, Cell[]>()
  for (const cell of cells) {
    const outcome = resolution.outcomeOf(edge, cell)
    const known = byOutcome.get(outcome)
    if (known === undefined) byOutcome.set(outcome, [cell])
    else known.push(cell)
  }
  return [...byOutcome]
}

interface EndContext {
  readonly ids: ReadonlyMap<ClassEntry, number>
  readonly addresses: readonly string[]
  readonly names: AddressNames | readonly string[]
}

function spellEnd({ end }: ResolvedEnd, { ids, addresses, names }: EndContext): EdgeEnd {
  switch (end.kind) {
    case 'class':
      return { kind: 'class', class: ids.get(end.entry) ?? 0 }
    case 'address': {
      const { kind, address, labels } = end
      const own = names instanceof AddressNames ? names.of(address) : names
      return { kind, address, labels, names: own }
    }
    case 'entity': {
      const { kind, entity, labels } = end
      return { kind, entity, labels, addresses }
    }
    case 'unresolved':
      return { kind: 'unresolved', namespace: end.namespace, pod: end.pod }
    case 'remote':
      return end
  }
}

const endKinds: readonly EdgeEnd['kind'][] = ['class', 'address', 'entity', 'unresolved', 'remote']

function compareEdges(a: Edge, b: Edge): number {
  return (
    compareEnds(a.from, b.from) ||
    compareEnds(a.to, b.to) ||
    protocols.indexOf(a.protocol) - protocols.indexOf(b.protocol) ||
    a.port - b.port ||
    outcomes.indexOf(a.outcome) - outcomes.indexOf(b.outcome)
  )
}

function compareEnds(a: EdgeEnd, b: EdgeEnd): number {
  if (a.kind === 'class' && b.kind === 'class') return a.class - b.class
  if (a.kind === 'address' && b.kind === 'address') {
    return compareAddressTexts(a.address, b.address) || compareTextLists(a.labels, b.labels)
  }
  if (a.kind === 'entity' && b.kind === 'entity') {
    return (
      entities.indexOf(a.entity) - entities.indexOf(b.entity) ||
      compareTextLists(a.labels, b.labels)
    )
  }
  if (a.kind === 'unresolved' && b.kind === 'unresolved') {
    return compareTexts(a.namespace, b.namespace) || compareTexts(a.pod, b.pod)
  }
  if (a.kind === 'remote' && b.kind === 'remote') {
    return (
      compareTexts(a.cluster, b.cluster) ||
      compareTexts(a.namespace, b.namespace) ||
      compareTextLists(labelTexts(a.labels), labelTexts(b.labels))
    )
  }
  return endKinds.indexOf(a.kind) - endKinds.indexOf(b.kind)
}

function namespacesOf(
  set: CommunicationSet,
  cluster: string,
  classes: readonly TrafficClass[],
  inventory: Inventory | undefined,
): Readonly<Record<string, Labels>> {
  const labels = new Map<string, Map<string, string>>()
  for (const { namespace } of classes) labels.set(namespace, new Map())
  for (const seen of set.namespaces) {
    if (!isLocal(seen.cluster, cluster)) continue
    const known = labels.get(seen.name) ?? new Map<string, string>()
    for (const { label } of seen.labels) known.set(...mutable(splitLabel(label)))
    labels.set(seen.name, known)
  }
  for (const { name, labels: own } of inventory?.namespaces ?? []) {
    labels.set(name, new Map(Object.entries(own)))
  }
  const namespaces: Record<string, Labels> = Object.create(null)
  for (const name of sortedTexts(labels.keys())) {
    const known = labels.get(name) ?? new Map<string, string>()
    namespaces[name] = toLabels([...known, [namespaceNameLabel, name]])
  }
  return namespaces
}

function mutable([key, value]: readonly [string, string]): [string, string] {
  return [key, value]
}

function foldedOf(edges: readonly Edge[]): Traffic['folded'] {
  const folded = new Map<string, Traffic['folded'][number]>()
  for (const { from, to, protocol, port } of edges) {
    const isEgress = from.kind === 'class'
    const [local, outside] = isEgress ? [from, to] : [to, from]
    if (local.kind !== 'class' || outside.kind !== 'address' || port === 0) continue
    const prefix = outside.address.includes('/') ? prefixOfText(outside.address) : undefined
    if (prefix === undefined) continue
    const direction = isEgress ? 'egress' : 'ingress'
    const key = `${local.class} ${direction} ${protocol} ${port} ${prefix.width} ${prefix.length}`
    const prefixLength = prefix.length
    folded.set(key, { class: local.class, direction, protocol, port, prefixLength })
  }
  return [...folded.values()].sort(
    (a, b) =>
      a.class - b.class ||
      compareTexts(a.direction, b.direction) ||
      protocols.indexOf(a.protocol) - protocols.indexOf(b.protocol) ||
      a.port - b.port ||
      a.prefixLength - b.prefixLength,
  )
}
