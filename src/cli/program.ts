import { Argument, Command } from 'commander'
import type { HelpNotes } from './help.ts'
import { helpFormatter } from './help.ts'
import type { CommandName } from './options.ts'
import { createOptions } from './options.ts'
import type { RawOptions } from './raw-options.ts'
import { version } from './version.ts'

/** Shells that `completion` writes for. */
export const shells = ['bash', 'zsh', 'fish'] as const

/** What was typed: the command, its arguments and its options, none of them judged yet. */
export interface Invocation {
  readonly command: CommandName
  readonly args: readonly string[]
  readonly raw: RawOptions
}

/** What the tree of commands tells the one who parses with it. */
export interface ProgramHost {
  /** Width of help. Default: 100. */
  readonly columns?: number | undefined
  /** What will be parsed: a command that is not named in it is made without its options. Default: all have theirs. */
  readonly argv?: readonly string[]
  readonly onCommand: (invocation: Invocation) => void
  readonly writeOut: (text: string) => void
  readonly writeErr: (text: string) => void
}

interface CommandSpec extends HelpNotes {
  readonly name: CommandName
  readonly argument: () => Argument
  /** What stands after the first argument, if anything. */
  readonly object?: () => Argument
  /** One line in the list of commands. */
  readonly summary: string
  /** One sentence. */
  readonly description: string
}

const failures = [
  ['2', 'wrong usage or invalid input; a retry will not help'],
  ['3', 'a source was lost; a retry may help'],
  ['70', 'a defect in netweir'],
  ['130', 'interrupted'],
] as const

const source = (arg: string): Argument =>
  new Argument(
    arg,
    'recorded flows or communication sets: files, directories, - for standard input',
  )

