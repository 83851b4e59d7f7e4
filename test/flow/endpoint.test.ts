import { describe, expect, test } from 'vitest'
import { readEnd } from '../../src/flow/endpoint.ts'

const meta = [
  'k8s:io.kubernetes.pod.namespace=shop',
  'k8s:io.cilium.k8s.policy.serviceaccount=default',
]

describe('reserved labels', () => {
  test.each([
    [['host'], 'host'],
    [['host', 'kube-apiserver'], 'host'],
    [['remote-node', 'host'], 'host'],
    [['remote-node', 'kube-apiserver'], 'kube-apiserver'],
    [['kube-apiserver'], 'kube-apiserver'],
    [['kube-apiserver', 'remote-node', 'world'], 'kube-apiserver'],
    [['remote-node'], 'remote-node'],
    [['remote-node', 'health'], 'remote-node'],
    [['health', 'ingress'], 'health'],
    [['ingress', 'init'], 'ingress'],
    [['init', 'unmanaged'], 'init'],
    [['unmanaged', 'world'], 'unmanaged'],
    [['unknown'], 'unknown'],
    [['overlay-to-encrypt'], 'unknown'],
  ])('%j is %s', (names, entity) => {
    const labels = names.map((name) => `reserved:${name}`)
    expect(readEnd({ labels }, '172.18.0.2').endpoint).toEqual({
      kind: 'entity',
      entity,
      labels: [...names].sort(),
      address: '172.18.0.2',
    })
  })

  test('of a node win over the labels of its object', () => {
    const labels = ['reserved:host', 'k8s:node-role.kubernetes.io/control-plane=']
    expect(readEnd({ labels, namespace: 'x', pod_name: 'y' }, '').endpoint).toMatchObject({
      entity: 'host',
    })
  })
})

describe('outside ends', () => {
  test.each([
    [['reserved:world'], []],
    [['reserved:world-ipv4'], []],
    [['reserved:world-ipv6'], []],
    [['cidr:203.0.113.0/24', 'reserved:world'], []],
    [['cidr:203.0.113.0/24'], []],
    [['fqdn:api.example.com', 'reserved:world'], []],
    [['reserved:kube-apiserver', 'reserved:world'], ['kube-apiserver']],
    [['cidr:203.0.113.7/32', 'reserved:kube-apiserver', 'reserved:world'], ['kube-apiserver']],
  ])('%j', (labels, expected) => {
    expect(readEnd({ labels, identity: 16_777_217 }, '203.0.113.7').endpoint).toEqual({
      kind: 'address',
      address: '203.0.113.7',
      labels: expected,
    })
  })

  test('a namespace alone does not make a pod of one', () => {
    expect(readEnd({ labels: ['reserved:world'], namespace: 'shop' }, '::1').endpoint.kind).toBe(
      'address',
    )
  })

  test('addresses are canonical', () => {
    expect(readEnd({ labels: ['reserved:world'] }, '2001:DB8:0:0:0:0:0:1').address).toBe(
      '2001:db8::1',
    )
  })

  test.each([undefined, '', 'nonsense', 7])(
    'without an address (%j) the end is masked',
    (address) => {
      expect(readEnd({ labels: ['reserved:world'] }, address)).toMatchObject({
        isMasked: true,
        address: '',
      })
    },
  )
})

describe('identities stand in for labels that a mask took', () => {
  test.each([
    [1, { kind: 'entity', entity: 'host' }],
    [2, { kind: 'address' }],
    [4, { kind: 'entity', entity: 'health' }],
    [6, { kind: 'entity', entity: 'remote-node' }],
    [7, { kind: 'entity', entity: 'kube-apiserver' }],
    [8, { kind: 'entity', entity: 'ingress' }],
    [10, { kind: 'address' }],
    [16_777_219, { kind: 'address' }],
    [33_554_433, { kind: 'entity', entity: 'remote-node' }],
    ['6', { kind: 'entity', entity: 'remote-node' }],
    [0, { kind: 'entity', entity: 'unknown' }],
    [23_817, { kind: 'entity', entity: 'unknown' }],
  ])('%s', (identity, expected) => {
    expect(readEnd({ identity }, '203.0.113.7').endpoint).toMatchObject(expected)
  })

  test('but not for labels that are there', () => {
    expect(readEnd({ identity: 1, labels: ['reserved:world'] }, '203.0.113.7').endpoint.kind).toBe(
      'address',
    )
  })
})

