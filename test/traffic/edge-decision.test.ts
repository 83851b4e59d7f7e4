import { describe, expect, test } from 'vitest'
import type { Cell } from '../../src/traffic/cell-numbers.ts'
import type { Decision, LearnChoices } from '../../src/traffic/edge-decision.ts'
import { decideEdge, outcomeOfCell } from '../../src/traffic/edge-decision.ts'
import { baseMs } from '../support/readings.ts'

/** A counter `side verdict strength @minute`; without a minute it has no time. */
function cell(text: string): Cell {
  const [side, verdict, strength, at] = text.split(' ')
  const lastMs = at === undefined ? Number.NEGATIVE_INFINITY : baseMs + Number(at.slice(1)) * 60_000
  return { side, verdict, strength, records: 1, flows: 1, firstMs: lastMs, lastMs } as Cell
}

function decide(cells: readonly string[], choices: LearnChoices = {}): Decision {
  return decideEdge(cells.map(cell), choices)
}

describe('what passed', () => {
  test.each<[string, string[], Decision['passed']]>([
    ['undisputed', ['egress verdict strong @0'], 'learned'],
    [
      'denied on the other side',
      ['egress verdict strong @9', 'ingress denied strong @0'],
      'conflict',
    ],
    [
      'denied on the same side, before',
      ['ingress denied strong @0', 'ingress verdict strong @9'],
      'learned',
    ],
    [
      'denied on the same side, after',
      ['ingress verdict strong @0', 'ingress denied strong @9'],
      'conflict',
    ],
    [
      'denied in the same block',
      ['ingress verdict strong @0', 'ingress denied strong @4'],
      'learned',
    ],
    [
      'a proxy let it through since',
      ['ingress denied strong @0', 'ingress l7 strong @9'],
      'learned',
    ],
    ['delivered since', ['egress denied strong @0', 'ingress delivery strong @9'], 'learned'],
    ['answered since', ['ingress denied strong @0', 'egress trace reply @9'], 'learned'],
    ['only traced since', ['ingress denied strong @0', 'ingress trace strong @9'], 'conflict'],
    [
      'a reply settles whatever its verdict',
      ['ingress denied strong @0', 'ingress verdict reply @9'],
      'learned',
    ],
    [
      'a denied reply settles nothing',
      ['ingress denied strong @0', 'egress denied reply @9'],
      'conflict',
    ],
    [
      'a denied reply disputes nothing',
      ['egress verdict strong @0', 'ingress denied reply @9'],
      'learned',
    ],
    [
      'an explicit denial disputes too',
      ['egress verdict strong @0', 'ingress denied-explicit strong @9'],
      'conflict',
    ],
    [
      'a request that a proxy denied disputes nothing',
      ['ingress verdict strong @0', 'ingress denied-l7 strong @9'],
      'learned',
    ],
    [
      'without times the denials are the oldest',
      ['ingress denied strong', 'ingress verdict strong @0'],
      'learned',
    ],
    ['without any times', ['ingress denied strong', 'ingress verdict strong'], 'learned'],
    [
      'evidence without times settles nothing that has one',
      ['ingress denied strong @0', 'ingress verdict strong'],
      'conflict',
    ],
    ['audited', ['ingress audit strong @0', 'ingress trace strong @9'], 'audit'],
    ['audited and delivered', ['ingress audit strong @0', 'ingress delivery strong @9'], 'audit'],
    [
      'audited, a policy allows it now',
      ['ingress audit strong @0', 'ingress verdict strong @9'],
      'learned',
    ],
    [
      'audited on one side, allowed on the other',
      ['ingress audit strong @0', 'egress verdict strong @9'],
      'audit',
    ],
    ['audited and denied', ['ingress audit strong @9', 'ingress denied strong @0'], 'conflict'],
  ])('%s', (_name, cells, expected) => {
    expect(decide(cells).passed).toBe(expected)
  })

  test.each<[string, LearnChoices, string[], Decision]>([
    [
      'audit',
      { learnAudit: true },
      ['ingress audit strong @0'],
      { passed: 'learned', denied: 'denied' },
    ],
    [
      'a conflict is no audit',
      { learnAudit: true },
      ['egress verdict strong @0', 'ingress denied strong @0'],
      { passed: 'conflict', denied: 'denied' },
    ],
    [
      'denied attempts',
      { learnDenied: true },
      ['ingress denied strong @0'],
      { passed: 'learned', denied: 'learned' },
    ],
    [
      'not what may be no attempt',
      { learnDenied: true },
      ['ingress denied weak @0'],
      { passed: 'learned', denied: 'denied' },
    ],
    [
      'conflicts',
      { learnDenied: true },
      ['egress verdict strong @0', 'ingress denied weak @0'],
      { passed: 'learned', denied: 'denied' },
    ],
    [
      'nothing that is denied explicitly',
      { learnDenied: true },
      ['egress verdict strong @0', 'ingress denied strong @0', 'ingress denied-explicit strong @0'],
      { passed: 'conflict', denied: 'denied' },
    ],
  ])('is learned on request: %s', (_name, choices, cells, expected) => {
    expect(decide(cells, choices)).toEqual(expected)
  })
})

describe('the outcome of a counter', () => {
  test.each([
    ['verdict', { passed: 'learned', denied: 'denied' }, 'remote-node'],
    ['verdict', { passed: 'conflict', denied: 'denied' }, 'conflict'],
    ['audit', { passed: 'audit', denied: 'denied' }, 'audit'],
    ['denied', { passed: 'learned', denied: 'denied' }, 'denied'],
    ['denied', { passed: 'learned', denied: 'learned' }, 'remote-node'],
    ['denied-explicit', { passed: 'learned', denied: 'learned' }, 'denied-explicit'],
    ['denied-l7', { passed: 'learned', denied: 'learned' }, 'denied-l7'],
  ] as const)('%s of an edge %o is %s', (verdict, decision, expected) => {
    expect(outcomeOfCell(verdict, decision, 'remote-node')).toBe(expected)
  })
})
