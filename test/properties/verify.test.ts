/** Laws of replay and explanation, on random policies and traffic, judged by the naive evaluator. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { explainConnection } from '../../src/diff/explain.ts'
import { verifyPolicies } from '../../src/diff/verify.ts'
import type { OverPermission } from '../../src/diff/verify-report.ts'
import { toLabels } from '../../src/labels.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type {
  LabelSelector,
  LocatedPolicy,
  NetworkPolicy,
  PolicyEndpoint,
  PolicyPod,
} from '../../src/policy/network-policy.ts'
import { selectorMatches } from '../../src/policy/selector.ts'
import { synthesize } from '../../src/synthesis/synthesize.ts'
import type { Edge, EdgeEnd, Traffic } from '../../src/traffic/traffic.ts'
import { located } from '../diff/policies.ts'
import { arbitraryPolicy } from '../support/policies.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

// The vocabulary of the random policies, so that they meet.
const classes = [
  'shop/app=a',
  'shop/app=b,tier=a',
  'shop/constructor=a',
  'shop/',
  'data/app=a,tier=b',
  'data/app=true',
  'data/app.kubernetes.io/name=null',
]

const strangers = [
  '10.1.2.3',
  '10.1.2.0/24',
  '10.1.0.0/16',
  '192.0.2.1',
  '2001:db8::1',
  'entity:host',
  'entity:remote-node',
  'entity:kube-apiserver',
] as const

const pod = fc.nat(classes.length - 1)
const stranger = fc.constantFrom(...strangers)
const edge = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.tuple(pod, pod) },
      fc.tuple(pod, stranger),
      fc.tuple(stranger, pod),
    ),
    fc.integer({ min: 1, max: 7 }),
    fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
  )
  .map(([[from, to], port, protocol]): EdgeSpec => ({ from, to, port, protocol }))

const arbitraryEdges = fc.uniqueArray(edge, {
  maxLength: 20,
  selector: (one) => JSON.stringify(one),
})

/** Two objects of one name are one to the naive evaluator's report, so names are made distinct. */
const arbitraryPolicies = fc.array(arbitraryPolicy, { maxLength: 5 }).map((list) =>
  list.map(
    (one, index): NetworkPolicy => ({
      ...one,
      metadata: { namespace: one.metadata.namespace, name: `p${index}` },
    }),
  ),
)

const namedPorts = [
  { name: 'http', protocol: 'TCP' as const, port: 3 },
  { name: 'dns', protocol: 'UDP' as const, port: 5 },
]
const portsOf = (id: number) => (id % 2 === 0 ? namedPorts : undefined)

const runs = { numRuns: 300 }

function podsOf(traffic: Traffic): readonly PolicyPod[] {
  return traffic.classes.map((known) => {
    const ports = portsOf(known.id)
    return {
      kind: 'pod',
      namespace: known.namespace,
      namespaceLabels: toLabels([['kubernetes.io/metadata.name', known.namespace]]),
      labels: known.labels,
      ...(ports === undefined ? {} : { ports }),
    }
  })
}

/** Every address of the prefixes above that a block of the random policies could tell from its neighbours. */
const samples = [
  '10.1.0.0',
  '10.1.2.0',
  '10.1.2.3',
  '10.1.2.4',
  '10.1.3.0',
  '10.1.128.0',
  '10.1.255.255',
]

function endpoints(end: EdgeEnd, pods: readonly PolicyPod[]): readonly PolicyEndpoint[] {
  if (end.kind === 'class') return [{ ...pods[end.class]! }]
  if (end.kind === 'entity') return [{ kind: 'entity', entity: end.entity, labels: end.labels }]
  if (end.kind !== 'address') return []
  const list = end.address.endsWith('/24')
    ? samples.filter((address) => address.startsWith('10.1.2.'))
    : end.address.endsWith('/16')
      ? samples
      : [end.address]
  return list.map((address) => ({ kind: 'address', address }))
}

function naivelyDenied(policies: readonly NetworkPolicy[], traffic: Traffic): readonly string[] {
  const evaluator = createEvaluator(policies)
  const pods = podsOf(traffic)
  return traffic.edges.flatMap((one) => {
    const service = { protocol: one.protocol as 'TCP', port: one.port }
    const sides = new Set<string>()
    for (const from of endpoints(one.from, pods)) {
      for (const to of endpoints(one.to, pods)) {
        const { egress, ingress } = evaluator.evaluate(from, to, service)
        const isNode = from.kind === 'entity' && from.entity === 'host'
        if (!egress.allowed) sides.add('egress')
        if (!ingress.allowed && !isNode) sides.add('ingress')
      }
    }
    return sides.size === 0 ? [] : [`${keyOf(one)} ${[...sides].sort().join('+')}`]
  })
}

