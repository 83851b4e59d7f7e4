import { describe, expect, test } from 'vitest'
import type { CiliumPolicy } from '../../src/policy/cilium-policy.ts'
import { evaluate } from '../../src/policy/evaluate.ts'
import { unjudgedPart } from '../../src/policy/lower-cilium.ts'
import type { LocatedPolicy, PolicyEndpoint, PolicyPod } from '../../src/policy/network-policy.ts'
import { resolveServices } from '../../src/policy/services.ts'

const services = [
  { namespace: 'data', name: 'db', selector: { app: 'db' } },
  { namespace: 'data', name: 'outside', endpoints: ['203.0.113.7', '2001:db8::7'] },
  { namespace: 'data', name: 'unknown' },
]

const toService = (serviceName: string, namespace = 'data') => ({
  k8sService: { serviceName, namespace },
})

function resolved(toServices: readonly unknown[]): CiliumPolicy {
  const policy: CiliumPolicy = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name: 'out', namespace: 'shop' },
    spec: {
      endpointSelector: { matchLabels: { app: 'web' } },
      egress: [{ toServices, toPorts: [{ ports: [{ port: '5432', protocol: 'TCP' }] }] }],
    },
  }
  const located: LocatedPolicy = {
    policy,
    location: { file: 'out.yaml' },
    rules: { ingress: [], egress: [] },
  }
  return resolveServices([located], services)[0]?.policy as CiliumPolicy
}

const pod = (namespace: string, app: string): PolicyPod => ({
  kind: 'pod',
  namespace,
  namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
  labels: { app },
})

function allows(policy: CiliumPolicy, to: PolicyEndpoint, port = 5432): boolean {
  return evaluate([policy], pod('shop', 'web'), to, { protocol: 'TCP', port }).allowed
}

test('a service with a selector means its pods, in its own namespace', () => {
  const policy = resolved([toService('db')])
  expect(unjudgedPart(policy)).toBeUndefined()
  expect(allows(policy, pod('data', 'db'))).toBe(true)
  expect(allows(policy, pod('shop', 'db'))).toBe(false)
  expect(allows(policy, pod('data', 'api'))).toBe(false)
  expect(allows(policy, pod('data', 'db'), 80)).toBe(false)
})

test('a service without one means its endpoints, several services all of them', () => {
  const policy = resolved([toService('outside'), toService('db')])
  expect(allows(policy, { kind: 'address', address: '203.0.113.7' })).toBe(true)
  expect(allows(policy, { kind: 'address', address: '2001:db8::7' })).toBe(true)
  expect(allows(policy, { kind: 'address', address: '203.0.113.8' })).toBe(false)
  expect(allows(policy, pod('data', 'db'))).toBe(true)
})

describe('stays unjudged', () => {
  test.each<[string, readonly unknown[]]>([
    ['a service that is not known', [toService('db'), toService('gone')]],
    ['one whose endpoints are not known', [toService('unknown')]],
    ['one of any namespace', [toService('db', '')]],
    ['services by labels', [{ k8sServiceSelector: { selector: {}, namespace: 'data' } }]],
    ['what is no service', [{}, null]],
  ])('%s', (_, toServices) => expect(unjudgedPart(resolved(toServices))).toBe('toServices'))
})
