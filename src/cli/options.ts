/** Every flag of the command line, each defined once. Values are judged in `resolve-options.ts`, which knows what to expect. */
import { Option } from 'commander'
import { liveClusterFlags } from './cluster-options.ts'
import { group, stateTopic } from './group-options.ts'
import { kafka } from './kafka-options.ts'
import { live } from './live-options.ts'
import { other } from './other-options.ts'
import { guardRails } from './rail-options.ts'
import { recording } from './record-options.ts'
import { l7, namePatterns, target } from './target-options.ts'
import { by, flows, limits, lintLimit, policies, question, sets, zones } from './verify-options.ts'

/** Headings under which help lists options, in order. */
export const optionGroups = [
  'Source',
  'Live source',
  'Kafka source',
  'Question',
  'Selection',
  'Synthesis',
  'Output',
  'Other',
] as const

/** One of {@link optionGroups}. */
export type OptionGroup = (typeof optionGroups)[number]

/** Names of the commands. */
export type CommandName =
  | 'learn'
  | 'merge'
  | 'generate'
  | 'diff'
  | 'verify'
  | 'explain'
  | 'lint'
  | 'report'
  | 'graph'
  | 'record'
  | 'kafka'
  | 'completion'

/** Accepted values of the flags that have a closed list; the first of each is the default, but for `failOn` and `lintFailOn`. */
export const choices = {
  defaultDeny: ['auto', 'always', 'never', 'clusterwide'],
  minConfidence: ['insufficient', 'watching', 'ready'],
  dns: ['all', 'observed', 'none'],
  onInexpressible: ['port', 'block', 'fail'],
  onInseparable: ['merge', 'negative', 'fail'],
  outside: ['exact', 'port'],
  minimise: ['canonical', 'rules'],
  target: ['kubernetes', 'cilium', 'hybrid'],
  l7: ['http', 'dns', 'all'],
  learnOutput: ['json', 'text'],
  mergeOutput: ['json'],
  generateOutput: ['yaml', 'json'],
  diffOutput: ['text', 'json', 'markdown'],
  failOn: ['breaks', 'opens', 'any'],
  lintOutput: ['text', 'json', 'markdown'],
  reportOutput: ['html', 'json', 'markdown'],
  graphOutput: ['mermaid', 'dot', 'json'],
  graphBy: ['workload', 'namespace', 'zone'],
  lintFailOn: ['error', 'warning', 'info'],
  color: ['auto', 'always', 'never'],
} as const

interface OptionSpec {
  readonly group: OptionGroup
  readonly flags: string
  readonly text: string
  readonly choices?: readonly string[]
  /** Shown in help only: what is chosen when the flag is absent. */
  readonly fallback?: string
  readonly repeatable?: true
}

function createOption(spec: OptionSpec): Option {
  const notes = [
    ...(spec.choices === undefined ? [] : [spec.choices.join(', ')]),
    ...(spec.fallback === undefined ? [] : [`default: ${spec.fallback}`]),
    ...(spec.repeatable === undefined ? [] : ['repeatable']),
  ]
  const text = notes.length === 0 ? spec.text : `${spec.text} (${notes.join('; ')})`
  const option = new Option(spec.flags, text).helpGroup(`${spec.group}:`)
  // Set as data and not by choices(), whose parser would refuse values before resolve-options.ts sees them.
  if (spec.choices !== undefined) option.argChoices = [...spec.choices]
  if (spec.repeatable !== undefined) {
    option.argParser((value: string, previous: readonly string[] | undefined) => [
      ...(previous ?? []),
      value,
    ])
  }
  return option
}

const reading: readonly OptionSpec[] = [
  {
    group: 'Source',
    flags: '--inventory <path>',
    text: 'manifests of what the cluster contains, as kubectl get -o yaml|json gives them, or "cluster" for the live one',
    repeatable: true,
  },
  {
    group: 'Source',
    flags: '--since <time>',
    text: 'leave out records before this RFC 3339 time, or this long before now (15m, 24h, 7d)',
  },
  {
    group: 'Source',
    flags: '--until <time>',
    text: 'leave out records after this time',
  },
  ...liveClusterFlags,
  {
    group: 'Source',
    flags: '--cluster-name <name>',
    text: 'the cluster to learn, where records name more than one',
  },
  {
    group: 'Source',
    flags: '--learn-audit',
    text: 'learn what policies in audit mode would deny',
  },
  {
    group: 'Source',
    flags: '--learn-denied',
    text: 'learn what was denied because no policy allows it',
  },
  {
    group: 'Source',
    flags: '--node-cidr <prefix>',
    text: 'addresses of nodes',
    repeatable: true,
  },
  {
    group: 'Source',
    flags: '--service-cidr <prefix>',
    text: 'addresses of services',
    repeatable: true,
  },
  {
    group: 'Source',
    flags: '--strict',
    text: 'fail at the first bad record instead of counting it',
  },
  { group: 'Source', flags: '--threads <count>', text: 'threads that read large files' },
  ...live,
  ...kafka,
]

const existing: OptionSpec = {
  group: 'Source',
  flags: '--existing <path>',
  text: 'policies that are in force: a manifest, a directory, - for standard input, or "cluster" for the live one',
  repeatable: true,
}

