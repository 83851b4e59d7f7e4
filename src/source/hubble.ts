/** A Hubble server as a source: Relay, or one agent (`hubble.md` 3 and 4). */
import { setTimeout as wait } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { NetweirError } from '../errors.ts'
import { responseMessage, serverStatusMessage } from '../flow/hubble-messages.ts'
import type { JsonObject } from '../flow/json.ts'
import { asArray, asInteger, asObject, asText, MalformedRecord } from '../flow/json.ts'
import { messageToJson } from '../flow/message-json.ts'
import type { MessagePeek } from '../flow/message-peek.ts'
import { MessagePeeker } from '../flow/message-peek.ts'
import type { HubbleAddress } from './hubble-address.ts'
import { parseHubbleAddress } from './hubble-address.ts'
import type { FlowsCall } from './hubble-client.ts'
import { channelCredentials, HubbleClient } from './hubble-client.ts'
import type { CallFailure } from './hubble-failure.ts'
import { failureText, hubbleError, isFinal } from './hubble-failure.ts'
import type { ServerFilter } from './hubble-filter.ts'
import { matchesFilter, parseServerFilter } from './hubble-filter.ts'
import { encodeGap } from './hubble-gap.ts'
import { StreamHistory } from './hubble-history.ts'
import { HubbleReport } from './hubble-report.ts'
import { encodeFlowsRequest } from './hubble-request.ts'
import type {
  Completeness,
  LiveOptions,
  OpenSource,
  Piece,
  SourceHost,
  SourceNotice,
  SourceProgress,
} from './source.ts'

/** Waits between attempts double from the first to the last, each cut short by up to a half at random. */
const firstWaitMs = 500
const lastWaitMs = 30_000

/** A stream that broke before its end is taken up so often without a single message before it is given up. */
const maxAttempts = 6

/** An answer that replays what came before a break has come so far after this time. */
const replayMs = 10_000

/** How long after `until` a server may take to send an event that is newer, which is what ends its stream. */
const untilSlackMs = 30_000

/**
 * Opens a Hubble server.
 * @throws {NetweirError} `USAGE`; `SOURCE_LOST` when it does not answer within 10 seconds; `SOURCE_UNREADABLE` when it
 * refuses, or its certificate is not the one that is expected.
 */
export async function openHubble(
  name: string,
  options: LiveOptions,
  host: SourceHost,
): Promise<OpenSource> {
  const address = parseHubbleAddress(name)
  const filter =
    options.serverFilter === undefined ? undefined : parseServerFilter(options.serverFilter)
  const tls = options.tls ?? {}
  const client = new HubbleClient(address, await channelCredentials(address, tls), tls)
  try {
    const report = new HubbleReport(address.name)
    report.server = await firstAnswer(client, address, host)
    return new HubbleSource(client, { address, options, filter, host, report })
  } catch (reason) {
    client.close()
    throw reason
  }
}

/** A server without `ServerStatus` may yet have flows; anything else that goes wrong here will go wrong again. */
async function firstAnswer(
  client: HubbleClient,
  address: HubbleAddress,
  { closed, aborted }: SourceHost,
): Promise<JsonObject> {
  try {
    const bytes = await client.serverStatus(AbortSignal.any([closed, aborted]))
    return messageToJson(bytes, serverStatusMessage)
  } catch (reason) {
    if (reason instanceof MalformedRecord) return {}
    if (reason instanceof Error) throw reason
    const failure = reason as CallFailure
    if (aborted.aborted) throw interrupted(address.name)
    if (closed.aborted) {
      throw new NetweirError(
        'SOURCE_LOST',
        `the server at ${address.place} had not answered when the window was closed`,
        { location: { file: address.name }, hint: 'is it a Hubble server? Wait longer with --for' },
      )
    }
    if (failure.code === status.UNIMPLEMENTED) return {}
    throw hubbleError(address, failure)
  }
}

function interrupted(name: string): NetweirError {
  return new NetweirError('INTERRUPTED', `interrupted while reading "${name}"`)
}

