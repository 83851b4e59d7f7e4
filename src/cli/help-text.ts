/** Help and version without the rest of the program: they are asked for often, and loading all of it takes longer. */
import { CommanderError } from 'commander'
import { createProgram } from './program.ts'

/** Returns what a command line that asks for help or the version prints, undefined for any other. */
export function helpText(argv: readonly string[], columns: number | undefined): string | undefined {
  if (!argv.some((word) => word === 'help' || /^-.*[hvV]/.test(word))) return undefined
  let text = ''
  const add = (part: string): void => {
    text += part
  }
  const program = createProgram({
    argv,
    columns,
    onCommand: () => undefined,
    writeOut: add,
    writeErr: add,
  })
  try {
    program.parse([...argv], { from: 'user' })
  } catch (reason) {
    if (reason instanceof CommanderError && reason.exitCode === 0) return text
  }
  return undefined
}
