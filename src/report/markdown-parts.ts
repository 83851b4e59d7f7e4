/** Markdown documents of folded tables, bounded in length, in which text from outside is shown and never acts. */
import { escapeMarkdown, formatCount } from './style.ts'

/** Longest document, in UTF-16 code units: platforms refuse comments that are a little longer. */
export const maxMarkdownLength = 60_000

/** Kept free for the note that says what was left out. */
const noteLength = 600

/** Longest cell, in UTF-16 code units before escaping. */
const maxCellLength = 400

/** One folded part of a document: rows are left out, from the last, where the whole becomes too long. */
export interface MarkdownPart {
  readonly name: string
  readonly before: string
  readonly rows: readonly string[]
  readonly after: string
}

/**
 * Returns a document of at most {@link maxMarkdownLength} code units: the head, and as many rows of each part as fit; a
 * note at the end counts those that do not.
 */
export function fitParts(head: string, parts: readonly MarkdownPart[]): string {
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
  { before, rows, after }: MarkdownPart,
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

/** Returns a folded table; summary, columns and cells are Markdown already. */
export function folded(
  name: string,
  summary: string,
  isOpen: boolean,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): MarkdownPart {
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

/** Returns text from outside as code, which keeps platforms from turning names into mentions and references. */
export function code(text: string): string {
  const cut = text.length > maxCellLength ? `${text.slice(0, maxCellLength)}...` : text
  return `<code>${escapeMarkdown(cut)}</code>`
}
