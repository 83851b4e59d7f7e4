/** Reading of JSON that came from outside: every step checks, and a failure names its path. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'

/** How much of a wrong value a message shows. */
const shownLength = 60

/** One value of a document with the way that led to it. */
export class DocumentField {
  readonly #value: unknown
  readonly #location: Location | undefined
  readonly #parent: DocumentField | undefined
  readonly #key: string | number

  constructor(
    value: unknown,
    location: Location | undefined,
    parent?: DocumentField,
    key: string | number = '',
  ) {
    this.#value = value
    this.#location = location
    this.#parent = parent
    this.#key = key
  }

  /** The path from the top: `communications[3].from.class`. */
  get path(): string {
    const above = this.#parent?.path ?? ''
    if (typeof this.#key === 'number') return `${above}[${this.#key}]`
    return above === '' ? this.#key : `${above}.${this.#key}`
  }

  /** True where the document has no such member. */
  get isAbsent(): boolean {
    return this.#value === undefined
  }

  /** Returns the member of an object. */
  member(name: string): DocumentField {
    const value = this.#value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fail('an object')
    }
    const members = value as Record<string, unknown>
    const member = Object.hasOwn(members, name) ? members[name] : undefined
    return new DocumentField(member, this.#location, this, name)
  }

  /** Returns the names of an object's members. */
  memberNames(): readonly string[] {
    const value = this.#value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fail('an object')
    }
    return Object.keys(value as object)
  }

  /** Returns the elements of an array, each as `read` reads it. */
  list<Item>(read: (field: DocumentField) => Item): Item[] {
    const value = this.#value
    if (!Array.isArray(value)) this.fail('an array')
    return (value as readonly unknown[]).map((item, index) =>
      read(new DocumentField(item, this.#location, this, index)),
    )
  }

  text(): string {
    if (typeof this.#value !== 'string') this.fail('a text')
    return this.#value as string
  }

  /** Returns a text that `read` understands. */
  textAs<Value>(expected: string, read: (text: string) => Value | undefined): Value {
    const value = typeof this.#value === 'string' ? read(this.#value) : undefined
    return value ?? this.fail(expected)
  }

  /** Returns a text of a closed list. */
  oneOf<Name extends string>(names: readonly Name[]): Name {
    const name = names.find((other) => other === this.#value)
    return name ?? this.fail(`one of ${names.join(', ')}`)
  }

  /** Returns a whole number between two bounds, both included. */
  integer(least: number, greatest: number): number {
    const value = this.#value
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) this.fail('a whole number')
    const number = value as number
    if (number < least || number > greatest) {
      this.fail(`a whole number from ${least} to ${greatest}`)
    }
    return number
  }

  /** Returns a count: at least `least`, and safe to add up. */
  count(least = 0): number {
    return this.integer(least, Number.MAX_SAFE_INTEGER)
  }

  /** @throws {NetweirError} `SET_INVALID`, always. */
  fail(expected: string): never {
    const subject = this.path === '' ? 'the document' : this.path
    const text = `${subject} is ${describe(this.#value)}; expected ${expected}`
    throw new NetweirError('SET_INVALID', text, {
      ...(this.#location === undefined ? {} : { location: this.#location }),
      hint: 'write the set again with netweir learn or netweir merge',
    })
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'absent'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, shownLength)) : `${value}`
  return typeof value === 'string' && value.length > shownLength ? `${text} (cut)` : text
}
