/** The client of Hubble against a real gRPC server. */
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { messageJson } from '../../src/flow/message.ts'
import type { LiveOptions, OpenSource, SourceHost } from '../../src/source/source.ts'
import { openSource } from '../../src/source/source.ts'
import { flowRecord } from '../support/flows.ts'
import { encodeResponse } from '../support/hubble-proto.ts'
import type { Answer, HubbleServer, HubbleServerOptions } from '../support/hubble-server.ts'
import { startHubbleServer, timeOf } from '../support/hubble-server.ts'

const startMs = Date.parse('2026-03-02T09:00:00Z')

/** Flow number `index` of a node, one each 100 ms. */
function flow(index: number, node = 'a', extra: Record<string, unknown> = {}) {
  return flowRecord({
    from: { ns: 'shop', app: 'web' },
    to: { ns: 'shop', app: 'api' },
    port: 8000 + (index % 50),
    time: new Date(startMs + index * 100).toISOString(),
    node,
    uuid: `${node}-${index}`,
    ...extra,
  })
}

const flows = (from: number, to: number, node?: string) =>
  Array.from({ length: to - from }, (_, index) => flow(from + index, node))

const connected = (...nodes: readonly string[]) => ({
  node_status: { state_change: 'NODE_CONNECTED', node_names: nodes },
})

const servers: HubbleServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function serve(options: HubbleServerOptions): Promise<HubbleServer> {
  const server = await startHubbleServer(options)
  servers.push(server)
  return server
}

class Run {
  readonly uuids: string[] = []
  readonly messages: Readonly<Record<string, unknown>>[] = []
  readonly closing = new AbortController()
  readonly aborting = new AbortController()
  source: OpenSource | undefined

  get host(): SourceHost {
    return { stdin: nothing(), closed: this.closing.signal, aborted: this.aborting.signal }
  }

  async open(url: string, options: LiveOptions = {}): Promise<this> {
    this.source = await openSource(url, options, this.host)
    return this
  }

  /** Reads to the end; `onBatch` may close the window. */
  async read(onBatch: (run: this) => Promise<void> | void = () => undefined): Promise<this> {
    for await (const batch of this.source!.pieces) {
      for (const { bytes, encoding, place } of batch) {
        expect(encoding).toBe('get-flows-response')
        expect(place.offset).toBe(this.messages.length)
        let json: Readonly<Record<string, unknown>> = {}
        try {
          json = messageJson(bytes, 'get-flows-response')
        } catch {
          json = { bad: true }
        }
        this.messages.push(json)
        const uuid = (json['flow'] as { uuid?: string } | undefined)?.uuid
        if (uuid !== undefined) this.uuids.push(uuid)
      }
      await onBatch(this)
    }
    return this
  }

  get completeness() {
    return this.source!.completeness()
  }

