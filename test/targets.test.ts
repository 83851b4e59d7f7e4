/** The table of `docs/targets.md`, held against what both targets write for a recording with every kind of edge. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { readManifests } from '../src/policy/manifest.ts'
import { parsePolicies } from '../src/policy/validate.ts'
import { root } from './support/built.ts'

const text = readFileSync(join(root, 'docs/targets.md'), 'utf8')

/** Rows of the table of examples: an edge, and its rules by target. */
const rows = text
  .slice(text.indexOf('| edge |'))
  .split('\n')
  .slice(2)
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, edge = '', cilium = '', hybrid = '']) => ({ edge, cilium, hybrid }))

/** A rule with its policy and direction, as it is compared: `shop/web ingress {...}`. */
function rulesOf(cell: string): readonly string[] {
  return [...cell.matchAll(/`(\S+) (ingress|egress) (\{.*?\})`/g)].map(
    ([, policy, direction, rule = '']) => JSON.stringify([policy, direction, parse(rule)]),
  )
}

/** What the scenario of a target writes, which its own test holds against the program. */
function writtenBy(target: string): string {
  return readFileSync(
    join(root, `test/scenarios/every-edge-${target}/expected/policies.yaml`),
    'utf8',
  )
}

interface Written {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: Readonly<Record<'ingress' | 'egress', readonly unknown[] | undefined>>
}

describe.each(['cilium', 'hybrid'] as const)('--target %s', (target) => {
  const written = parseAllDocuments(writtenBy(target))
    .map((document): Written => document.toJS())
    .filter(({ metadata }) => metadata.name !== 'default-deny')
    .flatMap(({ metadata, spec }) =>
      (['ingress', 'egress'] as const).flatMap((direction) =>
        (spec[direction] ?? []).map((rule) =>
          JSON.stringify([`${metadata.namespace}/${metadata.name}`, direction, rule]),
        ),
      ),
    )

  test.each(rows.filter((row) => !row[target].startsWith('none')))('$edge', (row) => {
    const rules = rulesOf(row[target])
    expect(rules.length).toBeGreaterThan(0)
    for (const rule of rules) expect(written).toContain(rule)
  })

  test('writes nothing that the table lacks', () => {
    const shown = new Set(rows.flatMap((row) => rulesOf(row[target])))
    expect(written.filter((rule) => !shown.has(rule))).toEqual([])
  })

  test('reads back', () => {
    expect(() => parsePolicies(readManifests(writtenBy(target), 'policies.yaml'))).not.toThrow()
  })
})

test('both scenarios are about one recording', () => {
  const caseOf = (target: string) =>
    JSON.parse(readFileSync(join(root, `test/scenarios/every-edge-${target}/case.json`), 'utf8'))
  const [cilium, hybrid] = ['cilium', 'hybrid'].map(caseOf)
  expect(hybrid.flows).toEqual(cilium.flows)
  expect(hybrid.ends).toEqual(cilium.ends)
})
