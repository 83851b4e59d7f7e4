import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import { toInventory } from '../../src/source/inventory.ts'
import type { Inventory, WorkloadRef } from '../../src/traffic/inventory.ts'

type Json = Readonly<Record<string, unknown>>

const inventoryOf = (...items: readonly Json[]): Inventory =>
  toInventory(readManifests(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'all.json'))

function problemsOf(...items: readonly Json[]): readonly string[] {
  try {
    inventoryOf(...items)
  } catch (error) {
    if (error instanceof NetweirError && error.code === 'MANIFEST_INVALID') {
      return error.problems.map(({ message }) => message)
    }
    throw error
  }
  return []
}

const pod = (metadata: Json, spec: Json = {}, status: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'shop', ...metadata },
  spec,
  status,
})
const ownedBy = (kind: string, name: string, more: Json = {}): Json => ({
  ownerReferences: [{ kind, name, controller: true, ...more }],
})
const controller = (type: string, name: string, metadata: Json = {}, spec?: Json): Json => {
  const [apiVersion, kind] = type.split(' ')
  return { apiVersion, kind, metadata: { name, namespace: 'shop', ...metadata }, spec }
}
const template = (labels: Json, spec: Json = {}): Json => ({
  template: { metadata: { labels }, spec },
})

const replicaSet = 'apps/v1 ReplicaSet'
const deployment = 'apps/v1 Deployment'

describe('pods', () => {
  test('all of a pod', () => {
    const { pods, has } = inventoryOf(
      pod(
        { labels: { app: 'web', constructor: 'x' } },
        {
          hostNetwork: true,
          containers: [
            {
              ports: [
                { containerPort: 8080, name: 'http' },
                { containerPort: 53, protocol: 'UDP' },
              ],
            },
            {
              ports: [
                { containerPort: 8080, name: 'http' },
                { containerPort: 90, protocol: 'SCTP' },
              ],
            },
          ],
        },
        { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'FD00:0::1' }] },
      ),
    )
    expect(pods).toEqual([
      {
        namespace: 'shop',
        name: 'p',
        labels: { app: 'web', constructor: 'x' },
        hostNetwork: true,
        addresses: ['10.0.0.1', 'fd00::1'],
        ports: [
          { name: '', protocol: 'SCTP', port: 90 },
          { name: 'http', protocol: 'TCP', port: 8080 },
          { name: '', protocol: 'UDP', port: 53 },
        ],
        probePorts: [],
        running: true,
      },
    ])
    expect(Object.getPrototypeOf(pods[0]?.labels)).toBeNull()
    expect(has).toEqual({ pods: true, workloads: false, services: false })
  })

  test('the least of a pod', () => {
    expect(inventoryOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } }).pods).toEqual([
      {
        namespace: 'default',
        name: 'p',
        labels: {},
        hostNetwork: false,
        addresses: [],
        ports: [],
        probePorts: [],
        running: true,
      },
    ])
  })

  test.each([
    ['Running', true],
    ['Pending', true],
    ['Unknown', true],
    ['Succeeded', false],
    ['Failed', false],
  ])('a pod that is %s', (phase, running) => {
    expect(inventoryOf(pod({}, {}, { phase })).pods[0]?.running).toBe(running)
  })

  test('sorted, and the last of an object that is given twice', () => {
    const { pods } = inventoryOf(
      pod({ name: 'b' }),
      pod({ name: 'a', labels: { v: '1' } }),
      pod({ name: 'a', labels: { v: '2' } }),
      pod({ name: 'a', namespace: 'data' }),
    )
    expect(
      pods.map(({ namespace, name, labels }) => `${namespace}/${name} ${labels['v']}`),
    ).toEqual(['data/a undefined', 'shop/a 2', 'shop/b undefined'])
  })
})

