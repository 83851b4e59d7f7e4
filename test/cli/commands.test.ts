import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { exitCodeFor } from '../../src/cli/generate-commands.ts'
import { main } from '../../src/cli/main.ts'
import type { Change, PolicyDiff } from '../../src/index.ts'
import type { FakeIo, FakeIoOptions } from '../support/fake-io.ts'
import { createFakeIo, hostileCharacters } from '../support/fake-io.ts'
import type { FlowOptions } from '../support/flows.ts'
import { flowLines } from '../support/flows.ts'

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-cli-'))
  put('flows.jsonl', flowLines(shop))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

const web = { ns: 'shop', app: 'web' }
const api = { ns: 'shop', app: 'api' }
const database = { ns: 'data', app: 'db' }
const resolver = { ns: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, pod: 'coredns-0' }
const shop: readonly FlowOptions[] = [
  { from: web, to: api, port: 8080 },
  { from: api, to: database, port: 5432 },
  { from: web, to: resolver, port: 53, protocol: 'UDP' },
]
const extra: FlowOptions = { from: web, to: database, port: 5432 }

function put(name: string, text: string): string {
  mkdirSync(join(directory, name, '..'), { recursive: true })
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

const at = (name: string): string => join(directory, name)
const read = (name: string): string => readFileSync(at(name), 'utf8')

async function run(
  argv: readonly string[],
  options: FakeIoOptions = {},
): Promise<FakeIo & { readonly code: number }> {
  const io = createFakeIo(options)
  const code = await main(argv, io)
  expect(hostileCharacters(io.out)).toEqual([])
  if (options.stderrIsTty !== true) expect(hostileCharacters(io.err)).toEqual([])
  return Object.assign(io, { code })
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly namespace: string; readonly name: string }
}

function manifests(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).map((document) => {
    if (!('toJS' in document)) throw new Error('not a document')
    expect(document.errors).toEqual([])
    return document.toJS() as Manifest
  })
}

/** Files below a directory, sorted. */
function tree(name: string): readonly string[] {
  return readdirSync(at(name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(at(name).length + 1))
    .sort()
}

describe('learn', () => {
  test('writes a communication set to standard output, and its summary to standard error', async () => {
    const { code, out, err } = await run(['learn', at('flows.jsonl')])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      apiVersion: 'netweir/v1',
      kind: 'CommunicationSet',
      ledger: { records: 3, outcomes: { learned: 3 } },
    })
    expect(err).not.toBe('')
  })

  test('writes a table', async () => {
    const { code, out } = await run(['learn', at('flows.jsonl'), '-o', 'text'])
    expect(code).toBe(0)
    expect(out).toContain('shop/web')
    expect(out).toContain('8080')
  })

  test('reads standard input', async () => {
    const named = await run(['learn', at('flows.jsonl')])
    const piped = await run(['learn', '-'], { stdin: flowLines(shop) })
    expect(piped.code).toBe(0)
    expect(piped.out).toBe(named.out)
  })

  test.each([
    ['set.json', (bytes: Buffer) => bytes.toString()],
    ['set.json.gz', (bytes: Buffer) => gunzipSync(bytes).toString()],
  ])('writes %s, and nothing to standard output', async (name, text) => {
    const { out } = await run(['learn', at('flows.jsonl')])
    const filed = await run(['learn', at('flows.jsonl'), '--out', at(name)])
    expect([filed.code, filed.out]).toEqual([0, ''])
    expect(text(readFileSync(at(name)))).toBe(out)
    expect((await run(['learn', at(name)])).out).toBe(out)
  })

  test.each([
    [['--since', '2025-06-12T09:14:00.500Z'], 1],
    [['--until', '2025-06-12T09:14:00.500Z'], 1],
    [['--since', '2025-06-12T09:13:00Z', '--until', '2025-06-12T09:15:00Z'], 2],
  ])('reads a window: %j', async (flags, expected) => {
    put('times.jsonl', flowLines([shop[0]!, { ...shop[1]!, time: 1000 }]))
    const { out } = await run(['learn', at('times.jsonl'), ...flags])
    expect(JSON.parse(out)).toMatchObject({ ledger: { outcomes: { learned: expected } } })
  })

  test('counts a duration back from the clock of this machine', async () => {
    const io = createFakeIo()
    io.nowMs = Date.parse('2025-06-12T10:14:00.500Z')
    put('times.jsonl', flowLines([shop[0]!, { ...shop[1]!, time: 1000 }]))
    expect(await main(['learn', at('times.jsonl'), '--since', '1h'], io)).toBe(0)
    expect(JSON.parse(io.out)).toMatchObject({ ledger: { outcomes: { learned: 1 } } })
  })
})

