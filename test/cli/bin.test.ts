import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { healDirectory } from '../../src/cli/out-dir.ts'
import { built } from '../support/built.ts'
import { flowLines } from '../support/flows.ts'

const bin = built('cli/bin.js')
let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-bin-'))
  const manyEdges = Array.from({ length: 1500 }, (_, index) => ({
    from: { ns: 'shop', app: `client-${index}` },
    to: { ns: 'shop', app: `server-${index % 40}` },
    port: 8080,
  }))
  writeFileSync(join(directory, 'flows.jsonl'), flowLines(manyEdges))
  writeFileSync(join(directory, 'some.jsonl'), flowLines(manyEdges.slice(0, 120)))
  writeFileSync(join(directory, 'few.jsonl'), flowLines(manyEdges.slice(0, 3)))
})

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

const at = (name: string): string => join(directory, name)

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly err: string
}

function run(argv: readonly string[], input?: string): Ended {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [bin, ...argv], {
    input,
    maxBuffer: 1 << 28,
  })
  return { code: status, signal, out: stdout.toString(), err: stderr.toString() }
}

/** Runs a line of bash in which "$@" is netweir with its arguments. */
function bash(line: string, argv: readonly string[]): Ended {
  const { status, signal, stdout, stderr } = spawnSync(
    'bash',
    ['-c', line, 'bash', process.execPath, bin, ...argv],
    { maxBuffer: 1 << 28 },
  )
  return { code: status, signal, out: stdout.toString(), err: stderr.toString() }
}

describe('the process', () => {
  test('prints its version', () => {
    const { version } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    )
    expect(run(['--version'])).toEqual({ code: 0, signal: null, out: `${version}\n`, err: '' })
  })

  test('ends with 2 after wrong usage', () => {
    const { code, out, err } = run(['generate', '--nonsense'])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('error[USAGE]: unknown flag "--nonsense"')
  })

  test('can be executed as a file', () => {
    expect(readFileSync(bin, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true)
  })

  test('reads standard input to its end', () => {
    const piped = run(['learn', '-', '-q'], readFileSync(at('flows.jsonl'), 'utf8'))
    const named = run(['learn', at('flows.jsonl'), '-q'])
    expect([piped.code, piped.err]).toEqual([0, ''])
    expect(piped.out).toBe(named.out)
    expect(named.out.length).toBeGreaterThan(1 << 17)
  })

  test('ends though standard input stays open', async () => {
    const child = spawn(process.execPath, [bin, 'learn', at('few.jsonl'), '-q'])
    child.stdout.resume()
    const [code] = await once(child, 'exit')
    child.stdin.destroy()
    expect(code).toBe(0)
  })
})

describe('a reader that goes away', () => {
  test.each([
    ['learn', 'flows.jsonl', [], 'head -1 >/dev/null'],
    ['generate', 'some.jsonl', [], 'head -1 >/dev/null'],
    ['diff', 'few.jsonl', ['--existing', '/dev/null'], 'true'],
  ])('ends %s quietly with 0', (command, name, flags, reader) => {
    const { out, err } = bash(`"$@" | ${reader}; echo "$PIPESTATUS"`, [
      ...[command, at(name), '-q'],
      ...flags,
    ])
    expect([out, err]).toEqual(['0\n', ''])
  })

  test('of standard error changes nothing', () => {
    const { out, err } = bash('"$@" 2>&1 >/dev/null | true; echo "$PIPESTATUS"', [
      ...['learn', at('few.jsonl')],
    ])
    expect([out, err]).toEqual(['0\n', ''])
  })
})