describe('probes', () => {
  const ports = [
    { containerPort: 8080, name: 'http' },
    { containerPort: 8081, name: 'http', protocol: 'UDP' },
    { containerPort: 9090, name: 'metrics' },
  ]

  test.each<[string, Json, readonly number[]]>([
    ['httpGet by number', { livenessProbe: { httpGet: { port: 80 } } }, [80]],
    ['httpGet by name, TCP only', { readinessProbe: { httpGet: { port: 'http' } } }, [8080]],
    ['tcpSocket', { startupProbe: { tcpSocket: { port: 'metrics' } } }, [9090]],
    ['grpc', { livenessProbe: { grpc: { port: 5000 } } }, [5000]],
    ['exec has none', { livenessProbe: { exec: { command: ['true'] } } }, []],
    ['a name that nothing has', { livenessProbe: { httpGet: { port: 'nope' } } }, []],
    [
      'all of them, once and sorted',
      {
        livenessProbe: { httpGet: { port: 10_000 } },
        readinessProbe: { httpGet: { port: 'http' } },
        startupProbe: { tcpSocket: { port: 8080 } },
      },
      [8080, 10_000],
    ],
  ])('%s', (_name, probes, expected) => {
    const container = { ports, ...probes }
    expect(inventoryOf(pod({}, { containers: [container] })).pods[0]?.probePorts).toEqual(expected)
  })

  test('init containers count only where they keep running', () => {
    const container = { ports, livenessProbe: { httpGet: { port: 'http' } } }
    const initContainers = [
      container,
      { ...container, ports: [{ containerPort: 1, name: 'http' }], restartPolicy: 'Always' },
    ]
    const [found] = inventoryOf(pod({}, { initContainers })).pods
    expect(found?.probePorts).toEqual([1])
    expect(found?.ports).toEqual([{ name: 'http', protocol: 'TCP', port: 1 }])
  })

  test('names are those of the same container', () => {
    const other = { livenessProbe: { httpGet: { port: 'http' } } }
    expect(inventoryOf(pod({}, { containers: [{ ports }, other] })).pods[0]?.probePorts).toEqual([])
  })
})

describe('the workload of a pod', () => {
  const hash = { 'pod-template-hash': '5d9c7' }
  const web = ownedBy('ReplicaSet', 'web-5d9c7')
  const run = ownedBy('Job', 'backup-28371234')

  test.each<[string, Json, readonly Json[], WorkloadRef | undefined]>([
    ['none', {}, [], undefined],
    ['a StatefulSet', ownedBy('StatefulSet', 'db'), [], { kind: 'StatefulSet', name: 'db' }],
    [
      'ReplicaSet of a Deployment',
      web,
      [controller(replicaSet, 'web-5d9c7', ownedBy('Deployment', 'web'))],
      { kind: 'Deployment', name: 'web' },
    ],
    [
      'ReplicaSet of a Rollout',
      web,
      [controller(replicaSet, 'web-5d9c7', ownedBy('Rollout', 'web'))],
      { kind: 'Rollout', name: 'web' },
    ],
    [
      'ReplicaSet of nothing, in spite of its name',
      { ...web, labels: hash },
      [controller(replicaSet, 'web-5d9c7')],
      { kind: 'ReplicaSet', name: 'web-5d9c7' },
    ],
    [
      'ReplicaSet that is absent',
      { ...web, labels: hash },
      [],
      { kind: 'Deployment', name: 'web' },
    ],
    [
      'ReplicaSet that is absent, of a Rollout',
      { ...web, labels: { 'rollouts-pod-template-hash': '5d9c7' } },
      [],
      { kind: 'Rollout', name: 'web' },
    ],
    [
      'ReplicaSet that is absent, of another hash',
      { ...web, labels: { 'pod-template-hash': 'x' } },
      [],
      { kind: 'ReplicaSet', name: 'web-5d9c7' },
    ],
    [
      'ReplicaSet that is absent, without a hash',
      web,
      [],
      { kind: 'ReplicaSet', name: 'web-5d9c7' },
    ],
    [
      'ReplicaSet that is all hash',
      { ...ownedBy('ReplicaSet', '-5d9c7'), labels: hash },
      [],
      { kind: 'ReplicaSet', name: '-5d9c7' },
    ],
    [
      'ReplicaSet of another namespace',
      { ...web, labels: hash },
      [controller(replicaSet, 'web-5d9c7', { namespace: 'x', ...ownedBy('Deployment', 'y') })],
      { kind: 'Deployment', name: 'web' },
    ],
    [
      'Job of a CronJob',
      run,
      [controller('batch/v1 Job', 'backup-28371234', ownedBy('CronJob', 'backup'))],
      { kind: 'CronJob', name: 'backup' },
    ],
    [
      'Job of nothing',
      run,
      [controller('batch/v1 Job', 'backup-28371234')],
      { kind: 'Job', name: 'backup-28371234' },
    ],
    ['Job that is absent', run, [], { kind: 'CronJob', name: 'backup' }],
    [
      'Job that is absent, named by a date',
      ownedBy('Job', 'import-20240101'),
      [],
      { kind: 'Job', name: 'import-20240101' },
    ],
    [
      'Job that is absent, named by hand',
      ownedBy('Job', 'import'),
      [],
      { kind: 'Job', name: 'import' },
    ],
    [
      'a controller of an operator stays',
      ownedBy('StatefulSet', 'prometheus'),
      [controller('apps/v1 StatefulSet', 'prometheus', ownedBy('Prometheus', 'k8s'))],
      { kind: 'StatefulSet', name: 'prometheus' },
    ],
    [
      'ReplicationController of a DeploymentConfig',
      ownedBy('ReplicationController', 'web-3'),
      [controller('v1 ReplicationController', 'web-3', ownedBy('DeploymentConfig', 'web'))],
      { kind: 'DeploymentConfig', name: 'web' },
    ],
    [
      'the owner that controls',
      {
        ownerReferences: [
          { kind: 'Node', name: 'n' },
          { kind: 'DaemonSet', name: 'd', controller: true },
        ],
      },
      [],
      { kind: 'DaemonSet', name: 'd' },
    ],
    [
      'the first owner where none controls',
      { ownerReferences: [{ kind: 'DaemonSet', name: 'd' }] },
      [],
      { kind: 'DaemonSet', name: 'd' },
    ],
    ['a static pod', ownedBy('Node', 'n1'), [], undefined],
    ['an owner without a name', { ownerReferences: [{ kind: 'DaemonSet' }] }, [], undefined],
  ])('%s', (_name, metadata, controllers, expected) => {
    // Controllers count wherever they stand in the input.
    expect(inventoryOf(pod(metadata), ...controllers).pods[0]?.workload).toEqual(expected)
    expect(inventoryOf(...controllers, pod(metadata)).pods[0]?.workload).toEqual(expected)
  })
})