const synthesis: readonly OptionSpec[] = [
  {
    group: 'Selection',
    flags: '-n, --namespace <name>',
    text: 'write policies for this namespace only',
    repeatable: true,
  },
  {
    group: 'Selection',
    flags: '-l, --selector <labels>',
    text: 'write policies only for pods with these labels, key=value[,key=value]',
  },
  {
    group: 'Selection',
    flags: '--include-system <namespace>',
    text: 'write policies for a system namespace too',
    repeatable: true,
  },
  {
    group: 'Synthesis',
    flags: '--default-deny <when>',
    text: 'a default deny for each namespace',
    choices: choices.defaultDeny,
    fallback: 'auto',
  },
  {
    group: 'Synthesis',
    flags: '--min-confidence <verdict>',
    text: 'hold back the default deny of a namespace with a workload that was watched for less',
    choices: choices.minConfidence,
    fallback: 'insufficient',
  },
  {
    group: 'Synthesis',
    flags: '--dns <what>',
    text: 'name servers that pods may reach',
    choices: choices.dns,
    fallback: 'all',
  },
  {
    group: 'Synthesis',
    flags: '--on-inexpressible <how>',
    text: 'traffic that a NetworkPolicy cannot name: open its port, leave it out, or fail',
    choices: choices.onInexpressible,
    fallback: 'port',
  },
  {
    group: 'Synthesis',
    flags: '--on-inseparable <how>',
    text: 'workloads that labels cannot tell apart: treat as one, use negative selectors, or fail',
    choices: choices.onInseparable,
    fallback: 'merge',
  },
  {
    group: 'Synthesis',
    flags: '--outside <how>',
    text: 'addresses outside the cluster: list them, or open their port to everyone outside',
    choices: choices.outside,
    fallback: 'exact',
  },
  {
    group: 'Synthesis',
    flags: '--cidr-max-extra <count>',
    text: 'unseen addresses that may be allowed per prefix saved in a list',
    fallback: '0',
  },
  {
    group: 'Synthesis',
    flags: '--pod-cidr <prefix>',
    text: 'addresses of pods, which no widening may touch',
    repeatable: true,
  },
  {
    group: 'Synthesis',
    flags: '--prune',
    text: 'remove grants of managed policies that this traffic lacks',
  },
  {
    group: 'Synthesis',
    flags: '--prune-after <days>',
    text: 'days with traffic that there must be before a grant they lack is removed',
    fallback: '90',
  },
  {
    group: 'Synthesis',
    flags: '--reoptimise',
    text: 'choose selectors afresh instead of keeping those of managed policies',
  },
  {
    group: 'Synthesis',
    flags: '--minimise <what>',
    text: 'rules: one for peers with the same ports, or as few as there can be',
    choices: choices.minimise,
    fallback: 'canonical',
  },
  target,
  l7,
  namePatterns,
]

/** The flags of reading and synthesis that say what the cluster contains, whatever was recorded. */
const surroundings: readonly OptionSpec[] = [...reading, ...synthesis].filter(({ flags }) =>
  /^--(inventory|kubeconfig|context|cluster-name|(node|service|pod)-cidr) /.test(flags),
)

function format(values: readonly string[]): OptionSpec {
  const fallback = values[0] ?? ''
  return {
    group: 'Output',
    flags: '-o, --output <format>',
    text: 'format of the result',
    choices: values,
    fallback,
  }
}

function outFile(text: string): OptionSpec {
  return { group: 'Output', flags: '--out <file>', text }
}

function failOn(fallback: string): OptionSpec {
  return {
    group: 'Output',
    flags: '--fail-on <change>',
    text: 'exit with 1 when the diff has such a change',
    choices: choices.failOn,
    fallback,
  }
}

const outText = 'write the result to a file, compressed when its name ends in .gz'

const specs: Readonly<Record<CommandName, readonly OptionSpec[]>> = {
  learn: [...reading, l7, ...group, format(choices.learnOutput), outFile(outText), ...other],
  merge: [format(choices.mergeOutput), outFile(outText), ...other],
  generate: [
    existing,
    ...reading,
    ...guardRails,
    ...synthesis,
    format(choices.generateOutput),
    outFile('write the policies to one file, and the diff to standard output'),
    {
      group: 'Output',
      flags: '--out-dir <dir>',
      text: 'write one file a policy into a directory, and the diff to standard output',
    },
    {
      group: 'Output',
      flags: '--diff-output <format>',
      text: 'format of the diff',
      choices: choices.diffOutput,
      fallback: 'text',
    },
    failOn('none of them'),
    ...other,
  ],
  diff: [
    existing,
    ...sets,
    ...reading,
    ...guardRails,
    ...synthesis,
    format(choices.diffOutput),
    outFile(outText),
    failOn('any'),
    ...other,
  ],
  verify: [
    policies,
    ...reading,
    ...guardRails,
    ...zones,
    format(choices.diffOutput),
    outFile(outText),
    ...limits,
    ...other,
  ],
  explain: [
    policies,
    ...reading,
    ...question,
    format(choices.diffOutput),
    outFile(outText),
    ...other,
  ],
  lint: [
    flows,
    ...surroundings,
    format(choices.lintOutput),
    outFile(outText),
    { ...lintLimit, choices: choices.lintFailOn, fallback: 'warning' },
    ...other,
  ],
  report: [
    existing,
    ...reading,
    ...guardRails,
    ...zones,
    ...synthesis,
    format(choices.reportOutput),
    outFile(outText),
    ...other,
  ],
  graph: [
    existing,
    ...reading,
    ...zones.slice(0, 2),
    target,
    { ...by, choices: choices.graphBy, fallback: 'workload' },
    format(choices.graphOutput),
    outFile(outText),
    ...other,
  ],
  record: [...recording, ...other],
  kafka: [
    ...stateTopic,
    ...live.filter(({ flags }) => flags.startsWith('--tls')),
    ...kafka.filter(({ flags }) => flags.startsWith('--sasl')),
    ...other,
  ],
  completion: [],
}

/** Returns the options of a command, grouped in the order of {@link optionGroups}. */
export function createOptions(command: CommandName): readonly Option[] {
  const list = specs[command]
  return optionGroups.flatMap((group) =>
    list.filter((spec) => spec.group === group).map((spec) => createOption(spec)),
  )
}
