/** Ends of edges in words. */
import { labelTexts } from '../labels.ts'
import type { EdgeEnd, Traffic, TrafficClass } from './traffic.ts'

/** Names of an address that are spelled out. */
const maxNames = 2

/**
 * Returns how the ends of a traffic's edges read: `shop/web` for a class, with its labels where another class has the
 * same name, `203.0.113.7 (api.example.com)`, an entity's name, a pod whose labels are unknown. Not escaped.
 */
export function createEndTexts(traffic: Traffic): (end: EdgeEnd) => string {
  const counts = new Map<string, number>()
  for (const name of traffic.classes.map(className)) counts.set(name, (counts.get(name) ?? 0) + 1)
  const classTexts = traffic.classes.map((record) => {
    const name = className(record)
    const labels = labelTexts(record.labels).join(',')
    return counts.get(name) === 1 ? name : `${name} {${labels}}`
  })
  return (end) => {
    switch (end.kind) {
      case 'class':
        return classTexts[end.class] ?? `class ${end.class}`
      case 'address':
        return addressText(end.address, [...end.labels, ...end.names])
      case 'entity':
        return end.entity
      case 'unresolved':
        return `${end.namespace}/${end.pod} (labels unknown)`
      case 'remote':
        return `${end.cluster}:${end.namespace} {${labelTexts(end.labels).join(',')}}`
    }
  }
}

function className({ namespace, workloads }: TrafficClass): string {
  const names = [...new Set(workloads.map((workload) => workload.name))].sort()
  return `${namespace}/${names.length === 0 ? 'unnamed' : names.join('+')}`
}

function addressText(address: string, names: readonly string[]): string {
  if (names.length === 0) return address
  const shown = names.slice(0, maxNames).join(', ')
  return `${address} (${shown}${names.length > maxNames ? ', ...' : ''})`
}

/**
 * Returns the identity labels of an end that is no pod of the local cluster and no address: reserved ones, or those of a
 * pod of another cluster with their source (`k8s:app=web`).
 */
export function identityLabels(
  end: Extract<EdgeEnd, { readonly kind: 'entity' | 'remote' }>,
): readonly string[] {
  if (end.kind === 'entity') return end.labels.length > 0 ? end.labels : [end.entity]
  return [
    ...labelTexts(end.labels).map((label) => `k8s:${label}`),
    `k8s:io.kubernetes.pod.namespace=${end.namespace}`,
    `k8s:io.cilium.k8s.policy.cluster=${end.cluster}`,
  ]
}

/**
 * Returns the outside addresses among some ends, each once, with every name and label that any of its edges knows it by:
 * whose name it was stands on the edge.
 */
export function addressMarks(
  ends: readonly EdgeEnd[],
): ReadonlyMap<string, { readonly names: readonly string[]; readonly labels: readonly string[] }> {
  const found = new Map<string, { readonly names: Set<string>; readonly labels: Set<string> }>()
  for (const end of ends) {
    if (end.kind !== 'address') continue
    const known = found.get(end.address) ?? { names: new Set(), labels: new Set() }
    found.set(end.address, known)
    for (const name of end.names) known.names.add(name)
    for (const label of end.labels) known.labels.add(label)
  }
  return new Map(
    [...found].map(([address, { names, labels }]) => [
      address,
      { names: [...names].sort(), labels: [...labels].sort() },
    ]),
  )
}