describe('merge', () => {
  test('gives what learning it all at once gives, in any order', async () => {
    put('extra.jsonl', flowLines([extra]))
    const whole = await run(['learn', at('flows.jsonl'), at('extra.jsonl')])
    await run(['learn', at('flows.jsonl'), '--out', at('a.json')])
    await run(['learn', at('extra.jsonl'), '--out', at('b.json.gz')])
    const merged = await run(['merge', at('a.json'), at('b.json.gz')])
    const turned = await run(['merge', at('b.json.gz'), at('a.json')])
    expect([merged.code, turned.code]).toEqual([0, 0])
    expect(merged.out).toBe(whole.out)
    expect(turned.out).toBe(whole.out)
    expect(merged.err).toBe('merged 2 inputs: 4 records, 4 communications\n')
  })

  test('writes a file', async () => {
    await run(['learn', at('flows.jsonl'), '--out', at('a.json')])
    const { code, out } = await run(['merge', at('a.json'), '--out', at('b.json'), '-q'])
    expect([code, out]).toEqual([0, ''])
    expect(read('b.json')).toBe(read('a.json'))
  })

  test('refuses what is no set', async () => {
    put('other.json', '{"apiVersion":"netweir/v2","kind":"CommunicationSet"}\n')
    const { code, err } = await run(['merge', at('other.json')])
    expect(code).toBe(2)
    expect(err).toContain('error[')
  })
})

describe('generate', () => {
  test('writes yaml, default denies last', async () => {
    const { code, out, err } = await run([
      'generate',
      at('flows.jsonl'),
      '--default-deny',
      'always',
    ])
    expect(code).toBe(0)
    const names = manifests(out).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    expect(names).toEqual(expect.arrayContaining(['shop/web', 'shop/api', 'data/db']))
    const kinds = names.map((name) => (/deny/.test(name) ? 'deny' : 'workload'))
    expect(kinds).toEqual([...kinds].sort().reverse())
    expect(kinds.filter((kind) => kind === 'deny')).toHaveLength(2)
    expect(err).toContain('shop/web')
  })

  test('writes one list', async () => {
    const { out } = await run(['generate', at('flows.jsonl'), '-o', 'json'])
    const list: unknown = JSON.parse(out)
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'List' })
    const yaml = await run(['generate', at('flows.jsonl')])
    expect((list as { items: readonly Manifest[] }).items).toEqual(manifests(yaml.out))
  })

  test.each([
    ['--out', ['all.yaml']],
    ['--out-dir', ['data/db.yaml', 'kustomization.yaml', 'shop/api.yaml', 'shop/web.yaml']],
  ])('with %s writes files, and the diff to standard output', async (flag, expected) => {
    const place = flag === '--out' ? 'made/all.yaml' : 'made'
    mkdirSync(at('made'))
    const { code, out, err } = await run([
      ...['generate', at('flows.jsonl'), flag, at(place)],
      ...['--default-deny', 'never', '--diff-output', 'json'],
    ])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ apiVersion: 'netweir/v1', kind: 'PolicyDiff' })
    expect(err).not.toBe('')
    expect(tree('made')).toEqual(expected)
  })

  test('what it wrote is what it finds again: the second run changes nothing', async () => {
    const argv = ['generate', at('flows.jsonl'), '--out-dir', at('policies')]
    await run(argv)
    const before = tree('policies').map((name) => read(`policies/${name}`))
    const again = await run([
      ...[...argv, '--existing', at('policies')],
      ...['--diff-output', 'json', '--fail-on', 'any'],
    ])
    expect(again.code).toBe(0)
    expect(JSON.parse(again.out)).toMatchObject({ same: true })
    expect(tree('policies').map((name) => read(`policies/${name}`))).toEqual(before)
    expect(readdirSync(directory).sort()).toEqual(['flows.jsonl', 'policies'])
  })

  test('heals a directory that an earlier run left half replaced, before it is read', async () => {
    await run(['generate', at('flows.jsonl'), '--out-dir', at('policies')])
    const files = tree('policies')
    // As a run leaves it that is killed between its two renames; no process has this number.
    mkdirSync(at('.policies.netweir-4194305-abcdef/new'), { recursive: true })
    for (const name of files) {
      put(`.policies.netweir-4194305-abcdef/new/${name}`, read(`policies/${name}`))
      put(`.policies.netweir-4194305-abcdef/old/${name}`, 'old')
    }
    rmSync(at('policies'), { recursive: true })
    const { code, err } = await run([
      ...['generate', at('flows.jsonl'), '--existing', at('policies')],
      ...['--out-dir', at('policies'), '--fail-on', 'any'],
    ])
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    expect(tree('policies')).toEqual(files)
    expect(readdirSync(directory).sort()).toEqual(['flows.jsonl', 'policies'])
  })

  test('fails on a change that is asked for, after everything was written', async () => {
    const argv = ['generate', at('flows.jsonl'), '--fail-on', 'any']
    const { code, out } = await run(argv)
    expect(code).toBe(1)
    expect(manifests(out).length).toBeGreaterThan(2)
    expect((await run(argv.slice(0, 2))).code).toBe(0)
  })

  test('writes nothing where there is nothing to learn', async () => {
    put('empty.jsonl', '')
    const { code, out, err } = await run(['generate', at('empty.jsonl'), '--out-dir', at('made')])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('error[')
    expect(existsSync(at('made'))).toBe(false)
  })

  test('gives the same bytes for any order of the records', async () => {
    put('turned.jsonl', flowLines(shop.toReversed()))
    const one = await run(['generate', at('flows.jsonl')])
    const other = await run(['generate', at('turned.jsonl')])
    expect(other.out).toBe(one.out)
  })
})

