/**
 * Reads JSON at the speed of `JSON.parse`. What `JSON.parse` does not tell (nesting, repeated members, places) is read
 * from the text: nesting and the number of members in one pass, the rest only when something is wrong or asked for.
 */

import type { Path, PlacedProblem, PlacedValue } from './placed-value.ts'
import { maxDepth } from './placed-value.ts'
import { quote } from './quote.ts'

/** A JSON text: its value, and the problems that keep it from being used. */
export interface JsonText {
  readonly document: PlacedValue
  readonly problems: readonly PlacedProblem[]
}

const quoteMark = 0x22
const comma = 0x2c
const colon = 0x3a
const openList = 0x5b
const backslash = 0x5c
const closeList = 0x5d
const openMap = 0x7b
const closeMap = 0x7d

/** Returns the JSON document that `text` is, or undefined when it is not JSON. */
export function readJsonText(text: string): JsonText | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const locator = new JsonLocator(text)
  const document = { value, document: 1, offsetOf: (path: Path) => locator.offsetOf(path) }
  const { members, tooDeepAt } = measure(text)
  if (tooDeepAt !== undefined) {
    const message = `is nested more than ${maxDepth} deep`
    return { document, problems: [{ message, offset: tooDeepAt, document: 1 }] }
  }
  // JSON.parse keeps the last of equal members, so a repeated one is missing from the value.
  const problems = members === countMembers(value) ? [] : repeatedMembers(text)
  return { document, problems }
}

/** Counts the members that are written in a valid JSON text, down to the deepest nesting that is read. */
function measure(text: string): { members: number; tooDeepAt?: number } {
  let members = 0
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === quoteMark) at = endOfString(text, at)
    else if (code === colon) members += 1
    else if (code === openMap || code === openList) {
      depth += 1
      if (depth > maxDepth) return { members, tooDeepAt: at }
    } else if (code === closeMap || code === closeList) depth -= 1
  }
  return { members }
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const parts: readonly unknown[] = Object.values(value)
  let members = Array.isArray(value) ? 0 : parts.length
  for (const part of parts) members += countMembers(part)
  return members
}

function repeatedMembers(text: string): PlacedProblem[] {
  const problems: PlacedProblem[] = []
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === openMap || code === openList) open.push(new Set())
    else if (code === closeMap || code === closeList) open.pop()
    if (code !== quoteMark) continue
    const end = endOfString(text, at)
    if (text.charCodeAt(skipSpace(text, end + 1)) === colon) {
      const name = stringAt(text, at, end)
      const seen = open.at(-1)
      if (seen?.has(name)) {
        problems.push({ message: `repeats the key ${quote(name)}`, offset: at, document: 1 })
      }
      seen?.add(name)
    }
    at = end
  }
  return problems
}

/** Lists long enough to be worth remembering where their items begin. */
const longList = 32

/** Finds the parts of a valid JSON text. */
class JsonLocator {
  readonly #text: string
  readonly #items = new Map<number, readonly number[]>()

  constructor(text: string) {
    this.#text = text
  }

  offsetOf(path: Path): number {
    let at = skipSpace(this.#text, 0)
    for (const step of path) {
      const next = typeof step === 'number' ? this.#itemAt(at, step) : this.#memberAt(at, step)
      if (next === undefined) return at
      at = next
    }
    return at
  }

  #memberAt(map: number, name: string): number | undefined {
    const text = this.#text
    if (text.charCodeAt(map) !== openMap) return undefined
    let at = skipSpace(text, map + 1)
    while (text.charCodeAt(at) === quoteMark) {
      const end = endOfString(text, at)
      const value = skipSpace(text, skipSpace(text, end + 1) + 1)
      if (stringAt(text, at, end) === name) return value
      at = nextPart(text, value)
    }
    return undefined
  }

  #itemAt(list: number, index: number): number | undefined {
    return (this.#items.get(list) ?? this.#findItems(list))[index]
  }

  #findItems(list: number): readonly number[] {
    const text = this.#text
    const offsets: number[] = []
    if (text.charCodeAt(list) !== openList) return offsets
    let at = skipSpace(text, list + 1)
    while (at < text.length && text.charCodeAt(at) !== closeList) {
      offsets.push(at)
      at = nextPart(text, at)
    }
    if (offsets.length >= longList) this.#items.set(list, offsets)
    return offsets
  }
}

/** Returns the offset of the item or member after the value at `value`, or of the bracket that closes. */
function nextPart(text: string, value: number): number {
  const at = skipSpace(text, endOfValue(text, value))
  return text.charCodeAt(at) === comma ? skipSpace(text, at + 1) : at
}

function endOfValue(text: string, value: number): number {
  let depth = 0
  for (let at = value; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === quoteMark) at = endOfString(text, at)
    else if (code === openMap || code === openList) depth += 1
    else if (code === comma && depth === 0) return at
    else if (code === closeMap || code === closeList) {
      if (depth === 0) return at
      depth -= 1
    }
  }
  return text.length
}

/** Returns the offset of the quotation mark that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: string, at: number): boolean {
  let first = at
  while (text.charCodeAt(first - 1) === backslash) first -= 1
  return (at - first) % 2 === 1
}

function stringAt(text: string, start: number, end: number): string {
  return String(JSON.parse(text.slice(start, end + 1)))
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1
  return at
}
