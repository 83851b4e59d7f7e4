/** The flags that say which kinds of policies are written, and what is said by names and requests. */

/** Kinds of policies, as `options.ts` defines flags. */
export const target = {
  group: 'Synthesis',
  flags: '--target <kinds>',
  text: "NetworkPolicies, Cilium's, or NetworkPolicies with Cilium's for the rest",
  choices: ['kubernetes', 'cilium', 'hybrid'],
  fallback: 'kubernetes',
} as const

/** Requests that are learned, and that Cilium's policies are narrowed to. */
export const l7 = {
  group: 'Source',
  flags: '--l7 <requests>',
  text: 'keep which requests proxies saw, without headers and secrets, for policies of Cilium',
  choices: ['http', 'dns', 'all'],
} as const

/** Patterns of names. */
export const namePatterns = {
  group: 'Synthesis',
  flags: '--name-patterns <count>',
  text: 'write *.PARENT where so many names below one parent were used alike',
} as const
