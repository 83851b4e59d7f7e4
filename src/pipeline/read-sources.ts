/** Reading of all sources of a run into one set: recorded ones one after the other, live ones side by side. */

import { availableParallelism } from 'node:os'
import { NetweirError } from '../errors.ts'
import type { LargeFileOptions } from '../source/large-file.ts'
import { loadScanner } from '../source/scanner-module.ts'
import type { OpenSource, Piece } from '../source/source.ts'
import { isLiveSource, openSource } from '../source/source.ts'
import type { CommunicationSet, Ledger } from '../traffic/communication-set.ts'
import type { Reader } from '../traffic/reader.ts'
import { createReader } from '../traffic/reader.ts'
import { readState, refuseWithoutKafka, StateKeeper } from './kafka-state.ts'
import type { LearnOptions, Notice, RunHost } from './pipeline.ts'

/** What all sources hold together. */
export interface ReadSources {
  readonly set: CommunicationSet
  readonly notices: readonly Notice[]
}

/** Returns how many threads read when nobody says: as many as this machine can run at once, 8 at most. */
export function defaultThreads(available: number): number {
  return Math.max(1, Math.min(8, available))
}

/**
 * Returns the communication set of all sources.
 * @throws {NetweirError} `NO_TRAFFIC` when there was no record at all, `NOT_FLOWS` when none could be read,
 * `SOURCE_LOST` when a source stopped before its end or, on request, is not complete, and the codes of sources.
 */
export async function readSources(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
): Promise<ReadSources> {
  refuseUnused(sources, options)
  const scanner = options.plain === true ? undefined : loadScanner()
  const times = {
    ...(options.sinceMs === undefined ? {} : { sinceMs: options.sinceMs }),
    ...(options.untilMs === undefined ? {} : { untilMs: options.untilMs }),
    ...(options.l7 === undefined ? {} : { requests: options.l7 }),
  }
  const scanning = scanner === undefined ? times : { ...times, scanner }
  const reader = createReader({ strict: options.strict ?? false, ...scanning })
  const state = await begin(sources, options, host, reader)
  // The first bad record is the first in the order of the file.
  const threads =
    options.strict === true ? 1 : (options.threads ?? defaultThreads(availableParallelism()))
  const failure = new AbortController()
  const end = windowEnd(options.forMs, host.closed)
  const outside = {
    stdin: host.stdin,
    closed: end.closed,
    aborted: AbortSignal.any([host.signal, failure.signal]),
  }
  const read = async (name: string): Promise<OpenSource> => {
    const source = await openSource(name, state?.options ?? options, outside)
    const threading = { ...scanning, threads, aborted: outside.aborted }
    await readAll(source, reader, host, threading, state?.keeper)
    return source
  }
  const recorded = async (): Promise<readonly OpenSource[]> => {
    const done: OpenSource[] = []
    for (const name of sources) if (!isLiveSource(name)) done.push(await read(name))
    return done
  }
  let done: readonly OpenSource[]
  try {
    const live = sources.filter((name) => isLiveSource(name)).map((name) => read(name))
    done = await allOrFirstFailure([recorded(), ...live.map(async (one) => [await one])], failure)
  } finally {
    end.release()
  }
  host.onRead?.()
  const result = finish(reader, sources, done, options)
  const [source] = done
  if (state !== undefined && source?.positions !== undefined) {
    await state.keeper.save(result.set, source.positions())
  }
  return result
}

/** Reads what an earlier run left, where one is to go on. */
async function begin(
  sources: readonly string[],
  options: LearnOptions,
  host: RunHost,
  reader: Reader,
): Promise<{ readonly keeper: StateKeeper; readonly options: LearnOptions } | undefined> {
  refuseWithoutKafka(sources, options)
  const { state } = options
  if (state === undefined) return undefined
  const keeper = new StateKeeper(state, host, options.kafka?.stateEveryMs)
  const earlier = await readState(state, sources, host)
  if (earlier === undefined) return { keeper, options }
  reader.consume(earlier.bytes, { source: state, offset: 0 })
  reader.endOfSource()
  return {
    keeper,
    options: { ...options, kafka: { ...options.kafka, positions: earlier.positions } },
  }
}

function refuseUnused(sources: readonly string[], options: LearnOptions): void {
  const { forMs, follow, last } = options
  if (forMs === undefined && follow === undefined && last === undefined) return
  if (sources.some((name) => isLiveSource(name))) return
  throw new NetweirError(
    'USAGE',
    '--for, --follow and --last are for live sources, none is named',
    {
      hint: 'a live source is hubble://HOST:PORT, hubbles://HOST:PORT, unix:PATH or kafka://BROKER/TOPIC',
    },
  )
}

/** Returns the window of live sources: closed by the host, or when the time that was asked for is over. */
export function windowEnd(
  forMs: number | undefined,
  closed: AbortSignal | undefined,
): { readonly closed: AbortSignal; release(): void } {
  const timeUp = new AbortController()
  const timer = forMs === undefined ? undefined : setTimeout(() => timeUp.abort(), forMs)
  return {
    closed: closed === undefined ? timeUp.signal : AbortSignal.any([closed, timeUp.signal]),
    release: () => clearTimeout(timer),
  }
}

