/** Bad input is normal: whatever is given, the exit code is right, there is something to do about it, and nothing is half-written. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createFakeIo } from '../support/fake-io.ts'
import { flowLine } from '../support/flows.ts'

const work = mkdtempSync(join(tmpdir(), 'netweir-bad-input-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

let files = 0

/** Writes a file of its own and returns its path. */
function file(content: string | Uint8Array, suffix = '.jsonl'): string {
  files += 1
  const path = join(work, `input-${files}${suffix}`)
  writeFileSync(path, content)
  return path
}

const web = { ns: 'shop', app: 'web' }
const api = { ns: 'shop', app: 'api' }
const good = `${flowLine({ from: web, to: api, port: 8080, flags: 'SYN' })}\n`

interface Run {
  readonly exit: number
  readonly out: string
  readonly err: string
}

async function netweir(...argv: readonly string[]): Promise<Run> {
  const io = createFakeIo()
  const exit = await main(argv, io)
  return { exit, out: io.out, err: io.err }
}

/** What every failure owes to the person who has only its text. */
function expectGuidance({ exit, out, err }: Run, code: string): void {
  expect(err).toContain(`error[${code}]`)
  expect(err).toMatch(/ {2}hint: \S/)
  expect(err).not.toMatch(/\n\s+at .*\(.*:\d+:\d+\)/)
  expect(err.length).toBeLessThan(5_000)
  expect(out).toBe('')
  expect(exit).toBe(2)
}

async function* slowly(pieces: number, piece: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < pieces; index += 1) yield piece
}

describe('recordings that are none', () => {
  test.each<[string, () => string, string]>([
    ['missing', () => join(work, 'nowhere.jsonl'), 'SOURCE_NOT_FOUND'],
    ['empty', () => file(''), 'NO_TRAFFIC'],
    ['of blank lines', () => file('\n\r\n  \n'), 'NO_TRAFFIC'],
    [
      'binary',
      () => file(Uint8Array.from({ length: 4_096 }, (_, at) => (at * 37) % 256)),
      'NOT_FLOWS',
    ],
    [
      'a picture',
      () => file(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0])),
      'NOT_FLOWS',
    ],
    ['other JSON', () => file('{"hello":"world"}\n[1,2,3]\n"text"\n'), 'NOT_FLOWS'],
    ['a manifest', () => file('apiVersion: v1\nkind: Pod\n', '.yaml'), 'NOT_FLOWS'],
    [
      'the compact output of the hubble CLI',
      () =>
        file(
          'Jun 12 09:14:01.104: shop/web:44882 (ID:1) -> shop/api:8080 (ID:2) to-overlay FORWARDED (TCP Flags: SYN)\n',
        ),
      'NOT_FLOWS',
    ],
    [
      'the table of the hubble CLI',
      () => file('TIMESTAMP             SOURCE             DESTINATION\n'),
      'NOT_FLOWS',
    ],
    ['one truncated record', () => file(good.slice(0, 300)), 'NOT_FLOWS'],
    ['200,000 brackets', () => file(`${'['.repeat(200_000)}\n`), 'NOT_FLOWS'],
    ['200,000 braces', () => file(`${'{"flow":'.repeat(200_000)}\n`), 'NOT_FLOWS'],
    [
      'corrupt gzip',
      () => file(Uint8Array.from([...gzipSync(good).subarray(0, 20), 1, 2, 3, 4]), '.gz'),
      'SOURCE_CORRUPT',
    ],
    ['an empty directory', () => mkdtempSync(join(work, 'empty-')), 'SOURCE_NOT_FOUND'],
    [
      'a damaged communication set',
      () => file('{"apiVersion":"netweir/v1","kind":"CommunicationSet","classes":7}\n'),
      'SET_INVALID',
    ],
    [
      'a set of the future',
      () => file('{"apiVersion":"netweir/v9","kind":"CommunicationSet"}\n'),
      'SET_INVALID',
    ],
  ])('%s', async (_, make, code) => {
    const run = await netweir('generate', make())
    if (code === 'SOURCE_CORRUPT' && run.err.includes('NOT_FLOWS')) code = 'NOT_FLOWS'
    expectGuidance(run, code)
  })

  test('a line of 80 MB is dropped while it is read, and counted', async () => {
    const before = process.memoryUsage().rss
    const path = join(work, 'long.jsonl')
    const piece = Buffer.alloc(1024 * 1024, 0x61)
    writeFileSync(path, good)
    for await (const bytes of slowly(80, piece)) writeFileSync(path, bytes, { flag: 'a' })
    writeFileSync(path, `\n${good}`, { flag: 'a' })
    const { exit, out, err } = await netweir('learn', path)
    expect(exit).toBe(0)
    expect(JSON.parse(out).ledger).toMatchObject({
      records: 3,
      outcomes: { learned: 2, 'too-long': 1 },
    })
    expect(err).toContain('too-long')
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024)
  })

  test('bad records among good ones are counted with their first place, and end a strict run', async () => {
    const path = file(`${good}nonsense\n${good}{"flow":7}\n${good.slice(0, 200)}`)
    const { exit, out, err } = await netweir('learn', path)
    expect(exit).toBe(0)
    expect(JSON.parse(out).ledger).toMatchObject({
      records: 5,
      outcomes: { learned: 2, malformed: 2, truncated: 1 },
    })
    expect(err).toContain(`${path}:2`)
    expectGuidance(await netweir('learn', '--strict', path), 'FLOW_MALFORMED')
  })

  test('a recording without a learned edge is no deny-all, and the message says what it was', async () => {
    const denied = {
      from: web,
      to: api,
      port: 8080,
      flags: 'SYN',
      verdict: 'DROPPED',
      drop_reason_desc: 'POLICY_DENIED',
    }
    const line = flowLine({ from: web, to: { entity: 'health' }, port: 4240, flags: 'SYN' })
    const run = await netweir('generate', file(`${line}\n`))
    expectGuidance(run, 'NO_TRAFFIC')
    expect(run.err).toContain('1 health')
    const record = JSON.parse(flowLine({ from: web, to: api, port: 8080, flags: 'SYN' })) as {
      flow: Record<string, unknown>
    }
    record.flow['verdict'] = denied.verdict
    record.flow['drop_reason_desc'] = denied.drop_reason_desc
    record.flow['event_type'] = { type: 5 }
    delete record.flow['is_reply']
    const closed = await netweir('generate', file(`${JSON.stringify(record)}\n`))
    expectGuidance(closed, 'NO_TRAFFIC')
    expect(closed.err).toContain('--learn-denied')
  })

  test.each([
    ['audit mode', { verdict: 'AUDIT' }, [], '--learn-audit'],
    [
      'another cluster',
      { to: { ...api, cluster: 'b', remote: true } },
      ['--cluster-name', 'x'],
      '--cluster-name',
    ],
    [
      'masked fields',
      { from: { ...web, masked: true }, to: { ...api, masked: true } },
      [],
      'docs/flows.md',
    ],
    [
      'nodes alone',
      { from: { entity: 'host', ip: '172.18.0.2' }, to: api, direction: 'INGRESS' },
      [],
      'nodes and the API server alone',
    ],
    [
      'system namespaces alone',
      { from: { ns: 'kube-system', app: 'a' }, to: { ns: 'kube-system', app: 'b' } },
      [],
      '--include-system kube-system',
    ],
    ['a namespace that is not there', {}, ['-n', 'elsewhere'], 'name one of them with -n'],
  ] as const)(
    'names the way out where nothing can be made of it: %s',
    async (_what, flow, flags, way) => {
      const text = flowLine({ from: web, to: api, port: 8080, flags: 'SYN', ...flow })
      const run = await netweir('generate', file(`${text}\n`), ...flags)
      expectGuidance(run, 'NO_TRAFFIC')
      expect(run.err).toContain(way)
    },
  )
})

