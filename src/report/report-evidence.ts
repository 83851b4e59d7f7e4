/** The sections of a report's page that an auditor looks for: zones, simulation of the bounds, ledger, controls, inputs. */
import type { ZoneReport } from '../traffic/zone-report.ts'
import { isClear } from '../traffic/zone-report.ts'
import type { HtmlCell, HtmlRow } from './html.ts'
import { chip, fixed, html, htmlTable, limitedTable, paragraph, timeCell } from './html.ts'
import { outcomeTexts } from './outcomes.ts'
import type { Report } from './report-document.ts'
import { formatCount } from './style.ts'
import { approvalText, unmetTexts, zonesText } from './zone-text.ts'

/** Returns the matrix of zones, what crosses, and the approvals. */
export function zoneSection(report: ZoneReport): string {
  return [
    paragraph(`${zonesText(report)}.`),
    matrix(report),
    ...unmetTexts(report).map((text) => paragraph(`Named by a zone, and not found: ${text}.`)),
    limitedTable(
      report.crossings.map((crossing) => ({
        cells: [
          {
            markup: [
              chip(crossing.state, crossing.state),
              ...(isClear(crossing) ? [chip('clear', crossing.clearText ?? '')] : []),
            ].join(' '),
          },
          `${crossing.fromZone} → ${crossing.toZone}`,
          ends(crossing.from, crossing.addresses),
          ends(crossing.to, crossing.addresses),
          fixed(crossing.port),
          formatCount(crossing.flows),
          timeCell(crossing.last),
          approvalText(crossing, report),
        ],
      })),
      (rows) =>
        htmlTable(
          'crossings',
          ['state', 'zones', 'from', 'to', 'port', 'flows', 'last seen', 'approval'],
          rows,
          [5],
        ),
    ),
    report.approvals.length === 0
      ? ''
      : htmlTable(
          'approvals',
          ['state', 'from', 'to', 'ports', 'approved by', 'reason', 'until', 'crossings', 'at'],
          report.approvals.map((approval) => ({
            cells: [
              { markup: chip(approval.state, approval.state) },
              [approval.from, approval.source ?? ''].filter((text) => text !== '').join(': '),
              [approval.to, approval.destination ?? ''].filter((text) => text !== '').join(': '),
              approval.ports.length === 0 ? 'all' : approval.ports.join(', '),
              approval.approvedBy,
              approval.reason,
              timeCell(approval.until),
              formatCount(approval.crossings),
              approval.at,
            ],
          })),
          [7],
        ),
  ].join('')
}

function ends(name: string, addresses: number | undefined): string {
  return name === 'addresses' && addresses !== undefined
    ? `${formatCount(addresses)} ${addresses === 1 ? 'address' : 'addresses'}`
    : name
}

function matrix({ zones: list, matrix: pairs }: ZoneReport): string {
  const at = new Map(pairs.map((pair) => [JSON.stringify([pair.from, pair.to]), pair]))
  const rows = list.map(
    ({ name }): HtmlRow => ({
      cells: [
        { markup: `<strong>${html(name)}</strong>` },
        ...list.map((to): HtmlCell => {
          const pair = at.get(JSON.stringify([name, to.name]))
          if (pair === undefined) return { markup: '', className: 'none' }
          if (name === to.name)
            return { markup: formatCount(pair.edges), className: 'within number' }
          const open = pair.unapproved === 0 ? '' : ` (${formatCount(pair.unapproved)} unapproved)`
          return {
            markup: html(`${formatCount(pair.crossings)}${open}`),
            className: `${pair.unapproved === 0 ? 'approved' : 'unapproved'} number`,
          }
        }),
      ],
    }),
  )
  return htmlTable(
    'zone to zone: crossings, and on the diagonal edges within',
    ['from \\ to', ...list.map(({ name }) => name)],
    rows,
    list.map((_zone, index) => index + 1),
  )
}

