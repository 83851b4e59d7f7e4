import { describe, expect, test } from 'vitest'
import type { Flow } from '../../src/flow/flow.ts'
import { labelTexts } from '../../src/labels.ts'
import type { CommunicationSet } from '../../src/traffic/communication-set.ts'
import { readOut } from '../../src/traffic/read-out.ts'
import type { EdgeEnd, ReadOutOptions, Traffic } from '../../src/traffic/traffic.ts'
import {
  aggregateOf,
  baseMs,
  entity,
  inventory,
  inventoryPod,
  inventoryService,
  inventoryWorkload,
  labels,
  named,
  outside,
  pod,
  reading,
  setOf,
} from '../support/readings.ts'

const minute = 60_000
const unsure: Partial<Flow> = { certain: false, strength: 'medium' }

/** Edges as `from -> to port outcome xRecords`. */
function edgesOf(set: CommunicationSet, options: ReadOutOptions = {}): readonly string[] {
  const traffic = readOut(set, options)
  return traffic.edges.map(({ from, to, protocol, port, outcome, evidence }) => {
    const service = protocol === 'TCP' ? `${port}` : `${port}/${protocol}`
    return `${endText(traffic, from)} -> ${endText(traffic, to)} ${service} ${outcome} x${evidence.records}`
  })
}

function endText(traffic: Traffic, end: EdgeEnd): string {
  switch (end.kind) {
    case 'class':
      return labelTexts(traffic.classes[end.class]!.labels).join(',')
    case 'address':
      return [end.address, ...end.labels].join(' ')
    case 'entity':
      return [end.entity, ...end.addresses].join(' ')
    case 'unresolved':
      return `?${end.pod}`
    case 'remote':
      return `${end.cluster}:${end.namespace}:${labelTexts(end.labels).join(',')}`
  }
}

describe('the local cluster', () => {
  const mixed = [{ cluster: 'east' }, { cluster: 'west' }, { cluster: '' }]

  test('must be named when several report', () => {
    expect(() => readOut(setOf(...mixed))).toThrow(
      expect.objectContaining({
        code: 'CLUSTERS_MIXED',
        message: 'the records come from 2 clusters ("east", "west"); expected one',
        hint: expect.stringContaining('--cluster-name'),
      }),
    )
    expect(readOut(setOf(...mixed), { clusterName: 'west' }).cluster).toBe('west')
    expect(readOut(setOf({ cluster: 'east' }, {})).cluster).toBe('east')
    expect(readOut(setOf({})).cluster).toBe('')
  })

  test('is not left: pods elsewhere are remote', () => {
    const set = setOf(
      { cluster: 'east', server: pod('api', { cluster: 'west' }) },
      { cluster: 'east', server: named('db-0', { cluster: 'west' }) },
      { cluster: 'east', client: pod('web', { cluster: 'east' }) },
      {
        cluster: 'east',
        client: pod('a', { cluster: 'west' }),
        server: pod('b', { cluster: 'west' }),
      },
    )
    expect(edgesOf(set)).toEqual([
      'app=web -> app=api 8080 learned x1',
      'app=web -> west:shop: 8080 remote-cluster x1',
      'app=web -> west:shop:app=api 8080 remote-cluster x1',
      'west:shop:app=a -> west:shop:app=b 8080 remote-cluster x1',
    ])
    expect(readOut(set).classes.map((one) => labelTexts(one.labels))).toEqual([
      ['app=api'],
      ['app=web'],
    ])
    expect(edgesOf(set, { clusterName: 'west' })).toContain('app=web -> app=api 8080 learned x1')
  })
})

