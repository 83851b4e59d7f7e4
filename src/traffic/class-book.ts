/** The classes of the local cluster: those that flows showed, and those that only the inventory knows. */
import { isGenerationLabelKey, isVolatileLabelKey } from '../flow/labels.ts'
import type { Labels } from '../labels.ts'
import { labelTexts, splitLabel, toLabels } from '../labels.ts'
import type { CommunicationSet, PodRecord } from './communication-set.ts'
import type { CountedEdges } from './counted-edge.ts'
import type { Inventory, InventoryPod, InventoryWorkload, WorkloadRef } from './inventory.ts'
import { isLocal } from './local-cluster.ts'
import { compareTextLists, compareTexts, keyOf } from './text-key.ts'
import { spanOf } from './timestamp.ts'
import type { TrafficClass, TrafficPod } from './traffic.ts'
import { labelSet, resolveWorkload } from './workload.ts'

/** What the classes are made of. */
export type ClassSource = Pick<CommunicationSet, 'classes' | 'pods'>

/** A class while it is being put together. */
export interface ClassEntry {
  readonly namespace: string
  /** `key=value`, sorted. */
  readonly labels: readonly string[]
  readonly pods: Map<string, TrafficPod>
  /** Workloads of templates, which have no pods. */
  readonly templates: WorkloadRef[]
  readonly observed: boolean
}

interface SeenPod {
  readonly entry: ClassEntry
  /** -Infinity when no time is known. */
  readonly lastMs: number
}

/** The book. */
export class ClassBook {
  readonly #local: string
  readonly #entries = new Map<string, ClassEntry>()
  /** By position in the set. */
  readonly #ofSet: (ClassEntry | undefined)[]
  readonly #inventoryPods = new Map<string, InventoryPod>()
  /** The class that a pod, by namespace and name, was last seen with. */
  readonly #podClasses = new Map<string, SeenPod>()
  /** The class that pods with these inventory labels show in flows, where the CNI hides some of them. */
  readonly #shown = new Map<string, SeenPod>()

  constructor(
    set: ClassSource,
    edges: CountedEdges,
    local: string,
    inventory: Inventory | undefined,
  ) {
    this.#local = local
    for (const pod of inventory?.pods ?? []) {
      this.#inventoryPods.set(keyOf([pod.namespace, pod.name]), pod)
    }
    this.#ofSet = this.#enterSet(set)
    if (inventory !== undefined) this.#enterInventory(inventory, namedPods(edges))
  }

  /** Returns the entry of a class of the set; undefined when it is remote or lives on the node's network. */
  ofSetClass(position: number): ClassEntry | undefined {
    return this.#ofSet[position]
  }

  /** Returns the entry of a pod that is known by name, if any. */
  ofPod(namespace: string, name: string): ClassEntry | undefined {
    return this.#podClasses.get(keyOf([namespace, name]))?.entry
  }

  /** Tells whether the inventory says that a pod has its node's network, so that no selector can name it. */
  isOnHostNetwork(namespace: string, name: string): boolean {
    return this.#inventoryPods.get(keyOf([namespace, name]))?.hostNetwork === true
  }

  /** Returns all entries, sorted: positions are the ids of {@link classes}. */
  sortedEntries(): readonly ClassEntry[] {
    return [...this.#entries.values()].sort(compareEntries)
  }

  #enterSet(set: ClassSource): (ClassEntry | undefined)[] {
    const pods = podsByClass(set)
    return set.classes.map((record, position) => {
      const ownPods = pods[position] ?? []
      if (!isLocal(record.cluster, this.#local)) return undefined
      if (this.#areOnHostNetwork(record.namespace, ownPods)) return undefined
      const entry = this.#entry(record.namespace, record.labels, { observed: true })
      for (const pod of ownPods) this.#enterSeenPod(entry, pod)
      return entry
    })
  }

  #areOnHostNetwork(namespace: string, pods: readonly PodRecord[]): boolean {
    return pods.length > 0 && pods.every((pod) => this.isOnHostNetwork(namespace, pod.name))
  }

  #enterSeenPod(entry: ClassEntry, pod: PodRecord): void {
    const { name, workload, generation = [] } = pod
    const key = keyOf([entry.namespace, name])
    const inventory = this.#controllerOf(this.#inventoryPods.get(key))
    const facts = {
      name,
      generation,
      labels: entry.labels,
      ...(workload === undefined ? {} : { reported: workload }),
      ...(inventory === undefined ? {} : { inventory }),
    }
    entry.pods.set(keyOf([name, ...generation]), { name, generation, ...resolveWorkload(facts) })
    keepLatest(this.#podClasses, key, { entry, lastMs: spanOf(pod).lastMs })
  }

  #controllerOf(pod: InventoryPod | undefined): WorkloadRef | undefined {
    if (pod === undefined) return undefined
    return pod.workload ?? { kind: 'Pod', name: pod.name }
  }

  #enterInventory(inventory: Inventory, named: ReadonlySet<string>): void {
    const unseen: InventoryPod[] = []
    for (const pod of this.#inventoryPods.values()) {
      const seen = this.#podClasses.get(keyOf([pod.namespace, pod.name]))
      const labels = stableLabels(pod.labels)
      if (seen !== undefined && isAmong(seen.entry.labels, labels)) {
        keepLatest(this.#shown, keyOf([pod.namespace, ...labels]), seen)
      } else if (!pod.hostNetwork && (pod.running || named.has(keyOf([pod.namespace, pod.name])))) {
        unseen.push(pod)
      }
    }
    for (const pod of unseen) this.#enterUnseenPod(pod)
    const running = new Set(
      inventory.pods
        .filter((pod) => pod.running)
        .map((pod) => workloadKey(pod.namespace, pod.workload)),
    )
    const observed = this.sortedEntries().filter((entry) => entry.observed)
    for (const workload of inventory.workloads) {
      if (!(workload.hostNetwork || running.has(workloadKey(workload.namespace, workload)))) {
        this.#enterTemplate(workload, observed)
      }
    }
  }

  #enterUnseenPod(pod: InventoryPod): void {
    const labels = stableLabels(pod.labels)
    const entry =
      this.#knownEntry(pod.namespace, labels) ??
      this.#entry(pod.namespace, labels, { observed: false })
    const generation = labelTexts(pod.labels).filter((label) =>
      isGenerationLabelKey(splitLabel(label)[0]),
    )
    entry.pods.set(keyOf([pod.name, ...generation]), {
      name: pod.name,
      generation,
      workload: pod.workload ?? { kind: 'Pod', name: pod.name },
      resolvedBy: 'inventory',
      unseen: true,
    })
    const key = keyOf([pod.namespace, pod.name])
    keepLatest(this.#podClasses, key, { entry, lastMs: Number.NEGATIVE_INFINITY })
  }

  #enterTemplate(workload: InventoryWorkload, observed: readonly ClassEntry[]): void {
    const { namespace, kind, name } = workload
    const labels = stableLabels(workload.labels)
    const entry =
      this.#knownEntry(namespace, labels) ??
      observed.find((entry) => showsWorkload(entry, workload, labels)) ??
      this.#entry(namespace, labels, { observed: false })
    entry.templates.push({ kind, name })
  }

