/** An HTTPS server that answers lists as a Kubernetes API server does: page by page, and with its failures. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { inventoryResources, policyResources } from '../../src/source/cluster-resources.ts'
import type { CertificateFolder } from './certificates.ts'
import { pem } from './certificates.ts'

/** An object as a manifest has it. */
export interface ApiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
}

/** What the server does to the n-th request (from 1) for a path, instead of answering it. */
export type Mishap = (path: string, count: number) => MishapAnswer | undefined

/** An answer that is no list. */
export type MishapAnswer =
  | {
      readonly status: number
      readonly message?: string
      readonly html?: true
      readonly retryAfter?: string
    }
  | { readonly list: Readonly<Record<string, unknown>> }
  | 'break-off'
  | 'forget'

/** Names that lists of kinds have. */
const plurals: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  CiliumNetworkPolicy: 'ciliumnetworkpolicies',
}

/** The server. It knows the token `good`. */
export class ApiServer {
  readonly requests: string[] = []
  readonly #server: Server
  readonly #objects: readonly ApiObject[]
  readonly #pageSize: number
  readonly #absent: ReadonlySet<string>
  readonly #counts = new Map<string, number>()
  /** What goes wrong. */
  mishap: Mishap = () => undefined

  constructor(
    certificates: CertificateFolder,
    objects: readonly ApiObject[],
    options: { readonly pageSize?: number; readonly absent?: readonly string[] } = {},
  ) {
    const { cert, key } = certificates.sign('api', ['localhost'])
    this.#objects = objects
    this.#pageSize = options.pageSize ?? 3
    this.#absent = new Set(options.absent ?? [])
    this.#server = createServer({ cert: pem(cert), key: pem(key) }, (request, response) =>
      this.#answer(request, response),
    )
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `https://localhost:${port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url)
    const path = url.pathname
    this.requests.push(`${request.method} ${path}${url.search}`)
    const count = (this.#counts.get(path) ?? 0) + 1
    this.#counts.set(path, count)
    const mishap = this.mishap(path, count)
    if (mishap === 'break-off') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
      response.write('{"kind":"List","items":[')
      response.socket?.destroy()
      return
    }
    if (typeof mishap === 'object' && 'list' in mishap) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(mishap.list))
      return
    }
    const { code, body } = this.#reply(url, request.headers.authorization, mishap)
    response.writeHead(code, {
      'content-type': 'application/json',
      ...(typeof mishap === 'object' && mishap.retryAfter !== undefined
        ? { 'retry-after': mishap.retryAfter }
        : {}),
    })
    response.end(body)
  }

  #reply(
    { pathname: path, searchParams }: URL,
    authorization: string | undefined,
    mishap: Exclude<MishapAnswer, 'break-off' | { readonly list: unknown }> | undefined,
  ): { readonly code: number; readonly body: string } {
    const start = Number(searchParams.get('continue') ?? '0')
    if (mishap === 'forget') {
      if (start > 0) return failure(410, 'The provided continue parameter is too old')
    } else if (mishap !== undefined) {
      const { status: code, message = '', html } = mishap
      return html === true ? { code, body: '<html>not here</html>' } : failure(code, message)
    }
    if (authorization !== 'Bearer good') return failure(401, 'Unauthorized')
    if (this.#absent.has(path)) {
      return failure(404, 'the server could not find the requested resource')
    }
    const items = this.#objects.filter((object) => pathOf(object) === path)
    const size = Math.min(Number(searchParams.get('limit')), this.#pageSize)
    const rest = items.length - start - size
    const body = JSON.stringify({
      kind: `${kindOf(path)}List`,
      metadata: rest > 0 ? { continue: String(start + size), remainingItemCount: rest } : {},
      items: items.slice(start, start + size).map(({ apiVersion: _v, kind: _k, ...item }) => item),
    })
    return { code: 200, body }
  }
}

/** Returns the text of a kubeconfig for the server, with the contexts `good` and `expired`. */
export function kubeconfigFor(url: string, caPath: string | undefined): string {
  const cluster = {
    server: url,
    ...(caPath === undefined ? {} : { 'certificate-authority': caPath }),
  }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: ['good', 'expired'].map((name) => ({ name, user: { token: name } })),
    contexts: ['good', 'expired'].map((name) => ({
      name,
      context: { cluster: 'test', user: name },
    })),
    'current-context': 'good',
  })
}

/** Returns the kind whose objects a path lists. */
function kindOf(path: string): string {
  const found = [...policyResources, ...inventoryResources].find(({ apiVersion, plural }) =>
    path.endsWith(`/${apiVersion}/${plural}`),
  )
  return found?.kind ?? 'Unknown'
}

function pathOf({ apiVersion, kind }: ApiObject): string {
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`
  return `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}/${plural}`
}

function failure(code: number, message: string): { readonly code: number; readonly body: string } {
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code }
  return { code, body: JSON.stringify(status) }
}
