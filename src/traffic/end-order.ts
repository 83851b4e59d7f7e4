/** The order of ends in documents: classes, pods known by name, addresses, entities. */
import type { Entity } from '../flow/flow.ts'
import { entities } from '../flow/flow.ts'
import type { Prefix } from '../ip.ts'
import { comparePrefixes, parseAddress, parsePrefix } from '../ip.ts'
import type { EndRecord } from './communication-set.ts'
import { compareTextLists, compareTexts } from './text-key.ts'

/** Returns different ends in their order. */
export function sortedEnds(ends: readonly EndRecord[]): readonly EndRecord[] {
  const keyed = ends.map((end) => ({ end, kind: rankOfKind(end), number: numberOfEnd(end) }))
  keyed.sort(
    (a, b) =>
      a.kind - b.kind ||
      // Most are classes and IPv4 addresses, which are numbers.
      (a.number >= 0 && b.number >= 0 ? a.number - b.number : 0) ||
      compareSameKind(a.end, b.end),
  )
  return keyed.map(({ end }) => end)
}

function numberOfEnd(end: EndRecord): number {
  if ('class' in end) return end.class
  return 'entity' in end || !('address' in end) ? -1 : v4Number(end.address)
}

/** Orders addresses and prefixes by value; the empty text comes first. */
export function compareAddressTexts(a: string, b: string): number {
  const [v4a, v4b] = [v4Number(a), v4Number(b)]
  if (v4a >= 0 && v4b >= 0) return v4a - v4b
  const first = prefixOfText(a)
  const second = prefixOfText(b)
  if (first === undefined || second === undefined) return compareTexts(a, b)
  return comparePrefixes(first, second)
}

/** Returns the prefix that a text spells; an address is one of full length. */
export function prefixOfText(text: string): Prefix | undefined {
  if (text.includes('/')) return parsePrefix(text)
  const address = parseAddress(text)
  return address === undefined ? undefined : { ...address, length: address.width }
}

/** Returns the number of an IPv4 address, -1 for any other text: most addresses are of this kind, and are many. */
function v4Number(text: string): number {
  const parts = text.split('.')
  if (parts.length !== 4) return -1
  let number = 0
  for (const part of parts) {
    const octet = Number(part)
    if (octet > 255 || String(octet) !== part) return -1
    number = number * 256 + octet
  }
  return number
}

function rankOfKind(end: EndRecord): number {
  if ('class' in end) return 0
  if ('pod' in end) return 1
  return 'entity' in end ? 3 : 2
}

function compareSameKind(a: EndRecord, b: EndRecord): number {
  if ('class' in a && 'class' in b) return a.class - b.class
  if ('pod' in a && 'pod' in b) return compareNamed(a, b)
  if ('entity' in a && 'entity' in b) return compareEntities(a, b)
  const [first, second] = [placeOf(a), placeOf(b)]
  return (
    compareAddressTexts(first.address, second.address) ||
    compareTextLists(first.labels, second.labels)
  )
}

type NamedRecord = Extract<EndRecord, { pod: string }>

function compareNamed(a: NamedRecord, b: NamedRecord): number {
  return (
    compareTexts(a.cluster, b.cluster) ||
    compareTexts(a.namespace, b.namespace) ||
    compareTexts(a.pod, b.pod) ||
    compareTexts(a.lacks, b.lacks)
  )
}

type EntityRecord = Extract<EndRecord, { entity: Entity }>

function compareEntities(a: EntityRecord, b: EntityRecord): number {
  return (
    entities.indexOf(a.entity) - entities.indexOf(b.entity) ||
    compareTextLists(a.labels, b.labels) ||
    compareAddressTexts(a.address ?? '', b.address ?? '')
  )
}

function placeOf(end: EndRecord): { address: string; labels: readonly string[] } {
  return 'address' in end
    ? { address: end.address ?? '', labels: end.labels ?? [] }
    : { address: '', labels: [] }
}
