import type { CommandWords, FlagWords } from './completion.ts'

/** Returns a completion script for bash 3.2 or later, which needs nothing beside it. */
export function bashScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name !== '')
  return `# bash completion for netweir
_netweir() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  local before=
  ((COMP_CWORD > 0)) && before=\${COMP_WORDS[COMP_CWORD - 1]}
  # Bash hands over --flag=value as three words.
  if [[ $word == '=' ]]; then
    word=
  elif [[ $before == '=' ]] && ((COMP_CWORD > 1)); then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  local command= index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
    ${names.join(' | ')})
      command=\${COMP_WORDS[index]}
      break
      ;;
    esac
  done
  local flags= values= args=
  case $command in
${commands.map((command) => commandCase(command, names)).join('\n')}
  esac
  COMPREPLY=()
  if [[ -n $values ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ -n $args ]]; then
    COMPREPLY=($(compgen -W "$args" -- "$word"))
  fi
}
complete -o bashdefault -o default -F _netweir netweir
`
}

function commandCase(command: CommandWords, names: readonly string[]): string {
  const args = command.name === '' ? names : command.args === 'file' ? [] : command.args
  const flags = command.flags.flatMap((flag) => flag.names)
  const lines = [
    `  ${command.name === '' ? "''" : command.name})`,
    `    flags='${flags.join(' ')}'`,
    ...(args.length === 0 ? [] : [`    args='${args.join(' ')}'`]),
  ]
  const cases = command.flags.flatMap(valueCase)
  if (cases.length > 0) lines.push('    case $before in', ...cases, '    esac')
  return [...lines, '    ;;'].join('\n')
}

function valueCase(flag: FlagWords): readonly string[] {
  if (typeof flag.value === 'string') return []
  return [`    ${flag.names.join(' | ')}) values='${flag.value.join(' ')}' ;;`]
}
