/** What is wrong with existing policies: what the API server refuses, what is ignored, what is dead weight. */
import type { LocatedPolicy, NetworkPolicy } from '../policy/network-policy.ts'
import { partsOf, plainPolicy } from '../policy/plain-rule.ts'
import type { FaultyPolicy } from '../policy/tolerant.ts'
import { lintCilium } from './lint-cilium.ts'
import type { ClusterRanges, LintKnowledge } from './lint-knowledge.ts'
import { knownPods, lintPods, lintRanges } from './lint-knowledge.ts'
import { lintNamespace } from './lint-namespace.ts'
import type { Finding } from './lint-place.ts'
import type { LintCode, LintFinding, LintReport } from './lint-report.ts'
import { lintCodes, lintRules, lintSeverities } from './lint-report.ts'
import { lintShape } from './lint-shape.ts'
import { splitKinds } from './policy-kinds.ts'

/** What is looked at, and what is known beside it. */
export interface LintInput {
  readonly policies: readonly LocatedPolicy[]
  /** What reading found; those policies are not among `policies`, or without the part at fault. Default: nothing. */
  readonly faults?: readonly FaultyPolicy[]
  /** Pods from an inventory or from flows. Default: none are known, and what needs them is not looked for. */
  readonly knowledge?: LintKnowledge
  /** Default: no range is known. */
  readonly ranges?: ClusterRanges
}

/**
 * Returns every finding. Redundancy and missing DNS are decided by the exact engine for all pods that could ever be, per
 * namespace; what needs to know the pods that are there is looked for only where some are known. The order of policies
 * has no influence.
 */
export function lintPolicies(input: LintInput): LintReport {
  const { faults = [], knowledge, ranges } = input
  const network = input.policies.filter(isNetworkPolicy).sort(comparePolicies)
  const cilium = input.policies.filter((located) => !isNetworkPolicy(located))
  const { judged, others } = splitKinds(cilium)
  const known = knowledge === undefined ? undefined : knownPods(knowledge)
  const found: readonly Finding[] = [
    ...faults.map(({ fault, ...rest }) => ({ code: fault, ...rest })),
    ...network.flatMap(lintShape),
    ...(known === undefined ? [] : network.flatMap((located) => lintPods(located, known))),
    ...(ranges === undefined ? [] : network.flatMap((located) => lintRanges(located, ranges))),
    ...judged.flatMap((located) => lintCilium(located, known)),
    ...[...byNamespace(network)]
      .flatMap(([namespace, policies]) => lintNamespace(namespace, policies, known))
      // Names may be resolved through a policy of Cilium's, which adds to these.
      .filter(({ code }) => code !== 'MISSING_DNS' || !opensDns(judged)),
  ]
  const findings = found.map(toFinding).sort(compareFindings)
  const refused = new Set(
    faults.flatMap(({ fault, policy }) => (fault === 'INVALID' ? policy : [])),
  )
  return {
    apiVersion: 'netweir/v1',
    kind: 'LintReport',
    policies: network.length + judged.length + refused.size,
    findings,
    counts: countsOf(findings),
    notChecked: notChecked(known !== undefined, ranges !== undefined),
    notLinted: [...others].sort(),
  }
}

const needPods: readonly LintCode[] = [
  'MATCHES_NO_POD',
  'PEER_MATCHES_NO_POD',
  'PORT_NAME_UNREACHABLE',
]

function notChecked(knowsPods: boolean, knowsRanges: boolean): readonly LintCode[] {
  return [...(knowsPods ? [] : needPods), ...(knowsRanges ? [] : (['CLUSTER_RANGE'] as const))]
}

function countsOf(findings: readonly LintFinding[]): LintReport['counts'] {
  const count = (wanted: LintFinding['severity']): number =>
    findings.filter(({ severity }) => severity === wanted).length
  const [error, warning, info] = lintSeverities.map(count)
  return { error: error ?? 0, warning: warning ?? 0, info: info ?? 0 }
}

function byNamespace(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
): ReadonlyMap<string, readonly LocatedPolicy<NetworkPolicy>[]> {
  const namespaces = new Map<string, LocatedPolicy<NetworkPolicy>[]>()
  for (const located of policies) {
    const { namespace } = located.policy.metadata
    const list = namespaces.get(namespace) ?? []
    namespaces.set(namespace, list)
    list.push(located)
  }
  return namespaces
}

function opensDns(policies: readonly LocatedPolicy[]): boolean {
  return policies
    .flatMap(partsOf)
    .some(({ policy }) =>
      plainPolicy(policy).rules.some(
        ({ direction, deny, ports = [] }) =>
          direction === 'egress' &&
          !deny &&
          ports.some(
            ({ protocol, port }) => protocol === 'UDP' && (port === 53 || port === undefined),
          ),
      ),
    )
}

function toFinding({ code, policy, location, message }: Finding): LintFinding {
  const { file, line } = location
  return {
    code,
    severity: lintRules[code].severity,
    policy,
    at: line === undefined ? file : `${file}:${line}`,
    message,
    hint: lintRules[code].hint,
  }
}

/** Files by name, lines by number. */
function compareFindings(a: LintFinding, b: LintFinding): number {
  return compareTexts(findingKey(a), findingKey(b))
}

function findingKey({ at, code, policy, message }: LintFinding): string {
  const [, file = '', line = '0'] = /^(.*?)(?::(\d+))?$/s.exec(at) ?? []
  const rank = String(lintCodes.indexOf(code)).padStart(3, '0')
  return [file, line.padStart(10, '0'), rank, policy, message].join('\n')
}

function comparePolicies(a: LocatedPolicy<NetworkPolicy>, b: LocatedPolicy<NetworkPolicy>): number {
  return compareTexts(policyKey(a), policyKey(b))
}

function policyKey({ policy, location }: LocatedPolicy<NetworkPolicy>): string {
  const { namespace, name } = policy.metadata
  const line = String(location.line ?? 0).padStart(10, '0')
  return [namespace, name, location.file, line, JSON.stringify(policy.spec)].join('\n')
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isNetworkPolicy(located: LocatedPolicy): located is LocatedPolicy<NetworkPolicy> {
  return located.policy.kind === 'NetworkPolicy'
}
