/** The Hubble API as its `.proto` files define it, through a codec that is not ours (protobufjs). */
import { join } from 'node:path'
import type { MessageTypeDefinition, MethodDefinition, ServiceDefinition } from '@grpc/proto-loader'
import { loadSync } from '@grpc/proto-loader'
import { root } from './built.ts'

/** A message as JSON has it. */
export type Json = Readonly<Record<string, unknown>>

/** What protobufjs tells of a message or enum. */
interface Described {
  readonly name: string
  readonly enumType?: readonly Described[]
  readonly field?: readonly DescribedField[]
  readonly value?: readonly { readonly name: string; readonly number: number }[]
}

/** What protobufjs tells of a field. */
export interface DescribedField {
  readonly name: string
  readonly number: number
  readonly type: string
  readonly label: string
  readonly typeName: string
}

const definition = loadSync(join('observer', 'observer.proto'), {
  includeDirs: [join(root, 'proto')],
  keepCase: true,
  longs: String,
  enums: String,
  oneofs: false,
})

/** The service, for a server or a client of grpc-js. */
export const observerService = definition['observer.Observer'] as ServiceDefinition

/** Fields or values of a message or enum, such as `flow.Flow`. */
export function described(name: string): Described {
  const found = lookUp(name)
  if (found === undefined) throw new Error(`no type ${name}`)
  return found
}

function lookUp(name: string): Described | undefined {
  const top = definition[name] as MessageTypeDefinition<object, object> | undefined
  if (top !== undefined) return top.type as Described
  const dot = name.lastIndexOf('.')
  const outer = dot < 0 ? undefined : lookUp(name.slice(0, dot))
  return outer?.enumType?.find((inner) => inner.name === name.slice(dot + 1))
}

/** Names of all messages and enums. */
export const describedNames: readonly string[] = Object.keys(definition).filter(
  (name) => 'type' in definition[name]! && !name.startsWith('google.'),
)

const getFlows = observerService['GetFlows'] as MethodDefinition<object, object>

/** Returns the bytes of a `GetFlowsResponse` that is given as the JSON of protojson. */
export function encodeResponse(json: Json): Buffer {
  return getFlows.responseSerialize(toMessage(json, 'observer.GetFlowsResponse'))
}

/** Returns the bytes of a `flow.Flow` that is given as the JSON of protojson. */
export function encodeFlow(json: Json): Buffer {
  const bytes = encodeResponse({ flow: json })
  let at = 1
  while ((bytes[at] ?? 0) >= 0x80) at++
  return bytes.subarray(at + 1)
}

/** Returns what a `GetFlowsResponse` says in the JSON of protojson. @throws Error when it is none. */
export function decodeResponse(bytes: Uint8Array): Json {
  const message = getFlows.responseDeserialize(Buffer.from(bytes)) as Json
  return fromMessage(message, 'observer.GetFlowsResponse')
}

/** The well-known types have forms of their own in JSON; all else is the same but for zeros. */
function toMessage(json: Json, type: string): Json {
  return mapMembers(json, type, (value, typeName) => {
    switch (typeName) {
      case 'google.protobuf.Timestamp':
        return timestampOf(String(value))
      case 'google.protobuf.BoolValue':
      case 'google.protobuf.Int32Value':
      case 'google.protobuf.UInt32Value':
        return { value }
      case 'google.protobuf.Any':
        return { type_url: (value as Json)['@type'], value: Buffer.alloc(0) }
      default:
        return toMessage(value as Json, typeName)
    }
  })
}

function fromMessage(message: Json, type: string): Json {
  const mapped = mapMembers(message, type, (value, typeName) => {
    const json = value as Json
    switch (typeName) {
      case 'google.protobuf.Timestamp':
        return textOf(Number(json['seconds'] ?? 0), Number(json['nanos'] ?? 0))
      case 'google.protobuf.BoolValue':
        return json['value'] ?? false
      case 'google.protobuf.Int32Value':
      case 'google.protobuf.UInt32Value':
        return json['value'] ?? 0
      case 'google.protobuf.Any':
        return {
          '@type': json['type_url'] ?? '',
          value: Buffer.from((json['value'] as Uint8Array | undefined) ?? []).toString('base64'),
        }
      default:
        return fromMessage(json, typeName)
    }
  })
  return withoutZeros(mapped, type)
}

function withoutZeros(json: Json, type: string): Json {
  const { field = [] } = described(type)
  return Object.fromEntries(
    Object.entries(json).filter(([name, value]) => {
      const known = field.find((one) => one.name === name)
      if (known === undefined || value === undefined) return false
      if (Array.isArray(value)) return value.length > 0
      if (known.type === 'TYPE_MESSAGE') return true
      if (known.type === 'TYPE_ENUM') return value !== zeroName(known, type)
      return value !== 0 && value !== '' && value !== false && value !== '0'
    }),
  )
}

function zeroName(field: DescribedField, type: string): string | undefined {
  const values = described(fullName(field.typeName, type)).value ?? []
  return values.find(({ number }) => number === 0)?.name
}

function mapMembers(
  json: Json,
  type: string,
  map: (value: unknown, typeName: string) => unknown,
): Json {
  const { field = [] } = described(type)
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const known = field.find((one) => one.name === name)
      if (known?.type !== 'TYPE_MESSAGE' || value === null || value === undefined) {
        return [name, value ?? undefined]
      }
      const typeName = fullName(known.typeName, type)
      return Array.isArray(value)
        ? [name, value.map((one) => map(one, typeName))]
        : [name, map(value, typeName)]
    }),
  )
}

/** Names of the same package stand without it, as the files write them. */
export function fullName(typeName: string, inType: string): string {
  if (typeName.startsWith('google.') || typeName in definition) return typeName
  const scopes = inType.split('.')
  for (let depth = scopes.length; depth > 0; depth--) {
    const name = [...scopes.slice(0, depth), typeName].join('.')
    if (lookUp(name) !== undefined) return name
  }
  throw new Error(`no type ${typeName} in ${inType}`)
}

function timestampOf(text: string): Json {
  const [, whole = '', fraction = '', zone = ''] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(text) ?? []
  return {
    seconds: Math.floor(Date.parse(`${whole}${zone}`) / 1000),
    nanos: Number(fraction.padEnd(9, '0').slice(0, 9)),
  }
}

function textOf(seconds: number, nanos: number): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  const digits = [nanos % 1e6 === 0 ? 3 : nanos % 1e3 === 0 ? 6 : 9]
  const fraction = String(nanos).padStart(9, '0').slice(0, digits[0])
  return nanos === 0 ? `${whole}Z` : `${whole}.${fraction}Z`
}
