/** What netweir says of Cilium policies, and what Cilium says of the same ones; and of all that netweir writes. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { root } from '../support/built.ts'
import { casePolicy, ciliumCases } from '../support/cilium-cases.ts'
import { createFakeIo } from '../support/fake-io.ts'
import type { Scenario } from '../support/scenario.ts'
import { readScenarios, recordingOf } from '../support/scenario.ts'
import { askCilium } from './policies.ts'

const work = mkdtempSync(join(tmpdir(), 'netweir-interop-'))

afterAll(() => rmSync(work, { recursive: true, force: true }))

describe('Cilium takes what netweir takes, and refuses what it refuses', () => {
  const answers = askCilium(ciliumCases.map(casePolicy))
  test.each(ciliumCases.map((one, index) => ({ ...one, answer: answers[index] })))(
    '$what',
    ({ problem, stricter, answer }) => {
      if (problem === undefined || stricter === true) expect(answer).toBe('')
      else expect(answer).not.toBe('')
    },
  )
})

/** Returns the Cilium policies that a scenario's recording gives with a target, as plain objects; none where it ends in an error. */
async function generated(scenario: Scenario, target: string): Promise<readonly object[]> {
  const source = join(work, `${scenario.name}.jsonl`)
  writeFileSync(
    source,
    recordingOf(scenario)
      .map((line) => `${line}\n`)
      .join(''),
  )
  const inventory = join(scenario.dir, 'inventory.yaml')
  const options = (scenario.options ?? []).filter(
    (flag, index, all) => flag !== '--target' && all[index - 1] !== '--target',
  )
  const fake = createFakeIo()
  const exit = await main(
    [
      'generate',
      source,
      ...(existsSync(inventory) ? ['--inventory', inventory] : []),
      ...options,
      '--target',
      target,
      '-o',
      'json',
    ],
    fake,
  )
  expect({ exit, err: fake.err }).toEqual({ exit: exit === 2 ? 2 : 0, err: expect.any(String) })
  if (exit !== 0) return []
  const list: { readonly items: readonly { readonly kind: string }[] } = JSON.parse(fake.out)
  return list.items.filter(({ kind }) => kind !== 'NetworkPolicy')
}

describe.each(['cilium', 'hybrid'])('Cilium takes what --target %s writes', (target) => {
  const scenarios = readScenarios(join(root, 'test/scenarios'))
  test.each(scenarios)('of $name', async (scenario) => {
    const policies = await generated(scenario, target)
    expect(askCilium(policies).filter((answer) => answer !== '')).toEqual([])
  })
})