describe('pods', () => {
  test.each<[string, object, object]>([
    [
      'labels and namespace',
      { namespace: 'shop', labels: ['k8s:app=web'] },
      { kind: 'pod', namespace: 'shop', labels: ['app=web'] },
    ],
    [
      'the namespace as a label',
      { labels: ['k8s:app=web', ...meta] },
      { kind: 'pod', namespace: 'shop', labels: ['app=web'] },
    ],
    [
      'meta labels alone',
      { labels: meta, pod_name: 'x' },
      { kind: 'pod', namespace: 'shop', labels: [] },
    ],
    [
      'volatile labels alone',
      { namespace: 'shop', labels: ['k8s:job-name=x'] },
      { kind: 'pod', labels: [] },
    ],
    [
      'other sources beside',
      {
        namespace: 'shop',
        labels: ['k8s:app=web', 'gen:a=b', 'container:c=d', 'unspec:e=f', 'plain=g'],
      },
      { labels: ['app=web'] },
    ],
    [
      'a world label beside',
      { namespace: 'shop', labels: ['k8s:app=web', 'reserved:world'] },
      { kind: 'pod' },
    ],
    [
      'the cluster as a label',
      { labels: ['k8s:app=web', 'k8s:io.cilium.k8s.policy.cluster=edge', ...meta] },
      { cluster: 'edge' },
    ],
    [
      'the cluster as a member',
      { cluster_name: 'edge', labels: ['k8s:app=web', ...meta] },
      { cluster: 'edge' },
    ],
    [
      'a name and a world label',
      { namespace: 'shop', pod_name: 'web-0', labels: ['reserved:world'] },
      { kind: 'named', namespace: 'shop', name: 'web-0', lacks: 'world' },
    ],
    [
      'a name and a range',
      { namespace: 'shop', pod_name: 'web-0', labels: ['cidr:10.0.0.0/8', 'reserved:world'] },
      { kind: 'named', lacks: 'world' },
    ],
    ['a name alone', { namespace: 'shop', pod_name: 'web-0' }, { kind: 'named', lacks: 'masked' }],
    [
      'a name and no labels',
      { namespace: 'shop', pod_name: 'web-0', labels: [] },
      { kind: 'named', lacks: 'masked' },
    ],
    [
      'lowerCamel members',
      { namespace: 'shop', podName: 'web-0', clusterName: 'edge' },
      { kind: 'named', name: 'web-0', cluster: 'edge' },
    ],
  ])('%s', (_, end, expected) => {
    const read = readEnd(end, '10.244.0.1')
    expect(read.endpoint).toMatchObject(expected)
    expect(read.isMasked).toBe(false)
  })

  test.each<[string, object]>([
    ['labels without a namespace', { labels: ['k8s:app=web'] }],
    ['a namespace alone', { namespace: 'shop' }],
    ['a name alone', { pod_name: 'web-0' }],
  ])('%s is masked', (_, end) => expect(readEnd(end, '10.244.0.1').isMasked).toBe(true))

  test('are remembered with generation and workload', () => {
    const end = {
      namespace: 'shop',
      pod_name: 'web-7c9f8d6b5-x2k4q',
      labels: ['k8s:app=web', 'k8s:pod-template-hash=7c9f8d6b5', 'k8s:job-name=x'],
      workloads: [
        { name: 'web', kind: 'Deployment' },
        { name: 'other', kind: 'X' },
      ],
      ID: 7,
    }
    expect(readEnd(end, '10.244.0.1')).toMatchObject({
      pod: {
        name: 'web-7c9f8d6b5-x2k4q',
        generation: ['pod-template-hash=7c9f8d6b5'],
        workload: { kind: 'Deployment', name: 'web' },
      },
      isLocal: true,
    })
  })

  test('without a name are not remembered', () => {
    expect(readEnd({ namespace: 'shop', labels: ['k8s:app=web'] }, '')).not.toHaveProperty('pod')
  })

  test('carry the labels of their namespace', () => {
    const labels = [
      'k8s:app=web',
      'k8s:io.cilium.k8s.namespace.labels.team=a',
      'k8s:io.cilium.k8s.namespace.labels.env=b',
      ...meta,
    ]
    expect(readEnd({ labels }, '').namespace).toEqual({
      cluster: '',
      namespace: 'shop',
      labels: ['env=b', 'team=a'],
    })
  })
})

test.each([undefined, null, 7, 'x', [], {}, { labels: 'x', namespace: 7, workloads: {} }])(
  '%j is an unknown end',
  (value) =>
    expect(readEnd(value, '10.0.0.1').endpoint).toMatchObject({
      kind: 'entity',
      entity: 'unknown',
    }),
)
