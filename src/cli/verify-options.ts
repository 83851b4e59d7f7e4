/** The flags of the commands that judge and show policies, as the rows of `options.ts`. */

/** Policies that are judged. */
export const policies = {
  group: 'Source',
  flags: '--policies <path>',
  text: 'policies to judge: a manifest, a directory, - for standard input, or "cluster" for the live ones',
  repeatable: true,
} as const

/** What `explain` is asked. */
export const question = [
  {
    group: 'Question',
    flags: '--from <end>',
    text: 'who connects: namespace/pod, namespace/workload, namespace/key=value[,...], an address',
  },
  { group: 'Question', flags: '--to <end>', text: 'to whom, in the same words' },
  {
    group: 'Question',
    flags: '--port <port>',
    text: 'on which port of the pod, such as 443/TCP; TCP where only a number is given, or a type of ICMP, 8/ICMPv4',
  },
  {
    group: 'Question',
    flags: '--policy <name>',
    text: 'instead: what stands behind the rules of this policy, namespace/name',
  },
] as const

/** Limits of `verify`. */
export const limits = [
  {
    group: 'Output',
    flags: '--max-unused <count>',
    text: 'exit with 1 when a namespace allows more connections that nobody used',
  },
  {
    group: 'Output',
    flags: '--min-coverage <percent>',
    text: 'exit with 1 when fewer of the recorded edges are known to be allowed',
  },
] as const

/** Zones, and what may cross between them. */
export const zones = [
  {
    group: 'Source',
    flags: '--zones <path>',
    text: 'files that sort workloads into zones of sensitivity',
    repeatable: true,
  },
  {
    group: 'Source',
    flags: '--zone-label <key>',
    text: 'the label of pods or namespaces whose value is their zone',
  },
  {
    group: 'Source',
    flags: '--approvals <path>',
    text: 'files that say what may cross between zones: who, why, until when',
    repeatable: true,
  },
  {
    group: 'Output',
    flags: '--require-approval',
    text: 'exit with 1 when something crosses between zones that nobody approved',
  },
  {
    group: 'Output',
    flags: '--as-of <time>',
    text: 'judge approvals at this time',
    fallback: 'the end of the recording',
  },
] as const

/** What tells `lint` which pods there are. */
export const flows = {
  group: 'Source',
  flags: '--flows <path>',
  text: 'recorded flows or communication sets that show which pods there are',
  repeatable: true,
} as const

/** What the nodes of `graph` are. */
export const by = {
  group: 'Output',
  flags: '--by <level>',
  text: 'what a node is',
} as const

/** Two given sets, which `diff` compares. */
export const sets = [
  {
    group: 'Source',
    flags: '--old <path>',
    text: 'compare these policies, instead of generating any',
    repeatable: true,
  },
  { group: 'Source', flags: '--new <path>', text: 'with these policies', repeatable: true },
] as const

/** What makes `lint` fail. */
export const lintLimit = {
  group: 'Output',
  flags: '--fail-on <severity>',
  text: 'exit with 1 when there is a finding of this severity or a graver one',
} as const
