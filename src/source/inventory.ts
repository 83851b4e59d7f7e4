/** What the cluster contains, from manifests as kubectl gives them. */
import { canonicalAddress } from '../ip.ts'
import type { Labels } from '../labels.ts'
import { namespaceNameLabel, toLabels } from '../labels.ts'
import { Field } from '../policy/field.ts'
import type { Manifest } from '../policy/manifest.ts'
import { Problems } from '../policy/problems.ts'
import type {
  Inventory,
  InventoryNamespace,
  InventoryNode,
  InventoryPod,
  InventoryService,
  InventoryWorkload,
} from '../traffic/inventory.ts'
import { Owners, readOwner } from './owner.ts'
import { readPodShape, readPortNumber, readProtocol } from './pod-template.ts'
import { ServiceEndpoints } from './service-endpoints.ts'

/** Controllers, each with the way from it to its pod template. */
const workloadTemplates: Readonly<Record<string, readonly string[]>> = {
  'apps/v1 Deployment': ['spec', 'template'],
  'apps/v1 StatefulSet': ['spec', 'template'],
  'apps/v1 DaemonSet': ['spec', 'template'],
  'apps/v1 ReplicaSet': ['spec', 'template'],
  'v1 ReplicationController': ['spec', 'template'],
  'batch/v1 Job': ['spec', 'template'],
  'batch/v1 CronJob': ['spec', 'jobTemplate', 'spec', 'template'],
  'argoproj.io/v1alpha1 Rollout': ['spec', 'template'],
}

const webhookKinds: ReadonlySet<string> = new Set([
  'admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration',
  'admissionregistration.k8s.io/v1 MutatingWebhookConfiguration',
])

type ApiServerBackend = Inventory['apiServerBackends'][number]
type ServicePort = InventoryService['ports'][number]

/**
 * Returns the inventory that the manifests make up, everything sorted by name; kinds that it has no place for are
 * passed over. An object that is given twice counts as it stands last.
 *
 * @throws NetweirError `MANIFEST_INVALID` with every member that is not what it should be.
 */
export function toInventory(manifests: readonly Manifest[]): Inventory {
  const reader = new InventoryReader()
  for (const manifest of manifests) reader.addController(manifest)
  for (const manifest of manifests) reader.add(manifest)
  return reader.finish()
}

class InventoryReader {
  readonly #problems = new Problems()
  readonly #owners = new Owners()
  readonly #pods = new Map<string, InventoryPod>()
  readonly #namespaces = new Map<string, InventoryNamespace>()
  readonly #workloads = new Map<string, InventoryWorkload>()
  readonly #services = new Map<string, InventoryService>()
  readonly #endpoints = new ServiceEndpoints()
  readonly #nodes = new Map<string, InventoryNode>()
  readonly #backends = new Map<string, ApiServerBackend>()
  #hasWorkloads = false

  /** Remembers whose a controller is: pods need it wherever in the input the controller stands. */
  addController(manifest: Manifest): void {
    if (!Object.hasOwn(workloadTemplates, typeOf(manifest))) return
    this.#hasWorkloads = true
    // Problems of the object are found when it is read as a workload.
    this.#owners.add(manifest, readOwner(Field.of(manifest, new Problems())))
  }

  add(manifest: Manifest): void {
    const object = Field.of(manifest, this.#problems)
    const type = typeOf(manifest)
    if (Object.hasOwn(workloadTemplates, type)) this.#addWorkload(manifest, object)
    else if (type === 'v1 Pod') this.#addPod(manifest, object)
    else if (type === 'v1 Namespace') this.#addNamespace(manifest, object)
    else if (type === 'v1 Service') this.#addService(manifest, object)
    else if (type === 'v1 Node') this.#addNode(manifest, object)
    else if (type === 'discovery.k8s.io/v1 EndpointSlice') this.#endpoints.add(manifest, object)
    else if (webhookKinds.has(type)) {
      for (const webhook of object.member('webhooks').items() ?? []) {
        this.#addBackend(webhook.member('clientConfig').member('service'))
      }
    } else if (type === 'apiregistration.k8s.io/v1 APIService') {
      this.#addBackend(object.member('spec').member('service'))
    }
  }

  finish(): Inventory {
    this.#problems.throwIfAny('MANIFEST_INVALID')
    return {
      pods: sorted(this.#pods),
      namespaces: sorted(this.#namespaces),
      workloads: sorted(this.#workloads),
      services: sorted(this.#services).map((service) => this.#endpoints.complete(service)),
      nodes: sorted(this.#nodes),
      apiServerBackends: sorted(this.#backends),
      has: {
        pods: this.#pods.size > 0,
        workloads: this.#hasWorkloads,
        services: this.#services.size > 0,
      },
    }
  }

  #addPod(manifest: Manifest, object: Field): void {
    const { namespace, name } = namesOf(manifest, object)
    const status = object.member('status')
    const phase = status.member('phase').text()
    const shape = readPodShape(object)
    const owner = readOwner(object)
    this.#pods.set(`${namespace}/${name}`, {
      namespace,
      name,
      ...shape,
      addresses: readAddresses([
        status.member('podIP'),
        ...(status.member('podIPs').items() ?? []).map((each) => each.member('ip')),
      ]),
      ...(owner && { workload: this.#owners.workloadOf(namespace, owner, shape.labels) }),
      running: phase !== 'Succeeded' && phase !== 'Failed',
    })
  }

  #addWorkload(manifest: Manifest, object: Field): void {
    const { kind } = manifest
    const { namespace, name } = namesOf(manifest, object)
    const template = (workloadTemplates[typeOf(manifest)] ?? []).reduce(
      (field, step) => field.member(step),
      object,
    )
    const replicas = object.member('spec').member('replicas').integer()
    const selector = readWorkloadSelector(manifest, object)
    const schedule =
      kind === 'CronJob' ? object.member('spec').member('schedule').text() : undefined
    // A controller that another one made is no workload of its own, and one without template says nothing of pods.
    const isMade = this.#owners.workloadOf(namespace, { kind, name }, toLabels([])).kind !== kind
    if (isMade || template.mapping() === undefined) return
    this.#workloads.set(`${namespace}/${name}/${kind}`, {
      kind,
      name,
      namespace,
      ...(selector && { selector }),
      ...readPodShape(template),
      ...(replicas !== undefined && { replicas }),
      ...(schedule !== undefined && { schedule }),
    })
  }

  #addNamespace(manifest: Manifest, object: Field): void {
    const { name } = namesOf(manifest, object)
    const labels = object.member('metadata').member('labels').labels() ?? {}
    this.#namespaces.set(name, {
      name,
      labels: toLabels([...Object.entries(labels), [namespaceNameLabel, name]]),
    })
  }