function keyOf({ port, protocol, evidence }: Edge): string {
  return `${evidence.samples.join()} ${port}/${protocol}`
}

function trafficOf(edges: readonly EdgeSpec[]): Traffic {
  return makeTraffic(
    classes.map((of, index) => ({ of, workload: `w${index}` })),
    edges.map((one, index) => ({ ...one, evidence: { samples: [`u${index}`] } })),
  )
}

describe('verify', () => {
  test('denies exactly what the naive evaluator denies, on the same sides', () => {
    let denials = 0
    fc.assert(
      fc.property(arbitraryPolicies, arbitraryEdges, (policies, edges) => {
        const traffic = trafficOf(edges)
        const report = verifyPolicies({
          policies: policies.map((one) => located(one, 'p.yaml')),
          traffic,
          portsOf,
        })
        const found = report.denied.map((one) => {
          const sides = one.sides.map((side) => side.direction)
          return `${one.evidence.samples.join()} ${one.port} ${sides.sort().join('+')}`
        })
        const expected = naivelyDenied(policies, traffic)
        expect(found.sort()).toEqual([...expected].sort())
        expect(report.holds).toBe(expected.length === 0)
        const { covered, denied, unjudged } = report.coverage.edges
        expect([covered + denied + unjudged, denied]).toEqual([edges.length, expected.length])
        denials += expected.length
        for (const side of report.denied.flatMap((one) => one.sides)) {
          expect(side.isolatedBy.length).toBeGreaterThan(0)
          for (const miss of side.closest) expect(miss.reasons.length).toBeGreaterThan(0)
        }
      }),
      runs,
    )
    expect(denials).toBeGreaterThan(100)
  })

  test('a rule is used exactly when the naive evaluator says that it matches some edge', () => {
    let used = 0
    fc.assert(
      fc.property(arbitraryPolicies, arbitraryEdges, (policies, edges) => {
        const traffic = trafficOf(edges)
        const evaluator = createEvaluator(policies)
        const pods = podsOf(traffic)
        const expected = new Set<string>()
        for (const one of traffic.edges) {
          const service = { protocol: one.protocol as 'TCP', port: one.port }
          for (const from of endpoints(one.from, pods)) {
            for (const to of endpoints(one.to, pods)) {
              const decision = evaluator.evaluate(from, to, service)
              for (const direction of ['egress', 'ingress'] as const) {
                for (const { policy, rule } of decision[direction].allowedBy) {
                  expected.add(`${policy} ${direction} ${rule}`)
                }
              }
            }
          }
        }
        const { usage } = verifyPolicies({
          policies: policies.map((one) => located(one)),
          traffic,
          portsOf,
        })
        const found = usage.flatMap(({ policy, rules }) =>
          rules
            .filter(({ state }) => state === 'used' || state === 'partly')
            .map(({ direction, rule }) => `${policy} ${direction} ${rule}`),
        )
        expect(found.sort()).toEqual([...expected].sort())
        used += found.length
        for (const rule of usage.flatMap(({ rules }) => rules)) {
          const unused = rule.unused.reduce(
            (sum, row) => sum + row.peers.length * row.ports.length,
            0,
          )
          expect([rule.used.length + unused, unused]).toEqual([rule.grants, rule.unusedGrants])
        }
      }),
      runs,
    )
    expect(used).toBeGreaterThan(100)
  })

  test('over-permission is what the naive evaluator counts, pair by pair', () => {
    let unused = 0
    const listening = [1, 4].map((port) => ({ protocol: 'TCP' as const, port }))
    const noNames = (policies: readonly NetworkPolicy[]): boolean =>
      !JSON.stringify(policies).includes('"port":"')
    fc.assert(
      fc.property(arbitraryPolicies.filter(noNames), arbitraryEdges, (policies, edges) => {
        const traffic = trafficOf(edges)
        const { overPermission } = verifyPolicies({
          policies: policies.map((one) => located(one)),
          traffic,
          listeningPortsOf: (id) => (id < 3 ? listening : []),
        })
        const expected = naiveOverPermission(policies, traffic, (id) => (id < 3 ? listening : []))
        expect(
          overPermission.map(({ namespace, allowed, used, unused: rest, open }) => ({
            namespace,
            allowed,
            used,
            unused: rest,
            open,
          })),
        ).toEqual(expected)
        unused += expected.reduce((sum, one) => sum + one.unused, 0)
      }),
      runs,
    )
    expect(unused).toBeGreaterThan(100)
  })

  test('is the same in whatever order policies are given', () => {
    fc.assert(
      fc.property(arbitraryPolicies, arbitraryEdges, (policies, edges) => {
        const traffic = trafficOf(edges)
        const list = policies.map((one) => located(one, 'p.yaml'))
        const report = verifyPolicies({ policies: list, traffic })
        expect(verifyPolicies({ policies: [...list].reverse(), traffic })).toEqual(report)
      }),
      { numRuns: 100 },
    )
  })
})