const commands: readonly CommandSpec[] = [
  {
    name: 'learn',
    argument: () => source('<source...>'),
    summary: 'reduce recorded flows to who talks to whom',
    description: 'Reduce recorded flows to a communication set: who talks to whom, on which port.',
    examples: [
      'netweir learn flows.jsonl --out today.json.gz',
      'hubble observe -o jsonpb --last 10000 | netweir learn - -o text',
      'netweir learn /var/run/cilium/hubble --since 24h --out day.json',
    ],
    exits: [['0', 'the set was written'], ...failures],
  },
  {
    name: 'merge',
    argument: () => new Argument('<set...>', 'communication sets: files, directories, -'),
    summary: 'join communication sets into one',
    description:
      'Join communication sets into one that is the same in whatever order they are given.',
    examples: [
      'netweir merge monday.json tuesday.json --out week.json',
      'netweir merge sets/ --out all.json.gz',
      'netweir merge node-a.json node-b.json | netweir generate -',
    ],
    exits: [['0', 'the set was written'], ...failures],
  },
  {
    name: 'generate',
    argument: () => source('<source...>'),
    summary: 'write least-privilege policies, and what they change',
    description:
      'Write the NetworkPolicies that allow what was recorded, proven before anything is written.',
    examples: [
      'netweir generate flows.jsonl > policies.yaml',
      'netweir generate flows.jsonl --existing policies --out-dir policies',
      'netweir generate week.json --inventory cluster.yaml -n shop --fail-on breaks',
    ],
    exits: [
      ['0', 'the policies were written'],
      ['1', 'they were written, and the diff has a change that --fail-on names;'],
      ['', 'or they break a guard rail, and nothing was written'],
      ...failures,
    ],
  },
  {
    name: 'diff',
    argument: () => source('[source...]'),
    summary: 'show what a change of policies means',
    description:
      'Show what a change of policies opens and closes, and which recorded traffic it hits.',
    examples: [
      'netweir diff flows.jsonl --existing policies',
      'netweir diff --old main/policies --new branch/policies flows.jsonl',
      'netweir diff week.json --existing policies -o markdown --fail-on breaks --out comment.md',
    ],
    exits: [
      ['0', 'no change that --fail-on names; by default, no change in meaning'],
      ['1', 'such a change, or a broken guard rail'],
      ...failures,
    ],
  },
  {
    name: 'verify',
    argument: () => source('<source...>'),
    summary: 'replay recorded flows against policies',
    description:
      'Replay what was recorded against policies: what they deny, never use, and allow beyond it.',
    examples: [
      'netweir verify flows.jsonl --policies policies',
      'netweir verify week.json --policies policies --inventory cluster.yaml --max-unused 20',
      'netweir verify week.json --policies policies -o markdown --out comment.md',
    ],
    exits: [
      ['0', 'nothing that was learned would be denied, and every limit is met'],
      ['1', 'something would be denied, a limit is not met, or a guard rail is broken'],
      ...failures,
    ],
  },
  {
    name: 'explain',
    argument: () => source('[source...]'),
    summary: 'say why a connection is allowed or denied',
    description: 'Say why policies allow or deny a connection, and which recorded flows show it.',
    examples: [
      'netweir explain --policies policies --from shop/app=web --to shop/app=db --port 5432/TCP',
      'netweir explain week.json --policies policies --from shop/web --to 192.0.2.80 --port 443',
      'netweir explain week.json --policies policies --policy shop/cart',
    ],
    exits: [
      ['0', 'allowed, or the evidence behind a policy'],
      ['1', 'denied, for one pair of ends at least'],
      ...failures,
    ],
  },
  {
    name: 'lint',
    argument: () => new Argument('<path...>', 'policies: manifests, directories, or -'),
    summary: 'find what is wrong with existing policies',
    description:
      'Find rules that are ignored, selectors that match nothing, dead weight and holes in policies.',
    examples: [
      'netweir lint policies',
      'netweir lint policies --inventory cluster.yaml --flows week.json --fail-on error',
      'kubectl get networkpolicies -A -o yaml | netweir lint - -o markdown --out comment.md',
    ],
    exits: [
      ['0', 'no finding that --fail-on names; by default, no error and no warning'],
      ['1', 'such a finding'],
      ...failures,
    ],
  },
  {
    name: 'report',
    argument: () => source('<source...>'),
    summary: 'write a page that an auditor and an engineer can read',
    description:
      'Write one page that opens offline: map, policies, what changes, coverage, confidence, evidence.',
    examples: [
      'netweir report week.json.gz --existing policies --inventory cluster.yaml --out report.html',
      'netweir report week.json.gz --zones zones.yaml -o json --out report.json',
      'netweir report flows.jsonl -o markdown --out report.md',
    ],
    exits: [
      ['0', 'the report was written'],
      [
        '1',
        'it was written, and something crosses without a required approval, or breaks a guard rail',
      ],
      ...failures,
    ],
  },
  {
    name: 'graph',
    argument: () => source('<source...>'),
    summary: 'draw who talks to whom, for Mermaid or Graphviz',
    description:
      'Draw who talks to whom as Mermaid, DOT or JSON, with what a change of policies means as colours.',
    examples: [
      'netweir graph flows.jsonl',
      'netweir graph week.json.gz --by namespace -o dot | dot -Tsvg > map.svg',
      'netweir graph week.json.gz --existing policies -o json',
    ],
    exits: [['0', 'the graph was written'], ...failures],
  },
  {
    name: 'record',
    argument: () => new Argument('<source>', 'a live source, or - for flows on standard input'),
    summary: 'save a live source for replay',
    description:
      'Record the flows of a live source as lines of JSON, like those of the Hubble exporter.',
    examples: [
      'netweir record hubble://localhost:4245 --for 24h --out day/flows.jsonl.gz',
      'netweir record hubble://relay:80 --follow --out week/flows.jsonl.gz --rotate-size 100MB',
      'hubble observe --follow -o jsonpb | netweir record - --out flows.jsonl',
    ],
    exits: [['0', 'what was asked for was recorded'], ...failures],
  },
  {
    name: 'kafka',
    argument: () => {
      const action = new Argument('<action>', 'init')
      action.argChoices = ['init']
      return action
    },
    object: () =>
      new Argument('<source>', 'the topics with flows, kafka://BROKER[,BROKER]/TOPIC[,TOPIC]'),
    summary: 'make the state topic of a group that learns together',
    description:
      'Make the topic into which members of a group learn together, or check the one that is there.',
    examples: [
      'netweir kafka init kafka://broker:9092/hubble-flows --state-topic netweir-state',
      'netweir kafka init kafkas://broker:9093/flows --state-topic state --tls-ca ca.pem',
      'netweir kafka init kafka://a,b,c/flows --state-topic state --replication-factor 3',
    ],
    exits: [['0', 'the topic is there, and fit'], ...failures],
  },
  {
    name: 'completion',
    argument: () => {
      const shell = new Argument('<shell>', `one of ${shells.join(', ')}`)
      // As data, like the choices of options: main.ts judges the value.
      shell.argChoices = [...shells]
      return shell
    },
    summary: 'write a completion script for a shell',
    description: 'Write a script that completes commands, flags and values in a shell.',
    examples: [
      'netweir completion bash > /etc/bash_completion.d/netweir',
      'netweir completion zsh > ~/.zsh/completions/_netweir',
      'netweir completion fish > ~/.config/fish/completions/netweir.fish',
    ],
    exits: [
      ['0', 'the script was written'],
      ['2', 'wrong usage'],
    ],
  },
]

