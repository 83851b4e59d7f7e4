/** What every source of records is, and how its name tells which one is meant. */
import { NetweirError } from '../errors.ts'
import type { BytesPlace, RecordEncoding } from '../traffic/bytes-form.ts'
import type { KafkaOptions } from './kafka.ts'
import type { ReadPosition } from './kafka-positions.ts'
import { expandSource, largeFileBytes, openRecorded } from './recorded.ts'

/** Bytes of a source. */
export interface Piece {
  /** Valid until the next pieces are asked for. */
  readonly bytes: Uint8Array
  /** The file, stream or partition, and where in it the bytes stand. */
  readonly place: BytesPlace
  /** A part of a text, or one protobuf message. */
  readonly encoding: RecordEncoding
  /** On the last piece of a text: whether it was whole, or is known to go on. */
  readonly end?: 'whole' | 'cut'
  /** Instead of bytes: the path of a whole file that whoever takes this reads as he likes (`large-file.ts`). */
  readonly file?: string
  /** The bytes are known to be no record, and why. */
  readonly fault?: string
}

/** How far the reading of a source has come. */
export interface SourceProgress {
  /** The source, or the file of it that is being read, as the user named it. */
  readonly source: string
  /** Bytes of what is being read. */
  readonly bytes: number
  /** Size of what is being read, where it is known. */
  readonly totalBytes?: number
  /** For a live source. */
  readonly live?: LiveProgress
}

/** What a live source has to say beside its records. */
export interface LiveProgress {
  /** Events that were lost on the way to us, as far as anybody said. */
  readonly lostEvents: number
  /** Nodes that send, or partitions that are read; absent where nobody knows. */
  readonly members?: number
  /** Of these, how many do not answer. */
  readonly missing?: number
  /** Records that are there and were not read yet, where that is known. */
  readonly lag?: number
  /** True while the connection is lost. */
  readonly isDown: boolean
}

/** What a source that has ended says of what was read of it. A source is complete when both lists are empty. */
export interface Completeness {
  /**
   * Why reading ended before what was asked for was read, in words that name the place: then the run fails with
   * `SOURCE_LOST`, unless `--allow-partial`.
   */
  readonly stopped: readonly string[]
  /**
   * What is missing within what was read, as in any running cluster: lost events, nodes that did not answer, gaps
   * between connections. Reported, and a failure under `--strict-completeness`.
   */
  readonly missing: readonly string[]
}

/** One source that is open. */
export interface OpenSource {
  /** As the user named it. */
  readonly name: string
  /**
   * The content, once, in batches as they arrive; nothing more is read before the next batch is asked for than fits a
   * bounded buffer. Ends when all is read, or when `closed` fires.
   * @throws {NetweirError} the codes of the kind of source, and `INTERRUPTED` once `aborted` fires.
   */
  readonly pieces: AsyncIterable<readonly Piece[]>
  progress(): SourceProgress
  /** To be asked after the last piece. */
  completeness(): Completeness
  /** What else a person should know, after the last piece. */
  notices(): readonly SourceNotice[]
  /** Where a later run is to go on, up to the pieces that were last asked for; for sources that can be asked so. */
  positions?(): readonly ReadPosition[]
  /** Takes note that one of the pieces that were given last was a bad record. */
  reject?(piece: Piece, reason: string): void
}

/** Something about a source that a person should know. */
export interface SourceNotice {
  readonly message: string
  /** It is news, and nothing to be warned of. */
  readonly isNews?: boolean
  readonly location?: { readonly file: string }
}

/** What a source needs of the outside. */
export interface SourceHost {
  readonly stdin: AsyncIterable<Uint8Array>
  /** Fires when live sources are to stop reading: what was read until then counts. Recorded sources read on. */
  readonly closed: AbortSignal
  /** Fires when the run is given up. */
  readonly aborted: AbortSignal
}

/** How live sources are read. Recorded ones have no use for it. */
export interface LiveOptions {
  /** Records from this time on are asked for; milliseconds since the epoch. */
  readonly sinceMs?: number
  readonly untilMs?: number
  /** Go on with what is yet to come, until `closed` fires. Default: what there is. */
  readonly follow?: boolean
  /** The last so many records, of each node or partition. */
  readonly last?: number
  readonly tls?: TlsOptions
  /** Conditions that a Hubble server is asked to apply: `namespace=NAME`, `pod=NAMESPACE/PREFIX`, `verdict=NAME`. */
  readonly serverFilter?: readonly string[]
  readonly kafka?: KafkaOptions
}

