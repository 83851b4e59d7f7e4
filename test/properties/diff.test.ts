import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffPolicies } from '../../src/diff/diff-policies.ts'
import type { PolicyDiff } from '../../src/diff/policy-diff.ts'
import { createUniverse } from '../../src/diff/universe.ts'
import { hasBit } from '../../src/policy/bits.ts'
import { compileSet } from '../../src/policy/compiled-set.ts'
import type { Evaluator } from '../../src/policy/evaluate.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type {
  LabelSelector,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  PolicyType,
} from '../../src/policy/network-policy.ts'
import { namedStart, portPosition } from '../../src/policy/port-line.ts'
import { holdsPort, parsePorts } from '../../src/policy/port-set.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo } from '../../src/policy/rows.ts'
import { policyEndpoint } from '../../src/policy/universe.ts'
import { located, policy } from '../diff/policies.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

const namespaces = ['shop', 'data', 'ops'] as const
const names = ['web', 'api', 'db'] as const
const classes = namespaces.flatMap((namespace) =>
  names.map((name) =>
    name === 'api' ? `${namespace}/app=api,tier=back,constructor=x` : `${namespace}/app=${name}`,
  ),
)
const addresses = [
  '203.0.113.7',
  '203.0.113.8',
  '198.51.100.0/24',
  '10.1.2.3',
  '2001:db8::7',
] as const

const containerPorts = new Map<number, { name: string; protocol: 'TCP' | 'UDP'; port: number }[]>([
  [0, [{ name: 'http', protocol: 'TCP', port: 8080 }]],
  [1, []],
  [
    2,
    [
      { name: 'http', protocol: 'TCP', port: 80 },
      { name: 'dns', protocol: 'UDP', port: 53 },
    ],
  ],
  [5, [{ name: 'dns', protocol: 'UDP', port: 53 }]],
])

const labelSelector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('app', 'tier', 'constructor'),
        fc.constantFrom('web', 'api', 'db', 'back', 'x', 'gone'),
      )
      .map(([key, value]) => ({ matchLabels: { [key]: value } })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      matchExpressions: fc.array(
        fc.oneof(
          fc.record({
            key: fc.constantFrom('app', 'tier'),
            operator: fc.constantFrom('In' as const, 'NotIn' as const),
            values: fc.subarray(['web', 'api', 'back', 'gone'], { minLength: 1 }),
          }),
          fc.record({
            key: fc.constantFrom('app', 'tier', 'absent'),
            operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
          }),
        ),
        { minLength: 1, maxLength: 2 },
      ),
    }),
  },
)

const namespaceSelector: fc.Arbitrary<LabelSelector> = fc.oneof(
  fc.constant({}),
  fc
    .constantFrom('shop', 'data', 'elsewhere')
    .map((name) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })),
  fc.constant({ matchExpressions: [{ key: 'team', operator: 'DoesNotExist' as const }] }),
)

const networkPeer: fc.Arbitrary<NetworkPolicyPeer> = fc.oneof(
  labelSelector.map((podSelector) => ({ podSelector })),
  namespaceSelector.map((chosen) => ({ namespaceSelector: chosen })),
  fc.record({ podSelector: labelSelector, namespaceSelector }),
  fc
    .constantFrom(
      { cidr: '0.0.0.0/0' },
      { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '203.0.113.0/25'] },
      { cidr: '203.0.113.0/29', except: ['203.0.113.8/32'] },
      { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
      { cidr: '::/0', except: ['2001:db8::/64'] },
      { cidr: '2001:db8::/32' },
    )
    .map((ipBlock) => ({ ipBlock })),
)

const port: fc.Arbitrary<NetworkPolicyPort> = fc.oneof(
  fc.constantFrom(
    {},
    { protocol: 'UDP' as const },
    { port: 80 },
    { port: 8080 },
    { port: 53, protocol: 'UDP' as const },
    { port: 1, endPort: 65535 },
    { port: 65535, protocol: 'SCTP' as const },
    { port: 'http' },
    { port: 'dns', protocol: 'UDP' as const },
    { port: 'nowhere' },
  ),
  fc.record({
    port: fc.integer({ min: 70, max: 90 }),
    endPort: fc.integer({ min: 90, max: 8090 }),
  }),
)

const rule = {
  ports: fc.option(fc.array(port, { maxLength: 3 }), { nil: undefined, freq: 3 }),
  peers: fc.option(fc.array(networkPeer, { maxLength: 3 }), { nil: undefined, freq: 3 }),
}