  get notices(): readonly string[] {
    return this.source!.notices().map(({ message }) => message)
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const uuids = (from: number, to: number, node = 'a') =>
  Array.from({ length: to - from }, (_, index) => `${node}-${from + index}`)

const whole = { stopped: [], missing: [] }

describe('a bounded read', () => {
  test('gives what the server has, and is complete', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(connected('a'), ...flows(0, 500))
        answer.end()
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.uuids).toEqual(uuids(0, 500))
    expect(run.completeness).toEqual(whole)
    expect(run.notices).toEqual([])
    expect(server.requests).toEqual([{}])
    expect(run.source!.progress()).toMatchObject({
      source: server.url,
      live: { lostEvents: 0, members: 1, missing: 0, isDown: false },
    })
  })

  test('asks for what the options say', async () => {
    const server = await serve({})
    const times = { sinceMs: startMs + 0.5, untilMs: startMs + 1000 }
    await new Run().open(server.url, times).then((one) => one.read())
    await new Run().open(server.url, { last: 20 }).then((one) => one.read())
    const filter = { serverFilter: ['namespace=shop', 'pod=ops/agent', 'verdict=DROPPED'] }
    await new Run().open(server.url, filter).then((one) => one.read())
    const [timed, last, filtered] = server.requests
    expect(timeOf(timed!.since)).toBe(times.sinceMs)
    expect(timeOf(timed!.until)).toBe(times.untilMs)
    expect(last).toMatchObject({ number: '20' })
    expect(filtered!.whitelist).toMatchObject([
      { source_pod: ['shop/', 'ops/agent'], verdict: ['DROPPED'] },
      { destination_pod: ['shop/', 'ops/agent'], verdict: ['DROPPED'] },
    ])
  })

  test('says that --last counts for each node', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(connected('a', 'b'), flow(0), flow(0, 'b'))
        answer.end()
      },
    })
    const run = await new Run().open(server.url, { last: 1 }).then((one) => one.read())
    expect(run.notices).toEqual([expect.stringContaining('each of the 2 nodes')])
  })

  test('checks a filter that an old server does not know', async () => {
    const other = flow(1, 'a', { from: { ns: 'ops', app: 'x' }, to: { ns: 'ops', app: 'y' } })
    const dropped = flow(2, 'a', { verdict: 'DROPPED' })
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(flow(0), other, dropped, new Uint8Array([0x0a, 0x7f]))
        answer.end()
      },
    })
    const filter = { serverFilter: ['pod=shop/we', 'verdict=FORWARDED'] }
    const run = await new Run().open(server.url, filter).then((one) => one.read())
    expect(run.uuids).toEqual(['a-0'])
    expect(run.notices).toEqual([expect.stringContaining('passed over 2 flows')])
    await expect(openSource(server.url, { serverFilter: ['x=1'] }, run.host)).rejects.toMatchObject(
      { code: 'USAGE' },
    )
  })

  test('over a socket', async () => {
    const socket = join(tmpdir(), `netweir-${process.pid}.sock`)
    const server = await serve({
      socket,
      onFlows: (answer) => answer.send(flow(0)).then(answer.end),
    })
    expect((await new Run().open(server.url).then((one) => one.read())).uuids).toEqual(['a-0'])
  })

  test('takes messages of more than 4 MB', async () => {
    const large = flow(0, 'a', { extra: { node_labels: ['x'.repeat(5_000_000)] } })
    const server = await serve({ onFlows: (answer) => answer.send(large).then(answer.end) })
    expect((await new Run().open(server.url).then((one) => one.read())).uuids).toEqual(['a-0'])
  })

  test('refuses messages of more than 16 MiB', async () => {
    const large = flow(0, 'a', { extra: { node_labels: ['x'.repeat(17 << 20)] } })
    const server = await serve({ onFlows: (answer) => answer.send(large).then(answer.end) })
    const run = await new Run().open(server.url)
    await expect(run.read()).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('16 MiB'),
    })
  })

  test('of a server of another version gives what it sends, and counts the rest', async () => {
    const unknown = Buffer.from([0x9a, 0x06, 0x03, 0x61, 0x62, 0x63])
    const old = flow(0, 'a', { time: '2026-03-02T09:00:00Z' })
    delete (old['flow'] as Record<string, unknown>)['uuid']
    const server = await serve({
      serverStatus: { code: status.UNIMPLEMENTED },
      onFlows: async (answer) => {
        await answer.send(Buffer.concat([encodeResponse(old), unknown]))
        await answer.send(unknown, { node_name: 'a' }, new Uint8Array([0xff]))
        answer.end()
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.messages).toEqual([old, {}, { node_name: 'a' }, { bad: true }])
    expect(run.completeness).toEqual(whole)
  })
})

