import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkGuardRails } from '../../src/diff/guard-rails.ts'
import type { RailKind } from '../../src/diff/rail-violation.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type {
  NetworkPolicy,
  PolicyEndpoint,
  PolicyService,
} from '../../src/policy/network-policy.ts'
import { located } from '../diff/policies.ts'
import { arbitraryPolicy } from '../support/policies.ts'
import { makeTraffic } from '../support/traffic.ts'

const traffic = makeTraffic(
  ['shop/app=a', 'shop/app=b,tier=a', 'data/app=a,tier=b', 'data/constructor=true', 'ops/x=y'],
  [{ from: 'entity:remote-node', to: 0, port: 1 }],
)
const ports = [
  [{ name: 'http', protocol: 'TCP' as const, port: 2 }],
  [],
  [
    { name: 'dns', protocol: 'UDP' as const, port: 4 },
    { name: 'http', protocol: 'TCP' as const, port: 5 },
  ],
  [],
  [],
]
const surroundings = {
  traffic,
  groupOf: (id: number) => `class ${id}`,
  portsOf: (id: number) => ports[id] ?? [],
}

/** One address of every cell that the blocks of random policies can cut. */
const addresses = [
  '10.1.2.3',
  '10.1.2.9',
  '10.1.200.1',
  '10.1.3.1',
  '10.2.0.1',
  '192.0.2.1',
  '2001:db8::1',
  'fd00::1',
]
const pods: readonly PolicyEndpoint[] = traffic.classes.map(({ id, namespace, labels }) => ({
  kind: 'pod',
  namespace,
  namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
  labels,
  ports: ports[id] ?? [],
}))
const others: readonly PolicyEndpoint[] = [
  ...addresses.map((address) => ({ kind: 'address' as const, address })),
  { kind: 'entity', entity: 'remote-node', labels: [] },
]
const pairs = [
  ...pods.flatMap((from) => [...pods, ...others].map((to) => [from, to] as const)),
  ...others.flatMap((from) => pods.map((to) => [from, to] as const)),
]
const services = (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
  Array.from({ length: 10 }, (_, port): PolicyService => ({ protocol, port: port + 1 })),
)

/** The rules of a guard rail, each as a policy that has no other. */
function singleRules({ metadata, spec }: NetworkPolicy) {
  const { podSelector, ingress = [], egress = [] } = spec
  const base = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata } as const
  return [
    ...ingress.map((rule, index) => ({
      direction: 'ingress' as const,
      line: 10 * (index + 1),
      policy: {
        ...base,
        spec: { podSelector, policyTypes: ['Ingress' as const], ingress: [rule] },
      },
    })),
    ...egress.map((rule, index) => ({
      direction: 'egress' as const,
      line: 1000 + index,
      policy: { ...base, spec: { podSelector, policyTypes: ['Egress' as const], egress: [rule] } },
    })),
  ]
}

/** Whether the naive evaluator finds a point of the rule that the policies treat as they must not. */
function isBroken(
  kind: RailKind,
  { direction, policy }: ReturnType<typeof singleRules>[number],
  set: readonly NetworkPolicy[],
): boolean {
  const says = createEvaluator([policy])
  const inForce = createEvaluator(set)
  return pairs.some(([from, to]) =>
    services.some((service) => {
      const isMeant = says.evaluate(from, to, service)[direction].allowedBy.length > 0
      return isMeant && inForce.evaluate(from, to, service).allowed === (kind === 'forbid')
    }),
  )
}

function isKnown(name: string): boolean {
  return /^class \d$/.test(name) || name === 'remote-node' || /^[0-9a-f:.]+$/.test(name)
}

test.each(['forbid', 'permit'] as const)(
  'a %s rule is broken exactly where the naive evaluator finds a point of it',
  (kind) => {
    const seen = { broken: 0, kept: 0 }
    fc.assert(
      fc.property(
        fc.array(arbitraryPolicy, { maxLength: 4 }),
        arbitraryPolicy,
        (set, { spec, ...rest }) => {
          const { policyTypes: _all, ...said } = spec
          const rail = { ...rest, spec: said }
          const place = located(rail, 'rail.yaml')
          const egress = place.rules.egress.map((_, at) => ({ file: 'rail.yaml', line: 1000 + at }))
          const rails = {
            permit: [],
            forbid: [],
            [kind]: [{ ...place, rules: { ...place.rules, egress } }],
          }
          const { violations } = checkGuardRails(
            rails,
            set.map((policy) => located(policy, 'p.yaml')),
            surroundings,
          )
          for (const rule of singleRules(rail)) {
            const own = violations.filter(({ at }) => at === `rail.yaml:${rule.line}`)
            const isFound = own.some(({ witness }) => isKnown(witness.from) && isKnown(witness.to))
            const expected = isBroken(kind, rule, set)
            seen[expected ? 'broken' : 'kept'] += 1
            expect(isFound, JSON.stringify({ rule, set, violations })).toBe(expected)
          }
        },
      ),
      { numRuns: 250 },
    )
    expect(seen.broken).toBeGreaterThan(30)
    expect(seen.kept).toBeGreaterThan(30)
  },
)

test('neither the order of policies nor that of guard rails changes what is said of each', () => {
  const rail = fc.array(arbitraryPolicy, { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(fc.array(arbitraryPolicy, { maxLength: 4 }), rail, (set, rails) => {
      const name = (policies: readonly NetworkPolicy[], prefix: string) =>
        policies.map((policy, index) => {
          const metadata = { ...policy.metadata, name: `${prefix}${index}` }
          return located({ ...policy, metadata }, `${prefix}${index}.yaml`)
        })
      const check = (turn: <T>(list: readonly T[]) => readonly T[]) =>
        checkGuardRails(
          { forbid: turn(name(rails, 'f')), permit: turn(name(rails, 'm')) },
          turn(name(set, 'p')),
          surroundings,
        )
          .violations.map((violation) => JSON.stringify(violation))
          .sort()
      expect(check((list) => [...list].reverse())).toEqual(check((list) => list))
    }),
    { numRuns: 60 },
  )
})
