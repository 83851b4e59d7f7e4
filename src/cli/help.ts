import type { Command, Help } from 'commander'

/** What help says about a command beyond its arguments and options. */
export interface HelpNotes {
  readonly examples: readonly string[]
  /** What each exit code means, by code. */
  readonly exits: readonly (readonly [code: string, meaning: string])[]
}

/** Returns the function that lays out the help of a command: sentence, usage, arguments, options, examples, exit codes. */
export function helpFormatter(notes: HelpNotes): (command: Command, helper: Help) => string {
  return (command, helper) => {
    const rows = listRows(command, helper)
    const termWidth = Math.max(...rows.map(({ term }) => term.length), 0)
    const lines = [helper.commandDescription(command), '', `Usage: ${helper.commandUsage(command)}`]
    let group = ''
    for (const row of rows) {
      if (row.group !== group) lines.push('', row.group)
      group = row.group
      lines.push(helper.formatItem(row.term, termWidth, row.text, helper))
    }
    lines.push('', 'Examples:', ...notes.examples.map((example) => `  ${example}`))
    lines.push(
      '',
      'Exit codes:',
      ...notes.exits.map(([code, text]) => `  ${code.padEnd(4)}${text}`),
    )
    lines.push('', 'Every command and flag is described in docs/cli.md.', '')
    return lines.join('\n')
  }
}

interface HelpRow {
  readonly group: string
  readonly term: string
  readonly text: string
}

function listRows(command: Command, helper: Help): readonly HelpRow[] {
  return [
    ...helper.visibleArguments(command).map((argument) => ({
      group: 'Arguments:',
      term: helper.argumentTerm(argument),
      text: argument.description,
    })),
    ...helper.visibleCommands(command).map((subcommand) => ({
      group: 'Commands:',
      term: helper.subcommandTerm(subcommand),
      text: helper.subcommandDescription(subcommand),
    })),
    ...helper.visibleOptions(command).map((option) => ({
      group: option.helpGroupHeading ?? 'Other:',
      term: helper.optionTerm(option),
      text: option.description,
    })),
  ]
}
