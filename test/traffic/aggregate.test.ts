import { describe, expect, test } from 'vitest'
import type { Flow } from '../../src/flow/flow.ts'
import { createAggregate } from '../../src/traffic/aggregate.ts'
import { encodeSet } from '../../src/traffic/set-document.ts'
import {
  aggregateOf,
  baseMs,
  entity,
  flow,
  named,
  outside,
  pod,
  reading,
  setOf,
} from '../support/readings.ts'

const unsure: Partial<Flow> = { certain: false, strength: 'medium' }

describe('communications', () => {
  test('are keyed by ends, protocol and port', () => {
    const { classes, communications } = setOf(
      {},
      { side: 'ingress', verdict: 'delivery' },
      { port: 9090 },
      { protocol: 'UDP' },
      { client: pod('api'), server: pod('web') },
    )
    expect(classes.map((one) => one.labels)).toEqual([['app=api'], ['app=web']])
    expect(
      communications.map(({ from, to, protocol, port }) => ({ from, to, protocol, port })),
    ).toEqual([
      { from: { class: 0 }, to: { class: 1 }, protocol: 'TCP', port: 8080 },
      { from: { class: 1 }, to: { class: 0 }, protocol: 'TCP', port: 8080 },
      { from: { class: 1 }, to: { class: 0 }, protocol: 'TCP', port: 9090 },
      { from: { class: 1 }, to: { class: 0 }, protocol: 'UDP', port: 8080 },
    ])
    expect(communications[1]?.cells.map(({ side, verdict }) => `${side} ${verdict}`)).toEqual([
      'egress verdict',
      'ingress delivery',
    ])
  })

  test('spell every kind of end', () => {
    const { communications } = setOf(
      { server: outside('203.0.113.7') },
      { server: outside('198.51.100.1', ['kube-apiserver']) },
      { server: named('db-0', { cluster: 'east', lacks: 'masked' }) },
      { server: entity('remote-node', '172.18.0.2') },
      { server: entity('host') },
    )
    expect(communications.map(({ to }) => to)).toEqual([
      { cluster: 'east', namespace: 'shop', pod: 'db-0', lacks: 'masked' },
      { address: '198.51.100.1', labels: ['kube-apiserver'] },
      { address: '203.0.113.7' },
      { entity: 'host', labels: ['host'] },
      { entity: 'remote-node', labels: ['remote-node'], address: '172.18.0.2' },
    ])
  })

  test('keep labels apart that join to the same text', () => {
    const { classes } = setOf(
      { client: pod('', { labels: ['a=1', 'b=2'] }) },
      { client: pod('', { labels: ['a=13:b=2'] }) },
      { client: pod('', { namespace: 'sh', labels: ['opa=1'] }) },
      { client: pod('', { labels: ['__proto__=x', 'constructor='] }) },
    )
    expect(classes).toHaveLength(5)
  })

  test('need a pod at one end', () => {
    const set = setOf({ client: outside('203.0.113.1'), server: entity('host', '10.0.0.1') })
    expect(set.communications).toEqual([])
    expect(set.ledger.outcomes).toEqual({ 'no-pod': 1 })
  })
})

describe('pending evidence', () => {
  test('is kept apart by what its direction hangs on', () => {
    const { communications, pending } = setOf(
      { ...unsure, clientPort: 5432, port: 40_001 },
      { ...unsure, clientPort: 5432, port: 40_002 },
      { ...unsure, clientPort: 5432, port: 8080 },
      { ...unsure, clientPort: 40_000, port: 40_001 },
    )
    expect(communications).toEqual([])
    expect(
      pending.map(({ clientPort, port, cells }) => [clientPort, port, cells[0]?.records]),
    ).toEqual([
      [5432, 0, 2],
      [5432, 8080, 1],
      [40_000, 40_001, 1],
    ])
  })

  test('of port pairs is bounded: the smallest 64 stay, the rest lose their ports', () => {
    const flows = Array.from({ length: 70 }, (_, index) => ({
      ...unsure,
      clientPort: 1000 + index,
      port: 8080,
    }))
    const { pending } = setOf(...flows.reverse())
    expect(pending).toHaveLength(65)
    expect(pending[0]).toMatchObject({ clientPort: 0, port: 0, cells: [{ records: 6 }] })
    expect(pending.slice(1).map(({ clientPort }) => clientPort)).toEqual(
      Array.from({ length: 64 }, (_, index) => 1000 + index),
    )
  })
})

describe('addresses', () => {
  test('outside are folded per class, direction, protocol, port and family', () => {
    const hosts = [0, 1, 4]
    const readings = [
      ...hosts.map((host) => reading({ server: outside(`203.0.113.${host}`) })),
      ...hosts.slice(1).map((host) => reading({ server: outside(`203.0.113.${host}`), port: 443 })),
      ...hosts.slice(1).map((host) => reading({ client: outside(`203.0.113.${host}`) })),
      reading({ server: outside('2001:db8::1') }),
    ]
    const { communications, outsideLimit } = aggregateOf(readings, { outsideLimit: 2 }).toSet()
    expect(outsideLimit).toBe(2)
    const texts = communications.map(({ from, to, port }) => {
      const end = 'address' in from ? from : to
      return `${'address' in from ? 'from' : 'to'} ${'address' in end ? end.address : ''} ${port}`
    })
    expect(texts).toEqual([
      'to 203.0.113.0/31 8080',
      'to 203.0.113.1 443',
      'to 203.0.113.4/31 8080',
      'to 203.0.113.4 443',
      'to 2001:db8::1 8080',
      'from 203.0.113.1 8080',
      'from 203.0.113.4 8080',
    ])
    expect(communications[0]?.cells[0]?.records).toBe(2)
  })

  test('of an entity are bounded: the rest lose their address', () => {
    const flows = Array.from({ length: 70 }, (_, index) => ({
      server: entity('remote-node', `172.18.0.${100 + index}`),
    }))
    const { communications } = setOf(...flows)
    expect(communications).toHaveLength(65)
    expect(communications[0]?.to).toEqual({ entity: 'remote-node', labels: ['remote-node'] })
    expect(communications[0]?.cells[0]?.records).toBe(6)
  })

  test('keep at most eight names, the smallest', () => {
    const names = [...'jihgfedcba'].map((name) => ({ address: '203.0.113.7', name }))
    expect(setOf({ names }).names).toEqual([{ address: '203.0.113.7', names: [...'abcdefgh'] }])
  })
})

