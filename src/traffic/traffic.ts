/** What a communication set says once everything is known: resolved edges, each with its outcome. Made by `readOut`. */
import type { Entity, Outcome, Protocol } from '../flow/flow.ts'
import type { Labels } from '../labels.ts'
import type { Ledger } from './communication-set.ts'
import type { Inventory, WorkloadRef } from './inventory.ts'

/** A class of the local cluster that was seen, or that the inventory shows. */
export interface TrafficClass {
  /** Position in {@link Traffic.classes}. */
  readonly id: number
  readonly namespace: string
  /** Without meta and static volatile labels. */
  readonly labels: Labels
  readonly pods: readonly TrafficPod[]
  readonly workloads: readonly WorkloadRef[]
  /** True when flows showed it; its labels are then known to be visible to the CNI. */
  readonly observed: boolean
}

/** A pod of a class. */
export interface TrafficPod {
  readonly name: string
  /** Generation labels, `key=value`. */
  readonly generation: readonly string[]
  readonly workload: WorkloadRef
  /** How the workload was found: from the inventory, from the flow, from the pod's name, or from its labels. */
  readonly resolvedBy: 'inventory' | 'flow' | 'name' | 'labels'
  /** Present where the inventory alone shows the pod, and no flow. */
  readonly unseen?: true
}

/** One end of an edge. */
export type EdgeEnd =
  | { readonly kind: 'class'; readonly class: number }
  | {
      readonly kind: 'address'
      /** An address, or a prefix where addresses were folded. */
      readonly address: string
      /** `kube-apiserver`, or nothing. */
      readonly labels: readonly string[]
      /** DNS names, sorted. */
      readonly names: readonly string[]
    }
  | {
      readonly kind: 'entity'
      readonly entity: Entity
      readonly labels: readonly string[]
      /** Sorted; empty when the records had none. */
      readonly addresses: readonly string[]
    }
  /** A pod whose labels nobody knows. */
  | { readonly kind: 'unresolved'; readonly namespace: string; readonly pod: string }
  /** A pod of another cluster. */
  | {
      readonly kind: 'remote'
      readonly cluster: string
      readonly namespace: string
      readonly labels: Labels
    }

/** What proxies saw of the requests of an edge. */
export interface SeenRequests {
  /** Kinds of requests, sorted, as `flow/requests.ts` spells them. */
  readonly http: readonly string[]
  readonly dns: readonly string[]
  /** True when there were more than are kept. */
  readonly more: boolean
  /** Sides on which a proxy stood. */
  readonly read: readonly ('egress' | 'ingress')[]
  /** Sides of them on which every connection that was seen passed the proxy, and every request could be kept. */
  readonly inspected: readonly ('egress' | 'ingress')[]
}

/** Why an edge is believed: counts and times. */
export interface Evidence {
  /** Records of the input. */
  readonly records: number
  /** Flows that they stand for. */
  readonly flows: number
  /** Milliseconds since the epoch. */
  readonly firstMs?: number
  readonly lastMs?: number
  /** Inclusive ranges of block numbers. */
  readonly blocks: readonly (readonly [number, number])[]
  readonly samples: readonly string[]
  /** Records by what they prove, in this order: new connections, established ones, replies. */
  readonly strong: number
  readonly medium: number
  readonly reply: number
  /** Sides on which it was seen to pass. */
  readonly egress: boolean
  readonly ingress: boolean
  /** Records that a policy denied, and that would have been denied (audit). */
  readonly denied: number
  readonly audited: number
  /** Records of the whole edge that say the packet was encrypted on the wire; absent for none. */
  readonly encrypted?: number
  /** Records of the whole edge that say the peers authenticated each other; absent for none. */
  readonly authenticated?: number
  /** Absent unless requests were asked for, and some were seen. */
  readonly requests?: SeenRequests
}

/** One resolved edge. */
export interface Edge {
  readonly from: EdgeEnd
  readonly to: EdgeEnd
  readonly protocol: Protocol
  /** For ICMP the type. */
  readonly port: number
  /** `learned`, an entity's name, or why it is not learned. */
  readonly outcome: Outcome
  readonly evidence: Evidence
}

/** How a set is read out. */
export interface ReadOutOptions {
  /** The cluster whose policies are wanted; needed only when the records name more than one. */
  readonly clusterName?: string
  /** Learn edges that policies in audit mode would deny. Default: no. */
  readonly learnAudit?: boolean
  /** Learn connection attempts that were denied for want of an allow rule. Default: no. */
  readonly learnDenied?: boolean
  /** Prefixes of node addresses. */
  readonly nodeCidrs?: readonly string[]
  /** Prefixes of service addresses. */
  readonly serviceCidrs?: readonly string[]
  readonly inventory?: Inventory
}

/** A communication set, read out. */
export interface Traffic {
  /** The local cluster, empty when no record names one. */
  readonly cluster: string
  readonly window: { readonly firstMs?: number; readonly lastMs?: number }
  readonly nodes: readonly string[]
  readonly classes: readonly TrafficClass[]
  /** Every edge that was seen, learned or not, sorted. */
  readonly edges: readonly Edge[]
  /** Labels of namespaces, by name; `kubernetes.io/metadata.name` is always there. */
  readonly namespaces: Readonly<Record<string, Labels>>
  readonly ledger: Ledger
  readonly lost: readonly {
    readonly source: string
    readonly node: string
    readonly events: number
  }[]
  /** Addresses that were folded into prefixes, and how far. */
  readonly folded: readonly {
    readonly class: number
    readonly direction: 'ingress' | 'egress'
    readonly protocol: Protocol
    readonly port: number
    readonly prefixLength: number
  }[]
}
