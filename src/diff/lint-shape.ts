/** What a policy shows by itself: lists that mean something else than they seem to, selectors that will not hold. */
import { parsePrefix } from '../ip.ts'
import { namespaceNameLabel } from '../labels.ts'
import { isSatisfiable } from '../policy/label-cells.ts'
import { isStaticVolatileKey, passesIdentityFilter } from '../policy/label-keys.ts'
import type {
  LabelSelector,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
} from '../policy/network-policy.ts'
import { requirementsOf } from '../policy/selector.ts'
import type { Finding, RulePlace } from './lint-place.ts'
import { aboutPolicy, aboutRule, isAbout, rulesInForce } from './lint-place.ts'
import { selectorText } from './rule-words.ts'

/** Returns what is wrong with one policy, whatever pods there are. */
export function lintShape(located: LocatedPolicy<NetworkPolicy>): readonly Finding[] {
  const { podSelector } = located.policy.spec
  return [
    ...lintTypes(located),
    ...lintSelector(podSelector, 'podSelector').map(({ code, message }) =>
      aboutPolicy(code, located, message),
    ),
    ...rulesInForce(located).flatMap(lintRule),
  ]
}

function lintTypes(located: LocatedPolicy<NetworkPolicy>): readonly Finding[] {
  const { policy } = located
  const { policyTypes = [], egress } = policy.spec
  const ignored = (['ingress', 'egress'] as const).filter(
    (direction) => (policy.spec[direction] ?? []).length > 0 && !isAbout(policy, direction),
  )
  const findings = ignored.map((direction) => ({
    ...aboutPolicy(
      'RULES_IGNORED',
      located,
      `${direction} rules are ignored: policyTypes is [${policyTypes.join(', ')}]`,
    ),
    location: located.rules[direction][0] ?? located.location,
  }))
  if (policyTypes.length > 0 || egress === undefined || egress.length > 0) return findings
  const message = 'egress: [] without policyTypes isolates nothing: all egress stays allowed'
  return [...findings, aboutPolicy('EGRESS_NOT_ISOLATED', located, message)]
}

function lintRule(place: RulePlace): readonly Finding[] {
  const { direction, peers, ports } = place
  const word = direction === 'ingress' ? 'from' : 'to'
  const findings = [
    ...emptyList(place, word, peers, 'everyone: every pod, node and address'),
    ...emptyList(place, 'ports', ports, 'every port of every protocol'),
    ...(ports ?? []).flatMap(({ port, endPort }) =>
      endPort === undefined || endPort === port
        ? []
        : aboutRule('END_PORT', place, `uses a range of ports, ${port}-${endPort}`),
    ),
    ...(peers ?? []).flatMap((peer) => lintPeer(place, peer)),
  ]
  if (peers !== undefined) return findings
  const rest = ports === undefined ? ', on every port' : ''
  const message = `has no ${word}, and so allows every pod, node and address${rest}`
  return [aboutRule('ALLOWS_EVERYONE', place, message), ...findings]
}

function emptyList(
  place: RulePlace,
  name: string,
  list: readonly unknown[] | undefined,
  meaning: string,
): readonly Finding[] {
  if (list === undefined || list.length > 0) return []
  return [aboutRule('EMPTY_LIST', place, `has ${name}: [], which means ${meaning}`)]
}

function lintPeer(place: RulePlace, peer: NetworkPolicyPeer): readonly Finding[] {
  const { podSelector, namespaceSelector, ipBlock } = peer
  if (ipBlock !== undefined) {
    return parsePrefix(ipBlock.cidr)?.length === 0
      ? [aboutRule('ALLOWS_EVERY_ADDRESS', place, `allows every address of ${ipBlock.cidr}`)]
      : []
  }
  const selectors = [
    ...(podSelector === undefined ? [] : lintSelector(podSelector, 'podSelector')),
    ...(namespaceSelector === undefined ? [] : lintNamespaces(namespaceSelector)),
  ]
  const isEveryPod =
    namespaceSelector !== undefined &&
    requirementsOf(namespaceSelector).length === 0 &&
    requirementsOf(podSelector ?? {}).length === 0
  return [
    ...selectors.map(({ code, message }) => aboutRule(code, place, `has a peer whose ${message}`)),
    ...(isEveryPod
      ? [aboutRule('ALLOWS_EVERY_POD', place, 'allows every pod of every namespace')]
      : []),
  ]
}

type Remark = Pick<Finding, 'code' | 'message'>

function lintSelector(selector: LabelSelector, name: string): readonly Remark[] {
  const requirements = requirementsOf(selector)
  return [
    ...contradiction(selector, name),
    ...requirements
      .filter(({ key }) => !passesIdentityFilter(key))
      .map(({ key, operator }): Remark => {
        const isNegative = operator === 'NotIn' || operator === 'DoesNotExist'
        const effect = isNegative ? 'every pod meets that there' : 'no pod meets that there'
        return {
          code: 'FILTERED_LABEL',
          message: `${name} asks for ${key}, which Cilium does not keep of a pod's labels: ${effect}`,
        }
      }),
    ...requirements
      .filter(({ key }) => isStaticVolatileKey(key))
      .map(
        ({ key }): Remark => ({
          code: 'VOLATILE_LABEL',
          message: `${name} asks for ${key}, which is another one after each rollout, run or move`,
        }),
      ),
  ]
}

function lintNamespaces(selector: LabelSelector): readonly Remark[] {
  const requirements = requirementsOf(selector)
  const isPinned = requirements.some(
    ({ key, operator }) => key === namespaceNameLabel && operator === 'In',
  )
  const keys = requirements.map(({ key }) => key).filter((key) => key !== namespaceNameLabel)
  if (isPinned || keys.length === 0) return contradiction(selector, 'namespaceSelector')
  return [
    ...contradiction(selector, 'namespaceSelector'),
    {
      code: 'NAMESPACE_LABEL',
      message: `namespaceSelector asks for ${[...new Set(keys)].join(', ')}, which everyone can set who may edit a namespace`,
    },
  ]
}

function contradiction(selector: LabelSelector, name: string): readonly Remark[] {
  if (isSatisfiable(selector)) return []
  const message = `${name} (${selectorText(selector)}) contradicts itself: nothing can meet it`
  return [{ code: 'CONTRADICTORY_SELECTOR', message }]
}
