import type { Finding, Notice, Style } from '../index.ts'
import { escapeText, placeText } from '../index.ts'

/** Returns what a person should know about the input, one line each: `file:line: warning: message`, or `note`. */
export function noticesToText(notices: readonly Notice[], style: Style): string {
  return notices
    .map(({ message, location, isNews }) => {
      const label = isNews === true ? 'note' : style.yellow('warning')
      return `${placeText(location)}${label}: ${escapeText(message)}\n`
    })
    .join('')
}

/** Returns findings, one line each with its hint below: `action[code]: subject: message`. */
export function findingsToText(findings: readonly Finding[], style: Style): string {
  return findings
    .map(({ code, severity, subject, message, hint }) => {
      const label = style.yellow(`${severity}[${escapeText(code)}]`)
      const text = `${label}: ${escapeText(subject)}: ${escapeText(message)}\n`
      return hint === '' ? text : `${text}  hint: ${escapeText(hint)}\n`
    })
    .join('')
}
