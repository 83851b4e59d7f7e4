/** What the cluster is said to contain: plain data that `source/` reads from manifests. */
import type { Labels } from '../labels.ts'

/** Kind and name of a controller within a namespace. */
export interface WorkloadRef {
  readonly kind: string
  readonly name: string
}

/** A container port. */
export interface ContainerPort {
  /** Empty when the port has no name. */
  readonly name: string
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
}

/** A running pod. */
export interface InventoryPod {
  readonly namespace: string
  readonly name: string
  readonly labels: Labels
  readonly hostNetwork: boolean
  /** Canonical addresses. */
  readonly addresses: readonly string[]
  readonly ports: readonly ContainerPort[]
  /** Ports that kubelet probes, numbers only: named ones are resolved. */
  readonly probePorts: readonly number[]
  /** The top controller (ReplicaSets and Jobs followed to their owners), absent for a bare pod. */
  readonly workload?: WorkloadRef
  /** False once the pod has succeeded or failed: then it is no subject and no class. */
  readonly running: boolean
}

/** A controller with its pod template. */
export interface InventoryWorkload extends WorkloadRef {
  readonly namespace: string
  /** `spec.selector.matchLabels`; absent for Jobs and CronJobs, whose selectors are generated. */
  readonly selector?: Labels
  /** Labels of the pod template. */
  readonly labels: Labels
  readonly hostNetwork: boolean
  readonly ports: readonly ContainerPort[]
  readonly probePorts: readonly number[]
  readonly replicas?: number
  /** When a CronJob runs, as it says: `0 3 * * *`. */
  readonly schedule?: string
}

/** A namespace object. */
export interface InventoryNamespace {
  readonly name: string
  readonly labels: Labels
}

/** A Service. */
export interface InventoryService {
  readonly namespace: string
  readonly name: string
  readonly type: string
  /** Absent for a service without selector. */
  readonly selector?: Labels
  readonly clusterIps: readonly string[]
  readonly externalIps: readonly string[]
  readonly loadBalancerSourceRanges: readonly string[]
  readonly ports: readonly {
    readonly protocol: 'TCP' | 'UDP' | 'SCTP'
    readonly port: number
    /** A number, or the name of a container port. */
    readonly targetPort: number | string
    readonly nodePort?: number
    /** Where connections arrive, as endpoint slices say; only for a service without selector. */
    readonly endpoints?: readonly { readonly address: string; readonly port: number }[]
  }[]
}

/** A node. */
export interface InventoryNode {
  readonly name: string
  readonly addresses: readonly string[]
  readonly podCidrs: readonly string[]
}

/** Everything that was given. `complete` says which kinds were in the input at all, so that absence can mean something. */
export interface Inventory {
  readonly pods: readonly InventoryPod[]
  readonly namespaces: readonly InventoryNamespace[]
  readonly workloads: readonly InventoryWorkload[]
  readonly services: readonly InventoryService[]
  readonly nodes: readonly InventoryNode[]
  /** Webhooks and aggregated APIs: services that the API server itself calls. */
  readonly apiServerBackends: readonly {
    readonly namespace: string
    readonly service: string
    readonly port: number
  }[]
  readonly has: { readonly pods: boolean; readonly workloads: boolean; readonly services: boolean }
}
