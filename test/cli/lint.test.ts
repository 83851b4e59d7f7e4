import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createFakeIo, hostileCharacters } from '../support/fake-io.ts'
import { flowLines } from '../support/flows.ts'

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-lint-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function put(name: string, text: string): string {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

async function run(argv: readonly string[], stdin = '') {
  const io = createFakeIo({ stdin })
  const code = await main(argv, io)
  expect(hostileCharacters(io.out + io.err)).toEqual([])
  return { code, out: io.out.replaceAll(`${directory}/`, ''), err: io.err }
}

const legacy = join(import.meta.dirname, 'lint', 'legacy.yaml')
const head = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n'
const clean = `${head}metadata: {name: web, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}}\n`
const mild = clean.replace(
  '}}}\n',
  '}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 1, endPort: 9}]}]}\n',
)
const grave = clean.replace('}}}\n', '}}, policyTypes: [Ingress], egress: [{}]}\n')

describe('lint', () => {
  test.each(['text', 'json', 'markdown'])('says what is wrong as %s', async (format) => {
    const { code, out, err } = await run(['lint', legacy, '-o', format])
    expect([code, err]).toEqual([1, ''])
    const text = out.replaceAll(`${join(import.meta.dirname, 'lint')}/`, '')
    await expect(text).toMatchFileSnapshot(`golden/lint-${format}.txt`)
  })

  test.each([
    [clean, [], 0],
    [mild, [], 0],
    [mild, ['--fail-on', 'info'], 1],
    [mild, ['--fail-on', 'warning'], 0],
    [grave, [], 1],
    [grave, ['--fail-on', 'error'], 1],
    [clean.replace('web}', 'wep}'), ['--fail-on', 'info'], 0],
  ])('ends as --fail-on says: case %#', async (text, flags, expected) => {
    const { code } = await run(['lint', put('p.yaml', text), ...flags])
    expect(code).toBe(expected)
  })

  test('knows the pods of an inventory and of flows', async () => {
    const file = put('p.yaml', clean.replace('web}', 'wep}'))
    const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: c}]}\n`
    const flows = flowLines([
      { from: { ns: 'shop', app: 'web' }, to: { ns: 'shop', app: 'api' }, port: 80 },
    ])
    for (const flags of [
      ['--inventory', put('inventory.yaml', pod)],
      ['--flows', put('flows.jsonl', flows)],
    ]) {
      const { code, out } = await run(['lint', file, ...flags])
      expect(code).toBe(1)
      expect(out).toContain('p.yaml:1: warning[MATCHES_NO_POD]: shop/web: ')
    }
  })

  test('knows the ranges that flags name', async () => {
    const file = put(
      'p.yaml',
      clean.replace('}}}\n', '}}, ingress: [{from: [{ipBlock: {cidr: 10.1.2.0/24}}]}]}\n'),
    )
    expect((await run(['lint', file])).out).not.toContain('p.yaml:4: warning[CLUSTER_RANGE]')
    for (const flag of ['--pod-cidr', '--service-cidr', '--node-cidr']) {
      const { code, out } = await run(['lint', file, flag, '10.1.0.0/16'])
      expect(code).toBe(1)
      expect(out).toContain('p.yaml:4: warning[CLUSTER_RANGE]')
    }
  })

  test('reads standard input, and writes to a file', async () => {
    const out = join(directory, 'report.json')
    const { code, out: text } = await run(['lint', '-', '-o', 'json', '--out', out], grave)
    expect([code, text]).toEqual([1, ''])
  })

  test('what the API server refuses is a finding, and the rest is looked at', async () => {
    const bad = grave.replace('[Ingress]', '[Inbound]').replace('name: web', 'name: bad')
    const { code, out } = await run(['lint', put('p.yaml', `${bad}---\n${grave}`)])
    expect(code).toBe(1)
    expect(out).toContain('error[INVALID]: shop/bad: spec.policyTypes[0]')
    expect(out).toContain('error[RULES_IGNORED]: shop/web')
    expect(out).toContain('2 policies: 2 errors')
  })

  test.each([
    [[], 'PATH is missing'],
    [['p', '-o', 'yaml'], '--output must be one of text, json, markdown, is "yaml"'],
    [['p', '--fail-on', 'any'], '--fail-on must be one of error, warning, info, is "any"'],
    [['-', '--flows', '-'], 'can be named once'],
    [['p', '--pod-cidr', '10.0.0.0'], '--pod-cidr must be a prefix'],
    [['nowhere.yaml'], 'no file or directory "nowhere.yaml"'],
  ])('refuses %j', async (argv, message) => {
    const { code, out, err } = await run(['lint', ...argv])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(message)
  })

  test('input without any policy is an error', async () => {
    const file = put('p.yaml', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n')
    const { code, err } = await run(['lint', file])
    expect(code).toBe(2)
    expect(err).toContain('error[MANIFEST_INVALID]: there is no policy in the input')
  })
})
