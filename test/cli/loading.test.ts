/** What is loaded for what: help must not wait for the code of commands, nor a recording for that of live sources. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { helpText } from '../../src/cli/help-text.ts'
import { main } from '../../src/cli/main.ts'
import { built, root } from '../support/built.ts'
import { createFakeIo } from '../support/fake-io.ts'

const directory = mkdtempSync(join(tmpdir(), 'netweir-loading-'))
const recording = join(root, 'samples/shop/flows.jsonl')

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

interface Loaded {
  /** Files of this project, from the folder of what is built. */
  readonly files: readonly string[]
  readonly packages: readonly string[]
}

/** Runs the program, and returns what it loads. */
function loadedBy(...args: readonly string[]): Loaded {
  const log = join(directory, 'modules')
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', join(root, 'test/support/log-modules.mjs'), built('cli/bin.js'), ...args],
    { env: { ...process.env, NETWEIR_MODULE_LOG: log } },
  )
  expect(stderr.toString()).not.toContain('error')
  expect(status).toBe(0)
  const urls = readFileSync(log, 'utf8').split('\n')
  rmSync(log)
  const names = (pattern: RegExp): readonly string[] => [
    ...new Set(urls.flatMap((url) => pattern.exec(url)?.[1] ?? [])),
  ]
  return {
    files: names(/^file:(?!.*\/node_modules\/).*\/dist\/(.*)$/),
    packages: names(/\/node_modules\/((?:@[^/]+\/)?[^/]+)\//),
  }
}

describe('loading', () => {
  test('help loads nothing but the tree of commands', () => {
    const { files, packages } = loadedBy('learn', '--help')
    expect(packages).toEqual(['commander'])
    expect(files).toContain('cli/bin.js')
    expect(files).not.toContain('program/main.js')
    expect(files.length).toBeLessThan(10)
  })

  test('learning from a recording loads no parser of manifests, no client of live sources and no codec', () => {
    const { files, packages } = loadedBy('learn', recording)
    expect(packages).toEqual(['commander'])
    expect(files).toContain('program/learn-commands.js')
    expect(files).toContain('program/reader.js')
    expect(files).not.toContain('program/generate.js')
    expect(files).not.toContain('program/decompress.js')
    expect(files.length).toBeLessThan(12)
  })

  test('writing policies loads what writes YAML, and no file for what was not asked for', () => {
    const { files, packages } = loadedBy('generate', recording)
    expect([...packages].sort()).toEqual(['commander', 'yaml'])
    expect(files).toContain('program/generate.js')
    expect(files.length).toBeLessThan(12)
    expect(files).not.toContain('program/manifest.js')
    expect(files).not.toContain('program/out-dir.js')
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
