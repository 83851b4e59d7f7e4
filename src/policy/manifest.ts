/** Kubernetes objects as they stand in a text: values for the validators, places for messages. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import { readJsonText } from './json-text.ts'
import type { Path, PlacedProblem, PlacedValue } from './placed-value.ts'
import { LineIndex } from './placed-value.ts'
import { Problems } from './problems.ts'
import { describeValue } from './quote.ts'
import { readYamlText } from './yaml-text.ts'

/** Longest text that is read, in bytes where a file says its size, in UTF-16 units here. */
export const maxManifestBytes: number = 256 * 1024 * 1024

/** Longest text that is read as YAML, in UTF-16 units: its nodes take about a hundred times the memory of the text. */
export const maxYamlLength: number = 16 * 1024 * 1024

/** One object of a text. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  /** Empty when the object has none. */
  readonly namespace: string
  /** Empty when the object has none. */
  readonly name: string
  /** The whole object as plain data. Members are own properties whatever their name. */
  readonly value: unknown
  /** Position of its document in the stream, from 1. */
  readonly document: number
  /** Returns where the part at `path` stands, or its nearest ancestor that exists. */
  locate(path: Path): Location
}

/**
 * Returns the objects of a YAML stream or a JSON text, lists taken apart.
 *
 * @throws NetweirError `MANIFEST_SYNTAX` with every syntax problem of the text, or `MANIFEST_INVALID` with every
 * document that is no object.
 */
export function readManifests(text: string, file: string): readonly Manifest[] {
  const body = text.startsWith('\ufeff') ? text.slice(1) : text
  refuseRecording(body, file)
  const reader = new ManifestReader(body, file)
  const documents = reader.readDocuments()
  reader.problems.throwIfAny('MANIFEST_SYNTAX')
  const manifests = documents.flatMap((document) => reader.flatten(document, document.value, []))
  reader.problems.throwIfAny('MANIFEST_INVALID')
  return manifests
}

/** A recording given for a manifest would be thousands of problems, none of them the one. */
function refuseRecording(text: string, file: string): void {
  const head = text.slice(0, 200)
  const isRecording = /^\s*\{\s*"(?:flow|lost_events|node_status)"\s*:/.test(head)
  if (!isRecording && !/"kind"\s*:\s*"CommunicationSet"/.test(head)) return
  throw new NetweirError(
    'MANIFEST_INVALID',
    `${isRecording ? 'a recording of flows' : 'a communication set'}, expected Kubernetes manifests`,
    {
      location: { file, line: 1 },
      hint: 'recordings and sets are named before the flags: netweir generate SOURCE --existing PATH',
    },
  )
}

class ManifestReader {
  readonly problems = new Problems()
  readonly #text: string
  readonly #file: string
  readonly #lines: LineIndex

  constructor(text: string, file: string) {
    this.#text = text
    this.#file = file
    this.#lines = new LineIndex(text)
  }

  readDocuments(): readonly PlacedValue[] {
    const text = this.#text
    const binaryAt = firstControl(text)
    if (text.length > maxManifestBytes) {
      this.#refuse(`has ${text.length} characters, expected at most ${maxManifestBytes}`, 0)
    } else if (binaryAt >= 0) {
      const code = text.charCodeAt(binaryAt).toString(16).toUpperCase().padStart(4, '0')
      this.#refuse(`has the control character U+${code}, expected text`, binaryAt)
    } else return this.#parse()
    return []
  }

  #parse(): readonly PlacedValue[] {
    const text = this.#text
    const json = /^\s*\{/.test(text) ? readJsonText(text) : undefined
    if (json !== undefined) {
      this.#addAll(json.problems)
      return [json.document]
    }
    if (text.length > maxYamlLength) {
      const message = `has ${text.length} characters and is not JSON, expected at most ${maxYamlLength} of YAML`
      this.#refuse(message, 0, 'give it as JSON, for instance with kubectl get -o json')
      return []
    }
    const yaml = readYamlText(text)
    this.#addAll(yaml.problems)
    return yaml.documents
  }

  /** Returns the objects that `value`, which stands at `path` of its document, is or lists. */
  flatten(document: PlacedValue, value: unknown, path: Path): readonly Manifest[] {
    if (!isObject(value)) {
      this.#invalid(
        document,
        path,
        `must be an object with apiVersion and kind, is ${describeValue(value)}`,
      )
      return []
    }
    const apiVersion = member(value, 'apiVersion')
    const kind = member(value, 'kind')
    if (typeof kind !== 'string' || kind === '') {
      this.#invalid(document, path, 'kind: is required, a string such as "NetworkPolicy"')
      return []
    }
    const items = member(value, 'items')
    if (kind === 'List' || (kind.endsWith('List') && (Array.isArray(items) || items === null))) {
      return this.#flattenItems(document, items, path, { apiVersion, kind })
    }
    if (typeof apiVersion !== 'string' || apiVersion === '') {
      this.#invalid(
        document,
        path,
        'apiVersion: is required, a string such as "networking.k8s.io/v1"',
      )
      return []
    }
    return [this.#manifest(document, value, path, { apiVersion, kind })]
  }

  #flattenItems(
    document: PlacedValue,
    items: unknown,
    path: Path,
    list: { readonly apiVersion: unknown; readonly kind: string },
  ): readonly Manifest[] {
    if (!Array.isArray(items)) {
      if (items === null) return []
      this.#invalid(document, path, `items: must be a list, is ${describeValue(items)}`)
      return []
    }
    const itemKind = list.kind.slice(0, -'List'.length)
    return items.flatMap((item: unknown, index) => {
      const at = [...path, 'items', index]
      return this.flatten(document, typedItem(item, list.apiVersion, itemKind), at)
    })
  }

  #manifest(
    document: PlacedValue,
    value: object,
    path: Path,
    type: { readonly apiVersion: string; readonly kind: string },
  ): Manifest {
    const metadata = member(value, 'metadata')
    return {
      ...type,
      namespace: textMember(metadata, 'namespace'),
      name: textMember(metadata, 'name'),
      value,
      document: document.document,
      locate: (inner) => this.#location(document.offsetOf([...path, ...inner]), document.document),
    }
  }

  #invalid(document: PlacedValue, path: Path, message: string): void {
    this.problems.add(message, this.#location(document.offsetOf(path), document.document))
  }

  #refuse(message: string, offset: number, hint?: string): void {
    this.problems.add(message, this.#location(offset), hint)
  }

  #addAll(problems: readonly PlacedProblem[]): void {
    const inOrder = [...problems].sort((a, b) => a.offset - b.offset)
    for (const { message, offset, document } of inOrder) {
      this.problems.add(message, this.#location(offset, document))
    }
  }

  #location(offset: number, document?: number): Location {
    const place = { file: this.#file, ...this.#lines.position(offset) }
    return document === undefined ? place : { ...place, document }
  }
}

/** Items of a `PodList` and the like may leave out what the list already says. */
function typedItem(item: unknown, apiVersion: unknown, kind: string): unknown {
  if (kind === '' || !isObject(item) || member(item, 'kind') !== undefined) return item
  return { apiVersion, kind, ...item }
}

/** Returns the offset of the first control character that no manifest may have, or -1. */
function firstControl(text: string): number {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at
  }
  return -1
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
}

function textMember(value: unknown, name: string): string {
  const text = member(value, name)
  return typeof text === 'string' ? text : ''
}
