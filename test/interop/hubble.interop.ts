/** What netweir says of flows, and what Cilium's own programs make of the same ones. */
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
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

const known = (): readonly string[] => flowsOf(readFileSync(samples, 'utf8'))

describe('netweir', () => {
  test('learns from Relay what it learns from the recording', () => {
    const live = JSON.parse(netweir(['learn', `hubble://${relay.address}`]))
    const recorded = JSON.parse(learned('all.jsonl', known()))
    expect(live.communications).toEqual(recorded.communications)
    expect(live.classes).toEqual(recorded.classes)
    expect(live.ledger.outcomes).toMatchObject(recorded.ledger.outcomes)
  })

  test('learns from one agent what that agent saw', () => {
    for (const [node, address] of Object.entries(agents.nodes)) {
      const seen = known().filter((flow) => JSON.parse(flow).node_name === node)
      const live = JSON.parse(netweir(['learn', `hubble://${address}`]))
      const recorded = JSON.parse(learned('node.jsonl', seen))
      expect(live.communications).toEqual(recorded.communications)
    }
  })

  test.each(['jsonl', 'jsonl.gz', 'jsonl.zst'])(
    'records from Relay to %s what the hubble command reads, flow by flow',
    (ending) => {
      const out = join(directory, `recorded.${ending}`)
      netweir(['record', `hubble://${relay.address}`, '--out', out])
      const plain = ending === 'jsonl' ? readFileSync(out) : unpacked(out)
      const { stdout } = hubble(['observe', '--input-file', '-', '--all', '-o', 'jsonpb'], plain)
      expect(differences(flowsOf(stdout), known())).toEqual([])
      expect(flowsOf(stdout)).toHaveLength(known().length)
      expect(netweir(['learn', out])).toBe(netweir(['learn', `hubble://${relay.address}`]))
    },
  )
})

/** What the usual decompressor makes of a recording. */
function unpacked(path: string): Buffer {
  const { stdout, status } = spawnSync(path.endsWith('.gz') ? 'gzip' : 'zstd', ['-dc', path], {
    maxBuffer: 64 * 1024 * 1024,
  })
  expect(status).toBe(0)
  return stdout
}

test('a recorder at Relay that is killed twice holds all flows once, and names a node that failed', async () => {
  const mine = await startAgents(samples, { write: 400 })
  const other = await startRelay(mine)
  const out = join(directory, 'killed/flows.jsonl')
  mkdirSync(join(directory, 'killed'))
  const url = `hubble://${other.address}`
  // Whoever follows, and says nothing of the time, is sent what is yet to come.
  const since = '2026-01-01T00:00:00Z'
  const start = (): ChildProcess =>
    spawn(
      process.execPath,
      [built('cli/bin.js'), 'record', url, '--follow', '--since', since, '--out', out],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
  const recordedFlows = (): readonly string[] => {
    const text = readFileSync(out, 'utf8')
    return flowsOf(text.slice(0, text.lastIndexOf('\n') + 1))
  }
  const reached = (count: number): Promise<void> =>
    vi.waitFor(() => expect(recordedFlows().length).toBeGreaterThanOrEqual(count), {
      timeout: 30_000,
      interval: 200,
    })
  const ended = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
    const exit = once(child, 'exit')
    child.kill(signal)
    const [code] = await exit
    return code
  }
  try {
    // Relay holds the newest flows back until others come, and a ring its last one.
    const first = start()
    await reached(200)
    await mine.tell('write 400')
    await reached(600)
    await ended(first, 'SIGKILL')
    await mine.tell('write 400')
    const second = start()
    await reached(1000)
    await mine.tell('write 200')
    await ended(second, 'SIGKILL')
    const third = start()
    await mine.tell('write 1000')
    for (const node of Object.keys(mine.nodes)) await mine.tell(`lost ${node} 7`)
    await reached(mine.flows)
    const [node = ''] = Object.keys(mine.nodes)
    await mine.tell(`stop ${node}`)
    await vi.waitFor(() => expect(readFileSync(out, 'utf8')).toContain('NODE_ERROR'), {
      timeout: 30_000,
      interval: 200,
    })
    expect(await ended(third, 'SIGINT')).toBe(0)
    expect(differences(recordedFlows(), known())).toEqual([])
    expect(recordedFlows()).toHaveLength(known().length)
    expect(readFileSync(out, 'utf8')).not.toContain('netweir: missing')
    const { unavailableNodes } = JSON.parse(netweir(['learn', out])).ledger
    expect(unavailableNodes).toEqual([node])
  } finally {
    await other.stop()
    await mine.stop()
  }
})

/** The communication set of flows, from a file of them. */
function learned(name: string, flows: readonly string[]): string {
  const file = join(directory, name)
  writeFileSync(file, flows.map((flow) => `{"flow":${flow}}\n`).join(''))
  return netweir(['learn', file])
}
