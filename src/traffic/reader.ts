/** From bytes to a communication set: splits sources into records, reads each, and remembers what could not be read. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import { parseRecord, readRecord } from '../flow/decode.ts'
import type { Outcome, Reading } from '../flow/flow.ts'
import { inspectedBytes, refuseBinary } from '../flow/foreign.ts'
import type { PlainLines, RecordPlace, TakenLines } from '../flow/lines.ts'
import type { MessageReader } from '../flow/message.ts'
import { createMessageReader } from '../flow/message.ts'
import type { RecordSplitter } from '../flow/records.ts'
import { createRecordSplitter } from '../flow/records.ts'
import type { ScannerModule } from '../flow/scanner.ts'
import type { Aggregate, AggregateOptions } from './aggregate.ts'
import { createAggregate } from './aggregate.ts'
import type { ReaderNotice } from './bad-records.ts'
import { BadRecords } from './bad-records.ts'
import type { BytesForm, BytesPlace } from './bytes-form.ts'
import type { CommunicationSet } from './communication-set.ts'
import { LineScanner } from './line-scanner.ts'
import type { BadPart, ReadParts } from './read-parts.ts'
import type { ScanBatch } from './scan-batch.ts'
import { withOwnTables } from './scan-batch.ts'
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
  /** Counts lines as Hubble writes them without decoding each; what comes out is the same. Default: none. */
  readonly scanner?: ScannerModule
  /** What is read are pieces of a source of lines, each as a source of its own: whole lines from the middle. Default: no. */
  readonly isPiece?: boolean
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
   * Takes the next bytes of a source, which are not kept; a new text begins after its end, or with another name. Returns
   * why a record that ended in them was bad, if one was.
   * @throws {NetweirError} `NOT_FLOWS` for a source that holds something else, `SET_INVALID` for a damaged communication
   * set, `FLOW_MALFORMED` for a bad record in strict mode. A text that is whole in one call is one of many: then both
   * are a bad record.
   */
  consume(bytes: Uint8Array, place: BytesPlace, form?: BytesForm): string | undefined
  /** Ends the source; with `isCut` it is known to go on where its bytes ended, which is one `truncated` record. */
  endOfSource(options?: { readonly isCut?: boolean }): void
  /** Ends the source, if any, and returns the set; with `isLast` nothing is read after it, and the scanner is let go of. */
  finish(options?: { readonly isLast?: boolean }): CommunicationSet
  /** Bytes that can be filled and given to {@link consume}, which then copies nothing; undefined without a scanner. */
  readonly input: Uint8Array | undefined
  /** Whether the current source is one of lines that can be read in any order, and stands between two of them. */
  readonly isBetweenLines: boolean
  /**
   * Returns a reader of pieces of the current source, which counts with this one's scanner until {@link absorb} or
   * {@link dropPieces} is called.
   */
  startPieces(): Reader
  /** Forgets what was found in pieces since {@link startPieces}. */
  dropPieces(): void
  /** Ends a piece, and returns how many lines it had. */
  endOfPiece(): number
  /** Whether lines were met that must be read in order, so that the pieces must not be used. */
  readonly needsOrder: boolean
  /** Returns what was found in pieces, for {@link absorb} of another reader, whose scanner may hold a part of it. */
  finishParts(): ReadParts
  /**
   * Takes in what other readers found in the next `lines` lines of the current source; the sources of bad records are
   * then the numbers of pieces, and `firstLines` says which line of all these is the first of each.
   */
  absorb(
    parts: readonly ReadParts[],
    skipped: { readonly lines: number; readonly bytes: number },
    firstLines: ReadonlyMap<number, number>,
  ): void
  /** How many records the scanner took, and how many lines and records it left to the decoder. */
  readonly scanned: { readonly records: number; readonly handedBack: number }
}

/** Returns a reader that has read nothing. */
export function createReader(options: ReaderOptions = {}): Reader {
  return new SourceReader(options)
}

