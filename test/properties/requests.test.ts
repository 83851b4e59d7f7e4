/** Laws of narrowing: requests that were seen pass, others do not where a proxy saw all, and both targets mean the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffPolicies } from '../../src/diff/diff-policies.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type { AskedRequest, LocatedPolicy, PolicyPod } from '../../src/policy/network-policy.ts'
import { renderPolicies } from '../../src/policy/render.ts'
import { prove } from '../../src/synthesis/gate.ts'
import type { Synthesis, SynthesisOptions } from '../../src/synthesis/synthesis.ts'
import { synthesize } from '../../src/synthesis/synthesize.ts'
import { requestExamples } from '../../src/traffic/request-shapes.ts'
import type { SeenRequests, Traffic } from '../../src/traffic/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

const classes = ['one/app=web', 'one/app=api', 'two/app=db', 'kube-system/k8s-app=kube-dns']

const shapes = ['GET /v1/orders', 'GET /v1/orders/{number}?', 'POST /v1/{any}', 'PUT /a.b/{uuid}']
const names = ['a.example.com', 'b.example.com', 'c.example.com', 'api.one.svc.cluster.local']
const sides = ['egress', 'ingress'] as const

const seenHttp = fc.record({
  http: fc.subarray(shapes, { minLength: 1 }),
  dns: fc.constant<readonly string[]>([]),
  more: fc.boolean(),
  read: fc.constant(sides),
  inspected: fc.subarray([...sides]),
})
const seenDns = fc.record({
  http: fc.constant<readonly string[]>([]),
  dns: fc.subarray(names, { minLength: 1 }),
  more: fc.constant(false),
  read: fc.constant(['egress'] as const),
  inspected: fc.subarray(['egress'] as const),
})

interface Link {
  readonly from: number
  readonly to: number
  readonly port: number
  readonly protocol: 'TCP' | 'UDP'
  readonly requests: SeenRequests | undefined
}

const link: fc.Arbitrary<Link> = fc.oneof(
  fc
    .record({
      from: fc.nat(2),
      to: fc.nat(2),
      port: fc.constantFrom(8080, 9090),
      requests: fc.option(seenHttp, { nil: undefined }),
    })
    .map((one) => ({ ...one, protocol: 'TCP' as const })),
  fc
    .record({ from: fc.nat(2), requests: fc.option(seenDns, { nil: undefined }) })
    .map((one) => ({ ...one, to: 3, port: 53, protocol: 'UDP' as const })),
)

const links = fc.uniqueArray(link, {
  minLength: 1,
  maxLength: 8,
  selector: ({ from, to, port, protocol }) => `${from} ${to} ${port} ${protocol}`,
})

function trafficOf(all: readonly Link[]): Traffic {
  const edges = all.map(({ from, to, port, protocol, requests }) => ({
    from,
    to,
    port,
    protocol,
    evidence: requests === undefined ? {} : { requests },
  }))
  return { ...makeTraffic(classes, edges), cluster: 'prod' }
}

function run(traffic: Traffic, options: SynthesisOptions): Synthesis {
  const synthesis = synthesize(traffic, { l7: ['http', 'dns'], ...options })
  prove(traffic, synthesis)
  return synthesis
}

const located = ({ policies }: Synthesis): readonly LocatedPolicy[] =>
  policies.map(({ policy }) => ({
    policy,
    location: { file: 'own.yaml', line: 1 },
    rules: { ingress: [], egress: [] },
  }))

function podOf(traffic: Traffic, id: number): PolicyPod {
  const { namespace, labels } = traffic.classes[id]!
  return { kind: 'pod', namespace, namespaceLabels: traffic.namespaces[namespace]!, labels }
}

describe.each(['cilium', 'hybrid'] as const)('--target %s', (target) => {
  test('lets through what was seen, and nothing else where a proxy saw all', () => {
    let closed = 0
    fc.assert(
      fc.property(links, (all) => {
        const traffic = trafficOf(all)
        const synthesis = run(traffic, { target })
        const policies = synthesis.policies.map(({ policy }) => policy)
        const evaluator = createEvaluator(policies, { cluster: 'prod' })
        for (const { from, to, port, protocol, requests } of all) {
          const [source, destination] = [podOf(traffic, from), podOf(traffic, to)]
          const decide = (request: AskedRequest) =>
            evaluator.evaluate(source, destination, { protocol, port, request })
          const kinds = (['http', 'dns'] as const).flatMap((kind) =>
            (requests?.[kind] ?? []).flatMap((text) => requestExamples(kind, text)),
          )
          for (const request of kinds) expect(decide(request).allowed).toBe(true)
          for (const side of sides) {
            // The resolver is no subject: nothing isolates it.
            if (side === 'ingress' && to === 3) continue
            const isWhole = requests?.inspected.includes(side) === true && !requests.more
            expect(decide('other')[side].allowed).toBe(!isWhole)
            if (isWhole) closed += 1
          }
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 20_000 },
    )
    expect(closed).toBeGreaterThan(20)
  })

  test('gives the same bytes in any order, and with its own policies given back', () => {
    fc.assert(
      fc.property(links, fc.constantFrom(undefined, 2), (all, namePatterns) => {
        const traffic = trafficOf(all)
        const options = { target, ...(namePatterns && { namePatterns }) }
        const first = run(traffic, options)
        const text = renderPolicies(first.policies.map(({ policy }) => policy))
        const turned = run({ ...traffic, edges: [...traffic.edges].reverse() }, options)
        expect(renderPolicies(turned.policies.map(({ policy }) => policy))).toBe(text)
        const again = run(traffic, { ...options, existing: located(first) })
        expect(renderPolicies(again.policies.map(({ policy }) => policy))).toBe(text)
        expect(again.stale).toEqual([])
      }),
      { numRuns: 25, interruptAfterTimeLimit: 20_000 },
    )
  })

  test('keeps requests that its own policies let through and this traffic lacks', () => {
    fc.assert(
      fc.property(links, links, (before, now) => {
        const old = run(trafficOf(before), { target })
        const fresh = run(trafficOf(now), { target, existing: located(old) })
        const policies = fresh.policies.map(({ policy }) => policy)
        const evaluator = createEvaluator(policies, { cluster: 'prod' })
        const traffic = trafficOf(before)
        for (const { from, to, port, protocol, requests } of before) {
          for (const text of requests?.http ?? []) {
            for (const request of requestExamples('http', text)) {
              const ends = [podOf(traffic, from), podOf(traffic, to)] as const
              // A port that was open for every request is narrowed on purpose where this traffic shows all of it.
              const isWhole = !requests?.more && requests?.inspected.length === 2
              const isGone = !evaluator.allows(...ends, { protocol, port, request })
              if (isWhole && isGone) expect.fail(`${text} is refused`)
            }
          }
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 20_000 },
    )
  })
})

test('both targets mean the same, request by request', () => {
  fc.assert(
    fc.property(links, (all) => {
      const traffic = trafficOf(all)
      const [cilium, hybrid] = (['cilium', 'hybrid'] as const).map((target) =>
        located(run(traffic, { target })),
      )
      const diff = diffPolicies({ traffic, old: cilium!, new: hybrid! })
      expect(diff.changes).toEqual([])
      expect(requestsIn(cilium!)).toEqual(requestsIn(hybrid!))
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  )
})

/** Every list of requests in a set: where it stands differs between the targets. */
function requestsIn(policies: readonly LocatedPolicy[]): readonly string[] {
  const found = policies.flatMap(({ policy }) => {
    if (policy.kind === 'NetworkPolicy') return []
    const { ingress = [], egress = [] } = policy.spec ?? {}
    return [...ingress, ...egress]
      .flatMap(({ toPorts = [] }) => toPorts)
      .flatMap(({ rules, ports }) => (rules === undefined ? [] : [JSON.stringify([ports, rules])]))
  })
  return [...new Set(found)].sort()
}
