import { describe, expect, test } from 'vitest'
import { createStyle } from '../../src/report/style.ts'
import type { SummaryInput } from '../../src/report/summary.ts'
import { summaryToText } from '../../src/report/summary.ts'
import type { Finding, FindingCode, Synthesis, Widening } from '../../src/synthesis/synthesis.ts'
import { policy } from '../diff/policies.ts'
import { makeTraffic } from '../support/traffic.ts'
import { emptyDiff, emptySynthesis, exampleDiff, hostile, obeyed } from './examples.ts'

const plain = createStyle({ color: false })

const well = makeTraffic(['shop/app=web', 'shop/app=db'], [{ from: 0, to: 1, port: 5432 }])

function finding(code: FindingCode, severity: Finding['severity'], subject: string): Finding {
  return { code, severity, subject, message: 'is so', hint: 'do something' }
}

function dns(name: string): Widening {
  return {
    reason: 'dns',
    policy: `shop/${name}`,
    direction: 'egress',
    subject: `shop/${name}`,
    peer: 'kube-system/coredns',
    ports: ['53/TCP', '53/UDP'],
    size: '2 ports',
    hint: '',
  }
}

const made: Synthesis = {
  ...emptySynthesis,
  groups: [
    { id: 0, namespace: 'shop', workloads: [], classes: [0], name: 'shop/web' },
    { id: 1, namespace: 'shop', workloads: [], classes: [1], name: 'shop/db' },
  ],
  policies: [
    { policy: policy('shop/web', {}), role: 'workload', group: 0 },
    { policy: policy('shop/db', {}), role: 'workload', group: 1 },
    { policy: policy('shop/default-deny', {}), role: 'default-deny' },
  ],
}

const troubled: SummaryInput = {
  traffic: {
    ...well,
    nodes: ['node-1', 'node-2'],
    ledger: {
      records: 2210,
      outcomes: { learned: 1000, host: 1200, icmp: 10 },
      lostEvents: 1500,
      unavailableNodes: ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'],
    },
    lost: [
      { source: 'PERF_EVENT_RING_BUFFER', node: 'n1', events: 1499 },
      { source: '', node: '', events: 1 },
    ],
    folded: [
      { class: 0, direction: 'egress', protocol: 'TCP', port: 443, prefixLength: 24 },
      { class: 1, direction: 'egress', protocol: 'TCP', port: 443, prefixLength: 16 },
    ],
  },
  synthesis: {
    ...made,
    findings: [
      finding('NO_LABELS', 'action', 'shop/odd'),
      finding('INEXPRESSIBLE', 'action', 'shop/web -> kube-apiserver 6443/TCP'),
      finding('INEXPRESSIBLE', 'action', 'shop/db -> remote-node 10250/TCP'),
      finding('DEFAULT_DENY_HELD', 'action', 'namespace data'),
      { ...finding('ICMP', 'warning', 'shop/web'), hint: '' },
      finding('SUSPECT_LABEL', 'info', 'shop/db'),
    ],
    widenings: [
      dns('a'),
      dns('b'),
      dns('c'),
      dns('d'),
      dns('e'),
      {
        ...dns('a'),
        reason: 'world-ingress',
        direction: 'ingress',
        peer: 'everyone',
        size: 'every address',
      },
    ],
    heldBack: [
      { namespace: 'data', reasons: ['pod data/x was never seen'] },
      { namespace: 'ops', reasons: ['one', 'two'] },
    ],
    stale: exampleDiff.stale,
    deleted: ['shop/gone'],
  },
  diff: exampleDiff,
  notices: [
    { message: 'passed over notes.txt', location: { file: 'flows/notes.txt' } },
    { message: 'no more' },
  ],
  written: 'out',
}