describe('pods without labels', () => {
  test('are found by name, where the pod was last seen', () => {
    const db = (tier: string, timeMs: number): Partial<Flow> => ({
      client: pod('db', { labels: ['app=db', `tier=${tier}`] }),
      clientPod: { name: 'db-0', generation: [] },
      timeMs,
    })
    const set = setOf(db('a', baseMs + minute), db('b', baseMs), { server: named('db-0') })
    expect(edgesOf(set)).toContain('app=web -> app=db,tier=a 8080 learned x1')
  })

  test('are found in the inventory', () => {
    const set = setOf({ server: named('db-0') }, { server: named('old-0', { lacks: 'masked' }) })
    const known = inventory({
      pods: [
        inventoryPod('db-0', { labels: labels({ app: 'db' }) }),
        inventoryPod('old-0', { running: false }),
      ],
    })
    expect(edgesOf(set, { inventory: known })).toEqual([
      'app=web -> app=db 8080 learned x1',
      'app=web -> app=old-0 8080 learned x1',
    ])
  })

  test('else stay unresolved, by why the labels are missing', () => {
    const set = setOf({ server: named('db-0') }, { server: named('db-0', { lacks: 'masked' }) })
    expect(edgesOf(set)).toEqual([
      'app=web -> ?db-0 8080 masked x1',
      'app=web -> ?db-0 8080 unresolved x1',
    ])
  })
})

describe('entities', () => {
  test('keep their outcome and collect their addresses', () => {
    const set = setOf(
      { server: entity('remote-node', '172.18.0.10') },
      { server: entity('remote-node', '172.18.0.9') },
      { client: entity('host') },
      { server: entity('kube-apiserver', '', ['kube-apiserver', 'remote-node']) },
      { client: entity('ingress') },
      { server: entity('unmanaged', '10.0.0.1') },
      { server: entity('unknown', '10.0.0.2') },
    )
    expect(edgesOf(set)).toEqual([
      'app=web -> kube-apiserver 8080 kube-apiserver x1',
      'app=web -> remote-node 172.18.0.9 172.18.0.10 8080 remote-node x2',
      'app=web -> unmanaged 10.0.0.1 8080 unmanaged x1',
      'app=web -> unknown 10.0.0.2 8080 unresolved x1',
      'host -> app=api 8080 host x1',
      'ingress -> app=api 8080 ingress x1',
    ])
  })

  test('that deny are denied, in conflict or audited like any other end', () => {
    const node = { client: entity('remote-node', '172.18.0.9') }
    const denied: Partial<Flow> = { ...node, side: 'ingress', verdict: 'denied' }
    expect(edgesOf(setOf(denied))).toEqual(['remote-node 172.18.0.9 -> app=api 8080 denied x1'])
    expect(edgesOf(setOf(denied, { ...node, side: 'none', verdict: 'trace' }))).toEqual([
      'remote-node 172.18.0.9 -> app=api 8080 denied x1',
      'remote-node 172.18.0.9 -> app=api 8080 conflict x1',
    ])
    expect(edgesOf(setOf(denied), { learnDenied: true })).toEqual([
      'remote-node 172.18.0.9 -> app=api 8080 remote-node x1',
    ])
  })

  test('are what addresses of nodes become', () => {
    const set = setOf(
      { server: outside('172.18.0.9') },
      { server: outside('172.18.0.2', ['kube-apiserver']) },
      { client: outside('192.0.2.1') },
      { server: outside('203.0.113.7') },
    )
    const nodes = [{ name: 'n', addresses: ['192.0.2.1'], podCidrs: [] }]
    expect(edgesOf(set, { nodeCidrs: ['172.18.0.0/16'], inventory: inventory({ nodes }) })).toEqual(
      [
        'app=web -> 203.0.113.7 8080 learned x1',
        'app=web -> kube-apiserver 172.18.0.2 8080 kube-apiserver x1',
        'app=web -> remote-node 172.18.0.9 8080 remote-node x1',
        'remote-node 192.0.2.1 -> app=api 8080 remote-node x1',
      ],
    )
  })

  test('of the API server outside stay addresses', () => {
    expect(edgesOf(setOf({ server: outside('198.51.100.1', ['kube-apiserver']) }))).toEqual([
      'app=web -> 198.51.100.1 kube-apiserver 8080 learned x1',
    ])
  })
})

