/** Cilium's own programs as a cluster on this machine: agents that serve recorded flows, Relay, and the CLI. */
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { programDirectory } from './build.ts'

/** Agents, each with one ring of events. */
export interface Agents {
  /** Address of the peer service, for Relay. */
  readonly peers: string
  /** Addresses of the nodes by name. */
  readonly nodes: Readonly<Record<string, string>>
  /** How many flows the recording has. */
  readonly flows: number
  /** Sends one command (`agents/main.go`) and resolves when it is done. */
  tell(command: string): Promise<void>
  stop(): Promise<void>
}

/** Starts agents that hold the first `write` flows of a recording. */
export async function startAgents(
  flows: string,
  options: { readonly write: number; readonly capacity?: number },
): Promise<Agents> {
  const args = ['-flows', flows, '-write', String(options.write)]
  if (options.capacity !== undefined) args.push('-capacity', String(options.capacity))
  const child = spawn(join(programDirectory, 'agents'), args, {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the agents have ended')
    return value
  }
  const { peers, nodes, flows: count } = JSON.parse(await next())
  return {
    peers,
    nodes,
    flows: count,
    tell: async (command) => {
      child.stdin.write(`${command}\n`)
      await next()
    },
    stop: () => ended(child),
  }
}

/** Relay, in front of agents. */
export interface Relay {
  /** `host:port`. */
  readonly address: string
  stop(): Promise<void>
}

/** Starts Relay and resolves when it has met every agent. */
export async function startRelay(agents: Agents): Promise<Relay> {
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(
    join(programDirectory, 'hubble-relay'),
    [
      'serve',
      '--disable-client-tls',
      '--disable-server-tls',
      '--gops=false',
      '--retry-timeout=1s',
      `--listen-address=${address}`,
      `--health-listen-address=127.0.0.1:${await freePort()}`,
      `--peer-service=${agents.peers}`,
    ],
    { stdio: 'ignore' },
  )
  const count = Object.keys(agents.nodes).length
  for (let attempt = 0; ; attempt++) {
    const { stdout } = hubble(['list', 'nodes', '--server', address, '-o', 'json'])
    if (connected(stdout) === count) break
    if (attempt === 100) throw new Error('Relay did not meet the agents')
    await sleep(100)
  }
  return { address, stop: () => ended(child) }
}

/** Runs the hubble command to its end. */
export function hubble(
  args: readonly string[],
  input?: Uint8Array,
): { readonly stdout: string; readonly stderr: string; readonly status: number | null } {
  const { stdout, stderr, status } = spawnSync(join(programDirectory, 'hubble'), args, {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    ...(input === undefined ? {} : { input }),
  })
  return { stdout, stderr, status }
}

/** How many nodes of a list are connected; none where there is no list yet. */
function connected(list: string): number {
  try {
    const nodes: readonly { readonly state: number | string }[] = JSON.parse(list)
    return nodes.filter(({ state }) => state === 1 || state === 'NODE_CONNECTED').length
  } catch {
    return 0
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** A port that was free a moment ago: Relay cannot be asked which one it was given. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
