/** The flags of every command, as the rows of `options.ts`. */

/** How a run speaks. */
export const other = [
  { group: 'Other', flags: '-q, --quiet', text: 'nothing on standard error but errors' },
  { group: 'Other', flags: '-v, --verbose', text: 'say what was read and written, file by file' },
  {
    group: 'Other',
    flags: '--color <when>',
    text: 'colour',
    choices: ['auto', 'always', 'never'],
    fallback: 'auto',
  },
  { group: 'Other', flags: '--no-progress', text: 'no progress line on a terminal' },
] as const
