/** What a report's page has to show in its tables and sentences, worked out anew from its document. */
import type { Report } from '../../src/report/report-document.ts'

/** One cell: what its figures are taken from. */
export type ExpectedCell = string | number | undefined

/** Rows by the caption of their table, in the order of the page. */
export type ExpectedTables = ReadonlyMap<string, readonly (readonly ExpectedCell[])[]>

/** Returns the figures of a text, without separators of thousands, in order. */
export function figuresIn(text: string): readonly string[] {
  return (text.match(/\d[\d,]*(?:\.\d+)?/g) ?? []).map((figure) => figure.replaceAll(',', ''))
}

/** Returns all tables that the page of a report has, with a cell for each of the page. */
export function expectedTables(report: Report): ExpectedTables {
  const { zones } = report
  return new Map([
    ['changes', changes(report)],
    ['communications', communications(report)],
    ['workloads', workloads(report)],
    ...(zones === undefined ? [] : zoneTables(zones)),
    [
      'namespaces',
      report.namespaces.map((one) => [
        one.namespace,
        one.workloads,
        one.covered,
        one.policies,
        one.defaultDeny.join(' '),
        one.heldBack.join(' '),
      ]),
    ],
    ...report.coverage.flatMap(
      ({ policies, coverage, overPermission }) =>
        [
          [
            `${policies} policies: what was seen`,
            (['edges', 'flows'] as const).map((of) => {
              const { covered, denied, unjudged, percent } = coverage[of]
              return [of, covered, denied, unjudged, percent]
            }),
          ],
          [
            `${policies} policies: what known pods may do`,
            overPermission.map((one) => {
              const { namespace, allowed, used, unused, open, otherPorts } = one
              return [namespace, allowed, used, unused, open, otherPorts]
            }),
          ],
        ] as const,
    ),
    [
      'findings',
      report.findings.map((one) => [one.severity, one.code, one.subject, one.message, one.hint]),
    ],
    [
      'allowed on purpose, beyond what was seen',
      report.widenings.map((one) => [
        one.reason,
        one.policy,
        `${one.direction} ${one.peer}`,
        one.ports.join(' '),
        one.size,
        one.hint,
      ]),
    ],
    [
      'outcomes',
      Object.entries(report.ledger.outcomes).map(([outcome, count]) => [
        outcome,
        count,
        undefined,
        undefined,
      ]),
    ],
    [
      'recordings in which the bound held, in percent',
      report.simulation.coverage.map(({ distribution, sizes }) => [
        distribution,
        ...sizes.map(({ held, runs }) => (Math.floor((held / runs) * 1000) / 10).toFixed(1)),
      ]),
    ],
    [
      'controls',
      report.catalogue.controls.map((one) => [
        `${one.id} ${one.title} ${one.framework} ${one.source}`,
        one.status,
        one.relation,
        one.figures.map(({ name, value }) => `${name} ${value}`).join(' '),
        one.reach,
      ]),
    ],
    [
      'inputs',
      report.inputs.map(({ role, name, bytes, sha256 }) => [role, name, bytes, sha256 ?? '']),
    ],
    ['flags', report.flags.map(({ name, value }) => [name, value])],
    [
      'digests',
      [
        ['communication set', report.digests.communicationSet],
        ['policies', report.digests.policySet],
      ],
    ],
  ])
}

/** Returns what the sentences and lists of each section are about, by its id; figures in the order of the page. */
export function expectedProse(report: Report): ReadonlyMap<string, string> {
  const { diff, simulation, zones, ledger, encryption, catalogue, version } = report
  const { verdicts, groups, days, unseen } = report.confidence
  const watching = groups.filter(({ verdict }) => verdict === 'watching')
  const moreDays = Math.max(0, ...watching.map((group) => group.moreDays))
  const counts = [
    verdicts.ready,
    ...[verdicts.watching, moreDays].filter(() => verdicts.watching > 0),
    verdicts.insufficient,
    days,
  ].filter((count, index, all) => count > 0 || index === all.length - 1)
  const clear = zones?.crossings.filter((one) =>
    encryption.clearText.some((text) => same(text, one)),
  )
  const unapproved = zones?.crossings.filter(({ state }) => state !== 'approved') ?? []
  const never = [unseen.cronJobs, unseen.workloads, unseen.pods, unseen.rollouts]
  return new Map([
    ['differences', diff.same ? '' : `${diff.changes.length} ${diff.unchanged}`],
    ['workloads', `${counts.join(' ')} ${never.map(shortList).join(' ')} ${simulation.nominal}`],
    ['simulation', `${simulation.nominal} ${simulation.edges}`],
    [
      'zones',
      zones === undefined
        ? ''
        : `${zones.crossings.length} ${zones.zones.length} ${unapproved.length} ${zones.asOf ?? ''} ${clear?.length}`,
    ],
    ['coverage', report.coverage.map(({ denied }) => (denied === 0 ? '' : denied)).join(' ')],
    [
      'ledger',
      `${ledger.records} ${ledger.lostEvents} ${ledger.unavailableNodes.join(' ')} ${encryption.edges} ${encryption.encrypted} ${encryption.authenticated}`,
    ],
    ['controls', `${report.notice} ${catalogue.version}`],
    ['inputs', version],
  ])
}