describe('what else a record says', () => {
  test('pods, by class, name and generation, with the smallest workload and their times', () => {
    const seen = { name: 'web-0', generation: ['pod-template-hash=a'] }
    const { pods } = setOf(
      { clientPod: { ...seen, workload: { kind: 'ReplicaSet', name: 'web-a' } } },
      {
        clientPod: { ...seen, workload: { kind: 'Deployment', name: 'web' } },
        timeMs: baseMs + 1000,
      },
      { clientPod: seen, timeMs: baseMs - 1000 },
      { clientPod: { ...seen, generation: [] } },
    )
    expect(pods).toEqual([
      {
        class: 1,
        name: 'web-0',
        first: '2026-03-02T09:00:00.000Z',
        last: '2026-03-02T09:00:00.000Z',
      },
      {
        class: 1,
        name: 'web-0',
        generation: ['pod-template-hash=a'],
        workload: { kind: 'Deployment', name: 'web' },
        first: '2026-03-02T08:59:59.000Z',
        last: '2026-03-02T09:00:01.000Z',
      },
    ])
  })

  test('labels of namespaces: the value seen last', () => {
    const at = (timeMs: number, ...labels: string[]): Partial<Flow> => ({
      timeMs,
      namespaces: [{ cluster: '', namespace: 'shop', labels }],
    })
    const { namespaces } = setOf(at(baseMs + 1000, 'env=b'), at(baseMs, 'env=c', '__proto__=x'))
    expect(namespaces).toEqual([
      {
        cluster: '',
        name: 'shop',
        labels: [
          { label: '__proto__=x', last: '2026-03-02T09:00:00.000Z' },
          { label: 'env=b', last: '2026-03-02T09:00:01.000Z' },
        ],
      },
    ])
  })

  test('nodes, clusters and the window, of flows that are counted at once too', () => {
    const aggregate = aggregateOf([
      reading({ node: 'east/worker-1', cluster: 'east' }),
      reading({ timeMs: -62_135_596_800_000 }),
      {
        kind: 'counted',
        outcome: 'self',
        node: 'worker-2',
        cluster: 'east',
        timeMs: baseMs + 1000,
      },
      { kind: 'counted', outcome: 'malformed', node: '', cluster: '' },
    ])
    const { clusters, nodes, window, ledger } = aggregate.toSet()
    expect(clusters).toEqual([
      { name: '', records: 1 },
      { name: 'east', records: 2 },
    ])
    expect(nodes.map(({ name, records }) => [name, records])).toEqual([
      ['east/worker-1', 1],
      ['worker-1', 1],
      ['worker-2', 1],
    ])
    expect(nodes[1]).not.toHaveProperty('first')
    expect(window).toEqual({ first: '2026-03-02T09:00:00.000Z', last: '2026-03-02T09:00:01.000Z' })
    expect(ledger.outcomes).toEqual({ learned: 2, self: 1, malformed: 1 })
  })

  test('what producers lost, and which nodes were absent', () => {
    const aggregate = createAggregate()
    aggregate.add({ kind: 'lost-events', count: 5, lostSource: 'HUBBLE_RING_BUFFER', node: 'a' })
    aggregate.add({ kind: 'lost-events', count: 7, lostSource: 'HUBBLE_RING_BUFFER', node: 'a' })
    aggregate.add({
      kind: 'node-status',
      state: 'NODE_UNAVAILABLE',
      nodes: ['b', 'c', 'b'],
      message: 'm',
    })
    aggregate.add({ kind: 'node-status', state: 'NODE_CONNECTED', nodes: ['d'], message: '' })
    aggregate.count('too-long', 3)
    aggregate.count('truncated')
    const set = aggregate.toSet()
    expect(set.lost).toEqual([{ source: 'HUBBLE_RING_BUFFER', node: 'a', events: 12 }])
    expect(set.nodeStatus.map(({ node, records }) => [node, records])).toEqual([
      ['b', 1],
      ['c', 1],
      ['d', 1],
    ])
    expect(set.ledger).toEqual({
      records: 8,
      outcomes: { 'lost-events': 2, 'node-status': 2, truncated: 1, 'too-long': 3 },
      lostEvents: 12,
      unavailableNodes: ['b', 'c'],
    })
  })
})

test('a set does not change when its aggregate grows', () => {
  const aggregate = aggregateOf([reading()])
  const set = aggregate.toSet()
  const before = encodeSet(set)
  aggregate.add(reading({ uuid: 'x', timeMs: baseMs + 3_600_000, client: pod('aaa') }))
  aggregate.add({ kind: 'flow', flow: flow({ uuid: 'y', timeMs: baseMs + 3_600_000 }) })
  expect(encodeSet(set)).toBe(before)
})
