import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffPolicies } from '../../src/diff/diff-policies.ts'
import { hasBit } from '../../src/policy/bits.ts'
import { compileSet } from '../../src/policy/compiled-set.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type { LocatedPolicy, Policy, PolicyService } from '../../src/policy/network-policy.ts'
import type { Span } from '../../src/policy/port-line.ts'
import { icmpAt, icmpStart, namedStart, portAt } from '../../src/policy/port-line.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo } from '../../src/policy/rows.ts'
import { layOutUniverse, policyEndpoint } from '../../src/policy/universe.ts'
import { ciliumPolicy, inCiliumWords, seenEntities } from '../support/cilium-sets.ts'
import { knownNamespaces, policySet, smallCluster } from '../support/policy-sets.ts'
import { makeTraffic } from '../support/traffic.ts'

const unread = (policy: Policy): LocatedPolicy => ({
  policy,
  location: { file: '' },
  rules: { ingress: [], egress: [] },
})

const learned = [
  { address: '203.0.113.5', likeness: 'a', names: ['api.example.com'] },
  { address: '203.0.113.6', likeness: 'b', names: ['a.b.example.com', 'x.example.org'] },
  { address: '10.9.9.9', likeness: 'c', labels: ['kube-apiserver'] },
  { address: '2001:db8::7', likeness: 'd', names: ['example.com'] },
]

const mixedSet = fc
  .tuple(policySet, fc.array(ciliumPolicy, { minLength: 1, maxLength: 3 }))
  .map(([network, cilium]): readonly Policy[] => [...network, ...cilium])

function serviceOf({ low }: Span): PolicyService | undefined {
  if (low >= icmpStart) return { icmp: icmpAt(low) }
  return low < namedStart ? portAt(low) : undefined
}

describe('the engine over policies of both kinds', () => {
  test('allows what the naive evaluator allows', () => {
    let points = 0
    fc.assert(
      fc.property(mixedSet, smallCluster, (policies, { pods, ipBlockPods }) => {
        const universe = layOutUniverse(policies, {
          pods: pods.map((pod, id) => ({ name: `pod ${id}`, pod })),
          namespaces: knownNamespaces,
          learned,
          entities: seenEntities,
          ipBlockPods,
          symbolic: 'novel',
        })
        const set = compileSet(policies.map(unread), universe)
        const evaluator = createEvaluator(policies, { ipBlockPods })
        const endpoints = universe.ends.map(policyEndpoint)
        for (const [to, destination] of endpoints.entries()) {
          const atoms = cutPorts(universe, to, grantSpans(grantsTo(set, universe, to)))
          const rows = passing(rowsTo(set, universe, to, atoms))
          for (const [index, atom] of atoms.entries()) {
            const service = serviceOf(atom)
            if (service === undefined) continue
            for (const [from, source] of endpoints.entries()) {
              if (!hasBit(universe.sourcesOf(to), from)) continue
              points += 1
              const { allowed } = evaluator.evaluate(source, destination, service)
              const short = evaluator.allows(source, destination, service)
              if (hasBit(rows[index]!, from) === allowed && short === allowed) continue
              const names = [from, to].map((id) => JSON.stringify(endpoints[id]))
              expect.fail(`${names.join(' to ')} on ${JSON.stringify(service)} is ${allowed}`)
            }
          }
        }
      }),
      { numRuns: 100, interruptAfterTimeLimit: 12_000 },
    )
    expect(points).toBeGreaterThan(5_000)
  })
})

const traffic = makeTraffic(
  ['shop/app=a', 'shop/app=b,tier=a', 'shop/constructor=b', 'data/app=a,tier=b', 'data/tier=a'],
  [],
)

describe('a diff over policies of both kinds', () => {
  test('is empty between NetworkPolicies and the same ones in the words of Cilium', () => {
    fc.assert(
      fc.property(policySet, (policies) => {
        const old = policies.map(unread)
        const fresh = policies.map((policy) => unread(inCiliumWords(policy)))
        expect(diffPolicies({ traffic, old, new: fresh }).changes).toEqual([])
        expect(diffPolicies({ traffic, old: fresh, new: old }).same).toBe(true)
      }),
      { numRuns: 100, interruptAfterTimeLimit: 10_000 },
    )
  })

  test('mirrors itself, and is empty of a set and itself', () => {
    fc.assert(
      fc.property(mixedSet, mixedSet, (a, b) => {
        const [old, fresh] = [a.map(unread), b.map(unread)]
        expect(diffPolicies({ traffic, old, new: old }).same).toBe(true)
        const there = diffPolicies({ traffic, old, new: fresh })
        const back = diffPolicies({ traffic, old: fresh, new: old })
        expect(back.same).toBe(there.same)
        expect(back.unchanged).toBe(there.unchanged)
      }),
      { numRuns: 40, interruptAfterTimeLimit: 10_000 },
    )
  })
})
