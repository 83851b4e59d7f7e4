/** A real gRPC server that speaks `observer.Observer`, and says what a test wants it to say. */
import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import type { Json } from './hubble-proto.ts'
import { encodeResponse, observerService } from './hubble-proto.ts'

/** What a client asked for, as JSON with proto names. */
export interface SeenRequest {
  readonly number?: string
  readonly follow?: boolean
  readonly since?: { readonly seconds: string; readonly nanos?: number }
  readonly until?: { readonly seconds: string; readonly nanos?: number }
  readonly whitelist?: readonly Json[]
}

/** One answer stream. */
export interface Answer {
  /** Counted from 0 over all streams of the server. */
  readonly number: number
  readonly request: SeenRequest
  /** Messages as JSON, or their bytes. Resolves when the client has room again. */
  send(...messages: readonly (Json | Uint8Array)[]): Promise<void>
  /** Ends the stream with status OK. */
  end(): void
  /** Ends the stream with another status. */
  fail(code: status, details?: string): void
  /** Resolves when the client has gone away. */
  readonly cancelled: Promise<void>
  readonly isCancelled: boolean
}

/** What a server does. */
export interface HubbleServerOptions {
  readonly credentials?: ServerCredentials
  /** Answers one `GetFlows`. Default: ends at once. */
  readonly onFlows?: (answer: Answer) => Promise<void> | void
  /** The answer of `ServerStatus`, or the status that it fails with; `silent` never answers. Default: one node. */
  readonly serverStatus?: Json | { readonly code: status; readonly details?: string } | 'silent'
  /** Default: any free one. */
  readonly port?: number
  /** Path of a socket, instead of a port. */
  readonly socket?: string
}

/** A server that runs. */
export interface HubbleServer {
  readonly port: number
  /** `hubble://127.0.0.1:PORT`. */
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** Cuts all connections. */
  stop(): Promise<void>
}

const bytesOf = (bytes: Buffer): Buffer => bytes

/** Returns a server that listens. */
export async function startHubbleServer(options: HubbleServerOptions = {}): Promise<HubbleServer> {
  const server = new Server({ 'grpc.max_send_message_length': -1 })
  const requests: SeenRequest[] = []
  const { GetFlows, ServerStatus } = observerService
  server.addService(
    {
      GetFlows: { ...GetFlows!, responseSerialize: bytesOf },
      ServerStatus: { ...ServerStatus!, responseSerialize: ServerStatus!.responseSerialize },
    },
    {
      GetFlows: (call: ServerWritableStream<SeenRequest, Buffer>) => {
        requests.push(call.request)
        const answer = answerTo(call, requests.length - 1)
        if (options.onFlows === undefined) answer.end()
        else {
          Promise.resolve(options.onFlows(answer)).catch((reason: unknown) => {
            answer.fail(status.INTERNAL, String(reason))
          })
        }
      },
      ServerStatus: (_call: ServerUnaryCall<Json, Json>, reply: sendUnaryData<Json>) => {
        const { serverStatus = { num_connected_nodes: { value: 1 }, version: 'v1.19.4' } } = options
        if (serverStatus === 'silent') return
        if ('code' in serverStatus) reply(serverStatus as { code: status })
        else reply(null, serverStatus)
      },
    },
  )
  const place =
    options.socket === undefined ? `127.0.0.1:${options.port ?? 0}` : `unix:${options.socket}`
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      place,
      options.credentials ?? ServerCredentials.createInsecure(),
      (error, bound) => (error === null ? resolve(bound) : reject(error)),
    )
  })
  return {
    port,
    url: options.socket === undefined ? `hubble://127.0.0.1:${port}` : `unix:${options.socket}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.forceShutdown()
        setImmediate(resolve)
      }),
  }
}

function answerTo(call: ServerWritableStream<SeenRequest, Buffer>, number: number): Answer {
  let isCancelled = false
  const cancelled = new Promise<void>((resolve) => {
    call.on('cancelled', () => {
      isCancelled = true
      resolve()
    })
  })
  return {
    number,
    request: call.request,
    send: async (...messages) => {
      for (const message of messages) {
        if (isCancelled) return
        const bytes = message instanceof Uint8Array ? Buffer.from(message) : encodeResponse(message)
        if (call.write(bytes)) continue
        await Promise.race([cancelled, new Promise((resolve) => call.once('drain', resolve))])
      }
    },
    end: () => call.end(),
    fail: (code, details = '') => {
      call.emit('error', { code, details })
    },
    cancelled,
    get isCancelled() {
      return isCancelled
    },
  }
}

/** Milliseconds since the epoch that a timestamp of a request says; undefined for none. */
export function timeOf(time: SeenRequest['since']): number | undefined {
  return time === undefined ? undefined : Number(time.seconds) * 1000 + (time.nanos ?? 0) / 1e6
}
