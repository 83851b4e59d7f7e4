/** From the address of a service to the pods behind it. */
import type { Protocol } from '../flow/flow.ts'
import type { Prefix } from '../ip.ts'
import { parsePrefix } from '../ip.ts'
import type { Labels } from '../labels.ts'
import { splitLabel, toLabels } from '../labels.ts'
import type { ClassBook } from './class-book.ts'
import type { EndRecord } from './communication-set.ts'
import { prefixOfText } from './end-order.ts'
import type { EndResolver, ResolvedEnd } from './end-resolver.ts'
import { holdsPrefix } from './end-resolver.ts'
import type { Inventory, InventoryPod, InventoryService } from './inventory.ts'
import { compareTexts } from './text-key.ts'
import type { ReadOutOptions } from './traffic.ts'

/** A server and the port at which a connection really arrives. */
export interface Target {
  readonly end: ResolvedEnd
  readonly port: number
}

type ServicePort = InventoryService['ports'][number]
type Endpoint = NonNullable<ServicePort['endpoints']>[number]

/** Finds the servers that a destination stands for. */
export class ServiceBackends {
  readonly #ends: EndResolver
  readonly #book: ClassBook
  readonly #inventory: Inventory | undefined
  readonly #servicePrefixes: readonly Prefix[]
  readonly #services = new Map<string, InventoryService[]>()
  readonly #pods = new Map<string, InventoryPod[]>()
  readonly #podsByAddress = new Map<string, InventoryPod>()

  constructor(ends: EndResolver, book: ClassBook, options: ReadOutOptions) {
    this.#ends = ends
    this.#book = book
    this.#inventory = options.inventory
    this.#servicePrefixes = (options.serviceCidrs ?? [])
      .map(parsePrefix)
      .filter((prefix) => prefix !== undefined)
    for (const service of options.inventory?.services ?? []) {
      for (const address of service.clusterIps) listAt(this.#services, address).push(service)
    }
    for (const pod of options.inventory?.pods ?? []) {
      if (!pod.running) continue
      listAt(this.#pods, pod.namespace).push(pod)
      for (const address of pod.addresses) this.#podsByAddress.set(address, pod)
    }
  }

  /**
   * Returns the servers that a destination stands for, sorted, at least one: itself, or the backends where it is the
   * address of a service, or that address with the outcome `service-address` where they are unknown.
   */
  targetsOf(record: EndRecord, protocol: Protocol, port: number): readonly Target[] {
    const address = this.#serviceAddress(record)
    if (address === undefined) return [{ end: this.#ends.resolve(record), port }]
    const backends = (this.#services.get(address) ?? []).flatMap((service) =>
      service.ports
        .filter((servicePort) => servicePort.protocol === protocol && servicePort.port === port)
        .flatMap((servicePort) => this.#backends(service, servicePort)),
    )
    if (backends.length === 0) return [{ end: this.#ends.ofServiceAddress(address), port }]
    return distinct(backends)
  }

  /** Tells whether a destination is the address of a service. */
  isService(record: EndRecord): boolean {
    return this.#serviceAddress(record) !== undefined
  }

  #serviceAddress(record: EndRecord): string | undefined {
    if (this.#services.size === 0 && this.#servicePrefixes.length === 0) return undefined
    const address = 'entity' in record || !('address' in record) ? undefined : record.address
    return address !== undefined && this.#isServiceAddress(address) ? address : undefined
  }

  #isServiceAddress(address: string): boolean {
    if (this.#services.has(address)) return true
    if (this.#servicePrefixes.length === 0) return false
    const prefix = prefixOfText(address)
    return (
      prefix !== undefined && this.#servicePrefixes.some((service) => holdsPrefix(service, prefix))
    )
  }

  #backends(service: InventoryService, servicePort: ServicePort): readonly Target[] {
    const { namespace, selector } = service
    if (selector === undefined || Object.keys(selector).length === 0) {
      return (servicePort.endpoints ?? []).map((endpoint) => this.#endpointTarget(endpoint))
    }
    const pods = (this.#pods.get(namespace) ?? []).filter((pod) => matches(selector, pod.labels))
    const targets = pods.flatMap((pod) => this.#podTargets(pod, servicePort))
    return targets.length > 0 ? targets : this.#classTargets(namespace, selector, servicePort)
  }

  /** What an endpoint slice names may be a pod, a node, or an address outside the cluster. */
  #endpointTarget({ address, port }: Endpoint): Target {
    const pod = this.#podsByAddress.get(address)
    if (pod?.hostNetwork === true) return { end: this.#ends.ofNode(address), port }
    const entry = pod === undefined ? undefined : this.#book.ofPod(pod.namespace, pod.name)
    const end = entry === undefined ? this.#ends.resolve({ address }) : this.#ends.ofEntry(entry)
    return { end, port }
  }

  #podTargets(pod: InventoryPod, { protocol, targetPort }: ServicePort): readonly Target[] {
    const ports = portsOf(targetPort, protocol, pod.ports)
    if (pod.hostNetwork) {
      return ports.map((port) => ({ end: this.#ends.ofNode(pod.addresses[0] ?? ''), port }))
    }
    const entry = this.#book.ofPod(pod.namespace, pod.name)
    if (entry === undefined) return []
    return ports.map((port) => ({ end: this.#ends.ofEntry(entry), port }))
  }

  /** Without running pods, the classes that carry the selector's labels are what the service last stood for. */
  #classTargets(
    namespace: string,
    selector: Labels,
    { protocol, targetPort }: ServicePort,
  ): readonly Target[] {
    const templates = (this.#inventory?.workloads ?? []).filter(
      (workload) => workload.namespace === namespace && matches(selector, workload.labels),
    )
    const ports = portsOf(
      targetPort,
      protocol,
      templates.flatMap((workload) => workload.ports),
    )
    return this.#book
      .sortedEntries()
      .filter((entry) => entry.namespace === namespace)
      .filter((entry) => matches(selector, toLabels(entry.labels.map(splitLabel))))
      .flatMap((entry) => ports.map((port) => ({ end: this.#ends.ofEntry(entry), port })))
  }
}

function matches(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}

function portsOf(
  targetPort: number | string,
  protocol: Protocol,
  ports: InventoryPod['ports'],
): readonly number[] {
  if (typeof targetPort === 'number') return [targetPort]
  return ports
    .filter((port) => port.name === targetPort && port.protocol === protocol)
    .map(({ port }) => port)
}

/** Returns the targets without duplicates, in an order that does not depend on the inventory's. */
function distinct(targets: readonly Target[]): readonly Target[] {
  const sorted = [...targets].sort(
    (a, b) => a.port - b.port || compareTexts(targetText(a), targetText(b)),
  )
  const byKey = new Map<string, Target>()
  for (const target of sorted) {
    const key = `${target.end.id} ${target.port}`
    if (!byKey.has(key)) byKey.set(key, target)
  }
  return [...byKey.values()]
}

function targetText({ end: { end, address } }: Target): string {
  if (end.kind === 'class') return JSON.stringify([end.entry.namespace, ...end.entry.labels])
  return `${end.kind} ${address}`
}

function listAt<Item>(lists: Map<string, Item[]>, key: string): Item[] {
  let list = lists.get(key)
  if (list === undefined) {
    list = []
    lists.set(key, list)
  }
  return list
}
