/** Reads guard rails, and holds them against the policies that would be in force. */

import type { GuardRails } from '../diff/guard-rails.ts'
import { checkGuardRails } from '../diff/guard-rails.ts'
import type { RailViolation } from '../diff/rail-violation.ts'
import type { Surroundings } from '../diff/universe.ts'
import { NetweirError } from '../errors.ts'
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import { Problems } from '../policy/problems.ts'
import type { Notice, RailOptions, RunHost } from './pipeline.ts'

/** What the guard rails say about a run. */
export interface RailResult {
  readonly violations: readonly RailViolation[]
  readonly notices: readonly Notice[]
}

/** Holds what was read once against any policies. */
export type RailCheck = (
  policies: readonly LocatedPolicy[],
  surroundings: Surroundings,
) => RailResult

/**
 * Returns the check that the paths of the options ask for; it finds nothing where none was named.
 * @throws {NetweirError} the codes of manifests, and `MANIFEST_INVALID` for a guard rail that says nothing.
 */
export async function readRailCheck(options: RailOptions, host: RunHost): Promise<RailCheck> {
  const rails: GuardRails = {
    permit: await readRails(options.permit ?? [], host),
    forbid: await readRails(options.forbid ?? [], host),
  }
  return (policies, surroundings) => {
    const { violations, unmatched } = checkGuardRails(rails, policies, surroundings)
    const notices = unmatched.map(({ policy, at = '' }): Notice => {
      const [, file = '', line] = /^(.*?)(?::(\d+))?$/s.exec(at) ?? []
      return {
        message: `guard rail ${policy} names no known pod on one of its sides: it was held against a pod with just the labels it asks for`,
        location: { file, ...(line === undefined ? {} : { line: Number(line) }) },
      }
    })
    return { violations, notices }
  }
}

async function readRails(
  paths: readonly string[],
  host: RunHost,
): Promise<readonly LocatedPolicy<NetworkPolicy>[]> {
  const rails: LocatedPolicy<NetworkPolicy>[] = []
  if (paths.length === 0) return rails
  const { readPolicyPath } = await import('../source/manifests.ts')
  const problems = new Problems()
  for (const path of paths) {
    const { policies } = await readPolicyPath(path, host.stdin)
    if (policies.length === 0) {
      problems.add('holds no guard rail, expected a NetworkPolicy', { file: path }, sayHint)
    }
    for (const located of policies) {
      if (!isNetworkPolicy(located)) throw unsupported(located)
      addProblems(located, problems)
      rails.push(located)
    }
  }
  problems.throwIfAny('MANIFEST_INVALID')
  return rails
}

const sayHint = 'each rule of a guard rail names connections: podSelector, from or to, ports'

/** A guard rail that says nothing would hold whatever happens: nobody means that. */
function addProblems(
  { policy, location, rules }: LocatedPolicy<NetworkPolicy>,
  problems: Problems,
): void {
  const { ingress = [], egress = [], policyTypes = [] } = policy.spec
  const name = `guard rail ${policy.metadata.namespace}/${policy.metadata.name}`
  if (ingress.length + egress.length === 0) {
    problems.add(`${name} has no rule, and so says nothing`, location, sayHint)
  }
  if (policyTypes.length === 0) return
  const hint = 'leave policyTypes out of a guard rail: every rule counts'
  if (ingress.length > 0 && !policyTypes.includes('Ingress')) {
    problems.add(`${name} has ingress rules without that type`, rules.ingress[0] ?? location, hint)
  }
  if (egress.length > 0 && !policyTypes.includes('Egress')) {
    problems.add(`${name} has egress rules without that type`, rules.egress[0] ?? location, hint)
  }
}

function isNetworkPolicy(located: LocatedPolicy): located is LocatedPolicy<NetworkPolicy> {
  return located.policy.kind === 'NetworkPolicy'
}

function unsupported({ policy, location }: LocatedPolicy): NetweirError {
  const { namespace, name } = policy.metadata
  return new NetweirError(
    'KIND_UNSUPPORTED',
    `${policy.kind} "${namespace}/${name}" cannot be a guard rail, expected a NetworkPolicy`,
    { location, hint: sayHint },
  )
}
