/** Grants once and in order, however they were found. */
import { maxPort, portProtocols } from '../policy/port-set.ts'
import type { Grant } from './synthesis.ts'

/**
 * Returns the grants sorted; of equal cells the one with the earliest reason is kept: learned before widenings before
 * retained.
 */
export function uniqueGrants(grants: readonly Grant[]): readonly Grant[] {
  const bySide: Map<number, Grant>[] = []
  const byText = new Map<string, Grant>()
  for (const grant of grants) {
    const number = cellNumber(grant)
    if (number === undefined) {
      keep(byText, cellText(grant), grant)
      continue
    }
    const side = grant.subject * 2 + (grant.direction === 'ingress' ? 0 : 1)
    const cells = bySide[side] ?? new Map<number, Grant>()
    bySide[side] = cells
    keep(cells, number, grant)
  }
  return [
    ...bySide.flatMap((cells) => inOrder(cells, Float64Array.from(cells.keys()).sort())),
    ...inOrder(byText, [...byText.keys()].sort()),
  ]
}

function inOrder<Key>(cells: ReadonlyMap<Key, Grant>, keys: Iterable<Key>): readonly Grant[] {
  return Array.from(keys, (key) => cells.get(key)).filter((grant) => grant !== undefined)
}

function keep<Key>(cells: Map<Key, Grant>, key: Key, grant: Grant): void {
  const known = cells.get(key)
  if (known === undefined || compareReasons(grant, known) < 0) cells.set(key, grant)
}

function compareReasons(a: Grant, b: Grant): number {
  const rank = ({ why }: Grant): number => (why === 'learned' ? 0 : why === 'retained' ? 2 : 1)
  return rank(a) - rank(b) || (a.why < b.why ? -1 : a.why > b.why ? 1 : 0)
}

/** ICMP is rare, and told apart by its text. */
const protocols: readonly string[] = portProtocols

/** Most grants are one port between two groups: a number tells those of one side apart, where a text would take long. */
function cellNumber({ peer, protocol, port, endPort, request }: Grant): number | undefined {
  if (peer.kind !== 'group' || endPort !== undefined || request !== undefined) return undefined
  const number = protocols.indexOf(protocol)
  if (number < 0) return undefined
  const place = peer.group * protocols.length + number
  return place * (maxPort + 1) + port
}

function cellText({ subject, direction, peer, protocol, port, endPort, request }: Grant): string {
  const cell = [subject, direction, peer, protocol, port, endPort ?? port]
  return JSON.stringify(request === undefined ? cell : [...cell, request])
}
