/** What netweir says of flows, and what Cilium's own programs make of the same ones. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { built, root } from '../support/built.ts'
import type { Agents, Relay } from './cilium.ts'
import { hubble, startAgents, startRelay } from './cilium.ts'

const samples = join(root, 'samples/shop/flows.jsonl')
const directory = mkdtempSync(join(tmpdir(), 'netweir-interop-'))

interface Line {
  readonly flow?: { readonly time: string; readonly uuid?: string }
}

/** The flows of a recording, told by their values alone: no order of theirs, or of their members, is anybody's choice. */
function flowsOf(text: string): readonly string[] {
  return text
    .trim()
    .split('\n')
    .map((line): Line => JSON.parse(line))
    .filter(({ flow }) => flow !== undefined)
    .map(({ flow }) => JSON.stringify(flow, sorted))
    .sort()
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What stands on one side only: shorter to read than two recordings. */
function differences(a: readonly string[], b: readonly string[]): readonly string[] {
  const [inA, inB] = [new Set(a), new Set(b)]
  return [...a.filter((flow) => !inB.has(flow)), ...b.filter((flow) => !inA.has(flow))]
}

function netweir(args: readonly string[], input?: string): string {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [built('cli/bin.js'), ...args, '--no-progress'],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...(input === undefined ? {} : { input }) },
  )
  if (status !== 0) throw new Error(`netweir ${args.join(' ')}: exit ${status}: ${stderr}`)
  return stdout
}

let agents: Agents
let relay: Relay

beforeAll(async () => {
  agents = await startAgents(samples, { write: Number.MAX_SAFE_INTEGER })
  for (const node of Object.keys(agents.nodes)) await agents.tell(`lost ${node} 7`)
  relay = await startRelay(agents)
})

afterAll(async () => {
  await relay.stop()
  await agents.stop()
  rmSync(directory, { recursive: true, force: true })
})

describe('the hubble command', () => {
  test('reads a recording as exporters write it, flow by flow', () => {
    const { stdout } = hubble(['observe', '--input-file', samples, '--all', '-o', 'jsonpb'])
    const [read, written] = [flowsOf(stdout), flowsOf(readFileSync(samples, 'utf8'))]
    expect(differences(read, written)).toEqual([])
    expect(read).toHaveLength(written.length)
  })

  test('gets from Relay what netweir learns to the same communications as the recording', () => {
    const { stdout } = hubble(['observe', '--server', relay.address, '--all', '-o', 'jsonpb'])
    const [live, recorded] = [flowsOf(stdout), flowsOf(readFileSync(samples, 'utf8'))]
    expect(live).toHaveLength(agents.flows)
    expect(learned('live.jsonl', live)).toBe(learned('recorded.jsonl', recorded))
  })
})

/** The communication set of flows, from a file of them. */
function learned(name: string, flows: readonly string[]): string {
  const file = join(directory, name)
  writeFileSync(file, flows.map((flow) => `{"flow":${flow}}\n`).join(''))
  return netweir(['learn', file])
}
