import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { toLabels } from '../src/labels.ts'
import { evaluate } from '../src/policy/evaluate.ts'
import { readManifests } from '../src/policy/manifest.ts'
import type { Policy, PolicyEndpoint } from '../src/policy/network-policy.ts'
import { parsePolicies } from '../src/policy/validate.ts'

const root = resolve(import.meta.dirname, '..')
const bin = join(root, 'dist', 'cli', 'bin.js')

interface Command {
  readonly text: string
  readonly exitCode: number
}

/** Returns the `npx netweir` commands of a page, in order; `# exit N` behind one says how it ends. */
function commandsOf(page: string): readonly Command[] {
  const path = join(root, page)
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '')
  return blocks
    .flatMap((block) => block.replaceAll(/\\\n\s*/g, ' ').split('\n'))
    .filter((line) => /(^|&& )npx netweir /.test(line))
    .map((line) => ({
      text: line.replace(/^.*&& (?=npx netweir )/, '').replace(/\s*#.*$/, ''),
      exitCode: Number(/# exit (\d+)/.exec(line)?.[1] ?? 0),
    }))
}

/** Returns a folder in which the commands of a page can run without touching the tree. */
function workingCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'netweir-samples-'))
  cpSync(join(root, 'samples'), join(folder, 'samples'), { recursive: true })
  return folder
}

function run(folder: string, command: string) {
  // What a page pipes into other programs is theirs: only netweir's own part is run.
  const own =
    command.replace(/^npx netweir/, `"${process.execPath}" "${bin}"`).split(' | ')[0] ?? ''
  return spawnSync('sh', ['-c', own], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: '1' },
    input: '',
  })
}

const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