describe('a stream that follows', () => {
  test('ends when the window closes, and gives what came until then', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        for (let index = 0; !answer.isCancelled; index++) {
          await answer.send(flow(index))
          await sleep(1)
        }
      },
    })
    const run = await new Run().open(server.url, { follow: true })
    await run.read(({ uuids: seen, closing }) => {
      if (seen.length >= 20) closing.abort()
    })
    expect(run.uuids).toEqual(uuids(0, run.uuids.length))
    expect(run.completeness).toEqual(whole)
    expect(server.requests[0]).toMatchObject({ follow: true })
  })

  test('ends when the window closes although the server is silent', async () => {
    const server = await serve({ onFlows: () => undefined })
    const run = await new Run().open(server.url, { follow: true })
    setTimeout(() => run.closing.abort(), 50)
    await run.read()
    expect([run.messages, run.completeness]).toEqual([[], whole])
  })

  test('names nodes that do not answer, and events that were lost', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(
          connected('a', 'b'),
          { node_status: { state_change: 'NODE_UNAVAILABLE', node_names: ['c'] } },
          { node_status: { state_change: 'NODE_ERROR', node_names: ['b'], message: 'EOF' } },
          { lost_events: { source: 'HUBBLE_RING_BUFFER', num_events_lost: '7' }, node_name: 'a' },
          flow(0),
        )
        answer.end()
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.completeness).toEqual({
      stopped: [],
      missing: ['7 events lost at a', 'node without flows: c', 'node without flows: b (EOF)'],
    })
    expect(run.source!.progress().live).toEqual({
      lostEvents: 7,
      members: 3,
      missing: 2,
      isDown: false,
    })
    expect(run.messages).toHaveLength(5)
  })

  test('makes the server wait while nobody takes what it sends', async () => {
    let sent = 0
    const bytes = encodeResponse(flow(0, 'a', { extra: { node_labels: ['x'.repeat(50_000)] } }))
    const server = await serve({
      onFlows: async (answer) => {
        for (; sent < 4000 && !answer.isCancelled; sent++) await answer.send(bytes)
        answer.end()
      },
    })
    const run = await new Run().open(server.url)
    let first = true
    await run.read(async () => {
      if (!first) return
      first = false
      await vi.waitUntil(async () => {
        const before = sent
        await sleep(200)
        return sent === before
      })
      // 200 MB are to come; no more than a few lie here and on the way.
      expect(sent * bytes.length).toBeLessThan(16_000_000)
    })
    expect(run.messages).toHaveLength(4000)
  })

  test('leaves nothing behind when it is given up', async () => {
    const server = await serve({ onFlows: (answer) => answer.send(...flows(0, 10)) })
    const before = sockets()
    const run = await new Run().open(server.url, { follow: true })
    const reading = run.read(({ aborting }) => aborting.abort())
    await expect(reading).rejects.toMatchObject({ code: 'INTERRUPTED' })
    await vi.waitUntil(() => sockets() <= before)
    const late = new Run()
    late.aborting.abort()
    await expect(late.open(server.url)).rejects.toMatchObject({ code: 'INTERRUPTED' })
    await vi.waitUntil(() => sockets() <= before)
  })

  function sockets(): number {
    return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  }
})

