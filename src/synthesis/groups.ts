/** Groups: workloads that share a class, found once for a whole traffic. */
import type { Labels } from '../labels.ts'
import { labelTexts } from '../labels.ts'
import type { Inventory, InventoryWorkload, WorkloadRef } from '../traffic/inventory.ts'
import type { Traffic, TrafficClass } from '../traffic/traffic.ts'
import type { Group } from './synthesis.ts'
import { detectVolatileKeys } from './volatility.ts'

/** Groups of a traffic, with what the whole picture says of label keys. */
export interface Grouping {
  readonly groups: readonly Group[]
  /** Position in `groups` of each class. */
  readonly groupOf: readonly number[]
  /** Keys that data shows to change with a rollout or a pod, or to look like a version (`algorithms.md` A.3). */
  readonly suspectKeys: ReadonlySet<string>
}

/**
 * Returns the identity groups of a traffic: the connected components of workloads and classes (`reference/algorithms.md`
 * section 0).
 */
export function groupClasses(traffic: Traffic, inventory: Inventory | undefined): Grouping {
  const { volatile, suspect } = detectVolatileKeys(rolloutsOf(traffic, inventory))
  const parent = traffic.classes.map((known) => known.id)
  const root = (id: number): number => {
    let at = id
    while (parent[at] !== at) at = parent[at] ?? at
    return at
  }
  const firstWith = new Map<string, number>()
  const join = (key: string, id: number): void => {
    const first = firstWith.get(key)
    if (first === undefined) firstWith.set(key, id)
    else parent[Math.max(root(first), root(id))] = Math.min(root(first), root(id))
  }
  for (const known of traffic.classes) {
    join(JSON.stringify([known.namespace, labelTexts(known.labels)]), known.id)
    for (const workload of known.workloads) {
      join(JSON.stringify([known.namespace, workload.kind, workload.name, 'workload']), known.id)
    }
  }
  const members = new Map<number, TrafficClass[]>()
  for (const known of traffic.classes) {
    const list = members.get(root(known.id))
    if (list === undefined) members.set(root(known.id), [known])
    else list.push(known)
  }
  const unordered = [...members.values()].map(describeGroup)
  unordered.sort((a, b) => compare(a.key, b.key))
  const groups = unordered.map(({ group }, id) => ({ ...group, id }))
  const groupOf: number[] = []
  for (const group of groups) for (const id of group.classes) groupOf[id] = group.id
  return { groups, groupOf, suspectKeys: new Set([...volatile, ...suspect]) }
}

/** Returns the controllers of the inventory that a group consists of. */
export function controllersOf(
  group: Group,
  inventory: Inventory | undefined,
): readonly InventoryWorkload[] {
  if (inventory === undefined) return []
  return inventory.workloads.filter(
    (workload) =>
      workload.namespace === group.namespace &&
      group.workloads.some((ref) => ref.kind === workload.kind && ref.name === workload.name),
  )
}

function describeGroup(classes: readonly TrafficClass[]): {
  group: Omit<Group, 'id'>
  key: string
} {
  const namespace = classes[0]?.namespace ?? ''
  const byKey = new Map<string, WorkloadRef>()
  for (const known of classes) {
    for (const workload of known.workloads) {
      byKey.set(JSON.stringify([workload.name, workload.kind]), workload)
    }
  }
  const keys = [...byKey.keys()].sort(compare)
  const workloads = keys.flatMap((key) => byKey.get(key) ?? [])
  const names = [...new Set(workloads.map((workload) => workload.name))]
  const shown = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names
  return {
    group: {
      namespace,
      workloads,
      classes: classes.map((known) => known.id),
      name: `${namespace}/${shown.join('+') || 'unnamed'}`,
    },
    key: JSON.stringify([namespace, keys, classes.map((known) => labelTexts(known.labels))]),
  }
}

function rolloutsOf(
  traffic: Traffic,
  inventory: Inventory | undefined,
): Parameters<typeof detectVolatileKeys>[0] {
  const selectors = new Map<string, readonly string[]>()
  for (const workload of inventory?.workloads ?? []) {
    const key = JSON.stringify([workload.namespace, workload.kind, workload.name])
    selectors.set(key, Object.keys(workload.selector ?? {}))
  }
  const pods = new Map<string, { name: string; labels: Labels; generation: readonly string[] }[]>()
  for (const known of traffic.classes) {
    for (const pod of known.pods) {
      const key = JSON.stringify([known.namespace, pod.workload.kind, pod.workload.name])
      const list = pods.get(key) ?? []
      if (list.length === 0) pods.set(key, list)
      list.push({ name: pod.name, labels: known.labels, generation: pod.generation })
    }
  }
  return [...pods.keys()].sort(compare).map((key) => ({
    selectorKeys: selectors.get(key) ?? [],
    pods: pods.get(key) ?? [],
  }))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