describe('verdicts', () => {
  test('make several edges where the records of one differ', () => {
    const set = setOf(
      { verdict: 'denied', side: 'ingress' },
      { verdict: 'denied-explicit', side: 'ingress' },
      { verdict: 'delivery', side: 'ingress', timeMs: baseMs + minute },
      { verdict: 'denied-l7', side: 'ingress', strength: 'strong' },
    )
    expect(edgesOf(set)).toEqual([
      'app=web -> app=api 8080 learned x1',
      'app=web -> app=api 8080 denied x1',
      'app=web -> app=api 8080 denied-explicit x1',
      'app=web -> app=api 8080 denied-l7 x1',
    ])
    expect(set.ledger.records).toBe(4)
    const blocks = readOut(set).edges.map(({ evidence }) => evidence.blocks.length)
    expect(blocks).toEqual([1, 0, 0, 0])
  })

  test('are decided for the pod, whatever it was known by', () => {
    const seen = { serverPod: { name: 'api-0', generation: [] } }
    const set = setOf(
      { ...seen, verdict: 'denied', side: 'ingress', timeMs: baseMs + 10 * minute },
      { server: named('api-0'), verdict: 'verdict', side: 'egress' },
    )
    expect(edgesOf(set)).toEqual([
      'app=web -> app=api 8080 denied x1',
      'app=web -> app=api 8080 conflict x1',
    ])
  })

  test('of ICMP are listed only', () => {
    const icmp: Partial<Flow> = { protocol: 'ICMPv4', port: 8, clientPort: 0 }
    const set = setOf(
      icmp,
      { ...icmp, verdict: 'denied', side: 'ingress' },
      { ...icmp, server: entity('host') },
    )
    expect(edgesOf(set, { learnDenied: true })).toEqual([
      'app=web -> app=api 8/ICMPv4 icmp x2',
      'app=web -> host 8/ICMPv4 icmp x1',
    ])
  })

  test('are told in the evidence', () => {
    const set = setOf(
      { uuid: 'b' },
      {
        side: 'ingress',
        verdict: 'delivery',
        strength: 'medium',
        certain: false,
        timeMs: baseMs + minute,
        uuid: 'a',
      },
      { side: 'ingress', verdict: 'trace', strength: 'reply', flows: 4 },
      { side: 'ingress', verdict: 'audit', timeMs: baseMs - minute },
    )
    expect(readOut(set, { learnAudit: true }).edges[0]?.evidence).toEqual({
      records: 4,
      flows: 7,
      firstMs: baseMs - minute,
      lastMs: baseMs + minute,
      blocks: [[baseMs / (5 * minute) - 1, baseMs / (5 * minute)]],
      samples: ['a', 'b'],
      strong: 2,
      medium: 1,
      reply: 1,
      egress: true,
      ingress: true,
      denied: 0,
      audited: 1,
    })
    const [denied] = readOut(setOf({ verdict: 'denied' })).edges
    expect(denied?.evidence).toMatchObject({ denied: 1, blocks: [], egress: false })
  })
})

