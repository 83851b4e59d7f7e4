/** Log records of OpenTelemetry (opentelemetry.io/docs/specs/otlp, its JSON form): what their bodies hold. */
import type { JsonObject } from './json.ts'
import { asArray, asObject, member } from './json.ts'

/** How deep lists in a body may be nested. */
const maxDepth = 16

/** Returns the body of every log record of a request: texts, and objects in place of lists of keys and values. */
export function otlpBodies(request: JsonObject): readonly unknown[] {
  const resources = asArray(member(request, 'resource_logs', 'resourceLogs'))
  return resources
    .flatMap((resource) => membersOf(resource, 'scope_logs', 'scopeLogs'))
    .flatMap((scope) => membersOf(scope, 'log_records', 'logRecords'))
    .map((record) => plainValue(asObject(record)?.['body'], 0))
}

function membersOf(value: unknown, name: string, camelName: string): readonly unknown[] {
  const object = asObject(value)
  return object === undefined ? [] : asArray(member(object, name, camelName))
}

/** `AnyValue` as the value that it stands for. */
function plainValue(value: unknown, depth: number): unknown {
  const object = asObject(value)
  if (object === undefined || depth > maxDepth) return null
  const text = member(object, 'string_value', 'stringValue')
  if (text !== undefined) return text
  const pairs = asObject(member(object, 'kvlist_value', 'kvlistValue'))
  if (pairs !== undefined) return objectOf(asArray(pairs['values']), depth)
  const list = asObject(member(object, 'array_value', 'arrayValue'))
  if (list !== undefined) return asArray(list['values']).map((one) => plainValue(one, depth + 1))
  const bytes = member(object, 'bytes_value', 'bytesValue')
  if (typeof bytes === 'string') return textOf(bytes)
  return (
    member(object, 'int_value', 'intValue') ??
    member(object, 'double_value', 'doubleValue') ??
    member(object, 'bool_value', 'boolValue') ??
    null
  )
}

function objectOf(pairs: readonly unknown[], depth: number): JsonObject {
  const object: Record<string, unknown> = Object.create(null)
  for (const pair of pairs) {
    const entry = asObject(pair)
    if (typeof entry?.['key'] === 'string') {
      object[entry['key']] = plainValue(entry['value'], depth + 1)
    }
  }
  return object
}

function textOf(base64: string): string | null {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)))
  } catch {
    return null
  }
}
