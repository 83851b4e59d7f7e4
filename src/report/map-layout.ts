/** Where everything of a map stands: namespaces as boxes, workloads in them, and two overviews. Made once, so that the page needs no layout. */
import type { GraphDocument } from './graph-text.ts'
import { graphOf } from './graph-text.ts'
import type { MapNode, ServiceMap } from './service-map.ts'

/** A rectangle, its corner at the top left, in units of the drawing. */
export interface Place {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** One drawing. */
export interface Drawing {
  readonly width: number
  readonly height: number
  /** Boxes around nodes; empty in an overview. */
  readonly boxes: readonly (Place & { readonly name: string; readonly zone?: string })[]
  /** By position in the nodes of what is drawn. */
  readonly nodes: readonly Place[]
}

/** An overview: the drawing of a graph of namespaces or zones. */
export interface Overview {
  readonly graph: GraphDocument
  readonly drawing: Drawing
  /** Workloads in each node. */
  readonly sizes: readonly number[]
}

/** All drawings of a report. */
export interface MapLayout {
  readonly workloads: Drawing
  readonly namespaces: Overview
  readonly zones?: Overview
}

/** Beyond this many links, or links per node, layers take long and show nothing: rows are read more easily. */
const maxLayeredLinks = 300
const maxLinksPerNode = 2.2

/** So few links are drawn in layers, however dense they are. */
const maxSmallLinks = 40

/** Layers that are wider than this many times their height do not fit a page. */
const maxAspect = 2

const gap = 14
const rowHeight = 28
const title = 30

/**
 * Returns the layout of a map. Layers are found by dagre, whose result depends on its input alone; what is too large for
 * it, and what is connected to nothing, stands in rows.
 */
export async function layOutMap(map: ServiceMap): Promise<MapLayout> {
  const layers = await loadLayers()
  const hasZones = map.nodes.some(({ zone }) => zone !== undefined)
  return {
    workloads: workloadDrawing(map, layers),
    namespaces: overviewOf(map, 'namespace', layers),
    ...(hasZones ? { zones: overviewOf(map, 'zone', layers) } : {}),
  }
}

interface Size {
  readonly width: number
  readonly height: number
}

interface Link {
  readonly from: number
  readonly to: number
  readonly weight: number
}

/** Returns places for rectangles that are linked, from left to right; the corner of the whole is at 0, 0. */
type Layers = (sizes: readonly Size[], links: readonly Link[], spread: number) => readonly Place[]

async function loadLayers(): Promise<Layers> {
  const { Graph, layout } = await import('@dagrejs/dagre')
  return (sizes, links, spread) => {
    const graph = new Graph()
    graph.setGraph({
      rankdir: 'LR',
      nodesep: spread,
      edgesep: spread / 2,
      ranksep: spread * 3,
      ranker: 'tight-tree',
    })
    graph.setDefaultEdgeLabel(() => ({}))
    for (const [id, size] of sizes.entries()) graph.setNode(String(id), { ...size })
    for (const { from, to, weight } of links) graph.setEdge(String(from), String(to), { weight })
    layout(graph)
    const places = sizes.map((size, id): Place => {
      const { x, y } = graph.node(String(id)) ?? { x: 0, y: 0 }
      return { x: x - size.width / 2, y: y - size.height / 2, ...size }
    })
    return normalised(places)
  }
}

function overviewOf(map: ServiceMap, level: 'namespace' | 'zone', layers: Layers): Overview {
  const graph = graphOf(map, level)
  const sizes = graph.nodes.map(
    ({ name }) =>
      map.nodes.filter(
        (node) =>
          node.kind === 'workload' &&
          (level === 'namespace' ? node.namespace : (node.zone ?? 'unclassified')) === name,
      ).length,
  )
  const rectangles = graph.nodes.map(({ name }) => ({ width: textWidth(name) + 50, height: 46 }))
  const places = arrange(rectangles, linksOf(graph.edges), layers, 64)
  return { graph, drawing: drawingOf(places, []), sizes }
}

function workloadDrawing(map: ServiceMap, layers: Layers): Drawing {
  const namespaces = [...new Set(map.nodes.map(({ namespace }) => namespace))].sort()
  const boxes = namespaces.map((namespace) => boxOf(map, namespace, layers))
  const boxOfNode = new Map(
    boxes.flatMap(({ members }, id) => members.map((node) => [node.id, id] as const)),
  )
  const links = linksOf(
    map.edges.map(({ from, to }) => ({
      from: boxOfNode.get(from) ?? 0,
      to: boxOfNode.get(to) ?? 0,
    })),
  )
  const places = arrange(boxes, links, layers, 40)
  const nodes: Place[] = []
  for (const [id, box] of boxes.entries()) {
    const { x, y } = places[id] ?? { x: 0, y: 0 }
    for (const [index, node] of box.members.entries()) {
      const place = box.places[index]
      if (place !== undefined) nodes[node.id] = { ...place, x: place.x + x, y: place.y + y }
    }
  }
  const named = places.map((place, id) => {
    const { name, zone } = boxes[id] ?? { name: '', zone: undefined }
    return { ...place, name, ...(zone === undefined ? {} : { zone }) }
  })
  return { ...drawingOf(places, named), nodes }
}

interface Box extends Size {
  readonly name: string
  readonly zone: string | undefined
  readonly members: readonly MapNode[]
  /** By position in `members`, from the corner of the box. */
  readonly places: readonly Place[]
}

function boxOf(map: ServiceMap, namespace: string, layers: Layers): Box {
  const members = map.nodes.filter((node) => node.namespace === namespace)
  const index = new Map(members.map(({ id }, at) => [id, at]))
  const links = linksOf(
    map.edges.flatMap(({ from, to }) => {
      const [source, target] = [index.get(from), index.get(to)]
      return source === undefined || target === undefined ? [] : [{ from: source, to: target }]
    }),
  )
  const prefix = `${namespace}/`
  const sizes = members.map(({ name }) => ({
    width: textWidth(name.startsWith(prefix) ? name.slice(prefix.length) : name) + 22,
    height: rowHeight,
  }))
  const inner = arrange(sizes, links, layers, gap)
  const places = inner.map((place) => ({
    ...place,
    x: place.x + gap,
    y: place.y + title + gap / 2,
  }))
  const zones = [...new Set(members.map(({ zone }) => zone))]
  return {
    name: namespace,
    zone: zones.length === 1 ? zones[0] : undefined,
    members,
    places,
    width: Math.max(
      extent(places, 'x', 'width') + gap,
      textWidth(`${namespace} · ${zones.length === 1 ? (zones[0] ?? '') : ''}`) * 1.12 + 20,
    ),
    height: extent(places, 'y', 'height') + gap,
  }
}

/** What is linked stands in layers, the rest in rows below. */
function arrange(
  sizes: readonly Size[],
  links: readonly Link[],
  layers: Layers,
  spread: number,
): readonly Place[] {
  const linked = new Set(links.flatMap(({ from, to }) => [from, to]))
  const isDense =
    links.length > maxLayeredLinks ||
    links.length > Math.max(maxSmallLinks, maxLinksPerNode * linked.size)
  const ids = [...sizes.keys()]
  const sizeOf = (id: number): Size => sizes[id] ?? { width: 0, height: 0 }
  const candidates = isDense ? [] : ids.filter((id) => linked.has(id))
  const at = new Map(candidates.map((id, index) => [id, index]))
  const found =
    candidates.length === 0
      ? []
      : layers(
          candidates.map(sizeOf),
          links.map(({ from, to, weight }) => ({
            from: at.get(from) ?? 0,
            to: at.get(to) ?? 0,
            weight,
          })),
          spread,
        )
  const isPicture =
    extent(found, 'x', 'width') <= Math.max(700, maxAspect * extent(found, 'y', 'height'))
  const upper = isPicture ? found : []
  const layered = isPicture ? candidates : []
  // What does not fit in layers stands in rows in the order of its layers, so that lines stay short.
  const rank = (id: number): number => found[at.get(id) ?? -1]?.x ?? Infinity
  const rest = ids
    .filter((id) => !(isPicture && at.has(id)))
    .sort((a, b) => (rank(a) === rank(b) ? a - b : rank(a) - rank(b)))
  const top = upper.length === 0 ? 0 : extent(upper, 'y', 'height') + spread
  const lower = rows(rest.map(sizeOf), Math.max(extent(upper, 'x', 'width'), 0), spread)
  const places: Place[] = []
  for (const [index, id] of layered.entries()) {
    const place = upper[index]
    if (place !== undefined) places[id] = place
  }
  for (const [index, id] of rest.entries()) {
    const place = lower[index]
    if (place !== undefined) places[id] = { ...place, y: place.y + top }
  }
  return places
}

/** Returns places in rows that make a rectangle a little wider than high, or as wide as what stands above. */
function rows(sizes: readonly Size[], least: number, spread: number): readonly Place[] {
  const area = sizes.reduce(
    (sum, { width, height }) => sum + (width + spread) * (height + spread),
    0,
  )
  const width = Math.max(least, Math.sqrt(area) * 1.3)
  const places: Place[] = []
  let [x, y, tallest] = [0, 0, 0]
  for (const size of sizes) {
    if (x > 0 && x + size.width > width) {
      y += tallest + spread
      x = 0
      tallest = 0
    }
    places.push({ x, y, ...size })
    x += size.width + spread
    tallest = Math.max(tallest, size.height)
  }
  return places
}

/** Links between different ends, each once, in order; how many there are makes them heavy. */
function linksOf(
  edges: readonly { readonly from: number; readonly to: number }[],
): readonly Link[] {
  const counts = new Map<string, { from: number; to: number; weight: number }>()
  for (const { from, to } of edges) {
    if (from === to) continue
    const key = `${from} ${to}`
    const link = counts.get(key) ?? { from, to, weight: 0 }
    link.weight += 1
    counts.set(key, link)
  }
  return [...counts.values()]
    .map((link) => ({ ...link, weight: Math.min(link.weight, 8) }))
    .sort((a, b) => a.from - b.from || a.to - b.to)
}

function drawingOf(places: readonly Place[], boxes: Drawing['boxes']): Drawing {
  return {
    width: extent(places, 'x', 'width'),
    height: extent(places, 'y', 'height'),
    boxes,
    nodes: places,
  }
}

function extent(places: readonly Place[], start: 'x' | 'y', size: 'width' | 'height'): number {
  return places.reduce((most, place) => Math.max(most, place[start] + place[size]), 0)
}

function normalised(places: readonly Place[]): readonly Place[] {
  const left = places.reduce((least, { x }) => Math.min(least, x), Infinity)
  const top = places.reduce((least, { y }) => Math.min(least, y), Infinity)
  return places.map((place) => ({
    ...place,
    x: Math.round(place.x - left),
    y: Math.round(place.y - top),
  }))
}

/** Longest name that is shown in full, in characters. */
export const maxNameLength = 30

/** Returns about how wide a name is at 13 pixels. */
function textWidth(text: string): number {
  return Math.max(46, Math.min([...text].length, maxNameLength) * 7.4)
}
