/** What the ends of a set are, once cluster, pods, nodes and services are known. */
import type { Entity, Outcome } from '../flow/flow.ts'
import type { Prefix } from '../ip.ts'
import { parsePrefix, prefixHolds } from '../ip.ts'
import { splitLabel, toLabels } from '../labels.ts'
import type { ClassBook, ClassEntry } from './class-book.ts'
import type { CommunicationSet, EndRecord } from './communication-set.ts'
import { prefixOfText } from './end-order.ts'
import { isLocal } from './local-cluster.ts'
import { keyOf } from './text-key.ts'
import type { EdgeEnd, ReadOutOptions } from './traffic.ts'

/** A resolved end: what makes edges equal. */
export interface ResolvedEnd {
  /** Equal for equal ends; an entity is one end whatever its address. */
  readonly id: number
  readonly end: IdentifiedEnd
  /** The address of an entity; empty when the records had none. */
  readonly address: string
  /** What becomes of records of this end that count as learned. */
  readonly outcome: Outcome
}

/** An end without what is collected over an edge's records: names, and an entity's addresses. */
export type IdentifiedEnd =
  | { readonly kind: 'class'; readonly entry: ClassEntry }
  | { readonly kind: 'address'; readonly address: string; readonly labels: readonly string[] }
  | { readonly kind: 'entity'; readonly entity: Entity; readonly labels: readonly string[] }
  | (Extract<EdgeEnd, { kind: 'unresolved' }> & { readonly lacks: 'world' | 'masked' })
  | Extract<EdgeEnd, { kind: 'remote' }>

/** What a pod on its node's network is to policies. */
const nodeLabels: readonly string[] = ['remote-node']

const outcomeOfEntity: Readonly<Record<Entity, Outcome>> = {
  host: 'host',
  'kube-apiserver': 'kube-apiserver',
  'remote-node': 'remote-node',
  health: 'health',
  ingress: 'ingress',
  init: 'unresolved',
  unmanaged: 'unmanaged',
  unknown: 'unresolved',
}

/** Resolves ends; equal ends get equal numbers. */
export class EndResolver {
  readonly #set: Pick<CommunicationSet, 'classes'>
  readonly #book: ClassBook
  readonly #local: string
  readonly #nodePrefixes: readonly Prefix[]
  readonly #ids = new Map<string, number>()
  readonly #entryIds = new Map<ClassEntry, number>()
  readonly #resolved = new Map<EndRecord, ResolvedEnd>()

  constructor(
    set: Pick<CommunicationSet, 'classes'>,
    book: ClassBook,
    local: string,
    options: ReadOutOptions,
  ) {
    this.#set = set
    this.#book = book
    this.#local = local
    this.#nodePrefixes = nodePrefixes(options)
  }

  /** Returns what an end of a record is. */
  resolve(record: EndRecord): ResolvedEnd {
    let resolved = this.#resolved.get(record)
    if (resolved === undefined) {
      resolved = this.#resolve(record)
      this.#resolved.set(record, resolved)
    }
    return resolved
  }

  /** Returns the end that a class of the local cluster is. */
  ofEntry(entry: ClassEntry): ResolvedEnd {
    let id = this.#entryIds.get(entry)
    if (id === undefined) {
      id = this.#id(`c${keyOf([entry.namespace, ...entry.labels])}`)
      this.#entryIds.set(entry, id)
    }
    return { id, end: { kind: 'class', entry }, address: '', outcome: 'learned' }
  }

  /** Returns the end that a node is. */
  ofNode(address: string): ResolvedEnd {
    return this.#entity('remote-node', nodeLabels, address)
  }

  /** Returns the end that an address of a service is while its backends are unknown. */
  ofServiceAddress(address: string): ResolvedEnd {
    const end = { kind: 'address', address, labels: [] } as const
    return { id: this.#id(`s${address}`), end, address: '', outcome: 'service-address' }
  }

  #resolve(record: EndRecord): ResolvedEnd {
    if ('class' in record) return this.#class(record.class)
    if ('pod' in record) return this.#named(record)
    if ('entity' in record) return this.#entity(record.entity, record.labels, record.address ?? '')
    return this.#address(record.address, record.labels ?? [])
  }

  #class(position: number): ResolvedEnd {
    const entry = this.#book.ofSetClass(position)
    if (entry !== undefined) return this.ofEntry(entry)
    const record = this.#set.classes[position]
    if (record === undefined || isLocal(record.cluster, this.#local)) return this.ofNode('')
    return this.#remote(record.cluster, record.namespace, record.labels)
  }

  #named(record: Extract<EndRecord, { pod: string }>): ResolvedEnd {
    const { cluster, namespace, pod, lacks } = record
    if (!isLocal(cluster, this.#local)) return this.#remote(cluster, namespace, [])
    const entry = this.#book.ofPod(namespace, pod)
    if (entry !== undefined) return this.ofEntry(entry)
    if (this.#book.isOnHostNetwork(namespace, pod)) return this.ofNode('')
    const id = this.#id(`n${keyOf([namespace, pod, lacks])}`)
    const outcome = lacks === 'world' ? 'unresolved' : 'masked'
    return { id, end: { kind: 'unresolved', namespace, pod, lacks }, address: '', outcome }
  }

  #remote(cluster: string, namespace: string, labels: readonly string[]): ResolvedEnd {
    const id = this.#id(`r${keyOf([cluster, namespace, ...labels])}`)
    const end = {
      kind: 'remote',
      cluster,
      namespace,
      labels: toLabels(labels.map(splitLabel)),
    } as const
    return { id, end, address: '', outcome: 'remote-cluster' }
  }

  #address(address: string, labels: readonly string[]): ResolvedEnd {
    if (this.#isNode(address)) {
      const entity = labels.includes('kube-apiserver') ? 'kube-apiserver' : 'remote-node'
      return this.#entity(entity, [...new Set([...labels, 'remote-node'])].sort(), address)
    }
    const id = this.#id(`a${keyOf([address, ...labels])}`)
    return { id, end: { kind: 'address', address, labels }, address: '', outcome: 'learned' }
  }

  #entity(entity: Entity, labels: readonly string[], address: string): ResolvedEnd {
    const id = this.#id(`e${keyOf([entity, ...labels])}`)
    return {
      id,
      end: { kind: 'entity', entity, labels },
      address,
      outcome: outcomeOfEntity[entity],
    }
  }

  #isNode(text: string): boolean {
    if (this.#nodePrefixes.length === 0) return false
    const prefix = prefixOfText(text)
    return prefix !== undefined && this.#nodePrefixes.some((node) => holdsPrefix(node, prefix))
  }

  #id(key: string): number {
    let id = this.#ids.get(key)
    if (id === undefined) {
      id = this.#ids.size
      this.#ids.set(key, id)
    }
    return id
  }
}

/** Tells whether all of `inner` lies in `outer`. */
export function holdsPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && prefixHolds(outer, inner)
}

function nodePrefixes(options: ReadOutOptions): readonly Prefix[] {
  const addresses = options.inventory?.nodes.flatMap((node) => node.addresses) ?? []
  return [...(options.nodeCidrs ?? []).map(parsePrefix), ...addresses.map(prefixOfText)].filter(
    (prefix) => prefix !== undefined,
  )
}
