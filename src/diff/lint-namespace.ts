/** What the policies of one namespace show together: what is said twice, and what is said in vain. */
import { isResolver } from '../policy/label-keys.ts'
import type { LocatedPolicy, NetworkPolicy, PolicyPod } from '../policy/network-policy.ts'
import { selectorMatches } from '../policy/selector.ts'
import { findMissingDns, usualResolvers } from './lint-dns.ts'
import type { KnownPods } from './lint-knowledge.ts'
import type { Finding } from './lint-place.ts'
import { aboutPolicy, aboutRule, isAbout, referencesText } from './lint-place.ts'
import { worldOf } from './namespace-world.ts'
import type { View } from './policy-views.ts'
import { viewsOf } from './policy-views.ts'
import { exceptsOf, findRedundancies, idleExcepts } from './redundancy.ts'

/** Returns what is wrong with the policies of a namespace; they must be in order. */
export function lintNamespace(
  namespace: string,
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  known: KnownPods | undefined,
): readonly Finding[] {
  const places = exceptsOf(policies)
  const resolvers = resolverPods(known)
  const world = worldOf(namespace, policies, {
    blocks: places.map(({ block }) => block),
    pods: resolvers,
  })
  const [first] = policies
  if (first === undefined) return []
  if (world === undefined) {
    const message = `namespace ${namespace} tells apart too many kinds of pods: whether its rules are redundant, and lack DNS, was not decided`
    return [aboutPolicy('NOT_DECIDED', first, message)]
  }
  const { universe, extraPods } = world
  const views = viewsOf(policies, universe)
  const redundant = findRedundancies(policies, views)
  const at = (position: number): LocatedPolicy<NetworkPolicy> => policies[position] ?? first
  return [
    ...redundant.policies.map(({ policy, others }) =>
      aboutPolicy('REDUNDANT_POLICY', at(policy), `changes nothing${because(others)}`),
    ),
    ...redundant.rules.map(({ rule, others }) =>
      aboutRule(
        'REDUNDANT_RULE',
        { ...rule, located: at(rule.policy) },
        `changes nothing${because(others)}`,
      ),
    ),
    ...idleExcepts(places, views, universe).map(({ place, others }) =>
      aboutRule(
        'EXCEPT_WITHOUT_EFFECT',
        { located: at(place.policy), direction: place.direction, index: place.rule },
        `excepts ${place.hole} from ${place.cidr}, which changes nothing${
          others.length === 0
            ? ': another exception already holds it'
            : `: ${referencesText(others)} allows it`
        }`,
      ),
    ),
    ...findMissingDns(realised(namespace, policies, views, known), universe, extraPods).map(
      ({ policy, subject }) =>
        aboutPolicy(
          'MISSING_DNS',
          at(policy),
          `isolates egress, and no policy lets ${subject} reach port 53 of a name server`,
        ),
    ),
  ]
}

function because(others: Parameters<typeof referencesText>[0]): string {
  return others.length === 0 ? '' : `: ${referencesText(others)} already says it`
}

/** Where pods are known, only combinations of policies that one of them meets count. */
function realised(
  namespace: string,
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  views: readonly View[],
  known: KnownPods | undefined,
): readonly View[] {
  if (known === undefined) return views
  const selections = new Set(
    known.pods
      .filter((pod) => pod.namespace === namespace)
      .map(({ labels }) =>
        [...policies.keys()]
          .filter((position) => {
            const policy = policies[position]?.policy
            return (
              policy !== undefined &&
              isAbout(policy, 'egress') &&
              selectorMatches(policy.spec.podSelector, labels)
            )
          })
          .join(','),
      ),
  )
  return views.filter((view) => selections.has(view.policies.join(',')))
}

function resolverPods(known: KnownPods | undefined): readonly PolicyPod[] {
  const seen = (known?.pods ?? []).filter(({ labels }) => isResolver(labels))
  return seen.length > 0 ? seen : usualResolvers
}
