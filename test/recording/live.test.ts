/** The recorder as a process of its own, at a real gRPC server, broken and killed. */
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RecordResult } from '../../src/pipeline/record.ts'
import { record } from '../../src/pipeline/record.ts'
import { expandSource, openRecorded } from '../../src/source/recorded.ts'
import { built } from '../support/built.ts'
import { flowRecord } from '../support/flows.ts'
import type { Answer, HubbleServer } from '../support/hubble-server.ts'
import { startHubbleServer, timeOf } from '../support/hubble-server.ts'

const startMs = Date.UTC(2026, 2, 2, 9)

interface Event {
  readonly uuid: string
  readonly node: string
  readonly timeMs: number
  readonly message: Record<string, unknown>
}

/** Nodes with a ring of events each, served as Relay serves them. */
class World {
  readonly events: Event[] = []
  readonly #rings = new Map<string, Event[]>()
  readonly #followers = new Set<Answer>()
  readonly #capacity: number
  #server: HubbleServer | undefined
  #port = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get url(): string {
    return `hubble://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    this.#server = await startHubbleServer({
      onFlows: (answer) => this.#answer(answer),
      ...(this.#port === 0 ? {} : { port: this.#port }),
    })
    this.#port = this.#server.port
  }

  async stop(): Promise<void> {
    this.#followers.clear()
    await this.#server?.stop()
  }

  /** Breaks all streams, as a restart of Relay does. */
  breakStreams(): void {
    for (const answer of this.#followers) answer.fail(status.UNAVAILABLE, 'restarting')
    this.#followers.clear()
  }

  async happen(count: number, nodes: readonly string[] = ['a', 'b', 'c']): Promise<void> {
    for (let index = 0; index < count; index++) {
      const timeMs = startMs + this.events.length * 50
      const node = nodes[index % nodes.length] ?? ''
      const uuid = `${node}-${this.events.length}`
      const message = flowRecord({
        from: { ns: 'shop', app: 'web' },
        to: { ns: 'shop', app: 'api' },
        port: 8000 + (this.events.length % 20),
        time: new Date(timeMs).toISOString(),
        node,
        uuid,
      })
      const event = { uuid, node, timeMs, message }
      this.events.push(event)
      const ring = this.#rings.get(node) ?? []
      this.#rings.set(node, ring)
      ring.push(event)
      if (ring.length > this.#capacity) ring.shift()
      await Promise.all([...this.#followers].map((answer) => answer.send(message)))
    }
  }

  async #answer(answer: Answer): Promise<void> {
    const sinceMs = timeOf(answer.request.since) ?? Number.NEGATIVE_INFINITY
    await answer.send({
      node_status: { state_change: 'NODE_CONNECTED', node_names: [...this.#rings.keys()] },
    })
    const old = [...this.#rings.values()]
      .flat()
      .filter(({ timeMs }) => timeMs >= sinceMs)
      .sort((x, y) => x.timeMs - y.timeMs)
    // Without a wait in between: what happens from now on follows what was there.
    const sent = answer.send(...old.map(({ message }) => message))
    if (answer.request.follow !== true) {
      await sent
      answer.end()
      return
    }
    this.#followers.add(answer)
    await sent
    await answer.cancelled
    this.#followers.delete(answer)
  }
}

let directory = ''
let world = new World(400)
const running: ChildProcess[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'netweir-live-'))
  world = new World(400)
  await world.start()
})

afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  await world.stop()
  rmSync(directory, { recursive: true, force: true })
})

interface Recorder {
  readonly child: ChildProcess
  /** Ends with a signal, and resolves to what it said. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly err: string }>
}

function startRecorder(out: string, ...flags: readonly string[]): Recorder {
  const args = [built('cli/bin.js'), 'record', world.url, '--follow', '--out', out, ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  running.push(child)
  let err = ''
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString()
  })
  return {
    child,
    end: async (signal) => {
      const closed = once(child, 'close')
      child.kill(signal)
      const [code] = await closed
      return { code, err }
    },
  }
}

interface Line {
  readonly flow?: { readonly uuid: string }
  readonly node_status?: {
    readonly state_change: string
    readonly node_names: readonly string[]
    readonly message?: string
  }
}

async function recorded(): Promise<readonly Line[]> {
  const lines: Line[] = []
  for (const file of (await expandSource(directory)).files) {
    const stdin = (async function* () {})()
    const parts: Uint8Array[] = []
    for await (const { bytes } of (await openRecorded(file, stdin, new AbortController().signal))
      .chunks) {
      parts.push(Uint8Array.from(bytes))
    }
    const text = Buffer.concat(parts).toString()
    // The file of a recorder that is being killed may end within a line.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    for (const line of whole.split('\n')) if (line !== '') lines.push(JSON.parse(line))
  }
  return lines
}

const uuidsOf = (lines: readonly Line[]): readonly string[] =>
  lines.flatMap(({ flow }) => (flow === undefined ? [] : [flow.uuid]))

/** Resolves when the recording holds an event. */
async function untilRecorded(uuid: string): Promise<void> {
  await vi.waitFor(async () => expect(uuidsOf(await recorded())).toContain(uuid), {
    timeout: 20_000,
    interval: 100,
  })
}

const lastUuid = (): string => world.events.at(-1)?.uuid ?? ''

describe.each(['flows.jsonl', 'flows.jsonl.gz'])('a recording to %s', (name) => {
  test('over a broken stream, killed twice, holds all there still was, once, and names the gap', async () => {
    const out = join(directory, name)
    const flags = ['--rotate-size', name === 'flows.jsonl' ? '200kB' : '20kB']

    const first = startRecorder(out, ...flags)
    await world.happen(200)
    await untilRecorded('a-0')
    world.breakStreams()
    await world.happen(200)
    await untilRecorded(lastUuid())
    await world.happen(30)
    await first.end('SIGKILL')

    // The rings hold on to all of this.
    await world.happen(150)
    const second = startRecorder(out, ...flags)
    await untilRecorded(lastUuid())
    await world.happen(45)
    await second.end('SIGKILL')

    // And node b forgets a part of this: 700 events in a ring of 400.
    const before = world.events.length
    await world.happen(700, ['b'])
    await world.happen(90)
    const third = startRecorder(out, ...flags)
    await untilRecorded(lastUuid())
    await world.happen(60)
    await untilRecorded(lastUuid())
    const { code, err } = await third.end('SIGINT')
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('went on behind') })

    const lines = await recorded()
    const uuids = uuidsOf(lines)
    expect(uuids).toHaveLength(new Set(uuids).size)
    const has = new Set(uuids)
    const missing = world.events.filter(({ uuid }) => !has.has(uuid))
    // What was not yet written when the second recorder was killed is b's to lose as well.
    expect(missing.length).toBeGreaterThanOrEqual(700 - 400 + 30)
    expect(new Set(missing.map(({ node }) => node))).toEqual(new Set(['b']))
    const gaps = lines.flatMap(({ node_status: state }) =>
      state?.state_change === 'NODE_UNAVAILABLE' ? [state] : [],
    )
    expect(gaps.map(({ node_names: nodes }) => nodes)).toEqual([['b']])
    const [, from = '', to = ''] =
      /^netweir: missing from (\S+) to (\S+)$/.exec(gaps[0]?.message ?? '') ?? []
    for (const { timeMs } of missing) {
      expect(timeMs).toBeGreaterThan(Date.parse(from))
      expect(timeMs).toBeLessThan(Date.parse(to))
    }
    expect(Date.parse(from)).toBeLessThanOrEqual(startMs + before * 50)
    expect(err).toContain(`not recorded from ${from} to ${to}: b no longer had it`)
  })
})

function netweir(...args: readonly string[]): string {
  const {
    status: code,
    stdout,
    stderr,
  } = spawnSync(process.execPath, [built('cli/bin.js'), ...args])
  if (code !== 0) throw new Error(`netweir ${args.join(' ')}: exit ${code}: ${stderr}`)
  return stdout.toString()
}

/** The server answers in this process, which a synchronous child would hold up. */
async function netweirLive(...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [built('cli/bin.js'), ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  running.push(child)
  let out = ''
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString()
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  return out
}

test.each(['flows.jsonl', 'flows.jsonl.gz', 'flows.jsonl.zst'])(
  'a replay of %s gives the bytes of the live run',
  async (name) => {
    await world.happen(500)
    const out = join(directory, name)
    await netweirLive('record', world.url, '--out', out)
    for (const command of ['learn', 'generate']) {
      expect(netweir(command, out)).toBe(await netweirLive(command, world.url))
    }
  },
)

test('what a node had forgotten when a broken stream came back is named in the recording', async () => {
  const out = join(directory, 'flows.jsonl')
  const recorder = startRecorder(out)
  await world.happen(90)
  await untilRecorded('a-0')
  await untilRecorded(lastUuid())
  world.breakStreams()
  await world.happen(700, ['b'])
  await world.happen(30)
  await untilRecorded(lastUuid())
  const { code, err } = await recorder.end('SIGTERM')
  expect(code).toBe(0)
  expect(err.split('node b had nothing left of')).toHaveLength(2)
  const states = (await recorded()).flatMap(({ node_status: state }) => state ?? [])
  const gaps = states.filter(({ state_change: change }) => change === 'NODE_UNAVAILABLE')
  expect(gaps).toEqual([
    {
      state_change: 'NODE_UNAVAILABLE',
      node_names: ['b'],
      message: expect.stringMatching(/^netweir: missing from \S+ to \S+$/),
    },
  ])
  expect(JSON.parse(netweir('learn', out)).ledger.unavailableNodes).toEqual(['b'])
})

describe('in one process', () => {
  const host = () => ({
    stdin: (async function* () {})(),
    signal: new AbortController().signal,
    closed: new AbortController().signal,
  })

  const recordOnce = (options = {}): Promise<RecordResult> =>
    record(world.url, { out: join(directory, 'flows.jsonl'), ...options }, host())

  test('a server that has nothing new adds nothing but its state', async () => {
    await world.happen(30)
    expect(await recordOnce()).toMatchObject({ records: 31, known: 0 })
    expect(await recordOnce()).toMatchObject({ records: 1, known: 30, gaps: [] })
  })

  test('every node whose ring has been overwritten has a gap of its own', async () => {
    await world.happen(30)
    await recordOnce()
    await world.happen(1500)
    const { gaps } = await recordOnce()
    expect(gaps.map(({ node }) => node).sort()).toEqual(['a', 'b', 'c'])
    expect(await recordOnce()).toMatchObject({ gaps: [] })
  })

  test('a server that is not there leaves the recording as it is', async () => {
    await world.happen(30)
    await recordOnce()
    const before = await recorded()
    await world.stop()
    await expect(recordOnce()).rejects.toMatchObject({ code: 'SOURCE_LOST' })
    expect(await recorded()).toEqual(before)
    await sleep(0)
  })
})
