/** A Kubernetes API server on this machine, with Debian's etcd behind it and nothing else of a cluster. */
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiServerDirectory } from './build.ts'
import { ended, freePort } from './cilium.ts'

/** What the server answered. */
export interface Reply {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** The server. Its tokens are `admin`, who may do everything, and `reader`, `stranger`, who may do nothing yet. */
export interface Kubernetes {
  /** Returns the path of a kubeconfig for a token. */
  kubeconfig(token: string): string
  send(method: 'POST' | 'PUT' | 'GET', path: string, body?: object): Promise<Reply>
  stop(): Promise<void>
}

const readyMs = 60_000

/** Starts both programs and resolves when the API server is ready. */
export async function startKubernetes(): Promise<Kubernetes> {
  if (spawnSync('etcd', ['--version']).status !== 0) {
    throw new Error('etcd is needed: apt-get install etcd-server')
  }
  const directory = mkdtempSync(join(tmpdir(), 'netweir-kubernetes-'))
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const etcd = startEtcd(directory, client, peer)
  const server = startServer(directory, client, port)
  const cluster = new LocalCluster(directory, port, [server, etcd])
  try {
    await cluster.untilReady()
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}

function startEtcd(directory: string, client: number, peer: number): ChildProcess {
  const clientUrl = `http://127.0.0.1:${client}`
  const peerUrl = `http://127.0.0.1:${peer}`
  const args = [
    ...['--data-dir', join(directory, 'etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `default=${peerUrl}`],
  ]
  return spawn('etcd', args, { stdio: 'ignore' })
}

function startServer(directory: string, etcd: number, port: number): ChildProcess {
  const key = join(directory, 'service-account.key')
  const { status, stderr } = spawnSync('openssl', ['genrsa', '-out', key, '2048'])
  if (status !== 0) throw new Error(`openssl: ${stderr}`)
  const tokens = join(directory, 'tokens.csv')
  writeFileSync(
    tokens,
    'admin,admin,1,"system:masters"\nreader,reader,2,"readers"\nstranger,stranger,3,"strangers"\n',
  )
  const flags = {
    'etcd-servers': `http://127.0.0.1:${etcd}`,
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(port),
    'cert-dir': join(directory, 'certificates'),
    'token-auth-file': tokens,
    'authorization-mode': 'RBAC',
    'service-account-issuer': 'https://netweir.test',
    'service-account-key-file': key,
    'service-account-signing-key-file': key,
    'service-cluster-ip-range': '10.96.0.0/16',
    'disable-admission-plugins': 'ServiceAccount',
    'endpoint-reconciler-type': 'none',
  }
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  return spawn(join(apiServerDirectory, 'apiserver'), args, { stdio: 'ignore' })
}

class LocalCluster implements Kubernetes {
  readonly #directory: string
  readonly #port: number
  readonly #programs: readonly ChildProcess[]

  constructor(directory: string, port: number, programs: readonly ChildProcess[]) {
    this.#directory = directory
    this.#port = port
    this.#programs = programs
  }

  async untilReady(): Promise<void> {
    const end = Date.now() + readyMs
    while (Date.now() < end) {
      const reply = await this.send('GET', '/readyz').catch(() => undefined)
      if (reply?.status === 200) return
      await sleep(250)
    }
    throw new Error(`the API server was not ready within ${readyMs / 1000} s`)
  }

  kubeconfig(token: string): string {
    const path = join(this.#directory, `${token}.kubeconfig`)
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'local', cluster: { server: this.#url, 'certificate-authority': this.#authority } },
      ],
      users: [{ name: token, user: { token } }],
      contexts: [{ name: 'local', context: { cluster: 'local', user: token } }],
      'current-context': 'local',
    }
    writeFileSync(path, JSON.stringify(config))
    return path
  }

  send(method: 'POST' | 'PUT' | 'GET', path: string, body?: object): Promise<Reply> {
    const headers = { authorization: 'Bearer admin', 'content-type': 'application/json' }
    return new Promise((resolve, reject) => {
      const ca = readFileSync(this.#authority)
      const sent = request(`${this.#url}${path}`, { method, headers, ca }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(parts).toString()
          const isJson = text.startsWith('{')
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : { text } })
        })
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  async stop(): Promise<void> {
    for (const program of this.#programs) await ended(program)
    rmSync(this.#directory, { recursive: true, force: true })
  }

  get #url(): string {
    return `https://127.0.0.1:${this.#port}`
  }

  /** The server signs its own certificate when it starts. */
  get #authority(): string {
    return join(this.#directory, 'certificates/apiserver.crt')
  }
}