describe('workloads', () => {
  const selector = { matchLabels: { app: 'web' }, matchExpressions: [] }

  test('a controller with its template', () => {
    const spec = {
      replicas: 0,
      selector,
      ...template(
        { app: 'web', tier: 'a' },
        {
          containers: [
            { ports: [{ containerPort: 80 }], livenessProbe: { tcpSocket: { port: 80 } } },
          ],
        },
      ),
    }
    const { workloads, has } = inventoryOf(controller(deployment, 'web', {}, spec))
    expect(workloads).toEqual([
      {
        kind: 'Deployment',
        name: 'web',
        namespace: 'shop',
        selector: { app: 'web' },
        labels: { app: 'web', tier: 'a' },
        hostNetwork: false,
        ports: [{ name: '', protocol: 'TCP', port: 80 }],
        probePorts: [80],
        replicas: 0,
      },
    ])
    expect(has.workloads).toBe(true)
  })

  test.each([
    'apps/v1 StatefulSet',
    'apps/v1 DaemonSet',
    replicaSet,
    'argoproj.io/v1alpha1 Rollout',
  ])('%s', (type) => {
    const [found] = inventoryOf(
      controller(type, 'w', {}, { selector, ...template({ app: 'web' }) }),
    ).workloads
    expect([found?.kind, found?.selector, found?.labels]).toEqual([
      type.split(' ')[1],
      { app: 'web' },
      { app: 'web' },
    ])
  })

  test('ReplicationController: its selector is a plain mapping', () => {
    const spec = { selector: { app: 'old' }, ...template({ app: 'old' }) }
    expect(
      inventoryOf(controller('v1 ReplicationController', 'w', {}, spec)).workloads[0]?.selector,
    ).toEqual({ app: 'old' })
  })

  test('Jobs and CronJobs have no selector of their own', () => {
    const { workloads } = inventoryOf(
      controller('batch/v1 Job', 'import', {}, { selector, ...template({ app: 'import' }) }),
      controller(
        'batch/v1 CronJob',
        'backup',
        {},
        { jobTemplate: { spec: template({ app: 'backup' }) } },
      ),
    )
    expect(workloads.map(({ kind, selector: own, labels }) => [kind, own, labels])).toEqual([
      ['CronJob', undefined, { app: 'backup' }],
      ['Job', undefined, { app: 'import' }],
    ])
  })

  test('what another controller made is no workload, nor is one without a template', () => {
    const { workloads, has } = inventoryOf(
      controller(replicaSet, 'web-1', ownedBy('Deployment', 'web'), template({ app: 'web' })),
      controller('batch/v1 Job', 'backup-1', ownedBy('CronJob', 'backup'), template({})),
      controller('argoproj.io/v1alpha1 Rollout', 'r', {}, { workloadRef: { name: 'web' } }),
    )
    expect(workloads).toEqual([])
    expect(has.workloads).toBe(true)
  })

  test('what an operator made is a workload', () => {
    const made = controller(
      'apps/v1 StatefulSet',
      'db',
      ownedBy('Postgres', 'db'),
      template({ app: 'db' }),
    )
    expect(inventoryOf(made).workloads).toHaveLength(1)
  })
})