const networkPolicy: fc.Arbitrary<NetworkPolicy> = fc
  .record({
    namespace: fc.constantFrom(...namespaces),
    podSelector: labelSelector,
    policyTypes: fc.constantFrom<readonly PolicyType[] | undefined>(
      undefined,
      [],
      ['Ingress'],
      ['Egress'],
      ['Ingress', 'Egress'],
    ),
    ingress: fc.option(fc.array(fc.record(rule), { maxLength: 3 }), { nil: undefined }),
    egress: fc.option(fc.array(fc.record(rule), { maxLength: 3 }), { nil: undefined }),
  })
  .map(({ namespace, podSelector, policyTypes, ingress, egress }) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace },
    spec: {
      podSelector,
      ...(policyTypes && { policyTypes }),
      ...(ingress && {
        ingress: ingress.map(({ ports, peers }) => ({
          ...(ports && { ports }),
          ...(peers && { from: peers }),
        })),
      }),
      ...(egress && {
        egress: egress.map(({ ports, peers }) => ({
          ...(ports && { ports }),
          ...(peers && { to: peers }),
        })),
      }),
    },
  }))

const policySet: fc.Arbitrary<LocatedPolicy<NetworkPolicy>[]> = fc
  .array(networkPolicy, { maxLength: 6 })
  .map((list) =>
    list.map((value, index) =>
      located(
        { ...value, metadata: { ...value.metadata, name: `p${index}` } },
        index % 2 === 0 ? `p${index}.yaml` : '',
      ),
    ),
  )

const ends = [
  ...classes.keys(),
  ...addresses,
  'entity:host',
  'entity:remote-node',
  'entity:kube-apiserver',
] as const

const seenEdges: fc.Arbitrary<readonly EdgeSpec[]> = fc.array(
  fc
    .record({
      from: fc.constantFrom(...ends),
      to: fc.constantFrom(...ends),
      service: fc.constantFrom(
        { port: 80 },
        { port: 8080 },
        { port: 53, protocol: 'UDP' as const },
        { port: 65535, protocol: 'SCTP' as const },
      ),
      outcome: fc.constantFrom({}, {}, {}, { outcome: 'denied' as const }),
    })
    .filter(({ from, to }) => typeof from === 'number' || typeof to === 'number')
    .map(({ from, to, service, outcome }) => ({ from, to, ...service, ...outcome })),
  { maxLength: 12 },
)

const portsOf = (id: number) => containerPorts.get(id)

function mirrored(diff: PolicyDiff) {
  const swap = {
    breaks: 'needed',
    needed: 'breaks',
    opens: 'tightens',
    tightens: 'opens',
    isolation: 'isolation',
  } as const
  return diff.changes
    .map(({ section, effect, from, to, ports, old, new: fresh, evidence }) => ({
      section: swap[section],
      effect: effect === 'widens' ? 'narrows' : 'widens',
      from,
      to,
      ports,
      old: fresh,
      new: old,
      evidence,
    }))
    .map((change) => JSON.stringify(change))
    .sort()
}

function plain(diff: PolicyDiff) {
  return diff.changes
    .map(({ section, effect, from, to, ports, old, new: fresh, evidence }) => ({
      section,
      effect,
      from,
      to,
      ports,
      old,
      new: fresh,
      evidence,
    }))
    .map((change) => JSON.stringify(change))
    .sort()
}

