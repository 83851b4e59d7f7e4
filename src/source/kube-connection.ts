/** One Kubernetes API server, as a kubeconfig names it: requests that read, and what became of them. */
import { request as requestHttp } from 'node:http'
import type { RequestOptions } from 'node:https'
import { request as requestHttps } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { NetweirError } from '../errors.ts'
import { quote } from '../policy/quote.ts'

/** Which cluster is meant. */
export interface ClusterOptions {
  /** Path of a kubeconfig. Default: those of `KUBECONFIG`, `~/.kube/config`, or the service account of this pod. */
  readonly kubeconfig?: string
  /** A context of it. Default: its current one. */
  readonly context?: string
}

/** What the API server answered. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** How long the server asks to be left alone; absent where it does not. */
  readonly retryAfterMs?: number
}

/** The server could not be asked, or broke off; asking again may help. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number

  constructor(message: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(message, options)
    this.retryAfterMs = options?.retryAfterMs ?? 0
  }
}

/** Greatest answer that is read, in bytes: a page has at most 500 objects. */
const maxAnswerBytes = 256 * 1024 * 1024

/** Without a byte for so long, the server counts as gone. */
const idleMs = 30_000

/** Where the client library looks when nothing says where the cluster is. */
const nowhere = 'http://localhost:8080'

const certificateProblems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the authority that signed its certificate is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the authority that signed its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the authority that signed its certificate is not trusted',
}

/** A cluster that can be asked. */
export class KubeConnection {
  /** Its address, without credentials, for messages. */
  readonly server: string
  readonly #config: KubeConfig
  readonly #skipsVerification: boolean
  readonly #signal: AbortSignal
  #options: RequestOptions | undefined

  private constructor(config: KubeConfig, signal: AbortSignal) {
    const cluster = config.getCurrentCluster()
    const url = parseServer(cluster?.server ?? '')
    this.server = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
    this.#skipsVerification = cluster?.skipTLSVerify ?? false
    this.#config = config
    this.#signal = signal
  }

  /**
   * Returns the connection that the options mean; nothing is sent yet.
   * @throws {NetweirError} `KUBECONFIG_INVALID`
   */
  static async open(options: ClusterOptions, signal: AbortSignal): Promise<KubeConnection> {
    const { KubeConfig } = await import('@kubernetes/client-node')
    const config = new KubeConfig()
    const place = options.kubeconfig === undefined ? {} : { location: { file: options.kubeconfig } }
    try {
      if (options.kubeconfig === undefined) config.loadFromDefault()
      else config.loadFromFile(options.kubeconfig)
    } catch (cause) {
      throw new NetweirError(
        'KUBECONFIG_INVALID',
        `cannot read the kubeconfig: ${cause instanceof TypeError ? 'it is empty, or no kubeconfig' : words(cause)}`,
        {
          ...place,
          cause,
          hint: 'name one with --kubeconfig or KUBECONFIG; kubectl config view shows what kubectl reads',
        },
      )
    }
    const found = config.getCurrentCluster()
    if (found?.server === nowhere && config.getCurrentUser()?.name === 'user') {
      throw new NetweirError('KUBECONFIG_INVALID', 'there is no kubeconfig, and this is no pod', {
        hint: 'name one with --kubeconfig or KUBECONFIG, or give manifests instead of "cluster"',
      })
    }
    if (options.context !== undefined) chooseContext(config, options.context)
    const cluster = config.getCurrentCluster()
    if (cluster?.server === undefined || cluster.server === '') {
      throw new NetweirError('KUBECONFIG_INVALID', 'the kubeconfig names no current cluster', {
        ...place,
        hint: 'choose a context with --context; kubectl config get-contexts lists them',
      })
    }
    return new KubeConnection(config, signal)
  }

  /**
   * Returns the answer to a GET. Credentials that have run out are renewed once.
   * @throws {ConnectionLost} when there is none; {NetweirError} `KUBECONFIG_INVALID` when there never will be one,
   * `INTERRUPTED` when the run was given up.
   */
  async get(path: string): Promise<Answer> {
    const answer = await this.#ask(path)
    if (answer.status !== 401) return answer
    this.#options = undefined
    return this.#ask(path)
  }

