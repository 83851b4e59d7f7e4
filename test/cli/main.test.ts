import { describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import type { FakeIo, FakeIoOptions } from '../support/fake-io.ts'
import { createFakeIo, hostileCharacters } from '../support/fake-io.ts'

async function run(
  argv: readonly string[],
  options: FakeIoOptions = {},
): Promise<FakeIo & { readonly code: number }> {
  const io = createFakeIo(options)
  const code = await main(argv, io)
  expect(io.listeners).toBe(0)
  return Object.assign(io, { code })
}

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
]

describe('help', () => {
  test.each(['netweir', ...commands])('of %s is as it was reviewed', async (name) => {
    const { code, out, err } = await run(name === 'netweir' ? ['--help'] : [name, '--help'])
    expect([code, err]).toEqual([0, ''])
    await expect(out).toMatchFileSnapshot(`golden/${name}.txt`)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    expect(out.split('Examples:\n')[1]?.split('\n\n')[0]?.split('\n')).toHaveLength(3)
  })

  test.each([
    [['-h'], 'netweir'],
    [['help'], 'netweir'],
    [['help', 'generate'], 'generate'],
    [['generate', 'flows.jsonl', '-h'], 'generate'],
  ])('%j is the same help', async (argv, name) => {
    const { code, out } = await run(argv)
    expect(code).toBe(0)
    await expect(out).toMatchFileSnapshot(`golden/${name}.txt`)
  })

  test.each([[[]], [['help', 'nonsense']]])('%j is help on standard error, and 2', async (argv) => {
    const { code, out, err } = await run(argv)
    expect([code, out]).toEqual([2, ''])
    await expect(err).toMatchFileSnapshot('golden/netweir.txt')
  })

  test('is as wide as the terminal', async () => {
    const { out } = await run(['generate', '--help'], { columns: 72 })
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(90)
    expect(out).not.toBe((await run(['generate', '--help'])).out)
  })
})

test.each(['-V', '--version'])('%s prints the version', async (flag) => {
  const { code, out, err } = await run([flag])
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^\d+\.\d+\.\d+\n$/)
})

