/** A communication set as items, each a JSON value under a JSON key of its own, and back. */
import type { ClassRecord, CommunicationSet, EndRecord } from './communication-set.ts'
import type { SetContent } from './ledger.ts'

/** An item: its key spells what it is, its value what is known of it. Neither holds a line break. */
export type SetItem = readonly [key: string, value: string]

/** What of a set is no item: it is small, and of the set as a whole. */
export type SetHead = Pick<CommunicationSet, 'window' | 'outsideLimit' | 'counted'>

/** The kinds of items, and with each what its key says beyond the kind. */
type Identity =
  | readonly ['class', classNumber: number]
  | readonly ['pod', classNumber: number, name: string, generation: readonly string[]]
  | readonly ['edge', EndRecord, EndRecord, protocol: string, port: number]
  | readonly ['pending', EndRecord, EndRecord, protocol: string, clientPort: number, port: number]
  | readonly ['namespace', cluster: string, name: string]
  | readonly ['node', name: string]
  | readonly ['cluster', name: string]
  | readonly ['name', address: string]
  | readonly ['lost', source: string, node: string]
  | readonly ['status', node: string, state: string, message: string]

/** Returns the head of a set. */
export function headOf({ window, outsideLimit, counted }: SetHead): SetHead {
  return { window, outsideLimit, counted }
}

/** Returns the item of a class. */
export function classItem(classNumber: number, record: ClassRecord): SetItem {
  return item(['class', classNumber], record)
}

/**
 * Yields the items of a set, but for those of classes: a key holds the number that `classNumber` gives to a class of the
 * set, so that the keys of one edge are equal in every set.
 */
export function* itemsOf(
  set: SetContent,
  classNumber: (record: ClassRecord) => number,
): Generator<SetItem> {
  const numbers = set.classes.map(classNumber)
  const end = (record: EndRecord): EndRecord =>
    'class' in record ? { class: numbers[record.class] ?? -1 } : record
  for (const { class: position, name, generation = [], ...known } of set.pods) {
    yield item(['pod', numbers[position] ?? -1, name, generation], known)
  }
  for (const { from, to, protocol, port, ...evidence } of set.communications) {
    yield item(['edge', end(from), end(to), protocol, port], evidence)
  }
  for (const { from, to, protocol, clientPort, port, ...evidence } of set.pending) {
    yield item(['pending', end(from), end(to), protocol, clientPort, port], evidence)
  }
  for (const { cluster, name, ...known } of set.namespaces) {
    yield item(['namespace', cluster, name], known)
  }
  for (const { name, ...known } of set.nodes) yield item(['node', name], known)
  for (const { name, ...known } of set.clusters) yield item(['cluster', name], known)
  for (const { address, ...known } of set.names) yield item(['name', address], known)
  for (const { source, node, ...known } of set.lost) yield item(['lost', source, node], known)
  for (const { node, state, message, ...known } of set.nodeStatus) {
    yield item(['status', node, state, message], known)
  }
}

/**
 * Returns the document that items and a head spell, in no order and without a ledger. It is what `decodeSet` judges:
 * nothing here is checked. Classes that are named but not among the items have the position -1.
 */
export function documentOf(items: Iterable<SetItem>, head: SetHead): Record<string, unknown> {
  const parsed = [...items].map(
    ([key, value]) => [JSON.parse(key) as Identity, JSON.parse(value) as object] as const,
  )
  const positions = new Map<unknown, number>()
  const classes: object[] = []
  for (const [identity, value] of parsed) {
    if (identity[0] === 'class') positions.set(identity[1], classes.push(value) - 1)
  }
  const at = (classNumber: unknown): number => positions.get(classNumber) ?? -1
  const document = { ...headDocument(head), classes }
  for (const [identity, value] of parsed) addItem(document, identity, value, at)
  return document
}

/**
 * Returns a text that only items have which bound one another (addresses that are folded together, the smallest of
 * many), or undefined for an item that depends on no other.
 */