/** Returns how often the bounds of confidence hold, by how busy edges are and how many events were seen. */
export function simulationSection({ nominal, edges, coverage }: Report['simulation']): string {
  const [first] = coverage
  const sizes = first?.sizes ?? []
  return [
    paragraph(
      `The bounds are made to hold in ${nominal} % of all recordings. Recordings of ${formatCount(edges)} edges were made up, with edges that differ in how busy they are in one way after the other; in this many percent of them the truth was not above the bound. The simulation runs with every change of netweir, with a fixed seed (test/properties/confidence.test.ts).`,
    ),
    htmlTable(
      'recordings in which the bound held, in percent',
      ['edges are', ...sizes.map(({ events }) => `${formatCount(events)} events`)],
      coverage.map(({ distribution, sizes: own }) => ({
        cells: [distribution, ...own.map(({ held, runs }) => percentOf(held, runs))],
      })),
      sizes.map((_size, index) => index + 1),
    ),
  ].join('')
}

/** Rounded down to a tenth, so that no figure flatters. */
function percentOf(held: number, runs: number): string {
  return (Math.floor((held * 1000) / runs) / 10).toFixed(1)
}

/** Returns every outcome with its records, losses, and what was seen of encryption. */
export function ledgerSection({
  ledger: { records, outcomes, lostEvents, unavailableNodes },
  encryption,
}: Report): string {
  const rows = Object.entries(outcomes).map(([outcome, count]): HtmlRow => {
    const { phrase, advice } = outcomeTexts[outcome as keyof typeof outcomeTexts]
    return { cells: [outcome, formatCount(count), phrase, advice] }
  })
  return [
    paragraph(
      `Every one of ${formatCount(records)} records is counted once. The producers say that they lost ${formatCount(lostEvents)} events; ${unavailableNodes.length === 0 ? 'no node was unavailable' : `unavailable at some time: ${unavailableNodes.join(', ')}`}.`,
    ),
    htmlTable('outcomes', ['outcome', 'records', 'what it means', 'what to do'], rows, [1]),
    paragraph(
      `Encryption as seen in the flows: of ${formatCount(encryption.edges)} communications that passed, ${formatCount(encryption.encrypted)} were seen encrypted between nodes (WireGuard or IPsec), and ${formatCount(encryption.authenticated)} with mutual authentication. Producers say so of few events: their silence proves nothing.`,
    ),
  ].join('')
}

/** Returns the controls with the figures that speak to them. */
export function controlSection({ catalogue, notice }: Report): string {
  return [
    paragraph(notice),
    paragraph(
      `Catalogue of ${catalogue.version}. Direct: the figures measure what the control is about. Supporting: they measure a part of it, or help to judge it. Outside: nothing here speaks of it.`,
    ),
    htmlTable(
      'controls',
      ['control', 'status', 'reach', 'figures', 'what they say, and leave open'],
      catalogue.controls.map((control) => ({
        cells: [
          {
            markup: `<strong>${html(control.id)}</strong> ${html(control.title)}<br><span class="dim">${html(`${control.framework}, ${control.source}`)}</span>`,
          },
          { markup: chip(control.status === 'proposed' ? 'watching' : 'neutral', control.status) },
          { markup: chip(control.relation, control.relation) },
          {
            markup: `<ul class="plain">${control.figures.map(({ name, value }) => `<li>${html(name)}: <strong>${html(value)}</strong></li>`).join('')}</ul>`,
          },
          control.reach,
        ],
      })),
    ),
  ].join('')
}

/** Returns what went into the report, with digests. */
export function inputSection(report: Report): string {
  return [
    htmlTable(
      'inputs',
      ['role', 'name', 'bytes', 'SHA-256'],
      report.inputs.map(({ role, name, bytes, sha256 }) => ({
        cells: [
          role,
          name,
          bytes === undefined ? '' : formatCount(bytes),
          { markup: `<code>${html(sha256 ?? '')}</code>` },
        ],
      })),
      [2],
    ),
    htmlTable(
      'flags',
      ['flag', 'value'],
      report.flags.map(({ name, value }) => ({ cells: [fixed(name), value] })),
    ),
    htmlTable(
      'digests',
      ['of', 'SHA-256'],
      [
        ['communication set', report.digests.communicationSet] as const,
        ['policies in force', report.digests.policySet] as const,
      ].map(([name, digest]) => ({ cells: [name, { markup: `<code>${html(digest)}</code>` }] })),
    ),
    paragraph(
      `netweir ${report.version}. The same inputs, the same flags and the same version give the same report.`,
    ),
  ].join('')
}
