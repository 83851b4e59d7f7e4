/** The difference in meaning between two policy sets, as data. */
import type { PolicyReference } from '../policy/policy-reference.ts'

/** Sections of a diff, in the order in which they are shown. */
export const sections = ['breaks', 'isolation', 'opens', 'needed', 'tightens', 'future'] as const

/** One of {@link sections}. */
export type Section = (typeof sections)[number]

/** One difference in meaning: between two ends, over a set of ports. */
export interface Change {
  /** Twelve hex digits that depend on section, ends and ports alone, so that a review can be carried over. */
  readonly id: string
  readonly section: Section
  readonly effect: 'widens' | 'narrows'
  /** `namespace/workload`, an address range, an entity. */
  readonly from: string
  readonly to: string
  /** `443/TCP`, `8000-8100/UDP`, `all ports`; for an isolation change the direction. */
  readonly ports: readonly string[]
  /** Policies of the old set, and of the new one, that allow it or are in the way. */
  readonly old: readonly PolicyReference[]
  readonly new: readonly PolicyReference[]
  readonly evidence?: {
    readonly flows: number
    readonly first?: string
    readonly last?: string
  }
  /** What the change means, in one sentence. */
  readonly message: string
}

/** A managed or unmanaged object, and what becomes of it. */
export interface ObjectChange {
  readonly policy: string
  readonly action: 'created' | 'changed' | 'deleted' | 'unchanged'
  readonly at?: string
  /** Rules that differ, as `+`/`-` lines of canonical YAML. */
  readonly rules: readonly string[]
}

/** The document that `generate` and `diff` print. */
export interface PolicyDiff {
  readonly apiVersion: 'netweir/v1'
  readonly kind: 'PolicyDiff'
  /** True when both sets mean the same over everything that was compared. */
  readonly same: boolean
  readonly changes: readonly Change[]
  /** Connections (source, destination, port range) that both sets allow. */
  readonly unchanged: number
  readonly objects: readonly ObjectChange[]
  readonly stale: readonly {
    readonly policy: string
    readonly direction: 'ingress' | 'egress'
    readonly peer: string
    readonly ports: readonly string[]
    readonly kept: boolean
  }[]
  /** Policies that were left out of the comparison (other kinds), as `kind namespace/name`. */
  readonly notCompared: readonly string[]
  /** True when there are more kinds of pods that do not exist yet than could be compared; known pods all were. */
  readonly truncated?: true
  /** Ports on which proxies would let other requests through, compared as texts; absent for none. */
  readonly requests?: readonly {
    readonly policy: string
    readonly direction: 'ingress' | 'egress'
    readonly port: string
    readonly removed: readonly string[]
    readonly added: readonly string[]
  }[]
}