describe('pending evidence', () => {
  /** What looks like web:5432 -> api:40001. */
  const suspect: Partial<Flow> = { ...unsure, clientPort: 5432, port: 40_001 }
  const web5432: Partial<Flow> = { client: pod('api'), server: pod('web'), port: 5432 }

  test('of a suspect reply is no edge of its own', () => {
    expect(edgesOf(setOf(suspect, { ...suspect, port: 50_000, verdict: 'denied' }))).toEqual([
      'app=web -> app=api 0 suspect-reply x2',
    ])
  })

  test('of a suspect reply belongs to the service that is known', () => {
    expect(edgesOf(setOf(suspect, web5432))).toEqual(['app=api -> app=web 5432 learned x2'])
    expect(readOut(setOf(suspect, web5432)).edges[0]?.evidence).toMatchObject({
      strong: 1,
      reply: 1,
    })
  })

  test.each<[string, Partial<Flow>, boolean]>([
    ['a new connection', {}, true],
    ['a new connection that was audited', { verdict: 'audit' }, true],
    ['a reply', { strength: 'reply', certain: false }, true],
    ['a new connection that was denied', { verdict: 'denied' }, false],
    ['an established connection', { strength: 'medium', certain: false }, false],
    ['a new connection by another protocol', { protocol: 'SCTP' }, false],
    ['a new connection to another pod', { server: pod('other') }, false],
  ])('knows a service by %s: %#', (_name, overrides, isKnown) => {
    const edges = edgesOf(setOf(suspect, { ...web5432, ...overrides }))
    expect(edges.some((edge) => edge.includes('suspect-reply'))).toBe(!isKnown)
  })

  test('knows no service by replies from a port that clients are given', () => {
    const reply: Partial<Flow> = {
      ...web5432,
      port: 40_000,
      clientPort: 40_001,
      strength: 'reply',
      certain: false,
    }
    const pair: Partial<Flow> = { ...unsure, clientPort: 40_000, port: 40_001 }
    expect(edgesOf(setOf(reply, pair))).toEqual([
      'app=api -> app=web 40000 learned x1',
      'app=web -> app=api 40001 learned x1',
    ])
  })

  test('of two ports is taken as it stands unless only the reverse is known', () => {
    const pair: Partial<Flow> = { ...unsure, clientPort: 5432, port: 8080 }
    const api8080: Partial<Flow> = {}
    expect(edgesOf(setOf(pair))).toEqual(['app=web -> app=api 8080 learned x1'])
    expect(edgesOf(setOf(pair, web5432))).toEqual(['app=api -> app=web 5432 learned x2'])
    expect(edgesOf(setOf(pair, web5432, api8080))).toEqual([
      'app=api -> app=web 5432 learned x1',
      'app=web -> app=api 8080 learned x2',
    ])
  })

  test('beyond the bound is counted with the one edge that it can belong to', () => {
    const pairs = Array.from({ length: 70 }, (_, index): Partial<Flow> => {
      return { ...unsure, clientPort: 10_000 + index, port: 8080 }
    })
    expect(edgesOf(setOf(...pairs))).toEqual(['app=web -> app=api 8080 learned x70'])
    const replies = [web5432, { ...unsure, clientPort: 5432, port: 40_001 }]
    expect(edgesOf(setOf(...pairs, ...replies))).toEqual([
      'app=api -> app=web 5432 learned x2',
      'app=web -> app=api 8080 learned x70',
    ])
    const other = { ...unsure, clientPort: 5432, port: 9090 }
    expect(edgesOf(setOf(...pairs, other))).toEqual([
      'app=web -> app=api 0 cannot-orient x7',
      'app=web -> app=api 8080 learned x63',
      'app=web -> app=api 9090 learned x1',
    ])
    const turned = Array.from({ length: 70 }, (_, index): Partial<Flow> => {
      return { ...unsure, clientPort: 5432, port: 10_000 + index }
    })
    expect(edgesOf(setOf(...turned, web5432))).toEqual(['app=api -> app=web 5432 learned x71'])
  })

  test('meets services by prefix where addresses were folded', () => {
    const known = [0, 1, 2, 3].map(
      (host): Partial<Flow> => ({ server: outside(`203.0.113.${host}`), port: 443 }),
    )
    const reply: Partial<Flow> = {
      ...unsure,
      client: outside('203.0.113.1'),
      server: pod('web'),
      clientPort: 443,
      port: 40_000,
    }
    const set = aggregateOf(
      [...known, reply].map((flow) => reading(flow)),
      { outsideLimit: 2 },
    ).toSet()
    expect(edgesOf(set)).toEqual([
      'app=web -> 203.0.113.0/31 443 learned x2',
      'app=web -> 203.0.113.1 443 learned x1',
      'app=web -> 203.0.113.2/31 443 learned x2',
    ])
  })
})

