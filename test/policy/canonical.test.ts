import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import { canonicalPolicy } from '../../src/policy/canonical.ts'
import type { NetworkPolicySpec } from '../../src/policy/network-policy.ts'

function canonical(spec: NetworkPolicySpec): NetworkPolicySpec {
  return canonicalPolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace: 'shop', labels: toLabels([]) },
    spec,
  }).spec
}

const ingressOnly = { podSelector: {}, policyTypes: ['Ingress'] } as const
const app = (value: string): object => ({
  podSelector: { matchLabels: toLabels([['app', value]]) },
})

describe('canonicalPolicy', () => {
  test.each<[string, NetworkPolicySpec, NetworkPolicySpec]>([
    ['types by default: ingress', { podSelector: {} }, ingressOnly],
    ['types by default: an empty list of egress', { podSelector: {}, egress: [] }, ingressOnly],
    [
      'types by default: egress rules',
      { podSelector: {}, policyTypes: [], egress: [{}] },
      { podSelector: {}, policyTypes: ['Ingress', 'Egress'], egress: [{}] },
    ],
    [
      'types in order, once',
      { podSelector: {}, policyTypes: ['Egress', 'Egress'] },
      { podSelector: {}, policyTypes: ['Egress'] },
    ],
    [
      'rules that are ignored stay',
      { podSelector: {}, policyTypes: ['Ingress'], egress: [{}] },
      { ...ingressOnly, egress: [{}] },
    ],
    [
      'empty lists mean everything and go',
      { ...ingressOnly, ingress: [{ from: [], ports: [] }] },
      { ...ingressOnly, ingress: [{}] },
    ],
    [
      'ports: defaults, order by number, every port first and names last, once',
      {
        ...ingressOnly,
        ingress: [
          {
            ports: [
              { port: 'http' },
              { port: 100 },
              { port: 9, endPort: 9 },
              { protocol: 'SCTP' },
              { port: 9 },
              { port: 9, endPort: 10 },
              {},
            ],
          },
        ],
      },
      {
        ...ingressOnly,
        ingress: [
          {
            ports: [
              { protocol: 'SCTP' },
              { protocol: 'TCP' },
              { protocol: 'TCP', port: 9 },
              { protocol: 'TCP', port: 9, endPort: 10 },
              { protocol: 'TCP', port: 100 },
              { protocol: 'TCP', port: 'http' },
            ],
          },
        ],
      },
    ],
    [
      'peers: once and sorted',
      { ...ingressOnly, ingress: [{ from: [app('b'), app('a'), app('b')] }] },
      { ...ingressOnly, ingress: [{ from: [app('a'), app('b')] }] },
    ],
    [
      'blocks: holes once and sorted, none go',
      {
        ...ingressOnly,
        ingress: [
          {
            from: [
              {
                ipBlock: {
                  cidr: '10.0.0.0/8',
                  except: ['10.2.0.0/16', '10.1.0.0/16', '10.2.0.0/16'],
                },
              },
              { ipBlock: { cidr: '::/0', except: [] } },
            ],
          },
        ],
      },
      {
        ...ingressOnly,
        ingress: [
          {
            from: [
              { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] } },
              { ipBlock: { cidr: '::/0' } },
            ],
          },
        ],
      },
    ],
    [
      'rules: by ports, then by what they say, once',
      {
        ...ingressOnly,
        ingress: [
          { ports: [{ port: 80 }] },
          { from: [app('b')], ports: [{ port: 9 }] },
          { from: [app('a')], ports: [{ port: 9 }, { port: 10 }] },
          { from: [app('a')], ports: [{ port: 9 }] },
          { ports: [{ protocol: 'TCP', port: 80 }] },
          {},
        ],
      },
      {
        ...ingressOnly,
        ingress: [
          {},
          { from: [app('a')], ports: [{ protocol: 'TCP', port: 9 }] },
          { from: [app('b')], ports: [{ protocol: 'TCP', port: 9 }] },
          {
            from: [app('a')],
            ports: [
              { protocol: 'TCP', port: 9 },
              { protocol: 'TCP', port: 10 },
            ],
          },
          { ports: [{ protocol: 'TCP', port: 80 }] },
        ],
      },
    ],
  ])('%s', (_name, spec, expected) => {
    expect(canonical(spec)).toEqual(expected)
    expect(JSON.stringify(canonical(spec))).toBe(JSON.stringify(expected))
  })
})