describe('a stream that breaks', () => {
  /** Breaks after each part; each next answer replays the ring of the server from `since` on. */
  function ring(
    all: readonly Record<string, unknown>[],
    cuts: readonly number[],
    kept = all.length,
  ) {
    return async (answer: Answer): Promise<void> => {
      const cut = cuts[answer.number]
      const reached = cuts[answer.number - 1] ?? 0
      const sinceMs = timeOf(answer.request.since) ?? startMs
      const lost = Math.max(0, (cut ?? all.length) - kept)
      const begin = answer.number === 0 ? 0 : Math.max(lost, 0)
      const sent = all
        .slice(begin, cut ?? all.length)
        .filter(({ time }) => Date.parse(String(time)) >= sinceMs)
      expect(sent.length).toBeGreaterThan(0)
      expect(answer.number === 0 || sinceMs <= startMs + reached * 100).toBe(true)
      await answer.send(connected('a'), ...sent)
      if (cut === undefined) answer.end()
      else answer.fail(status.UNAVAILABLE, 'transport is closing')
    }
  }

  test('is taken up again without a loss and without a repetition', async () => {
    const server = await serve({ onFlows: ring(flows(0, 1000), [300, 700]) })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.uuids).toEqual(uuids(0, 1000))
    expect(run.completeness).toEqual(whole)
    expect(run.notices).toEqual([
      expect.stringMatching(/broke 2 times .* nothing is known to be lost/),
    ])
    expect(server.requests).toHaveLength(3)
  })

  test('of a server without uuids, too', async () => {
    const all = flows(0, 200).map((one) => {
      const { uuid: _, ...rest } = one['flow'] as Record<string, unknown>
      return { ...one, flow: rest }
    })
    const server = await serve({ onFlows: ring(all, [150]) })
    const run = await new Run().open(server.url).then((one) => one.read())
    const times = run.messages.flatMap((one) => ('flow' in one ? [one['time']] : []))
    expect(times).toHaveLength(200)
    expect(new Set(times).size).toBe(200)
  })

  test('names what the server could not give again', async () => {
    const server = await serve({ onFlows: ring(flows(0, 1000), [300], 100) })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.uuids).toEqual([...uuids(0, 300), ...uuids(900, 1000)])
    expect(run.completeness).toEqual({
      stopped: [],
      missing: ['gap: node a had nothing left of 2026-03-02T09:00:29Z to 2026-03-02T09:01:30Z'],
    })
    expect(run.notices[0]).toMatch(/^gap: node a/)
  })

  test('names a node of which nothing comes any more', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        if (answer.number === 0) {
          await answer.send(...flows(0, 20), ...flows(0, 20, 'b'))
          answer.fail(status.UNAVAILABLE)
        } else {
          await answer.send(...flows(0, 30))
          answer.end()
        }
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.uuids).toEqual([...uuids(0, 20), ...uuids(0, 20, 'b'), ...uuids(20, 30)])
    expect(run.completeness.missing).toEqual([
      'gap: nothing came from node b after the break, since 2026-03-02T09:00:01Z',
    ])
  })

  test('asks early enough for nodes that are quiet or whose clock is late', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        if (answer.number === 0) {
          await answer.send(flow(0, 'quiet'), ...flows(500, 600), ...flows(3000, 3010))
          answer.fail(status.INTERNAL, 'RST_STREAM')
        } else {
          await answer.send(flow(0, 'quiet'), flow(3005), flow(3011))
          answer.end()
        }
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(timeOf(server.requests[1]!.since)).toBeLessThanOrEqual(startMs)
    expect(run.completeness).toEqual(whole)
    expect(run.uuids.at(-1)).toBe('a-3011')
  })

  test('is asked for from now on at the latest, whatever a clock that is ahead says', async () => {
    const ahead = flow(0, 'ahead', { time: '2099-01-01T00:00:00Z' })
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(...flows(0, 10), ...(answer.number === 0 ? [ahead] : flows(10, 20)))
        if (answer.number === 0) answer.fail(status.UNAVAILABLE, 'transport is closing')
        else answer.end()
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(timeOf(server.requests[1]!.since)).toBeLessThanOrEqual(startMs + 900)
    expect(run.uuids.filter((uuid) => uuid !== 'ahead-0')).toEqual(uuids(0, 20))
  })

  test('when the server itself goes away and comes back', async () => {
    const first = await serve({
      onFlows: async (answer) => {
        await answer.send(...flows(0, 10))
      },
    })
    const run = await new Run().open(first.url, { follow: true })
    const reading = run.read(({ uuids: seen, closing }) => {
      if (seen.includes('a-19')) closing.abort()
    })
    await vi.waitUntil(() => run.uuids.length === 10)
    await first.stop()
    await sleep(300)
    await serve({ port: first.port, onFlows: (answer) => answer.send(...flows(0, 20)) })
    await reading
    expect(run.uuids).toEqual(uuids(0, 20))
    expect(run.completeness).toEqual(whole)
  })

  test('a follower that loses the server for good says so', async () => {
    const server = await serve({ onFlows: (answer) => answer.send(...flows(0, 10)) })
    const run = await new Run().open(server.url, { follow: true })
    const reading = run.read()
    await vi.waitUntil(() => run.uuids.length === 10)
    await server.stop()
    await sleep(400)
    run.closing.abort()
    await reading
    expect(run.uuids).toEqual(uuids(0, 10))
    expect(run.completeness.stopped).toEqual([expect.stringContaining('did not come back')])
  })

  test('a server that ends a stream that follows is asked again', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(...flows(0, 10 * (answer.number + 1)))
        answer.end()
      },
    })
    const run = await new Run().open(server.url, { follow: true })
    await run.read(({ uuids: seen, closing }) => {
      if (seen.length >= 20) closing.abort()
    })
    expect(run.uuids).toEqual(uuids(0, 20))
  })

  test('a bounded read that gets nowhere gives up', { timeout: 40_000 }, async () => {
    const server = await serve({
      onFlows: async (answer) => {
        if (answer.number === 0) await answer.send(...flows(0, 10))
        answer.fail(status.UNAVAILABLE, 'no')
      },
    })
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.completeness.stopped).toEqual([expect.stringContaining('was lost')])
    expect(server.requests).toHaveLength(6)
    vi.restoreAllMocks()
  })
})