  /** Returns the class of pods with these inventory labels: the one that shows them all, else what is visible of it. */
  #knownEntry(namespace: string, labels: readonly string[]): ClassEntry | undefined {
    const key = keyOf([namespace, ...labels])
    return this.#entries.get(key) ?? this.#shown.get(key)?.entry
  }

  #entry(
    namespace: string,
    labels: readonly string[],
    { observed }: { readonly observed: boolean },
  ): ClassEntry {
    const key = keyOf([namespace, ...labels])
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { namespace, labels, pods: new Map(), templates: [], observed }
      this.#entries.set(key, entry)
    }
    return entry
  }
}

/** Returns the entry as a class of the traffic. */
export function trafficClass(entry: ClassEntry, id: number): TrafficClass {
  const pods = [...entry.pods.values()].sort(
    (a, b) => compareTexts(a.name, b.name) || compareTextLists(a.generation, b.generation),
  )
  const workloads = new Map<string, WorkloadRef>()
  for (const workload of [...pods.map((pod) => pod.workload), ...entry.templates]) {
    workloads.set(keyOf([workload.kind, workload.name]), workload)
  }
  const sorted = [...workloads.values()].sort(
    (a, b) => compareTexts(a.kind, b.kind) || compareTexts(a.name, b.name),
  )
  return {
    id,
    namespace: entry.namespace,
    labels: toLabels(entry.labels.map(splitLabel)),
    pods,
    workloads: sorted.length > 0 ? sorted : [labelSet(entry.labels)],
    observed: entry.observed,
  }
}

/** Tells whether labels that flows show are some, or all, of what the inventory says. */
function isAmong(shown: readonly string[], labels: readonly string[]): boolean {
  return shown.every((label) => labels.includes(label))
}

/** Tells whether a class is what flows show of a workload whose pods are gone: its labels are among the template's. */
function showsWorkload(
  entry: ClassEntry,
  workload: InventoryWorkload,
  templateLabels: readonly string[],
): boolean {
  return (
    entry.namespace === workload.namespace &&
    isAmong(entry.labels, templateLabels) &&
    [...entry.pods.values()].some(
      (pod) => pod.workload.kind === workload.kind && pod.workload.name === workload.name,
    )
  )
}

/** Returns `key=value` of the labels that policies may use, sorted. */
function stableLabels(labels: Labels): readonly string[] {
  return labelTexts(labels).filter((label) => !isVolatileLabelKey(splitLabel(label)[0]))
}

/** Later sightings win; of sightings at the same time the class that comes first. */
function keepLatest(seen: Map<string, SeenPod>, key: string, sighting: SeenPod): void {
  const known = seen.get(key)
  const isLater =
    known === undefined ||
    sighting.lastMs > known.lastMs ||
    (sighting.lastMs === known.lastMs && compareEntries(sighting.entry, known.entry) < 0)
  if (isLater) seen.set(key, sighting)
}

function compareEntries(a: ClassEntry, b: ClassEntry): number {
  return compareTexts(a.namespace, b.namespace) || compareTextLists(a.labels, b.labels)
}

function workloadKey(namespace: string, workload: WorkloadRef | undefined): string {
  return workload === undefined ? '' : keyOf([namespace, workload.kind, workload.name])
}

function podsByClass(set: ClassSource): readonly (readonly PodRecord[])[] {
  const pods: PodRecord[][] = set.classes.map(() => [])
  for (const pod of set.pods) pods[pod.class]?.push(pod)
  return pods
}

/** Returns namespace and name of the pods that communications know by name alone. */
function namedPods({ communications, pending }: CountedEdges): ReadonlySet<string> {
  const named = new Set<string>()
  for (const { from, to } of [...communications, ...pending]) {
    for (const end of [from, to]) if ('pod' in end) named.add(keyOf([end.namespace, end.pod]))
  }
  return named
}
