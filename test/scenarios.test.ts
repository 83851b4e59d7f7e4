import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../src/cli/main.ts'
import { splitKinds } from '../src/diff/policy-kinds.ts'
import { evaluate } from '../src/policy/evaluate.ts'
import { readManifests } from '../src/policy/manifest.ts'
import type { Policy } from '../src/policy/network-policy.ts'
import { isManaged } from '../src/policy/network-policy.ts'
import { parsePolicies } from '../src/policy/validate.ts'
import { readPolicyPath } from '../src/source/manifests.ts'
import { createFakeIo } from './support/fake-io.ts'
import type { Connection, Scenario } from './support/scenario.ts'
import {
  connectionsOf,
  endOf,
  forEachTarget,
  openedIn,
  policyEndpointOf,
  readScenarios,
  recordingOf,
} from './support/scenario.ts'

const scenarios = readScenarios(resolve(import.meta.dirname, 'scenarios')).flatMap(forEachTarget)
const work = mkdtempSync(join(tmpdir(), 'netweir-scenarios-'))

afterAll(() => rmSync(work, { recursive: true, force: true }))

interface Run {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

async function netweir(argv: readonly string[]): Promise<Run> {
  const fake = createFakeIo()
  const exit = await main(argv, fake)
  return { exit, stdout: fake.out, stderr: fake.err }
}

function flagsOf({ dir, options = [] }: Scenario, withExisting = true): readonly string[] {
  const inventory = join(dir, 'inventory.yaml')
  const existing = join(dir, 'existing')
  return [
    ...(existsSync(inventory) ? ['--inventory', inventory] : []),
    ...(withExisting && existsSync(existing) ? ['--existing', existing] : []),
    ...options,
  ]
}

/** Tells whether no policy that exists is one that netweir would rewrite. */
function isHandWritten({ dir }: Scenario): boolean {
  const existing = join(dir, 'existing')
  return (
    !existsSync(existing) ||
    readdirSync(existing).every(
      (name) => !readFileSync(join(existing, name), 'utf8').includes('managed-by: netweir'),
    )
  )
}

/** The flags that `learn` takes too. */
function readingFlagsOf(flags: readonly string[]): readonly string[] {
  const valued = ['--inventory', '--cluster-name', '--node-cidr', '--service-cidr', '--l7']
  return flags.filter(
    (flag, index) =>
      flag.startsWith('--learn-') ||
      valued.includes(flag) ||
      valued.includes(flags[index - 1] ?? ''),
  )
}

/** Writes a file of its own for the case and returns its path. */
function file({ name }: Scenario, suffix: string, content: string | Uint8Array): string {
  const path = join(work, `${name}-${suffix}`)
  writeFileSync(path, content)
  return path
}

/** Returns the items in another order that is always the same. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item, index) => ({ item, rank: ((index + 1) * 7919) % 1009 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

/** Returns a text without what differs from machine to machine. */
function stable(text: string, { dir }: Scenario): string {
  return text.replaceAll(`${work}/`, '').replaceAll(`${dir}/`, '')
}

/** The policies that would be in force: what was written, and what netweir does not manage. */
async function policiesInForce({ dir }: Scenario, written: string): Promise<readonly Policy[]> {
  const generated = parsePolicies(readManifests(written, 'policies.yaml')).policies
  const existing = join(dir, 'existing')
  const found = existsSync(existing) ? await readPolicyPath(existing, nothing()) : undefined
  const kept = (found?.policies ?? []).filter(({ policy }) => !isManaged(policy))
  return splitKinds([...generated, ...kept]).judged.map(({ policy }) => policy)
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function isAllowed(scenario: Scenario, policies: readonly Policy[], asked: Connection): boolean {
  const [from, to] = [asked.from, asked.to].map((end) => policyEndpointOf(endOf(scenario, end)))
  if (from === undefined || to === undefined) throw new Error('a connection has two ends')
  const cluster = (scenario.options ?? []).includes('--cluster-name') ? 'prod' : ''
  return evaluate(policies, from, to, asked.service, { cluster }).allowed
}

function inWords({ from, to, service }: Connection): string {
  return `${from} -> ${to} ${'icmp' in service ? 'ICMP' : `${service.port}/${service.protocol}`}`
}

describe.each(scenarios)('$name', (scenario) => {
  const lines = recordingOf(scenario)
  let run: Run
  let policies = ''

  beforeAll(async () => {
    const source = file(scenario, 'flows.jsonl', textOf(lines))
    const out = join(work, `${scenario.name}.yaml`)
    run = await netweir(['generate', source, ...flagsOf(scenario), '--out', out])
    policies = existsSync(out) ? readFileSync(out, 'utf8') : ''
  })

  test('ends as it should', () => {
    expect({ exit: run.exit, stderr: run.stderr }).toEqual({
      exit: scenario.exit ?? 0,
      stderr: expect.any(String),
    })
  })

  test('is what was reviewed', async () => {
    const expected = join(scenario.dir, scenario.expected ?? 'expected')
    if (run.exit === 0) await expect(policies).toMatchFileSnapshot(join(expected, 'policies.yaml'))
    if (run.exit === 0) {
      await expect(stable(run.stdout, scenario)).toMatchFileSnapshot(join(expected, 'diff.txt'))
    }
    await expect(stable(run.stderr, scenario)).toMatchFileSnapshot(join(expected, 'summary.txt'))
  })

  test('allows and denies what was said by hand', async () => {
    const inForce = await policiesInForce(scenario, policies)
    const allowed = [...openedIn(scenario), ...(scenario.allowed ?? []).flatMap(connectionsOf)]
    const denied = (scenario.denied ?? []).flatMap(connectionsOf)
    const wrong =
      scenario.exit === undefined
        ? [
            ...allowed
              .filter((asked) => !isAllowed(scenario, inForce, asked))
              .map((asked) => `denied: ${inWords(asked)}`),
            ...denied
              .filter((asked) => isAllowed(scenario, inForce, asked))
              .map((asked) => `allowed: ${inWords(asked)}`),
          ]
        : []
    expect(wrong).toEqual([])
  })

  test('says what it should', () => {
    const said = run.stdout + run.stderr
    for (const pattern of scenario.findings ?? []) expect(said).toMatch(new RegExp(pattern, 'im'))
    for (const pattern of scenario.silent ?? []) expect(said).not.toMatch(new RegExp(pattern, 'im'))
    for (const pattern of scenario.present ?? []) expect(policies).toMatch(new RegExp(pattern, 'm'))
    for (const pattern of scenario.absent ?? []) {
      expect(policies).not.toMatch(new RegExp(pattern, 'm'))
    }
    if (scenario.policies !== undefined) {
      expect(policies.match(/^kind: NetworkPolicy$/gm)?.length ?? 0).toBe(scenario.policies)
    }
  })

  test('counts every record', async () => {
    const source = file(scenario, 'counted.jsonl', textOf(lines))
    const reading = readingFlagsOf(flagsOf(scenario))
    const learned = await netweir(['learn', source, ...reading])
    if (learned.exit !== 0) return expect(learned.exit).toBe(scenario.exit)
    const { ledger } = JSON.parse(learned.stdout)
    expect(ledger.records).toBe(lines.length)
    expect(ledger.outcomes).toMatchObject(scenario.ledger ?? {})
  })

  test('changes nothing when its policies are given back', async () => {
    if (run.exit !== 0) return expect(policies).toBe('')
    const source = file(scenario, 'flows.jsonl', textOf(lines))
    const own = file(scenario, 'own.yaml', policies)
    const flags = [...flagsOf(scenario, isHandWritten(scenario)), '--existing', own]
    const again = await netweir(['generate', source, ...flags])
    expect({ exit: again.exit, stdout: again.stdout }).toEqual({ exit: 0, stdout: policies })
    expect((await netweir(['diff', source, ...flags])).exit).toBe(0)
  })

  test('is the same in any order, split, compressed and through a saved set', async () => {
    const half = Math.floor(lines.length / 2)
    const set = join(work, `${scenario.name}-set.json`)
    const cluster = (scenario.options ?? []).includes('--cluster-name')
      ? ['--cluster-name', 'prod']
      : []
    const again = file(scenario, 'again.jsonl', textOf(lines))
    const at = (scenario.options ?? []).indexOf('--l7')
    const requests = at < 0 ? [] : (scenario.options ?? []).slice(at, at + 2)
    await netweir(['learn', again, ...cluster, ...requests, '--out', set])
    const variants = {
      shuffled: [file(scenario, 'shuffled.jsonl', textOf(shuffled(lines)))],
      compressed: [file(scenario, 'flows.jsonl.gz', gzipSync(textOf(lines)))],
      split: [
        file(scenario, 'second.jsonl', textOf(lines.slice(half))),
        file(scenario, 'first.jsonl', textOf(lines.slice(0, half))),
      ],
      saved: [set],
    }
    for (const [variant, sources] of Object.entries(variants)) {
      const { exit, stdout } = await netweir(['generate', ...sources, ...flagsOf(scenario)])
      expect({ variant, exit, stdout }).toEqual({
        variant,
        exit: scenario.exit ?? 0,
        stdout: policies,
      })
    }
  })
})