describe('the closing summary', () => {
  test('is short when all is well', () => {
    const text = summaryToText(
      { traffic: well, synthesis: made, diff: emptyDiff, notices: [], written: 'out' },
      plain,
    )
    expect(`\n${text}`).toMatchInlineSnapshot(`
      "
      read 1 record over 1h (2026-03-02T09:00:00Z to 2026-03-02T10:00:00Z) from 1 node, 1 learned (1 edge)
      2 policies for 2 of 2 groups
      default deny for shop
      no difference in meaning; 1 connection unchanged
      written to out
      "
    `)
  })

  test('is one line for a recording that was learned whole', () => {
    expect(summaryToText({ traffic: well, notices: [] }, plain)).toBe(
      'read 1 record over 1h (2026-03-02T09:00:00Z to 2026-03-02T10:00:00Z) from 1 node, 1 learned (1 edge)\n',
    )
  })

  test('says what needs a decision first, and all that is not well', () => {
    expect(`\n${summaryToText(troubled, plain)}`).toMatchInlineSnapshot(`
      "
      flows/notes.txt: warning: passed over notes.txt
      warning: no more
      needs a decision (4):
        NO_LABELS shop/odd: is so
          hint: do something
        INEXPRESSIBLE shop/web -> kube-apiserver 6443/TCP; shop/db -> remote-node 10250/TCP: is so
          hint: do something
        DEFAULT_DENY_HELD namespace data: is so
          hint: do something
      read 2,210 records over 1h (2026-03-02T09:00:00Z to 2026-03-02T10:00:00Z) from 2 nodes, 1,000 learned (1 edge), 1,210 with other outcomes
        1,200  host  to or from the node of the pod itself
           10  icmp  ICMP, which NetworkPolicy cannot name
      lost 1,500 events: 1,499 at n1 PERF_EVENT_RING_BUFFER, 1
      unavailable 6 nodes: n1, n2, n3, n4, n5 and 1 more
      folded 2 address lists into prefixes, the coarsest of length 16
      2 policies for 2 of 2 groups
      default deny for shop
      default deny held back for data
      default deny held back for ops: one; two
      widened on purpose (2):
        dns: shop/a, shop/b, shop/c and 2 more policies: egress to kube-system/coredns on 53/TCP, 53/UDP (2 ports)
        world-ingress: shop/a: ingress from everyone on 53/TCP, 53/UDP (every address)
      warnings (1):
        ICMP shop/web: is so
      notes (1):
        SUSPECT_LABEL shop/db: is so
          hint: do something
      stale: 1 grant that this traffic lacks kept
      pruned: 1 stale grant
      deleted: shop/gone
      1 would break, 1 pod direction newly isolated, 1 opened, 1 needed, 1 tightened; 12,345 connections unchanged
      look first at:
        1. 1 change that would break traffic that was seen: shop/web -> shop/db on 5432/TCP
        2. 1 NO_LABELS: shop/odd
        3. 2 INEXPRESSIBLE: shop/web -> kube-apiserver 6443/TCP, and 1 more
      written to out
      "
    `)
  })

  test('copes with records without times or nodes', () => {
    const text = summaryToText({ traffic: { ...well, window: {}, nodes: [] }, notices: [] }, plain)
    expect(text).toBe('read 1 record without times, 1 learned (1 edge)\n')
  })

  test('names the losses where there is no synthesis', () => {
    const { traffic, notices } = troubled
    const text = summaryToText({ traffic, notices }, plain)
    expect(text).toContain(
      'look first at:\n  1. the recording is incomplete: 1,500 events lost, 6 nodes unavailable\n',
    )
    const quiet = { ...traffic, ledger: { ...traffic.ledger, lostEvents: 0 }, lost: [] }
    const lost = { ...traffic, ledger: { ...traffic.ledger, unavailableNodes: [] }, lost: [] }
    expect(summaryToText({ traffic: quiet, notices }, plain)).toContain('incomplete: 6 nodes')
    expect(summaryToText({ traffic: lost, notices }, plain)).toContain('lost 1,500 events\n')
  })

  test('counts what is too much to list', () => {
    const findings = Array.from({ length: 60 }, (_, index) => ({
      ...finding('ICMP', 'action', `s${index}`),
      message: `is ${index}`,
    }))
    const text = summaryToText(
      { traffic: well, synthesis: { ...made, findings }, notices: [] },
      plain,
    )
    expect(text).toContain('needs a decision (60):\n')
    expect(text).toContain('  and 10 more\n')
    expect(text).toContain('  1. 60 ICMP: s0, and 59 more\n')
  })

  test('escapes text from outside', () => {
    const text = summaryToText(
      {
        traffic: {
          ...well,
          ledger: { ...well.ledger, lostEvents: 1, unavailableNodes: [hostile] },
          lost: [{ source: hostile, node: hostile, events: 1 }],
        },
        synthesis: {
          ...made,
          findings: [
            {
              code: hostile as FindingCode,
              severity: 'action',
              subject: hostile,
              message: hostile,
              hint: hostile,
            },
          ],
          widenings: [{ ...dns('a'), peer: hostile, policy: hostile, size: hostile }],
          heldBack: [{ namespace: hostile, reasons: [hostile] }],
          deleted: [hostile],
        },
        notices: [{ message: hostile, location: { file: hostile } }],
        written: hostile,
      },
      plain,
    )
    expect(text).not.toMatch(obeyed)
  })
})
