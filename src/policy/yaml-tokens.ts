/**
 * Tokens of YAML streams. The `yaml` package makes tokens of a text without recursion, and nodes of the tokens with it:
 * so nesting is bounded between the two.
 */
import { CST, Lexer, Parser } from 'yaml'
import { maxDepth } from './placed-value.ts'

/** Aliases of one document that are resolved. */
const maxAliases = 1000

/** Why a document is left out. */
export interface Refusal {
  readonly message: string
  readonly offset: number
  /** Position in the stream, from 1. */
  readonly document: number
}

/**
 * Yields the tokens of a text. A document that is nested too deep, or has too many aliases, is reported and left empty;
 * where one line alone nests too deep, the rest of the text is left out.
 */
export function* boundedTokens(
  text: string,
  refuse: (refusal: Refusal) => void,
): Generator<CST.Token> {
  const parser = new Parser()
  const nesting = new LexicalNesting()
  let document = 0
  function* emit(tokens: Iterable<CST.Token>): Generator<CST.Token> {
    for (const token of tokens) {
      if (token.type === 'document') document += 1
      const problem = token.type === 'document' ? boundsProblem(token) : undefined
      if (problem === undefined) yield token
      else {
        refuse({ ...problem, document })
        yield { type: 'document', offset: token.offset, start: [] }
      }
    }
  }
  for (const lexeme of new Lexer().lex(text)) {
    if (nesting.isTooDeepAfter(lexeme)) {
      refuse({ message: tooDeep, offset: nesting.offset, document: document + 1 })
      return
    }
    yield* emit(parser.next(lexeme))
  }
  yield* emit(parser.end())
}

const tooDeep = `is nested more than ${maxDepth} deep`

/** Sees at once what nests without new lines: the rest of such a text need not be read to refuse it. */
class LexicalNesting {
  /** Where the lexeme that was seen last begins. */
  offset = 0
  #end = 0
  #brackets = 0
  #indicators = 0
  #isText = false

  isTooDeepAfter(lexeme: string): boolean {
    // What follows the mark of a scalar is text, whatever it looks like.
    const type = this.#isText ? undefined : CST.tokenType(lexeme)
    this.#isText = type === 'scalar'
    this.offset = this.#end
    // These stand for no text.
    const isMark = type === 'doc-mode' || type === 'flow-error-end' || type === 'scalar'
    if (!isMark) this.#end += lexeme.length
    if (type === 'flow-seq-start' || type === 'flow-map-start') this.#brackets += 1
    else if (type === 'flow-seq-end' || type === 'flow-map-end') this.#brackets -= 1
    else if (type === 'newline' || type === 'doc-start') this.#indicators = 0
    else if (this.#brackets <= 0 && isBlockIndicator(type)) this.#indicators += 1
    return this.#brackets > maxDepth || this.#indicators > maxDepth
  }
}

function isBlockIndicator(type: string | null | undefined): boolean {
  return type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind'
}

function boundsProblem(
  document: CST.Document,
): { readonly message: string; readonly offset: number } | undefined {
  let aliases = 0
  const open: { readonly token: CST.Token; readonly depth: number }[] = []
  const push = (token: CST.Token | null | undefined, depth: number): void => {
    if (token) open.push({ token, depth })
  }
  push(document.value, 1)
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    if (token.type === 'alias') aliases += 1
    if (!('items' in token)) continue
    if (depth > maxDepth) return { message: tooDeep, offset: token.offset }
    for (const item of token.items) {
      push(item.key, depth + 1)
      push(item.value, depth + 1)
    }
  }
  if (aliases <= maxAliases) return undefined
  const message = `has ${aliases} aliases, expected at most ${maxAliases}`
  return { message, offset: document.offset }
}
