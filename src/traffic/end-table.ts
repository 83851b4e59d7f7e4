/** The distinct ends of communications, each under a number; addresses are kept apart, as places within an end. */
import { isShared } from '../flow/endpoint.ts'
import type { Endpoint, Entity, PodEndpoint } from '../flow/flow.ts'
import type { Width } from '../ip.ts'
import type { ClassRecord, EndRecord } from './communication-set.ts'
import { keyOf, sortedTexts } from './text-key.ts'

/** What an end is, its address left aside. */
export type End =
  | ({ readonly kind: 'class' } & ClassRecord)
  | {
      readonly kind: 'named'
      readonly cluster: string
      readonly namespace: string
      readonly pod: string
      readonly lacks: 'world' | 'masked'
    }
  /** All addresses outside of one family. */
  | { readonly kind: 'outside'; readonly width: Width; readonly labels: readonly string[] }
  | { readonly kind: 'entity'; readonly entity: Entity; readonly labels: readonly string[] }

/** An end and the place within it: an address or prefix for `outside` and `entity`, else empty. */
export interface EndPlace {
  readonly end: number
  readonly address: string
}

/** Tells whether an end is a pod, known by labels or by name. */
export function isPodEnd(end: End): boolean {
  return end.kind === 'class' || end.kind === 'named'
}

/** The table. Numbers are given in the order of first sight and mean nothing outside. */
export class EndTable {
  readonly #numbers = new Map<string, number>()
  readonly #ends: End[] = []
  readonly #shared = new WeakMap<PodEndpoint, number>()
  readonly #byLabels = new Map<
    readonly string[],
    { readonly cluster: string; readonly namespace: string; readonly number: number }
  >()

  /** All ends; positions are their numbers. */
  get ends(): readonly End[] {
    return this.#ends
  }

  /** Returns the number of an endpoint's end. */
  ofEndpoint(endpoint: Endpoint): number {
    switch (endpoint.kind) {
      case 'pod':
        return isShared(endpoint) ? this.#ofShared(endpoint) : this.ofClass(endpoint)
      case 'named':
        return this.#ofNamed({ ...endpoint, pod: endpoint.name })
      case 'address':
        return this.#ofOutside(widthOf(endpoint.address), endpoint.labels)
      case 'entity':
        return this.#ofEntity(endpoint.entity, endpoint.labels)
    }
  }

  /** Returns the number of a class whose list of labels is one that many ends share, and that nobody changes. */
  ofSharedClass(record: ClassRecord): number {
    const known = this.#byLabels.get(record.labels)
    if (known?.cluster === record.cluster && known.namespace === record.namespace) {
      return known.number
    }
    const { cluster, namespace } = record
    const number = this.ofClass(record)
    this.#byLabels.set(record.labels, { cluster, namespace, number })
    return number
  }

  /** Returns the number of a class. */
  ofClass(record: ClassRecord): number {
    const key = `c${keyOf([record.cluster, record.namespace])}${keyOf(record.labels)}`
    return (
      this.#numbers.get(key) ??
      this.#add(key, {
        kind: 'class',
        cluster: record.cluster,
        namespace: record.namespace,
        labels: sortedTexts(record.labels),
      })
    )
  }

  /** Returns end and place of what a document names; `classNumbers` are the numbers of the document's classes. */
  ofRecord(record: EndRecord, classNumbers: readonly number[]): EndPlace {
    if ('class' in record) return { end: classNumbers[record.class] ?? 0, address: '' }
    if ('pod' in record) return { end: this.#ofNamed(record), address: '' }
    if ('entity' in record) {
      return { end: this.#ofEntity(record.entity, record.labels), address: record.address ?? '' }
    }
    return {
      end: this.#ofOutside(widthOf(record.address), record.labels ?? []),
      address: record.address,
    }
  }

  #ofShared(endpoint: PodEndpoint): number {
    let number = this.#shared.get(endpoint)
    if (number === undefined) {
      number = this.ofClass(endpoint)
      this.#shared.set(endpoint, number)
    }
    return number
  }

  /** Returns the number of an end of another table. */
  ofEnd(end: End): number {
    switch (end.kind) {
      case 'class':
        return this.ofClass(end)
      case 'named':
        return this.#ofNamed(end)
      case 'outside':
        return this.#ofOutside(end.width, end.labels)
      case 'entity':
        return this.#ofEntity(end.entity, end.labels)
    }
  }

  #ofNamed(record: Omit<Extract<End, { kind: 'named' }>, 'kind'>): number {
    const { cluster, namespace, pod, lacks } = record
    const key = `n${keyOf([cluster, namespace, pod, lacks])}`
    return (
      this.#numbers.get(key) ?? this.#add(key, { kind: 'named', cluster, namespace, pod, lacks })
    )
  }

  #ofOutside(width: Width, labels: readonly string[]): number {
    const key = `a${width}:${keyOf(labels)}`
    return (
      this.#numbers.get(key) ??
      this.#add(key, { kind: 'outside', width, labels: sortedTexts(labels) })
    )
  }

  #ofEntity(entity: Entity, labels: readonly string[]): number {
    const key = `e${entity}:${keyOf(labels)}`
    return (
      this.#numbers.get(key) ??
      this.#add(key, { kind: 'entity', entity, labels: sortedTexts(labels) })
    )
  }

  #add(key: string, end: End): number {
    const number = this.#ends.length
    this.#ends.push(end)
    this.#numbers.set(key, number)
    return number
  }
}

/** Returns the family of a canonical address or prefix. */
function widthOf(address: string): Width {
  return address.includes(':') ? 128 : 32
}