/** Paths of PEM files, and the name that the server's certificate must have. */
export interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly serverName?: string
}

const liveScheme = /^(hubbles?|kafkas?):\/\/|^(unix):/

/** Tells whether a source name means a live source: a server, and no file. */
export function isLiveSource(name: string): boolean {
  return liveScheme.test(name)
}

/** Tells whether a source name means topics of Kafka. */
export function isKafkaSource(name: string): boolean {
  return /^kafkas?:\/\//.test(name)
}

/**
 * Opens the source that a name means: by its scheme a live one, else a file, a directory of files, or standard input
 * for `-`. The code of live sources is loaded only here.
 * @throws {NetweirError} `USAGE` for a name or options that do not fit, `SOURCE_LOST` when a server does not answer,
 * `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export async function openSource(
  name: string,
  options: LiveOptions,
  host: SourceHost,
): Promise<OpenSource> {
  switch (schemeOf(name)) {
    case undefined:
      return new RecordedFiles(name, await expandSource(name), host)
    case 'hubble':
    case 'hubbles':
    case 'unix': {
      const { openHubble } = await import('./hubble.ts')
      return openHubble(name, options, host)
    }
    case 'kafka':
    case 'kafkas': {
      const { openKafka } = await import('./kafka.ts')
      return openKafka(name, options, host)
    }
    default:
      throw new NetweirError('USAGE', `live source "${name}" is not supported by this version`, {
        hint: 'record flows with "hubble observe -o jsonpb" or the exporter, and name the file',
      })
  }
}

function schemeOf(name: string): string | undefined {
  const match = liveScheme.exec(name)
  return match?.[1] ?? match?.[2]
}

const nothing = new Uint8Array(0)

/** The files of a recorded source, one after the other. */
class RecordedFiles implements OpenSource {
  readonly name: string
  readonly pieces: AsyncIterable<readonly Piece[]>
  readonly #cut: string[] = []
  readonly #passedOver: readonly string[]
  #progress: SourceProgress

  constructor(
    name: string,
    found: { readonly files: readonly string[]; readonly passedOver: readonly string[] },
    host: SourceHost,
  ) {
    this.name = name
    this.#passedOver = found.passedOver
    this.#progress = { source: name, bytes: 0 }
    this.pieces = this.#read(found.files, host)
  }

  progress(): SourceProgress {
    return this.#progress
  }

  completeness(): Completeness {
    return { stopped: [], missing: [] }
  }

  notices(): readonly SourceNotice[] {
    return [
      ...this.#cut.map((file) => ({
        message: 'the compressed data ends early: what stands before the end was read',
        location: { file },
      })),
      ...(this.#passedOver.length === 0
        ? []
        : [
            {
              message: `passed over ${this.#passedOver.join(', ')}`,
              location: { file: this.name },
            },
          ]),
    ]
  }

  async *#read(files: readonly string[], host: SourceHost): AsyncGenerator<readonly Piece[], void> {
    for (const file of files) {
      const largeBytes = await largeFileBytes(file)
      if (largeBytes !== undefined) {
        const place = { source: file, offset: 0 }
        this.#progress = { source: file, bytes: 0, totalBytes: largeBytes }
        yield [{ bytes: nothing, place, encoding: 'text', file }]
        this.#progress = { source: file, bytes: largeBytes, totalBytes: largeBytes }
        yield [{ bytes: nothing, place, encoding: 'text', end: 'whole' }]
        continue
      }
      const source = await openRecorded(file, host.stdin, host.aborted)
      const { totalBytes } = source
      let end: 'whole' | 'cut' = 'whole'
      let offset = 0
      for await (const chunk of source.chunks) {
        this.#progress = {
          source: file,
          bytes: chunk.readBytes,
          ...(totalBytes === undefined ? {} : { totalBytes }),
        }
        if (chunk.isCut) end = 'cut'
        offset = chunk.offset + chunk.bytes.length
        yield [
          {
            bytes: chunk.bytes,
            place: { source: file, offset: chunk.offset },
            encoding: 'text',
          },
        ]
      }
      if (end === 'cut') this.#cut.push(file)
      yield [{ bytes: nothing, place: { source: file, offset }, encoding: 'text', end }]
    }
  }
}
