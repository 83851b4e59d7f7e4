/** What a replay of recorded traffic against given policies found, as data. */

import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Confidence } from '../traffic/confidence.ts'
import type { Edge } from '../traffic/traffic.ts'
import type { ZoneReport } from '../traffic/zone-report.ts'
import type { RailViolation } from './rail-violation.ts'

/** One side of a connection: what its source may send, or what its destination lets in. */
export type Direction = 'egress' | 'ingress'

/** The document that `verify` prints. */
export interface VerifyReport {
  readonly apiVersion: 'netweir/v1'
  readonly kind: 'VerifyReport'
  /** True when nothing that was learned would be denied, no gate failed, and no guard rail is broken. */
  readonly holds: boolean
  readonly coverage: Coverage
  readonly denied: readonly DeniedEdge[]
  readonly usage: readonly PolicyUsage[]
  readonly overPermission: readonly OverPermission[]
  readonly gates: readonly Gate[]
  /** Edges that are no traffic which policies have to let through, by outcome. */
  readonly notReplayed: readonly {
    readonly outcome: Edge['outcome']
    readonly edges: number
    readonly flows: number
  }[]
  /** Policies of kinds that are not evaluated, as `kind namespace/name`. */
  readonly notEvaluated: readonly string[]
  /** Where the policies break guard rails; absent where they break none. */
  readonly violations?: readonly RailViolation[]
  /** Whether the groups of the namespaces that the policies are about were watched for long enough. */
  readonly confidence?: Confidence
  /** What crosses between zones; absent where no zones were given. */
  readonly zones?: ZoneReport
}

/** How much of what was seen the policies allow, counted in edges and in flows. */
export interface Coverage {
  readonly edges: CoveredShare
  readonly flows: CoveredShare
}

/** What was seen, in three parts that add up to it. */
export interface CoveredShare {
  readonly covered: number
  readonly denied: number
  /** Of an end whose labels nobody knows, so that nothing can tell. */
  readonly unjudged: number
  /** Covered in percent of all three, rounded down to a tenth; 100 for nothing. */
  readonly percent: number
}

/** What was seen of an edge. */
export interface FlowEvidence {
  readonly flows: number
  readonly first?: string
  readonly last?: string
  /** The smallest uuids of its records. */
  readonly samples: readonly string[]
}

/** An edge that was seen to pass and would be denied. */
export interface DeniedEdge {
  /** Twelve hex digits that depend on ends and port alone. */
  readonly id: string
  readonly from: string
  readonly to: string
  /** `443/TCP` */
  readonly port: string
  readonly outcome: Edge['outcome']
  readonly sides: readonly DeniedSide[]
  readonly evidence: FlowEvidence
}

/** One side that denies. */
export interface DeniedSide {
  readonly direction: Direction
  /** Policies that isolate the pod, and none of whose rules lets the edge through. */
  readonly isolatedBy: readonly PolicyReference[]
  /** Rules that deny the edge, whatever others allow; absent for none. */
  readonly deniedBy?: readonly RuleReference[]
  readonly closest: readonly NearMiss[]
}

/** A rule and where it stands. */
export interface RuleReference {
  readonly policy: string
  /** Position in `spec.ingress` or `spec.egress`, from 0. */
  readonly rule: number
  readonly at?: string
}

/** A rule that nearly allows a connection, and what is in the way. */
export interface NearMiss {
  readonly policy: string
  readonly direction: Direction
  /** Position in `spec.ingress` or `spec.egress`, from 0. */
  readonly rule: number
  readonly at?: string
  readonly reasons: readonly string[]
}

/** What the rules of one policy grant, and what of it was used. */
export interface PolicyUsage {
  readonly policy: string
  readonly at?: string
  readonly isolates: readonly Direction[]
  /** Names of the pods it selects. */
  readonly selects: readonly string[]
  /** Cells of its rules: one for each peer and port that a rule names. */
  readonly grants: number
  readonly unusedGrants: number
  readonly rules: readonly RuleUsage[]
}

/** What one rule grants, and what of it was used. */
export interface RuleUsage {
  readonly direction: Direction
  /** Position in `spec.ingress` or `spec.egress`, from 0. */
  readonly rule: number
  readonly at?: string
  /** `ignored` when the policy is not about the direction. */
  readonly state: 'used' | 'partly' | 'unused' | 'ignored'
  readonly grants: number
  readonly unusedGrants: number
  readonly used: readonly UsedGrant[]
  readonly unused: readonly UnusedGrants[]
}

/** One cell of a rule that edges use. */
export interface UsedGrant {
  readonly peer: string
  readonly port: string
  readonly edges: number
  readonly flows: number
  readonly last?: string
  /** The first of these edges. */
  readonly seen: readonly SeenEdge[]
}

/** An edge in words. */
export interface SeenEdge {
  readonly from: string
  readonly to: string
  readonly port: string
  readonly outcome: Edge['outcome']
  readonly evidence: FlowEvidence
}

/** Cells of a rule that no edge uses: each of the peers with each of the ports. */
export interface UnusedGrants {
  readonly peers: readonly string[]
  readonly ports: readonly string[]
}

/**
 * What the policies of one namespace let known pods do, and what of it was seen. A connection is a source, a
 * destination and a port that the destination listens on or a policy names. It belongs to the namespace of its
 * destination when that is isolated, else to the namespace of its source.
 */
export interface OverPermission {
  readonly namespace: string
  readonly allowed: number
  readonly used: number
  readonly unused: number
  /** Connections of pods that no policy has a say in: to pods of the namespace, with neither side isolated; not in `allowed`. */
  readonly open: number
  /** Pairs of pods that are allowed ports beyond those that are counted. */
  readonly otherPorts: number
  /** The largest parts of `unused`. */
  readonly largest: readonly UnusedConnections[]
}

/** Unused connections to one end on one port. */
export interface UnusedConnections {
  readonly from: string
  readonly to: string
  readonly port: string
  readonly connections: number
}

/** A limit that was asked for, and how it was met. */
export interface Gate {
  readonly gate: 'max-unused' | 'min-coverage' | 'require-approval'
  readonly limit: number
  readonly actual: number
  readonly passed: boolean
  readonly message: string
}
