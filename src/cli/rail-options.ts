/** The flags of guard rails, as the rows of `options.ts`. */

/** Flags of `generate`, `diff` and `verify`. */
export const guardRails = [
  {
    group: 'Source',
    flags: '--permit <path>',
    text: 'policy-shaped files that say what must always be possible',
    repeatable: true,
  },
  {
    group: 'Source',
    flags: '--forbid <path>',
    text: 'policy-shaped files that say what must never be possible',
    repeatable: true,
  },
] as const
