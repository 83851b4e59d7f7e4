import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { built, root } from './support/built.ts'

let directory = ''
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

function ok(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout.toString()
}

/** Packs what is built, and puts it where `npm install` would, beside the dependencies that it names. */
beforeAll(() => {
  built('cli/bin.js')
  directory = mkdtempSync(join(tmpdir(), 'netweir-package-'))
  // Without scripts: `prepare` would build anew under the feet of tests that run the built program.
  const args = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', directory]
  const tarball = ok('npm', args, root).trim()
  mkdirSync(join(directory, 'unpacked'))
  ok('tar', ['-xzf', join(directory, tarball), '-C', join(directory, 'unpacked')], directory)
  const modules = join(directory, 'app/node_modules')
  mkdirSync(modules, { recursive: true })
  cpSync(join(directory, 'unpacked/package'), join(modules, 'netweir'), { recursive: true })
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(join(modules, name, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(directory, 'app/package.json'), '{"type":"module"}')
})

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

/** What statements and calls import that is no file beside them. */
const importedNames =
  /(?:^(?:import|export|\})[^'"\n]* from |^import |import\(|require\()['"]([^'".][^'"]*)['"]/gm

const installed = (path: string): string => join(directory, 'app/node_modules/netweir', path)

describe('the package', () => {
  test('holds the program, its types, its documents and its licence, and no tests or sources', () => {
    for (const path of [
      ...[
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'docs/cli.md',
        'docs/errors.md',
        'docs/output.md',
      ],
      ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/bin.js'],
    ]) {
      expect(existsSync(installed(path)), path).toBe(true)
    }
    const allowed = ['package.json', 'README.md', ...manifest.files]
    expect(readdirSync(installed('')).filter((name) => !allowed.includes(name))).toEqual([])
  })

  test('is imported by its name', () => {
    const program = `
      import * as netweir from 'netweir'
      console.log(netweir.exitCodeOf('GATE_FAILED'), netweir.errorCodes.length, typeof netweir.generate)`
    writeFileSync(join(directory, 'app/main.js'), program)
    const codes = readFileSync(join(root, 'src/errors.ts'), 'utf8').match(/^ {2}'[A-Z_]+',$/gm)
    expect(ok(process.execPath, ['main.js'], join(directory, 'app'))).toBe(
      `70 ${codes?.length} function\n`,
    )
  })

  test('lets nobody past its entry', () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', "import 'netweir/dist/errors.js'"],
      { cwd: join(directory, 'app') },
    )
    expect(status).toBe(1)
    expect(stderr.toString()).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  test('has a program that runs', () => {
    expect(ok(process.execPath, [installed('dist/cli/bin.js'), '--version'], directory)).toBe(
      `${manifest.version}\n`,
    )
    expect(manifest.bin).toEqual({ netweir: './dist/cli/bin.js' })
  })

  test('needs nothing that it does not name', () => {
    const names = new Set<string>()
    for (const entry of readdirSync(installed('dist'), { recursive: true, withFileTypes: true })) {
      if (!entry.name.endsWith('.js')) continue
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8')
      for (const match of text.matchAll(importedNames)) {
        // The package, whichever of its files.
        const [name = ''] = /^(?:@[^/]+\/)?[^/]+/.exec(match[1] ?? '') ?? []
        if (!name.startsWith('node:')) names.add(name)
      }
    }
    expect([...names].sort()).toEqual(Object.keys(manifest.dependencies).sort())
  })

  test('says the same types to whoever imports it', () => {
    const program = `
      import { generate, NetweirError } from 'netweir'
      import type { GenerateResult, PolicyDiff } from 'netweir'
      const result: GenerateResult = await generate(['flows.jsonl'], {}, {
        stdin: { async *[Symbol.asyncIterator]() {} },
        signal: new AbortController().signal,
      })
      export const diff: PolicyDiff = result.diff
      export const code = (error: NetweirError): string => error.code`
    writeFileSync(join(directory, 'app/main.ts'), program)
    const config = {
      compilerOptions: {
        ...{ strict: true, noEmit: true, module: 'node20', target: 'es2023', lib: ['es2023'] },
        ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
      },
      files: ['main.ts'],
    }
    writeFileSync(join(directory, 'app/tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/.bin/tsc')
    expect(ok(tsc, ['-p', 'tsconfig.json'], join(directory, 'app'))).toBe('')
  })
})
