/** The sections of a report's page below the map: tables of everything that it measures. */
import type { Change } from '../diff/policy-diff.ts'
import { sections } from '../diff/policy-diff.ts'
import type { GroupConfidence } from '../traffic/confidence.ts'
import {
  chanceText,
  gapTexts,
  newEdgeUpper,
  nextConnectionText,
  unseenTexts,
  verdictsText,
  verdictText,
} from './confidence-text.ts'
import type { HtmlCell, HtmlRow } from './html.ts'
import {
  chip,
  fixed,
  html,
  htmlLines,
  htmlTable,
  limitedTable,
  paragraph,
  timeCell,
} from './html.ts'
import type { Report } from './report-document.ts'
import {
  controlSection,
  inputSection,
  ledgerSection,
  simulationSection,
  zoneSection,
} from './report-evidence.ts'
import type { MapEdge } from './service-map.ts'
import { isPassing } from './service-map.ts'
import { formatCount } from './style.ts'

/** One section of the page. */
export interface PageSection {
  readonly id: string
  readonly title: string
  readonly body: string
}

/** Returns the sections in order; `pairOf` says which line of the map an edge belongs to, by its position. */
export function pageSections(
  report: Report,
  pairOf: (edge: number) => number | undefined,
): readonly PageSection[] {
  return [
    { id: 'differences', title: 'What changes', body: differences(report) },
    { id: 'communications', title: 'Communications', body: communications(report, pairOf) },
    { id: 'workloads', title: 'Workloads and confidence', body: workloads(report) },
    ...(report.zones === undefined
      ? []
      : [{ id: 'zones', title: 'Zones', body: zoneSection(report.zones) }]),
    { id: 'namespaces', title: 'Namespaces', body: namespaces(report) },
    { id: 'coverage', title: 'Coverage', body: coverage(report) },
    { id: 'findings', title: 'Findings and widenings', body: findings(report) },
    { id: 'policies', title: 'Policies', body: policies(report) },
    { id: 'ledger', title: 'Ledger', body: ledgerSection(report) },
    {
      id: 'simulation',
      title: 'How often the bounds hold',
      body: simulationSection(report.simulation),
    },
    { id: 'controls', title: 'Controls', body: controlSection(report) },
    { id: 'inputs', title: 'Inputs and digests', body: inputSection(report) },
  ]
}

function differences({ diff, violations, inputs }: Report): string {
  const before = inputs.some(({ role }) => role === 'existing')
    ? 'the policies that were given as existing'
    : 'a cluster without policies, since none were given as existing'
  const order = (change: Change): number => sections.indexOf(change.section)
  const rows = diff.changes
    .toSorted((a, b) => order(a) - order(b))
    .map(
      (change): HtmlRow => ({
        cells: [
          { markup: chip(change.section, change.section) },
          change.from,
          change.to,
          change.ports.join(', '),
          change.message,
          change.evidence === undefined ? '' : `${formatCount(change.evidence.flows)} flows`,
          change.id,
        ],
      }),
    )
  const broken = violations.map(
    ({ kind, rail, message }): HtmlRow => ({
      cells: [{ markup: chip('breaks', kind) }, rail, message],
    }),
  )
  return [
    paragraph(
      diff.same
        ? `The policies mean the same as ${before}.`
        : `${formatCount(diff.changes.length)} differences in meaning to ${before}, and ${formatCount(diff.unchanged)} connections that both allow.`,
    ),
    broken.length === 0 ? '' : htmlTable('broken guard rails', ['kind', 'rail', 'what'], broken),
    rows.length === 0
      ? ''
      : limitedTable(rows, (shown) =>
          htmlTable(
            'changes',
            ['section', 'from', 'to', 'ports', 'what it means', 'seen', 'id'],
            shown,
          ),
        ),
  ].join('')
}

function communications(
  { edges, ends }: Report,
  pairOf: (edge: number) => number | undefined,
): string {
  const name = (id: number): string => ends[id]?.name ?? ''
  const rank = (edge: MapEdge): number => {
    if (edge.decision === 'denied') return 0
    return isPassing(edge) ? 2 : 1
  }
  const rows = [...edges.entries()]
    .sort(([, a], [, b]) => rank(a) - rank(b))
    .map(([index, edge]): HtmlRow => {
      const pair = pairOf(index)
      return {
        ends: [edge.from, edge.to],
        ...(pair === undefined ? {} : { pair }),
        cells: [
          name(edge.from),
          name(edge.to),
          fixed(edge.port),
          stateCell(edge),
          [...new Set((edge.allowedBy ?? []).map(({ policy }) => policy))].join(', '),
          formatCount(edge.flows),
          timeCell(edge.last),
        ],
      }
    })
  return limitedTable(rows, (shown) =>
    htmlTable(
      'communications',
      ['from', 'to', 'port', 'state', 'allowed by', 'flows', 'last seen'],
      shown,
      [5],
    ),
  )
}

function stateCell(edge: MapEdge): HtmlCell {
  const chips = [
    isPassing(edge)
      ? chip(edge.decision ?? 'seen', edge.decision ?? 'seen')
      : chip('dropped', edge.outcome),
    ...(edge.clearText === undefined ? [] : [chip('clear', edge.clearText)]),
    ...(edge.encrypted === undefined ? [] : [chip('allowed', 'encrypted')]),
    ...(edge.authenticated === undefined ? [] : [chip('allowed', 'authenticated')]),
  ]
  return { markup: chips.join(' ') }
}

