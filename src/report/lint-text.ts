/** What is wrong with policies, for a terminal, as a JSON document, and for a pull request. */
import type { LintFinding, LintReport, LintSeverity } from '../diff/lint-report.ts'
import { lintSeverities } from '../diff/lint-report.ts'
import { escapeUnprintable } from '../policy/quote.ts'
import { code, markdownTable } from './markdown-table.ts'
import type { Style } from './style.ts'
import { countOf, escapeMarkdown, escapeText } from './style.ts'

/** Longest Markdown, in UTF-16 code units: platforms refuse comments that are a little longer. */
const maxMarkdownLength = 60_000

/** Returns each finding as `file:line: severity[CODE]: policy: message` with its hint below, and the counts at the end. */
export function lintToText(report: LintReport, style: Style): string {
  return [
    ...report.findings.flatMap((finding) => findingLines(finding, style)),
    ...report.notLinted.map((name) => `not looked at: ${escapeText(name)}`),
    ...notCheckedLines(report),
    report.findings.length === 0 ? style.green(countsText(report)) : style.bold(countsText(report)),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/** Returns the report as its JSON document, indented by two, with a final newline. */
export function lintToJson(report: LintReport): string {
  return `${escapeUnprintable(JSON.stringify(report, undefined, 2))}\n`
}

/** Returns the report as GitHub-flavoured Markdown: one table a severity, the gravest first, the mildest folded. */
export function lintToMarkdown(report: LintReport): string {
  let text = `### netweir lint: ${escapeMarkdown(countsText(report))}\n`
  for (const severity of lintSeverities) {
    const findings = report.findings.filter((finding) => finding.severity === severity)
    if (findings.length > 0)
      text += severityPart(severity, findings, maxMarkdownLength - text.length)
  }
  const notes = [
    ...(report.notLinted.length === 0
      ? []
      : [`Not looked at: ${report.notLinted.slice(0, 20).map(code).join(', ')}`]),
    ...notCheckedLines(report),
  ]
  return notes.length === 0 ? text : `${text}\n${notes.join('\n\n')}\n`
}

function severityPart(
  severity: LintSeverity,
  findings: readonly LintFinding[],
  room: number,
): string {
  const rows = findings.map((finding) => [
    code(finding.code),
    code(finding.policy),
    code(finding.at),
    code(finding.message),
    escapeMarkdown(finding.hint),
  ])
  const open = severity === 'info' ? '' : ' open'
  const summary = countOf(findings.length, severity)
  // What surrounds the table, and the note where rows do not fit.
  const table = markdownTable(
    ['code', 'policy', 'where', 'finding', 'what to do'],
    rows,
    Math.max(0, room - 2000),
  )
  return `\n<details${open}><summary>${summary}</summary>\n\n${table}\n</details>\n`
}

function findingLines(finding: LintFinding, style: Style): readonly string[] {
  const label = paintOf(finding.severity, style)(`${finding.severity}[${finding.code}]`)
  const place = finding.at === '' ? '' : `${escapeText(finding.at)}: `
  return [
    `${place}${label}: ${escapeText(finding.policy)}: ${escapeText(finding.message)}`,
    `  ${style.bold('hint')}: ${escapeText(finding.hint)}`,
  ]
}

function notCheckedLines({ notChecked }: LintReport): readonly string[] {
  if (notChecked.length === 0) return []
  return [`not looked for without --inventory or --flows: ${notChecked.join(', ')}`]
}

function countsText({ policies, counts, findings }: LintReport): string {
  const total = countOf(policies, 'policy', 'policies')
  if (findings.length === 0) return `${total}, nothing found`
  const found = lintSeverities
    .filter((severity) => counts[severity] > 0)
    .map((severity) =>
      countOf(counts[severity], severity, severity === 'info' ? 'infos' : undefined),
    )
  return `${total}: ${found.join(', ')}`
}

function paintOf(severity: LintSeverity, style: Style): (text: string) => string {
  const paints = {
    error: style.red,
    warning: style.yellow,
    info: style.cyan,
  } as const satisfies Record<LintSeverity, (text: string) => string>
  return paints[severity]
}
