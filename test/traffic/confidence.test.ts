import { describe, expect, test } from 'vitest'
import { blockMs } from '../../src/traffic/communication-set.ts'
import type { ConfidenceInput } from '../../src/traffic/confidence.ts'
import { confidenceOf, isAtLeast } from '../../src/traffic/confidence.ts'
import type { Inventory } from '../../src/traffic/inventory.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'

const start = Date.UTC(2026, 2, 2)
const first = start / blockMs
const dayBlocks = 288

/** Blocks of some days, `perDay` each, over the whole day: of at most 144 none is adjacent to the next. */
function daily(days: number, perDay: number): readonly (readonly [number, number])[] {
  return Array.from({ length: days }, (_, day) =>
    Array.from({ length: perDay }, (__, index): readonly [number, number] => {
      const block = first + day * dayBlocks + Math.round((index * dayBlocks) / perDay)
      return [block, block]
    }),
  ).flat()
}

const web = {
  of: 'shop/app=web',
  pods: [{ name: 'web-5d9c7bd6f4-abcde' }, { name: 'web-7f6d5c4b3a-fghij' }],
}
const db = { of: 'shop/app=db', kind: 'StatefulSet', pods: [{ name: 'db-0' }] }

function confidence(
  edges: readonly EdgeSpec[],
  days: number,
  more: Partial<ConfidenceInput> = {},
  lostEvents = 0,
) {
  const traffic = makeTraffic([web, db], edges, {
    window: { firstMs: start, lastMs: start + days * 86_400_000 - 1 },
  })
  const groups = ['web', 'db'].map((name, id) => ({
    name: `shop/${name}`,
    namespace: 'shop',
    classes: [id],
  }))
  const ledger = { ...traffic.ledger, records: 100, lostEvents }
  return confidenceOf({ traffic: { ...traffic, ledger }, groups, ...more })
}

const edge = (blocks: readonly (readonly [number, number])[], port = 5432): EdgeSpec => ({
  from: 0,
  to: 1,
  port,
  evidence: { blocks },
})