interface Setting {
  readonly address: HubbleAddress
  readonly options: LiveOptions
  readonly filter: ServerFilter | undefined
  readonly host: SourceHost
  readonly report: HubbleReport
}

class HubbleSource implements OpenSource {
  readonly name: string
  readonly pieces: AsyncIterable<readonly Piece[]>
  readonly #client: HubbleClient
  readonly #setting: Setting
  readonly #report: HubbleReport
  readonly #history = new StreamHistory()
  readonly #peeker = new MessagePeeker()
  /** Fires when reading ends: the window is closed, or the run given up. */
  readonly #over: AbortSignal
  #count = 0
  #toldGaps = 0
  #bytes = 0
  #isReplaying = false

  constructor(client: HubbleClient, setting: Setting) {
    this.#client = client
    this.#setting = setting
    this.#report = setting.report
    this.name = setting.address.name
    const { closed, aborted } = setting.host
    this.#over = AbortSignal.any([closed, aborted, ...deadline(setting.options)])
    this.pieces = this.#read()
  }

  progress(): SourceProgress {
    if (this.#report.isDown && this.#client.isReady) this.#report.up()
    return { source: this.name, bytes: this.#bytes, live: this.#report.progress() }
  }

  completeness(): Completeness {
    return this.#report.completeness(this.#history.gaps)
  }

  notices(): readonly SourceNotice[] {
    return this.#report.notices(this.#history.gaps, this.#setting.options)
  }

  async *#read(): AsyncGenerator<readonly Piece[], void> {
    try {
      let attempt = 0
      while (!this.#over.aborted) {
        const before = this.#count
        const end = yield* this.#attempt()
        if (this.#over.aborted || (end === undefined && this.#isDone())) break
        attempt = this.#count > before ? 1 : attempt + 1
        if (this.#isHopeless(end, attempt)) return
        await this.#pause(attempt)
        this.#refuseAborted()
      }
      if (this.#report.isDown) this.#report.stopDown()
    } finally {
      this.#client.close()
    }
  }

  /** Reads one stream to its end, good or bad. */
  async *#attempt(): AsyncGenerator<readonly Piece[], CallFailure | undefined> {
    const startMs = Date.now()
    const end = yield* this.#stream(this.#client.getFlows(this.#request()))
    this.#refuseAborted()
    // A server that has nothing to say yet says nothing at all.
    if (end === undefined && this.#client.isReady) this.#report.up()
    if (this.#isReplaying && (end === undefined || Date.now() - startMs > replayMs)) {
      this.#history.endReplay()
      const gaps = this.#newGaps()
      if (gaps.length > 0) yield gaps
    }
    return end
  }

  /** What was asked for at first, or after a break what may have been missed. */
  #request(): Buffer {
    const { options, filter } = this.#setting
    const { sinceMs, untilMs, last, follow } = options
    const resumeMs = this.#history.resumeMs
    const shared = {
      ...(follow === true ? { follow } : {}),
      ...(untilMs === undefined ? {} : { untilMs }),
      ...(filter === undefined ? {} : { filter }),
    }
    if (resumeMs !== undefined) {
      const fromMs = Math.max(resumeMs, sinceMs ?? resumeMs)
      this.#isReplaying = true
      this.#history.beginReplay(fromMs)
      return encodeFlowsRequest({ ...shared, sinceMs: fromMs })
    }
    return encodeFlowsRequest({
      ...shared,
      ...(last === undefined ? {} : { number: last }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
    })
  }

  /** Yields what a call gives, and returns how it failed, undefined for its good end or ours. */
  async *#stream(call: FlowsCall): AsyncGenerator<readonly Piece[], CallFailure | undefined> {
    const cancel = (): void => call.cancel()
    this.#over.addEventListener('abort', cancel, { once: true })
    if (this.#over.aborted) cancel()
    try {
      for (;;) {
        const messages = await call.next()
        if (messages === undefined) return call.end
        this.#refuseAborted()
        this.#report.up()
        const pieces: Piece[] = []
        for (const bytes of messages) this.#take(bytes, pieces)
        if (pieces.length > 0) yield pieces
      }
    } finally {
      this.#over.removeEventListener('abort', cancel)
      call.cancel()
    }
  }

  #take(bytes: Buffer, pieces: Piece[]): void {
    const peek = this.#peeker.peek(bytes)
    if (this.#isReplaying && this.#history.isRepeat(peek, bytes)) {
      this.#report.repeated += 1
      return
    }
    this.#history.note(peek, bytes)
    if (peek.kind !== 'flow') this.#look(peek, bytes)
    else if (!this.#isAsked(bytes)) {
      this.#report.unasked += 1
      return
    }
    this.#bytes += bytes.length
    if (this.#history.gaps.length > this.#toldGaps) pieces.push(...this.#newGaps())
    pieces.push(this.#give(bytes))
  }

  /** A gap is told where it is found, so that it stands in whatever is made of the stream. */
  #newGaps(): readonly Piece[] {
    const gaps = this.#history.gaps.slice(this.#toldGaps)
    this.#toldGaps += gaps.length
    return gaps.map((gap) => this.#give(encodeGap(gap)))
  }

  #give(bytes: Buffer): Piece {
    const offset = this.#count
    this.#count += 1
    return { bytes, place: { source: this.name, offset }, encoding: 'get-flows-response' }
  }

  #isAsked(bytes: Buffer): boolean {
    const { filter } = this.#setting
    try {
      return filter === undefined || matchesFilter(bytes, filter)
    } catch (reason) {
      // What is no message is counted where it is read.
      if (reason instanceof MalformedRecord) return true
      throw reason
    }
  }

  /** Node states and losses are few, so they are decoded here, too. */
  #look(peek: MessagePeek, bytes: Buffer): void {
    if (peek.kind !== 'node-status' && peek.kind !== 'lost-events') return
    let json: JsonObject
    try {
      json = messageToJson(bytes, responseMessage)
    } catch (reason) {
      if (reason instanceof MalformedRecord) return
      throw reason
    }
    const lost = asObject(json['lost_events'])
    if (lost !== undefined) this.#report.lose(peek.node, asInteger(lost['num_events_lost']) ?? 0)
    const state = asObject(json['node_status'])
    if (state !== undefined) {
      this.#report.nodeState(
        asText(state['state_change']),
        asArray(state['node_names']).map(asText),
        asText(state['message']),
      )
    }
  }

  /** A stream that ends well is at its end, but for one that follows, whose server went away in good order. */
  #isDone(): boolean {
    const { follow, untilMs } = this.#setting.options
    return follow !== true || (untilMs !== undefined && Date.now() >= untilMs)
  }

