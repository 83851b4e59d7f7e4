/** Flags that only policies of Cilium can honour. */
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createFakeIo } from '../support/fake-io.ts'

async function run(...flags: readonly string[]): Promise<{ exit: number; err: string }> {
  const fake = createFakeIo()
  const exit = await main(['generate', 'flows.jsonl', ...flags], fake)
  return { exit, err: fake.err }
}

test.each([
  [['--l7', 'http'], '--l7 is for policies of Cilium'],
  [['--name-patterns', '3', '--target', 'kubernetes'], '--name-patterns is for policies of Cilium'],
  [['--default-deny', 'clusterwide'], '--default-deny clusterwide is for policies of Cilium'],
  [['--l7', 'grpc', '--target', 'cilium'], '--l7 must be one of http, dns, all, is "grpc"'],
  [
    ['--name-patterns', '1', '--target', 'cilium'],
    '--name-patterns must be at least 2 names, is "1"',
  ],
  [['--name-patterns', 'x', '--target', 'hybrid'], '--name-patterns must be a number of names'],
])('%j is refused', async (flags, message) => {
  const { exit, err } = await run(...flags)
  expect(exit).toBe(2)
  expect(err).toContain(message)
})
