/** What Cilium itself says of policies: its published schema, its parser and its sanitiser. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { programDirectory } from './build.ts'

/** Returns what is wrong with each policy in Cilium's words; the empty text for one that it takes. */
export function askCilium(policies: readonly object[]): readonly string[] {
  const input = policies.map((policy) => `${JSON.stringify(policy)}\n`).join('')
  const { stdout, stderr, status } = spawnSync(join(programDirectory, 'policies'), {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`policies: exit ${status}: ${stderr}`)
  return stdout.split('\n').slice(0, policies.length)
}
