/** Laws of the targets: each is sound and tight on random clusters of every kind of edge, and all of Cilium's mean the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffPolicies } from '../../src/diff/diff-policies.ts'
import { labelTexts, toLabels } from '../../src/labels.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type {
  LocatedPolicy,
  Policy,
  PolicyEndpoint,
  PolicyService,
} from '../../src/policy/network-policy.ts'
import { renderPolicies } from '../../src/policy/render.ts'
import { prove } from '../../src/synthesis/gate.ts'
import type { Synthesis, SynthesisOptions } from '../../src/synthesis/synthesis.ts'
import { synthesize } from '../../src/synthesis/synthesize.ts'
import type { Edge, EdgeEnd, Traffic } from '../../src/traffic/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

const classes = [
  'one/app=web',
  'one/app=api,tier=back',
  'two/app=web',
  'two/app=db',
  'one/app=cache',
]

/** Ends of every kind, as a recording shows them. */
const strangers: Readonly<Record<string, EdgeEnd>> = {
  remoteNode: entity('remote-node', ['remote-node']),
  host: entity('host', ['host']),
  apiServer: entity('kube-apiserver', ['kube-apiserver', 'remote-node']),
  apiServerHere: entity('host', ['host', 'kube-apiserver']),
  ingress: entity('ingress', ['ingress']),
  unmanaged: entity('unmanaged', ['unmanaged']),
  managedApiServer: outside('198.51.100.9', [], ['kube-apiserver']),
  named: outside('203.0.113.7', ['api.example.com']),
  twice: outside('203.0.113.8', ['api.example.com', 'cdn.example.net']),
  bare: outside('203.0.113.9', []),
  v6: outside('2001:db8::7', ['v6.example.com']),
  folded: outside('192.0.2.0/28', ['any.example.com']),
  remote: {
    kind: 'remote',
    cluster: 'edge',
    namespace: 'one',
    labels: toLabels([['app', 'web']]),
  },
}

function entity(
  name: 'host' | 'remote-node' | 'kube-apiserver' | 'ingress' | 'unmanaged',
  labels: string[],
): EdgeEnd {
  return { kind: 'entity', entity: name, labels, addresses: [] }
}

function outside(address: string, names: string[], labels: string[] = []): EdgeEnd {
  return { kind: 'address', address, names, labels }
}

const services: readonly Pick<Edge, 'protocol' | 'port'>[] = [
  { protocol: 'TCP', port: 443 },
  { protocol: 'TCP', port: 8080 },
  { protocol: 'UDP', port: 53 },
  { protocol: 'SCTP', port: 38_412 },
  { protocol: 'ICMPv4', port: 8 },
  { protocol: 'ICMPv6', port: 128 },
]

const pod = fc.nat(classes.length - 1)
const stranger = fc.constantFrom(...Object.keys(strangers))
const link = fc.tuple(
  fc.oneof(fc.tuple(pod, pod), fc.tuple(pod, stranger), fc.tuple(stranger, pod)),
  fc.constantFrom(...services),
)

type Link = readonly [readonly [number | string, number | string], Pick<Edge, 'protocol' | 'port'>]

const links: fc.Arbitrary<readonly Link[]> = fc.uniqueArray(link, {
  minLength: 1,
  maxLength: 20,
  selector: (one) => JSON.stringify(one),
})

function trafficOf(all: readonly Link[]): Traffic {
  const end = (one: number | string): EdgeEnd =>
    typeof one === 'number' ? { kind: 'class', class: one } : strangers[one]!
  const blank = makeTraffic([], [{ from: '192.0.2.1', to: '192.0.2.1', port: 1 }]).edges[0]!
  const edges = all.map(([[from, to], service]): Edge => {
    const stranger = [end(from), end(to)].find(({ kind }) => kind !== 'class')
    const outcome = service.protocol.startsWith('ICMP')
      ? 'icmp'
      : stranger?.kind === 'entity'
        ? (stranger.entity as Edge['outcome'])
        : stranger?.kind === 'remote'
          ? 'remote-cluster'
          : 'learned'
    return { ...blank, from: end(from), to: end(to), ...service, outcome }
  })
  const known = classes.map((of, id) => ({ of, workload: `w${id}` }))
  return { ...makeTraffic(known, []), cluster: 'prod', edges }
}

function run(traffic: Traffic, options: SynthesisOptions): Synthesis {
  const synthesis = synthesize(traffic, options)
  prove(traffic, synthesis)
  return synthesis
}

const policiesOf = ({ policies }: Synthesis): readonly Policy[] => policies.map((one) => one.policy)

const located = (policies: readonly Policy[]): readonly LocatedPolicy[] =>
  policies.map((policy) => ({
    policy,
    location: { file: 'existing.yaml', line: 1 },
    rules: { ingress: [], egress: [] },
  }))

function endpointOf(traffic: Traffic, end: EdgeEnd): PolicyEndpoint {
  switch (end.kind) {
    case 'class': {
      const { namespace, labels } = traffic.classes[end.class]!
      const namespaceLabels = traffic.namespaces[namespace]!
      return { kind: 'pod', namespace, namespaceLabels, labels }
    }
    case 'address':
      return {
        kind: 'address',
        address: end.address.replace(/\/\d+$/, ''),
        names: end.address.includes('/') ? [] : end.names,
        labels: end.labels,
      }
    case 'entity':
      return { kind: 'entity', entity: end.entity, labels: end.labels }
    case 'remote':
      return {
        kind: 'entity',
        entity: 'remote-cluster',
        labels: [
          ...labelTexts(end.labels).map((label) => `k8s:${label}`),
          `k8s:io.kubernetes.pod.namespace=${end.namespace}`,
          `k8s:io.cilium.k8s.policy.cluster=${end.cluster}`,
        ],
      }
    case 'unresolved':
      throw new Error('no such end is made')
  }
}

