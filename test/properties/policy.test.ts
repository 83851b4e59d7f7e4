import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { formatAddress, parsePrefix } from '../../src/ip.ts'
import { canonicalPolicy } from '../../src/policy/canonical.ts'
import { createEvaluator, evaluate } from '../../src/policy/evaluate.ts'
import type { IpSet } from '../../src/policy/ip-set.ts'
import {
  countIps,
  equalIps,
  holdsIp,
  intersectIps,
  ipBlockSet,
  subtractIps,
  toIpSet,
  toPrefixes,
  uniteIps,
} from '../../src/policy/ip-set.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import type { NetworkPolicy, PolicyEndpoint } from '../../src/policy/network-policy.ts'
import type { PortRange, PortSet } from '../../src/policy/port-set.ts'
import {
  equalPorts,
  formatPorts,
  hasNoPorts,
  holdsPort,
  intersectPorts,
  parsePorts,
  portProtocols,
  portRanges,
  subtractPorts,
  toPortSet,
  unitePorts,
} from '../../src/policy/port-set.ts'
import { renderList, renderPolicies, renderPolicy } from '../../src/policy/render.ts'
import { canonicalSelector, selectorMatches } from '../../src/policy/selector.ts'
import { parsePolicies } from '../../src/policy/validate.ts'
import {
  arbitraryEndpoint,
  arbitraryPolicy,
  arbitrarySelector,
  arbitraryService,
} from '../support/policies.ts'

const policiesOf = (text: string): unknown =>
  parsePolicies(readManifests(text, 'out')).policies.map(({ policy }) => policy)

/** Policies of one name each: the API server knows no two. */
const arbitrarySet = fc.uniqueArray(arbitraryPolicy, {
  maxLength: 4,
  selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
})

