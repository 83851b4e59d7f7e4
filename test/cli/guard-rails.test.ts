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
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createFakeIo, hostileCharacters } from '../support/fake-io.ts'
import { flowLines } from '../support/flows.ts'

let directory = ''

const web = { ns: 'shop', app: 'web' }
const records = { ns: 'patients', app: 'records' }
const debug = { ns: 'shop', app: 'debug' }
const resolver = { ns: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, pod: 'coredns-0' }

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-rails-'))
  put(
    'flows.jsonl',
    flowLines([
      { from: web, to: records, port: 8080 },
      { from: debug, to: web, port: 80 },
      { from: web, to: resolver, port: 53, protocol: 'UDP' },
    ]),
  )
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function put(name: string, text: string): string {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

const at = (name: string): string => join(directory, name)

async function run(...argv: readonly string[]) {
  const io = createFakeIo()
  const code = await main(argv, io)
  expect(hostileCharacters(io.out + io.err)).toEqual([])
  const short = (text: string) => text.replaceAll(`${directory}/`, '')
  return { code, out: short(io.out), err: short(io.err) }
}

/** A guard rail for the records: who, and on which port. */
function rail(app: string, port: number, name = 'rail.yaml'): string {
  return put(
    name,
    [
      'apiVersion: networking.k8s.io/v1',
      'kind: NetworkPolicy',
      'metadata: {name: guard, namespace: patients}',
      'spec:',
      '  podSelector: {}',
      '  ingress:',
      '    - from:',
      '        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}',
      `          podSelector: {matchLabels: {app: ${app}}}`,
      `      ports: [{port: ${port}}]`,
      '',
    ].join('\n'),
  )
}

const broken = 'rail.yaml:7: forbid: shop/web can reach patients/records on 8080/TCP'

describe('generate', () => {
  test('writes as ever where guard rails hold', async () => {
    const plain = await run('generate', at('flows.jsonl'))
    const forbid = rail('debug', 8080)
    const permit = rail('web', 8080, 'permit.yaml')
    const guarded = await run('generate', at('flows.jsonl'), '--forbid', forbid, '--permit', permit)
    expect(guarded).toEqual({ ...plain, code: 0 })
  })

  test.each([
    ['--forbid', () => rail('web', 8080), broken],
    [
      '--permit',
      () => rail('debug', 22),
      'rail.yaml:7: permit: shop/debug cannot reach patients/records on 22/TCP',
    ],
  ])('writes nothing where %s is broken, and says so even when quiet', async (flag, make, text) => {
    const policies = at('policies')
    mkdirSync(policies)
    writeFileSync(join(policies, 'kustomization.yaml'), '# Managed by netweir: old\n')
    const file = make()
    for (const target of [[], ['--out', at('p.yaml')], ['--out-dir', policies], ['-q']]) {
      const { code, out, err } = await run(
        'generate',
        at('flows.jsonl'),
        flag,
        file,
        '--fail-on',
        'breaks',
        ...target,
      )
      expect([code, out]).toEqual([1, ''])
      expect(err).toContain(text)
      expect(err).toContain('nothing was written')
      expect(existsSync(at('p.yaml'))).toBe(false)
      expect(readdirSync(policies)).toEqual(['kustomization.yaml'])
      expect(readFileSync(join(policies, 'kustomization.yaml'), 'utf8')).toContain('old')
    }
  })

  test('counts the policies of others that stay', async () => {
    const wide = put(
      'wide.yaml',
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: wide, namespace: patients}\nspec: {podSelector: {}, ingress: [{}]}\n',
    )
    const open = put(
      'open.yaml',
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: out, namespace: shop}\nspec: {podSelector: {}, egress: [{}]}\n',
    )
    const flags = ['--existing', wide, '--existing', open, '--forbid', rail('debug', 22)]
    const { code, err } = await run('generate', at('flows.jsonl'), ...flags)
    expect(code).toBe(1)
    expect(err).toContain('allowed by patients/wide (wide.yaml:4), shop/out (open.yaml:4)')
  })
})

describe('diff', () => {
  const nothing =
    'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: patients}\nspec: {podSelector: {}}\n'

  test.each([
    ['text', /^1 guard rail violation: 1 forbidden and possible\n/],
    ['markdown', /^### 1 guard rail violation: 1 forbidden and possible\n\n\| guard rail \|/],
    ['json', /"violations": \[\n {4}\{\n {6}"kind": "forbid"/],
  ])('shows broken guard rails as %s, and ends with 1', async (format, expected) => {
    const { code, out } = await run(
      'diff',
      at('flows.jsonl'),
      '--existing',
      put('p.yaml', nothing),
      '--forbid',
      rail('web', 8080),
      '-o',
      format,
      '--fail-on',
      'breaks',
    )
    expect(code).toBe(1)
    expect(out).toMatch(expected)
  })

  test('of two given sets holds the new one against them', async () => {
    const closed = put('closed.yaml', nothing)
    const open = put('open.yaml', nothing.replace('{}}', '{}, ingress: [{}]}'))
    const flags = ['--forbid', rail('web', 8080), '--fail-on', 'breaks', at('flows.jsonl')]
    expect((await run('diff', '--old', closed, '--new', open, ...flags)).code).toBe(1)
    const tightened = await run('diff', '--old', open, '--new', closed, ...flags)
    expect(tightened.out).not.toContain('guard rail')
    expect(tightened.code).toBe(1)
    const kept = await run('diff', '--old', closed, '--new', closed, ...flags)
    expect(kept.code).toBe(0)
  })

  test('says where a guard rail speaks of no known pod', async () => {
    const { code, err } = await run(
      'diff',
      at('flows.jsonl'),
      '--existing',
      put('p.yaml', nothing),
      '--forbid',
      rail('nobody', 8080),
      '--fail-on',
      'opens',
    )
    expect(code).toBe(0)
    expect(err).toContain('rail.yaml:7: warning: guard rail patients/guard names no known pod')
  })
})

describe('a guard rail that says nothing is refused', () => {
  const head =
    'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: guard, namespace: patients}\n'

  test.each([
    ['no rule', `${head}spec: {podSelector: {}, policyTypes: [Ingress]}\n`, 'has no rule'],
    [
      'a rule of another direction',
      `${head}spec: {podSelector: {}, policyTypes: [Ingress], egress: [{}]}\n`,
      'has egress rules without that type',
    ],
    [
      'no policy',
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n',
      'holds no guard rail, expected a NetworkPolicy',
    ],
    [
      'another kind',
      'apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a}\nspec: {endpointSelector: {}, ingress: [{}]}\n',
      'cannot be a guard rail',
    ],
  ])('%s', async (_what, text, message) => {
    for (const flag of ['--permit', '--forbid']) {
      const { code, out, err } = await run('generate', at('flows.jsonl'), flag, put('r.yaml', text))
      expect([code, out]).toEqual([2, ''])
      expect(err).toContain(message)
    }
  })

  test('and so is one that is not there', async () => {
    const { code, err } = await run('generate', at('flows.jsonl'), '--forbid', 'nowhere.yaml')
    expect(code).toBe(2)
    expect(err).toContain('no file or directory "nowhere.yaml"')
  })
})
