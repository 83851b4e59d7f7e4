import type { CommandWords, FlagWords } from './completion.ts'

/** Returns a completion script for fish. */
export function fishScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name !== '')
  const lines = commands.flatMap((command) => {
    const condition =
      command.name === ''
        ? `not __fish_seen_subcommand_from ${names.join(' ')}`
        : `__fish_seen_subcommand_from ${command.name}`
    return [
      ...(command.name === '' ? [] : [commandLine(command, names)]),
      ...argumentLines(command, condition),
      ...command.flags.map((flag) => flagLine(flag, condition)),
    ]
  })
  return `# fish completion for netweir\n${lines.join('\n')}\n`
}

function commandLine(command: CommandWords, names: readonly string[]): string {
  const condition = `not __fish_seen_subcommand_from ${names.join(' ')}`
  return `complete -c netweir -n ${quote(condition)} -f -a ${command.name} -d ${quote(command.text)}`
}

/** Files are what fish offers on its own. */
function argumentLines(command: CommandWords, condition: string): readonly string[] {
  if (command.args === 'file') return []
  return [`complete -c netweir -n ${quote(condition)} -f -a ${quote(command.args.join(' '))}`]
}

function flagLine(flag: FlagWords, condition: string): string {
  const names = flag.names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  )
  return `complete -c netweir -n ${quote(condition)} ${names.join(' ')}${action(flag.value)} -d ${quote(flag.text)}`
}

function action(value: FlagWords['value']): string {
  switch (value) {
    case 'nothing':
      return ''
    case 'word':
      return ' -x'
    case 'file':
      return ' -r -F'
    case 'directory':
      return " -x -a '(__fish_complete_directories)'"
    default:
      return ` -x -a ${quote(value.join(' '))}`
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