describe('text', () => {
  test('what is rendered reads back as the canonical policy, from YAML and JSON', () => {
    fc.assert(
      fc.property(arbitrarySet, (policies) => {
        const expected = policies.map(canonicalPolicy)
        expect(policiesOf(renderPolicies(policies))).toEqual(expected)
        expect(policiesOf(renderList(policies))).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  test('parsers of YAML 1.1 and 1.2 read the same', () => {
    fc.assert(
      fc.property(arbitraryPolicy, (policy) => {
        const text = renderPolicy(policy)
        const plain: unknown = JSON.parse(JSON.stringify(canonicalPolicy(policy)))
        expect(parse(text, { version: '1.1' })).toEqual(plain)
        expect(parse(text, { version: '1.2' })).toEqual(plain)
        expect(text.replaceAll('\n', '')).not.toMatch(
          /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u,
        )
      }),
      { numRuns: 300 },
    )
  })

  test('the canonical form is one: of itself, and of any order and repetition', () => {
    fc.assert(
      fc.property(arbitraryPolicy, (policy) => {
        const canonical = canonicalPolicy(policy)
        expect(JSON.stringify(canonicalPolicy(canonical))).toBe(JSON.stringify(canonical))
        const { ingress, egress, ...spec } = policy.spec
        const turned: NetworkPolicy = {
          ...policy,
          spec: {
            ...spec,
            ...(ingress && { ingress: [...ingress, ...ingress].reverse() }),
            ...(egress && { egress: [...egress, ...egress].reverse() }),
          },
        }
        expect(renderPolicy(turned)).toBe(renderPolicy(policy))
      }),
    )
  })
})

describe('evaluation', () => {
  const question = [arbitrarySet, arbitraryEndpoint, arbitraryEndpoint, arbitraryService] as const

  test('the canonical form allows exactly the same', () => {
    fc.assert(
      fc.property(...question, fc.boolean(), (policies, from, to, service, ipBlockPods) => {
        const given = evaluate(policies, from, to, service, { ipBlockPods })
        const canonical = policies.map(canonicalPolicy)
        const found = evaluate(canonical, from, to, service, { ipBlockPods })
        expect(found.allowed).toBe(given.allowed)
        expect(found.egress.isolatedBy).toEqual(given.egress.isolatedBy)
        expect(found.ingress.isolatedBy).toEqual(given.ingress.isolatedBy)
      }),
      { numRuns: 3000 },
    )
  })

  test('the canonical selector matches exactly the same', () => {
    fc.assert(
      fc.property(arbitrarySelector, arbitraryEndpoint, (selector, endpoint) => {
        fc.pre(endpoint.kind === 'pod')
        const canonical = canonicalSelector(selector)
        expect(selectorMatches(canonical, endpoint.labels)).toBe(
          selectorMatches(selector, endpoint.labels),
        )
        expect(canonicalSelector(canonical)).toEqual(canonical)
      }),
      { numRuns: 1000 },
    )
  })

  test('the evaluator and the selector module agree on what a policy selects', () => {
    fc.assert(
      fc.property(arbitraryPolicy, arbitraryEndpoint, (policy, pod) => {
        fc.pre(pod.kind === 'pod' && pod.namespace === policy.metadata.namespace)
        const deny = { ...policy, spec: { podSelector: policy.spec.podSelector } }
        const { allowed } = evaluate([deny], pod, pod, { protocol: 'TCP', port: 1 })
        expect(allowed).toBe(!selectorMatches(policy.spec.podSelector, pod.labels))
      }),
      { numRuns: 1000 },
    )
  })

  test('another rule never takes access away', () => {
    fc.assert(
      fc.property(...question, arbitraryPolicy, (policies, from, to, service, donor) => {
        const { allowed } = evaluate(policies, from, to, service)
        // With explicit types, so that a rule does not bring isolation along.
        const grown = policies.map((policy): NetworkPolicy => {
          const { spec } = canonicalPolicy(policy)
          const ingress = [...(spec.ingress ?? []), ...(donor.spec.ingress ?? [])]
          const egress = [...(spec.egress ?? []), ...(donor.spec.egress ?? [])]
          return { ...policy, spec: { ...spec, ingress, egress } }
        })
        if (allowed) expect(evaluate(grown, from, to, service).allowed).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('the short answer is that of the long one', () => {
    fc.assert(
      fc.property(...question, fc.boolean(), (policies, from, to, service, ipBlockPods) => {
        const evaluator = createEvaluator(policies, { ipBlockPods })
        const { allowed } = evaluator.evaluate(from, to, service)
        expect(evaluator.allows(from, to, service)).toBe(allowed)
      }),
      { numRuns: 3000 },
    )
  })

  test('order of policies does not matter, nor does asking twice', () => {
    fc.assert(
      fc.property(...question, (policies, from, to, service) => {
        const forth = createEvaluator(policies)
        const back = createEvaluator([...policies].reverse())
        expect(back.evaluate(from, to, service)).toEqual(forth.evaluate(from, to, service))
        expect(forth.evaluate(from, to, service)).toEqual(back.evaluate(from, to, service))
      }),
    )
  })

  test('an address is where its ipBlock says, and where the address set says', () => {
    const cidr = fc
      .tuple(fc.nat({ max: 255 }), fc.integer({ min: 24, max: 32 }))
      .map(([byte, length]) => `10.0.0.${byte}/${length}`)
    fc.assert(
      fc.property(cidr, fc.array(cidr, { maxLength: 3 }), (block, except) => {
        const set = ipBlockSet({ cidr: block, except })
        const rule = { from: [{ ipBlock: { cidr: block, except } }] }
        const policy = policyWith(rule)
        const evaluator = createEvaluator([policy])
        for (let byte = 0; byte < 256; byte += 17) {
          const address = `10.0.0.${byte}`
          const from: PolicyEndpoint = { kind: 'address', address }
          const { allowed } = evaluator.evaluate(from, subject, { protocol: 'TCP', port: 1 })
          expect(holdsIp(set, { width: 32, value: 0x0a00_0000n + BigInt(byte) })).toBe(allowed)
        }
      }),
    )
  })
})

const subject: PolicyEndpoint = {
  kind: 'pod',
  namespace: 'shop',
  namespaceLabels: {},
  labels: {},
}

function policyWith(rule: NonNullable<NetworkPolicy['spec']['ingress']>[number]): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace: 'shop' },
    spec: { podSelector: {}, ingress: [rule] },
  }
}

describe('sets of ports equal bit arrays', () => {
  const edge = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 65_500, max: 65_535 }))
  const range: fc.Arbitrary<PortRange> = fc
    .tuple(fc.constantFrom(...portProtocols), edge, edge)
    .map(([protocol, a, b]) => ({ protocol, first: Math.min(a, b), last: Math.max(a, b) }))
  const ranges = fc.array(range, { maxLength: 6 })

  const bitsOf = (list: readonly PortRange[]): readonly Uint8Array[] =>
    portProtocols.map((protocol) => {
      const bits = new Uint8Array(65_536)
      for (const each of list) {
        if (each.protocol === protocol) bits.fill(1, each.first, each.last + 1)
      }
      return bits
    })
  const combine = (
    a: readonly PortRange[],
    b: readonly PortRange[],
    rule: (x: number, y: number) => boolean,
  ): readonly Uint8Array[] => {
    const [left, right] = [bitsOf(a), bitsOf(b)]
    return left.map((bits, index) => bits.map((bit, at) => Number(rule(bit, right[index]![at]!))))
  }
  const same = (set: PortSet, bits: readonly Uint8Array[]): void => {
    const found = bitsOf(portRanges(set))
    expect(found.every((each, index) => Buffer.compare(each, bits[index]!) === 0)).toBe(true)
  }

  test('union, intersection, difference', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const [left, right] = [toPortSet(a), toPortSet(b)]
        same(left, bitsOf(a))
        same(
          unitePorts(left, right),
          combine(a, b, (x, y) => x + y > 0),
        )
        same(
          intersectPorts(left, right),
          combine(a, b, (x, y) => x * y > 0),
        )
        same(
          subtractPorts(left, right),
          combine(a, b, (x, y) => x > y),
        )
      }),
      { numRuns: 60 },
    )
  })

  test('equality, emptiness, membership, text', () => {
    fc.assert(
      fc.property(ranges, ranges, edge, (a, b, port) => {
        const [left, right] = [toPortSet(a), toPortSet(b)]
        const differs = !hasNoPorts(
          unitePorts(subtractPorts(left, right), subtractPorts(right, left)),
        )
        expect(equalPorts(left, right)).toBe(!differs)
        expect(holdsPort(left, 'TCP', port)).toBe(
          a.some((r) => r.protocol === 'TCP' && r.first <= port && port <= r.last),
        )
        expect(parsePorts(formatPorts(left))).toEqual(left)
      }),
    )
  })
})

