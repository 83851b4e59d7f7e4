/** Broken guard rails, for a terminal and for a pull request. */
import type { RailViolation } from '../diff/rail-violation.ts'
import type { PolicyReference } from '../policy/policy-reference.ts'
import { referenceText } from './diff-words.ts'
import { code, markdownTable } from './markdown-table.ts'
import type { ListLimit, Style } from './style.ts'
import { countOf, escapeMarkdown, escapeText, formatCount, limited } from './style.ts'

/** Violations that are shown before the rest is only counted. */
const listLimit: ListLimit = { most: 200, hint: '' }

/** Policies that a line names. */
const maxPolicies = 4

/** Longest Markdown, in UTF-16 code units: a diff has to fit below it in one comment. */
const maxMarkdownLength = 5000

/** Returns the violations as lines, or nothing where no guard rail is broken. */
export function violationsToText(violations: readonly RailViolation[], style: Style): string {
  if (violations.length === 0) return ''
  return [
    style.bold(style.red(countText(violations))),
    ...limited(violations, (violation) => linesOf(violation, style), listLimit),
    '',
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/** Returns the violations as a Markdown table under a heading, or nothing where no guard rail is broken. */
export function violationsToMarkdown(violations: readonly RailViolation[]): string {
  if (violations.length === 0) return ''
  const rows = violations.map((violation) => [
    code(railText(violation)),
    code(violation.from),
    code(violation.to),
    code(violation.ports.join(', ')),
    `${roleText(violation)} ${policyTexts(violation.policies).map(code).join(', ')}`,
  ])
  const columns = ['guard rail', 'from', 'to', 'ports', 'why']
  return [
    `### ${escapeMarkdown(countText(violations))}\n\n`,
    markdownTable(columns, rows, maxMarkdownLength),
    '\n',
  ].join('')
}

function countText(violations: readonly RailViolation[]): string {
  const forbidden = violations.filter(({ kind }) => kind === 'forbid').length
  const missing = violations.length - forbidden
  const counts = [
    ...(forbidden === 0 ? [] : [`${formatCount(forbidden)} forbidden and possible`]),
    ...(missing === 0 ? [] : [`${formatCount(missing)} permitted and impossible`]),
  ]
  return `${countOf(violations.length, 'guard rail violation')}: ${counts.join(', ')}`
}

function linesOf(violation: RailViolation, style: Style): readonly string[] {
  const { kind, message, witness } = violation
  const place = violation.at === undefined ? '' : `${escapeText(violation.at)}: `
  const policies = policyTexts(violation.policies).join(', ')
  return [
    `  ${place}${style.red(kind)}: ${escapeText(message)}`,
    style.dim(
      `      such as ${escapeText(witness.from)} -> ${escapeText(witness.to)} ${escapeText(witness.port)}`,
    ),
    style.dim(`      ${roleText(violation)}${policies === '' ? '' : ` ${escapeText(policies)}`}`),
  ]
}

/** Where no policy isolates the ends there is none to name, and that is the reason. */
function roleText({ kind, policies }: RailViolation): string {
  if (kind === 'permit') return 'denied by'
  return policies.length === 0 ? 'allowed, as no policy isolates either end' : 'allowed by'
}

function policyTexts(policies: readonly PolicyReference[]): readonly string[] {
  const shown = policies.slice(0, maxPolicies).map(referenceText)
  const more = policies.length - maxPolicies
  return more > 0 ? [...shown, `${more} more`] : shown
}

function railText({ kind, rail, at }: RailViolation): string {
  return `${kind} ${rail}${at === undefined ? '' : ` (${at})`}`
}
