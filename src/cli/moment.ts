import { NetweirError } from '../index.ts'

const unitsMs: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/**
 * Returns the moment that `text` names, in milliseconds since the epoch: an RFC 3339 time (section 5.6; a fraction
 * beyond milliseconds is cut off), or a duration such as `15m`, `24h`, `7d` or `1h30m` before `nowMs`.
 *
 * @throws NetweirError `USAGE` when it is neither.
 */
export function parseMoment(flag: string, text: string, nowMs: number): number {
  const durationMs = parseDuration(text)
  const moment = durationMs === undefined ? parseTime(text) : nowMs - durationMs
  if (moment === undefined || !Number.isSafeInteger(moment)) {
    throw new NetweirError(
      'USAGE',
      `${flag} must be a time such as 2026-02-24T08:00:00Z, or a duration before now such as 15m, 24h or 7d, is "${text}"`,
    )
  }
  return moment
}

/**
 * Returns the milliseconds of a duration such as `15m`, `24h`, `7d` or `1h30m`.
 *
 * @throws NetweirError `USAGE` when it is none, or nothing.
 */
export function parseSpan(flag: string, text: string, maxDays: number = maxTimerDays): number {
  const durationMs = parseDuration(text)
  if (durationMs !== undefined && durationMs > 0 && durationMs <= maxDays * 86_400_000)
    return durationMs
  throw new NetweirError(
    'USAGE',
    `${flag} must be a duration of at most ${maxDays}d such as 90s, 15m, 24h or 7d, is "${text}"`,
  )
}

/** What a timer can wait. */
const maxTimerDays = 24

function parseDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}[smhd])+$/.test(text)) return undefined
  let totalMs = 0
  let smallestMs = Number.POSITIVE_INFINITY
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    const unitMs = unitsMs.get(unit ?? '') ?? 0
    // `30m1h` or `5m5m` are slips of the hand rather than durations.
    if (unitMs >= smallestMs) return undefined
    smallestMs = unitMs
    totalMs += Number(count) * unitMs
  }
  return totalMs
}

function parseTime(text: string): number | undefined {
  const match = rfc3339.exec(text)
  if (match === null) return undefined
  const number = (index: number): number => Number(match[index] ?? '0')
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(number)
  const dayMs = Date.UTC(year ?? 0, (month ?? 0) - 1, day)
  // Date.UTC carries an excess over (February 30 is March 2), which is how one is found out.
  if (new Date(dayMs).getUTCMonth() !== (month ?? 0) - 1 || number(3) < 1) return undefined
  // 60 is a leap second.
  if (number(4) > 23 || number(5) > 59 || number(6) > 60) return undefined
  if (number(9) > 23 || number(10) > 59) return undefined
  const fractionMs = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3))
  const offsetMs = (number(9) * 60 + number(10)) * 60_000 * (match[8] === '-' ? -1 : 1)
  const clockMs = (((hour ?? 0) * 60 + (minute ?? 0)) * 60 + (second ?? 0)) * 1000
  return dayMs + clockMs + fractionMs - offsetMs
}
