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
import { countOf, escapeMarkdown, formatCount } from './style.ts'

/** Longest document, in UTF-16 code units: platforms refuse comments that are a little longer. */
export const maxMarkdownLength = 60_000

/** Kept free for the note that says what was left out. */
const noteLength = 600

/** Longest cell, in UTF-16 code units before escaping. */
const maxCellLength = 400

/** Policies that a cell names. */
const maxPolicies = 4

/** Lines of rules that a cell shows. */
const maxRuleLines = 20

/** One folded part of the document: rows are left out, from the last, where the whole becomes too long. */
interface Part {
  readonly name: string
  readonly before: string
  readonly rows: readonly string[]
  readonly after: string
}

/**
 * Returns a diff as GitHub-flavoured Markdown of at most {@link maxMarkdownLength} code units. Text from outside is
 * shown as it is and never acts as Markdown, HTML or a mention; rows that do not fit are counted in a note at the end.
 */
export function diffToMarkdown(diff: PolicyDiff): string {
  const note = diff.truncated === true ? `\n**Incomplete:** ${truncatedText}.\n` : ''
  const head = `### netweir: ${countsText(diff)}\n${note}`
  const bySection = changesBySection(diff)
  const parts = [
    ...bySection
      .filter(({ section }) => section !== 'future')
      .map(({ section, changes }) => sectionPart(section, changes)),
    ...objectPart(diff.objects),
    ...stalePart(diff.stale),
    ...bySection
      .filter(({ section }) => section === 'future')
      .map(({ section, changes }) => sectionPart(section, changes)),
    ...notComparedPart(diff.notCompared),
  ]
  let text = head
  const leftOut: string[] = []
  for (const part of parts) {
    const { body, missing } = fitPart(part, maxMarkdownLength - noteLength - text.length)
    text += body
    if (missing > 0) leftOut.push(`${formatCount(missing)} of ${part.name}`)
  }
  if (leftOut.length === 0) return text
  return `${text}\n**Shortened:** ${leftOut.join(', ')} left out; the JSON output has all of them.\n`
}

/** Returns as much of a part as fits, and how many rows do not. */
function fitPart(
  { before, rows, after }: Part,
  room: number,
): { readonly body: string; readonly missing: number } {
  let left = room - before.length - after.length
  let count = 0
  for (const row of rows) {
    left -= row.length
    if (left < 0) break
    count++
  }
  const missing = rows.length - count
  if (count === 0) return { body: '', missing }
  return { body: `${before}${rows.slice(0, count).join('')}${after}`, missing }
}

function sectionPart(section: Section, changes: readonly Change[]): Part {
  const { title, meaning } = sectionWords[section]
  // Ends of future pods are long to say: the sentence holds the most telling of them.
  const isTold = section === 'isolation' || section === 'future'
  const columns = isTold
    ? ['change', 'policies', 'id']
    : ['from', 'to', 'ports', 'seen', 'policies', 'id']
  return folded(
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
}

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

function folded(
  name: string,
  summary: string,
  isOpen: boolean,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): Part {
  return {
    name,
    before: [
      `\n<details${isOpen ? ' open' : ''}><summary>${summary}</summary>\n\n`,
      `| ${columns.join(' | ')} |\n`,
      `| ${columns.map(() => '---').join(' | ')} |\n`,
    ].join(''),
    rows: rows.map((cells) => `| ${cells.join(' | ')} |\n`),
    after: '\n</details>\n',
  }
}

/** Code is what keeps platforms from turning names into mentions and references; the references keep Markdown out. */
function code(text: string): string {
  const cut = text.length > maxCellLength ? `${text.slice(0, maxCellLength)}...` : text
  return `<code>${escapeMarkdown(cut)}</code>`
}