describe('verdicts', () => {
  test('two weeks of steady traffic and a rollout are ready', () => {
    const { groups, days, verdicts } = confidence([edge(daily(14, 100))], 14)
    expect(days).toBe(14)
    expect(verdicts).toEqual({ insufficient: 0, watching: 0, ready: 2 })
    expect(groups[0]).toMatchObject({
      group: 'shop/web',
      verdict: 'ready',
      moreDays: 0,
      gaps: [],
      starts: 1,
      egress: {
        edges: 1,
        events: 1400,
        once: 0,
        singleDayEdges: 0,
        lastNewEdge: '2026-03-02T00:00:00.000Z',
      },
    })
    expect(groups[0]?.egress.nextConnection).toEqual({
      estimate: 0,
      upper: 0.00214,
      upperWithLosses: 0.00214,
    })
    expect(groups[0]?.egress.newEdgeTomorrow.upper).toBeCloseTo(1 - Math.exp(-2.9957 / 14), 4)
  })

  test('a direction without traffic is judged by its days', () => {
    const { groups } = confidence([edge(daily(14, 100))], 14)
    expect(groups[0]?.ingress).toMatchObject({ events: 0, nextConnection: { upper: 1 } })
    expect(groups[0]?.ingress.newEdgeTomorrow.upper).toBeLessThan(0.2)
  })

  test('nine days are too few, and it says how many are missing', () => {
    const { groups } = confidence([edge(daily(9, 100))], 9)
    expect(groups[0]).toMatchObject({ verdict: 'watching', gaps: ['new-edge'], moreDays: 5 })
  })

  test('an edge of one day alone makes tomorrow uncertain', () => {
    const { groups } = confidence([edge(daily(14, 100)), edge(daily(1, 3), 80)], 14)
    expect(groups[0]).toMatchObject({ verdict: 'watching', egress: { singleDayEdges: 1 } })
    expect(groups[0]?.moreDays).toBeGreaterThan(6)
  })

  test('few events conclude nothing', () => {
    const { groups } = confidence([edge(daily(14, 2))], 14)
    expect(groups[0]).toMatchObject({ verdict: 'insufficient', egress: { events: 28 } })
    expect(groups[0]?.gaps).toContain('events')
  })

  test('minutes conclude nothing', () => {
    const { groups, days } = confidence([edge([[first, first + 2]])], 0.01)
    expect(days).toBe(0)
    expect(groups.every(({ verdict }) => verdict === 'insufficient')).toBe(true)
    expect(groups[0]?.moreDays).toBeGreaterThanOrEqual(7)
  })

  test('days without any traffic are not watched', () => {
    const gap = [...daily(3, 50), ...daily(14, 50).filter(([block]) => block > first + 10 * 288)]
    expect(confidence([edge(gap)], 14).days).toBe(7)
  })

  test('ten minutes of every day are no days', () => {
    const glimpses = Array.from({ length: 30 }, (_, day): readonly [number, number] => {
      const block = first + day * dayBlocks
      return [block, block + 1]
    })
    const seen = Array.from({ length: 60 }, (_, port) => edge(glimpses, port + 1))
    const { groups, days } = confidence(seen, 30)
    expect(days).toBe(1)
    expect(groups[0]).toMatchObject({ verdict: 'watching', egress: { events: 1800 } })
    expect(groups[0]?.gaps).toEqual(['new-edge', 'days'])
    expect(groups[0]?.egress.newEdgeTomorrow.upper).toBeCloseTo(0.95, 4)
  })

  test('one record of long ago does not stretch the forecast', () => {
    const stray: readonly [number, number] = [first - 3000 * dayBlocks, first - 3000 * dayBlocks]
    const traffic = makeTraffic([web, db], [edge([stray, ...daily(5, 100)])], {
      window: { firstMs: start - 3000 * 86_400_000, lastMs: start + 5 * 86_400_000 - 1 },
    })
    const groups = [{ name: 'web', namespace: 'shop', classes: [0] }]
    const [found] = confidenceOf({ traffic, groups }).groups
    expect(found?.moreDays).toBeLessThanOrEqual(10)
  })

  test('a rollout that the inventory alone shows was not seen', () => {
    const [running] = makeTraffic([web], []).classes
    if (running === undefined) throw new Error('a class was made')
    const [old, next] = running.pods
    if (old === undefined || next === undefined) throw new Error('it has two pods')
    const traffic = makeTraffic([web, db], [edge(daily(14, 100))])
    const later = { ...running, pods: [old, { ...next, unseen: true as const }] }
    const { groups } = confidenceOf({
      traffic: { ...traffic, classes: [later, ...traffic.classes.slice(1)] },
      groups: [{ name: 'web', namespace: 'shop', classes: [0] }],
    })
    expect(groups[0]).toMatchObject({ starts: 0 })
  })

  test('addresses outside are one peer where every one is let in', () => {
    const clients = Array.from(
      { length: 20 },
      (_, index): EdgeSpec => ({
        from: `203.0.113.${index}`,
        to: 0,
        port: 443,
        evidence: { blocks: daily(14, 100).slice(index * 10, index * 10 + 1) },
      }),
    )
    const each = confidence(clients, 14).groups[0]?.ingress
    expect(each).toMatchObject({ edges: 20, once: 20 })
    const isOpen: NonNullable<ConfidenceInput['isOpen']> = (group, direction, { port }) =>
      group === 0 && direction === 'ingress' && port === 443
    const all = confidence(clients, 14, { isOpen }).groups[0]?.ingress
    expect(all).toMatchObject({ edges: 1, once: 0, events: 20 })
  })

  test('without a rollout a Deployment is not ready, and what shows none is listed', () => {
    const single = { ...web, pods: web.pods.slice(0, 1) }
    const traffic = makeTraffic([single, db], [edge(daily(14, 100))], {
      window: { firstMs: start, lastMs: start + 14 * 86_400_000 },
    })
    const groups = ['web', 'db'].map((name, id) => ({ name, namespace: 'shop', classes: [id] }))
    const result = confidenceOf({ traffic, groups })
    expect(result.groups.map(({ verdict, gaps }) => [verdict, gaps])).toEqual([
      ['watching', ['start']],
      ['ready', []],
    ])
    expect(result.unseen.rollouts).toEqual(['web', 'db'])
  })

  test('have an order', () => {
    expect(isAtLeast('ready', 'watching')).toBe(true)
    expect(isAtLeast('insufficient', 'watching')).toBe(false)
  })
})

