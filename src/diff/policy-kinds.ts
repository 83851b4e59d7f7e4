/** Tells the policies that are evaluated from those that are named only. */
import { unjudgedPart } from '../policy/lower-cilium.ts'
import type { LocatedPolicy } from '../policy/network-policy.ts'
import { policyName } from '../policy/plain-rule.ts'

/** Policies by whether they are evaluated. */
export interface PolicyKinds {
  readonly judged: readonly LocatedPolicy[]
  /** Policies that depend on more than is known here (services, labels of nodes), as `kind namespace/name`. */
  readonly others: readonly string[]
}

/** Returns the policies that can be evaluated, and the names of all others. */
export function splitKinds(policies: readonly LocatedPolicy[]): PolicyKinds {
  const isJudged = ({ policy }: LocatedPolicy): boolean => unjudgedPart(policy) === undefined
  return {
    judged: policies.filter(isJudged),
    others: policies
      .filter((located) => !isJudged(located))
      .map(({ policy }) => `${policy.kind} ${policyName(policy)}`),
  }
}
