/** The figures of a report in words: those of its head, and those that speak to controls. */
import type { OverPermission } from '../diff/verify-report.ts'
import { unapprovedOf } from '../traffic/zone-report.ts'
import { verdictsText } from './confidence-text.ts'
import type { Control, Measure } from './control-catalogue.ts'
import type { Report, ReportFigure } from './report-document.ts'
import { isPassing } from './service-map.ts'
import { countOf, formatCount } from './style.ts'

/** What is measured: the report without what names it. */
export type Measured = Omit<
  Report,
  | 'apiVersion'
  | 'kind'
  | 'notice'
  | 'version'
  | 'cluster'
  | 'window'
  | 'nodes'
  | 'inputs'
  | 'flags'
  | 'digests'
  | 'summary'
  | 'catalogue'
>

/** Returns the figures of the head of a report. */
export function summaryOf(report: Measured): readonly ReportFigure[] {
  const { ledger, workloads, namespaces, policies, edges, diff } = report
  const breaks = diff.changes.filter(({ section }) => section === 'breaks').length
  return [
    { name: 'records', value: formatCount(ledger.records) },
    { name: 'lost events', value: formatCount(ledger.lostEvents) },
    { name: 'namespaces', value: formatCount(namespaces.length) },
    { name: 'workloads', value: formatCount(workloads.length) },
    { name: 'communications seen', value: formatCount(edges.filter(isPassing).length) },
    { name: 'policies', value: formatCount(policies.length) },
    { name: 'covered by the policies', value: coverageText(report) },
    { name: 'allowed and never used', value: formatCount(unusedOf(proposedOf(report))) },
    { name: 'would break', value: formatCount(breaks) },
    { name: 'confidence', value: verdictsText(report.confidence) },
    ...(report.zones === undefined
      ? []
      : [
          { name: 'crossings', value: formatCount(report.zones.crossings.length) },
          {
            name: 'crossings without a valid approval',
            value: formatCount(unapprovedOf(report.zones).length),
          },
        ]),
  ]
}

/** Returns the figures that speak to a control. */
export function figuresOf(control: Control, report: Measured): readonly ReportFigure[] {
  return control.measures.flatMap((measure) => figures[measure](report))
}

const figures: Readonly<Record<Measure, (report: Measured) => readonly ReportFigure[]>> = {
  policies: ({ namespaces, workloads, policies }) => [
    { name: 'policies', value: formatCount(policies.length) },
    {
      name: 'namespaces with a policy',
      value: ofAll(namespaces.filter((one) => one.policies > 0).length, namespaces.length),
    },
    {
      name: 'workloads that a policy selects',
      value: ofAll(workloads.filter((one) => one.policies.length > 0).length, workloads.length),
    },
  ],
  'default-deny': ({ namespaces }) =>
    (['ingress', 'egress'] as const).map((direction) => ({
      name: `namespaces closed by default for ${direction}`,
      value: ofAll(
        namespaces.filter(({ defaultDeny }) => defaultDeny.includes(direction)).length,
        namespaces.length,
      ),
    })),
  coverage: (report) => [{ name: 'seen and allowed', value: coverageText(report) }],
  'over-permission': (report) => [
    {
      name: 'connections allowed and never used',
      value: formatCount(unusedOf(proposedOf(report))),
    },
    { name: 'declared widenings', value: formatCount(report.widenings.length) },
  ],
  communications: ({ edges }) => [
    { name: 'communications seen', value: formatCount(edges.filter(isPassing).length) },
    {
      name: 'denied or unclear',
      value: formatCount(edges.filter((edge) => !isPassing(edge)).length),
    },
  ],
  ledger: ({ ledger }) => [
    { name: 'records examined', value: formatCount(ledger.records) },
    { name: 'events lost by the producers', value: formatCount(ledger.lostEvents) },
    { name: 'nodes that were unavailable', value: formatCount(ledger.unavailableNodes.length) },
  ],
  crossings: ({ zones }) =>
    zones === undefined
      ? [{ name: 'crossings between zones', value: 'no zones were given' }]
      : [
          { name: 'crossings between zones', value: formatCount(zones.crossings.length) },
          { name: 'without a valid approval', value: formatCount(unapprovedOf(zones).length) },
        ],
  approvals: ({ zones }) =>
    zones === undefined
      ? []
      : (['used', 'unused', 'expired'] as const).map((state) => ({
          name: `approvals ${state}`,
          value: formatCount(zones.approvals.filter((one) => one.state === state).length),
        })),
  encryption: ({ encryption: { edges, encrypted, authenticated } }) => [
    { name: 'communications seen encrypted between nodes', value: ofAll(encrypted, edges) },
    { name: 'with mutual authentication', value: ofAll(authenticated, edges) },
  ],
  'clear-text': ({ zones, encryption }) => [
    {
      name: 'crossings on ports that usually carry clear text',
      value: zones === undefined ? 'no zones were given' : formatCount(encryption.clearText.length),
    },
  ],
  confidence: ({ confidence }) => [
    { name: 'watched for long enough', value: verdictsText(confidence) },
  ],
  changes: ({ diff }) => [
    { name: 'differences in meaning', value: formatCount(diff.changes.length) },
    {
      name: 'of these, traffic that would break',
      value: formatCount(diff.changes.filter(({ section }) => section === 'breaks').length),
    },
  ],
}

function proposedOf({ coverage }: Measured): Measured['coverage'][number] | undefined {
  return coverage.find(({ policies }) => policies === 'proposed')
}

function coverageText(report: Measured): string {
  const share = proposedOf(report)?.coverage.edges
  if (share === undefined) return 'not replayed'
  const total = share.covered + share.denied + share.unjudged
  // A change of policies breaks only what it closes; what no policy can open, such as ICMP, is denied all the same.
  const rest = [
    ...(share.denied === 0 ? [] : [`${formatCount(share.denied)} would be denied`]),
    ...(share.unjudged === 0 ? [] : [`${formatCount(share.unjudged)} of unknown labels`]),
  ].join(', ')
  const covered = `${formatCount(share.covered)} of ${countOf(total, 'edge')} (${share.percent} %)`
  return rest === '' ? covered : `${covered}, ${rest}`
}

function unusedOf(
  part: { readonly overPermission: readonly OverPermission[] } | undefined,
): number {
  return (part?.overPermission ?? []).reduce((sum, { unused }) => sum + unused, 0)
}

function ofAll(count: number, all: number): string {
  return `${formatCount(count)} of ${formatCount(all)}`
}