function workloads({ workloads: list, confidence, simulation }: Report): string {
  const byName = new Map(confidence.groups.map((group) => [group.group, group]))
  const rows = list.map((workload): HtmlRow => {
    const group = byName.get(workload.name)
    return {
      ends: [workload.id],
      cells: [
        workload.name,
        workload.zone ?? '',
        formatCount(workload.pods),
        workload.policies.join(', '),
        group === undefined ? '' : verdictCell(group),
        group === undefined ? '' : nextConnectionText(group.ingress),
        group === undefined ? '' : nextConnectionText(group.egress),
        group === undefined ? '' : chanceText(newEdgeUpper(group)),
        group?.gaps.map((gap) => gapTexts[gap]).join(', ') ?? '',
      ],
    }
  })
  const unseen = unseenTexts(confidence.unseen)
  return [
    confidence.groups.length === 0 ? '' : paragraph(`Watched: ${verdictsText(confidence)}.`),
    unseen.length === 0
      ? ''
      : `<p>Never seen:</p><ul>${unseen.map((text) => `<li>${html(text)}</li>`).join('')}</ul>`,
    limitedTable(rows, (shown) =>
      htmlTable(
        'workloads',
        [
          'workload',
          'zone',
          'pods',
          'policies',
          'verdict',
          'next ingress is new',
          'next egress is new',
          'new edge tomorrow',
          'missing',
        ],
        shown,
        [2],
      ),
    ),
    `<p>Chances are upper bounds of nominal ${simulation.nominal} %, and n is the number of events they rest on. <a href="#simulation">How often such bounds hold</a> was simulated.</p>\n`,
  ].join('')
}

function verdictCell(group: GroupConfidence): HtmlCell {
  return { markup: chip(group.verdict, verdictText(group)) }
}

function namespaces(report: Report): string {
  return htmlTable(
    'namespaces',
    ['namespace', 'workloads', 'selected by a policy', 'policies', 'default deny', 'held back'],
    report.namespaces.map((one) => ({
      cells: [
        one.namespace,
        formatCount(one.workloads),
        formatCount(one.covered),
        formatCount(one.policies),
        one.defaultDeny.length === 0 ? 'none' : one.defaultDeny.join(', '),
        one.heldBack.join('; '),
      ],
    })),
    [1, 2, 3],
  )
}

function coverage(report: Report): string {
  return report.coverage
    .map(({ policies: which, coverage: { edges, flows }, denied, overPermission }) =>
      [
        htmlTable(
          `${which} policies: what was seen`,
          ['of', 'covered', 'denied', 'unknown labels', 'percent'],
          [['edges', edges] as const, ['flows', flows] as const].map(([name, share]) => ({
            cells: [
              name,
              formatCount(share.covered),
              formatCount(share.denied),
              formatCount(share.unjudged),
              `${share.percent} %`,
            ],
          })),
          [1, 2, 3, 4],
        ),
        denied === 0 ? '' : paragraph(`${formatCount(denied)} edges would be denied.`),
        htmlTable(
          `${which} policies: what known pods may do`,
          ['namespace', 'allowed', 'used', 'never used', 'open', 'other ports'],
          overPermission.map((one) => ({
            cells: [
              one.namespace,
              ...[one.allowed, one.used, one.unused, one.open, one.otherPorts].map(formatCount),
            ],
          })),
          [1, 2, 3, 4, 5],
        ),
      ].join(''),
    )
    .join('')
}

function findings(report: Report): string {
  const found = report.findings.map(
    (finding): HtmlRow => ({
      cells: [
        { markup: chip(finding.severity, finding.severity) },
        finding.code,
        finding.subject,
        finding.message,
        finding.hint,
      ],
    }),
  )
  const widened = report.widenings.map(
    (widening): HtmlRow => ({
      cells: [
        widening.reason,
        widening.policy,
        `${widening.direction} ${widening.peer}`,
        widening.ports.join(', '),
        widening.size,
        widening.hint,
      ],
    }),
  )
  return [
    found.length === 0
      ? paragraph('No findings.')
      : limitedTable(found, (shown) =>
          htmlTable('findings', ['severity', 'code', 'subject', 'what', 'hint'], shown),
        ),
    widened.length === 0
      ? ''
      : limitedTable(widened, (shown) =>
          htmlTable(
            'allowed on purpose, beyond what was seen',
            ['reason', 'policy', 'peer', 'ports', 'size', 'tighter way'],
            shown,
          ),
        ),
  ].join('')
}

function policies(report: Report): string {
  return report.policies
    .map(
      ({ policy, origin, role, at, yaml }, index) =>
        `<details id="policy-${index}"><summary>${html(policy)} ${chip(origin, origin)}${role === 'default-deny' ? ` ${chip('deny', 'default deny')}` : ''}${at === undefined ? '' : ` <span class="dim">${html(at)}</span>`}</summary><pre>${htmlLines(yaml)}</pre></details>`,
    )
    .join('\n')
}

/** Returns what was seen of a window, in words. */
export function windowText({ window: { first, last } }: Report): string {
  const second = (time: string): string => time.replace(/\.\d{3}Z$/, 'Z')
  return first === undefined || last === undefined ? '' : `${second(first)} to ${second(last)}`
}