describe('diff', () => {
  beforeEach(async () => {
    put('more.jsonl', flowLines([...shop, extra]))
    await run(['generate', at('flows.jsonl'), '--out-dir', at('old')])
    await run(['generate', at('more.jsonl'), '--out-dir', at('new')])
  })

  test.each([
    ['flows.jsonl', 0, true],
    ['more.jsonl', 1, false],
  ])('of %s against existing policies', async (name, expected, same) => {
    const { code, out } = await run(['diff', at(name), '--existing', at('old'), '-o', 'json'])
    expect(code).toBe(expected)
    expect(JSON.parse(out)).toMatchObject({ kind: 'PolicyDiff', same })
  })

  test.each([
    [['flows.jsonl'], []],
    [['more.jsonl'], ['breaks']],
    [[], []],
  ])('of two sets, with %j as evidence', async (names, expected) => {
    const { code, out } = await run([
      ...['diff', '--old', at('new'), '--new', at('old'), '-o', 'json', '--fail-on', 'breaks'],
      ...names.map(at),
    ])
    const { changes } = JSON.parse(out) as { changes: readonly { section: string }[] }
    expect(changes.map(({ section }) => section).filter((name) => name === 'breaks')).toEqual(
      expected,
    )
    expect(code).toBe(expected.length)
  })

  test.each(['text', 'markdown'])('as %s', async (format) => {
    const argv = ['diff', at('more.jsonl'), '--existing', at('old'), '-o', format]
    const { out } = await run(argv)
    expect(out).toContain('shop/web')
    await run([...argv, '--out', at('diff.txt')])
    expect(read('diff.txt')).toBe(out)
  })
})

