/** Values as they are typed, each judged once: a word of a list, a number, a text; and the error for what is wrong. */
import { NetweirError } from '../index.ts'

/** Returns the one of `accepted` that `value` is. @throws NetweirError `USAGE` naming all of them. */
export function choice<T extends string>(
  flag: string,
  value: string | undefined,
  accepted: readonly T[],
): T | undefined {
  if (value === undefined) return undefined
  const found = accepted.find((candidate) => candidate === value)
  if (found !== undefined) return found
  const list = accepted.length === 1 ? accepted.join('') : `one of ${accepted.join(', ')}`
  throw usage(`${flag} must be ${list}, is "${value}"`)
}

/** Returns a whole number. @throws NetweirError `USAGE`. */
export function count(flag: string, value: string | undefined, unit: string): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw usage(`${flag} must be a number of ${unit} such as 0 or 16, is "${value}"`)
}

/** Returns a value that is not empty. @throws NetweirError `USAGE`. */
export function nonEmpty(what: string, value: string): string {
  if (value === '') throw usage(`${what} must not be empty`)
  if (value.includes('\0')) throw usage(`${what} must not hold a NUL character, is "${value}"`)
  return value
}

/** Returns the error for something that was typed wrong. */
export function usage(message: string, hint?: string): NetweirError {
  return new NetweirError('USAGE', message, hint === undefined ? {} : { hint })
}