export function bundleOf(key: string): string | undefined {
  const identity = JSON.parse(key) as Identity
  switch (identity[0]) {
    case 'edge': {
      const [, from, to, protocol, port] = identity
      return hasAddresses(from) || hasAddresses(to)
        ? JSON.stringify(['edge', bundleEnd(from), bundleEnd(to), protocol, port])
        : undefined
    }
    case 'pending': {
      const [, from, to, protocol, clientPort, port] = identity
      const isSuspect = port === 0 && clientPort > 0
      if (isSuspect && !(hasAddresses(from) || hasAddresses(to))) return undefined
      const ports = isSuspect ? clientPort : -1
      return JSON.stringify(['pending', bundleEnd(from), bundleEnd(to), protocol, ports])
    }
    case 'name':
      return 'name'
    case 'status':
      return JSON.stringify(['status', identity[1], identity[2]])
    default:
      return undefined
  }
}

/** Returns the numbers of the classes that the item of a key names. */
export function classesOf(key: string): readonly number[] {
  const identity = JSON.parse(key) as Identity
  switch (identity[0]) {
    case 'pod':
      return [identity[1]]
    case 'edge':
    case 'pending':
      return [identity[1], identity[2]].flatMap((end) => ('class' in end ? [end.class] : []))
    default:
      return []
  }
}

function item(identity: Identity, value: object): SetItem {
  return [JSON.stringify(identity), JSON.stringify(value)]
}

function hasAddresses(end: EndRecord): boolean {
  return 'entity' in end || 'address' in end
}

/** All places of such an end are bounded together. */
function bundleEnd(end: EndRecord): unknown {
  if ('entity' in end) return [end.entity, end.labels]
  if ('address' in end) return [end.address.includes(':') ? 128 : 32, end.labels ?? []]
  return end
}

type SetDocument = {
  -readonly [Member in Exclude<keyof SetContent, keyof SetHead | 'apiVersion' | 'kind'>]: object[]
}

function headDocument(
  head: SetHead,
): SetHead & Pick<SetContent, 'apiVersion' | 'kind'> & SetDocument {
  return {
    apiVersion: 'netweir/v1',
    kind: 'CommunicationSet',
    ...headOf(head),
    clusters: [],
    nodes: [],
    namespaces: [],
    classes: [],
    pods: [],
    communications: [],
    pending: [],
    names: [],
    lost: [],
    nodeStatus: [],
  }
}

function addItem(
  document: SetDocument,
  identity: Identity,
  value: object,
  at: (classNumber: unknown) => number,
): void {
  const end = (record: EndRecord): unknown =>
    typeof record === 'object' && record !== null && 'class' in record
      ? { class: at(record.class) }
      : record
  switch (identity[0]) {
    case 'pod': {
      const [, classNumber, name, generation] = identity
      const labelled = generation.length > 0 ? { generation } : {}
      document.pods.push({ ...value, class: at(classNumber), name, ...labelled })
      break
    }
    case 'edge': {
      const [, from, to, protocol, port] = identity
      document.communications.push({ ...value, from: end(from), to: end(to), protocol, port })
      break
    }
    case 'pending': {
      const [, from, to, protocol, clientPort, port] = identity
      const ends = { from: end(from), to: end(to) }
      document.pending.push({ ...value, ...ends, protocol, clientPort, port })
      break
    }
    case 'namespace':
      document.namespaces.push({ ...value, cluster: identity[1], name: identity[2] })
      break
    case 'node':
      document.nodes.push({ ...value, name: identity[1] })
      break
    case 'cluster':
      document.clusters.push({ ...value, name: identity[1] })
      break
    case 'name':
      document.names.push({ ...value, address: identity[1] })
      break
    case 'lost':
      document.lost.push({ ...value, source: identity[1], node: identity[2] })
      break
    case 'status': {
      const [, node, state, message] = identity
      document.nodeStatus.push({ ...value, node, state, message })
      break
    }
  }
}
