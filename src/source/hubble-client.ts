/** The connection to one Hubble server: calls of `observer.Observer` over gRPC, messages as raw bytes. */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { ChannelCredentials, ClientReadableStream } from '@grpc/grpc-js'
import { Client, connectivityState, credentials, Metadata } from '@grpc/grpc-js'
import { NetweirError } from '../errors.ts'
import type { HubbleAddress } from './hubble-address.ts'
import type { CallFailure } from './hubble-failure.ts'
import { failureOf } from './hubble-failure.ts'
import type { TlsOptions } from './source.ts'

/** Longest message that is taken: that of a record. */
const maxMessageBytes = 16 * 1024 * 1024

/** How long the first answer may take. */
const answerMs = 10_000

/** Servers in Go take a ping more often than every five minutes for an attack (`hubble.md` 4). */
const keepaliveMs = 330_000

/** A name that Relay's certificate is for, whatever address it is reached by: it is one for `*.hubble-relay.cilium.io`. */
const relayName = 'relay.hubble-relay.cilium.io'

/** Messages that wait to be taken, in bytes, before the server is made to wait. */
const queueBytes = 1024 * 1024

const options = {
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.keepalive_time_ms': keepaliveMs,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.keepalive_permit_without_calls': 0,
  // The default of 64 kB wakes both sides for every few messages.
  'grpc-node.flow_control_window': 1024 * 1024,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
} as const

/** A connection. */
export class HubbleClient {
  readonly #client: Client

  /** Nothing is connected before the first call. */
  constructor(address: HubbleAddress, channel: ChannelCredentials, tls: TlsOptions) {
    const serverName = tls.serverName ?? relayName
    this.#client = new Client(address.target, channel, {
      ...options,
      ...(address.isTls
        ? { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }
        : {}),
    })
  }

  /** Resolves to the answer of `ServerStatus`. @throws {CallFailure} */
  serverStatus(signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest<Buffer, Buffer>(
        '/observer.Observer/ServerStatus',
        same,
        same,
        Buffer.alloc(0),
        new Metadata(),
        { deadline: Date.now() + answerMs },
        (error, answer) => {
          signal.removeEventListener('abort', cancel)
          if (error === null) resolve(answer ?? Buffer.alloc(0))
          else reject(failureOf(error))
        },
      )
      const cancel = (): void => call.cancel()
      signal.addEventListener('abort', cancel, { once: true })
      if (signal.aborted) cancel()
    })
  }

  /** Begins `GetFlows`. */
  getFlows(request: Buffer): FlowsCall {
    const call = this.#client.makeServerStreamRequest<Buffer, Buffer>(
      '/observer.Observer/GetFlows',
      same,
      same,
      request,
    )
    return new FlowsCall(call)
  }

  /** The connection stands. */
  get isReady(): boolean {
    return this.#client.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  close(): void {
    this.#client.close()
  }
}

function same(bytes: Buffer): Buffer {
  return bytes
}

/**
 * Returns what a channel is secured with.
 * @throws {NetweirError} `USAGE`, `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE` for files that are no certificates.
 */
export async function channelCredentials(
  address: HubbleAddress,
  tls: TlsOptions,
): Promise<ChannelCredentials> {
  if (!address.isTls) {
    if (Object.keys(tls).length === 0) return credentials.createInsecure()
    throw new NetweirError('USAGE', `"${address.name}" is not encrypted, and TLS flags are given`, {
      hint: 'name the server hubbles://',
    })
  }
  // One after the other: of several wrong files the same one is named on every run.
  const ca = await readPem(tls.ca, 'CERTIFICATE')
  const cert = await readPem(tls.cert, 'CERTIFICATE')
  const key = await readPem(tls.key, 'PRIVATE KEY')
  try {
    const context = createSecureContext({
      minVersion: 'TLSv1.3',
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    })
    return credentials.createFromSecureContext(context)
  } catch (reason) {
    throw new NetweirError('SOURCE_UNREADABLE', 'the certificates or the key cannot be used', {
      location: { file: tls.cert ?? tls.ca ?? address.name },
      cause: reason,
      hint: '--tls-ca, --tls-cert and --tls-key name PEM files, and the key is that of the certificate',
    })
  }
}

