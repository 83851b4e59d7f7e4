/** Services of the inventory, and the groups whose pods answer for them. */
import type { Labels } from '../labels.ts'
import type { PortProtocol } from '../policy/network-policy.ts'
import { selectorMatches } from '../policy/selector.ts'
import type { ContainerPort, InventoryService, WorkloadRef } from '../traffic/inventory.ts'
import { controllersOf } from './groups.ts'
import type { Plan } from './plan.ts'
import { classesOf } from './plan.ts'
import type { Group } from './synthesis.ts'

/** Tells whether pods of the group are behind a service. */
export function isBehind(plan: Plan, group: Group, service: InventoryService): boolean {
  const matchLabels = service.selector
  if (matchLabels === undefined || service.namespace !== group.namespace) return false
  const labels = [
    ...membersOf(plan, group).map((one) => one.labels),
    ...classesOf(plan, group).map((known) => known.labels),
  ]
  return labels.some((some) => selectorMatches({ matchLabels }, some))
}

/** Returns the numbers that a target port means on the pods of a group; none for a name that nobody can resolve. */
export function targetPorts(
  plan: Plan,
  group: Group,
  target: number | string,
  protocol: PortProtocol,
): readonly number[] {
  if (typeof target === 'number') return [target]
  const numbers = membersOf(plan, group)
    .flatMap((one) => one.ports)
    .filter((port) => port.name === target && port.protocol === protocol)
    .map((port) => port.port)
  return [...new Set(numbers)].sort((a, b) => a - b)
}

/** What the inventory shows of a group: its controllers and its pods, with all their labels. */
function membersOf(
  plan: Plan,
  group: Group,
): readonly { readonly labels: Labels; readonly ports: readonly ContainerPort[] }[] {
  const { inventory } = plan.options
  const names = new Set(
    classesOf(plan, group).flatMap((known) => known.pods.map((pod) => pod.name)),
  )
  const isOwn = (workload: WorkloadRef | undefined): boolean =>
    group.workloads.some((ref) => ref.kind === workload?.kind && ref.name === workload.name)
  const pods = (inventory?.pods ?? []).filter(
    (pod) => pod.namespace === group.namespace && (names.has(pod.name) || isOwn(pod.workload)),
  )
  return [...controllersOf(group, inventory), ...pods]
}