describe.each([
  'README.md',
  'samples/README.md',
  'docs/verify.md',
  'docs/zones.md',
  'docs/report.md',
])('%s', (page) => {
  let folder = ''

  beforeAll(() => {
    folder = workingCopy()
    folders.push(folder)
  })

  test('shows commands', () => {
    expect(commandsOf(page).length).toBeGreaterThan(0)
  })

  test.each(commandsOf(page))('$text', ({ text, exitCode }) => {
    const { status, stdout, stderr } = run(folder, text)
    expect({ status, stderr }).toEqual({ status: exitCode, stderr: expect.any(String) })
    expect(stdout + stderr).not.toMatch(/^ +at .*\(?(node:|file:)/m)

    const outDir = /--out-dir (\S+)/.exec(text)?.[1]
    const out = /--out (\S+)/.exec(text)?.[1] ?? / > (\S+)/.exec(text)?.[1]
    if (out === undefined) expect(stdout).not.toBe('')
    else expect(existsSync(join(folder, out))).toBe(true)
    if (outDir !== undefined) {
      expect(existsSync(join(folder, outDir, 'kustomization.yaml'))).toBe(true)
    } else if (text.startsWith('npx netweir generate') && !/ -o json| --output json/.test(text)) {
      const documents = parseAllDocuments(out === undefined ? stdout : '')
      if (out === undefined) expect(documents.length).toBeGreaterThan(0)
      for (const document of documents) {
        expect(document.errors).toEqual([])
        expect(document.toJS()).toMatchObject({
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
        })
      }
    }
  })
})

describe('samples/shop', () => {
  const from =
    'npx netweir generate samples/shop/flows.jsonl --inventory samples/shop/inventory.yaml'
  let yaml = ''
  let policies: readonly Policy[] = []

  beforeAll(() => {
    const folder = workingCopy()
    folders.push(folder)
    yaml = run(folder, from).stdout
    policies = parsePolicies(readManifests(yaml, 'policies.yaml')).policies.map(
      ({ policy }) => policy,
    )
  })

  test('is what make.mjs makes', () => {
    const script = join(root, 'samples', 'shop', 'make.mjs')
    expect(() => execFileSync(process.execPath, [script, '--check'])).not.toThrow()
  })

  test.each(['29540', 'job-name', '1\\.15\\.0', 'pod-template-hash', 'newsletter', '10\\.96\\.'])(
    'leaves %s out of the policies',
    (pattern) => {
      expect(yaml).not.toMatch(new RegExp(pattern))
    },
  )

  test('names no port of a client', () => {
    const ports = [...yaml.matchAll(/^ *(?:- )?(?:port|endPort): (\d+)$/gm)].map((match) =>
      Number(match[1]),
    )
    expect(ports.length).toBeGreaterThan(20)
    expect(Math.max(...ports)).toBeLessThan(32_768)
  })

  test.each([
    ['world -> ingress', 443, true],
    ['ingress -> web', 8080, true],
    ['web -> cart', 8081, true],
    ['web -> cache', 6379, false],
    ['cart -> cache', 6379, true],
    ['checkout -> payments', 8443, true],
    ['checkout -> records', 8080, true],
    ['checkout -> database', 5432, false],
    ['web -> records', 8080, false],
    ['records -> database', 5432, true],
    ['backup -> database', 5432, true],
    ['database -> records', 8080, false],
    ['debug -> database', 5432, false],
    ['debug -> cart', 8081, false],
    ['debug -> records', 8080, false],
    ['prometheus -> records', 9102, true],
    ['prometheus -> records', 8080, false],
    ['payments -> stripe', 443, true],
    ['payments -> world', 443, false],
    ['backup -> storage', 443, true],
    ['checkout -> stripe', 443, false],
    ['web -> dns', 9153, false],
  ])('%s on %i: %s', (ends, port, allowed) => {
    const [source, destination] = ends.split(' -> ').map((name) => shop[name])
    if (source === undefined || destination === undefined) throw new Error(`no such end: ${ends}`)
    expect(evaluate(policies, source, destination, { protocol: 'TCP', port }).allowed).toBe(allowed)
  })

  test.each(['web', 'cart', 'checkout', 'records', 'payments', 'backup', 'prometheus'])(
    '%s may look up names',
    (name) => {
      const [source, destination] = [shop[name], shop['dns']]
      if (source === undefined || destination === undefined) throw new Error(`no such end: ${name}`)
      for (const protocol of ['TCP', 'UDP'] as const) {
        const decision = evaluate(policies, source, destination, { protocol, port: 53 })
        expect(decision.allowed).toBe(true)
      }
    },
  )
})

const shop: Readonly<Record<string, PolicyEndpoint>> = {
  world: { kind: 'address', address: '203.0.113.250' },
  stripe: { kind: 'address', address: '203.0.113.40' },
  storage: { kind: 'address', address: '192.0.2.80' },
  ingress: pod('ingress-nginx', 'ingress-nginx', {
    'app.kubernetes.io/component': 'controller',
    'app.kubernetes.io/part-of': 'ingress-nginx',
  }),
  dns: pod('kube-system', undefined, { 'k8s-app': 'kube-dns' }),
  prometheus: pod('monitoring', 'prometheus', { 'app.kubernetes.io/instance': 'main' }),
  backup: pod('patients', 'backup', {
    'app.kubernetes.io/part-of': 'patients',
    'job-name': 'backup-29540720',
  }),
  records: pod('patients', 'records-api', { 'app.kubernetes.io/part-of': 'patients' }),
  database: pod('patients', 'records-db', { 'app.kubernetes.io/part-of': 'patients' }),
  payments: pod('payments', 'payments-api', {}),
  cart: pod('shop', 'cart', {
    'app.kubernetes.io/component': 'api',
    'app.kubernetes.io/part-of': 'shop',
  }),
  cache: pod('shop', 'cart', {
    'app.kubernetes.io/component': 'cache',
    'app.kubernetes.io/part-of': 'shop',
  }),
  checkout: pod('shop', 'checkout', { 'app.kubernetes.io/part-of': 'shop' }),
  web: pod('shop', 'web', {
    'app.kubernetes.io/part-of': 'shop',
    'app.kubernetes.io/version': '1.16.0',
    'pod-template-hash': '5c6f7d8b94',
  }),
  debug: pod('shop', undefined, { run: 'debug' }),
}

function pod(
  namespace: string,
  name: string | undefined,
  labels: Readonly<Record<string, string>>,
): PolicyEndpoint {
  return {
    kind: 'pod',
    namespace,
    namespaceLabels: toLabels([['kubernetes.io/metadata.name', namespace]]),
    labels: toLabels([
      ...Object.entries(labels),
      ...(name === undefined ? [] : [['app.kubernetes.io/name', name] as const]),
    ]),
  }
}
