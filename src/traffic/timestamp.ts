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

const zero = 48
const colon = 58
const point = 46
const zulu = 90

function tensOf(number: number): number {
  return zero + Math.floor(number / 10)
}

function onesOf(number: number): number {
  return zero + (number % 10)
}

/** The day that was formatted last, of which a recording holds few, as the codes of its text. */
let lastDay = Number.NaN
let codes: readonly number[] = []

/** Returns a time as RFC 3339 in UTC, with milliseconds. */
export function formatTime(timeMs: number): string {
  const day = Math.floor(timeMs / dayMs)
  if (day !== lastDay) {
    codes = Array.from(new Date(day * dayMs).toISOString(), (character) => character.charCodeAt(0))
    lastDay = day
  }
  const rest = Math.floor(timeMs - day * dayMs)
  const hours = Math.floor(rest / 3_600_000)
  const minutes = Math.floor(rest / 60_000) % 60
  const seconds = Math.floor(rest / 1000) % 60
  const thousandths = rest % 1000
  const hundredths = Math.floor(thousandths / 10)
  // In one piece: texts that are put together keep their parts, and sets hold many. Spelled out: a list to spread costs
  // half as much again.
  return String.fromCharCode(
    codes[0] ?? 0,
    codes[1] ?? 0,
    codes[2] ?? 0,
    codes[3] ?? 0,
    codes[4] ?? 0,
    codes[5] ?? 0,
    codes[6] ?? 0,
    codes[7] ?? 0,
    codes[8] ?? 0,
    codes[9] ?? 0,
    codes[10] ?? 0,
    tensOf(hours),
    onesOf(hours),
    colon,
    tensOf(minutes),
    onesOf(minutes),
    colon,
    tensOf(seconds),
    onesOf(seconds),
    point,
    tensOf(hundredths),
    onesOf(hundredths),
    zero + (thousandths % 10),
    zulu,
  )
}

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
