/** Completion scripts, written from the tree of commands, so that they know every flag and no other. */
import type { Command } from 'commander'
import { bashScript } from './completion-bash.ts'
import { fishScript } from './completion-fish.ts'
import { zshScript } from './completion-zsh.ts'
import type { shells } from './program.ts'
import { createProgram } from './program.ts'

/** A flag, as a completion script needs it. */
export interface FlagWords {
  /** `--namespace` and, where there is one, `-n`. */
  readonly names: readonly string[]
  readonly text: string
  /** What follows the flag; `nothing` for a switch, `word` for what cannot be guessed. */
  readonly value: 'nothing' | 'word' | 'file' | 'directory' | readonly string[]
  readonly isRepeatable: boolean
}

/** A command, as a completion script needs it. */
export interface CommandWords {
  readonly name: string
  readonly text: string
  /** What stands in its arguments: files, or one of a list. */
  readonly args: 'file' | readonly string[]
  readonly flags: readonly FlagWords[]
}

const renderers = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Record<
  (typeof shells)[number],
  (commands: readonly CommandWords[]) => string
>

/** Returns the completion script for a shell. */
export function completionScript(shell: (typeof shells)[number]): string {
  return renderers[shell](commandWords())
}

/** Returns the words of every command; the first one, without a name, is the program itself. */
export function commandWords(): readonly CommandWords[] {
  const ignore = (): undefined => undefined
  const program = createProgram({ onCommand: ignore, writeOut: ignore, writeErr: ignore })
  const commands = program.commands.map((command) => describe(command, command.name()))
  const help: CommandWords = {
    name: 'help',
    text: 'show help for a command',
    args: commands.map(({ name }) => name),
    flags: [],
  }
  return [describe(program, ''), ...commands, help]
}

function describe(command: Command, name: string): CommandWords {
  const helper = command.createHelp()
  return {
    name,
    text: command.summary(),
    args: command.registeredArguments[0]?.argChoices ?? 'file',
    flags: helper.visibleOptions(command).map((option) => ({
      names: [option.long, option.short].filter((flag) => flag !== undefined),
      text: option.description,
      value: option.argChoices ?? valueKind(option.flags),
      isRepeatable: option.parseArg !== undefined,
    })),
  }
}

function valueKind(flags: string): 'nothing' | 'word' | 'file' | 'directory' {
  const placeholder = /<(.*)>/.exec(flags)?.[1]
  if (placeholder === undefined) return 'nothing'
  if (placeholder === 'dir') return 'directory'
  return placeholder === 'path' || placeholder === 'file' ? 'file' : 'word'
}