function shortList(names: readonly string[]): string {
  const more = names.length - 4
  return `${names.slice(0, 4).join(' ')} ${more > 0 ? more : ''}`
}

function same(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function changes({ diff }: Report): readonly (readonly ExpectedCell[])[] {
  const order = ['breaks', 'isolation', 'opens', 'needed', 'tightens', 'future']
  return order.flatMap((section) =>
    diff.changes
      .filter((change) => change.section === section)
      .map(({ from, to, ports, message, evidence, id }) => [
        section,
        from,
        to,
        ports.join(' '),
        message,
        evidence?.flows ?? '',
        id,
      ]),
  )
}

function communications({ edges, ends }: Report): readonly (readonly ExpectedCell[])[] {
  const seen = [
    ...['learned', 'host', 'remote-node', 'kube-apiserver'],
    ...['ingress', 'unmanaged', 'remote-cluster'],
  ]
  const rows = edges.map(({ from, to, port, decision, outcome, flows, last, ...edge }) => ({
    isDenied: decision === 'denied',
    isSeen: seen.includes(outcome),
    cells: [
      ends[from]?.name,
      ends[to]?.name,
      port,
      edge.clearText ?? '',
      [...new Set((edge.allowedBy ?? []).map(({ policy }) => policy))].join(' '),
      flows,
      timeOf(last),
    ],
  }))
  return [
    ...rows.filter(({ isDenied }) => isDenied),
    ...rows.filter(({ isDenied, isSeen }) => !isDenied && !isSeen),
    ...rows.filter(({ isDenied, isSeen }) => !isDenied && isSeen),
  ].map(({ cells }) => cells)
}

function workloads(report: Report): readonly (readonly ExpectedCell[])[] {
  const groups = new Map(report.confidence.groups.map((group) => [group.group, group]))
  return report.workloads.map(({ name, zone = '', pods, policies }) => {
    const group = groups.get(name)
    if (group === undefined) return [name, zone, pods, policies.join(' '), '', '', '', '', '']
    const next = ({ events, nextConnection }: typeof group.ingress): string =>
      events === 0 ? '' : `${percent(nextConnection.upper)} ${events}`
    const tomorrow = [group.ingress, group.egress].map(({ newEdgeTomorrow }) =>
      Math.max(0, newEdgeTomorrow.upper),
    )
    return [
      name,
      zone,
      pods,
      policies.join(' '),
      group.verdict === 'ready' || group.moreDays === 0 ? '' : group.moreDays,
      next(group.ingress),
      next(group.egress),
      percent(Math.max(...tomorrow)),
      '',
    ]
  })
}

function zoneTables(
  zones: NonNullable<Report['zones']>,
): readonly (readonly [string, readonly (readonly ExpectedCell[])[]])[] {
  const names = zones.zones.map(({ name }) => name)
  const cell = (from: string, to: string): string => {
    const pair = zones.matrix.find((one) => one.from === from && one.to === to)
    if (pair === undefined) return ''
    if (from === to) return String(pair.edges)
    return pair.unapproved === 0 ? `${pair.crossings}` : `${pair.crossings} ${pair.unapproved}`
  }
  return [
    [
      'zone to zone: crossings, and on the diagonal edges within',
      names.map((from) => [from, ...names.map((to) => cell(from, to))]),
    ],
    [
      'crossings',
      zones.crossings.map((one) => {
        const approval = one.approval === undefined ? undefined : zones.approvals[one.approval]
        const end = (name: string): string =>
          name === 'addresses' && one.addresses !== undefined ? String(one.addresses) : name
        return [
          one.clearText ?? '',
          `${one.fromZone} ${one.toZone}`,
          end(one.from),
          end(one.to),
          one.port,
          one.flows,
          timeOf(one.last),
          approval === undefined
            ? ''
            : `${approval.approvedBy} ${dayOf(approval.until)} ${one.state === 'expired' ? '' : approval.reason} ${approval.at}`,
        ]
      }),
    ],
    [
      'approvals',
      zones.approvals.map((one) => [
        one.state,
        `${one.from} ${one.source ?? ''}`,
        `${one.to} ${one.destination ?? ''}`,
        one.ports.join(' '),
        one.approvedBy,
        one.reason,
        timeOf(one.until),
        one.crossings,
        one.at,
      ]),
    ],
  ]
}

function percent(chance: number): string {
  return chance > 0 && chance < 0.001 ? '0.1' : String(Math.round(chance * 1000) / 10)
}

/** To the second. */
function timeOf(time: string | undefined): string {
  return time === undefined ? '' : time.slice(0, 19)
}

function dayOf(time: string): string {
  return time.endsWith('T23:59:59.999Z') ? time.slice(0, 10) : time
}
