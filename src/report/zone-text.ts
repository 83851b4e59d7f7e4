/** Zones and what crosses between them, in the words of a terminal and of Markdown. */
import type { Crossing, ZoneReport } from '../traffic/zone-report.ts'
import { isClear, unapprovedOf } from '../traffic/zone-report.ts'
import type { MarkdownPart } from './markdown-parts.ts'
import { code, folded } from './markdown-parts.ts'
import type { Cell, Style } from './style.ts'
import { countOf, escapeMarkdown, escapeText, formatCount, limited, table } from './style.ts'

/** Returns how much crosses, approved or not. Not escaped. */
export function zonesText(report: ZoneReport): string {
  const { crossings, zones, asOf } = report
  const unapproved = unapprovedOf(report).length
  const clear = crossings.filter(isClear).length
  return [
    `${countOf(crossings.length, 'crossing')} between ${countOf(zones.length, 'zone')}`,
    `${formatCount(unapproved)} without an approval that is valid${asOf === undefined ? '' : ` at ${asOf}`}`,
    `${formatCount(clear)} on ports that usually carry clear text`,
  ].join('; ')
}

/** Returns why a crossing is let through, or is not: `approved by jane until 2026-12-31: ...`. Not escaped. */
export function approvalText({ state, approval }: Crossing, { approvals }: ZoneReport): string {
  const found = approval === undefined ? undefined : approvals[approval]
  if (found === undefined) return 'not approved'
  const { approvedBy, until, reason, at } = found
  const day = until.replace('T23:59:59.999Z', '')
  return state === 'expired'
    ? `approval by ${approvedBy} expired ${day} (${at})`
    : `approved by ${approvedBy} until ${day}: ${reason} (${at})`
}

/** Returns the section of a report for a terminal. */
export function zoneLines(report: ZoneReport | undefined, style: Style): readonly string[] {
  if (report === undefined) return []
  return [
    '',
    `${style.bold('zones')}: ${zonesText(report)}`,
    ...matrixLines(report, style),
    ...unmetTexts(report).map((text) => `  ${style.yellow('not found')}: ${escapeText(text)}`),
    ...limited(unapprovedOf(report), (crossing) => [
      `  ${style.red(crossing.state)} ${escapeText(crossingText(crossing))}: ${escapeText(approvalText(crossing, report))}`,
    ]),
    ...report.approvals
      .filter(({ state }) => state !== 'used')
      .map(
        ({ state, from, to, at }) =>
          `  ${style.yellow(`approval ${state}`)}: ${escapeText(`${from} -> ${to} (${at})`)}`,
      ),
  ]
}

/** Returns what the file names and nothing meets, one text for each zone: `phi: namespace patient`. Not escaped. */
export function unmetTexts({ zones }: ZoneReport): readonly string[] {
  return zones.flatMap(({ name, unmet }) =>
    unmet === undefined ? [] : [`${name}: ${unmet.join(', ')}`],
  )
}

function matrixLines({ matrix }: ZoneReport, style: Style): readonly string[] {
  const head = ['FROM', 'TO', 'EDGES', 'FLOWS', 'CROSSINGS', 'UNAPPROVED', 'CLEAR TEXT'].map(
    (text, column): Cell => ({ text, paint: style.dim, ...(column < 2 ? {} : right) }),
  )
  const rows = matrix.map(
    ({ from, to, edges, flows, crossings, unapproved, clearText }): readonly Cell[] => [
      { text: from },
      { text: to },
      ...[edges, flows, crossings, unapproved, clearText].map(
        (count): Cell => ({
          text: formatCount(count),
          ...right,
        }),
      ),
    ],
  )
  return table([head, ...rows]).map((line) => `  ${line}`)
}

const right = { align: 'right' } as const

function crossingText({ fromZone, toZone, from, to, port, clearText }: Crossing): string {
  const spoken = clearText === undefined ? '' : ` (${clearText})`
  return `${fromZone} -> ${toZone}: ${from} -> ${to} on ${port}${spoken}`
}

/** Returns the parts of a Markdown report. */
export function zoneParts(report: ZoneReport | undefined): readonly MarkdownPart[] {
  if (report === undefined) return []
  return [
    folded(
      'pairs of zones',
      `zones: ${escapeMarkdown(zonesText(report))}`,
      false,
      ['from', 'to', 'edges', 'flows', 'crossings', 'unapproved', 'clear text'],
      report.matrix.map(({ from, to, edges, flows, crossings, unapproved, clearText }) => [
        code(from),
        code(to),
        ...[edges, flows, crossings, unapproved, clearText].map(formatCount),
      ]),
    ),
    ...unmetPart(report),
    ...crossingParts(report),
  ]
}

function unmetPart(report: ZoneReport): readonly MarkdownPart[] {
  const texts = unmetTexts(report)
  if (texts.length === 0) return []
  return [
    {
      name: 'what the zones name and nothing meets',
      before: '\n<details open><summary>named by zones, and not found</summary>\n\n',
      rows: texts.map((text) => `- ${escapeMarkdown(text)}\n`),
      after: '\n</details>\n',
    },
  ]
}

function crossingParts(report: ZoneReport): readonly MarkdownPart[] {
  const crossings = unapprovedOf(report)
  if (crossings.length === 0) return []
  return [
    folded(
      'crossings',
      `crossings without a valid approval (${formatCount(crossings.length)})`,
      true,
      ['zones', 'from', 'to', 'port', 'approval'],
      crossings.map((crossing) => [
        code(`${crossing.fromZone} -> ${crossing.toZone}`),
        code(crossing.from),
        code(crossing.to),
        code(
          crossing.clearText === undefined
            ? crossing.port
            : `${crossing.port} ${crossing.clearText}`,
        ),
        escapeMarkdown(approvalText(crossing, report)),
      ]),
    ),
  ]
}
