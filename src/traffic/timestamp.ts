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

/** The first moment of the day that was formatted last, of which a recording holds few. */
const dayText = Buffer.alloc(timeBytes)
let lastDay = Number.NaN

/** The texts of the numbers below 100, one behind the other. */
const twoDigits = Buffer.from(
  Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0')).join(''),
)

const formatted = Buffer.alloc(timeBytes)

/** Returns a time as RFC 3339 in UTC, with milliseconds. */
export function formatTime(timeMs: number): string {
  writeTime(formatted, 0, timeMs)
  return formatted.toString('latin1')
}

/** Writes what {@link formatTime} returns. */
export function writeTime(bytes: Uint8Array, at: number, timeMs: number): void {
  const day = Math.floor(timeMs / dayMs)
  if (day !== lastDay) {
    dayText.write(new Date(day * dayMs).toISOString())
    lastDay = day
  }
  bytes.set(dayText, at)
  const rest = Math.floor(timeMs - day * dayMs)
  const seconds = Math.floor(rest / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const tens = Math.floor(rest / 10)
  writeTwoDigits(bytes, at + 11, hours)
  writeTwoDigits(bytes, at + 14, minutes - hours * 60)
  writeTwoDigits(bytes, at + 17, seconds - minutes * 60)
  writeTwoDigits(bytes, at + 20, tens - seconds * 100)
  bytes[at + 22] = zero + rest - tens * 10
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
