/** The reference lines, each through both of Cilium's targets with the gate: what becomes a rule, and what never does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import type { Policy, PolicyEndpoint, PolicyService } from '../../src/policy/network-policy.ts'
import { prove } from '../../src/synthesis/gate.ts'
import { synthesize } from '../../src/synthesis/synthesize.ts'
import { identityLabels } from '../../src/traffic/edge-ends.ts'
import { readOut } from '../../src/traffic/read-out.ts'
import { createReader } from '../../src/traffic/reader.ts'
import type { Edge, EdgeEnd, Traffic } from '../../src/traffic/traffic.ts'
import { describeShared } from '../support/shared.ts'

interface Case {
  readonly id: string
  readonly title: string
  readonly line: unknown
  readonly expect: { readonly learn: boolean; readonly bucket?: string }
}

/** Lines whose reading needs the lines beside them, by the id of the lines. */
const siblings: Readonly<Record<string, readonly string[]>> = {
  '12c': ['12a', '12b'],
  '13b': ['13a'],
}

/** What a line that becomes no rule stands beside, where it is not what most do: 14d must not find its pod there. */
const companions: Readonly<Record<string, readonly string[]>> = { '14d': ['05a', '03a'] }

/** Lines that the kubernetes target does not learn, and that Cilium's have words for. */
const nameable: readonly string[] = ['08a', '08b', '09a', '09c', '10a', '10b', '17d']

/** Local cluster of the lines, which name another one beside it. */
const cluster = 'prod'

function learn(lines: readonly unknown[]): Traffic {
  const reader = createReader()
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  reader.consume(new TextEncoder().encode(text), { source: 'test', offset: 0 })
  return readOut(reader.finish(), { clusterName: cluster })
}

function endpointOf(traffic: Traffic, end: EdgeEnd): PolicyEndpoint {
  switch (end.kind) {
    case 'class': {
      const { namespace, labels } = traffic.classes[end.class]!
      return { kind: 'pod', namespace, namespaceLabels: traffic.namespaces[namespace]!, labels }
    }
    case 'address':
      return { kind: 'address', address: end.address, names: end.names, labels: end.labels }
    case 'entity':
      return { kind: 'entity', entity: end.entity, labels: end.labels }
    case 'remote':
      return { kind: 'entity', entity: 'remote-cluster', labels: identityLabels(end) }
    case 'unresolved':
      throw new Error('such an end is never asked about')
  }
}

function serviceOf({ protocol, port }: Edge): PolicyService {
  return protocol === 'ICMPv4' || protocol === 'ICMPv6'
    ? { icmp: { family: protocol === 'ICMPv4' ? 'IPv4' : 'IPv6', type: port } }
    : { protocol, port }
}

/** Rules of all policies as texts, but for those that let names be resolved: every subject has them. */
function rulesOf(policies: readonly Policy[]): readonly string[] {
  return policies
    .filter(({ metadata }) => metadata.name !== 'default-deny')
    .flatMap((policy) => {
      const { ingress = [], egress = [] } = policy.spec ?? {}
      return [...ingress, ...egress].map((rule) =>
        JSON.stringify([policy.metadata.namespace, policy.metadata.name, rule]),
      )
    })
    .filter((text) => !text.includes(',{}]') && !text.includes('kube-dns'))
    .sort()
}

describeShared('the reference lines as policies of Cilium', (dir) => {
  const cases = readFileSync(join(dir, 'reference', 'hubble-cases.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as Case)
  const lineOf = (id: string): unknown => cases.find((one) => one.id === id)?.line

  describe.each(['cilium', 'hybrid'] as const)('--target %s', (target) => {
    const run = (lines: readonly unknown[]) => {
      const traffic = learn(lines)
      const synthesis = synthesize(traffic, { target })
      prove(traffic, synthesis)
      return { traffic, synthesis, policies: synthesis.policies.map(({ policy }) => policy) }
    }

    const learned = cases.filter(({ id, expect: { learn: isLearned } }) => {
      return isLearned || nameable.includes(id)
    })
    test.each(learned.map((one) => [one.id, one.title, one] as const))(
      '%s %s is allowed by a rule of its own',
      (_, __, { line }) => {
        const { traffic, synthesis, policies } = run([line])
        expect(synthesis.obligations).toHaveLength(1)
        const edge = traffic.edges[synthesis.obligations[0]!]!
        const [from, to] = [edge.from, edge.to].map((end) => endpointOf(traffic, end))
        const evaluator = createEvaluator(policies, { cluster })
        const decision = evaluator.evaluate(from!, to!, serviceOf(edge))
        expect(decision.allowed).toBe(true)
        const sides = [
          ...(edge.from.kind === 'class' && isSubject(traffic, edge.from) ? ['egress'] : []),
          ...(edge.to.kind === 'class' && isSubject(traffic, edge.to) ? ['ingress'] : []),
        ] as const
        expect(sides.length).toBeGreaterThan(0)
        for (const side of sides) {
          const { isolatedBy, allowedBy } = decision[side as 'egress' | 'ingress']
          expect(isolatedBy.length).toBeGreaterThan(0)
          expect(allowedBy.length).toBeGreaterThan(0)
        }
      },
    )

    const never = cases.filter((one) => !learned.includes(one))
    test.each(never.map((one) => [one.id, one.title, one] as const))(
      '%s %s becomes no rule',
      (_, __, { id, line }) => {
        const base = (companions[id] ?? ['11', '03a']).map(lineOf)
        const beside = (siblings[id] ?? []).map(lineOf)
        const without = run(base)
        const { traffic, synthesis, policies } = run([...base, ...beside, line])
        expect(rulesOf(policies)).toEqual(rulesOf(without.policies))
        expect(rulesOf(policies).length).toBeGreaterThan(0)
        expect(synthesis.obligations).toHaveLength(without.synthesis.obligations.length)
        const evaluator = createEvaluator(policies, { cluster })
        const obliged = new Set(synthesis.obligations.map((index) => traffic.edges[index]))
        for (const edge of traffic.edges) {
          const ends = [edge.from, edge.to]
          // The local node needs no rule, and what has no port or no labels cannot be asked about.
          const isFree = edge.from.kind === 'entity' && edge.from.entity === 'host'
          if (obliged.has(edge) || isFree || ends.some(({ kind }) => kind === 'unresolved')) {
            continue
          }
          if (edge.port === 0 && edge.protocol === 'TCP') continue
          const [from, to] = ends.map((end) => endpointOf(traffic, end))
          expect(evaluator.evaluate(from!, to!, serviceOf(edge)).allowed).toBe(false)
        }
      },
    )

    test('all of them together hold', () => {
      const { synthesis } = run(cases.map(({ line }) => line))
      expect(synthesis.obligations.length).toBeGreaterThan(10)
    })
  })

  test('every line is asked about', () => expect(cases).toHaveLength(57))
})

function isSubject(traffic: Traffic, end: Extract<EdgeEnd, { kind: 'class' }>): boolean {
  return traffic.classes[end.class]?.namespace !== 'kube-system'
}
