/** Grants once and in order, however they were found. */
import { maxPort, portProtocols } from '../policy/port-set.ts'
import type { Grant } from './synthesis.ts'

/**
 * Returns the grants sorted; of equal cells the one with the earliest reason is kept: learned before widenings before
 * retained.
 */
export function uniqueGrants(grants: readonly Grant[]): readonly Grant[] {
  const groupCount = grants.reduce((most, grant) => Math.max(most, highestGroup(grant)), 0) + 1
  const byNumber = new Map<number, Grant>()
  const byText = new Map<string, Grant>()
  for (const grant of grants) {
    const number = cellNumber(grant, groupCount)
    if (number === undefined) keep(byText, cellText(grant), grant)
    else keep(byNumber, number, grant)
  }
  const numbers = Float64Array.from(byNumber.keys()).sort()
  return [
    ...Array.from(numbers, (number) => byNumber.get(number) ?? []).flat(),
    ...[...byText.keys()].sort().flatMap((text) => byText.get(text) ?? []),
  ]
}

function keep<Key>(cells: Map<Key, Grant>, key: Key, grant: Grant): void {
  const known = cells.get(key)
  if (known === undefined || compareReasons(grant, known) < 0) cells.set(key, grant)
}

function compareReasons(a: Grant, b: Grant): number {
  const rank = ({ why }: Grant): number => (why === 'learned' ? 0 : why === 'retained' ? 2 : 1)
  return rank(a) - rank(b) || (a.why < b.why ? -1 : a.why > b.why ? 1 : 0)
}

function highestGroup({ subject, peer }: Grant): number {
  return peer.kind === 'group' ? Math.max(subject, peer.group) : subject
}

/** Most grants are one port between two groups: a number tells their cells apart, where a text would take long. */
function cellNumber(grant: Grant, groupCount: number): number | undefined {
  const { subject, direction, peer, protocol, port, endPort } = grant
  if (peer.kind !== 'group' || endPort !== undefined) return undefined
  const pair = (subject * 2 + (direction === 'ingress' ? 0 : 1)) * groupCount + peer.group
  const number = (pair * portProtocols.length + portProtocols.indexOf(protocol)) * (maxPort + 1)
  return Number.isSafeInteger(number) ? number + port : undefined
}

function cellText({ subject, direction, peer, protocol, port, endPort }: Grant): string {
  return JSON.stringify([subject, direction, peer, protocol, port, endPort ?? port])
}
