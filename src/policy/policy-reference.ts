/** How results name a policy. */

/** A policy that a result speaks of, and where it stands. */
export interface PolicyReference {
  /** `namespace/name` */
  readonly policy: string
  /** `file:line` for a policy that was read from a file. */
  readonly at?: string
}
