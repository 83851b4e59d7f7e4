/** What is wrong with Cilium's policies: selectors that will not hold, lists that mean something else than they seem to. */
import type { CiliumPolicy } from '../policy/cilium-policy.ts'
import { specsOf } from '../policy/cilium-policy.ts'
import { isStaticVolatileKey, passesIdentityFilter } from '../policy/label-keys.ts'
import { splitKey, unjudgedPart } from '../policy/lower-cilium.ts'
import type { LabelSelector, LocatedPolicy } from '../policy/network-policy.ts'
import type { PlainRule, RulePeer } from '../policy/plain-rule.ts'
import { partsOf, plainPolicy, policyName } from '../policy/plain-rule.ts'
import { requirementsOf } from '../policy/selector.ts'
import type { KnownPods } from './lint-knowledge.ts'
import type { Finding } from './lint-place.ts'
import type { LintCode } from './lint-report.ts'
import { peerText } from './rule-words.ts'

/** Returns what is wrong with one policy; what needs to know the pods that are there only where some are known. */
export function lintCilium(
  located: LocatedPolicy,
  known: KnownPods | undefined,
): readonly Finding[] {
  const { policy } = located
  if (policy.kind === 'NetworkPolicy') return []
  return [
    ...lintNames(located, policy),
    ...partsOf(located).flatMap((part) => lintPart(part, known)),
  ]
}

function lintPart(part: LocatedPolicy, pods: KnownPods | undefined): readonly Finding[] {
  const { policy } = part
  if (policy.kind === 'NetworkPolicy') return []
  const { namespace, subject, rules } = plainPolicy(policy)
  const [spec = {}] = specsOf(policy)
  // Of a policy that asks for what is not known here nobody can say whom it selects.
  const known = unjudgedPart(policy) === undefined ? pods : undefined
  const own = lintKeys(spec.endpointSelector ?? {}, 'endpointSelector')
  const findings = own.map(([code, message]) => about(code, part, message))
  if (known !== undefined && isLasting(subject) && matches(known, namespace, subject) === 0) {
    const message = `endpointSelector (${peerText(subject, namespace)}) selects no known pod`
    findings.push(about('MATCHES_NO_POD', part, message))
  }
  return [...findings, ...rules.flatMap((rule) => lintRule(part, rule, known))]
}

function lintRule(
  part: LocatedPolicy,
  rule: PlainRule,
  known: KnownPods | undefined,
): readonly Finding[] {
  const { policy } = part
  if (policy.kind === 'NetworkPolicy') return []
  const { namespace } = plainPolicy(policy)
  const say = (code: LintCode, message: string): Finding => aboutRule(code, part, rule, message)
  const { peers = [] } = rule
  const isNobody = peers.length > 0 && peers.every((peer) => Object.keys(peer).length === 0)
  const isBare = isNobody && ruleText(policy, rule) === '{}'
  const unmet = known === undefined ? [] : peers.filter(isPodPeer).filter(isLasting)
  return [
    // An empty rule is how a policy isolates and lets nothing through.
    ...(isNobody && !isBare
      ? [say('SELECTS_NOBODY', 'has an empty list, and so means nobody')]
      : []),
    ...(peers.length === 0 && !rule.deny
      ? [say('ALLOWS_EVERYONE', 'names no peers, and so allows every pod, node and address')]
      : []),
    ...selectorsOf(policy, rule)
      .flatMap((selector) => lintKeys(selector, 'selector'))
      .map(([code, message]) => say(code, `has a peer whose ${message}`)),
    ...unmet
      .filter((peer) => known !== undefined && matches(known, namespace, peer) === 0)
      .map((peer) =>
        say(
          'PEER_MATCHES_NO_POD',
          `has a peer (${peerText(peer, namespace)}) that selects no known pod`,
        ),
      ),
  ]
}

function isPodPeer({ podSelector, cluster }: RulePeer): boolean {
  return podSelector !== undefined && cluster === undefined
}

function isLasting({ podSelector = {} }: RulePeer): boolean {
  return !requirementsOf(podSelector).some(({ key }) => isStaticVolatileKey(key))
}

function matches({ index }: KnownPods, namespace: string, peer: RulePeer): number {
  return index.matching(namespace, peer).length
}

/** Returns one rule as it is written. */
function ruleOf(policy: CiliumPolicy, { direction, rule }: PlainRule) {
  const [spec = {}] = specsOf(policy)
  const rules =
    direction === 'ingress'
      ? [...(spec.ingress ?? []), ...(spec.ingressDeny ?? [])]
      : [...(spec.egress ?? []), ...(spec.egressDeny ?? [])]
  return rules[rule] ?? {}
}

function ruleText(policy: CiliumPolicy, rule: PlainRule): string {
  return JSON.stringify(ruleOf(policy, rule))
}

function selectorsOf(policy: CiliumPolicy, rule: PlainRule): readonly LabelSelector[] {
  const written = ruleOf(policy, rule)
  if ('fromEndpoints' in written) return written.fromEndpoints ?? []
  return 'toEndpoints' in written ? (written.toEndpoints ?? []) : []
}

/** Names are known once a proxy has seen the answers of a name server: some egress rule has to send queries through it. */
function lintNames(located: LocatedPolicy, policy: CiliumPolicy): readonly Finding[] {
  const egress = specsOf(policy).flatMap((spec) => spec.egress ?? [])
  const usesNames = egress.some(({ toFQDNs = [] }) => toFQDNs.length > 0)
  const hasProxy = egress.some(({ toPorts = [] }) =>
    toPorts.some(({ rules }) => (rules?.dns ?? []).length > 0),
  )
  if (!usesNames || hasProxy) return []
  const message =
    'toFQDNs matches nothing unless a rule for port 53 has dns rules, and this policy has none'
  return [about('FQDN_WITHOUT_DNS', located, message)]
}

function lintKeys(
  selector: LabelSelector,
  name: string,
): readonly (readonly [code: LintCode, message: string])[] {
  return requirementsOf(selector).flatMap(({ key: written, operator }) => {
    const { source, key } = splitKey(written)
    if (source !== 'k8s' && source !== 'any') return []
    const isNegative = operator === 'NotIn' || operator === 'DoesNotExist'
    const isFiltered = !passesIdentityFilter(key)
    const effect = isNegative ? 'every pod meets that' : 'no pod meets that'
    return [
      ...(isFiltered
        ? [
            [
              'FILTERED_LABEL',
              `${name} asks for ${key}, which Cilium does not keep of a pod's labels: ${effect}`,
            ] as const,
          ]
        : []),
      ...(isStaticVolatileKey(key) && !key.startsWith('io.')
        ? [
            [
              'VOLATILE_LABEL',
              `${name} asks for ${key}, which is another one after each rollout, run or move`,
            ] as const,
          ]
        : []),
    ]
  })
}

function about(code: LintCode, { policy, location }: LocatedPolicy, message: string): Finding {
  return { code, policy: policyName(policy), location, message }
}

function aboutRule(
  code: LintCode,
  { policy, location, rules }: LocatedPolicy,
  { direction, rule }: PlainRule,
  message: string,
): Finding {
  return {
    code,
    policy: policyName(policy),
    location: rules[direction][rule] ?? location,
    message: `${direction} rule ${rule + 1} ${message}`,
  }
}
