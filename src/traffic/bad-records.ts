/** What could not be read: by outcome how many records, and the place of the first one. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import type { Outcome } from '../flow/flow.ts'
import { outcomes } from '../flow/flow.ts'
import type { BadPart } from './read-parts.ts'

/** Something about the input that a person should know. */
export interface ReaderNotice {
  readonly message: string
  readonly location?: Location
}

interface Kind {
  readonly first: { readonly file: string; readonly line?: number; readonly offset?: number }
  readonly reason: string
  count: number
}

/** Remembers bad records. */
export class BadRecords {
  readonly #isStrict: boolean
  readonly #kinds = new Map<Outcome, Kind>()

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  /**
   * Counts a bad record.
   * @throws {NetweirError} `FLOW_MALFORMED` in strict mode.
   */
  count(outcome: Outcome, location: Location, reason: string): void {
    if (this.#isStrict) {
      throw new NetweirError('FLOW_MALFORMED', `${outcome} record: ${reason}`, {
        location,
        hint: 'without --strict, bad records are counted and passed over',
      })
    }
    const known = this.#kinds.get(outcome)
    if (known === undefined) this.#kinds.set(outcome, { first: location, reason, count: 1 })
    else known.count += 1
  }

  /** Returns what is to be said of them, and of records that were passed over. */
  notices(passedOver: number): readonly ReaderNotice[] {
    const notices: ReaderNotice[] = outcomes.flatMap((outcome) => {
      const bad = this.#kinds.get(outcome)
      if (bad === undefined) return []
      const message = `${records(bad.count)} ${outcome}, the first one here: ${bad.reason}`
      return [{ message, location: bad.first }]
    })
    if (passedOver > 0) {
      notices.push({ message: `${records(passedOver)} outside the asked time passed over` })
    }
    return notices
  }

  /** Returns them as plain data, for {@link absorb} of others. */
  toParts(): readonly BadPart[] {
    return [...this.#kinds].map(([outcome, { first, reason, count }]) => ({
      outcome,
      source: first.file,
      line: first.line ?? 1,
      reason,
      count,
    }))
  }

  /** Takes in what others found in pieces of a file, where `lineOf` says on which line of it a part stands. */
  absorb(parts: readonly BadPart[], file: string, lineOf: (part: BadPart) => number): void {
    for (const part of [...parts].sort((a, b) => lineOf(a) - lineOf(b))) {
      const { outcome, reason, count } = part
      const known = this.#kinds.get(outcome)
      if (known !== undefined) known.count += count
      else this.#kinds.set(outcome, { first: { file, line: lineOf(part) }, reason, count })
    }
  }
}

function records(count: number): string {
  return count === 1 ? '1 record' : `${count} records`
}
