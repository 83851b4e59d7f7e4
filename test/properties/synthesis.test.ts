/** Laws of synthesis end to end: P9 to P14, P23 and the fix-point, on random clusters, judged by the naive evaluator. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type { LocatedPolicy, NetworkPolicy, PolicyPod } from '../../src/policy/network-policy.ts'
import { renderPolicies } from '../../src/policy/render.ts'
import { prove } from '../../src/synthesis/gate.ts'
import type { Synthesis, SynthesisOptions } from '../../src/synthesis/synthesis.ts'
import { synthesize } from '../../src/synthesis/synthesize.ts'
import type { Traffic } from '../../src/traffic/traffic.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

interface Cluster {
  readonly classes: readonly string[]
  readonly edges: readonly EdgeSpec[]
}

const label = fc.record({
  app: fc.constantFrom('web', 'api', 'db', 'cache'),
  tier: fc.option(fc.constantFrom('front', 'back'), { nil: undefined }),
  instance: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
  team: fc.option(fc.constantFrom('red', 'blue', '__proto__'), { nil: undefined }),
})

const classText = fc
  .record({ namespace: fc.constantFrom('one', 'two', 'three'), labels: label })
  .map(
    ({ namespace, labels }) =>
      `${namespace}/${Object.entries(labels)
        .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]))
        .join()}`,
  )

const cluster: fc.Arbitrary<Cluster> = fc
  .uniqueArray(classText, { minLength: 2, maxLength: 9 })
  .chain((unsorted) => {
    const classes = [...unsorted].sort()
    const pod = fc.nat(classes.length - 1)
    const stranger = fc.constantFrom(
      '203.0.113.7',
      '203.0.113.8',
      '198.51.100.1',
      '2001:db8::1',
      'entity:remote-node',
      'entity:kube-apiserver',
    )
    const edge = fc
      .tuple(
        fc.oneof(
          { weight: 5, arbitrary: fc.tuple(pod, pod) },
          fc.tuple(pod, stranger),
          fc.tuple(stranger, pod),
        ),
        fc.constantFrom(53, 80, 443, 5432, 40_000),
        fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
      )
      .map(([[from, to], port, protocol]): EdgeSpec => ({ from, to, port, protocol }))
    return fc.record({
      classes: fc.constant(classes),
      edges: fc.uniqueArray(edge, {
        minLength: 1,
        maxLength: 25,
        selector: (one) => JSON.stringify(one),
      }),
    })
  })

/** Each class is a workload of its own, or the default name would join classes of one app. */
function trafficOf({ classes, edges }: Cluster): Traffic {
  return makeTraffic(
    classes.map((of, index) => ({ of, workload: `w${index}` })),
    edges,
  )
}

function run(traffic: Traffic, options: SynthesisOptions = {}): Synthesis {
  const synthesis = synthesize(traffic, options)
  prove(traffic, synthesis)
  return synthesis
}

function policiesOf(synthesis: Synthesis): readonly NetworkPolicy[] {
  return synthesis.policies.map((one) => one.policy as NetworkPolicy)
}

function yamlOf(synthesis: Synthesis): string {
  return renderPolicies(policiesOf(synthesis))
}

function located(policies: readonly NetworkPolicy[]): readonly LocatedPolicy[] {
  return policies.map((policy) => ({
    policy,
    location: { file: 'existing.yaml', line: 1 },
    rules: { ingress: [], egress: [] },
  }))
}

function podsOf(traffic: Traffic): readonly PolicyPod[] {
  return traffic.classes.map((known) => ({
    kind: 'pod',
    namespace: known.namespace,
    namespaceLabels: traffic.namespaces[known.namespace] ?? {},
    labels: known.labels,
  }))
}

const points = [53, 80, 443, 5432, 40_000, 7].flatMap((port) =>
  (['TCP', 'UDP', 'SCTP'] as const).map((protocol) => ({ port, protocol })),
)

