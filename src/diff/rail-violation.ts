/** What breaks a guard rail, as data. */
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { PolicyDiff } from './policy-diff.ts'

/** Whether a guard rail says what must always be possible, or what must never be. */
export type RailKind = 'permit' | 'forbid'

/** Connections that one rule of a guard rail forbids and the policies allow, or that it permits and they deny. */
export interface RailViolation {
  readonly kind: RailKind
  /** `namespace/name` of the guard rail. */
  readonly rail: string
  /** `file:line` of its rule. */
  readonly at?: string
  /** The ends, in words, as in a diff. */
  readonly from: string
  readonly to: string
  /** `443/TCP`, `8000-8100/UDP`, `all ports`; `http/TCP` for a named port whose number nobody knows. */
  readonly ports: readonly string[]
  /** One of the connections. */
  readonly witness: { readonly from: string; readonly to: string; readonly port: string }
  /** Policies that allow it, or that are in its way; empty where none isolates the ends. */
  readonly policies: readonly PolicyReference[]
  /** What is wrong, in one sentence. */
  readonly message: string
}

/** A diff with what the new policies do to the guard rails; without any it is a plain diff. */
export interface GuardedDiff extends PolicyDiff {
  readonly violations?: readonly RailViolation[]
}
