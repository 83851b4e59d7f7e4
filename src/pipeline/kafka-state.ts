/** The state of an incremental reading: a communication set, and the positions up to which it was read. */
import { NetweirError } from '../errors.ts'
import type { ReadPosition, RecordMark } from '../source/kafka-positions.ts'
import { openRecorded } from '../source/recorded.ts'
import { isKafkaSource } from '../source/source.ts'
import type { CommunicationSet } from '../traffic/communication-set.ts'
import type { LearnOptions, RunHost } from './pipeline.ts'

/** What an earlier run left. */
export interface EarlierState {
  /** The document, which is a communication set to whoever reads it. */
  readonly bytes: Uint8Array
  readonly positions: readonly ReadPosition[]
}

/** As much as a communication set may have. */
const maxStateBytes = 256 * 1024 * 1024

/** How often a reading that goes on and on is saved, in milliseconds, unless asked otherwise. */
const defaultSavedEveryMs = 60_000

/**
 * Returns what an earlier run left in the file, or undefined where there is none yet.
 * @throws {NetweirError} `USAGE` when there is not exactly one Kafka source, `SET_INVALID` for another document, and
 * the codes of files.
 */
export async function readState(
  path: string,
  sources: readonly string[],
  host: RunHost,
): Promise<EarlierState | undefined> {
  if (sources.length !== 1 || !sources.every(isKafkaSource)) {
    throw new NetweirError('USAGE', '--state goes with exactly one Kafka source', {
      hint: 'merge what several runs learned by naming their states as sources',
    })
  }
  const bytes = await contentOf(path, host)
  return bytes === undefined ? undefined : { bytes, positions: positionsOf(bytes, path) }
}

/** Saves a set together with its positions, now and then while reading goes on, and at its end. */
export class StateKeeper {
  readonly #path: string
  readonly #write: (path: string, text: string) => Promise<void>
  readonly #everyMs: number
  #savedMs = Date.now()

  /** @throws {NetweirError} `USAGE` where the host writes no files. */
  constructor(path: string, { writeFile }: RunHost, everyMs: number = defaultSavedEveryMs) {
    if (writeFile === undefined) throw new NetweirError('USAGE', 'a state needs a host that writes')
    this.#path = path
    this.#write = writeFile
    this.#everyMs = everyMs
  }

  /** Saves when it is time to; both are asked only then. */
  async keep(set: () => CommunicationSet, positions: () => readonly ReadPosition[]): Promise<void> {
    if (Date.now() - this.#savedMs < this.#everyMs) return
    await this.save(set(), positions())
  }

  /** One rename puts both in place, so that neither is ever ahead of the other. */
  async save(set: CommunicationSet, positions: readonly ReadPosition[]): Promise<void> {
    await this.#write(this.#path, `${JSON.stringify({ ...set, positions })}\n`)
    this.#savedMs = Date.now()
  }
}

/**
 * Refuses what only Kafka sources understand where none is named.
 * @throws {NetweirError} `USAGE`
 */
export function refuseWithoutKafka(sources: readonly string[], options: LearnOptions): void {
  if (options.kafka === undefined || sources.some(isKafkaSource)) return
  throw new NetweirError('USAGE', 'options of Kafka sources are given, and none is named', {
    hint: 'a Kafka source is kafka://BROKER/TOPIC, or kafkas:// for TLS',
  })
}

async function contentOf(path: string, host: RunHost): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = []
  let length = 0
  try {
    const { chunks } = await openRecorded(path, host.stdin, host.signal)
    for await (const { bytes } of chunks) {
      length += bytes.length
      if (length > maxStateBytes) throw tooLarge(path)
      pieces.push(Uint8Array.from(bytes))
    }
  } catch (reason) {
    if (reason instanceof NetweirError && reason.code === 'SOURCE_NOT_FOUND') return undefined
    throw reason
  }
  return Buffer.concat(pieces)
}

function tooLarge(path: string): NetweirError {
  return new NetweirError('SET_INVALID', 'too large for the state of an earlier run', {
    location: { file: path },
    hint: 'name the file that an earlier run wrote, or one that is not there yet',
  })
}

function positionsOf(bytes: Uint8Array, path: string): readonly ReadPosition[] {
  const fail = (what: string): never => {
    throw new NetweirError('SET_INVALID', `${what}, expected the state of an earlier run`, {
      location: { file: path },
      hint: 'name the file that an earlier run wrote, or one that is not there yet',
    })
  }
  let document: unknown
  try {
    document = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return fail('no JSON')
  }
  const positions =
    typeof document === 'object' && document !== null && 'positions' in document
      ? document.positions
      : undefined
  if (!Array.isArray(positions)) return fail('a document without positions')
  const found = positions.filter(isPosition)
  const places = new Set(found.map(({ topic, partition }) => `${topic}/${partition}`))
  const isWhole = places.size === positions.length && places.size > 0
  return isWhole ? found : fail('positions that are none')
}

function isPosition(value: unknown): value is ReadPosition {
  return (
    typeof value === 'object' &&
    value !== null &&
    'topic' in value &&
    typeof value.topic === 'string' &&
    'partition' in value &&
    Number.isSafeInteger(value.partition) &&
    'offset' in value &&
    Number.isSafeInteger(value.offset) &&
    Number(value.offset) >= 0 &&
    (!('last' in value) || isMark(value.last))
  )
}

function isMark(value: unknown): value is RecordMark {
  return (
    typeof value === 'object' &&
    value !== null &&
    'offset' in value &&
    Number.isSafeInteger(value.offset) &&
    'digest' in value &&
    typeof value.digest === 'string'
  )
}
