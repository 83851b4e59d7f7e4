/** Findings before they are sorted, and the words in which they name the parts of a policy. */
import type { Location } from '../errors.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../policy/network-policy.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import type { LintCode } from './lint-report.ts'
import type { Direction } from './policy-views.ts'

/** A finding with its place as it was read. */
export interface Finding {
  readonly code: LintCode
  readonly policy: string
  readonly location: Location
  readonly message: string
}

/** One rule of either direction, with the policy that it is in. */
export interface RulePlace {
  readonly located: LocatedPolicy<NetworkPolicy>
  readonly direction: Direction
  readonly index: number
  readonly peers: readonly NetworkPolicyPeer[] | undefined
  readonly ports: readonly NetworkPolicyPort[] | undefined
}

/** Returns a finding about a whole policy. */
export function aboutPolicy(
  code: LintCode,
  { policy, location }: LocatedPolicy<NetworkPolicy>,
  message: string,
): Finding {
  return { code, policy: nameOf(policy), location, message }
}

/** Returns a finding about one rule; the message goes on after the name of the rule. */
export function aboutRule(
  code: LintCode,
  { located, direction, index }: Pick<RulePlace, 'located' | 'direction' | 'index'>,
  message: string,
): Finding {
  return {
    code,
    policy: nameOf(located.policy),
    location: located.rules[direction][index] ?? located.location,
    message: `${direction} rule ${index + 1} ${message}`,
  }
}

/** Returns the rules of a policy that are in force: those of the directions that it is about. */
export function rulesInForce(located: LocatedPolicy<NetworkPolicy>): readonly RulePlace[] {
  const { ingress = [], egress = [] } = located.policy.spec
  return [
    ...ingress.map(
      ({ from, ports }, index): RulePlace => ({
        located,
        direction: 'ingress',
        index,
        peers: from,
        ports,
      }),
    ),
    ...egress.map(
      ({ to, ports }, index): RulePlace => ({
        located,
        direction: 'egress',
        index,
        peers: to,
        ports,
      }),
    ),
  ].filter(({ direction }) => isAbout(located.policy, direction))
}

/** Without types a policy is about ingress, and about egress when it has an egress rule (networking/v1 defaults). */
export function isAbout({ spec }: NetworkPolicy, direction: Direction): boolean {
  const { policyTypes = [], egress = [] } = spec
  if (policyTypes.length > 0) {
    return policyTypes.includes(direction === 'ingress' ? 'Ingress' : 'Egress')
  }
  return direction === 'ingress' || egress.length > 0
}

/** Returns references in words: `shop/web (web.yaml:7), shop/api`. */
export function referencesText(references: readonly PolicyReference[]): string {
  return references
    .map(({ policy, at }) => (at === undefined ? policy : `${policy} (${at})`))
    .join(', ')
}

function nameOf({ metadata }: NetworkPolicy): string {
  return `${metadata.namespace}/${metadata.name}`
}
