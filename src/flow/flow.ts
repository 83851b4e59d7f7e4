/** The vocabulary of one observation: what a decoded, oriented flow is, and how every record can end. */
import type { ProxiedRequest } from './requests.ts'

/** Every way one input record can end, as a closed list: the columns of the ledger. */
export const outcomes = [
  'learned',
  'audit',
  'denied',
  'denied-explicit',
  'denied-l7',
  'dropped-other',
  'conflict',
  'suspect-reply',
  'cannot-orient',
  'masked',
  'icmp',
  'host',
  'remote-node',
  'kube-apiserver',
  'ingress',
  'health',
  'unmanaged',
  'remote-cluster',
  'service-address',
  'unresolved',
  'self',
  'no-pod',
  'sock',
  'not-forwarded',
  'duplicate',
  'lost-events',
  'node-status',
  'other-event',
  'truncated',
  'too-long',
  'malformed',
] as const

/** One of {@link outcomes}. */
export type Outcome = (typeof outcomes)[number]

/** Transport protocols; for the two ICMPs the port of a flow is the ICMP type. */
export const protocols = ['TCP', 'UDP', 'SCTP', 'ICMPv4', 'ICMPv6'] as const

/** One of {@link protocols}. */
export type Protocol = (typeof protocols)[number]

/** What is not a pod and not an address outside: ends that Cilium knows by a reserved label. */
export const entities = [
  'host',
  'kube-apiserver',
  'remote-node',
  'health',
  'ingress',
  'init',
  'unmanaged',
  'unknown',
] as const

/** One of {@link entities}. */
export type Entity = (typeof entities)[number]

/**
 * Where a flow was observed: at the client's egress, at the server's ingress, or at neither (in transit, where no
 * policy of the two was evaluated).
 */
export const sides = ['egress', 'ingress', 'none'] as const

/** One of {@link sides}. */
export type Side = (typeof sides)[number]

/**
 * What kind of verdict a flow carries. `verdict` is a policy verdict (event type 5) that let the packet pass, `delivery`
 * a trace that handed it to the server's endpoint, `trace` any other trace, `l7` a proxy record that was let through.
 */
export const verdictKinds = [
  'verdict',
  'delivery',
  'trace',
  'l7',
  'audit',
  'denied',
  'denied-explicit',
  'denied-l7',
] as const

/** One of {@link verdictKinds}. */
export type VerdictKind = (typeof verdictKinds)[number]

/** How sure the orientation of a flow is; `reply` is a flow that was turned round. */
export const strengths = ['strong', 'medium', 'weak', 'reply'] as const

/** One of {@link strengths}. */
export type Strength = (typeof strengths)[number]

/** A pod as a policy can see it: cluster, namespace and labels without meta and static volatile ones. */
export interface PodEndpoint {
  readonly kind: 'pod'
  /** Empty when the record does not say, or says `default`. */
  readonly cluster: string
  readonly namespace: string
  /** `key=value`, sorted by UTF-16 code units, without duplicates. */
  readonly labels: readonly string[]
}

/** A pod of which the record gives a name but no labels: resolved at read-out, if ever. */
export interface NamedEndpoint {
  readonly kind: 'named'
  readonly cluster: string
  readonly namespace: string
  readonly name: string
  /** Why the labels are missing: labelled `reserved:world` by the producer, or masked out of the record. */
  readonly lacks: 'world' | 'masked'
}

/** An address outside the cluster. */
export interface AddressEndpoint {
  readonly kind: 'address'
  /** Canonical text. */
  readonly address: string
  /** Its reserved labels without `reserved:` and without world ones, sorted: `kube-apiserver` or nothing. */
  readonly labels: readonly string[]
}

/** A node, the API server on a node, or another end that has no pod labels and is not outside. */
export interface EntityEndpoint {
  readonly kind: 'entity'
  /** Decided from the label set by precedence (`reference/hubble.md` 7.3). */
  readonly entity: Entity
  /** Its whole set of reserved labels without `reserved:`, sorted. */
  readonly labels: readonly string[]
  /** Canonical text, empty when the record has none. */
  readonly address: string
}

/** One end of a flow. */
export type Endpoint = PodEndpoint | NamedEndpoint | AddressEndpoint | EntityEndpoint

/** The pod that was seen at one end of a flow: what a class forgets. */
export interface PodSighting {
  readonly name: string
  /** Static volatile labels that tell one generation from the next (`pod-template-hash=...`), sorted. */
  readonly generation: readonly string[]
  /** The controller as the producer names it, when it does. */
  readonly workload?: { readonly kind: string; readonly name: string }
}

/** Labels of a namespace object that a record carries (`io.cilium.k8s.namespace.labels.*`). */
export interface NamespaceSighting {
  readonly cluster: string
  readonly namespace: string
  /** `key=value`, sorted. */
  readonly labels: readonly string[]
}

/** An address and the name under which it was looked up, without the trailing dot. */
export interface NamedAddress {
  readonly address: string
  readonly name: string
}

/** One decoded, oriented observation. */
export interface Flow {
  readonly client: Endpoint
  readonly server: Endpoint
  readonly clientPod?: PodSighting
  readonly serverPod?: PodSighting
  readonly namespaces: readonly NamespaceSighting[]
  readonly protocol: Protocol
  /** The server's port, 1 to 65535; for ICMP the type of the request, 0 to 255. */
  readonly port: number
  /** The client's port, 0 when the record has none. */
  readonly clientPort: number
  readonly side: Side
  readonly verdict: VerdictKind
  readonly strength: Strength
  /** True where the packet itself proves the orientation: SYN without ACK, SYN with ACK, or a proxy's record. */
  readonly certain: boolean
  /** Milliseconds since the epoch; absent when the record has no time. */
  readonly timeMs?: number
  /** As the producer writes it, `cluster/node` or `node`; empty when absent. */
  readonly node: string
  /** The cluster of the node that observed it; empty when unknown or `default`. */
  readonly cluster: string
  readonly uuid: string
  /** How many flows the record stands for: more than one for the exporter's aggregated lines. */
  readonly flows: number
  /** True where the packet was seen encrypted on the wire (WireGuard or IPsec); absence says nothing. */
  readonly encrypted?: true
  /** True where the peers proved their identity to each other (mutual authentication); absence says nothing. */
  readonly authenticated?: true
  /** What the record says of names, of any address. */
  readonly names: readonly NamedAddress[]
  /** Names under which the client knew the server's address. */
  readonly serverNames: readonly string[]
  /** What a proxy's record of a request asked for, where a policy could say it. */
  readonly request?: ProxiedRequest
  /** True where a policy verdict sent the connection to a proxy. */
  readonly redirected?: true
}

/** What one record turned out to be. A record that is not a flow, or that no edge can be made of, is counted at once. */
export type Reading =
  | { readonly kind: 'flow'; readonly flow: Flow }
  | {
      readonly kind: 'lost-events'
      readonly count: number
      readonly lostSource: string
      readonly node: string
      readonly timeMs?: number
    }
  | {
      readonly kind: 'node-status'
      readonly state: string
      readonly nodes: readonly string[]
      readonly message: string
    }
  | {
      readonly kind: 'counted'
      readonly outcome: Outcome
      readonly timeMs?: number
      readonly node: string
      readonly cluster: string
      /** DNS answers are kept whatever becomes of the record that carried them. */
      readonly names?: readonly NamedAddress[]
      /** For `malformed`: what was wrong, in words, for the first one that is shown and for `--strict`. */
      readonly reason?: string
    }