describe('the exact engine', () => {
  test('allows exactly what the naive evaluator allows', () => {
    fc.assert(
      fc.property(policySet, seenEdges, fc.boolean(), (set, edges, ipBlockPods) => {
        const surroundings = {
          traffic: makeTraffic(classes, edges),
          portsOf,
          addressesOf: (id: number) => [`10.1.${id}.3`, '2001:db8::1'].slice(0, id % 3),
          ipBlockPods,
        }
        const universe = createUniverse(
          set.map((item) => item.policy),
          surroundings,
        )
        const evaluator = createEvaluator(
          set.map((item) => item.policy),
          { ipBlockPods },
        )
        const compiled = compileSet(set, universe)
        const endpoints = universe.ends.map(policyEndpoint)
        for (const [to, destination] of endpoints.entries()) {
          const atoms = cutPorts(universe, to, grantSpans(grantsTo(compiled, universe, to)))
          const rows = passing(rowsTo(compiled, universe, to, atoms))
          for (const [index, atom] of atoms.entries()) {
            if (atom.low >= namedStart) continue
            for (const position of new Set([atom.low, atom.high])) {
              const protocol =
                (['TCP', 'UDP', 'SCTP'] as const)[Math.floor(position / 65535)] ?? 'TCP'
              const number = position - portPosition(protocol, 1) + 1
              for (const [from, source] of endpoints.entries()) {
                if (!hasBit(universe.sourcesOf(to), from)) continue
                const decision = evaluator.evaluate(source, destination, { protocol, port: number })
                if (hasBit(rows[index]!, from) !== decision.allowed) {
                  expect.fail(`${from} to ${to} on ${number}/${protocol}: ${decision.allowed}`)
                }
              }
            }
          }
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('the diff of policy sets', () => {
  test('of a set with itself is the same and empty', () => {
    fc.assert(
      fc.property(policySet, seenEdges, (set, edges) => {
        const diff = diffPolicies({
          old: set,
          new: set,
          traffic: makeTraffic(classes, edges),
          portsOf,
        })
        expect(diff.same).toBe(true)
        expect(diff.changes).toEqual([])
        expect(diff.objects.every((object) => object.action === 'unchanged')).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test('mirrors the diff of the swapped sets', () => {
    fc.assert(
      fc.property(policySet, policySet, seenEdges, (a, b, edges) => {
        const seen = makeTraffic(classes, edges)
        const there = diffPolicies({ old: a, new: b, traffic: seen, portsOf })
        const back = diffPolicies({ old: b, new: a, traffic: seen, portsOf })
        expect(mirrored(back)).toEqual(plain(there))
        expect(back.unchanged).toBe(there.unchanged)
        expect(back.same).toBe(there.same)
      }),
      { numRuns: 100 },
    )
  })

  test('does not depend on the order of policies, rules or edges', () => {
    fc.assert(
      fc.property(policySet, policySet, seenEdges, (a, b, edges) => {
        const diff = diffPolicies({ old: a, new: b, traffic: makeTraffic(classes, edges), portsOf })
        const turned = diffPolicies({
          old: [...a].reverse(),
          new: [...b].reverse(),
          traffic: makeTraffic(classes, [...edges].reverse()),
          portsOf,
        })
        expect(JSON.stringify(turned)).toBe(JSON.stringify(diff))
      }),
      { numRuns: 100 },
    )
  })

  test('puts every difference into the section it belongs to', () => {
    const named = classes.map((spec) => spec.replace(/app=|,.*/g, ''))
    const namesOf = (text: string): readonly string[] =>
      text
        .split(', ')
        .flatMap((part) =>
          part === 'everyone' || part === 'every pod'
            ? named
            : part.startsWith('every pod of namespace ')
              ? named.filter((name) => name.startsWith(`${part.split(' ').at(-1)}/`))
              : [part],
        )
    fc.assert(
      fc.property(policySet, policySet, seenEdges, (a, b, edges) => {
        const seen = makeTraffic(classes, edges)
        const known = (id: number) => containerPorts.get(id) ?? []
        const diff = diffPolicies({ old: a, new: b, traffic: seen, portsOf: known })
        const sets = [a, b].map((set) => set.map((item) => item.policy)) as [
          NetworkPolicy[],
          NetworkPolicy[],
        ]
        const universe = createUniverse(sets.flat(), { traffic: seen, portsOf: known })
        const pods = universe.ends.slice(0, classes.length).map(policyEndpoint)
        const [before, after] = sets.map((set) => createEvaluator(set)) as [Evaluator, Evaluator]
        const listed = (section: string, from: number, to: number, service: string): boolean =>
          diff.changes.some(
            (change) =>
              change.section === section &&
              namesOf(change.from).includes(named[from]!) &&
              namesOf(change.to).includes(named[to]!) &&
              change.ports.some((text) => holdsText(text, service)),
          )
        const turned = (effect: string, direction: string, pod: number): boolean =>
          diff.changes.some(
            (change) =>
              change.section === 'isolation' &&
              change.effect === effect &&
              change.ports[0] === direction &&
              change[direction === 'ingress' ? 'to' : 'from'] === named[pod],
          )
        for (const [to, destination] of pods.entries()) {
          for (const [from, source] of pods.entries()) {
            for (const service of ['80/TCP', '8080/TCP', '53/UDP', '443/TCP', '65535/SCTP']) {
              const [number, protocol] = service.split('/') as [string, 'TCP']
              const asked = { protocol, port: Number(number) }
              const old = before.evaluate(source, destination, asked)
              const fresh = after.evaluate(source, destination, asked)
              const isSeen = edges.some(
                (item) =>
                  item.from === from &&
                  item.to === to &&
                  item.port === asked.port &&
                  (item.protocol ?? 'TCP') === protocol &&
                  item.outcome !== 'denied',
              )
              const [had, has] = old.allowed ? [old, fresh] : [fresh, old]
              const effect = old.allowed ? 'narrows' : 'widens'
              const denying = (['ingress', 'egress'] as const).filter(
                (direction) => !has[direction].allowed,
              )
              const isFresh = (direction: 'ingress' | 'egress'): boolean =>
                had[direction].isolatedBy.length === 0
              const expected =
                old.allowed === fresh.allowed
                  ? 'none'
                  : isSeen
                    ? { narrows: 'breaks', widens: 'needed' }[effect]
                    : denying.every(isFresh)
                      ? 'isolation'
                      : { narrows: 'tightens', widens: 'opens' }[effect]
              for (const section of ['breaks', 'needed', 'opens', 'tightens']) {
                if (listed(section, from, to, service) !== (section === expected)) {
                  expect.fail(`${named[from]} to ${named[to]} on ${service}: ${section} is wrong`)
                }
              }
              if (old.allowed === fresh.allowed) continue
              for (const direction of denying.filter(isFresh)) {
                const pod = direction === 'ingress' ? to : from
                expect(turned(effect, direction, pod)).toBe(true)
              }
            }
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('gives every change an id of its own', () => {
    fc.assert(
      fc.property(policySet, policySet, seenEdges, (a, b, edges) => {
        const diff = diffPolicies({ old: a, new: b, traffic: makeTraffic(classes, edges), portsOf })
        const ids = diff.changes.map((change) => change.id)
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids.every((id) => /^[0-9a-f]{12}$/.test(id))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test('is empty exactly when the naive evaluator sees no difference', () => {
    fc.assert(
      fc.property(policySet, fc.option(policySet, { nil: undefined, freq: 2 }), (a, other) => {
        const b = other ?? a.slice(0, -1)
        const seen = makeTraffic(classes, [{ from: 0, to: 2, port: 80 }])
        const ports = (id: number) => containerPorts.get(id) ?? []
        const diff = diffPolicies({ old: a, new: b, traffic: seen, portsOf: ports })
        const all = [...a, ...b].map((item) => item.policy)
        const universe = createUniverse(all, { traffic: seen, portsOf: ports })
        const before = createEvaluator(a.map((item) => item.policy))
        const after = createEvaluator(b.map((item) => item.policy))
        // A pod that only the policies speak of has no known ports, and then named ports count as ports of their own.
        if (universe.ends.some((end) => end.kind === 'pod' && !end.known)) return
        const endpoints = universe.ends.map(policyEndpoint)
        const differs = endpoints.some((to, end) =>
          endpoints.some(
            (from, source) =>
              hasBit(universe.sourcesOf(end), source) &&
              (['TCP', 'UDP', 'SCTP'] as const).some((protocol) =>
                samplePorts(all).some((number) => {
                  const service = { protocol, port: number }
                  return (
                    before.evaluate(from, to, service).allowed !==
                    after.evaluate(from, to, service).allowed
                  )
                }),
              ),
          ),
        )
        expect(diff.same).toBe(!differs)
      }),
      { numRuns: 60 },
    )
  })
})

/** Tells whether a text such as `80-90/TCP` holds a port such as `85/TCP`. */
function holdsText(text: string, service: string): boolean {
  const [port, protocol] = service.split('/') as [string, 'TCP']
  const set = parsePorts([text])
  return set !== undefined && holdsPort(set, protocol, Number(port))
}

/** Ports at which some rule may begin or end. */
function samplePorts(policies: readonly NetworkPolicy[]): readonly number[] {
  const bounds = policies.flatMap(({ spec }) =>
    [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap((item) =>
      (item.ports ?? []).flatMap(({ port: first, endPort }) =>
        typeof first === 'number' ? [first, (endPort ?? first) + 1] : [],
      ),
    ),
  )
  return [...new Set([1, 53, 54, 80, 81, 8080, 8081, ...bounds])].filter(
    (number) => number <= 65535,
  )
}

test('a policy that changes nothing but its name and its form means the same', () => {
  const old = policy('shop/a', {
    pods: { app: 'db' },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 80 }] }],
  })
  const fresh = policy('shop/b', {
    pods: { app: 'db' },
    ingress: [
      {
        from: [
          { podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] } },
        ],
        ports: [{ port: 80, endPort: 80, protocol: 'TCP' }],
      },
    ],
  })
  const diff = diffPolicies({
    old: [located(old)],
    new: [located(fresh)],
    traffic: makeTraffic(classes, []),
  })
  expect(diff.same).toBe(true)
  expect(diff.objects.map(({ policy: name, action }) => `${action} ${name}`)).toEqual([
    'deleted shop/a',
    'created shop/b',
  ])
})