describe('streams', () => {
  test.each([
    ['learn', ['-o', 'json'], JSON.parse],
    ['generate', ['-o', 'json'], JSON.parse],
    ['generate', [], manifests],
  ])('%s %j: standard output parses while warnings go on', async (command, flags, parse) => {
    put('bad.jsonl', `${flowLines(shop)}{"flow":\nnot json\n${flowLines(shop)}`)
    const { code, out, err } = await run([command, at('bad.jsonl'), ...flags, '-v'], {
      stderrIsTty: true,
      columns: 80,
      env: { NO_COLOR: '1' },
    }).catch(() => expect.fail('the run failed'))
    expect(code).toBe(0)
    expect(err).toContain('bad.jsonl')
    expect(parse(out)).toBeDefined()
  })

  test('--quiet leaves standard error empty', async () => {
    for (const argv of [
      ['learn', at('flows.jsonl')],
      ['generate', at('flows.jsonl')],
      ['diff', at('flows.jsonl'), '--existing', put('none.yaml', '')],
    ]) {
      expect((await run([...argv, '--quiet'])).err).toBe('')
    }
  })

  test('--verbose says what was read, written and removed', async () => {
    const argv = ['generate', at('flows.jsonl'), '--out-dir', at('made'), '--default-deny', 'never']
    const size = read('flows.jsonl').length / 1000
    const { err } = await run([...argv, '-v'])
    expect(err).toContain(`read ${at('flows.jsonl')} (${size.toFixed(1)} kB)\n`)
    expect(err).toContain(
      `wrote ${at('made')}/kustomization.yaml\nwrote ${at('made')}/shop/api.yaml`,
    )
    const less = await run([...argv, '-n', 'shop', '-v'])
    expect(less.err).toContain(`removed ${at('made')}/data/db.yaml\n`)
    expect(less.err).not.toContain(`removed ${at('made')}/shop`)
    expect((await run(argv)).err).not.toContain(`read ${at('flows.jsonl')}`)
  })

  test('--strict fails at the first bad record, with its place', async () => {
    put('bad.jsonl', `${flowLines(shop)}not json\n`)
    const { code, out, err } = await run(['learn', at('bad.jsonl'), '--strict'])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(`${at('bad.jsonl')}:4`)
    expect(err).toContain('error[FLOW_MALFORMED]')
  })

  test('an error starts on an empty line, also when a progress line stands there', async () => {
    put('bad.jsonl', `${flowLines(shop).repeat(200)}not json\n`)
    const io = createFakeIo({ stderrIsTty: true, columns: 80, env: { NO_COLOR: '1' } })
    expect(await main(['learn', at('bad.jsonl'), '--strict'], io)).toBe(2)
    const beforeError = io.err.slice(0, io.err.indexOf(`${at('bad.jsonl')}:`))
    expect(beforeError === '' || beforeError.endsWith('\r\u001b[2K')).toBe(true)
  })

  test('what cannot be found is exit code 2', async () => {
    const { code, out, err } = await run(['generate', at('nowhere.jsonl')])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('error[SOURCE_NOT_FOUND]')
  })
})

test('an interruption ends the run with 130, and nothing is written', async () => {
  let interrupt: () => void = () => undefined
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode(flowLines(shop))
    interrupt()
    await new Promise(() => undefined)
  }
  const io = createFakeIo({ stdin: endless() })
  interrupt = () => io.interrupt()
  expect(await main(['generate', '-', '--out-dir', at('policies')], io)).toBe(130)
  expect(io.out).toBe('')
  expect(io.err).toContain('error[INTERRUPTED]')
  expect(io.err).not.toContain('    at ')
  expect(readdirSync(directory)).toEqual(['flows.jsonl'])
})

describe('--fail-on', () => {
  const diffOf = (...names: readonly Change['section'][]): PolicyDiff => ({
    apiVersion: 'netweir/v1',
    kind: 'PolicyDiff',
    same: names.length === 0,
    changes: names.map((section) => ({
      id: '0123456789ab',
      section,
      effect: section === 'opens' || section === 'needed' ? 'widens' : 'narrows',
      from: 'a/b',
      to: 'c/d',
      ports: ['1/TCP'],
      old: [],
      new: [],
      message: '',
    })),
    unchanged: 0,
    objects: [],
    stale: [],
    notCompared: [],
  })

  test.each([
    ['nothing', ['breaks', 'opens'], 0],
    ['any', [], 0],
    ['any', ['tightens'], 1],
    ['breaks', ['opens', 'needed', 'tightens', 'isolation'], 0],
    ['breaks', ['opens', 'breaks'], 1],
    ['opens', ['breaks', 'needed', 'tightens', 'isolation'], 0],
    ['opens', ['opens'], 1],
    ['opens', ['future'], 0],
  ] as const)('%s with %j is %d', (failOn, names, expected) => {
    expect(exitCodeFor(diffOf(...names), failOn)).toBe(expected)
  })

  test.each([
    ['nothing', 0],
    ['any', 1],
    ['breaks', 0],
    ['opens', 1],
  ] as const)('%s, where not every kind of pod was compared, is %d', (failOn, expected) => {
    expect(exitCodeFor({ ...diffOf(), truncated: true }, failOn)).toBe(expected)
  })

  test.each(['isolation', 'future'] as const)('what %s widens counts as opened', (section) => {
    const narrowed = diffOf(section)
    const changes = narrowed.changes.map((change) => ({ ...change, effect: 'widens' as const }))
    expect(exitCodeFor(narrowed, 'opens')).toBe(0)
    expect(exitCodeFor({ ...narrowed, changes }, 'opens')).toBe(1)
  })
})
