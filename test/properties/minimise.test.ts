/** Laws of `minimise`: fewer rules say the same, pass the gate, and stay as they are from run to run. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  PolicyEndpoint,
} from '../../src/policy/network-policy.ts'
import { renderPolicies } from '../../src/policy/render.ts'
import { prove } from '../../src/synthesis/gate.ts'
import type { Synthesis, SynthesisOptions } from '../../src/synthesis/synthesis.ts'
import { synthesize } from '../../src/synthesis/synthesize.ts'
import type { Traffic } from '../../src/traffic/traffic.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

const classes = ['api', 'cache', 'db', 'jobs', 'mail', 'web'].flatMap((app) => [
  `one/app=${app}`,
  `two/app=${app},tier=back`,
])
const ports = [80, 443, 5432, 8080]
const addresses = ['203.0.113.6', '203.0.113.7', '203.0.113.9', '2001:db8::1']

/** Few ends and many ports, so that peers share some ports and not others. */
const traffic: fc.Arbitrary<Traffic> = fc
  .uniqueArray(
    fc.record({
      from: fc.constantFrom<number | string>(0, 1, 2, 3, 4, 5, 6, 7, addresses[0]!, addresses[3]!),
      to: fc.constantFrom<number | string>(0, 1, 2, ...addresses),
      port: fc.constantFrom(...ports),
      protocol: fc.constantFrom('TCP' as const, 'TCP' as const, 'UDP' as const),
    }),
    { minLength: 1, maxLength: 60, selector: (edge) => JSON.stringify(edge) },
  )
  .map((edges) =>
    edges.filter(({ from, to }) => typeof from === 'number' || typeof to === 'number'),
  )
  .filter((edges) => edges.length > 0)
  .map((edges: readonly EdgeSpec[]) => makeTraffic(classes, edges))

function run(from: Traffic, options: SynthesisOptions): Synthesis {
  const synthesis = synthesize(from, options)
  prove(from, synthesis)
  return synthesis
}

function policiesOf(synthesis: Synthesis): readonly NetworkPolicy[] {
  return synthesis.policies.map((one) => one.policy as NetworkPolicy)
}

function ruleCount(synthesis: Synthesis): number {
  return policiesOf(synthesis)
    .map(({ spec }) => (spec.ingress?.length ?? 0) + (spec.egress?.length ?? 0))
    .reduce((sum, count) => sum + count, 0)
}

/** Every point that is allowed between known pods, a pod and a namespace nobody knows, and addresses. */
function allowed(from: Traffic, policies: readonly NetworkPolicy[]): readonly string[] {
  const evaluator = createEvaluator(policies)
  const pods = from.classes.map(({ namespace, labels }) => ({ namespace, labels }))
  const strangers = [
    { namespace: 'one', labels: { app: 'stranger' } },
    { namespace: 'three', labels: { app: 'web' } },
  ]
  const ends: readonly PolicyEndpoint[] = [
    ...[...pods, ...strangers].map(({ namespace, labels }) => ({
      kind: 'pod' as const,
      namespace,
      namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
      labels,
    })),
    ...[...addresses, '203.0.113.8'].map((address) => ({ kind: 'address' as const, address })),
  ]
  return ends.flatMap((source, a) =>
    ends.flatMap((target, b) => {
      if (source.kind === 'address' && target.kind === 'address') return []
      return [...ports, 53].flatMap((port) =>
        (['TCP', 'UDP'] as const).flatMap((protocol) =>
          evaluator.evaluate(source, { ...target }, { port, protocol }).allowed
            ? [`${a} ${b} ${port}/${protocol}`]
            : [],
        ),
      )
    }),
  )
}

const budget = { numRuns: 60 }

describe('minimise: rules', () => {
  test('no more rules than canonical ones, the same meaning, everything else equal', () => {
    fc.assert(
      fc.property(traffic, (one) => {
        const canonical = run(one, { minimise: 'canonical' })
        const fewest = run(one, { minimise: 'rules' })
        expect(ruleCount(fewest)).toBeLessThanOrEqual(ruleCount(canonical))
        expect(allowed(one, policiesOf(fewest))).toEqual(allowed(one, policiesOf(canonical)))
        expect({ ...fewest, policies: [], findings: [] }).toEqual({
          ...canonical,
          policies: [],
          findings: [],
        })
        const others = fewest.findings.filter(({ code }) => code !== 'RULE_CAP')
        expect(others).toEqual(canonical.findings)
      }),
      budget,
    )
  })

  test('its own output as existing policies is a fix-point, and the order of edges plays no part', () => {
    fc.assert(
      fc.property(traffic, (one) => {
        const first = run(one, { minimise: 'rules' })
        const existing: readonly LocatedPolicy[] = policiesOf(first).map((policy) => ({
          policy,
          location: { file: 'existing.yaml', line: 1 },
          rules: { ingress: [], egress: [] },
        }))
        const reversed = { ...one, edges: one.edges.toReversed() }
        const again = run(reversed, { minimise: 'rules', existing })
        expect(renderPolicies(policiesOf(again))).toBe(renderPolicies(policiesOf(first)))
        expect(again.stale).toEqual([])
      }),
      budget,
    )
  })

  test('a peer whose ports are those of two others stands in their rules', () => {
    const one = makeTraffic(
      ['one/app=api', 'one/app=a', 'one/app=b', 'one/app=both'],
      [
        { from: 1, to: 0, port: 80 },
        { from: 2, to: 0, port: 443 },
        { from: 3, to: 0, port: 80 },
        { from: 3, to: 0, port: 443 },
      ],
    )
    const ingressOf = (minimise: 'canonical' | 'rules'): unknown =>
      policiesOf(run(one, { minimise })).find(({ metadata }) => metadata.name === 'api')?.spec
        .ingress
    expect(ingressOf('canonical')).toHaveLength(3)
    expect(ingressOf('rules')).toEqual(
      [
        ['a', 80],
        ['b', 443],
      ].map(([app, port]) => ({
        from: [
          {
            podSelector: {
              matchExpressions: [{ key: 'app', operator: 'In', values: [app, 'both'] }],
            },
          },
        ],
        ports: [{ protocol: 'TCP', port }],
      })),
    )
    expect(run(one, {}).policies).toEqual(run(one, { minimise: 'canonical' }).policies)
  })

  test('a search that is cut off is a finding, and changes nothing', () => {
    const clients = Array.from({ length: 7 }, (_, at) => at + 1)
    const one = makeTraffic(
      ['one/app=api', ...clients.map((at) => `one/app=client-${at}`)],
      clients.flatMap((from) =>
        clients.filter((at) => at !== from).map((at) => ({ from, to: 0, port: 8000 + at })),
      ),
    )
    const cut = run(one, { minimise: 'rules' })
    expect(cut.findings.filter(({ code }) => code === 'RULE_CAP')).toEqual([
      expect.objectContaining({ severity: 'info', subject: 'one/api' }),
    ])
    const canonical = run(one, { minimise: 'canonical' })
    expect(cut.policies).toEqual(canonical.policies)
    expect(canonical.findings.map(({ code }) => code)).not.toContain('RULE_CAP')
  })
})
