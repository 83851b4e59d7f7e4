/** One end of a record: who it is (`hubble.md` 7.1 to 7.4), and which pod and namespace were seen there. */
import { canonicalAddress } from '../ip.ts'
import type { Endpoint, Entity, NamespaceSighting, PodSighting } from './flow.ts'
import type { JsonObject } from './json.ts'
import {
  asArray,
  asBoundedText,
  asInteger,
  asObject,
  asText,
  MalformedRecord,
  member,
} from './json.ts'
import type { RecordLabels } from './labels.ts'
import { readLabels } from './labels.ts'

/** What a record says of one end. */
export interface RecordEnd {
  readonly endpoint: Endpoint
  /** Canonical text, empty when the record has none. */
  readonly address: string
  readonly pod?: PodSighting
  readonly namespace?: NamespaceSighting
  /** True when the endpoint runs on the node that observed it. */
  readonly isLocal: boolean
  /** True when the record lacks what would tell who this is: the address of an outside end, or a pod's namespace. */
  readonly isMasked: boolean
}

/** Of several reserved labels the first in this list decides; world ones come after pods. */
const precedence: readonly Entity[] = [
  'host',
  'kube-apiserver',
  'remote-node',
  'health',
  'ingress',
  'init',
  'unmanaged',
]

const reservedIdentities: Readonly<Record<number, string>> = {
  1: 'host',
  2: 'world',
  3: 'unmanaged',
  4: 'health',
  5: 'init',
  6: 'remote-node',
  7: 'kube-apiserver',
  8: 'ingress',
  9: 'world-ipv4',
  10: 'world-ipv6',
}

/** Identities of address ranges and names, and of nodes, are numbered from here (local to a node). */
const rangeIdentities = 2 ** 24
const nodeIdentities = 2 ** 25
const identitiesEnd = 2 ** 25 + 2 ** 24

const unknownEnd: JsonObject = {}

/**
 * Returns what `source` or `destination` of a flow says, `addressText` being the packet's address of that end. Whoever
 * reads many ends gives a `labelsOf` that knows lists it has read.
 */
export function readEnd(
  value: unknown,
  addressText: unknown,
  labelsOf: LabelReader = readLabels,
): RecordEnd {
  const address = canonicalAddress(asText(addressText)) ?? ''
  if (value instanceof KnownEnd) return value.at(address)
  return endAt(factsOf(asObject(value) ?? unknownEnd, labelsOf), address)
}

type LabelReader = typeof readLabels

/** What is being written. */
type Writable<T> = { -readonly [Member in keyof T]: T[Member] }

const shared = new WeakSet<object>()

/**
 * Tells whether an endpoint or a sighting of a pod is one that many records share, so that what is found for it once is
 * worth keeping.
 */
export function isShared(part: Endpoint | PodSighting): boolean {
  return shared.has(part)
}

/** An end that many records share: decoded once, since only its address may differ. */
export class KnownEnd {
  readonly #value: JsonObject
  #facts: EndFacts | undefined
  #last: RecordEnd | undefined

  /** Takes the JSON form of an end, which is decoded when it is first asked for. */
  constructor(value: JsonObject) {
    this.#value = value
  }

