/** A small diff, and text that wants to be more than text. */
import type { PolicyDiff } from '../../src/diff/policy-diff.ts'
import type { Synthesis } from '../../src/synthesis/synthesis.ts'
import { confidenceOf } from '../../src/traffic/confidence.ts'
import { makeTraffic } from '../support/traffic.ts'

/** What a label may hold if nobody stops it: escape sequences, bidi overrides, HTML, Markdown, mentions, newlines. */
export const hostile =
  '\u001b[31mred\u001b]8;;http://evil.example\u0007\u202egpj.exe\r\n</details><script>|`x`@team #1 [a](b) \u{e0041}\ud800'

export const exampleDiff: PolicyDiff = {
  apiVersion: 'netweir/v1',
  kind: 'PolicyDiff',
  same: false,
  changes: [
    {
      id: '0123456789ab',
      section: 'breaks',
      effect: 'narrows',
      from: 'shop/web',
      to: 'shop/db',
      ports: ['5432/TCP'],
      old: [{ policy: 'shop/db', at: 'policies/db.yaml:10' }],
      new: [{ policy: 'shop/db-next' }],
      evidence: {
        flows: 1200,
        first: '2026-03-02T09:00:00.000Z',
        last: '2026-03-02T10:00:00.000Z',
      },
      message: 'shop/web would no longer reach shop/db on 5432/TCP, which was seen',
    },
    {
      id: '1123456789ab',
      section: 'isolation',
      effect: 'narrows',
      from: 'everyone',
      to: 'shop/db',
      ports: ['ingress'],
      old: [],
      new: [{ policy: 'shop/db-next' }],
      message:
        'shop/db becomes isolated for ingress; nothing stays allowed; closed without having been seen: 8 connections',
    },
    {
      id: '2123456789ab',
      section: 'opens',
      effect: 'widens',
      from: 'shop/web, shop/api',
      to: 'everyone outside',
      ports: ['443/TCP', '8000-8100/UDP'],
      old: [{ policy: 'shop/a' }, { policy: 'shop/b' }, { policy: 'shop/c' }],
      new: ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ policy: `shop/${name}` })),
      message: 'shop/web, shop/api would reach everyone outside on 443/TCP, which was never seen',
    },
    {
      id: '3123456789ab',
      section: 'needed',
      effect: 'widens',
      from: 'shop/api',
      to: 'shop/db',
      ports: ['5432/TCP'],
      old: [],
      new: [],
      evidence: { flows: 1 },
      message: 'shop/api would reach shop/db on 5432/TCP, which was seen',
    },
    {
      id: '4123456789ab',
      section: 'tightens',
      effect: 'narrows',
      from: 'everyone',
      to: 'shop/web',
      ports: ['all ports'],
      old: [],
      new: [],
      message: 'everyone would no longer reach shop/web on all ports, which was never seen',
    },
  ],
  unchanged: 12_345,
  objects: [
    { policy: 'shop/db', action: 'deleted', at: 'policies/db.yaml:1', rules: [] },
    { policy: 'shop/db-next', action: 'created', rules: [] },
    {
      policy: 'shop/web',
      action: 'changed',
      at: 'policies/web.yaml:1',
      rules: ['policyTypes:', '- - Ingress', '+ - Egress'],
    },
    { policy: 'shop/api', action: 'unchanged', rules: [] },
  ],
  stale: [
    { policy: 'shop/web', direction: 'egress', peer: 'shop/old', ports: ['80/TCP'], kept: true },
    { policy: 'shop/web', direction: 'ingress', peer: 'shop/gone', ports: ['81/TCP'], kept: false },
  ],
  notCompared: ['CiliumNetworkPolicy shop/l7'],
}

export const emptyDiff: PolicyDiff = {
  apiVersion: 'netweir/v1',
  kind: 'PolicyDiff',
  same: true,
  changes: [],
  unchanged: 1,
  objects: [],
  stale: [],
  notCompared: [],
}

/** The example with hostile text wherever text can come from outside. */
export const hostileDiff: PolicyDiff = {
  ...exampleDiff,
  changes: exampleDiff.changes.map((change) => ({
    ...change,
    from: hostile,
    to: hostile,
    ports: [hostile],
    message: hostile,
    old: [{ policy: hostile, at: hostile }],
    new: [{ policy: hostile }],
  })),
  objects: [{ policy: hostile, action: 'changed', at: hostile, rules: [`+ ${hostile}`] }],
  stale: [{ policy: hostile, direction: 'egress', peer: hostile, ports: [hostile], kept: true }],
  notCompared: [hostile],
}

export const emptySynthesis: Synthesis = {
  policies: [],
  groups: [],
  grants: [],
  widenings: [],
  findings: [],
  stale: [],
  deleted: [],
  heldBack: [],
  confidence: confidenceOf({ traffic: makeTraffic([], []), groups: [] }),
  selected: [],
  obligations: [],
  subjects: [],
}

/** Characters that a terminal or a reader's eye obeys, beside the newline that ends a line. */
export const obeyed: RegExp = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