const rootNotes: HelpNotes = {
  examples: [
    'netweir generate flows.jsonl > policies.yaml',
    'netweir generate flows.jsonl --existing policies --out-dir policies',
    'netweir diff --old main/policies --new branch/policies flows.jsonl',
  ],
  exits: [['0', 'done, or no difference'], ['1', 'differences that were asked for'], ...failures],
}

/** Returns the tree of commands. Parsing throws `CommanderError` and never ends the process. */
export function createProgram(host: ProgramHost): Command {
  const program = new Command('netweir')
  prepare(program, host, rootNotes)
  program
    .description(
      'Write least-privilege Kubernetes NetworkPolicies from the flows a cluster really had.',
    )
    .usage('COMMAND [options]')
    .version(version(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'show help for a command')
  for (const option of program.options) option.helpGroup('Other:')
  for (const spec of commands) program.addCommand(createCommand(spec, host))
  return program
}

function createCommand(spec: CommandSpec, host: ProgramHost): Command {
  const command = new Command(spec.name)
  prepare(command, host, spec)
  const typed = [spec.argument, spec.object].flatMap((create) => create?.() ?? [])
  command
    .summary(spec.summary)
    .description(spec.description)
    .usage(`${typed.map(usageOf).join(' ')} [options]`)
    .action(() => {
      const args = command.processedArgs as readonly (string | readonly string[])[]
      host.onCommand({ command: spec.name, args: args.flat(), raw: command.opts<RawOptions>() })
    })
  for (const argument of typed) command.addArgument(argument)
  // Four hundred options take longer to make than the rest of the tree.
  if (host.argv?.includes(spec.name) === false) return command
  for (const option of createOptions(spec.name)) command.addOption(option)
  return command
}

function usageOf(argument: Argument): string {
  const label = argument.name().toUpperCase() + (argument.variadic ? '...' : '')
  return argument.required ? label : `[${label}]`
}

function prepare(command: Command, host: ProgramHost, notes: HelpNotes): void {
  const helpWidth = (): number => Math.min(host.columns ?? 100, 120)
  command
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .configureHelp({
      formatHelp: helpFormatter(notes),
      argumentTerm: (argument) => argument.name().toUpperCase(),
      subcommandTerm: (subcommand) => subcommand.name(),
    })
    .configureOutput({
      writeOut: host.writeOut,
      writeErr: host.writeErr,
      // The thrown CommanderError says the same, and main.ts prints it once in the form of every error.
      outputError: () => undefined,
      getOutHelpWidth: helpWidth,
      getErrHelpWidth: helpWidth,
    })
}