  /** Returns what {@link readEnd} would. @throws {MalformedRecord} */
  at(address: string): RecordEnd {
    if (this.#last?.address === address) return this.#last
    this.#facts ??= factsOf(this.#value, readLabels)
    // A pod is the same whatever its address; so are its endpoint, its sighting and its namespace.
    const { endpoint } = this.#last ?? {}
    if (this.#last !== undefined && (endpoint?.kind === 'pod' || endpoint?.kind === 'named')) {
      this.#last = { ...this.#last, address }
      return this.#last
    }
    this.#last = endAt(this.#facts, address)
    if (this.#last.endpoint.kind === 'pod') shared.add(this.#last.endpoint)
    if (this.#last.pod !== undefined) shared.add(this.#last.pod)
    return this.#last
  }
}

function factsOf(end: JsonObject, labelsOf: LabelReader): EndFacts {
  const labels = withIdentity(labelsOf(asArray(end['labels'])), end)
  return {
    end,
    labels,
    cluster: clusterName(end, labels),
    namespace: namespaceOf(asBoundedText(end['namespace'], 'a namespace') || labels.namespace),
    name: asBoundedText(member(end, 'pod_name', 'podName'), 'a pod name'),
  }
}

function endAt(facts: EndFacts, address: string): RecordEnd {
  const { end, labels, cluster, namespace, name } = facts
  const endpoint = classify(facts, address)
  const read: Writable<RecordEnd> = {
    endpoint: endpoint ?? entityEnd('unknown', labels, address),
    address,
    isLocal: (asInteger(end['ID']) ?? 0) > 0,
    isMasked: endpoint === undefined,
  }
  if (endpoint?.kind !== 'pod') return read
  if (name !== '') read.pod = sighting(end, name, labels)
  if (labels.namespaceLabels.length > 0) {
    read.namespace = { cluster, namespace, labels: labels.namespaceLabels }
  }
  return read
}

/** Tells whether an end is a pod, with labels or only by name. */
export function isPod(endpoint: Endpoint): boolean {
  return endpoint.kind === 'pod' || endpoint.kind === 'named'
}

/** Returns a cluster's name, empty for the name that Cilium gives to a cluster that has none. */
export function clusterText(name: string): string {
  return name === 'default' ? '' : name
}

/** What a record says of an end, its address left aside. */
interface EndFacts {
  readonly end: JsonObject
  readonly labels: RecordLabels
  readonly cluster: string
  readonly namespace: string
  readonly name: string
}

/** Undefined where the record was masked so far that nobody can tell. */
function classify(facts: EndFacts, address: string): Endpoint | undefined {
  const { labels, cluster, namespace, name } = facts
  const entity = entityOf(labels)
  if (entity !== undefined) return entityEnd(entity, labels, address)
  if (labels.hasPod || (labels.hasKubernetes && !isWorld(labels))) {
    if (namespace === '') return undefined
    return { kind: 'pod', cluster, namespace, labels: labels.pod }
  }
  if (namespace !== '' && name !== '') {
    return { kind: 'named', cluster, namespace, name, lacks: isWorld(labels) ? 'world' : 'masked' }
  }
  if (isWorld(labels)) return outside(labels, address)
  return namespace === '' && name === '' ? entityEnd('unknown', labels, address) : undefined
}

/** The API server outside the cluster is an address; on a node it is the node's entity. */
function entityOf(labels: RecordLabels): Entity | undefined {
  const entity = precedence.find((name) => labels.reserved.includes(name))
  return entity === 'kube-apiserver' && isOutsideApiServer(labels) ? undefined : entity
}

function isOutsideApiServer(labels: RecordLabels): boolean {
  return isWorld(labels) && !labels.reserved.includes('remote-node')
}

function isWorld(labels: RecordLabels): boolean {
  return labels.hasRange || labels.reserved.some(isWorldName)
}

function isWorldName(name: string): boolean {
  return name === 'world' || name === 'world-ipv4' || name === 'world-ipv6'
}

function outside(labels: RecordLabels, address: string): Endpoint | undefined {
  if (address === '') return undefined
  const names = labels.reserved.includes('kube-apiserver') ? ['kube-apiserver'] : []
  return { kind: 'address', address, labels: names }
}

function entityEnd(entity: Entity, labels: RecordLabels, address: string): Endpoint {
  return { kind: 'entity', entity, labels: labels.reserved, address }
}

/** Where a mask took the labels away, a reserved identity still tells who it is. */
function withIdentity(labels: RecordLabels, end: JsonObject): RecordLabels {
  if (labels.hasKubernetes || labels.hasRange || labels.reserved.length > 0) return labels
  const identity = asInteger(end['identity']) ?? 0
  const name = reservedIdentities[identity]
  if (name !== undefined) return { ...labels, reserved: [name] }
  if (identity > rangeIdentities && identity < nodeIdentities) return { ...labels, hasRange: true }
  if (identity < nodeIdentities || identity >= identitiesEnd) return labels
  return { ...labels, reserved: ['remote-node'] }
}

function clusterName(end: JsonObject, labels: RecordLabels): string {
  const name = asBoundedText(member(end, 'cluster_name', 'clusterName'), 'a cluster name')
  return clusterText(name || labels.cluster)
}

function sighting(end: JsonObject, name: string, labels: RecordLabels): PodSighting {
  const workload = asObject(asArray(end['workloads'])[0])
  const workloadName = asBoundedText(workload?.['name'], 'a workload name')
  const kind = asBoundedText(workload?.['kind'], 'a workload kind')
  return {
    name,
    generation: labels.generation,
    ...(workloadName !== '' && kind !== '' ? { workload: { kind, name: workloadName } } : {}),
  }
}

/** @throws {MalformedRecord} for what no namespace can be called: it would become part of names and paths. */
function namespaceOf(text: string): string {
  if (text === '' || /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text
  throw new MalformedRecord(`no namespace can be called ${JSON.stringify(text.slice(0, 80))}`)
}
