import type { CommanderError } from 'commander'
import { NetweirError } from '../index.ts'

/** Returns what commander found wrong in the words of netweir: the value in quotes, and what would be accepted. */
export function usageError(error: CommanderError, argv: readonly string[]): NetweirError {
  const [text = '', suggestion] = error.message.replace(/^error: /, '').split('\n(Did you mean ')
  const command = argv.find((word) => !word.startsWith('-'))
  const help =
    error.code === 'commander.unknownCommand' || command === undefined
      ? 'netweir --help lists the commands'
      : `netweir ${command} --help lists what is accepted`
  const hint = suggestion === undefined ? help : `did you mean ${suggestion.replace(/\?\)$/, '')}?`
  return new NetweirError('USAGE', reword(error.code, text), { hint })
}

function reword(code: string, text: string): string {
  const quoted = /'(.*)'/s.exec(text)?.[1] ?? ''
  switch (code) {
    case 'commander.unknownOption':
      return `unknown flag "${quoted}"`
    case 'commander.unknownCommand':
      return `unknown command "${quoted}"`
    case 'commander.missingArgument':
      return `${quoted.toUpperCase()} is missing`
    case 'commander.optionMissingArgument':
      return `flag "${quoted}" needs a value`
    case 'commander.excessArguments':
      return text
        .replace(/^too many arguments.*Expected/, 'too many arguments, expected')
        .replace(/\.$/, '')
    default:
      return text
  }
}
