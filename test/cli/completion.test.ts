import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandWords, completionScript } from '../../src/cli/completion.ts'
import { shells } from '../../src/cli/program.ts'

let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-completion-'))
  for (const shell of shells) {
    writeFileSync(join(directory, `netweir.${shell}`), completionScript(shell))
  }
})

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

const commands = [
  'learn',
  'merge',
  'generate',
  'diff',
  'verify',
  'explain',
  'lint',
  'report',
  'graph',
  'record',
  'kafka',
  'completion',
  'help',
]

function hasShell(shell: string): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0
}

/** A shell that is not there is a skip that says so, and a failure where everything is required. */
function describeShell(shell: (typeof shells)[number], define: () => void): void {
  const isThere = hasShell(shell)
  if (!isThere && /\b(all|shells)\b/.test(process.env['NETWEIR_REQUIRE'] ?? '')) {
    test(`${shell} is installed`, () => expect.fail(`${shell} is not installed`))
  } else if (isThere) describe(shell, define)
  else describe.skip(`${shell} (not installed)`, define)
}

describe.each(shells)('the script for %s', (shell) => {
  const script = completionScript(shell)

  test('knows every command and flag', () => {
    for (const { name, flags } of commandWords()) {
      expect(script).toContain(name)
      for (const flag of flags.flatMap(({ names }) => names)) {
        const word = shell === 'fish' ? flag.replace(/^--?/, '') : flag
        expect(script).toContain(word)
      }
    }
  })

  test('is plain text', () => {
    expect(script).toMatch(/^[\n\x20-\x7e]*$/)
  })
})

describeShell('bash', () => {
  test('is valid', () => {
    const { status, stderr } = spawnSync('bash', ['-n', join(directory, 'netweir.bash')])
    expect([status, stderr.toString()]).toEqual([0, ''])
  })

  test.each([
    [[''], commands],
    [['ge'], ['generate']],
    [['-'], ['--version', '-V', '--help', '-h']],
    [
      ['generate', '--d'],
      ['--dlq-topic', '--default-deny', '--dns', '--diff-output'],
    ],
    [
      ['generate', '--dns', ''],
      ['all', 'observed', 'none'],
    ],
    [['generate', '--dns', '=', 'al'], ['all']],
    [
      ['generate', '--dns', '='],
      ['all', 'observed', 'none'],
    ],
    [['diff', '-o', 'm'], ['markdown']],
    [['generate', ''], []],
    [['generate', '--existing', ''], []],
    [['completion', 'z'], ['zsh']],
    [['help', 'me'], ['merge']],
  ])('netweir %j', (words, expected) => {
    const script = `set -u; source "$1"; shift
      COMP_WORDS=(netweir "$@"); COMP_CWORD=$#
      _netweir; printf '%s\\n' "\${COMPREPLY[@]-}"`
    const { stdout, stderr } = spawnSync('bash', [
      ...['--norc', '-c', script, 'bash', join(directory, 'netweir.bash')],
      ...words,
    ])
    expect(stderr.toString()).toBe('')
    expect(stdout.toString().split('\n').filter(Boolean)).toEqual(expected)
  })
})

describeShell('zsh', () => {
  test('is valid', () => {
    const { status, stderr } = spawnSync('zsh', ['-f', '-n', join(directory, 'netweir.zsh')])
    expect([status, stderr.toString()]).toEqual([0, ''])
  })

  test('is taken by the completion system', () => {
    const script = `autoload -Uz compinit; compinit -D -u; source "$1"; print -r -- $_comps[netweir]`
    const { stdout, stderr } = spawnSync('zsh', [
      ...['-f', '-c', script, 'zsh', join(directory, 'netweir.zsh')],
    ])
    expect([stdout.toString(), stderr.toString()]).toEqual(['_netweir\n', ''])
  })
})

describeShell('fish', () => {
  test('is valid', () => {
    const { status, stderr } = spawnSync('fish', ['--no-execute', join(directory, 'netweir.fish')])
    expect([status, stderr.toString()]).toEqual([0, ''])
  })

  test.each([
    ['netweir ', commands],
    ['netweir generate --dns ', ['all', 'observed', 'none']],
    ['netweir generate --d', ['--default-deny', '--diff-output', '--dlq-topic', '--dns']],
    ['netweir completion ', ['bash', 'fish', 'zsh']],
    ['netweir help me', ['merge']],
  ])('%s', (line, expected) => {
    const script = `source ${join(directory, 'netweir.fish')}; complete -C '${line}'`
    const { stdout } = spawnSync('fish', ['--no-config', '-c', script])
    const words = stdout.toString().split('\n').filter(Boolean)
    expect(words.map((word) => word.split('\t')[0]).sort()).toEqual([...expected].sort())
  })
})
