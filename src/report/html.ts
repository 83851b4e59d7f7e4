/** Text of HTML: everything from outside passes through here, and nothing of it acts. */
import { escapeText, formatCount } from './style.ts'

/** Returns text as it may stand between tags and in quoted attributes: control and bidi characters as `\u` escapes. */
export function html(text: string): string {
  return escapeText(text).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Returns text of several lines, such as YAML, in the same way. */
export function htmlLines(text: string): string {
  return text.split('\n').map(html).join('\n')
}

/** Returns JSON as the content of a script element of a data type: nothing in it ends the element. */
export function jsonBlock(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A cell of a table: text, or markup that was made of escaped text. */
export type HtmlCell = string | { readonly markup: string; readonly className?: string }

/** Returns a cell that is not broken into lines: a port, a time. */
export function fixed(text: string): HtmlCell {
  return { markup: html(text), className: 'fixed' }
}

/** Returns a cell with a time to the second, in UTC. */
export function timeCell(time: string | undefined): HtmlCell {
  return fixed(time === undefined ? '' : `${time.slice(0, 19).replace('T', ' ')} UTC`)
}

/** One row, with the attributes that the page's script filters by. */
export interface HtmlRow {
  readonly cells: readonly HtmlCell[]
  /** Ends that it speaks of, by position. */
  readonly ends?: readonly number[]
  /** The pair of the map that it belongs to. */
  readonly pair?: number
}

/** Returns a table in a frame that scrolls; numbers are aligned by the columns named in `numbers`. */
export function htmlTable(
  caption: string,
  columns: readonly string[],
  rows: readonly HtmlRow[],
  numbers: readonly number[] = [],
): string {
  const head = columns
    .map((name, column) => `<th scope="col"${numberClass(numbers, column)}>${html(name)}</th>`)
    .join('')
  const body = rows
    .map(({ cells, ends, pair }) => {
      const attributes = [
        ...(ends === undefined ? [] : [` data-ends="${ends.join(' ')}"`]),
        ...(pair === undefined ? [] : [` data-pair="${pair}" tabindex="0"`]),
      ].join('')
      return `<tr${attributes}>${cells.map((cell, column) => htmlCell(cell, numbers, column)).join('')}</tr>`
    })
    .join('\n')
  return `<div class="scroll" tabindex="0" role="region" aria-label="${html(caption)}"><table><caption>${html(caption)}</caption><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>\n`
}

function htmlCell(cell: HtmlCell, numbers: readonly number[], column: number): string {
  if (typeof cell === 'string') return `<td${numberClass(numbers, column)}>${html(cell)}</td>`
  const { markup, className } = cell
  return `<td${className === undefined ? '' : ` class="${className}"`}>${markup}</td>`
}

function numberClass(numbers: readonly number[], column: number): string {
  return numbers.includes(column) ? ' class="number"' : ''
}

/** Returns a small mark with a word in it; its colour says the same. */
export function chip(className: string, text: string): string {
  return `<span class="chip ${className}">${html(text)}</span>`
}

/** Rows of a table of the page; the rest is in the document. */
export const maxTableRows = 2500

/** Returns a paragraph of escaped text. */
export function paragraph(text: string): string {
  return `<p>${html(text)}</p>\n`
}

/** Returns a table of the first rows, and says how many more there are. */
export function limitedTable(
  rows: readonly HtmlRow[],
  table: (rows: readonly HtmlRow[]) => string,
): string {
  const more = rows.length - maxTableRows
  const note =
    more > 0
      ? paragraph(
          `${formatCount(more)} more rows are left out here: the document of -o json has them.`,
        )
      : ''
  return `${table(rows.slice(0, maxTableRows))}${note}`
}
