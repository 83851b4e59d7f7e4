/** What a pod, or the template of one, says about its labels, ports and probes. */
import type { Labels } from '../labels.ts'
import { toLabels } from '../labels.ts'
import type { Field } from '../policy/field.ts'
import type { ContainerPort } from '../traffic/inventory.ts'

/** The part of a pod that its controller's template decides. */
export interface PodShape {
  readonly labels: Labels
  readonly hostNetwork: boolean
  /** Sorted, each once. */
  readonly ports: readonly ContainerPort[]
  /** Sorted, each once. */
  readonly probePorts: readonly number[]
}

/** Returns the shape of a pod or of a pod template: anything with metadata and a pod's spec. */
export function readPodShape(pod: Field): PodShape {
  const spec = pod.member('spec')
  const containers = [
    ...(spec.member('containers').items() ?? []),
    ...(spec.member('initContainers').items() ?? []).filter(isSidecar),
  ].map(readContainer)
  return {
    labels: pod.member('metadata').member('labels').labels() ?? toLabels([]),
    hostNetwork: spec.member('hostNetwork').flag() ?? false,
    ports: sortPorts(containers.flatMap(({ ports }) => ports)),
    probePorts: [...new Set(containers.flatMap(({ probePorts }) => probePorts))].sort(
      (a, b) => a - b,
    ),
  }
}

/** Init containers with this policy keep running beside the others; all the rest are gone when traffic begins. */
function isSidecar(container: Field): boolean {
  return container.member('restartPolicy').value === 'Always'
}

function readContainer(container: Field): {
  readonly ports: readonly ContainerPort[]
  readonly probePorts: readonly number[]
} {
  const ports = (container.member('ports').items() ?? []).flatMap((port) => readPort(port) ?? [])
  const probePorts = ['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((probe) =>
    readProbe(container.member(probe), ports),
  )
  return { ports, probePorts }
}

function readPort(field: Field): ContainerPort | undefined {
  const port = readPortNumber(field.member('containerPort'))
  const protocol = readProtocol(field.member('protocol'))
  if (port === undefined || protocol === undefined) return undefined
  return { name: field.member('name').text() ?? '', protocol, port }
}

function readProbe(probe: Field, ports: readonly ContainerPort[]): readonly number[] {
  return ['httpGet', 'tcpSocket', 'grpc'].flatMap((kind) => {
    const port = probe.member(kind).member('port')
    if (!port.isPresent) return []
    if (typeof port.value !== 'string') return readPortNumber(port) ?? []
    // A name that no port of the container has makes the probe fail: there is nothing to open for it.
    return ports
      .filter(({ name, protocol }) => name === port.value && protocol === 'TCP')
      .map((named) => named.port)
  })
}

/** Returns a port; undefined when it is absent, and a problem when it is no port. */
export function readPortNumber(field: Field): number | undefined {
  const port = field.integer()
  if (port === undefined || (port >= 1 && port <= 65_535)) return port
  field.problem(`must be from 1 to 65535, is ${port}`)
  return undefined
}

/** Returns a transport protocol, TCP when it is absent; undefined and a problem when it is another text. */
export function readProtocol(field: Field): ContainerPort['protocol'] | undefined {
  const protocol = field.text() ?? 'TCP'
  if (protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP') return protocol
  field.problem('must be one of TCP, UDP, SCTP')
  return undefined
}

function sortPorts(ports: readonly ContainerPort[]): readonly ContainerPort[] {
  const keyed = new Map(
    ports.map((port) => [
      `${port.protocol} ${String(port.port).padStart(5, '0')} ${port.name}`,
      port,
    ]),
  )
  return [...keyed].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([_key, port]) => port)
}
