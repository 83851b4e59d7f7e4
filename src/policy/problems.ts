/** Collects the problems of an input, so that all of them are reported at once. */

import type { ErrorCode, Location, Problem } from '../errors.ts'
import { NetweirError } from '../errors.ts'

/** Problems that are kept; further ones are only counted. */
const maxProblems = 1000

/** A growing list of problems that ends in one error. */
export class Problems {
  #kept: Problem[] = []
  #count = 0
  #hint: string | undefined

  /** How many problems were added, kept or not. */
  get count(): number {
    return this.#count
  }

  /** Adds a problem; the first hint of all becomes the hint of the error. */
  add(message: string, location: Location, hint?: string): void {
    this.#count += 1
    this.#hint ??= hint
    if (this.#kept.length < maxProblems) this.#kept.push({ message, location })
  }

  /** Adds what another error collected, or the error itself when it stands for one problem. */
  addError(error: NetweirError, file: string): void {
    const alone = { message: error.message, location: error.location ?? { file } }
    for (const { message, location } of error.problems.length > 0 ? error.problems : [alone]) {
      this.add(message, location, error.hint)
    }
  }

  /**
   * Throws one error that stands for all problems, when there are any. A single problem is its own message; several are
   * `3 problems in policies/web.yaml`. `problems` has them all, at most the first 1,000. `otherwise` is the hint where no
   * problem has one.
   */
  throwIfAny(
    code: ErrorCode,
    otherwise = 'the API server refuses this, too: correct what is named above and run again',
  ): void {
    const first = this.#kept[0]
    if (first === undefined) return
    const message =
      this.#count === 1 ? first.message : `${this.#count} problems in ${this.#place()}`
    throw new NetweirError(code, message, {
      location: first.location,
      problems: this.#kept,
      hint: this.#hint ?? otherwise,
    })
  }

  #place(): string {
    const files = new Set(this.#kept.map(({ location }) => location.file))
    const [file = '-'] = files
    return files.size === 1 ? file : `${files.size} files`
  }
}
