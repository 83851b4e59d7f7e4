/** Tables of Markdown whose cells are text from outside, bounded in length. */
import { escapeMarkdown, formatCount } from './style.ts'

/** Longest cell, in UTF-16 code units before escaping. */
const maxCellLength = 400

/** Returns text as code that Markdown shows as it is: platforms make no mention and no reference of it. */
export function code(text: string): string {
  const cut = text.length > maxCellLength ? `${text.slice(0, maxCellLength)}...` : text
  return `<code>${escapeMarkdown(cut)}</code>`
}

/**
 * Returns a table of at most `maxLength` code units; rows that do not fit are counted in a line below it. Cells are
 * taken as they are.
 */
export function markdownTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  maxLength: number,
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  let text = `${line(columns)}${line(columns.map(() => '---'))}`
  for (const [index, row] of rows.entries()) {
    const next = line(row)
    if (text.length + next.length > maxLength) {
      return `${text}\n**Shortened:** ${formatCount(rows.length - index)} left out; the JSON output has all of them.\n`
    }
    text += next
  }
  return text
}
