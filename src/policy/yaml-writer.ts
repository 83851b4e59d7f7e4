/**
 * Writes plain data as YAML, as the `yaml` package writes it: that package takes longer to load and to build its nodes than
 * all else that a small set of policies costs. Reading YAML stays with it.
 */
import { escapeUnprintable } from './quote.ts'

/** Longer keys need a `?` before them (YAML 1.2, 7.4.2). */
const maxKeyLength = 1024

/**
 * Returns a mapping of what JSON knows as one YAML document in block style with a final line feed: members that are undefined
 * left out, every text on one line, and quoted wherever a parser of YAML 1.1 or 1.2 would read anything else than this text.
 */
export function writeYaml(mapping: object): string {
  return `${node(mapping, '\n')}\n`
}

/** Returns a node whose further lines begin with `line`: a line feed, and the indentation. */
function node(value: unknown, line: string): string {
  if (typeof value === 'string') return yamlString(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const inner = `${line}  `
  if (Array.isArray(value)) {
    return value.length === 0 ? '[]' : value.map((item) => `- ${node(item, inner)}`).join(line)
  }
  const members: string[] = []
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue
    const name = yamlString(key)
    const isLong = name.length > maxKeyLength
    const gap = isBlock(member) && !isLong ? inner : ' '
    members.push(`${isLong ? `? ${name}${line}` : name}:${gap}${node(member, inner)}`)
  }
  return members.length === 0 ? '{}' : members.join(line)
}

/** Whether a value takes lines of its own. */
function isBlock(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).some((member) => member !== undefined)
  )
}

/** Returns a text as a scalar: as it stands where it may, else in quotes. */
function yamlString(text: string): string {
  if (isSimple.test(text)) return isReserved.test(text) ? JSON.stringify(text) : text
  if (!isPrintable.test(text) || isMistakable(text)) return escapeUnprintable(JSON.stringify(text))
  if (!hasIndicator.test(text) && !isReserved.test(text)) return text
  return text.includes('"') && !text.includes("'") ? `'${text}'` : JSON.stringify(text)
}

/** Nearly all names, keys and values. */
const isSimple = /^[A-Za-z][A-Za-z0-9./_-]*$/

const isPrintable = /^[\x20-\x7e]*$/

/** Parsers differ over `0_x1f`, `1e3`, `0o7` and the default key `=`; all of them agree on address blocks. */
function isMistakable(text: string): boolean {
  return text === '=' || (/^[-+.]?\d/.test(text) && !/^[\d.]+\/\d+$/.test(text))
}

/** What may not begin, stand in or end a plain scalar (YAML 1.2, 7.3.3). */
const hasIndicator = /^[ ,[\]{}#&*!|>'"%@`]|^[?-](?: |$)|: | #|[ :]$/

/** Null, truth values, the merge key, and numbers that do not begin with a digit, of YAML 1.1 and 1.2. */
const isReserved = new RegExp(
  `^(?:${[
    '|~|null|Null|NULL|<<',
    'y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON',
    'n|N|no|No|NO|false|False|FALSE|off|Off|OFF',
    '[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)',
    '[-+]?\\.[0-9_]*|[-+]?(?:\\.[0-9_]*)?[eE][-+]?[0-9]+',
  ].join('|')})$`,
)