describe('sets of addresses equal bit arrays', () => {
  // The last eight bits of either family: 256 addresses stand for all.
  const bases = { 32: 0x0a00_0000n, 128: 0xfd00n << 112n } as const
  const list = fc.array(fc.record({ byte: fc.nat({ max: 255 }), hostBits: fc.nat({ max: 8 }) }), {
    maxLength: 6,
  })
  const width = fc.constantFrom(32 as const, 128 as const)
  type Item = { readonly byte: number; readonly hostBits: number }

  const setOf = (items: readonly Item[], bits: 32 | 128): IpSet =>
    toIpSet(
      items.map(({ byte, hostBits }) => ({
        width: bits,
        value: bases[bits] + BigInt((byte >> hostBits) << hostBits),
        length: bits - hostBits,
      })),
    )
  const bytesOf = (items: readonly Item[]): ReadonlySet<number> =>
    new Set(
      items.flatMap(({ byte, hostBits }) =>
        Array.from(
          { length: 1 << hostBits },
          (_, index) => ((byte >> hostBits) << hostBits) + index,
        ),
      ),
    )
  const bytesIn = (set: IpSet, bits: 32 | 128): ReadonlySet<number> =>
    new Set(
      Array.from({ length: 256 }, (_, byte) => byte).filter((byte) =>
        holdsIp(set, { width: bits, value: bases[bits] + BigInt(byte) }),
      ),
    )

  test('union, intersection, difference, count', () => {
    fc.assert(
      fc.property(list, list, width, (a, b, bits) => {
        const [left, right] = [setOf(a, bits), setOf(b, bits)]
        const [x, y] = [bytesOf(a), bytesOf(b)]
        expect(bytesIn(uniteIps(left, right), bits)).toEqual(new Set([...x, ...y].sort(ascending)))
        const both = [...x].filter((byte) => y.has(byte)).sort(ascending)
        const rest = [...x].filter((byte) => !y.has(byte)).sort(ascending)
        expect(bytesIn(intersectIps(left, right), bits)).toEqual(new Set(both))
        expect(bytesIn(subtractIps(left, right), bits)).toEqual(new Set(rest))
        expect(countIps(left)).toBe(BigInt(x.size))
      }),
      { numRuns: 200 },
    )
  })

  test('prefixes cover a set exactly, without overlap, and no shorter list does', () => {
    fc.assert(
      fc.property(list, width, (items, bits) => {
        const set = setOf(items, bits)
        const prefixes = toPrefixes(set)
        const parsed = prefixes.map((prefix) => parsePrefix(prefix)!)
        expect(equalIps(toIpSet(parsed), set)).toBe(true)
        const sizes = parsed.map(({ length }) => 1n << BigInt(bits - length))
        expect(sizes.reduce((sum, size) => sum + size, 0n)).toBe(countIps(set))
        // Minimal: no two of them are halves of one prefix.
        const parents = parsed.map(({ value, length }) => {
          const size = 1n << BigInt(bits - length + 1)
          return `${formatAddress({ width: bits, value: value - (value % size) })}/${length - 1}`
        })
        expect(new Set(parents).size).toBe(parents.length)
      }),
      { numRuns: 200 },
    )
  })
})

function ascending(a: number, b: number): number {
  return a - b
}