describe('services, nodes, namespaces', () => {
  const service = (spec: Json, status: Json = {}): Json => ({
    ...controller('v1 Service', 'api', {}, spec),
    status,
  })

  test('all of a service', () => {
    const { services, has } = inventoryOf(
      service(
        {
          type: 'LoadBalancer',
          selector: { app: 'api' },
          clusterIP: '10.96.0.1',
          clusterIPs: ['10.96.0.1', 'FD00::1'],
          externalIPs: ['192.0.2.1'],
          loadBalancerSourceRanges: ['198.51.100.0/24'],
          ports: [
            { port: 80, targetPort: 'http', nodePort: 30_080 },
            { port: 53, protocol: 'UDP', targetPort: 5353, nodePort: 0 },
            { port: 443 },
          ],
        },
        { loadBalancer: { ingress: [{ ip: '203.0.113.1' }, { hostname: 'lb.example.com' }] } },
      ),
    )
    expect(services).toEqual([
      {
        namespace: 'shop',
        name: 'api',
        type: 'LoadBalancer',
        selector: { app: 'api' },
        clusterIps: ['10.96.0.1', 'fd00::1'],
        externalIps: ['192.0.2.1', '203.0.113.1'],
        loadBalancerSourceRanges: ['198.51.100.0/24'],
        ports: [
          { protocol: 'TCP', port: 80, targetPort: 'http', nodePort: 30_080 },
          { protocol: 'UDP', port: 53, targetPort: 5353 },
          { protocol: 'TCP', port: 443, targetPort: 443 },
        ],
      },
    ])
    expect(has.services).toBe(true)
  })

  test('a headless service without selector', () => {
    expect(inventoryOf(service({ clusterIP: 'None', selector: {} })).services).toEqual([
      {
        namespace: 'shop',
        name: 'api',
        type: 'ClusterIP',
        clusterIps: [],
        externalIps: [],
        loadBalancerSourceRanges: [],
        ports: [],
      },
    ])
  })

  test('nodes: addresses, no host names, pod ranges once', () => {
    const node = {
      ...controller(
        'v1 Node',
        'n1',
        {},
        { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', 'fd00::/64'] },
      ),
      status: {
        addresses: [
          { type: 'InternalIP', address: '10.0.0.1' },
          { type: 'Hostname', address: 'n1' },
          { type: 'ExternalIP', address: '192.0.2.9' },
        ],
      },
    }
    expect(inventoryOf(node).nodes).toEqual([
      { name: 'n1', addresses: ['10.0.0.1', '192.0.2.9'], podCidrs: ['10.1.0.0/24', 'fd00::/64'] },
    ])
  })

  test('namespaces always have their name as a label', () => {
    const { namespaces } = inventoryOf(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'b', labels: { team: 'x', 'kubernetes.io/metadata.name': 'lie' } },
      },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } },
    )
    expect(namespaces).toEqual([
      { name: 'a', labels: { 'kubernetes.io/metadata.name': 'a' } },
      { name: 'b', labels: { 'kubernetes.io/metadata.name': 'b', team: 'x' } },
    ])
  })
})

test('services that the API server calls, each once', () => {
  const webhooks = (...services: readonly unknown[]): Json => ({
    webhooks: services.map((service) => ({ clientConfig: { service } })),
  })
  const admission = 'admissionregistration.k8s.io/v1'
  const { apiServerBackends } = inventoryOf(
    {
      ...controller(`${admission} ValidatingWebhookConfiguration`, 'v'),
      ...webhooks({ namespace: 'b', name: 'hook', port: 9443 }, { namespace: 'b', name: 'hook' }),
    },
    {
      ...controller(`${admission} MutatingWebhookConfiguration`, 'm'),
      ...webhooks({ namespace: 'b', name: 'hook', port: 443 }, undefined),
    },
    controller(
      'apiregistration.k8s.io/v1 APIService',
      'a',
      {},
      {
        service: { namespace: 'a', name: 'metrics', port: 443 },
      },
    ),
    controller('apiregistration.k8s.io/v1 APIService', 'local', {}, { service: null }),
  )
  expect(apiServerBackends).toEqual([
    { namespace: 'a', service: 'metrics', port: 443 },
    { namespace: 'b', service: 'hook', port: 443 },
    { namespace: 'b', service: 'hook', port: 9443 },
  ])
})

