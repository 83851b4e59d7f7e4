/** How text from outside is shown in a message: bounded and escaped. */

const maxQuotedLength = 80

/** Returns `text` in double quotes: escaped as in JSON, cut after 80 characters, without control or bidi characters. */
export function quote(text: string): string {
  const cut = text.length > maxQuotedLength ? `${text.slice(0, maxQuotedLength)}...` : text
  return escapeUnprintable(JSON.stringify(cut))
}

/** Returns `text` with every control, bidi and line-separating character as a `\u` escape. */
export function escapeUnprintable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]/gu,
    (character) =>
      character === '\n'
        ? character
        : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Returns what a value is, in the words of a message: `the boolean true`, `a list`. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'absent'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return `the ${typeof value} ${typeof value === 'string' ? quote(value) : String(value)}`
}
