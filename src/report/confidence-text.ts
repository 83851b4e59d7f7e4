/** Whether a cluster was watched for long enough, in the words of a terminal and of Markdown. */
import type {
  Confidence,
  ConfidenceGap,
  DirectionConfidence,
  GroupConfidence,
  Verdict,
} from '../traffic/confidence.ts'
import type { MarkdownPart } from './markdown-parts.ts'
import { code, folded } from './markdown-parts.ts'
import type { Cell, Style } from './style.ts'
import { countOf, escapeMarkdown, escapeText, formatCount, limited, table } from './style.ts'

/** Names of what was never seen that a line lists. */
const maxNames = 4

/** What a verdict is called. */
export const verdictTexts: Readonly<Record<Verdict, string>> = {
  insufficient: 'insufficient',
  watching: 'keep watching',
  ready: 'ready',
}

/** What is missing, in words. */
export const gapTexts: Readonly<Record<ConfidenceGap, string>> = {
  events: 'too few events',
  'next-connection': 'the next connection may be new',
  'new-edge': 'tomorrow may show a new edge',
  days: 'fewer days than a week',
  start: 'no rollout or second run seen',
}

/** Returns the lines of a summary: how many groups are ready, and what of the inventory was never seen. */
export function confidenceSummary(confidence: Confidence, style: Style): readonly string[] {
  const { groups, unseen } = confidence
  if (groups.length === 0) return []
  return [
    `${style.bold('confidence')}: ${verdictsText(confidence)}`,
    ...unseenLines({ ...unseen, rollouts: [] }, style),
  ]
}

function unseenLines(unseen: Confidence['unseen'], style: Style): readonly string[] {
  return unseenTexts(unseen).map((text) => `  ${style.yellow('never seen')}: ${escapeText(text)}`)
}

/** Returns `2 groups ready, 3 keep watching (about 12 more days); 9 complete days watched`. Not escaped. */
export function verdictsText({ verdicts, groups, days }: Confidence): string {
  const watching = groups.filter(({ verdict }) => verdict === 'watching')
  const more = moreDaysText(Math.max(0, ...watching.map(({ moreDays }) => moreDays)))
  const counts = (['ready', 'watching', 'insufficient'] as const)
    .filter((verdict) => verdicts[verdict] > 0)
    .map((verdict, index) => {
      const count = verdicts[verdict]
      const noun = index > 0 ? formatCount(count) : countOf(count, 'group')
      const hint = verdict === 'watching' && more !== '' ? ` (${more})` : ''
      return `${noun} ${verdictTexts[verdict]}${hint}`
    })
  return `${counts.join(', ')}; ${countOf(days, 'complete day')} watched`
}

/** Returns the verdict of a group: `keep watching (about 12 more days)`. */
export function verdictText({ verdict, moreDays }: GroupConfidence): string {
  const more = verdict === 'ready' ? '' : moreDaysText(moreDays)
  return more === '' ? verdictTexts[verdict] : `${verdictTexts[verdict]} (${more})`
}

/** Returns a chance in percent: `0.3 %`, `< 0.1 %`, `100 %`. */
export function chanceText(chance: number): string {
  if (chance > 0 && chance < 0.001) return '< 0.1 %'
  return `${Math.round(chance * 1000) / 10} %`
}

/** Returns the bound of a direction: `<= 0.3 % of 1,012`, or that nothing was seen. */
export function nextConnectionText({ events, nextConnection }: DirectionConfidence): string {
  return events === 0
    ? 'nothing seen'
    : `${chanceText(nextConnection.upper)} (n=${formatCount(events)})`
}

/** Returns what was never seen, one text for each kind that there is. Not escaped. */
export function unseenTexts(unseen: Confidence['unseen']): readonly string[] {
  const kinds = [
    ['run of CronJob', unseen.cronJobs],
    ['traffic of', unseen.workloads],
    ['traffic of pod', unseen.pods],
    ['rollout or second run of', unseen.rollouts],
  ] as const
  return kinds.flatMap(([what, names]) => {
    if (names.length === 0) return []
    const more = names.length - maxNames
    const shown = names.slice(0, maxNames).join(', ')
    return [`${what} ${shown}${more > 0 ? ` and ${formatCount(more)} more` : ''}`]
  })
}

