/** The ends that a question names: what may be typed, and which ends of the traffic it means. */
import { NetweirError } from '../errors.ts'
import { canonicalAddress } from '../ip.ts'
import type { Labels } from '../labels.ts'
import { labelTexts, namespaceNameLabel, splitLabel, toLabels } from '../labels.ts'
import type { PolicyEndpoint, PolicyPod } from '../policy/network-policy.ts'
import { createEndTexts } from '../traffic/edge-ends.ts'
import type { Inventory } from '../traffic/inventory.ts'
import type { EdgeEnd, Traffic } from '../traffic/traffic.ts'

/** Ends that policies have no name for, as they may be asked for. */
const namedEntities = ['host', 'kube-apiserver', 'remote-node', 'ingress', 'unmanaged'] as const

/** An end as it was typed. */
export type EndQuery =
  | { readonly kind: 'name'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'labels'; readonly namespace: string; readonly labels: Labels }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'entity'; readonly entity: (typeof namedEntities)[number] }

/** One end that a query means. */
export interface FoundEnd {
  /** In words, not escaped. */
  readonly text: string
  readonly endpoint: PolicyEndpoint
  /** Tells whether an end of an edge is this one. */
  readonly is: (end: EdgeEnd) => boolean
}

/** What a query is looked up in. */
export interface EndDirectory {
  readonly traffic: Traffic
  /** Pods of the classes, by position. */
  readonly pods: readonly PolicyPod[]
  readonly inventory?: Inventory
}

/**
 * Returns what `namespace/name`, `namespace/key=value[,key=value]`, an address or the name of an entity asks for, or
 * undefined for a text that is none of them.
 */
export function parseEndQuery(text: string): EndQuery | undefined {
  const entity = namedEntities.find((name) => name === text)
  if (entity !== undefined) return { kind: 'entity', entity }
  const address = canonicalAddress(text)
  if (address !== undefined) return { kind: 'address', address }
  const slash = text.indexOf('/')
  const namespace = text.slice(0, Math.max(slash, 0))
  const rest = text.slice(slash + 1)
  if (!isNamespace(namespace)) return undefined
  if (!rest.includes('=')) {
    return isName(rest) ? { kind: 'name', namespace, name: rest } : undefined
  }
  const parts = rest.split(',')
  if (!parts.every(isLabel)) return undefined
  return { kind: 'labels', namespace, labels: toLabels(parts.map(splitLabel)) }
}

/**
 * Returns the ends that a query means, in the order of their classes. Labels that no known pod carries mean a pod with
 * just these labels.
 *
 * @throws NetweirError `USAGE` for a name that is not known, and for the address of a service.
 */
export function findEnds(query: EndQuery, directory: EndDirectory): readonly FoundEnd[] {
  switch (query.kind) {
    case 'entity':
      return [entityEnd(query.entity, query.entity)]
    case 'address':
      return addressEnds(query.address, directory)
    case 'name':
      return namedEnds(query, directory)
    case 'labels':
      return labelledEnds(query, directory)
  }
}

function isNamespace(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)
}

function isName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)
}

function isLabel(text: string): boolean {
  return /^([-A-Za-z0-9.]+\/)?[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?=[-A-Za-z0-9_.]*$/.test(
    text,
  )
}

function entityEnd(entity: string, text: string): FoundEnd {
  return {
    text,
    endpoint: { kind: 'entity', entity, labels: [entity] },
    is: (end) => end.kind === 'entity' && end.entity === entity,
  }
}

function addressEnds(address: string, directory: EndDirectory): readonly FoundEnd[] {
  const { inventory } = directory
  const service = inventory?.services.find(({ clusterIps }) => clusterIps.includes(address))
  if (service !== undefined) {
    throw new NetweirError(
      'USAGE',
      `"${address}" is the address of the service "${service.namespace}/${service.name}", which policies never see`,
      { hint: 'name a pod or a workload behind it' },
    )
  }
  const node = inventory?.nodes.find(({ addresses }) => addresses.includes(address))
  if (node !== undefined) return [entityEnd('remote-node', `remote-node (${address})`)]
  const pod = inventory?.pods.find(
    ({ addresses, running }) => running && addresses.includes(address),
  )
  if (pod !== undefined) {
    return namedEnds({ kind: 'name', namespace: pod.namespace, name: pod.name }, directory)
  }
  return [
    {
      text: address,
      endpoint: { kind: 'address', address },
      is: (end) => end.kind === 'address' && end.address === address,
    },
  ]
}

function namedEnds(
  { namespace, name }: Extract<EndQuery, { kind: 'name' }>,
  directory: EndDirectory,
): readonly FoundEnd[] {
  const { classes } = directory.traffic
  const own = classes.filter((known) => known.namespace === namespace)
  const pods = own.filter((known) => known.pods.some((pod) => pod.name === name))
  const found =
    pods.length > 0
      ? pods
      : own.filter((known) => known.workloads.some((workload) => workload.name === name))
  if (found.length > 0) return classEnds(found, directory)
  const names = [...new Set(own.flatMap((known) => known.workloads.map((ref) => ref.name)))].sort()
  throw new NetweirError(
    'USAGE',
    `no pod or workload "${name}" is known in namespace "${namespace}"`,
    {
      hint:
        names.length === 0
          ? `give recorded flows or --inventory, or name its labels: ${namespace}/key=value`
          : `known there: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''}`,
    },
  )
}

function labelledEnds(
  { namespace, labels }: Extract<EndQuery, { kind: 'labels' }>,
  directory: EndDirectory,
): readonly FoundEnd[] {
  const { traffic } = directory
  const found = traffic.classes.filter(
    (known) =>
      known.namespace === namespace &&
      Object.keys(labels).every(
        (key) => Object.hasOwn(known.labels, key) && known.labels[key] === labels[key],
      ),
  )
  if (found.length > 0) return classEnds(found, directory)
  const namespaceLabels = Object.hasOwn(traffic.namespaces, namespace)
    ? Object.entries(traffic.namespaces[namespace] ?? {})
    : []
  return [
    {
      text: `any pod with ${labelTexts(labels).join(', ')} in namespace ${namespace}`,
      endpoint: {
        kind: 'pod',
        namespace,
        namespaceLabels: toLabels([...namespaceLabels, [namespaceNameLabel, namespace]]),
        labels,
      },
      is: () => false,
    },
  ]
}

function classEnds(
  found: Traffic['classes'],
  { traffic, pods }: EndDirectory,
): readonly FoundEnd[] {
  const endText = createEndTexts(traffic)
  return found.flatMap(({ id }): readonly FoundEnd[] => {
    const endpoint = pods[id]
    if (endpoint === undefined) return []
    return [
      {
        text: endText({ kind: 'class', class: id }),
        endpoint,
        is: (end) => end.kind === 'class' && end.class === id,
      },
    ]
  })
}
