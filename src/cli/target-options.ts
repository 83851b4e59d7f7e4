/** The flag that says which kinds of policies are written. */

/** The flag, as `options.ts` defines flags. */
export const target = {
  group: 'Synthesis',
  flags: '--target <kinds>',
  text: "NetworkPolicies, Cilium's, or NetworkPolicies with Cilium's for the rest",
  choices: ['kubernetes', 'cilium', 'hybrid'],
  fallback: 'kubernetes',
} as const
