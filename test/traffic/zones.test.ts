import { describe, expect, test } from 'vitest'
import type { Edge } from '../../src/traffic/traffic.ts'
import type { Approval, ZoneInput } from '../../src/traffic/zone-report.ts'
import { unapprovedOf, zoneReportOf } from '../../src/traffic/zone-report.ts'
import type { ZoneRule, ZoneRules } from '../../src/traffic/zones.ts'
import { createZoneOf } from '../../src/traffic/zones.ts'
import { makeTraffic } from '../support/traffic.ts'

const zone = (name: string, rest: Partial<ZoneRule>): ZoneRule => ({
  name,
  namespaces: [],
  workloads: [],
  addresses: [],
  ...rest,
})

const traffic = makeTraffic(
  ['shop/app=web', 'shop/app=cart,data=phi', 'patients/app=db', 'lab/app=x,zone=test', 'lab/app=y'],
  [
    { from: 0, to: 2, port: 5432, evidence: { flows: 3, lastMs: Date.UTC(2026, 2, 2, 9) } },
    { from: 0, to: 1, port: 8443 },
    { from: 1, to: 2, port: 5432, evidence: { encrypted: 2, authenticated: 1 } },
    { from: 0, to: '203.0.113.7', port: 443 },
    { from: 0, to: '203.0.113.8', port: 443 },
    { from: 0, to: '198.51.100.9', port: 443 },
    { from: 'entity:host', to: 2, port: 8080 },
    { from: 2, to: 'entity:kube-apiserver', port: 6443 },
    { from: 0, to: 2, port: 22, outcome: 'denied' },
  ],
  { namespaces: { lab: { zone: 'lab' }, shop: { zone: '' } } },
)

const rules: ZoneRules = {
  label: 'zone',
  fallback: 'internal',
  zones: [
    zone('phi', { labels: { data: 'phi' }, namespaces: ['patients'] }),
    zone('partners', { addresses: ['198.51.100.0/24', '2001:db8::/32'] }),
    zone('front', { workloads: ['shop/web'] }),
  ],
}

describe('the zone of an end', () => {
  const zoneOf = createZoneOf(traffic, rules)
  const address = (text: string) =>
    zoneOf({ kind: 'address', address: text, labels: [], names: [] })

  test('is that of the first rule, else of the label of the pod, else of its namespace, else the default', () => {
    const of = (id: number) => zoneOf({ kind: 'class', class: id })
    expect([0, 1, 2, 3, 4].map(of)).toEqual(['front', 'phi', 'phi', 'test', 'lab'])
    const plain = createZoneOf(traffic, { zones: [] })
    expect(plain({ kind: 'class', class: 0 })).toBe('unclassified')
    expect(plain({ kind: 'class', class: 99 })).toBe('unclassified')
  })

  test('goes by prefixes outside', () => {
    expect(address('198.51.100.9')).toBe('partners')
    expect(address('198.51.100.0/25')).toBe('partners')
    expect(address('198.51.0.0/16')).toBe('outside')
    expect(address('2001:db8::1')).toBe('partners')
    expect(address('203.0.113.1')).toBe('outside')
    expect(address('nonsense')).toBe('outside')
  })

  test('of entities, pods without labels and other clusters is known too', () => {
    expect(zoneOf({ kind: 'entity', entity: 'host', labels: [], addresses: [] })).toBe('platform')
    expect(zoneOf({ kind: 'unresolved', namespace: 'patients', pod: 'db-0' })).toBe('phi')
    expect(zoneOf({ kind: 'unresolved', namespace: 'x', pod: 'y' })).toBe('internal')
    expect(zoneOf({ kind: 'unresolved', namespace: 'lab', pod: 'y' })).toBe('lab')
    const remote = { kind: 'remote', cluster: 'b', namespace: 'n', labels: {} } as const
    expect(zoneOf(remote)).toBe('outside')
  })
})

const approval = (rest: Partial<Approval>): Approval => ({
  from: 'front',
  to: 'phi',
  ports: [],
  approvedBy: 'jane',
  reason: 'because',
  untilMs: Date.UTC(2026, 11, 31),
  at: 'approvals.yaml:4',
  ...rest,
})