  #addService(manifest: Manifest, object: Field): void {
    const { namespace, name } = namesOf(manifest, object)
    const spec = object.member('spec')
    const ports = spec.member('ports').items() ?? []
    this.#endpoints.namePorts(namespace, name, ports)
    const loadBalancer = object.member('status').member('loadBalancer')
    const selector = spec.member('selector').labels() ?? {}
    const ranges = spec.member('loadBalancerSourceRanges').items() ?? []
    this.#services.set(`${namespace}/${name}`, {
      namespace,
      name,
      type: spec.member('type').text() ?? 'ClusterIP',
      ...(Object.keys(selector).length > 0 && { selector }),
      clusterIps: readAddresses([
        spec.member('clusterIP'),
        ...(spec.member('clusterIPs').items() ?? []),
      ]),
      externalIps: readAddresses([
        ...(spec.member('externalIPs').items() ?? []),
        ...(loadBalancer.member('ingress').items() ?? []).map((each) => each.member('ip')),
      ]),
      loadBalancerSourceRanges: ranges.flatMap((each) => each.text() ?? []),
      ports: ports.flatMap((port) => readServicePort(port) ?? []),
    })
  }

  #addNode(manifest: Manifest, object: Field): void {
    const { name } = namesOf(manifest, object)
    const spec = object.member('spec')
    const podCidrs = [spec.member('podCIDR'), ...(spec.member('podCIDRs').items() ?? [])]
    const addresses = object.member('status').member('addresses').items() ?? []
    this.#nodes.set(name, {
      name,
      addresses: readAddresses(addresses.map((each) => each.member('address'))),
      podCidrs: [...new Set(podCidrs.flatMap((each) => each.text() ?? []))],
    })
  }

  #addBackend(reference: Field): void {
    const service = reference.member('name').text()
    const namespace = reference.member('namespace').text()
    const port = readPortNumber(reference.member('port')) ?? 443
    if (service === undefined || namespace === undefined) return
    this.#backends.set(`${namespace}/${service}/${port}`, { namespace, service, port })
  }
}

/** Jobs get a generated selector, which tells nothing that outlives a run. */
function readWorkloadSelector({ kind }: Manifest, object: Field): Labels | undefined {
  if (kind === 'Job' || kind === 'CronJob') return undefined
  const selector = object.member('spec').member('selector')
  return (kind === 'ReplicationController' ? selector : selector.member('matchLabels')).labels()
}

function readServicePort(field: Field): ServicePort | undefined {
  const port = readPortNumber(field.member('port'))
  const protocol = readProtocol(field.member('protocol'))
  const nodePort = readNodePort(field.member('nodePort'))
  const target = field.member('targetPort')
  const targetPort = typeof target.value === 'string' ? target.value : readPortNumber(target)
  if (port === undefined || protocol === undefined) return undefined
  return {
    protocol,
    port,
    targetPort: targetPort ?? port,
    ...(nodePort !== undefined && { nodePort }),
  }
}

/** Zero stands for a node port that is not assigned. */
function readNodePort(field: Field): number | undefined {
  return field.value === 0 ? undefined : readPortNumber(field)
}

/** Returns the addresses among the fields in canonical form, each once; `None`, host names and absent ones are none. */
function readAddresses(fields: readonly Field[]): readonly string[] {
  const addresses = fields.map((field) => canonicalAddress(field.text() ?? ''))
  return [...new Set(addresses.filter((address) => address !== undefined))]
}

function namesOf(
  manifest: Manifest,
  object: Field,
): { readonly namespace: string; readonly name: string } {
  const metadata = object.member('metadata')
  const name = metadata.member('name').text()
  if (name === undefined || name === '') metadata.member('name').problem('is required')
  metadata.member('namespace').text()
  return { namespace: manifest.namespace || 'default', name: name ?? '' }
}

function typeOf({ apiVersion, kind }: Manifest): string {
  return `${apiVersion} ${kind}`
}

function sorted<T>(byKey: ReadonlyMap<string, T>): readonly T[] {
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([_key, value]) => value)
}
