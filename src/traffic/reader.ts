/** From bytes to a communication set: splits sources into records, reads each, and remembers what could not be read. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import { parseRecord, readRecord } from '../flow/decode.ts'
import type { Outcome, Reading } from '../flow/flow.ts'
import { outcomes } from '../flow/flow.ts'
import type { RecordPlace } from '../flow/lines.ts'
import type { MessageEncoding, MessageReader } from '../flow/message.ts'
import { createMessageReader } from '../flow/message.ts'
import type { RecordSplitter } from '../flow/records.ts'
import { createRecordSplitter } from '../flow/records.ts'
import type { Aggregate, AggregateOptions } from './aggregate.ts'
import { createAggregate } from './aggregate.ts'
import type { CommunicationSet } from './communication-set.ts'
import { decodeSet, isNetweirDocument } from './set-document.ts'
import { plausibleTime } from './timestamp.ts'

/** How sources are read. */
export interface ReaderOptions extends AggregateOptions {
  /** Fail at the first bad record instead of counting it. Default: no. */
  readonly strict?: boolean
  /** Pass over records from before this time; milliseconds since the epoch. Records without a time are kept. */
  readonly sinceMs?: number
  /** Pass over records from after this time. */
  readonly untilMs?: number
}

/** Where bytes come from. */
export interface BytesPlace {
  /** The source as the user named it. */
  readonly source: string
  /** Of the first byte in the uncompressed source; for a message, its number or offset in its stream. */
  readonly offset: number
}

/**
 * What bytes are: a part of a text (JSON in any of its forms, cut anywhere), or one protobuf message, of which there is
 * one to each call.
 */
export type RecordEncoding = 'text' | MessageEncoding

/** How bytes are to be taken. */
export interface BytesForm {
  /** Default: `text`. */
  readonly encoding?: RecordEncoding
  /**
   * The text ends with these bytes: `whole`, or `cut` where it is known to go on, which is one `truncated` record. A
   * text that is whole in one call, such as a value of a bus, may stand between the parts of another.
   */
  readonly end?: 'whole' | 'cut'
}

/** Something about the input that a person should know. */
export interface ReaderNotice {
  readonly message: string
  readonly location?: Location
}

/** Reads one source after another into one set. */
export interface Reader {
  /** How many records were read so far, those of communication sets included. */
  readonly records: number
  /** The bad records by outcome, each with the place of the first one, and what else was passed over. */
  readonly notices: readonly ReaderNotice[]
  /** How many different communications were seen, for the progress. */
  readonly edges: number
  /**
   * Takes the next bytes of a source, which are not kept; a new text begins after its end, or with another name.
   * @throws {NetweirError} `NOT_FLOWS` for a source that holds something else, `SET_INVALID` for a damaged communication
   * set, `FLOW_MALFORMED` for a bad record in strict mode.
   */
  consume(bytes: Uint8Array, place: BytesPlace, form?: BytesForm): void
  /** Ends the source; with `isCut` it is known to go on where its bytes ended, which is one `truncated` record. */
  endOfSource(options?: { readonly isCut?: boolean }): void
  /** Ends the source, if any, and returns the set. */
  finish(): CommunicationSet
}

/** Returns a reader that has read nothing. */
export function createReader(options: ReaderOptions = {}): Reader {
  return new SourceReader(options)
}

interface BadRecords {
  readonly first: Location
  readonly reason: string
  count: number
}

