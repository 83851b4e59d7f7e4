/** Reading of values that `JSON.parse` made of outside text: every accessor gives undefined instead of throwing. */

/** A record that says something no producer can mean: caught where the record is read, and counted. */
export class MalformedRecord extends Error {}

/** A JSON object whose members nobody has checked. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The longest text that is kept of a record, in UTF-16 code units: Kubernetes allows far less anywhere. */
export const maxTextLength = 1024

/** Returns `value` when it is an object and no array, else undefined. */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined
}

/** Returns a member by its proto name, or by the lowerCamel name that other protojson encoders print. */
export function member(object: JsonObject, name: string, camelName: string): unknown {
  return object[name] ?? object[camelName]
}

/** Returns `value` when it is a text, else the empty text. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/**
 * Returns `value` when it is a text, else the empty text.
 * @throws {MalformedRecord} when it is longer than {@link maxTextLength}.
 */
export function asBoundedText(value: unknown, what: string): string {
  const text = asText(value)
  if (text.length > maxTextLength) {
    throw new MalformedRecord(`${what} is longer than ${maxTextLength} characters`)
  }
  return text
}

/** Returns `value` when it is an array, else an empty one. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Returns the whole number that a number or a decimal text (64-bit integers are printed so) spells, else undefined. */
export function asInteger(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined
  if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) return undefined
  return Number(value)
}

/** Returns the name of an enum value that is printed as a name or, where the producer knew none, as a number. */
export function enumName(value: unknown, names: Readonly<Record<number, string>>): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' ? (names[value] ?? String(value)) : ''
}

/** A time that was a number already. */
export class DecodedTime {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }
}

/** Returns milliseconds since the epoch for an RFC 3339 time with up to nine fractional digits, else undefined. */
export function timeMsOf(value: unknown): number | undefined {
  if (value instanceof DecodedTime) return value.ms
  if (typeof value !== 'string') return undefined
  const match = rfc3339.exec(value)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  const days = Date.UTC(Number(year), Number(month) - 1, Number(day))
  if (new Date(days).getUTCDate() !== Number(day)) return undefined
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  const milliseconds = Number((fraction ?? '').padEnd(3, '0').slice(0, 3))
  return days + seconds * 1000 + milliseconds - zoneMs(zone ?? 'Z')
}

const rfc3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/

function zoneMs(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}
