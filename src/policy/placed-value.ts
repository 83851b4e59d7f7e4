/** Plain values that remember where in their text they stand. */

/** The way from the root of a value to a part of it: member names and list positions. */
export type Path = readonly (string | number)[]

/** One document of a text. */
export interface PlacedValue {
  /** Plain data. Members are own properties whatever their name; look them up with `Object.hasOwn`. */
  readonly value: unknown
  /** Position in the stream of documents, from 1. */
  readonly document: number
  /** Returns the offset in the text of the part at `path`, or of its nearest ancestor that exists. */
  offsetOf(path: Path): number
}

/** A problem at an offset of a text. */
export interface PlacedProblem {
  readonly message: string
  readonly offset: number
  readonly document?: number
}

/** Deepest nesting of lists and mappings that is read. */
export const maxDepth = 100

/** Turns offsets of a text into lines and columns; the lines are found when first asked for. */
export class LineIndex {
  readonly #text: string
  #starts: number[] | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** Returns line and column of an offset, both from 1; columns count UTF-16 units. */
  position(offset: number): { readonly line: number; readonly column: number } {
    const starts = this.#lineStarts()
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
  }

  #lineStarts(): readonly number[] {
    if (this.#starts !== undefined) return this.#starts
    const starts = [0]
    for (let at = this.#text.indexOf('\n'); at >= 0; at = this.#text.indexOf('\n', at + 1)) {
      starts.push(at + 1)
    }
    this.#starts = starts
    return starts
  }
}
