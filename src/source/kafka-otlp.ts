/** Log records of OpenTelemetry as protobuf (opentelemetry-proto, `logs/v1/logs.proto`): what their bodies hold. */
import { WireCursor } from '../flow/wire.ts'

/** Numbers of the fields on the way to a body: resource_logs, scope_logs, log_records, body. */
const pathToBody = [1, 2, 2, 5] as const

/** How deep lists in a body may be nested. */
const maxDepth = 16

/**
 * Returns the body of every log record of an `ExportLogsServiceRequest`: bytes and texts as they are, lists of keys and
 * values as JSON.
 * @throws {MalformedRecord}
 */
export function otlpTexts(request: Uint8Array): readonly Uint8Array[] {
  const bodies: Uint8Array[] = []
  collect(new WireCursor(request), 0, bodies)
  return bodies
}

function collect(cursor: WireCursor, level: number, bodies: Uint8Array[]): void {
  const wanted = (pathToBody[level] ?? 0) * 8 + 2
  for (let tag = cursor.tag(); tag !== 0; tag = cursor.tag()) {
    if (tag !== wanted) cursor.skip(tag)
    else if (level < pathToBody.length - 1) collect(cursor.message(), level + 1, bodies)
    else bodies.push(bodyBytes(anyValue(cursor.message(), 0)))
  }
}

function bodyBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

/** `AnyValue`: string 1, bool 2, int 3, double 4, array 5, kvlist 6, bytes 7. */
function anyValue(cursor: WireCursor, depth: number): unknown {
  let value: unknown = null
  for (let tag = cursor.tag(); tag !== 0; tag = cursor.tag()) {
    switch (tag) {
      case 0x0a:
        value = cursor.text()
        break
      case 0x10:
        value = cursor.bool()
        break
      case 0x18:
        value = Number(BigInt.asIntN(64, cursor.uint64()))
        break
      case 0x21:
        value = cursor.double()
        break
      case 0x2a:
        value = depth > maxDepth ? skipped(cursor, tag) : listOf(cursor.message(), depth)
        break
      case 0x32:
        value = depth > maxDepth ? skipped(cursor, tag) : objectOf(cursor.message(), depth)
        break
      case 0x3a:
        value = depth === 0 ? cursor.field() : cursor.text()
        break
      default:
        cursor.skip(tag)
    }
  }
  return value
}

function skipped(cursor: WireCursor, tag: number): null {
  cursor.skip(tag)
  return null
}

function listOf(cursor: WireCursor, depth: number): readonly unknown[] {
  const list: unknown[] = []
  for (let tag = cursor.tag(); tag !== 0; tag = cursor.tag()) {
    if (tag === 0x0a) list.push(anyValue(cursor.message(), depth + 1))
    else cursor.skip(tag)
  }
  return list
}

function objectOf(cursor: WireCursor, depth: number): Readonly<Record<string, unknown>> {
  const object: Record<string, unknown> = Object.create(null)
  for (let tag = cursor.tag(); tag !== 0; tag = cursor.tag()) {
    if (tag !== 0x0a) cursor.skip(tag)
    else Object.assign(object, pairOf(cursor.message(), depth))
  }
  return object
}

function pairOf(cursor: WireCursor, depth: number): Readonly<Record<string, unknown>> {
  let key = ''
  let value: unknown = null
  for (let tag = cursor.tag(); tag !== 0; tag = cursor.tag()) {
    if (tag === 0x0a) key = cursor.text()
    else if (tag === 0x12) value = anyValue(cursor.message(), depth + 1)
    else cursor.skip(tag)
  }
  return { [key]: value }
}
