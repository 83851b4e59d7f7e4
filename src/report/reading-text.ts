/** What was read, in a few lines: records by outcome, window, nodes, losses. */
import type { Outcome } from '../flow/flow.ts'
import { outcomes } from '../flow/flow.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { outcomeTexts } from './outcomes.ts'
import type { Style } from './style.ts'
import { countOf, escapeText, formatCount, formatDuration, formatTime, table } from './style.ts'

/** Names of nodes that are spelled out. */
const maxNodes = 5

/** Returns what the ledger of a traffic says, as lines; one line when every record was learned and nothing was lost. */
export function readingLines(traffic: Traffic, style: Style): readonly string[] {
  const { ledger, edges } = traffic
  const learned = ledger.outcomes.learned ?? 0
  const edgeCount = edges.filter((edge) => edge.outcome === 'learned').length
  const others = otherOutcomes(traffic)
  return [
    [
      `read ${countOf(ledger.records, 'record')}${windowText(traffic)}${nodesText(traffic)}`,
      `${formatCount(learned)} learned (${countOf(edgeCount, 'edge')})`,
      ...(others.length === 0
        ? []
        : [`${formatCount(ledger.records - learned)} with other outcomes`]),
    ].join(', '),
    ...outcomeLines(others),
    ...lossLines(traffic, style),
    ...foldedLines(traffic, style),
  ]
}

interface OutcomeCount {
  readonly outcome: Outcome
  readonly records: number
}

function otherOutcomes({ ledger }: Traffic): readonly OutcomeCount[] {
  return outcomes
    .map((outcome) => ({ outcome, records: ledger.outcomes[outcome] ?? 0 }))
    .filter(({ outcome, records }) => outcome !== 'learned' && records > 0)
    .sort((a, b) => b.records - a.records)
}

function outcomeLines(counts: readonly OutcomeCount[]): readonly string[] {
  const rows = counts.map(
    ({ outcome, records }) =>
      [
        { text: formatCount(records), align: 'right' },
        { text: outcome },
        { text: outcomeTexts[outcome].phrase },
      ] as const,
  )
  return table(rows).map((line) => `  ${line}`)
}

function windowText({ window: { firstMs, lastMs } }: Traffic): string {
  if (firstMs === undefined || lastMs === undefined) return ' without times'
  const length = formatDuration(lastMs - firstMs)
  return ` over ${length} (${formatTime(firstMs)} to ${formatTime(lastMs)})`
}

function nodesText({ nodes }: Traffic): string {
  return nodes.length === 0 ? '' : ` from ${countOf(nodes.length, 'node')}`
}

function lossLines({ ledger, lost }: Traffic, style: Style): readonly string[] {
  const places = lost.map(({ source, node, events }) => {
    const where = [node, source].filter((part) => part !== '').join(' ')
    return where === '' ? formatCount(events) : `${formatCount(events)} at ${where}`
  })
  const detail = places.length === 0 ? '' : `: ${listed(places)}`
  const nodes = ledger.unavailableNodes
  return [
    ...(ledger.lostEvents === 0
      ? []
      : [`${style.yellow('lost')} ${countOf(ledger.lostEvents, 'event')}${detail}`]),
    ...(nodes.length === 0
      ? []
      : [`${style.yellow('unavailable')} ${countOf(nodes.length, 'node')}: ${listed(nodes)}`]),
  ]
}

function foldedLines({ folded }: Traffic, style: Style): readonly string[] {
  if (folded.length === 0) return []
  const coarsest = folded.reduce((least, { prefixLength }) => Math.min(least, prefixLength), 128)
  const lists = countOf(folded.length, 'address list')
  return [`${style.yellow('folded')} ${lists} into prefixes, the coarsest of length ${coarsest}`]
}

function listed(names: readonly string[]): string {
  const more = names.length - maxNodes
  const shown = escapeText(names.slice(0, maxNodes).join(', '))
  return more > 0 ? `${shown} and ${formatCount(more)} more` : shown
}
