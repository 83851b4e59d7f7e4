/** Reads the parts of a manifest as what they should be; what is something else becomes a located problem. */
import type { Labels } from '../labels.ts'
import { toLabels } from '../labels.ts'
import type { Manifest } from './manifest.ts'
import type { Path } from './placed-value.ts'
import type { Problems } from './problems.ts'
import { describeValue, quote } from './quote.ts'

interface Origin {
  readonly manifest: Manifest
  readonly problems: Problems
}

interface Parent {
  readonly field: Field
  readonly step: string | number
}

/** One part of a manifest. Null reads as absent, as it does for the API server. */
export class Field {
  readonly value: unknown
  readonly #origin: Origin
  readonly #parent: Parent | undefined

  private constructor(value: unknown, origin: Origin, parent?: Parent) {
    this.value = value
    this.#origin = origin
    this.#parent = parent
  }

  /** Returns the whole of a manifest; problems of all its parts go to `problems`. */
  static of(manifest: Manifest, problems: Problems): Field {
    return new Field(manifest.value, { manifest, problems })
  }

  /** Whether there is a value, other than null. */
  get isPresent(): boolean {
    return this.value !== undefined && this.value !== null
  }

  /** Returns a member; an absent one when this is no mapping, or has none of that name. */
  member(name: string): Field {
    const map = this.#asMap()
    const value = map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined
    return new Field(value, this.#origin, { field: this, step: name })
  }

  /** Returns the mapping's members; none when it is absent, and a problem when it is something else. */
  members(): readonly (readonly [name: string, field: Field])[] {
    const map = this.mapping()
    return map === undefined
      ? []
      : Object.keys(map).map((name): readonly [string, Field] => [name, this.member(name)])
  }

  /** Returns the items of a list; undefined when it is absent, and a problem when it is something else. */
  items(): readonly Field[] | undefined {
    if (!this.isPresent) return undefined
    if (!Array.isArray(this.value)) return this.#refuse('a list')
    return this.value.map(
      (item: unknown, index) => new Field(item, this.#origin, { field: this, step: index }),
    )
  }

  /** Returns the mapping; undefined when it is absent, and a problem when it is something else. */
  mapping(): Readonly<Record<string, unknown>> | undefined {
    if (!this.isPresent) return undefined
    return this.#asMap() ?? this.#refuse('a mapping')
  }

  /** Returns a string; undefined when it is absent, and a problem when it is something else. */
  text(): string | undefined {
    if (!this.isPresent) return undefined
    if (typeof this.value === 'string') return this.value
    const isScalar = typeof this.value === 'number' || typeof this.value === 'boolean'
    return this.#refuse('a string', isScalar ? `quote the value: "${this.value}"` : undefined)
  }

  /** Returns an integer; undefined when it is absent, and a problem when it is something else. */
  integer(): number | undefined {
    if (!this.isPresent) return undefined
    if (typeof this.value === 'number' && Number.isSafeInteger(this.value)) return this.value
    return this.#refuse('an integer')
  }

  /** Returns a truth value; undefined when it is absent, and a problem when it is something else. */
  flag(): boolean | undefined {
    if (!this.isPresent) return undefined
    return typeof this.value === 'boolean' ? this.value : this.#refuse('true or false')
  }

  /** Returns a mapping of strings; undefined when it is absent, and a problem for each member that is no string. */
  labels(): Labels | undefined {
    if (this.mapping() === undefined) return undefined
    const entries: [string, string][] = []
    for (const [name, field] of this.members()) {
      const text = field.text()
      if (text !== undefined) entries.push([name, text])
      else if (!field.isPresent) {
        field.problem('must be a string, is null', 'write "" for the empty value')
      }
    }
    return toLabels(entries)
  }

  /** Records a problem with this part: its path, a colon, and what is wrong. */
  problem(message: string, hint?: string): void {
    const path = this.path()
    const text = path.length === 0 ? message : `${pathText(path)}: ${message}`
    this.#origin.problems.add(text, this.#origin.manifest.locate(path), hint)
  }

  /** Returns the way from the root of the manifest. */
  path(): Path {
    const steps: (string | number)[] = []
    for (let at = this.#parent; at !== undefined; at = at.field.#parent) steps.push(at.step)
    return steps.reverse()
  }

  #asMap(): Readonly<Record<string, unknown>> | undefined {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value)
      ? (this.value as Readonly<Record<string, unknown>>)
      : undefined
  }

  #refuse(expected: string, hint?: string): undefined {
    this.problem(`must be ${expected}, is ${describeValue(this.value)}`, hint)
    return undefined
  }
}

/** Returns a path as it is written in messages: `spec.ingress[0].from`, names with other characters in brackets. */
function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`
      if (!/^[A-Za-z]\w{0,62}$/.test(step)) return `[${quote(step)}]`
      return index === 0 ? step : `.${step}`
    })
    .join('')
}