/** Every point between known pods that the policies allow. */
function allowed(traffic: Traffic, policies: readonly NetworkPolicy[]): ReadonlySet<string> {
  const evaluator = createEvaluator(policies)
  const pods = podsOf(traffic)
  const set = new Set<string>()
  for (const [from, source] of pods.entries()) {
    for (const [to, target] of pods.entries()) {
      const destination = from === to ? { ...target } : target
      for (const service of points) {
        if (evaluator.evaluate(source, destination, service).allowed) {
          set.add(`${from} ${to} ${service.port}/${service.protocol}`)
        }
      }
    }
  }
  return set
}

const budget = { numRuns: 150 }

describe('synthesis', () => {
  test('P9: every learned edge is allowed, also beside the default denies', () => {
    fc.assert(
      fc.property(
        cluster,
        fc.constantFrom('auto' as const, 'never' as const),
        (one, defaultDeny) => {
          const traffic = trafficOf(one)
          const evaluator = createEvaluator(policiesOf(run(traffic, { defaultDeny })))
          const pods = podsOf(traffic)
          for (const edge of traffic.edges) {
            const ends = [edge.from, edge.to].map((end) =>
              end.kind === 'class'
                ? { ...pods[end.class]! }
                : end.kind === 'address'
                  ? ({ kind: 'address', address: end.address } as const)
                  : ({ kind: 'entity', entity: 'remote-node', labels: [] } as const),
            )
            const { protocol, port } = edge
            if (protocol === 'ICMPv4' || protocol === 'ICMPv6') continue
            expect(evaluator.evaluate(ends[0]!, ends[1]!, { protocol, port }).allowed).toBe(true)
          }
        },
      ),
      budget,
    )
  })

  test('P10: nothing else is allowed between known pods where nothing is widened', () => {
    fc.assert(
      fc.property(cluster, (one) => {
        const edges = one.edges.filter(
          (edge) =>
            !String(edge.from).startsWith('entity') && !String(edge.to).startsWith('entity'),
        )
        fc.pre(edges.length > 0)
        const traffic = trafficOf({ ...one, edges })
        const synthesis = run(traffic, { dns: 'none', defaultDeny: 'never' })
        fc.pre(
          synthesis.widenings.length === 0 && synthesis.subjects.length === synthesis.groups.length,
        )
        const learned = traffic.edges.flatMap((edge) =>
          edge.from.kind === 'class' && edge.to.kind === 'class'
            ? [`${edge.from.class} ${edge.to.class} ${edge.port}/${edge.protocol}`]
            : [],
        )
        expect([...allowed(traffic, policiesOf(synthesis))].sort()).toEqual(learned.sort())
      }),
      budget,
    )
  })

  test('P11: more forwarded evidence closes nothing', () => {
    fc.assert(
      fc.property(cluster, fc.nat(20), (one, keep) => {
        const traffic = trafficOf(one)
        const fewer = { ...traffic, edges: traffic.edges.slice(0, keep + 1) }
        const options = { dns: 'none', defaultDeny: 'never' } as const
        const before = allowed(traffic, policiesOf(run(fewer, options)))
        const after = allowed(traffic, policiesOf(run(traffic, options)))
        expect([...before].filter((point) => !after.has(point))).toEqual([])
      }),
      budget,
    )
  })

  test('P12: the order of edges does not matter, and its own output as existing policies is a fix-point', () => {
    fc.assert(
      fc.property(cluster, fc.infiniteStream(fc.nat()), (one, random) => {
        const traffic = trafficOf(one)
        const first = run(traffic)
        const shuffled = traffic.edges
          .map((edge) => ({ edge, at: random.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ edge }) => edge)
        expect(yamlOf(run({ ...traffic, edges: shuffled }))).toBe(yamlOf(first))
        const again = run(traffic, { existing: located(policiesOf(first)) })
        expect(yamlOf(again)).toBe(yamlOf(first))
        expect(again.stale).toEqual([])
      }),
      budget,
    )
  })

  test('a shorter look after a longer one revokes nothing', () => {
    fc.assert(
      fc.property(cluster, fc.nat(20), (one, keep) => {
        const traffic = trafficOf(one)
        const long = run(traffic)
        const fewer = { ...traffic, edges: traffic.edges.slice(0, keep + 1) }
        const short = run(fewer, { existing: located(policiesOf(long)) })
        const before = allowed(traffic, policiesOf(long))
        const after = allowed(traffic, policiesOf(short))
        expect([...before].filter((point) => !after.has(point))).toEqual([])
      }),
      budget,
    )
  })

  test('P13: with exact ingress everywhere, egress may be as coarse as it likes', () => {
    fc.assert(
      fc.property(cluster, (one) => {
        const traffic = trafficOf(one)
        const synthesis = run(traffic, {
          defaultDeny: 'never',
          dns: 'none',
          onInexpressible: 'block',
        })
        fc.pre(synthesis.subjects.length === synthesis.groups.length)
        const exact = policiesOf(synthesis)
        const coarse = exact.map((policy) => ({
          ...policy,
          spec: { ...policy.spec, egress: [{}] },
        }))
        expect(allowed(traffic, coarse)).toEqual(allowed(traffic, exact))
      }),
      budget,
    )
  })

  test('P14: one policy a rule says what one policy says', () => {
    fc.assert(
      fc.property(cluster, (one) => {
        const traffic = trafficOf(one)
        const whole = policiesOf(run(traffic))
        const split = whole.flatMap((policy): readonly NetworkPolicy[] => {
          const { podSelector, policyTypes = ['Ingress', 'Egress'] } = policy.spec
          const part = (rules: Partial<NetworkPolicy['spec']>, index: string): NetworkPolicy => ({
            ...policy,
            metadata: { ...policy.metadata, name: `${policy.metadata.name}-${index}` },
            spec: { podSelector, policyTypes, ...rules },
          })
          return [
            part({}, 'deny'),
            ...(policy.spec.ingress ?? []).map((rule, at) => part({ ingress: [rule] }, `in-${at}`)),
            ...(policy.spec.egress ?? []).map((rule, at) => part({ egress: [rule] }, `out-${at}`)),
          ]
        })
        expect(allowed(traffic, split)).toEqual(allowed(traffic, whole))
      }),
      budget,
    )
  })

  test('P14: a policy too large for one object is split, and still allows every address', () => {
    const addresses = Array.from(
      { length: 5_200 },
      (_, index) => `2001:db8:1234:5678:9abc:${(index * 2).toString(16)}:1111:2222`,
    )
    const traffic = makeTraffic(
      ['shop/app=crawler'],
      addresses.map((to) => ({ from: 0, to, port: 443 })),
    )
    const synthesis = run(traffic)
    const own = synthesis.policies.filter((one) => one.role === 'workload')
    expect(own.length).toBeGreaterThan(1)
    for (const { policy } of own) expect(JSON.stringify(policy).length).toBeLessThan(300_000)
    expect(new Set(own.map((one) => one.policy.metadata.name)).size).toBe(own.length)
  })

  test('P23: removing a workload leaves the selectors of the others as they were', () => {
    fc.assert(
      fc.property(cluster, fc.nat(8), (one, gone) => {
        fc.pre(one.classes.length > 2)
        const removed = gone % one.classes.length
        const before = run(trafficOf(one))
        const edges = one.edges
          .filter((edge) => edge.from !== removed && edge.to !== removed)
          .map((edge) => {
            const shift = (end: number | string): number | string =>
              typeof end === 'number' && end > removed ? end - 1 : end
            return { ...edge, from: shift(edge.from), to: shift(edge.to) }
          })
        fc.pre(edges.length > 0)
        const rest = one.classes.flatMap((of, index) =>
          index === removed ? [] : [{ of, workload: `w${index}` }],
        )
        const after = run(makeTraffic(rest, edges), { existing: located(policiesOf(before)) })
        const selectors = (synthesis: Synthesis): ReadonlyMap<string, string> =>
          new Map(
            synthesis.policies.map(({ policy }) => [
              `${policy.metadata.namespace}/${policy.metadata.name}`,
              JSON.stringify((policy as NetworkPolicy).spec.podSelector),
            ]),
          )
        const old = selectors(before)
        for (const [name, selector] of selectors(after)) expect(selector).toBe(old.get(name))
      }),
      budget,
    )
  })
})