function serviceOf({ protocol, port }: Pick<Edge, 'protocol' | 'port'>): PolicyService {
  return protocol === 'ICMPv4' || protocol === 'ICMPv6'
    ? { icmp: { family: protocol === 'ICMPv4' ? 'IPv4' : 'IPv6', type: port } }
    : { protocol, port }
}

const targets = ['cilium', 'hybrid'] as const

describe.each(targets)('--target %s', (target) => {
  test('allows every edge that was seen to pass', () => {
    fc.assert(
      fc.property(links, fc.constantFrom('all' as const, 'none' as const), (all, dns) => {
        const traffic = trafficOf(all)
        const policies = policiesOf(run(traffic, { target, dns }))
        const evaluator = createEvaluator(policies, { cluster: 'prod' })
        for (const edge of traffic.edges) {
          // A node always reaches its own pods.
          if (edge.from.kind === 'entity' && edge.from.entity === 'host') continue
          const [from, to] = [edge.from, edge.to].map((end) => endpointOf(traffic, end))
          const { allowed } = evaluator.evaluate(from!, { ...to! }, serviceOf(edge))
          if (!allowed) expect.fail(`${JSON.stringify(edge)} is denied`)
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 15_000 },
    )
  })

  test('allows pods nothing that was not seen and is not declared', () => {
    fc.assert(
      fc.property(links, (all) => {
        const traffic = trafficOf(all)
        const policies = policiesOf(run(traffic, { target, dns: 'none' }))
        const evaluator = createEvaluator(policies, { cluster: 'prod' })
        const seen = new Set(
          traffic.edges.map(({ from, to, protocol, port }) =>
            JSON.stringify([from, to, protocol, port]),
          ),
        )
        const subjects = new Set(
          traffic.edges.flatMap(({ from, to }) =>
            [from, to].flatMap((end) => (end.kind === 'class' ? end.class : [])),
          ),
        )
        // Classes that no policy selects stay open: what is not seen is not isolated.
        for (const from of subjects) {
          for (const to of subjects) {
            for (const service of services) {
              const ends = [from, to].map((id): EdgeEnd => ({ kind: 'class', class: id }))
              const key = JSON.stringify([...ends, service.protocol, service.port])
              if (seen.has(key)) continue
              const [source, target] = ends.map((end) => endpointOf(traffic, end))
              const { allowed } = evaluator.evaluate(source!, { ...target! }, serviceOf(service))
              if (allowed) expect.fail(`${key} is allowed`)
            }
          }
        }
      }),
      { numRuns: 40, interruptAfterTimeLimit: 15_000 },
    )
  })

  test('gives the same bytes in any order, and with its own policies given back', () => {
    fc.assert(
      fc.property(links, (all) => {
        const traffic = trafficOf(all)
        const first = policiesOf(run(traffic, { target }))
        const turned = run({ ...traffic, edges: [...traffic.edges].reverse() }, { target })
        expect(renderPolicies(policiesOf(turned))).toBe(renderPolicies(first))
        const again = run(traffic, { target, existing: located(first) })
        expect(renderPolicies(policiesOf(again))).toBe(renderPolicies(first))
        expect(again.stale).toEqual([])
      }),
      { numRuns: 40, interruptAfterTimeLimit: 15_000 },
    )
  })

  test('keeps what its own policies granted and this traffic lacks', () => {
    fc.assert(
      fc.property(links, links, (before, now) => {
        const old = policiesOf(run(trafficOf([...before, ...now]), { target }))
        const traffic = trafficOf(now)
        const fresh = policiesOf(run(traffic, { target, existing: located(old) }))
        const { changes } = diffPolicies({ traffic, old: located(old), new: located(fresh) })
        const lost = changes.filter(({ section }) => section === 'breaks' || section === 'tightens')
        expect(lost).toEqual([])
      }),
      { numRuns: 30, interruptAfterTimeLimit: 15_000 },
    )
  })
})

test('both targets mean the same', () => {
  fc.assert(
    fc.property(links, (all) => {
      const traffic = trafficOf(all)
      const [cilium, hybrid] = targets.map((target) =>
        located(policiesOf(run(traffic, { target }))),
      )
      const diff = diffPolicies({ traffic, old: cilium!, new: hybrid! })
      expect(diff.changes).toEqual([])
    }),
    { numRuns: 60, interruptAfterTimeLimit: 15_000 },
  )
})

test('the portable part of the hybrid target is NetworkPolicies that stand on their own', () => {
  fc.assert(
    fc.property(links, (all) => {
      const synthesis = run(trafficOf(all), { target: 'hybrid' })
      for (const { policy } of synthesis.policies) {
        if (policy.kind === 'NetworkPolicy') continue
        expect(policy.metadata.name).toMatch(/-cilium$/)
      }
    }),
    { numRuns: 20 },
  )
})
