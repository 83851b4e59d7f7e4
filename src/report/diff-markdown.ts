/** A diff as Markdown, made to be posted on a pull request: what would break first, details folded, bounded in length. */
import type { Change, ObjectChange, PolicyDiff, Section } from '../diff/policy-diff.ts'
import {
  changesBySection,
  countsText,
  evidenceText,
  objectCountsText,
  referenceText,
  roleTexts,
  sectionWords,
  truncatedText,
} from './diff-words.ts'
import type { MarkdownPart as Part } from './markdown-parts.ts'
import { code, fitParts, folded } from './markdown-parts.ts'
import { countOf, escapeMarkdown, formatCount } from './style.ts'

/** Policies that a cell names. */
const maxPolicies = 4

/** Lines of rules that a cell shows. */
const maxRuleLines = 60

/**
 * Returns a diff as GitHub-flavoured Markdown of bounded length. Text from outside is shown as it is and never acts as
 * Markdown, HTML or a mention; rows that do not fit are counted in a note at the end.
 */
export function diffToMarkdown(diff: PolicyDiff): string {
  const note = diff.truncated === true ? `\n**Incomplete:** ${truncatedText}.\n` : ''
  const head = `### netweir: ${countsText(diff)}\n${note}`
  const bySection = changesBySection(diff)
  const parts = [
    ...bySection
      .filter(({ section }) => section !== 'future')
      .map(({ section, changes }) => sectionPart(section, changes)),
    ...requestPart(diff.requests ?? []),
    ...objectPart(diff.objects),
    ...stalePart(diff.stale),
    ...bySection
      .filter(({ section }) => section === 'future')
      .map(({ section, changes }) => sectionPart(section, changes)),
    ...notComparedPart(diff.notCompared),
  ]
  return fitParts(head, parts)
}

function sectionPart(section: Section, changes: readonly Change[]): Part {
  const { title, meaning } = sectionWords[section]
  // Ends of future pods are long to say: the sentence holds the most telling of them.
  const isTold = section === 'isolation' || section === 'future'
  const columns = isTold
    ? ['change', 'policies', 'id']
    : ['from', 'to', 'ports', 'seen', 'policies', 'id']
  const part = folded(
    title,
    `${title} (${formatCount(changes.length)}): ${meaning}`,
    section === 'breaks',
    columns,
    changes.map((change) =>
      isTold
        ? [code(change.message), policiesCell(change), code(change.id)]
        : [
            code(change.from),
            code(change.to),
            code(change.ports.join(', ')),
            escapeMarkdown(evidenceText(change)),
            policiesCell(change),
            code(change.id),
          ],
    ),
  )
  return section === 'breaks' ? { ...part, after: `\n${wayOut}\n${part.after}` } : part
}

/** What a reviewer can do about what would break, without a look at any file. */
const wayOut =
  'Each of these was seen to pass. To keep one, add a rule for its ports to the policy that denies it: with the peer under *from* where that policy selects the pods under *to*, else the other way round.'

function policiesCell(change: Change): string {
  return roleTexts(change)
    .map(({ role, policies }) => {
      const shown = policies.slice(0, maxPolicies).map(referenceText).map(code).join(', ')
      const more = policies.length - maxPolicies
      return `${role} ${shown}${more > 0 ? ` and ${more} more` : ''}`
    })
    .join('<br>')
}

function objectPart(objects: readonly ObjectChange[]): readonly Part[] {
  const changed = objects.filter((object) => object.action !== 'unchanged')
  if (changed.length === 0) return []
  const summary = `objects: ${objectCountsText(objects)}`
  return [
    folded(
      'objects',
      summary,
      false,
      ['object', 'action', 'where', 'rules'],
      changed.map(({ policy, action, at = '', rules }) => [
        code(policy),
        action,
        at === '' ? '' : code(at),
        rulesCell(rules),
      ]),
    ),
  ]
}

function rulesCell(rules: readonly string[]): string {
  const more = rules.length - maxRuleLines
  return [
    ...rules.slice(0, maxRuleLines).map(code),
    ...(more > 0 ? [`and ${countOf(more, 'more line')}`] : []),
  ].join('<br>')
}

function stalePart(stale: PolicyDiff['stale']): readonly Part[] {
  if (stale.length === 0) return []
  return [
    folded(
      'stale grants',
      `stale (${formatCount(stale.length)}): managed grants that this traffic lacks`,
      false,
      ['policy', 'direction', 'peer', 'ports', 'fate'],
      stale.map(({ policy, direction, peer, ports, kept }) => [
        code(policy),
        direction,
        code(peer),
        code(ports.join(', ')),
        kept ? 'kept' : 'removed',
      ]),
    ),
  ]
}

function requestPart(requests: NonNullable<PolicyDiff['requests']>): readonly Part[] {
  if (requests.length === 0) return []
  const list = (texts: readonly string[]): string => texts.map(code).join('<br>')
  return [
    folded(
      'requests',
      `requests (${formatCount(requests.length)}): what proxies would let through otherwise, compared as text`,
      false,
      ['policy', 'direction', 'port', 'no longer', 'now'],
      requests.map(({ policy, direction, port, removed, added }) => [
        code(policy),
        direction,
        code(port),
        list(removed),
        list(added),
      ]),
    ),
  ]
}

function notComparedPart(notCompared: readonly string[]): readonly Part[] {
  if (notCompared.length === 0) return []
  const policies = countOf(notCompared.length, 'policy', 'policies')
  return [
    {
      name: 'policies that are not compared',
      before: `\n<details><summary>not compared: ${policies} of kinds that are not evaluated</summary>\n\n`,
      rows: notCompared.map((name) => `- ${code(name)}\n`),
      after: '\n</details>\n',
    },
  ]
}
