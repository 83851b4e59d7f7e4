/** How failures read: one line each for the error and its problems, then what to do and what caused it. */
import type { Location, NetweirError } from '../errors.ts'
import type { Style } from './style.ts'
import { countOf, escapeText } from './style.ts'

/** Problems that are listed before the rest is only counted. */
const maxProblems = 200

/** Causes that are followed before the last one counts as the innermost. */
const maxCauses = 20

/**
 * Returns `file:line:column: error[CODE]: message` for the error and each of its problems, then the hint and the
 * innermost cause, each on its own line and escaped.
 */
export function errorToText(error: NetweirError, style: Style): string {
  const line = (message: string, location: Location | undefined): string =>
    `${placeText(location)}${style.red(`error[${error.code}]`)}: ${escapeText(message)}`
  // The message of an error with one problem is that problem.
  const problems = error.problems.length > 1 ? error.problems.slice(0, maxProblems) : []
  const more = error.problems.length > 1 ? error.problems.length - problems.length : 0
  const cause = innermostCause(error)
  return [
    line(error.message, error.location),
    ...problems.map((problem) => line(problem.message, problem.location)),
    ...(more === 0 ? [] : [`  and ${countOf(more, 'more problem')}`]),
    ...(error.hint === undefined ? [] : [`  ${style.bold('hint')}: ${escapeText(error.hint)}`]),
    ...(cause === undefined || cause === error.message
      ? []
      : [`  ${style.dim('cause')}: ${escapeText(cause)}`]),
  ]
    .map((text) => `${text}\n`)
    .join('')
}

/**
 * Returns a place as `file:line:column: `, with the document of a stream where there is no line, or as `source@offset: `
 * for a message; empty for none.
 */
export function placeText(location: Location | undefined): string {
  if (location === undefined) return ''
  const { file, line, column, document, offset } = location
  if (offset !== undefined) return `${escapeText(file)}@${offset}: `
  if (line === undefined) {
    const within = document === undefined ? '' : ` (document ${document})`
    return `${escapeText(file)}${within}: `
  }
  return `${[escapeText(file), line, ...(column === undefined ? [] : [column])].join(':')}: `
}

function innermostCause(error: NetweirError): string | undefined {
  let cause: unknown = error.cause
  for (let depth = 0; depth < maxCauses; depth++) {
    if (!(cause instanceof Error) || cause.cause === undefined) break
    cause = cause.cause
  }
  if (cause === undefined) return undefined
  return cause instanceof Error ? cause.message : String(cause)
}