describe('addresses of services', () => {
  const toService: Partial<Flow> = { server: outside('10.96.0.7'), port: 80, verdict: 'trace' }
  const ports = [{ protocol: 'TCP', port: 80, targetPort: 'http' }] as const
  const service = inventoryService('api', { clusterIps: ['10.96.0.7'], ports })
  const http = [{ name: 'http', protocol: 'TCP', port: 8080 }] as const

  test('are counted apart while their backends are unknown', () => {
    expect(edgesOf(setOf(toService), { serviceCidrs: ['10.96.0.0/12'] })).toEqual([
      'app=web -> 10.96.0.7 80 service-address x1',
    ])
    expect(edgesOf(setOf(toService), { inventory: inventory({ services: [service] }) })).toEqual([
      'app=web -> 10.96.0.7 80 service-address x1',
    ])
  })

  test('stand for the pods behind them, at their own ports; the ledger counts once', () => {
    const pods = [
      inventoryPod('api-0', { labels: labels({ app: 'api' }), ports: http }),
      inventoryPod('api-1', {
        labels: labels({ app: 'api', track: 'canary' }),
        ports: [{ ...http[0], port: 9090 }],
      }),
      inventoryPod('api-2', { labels: labels({ app: 'api' }), running: false, ports: http }),
      inventoryPod('db-0', { ports: http }),
    ]
    const known = inventory({ services: [service], pods })
    expect(edgesOf(setOf(toService), { inventory: known })).toEqual([
      'app=web -> app=api 8080 learned x1',
      'app=web -> app=api,track=canary 9090 learned x1',
    ])
    expect(readOut(setOf(toService), { inventory: known }).ledger.outcomes).toEqual({ learned: 1 })
    const gone = { server: pod('gone'), serverPod: { name: 'api-2', generation: [] }, port: 1 }
    expect(edgesOf(setOf(toService, gone), { inventory: known })).toEqual([
      'app=web -> app=api 8080 learned x1',
      'app=web -> app=api,track=canary 9090 learned x1',
      'app=web -> app=gone 1 learned x1',
    ])
  })

  test('stand for nodes where the pods have their network', () => {
    const pods = [
      inventoryPod('api-0', {
        labels: labels({ app: 'api' }),
        ports: http,
        hostNetwork: true,
        addresses: ['172.18.0.2'],
      }),
    ]
    expect(
      edgesOf(setOf(toService), { inventory: inventory({ services: [service], pods }) }),
    ).toEqual(['app=web -> remote-node 172.18.0.2 8080 remote-node x1'])
  })

  test('stand for classes where no pod runs', () => {
    const workloads = [inventoryWorkload('api', { ports: http })]
    expect(
      edgesOf(setOf(toService), { inventory: inventory({ services: [service], workloads }) }),
    ).toEqual(['app=web -> app=api 8080 learned x1'])
  })

  test('stand for what endpoint slices name where a service has no selector', () => {
    const { selector: _none, ...bare } = service
    const endpoints = ['10.0.0.9', '172.18.0.2', '203.0.113.7'].map((address) => ({
      address,
      port: 8443,
    }))
    const slices = { ...bare, ports: [{ ...ports[0], endpoints }] }
    const pods = [
      inventoryPod('api-0', { labels: labels({ app: 'api' }), addresses: ['10.0.0.9'] }),
      inventoryPod('proxy', { hostNetwork: true, addresses: ['172.18.0.2'] }),
    ]
    expect(
      edgesOf(setOf(toService), { inventory: inventory({ services: [slices], pods }) }),
    ).toEqual([
      'app=web -> app=api 8443 learned x1',
      'app=web -> 203.0.113.7 8443 learned x1',
      'app=web -> remote-node 172.18.0.2 8443 remote-node x1',
    ])
  })

  test('are compared by protocol and port', () => {
    const pods = [inventoryPod('api', { ports: http })]
    const known = { inventory: inventory({ services: [service], pods }) }
    expect(edgesOf(setOf({ ...toService, protocol: 'UDP' }), known)).toEqual([
      'app=web -> 10.96.0.7 80/UDP service-address x1',
    ])
    expect(edgesOf(setOf({ ...toService, port: 81 }), known)).toEqual([
      'app=web -> 10.96.0.7 81 service-address x1',
    ])
  })
})