describe('statuses', () => {
  const finals = [
    'INVALID_ARGUMENT',
    'NOT_FOUND',
    'PERMISSION_DENIED',
    'FAILED_PRECONDITION',
    'OUT_OF_RANGE',
    'UNIMPLEMENTED',
    'UNAUTHENTICATED',
  ] as const
  test.each(finals)('%s is final', async (name) => {
    const server = await serve({ onFlows: (answer) => answer.fail(status[name], 'not you') })
    const run = await new Run().open(server.url, { follow: true })
    await expect(run.read()).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      location: { file: server.url },
    })
    expect(server.requests).toHaveLength(1)
  })

  test('a final one after some records stops the read', async () => {
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(...flows(0, 5))
        answer.fail(status.PERMISSION_DENIED, 'revoked')
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.uuids).toHaveLength(5)
    expect(run.completeness.stopped).toEqual([
      expect.stringContaining('refuses this client: revoked'),
    ])
  })

  test.each([
    'CANCELLED',
    'UNKNOWN',
    'DEADLINE_EXCEEDED',
    'RESOURCE_EXHAUSTED',
    'ABORTED',
    'INTERNAL',
    'UNAVAILABLE',
    'DATA_LOSS',
  ] as const)('%s is tried again', async (name) => {
    const server = await serve({
      onFlows: async (answer) => {
        await answer.send(...flows(0, 5))
        if (answer.number === 0) answer.fail(status[name], 'later')
        else answer.end()
      },
    })
    const run = await new Run().open(server.url).then((one) => one.read())
    expect(run.uuids).toEqual(uuids(0, 5))
    expect(server.requests).toHaveLength(2)
  })
})

describe('a server that cannot be reached', () => {
  test('is named', async () => {
    const server = await startHubbleServer()
    await server.stop()
    await expect(new Run().open(server.url)).rejects.toMatchObject({
      code: 'SOURCE_LOST',
      message: `no server answers at 127.0.0.1:${server.port}`,
      hint: expect.stringContaining('port-forward'),
    })
    const socket = join(tmpdir(), 'netweir-nothing.sock')
    await expect(new Run().open(`unix:${socket}`)).rejects.toMatchObject({
      code: 'SOURCE_LOST',
      message: `no server answers at ${socket}`,
    })
    await expect(new Run().open('hubble://name.invalid')).rejects.toMatchObject({
      code: 'SOURCE_LOST',
    })
  })

  test('that refuses says so', async () => {
    const server = await serve({ serverStatus: { code: status.UNAUTHENTICATED, details: 'who?' } })
    await expect(new Run().open(server.url)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      hint: expect.stringContaining('--tls-cert'),
    })
  })

  test.concurrent('but that never says a word is given up after 10 seconds', async () => {
    const mute = createServer(() => undefined)
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    const address = mute.address() as { port: number }
    const begin = Date.now()
    const url = `hubble://127.0.0.1:${address.port}`
    await expect(new Run().open(url)).rejects.toMatchObject({ code: 'SOURCE_LOST' })
    expect(Date.now() - begin).toBeLessThan(13_000)
    mute.close()
  })

  test.concurrent('but that never answers the call is given up after 10 seconds', async () => {
    const server = await startHubbleServer({ serverStatus: 'silent' })
    const begin = Date.now()
    await expect(new Run().open(server.url)).rejects.toMatchObject({
      code: 'SOURCE_LOST',
      message: expect.stringContaining('does not answer'),
    })
    expect(Date.now() - begin).toBeLessThan(13_000)
    await server.stop()
  })

  test('before the window closes was none', async () => {
    const server = await serve({ serverStatus: 'silent' })
    const run = new Run()
    setTimeout(() => run.closing.abort(), 50)
    await expect(run.open(server.url)).rejects.toMatchObject({
      code: 'SOURCE_LOST',
      message: `the server at 127.0.0.1:${server.port} had not answered when the window was closed`,
    })
  })

  test.each([
    'hubble://',
    'hubble://a:0',
    'hubble://a:99999',
    'hubble://a b',
    'hubbles://a/path',
    'hubble://-a',
    'unix:',
  ])('%s is no name', async (name) => {
    await expect(openSource(name, {}, new Run().host)).rejects.toMatchObject({ code: 'USAGE' })
  })

  test('TLS flags for a server that is not encrypted are refused', async () => {
    const opening = openSource('hubble://a', { tls: { ca: 'ca.crt' } }, new Run().host)
    await expect(opening).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('hubbles://'),
    })
  })
})
