/** How text looks on a terminal: colours, columns, numbers, times, all without looking at the machine's locale. */

/** Marks up text for a terminal, or leaves it as it is. Text from outside is escaped first, with {@link escapeText}. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
}

/** Longest text from outside that is shown in full, in UTF-16 code units. */
const maxTextLength = 4000

/** Longest text in a column, in characters. */
const maxCellLength = 120

/** Returns a style that writes ANSI codes, or one that leaves text as it is. */
export function createStyle({ color }: { readonly color: boolean }): Style {
  const paint =
    (open: number, close: number) =>
    (text: string): string =>
      color && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  }
}

/**
 * Returns `text` on one line with nothing in it that a terminal obeys: control and format characters (escape sequences,
 * bidi overrides, newlines) and lone surrogates as `\u` escapes, and what exceeds 4,000 code units left out, visibly.
 */
export function escapeText(text: string): string {
  const shown = text.length > maxTextLength ? text.slice(0, maxTextLength) : text
  const escaped = shown.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16)
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`
  })
  const rest = text.length - shown.length
  return rest === 0 ? escaped : `${escaped}... (${formatCount(rest)} more characters)`
}

/**
 * Returns `text` so that Markdown shows it as it is, in a table cell too: escaped as by {@link escapeText}, and every
 * character that Markdown or HTML could act on as a character reference.
 */
export function escapeMarkdown(text: string): string {
  return escapeText(text)
    .replace(/[&<>"'`|*_~[\]\\#@!$]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll('://', '&#58;//')
}

/** One cell: text that is escaped by {@link table}, and how it is painted once its width is known. */
export interface Cell {
  readonly text: string
  readonly paint?: (text: string) => string
  /** Default: left. */
  readonly align?: 'left' | 'right'
}

/** Returns rows as lines with aligned columns, two spaces apart; cells are escaped, and cut after 120 characters. */
export function table(rows: readonly (readonly Cell[])[]): readonly string[] {
  const texts = rows.map((row) => row.map((cell) => shorten(escapeText(cell.text))))
  const widths: number[] = []
  for (const row of texts) {
    for (const [column, text] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(text))
    }
  }
  return rows.map((row, index) =>
    row
      .map((cell, column) => {
        const text = texts[index]?.[column] ?? ''
        const isLast = column === row.length - 1
        return layOut(cell, text, isLast ? 0 : (widths[column] ?? 0))
      })
      .join('  ')
      .trimEnd(),
  )
}

/** Returns `1,234,567` for a whole number. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Returns a number with its noun: `1 flow`, `2 flows`; the plural is the noun with an `s` unless given. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`
}

/** Returns a duration by its two largest units: `2d 3h`, `1h 5m`, `42s`, `350ms`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)}ms`
  const seconds = Math.round(durationMs / 1000)
  const units = [
    { name: 'd', amount: Math.floor(seconds / 86_400) },
    { name: 'h', amount: Math.floor(seconds / 3600) % 24 },
    { name: 'm', amount: Math.floor(seconds / 60) % 60 },
    { name: 's', amount: seconds % 60 },
  ]
  const first = units.findIndex(({ amount }) => amount > 0)
  return units
    .slice(first, first + 2)
    .filter(({ amount }) => amount > 0)
    .map(({ name, amount }) => `${amount}${name}`)
    .join(' ')
}

/** Returns a time as RFC 3339 in UTC, with milliseconds only where there are some. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z')
}

function layOut({ paint, align }: Cell, text: string, width: number): string {
  const painted = paint === undefined ? text : paint(text)
  const padding = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'right' ? `${padding}${painted}` : `${painted}${padding}`
}

function shorten(text: string): string {
  return widthOf(text) > maxCellLength
    ? `${[...text].slice(0, maxCellLength - 3).join('')}...`
    : text
}

function widthOf(text: string): number {
  return [...text].length
}

/** How much of a list is shown, and what follows the count of the rest. */
export interface ListLimit {
  readonly most: number
  readonly hint: string
}

/** Of a result, whose JSON holds everything. */
const resultLimit: ListLimit = { most: 200, hint: ': -o json lists all of them' }

/** Returns the lines of the first items, and one that says how many more there are. */
export function limited<Item>(
  items: readonly Item[],
  linesOf: (item: Item) => readonly string[],
  { most, hint }: ListLimit = resultLimit,
): readonly string[] {
  const more = items.length - most
  return [
    ...items.slice(0, most).flatMap(linesOf),
    ...(more > 0 ? [`  and ${formatCount(more)} more${hint}`] : []),
  ]
}