  #isHopeless(end: CallFailure | undefined, attempt: number): boolean {
    const { address, options } = this.#setting
    const failure = end ?? { code: status.UNAVAILABLE, details: 'the server ended the stream' }
    const isLast = options.follow !== true && attempt >= maxAttempts
    if (isFinal(failure) || isLast) {
      if (this.#count === 0) throw hubbleError(address, failure)
      this.#report.stop(failureText(address, failure))
      return true
    }
    this.#report.down(failureText(address, failure))
    return false
  }

  async #pause(attempt: number): Promise<void> {
    const longest = Math.min(firstWaitMs * 2 ** (attempt - 1), lastWaitMs)
    const ms = longest * (0.5 + Math.random() / 2)
    await wait(ms, undefined, { signal: this.#over }).catch(() => undefined)
  }

  #refuseAborted(): void {
    if (this.#setting.host.aborted.aborted) throw interrupted(this.name)
  }
}

/** The server ends a stream that has an end at the first event beyond it, for which a quiet cluster may take long. */
function deadline({ follow, untilMs }: LiveOptions): readonly AbortSignal[] {
  if (follow !== true || untilMs === undefined) return []
  return [
    AbortSignal.timeout(Math.min(Math.max(untilMs - Date.now(), 0) + untilSlackMs, 2 ** 31 - 1)),
  ]
}
