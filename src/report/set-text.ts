/** The communication set as a table: what was learned first, then what was not, by reason. */
import type { Outcome } from '../flow/flow.ts'
import { outcomes } from '../flow/flow.ts'
import { createEndTexts } from '../traffic/edge-ends.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import { outcomeTexts } from './outcomes.ts'
import type { Cell, Style } from './style.ts'
import { countOf, formatCount, formatDuration, formatTime, table } from './style.ts'

/** Returns the traffic as text: learned edges, then the others under a line that says what they are and what to do. */
export function trafficToText(traffic: Traffic, style: Style): string {
  const endText = createEndTexts(traffic)
  const byOutcome = new Map<Outcome, Edge[]>()
  for (const edge of traffic.edges) {
    const list = byOutcome.get(edge.outcome)
    if (list === undefined) byOutcome.set(edge.outcome, [edge])
    else list.push(edge)
  }
  const learned = byOutcome.get('learned') ?? []
  const others = outcomes
    .filter((outcome) => outcome !== 'learned')
    .flatMap((outcome) => {
      const records = traffic.ledger.outcomes[outcome] ?? 0
      const edges = byOutcome.get(outcome) ?? []
      return records === 0 && edges.length === 0
        ? []
        : ['', ...outcomeLines(outcome, records, edges, { endText, style })]
    })
  return [
    `${style.bold(countOf(learned.length, 'learned edge'))}${windowText(traffic)}`,
    ...edgeTable(learned, { endText, style }),
    ...others,
  ]
    .map((line) => `${line}\n`)
    .join('')
}

interface Wording {
  readonly endText: (end: EdgeEnd) => string
  readonly style: Style
}

function windowText({ window, classes }: Traffic): string {
  const among = ` among ${countOf(classes.length, 'class', 'classes')}`
  const { firstMs, lastMs } = window
  if (firstMs === undefined || lastMs === undefined) return among
  return `${among}, ${formatTime(firstMs)} to ${formatTime(lastMs)} (${formatDuration(lastMs - firstMs)})`
}

function outcomeLines(
  outcome: Outcome,
  records: number,
  edges: readonly Edge[],
  wording: Wording,
): readonly string[] {
  const { phrase, advice } = outcomeTexts[outcome]
  const { style } = wording
  return [
    `${style.yellow(outcome)}: ${phrase} (${countOf(records, 'record')})`,
    ...(advice === '' ? [] : [style.dim(`  ${advice}`)]),
    ...(edges.length === 0 ? [] : edgeTable(edges, wording)),
  ]
}

const heads = [
  'SOURCE',
  'DESTINATION',
  'PORT',
  'FLOWS',
  'FIRST SEEN',
  'LAST SEEN',
  'NEW/ESTABLISHED/REPLIES',
  'SIDES',
]

function edgeTable(edges: readonly Edge[], { endText, style }: Wording): readonly string[] {
  if (edges.length === 0) return []
  const head = heads.map((text): Cell => ({ text, paint: style.dim, ...alignOf(text) }))
  const rows = edges.map(({ from, to, port, protocol, evidence }): readonly Cell[] => [
    { text: endText(from) },
    { text: endText(to) },
    { text: `${port}/${protocol}` },
    { text: formatCount(evidence.flows), align: 'right' },
    { text: timeText(evidence.firstMs) },
    { text: timeText(evidence.lastMs) },
    { text: [evidence.strong, evidence.medium, evidence.reply].map(formatCount).join('/') },
    { text: sidesText(evidence) },
  ])
  return table([head, ...rows])
}

function alignOf(head: string): Pick<Cell, 'align'> {
  return head === 'FLOWS' ? { align: 'right' } : {}
}

function timeText(timeMs: number | undefined): string {
  return timeMs === undefined ? '-' : formatTime(timeMs)
}

function sidesText({ egress, ingress }: Edge['evidence']): string {
  const seen = [...(egress ? ['egress'] : []), ...(ingress ? ['ingress'] : [])]
  return seen.length === 0 ? '-' : seen.join('+')
}
