/** The map as text for other programs: Mermaid, DOT, JSON. */
import type { Section } from '../diff/policy-diff.ts'
import { escapeUnprintable } from '../policy/quote.ts'
import type { MapChange, MapEdge, ServiceMap } from './service-map.ts'
import { isPassing } from './service-map.ts'
import { escapeText } from './style.ts'

/** What the nodes of a graph are. */
export const graphLevels = ['workload', 'namespace', 'zone'] as const

/** One of {@link graphLevels}. */
export type GraphLevel = (typeof graphLevels)[number]

/** The graph as a document. */
export interface GraphDocument {
  readonly apiVersion: 'netweir/v1'
  readonly kind: 'Graph'
  readonly level: GraphLevel
  readonly nodes: readonly {
    /** Position in `nodes`. */
    readonly id: number
    readonly name: string
    /** The namespace that it stands in, where the level is `workload`. */
    readonly namespace?: string
    readonly zone?: string
  }[]
  readonly edges: readonly {
    readonly from: number
    readonly to: number
    /** `443/TCP`, sorted. */
    readonly ports: readonly string[]
    readonly flows: number
    /** True when it was seen to pass. */
    readonly passed: boolean
    /** Sections of the diff that speak of it. */
    readonly changes: readonly Section[]
  }[]
}

/** Ports that a label names. */
const maxPorts = 4

/** Returns the graph of a map: what passed, what was denied, and what a diff says, between nodes of one level. */
export function graphOf(map: ServiceMap, level: GraphLevel): GraphDocument {
  const names = map.nodes.map((node) => {
    if (level === 'workload') return node.name
    return level === 'namespace' ? node.namespace : (node.zone ?? 'unclassified')
  })
  const distinct = level === 'workload' ? names : [...new Set(names)].sort()
  const place = new Map(distinct.map((name, id) => [name, id]))
  const idOf = (node: number): number =>
    level === 'workload' ? node : (place.get(names[node] ?? '') ?? 0)
  const edges = new Map<string, GrowingEdge>()
  const at = (from: number, to: number, passed: boolean): GrowingEdge => {
    const key = `${String(idOf(from)).padStart(9, '0')} ${String(idOf(to)).padStart(9, '0')} ${passed}`
    const fresh = { from: idOf(from), to: idOf(to), passed, ports: new Set<string>(), flows: 0 }
    const edge = edges.get(key) ?? { ...fresh, changes: new Set<Section>() }
    edges.set(key, edge)
    return edge
  }
  for (const edge of map.edges) addEdge(at(edge.from, edge.to, isPassing(edge)), edge)
  for (const change of map.changes) addChange(at, change)
  return {
    apiVersion: 'netweir/v1',
    kind: 'Graph',
    level,
    nodes: distinct.map((name, id) => {
      const node = map.nodes[id]
      return {
        id,
        name,
        ...(level === 'workload' && node !== undefined
          ? {
              namespace: node.namespace,
              ...(node.zone === undefined ? {} : { zone: node.zone }),
            }
          : {}),
      }
    }),
    edges: [...edges.keys()].sort().flatMap((key) => {
      const edge = edges.get(key)
      if (edge === undefined || (level !== 'workload' && edge.from === edge.to)) return []
      const { from, to, ports, flows, passed, changes } = edge
      const list = [...ports].sort(comparePorts)
      return [{ from, to, ports: list, flows, passed, changes: [...changes].sort() }]
    }),
  }
}

interface GrowingEdge {
  readonly from: number
  readonly to: number
  readonly passed: boolean
  readonly ports: Set<string>
  flows: number
  readonly changes: Set<Section>
}

function addEdge(graph: GrowingEdge, edge: MapEdge): void {
  graph.ports.add(edge.port)
  graph.flows += edge.flows
}

/** What opens or closes without having been seen is an edge of its own. */
function addChange(
  at: (from: number, to: number, passed: boolean) => GrowingEdge,
  { from, to, section, ports }: MapChange,
): void {
  const wasSeen = section === 'breaks' || section === 'needed'
  const edge = at(from, to, wasSeen)
  edge.changes.add(section)
  for (const port of ports) edge.ports.add(port)
}

function comparePorts(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : a > b ? 1 : 0)
}

/** Returns the graph as its JSON document, indented by two, with a final newline. */
export function graphToJson(graph: GraphDocument): string {
  return `${escapeUnprintable(JSON.stringify(graph, undefined, 2))}\n`
}