const report = (rest: Partial<ZoneInput> = {}) => zoneReportOf({ traffic, rules, ...rest })

describe('what crosses', () => {
  test('is every pair of ends in two zones, with addresses of a zone as one end', () => {
    const { crossings, matrix, zones, asOf } = report()
    expect(crossings.map(({ from, to, port, edges }) => `${from} ${to} ${port} ${edges}`)).toEqual([
      'shop/web addresses 443/TCP 2',
      'shop/web addresses 443/TCP 1',
      'shop/web patients/db 5432/TCP 1',
      'shop/web shop/cart 8443/TCP 1',
      'patients/db kube-apiserver 6443/TCP 1',
    ])
    expect(crossings[0]).toMatchObject({ toZone: 'outside', addresses: 2, state: 'unapproved' })
    expect(crossings[2]).toMatchObject({ clearText: 'PostgreSQL', flows: 3 })
    expect(crossings[2]?.last).toBe('2026-03-02T09:00:00.000Z')
    expect(matrix.find(({ from, to }) => from === 'front' && to === 'phi')).toEqual({
      from: 'front',
      to: 'phi',
      edges: 2,
      flows: 4,
      crossings: 2,
      unapproved: 2,
      clearText: 1,
    })
    expect(matrix.find(({ from, to }) => from === 'phi' && to === 'phi')).toMatchObject({
      edges: 1,
      crossings: 0,
    })
    expect(zones.map(({ name }) => name)).toEqual([
      'phi',
      'partners',
      'front',
      'lab',
      'test',
      'outside',
      'platform',
    ])
    expect(zones[0]?.workloads).toEqual(['patients/db', 'shop/cart'])
    expect(asOf).toBe('2026-03-02T10:00:00.000Z')
  })

  test('is no clear text where it was seen encrypted', () => {
    const all = { namespaces: ['shop'], workloads: [], addresses: [] }
    const { crossings } = report({ rules: { zones: [{ name: 'a', ...all }] } })
    const [db] = crossings.filter(({ from, port }) => from === 'shop/cart' && port === '5432/TCP')
    expect(db).toMatchObject({ encrypted: 2, authenticated: 1, clearText: 'PostgreSQL' })
    const cell = report({ rules: { zones: [{ name: 'a', ...all }] } }).matrix.find(
      ({ from, to }) => from === 'a' && to === 'unclassified',
    )
    expect(cell).toMatchObject({ crossings: 2, clearText: 1 })
  })
})

test('ICMP that passed crosses, by its type; what only answers does not', () => {
  const pinged = makeTraffic(
    ['shop/app=web', 'patients/app=db'],
    [
      { from: 0, to: 1, port: 8, protocol: 'ICMPv4', outcome: 'icmp' },
      { from: 0, to: 1, port: 3, protocol: 'ICMPv4', outcome: 'icmp' },
    ],
  )
  const { crossings } = report({
    traffic: pinged,
    approvals: [approval({ from: '*', ports: ['8/ICMPv4'] })],
  })
  expect(crossings.map(({ port, state }) => [port, state])).toEqual([['8/ICMPv4', 'approved']])
})

test('what a zone names and nothing meets is said', () => {
  const named = {
    ...rules,
    zones: [
      zone('phi', {
        namespaces: ['patients', 'patient'],
        workloads: ['shop/web', 'shop/wep'],
        labels: { data: 'hpi' },
      }),
      zone('partners', { addresses: ['192.0.2.1/32'] }),
    ],
  }
  const { zones } = report({ rules: named })
  expect(zones.map(({ name, unmet }) => [name, unmet]).slice(0, 2)).toEqual([
    ['phi', ['namespace patient', 'workload shop/wep', 'labels data=hpi']],
    ['partners', undefined],
  ])
})