/** When one source fails the others are given up, and the failure waits for them to let go of what they hold. */
async function allOrFirstFailure(
  tasks: readonly Promise<readonly OpenSource[]>[],
  failure: AbortController,
): Promise<readonly OpenSource[]> {
  let first: { readonly reason: unknown } | undefined
  const results = await Promise.all(
    tasks.map((task) =>
      task.catch((reason: unknown) => {
        first ??= { reason }
        failure.abort()
        return []
      }),
    ),
  )
  if (first !== undefined) throw first.reason
  return results.flat()
}

async function readAll(
  source: OpenSource,
  reader: Reader,
  host: RunHost,
  options: Omit<LargeFileOptions, 'onProgress'>,
  keeper?: StateKeeper,
): Promise<void> {
  for await (const pieces of source.pieces) {
    // Here the positions are those of what was read, and these pieces are in neither.
    await keeper?.keep(
      () => reader.finish(),
      () => source.positions?.() ?? [],
    )
    for (const piece of pieces) {
      if (piece.file === undefined) consume(piece, source, reader)
      else {
        const { readLargeFile } = await import('../source/large-file.ts')
        await readLargeFile(piece.file, reader, {
          ...options,
          onProgress: (bytesRead, records) => {
            const { edges } = reader
            host.onProgress?.({ ...source.progress(), bytes: bytesRead, records, edges })
          },
        })
      }
    }
    host.onProgress?.({ ...source.progress(), records: reader.records, edges: reader.edges })
  }
}

function consume(piece: Piece, source: OpenSource, reader: Reader): void {
  const { bytes, place, encoding, end, fault } = piece
  const reason = reader.consume(bytes, place, {
    encoding,
    ...(end === undefined ? {} : { end }),
    ...(fault === undefined ? {} : { fault }),
  })
  if (reason !== undefined) source.reject?.(piece, reason)
}

function finish(
  reader: Reader,
  names: readonly string[],
  sources: readonly OpenSource[],
  options: LearnOptions,
): ReadSources {
  const lost = sources.map((source) => ({ source, ...source.completeness() }))
  for (const { source, stopped, missing } of lost) {
    refusePartial(source.name, stopped, missing, options)
  }
  const set = reader.finish({ isLast: true })
  const notices: Notice[] = sources.flatMap((source) => source.notices())
  for (const { source, stopped, missing } of lost) {
    for (const message of [...stopped, ...missing]) {
      notices.push({ message, location: { file: source.name } })
    }
  }
  notices.push(...reader.notices)
  refuseNothing(set.ledger, names, reader.notices, options.sinceMs !== undefined)
  return { set, notices }
}

function refusePartial(
  name: string,
  stopped: readonly string[],
  missing: readonly string[],
  options: LearnOptions,
): void {
  const isStopped = stopped.length > 0 && options.allowPartial !== true
  const isMissing = missing.length > 0 && options.strictCompleteness === true
  if (!isStopped && !isMissing) return
  const reasons = [...stopped, ...(isMissing ? missing : [])]
  const location = { file: name }
  throw new NetweirError('SOURCE_LOST', reasons[0] ?? 'the source was lost', {
    location,
    problems: reasons.map((message) => ({ message, location })),
    hint: isStopped
      ? 'nothing was written; --allow-partial goes on with what was read'
      : 'nothing was written, since --strict-completeness was asked for',
  })
}

function nothingHint(sources: readonly string[], isCut: boolean): string {
  if (!sources.some((name) => isLiveSource(name))) {
    return 'record flows with: hubble observe --follow -o jsonpb > flows.jsonl'
  }
  return isCut
    ? 'ask for an earlier --since: durations count back from now'
    : 'watch for some time with --for 1h or --follow, while the applications are in use'
}

function refuseNothing(
  ledger: Ledger,
  sources: readonly string[],
  notices: readonly Notice[],
  isCut: boolean,
): void {
  const place =
    sources.length === 1 && sources[0] !== undefined ? { location: { file: sources[0] } } : {}
  const [passedOver] = notices
  if (ledger.records === 0 && passedOver !== undefined) {
    throw new NetweirError('NO_TRAFFIC', `nothing is left to learn from: ${passedOver.message}`, {
      ...place,
      hint: 'widen --since and --until: durations count back from now',
    })
  }
  if (ledger.records === 0) {
    throw new NetweirError('NO_TRAFFIC', 'there is no record in the input', {
      ...place,
      hint: nothingHint(sources, isCut),
    })
  }
  const { outcomes } = ledger
  const bad = (outcomes.malformed ?? 0) + (outcomes.truncated ?? 0) + (outcomes['too-long'] ?? 0)
  if (bad < ledger.records) return
  const first = notices.find((notice) => notice.location !== undefined)
  throw new NetweirError(
    'NOT_FLOWS',
    `none of the ${ledger.records} records in the input is a flow${first === undefined ? '' : `: ${first.message}`}`,
    {
      ...(first?.location === undefined ? place : { location: first.location }),
      hint: 'expected Hubble flows as JSON, such as hubble observe -o jsonpb or the exporter writes',
    },
  )
}
