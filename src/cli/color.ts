import type { choices } from './options.ts'

/** When to write in colour: the values of `--color`. */
export type ColorChoice = (typeof choices.color)[number]

/**
 * Tells whether a stream gets colour. `auto` obeys, in this order, FORCE_COLOR (`0` and `false` switch colour off),
 * NO_COLOR (https://no-color.org: any value but an empty one), TERM=dumb, and at last whether it is a terminal.
 */
export function wantsColor(
  choice: ColorChoice,
  env: Readonly<Record<string, string | undefined>>,
  stream: { readonly isTty: boolean },
): boolean {
  if (choice !== 'auto') return choice === 'always'
  const force = env['FORCE_COLOR']
  if (force !== undefined) return force !== '0' && force !== 'false'
  if ((env['NO_COLOR'] ?? '') !== '') return false
  return stream.isTty && env['TERM'] !== 'dumb'
}