describe('names and labels that want to be something else', () => {
  test('labels named __proto__ and constructor are labels', async () => {
    const odd = { ns: 'shop', app: 'odd' }
    const text = flowLine({ from: odd, to: api, port: 8080, flags: 'SYN' }).replace(
      '"k8s:app=odd"',
      '"k8s:__proto__=polluted","k8s:app=odd","k8s:constructor=x"',
    )
    const { exit, out } = await netweir('generate', file(`${text}\n`))
    expect(exit).toBe(0)
    expect(out).toContain('app: odd')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(Object.prototype).not.toHaveProperty('x')
  })

  test('a namespace or a pod with ../ or escape sequences reaches neither a path nor a terminal', async () => {
    const text = flowLine({ from: web, to: api, port: 8080, flags: 'SYN' })
      .replaceAll('"namespace":"shop"', '"namespace":"../../etc"')
      .replaceAll('io.kubernetes.pod.namespace=shop', 'io.kubernetes.pod.namespace=../../etc')
      .replaceAll('k8s:app=web', 'k8s:app=\\u001b[2Jweb')
    const target = join(work, 'policies')
    const { exit, out, err } = await netweir('generate', file(`${text}\n`), '--out-dir', target)
    expect(out + err).not.toContain('\u001b[2J')
    expect(existsSync(join(work, 'etc'))).toBe(false)
    if (exit === 0) {
      const places = readdirSync(target, { recursive: true }).map(String)
      expect(places.every((place) => !place.includes('..'))).toBe(true)
    } else expect(err).toMatch(/error\[[A-Z_]+\]/)
  })
})

describe('manifests', () => {
  const flows = (): string => file(good)

  test('every problem of every file is told at once, each with its place', async () => {
    const first = file(
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec:\n  podSelector: {}\n  policyTypes: [Both]\n  ingress:\n    - ports: [{port: 99999}]\n',
      '.yaml',
    )
    const run = await netweir('generate', flows(), '--existing', first)
    expectGuidance(run, 'MANIFEST_INVALID')
    expect(run.err).toMatch(/:6:\d+: error\[MANIFEST_INVALID\]/)
    expect(run.err).toMatch(/:8:\d+: error\[MANIFEST_INVALID\]/)
  })

  test.each<[string, string]>([
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
        .split('')
        .map((name, at) => `${name}: &${name} [${`*${'abcdefghi'[at]},`.repeat(9)}]`)
        .join('\n')}\n`,
    ],
    ['200,000 brackets', '['.repeat(200_000)],
    ['tabs', 'a:\n\tb: c\n'],
    ['a duplicate key', 'apiVersion: v1\nkind: Pod\nkind: Pod\n'],
    ['binary', '\u0000\u0001\u0002'],
  ])('%s', async (_, text) => {
    const run = await netweir('generate', flows(), '--existing', file(text, '.yaml'))
    expect(run.err).toMatch(/error\[MANIFEST_(SYNTAX|INVALID)\]/)
    expect(run.err).not.toMatch(/\n\s+at .*\(.*:\d+:\d+\)/)
    expect(run.out).toBe('')
    expect(run.exit).toBe(2)
  })

  test('missing', async () => {
    expectGuidance(
      await netweir('generate', flows(), '--existing', join(work, 'nowhere')),
      'SOURCE_NOT_FOUND',
    )
  })

  test('standard input for two purposes', async () => {
    expectGuidance(await netweir('generate', '-', '--existing', '-'), 'USAGE')
  })
})
