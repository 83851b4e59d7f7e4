/** Whole runs over a live source: what is written, when, and with which exit code. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { built, root } from '../support/built.ts'
import type { FakeIo } from '../support/fake-io.ts'
import { createFakeIo } from '../support/fake-io.ts'
import { flowRecord } from '../support/flows.ts'
import type { Json } from '../support/hubble-proto.ts'
import { encodeResponse } from '../support/hubble-proto.ts'
import type { Answer, HubbleServer, HubbleServerOptions } from '../support/hubble-server.ts'
import { startHubbleServer } from '../support/hubble-server.ts'
import { describeShared } from '../support/shared.ts'

const servers: HubbleServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function serve(onFlows: NonNullable<HubbleServerOptions['onFlows']>): Promise<string> {
  const server = await startHubbleServer({ onFlows })
  servers.push(server)
  return server.url
}

const record = (port: number): Json =>
  flowRecord({ from: { ns: 'shop', app: 'web' }, to: { ns: 'shop', app: 'api' }, port })

interface Ran {
  readonly code: number
  readonly io: FakeIo
}

async function run(...argv: readonly string[]): Promise<Ran> {
  const io = createFakeIo()
  return { code: await main(argv, io), io }
}

describe('the policies of a stream are those of the recording', () => {
  async function compare(name: string, lines: readonly string[]): Promise<void> {
    const records = lines.map((line) => JSON.parse(line) as Json)
    const answers = records.map((one) =>
      encodeResponse(
        'flow' in one || 'agent_event' in one || 'lost_events' in one ? one : { flow: one },
      ),
    )
    const url = await serve((answer) => answer.send(...answers).then(answer.end))
    const io = createFakeIo({ stdin: lines.join('\n') })
    const recorded = await main(['generate', '-'], io)
    const live = await run('generate', url)
    expect([name, live.code]).toEqual([name, recorded])
    expect(live.io.out).toBe(io.out)
    const learned = createFakeIo({ stdin: lines.join('\n') })
    await main(['learn', '-'], learned)
    expect((await run('learn', url)).io.out).toBe(learned.out)
  }

  test('of the sample', async () => {
    const text = readFileSync(join(root, 'samples', 'shop', 'flows.jsonl'), 'utf8')
    await compare('sample', text.trim().split('\n'))
    expect((await run('generate', join(root, 'samples', 'shop', 'flows.jsonl'))).io.out).toContain(
      'kind: NetworkPolicy',
    )
  })

  describeShared('real recordings', (dir) => {
    const folder = join(dir, 'flows', 'hubble-otel')
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
    test.each(names)('%s', async (name) => {
      await compare(name, readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    })
  })
})

describe('an interruption', () => {
  test('closes the window at first, and the run goes on with what was seen', async () => {
    const url = await serve((answer) => answer.send(record(80)))
    const io = createFakeIo()
    const running = main(['generate', url, '--follow'], io)
    await vi.waitUntil(() => servers[0]!.requests.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    io.interrupt()
    expect(await running).toBe(0)
    expect(io.out).toContain('port: 80')
    expect(io.err).toContain('interrupt again to give up')
    expect(io.listeners).toBe(0)
  })

  test('gives up when it is the second', async () => {
    const url = await serve((answer) => answer.send(record(80)))
    const io = createFakeIo()
    const running = main(['generate', url, '--follow'], io)
    await vi.waitUntil(() => servers[0]!.requests.length > 0)
    io.interrupt()
    io.interrupt()
    expect(await running).toBe(130)
    expect(io.out).toBe('')
  })

  test('of a run over a recording gives up at once', async () => {
    const waiting = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    const io = createFakeIo({ stdin: waiting })
    const running = main(['generate', '-'], io)
    io.interrupt()
    expect(await running).toBe(130)
  })

  test('ends a real process that watches, and leaves nothing running', async () => {
    const url = await serve((answer) => answer.send(record(80)))
    const child = spawn(process.execPath, [built('cli/bin.js'), 'learn', url, '--follow'])
    let out = ''
    child.stdout.on('data', (text) => {
      out += text
    })
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
    await vi.waitUntil(() => servers[0]!.requests.length > 0, { timeout: 20_000 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    child.kill('SIGTERM')
    const begin = Date.now()
    expect(await ended).toBe(0)
    expect(Date.now() - begin).toBeLessThan(5000)
    expect(JSON.parse(out)).toMatchObject({ ledger: { records: 1 } })
  })
})

describe('a source that is not whole', () => {
  const stopping = async (answer: Answer): Promise<void> => {
    await answer.send(record(80))
    answer.fail(status.PERMISSION_DENIED, 'revoked')
  }
  const lossy = async (answer: Answer): Promise<void> => {
    await answer.send(record(80), { lost_events: { num_events_lost: '7' }, node_name: 'a' })
    answer.end()
  }

  test('is exit code 3, and nothing is written', async () => {
    const { code, io } = await run('generate', await serve(stopping))
    expect([code, io.out]).toEqual([3, ''])
    expect(io.err).toContain('error[SOURCE_LOST]')
    expect(io.err).toContain('--allow-partial')
  })

  test('is gone on with on request, and named', async () => {
    const { code, io } = await run('generate', await serve(stopping), '--allow-partial')
    expect([code, io.out]).toEqual([0, expect.stringContaining('port: 80')])
    expect(io.err).toContain('refuses this client: revoked')
  })

  test('is reported where events were lost, and a failure on request', async () => {
    const url = await serve(lossy)
    const lax = await run('generate', url)
    expect(lax.code).toBe(0)
    expect(lax.io.err).toContain('lost 7 events')
    const strict = await run('generate', url, '--strict-completeness')
    expect([strict.code, strict.io.out]).toEqual([3, ''])
    expect(strict.io.err).toContain('7 events lost at a')
  })

  test('gives up the others when it fails', async () => {
    const follower = await serve(() => undefined)
    const { code, io } = await run('generate', follower, 'hubble://127.0.0.1:1', '--follow')
    expect(code).toBe(3)
    expect(io.err).toContain('no server answers at 127.0.0.1:1')
  })
})

test('a server without flows is to be watched', async () => {
  const { code, io } = await run('generate', await serve((answer) => answer.end()))
  expect(code).toBe(2)
  expect(io.err).toContain('there is no record in the input')
  expect(io.err).toContain('--for 1h')
})

test('a connection that comes to nothing does not hold the process', async () => {
  const mute = createServer()
  const port = await new Promise<number>((resolve) => {
    mute.listen(0, '127.0.0.1', () => resolve((mute.address() as AddressInfo).port))
  })
  const url = `hubbles://127.0.0.1:${port}`
  const child = spawn(process.execPath, [built('cli/bin.js'), 'learn', url, '--follow'])
  const [socket] = (await once(mute, 'connection')) as [Socket]
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  expect(code).toBe(3)
  socket.destroy()
  mute.close()
})

describe('the window', () => {
  test('closes after --for, and holds several sources and recordings', async () => {
    const [a, b] = [
      await serve((answer) => answer.send(record(81))),
      await serve((answer) => answer.send(record(82))),
    ]
    const io = createFakeIo({ stdin: JSON.stringify(record(83)) })
    expect(await main(['learn', a, '-', b, '--for', '1s'], io)).toBe(0)
    const { communications } = JSON.parse(io.out) as { communications: { port: number }[] }
    expect(communications.map(({ port }) => port)).toEqual([81, 82, 83])
  })

  test.each([
    [['--for', '1s', 'flows.jsonl'], 'live sources'],
    [['--for', '0s', 'hubble://a'], '--for must be'],
    [['--for', '30d', 'hubble://a'], '--for must be'],
    [['--last', '0', 'hubble://a'], '--last must be'],
    [['--last', '5', '--since', '1h', 'hubble://a'], 'contradict'],
    [['--tls-cert', 'a', 'hubbles://a'], '--tls-key is missing'],
    [['--tls-key', 'a', 'hubbles://a'], '--tls-cert is missing'],
    [['--tls-ca', '', 'hubbles://a'], '--tls-ca must not be empty'],
    [['--server-filter', 'a=b', 'hubble://a'], '--server-filter cannot be'],
  ])('%s is refused', async (argv, message) => {
    const { code, io } = await run('learn', ...argv)
    expect(code).toBe(2)
    expect(io.err).toContain(message)
  })
})