class SourceReader implements Reader {
  readonly #options: ReaderOptions
  readonly #aggregate: Aggregate
  /** Absent also while it is lent. */
  #scanner: LineScanner | undefined
  #lent: LineScanner | undefined
  readonly #isBorrowing: boolean
  readonly #bad: BadRecords
  readonly #messages: MessageReader = createMessageReader()
  #source: { readonly name: string; readonly splitter: RecordSplitter } | undefined
  #records = 0
  #passedOver = 0
  #handedBack = 0
  /** Records that other scanners took. */
  #scanned = 0
  #needsOrder = false
  /** True once the aggregate holds something. */
  #isAggregated = false
  /** Of the bytes in hand. */
  #fault: string | undefined
  readonly #onFull = (batch: ScanBatch): void => {
    this.#isAggregated = true
    this.#aggregate.addBatch(batch)
  }

  constructor(options: ReaderOptions, borrowed?: LineScanner) {
    this.#options = options
    this.#bad = new BadRecords(options.strict === true)
    this.#aggregate = createAggregate(options)
    this.#isBorrowing = borrowed !== undefined
    this.#useScanner(borrowed ?? this.#createScanner(options))
  }

  get records(): number {
    return this.#records + this.#scanned + (this.#scanner?.records ?? 0)
  }

  get input(): Uint8Array | undefined {
    return this.#scanner?.input
  }

  get scanned(): { readonly records: number; readonly handedBack: number } {
    return {
      records: this.#scanned + (this.#scanner?.records ?? 0),
      handedBack: this.#handedBack + (this.#scanner?.handedBack ?? 0),
    }
  }

  get notices(): readonly ReaderNotice[] {
    return this.#bad.notices(this.#passedOver + (this.#scanner?.passedOver ?? 0))
  }

  get edges(): number {
    return this.#aggregate.edges + (this.#scanner?.edges ?? 0)
  }

  consume(bytes: Uint8Array, place: BytesPlace, form: BytesForm = {}): string | undefined {
    this.#fault = undefined
    this.#take(bytes, place, form)
    return this.#fault
  }

  #take(bytes: Uint8Array, place: BytesPlace, { encoding = 'text', end, fault }: BytesForm): void {
    if (fault !== undefined) {
      this.#malformed({ file: place.source, offset: place.offset }, fault)
    } else if (encoding !== 'text') {
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

  get isBetweenLines(): boolean {
    return this.#source?.splitter.isBetweenLines === true
  }

  get needsOrder(): boolean {
    return this.#needsOrder
  }

  startPieces(): Reader {
    this.#lent = this.#releaseScanner()
    return new SourceReader({ ...this.#options, strict: false, isPiece: true }, this.#lent)
  }

  /** Takes in what the scanner has counted, and returns it as it is then free for something else. */
  #releaseScanner(): LineScanner | undefined {
    const scanner = this.#scanner
    if (scanner === undefined) return undefined
    this.#aggregate.addBatch(scanner.takeBatch())
    this.#scanned += scanner.records
    this.#passedOver += scanner.passedOver
    this.#handedBack += scanner.handedBack
    this.#scanner = undefined
    return scanner
  }

  dropPieces(): void {
    this.#lent?.forget()
    this.#takeBack()
  }

  #takeBack(): void {
    if (this.#lent === undefined) return
    this.#useScanner(this.#lent)
    this.#lent = undefined
  }

  #useScanner(scanner: LineScanner | undefined): void {
    this.#scanner = scanner
    scanner?.countFor(this.#onFull)
  }

  endOfPiece(): number {
    const splitter = this.#source?.splitter
    if (splitter?.isBetweenLines === false) this.#needsOrder = true
    this.endOfSource()
    return splitter?.linesRead ?? 0
  }

  finishParts(): ReadParts {
    const batch = this.#isBorrowing ? undefined : this.#scanner?.takeBatch()
    return {
      batch: batch && withOwnTables(batch),
      set: this.#isAggregated ? this.#aggregate.toSet() : undefined,
      bad: this.#bad.toParts(),
      records: this.records,
      scanned: this.#scanner?.records ?? 0,
      passedOver: this.#passedOver + (this.#scanner?.passedOver ?? 0),
      handedBack: this.#scanner?.handedBack ?? 0,
    }
  }

  absorb(
    parts: readonly ReadParts[],
    skipped: { readonly lines: number; readonly bytes: number },
    firstLines: ReadonlyMap<number, number>,
  ): void {
    this.#takeBack()
    const file = this.#source?.name ?? ''
    const before = this.#source?.splitter.linesRead ?? 0
    const lineOf = ({ source, line }: BadPart): number =>
      before + (firstLines.get(Number(source)) ?? 0) + line
    const bad = parts.flatMap((part) => part.bad)
    this.#bad.absorb(bad, file, lineOf)
    for (const { batch, set, records, scanned, passedOver, handedBack } of parts) {
      if (batch !== undefined && this.#scanner?.joinBatch(batch) !== true) {
        this.#aggregate.addBatch(batch)
      }
      if (set !== undefined) this.#aggregate.addSet(set)
      this.#records += records - scanned
      this.#scanned += scanned
      this.#passedOver += passedOver
      this.#handedBack += handedBack
    }
    const records = parts.reduce((sum, part) => sum + part.records, 0)
    this.#source?.splitter.skip(skipped.lines, skipped.bytes, records)
  }

  finish({ isLast = false }: { readonly isLast?: boolean } = {}): CommunicationSet {
    this.endOfSource()
    if (isLast) this.#releaseScanner()
    else this.#useScanner(this.#releaseScanner())
    return this.#aggregate.toSet()
  }

  #createScanner(options: ReaderOptions): LineScanner | undefined {
    const { scanner, sinceMs, untilMs, requests = [] } = options
    if (scanner === undefined) return undefined
    return new LineScanner(scanner, {
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(untilMs === undefined ? {} : { untilMs }),
      requests: requests.length > 0,
    })
  }

  #text(bytes: Uint8Array, place: BytesPlace): void {
    if (this.#source !== undefined && this.#source.name !== place.source) this.endOfSource()
    this.#source ??= { name: place.source, splitter: this.#splitter(place.source) }
    this.#source.splitter.push(bytes, place.offset)
  }

  /** What holds something else than flows is one bad record among many, and no reason to stop. */
  #wholeText(bytes: Uint8Array, place: BytesPlace, end: 'whole' | 'cut'): void {
    const location = { file: place.source, offset: place.offset }
    try {
      if (end === 'whole' && this.#scanner !== undefined) {
        refuseBinary(bytes.subarray(0, inspectedBytes), location)
        if (this.#scanner.scanRecord(bytes)) return
      }
      const splitter = this.#splitter(place.source, () => location)
      splitter.push(bytes, place.offset)
      splitter.end({ isCut: end === 'cut' })
    } catch (reason) {
      const isForeign =
        reason instanceof NetweirError &&
        (reason.code === 'NOT_FLOWS' || reason.code === 'SET_INVALID')
      if (!isForeign) throw reason
      this.#malformed(location, reason.message)
    }
  }

  #splitter(source: string, placed?: () => Location): RecordSplitter {
    const locate = ({ line }: RecordPlace): Location => placed?.() ?? { file: source, line }
    const scanner = this.#scanner
    let isGivenBack = false
    return createRecordSplitter(
      {
        record: (bytes, place) => {
          if (!isGivenBack && scanner?.scanRecord(bytes) === true) return
          this.#record(bytes, locate(place))
        },
        ...(scanner === undefined
          ? {}
          : {
              lines: (bytes: Uint8Array, place: RecordPlace, plain: PlainLines): TakenLines => {
                isGivenBack = true
                const taken = scanner.scan(bytes, (line, offset, number) =>
                  plain(line, { offset: place.offset + offset, line: place.line + number }),
                )
                isGivenBack = false
                return taken
              },
            }),
        bad: (outcome, place: RecordPlace, reason) => {
          this.#countBad(outcome, locate(place), reason)
          this.#isAggregated = true
          this.#aggregate.count(outcome)
          this.#records += 1
        },
      },
      { source, isMiddle: this.#options.isPiece === true },
    )
  }

  #malformed(location: Location, reason: string): void {
    this.#isAggregated = true
    this.#countBad('malformed', location, reason)
    this.#aggregate.count('malformed')
    this.#records += 1
  }

  #record(bytes: Uint8Array, location: Location): void {
    const parsed = parseRecord(bytes)
    if (parsed.ok) this.#value(parsed.value, location)
    else this.#malformed(location, parsed.reason)
  }

  #value(value: unknown, location: Location): void {
    this.#isAggregated = true
    if (isNetweirDocument(value)) {
      this.#refuseCut(location)
      const set = decodeSet(value, location)
      this.#aggregate.addSet(set)
      this.#records += set.ledger.records
    } else {
      for (const reading of readRecord(value)) this.#reading(reading, location)
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
    this.#bad.count(outcome, location, reason)
    this.#fault = reason
  }
}

function timeOf(reading: Reading): number | undefined {
  if (reading.kind === 'flow') return reading.flow.timeMs
  return reading.kind === 'node-status' ? undefined : reading.timeMs
}