describe('approvals', () => {
  test.each<[string, Partial<Approval>, boolean]>([
    ['of the two zones', {}, true],
    ['of any zone', { from: '*', to: '*' }, true],
    ['the other way round', { from: 'phi', to: 'front' }, false],
    ['of the port', { ports: ['5432/TCP'] }, true],
    ['of another port', { ports: ['5432/UDP'] }, false],
    ['of the workloads', { source: 'shop/web', destination: 'patients/db' }, true],
    ['of the namespaces', { source: 'shop', destination: 'patients' }, true],
    ['of another workload', { source: 'shop/cart' }, false],
  ])('%s', (_name, rest, isApproved) => {
    const { crossings, approvals } = report({ approvals: [approval(rest)] })
    const crossing = crossings.find(({ port }) => port === '5432/TCP')
    expect(crossing?.state).toBe(isApproved ? 'approved' : 'unapproved')
    expect(crossing?.approval).toBe(isApproved ? 0 : undefined)
    expect(approvals[0]?.state).toBe(isApproved ? 'used' : 'unused')
  })

  test('are worth nothing when they are over, and the one that is not counts', () => {
    const over = approval({ untilMs: Date.UTC(2026, 1, 1), at: 'old:1' })
    const { crossings, approvals } = report({ approvals: [over] })
    expect(crossings.find(({ port }) => port === '5432/TCP')).toMatchObject({
      state: 'expired',
      approval: 0,
    })
    expect(approvals[0]).toMatchObject({ state: 'expired', until: '2026-02-01T00:00:00.000Z' })
    const both = report({ approvals: [over, approval({})] })
    expect(both.crossings.find(({ port }) => port === '5432/TCP')).toMatchObject({
      state: 'approved',
      approval: 1,
    })
    expect(unapprovedOf(both).every(({ toZone }) => toZone !== 'phi')).toBe(true)
    const later = report({ approvals: [approval({})], asOfMs: Date.UTC(2027, 0, 1) })
    expect(later.crossings.filter(({ state }) => state === 'expired')).toHaveLength(2)
  })

  test('of one workload are none of another that nothing tells from it', () => {
    const twins = makeTraffic(['shop/app=web', 'patients/app=db'], [{ from: 0, to: 1, port: 5432 }])
    const [web, db] = twins.classes
    if (web === undefined || db === undefined) throw new Error('two classes were made')
    const both = {
      ...web,
      workloads: ['web', 'intruder'].map((name) => ({ kind: 'Deployment', name })),
    }
    const input = { traffic: { ...twins, classes: [both, db] } }
    const rest = { from: '*', to: 'phi' }
    const stateOf = (source: string) =>
      report({ ...input, approvals: [approval({ ...rest, source })] }).crossings[0]?.state
    expect(['shop/web', 'shop/intruder', 'shop'].map(stateOf)).toEqual([
      'unapproved',
      'unapproved',
      'approved',
    ])
  })

  test('of a namespace are for its pods whose labels nobody knows, too', () => {
    const unknown = { kind: 'unresolved', namespace: 'shop', pod: 'x' } as const
    const [edge] = makeTraffic(
      ['shop/app=web', 'patients/app=db'],
      [{ from: 0, to: 1, port: 80 }],
    ).edges
    if (edge === undefined) throw new Error('an edge was made')
    const lost = {
      ...traffic,
      edges: [{ ...edge, from: unknown, to: { kind: 'class', class: 2 } as const }],
    }
    const stateOf = (source: string) =>
      report({ traffic: lost, approvals: [approval({ from: '*', source })] }).crossings[0]?.state
    expect(['shop', 'shop/web', 'lab'].map(stateOf)).toEqual([
      'approved',
      'unapproved',
      'unapproved',
    ])
  })

  test('expire after their last millisecond', () => {
    const untilMs = Date.UTC(2026, 2, 2, 9)
    const stateAt = (asOfMs: number) =>
      report({ approvals: [approval({ untilMs })], asOfMs }).approvals[0]?.state
    expect([untilMs, untilMs + 1].map(stateAt)).toEqual(['used', 'expired'])
  })

  test('do not depend on the order of edges', () => {
    const turned = { ...traffic, edges: traffic.edges.toReversed() as readonly Edge[] }
    const approvals = [approval({})]
    expect(report({ traffic: turned, approvals })).toEqual(report({ approvals }))
  })
})