class SourceReader implements Reader {
  readonly #options: ReaderOptions
  readonly #aggregate: Aggregate
  readonly #bad = new Map<Outcome, BadRecords>()
  readonly #messages: MessageReader = createMessageReader()
  #source: { readonly name: string; readonly splitter: RecordSplitter } | undefined
  #records = 0
  #passedOver = 0

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#aggregate = createAggregate(options)
  }

  get records(): number {
    return this.#records
  }

  get notices(): readonly ReaderNotice[] {
    const notices: ReaderNotice[] = outcomes.flatMap((outcome) => {
      const bad = this.#bad.get(outcome)
      if (bad === undefined) return []
      const message = `${records(bad.count)} ${outcome}, the first one here: ${bad.reason}`
      return [{ message, location: bad.first }]
    })
    if (this.#passedOver > 0) {
      notices.push({ message: `${records(this.#passedOver)} outside the asked time passed over` })
    }
    return notices
  }

  get edges(): number {
    return this.#aggregate.edges
  }

  consume(bytes: Uint8Array, place: BytesPlace, form: BytesForm = {}): void {
    const { encoding = 'text', end } = form
    if (encoding !== 'text') {
      this.#reading(this.#messages.read(bytes, encoding), {
        file: place.source,
        offset: place.offset,
      })
    } else if (end !== undefined && this.#source?.name !== place.source) {
      this.#wholeText(bytes, place, end)
    } else {
      this.#text(bytes, place)
      if (end !== undefined) this.endOfSource({ isCut: end === 'cut' })
    }
  }

  endOfSource(options: { readonly isCut?: boolean } = {}): void {
    const source = this.#source
    this.#source = undefined
    source?.splitter.end(options)
  }

  finish(): CommunicationSet {
    this.endOfSource()
    return this.#aggregate.toSet()
  }

  #text(bytes: Uint8Array, place: BytesPlace): void {
    if (this.#source !== undefined && this.#source.name !== place.source) this.endOfSource()
    this.#source ??= { name: place.source, splitter: this.#splitter(place.source) }
    this.#source.splitter.push(bytes, place.offset)
  }

  #wholeText(bytes: Uint8Array, place: BytesPlace, end: 'whole' | 'cut'): void {
    const splitter = this.#splitter(place.source)
    splitter.push(bytes, place.offset)
    splitter.end({ isCut: end === 'cut' })
  }

  #splitter(source: string): RecordSplitter {
    return createRecordSplitter(
      {
        record: (bytes, place) => this.#record(bytes, { file: source, line: place.line }),
        bad: (outcome, place: RecordPlace, reason) => {
          this.#countBad(outcome, { file: source, line: place.line }, reason)
          this.#aggregate.count(outcome)
          this.#records += 1
        },
      },
      { source },
    )
  }

  #record(bytes: Uint8Array, location: Location): void {
    const parsed = parseRecord(bytes)
    if (!parsed.ok) {
      this.#countBad('malformed', location, parsed.reason)
      this.#aggregate.count('malformed')
      this.#records += 1
    } else if (isNetweirDocument(parsed.value)) {
      this.#refuseCut(location)
      const set = decodeSet(parsed.value, location)
      this.#aggregate.addSet(set)
      this.#records += set.ledger.records
    } else {
      for (const reading of readRecord(parsed.value)) this.#reading(reading, location)
    }
  }

  #refuseCut(location: Location): void {
    if (this.#options.sinceMs === undefined && this.#options.untilMs === undefined) return
    throw new NetweirError('USAGE', 'a communication set cannot be cut by time', {
      location,
      hint: 'give --since and --until where the recording itself is read',
    })
  }

  #reading(reading: Reading, location: Location): void {
    this.#records += 1
    if (reading.kind === 'counted' && reading.outcome === 'malformed') {
      this.#countBad('malformed', location, reading.reason ?? 'no flow')
    }
    if (this.#isOutside(reading)) this.#passedOver += 1
    else this.#aggregate.add(reading)
  }

  #isOutside(reading: Reading): boolean {
    const { sinceMs, untilMs } = this.#options
    const timeMs = plausibleTime(timeOf(reading))
    if (timeMs === undefined) return false
    return (
      (sinceMs !== undefined && timeMs < sinceMs) || (untilMs !== undefined && timeMs > untilMs)
    )
  }

  #countBad(outcome: Outcome, location: Location, reason: string): void {
    if (this.#options.strict === true) {
      throw new NetweirError('FLOW_MALFORMED', `${outcome} record: ${reason}`, {
        location,
        hint: 'without --strict, bad records are counted and passed over',
      })
    }
    const bad = this.#bad.get(outcome)
    if (bad === undefined) this.#bad.set(outcome, { first: location, reason, count: 1 })
    else bad.count += 1
  }
}

function timeOf(reading: Reading): number | undefined {
  if (reading.kind === 'flow') return reading.flow.timeMs
  return reading.kind === 'node-status' ? undefined : reading.timeMs
}

function records(count: number): string {
  return count === 1 ? '1 record' : `${count} records`
}