  async #ask(path: string): Promise<Answer> {
    this.#options ??= await this.#authenticate()
    const options = { ...this.#options, method: 'GET', signal: this.#signal, timeout: idleMs }
    const url = new URL(`${this.server}${path}`)
    try {
      return await fetchText(url, options)
    } catch (cause) {
      throw this.#explain(cause)
    }
  }

  async #authenticate(): Promise<RequestOptions> {
    const options: RequestOptions = { headers: { Accept: 'application/json' } }
    try {
      await unlessAborted(this.#config.applyToHTTPSOptions(options), this.#signal)
    } catch (cause) {
      if (this.#signal.aborted) throw new NetweirError('INTERRUPTED', 'interrupted', { cause })
      // What a plugin wrote instead of credentials may be a part of them.
      const isAnswer = cause instanceof SyntaxError || cause instanceof TypeError
      throw new NetweirError(
        'KUBECONFIG_INVALID',
        `cannot get credentials for ${this.server}: ${isAnswer ? 'the credential plugin answers with something else' : words(cause)}`,
        {
          ...(isAnswer ? {} : { cause }),
          hint: 'check that kubectl get namespaces works with the same kubeconfig and context',
        },
      )
    }
    options.headers = { ...options.headers, Accept: 'application/json' }
    return options
  }

  #explain(cause: unknown): Error {
    if (this.#signal.aborted) return new NetweirError('INTERRUPTED', 'interrupted', { cause })
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const certificate = certificateProblems[code]
    if (certificate !== undefined && !this.#skipsVerification) {
      return new NetweirError(
        'KUBECONFIG_INVALID',
        `${this.server} is not trusted: ${certificate}`,
        {
          cause,
          hint: 'check certificate-authority-data and tls-server-name of the cluster in the kubeconfig',
        },
      )
    }
    return new ConnectionLost(code === '' ? words(cause) : `${code}`, { cause })
  }
}

function parseServer(server: string): URL {
  try {
    const url = new URL(server)
    if (url.protocol === 'https:' || url.protocol === 'http:') return url
  } catch {
    // Said below.
  }
  throw new NetweirError(
    'KUBECONFIG_INVALID',
    `the kubeconfig names the server ${quote(server)}, expected an https:// address`,
  )
}

function chooseContext(config: KubeConfig, name: string): void {
  if (config.getContextObject(name) === null) {
    const known = config.getContexts().map((context) => quote(context.name))
    const list = known.length === 0 ? 'it has none' : `it has ${known.slice(0, 20).join(', ')}`
    throw new NetweirError(
      'KUBECONFIG_INVALID',
      `the kubeconfig has no context ${quote(name)}: ${list}`,
      { hint: 'kubectl config get-contexts lists them' },
    )
  }
  config.setCurrentContext(name)
}

function fetchText(url: URL, options: RequestOptions): Promise<Answer> {
  const send = url.protocol === 'http:' ? requestHttp : requestHttps
  return new Promise((resolve, reject) => {
    const request = send(url, options, (response) => {
      const parts: Buffer[] = []
      let length = 0
      response.on('data', (part: Buffer) => {
        length += part.length
        if (length > maxAnswerBytes) request.destroy(new Error(`more than ${maxAnswerBytes} bytes`))
        else parts.push(part)
      })
      response.on('error', reject)
      response.on('aborted', () => reject(new Error('the answer breaks off')))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts).toString('utf8'),
          ...retryAfter(response.headers['retry-after']),
        }),
      )
    })
    request.on('timeout', () => request.destroy(new Error(`no answer for ${idleMs / 1000} s`)))
    request.on('error', reject)
    request.end()
  })
}

/** API servers say it in seconds; the form with a date is not used by them. */
function retryAfter(header: string | undefined): Pick<Answer, 'retryAfterMs'> {
  return header !== undefined && /^\d{1,5}$/.test(header)
    ? { retryAfterMs: Number(header) * 1000 }
    : {}
}

/** A credential plugin may wait for somebody who never comes. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('interrupted'))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** What a library says, in one bounded line. */
function words(reason: unknown): string {
  const message = reason instanceof Error ? reason.message : String(reason)
  return quote(message.split('\n', 1)[0] ?? '').slice(1, -1)
}
