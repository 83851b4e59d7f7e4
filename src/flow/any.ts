/** `google.protobuf.Any` as protojson prints it; of the types it may hold, Retina's `Struct` is the one that is read. */
import type { JsonObject } from './json.ts'
import { MalformedRecord } from './json.ts'
import type { WireCursor } from './wire.ts'
import { wireBytes, wireFixed64, wireVarint } from './wire.ts'

/** How deep a `Struct` may be nested. */
const maxDepth = 64

const structType = 'google.protobuf.Struct'

/** Returns the type that an `Any` names with its value: a JSON value for `Struct`, base64 for what nobody knows. */
export function readAny(cursor: WireCursor): JsonObject | undefined {
  let url = ''
  let value: WireCursor | undefined
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) break
    if (tag === 8 + wireBytes) url = cursor.text()
    else if (tag === 16 + wireBytes) value = cursor.message()
    else cursor.skip(tag)
  }
  if (url === '' && value === undefined) return {}
  if (value === undefined) return { '@type': url }
  const isStruct = url.slice(url.lastIndexOf('/') + 1) === structType
  return { '@type': url, value: isStruct ? readStruct(value, 0) : base64(value) }
}

function base64({ bytes, at, end }: WireCursor): string {
  let binary = ''
  for (let index = at; index < end; index++) binary += String.fromCharCode(bytes[index] ?? 0)
  return btoa(binary)
}

/** Entries, and not assignments: `__proto__` is a key like any other. */
function readStruct(cursor: WireCursor, depth: number): JsonObject {
  if (depth > maxDepth) throw new MalformedRecord('a structure is nested too deep')
  const entries: [string, unknown][] = []
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return Object.fromEntries(entries)
    if (tag === 8 + wireBytes) entries.push(readEntry(cursor.message(), depth))
    else cursor.skip(tag)
  }
}

function readEntry(cursor: WireCursor, depth: number): [string, unknown] {
  let key = ''
  let value: unknown = null
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return [key, value]
    if (tag === 8 + wireBytes) key = cursor.text()
    else if (tag === 16 + wireBytes) value = readValue(cursor.message(), depth)
    else cursor.skip(tag)
  }
}

/** `google.protobuf.Value`: null 1, number 2, string 3, bool 4, struct 5, list 6. */
function readValue(cursor: WireCursor, depth: number): unknown {
  let value: unknown = null
  for (;;) {
    const tag = cursor.tag()
    switch (tag) {
      case 0:
        return value
      case 8 + wireVarint:
        cursor.skip(tag)
        value = null
        break
      case 16 + wireFixed64:
        value = cursor.double()
        break
      case 24 + wireBytes:
        value = cursor.text()
        break
      case 32 + wireVarint:
        value = cursor.bool()
        break
      case 40 + wireBytes:
        value = readStruct(cursor.message(), depth + 1)
        break
      case 48 + wireBytes:
        value = readList(cursor.message(), depth + 1)
        break
      default:
        cursor.skip(tag)
    }
  }
}

function readList(cursor: WireCursor, depth: number): readonly unknown[] {
  if (depth > maxDepth) throw new MalformedRecord('a structure is nested too deep')
  const list: unknown[] = []
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return list
    if (tag === 8 + wireBytes) list.push(readValue(cursor.message(), depth))
    else cursor.skip(tag)
  }
}
