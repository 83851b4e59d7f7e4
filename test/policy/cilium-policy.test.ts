import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { icmpTypeNumber } from '../../src/policy/icmp-types.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import type { Policy } from '../../src/policy/network-policy.ts'
import { renderPolicy } from '../../src/policy/render.ts'
import { parsePolicies } from '../../src/policy/validate.ts'
import { casePolicy, ciliumCases } from '../support/cilium-cases.ts'

const parse = (text: string): ReturnType<typeof parsePolicies> =>
  parsePolicies(readManifests(text, 'web.yaml'))

function policyOf(value: unknown): Policy {
  const [located] = parse(typeof value === 'string' ? value : JSON.stringify(value)).policies
  if (located === undefined) throw new Error('no policy was read')
  return located.policy
}

function problemsOf(value: object): readonly string[] {
  try {
    parse(JSON.stringify(value))
    return []
  } catch (error) {
    if (!(error instanceof NetweirError)) throw error
    return error.problems.map(({ message }) => message)
  }
}

describe('what Cilium takes is taken, and rendered so that it reads back the same', () => {
  test.each(ciliumCases.filter(({ problem }) => problem === undefined))('$what', (one) => {
    const policy = policyOf(casePolicy(one))
    const text = renderPolicy(policy)
    expect(renderPolicy(policyOf(text))).toBe(text)
  })
})

describe('what Cilium refuses is refused', () => {
  test.each(ciliumCases.filter(({ problem }) => problem !== undefined))('$what', (one) => {
    const problems = problemsOf(casePolicy(one))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(one.problem)
  })
})

test('every rule has its place, allowing ones before denying ones', () => {
  const text = `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: p, namespace: shop }
spec:
  endpointSelector: {}
  ingressDeny:
    - fromEntities: [world]
  ingress:
    - fromEntities: [host]
    - fromEntities: [ingress]
specs:
  - endpointSelector: {}
    ingress:
      - {}
    egress:
      - {}
`
  const [located] = parse(text).policies
  expect(located?.rules.ingress.map(({ line }) => line)).toEqual([9, 10, 7, 14])
  expect(located?.rules.egress.map(({ line }) => line)).toEqual([16])
})

test('a clusterwide policy has no namespace', () => {
  const policy = { ...casePolicy(ciliumCases[0]!), kind: 'CiliumClusterwideNetworkPolicy' }
  expect(problemsOf(policy)).toEqual([
    'metadata.namespace: must be absent: a clusterwide policy has no namespace',
  ])
})

test('neither spec nor specs is no policy', () => {
  const policy = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name: 'p' },
  }
  expect(problemsOf(policy)).toEqual(['spec: is required, or specs'])
})

test('canonical form: sorted, once, defaults written, an empty list of peers kept', () => {
  const policy = policyOf({
    ...casePolicy(ciliumCases[0]!),
    spec: {
      endpointSelector: {
        matchExpressions: [{ key: 'k8s:app', operator: 'In', values: ['web'] }],
      },
      ingress: [
        {
          fromEndpoints: [
            { matchLabels: { b: '1' } },
            { matchLabels: { a: '1' } },
            { matchLabels: { b: '1' } },
          ],
          toPorts: [{ ports: [{ port: '443' }, { port: '80', endPort: 80, protocol: 'TCP' }] }],
        },
        { fromEndpoints: [] },
        { icmps: [{ fields: [{ type: 8 }] }], toPorts: [] },
      ],
      egress: [],
    },
  })
  expect(renderPolicy(policy)).toBe(`apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: p
  namespace: shop
spec:
  endpointSelector:
    matchLabels:
      k8s:app: web
  ingress:
    - fromEndpoints: []
    - fromEndpoints:
        - matchLabels:
            a: "1"
        - matchLabels:
            b: "1"
      toPorts:
        - ports:
            - port: "443"
              protocol: ANY
            - port: "80"
              protocol: TCP
    - icmps:
        - fields:
            - family: IPv4
              type: 8
`)
})

test('a clusterwide policy is written without a namespace', () => {
  const text = renderPolicy(
    policyOf({
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumClusterwideNetworkPolicy',
      metadata: { name: 'wide' },
      spec: { endpointSelector: {}, ingress: [{}] },
    }),
  )
  expect(text).not.toContain('namespace')
})

test('ICMP types by number and name', () => {
  expect(icmpTypeNumber('EchoRequest', 'IPv4')).toBe(8)
  expect(icmpTypeNumber('EchoRequest', 'IPv6')).toBe(128)
  expect(icmpTypeNumber('255', 'IPv4')).toBe(255)
  expect(icmpTypeNumber(-1, 'IPv4')).toBeUndefined()
  expect(icmpTypeNumber(1.5, 'IPv4')).toBeUndefined()
})