/** Counts by the definition: every port that was seen, is listened on, or is named alone by a rule that selects the pod. */
function naiveOverPermission(
  policies: readonly NetworkPolicy[],
  traffic: Traffic,
  listeningPortsOf: (id: number) => readonly { protocol: string; port: number }[],
): readonly Omit<OverPermission, 'otherPorts' | 'largest'>[] {
  const evaluator = createEvaluator(policies)
  const pods = podsOf(traffic).map(({ ports: _, ...bare }): PolicyPod => bare)
  const totals = new Map(
    ['data', 'shop'].map((namespace) => [
      namespace,
      { namespace, allowed: 0, used: 0, unused: 0, open: 0 },
    ]),
  )
  const seen = (from: number, to: number, port: string): boolean =>
    traffic.edges.some(
      (one) =>
        one.from.kind === 'class' &&
        one.from.class === from &&
        one.to.kind === 'class' &&
        one.to.class === to &&
        `${one.port}/${one.protocol}` === port,
    )
  for (const [to, target] of pods.entries()) {
    const relevant = new Set([
      ...listeningPortsOf(to).map(({ port, protocol }) => `${port}/${protocol}`),
      ...traffic.edges
        .filter((one) => one.to.kind === 'class' && one.to.class === to)
        .map((one) => `${one.port}/${one.protocol}`),
      ...namedAlone(policies, evaluator, target),
    ])
    for (const [from, source] of pods.entries()) {
      for (const text of relevant) {
        const [port, protocol] = text.split('/')
        const decision = evaluator.evaluate(
          source,
          { ...target },
          {
            protocol: protocol as 'TCP',
            port: Number(port),
          },
        )
        if (!decision.allowed) continue
        const isIn = decision.ingress.isolatedBy.length > 0
        const isOut = decision.egress.isolatedBy.length > 0
        const own = totals.get(target.namespace)!
        if (!isIn && !isOut) {
          own.open += 1
          continue
        }
        const total = isIn ? own : totals.get(source.namespace)!
        total.allowed += 1
        if (seen(from, to, text)) total.used += 1
        else total.unused += 1
      }
    }
  }
  return [...totals.values()]
}

/** Ports that a rule names alone: an ingress rule of a policy that selects the pod, an egress rule whose peer it is. */
function namedAlone(
  policies: readonly NetworkPolicy[],
  evaluator: ReturnType<typeof createEvaluator>,
  target: PolicyPod,
): readonly string[] {
  const other: PolicyPod = { ...target, namespace: 'elsewhere' }
  const ingress = new Set(
    evaluator.evaluate(other, target, { protocol: 'TCP', port: 1 }).ingress.isolatedBy,
  )
  return policies
    .filter(({ spec }) => isSatisfiable(spec.podSelector))
    .flatMap(({ metadata, spec }) => [
      ...(ingress.has(`${metadata.namespace}/${metadata.name}`)
        ? (spec.ingress ?? []).flatMap((rule) => rule.ports ?? [])
        : []),
      ...(spec.policyTypes?.length === 0 ||
      spec.policyTypes === undefined ||
      spec.policyTypes.includes('Egress')
        ? (spec.egress ?? [])
            .filter((rule) => isPeer(metadata.namespace, rule.to, target))
            .flatMap((rule) => rule.ports ?? [])
        : []),
    ])
    .flatMap(({ port, endPort, protocol = 'TCP' }) =>
      typeof port === 'number' && (endPort ?? port) === port ? [`${port}/${protocol}`] : [],
    )
}