async function readPem(
  path: string | undefined,
  label: 'CERTIFICATE' | 'PRIVATE KEY',
): Promise<Buffer | undefined> {
  if (path === undefined) return undefined
  const bytes = await readFile(path).catch((reason: unknown) => {
    const isMissing = reason instanceof Error && 'code' in reason && reason.code === 'ENOENT'
    throw new NetweirError(
      isMissing ? 'SOURCE_NOT_FOUND' : 'SOURCE_UNREADABLE',
      isMissing ? `no file "${path}"` : `cannot read "${path}"`,
      { location: { file: path }, cause: reason },
    )
  })
  if (bytes.includes(`${label}-----`)) return bytes
  const isPem = bytes.includes('-----BEGIN ')
  const wanted = label === 'CERTIFICATE' ? 'certificate' : 'private key'
  throw new NetweirError(
    'SOURCE_UNREADABLE',
    isPem ? `"${path}" holds no ${wanted}` : `"${path}" is no PEM file`,
    {
      location: { file: path },
      hint: isPem
        ? '--tls-ca and --tls-cert name certificates (ca.crt, tls.crt), --tls-key a key (tls.key)'
        : `expected -----BEGIN ${label}-----; values in a Kubernetes secret are base64 of that`,
    },
  )
}

/** How a call ended: `undefined` is status OK. */
export type CallEnd = CallFailure | undefined

/** A running `GetFlows`. */
export class FlowsCall {
  readonly #call: ClientReadableStream<Buffer>
  #queue: Buffer[] = []
  #queued = 0
  #isPaused = false
  #failure: CallFailure | undefined
  #ended: { readonly end: CallEnd } | undefined
  #wake: (() => void) | undefined
  #isWaking = false

  constructor(call: ClientReadableStream<Buffer>) {
    this.#call = call
    call.on('data', (message: Buffer) => this.#push(message))
    // The error comes first, while messages may still lie in the stream; its end comes after them.
    call.on('error', (error) => {
      this.#failure = failureOf(error)
    })
    call.on('end', () => this.#finish(this.#failure))
  }

  /**
   * Resolves to the messages that came since it was asked last, at least one, or to nothing when the call has ended.
   * The server is made to wait while more than {@link queueBytes} lie here.
   */
  async next(): Promise<readonly Buffer[] | undefined> {
    // A wake may be for a batch that was fetched before it came.
    while (this.#queue.length === 0 && this.#ended === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#queue.length === 0) return undefined
    const batch = this.#queue
    this.#queue = []
    this.#queued = 0
    if (this.#isPaused) {
      this.#isPaused = false
      this.#call.resume()
    }
    return batch
  }

  /** How the call ended; to be asked when {@link next} gave nothing. */
  get end(): CallEnd {
    return this.#ended?.end
  }

  /** Ends the call; what has come is still given out. */
  cancel(): void {
    this.#call.cancel()
    this.#finish(undefined)
  }

  #push(message: Buffer): void {
    if (this.#ended !== undefined) return
    this.#queue.push(message)
    this.#queued += message.length
    if (this.#queued > queueBytes && !this.#isPaused) {
      this.#isPaused = true
      this.#call.pause()
    }
    this.#wakeSoon()
  }

  #finish(end: CallEnd): void {
    this.#ended ??= { end }
    this.#wakeSoon()
  }

  /** Everything that arrives in the same turn of the event loop is one batch. */
  #wakeSoon(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    setImmediate(() => {
      this.#isWaking = false
      this.#wake?.()
      this.#wake = undefined
    })
  }
}