describe('classes', () => {
  const summary = (traffic: Traffic): readonly string[] =>
    traffic.classes.map(({ namespace, labels: own, workloads, observed, pods }) => {
      const owners = workloads.map(({ kind, name }) => `${kind}/${name}`).join('+')
      const names = pods.map(({ name }) => name).join('+')
      return `${namespace} ${labelTexts(own).join(',')} ${owners} ${names} ${observed ? 'seen' : 'unseen'}`
    })

  test('have the pods that flows showed, whichever cluster name they came with', () => {
    const set = setOf(
      { cluster: 'east', clientPod: { name: 'web-7d9f8b6c5d-x2k4z', generation: [] } },
      {
        cluster: 'east',
        client: pod('web', { cluster: 'east' }),
        clientPod: { name: 'web-7d9f8b6c5d-z4k2x', generation: ['pod-template-hash=7d9f8b6c5d'] },
      },
    )
    const traffic = readOut(set)
    expect(summary(traffic)).toEqual([
      'shop app=api LabelSet/app=api  seen',
      'shop app=web Deployment/web web-7d9f8b6c5d-x2k4z+web-7d9f8b6c5d-z4k2x seen',
    ])
    expect(traffic.classes.map(({ id }) => id)).toEqual([0, 1])
    expect(traffic.classes[1]?.pods[1]).toEqual({
      name: 'web-7d9f8b6c5d-z4k2x',
      generation: ['pod-template-hash=7d9f8b6c5d'],
      workload: { kind: 'Deployment', name: 'web' },
      resolvedBy: 'name',
    })
  })

  test('come from the inventory where flows show none', () => {
    const cron = { kind: 'CronJob', labels: labels({ app: 'backup', 'job-name': 'x' }) }
    const known = inventory({
      pods: [
        inventoryPod('web-0', {
          labels: labels({ app: 'web', 'pod-template-hash': 'a' }),
          workload: { kind: 'Deployment', name: 'web' },
        }),
        inventoryPod('agent-0', { hostNetwork: true }),
        inventoryPod('done-0', { running: false }),
        inventoryPod('bare'),
      ],
      workloads: [
        inventoryWorkload('web'),
        inventoryWorkload('scaled', { replicas: 0 }),
        inventoryWorkload('backup', cron),
        inventoryWorkload('agent', { hostNetwork: true }),
      ],
    })
    const traffic = readOut(setOf({ server: pod('bare') }), { inventory: known })
    expect(summary(traffic)).toEqual([
      'shop app=backup CronJob/backup  unseen',
      'shop app=bare Pod/bare bare seen',
      'shop app=scaled Deployment/scaled  unseen',
      'shop app=web Deployment/web web-0 seen',
    ])
    expect(traffic.classes[3]?.pods[0]).toMatchObject({
      generation: ['pod-template-hash=a'],
      resolvedBy: 'inventory',
    })
  })

  test('keep the labels that flows show where the inventory has more', () => {
    const deployment = { kind: 'Deployment', name: 'web' }
    const full = labels({ app: 'web', 'kubernetes.io/hidden': 'x' })
    const known = inventory({
      pods: [
        inventoryPod('web-0', { labels: full, workload: deployment }),
        inventoryPod('web-1', { labels: full, workload: deployment }),
        inventoryPod('api-0', { labels: labels({ app: 'api', 'kubernetes.io/hidden': 'x' }) }),
      ],
      workloads: [inventoryWorkload('web', { labels: full })],
    })
    const set = setOf({ clientPod: { name: 'web-0', generation: [] } })
    expect(summary(readOut(set, { inventory: known }))).toEqual([
      'shop app=api LabelSet/app=api  seen',
      'shop app=api,kubernetes.io/hidden=x Pod/api-0 api-0 unseen',
      'shop app=web Deployment/web web-0+web-1 seen',
    ])
  })

  test('are new ones where a pod changed its labels since', () => {
    const known = inventory({
      pods: [inventoryPod('web-0', { labels: labels({ app: 'web', version: '2' }) })],
    })
    const set = setOf({
      client: pod('web', { labels: ['app=web', 'version=1'] }),
      clientPod: { name: 'web-0', generation: [] },
    })
    expect(summary(readOut(set, { inventory: known }))).toEqual([
      'shop app=api LabelSet/app=api  seen',
      'shop app=web,version=1 Pod/web-0 web-0 seen',
      'shop app=web,version=2 Pod/web-0 web-0 unseen',
    ])
  })

  test('keep the labels that flows show where only the template is left', () => {
    const template = labels({ app: 'web', 'kubernetes.io/hidden': 'x' })
    const workloads = [inventoryWorkload('web', { labels: template })]
    const set = setOf({ clientPod: { name: 'web-7d9f8b6c5d-x2k4z', generation: [] } })
    expect(summary(readOut(set, { inventory: inventory({ workloads }) }))).toEqual([
      'shop app=api LabelSet/app=api  seen',
      'shop app=web Deployment/web web-7d9f8b6c5d-x2k4z seen',
    ])
    const renamed = [inventoryWorkload('web', { labels: labels({ app: 'shop-web' }) })]
    expect(summary(readOut(set, { inventory: inventory({ workloads: renamed }) }))).toContain(
      'shop app=shop-web Deployment/web  unseen',
    )
  })

  test('are never made of pods on their node network', () => {
    const known = inventory({ pods: [inventoryPod('agent-0', { hostNetwork: true })] })
    const set = setOf(
      { client: pod('agent'), clientPod: { name: 'agent-0', generation: [] } },
      { server: named('agent-0') },
    )
    expect(edgesOf(set, { inventory: known })).toEqual([
      'app=web -> remote-node 8080 remote-node x1',
      'remote-node -> app=api 8080 remote-node x1',
    ])
    expect(summary(readOut(set, { inventory: known }))).toHaveLength(2)
  })

  test('do not depend on the order of the inventory', () => {
    const pods = [
      inventoryPod('web-0', { labels: labels({ app: 'web', x: '1' }) }),
      inventoryPod('web-1', { labels: labels({ app: 'web', x: '1' }) }),
      inventoryPod('web-2', { labels: labels({ app: 'web', x: '1' }) }),
    ]
    const set = setOf(
      { clientPod: { name: 'web-0', generation: [] } },
      { client: pod('', { labels: ['x=1'] }), clientPod: { name: 'web-1', generation: [] } },
    )
    const forwards = readOut(set, { inventory: inventory({ pods }) })
    expect(readOut(set, { inventory: inventory({ pods: pods.toReversed() }) })).toEqual(forwards)
  })

  test('survive any label key', () => {
    const set = setOf({ client: pod('', { labels: ['__proto__=x', 'constructor='] }) })
    const { classes } = readOut(set)
    expect(classes.map((one) => labelTexts(one.labels))).toEqual([
      ['__proto__=x', 'constructor='],
      ['app=api'],
    ])
  })
})

