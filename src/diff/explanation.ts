/** Why a connection is allowed or denied, and what stands behind the rules of a policy, as data. */
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { Direction, NearMiss, PolicyUsage, RuleReference, SeenEdge } from './verify-report.ts'

/** The document that `explain` prints. */
export interface Explanation {
  readonly apiVersion: 'netweir/v1'
  readonly kind: 'Explanation'
  /** True when every answer is that the connection is allowed; true without a question. */
  readonly allowed: boolean
  /** What was asked; absent when a policy was asked for. */
  readonly question?: Question
  readonly answers: readonly Answer[]
  /** Pairs of ends that were asked for and are not answered, as there are too many. */
  readonly leftOut: number
  /** The policies that were asked for. */
  readonly policies: readonly PolicyUsage[]
  /** Policies of kinds that are not evaluated, as `kind namespace/name`. */
  readonly notEvaluated: readonly string[]
}

/** A question as it was put. */
export interface Question {
  readonly from: string
  readonly to: string
  /** `443/TCP` */
  readonly port: string
}

/** The answer for one source and one destination. */
export interface Answer {
  readonly from: string
  readonly to: string
  readonly port: string
  readonly allowed: boolean
  readonly egress: PathSide
  readonly ingress: PathSide
  /** Recorded edges of this connection, whatever became of them. */
  readonly evidence: readonly SeenEdge[]
}

/** Why one side lets a connection pass or not. */
export interface PathSide {
  readonly direction: Direction
  readonly allowed: boolean
  /**
   * `no-pod`: policies have no say; `open`: no policy isolates the pod; `node`: a node always reaches its pods; `rule`:
   * isolated, and a rule allows it; `denied`: isolated, and no rule allows it, or a rule denies it.
   */
  readonly reason: 'no-pod' | 'open' | 'node' | 'rule' | 'denied'
  readonly isolatedBy: readonly PolicyReference[]
  readonly allowedBy: readonly RuleReference[]
  /** Rules that deny it, whatever others allow; absent for none. */
  readonly deniedBy?: readonly RuleReference[]
  /** Rules that nearly allow it; empty unless denied. */
  readonly closest: readonly NearMiss[]
}