const colors: Readonly<Record<Section, string>> = {
  breaks: '#c62828',
  isolation: '#6a1b9a',
  opens: '#e65100',
  needed: '#2e7d32',
  tightens: '#1565c0',
  future: '#616161',
}

type GraphEdge = GraphDocument['edges'][number]

function colorOf({ changes, passed }: GraphEdge): string | undefined {
  const order = ['breaks', 'opens', 'needed', 'tightens', 'isolation', 'future'] as const
  const section = order.find((one) => changes.includes(one))
  if (section !== undefined) return colors[section]
  return passed ? undefined : '#9e9e9e'
}

function labelOf({ ports, changes }: GraphEdge): string {
  const more = ports.length - maxPorts
  const shown = ports.slice(0, maxPorts).join(', ')
  const text = more > 0 ? `${shown} and ${more} more` : shown
  return changes.length === 0 ? text : `${changes.join(', ')}: ${text}`
}

/** Returns the graph as a Mermaid flowchart. Names are shown as they are and never act. */
export function graphToMermaid(graph: GraphDocument): string {
  const nodes = [...byNamespace(graph)].flatMap(([namespace, members]) =>
    mermaidNodes(namespace, members),
  )
  const edges = graph.edges.map((edge) => {
    const arrow = edge.passed ? '-->' : '-.->'
    return `  n${edge.from} ${arrow}|"${mermaidText(labelOf(edge))}"| n${edge.to}`
  })
  const styles = graph.edges.flatMap((edge, index) => {
    const color = colorOf(edge)
    return color === undefined ? [] : [`  linkStyle ${index} stroke:${color}`]
  })
  return `${['flowchart LR', ...nodes, ...edges, ...styles].join('\n')}\n`
}

function mermaidNodes(
  namespace: string | undefined,
  nodes: readonly GraphDocument['nodes'][number][],
): readonly string[] {
  if (namespace === undefined)
    return nodes.map(({ id, name }) => `  n${id}["${mermaidText(name)}"]`)
  const prefix = `${namespace}/`
  return [
    `  subgraph ns${nodes[0]?.id ?? 0}["${mermaidText(namespace)}"]`,
    ...nodes.map(({ id, name }) => {
      const short = name.startsWith(prefix) ? name.slice(prefix.length) : name
      return `    n${id}["${mermaidText(short)}"]`
    }),
    '  end',
  ]
}

/** Mermaid reads entities written with `#` and a semicolon, and HTML, so everything but plain text becomes one. */
function mermaidText(text: string): string {
  return escapeText(text).replace(
    /[^A-Za-z0-9 .,:/_+=(){}-]/gu,
    (character) => `#${character.codePointAt(0)};`,
  )
}

/** Returns the graph in the DOT language of Graphviz. */
export function graphToDot(graph: GraphDocument): string {
  const lines = ['digraph netweir {', '  rankdir=LR', '  node [shape=box, fontname="sans-serif"]']
  for (const [namespace, nodes] of byNamespace(graph)) {
    const isGroup = namespace !== undefined
    const indent = isGroup ? '    ' : '  '
    if (isGroup) {
      lines.push(`  subgraph cluster_${nodes[0]?.id ?? 0} {`, `    label=${dotText(namespace)}`)
    }
    for (const { id, name } of nodes) lines.push(`${indent}n${id} [label=${dotText(name)}]`)
    if (isGroup) lines.push('  }')
  }
  for (const edge of graph.edges) {
    const color = colorOf(edge)
    const attributes = [
      `label=${dotText(labelOf(edge))}`,
      ...(color === undefined ? [] : [`color="${color}"`]),
      ...(edge.passed ? [] : ['style=dashed']),
    ]
    lines.push(`  n${edge.from} -> n${edge.to} [${attributes.join(', ')}]`)
  }
  return `${[...lines, '}'].join('\n')}\n`
}

function dotText(text: string): string {
  return `"${escapeText(text).replace(/["\\]/g, (character) => `\\${character}`)}"`
}

function byNamespace(
  graph: GraphDocument,
): ReadonlyMap<string | undefined, readonly GraphDocument['nodes'][number][]> {
  const groups = new Map<string | undefined, GraphDocument['nodes'][number][]>()
  for (const node of graph.nodes) {
    const list = groups.get(node.namespace) ?? []
    groups.set(node.namespace, list)
    list.push(node)
  }
  return groups
}
