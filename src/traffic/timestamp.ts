/** Times as the communication set keeps them: milliseconds inside, RFC 3339 in UTC outside. */

/** The last millisecond that RFC 3339 can spell: the end of the year 9999. */
const lastTimeMs = 253_402_300_799_999

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/**
 * Returns `timeMs` in whole milliseconds when a recording can have it, from 1970 to 9999, else undefined: producers
 * write an absent time as the year 1.
 */
export function plausibleTime(timeMs: number | undefined): number | undefined {
  if (timeMs === undefined || !(timeMs > 0 && timeMs <= lastTimeMs)) return undefined
  return Math.floor(timeMs)
}

const dayMs = 86_400_000

/** Bytes of a time as it is formatted. */
export const timeBytes = 24

/** The texts of the numbers below 100, one behind the other. */
const twoDigits = Buffer.from(
  Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0')).join(''),
)

/** A place among bytes at which times are written, one over the other. */
export class TimePlace {
  readonly #bytes: Buffer
  readonly #at: number
  /** The first moment of the day that stands there: a recording holds few days. */
  #dayStart = Number.NaN

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  /**
   * Writes what {@link formatTime} returns. Divisions leave no rest: sets hold tens of thousands of times, and until the
   * engine has optimized this, each number that is no small integer takes memory.
   */
  write(timeMs: number): void {
    let rest = Math.floor(timeMs - this.#dayStart)
    if (!(rest >= 0 && rest < dayMs)) {
      this.#dayStart = Math.floor(timeMs / dayMs) * dayMs
      this.#bytes.write(new Date(this.#dayStart).toISOString(), this.#at)
      rest = Math.floor(timeMs - this.#dayStart)
    }
    const millis = rest % 1000
    const seconds = (rest - millis) / 1000
    const second = seconds % 60
    const minutes = (seconds - second) / 60
    const minute = minutes % 60
    const last = millis % 10
    const bytes = this.#bytes
    const at = this.#at
    writeTwoDigits(bytes, at + 11, (minutes - minute) / 60)
    writeTwoDigits(bytes, at + 14, minute)
    writeTwoDigits(bytes, at + 17, second)
    writeTwoDigits(bytes, at + 20, (millis - last) / 10)
    bytes[at + 22] = zero + last
  }
}

const formatted = Buffer.alloc(timeBytes)
const formattedTime = new TimePlace(formatted, 0)

/** Returns a time as RFC 3339 in UTC, with milliseconds. */
export function formatTime(timeMs: number): string {
  formattedTime.write(timeMs)
  return formatted.toString('latin1')
}

function writeTwoDigits(bytes: Uint8Array, at: number, number: number): void {
  bytes[at] = twoDigits[number * 2] ?? 0
  bytes[at + 1] = twoDigits[number * 2 + 1] ?? 0
}

const zero = 0x30

/** Returns the milliseconds that an RFC 3339 text from 1970 to 9999 spells, or undefined. */
export function parseTime(text: string): number | undefined {
  if (!rfc3339.test(text)) return undefined
  return plausibleTime(Date.parse(text))
}

/** A span of time that grows; it is empty while `firstMs` is greater than `lastMs`. */
export interface Span {
  firstMs: number
  lastMs: number
}

/** Returns a span that holds no time yet. */
export function emptySpan(): Span {
  return { firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY }
}

/** Lengthens `span` so that it holds `timeMs`. */
export function extendSpan(span: Span, timeMs: number): void {
  if (timeMs < span.firstMs) span.firstMs = timeMs
  if (timeMs > span.lastMs) span.lastMs = timeMs
}

/** Lengthens `span` so that it holds all of `other`. */
export function joinSpan(span: Span, other: Readonly<Span>): void {
  if (other.firstMs < span.firstMs) span.firstMs = other.firstMs
  if (other.lastMs > span.lastMs) span.lastMs = other.lastMs
}

/** How a document spells a span: both members or none. */
export interface SpanRecord {
  readonly first?: string
  readonly last?: string
}

/** Returns the span as a document spells it. */
export function spanRecord(span: Readonly<Span>): SpanRecord {
  if (span.firstMs > span.lastMs) return {}
  if (span.firstMs === span.lastMs) {
    const only = formatTime(span.firstMs)
    return { first: only, last: only }
  }
  return { first: formatTime(span.firstMs), last: formatTime(span.lastMs) }
}

/** Returns the span that a document spells; a text that is no time counts as absent. */
export function spanOf(record: SpanRecord): Span {
  const span = emptySpan()
  for (const text of [record.first, record.last]) {
    const timeMs = text === undefined ? undefined : parseTime(text)
    if (timeMs !== undefined) extendSpan(span, timeMs)
  }
  return span
}
