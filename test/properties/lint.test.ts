import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lintPolicies } from '../../src/diff/lint.ts'
import type { LintCode, LintFinding } from '../../src/diff/lint-report.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  PolicyEndpoint,
  PolicyService,
} from '../../src/policy/network-policy.ts'
import { located } from '../diff/policies.ts'
import { arbitraryEndpoint, arbitraryPolicy, arbitraryService } from '../support/policies.ts'

/** Policies of two namespaces, each in a file of its own: its rules stand on lines 10, 20 and so on. */
const policySet: fc.Arbitrary<readonly LocatedPolicy<NetworkPolicy>[]> = fc
  .array(arbitraryPolicy, { minLength: 1, maxLength: 5 })
  .map((policies) =>
    policies.map((policy, index) => {
      const named = { ...policy, metadata: { ...policy.metadata, name: `p${index}` } }
      const place = located(named, `p${index}.yaml`)
      const rules = {
        ingress: place.rules.ingress,
        egress: place.rules.egress.map((_, at) => ({ file: `p${index}.yaml`, line: 100 + at })),
      }
      return { ...place, rules }
    }),
  )

const points = fc.array(fc.tuple(arbitraryEndpoint, arbitraryEndpoint, arbitraryService), {
  minLength: 60,
  maxLength: 60,
})

function findings(set: readonly LocatedPolicy[], ...codes: readonly LintCode[]) {
  return lintPolicies({ policies: set }).findings.filter(({ code }) => codes.includes(code))
}

/** The policies without what a finding is about. */
function without(
  set: readonly LocatedPolicy<NetworkPolicy>[],
  list: readonly LintFinding[],
): readonly NetworkPolicy[] {
  const places = new Map(list.map((finding) => [finding.at, finding.code]))
  return set.flatMap(({ policy, location, rules }) => {
    if (places.get(`${location.file}:${location.line}`) === 'REDUNDANT_POLICY') return []
    const keep = (lines: LocatedPolicy['rules']['ingress']) => (_: unknown, index: number) =>
      places.get(`${location.file}:${lines[index]?.line}`) !== 'REDUNDANT_RULE'
    const { ingress, egress } = policy.spec
    return [
      {
        ...policy,
        spec: {
          ...policy.spec,
          ...(ingress === undefined ? {} : { ingress: ingress.filter(keep(rules.ingress)) }),
          ...(egress === undefined ? {} : { egress: egress.filter(keep(rules.egress)) }),
        },
      },
    ]
  })
}

function sameEverywhere(
  before: readonly NetworkPolicy[],
  after: readonly NetworkPolicy[],
  asked: readonly (readonly [PolicyEndpoint, PolicyEndpoint, PolicyService])[],
): void {
  const [old, fresh] = [createEvaluator(before), createEvaluator(after)]
  for (const [from, to, service] of asked) {
    const expected = old.evaluate(from, to, service)
    const actual = fresh.evaluate(from, to, service)
    const context = JSON.stringify({ from, to, service, before, after })
    expect(actual.egress.allowed, context).toBe(expected.egress.allowed)
    expect(actual.ingress.allowed, context).toBe(expected.ingress.allowed)
  }
}

test('what is redundant can be deleted, all of it at once, and no connection changes', () => {
  let count = 0
  fc.assert(
    fc.property(policySet, points, (set, asked) => {
      const list = findings(set, 'REDUNDANT_RULE', 'REDUNDANT_POLICY')
      count += list.length
      sameEverywhere(
        set.map(({ policy }) => policy),
        without(set, list),
        asked,
      )
    }),
    { numRuns: 600 },
  )
  expect(count).toBeGreaterThan(100)
})

