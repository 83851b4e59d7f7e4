import { expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import { trafficToText } from '../../src/report/set-text.ts'
import { createStyle } from '../../src/report/style.ts'
import type { Traffic } from '../../src/traffic/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'
import { hostile, obeyed } from './examples.ts'

const plain = createStyle({ color: false })

const base = makeTraffic(
  ['shop/app=web,version=1', 'shop/app=web,version=2', 'shop/app=db'],
  [
    {
      from: 0,
      to: 2,
      port: 5432,
      evidence: { flows: 1234, strong: 1000, medium: 34, reply: 200, ingress: false },
    },
    { from: 1, to: 2, port: 5432, evidence: { egress: false, ingress: false } },
    { from: 2, to: '203.0.113.7', port: 443 },
    { from: 'entity:host', to: 0, port: 9090 },
    { from: 0, to: 1, port: 8, protocol: 'ICMPv4', outcome: 'icmp' },
  ],
)
const [first, second, third, fourth, fifth] = base.edges
const traffic: Traffic = {
  ...base,
  edges: [
    first!,
    second!,
    {
      ...third!,
      to: {
        kind: 'address',
        address: '203.0.113.7',
        labels: [],
        names: ['a.example', 'b.example', 'c.example'],
      },
    },
    { ...third!, to: { kind: 'address', address: '192.0.2.1', labels: [], names: ['d.example'] } },
    fourth!,
    fifth!,
    {
      ...fourth!,
      outcome: 'unresolved',
      to: { kind: 'unresolved', namespace: 'shop', pod: 'x-1' },
    },
    {
      ...fourth!,
      outcome: 'remote-cluster',
      to: { kind: 'remote', cluster: 'b', namespace: 'shop', labels: toLabels([['app', 'x']]) },
    },
  ],
  ledger: {
    records: 1250,
    outcomes: {
      learned: 1236,
      host: 1,
      icmp: 1,
      unresolved: 1,
      'remote-cluster': 1,
      malformed: 10,
    },
    lostEvents: 0,
    unavailableNodes: [],
  },
}

test('the communication set as a table, learned edges first', () => {
  expect(`\n${trafficToText(traffic, plain)}`).toMatchInlineSnapshot(`
    "
    4 learned edges among 3 classes, 2026-03-02T09:00:00Z to 2026-03-02T10:00:00Z (1h)
    SOURCE                        DESTINATION                              PORT      FLOWS  FIRST SEEN            LAST SEEN             NEW/ESTABLISHED/REPLIES  SIDES
    shop/web {app=web,version=1}  shop/db                                  5432/TCP  1,234  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1,000/34/200             egress
    shop/web {app=web,version=2}  shop/db                                  5432/TCP      1  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1/0/0                    -
    shop/db                       203.0.113.7 (a.example, b.example, ...)  443/TCP       1  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1/0/0                    egress+ingress
    shop/db                       192.0.2.1 (d.example)                    443/TCP       1  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1/0/0                    egress+ingress

    icmp: ICMP, which NetworkPolicy cannot name (1 record)
      pings to isolated pods may stop: check that nothing depends on them
    SOURCE                        DESTINATION                   PORT      FLOWS  FIRST SEEN            LAST SEEN             NEW/ESTABLISHED/REPLIES  SIDES
    shop/web {app=web,version=1}  shop/web {app=web,version=2}  8/ICMPv4      1  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1/0/0                    egress+ingress

    host: to or from the node of the pod itself (1 record)
      nodes reach their own pods; give --inventory so that probes are told apart
    SOURCE  DESTINATION                   PORT      FLOWS  FIRST SEEN            LAST SEEN             NEW/ESTABLISHED/REPLIES  SIDES
    host    shop/web {app=web,version=1}  9090/TCP      1  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1/0/0                    egress+ingress

    remote-cluster: an end in another cluster (1 record)
      no NetworkPolicy of this cluster is written for it: see --on-inexpressible
    SOURCE  DESTINATION     PORT      FLOWS  FIRST SEEN            LAST SEEN             NEW/ESTABLISHED/REPLIES  SIDES
    host    b:shop {app=x}  9090/TCP      1  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1/0/0                    egress+ingress

    unresolved: a pod whose labels nobody knows (1 record)
      give --inventory with the pods, or record for longer
    SOURCE  DESTINATION                PORT      FLOWS  FIRST SEEN            LAST SEEN             NEW/ESTABLISHED/REPLIES  SIDES
    host    shop/x-1 (labels unknown)  9090/TCP      1  2026-03-02T09:00:00Z  2026-03-02T09:00:00Z  1/0/0                    egress+ingress

    malformed: no record that can be read (10 records)
      run again with --strict to see the first one
    "
  `)
})

test('nothing learned, and nothing with a time', () => {
  expect(trafficToText({ ...makeTraffic([], []), window: {} }, plain)).toBe(
    '0 learned edges among 0 classes\n',
  )
  const { firstMs: _first, lastMs: _last, ...evidence } = first!.evidence
  const text = trafficToText({ ...base, edges: [{ ...first!, evidence }] }, plain)
  expect(text.split('\n')[2]).toMatch(/1,234 {2}- +- +1,000\/34\/200 +egress$/)
})

test('text from outside is escaped', () => {
  const [web, ...others] = base.classes
  const text = trafficToText(
    {
      ...base,
      classes: [
        { ...web!, namespace: hostile, workloads: [{ kind: 'Pod', name: hostile }] },
        ...others,
      ],
    },
    plain,
  )
  expect(text).not.toMatch(obeyed)
  expect(text).toContain('\\u001b[31mred')
})

test('a class without a workload, and one that is not there, still have a name', () => {
  const [web, ...others] = base.classes
  const text = trafficToText(
    {
      ...base,
      classes: [{ ...web!, workloads: [] }, ...others],
      edges: [first!, { ...first!, from: { kind: 'class', class: 99 } }],
    },
    plain,
  )
  expect(text).toContain('shop/unnamed ')
  expect(text).toContain('class 99 ')
})