describe('a place that cannot be written', () => {
  beforeEach(() => {
    rmSync(at('made'), { recursive: true, force: true })
  })

  test('standard output on a full device', () => {
    const { code, err } = bash('"$@" >/dev/full', ['learn', at('few.jsonl'), '-q'])
    expect(code).toBe(2)
    expect(err).toContain('error[OUTPUT_FAILED]: cannot write to standard output')
  })

  test.each([
    ['--out', '/dev/full'],
    ['--out', '/proc/netweir/set.json'],
    ['--out-dir', '/proc/netweir'],
    ['--out-dir', '/dev/null/policies'],
  ])('%s %s', (flag, place) => {
    const { code, out, err } = run(['generate', at('few.jsonl'), flag, place, '-q'])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('error[OUTPUT_FAILED]: ')
    expect(err).toContain('  hint: ')
    expect(err).not.toContain('    at ')
  })

  test('a file that would not fit leaves the old one', () => {
    mkdirSync(at('made'))
    writeFileSync(at('made/set.json'), 'old')
    const { code, err } = bash('ulimit -f 16; exec "$@"', [
      ...['learn', at('flows.jsonl'), '--out', at('made/set.json'), '-q'],
    ])
    expect(code).toBe(2)
    expect(err).toContain('error[OUTPUT_FAILED]: cannot write')
    expect(readdirSync(at('made'))).toEqual(['set.json'])
    expect(readFileSync(at('made/set.json'), 'utf8')).toBe('old')
  })

  test('a directory with a file that would not fit leaves the old one', () => {
    mkdirSync(at('made/policies'), { recursive: true })
    writeFileSync(at('made/policies/kustomization.yaml'), '# Managed by netweir\nold\n')
    const { code, err } = bash('ulimit -f 1; exec "$@"', [
      ...['generate', at('some.jsonl'), '--out-dir', at('made/policies'), '-q'],
    ])
    expect(code).toBe(2)
    expect(err).toContain('error[OUTPUT_FAILED]: cannot write')
    expect(readdirSync(at('made'))).toEqual(['policies'])
    expect(readdirSync(at('made/policies'))).toEqual(['kustomization.yaml'])
  })
})

/** Starts netweir on standard input, and resolves once it has read more than a pipe holds. */
async function reading(argv: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
  const child = spawn(process.execPath, [bin, ...argv])
  const lines = readFileSync(at('flows.jsonl'))
  await new Promise<void>((resolve) => {
    child.stdin.write(lines, () => resolve())
  })
  return child
}

describe('an interruption', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s ends with 130, nothing written',
    async (signal) => {
      const child = await reading(['generate', '-', '--out-dir', at('interrupted')])
      const out: Buffer[] = []
      const err: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
      child.kill(signal)
      const [code, by] = await once(child, 'close')
      expect([code, by]).toEqual([130, null])
      expect(Buffer.concat(out).toString()).toBe('')
      expect(Buffer.concat(err).toString()).toContain('error[INTERRUPTED]: interrupted')
      expect(Buffer.concat(err).toString()).not.toContain('    at ')
      expect(() => statSync(at('interrupted'))).toThrow('ENOENT')
    },
  )
})

/** A small generator of random numbers (mulberry32), so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

test('kill -9 at any moment leaves a whole directory, after healing', async () => {
  const next = random(20_260_224)
  const parent = at('killed')
  const target = join(parent, 'policies')
  const rewrite = new URL('../support/rewrite-directory.mjs', import.meta.url)
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, 'README.md'), 'by hand\n')
  for (let kill = 0; kill < 15; kill += 1) {
    const child = spawn(process.execPath, [
      rewrite.pathname,
      pathToFileURL(built('cli/out-dir.js')).href,
      target,
    ])
    await once(child.stdout, 'data')
    await sleep(next() * 60)
    child.kill('SIGKILL')
    await once(child, 'close')
    await healDirectory(target)
    expect(readdirSync(parent)).toEqual(['policies'])
    const round = readFileSync(join(target, 'kustomization.yaml'), 'utf8')
    const names = readdirSync(join(target, 'shop'))
    expect(names).toHaveLength(20)
    expect(names.every((name) => name.startsWith(names[0]?.slice(0, 3) ?? ''))).toBe(true)
    for (const name of names) expect(readFileSync(join(target, 'shop', name), 'utf8')).toBe(round)
    expect(readFileSync(join(target, 'README.md'), 'utf8')).toBe('by hand\n')
  }
})
