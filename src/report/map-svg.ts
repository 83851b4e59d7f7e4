/** The map as SVG that needs no script to be seen. */
import type { ZonePair } from '../traffic/zone-report.ts'
import type { GraphDocument } from './graph-text.ts'
import { html } from './html.ts'
import type { Drawing, MapLayout, Overview, Place } from './map-layout.ts'
import { maxNameLength } from './map-layout.ts'
import type { MapChange, MapEdge, MapNode, ServiceMap } from './service-map.ts'
import { isPassing } from './service-map.ts'
import { formatCount } from './style.ts'

/** What a line between two ends is; the first that applies. */
export type LineState =
  | 'breaks'
  | 'opens'
  | 'needed'
  | 'tightens'
  | 'denied'
  | 'unapproved'
  | 'dropped'
  | 'unjudged'
  | 'allowed'

/** All that goes from one end to another, as one line. */
export interface MapPair {
  readonly from: number
  readonly to: number
  readonly state: LineState
  /** Positions in the edges and the changes of the map. */
  readonly edges: readonly number[]
  readonly changes: readonly number[]
}

/** Lines beyond this are drawn by the script, and only those that were asked for. */
export const maxStaticLines = 1500

/** Returns the lines of a map, in the order of their ends. */
export function pairsOf(map: ServiceMap): readonly MapPair[] {
  const pairs = new Map<string, { edges: number[]; changes: number[] }>()
  const at = (from: number, to: number): { edges: number[]; changes: number[] } => {
    const key = `${from} ${to}`
    const pair = pairs.get(key) ?? { edges: [], changes: [] }
    pairs.set(key, pair)
    return pair
  }
  for (const [index, { from, to }] of map.edges.entries()) at(from, to).edges.push(index)
  for (const [index, { from, to }] of map.changes.entries()) at(from, to).changes.push(index)
  return [...pairs]
    .map(([key, { edges, changes }]) => {
      const [from = 0, to = 0] = key.split(' ').map(Number)
      const state = stateOf(
        edges.flatMap((index) => map.edges[index] ?? []),
        changes.flatMap((index) => map.changes[index] ?? []),
      )
      return { from, to, state, edges, changes }
    })
    .sort((a, b) => a.from - b.from || a.to - b.to)
}

function stateOf(edges: readonly MapEdge[], changes: readonly MapChange[]): LineState {
  const sections = ['breaks', 'opens', 'needed', 'tightens'] as const
  const section = sections.find((one) => changes.some((change) => change.section === one))
  if (section !== undefined) return section
  const passing = edges.filter(isPassing)
  if (passing.some(({ decision }) => decision === 'denied')) return 'denied'
  if (passing.length === 0) return 'dropped'
  return passing.some(({ decision }) => decision === 'unjudged') ? 'unjudged' : 'allowed'
}

/** Returns the path of each pair, by position. */
export function pathsOf(pairs: readonly MapPair[], drawing: Drawing): readonly string[] {
  return pairs.map(({ from, to }) => linePath(drawing.nodes[from], drawing.nodes[to]))
}

/**
 * Returns the drawings, one group each; the second and third are hidden until they are asked for. Lines between zones say
 * where something crosses that nobody approved.
 */
export function mapSvg(
  map: ServiceMap,
  layout: MapLayout,
  pairs: readonly MapPair[],
  zonePairs: readonly ZonePair[],
): string {
  const isLarge = pairs.length > maxStaticLines
  const views = [
    workloadView(map, layout.workloads, pairs, isLarge),
    overview('namespaces', layout.namespaces, !isLarge, overviewState),
    ...(layout.zones === undefined
      ? []
      : [overview('zones', layout.zones, true, zoneStates(layout.zones, zonePairs))]),
  ]
  const { width, height } = isLarge ? layout.namespaces.drawing : layout.workloads
  return [
    `<svg id="map" viewBox="${viewBox(width, height)}" tabindex="0" role="group" aria-label="service map">`,
    `<defs>${['line', ...lineStates].map(marker).join('')}</defs>`,
    ...views,
    '</svg>',
  ].join('\n')
}

const lineStates: readonly LineState[] = [
  'breaks',
  'opens',
  'needed',
  'tightens',
  'denied',
  'unapproved',
  'dropped',
  'unjudged',
  'allowed',
]

function marker(name: string): string {
  return `<marker id="arrow-${name}" class="arrow ${name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker>`
}

/** Few boxes are not blown up: the frame has a least size, and what is in it stands in its middle. */
function viewBox(width: number, height: number): string {
  const [wide, high] = [Math.max(Math.ceil(width) + 40, 860), Math.max(Math.ceil(height) + 40, 560)]
  return `${-Math.round((wide - width) / 2)} ${-Math.round((high - height) / 2)} ${wide} ${high}`
}

function workloadView(
  map: ServiceMap,
  drawing: Drawing,
  pairs: readonly MapPair[],
  isLarge: boolean,
): string {
  const boxes = drawing.boxes.map((box) => {
    const zone = box.zone === undefined ? '' : ` · ${box.zone}`
    return `<g class="box" data-namespace="${html(box.name)}">${rect(box, 6)}<text x="${box.x + 12}" y="${box.y + 20}">${html(shortened(box.name))}<tspan class="zone">${html(zone)}</tspan></text></g>`
  })
  const paths = isLarge ? [] : pathsOf(pairs, drawing)
  const lines = paths.map((path, index) => {
    const pair = pairs[index]
    if (pair === undefined) return ''
    const names = `${map.nodes[pair.from]?.name} to ${map.nodes[pair.to]?.name}`
    return `<g class="line ${pair.state}" data-pair="${index}" tabindex="0" role="button" aria-label="${html(names)}"><path class="hit" d="${path}"/><path d="${path}" marker-end="url(#arrow-${pair.state})"/></g>`
  })
  const nodes = map.nodes.map((node) => nodeSvg(node, drawing.nodes[node.id]))
  return [
    `<g id="view-workloads" class="view${isLarge ? ' off' : ''}" data-box="${viewBox(drawing.width, drawing.height)}">`,
    ...boxes,
    '<g id="lines">',
    ...lines,
    '</g>',
    ...nodes,
    '</g>',
  ].join('\n')
}