/** Tells whether any labels at all match: a policy that can select no pod names no port for anyone. */
function isSatisfiable(selector: LabelSelector): boolean {
  const expressions = selector.matchExpressions ?? []
  const keys = new Set([
    ...Object.keys(selector.matchLabels ?? {}),
    ...expressions.map((one) => one.key),
  ])
  let candidates: readonly (readonly [string, string])[][] = [[]]
  for (const key of keys) {
    const values = ['a', 'b', '', 'true', '1e3', 'null', '0x1f', 'other']
    candidates = candidates.flatMap((entries) => [
      entries,
      ...values.map((value) => [...entries, [key, value] as const]),
    ])
  }
  return candidates.some((entries) => selectorMatches(selector, toLabels(entries)))
}

/** Asks the evaluator with a policy of that one rule. */
function isPeer(
  namespace: string,
  to: NonNullable<NetworkPolicy['spec']['egress']>[number]['to'],
  target: PolicyPod,
): boolean {
  const subject: PolicyPod = {
    kind: 'pod',
    namespace,
    namespaceLabels: toLabels([]),
    labels: toLabels([]),
  }
  const policy: NetworkPolicy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace, name: 'one' },
    spec: { podSelector: {}, policyTypes: ['Egress'], egress: [to === undefined ? {} : { to }] },
  }
  return createEvaluator([policy]).evaluate(subject, target, { protocol: 'TCP', port: 1 }).egress
    .allowed
}

test('generated policies deny nothing, cover everything, and have no unused grant but declared ones', () => {
  let edgesSeen = 0
  fc.assert(
    fc.property(
      arbitraryEdges.filter((edges) => edges.length > 0),
      (edges) => {
        const labelled = [
          'shop/app=a',
          'shop/app=b',
          'shop/app=c',
          'data/app=a',
          'data/app=b',
          'data/app=d',
          'data/app=e',
        ]
        const traffic = makeTraffic(
          labelled.map((of, index) => ({ of, workload: `w${index}` })),
          // Widths of prefixes would be widenings of their own.
          edges.filter((one) => !String(one.from).includes('/') && !String(one.to).includes('/')),
        )
        const { policies } = synthesize(traffic, { dns: 'none', defaultDeny: 'never' })
        const report = verifyPolicies({
          policies: policies.map(({ policy }): LocatedPolicy => located(policy as NetworkPolicy)),
          traffic,
          minCoverage: 100,
        })
        expect(report.denied).toEqual([])
        expect(report.coverage.edges.percent).toBe(100)
        expect(report.coverage.flows.percent).toBe(100)
        expect(report.holds).toBe(true)
        const hasStranger = traffic.edges.some(
          (one) => one.from.kind === 'entity' || one.to.kind === 'entity',
        )
        if (!hasStranger) expect(report.usage.filter((one) => one.unusedGrants > 0)).toEqual([])
        edgesSeen += traffic.edges.length
      },
    ),
    { numRuns: 200 },
  )
  expect(edgesSeen).toBeGreaterThan(500)
})

test('explain says what the naive evaluator says, with the same rules', () => {
  let allowedCount = 0
  fc.assert(
    fc.property(
      arbitraryPolicies,
      pod,
      pod,
      fc.integer({ min: 1, max: 7 }),
      (policies, from, to, port) => {
        const traffic = trafficOf([])
        const pods = podsOf(traffic)
        const explanation = explainConnection(
          { policies: policies.map((one) => located(one)), traffic, portsOf },
          {
            from: { kind: 'name', namespace: pods[from]!.namespace, name: `w${from}` },
            to: { kind: 'name', namespace: pods[to]!.namespace, name: `w${to}` },
            protocol: 'TCP',
            port,
            words: { from: 'a', to: 'b' },
          },
        )
        const expected = createEvaluator(policies).evaluate(
          pods[from]!,
          { ...pods[to]! },
          { protocol: 'TCP', port },
        )
        const [answer] = explanation.answers
        expect(explanation.allowed).toBe(expected.allowed)
        for (const direction of ['egress', 'ingress'] as const) {
          const side = answer![direction]
          expect(side.allowed).toBe(expected[direction].allowed)
          expect(side.isolatedBy.map(({ policy }) => policy)).toEqual(
            expected[direction].isolatedBy,
          )
          expect(side.allowedBy.map(({ policy, rule }) => ({ policy, rule }))).toEqual(
            expected[direction].allowedBy,
          )
          for (const miss of side.closest) expect(miss.reasons.length).toBeGreaterThan(0)
        }
        if (expected.allowed) allowedCount += 1
      },
    ),
    runs,
  )
  expect(allowedCount).toBeGreaterThan(50)
})