describe('figures', () => {
  test('a burst that crosses a block boundary is one event', () => {
    const { groups } = confidence([edge([[first, first + 1]])], 1)
    expect(groups[0]?.egress).toMatchObject({ events: 1, once: 1 })
  })

  test('what was lost counts as new in the worst case', () => {
    const { groups, lost } = confidence([edge(daily(14, 100))], 14, {}, 100)
    expect(lost).toBe(0.5)
    expect(groups[0]?.egress.nextConnection.upperWithLosses).toBeCloseTo(0.50107, 5)
  })

  test('the hold-out counts what is new in the last third', () => {
    const late = [...Array(10).keys()].map((index): readonly [number, number] => {
      const block = first + 13 * dayBlocks + 250 + index * 2
      return [block, block]
    })
    const { groups } = confidence([edge(daily(14, 10)), edge(late, 80)], 14)
    const { holdOut } = groups[0]!.egress
    expect(holdOut.events).toBe(50)
    expect(holdOut.unseen).toBe(10)
    expect(holdOut.upper).toBeGreaterThan(10 / 50)
  })

  test('edges of several classes to one group are one edge', () => {
    const traffic = makeTraffic(
      ['shop/app=web,v=1', 'shop/app=web,v=2', 'shop/app=db'],
      [
        { from: 0, to: 2, port: 1, evidence: { blocks: [[first, first]] } },
        { from: 1, to: 2, port: 1, evidence: { blocks: [[first + 4, first + 4]] } },
        { from: 1, to: 2, port: 2, outcome: 'denied', evidence: { blocks: [[first, first]] } },
        { from: 0, to: 'entity:host', port: 9, evidence: { blocks: [[first, first]] } },
      ],
    )
    const groups = [
      { name: 'shop/web', namespace: 'shop', classes: [0, 1] },
      { name: 'shop/db', namespace: 'shop', classes: [2] },
    ]
    const [one, two] = confidenceOf({ traffic, groups }).groups
    expect(one?.egress).toMatchObject({ edges: 2, events: 3, once: 1, twice: 1 })
    expect(two?.ingress).toMatchObject({ edges: 1, events: 2 })
    const judged = new Set(['shop/db'])
    expect(confidenceOf({ traffic, groups, judged }).groups.map(({ group }) => group)).toEqual([
      'shop/db',
    ])
  })
})

test('names what was never seen', () => {
  const workload = { labels: {}, hostNetwork: false, ports: [], probePorts: [], namespace: 'shop' }
  const pod = {
    namespace: 'shop',
    labels: {},
    hostNetwork: false,
    addresses: [],
    ports: [],
    probePorts: [],
    running: true,
  }
  const inventory: Inventory = {
    pods: [
      { ...pod, name: 'web-5d9c7bd6f4-abcde' },
      { ...pod, name: 'web-other', workload: { kind: 'Deployment', name: 'web' } },
      { ...pod, name: 'debug' },
      { ...pod, name: 'gone', running: false },
    ],
    workloads: [
      { ...workload, kind: 'CronJob', name: 'report', schedule: '0 3 1 * *' },
      { ...workload, kind: 'CronJob', name: 'sweep' },
      { ...workload, kind: 'Deployment', name: 'idle' },
      { ...workload, kind: 'Deployment', name: 'off', replicas: 0 },
      { ...workload, kind: 'Deployment', name: 'web' },
    ],
    namespaces: [],
    services: [],
    nodes: [],
    apiServerBackends: [],
    has: { pods: true, workloads: true, services: false },
  }
  const { unseen } = confidence([edge(daily(1, 2))], 1, { inventory })
  expect(unseen).toEqual({
    cronJobs: ['shop/report (0 3 1 * *)', 'shop/sweep'],
    pods: ['shop/debug'],
    workloads: ['shop/idle (Deployment)'],
    rollouts: ['shop/db'],
  })
})