describe('wrong usage is exit code 2, says what is accepted, and reads nothing', () => {
  const see = (command: string): string => `netweir ${command} --help lists what is accepted`

  test.each<[readonly string[], string, string]>([
    [['genrate'], 'unknown command "genrate"', 'did you mean generate?'],
    [['inspect'], 'unknown command "inspect"', 'netweir --help lists the commands'],
    [['--nonsense'], 'unknown flag "--nonsense"', 'netweir --help lists the commands'],
    [['generate', 'a', '--exsting', 'b'], 'unknown flag "--exsting"', 'did you mean --existing?'],
    [['learn', 'a', '--existing', 'b'], 'unknown flag "--existing"', see('learn')],
    [['generate'], 'SOURCE is missing', see('generate')],
    [['merge'], 'SET is missing', see('merge')],
    [['learn', ''], 'SOURCE must not be empty', see('learn')],
    [['learn', 'a\0b'], 'SOURCE must not hold a NUL character', see('learn')],
    [['generate', 'a', '-n'], 'flag "-n, --namespace <name>" needs a value', see('generate')],
    [['completion', 'bash', 'x'], 'too many arguments, expected 1', see('completion')],
    [['completion'], 'SHELL is missing', see('completion')],
    [['completion', 'tcsh'], 'SHELL must be one of bash, zsh, fish, is "tcsh"', see('completion')],
    [['learn', 'a', '-o', 'yaml'], '--output must be one of json, text, is "yaml"', see('learn')],
    [['merge', 'a', '-o', 'text'], '--output must be json, is "text"', see('merge')],
    [['generate', 'a', '-o', 'text'], '--output must be one of yaml, json', see('generate')],
    [
      ['diff', 'a', '--existing', 'b', '-o', 'yaml'],
      '--output must be one of text, json',
      see('diff'),
    ],
    [['generate', 'a', '--diff-output', 'x'], '--diff-output must be one of', see('generate')],
    [['generate', 'a', '--dns', 'al'], '--dns must be one of all, observed, none', see('generate')],
    [['generate', 'a', '--default-deny', ''], '--default-deny must be one of', see('generate')],
    [['generate', 'a', '--on-inexpressible', 'x'], 'one of port, block, fail', see('generate')],
    [['generate', 'a', '--on-inseparable', 'x'], 'one of merge, negative, fail', see('generate')],
    [['generate', 'a', '--outside', 'x'], '--outside must be one of exact, port', see('generate')],
    [['generate', 'a', '--minimise', 'x'], 'one of canonical, rules, is "x"', see('generate')],
    [['generate', 'a', '--fail-on', 'x'], 'one of breaks, opens, any', see('generate')],
    [['generate', 'a', '--color', 'x'], 'one of auto, always, never', see('generate')],
    [['generate', 'a', '--cidr-max-extra', '-1'], 'must be a number of addresses', see('generate')],
    [
      ['generate', 'a', '--cidr-max-extra', '1e3'],
      'must be a number of addresses',
      see('generate'),
    ],
    [['generate', 'a', '--prune-after', '9'], '--prune is missing', see('generate')],
    [['generate', 'a', '--prune', '--prune-after', 'x'], 'a number of days', see('generate')],
    [['generate', 'a', '--pod-cidr', '10.0.0.0'], 'must be a prefix such as', see('generate')],
    [['generate', 'a', '--pod-cidr', '10.0.0.0/33'], 'is "10.0.0.0/33"', see('generate')],
    [['learn', 'a', '--node-cidr', 'x'], '--node-cidr must be a prefix', see('learn')],
    [['learn', 'a', '--service-cidr', '::/129'], '--service-cidr must be a prefix', see('learn')],
    [['generate', 'a', '-n', 'a,b'], '--namespace must be the name of one', 'repeat the flag'],
    [['generate', 'a', '-n', 'Shop'], 'is "Shop"', 'repeat the flag'],
    [['generate', 'a', '--include-system', ''], '--include-system must be', 'repeat the flag'],
    [['generate', 'a', '-l', 'app'], '--selector must be key=value[,key=value]', see('generate')],
    [['generate', 'a', '-l', 'app=web,'], 'is "app=web,"', see('generate')],
    [['learn', 'a', '--since', 'yesterday'], '--since must be a time such as', see('learn')],
    [['learn', 'a', '--until', '5'], '--until must be a time such as', see('learn')],
    [['learn', 'a', '--since', '1h', '--until', '2h'], 'must be before --until "2h"', see('learn')],
    [['learn', 'a', '--cluster-name', ''], '--cluster-name must not be empty', see('learn')],
    [['learn', 'a', '--inventory', ''], '--inventory must not be empty', see('learn')],
    [
      ['learn', 'a', '--out', '-'],
      '--out must be a path, is "-"',
      'standard output is the default',
    ],
    [['generate', 'a', '--out-dir', ''], '--out-dir must not be empty', see('generate')],
    [['generate', 'a', '--out', 'x', '--out-dir', 'y'], 'contradict each other', 'name one place'],
    [['generate', 'a', '--out-dir', 'y', '-o', 'json'], 'always holds yaml', 'use --out with'],
    [['generate', 'a', '-q', '-v'], '--quiet and --verbose contradict', see('generate')],
    [['generate', '-', '--existing', '-'], 'can be named once', 'put the other input in a file'],
    [['learn', '-', '-'], 'can be named once', 'put the other input in a file'],
    [['merge', '-', '-'], 'can be named once', 'put the other input in a file'],
    [['diff'], 'diff needs something to compare', 'give recorded flows and --existing PATH'],
    [['diff', 'a'], 'diff needs something to compare', 'give recorded flows and --existing PATH'],
    [['diff', '--old', 'a'], '--old and --new go together, --new is missing', see('diff')],
    [['diff', '--new', 'a'], '--old and --new go together, --old is missing', see('diff')],
    [
      ['diff', '--old', 'a', '--new', 'b', '--existing', 'c'],
      '--existing and --old contradict each other',
      '--existing is compared with policies that are generated',
    ],
    [['diff', '--old', '-', '--new', '-'], 'can be named once', 'put the other input in a file'],
  ])('%j', async (argv, message, hint) => {
    const { code, out, err } = await run(argv)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('error[USAGE]: ')
    expect(err).toContain(message)
    expect(err).toContain(`  hint: ${hint}`)
  })

  test('a value from outside cannot move the cursor', async () => {
    const { code, err } = await run(['generate', 'a', '--dns', '\u001b[2J\r\u202e'])
    expect(code).toBe(2)
    expect(hostileCharacters(err)).toEqual([])
  })
})

describe('errors are coloured as asked', () => {
  const introducer = '\u001b['

  test.each<[string, readonly string[], FakeIoOptions, boolean]>([
    ['a terminal', [], { stderrIsTty: true }, true],
    ['no terminal', [], {}, false],
    ['NO_COLOR', [], { stderrIsTty: true, env: { NO_COLOR: '1' } }, false],
    ['FORCE_COLOR', [], { env: { FORCE_COLOR: '1' } }, true],
    ['--color always', ['--color', 'always'], {}, true],
    ['--color never', ['--color', 'never'], { stderrIsTty: true }, false],
  ])('%s', async (_, flags, options, expected) => {
    const { err } = await run(['generate', 'a', '--dns', 'x', ...flags], options)
    expect(err.includes(introducer)).toBe(expected)
  })
})

describe('standard output', () => {
  test('that nobody reads any more ends the run quietly', async () => {
    const { code, err } = await run(['completion', 'bash'], { stdoutBreaksAfter: 10 })
    expect([code, err]).toEqual([0, ''])
  })

  test('that cannot be written is OUTPUT_FAILED', async () => {
    const stdoutFailure = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const { code, err } = await run(['completion', 'bash'], { stdoutFailure })
    expect(code).toBe(2)
    expect(err).toContain('error[OUTPUT_FAILED]: cannot write to standard output')
    expect(err).toContain('no space left on device')
  })
})

test('a defect prints its stack, the version and a request, and ends with 70', async () => {
  const io = createFakeIo()
  Object.defineProperty(io, 'now', {
    value: () => {
      throw new TypeError('a defect\u001b[2J')
    },
  })
  expect(await main(['learn', 'a'], io)).toBe(70)
  expect(io.err).toMatch(/^netweir \d+\.\d+\.\d+ has met a defect of its own; please report it/)
  expect(io.err).toContain('TypeError: a defect')
  expect(io.err).toContain('main.test.ts')
  expect(hostileCharacters(io.err)).toEqual([])
  expect(io.out).toBe('')
})
