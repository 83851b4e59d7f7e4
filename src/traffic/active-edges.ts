/** When the edges of a group were active: the events of which confidence speaks. */
import { protocols } from '../flow/flow.ts'
import type { BlockRange } from './block-ranges.ts'
import { addBlocks } from './block-ranges.ts'
import { blockMs } from './communication-set.ts'
import { isObserved } from './observed-outcomes.ts'
import type { Edge, EdgeEnd, Traffic } from './traffic.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000

/** A group as `synthesis/` finds them. */
export interface WatchedGroup {
  readonly name: string
  readonly namespace: string
  /** Positions in {@link Traffic.classes}. */
  readonly classes: readonly number[]
}

/** One edge as a group sees it, whichever classes of the two groups it was: the ranges of blocks in which it was active. */
export type ActiveEdge = readonly BlockRange[]

/** Edges of one group, none without a block. */
export type GroupEdges = Readonly<Record<'ingress' | 'egress', readonly ActiveEdge[]>>

/** Tells whether policies let the group at a position exchange a port with every address outside. */
export type OpenPorts = (
  group: number,
  direction: 'ingress' | 'egress',
  service: Pick<Edge, 'protocol' | 'port'>,
) => boolean

/**
 * Returns the edges of each group, by position, that were seen to pass. An edge is a peer, a protocol and a port; where
 * `isOpen`, all addresses outside are one peer.
 */
export function edgesByGroup(
  traffic: Traffic,
  groups: readonly WatchedGroup[],
  isOpen: OpenPorts = () => false,
): readonly GroupEdges[] {
  const groupOf = new Map<number, number>()
  for (const [id, group] of groups.entries()) {
    for (const known of group.classes) groupOf.set(known, id)
  }
  const found = groups.map(() => ({
    ingress: new Map<number, ActiveEdge>(),
    egress: new Map<number, ActiveEdge>(),
  }))
  const peerOf = numberPeers(traffic, groups, groupOf)
  const add = (
    end: EdgeEnd,
    direction: 'ingress' | 'egress',
    peer: EdgeEnd,
    { protocol, port, evidence: { blocks } }: Edge,
  ): void => {
    const group = end.kind === 'class' ? groupOf.get(end.class) : undefined
    const edges = group === undefined ? undefined : found[group]?.[direction]
    if (group === undefined || edges === undefined || blocks.length === 0) return
    const isAny = peer.kind === 'address' && isOpen(group, direction, { protocol, port })
    const key =
      (peerOf(isAny ? 'any address' : peer) * protocols.length + protocols.indexOf(protocol)) *
        ports +
      port
    const active = edges.get(key)
    edges.set(key, active === undefined && areRanges(blocks) ? blocks : united(active, blocks))
  }
  for (const edge of traffic.edges) {
    if (!isObserved(edge.outcome)) continue
    add(edge.from, 'egress', edge.to, edge)
    add(edge.to, 'ingress', edge.from, edge)
  }
  return found.map(({ ingress, egress }) => ({
    ingress: [...ingress.values()],
    egress: [...egress.values()],
  }))
}

/** Tells whether ranges are as {@link addBlocks} would make them, so that they need no list of their own. */
function areRanges(blocks: readonly BlockRange[]): boolean {
  for (let at = 1; at < blocks.length; at++) {
    if ((blocks[at]?.[0] ?? 0) <= (blocks[at - 1]?.[1] ?? 0) + 1) return false
  }
  return true
}

function united(some: ActiveEdge = [], others: ActiveEdge): ActiveEdge {
  const all = [...some]
  for (const range of others) addBlocks(all, range[0], range[1])
  return all
}

/**
 * Returns how often an edge was active: a run of adjacent blocks counts for half its blocks, rounded up, since one burst
 * that begins before the end of a block is active in two. Counting those twice would hide what was seen only once.
 */
export function eventsOf(edge: ActiveEdge): number {
  let events = 0
  for (const range of edge) events += Math.ceil((range[1] - range[0] + 1) / 2)
  return events
}

/** Returns how often an edge was active before the block `cut`. */
export function eventsBefore(edge: ActiveEdge, cut: number): number {
  let events = 0
  for (const range of edge) {
    const first = range[0]
    if (first < cut) events += Math.ceil((Math.min(range[1], cut - 1) - first + 1) / 2)
  }
  return events
}

/** The days of a window: twenty-four hours each, from its begin. */
export interface WatchedDays {
  /** Length of the hours of the window that had any traffic, in days: a gap in the recording was not watched. */
  readonly watched: number
  /** The whole days of it. */
  readonly days: number
  /** Length of the window. */
  readonly windowDays: number
  readonly dayOf: (block: number) => number
}

/** Returns the days in which a traffic was watched. */
export function watchedDays(traffic: Traffic): WatchedDays {
  const { firstMs, lastMs } = traffic.window
  if (firstMs === undefined || lastMs === undefined) {
    return { watched: 0, days: 0, windowDays: 0, dayOf: () => 0 }
  }
  const start = Math.floor(firstMs / blockMs)
  const dayOf = (block: number): number => Math.floor(((block - start) * blockMs) / dayMs)
  const hourOf = (block: number): number =>
    Math.max(0, Math.floor(((block - start) * blockMs) / hourMs))
  const active: BlockRange[] = []
  for (const { evidence } of traffic.edges) {
    for (const [first, last] of evidence.blocks) {
      addBlocks(active, hourOf(first), hourOf(last))
    }
  }
  const watchedMs = active.reduce((sum, [first, last]) => {
    const from = Math.max(firstMs, start * blockMs + first * hourMs)
    const to = Math.min(lastMs, start * blockMs + (last + 1) * hourMs)
    return sum + Math.max(0, to - from)
  }, 0)
  return {
    watched: watchedMs / dayMs,
    // The last event of a day comes a little before its end: a block is the grain of everything here.
    days: Math.floor((watchedMs + blockMs) / dayMs),
    windowDays: (lastMs - firstMs) / dayMs,
    dayOf,
  }
}

/** Numbers that a port may have: 0 is none. */
const ports = 65_536

/** Returns the number of what a peer is told apart by: its group, or its class where it has none, or what it is called. */
function numberPeers(
  { classes }: Traffic,
  groups: readonly WatchedGroup[],
  groupOf: ReadonlyMap<number, number>,
): (end: EdgeEnd | 'any address') => number {
  const texts = new Map<string, number>()
  const numberOf = (text: string): number => {
    const number = texts.get(text) ?? groups.length + classes.length + texts.size
    texts.set(text, number)
    return number
  }
  return (end) => {
    if (end === 'any address') return numberOf(end)
    switch (end.kind) {
      case 'class':
        return groupOf.get(end.class) ?? groups.length + end.class
      case 'entity':
        return numberOf(`entity ${end.entity}`)
      default:
        return numberOf(JSON.stringify(end))
    }
  }
}