function nodeSvg(node: MapNode, place: Place | undefined): string {
  if (place === undefined) return ''
  const { id, kind, name, namespace } = node
  const prefix = `${namespace}/`
  const short = name.startsWith(prefix) ? name.slice(prefix.length) : name
  return `<g class="node ${kind}" data-node="${id}" tabindex="0" role="button" aria-label="${html(name)}">${rect(place, kind === 'workload' ? 5 : 14)}<text x="${place.x + place.width / 2}" y="${place.y + place.height / 2 + 4.5}">${html(shortened(short))}</text><title>${html(name)}</title></g>`
}

type OverviewEdge = GraphDocument['edges'][number]

function overview(
  view: string,
  { graph, drawing, sizes }: Overview,
  isHidden: boolean,
  stateOf: (edge: OverviewEdge) => LineState,
): string {
  const lines = graph.edges.map((edge) => {
    const state = stateOf(edge)
    const path = linePath(drawing.nodes[edge.from], drawing.nodes[edge.to])
    const title = `${graph.nodes[edge.from]?.name} to ${graph.nodes[edge.to]?.name}: ${edge.ports.slice(0, 8).join(', ')}${edge.ports.length > 8 ? ', ...' : ''}`
    return `<g class="line ${state}"><path class="hit" d="${path}"/><path d="${path}" marker-end="url(#arrow-${state})"/><title>${html(title)}</title></g>`
  })
  const nodes = graph.nodes.map(({ id, name }) => {
    const place = drawing.nodes[id]
    if (place === undefined) return ''
    const count = sizes[id] ?? 0
    const below = count === 0 ? '' : `${formatCount(count)} workload${count === 1 ? '' : 's'}`
    const middle = place.x + place.width / 2
    return `<g class="node group" data-open="${html(name)}" tabindex="0" role="button" aria-label="${html(`${name}, ${below}`)}">${rect(place, 8)}<text x="${middle}" y="${place.y + (below === '' ? 28 : 20)}">${html(shortened(name))}</text><text class="count" x="${middle}" y="${place.y + 36}">${html(below)}</text><title>${html(name)}</title></g>`
  })
  return [
    `<g id="view-${view}" class="view${isHidden ? ' off' : ''}" data-box="${viewBox(drawing.width, drawing.height)}">`,
    ...lines,
    ...nodes,
    '</g>',
  ].join('\n')
}

function overviewState({ changes, passed }: OverviewEdge): LineState {
  const section = (['breaks', 'opens', 'needed', 'tightens'] as const).find((one) =>
    changes.includes(one),
  )
  return section ?? (passed ? 'allowed' : 'dropped')
}

/** What nobody approved comes before what changes: it is what the zones are looked at for. */
function zoneStates(
  { graph }: Overview,
  zonePairs: readonly ZonePair[],
): (edge: OverviewEdge) => LineState {
  const open = new Set(
    zonePairs.filter(({ unapproved }) => unapproved > 0).map(({ from, to }) => pairKey(from, to)),
  )
  const name = (id: number): string => graph.nodes[id]?.name ?? ''
  return (edge) =>
    open.has(pairKey(name(edge.from), name(edge.to))) ? 'unapproved' : overviewState(edge)
}

function pairKey(from: string, to: string): string {
  return JSON.stringify([from, to])
}

function rect({ x, y, width, height }: Place, radius: number): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>`
}

function shortened(name: string): string {
  const characters = [...name]
  return characters.length <= maxNameLength
    ? name
    : `${characters.slice(0, maxNameLength - 1).join('')}…`
}

/** Returns a curve from the border of one place to that of another; a loop where they are the same. */
export function linePath(from: Place | undefined, to: Place | undefined): string {
  if (from === undefined || to === undefined) return ''
  if (from === to) {
    const [x, y] = [from.x + from.width, from.y + from.height / 2]
    return `M${r(x)} ${r(y - 6)}c26 -14 26 26 1 12`
  }
  const [ax, ay] = [from.x + from.width / 2, from.y + from.height / 2]
  const [bx, by] = [to.x + to.width / 2, to.y + to.height / 2]
  const isAcross = Math.abs(bx - ax) > (from.width + to.width) / 2 + 8
  if (isAcross) {
    const sign = bx > ax ? 1 : -1
    const [x1, x2] = [ax + (sign * from.width) / 2, bx - sign * (to.width / 2 + 1)]
    const bend = Math.max(16, Math.abs(x2 - x1) / 2) * sign
    return `M${r(x1)} ${r(ay)}C${r(x1 + bend)} ${r(ay)} ${r(x2 - bend)} ${r(by)} ${r(x2)} ${r(by)}`
  }
  const sign = by > ay ? 1 : -1
  const [y1, y2] = [ay + (sign * from.height) / 2, by - sign * (to.height / 2 + 1)]
  const bend = Math.max(14, Math.abs(y2 - y1) / 2) * sign
  return `M${r(ax)} ${r(y1)}C${r(ax)} ${r(y1 + bend)} ${r(bx)} ${r(y2 - bend)} ${r(bx)} ${r(y2)}`
}

function r(value: number): number {
  return Math.round(value * 10) / 10
}
