import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffPolicies } from '../../src/diff/diff-policies.ts'
import { toLabels } from '../../src/labels.ts'
import { hasBit } from '../../src/policy/bits.ts'
import { compileSet } from '../../src/policy/compiled-set.ts'
import type { Evaluator } from '../../src/policy/evaluate.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type {
  IpBlock,
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../src/policy/network-policy.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo } from '../../src/policy/rows.ts'
import { layOutUniverse, policyEndpoint } from '../../src/policy/universe.ts'
import { diffToMarkdown } from '../../src/report/diff-markdown.ts'
import { diffToText } from '../../src/report/diff-text.ts'
import { createStyle } from '../../src/report/style.ts'
import { checkEngine, unread } from '../support/engine-check.ts'
import { knownNamespaces, policySet, smallCluster } from '../support/policy-sets.ts'
import { makeTraffic } from '../support/traffic.ts'

const engine = {
  hasBit,
  compileSet,
  cutPorts,
  grantSpans,
  grantsTo,
  passing,
  rowsTo,
  layOutUniverse,
  policyEndpoint,
}

const traffic = makeTraffic(
  ['shop/app=a', 'shop/app=b,tier=a', 'shop/constructor=b', 'data/app=a,tier=b', 'data/tier=a'],
  [],
)

describe('the engine', () => {
  test('allows what the naive evaluator allows, to every pod that could exist', () => {
    fc.assert(
      fc.property(policySet, smallCluster, (policies, cluster) => {
        const { wrong, symbolic } = checkEngine(engine, policies, cluster)
        if (wrong !== undefined) expect.fail(wrong)
        expect(symbolic).toBeGreaterThan(0)
      }),
      { numRuns: 60, interruptAfterTimeLimit: 30_000 },
    )
  })

  test('says the same of a set, however finely the ports are cut', () => {
    fc.assert(
      fc.property(policySet, policySet, smallCluster, (a, b, { pods }) => {
        const known = {
          pods: pods.map((pod, id) => ({ name: `pod ${id}`, pod })),
          namespaces: knownNamespaces,
          symbolic: 'novel' as const,
        }
        const universe = layOutUniverse([...a, ...b], known)
        const [first, second] = [a, b].map((set) => compileSet(set.map(unread), universe))
        for (const end of universe.ends.keys()) {
          const own = cutPorts(universe, end, grantSpans(grantsTo(first!, universe, end)))
          const fine = cutPorts(universe, end, [
            ...grantSpans(grantsTo(first!, universe, end)),
            ...grantSpans(grantsTo(second!, universe, end)),
          ])
          const coarseRows = passing(rowsTo(first!, universe, end, own))
          const fineRows = passing(rowsTo(first!, universe, end, fine))
          for (const [index, { low }] of fine.entries()) {
            const at = own.findIndex((atom) => atom.low <= low && low <= atom.high)
            expect(fineRows[index]).toEqual(coarseRows[at])
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  test('says the same of a set, whatever was asked of the same pods before', () => {
    fc.assert(
      fc.property(policySet, policySet, smallCluster, (a, b, { pods }) => {
        const rowsOver = (asked: typeof a, over: typeof pods, judged: typeof a) => {
          const universe = layOutUniverse(asked, {
            pods: over.map((pod, id) => ({ name: `pod ${id}`, pod })),
            namespaces: knownNamespaces,
            symbolic: 'novel',
          })
          const set = compileSet(judged.map(unread), universe)
          return [...universe.ends.keys()].map((end) => {
            const atoms = cutPorts(universe, end, grantSpans(grantsTo(set, universe, end)))
            return passing(rowsTo(set, universe, end, atoms))
          })
        }
        // First with fewer pods that do not exist yet, so that what is kept was found where less was matched.
        rowsOver(a, pods, a)
        rowsOver(b, pods, a)
        const again = rowsOver([...a, ...b], pods, a)
        const fresh = structuredClone(pods)
        expect(again).toEqual(rowsOver([...a, ...b], fresh, structuredClone(a)))
      }),
      { numRuns: 40 },
    )
  })
})

function mapPeers(
  policy: NetworkPolicy,
  change: (peers: readonly NetworkPolicyPeer[]) => readonly NetworkPolicyPeer[],
): NetworkPolicy {
  const { ingress, egress } = policy.spec
  return {
    ...policy,
    spec: {
      ...policy.spec,
      ...(ingress && {
        ingress: ingress.map((rule) => ({
          ...rule,
          ...(rule.from && { from: change(rule.from) }),
        })),
      }),
      ...(egress && {
        egress: egress.map((rule) => ({ ...rule, ...(rule.to && { to: change(rule.to) }) })),
      }),
    },
  }
}

function mapPorts(
  policy: NetworkPolicy,
  change: (port: NetworkPolicyPort) => readonly NetworkPolicyPort[],
): NetworkPolicy {
  const { ingress, egress } = policy.spec
  return {
    ...policy,
    spec: {
      ...policy.spec,
      ...(ingress && {
        ingress: ingress.map((rule) => ({
          ...rule,
          ...(rule.ports && { ports: rule.ports.flatMap(change) }),
        })),
      }),
      ...(egress && {
        egress: egress.map((rule) => ({
          ...rule,
          ...(rule.ports && { ports: rule.ports.flatMap(change) }),
        })),
      }),
    },
  }
}

function asExpressions(selector: LabelSelector): LabelSelector {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'In' as const,
    values: [value],
  }))
  return { matchExpressions: [...(selector.matchExpressions ?? []), ...equal].reverse() }
}

/** Both halves of a block, each with the exceptions that lie in it; an exception that is a half leaves nothing of it. */
function halves(block: IpBlock): readonly IpBlock[] {
  const parts: Readonly<Record<string, readonly string[]>> = {
    '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'],
    '10.1.0.0/16': ['10.1.0.0/17', '10.1.128.0/17'],
    '2001:db8::/32': ['2001:db8::/33', '2001:db8:8000::/33'],
  }
  const found = parts[block.cidr]
  if (found === undefined) return [block]
  const holes = block.except ?? []
  const lower = holes.filter((hole) => hole.startsWith('10.'))
  const upper = holes.filter((hole) => !hole.startsWith('10.'))
  return [
    { cidr: found[0]!, ...(lower.length > 0 && { except: lower }) },
    { cidr: found[1]!, ...(upper.length > 0 && { except: upper }) },
  ]
}

function explicitTypes(policy: NetworkPolicy): NetworkPolicy {
  const { policyTypes = [], egress = [] } = policy.spec
  if (policyTypes.length > 0) return policy
  return {
    ...policy,
    spec: {
      ...policy.spec,
      policyTypes: egress.length > 0 ? ['Egress', 'Ingress'] : ['Ingress'],
    },
  }
}

/** One policy for each rule, and one that isolates. */
function split(policy: NetworkPolicy): readonly NetworkPolicy[] {
  const explicit = explicitTypes(policy)
  const { podSelector, policyTypes = [], ingress = [], egress = [] } = explicit.spec
  const part = (name: string, rules: object): NetworkPolicy => ({
    ...explicit,
    metadata: { ...explicit.metadata, name: `${explicit.metadata.name}-${name}` },
    spec: { podSelector, policyTypes, ...rules },
  })
  return [
    part('none', {}),
    ...ingress.map((rule, index) => part(`in-${index}`, { ingress: [rule] })),
    ...egress.map((rule, index) => part(`out-${index}`, { egress: [rule] })),
  ]
}

const rewrites: readonly {
  readonly what: string
  readonly rewrite: (policies: readonly NetworkPolicy[]) => readonly NetworkPolicy[]
}[] = [
  { what: 'in another order', rewrite: (policies) => [...policies].reverse() },
  {
    what: 'under other names',
    rewrite: (policies) =>
      policies.map((policy) => ({
        ...policy,
        metadata: { ...policy.metadata, name: `x-${policy.metadata.name}` },
      })),
  },
  { what: 'one rule a policy', rewrite: (policies) => policies.flatMap(split) },
  { what: 'with types spelled out', rewrite: (policies) => policies.map(explicitTypes) },
  {
    what: 'with In for equality',
    rewrite: (policies) =>
      policies.map((policy) => {
        const peers = mapPeers(policy, (list) =>
          list.map(({ podSelector, namespaceSelector, ...rest }) => ({
            ...rest,
            ...(podSelector && { podSelector: asExpressions(podSelector) }),
            ...(namespaceSelector && { namespaceSelector: asExpressions(namespaceSelector) }),
          })),
        )
        return {
          ...peers,
          spec: { ...peers.spec, podSelector: asExpressions(policy.spec.podSelector) },
        }
      }),
  },
  {
    what: 'with ranges spelled out and protocols named',
    rewrite: (policies) =>
      policies.map((policy) =>
        mapPorts(policy, ({ protocol = 'TCP', port, endPort }) => {
          if (typeof port !== 'number' || endPort === undefined || endPort - port > 100) {
            return [{ protocol, ...(port !== undefined && { port }), ...(endPort && { endPort }) }]
          }
          return Array.from({ length: endPort - port + 1 }, (_, index) => ({
            protocol,
            port: port + index,
          }))
        }),
      ),
  },
  {
    what: 'with blocks halved',
    rewrite: (policies) =>
      policies.map((policy) =>
        mapPeers(policy, (list) =>
          list.flatMap((peer) =>
            peer.ipBlock === undefined
              ? [peer]
              : halves(peer.ipBlock).map((ipBlock) => ({ ipBlock })),
          ),
        ),
      ),
  },
]

describe('what means the same is no difference', () => {
  test.each(rewrites)('$what', ({ rewrite }) => {
    fc.assert(
      fc.property(policySet, (policies) => {
        const diff = diffPolicies({
          old: policies.map(unread),
          new: rewrite(policies).map(unread),
          traffic,
        })
        expect(diff.changes).toEqual([])
        expect(diff.same).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test('all of it at once', () => {
    fc.assert(
      fc.property(policySet, (policies) => {
        const rewritten = rewrites.reduce((list, { rewrite }) => rewrite(list), policies)
        const old = policies.map(unread)
        expect(diffPolicies({ old, new: rewritten.map(unread), traffic }).changes).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})

/** Small changes, most of which mean something. */
const changes: readonly {
  readonly what: string
  readonly change: (policy: NetworkPolicy) => NetworkPolicy
}[] = [
  {
    what: 'a rule without peers more',
    change: (policy) => ({
      ...policy,
      spec: {
        ...policy.spec,
        ingress: [...(policy.spec.ingress ?? []), { ports: [{ port: 81 }] }],
      },
    }),
  },
  {
    what: 'the first ingress rule less',
    change: (policy) => ({
      ...policy,
      spec: { ...policy.spec, ingress: (policy.spec.ingress ?? []).slice(1) },
    }),
  },
  {
    what: 'a type more',
    change: (policy) => ({
      ...policy,
      spec: { ...policy.spec, policyTypes: ['Ingress', 'Egress'] },
    }),
  },
  {
    what: 'every pod selected',
    change: (policy) => ({ ...policy, spec: { ...policy.spec, podSelector: {} } }),
  },
  {
    what: 'ports one higher, ranges one longer',
    change: (policy) =>
      mapPorts(policy, (port) => [
        typeof port.port === 'number' && port.port < 65_535
          ? port.endPort === undefined
            ? { ...port, port: port.port + 1 }
            : { ...port, port: port.port - (port.port > 1 ? 1 : 0) }
          : port,
      ]),
  },
]

test.each(changes)('a difference between known pods is named: $what', ({ change }) => {
  const named = ['shop/a', 'shop/b', 'shop/workload-2', 'data/a', 'data/workload-4']
  let differing = 0
  fc.assert(
    fc.property(policySet, (policies) => {
      const [first, ...rest] = policies
      const changed = [change(first!), ...rest]
      const diff = diffPolicies({ old: policies.map(unread), new: changed.map(unread), traffic })
      const [before, after] = [policies, changed].map((set) => createEvaluator(set)) as [
        Evaluator,
        Evaluator,
      ]
      const universe = layOutUniverse([...policies, ...changed], {
        pods: traffic.classes.map(({ namespace, labels }, id) => ({
          name: named[id]!,
          pod: {
            kind: 'pod',
            namespace,
            namespaceLabels: traffic.namespaces[namespace]!,
            labels,
          },
        })),
      })
      const pods = universe.ends.slice(0, named.length).map(policyEndpoint)
      for (const [to, destination] of pods.entries()) {
        for (const [from, source] of pods.entries()) {
          for (const port of [1, 2, 77, 78, 79, 80, 81, 443]) {
            const service = { protocol: 'TCP' as const, port }
            const old = before.evaluate(source, destination, service).allowed
            if (old === after.evaluate(source, destination, service).allowed) continue
            differing += 1
            const effect = old ? 'narrows' : 'widens'
            const isNamed = diff.changes.some(
              (one) =>
                one.section !== 'future' &&
                one.effect === effect &&
                says(one.to, named[to]!) &&
                says(one.from, named[from]!),
            )
            if (!isNamed) expect.fail(`${named[from]} to ${named[to]} on ${port} is not named`)
          }
        }
      }
    }),
    { numRuns: 120, seed: 7 },
  )
  expect(differing).toBeGreaterThan(5)
})

/** Tells whether the words for some ends can mean a pod. */
function says(text: string, name: string): boolean {
  return text
    .split(', ')
    .some(
      (part) =>
        part === name ||
        part === 'everyone' ||
        part === 'every pod' ||
        part === `every pod of namespace ${name.split('/')[0]}`,
    )
}

describe('a cap', () => {
  const labels = Array.from({ length: 13 }, (_, index) => `label-${index}`)
  const wide = labels.map(
    (key): NetworkPolicy => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: key, namespace: 'shop' },
      spec: { podSelector: { matchExpressions: [{ key, operator: 'Exists' }] }, ingress: [] },
    }),
  )

  test('is said in every form of a diff, and leaves known pods as they are', () => {
    const known = makeTraffic(['shop/label-0=x', 'shop/app=a'], [])
    const diff = diffPolicies({ old: [], new: wide.map(unread), traffic: known })
    expect(diff.truncated).toBe(true)
    expect(diff.changes.filter(({ section }) => section === 'isolation')).toHaveLength(1)
    expect(diffToText(diff, createStyle({ color: false }))).toContain('could be compared')
    expect(diffToMarkdown(diff)).toContain('could be compared')
  })

  test('never claims that both sets mean the same', () => {
    const diff = diffPolicies({ old: wide.map(unread), new: wide.map(unread), traffic })
    expect(diff).toMatchObject({ same: true, truncated: true, changes: [] })
    const text = diffToText(diff, createStyle({ color: false }))
    expect(text).toContain('no difference found in what was compared')
    expect(text).not.toContain('no difference in meaning')
  })

  test('is not said where nothing was left out', () => {
    const diff = diffPolicies({ old: [], new: wide.slice(0, 3).map(unread), traffic })
    expect(diff.truncated).toBeUndefined()
    expect(diffToText(diff, createStyle({ color: false }))).not.toContain('could be compared')
  })

  test.each([1, 8, 9, 20])('of %i pods is said where 9 kinds could be', (cap) => {
    const universe = layOutUniverse(wide.slice(0, 3), {
      pods: [],
      namespaces: new Map([['shop', toLabels([['kubernetes.io/metadata.name', 'shop']])]]),
      symbolic: cap,
    })
    expect(universe.truncated).toBe(cap < 9)
    expect(universe.podCount).toBe(Math.min(cap, 9))
  })
})
