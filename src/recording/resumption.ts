/**
 * Going on with a recording: what it holds already is left out, and a node that sends nothing of it again has lost what
 * came in between, since a source is always asked for more than is missing.
 */
import type { ExportedLine } from './exported-line.ts'
import type { LastWords } from './recorded-end.ts'

/** Events of a node that are in no file, as times of the last one before and the first one after (RFC 3339). */
export interface Gap {
  readonly node: string
  readonly from: string
  readonly to: string
}

/** Judges the lines of one run, in the order in which they come. */
export class Resumption {
  readonly #last: LastWords
  /** Nodes that the recording knows and that have sent nothing of it again so far. */
  readonly #unheard: Map<string, string>
  /** The first new event of each of these. */
  readonly #first = new Map<string, ExportedLine>()
  #known = 0

  constructor(last: LastWords) {
    this.#last = last
    this.#unheard = new Map(last.nodes)
  }

  /** How many lines the recording held already. */
  get known(): number {
    return this.#known
  }

  /** Tells whether a line is new. */
  isNew(line: ExportedLine): boolean {
    if (line.id !== undefined && this.#last.ids.has(line.id)) {
      this.#known += 1
      this.#unheard.delete(line.node)
      this.#first.delete(line.node)
      return false
    }
    if (line.time !== undefined && this.#unheard.has(line.node) && !this.#first.has(line.node)) {
      this.#first.set(line.node, line)
    }
    return true
  }

  /** Returns the gaps of nodes whose first event was new: each once. */
  takeGaps(): readonly Gap[] {
    const gaps = [...this.#first].map(([node, { time = '' }]) => {
      const from = this.#unheard.get(node) ?? this.#last.time
      this.#unheard.delete(node)
      return { node, from, to: time }
    })
    this.#first.clear()
    return gaps
  }
}
