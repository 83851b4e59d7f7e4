import type { CommandWords, FlagWords } from './completion.ts'

/** Returns a completion script for zsh, to be found as `_netweir` in `fpath`. */
export function zshScript(commands: readonly CommandWords[]): string {
  const named = commands.filter(({ name }) => name !== '')
  const root = commands.find(({ name }) => name === '')
  return `#compdef netweir

_netweir() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  commands=(
${named.map(({ name, text }) => `    ${quote(`${name}:${text}`)}`).join('\n')}
  )
  _arguments -C \\
${(root?.flags ?? []).flatMap(flagSpecs).map(argumentLine).join('')}    '1:command:->command' \\
    '*::argument:->argument'
  case $state in
  command)
    _describe -t commands 'netweir command' commands
    ;;
  argument)
    case $words[1] in
${named.map(commandCase).join('\n')}
    esac
    ;;
  esac
}

if [[ $funcstack[1] == _netweir ]]; then
  _netweir "$@"
else
  compdef _netweir netweir
fi
`
}

function commandCase(command: CommandWords): string {
  const args =
    command.args === 'file' ? quote('*:file:_files') : quote(`1:value:(${command.args.join(' ')})`)
  return `    ${command.name})
      _arguments \\
${command.flags
  .flatMap(flagSpecs)
  .map((spec) => `    ${argumentLine(spec)}`)
  .join('')}        ${args}
      ;;`
}

function argumentLine(spec: string): string {
  return `    ${spec} \\\n`
}

/** One specification per name: names that exclude each other, the name, what it says, what follows. */
function flagSpecs(flag: FlagWords): readonly string[] {
  const text = flag.text.replace(/[[\]\\:]/g, '\\$&')
  const exclusive = flag.isRepeatable ? '*' : `(${flag.names.join(' ')})`
  return flag.names.map((name) => {
    // `--flag=` accepts both --flag=value and --flag value.
    const assign = flag.value !== 'nothing' && name.startsWith('--') ? '=' : ''
    return quote(`${exclusive}${name}${assign}[${text}]${action(flag.value)}`)
  })
}

function action(value: FlagWords['value']): string {
  switch (value) {
    case 'nothing':
      return ''
    case 'word':
      return ':value: '
    case 'file':
      return ':file:_files'
    case 'directory':
      return ':directory:_files -/'
    default:
      return `:value:(${value.join(' ')})`
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
