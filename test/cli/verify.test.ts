/** `verify`, `explain` and `diff` from end to end, on the sample that the repository holds. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createFakeIo } from '../support/fake-io.ts'

const root = resolve(import.meta.dirname, '..', '..')
const shop = ['samples/shop/flows.jsonl', '--inventory', 'samples/shop/inventory.yaml']
const existing = ['--policies', 'samples/shop/policies']
const proposal = ['--policies', 'samples/shop/proposal.yaml']
const before = process.cwd()
let work = ''

beforeAll(() => {
  process.chdir(root)
  work = mkdtempSync(join(tmpdir(), 'netweir-verify-'))
})

afterAll(() => {
  process.chdir(before)
  rmSync(work, { recursive: true, force: true })
})

async function netweir(...argv: readonly string[]) {
  const io = createFakeIo()
  const code = await main(argv, io)
  return { code, out: io.out, err: io.err }
}

const formats = [
  ['text', 'txt'],
  ['json', 'json'],
  ['markdown', 'md'],
] as const

describe.each(formats)('as %s', (format, extension) => {
  test.each([
    ['proposal', 1, ['verify', ...shop, ...proposal, '--max-unused', '2', '--min-coverage', '98']],
    ['existing', 0, ['verify', ...shop, ...existing]],
    [
      'explain-denied',
      1,
      [
        'explain',
        ...shop,
        ...proposal,
        '--from',
        'monitoring/prometheus',
        '--to',
        'patients/records-api',
        '--port',
        '9102',
      ],
    ],
    [
      'explain-allowed',
      0,
      [
        'explain',
        ...shop,
        ...existing,
        '--from',
        'shop/web',
        '--to',
        'shop/cart',
        '--port',
        '8081/TCP',
      ],
    ],
    [
      'zones',
      1,
      [
        'verify',
        ...shop,
        ...existing,
        '--zones',
        'samples/shop/zones/zones.yaml',
        '--approvals',
        'samples/shop/zones/approvals.yaml',
        '--require-approval',
      ],
    ],
    [
      'diff',
      1,
      [
        'diff',
        ...shop,
        '--old',
        'samples/shop/policies/patients-records-api.yaml',
        '--new',
        'samples/shop/proposal.yaml',
      ],
    ],
    ['explain-policy', 0, ['explain', ...shop, ...existing, '--policy', 'shop/cart']],
  ] as const)('%s ends with %i, as it was reviewed', async (name, exit, argv) => {
    const { code, out } = await netweir(...argv, '-o', format)
    expect(code).toBe(exit)
    await expect(out).toMatchFileSnapshot(`golden/verify/${name}.${extension}`)
    if (format === 'json') expect(JSON.parse(out).apiVersion).toBe('netweir/v1')
  })
})

test('docs/verify.md shows what the commands write', async () => {
  const page = readFileSync('docs/verify.md', 'utf8')
  const shown = [
    ...page.matchAll(/^```sh\nnpx netweir (.*?)(?: # exit \d)?\n```\n\n```text\n(.*?)^```$/gms),
  ]
  expect(shown).toHaveLength(3)
  for (const [, command = '', text = ''] of shown) {
    const { out } = await netweir(...command.split(' '))
    expect(out.startsWith(text), command).toBe(true)
  }
})

test('what generate writes denies nothing of what it was made from', async () => {
  const dir = join(work, 'policies')
  expect((await netweir('generate', ...shop, '--out-dir', dir)).code).toBe(0)
  const { code, out } = await netweir(
    ...['verify', ...shop, '--policies', dir, '-o', 'json', '--min-coverage', '100'],
  )
  expect(code).toBe(0)
  const report = JSON.parse(out)
  expect([report.denied, report.coverage.edges.percent]).toEqual([[], 100])
})

test('--policies may be given several times, and come from standard input once', async () => {
  const text = readFileSync('samples/shop/proposal.yaml', 'utf8')
  const io = createFakeIo({ stdin: text })
  const code = await main(['verify', ...shop, ...existing, '--policies', '-', '-o', 'json'], io)
  // The existing policy of that name still lets the metrics through: policies add up.
  expect(code).toBe(0)
  const places = JSON.parse(io.out).usage.map(({ at }: { at: string }) => at)
  expect(places).toContain('-:2')
  expect(places).toContain('samples/shop/policies/patients-records-api.yaml:2')
})

describe('guard rails', () => {
  const forbid = ['--forbid', 'samples/shop/guard-rails/forbid.yaml']
  const permit = ['--permit', 'samples/shop/guard-rails/permit.yaml']

  test.each(formats)('that are broken end with 1, as %s', async (format, extension) => {
    const { code, out } = await netweir('verify', ...shop, ...existing, ...forbid, '-o', format)
    expect(code).toBe(1)
    await expect(out).toMatchFileSnapshot(`golden/verify/rails.${extension}`)
  })

  test('are in the report, which then does not hold', async () => {
    const { out } = await netweir('verify', ...shop, ...existing, ...forbid, '-o', 'json')
    const { holds, denied, violations } = JSON.parse(out)
    expect([holds, denied]).toEqual([false, []])
    expect(violations.map(({ rail }: { rail: string }) => rail)).toEqual([
      'patients/health-records',
    ])
  })

  test('that hold change nothing', async () => {
    const plain = await netweir('verify', ...shop, ...existing)
    expect(await netweir('verify', ...shop, ...existing, ...permit)).toEqual(plain)
    expect(plain.code).toBe(0)
  })

  test('see what a proposal would close', async () => {
    const { code, out } = await netweir('verify', ...shop, ...proposal, ...permit)
    expect(code).toBe(1)
    expect(out).toContain('permit: monitoring/prometheus cannot reach patients/records-api')
  })

  test('are refused when they say nothing, and name standard input once', async () => {
    const empty = join(work, 'empty.yaml')
    writeFileSync(empty, '')
    const refused = await netweir('verify', ...shop, ...existing, '--forbid', empty)
    expect([refused.code, refused.out]).toEqual([2, ''])
    expect(refused.err).toContain('holds no guard rail')
    const twice = await netweir('verify', ...shop, '--policies', '-', '--permit', '-')
    expect([twice.code, twice.out]).toEqual([2, ''])
    expect(twice.err).toContain('standard input ("-") can be named once')
  })
})

test('--out writes the report to a file', async () => {
  const file = join(work, 'report.md')
  const { code, out } = await netweir(
    ...['verify', ...shop, ...proposal, '-o', 'markdown', '--out', file],
  )
  expect([code, out]).toEqual([1, ''])
  expect(readFileSync(file, 'utf8')).toContain('### netweir: 1 edge would be denied')
})

test('a recording of which nothing was learned is refused', async () => {
  const line = readFileSync('samples/shop/flows.jsonl', 'utf8')
    .split('\n')
    .find((one) => one.includes('"ICMPv4"'))
  const file = join(work, 'ping.jsonl')
  writeFileSync(file, `${line}\n`)
  const { code, out, err } = await netweir('verify', file, ...proposal)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('error[NO_TRAFFIC]: nothing was learned from 1 records')
})

test('explain answers without traffic, for pods that nobody has seen', async () => {
  const { code, out } = await netweir(
    ...['explain', ...existing, '--from', 'shop/app=new', '--to'],
    ...['patients/app.kubernetes.io/name=records-api', '--port', '8080'],
  )
  expect(code).toBe(0)
  expect(out).toContain('allowed: any pod with app=new in namespace shop')
  expect(out).toContain('never seen')
})

describe('wrong usage is exit code 2, says what is accepted, and reads nothing', () => {
  const ask = ['explain', '--policies', 'p', '--from', 'a/b', '--to', 'a/c']
  test.each<[readonly string[], string]>([
    [['verify', '--policies', 'p'], 'SOURCE is missing'],
    [['verify', 'a'], 'verify needs policies to judge'],
    [['verify', 'a', '--policies', ''], '--policies must not be empty'],
    [['verify', '-', '--policies', '-'], 'can be named once'],
    [
      ['verify', 'a', '--policies', 'p', '-o', 'yaml'],
      '--output must be one of text, json, markdown',
    ],
    [
      ['verify', 'a', '--policies', 'p', '--max-unused', '-1'],
      '--max-unused must be a number of connections',
    ],
    [['verify', 'a', '--policies', 'p', '--max-unused', 'x'], 'is "x"'],
    [
      ['verify', 'a', '--policies', 'p', '--min-coverage', '101'],
      '--min-coverage must be a percentage from 0 to 100',
    ],
    [['verify', 'a', '--policies', 'p', '--min-coverage', '9%'], 'is "9%"'],
    [['verify', 'a', '--policies', 'p', '--min-coverage', ''], 'is ""'],
    [['verify', 'a', '--policies', 'p', '--fail-on', 'any'], 'unknown flag "--fail-on"'],
    [['explain', '--from', 'a/b', '--to', 'a/c', '--port', '1'], 'explain needs policies to judge'],
    [['explain', '--policies', 'p'], '--from and --to and --port are missing'],
    [ask, '--port is missing'],
    [[...ask, '--port', '0'], '--port must be a number with its protocol'],
    [[...ask, '--port', '65536/TCP'], 'is "65536/TCP"'],
    [[...ask, '--port', '53/ICMP'], 'is "53/ICMP"'],
    [[...ask, '--port', '1', '--from', 'web'], '--from must be namespace/pod'],
    [[...ask, '--port', '1', '--to', '10.0.0.0/8'], '--to must be namespace/pod'],
    [[...ask, '--policy', 'a/b'], '--policy and --from contradict each other'],
    [['explain', '--policies', 'p', '--policy', 'a/b'], '--policy needs recorded flows'],
    [['explain', 's', '--policies', 'p', '--policy', 'b'], '--policy must be namespace/name'],
    [
      ['explain', 's', '--policies', '-', '--inventory', '-', '--policy', 'a/b'],
      'can be named once',
    ],
  ])('%j', async (argv, message) => {
    const { code, out, err } = await netweir(...argv)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('error[USAGE]: ')
    expect(err).toContain(message)
  })

  test('a policy that was not read, and a pod that is not known', async () => {
    const missing = await netweir('explain', ...shop, ...existing, '--policy', 'shop/none')
    expect([missing.code, missing.err]).toEqual([
      2,
      expect.stringContaining('no policy "shop/none"'),
    ])
    const unknown = await netweir(
      ...[
        'explain',
        ...shop,
        ...existing,
        '--from',
        'shop/none',
        '--to',
        'shop/cart',
        '--port',
        '1',
      ],
    )
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('known there: cart')])
    const cilium = await netweir(
      'explain',
      ...shop,
      ...existing,
      '--policy',
      'payments/dns-visibility',
    )
    expect([cilium.code, cilium.out]).toEqual([0, expect.stringContaining('isolates nothing')])
  })
})

describe('zones', () => {
  const zones = ['--zones', 'samples/shop/zones/zones.yaml']
  const approvals = ['--approvals', 'samples/shop/zones/approvals.yaml']
  const verify = (...flags: readonly string[]) => netweir('verify', ...shop, ...existing, ...flags)

  test('fail the run only where approval is required', async () => {
    const without = await verify(...zones)
    expect(without.out).toContain('30 without an approval that is valid')
    expect(without.out).not.toContain('require-approval')
    const expired = await verify(
      ...zones,
      ...approvals,
      '--as-of',
      '2027-06-01T00:00:00Z',
      '-o',
      'json',
    )
    const states = JSON.parse(expired.out).zones.crossings.map(
      (one: { state: string }) => one.state,
    )
    expect(states).not.toContain('approved')
  })

  test('can be a label alone', async () => {
    const { out } = await verify('--zone-label', 'kubernetes.io/metadata.name', '-o', 'json')
    const names = JSON.parse(out).zones.zones.map((one: { name: string }) => one.name)
    expect(names).toContain('patients')
    expect(names).not.toContain('unclassified')
  })

  test.each(['--require-approval', '--as-of=1d', '--approvals=x.yaml'])(
    '%s needs them',
    async (flag) => {
      const { code, err } = await verify(flag)
      expect(code).toBe(2)
      expect(err).toContain('needs zones')
    },
  )
})
