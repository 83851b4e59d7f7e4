/** What is loaded for what: help must not wait for the code of commands, nor a recording for that of live sources. */
import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { helpText } from '../../src/cli/help-text.ts'
import { main } from '../../src/cli/main.ts'
import { built, root } from '../support/built.ts'
import { createFakeIo } from '../support/fake-io.ts'

interface Graph {
  /** Files of this project, from its root. */
  readonly files: ReadonlySet<string>
  /** Packages, and modules of Node.js. */
  readonly packages: ReadonlySet<string>
}

/** Returns everything that loading a file loads before its first line runs. */
function loadedBy(path: string): Graph {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    const name = relative(root, file)
    if (files.has(name)) return
    files.add(name)
    const text = readFileSync(file, 'utf8')
    for (const match of text.matchAll(/^(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*'([^']+)'/gm)) {
      const target = match[1] ?? ''
      if (target.startsWith('.')) visit(resolve(dirname(file), target))
      else packages.add(target)
    }
  }
  visit(built(path))
  return { files, packages }
}

describe('loading', () => {
  test('help loads nothing but the tree of commands', () => {
    const { files, packages } = loadedBy('cli/bin.js')
    expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual(['commander'])
    expect([...files].filter((name) => !name.startsWith('dist/cli/'))).toEqual([])
    expect(files.size).toBeLessThan(20)
    expect(files).not.toContain('dist/cli/main.js')
  })

  test('commands load no client of live sources, no codec and no scanner before they need it', () => {
    const { files, packages } = loadedBy('cli/main.js')
    expect(files).toContain('dist/source/recorded.js')
    expect([...packages].filter((name) => !name.startsWith('node:')).sort()).toEqual([
      'commander',
      'yaml',
    ])
  })

  test.each([
    [['--help']],
    [['learn', '--help']],
    [['help', 'generate']],
    [['--version']],
    [['generate', 'flows.jsonl', '-h']],
  ])('%j prints what the whole program prints', async (argv) => {
    const io = createFakeIo()
    expect(await main(argv, io)).toBe(0)
    expect(helpText(argv, io.stdout.columns)).toBe(io.out)
  })

  test.each([[[]], [['learn']], [['learn', 'a.jsonl']], [['nonsense']], [['help', 'nonsense']]])(
    '%j is left to the whole program',
    (argv) => {
      expect(helpText(argv, 80)).toBeUndefined()
    },
  )
})
