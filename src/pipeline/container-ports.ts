/** Container ports of classes, which named ports of policies resolve to. */
import type { ContainerPort, Inventory } from '../traffic/inventory.ts'
import type { Traffic } from '../traffic/traffic.ts'

/**
 * Returns a look-up of the named container ports of a class: those of its pods, else of its controllers; undefined where
 * the inventory knows neither.
 */
export function containerPorts(
  traffic: Traffic,
  inventory: Inventory | undefined,
): (classId: number) => readonly ContainerPort[] | undefined {
  const portsOf = everyPort(traffic, inventory)
  return (classId) => portsOf(classId)?.filter((port) => port.name !== '')
}

/** Returns a look-up of all container ports of a class; none where the inventory does not know them. */
export function listeningPorts(
  traffic: Traffic,
  inventory: Inventory | undefined,
): (classId: number) => readonly ContainerPort[] {
  const portsOf = everyPort(traffic, inventory)
  return (classId) => portsOf(classId) ?? []
}

function everyPort(
  traffic: Traffic,
  inventory: Inventory | undefined,
): (classId: number) => readonly ContainerPort[] | undefined {
  if (inventory === undefined) return () => undefined
  const key = (namespace: string, kind: string, name: string): string =>
    JSON.stringify([namespace, kind, name])
  const byOwner = new Map<string, readonly ContainerPort[]>()
  for (const one of inventory.pods) byOwner.set(key(one.namespace, 'Pod', one.name), one.ports)
  for (const one of inventory.workloads)
    byOwner.set(key(one.namespace, one.kind, one.name), one.ports)
  return (classId) => {
    const known = traffic.classes[classId]
    if (known === undefined) return undefined
    const owners = [
      ...known.pods.map((pod) => key(known.namespace, 'Pod', pod.name)),
      ...known.workloads.map((ref) => key(known.namespace, ref.kind, ref.name)),
    ]
    const found = owners.flatMap((owner) => byOwner.get(owner) ?? [])
    if (!owners.some((owner) => byOwner.has(owner))) return undefined
    const unique = new Map(
      found.map((port) => [`${port.name} ${port.protocol} ${port.port}`, port]),
    )
    return [...unique.values()]
  }
}