describe('problems', () => {
  test('kinds without a place, and unknown members, are passed over', () => {
    expect(
      inventoryOf(controller('v1 ConfigMap', 'c'), controller('example.com/v1 Pod', 'p'), {
        ...pod({}),
        anything: 1,
      }).pods,
    ).toHaveLength(1)
  })

  test.each<[string, Json, readonly string[]]>([
    ['no name', pod({ name: undefined }), ['metadata.name: is required']],
    [
      'a label that is a number',
      pod({ labels: { v: 1 } }),
      ['metadata.labels.v: must be a string, is the number 1'],
    ],
    [
      'a namespace that is none',
      pod({ namespace: 5 }),
      ['metadata.namespace: must be a string, is the number 5'],
    ],
    [
      'containers that are none',
      pod({}, { containers: {} }),
      ['spec.containers: must be a list, is a mapping'],
    ],
    [
      'ports',
      pod(
        {},
        {
          containers: [
            {
              ports: [
                { containerPort: 0 },
                { containerPort: 'x' },
                { containerPort: 1, protocol: 'QUIC' },
                {},
              ],
            },
          ],
        },
      ),
      [
        'spec.containers[0].ports[0].containerPort: must be from 1 to 65535, is 0',
        'spec.containers[0].ports[1].containerPort: must be an integer, is the string "x"',
        'spec.containers[0].ports[2].protocol: must be one of TCP, UDP, SCTP',
      ],
    ],
    [
      'hostNetwork',
      pod({}, { hostNetwork: 'yes' }),
      ['spec.hostNetwork: must be true or false, is the string "yes"'],
    ],
    [
      'a service port',
      controller('v1 Service', 's', {}, { ports: [{ port: 70_000 }, 5] }),
      ['spec.ports[0].port: must be from 1 to 65535, is 70000'],
    ],
    [
      'a selector',
      controller(deployment, 'd', {}, { selector: { matchLabels: ['x'] }, ...template({}) }),
      ['spec.selector.matchLabels: must be a mapping, is a list'],
    ],
  ])('%s', (_name, object, expected) => {
    expect(problemsOf(object)).toEqual(expected)
  })

  test('all problems of all objects, with their places', () => {
    const text =
      'apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: 1}}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: 7}\n'
    expect(() => toInventory(readManifests(text, 'i.yaml'))).toThrow(
      expect.objectContaining({
        message: '4 problems in i.yaml',
        location: { file: 'i.yaml', line: 3, column: 11, document: 1 },
      }),
    )
  })
})

describe('services without a selector', () => {
  const service = (spec: Json): Json => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'db', namespace: 'shop' },
    spec: { clusterIP: '10.96.0.9', ...spec },
  })
  const slice = (name: string, addresses: readonly string[], ports: readonly Json[]): Json => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'db' } },
    addressType: 'IPv4',
    endpoints: [{ addresses }],
    ports,
  })
  const named = [
    { name: 'sql', port: 5432 },
    { name: 'metrics', port: 9187, protocol: 'TCP' },
  ]
  const slices = [
    slice('db-2', ['203.0.113.8', '203.0.113.7'], [{ name: 'sql', port: 15_432 }]),
    slice('db-1', ['203.0.113.7'], [{ name: 'sql', port: 15_432, protocol: 'TCP' }]),
  ]

  test('have the endpoints of their slices, by the names of their ports, once and sorted', () => {
    for (const items of [
      [service({ ports: named }), ...slices],
      [...slices, service({ ports: named })],
    ]) {
      const [known] = inventoryOf(...items).services
      expect(known?.ports.map(({ port, endpoints }) => [port, endpoints])).toEqual([
        [
          5432,
          [
            { address: '203.0.113.7', port: 15_432 },
            { address: '203.0.113.8', port: 15_432 },
          ],
        ],
        [9187, undefined],
      ])
    }
  })

  test('with a selector have none: their pods are found by labels', () => {
    const [known] = inventoryOf(
      service({ ports: named, selector: { app: 'db' } }),
      ...slices,
    ).services
    expect(known?.ports.every(({ endpoints }) => endpoints === undefined)).toBe(true)
  })

  test('take nothing from a slice of nobody, an address that is none, or a port that is absent', () => {
    const orphan = { ...slice('orphan', ['203.0.113.9'], [{ name: 'sql', port: 1 }]) }
    const [known] = inventoryOf(
      service({ ports: named }),
      { ...orphan, metadata: { name: 'orphan', namespace: 'shop' } },
      slice('names', ['db.example.com'], [{ name: 'sql', port: 1 }]),
      slice('no-port', ['203.0.113.9'], [{ name: 'sql' }]),
    ).services
    expect(known?.ports.map(({ endpoints }) => endpoints ?? [])).toEqual([[], []])
  })
})
