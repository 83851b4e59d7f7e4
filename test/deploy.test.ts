import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Invocation } from '../src/cli/program.ts'
import { createProgram } from '../src/cli/program.ts'
import { resolveMember } from '../src/cli/resolve-group.ts'
import { readManifests } from '../src/policy/manifest.ts'
import { readPoliciesTolerantly } from '../src/policy/tolerant.ts'
import { root } from './support/built.ts'

const directory = join(root, 'deploy')

function argumentsIn(value: unknown): readonly (readonly string[])[] {
  if (Array.isArray(value)) return value.flatMap(argumentsIn)
  if (typeof value !== 'object' || value === null) return []
  const { args, ...rest } = value as { readonly args?: readonly string[] }
  return [...(args === undefined ? [] : [args]), ...Object.values(rest).flatMap(argumentsIn)]
}

const file = 'kafka-members.yaml'

describe(`deploy/${file}`, () => {
  const text = readFileSync(join(directory, file), 'utf8')
  const documents = parseAllDocuments(text).map((document) => document.toJS() as unknown)

  test('runs netweir with flags that there are', () => {
    const lines = argumentsIn(documents)
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) {
      let typed: Invocation | undefined
      const program = createProgram({
        onCommand: (invocation) => {
          typed = invocation
        },
        writeOut: () => undefined,
        writeErr: () => undefined,
      })
      program.parse([...line], { from: 'user' })
      expect(typed?.command).toBe('learn')
      expect(resolveMember(typed?.args ?? [], typed?.raw ?? {}, 0)).toMatchObject({
        options: { windowMs: 30 * 86_400_000 },
      })
    }
  })

  test('mounts each file that a flag names', () => {
    const secret = documents.find((one) => (one as { kind?: string }).kind === 'Secret') as {
      readonly metadata: { readonly name: string }
      readonly stringData: Readonly<Record<string, string>>
    }
    const files = argumentsIn(documents)
      .flat()
      .flatMap((argument) => /=(\/.*)$/.exec(argument)?.[1] ?? [])
    expect(files.sort()).toEqual(
      Object.keys(secret.stringData)
        .map((name) => `/etc/kafka/${name}`)
        .sort(),
    )
    expect(text).toContain(`secretName: ${secret.metadata.name}`)
    expect(text).toContain('mountPath: /etc/kafka')
  })

  test('holds policies that the API server takes', () => {
    const { policies, faults } = readPoliciesTolerantly(readManifests(text, file))
    expect(faults).toEqual([])
    expect(policies).toHaveLength(1)
  })
})
