/** Reads YAML streams within bounds: no text makes it run out of stack, and no alias of anything else. */

import type { Document, Node, ScalarTag } from 'yaml'
import { Composer, isAlias, isCollection, isMap, isNode, isPair, isScalar, isSeq } from 'yaml'
import type { Path, PlacedProblem, PlacedValue } from './placed-value.ts'
import { maxDepth } from './placed-value.ts'
import { escapeUnprintable, quote } from './quote.ts'
import { boundedTokens } from './yaml-tokens.ts'

/** A YAML text: the values of its documents, and the problems that keep them from being used. */
export interface YamlText {
  readonly documents: readonly PlacedValue[]
  readonly problems: readonly PlacedProblem[]
}

/** kubectl reads YAML 1.1, where these are booleans; as plain strings they would read otherwise here than there. */
const wordBoolean: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:yes|Yes|YES|on|On|ON|no|No|NO|off|Off|OFF)$/,
  resolve: (text) => /^(?:y|on)/i.test(text),
}

const options = {
  customTags: (tags: readonly unknown[]) => [wordBoolean, ...tags] as ScalarTag[],
  merge: true,
  prettyErrors: false,
  resolveKnownTags: false,
  stringKeys: true,
  // Checked below: the package compares every key with every other.
  uniqueKeys: false,
} as const

/** Returns the documents of a stream, empty ones left out, and all its problems. */
export function readYamlText(text: string): YamlText {
  const documents: PlacedValue[] = []
  const problems: PlacedProblem[] = []
  const refused = new Set<number>()
  const tokens = boundedTokens(text, (problem) => {
    refused.add(problem.document)
    problems.push(problem)
  })
  let document = 0
  for (const node of new Composer(options).compose(tokens, true, text.length)) {
    document += 1
    if (!refused.has(document)) readDocument(node, document, documents, problems)
  }
  return { documents, problems }
}

function readDocument(
  node: Document.Parsed,
  document: number,
  documents: PlacedValue[],
  problems: PlacedProblem[],
): void {
  const found: PlacedProblem[] = node.errors.map((error) => ({
    message: yamlMessage(error.message),
    offset: error.pos[0],
    document,
  }))
  if (found.length === 0) {
    new NodeWalk(node, (message, offset) => found.push({ message, offset, document })).walk()
  }
  for (const problem of found) problems.push(problem)
  if (found.length > 0 || node.contents === null) return
  const start = node.contents.range[0]
  try {
    const value: unknown = node.toJS()
    if (value !== null) {
      documents.push({ value, document, offsetOf: (path) => offsetIn(node, path) })
    }
  } catch (error) {
    // Alias bombs and merges of what is no mapping show only now.
    problems.push({ message: yamlMessage(error), offset: start, document })
  }
}

function yamlMessage(reason: unknown): string {
  const text = reason instanceof Error ? reason.message : String(reason)
  const lowered = text.charAt(0).toLowerCase() + text.slice(1)
  return escapeUnprintable(lowered.slice(0, 300).replaceAll('\n', ' '))
}

/** The alias by which a part of a document is walked once more. */
interface Way {
  readonly anchor: string
  readonly offset: number
}

/** Looks for repeated keys, unknown aliases, and aliases that nest a document too deep or into itself. */
class NodeWalk {
  readonly #document: Document.Parsed
  readonly #report: (message: string, offset: number) => void
  readonly #anchors = new Map<string, Node>()
  /** The greatest depth at which what an alias stands for was walked: each depth once, so that no bomb goes off. */
  readonly #walked = new Map<Node, number>()
  #isTooDeep = false

  constructor(document: Document.Parsed, report: (message: string, offset: number) => void) {
    this.#document = document
    this.#report = report
  }

  walk(): void {
    this.#visit(this.#document.contents, 1)
  }

  #visit(node: unknown, depth: number, way?: Way): void {
    if (isPair(node)) {
      this.#visit(node.key, depth, way)
      this.#visit(node.value, depth, way)
      return
    }
    if (isAlias(node)) {
      this.#follow({ anchor: node.source, offset: offsetOfNode(node) ?? 0 }, depth)
      return
    }
    if (!isNode(node)) return
    const isFirst = way === undefined
    if (isFirst && 'anchor' in node && node.anchor !== undefined) {
      this.#anchors.set(node.anchor, node)
    }
    if (!isCollection(node)) return
    if (isFirst && isMap(node)) this.#checkKeys(node)
    if (!isFirst && depth > maxDepth) this.#refuseDepth(way)
    else for (const item of node.items) this.#visit(item, depth + 1, way)
  }

  #follow(way: Way, depth: number): void {
    const target = this.#anchors.get(way.anchor)
    if (target === undefined) {
      this.#report(`alias ${quote(way.anchor)} has no anchor before it`, way.offset)
    } else if ((this.#walked.get(target) ?? 0) < depth) {
      this.#walked.set(target, depth)
      this.#visit(target, depth, way)
    }
  }

  #refuseDepth({ anchor, offset }: Way): void {
    if (this.#isTooDeep) return
    this.#isTooDeep = true
    const message = `alias ${quote(anchor)} nests the document more than ${maxDepth} deep`
    this.#report(message, offset)
  }

  #checkKeys(map: { readonly items: readonly unknown[] }): void {
    const seen = new Set<string>()
    for (const pair of map.items) {
      const key = isPair(pair) ? keyText(pair.key) : undefined
      if (key === undefined || key === '<<') continue
      if (seen.has(key)) {
        const offset = isPair(pair) ? offsetOfNode(pair.key) : undefined
        this.#report(`repeats the key ${quote(key)}`, offset ?? 0)
      }
      seen.add(key)
    }
  }
}

function offsetIn(document: Document.Parsed, path: Path): number {
  let node: unknown = document.contents
  let offset = document.contents?.range[0] ?? 0
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document)
    const next = isSeq(node) ? node.items[Number(step)] : pairOf(node, String(step))
    const found = isPair(next)
      ? (offsetOfNode(next.value) ?? offsetOfNode(next.key))
      : offsetOfNode(next)
    if (found === undefined) return offset
    offset = found
    node = isPair(next) ? next.value : next
  }
  return offset
}

function pairOf(node: unknown, key: string): unknown {
  return isMap(node) ? node.items.find((pair) => keyText(pair.key) === key) : undefined
}

function keyText(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined
}

function offsetOfNode(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}