test('what is not redundant can be told from its absence by some pod', () => {
  const web = {
    kind: 'pod',
    namespace: 'shop',
    namespaceLabels: { 'kubernetes.io/metadata.name': 'shop' },
    labels: { app: 'web' },
  } as const
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 6 }),
      (list) => {
        const policy: NetworkPolicy = {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
          metadata: { name: 'p0', namespace: 'shop' },
          spec: {
            podSelector: {},
            ingress: list.map((port) => ({
              from: [{ podSelector: {} }],
              ports: [{ port, endPort: port + 10 }],
            })),
          },
        }
        const set = [located(policy, 'p0.yaml')]
        const spare = new Set(findings(set, 'REDUNDANT_RULE').map(({ at }) => at))
        const kept = list.filter((_, index) => !spare.has(`p0.yaml:${10 * (index + 1)}`))
        for (const [index] of kept.entries()) {
          const rest = kept.filter((_, at) => at !== index)
          const isSame = Array.from({ length: 60 }, (_, port) => port + 1).every((port) => {
            const holds = (ports: readonly number[]) =>
              ports.some((first) => first <= port && port <= first + 10)
            const rules = rest.map((first) => ({ ports: [{ port: first, endPort: first + 10 }] }))
            const smaller = { ...policy, spec: { podSelector: {}, ingress: rules } }
            const service = { protocol: 'TCP', port } as const
            const decision = createEvaluator([smaller]).evaluate(web, web, service)
            return decision.allowed === holds(kept)
          })
          expect(isSame).toBe(false)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('an exception without effect can be left out, and no connection changes', () => {
  let count = 0
  const block = fc.constantFrom(
    { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.1.2.0/24'] },
    { cidr: '10.0.0.0/8', except: ['10.1.2.0/24', '10.1.2.0/24'] },
    { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
    { cidr: '10.1.0.0/16' },
    { cidr: '0.0.0.0/0', except: ['10.1.2.0/24'] },
  )
  const ports = fc.constantFrom(undefined, [{ port: 80 }], [{ port: 80 }, { port: 81 }])
  const rule = fc
    .record({ from: fc.array(block, { minLength: 1, maxLength: 2 }), ports })
    .map(({ from, ports: list }) => ({
      from: from.map((ipBlock) => ({ ipBlock })),
      ...(list === undefined ? {} : { ports: list }),
    }))
  const selector = fc.constantFrom({}, { matchLabels: { app: 'web' } })
  const policies = fc.array(
    fc.record({ podSelector: selector, ingress: fc.array(rule, { maxLength: 2 }) }),
    { minLength: 1, maxLength: 3 },
  )
  const addresses = ['10.1.2.3', '10.1.3.1', '10.2.0.1', '11.0.0.1']
  fc.assert(
    fc.property(policies, (specs) => {
      const set = specs.map((spec, index) =>
        located(
          {
            apiVersion: 'networking.k8s.io/v1',
            kind: 'NetworkPolicy',
            metadata: { name: `p${index}`, namespace: 'shop' },
            spec,
          },
          `p${index}.yaml`,
        ),
      )
      const list = findings(set, 'EXCEPT_WITHOUT_EFFECT')
      const asked = ['web', 'api'].flatMap((app) =>
        addresses.flatMap((address) =>
          [80, 81, 82].map((port) => {
            const to = {
              kind: 'pod',
              namespace: 'shop',
              namespaceLabels: { 'kubernetes.io/metadata.name': 'shop' },
              labels: { app },
            } as const
            const service = { protocol: 'TCP', port } as const
            return [{ kind: 'address', address } as const, to, service] as const
          }),
        ),
      )
      const all = set.map(({ policy }) => policy)
      for (const [position, { policy, rules }] of set.entries()) {
        for (const [index, { from = [] }] of (policy.spec.ingress ?? []).entries()) {
          const place = `p${position}.yaml:${rules.ingress[index]?.line}`
          for (const finding of list.filter(({ at }) => at === place)) {
            const [, hole, cidr] = /excepts (\S+) from ([^,]+),/.exec(finding.message) ?? []
            count += 1
            const wider = from.map(({ ipBlock }) => {
              // Of equal exceptions in one block the last one goes.
              const at = ipBlock?.except?.lastIndexOf(hole ?? '') ?? -1
              const isMeant = ipBlock?.cidr === cidr && at >= 0
              // Where two blocks are alike, the other finding may be meant: one at a time is enough when alone.
              if (!isMeant || from.length > 1) return { ipBlock }
              return {
                ipBlock: { ...ipBlock, except: ipBlock?.except?.filter((_, i) => i !== at) },
              }
            })
            const ingress = policy.spec.ingress?.map((each, i) =>
              i === index ? { ...each, from: wider } : each,
            )
            const changed = { ...policy, spec: { ...policy.spec, ingress } } as NetworkPolicy
            sameEverywhere(
              all,
              all.map((each, i) => (i === position ? changed : each)),
              asked,
            )
          }
        }
      }
    }),
    { numRuns: 200 },
  )
  expect(count).toBeGreaterThan(50)
})