describe('the rest of the traffic', () => {
  test('names namespaces with their labels', () => {
    const set = setOf({
      namespaces: [
        { cluster: '', namespace: 'shop', labels: ['env=a', 'kubernetes.io/metadata.name=wrong'] },
        { cluster: '', namespace: '__proto__', labels: ['env=b'] },
        { cluster: 'west', namespace: 'far', labels: ['env=c'] },
      ],
      cluster: 'east',
    })
    const known = inventory({ namespaces: [{ name: 'shop', labels: labels({ env: 'z' }) }] })
    const { namespaces } = readOut(set, { inventory: known })
    expect(Object.keys(namespaces)).toEqual(['__proto__', 'shop'])
    expect(labelTexts(namespaces['shop']!)).toEqual(['env=z', 'kubernetes.io/metadata.name=shop'])
    expect(labelTexts(readOut(set).namespaces['shop']!)).toEqual([
      'env=a',
      'kubernetes.io/metadata.name=shop',
    ])
  })

  test('names addresses, and what was folded', () => {
    const servers = [0, 1, 2].map(
      (host): Partial<Flow> => ({
        server: outside(`203.0.113.${host}`),
        names: [{ address: `203.0.113.${host}`, name: `n${host}.example` }],
      }),
    )
    const readings = [...servers, { client: outside('198.51.100.7') }].map((flow) => reading(flow))
    const traffic = readOut(aggregateOf(readings, { outsideLimit: 2 }).toSet())
    const ends = traffic.edges
      .flatMap(({ from, to }) => [from, to])
      .filter((end) => end.kind === 'address')
    expect(ends).toEqual([
      {
        kind: 'address',
        address: '203.0.113.0/31',
        labels: [],
        names: ['n0.example', 'n1.example'],
      },
      { kind: 'address', address: '203.0.113.2/31', labels: [], names: ['n2.example'] },
      { kind: 'address', address: '198.51.100.7', labels: [], names: [] },
    ])
    expect(traffic.folded).toEqual([
      { class: 1, direction: 'egress', protocol: 'TCP', port: 8080, prefixLength: 31 },
    ])
  })

  test('has window, nodes and losses', () => {
    const aggregate = aggregateOf([reading(), reading({ node: '', timeMs: baseMs + minute })])
    aggregate.add({ kind: 'lost-events', count: 3, lostSource: 'x', node: 'worker-1' })
    expect(readOut(aggregate.toSet())).toMatchObject({
      window: { firstMs: baseMs, lastMs: baseMs + minute },
      nodes: ['worker-1'],
      lost: [{ source: 'x', node: 'worker-1', events: 3 }],
      ledger: { records: 3, outcomes: { learned: 2, 'lost-events': 1 }, lostEvents: 3 },
    })
    expect(readOut(setOf()).window).toEqual({})
  })
})
