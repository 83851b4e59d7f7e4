/** A diff for a terminal, or as a JSON document. */
import type { Change, ObjectChange, PolicyDiff, Section } from '../diff/policy-diff.ts'
import type { Confidence } from '../traffic/confidence.ts'
import {
  changesBySection,
  countsText,
  evidenceText,
  isTurn,
  objectCountsText,
  referenceText,
  roleTexts,
  sectionWords,
  truncatedText,
} from './diff-words.ts'
import type { Style } from './style.ts'
import { escapeText, limited } from './style.ts'

/** Policies that a line names. */
const maxPolicies = 4

/**
 * Returns a diff as lines: counts, then each section that has changes, then objects, stale grants, future
 * pods, what was left out.
 */
export function diffToText(diff: PolicyDiff, style: Style): string {
  const isSame = diff.same && diff.truncated !== true
  const head = isSame ? style.green(countsText(diff)) : style.bold(countsText(diff))
  const lines = changesBySection(diff).map(({ section, changes }) => ({
    section,
    lines: sectionLines(section, changes, style),
  }))
  return [
    head,
    ...lines.filter(({ section }) => section !== 'future').flatMap((part) => part.lines),
    ...requestLines(diff.requests ?? [], style),
    ...objectLines(diff.objects, style),
    ...staleLines(diff.stale, style),
    ...lines.filter(({ section }) => section === 'future').flatMap((part) => part.lines),
    ...(diff.truncated === true ? ['', style.yellow(truncatedText)] : []),
    ...notComparedLines(diff.notCompared, style),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/**
 * Returns a diff as its JSON document, indented by two, with a final newline; equal diffs are equal bytes. Characters
 * that a terminal obeys are written as escapes, so that the document is safe to look at.
 */
export function diffToJson(diff: PolicyDiff & { readonly confidence?: Confidence }): string {
  const text = JSON.stringify(diff, undefined, 2).replace(
    /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) =>
      Array.from({ length: character.length }, (_, index) => {
        const unit = character.charCodeAt(index).toString(16)
        return `\\u${unit.padStart(4, '0')}`
      }).join(''),
  )
  return `${text}\n`
}

function sectionLines(
  section: Section,
  changes: readonly Change[],
  style: Style,
): readonly string[] {
  const { title, meaning } = sectionWords[section]
  return [
    '',
    `${paintOf(section, style)(title)}: ${meaning}`,
    ...limited(changes, (change) => changeLines(change, style)),
  ]
}

function paintOf(section: Section, style: Style): (text: string) => string {
  const paints = {
    breaks: style.red,
    isolation: style.bold,
    opens: style.yellow,
    needed: style.green,
    tightens: style.cyan,
    future: style.dim,
  } as const satisfies Record<Section, (text: string) => string>
  return (text) => style.bold(paints[section](text))
}

function changeLines(change: Change, style: Style): readonly string[] {
  const sign = change.effect === 'widens' ? style.green('+') : style.red('-')
  const id = style.dim(`[${escapeText(change.id)}]`)
  const roles = roleTexts(change).map(({ role, policies }) => {
    const shown = policies.slice(0, maxPolicies).map(referenceText).join(', ')
    const more = policies.length - maxPolicies
    return style.dim(`      ${role} ${escapeText(shown)}${more > 0 ? ` and ${more} more` : ''}`)
  })
  return [`  ${sign} ${headlineOf(change)}  ${id}`, ...roles]
}

function headlineOf(change: Change): string {
  if (isTurn(change)) return escapeText(change.message)
  const ends = `${escapeText(change.from)} -> ${escapeText(change.to)}`
  const evidence = evidenceText(change)
  const seen = evidence === '' ? '' : `  (${escapeText(evidence)})`
  return `${ends}  ${escapeText(change.ports.join(', '))}${seen}`
}

function objectLines(objects: readonly ObjectChange[], style: Style): readonly string[] {
  if (objects.length === 0) return []
  const shown = objects.filter((object) => object.action !== 'unchanged')
  return [
    '',
    `${style.bold('objects')}: ${objectCountsText(objects)}`,
    ...limited(shown, ({ policy, action, at, rules }) => [
      `  ${actionMark(action, style)} ${escapeText(policy)}${at === undefined ? '' : style.dim(` (${escapeText(at)})`)}`,
      ...rules.map((rule) => `      ${paintRule(escapeText(rule), style)}`),
    ]),
  ]
}

function actionMark(action: ObjectChange['action'], style: Style): string {
  if (action === 'created') return style.green('created')
  return action === 'deleted' ? style.red('deleted') : style.yellow(action)
}

function paintRule(line: string, style: Style): string {
  if (line.startsWith('+')) return style.green(line)
  return line.startsWith('-') ? style.red(line) : line
}

function staleLines(stale: PolicyDiff['stale'], style: Style): readonly string[] {
  if (stale.length === 0) return []
  return [
    '',
    `${style.bold('stale')}: managed grants that this traffic lacks`,
    ...limited(stale, ({ policy, direction, peer, ports, kept }) => {
      const preposition = direction === 'ingress' ? 'from' : 'to'
      const fate = kept ? 'kept' : 'removed'
      const text = `${policy}: ${direction} ${preposition} ${peer} on ${ports.join(', ')}`
      return [`  ${kept ? fate : style.red(fate)} ${escapeText(text)}`]
    }),
  ]
}

function requestLines(
  requests: NonNullable<PolicyDiff['requests']>,
  style: Style,
): readonly string[] {
  if (requests.length === 0) return []
  return [
    '',
    `${style.yellow('requests')}: what proxies would let through otherwise, compared as text`,
    ...limited(requests, ({ policy, direction, port, removed, added }) => [
      `  ${escapeText(policy)} ${direction} ${escapeText(port)}`,
      ...removed.map((text) => `    - ${escapeText(text)}`),
      ...added.map((text) => `    + ${escapeText(text)}`),
    ]),
  ]
}

function notComparedLines(notCompared: readonly string[], style: Style): readonly string[] {
  if (notCompared.length === 0) return []
  return [
    '',
    `${style.yellow('not compared')}: policies of kinds that are not evaluated`,
    ...limited(notCompared, (name) => [`  ${escapeText(name)}`]),
  ]
}