const columns = [
  'GROUP',
  'VERDICT',
  'INGRESS: NEXT NEW',
  'EGRESS: NEXT NEW',
  'NEW EDGE TOMORROW',
  'LAST NEW EDGE',
]

/** Returns the section of a report for a terminal: the worst groups first. */
export function confidenceLines(
  confidence: Confidence | undefined,
  style: Style,
): readonly string[] {
  if (confidence === undefined || confidence.groups.length === 0) return []
  const head = columns.map((text): Cell => ({ text, paint: style.dim }))
  const rows = worstFirst(confidence.groups).map((group): readonly Cell[] => [
    { text: group.group },
    { text: verdictText(group), paint: paintOf(group.verdict, style) },
    { text: nextConnectionText(group.ingress) },
    { text: nextConnectionText(group.egress) },
    { text: chanceText(newEdgeUpper(group)) },
    { text: lastNewEdge(group) },
  ])
  const [first, ...rest] = table([head, ...rows])
  return [
    '',
    `${style.bold('confidence')}: ${verdictsText(confidence)}`,
    ...unseenLines(confidence.unseen, style),
    ...(first === undefined ? [] : [`  ${first}`]),
    ...limited(rest, (line) => [`  ${line}`]),
  ]
}

/** Returns the part of a Markdown report. */
export function confidencePart(confidence: Confidence | undefined): readonly MarkdownPart[] {
  if (confidence === undefined || confidence.groups.length === 0) return []
  return [
    folded(
      'groups',
      `confidence: ${escapeMarkdown(verdictsText(confidence))}`,
      false,
      [
        'group',
        'verdict',
        'ingress: next is new',
        'egress: next is new',
        'new edge tomorrow',
        'missing',
      ],
      worstFirst(confidence.groups).map((group) => [
        code(group.group),
        verdictText(group),
        nextConnectionText(group.ingress),
        nextConnectionText(group.egress),
        chanceText(newEdgeUpper(group)),
        group.gaps.map((gap) => gapTexts[gap]).join(', '),
      ]),
    ),
    ...unseenPart(confidence),
  ]
}

function unseenPart({ unseen }: Confidence): readonly MarkdownPart[] {
  const texts = unseenTexts(unseen)
  if (texts.length === 0) return []
  return [
    {
      name: 'what was never seen',
      before: '\n<details><summary>never seen</summary>\n\n',
      rows: texts.map((text) => `- ${escapeMarkdown(text)}\n`),
      after: '\n</details>\n',
    },
  ]
}

/** Returns the greater of the two bounds of a new edge tomorrow. */
export function newEdgeUpper({ ingress, egress }: GroupConfidence): number {
  return Math.max(ingress.newEdgeTomorrow.upper, egress.newEdgeTomorrow.upper)
}

function lastNewEdge({ ingress, egress }: GroupConfidence): string {
  const times = [ingress.lastNewEdge, egress.lastNewEdge].flatMap((time) => time ?? []).sort()
  return times.at(-1)?.replace('.000Z', 'Z') ?? ''
}

function worstFirst(groups: readonly GroupConfidence[]): readonly GroupConfidence[] {
  const rank = { insufficient: 0, watching: 1, ready: 2 } as const
  return groups.toSorted((a, b) => rank[a.verdict] - rank[b.verdict])
}

function paintOf(verdict: Verdict, style: Style): (text: string) => string {
  if (verdict === 'ready') return style.green
  return verdict === 'watching' ? style.yellow : style.red
}

function moreDaysText(days: number): string {
  return days <= 0 ? '' : `about ${countOf(days, 'more day')}`
}
