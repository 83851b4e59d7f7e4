/** A report as a JSON document, and as Markdown for a ticket or a review. */
import { escapeUnprintable } from '../policy/quote.ts'
import { confidencePart } from './confidence-text.ts'
import type { MarkdownPart } from './markdown-parts.ts'
import { code, fitParts, folded } from './markdown-parts.ts'
import type { Report } from './report-document.ts'
import { windowText } from './report-sections.ts'
import { isPassing } from './service-map.ts'
import { escapeMarkdown, formatCount } from './style.ts'
import { zoneParts } from './zone-text.ts'

/** Returns a report as its JSON document, indented by two, with a final newline; equal reports are equal bytes. */
export function reportToJson(report: Report): string {
  return `${escapeUnprintable(JSON.stringify(report, undefined, 2))}\n`
}

/** Returns a report as GitHub-flavoured Markdown of bounded length. Text from outside never acts. */
export function reportToMarkdown(report: Report): string {
  const where = report.cluster === '' ? '' : ` of ${report.cluster}`
  const head = [
    `### ${escapeMarkdown(`netweir: network communication${where}`)}\n`,
    `\n${escapeMarkdown(windowText(report))}\n`,
    `\n${escapeMarkdown(report.notice)}\n`,
    '\n| figure | value |\n| --- | --- |\n',
    ...report.summary.map(
      ({ name, value }) => `| ${escapeMarkdown(name)} | ${escapeMarkdown(value)} |\n`,
    ),
  ].join('')
  return fitParts(head, [
    ...changesPart(report),
    ...zoneParts(report.zones),
    ...confidencePart(report.confidence),
    namespacesPart(report),
    communicationsPart(report),
    controlsPart(report),
    inputsPart(report),
  ])
}

function changesPart({ diff }: Report): readonly MarkdownPart[] {
  if (diff.changes.length === 0) return []
  return [
    folded(
      'changes',
      `what changes (${formatCount(diff.changes.length)})`,
      false,
      ['section', 'from', 'to', 'ports', 'id'],
      diff.changes.map(({ section, from, to, ports, id }) => [
        section,
        code(from),
        code(to),
        code(ports.join(', ')),
        code(id),
      ]),
    ),
  ]
}

function namespacesPart({ namespaces }: Report): MarkdownPart {
  return folded(
    'namespaces',
    `namespaces (${formatCount(namespaces.length)})`,
    false,
    ['namespace', 'workloads', 'selected', 'policies', 'default deny', 'held back'],
    namespaces.map((one) => [
      code(one.namespace),
      formatCount(one.workloads),
      formatCount(one.covered),
      formatCount(one.policies),
      one.defaultDeny.length === 0 ? 'none' : one.defaultDeny.join(', '),
      escapeMarkdown(one.heldBack.join('; ')),
    ]),
  )
}

function communicationsPart({ edges, ends }: Report): MarkdownPart {
  const seen = edges.filter(isPassing)
  return folded(
    'communications',
    `communications seen (${formatCount(seen.length)})`,
    false,
    ['from', 'to', 'port', 'decision', 'flows', 'allowed by'],
    seen.map(({ from, to, port, decision = 'seen', flows, allowedBy = [] }) => [
      code(ends[from]?.name ?? ''),
      code(ends[to]?.name ?? ''),
      code(port),
      decision,
      formatCount(flows),
      [...new Set(allowedBy.map(({ policy }) => policy))].map(code).join(' '),
    ]),
  )
}

function controlsPart({ catalogue }: Report): MarkdownPart {
  return folded(
    'controls',
    `controls (catalogue of ${catalogue.version})`,
    false,
    ['control', 'status', 'reach', 'figures', 'what they say, and leave open'],
    catalogue.controls.map((control) => [
      escapeMarkdown(`${control.framework} ${control.id}: ${control.title}`),
      control.status,
      control.relation,
      control.figures.map(({ name, value }) => escapeMarkdown(`${name}: ${value}`)).join('<br>'),
      escapeMarkdown(control.reach),
    ]),
  )
}

function inputsPart({ inputs, flags, digests, version }: Report): MarkdownPart {
  return folded(
    'inputs',
    `inputs and digests (netweir ${escapeMarkdown(version)})`,
    false,
    ['what', 'name', 'SHA-256'],
    [
      ...inputs.map(({ role, name, sha256 = '' }) => [role, code(name), code(sha256)]),
      ...flags.map(({ name, value }) => ['flag', code(`${name} ${value}`), '']),
      ['communication set', '', code(digests.communicationSet)],
      ['policies in force', '', code(digests.policySet)],
    ],
  )
}
