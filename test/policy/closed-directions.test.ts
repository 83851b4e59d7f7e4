import { describe, expect, test } from 'vitest'
import { closedDirections, closesOnly } from '../../src/policy/closed-directions.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import type { Policy } from '../../src/policy/network-policy.ts'
import { parsePolicies } from '../../src/policy/validate.ts'

function policyOf(kind: string, spec: object): Policy {
  const isCilium = kind.startsWith('Cilium')
  const manifest = {
    apiVersion: isCilium ? 'cilium.io/v2' : 'networking.k8s.io/v1',
    kind,
    metadata: {
      name: 'closed',
      ...(kind === 'CiliumClusterwideNetworkPolicy' ? {} : { namespace: 'shop' }),
    },
    spec,
  }
  const [located] = parsePolicies(readManifests(JSON.stringify(manifest), 'closed.json')).policies
  if (located === undefined) throw new Error('no policy was read')
  return located.policy
}

const network = (spec: object) => policyOf('NetworkPolicy', spec)
const cilium = (spec: object) => policyOf('CiliumNetworkPolicy', spec)
const clusterwide = (spec: object) => policyOf('CiliumClusterwideNetworkPolicy', spec)

const labels = { tier: 'front' }
const inShop = { matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'shop' } }
const inBack = { matchLabels: { 'k8s:io.cilium.k8s.namespace.labels.tier': 'back' } }

describe('directions that a policy closes for every pod of a namespace', () => {
  test.each([
    ['both', network({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })],
    ['ingress', network({ podSelector: {} })],
    ['egress', network({ podSelector: {}, policyTypes: ['Egress'] })],
    ['egress', network({ podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}] })],
    ['none', network({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] })],
    ['none', network({ podSelector: { matchLabels: { app: 'web' } } })],
    ['both', cilium({ endpointSelector: {}, ingress: [{}], egress: [{}] })],
    ['ingress', cilium({ endpointSelector: {}, ingress: [{ fromEndpoints: [] }] })],
    [
      'none',
      cilium({ endpointSelector: {}, ingress: [{}], enableDefaultDeny: { ingress: false } }),
    ],
    ['none', cilium({ endpointSelector: {}, ingress: [{ fromEntities: ['cluster'] }] })],
    ['none', cilium({ endpointSelector: { matchLabels: { app: 'web' } }, ingress: [{}] })],
    ['both', clusterwide({ endpointSelector: {}, ingress: [{}], egress: [{}] })],
    ['egress', clusterwide({ endpointSelector: inShop, egress: [{}] })],
    ['none', clusterwide({ endpointSelector: inBack, egress: [{}] })],
  ] as const)('%s', (closed, policy) => {
    const expected = {
      both: ['ingress', 'egress'],
      ingress: ['ingress'],
      egress: ['egress'],
      none: [],
    }[closed]
    expect(closedDirections(policy, 'shop', labels)).toEqual(expected)
  })

  test('only those of its own namespace', () => {
    expect(closedDirections(network({ podSelector: {} }), 'other', labels)).toEqual([])
    const everywhere = clusterwide({ endpointSelector: {}, ingress: [{}] })
    expect(closedDirections(everywhere, 'other', {})).toEqual(['ingress'])
  })

  test('what grants something in one direction does more than close', () => {
    expect(closesOnly(network({ podSelector: {} }))).toBe(true)
    expect(closesOnly(cilium({ endpointSelector: {}, ingress: [{}] }))).toBe(true)
    const half = { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}] }
    expect(closesOnly(network(half))).toBe(false)
  })
})
