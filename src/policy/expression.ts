/** Regular expressions of requests, which Cilium's proxy reads as RE2 (github.com/google/re2/wiki/Syntax). */

/**
 * What RE2 knows and JavaScript does not, or reads otherwise, each with what is as good for telling whether an expression
 * is whole. What nobody can repeat in JavaScript counts as a character.
 */
const own: readonly (readonly [syntax: RegExp, stand: string])[] = [
  [/\\Q(?:.*?\\E|.*$)/gs, 'x'],
  [/\\(?:x\{[0-9a-fA-F]+\}|[pP](?:\{\^?\w+\}|[A-Z])|[0-7]{2,3}|[^1-9])/gs, 'x'],
  [/\[\^?\]?(?:\[:\^?[a-z]+:\]|[^\]])*\]/g, 'x'],
  [/\(\?P?<\w+>/g, '('],
  [/\(\?[imsU]*(?:-[imsU]+)?\)/g, ''],
  [/\(\?[imsU]*(?:-[imsU]+)?:/g, '('],
  [/[$^]/g, 'x'],
]

/** Longer ones are not looked at: finding out would take long. */
const maxLength = 4096

/** Returns what is wrong with an expression, as far as that can be told without RE2; undefined for nothing. */
export function expressionProblem(text: string): string | undefined {
  if (text.length > maxLength) return undefined
  const bare = own.reduce((rest, [syntax, stand]) => rest.replaceAll(syntax, stand), text)
  if (/\(\?<?[=!]/.test(bare)) return 'looks ahead or behind, which RE2 does not know'
  if (/\\[1-9]/.test(bare)) return 'refers back to a group, which RE2 does not know'
  try {
    new RegExp(bare)
    return undefined
  } catch {
    return 'is no regular expression'
  }
}
