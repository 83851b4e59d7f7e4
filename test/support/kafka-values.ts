/** Values as shippers put Hubble events on a topic (`kafka.md` 1.2): one way of packing each. */
import { gzipSync } from 'node:zlib'
import type { Json } from './hubble-proto.ts'
import { encodeFlow, encodeResponse } from './hubble-proto.ts'

/** One way of packing an event, and what it is recognised as. */
export interface Packing {
  readonly name: string
  readonly format: string
  pack(event: Json): Buffer
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const line = (event: Json): string => JSON.stringify(event)
const registry = Buffer.from([0, 0, 0, 1, 7])

/** A field of wire type 2. */
export function field(number: number, ...contents: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(contents.map((part) => Buffer.from(part)))
  const length: number[] = []
  for (let rest = content.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) + 128)
    if (rest < 128) break
  }
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), content])
}

/** A request of OpenTelemetry with one log record for each body, an `AnyValue`. */
export function otlpRequest(...bodies: readonly Buffer[]): Buffer {
  const records = bodies.map((body) => field(2, field(5, body)))
  return field(1, field(1), field(2, field(1), ...records))
}

function anyValue(value: unknown): Buffer {
  if (typeof value === 'string') return field(1, value)
  if (typeof value === 'number') {
    const number = Buffer.alloc(9, 0x21)
    number.writeDoubleLE(value, 1)
    return number
  }
  if (typeof value === 'boolean') return Buffer.from([0x10, value ? 1 : 0])
  if (Array.isArray(value)) return field(5, ...value.map((one) => field(1, anyValue(one))))
  const pairs = Object.entries(value as Json)
  return field(6, ...pairs.map(([key, one]) => field(1, field(1, key), field(2, anyValue(one)))))
}

function anyJson(value: unknown): Json {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'number') return { doubleValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyJson) } }
  const pairs = Object.entries(value as Json)
  return { kvlistValue: { values: pairs.map(([key, one]) => ({ key, value: anyJson(one) })) } }
}

function otlpJson(body: Json): Json {
  return { resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords: [{ body }] }] }] }
}

/** Every way that is known, the plain line first. */
export const packings: readonly Packing[] = [
  { name: 'a line', format: 'json flow', pack: json },
  {
    name: 'a spaced line',
    format: 'json flow',
    pack: (event) => Buffer.from(JSON.stringify(event, null, 2)),
  },
  { name: 'lines', format: 'json flow', pack: (event) => Buffer.from(`\n${line(event)}\r\n`) },
  { name: 'an array', format: 'json flow', pack: (event) => json([event]) },
  { name: 'gzip', format: 'gzip, json flow', pack: (event) => gzipSync(line(event)) },
  {
    name: 'the schema registry',
    format: 'schema registry, json flow',
    pack: (event) => Buffer.concat([registry, json(event)]),
  },
  {
    name: 'vector',
    format: 'json flow in message',
    pack: (event) =>
      json({ file: '/var/run/cilium/hubble/events.log', host: 'n', message: line(event) }),
  },
  {
    name: 'filebeat',
    format: 'json flow in message',
    pack: (event) =>
      json({
        '@timestamp': '2026-01-01T00:00:00Z',
        message: line(event),
        log: { offset: 12, file: { path: '/events.log' } },
        agent: { type: 'filebeat' },
        input: { type: 'filestream' },
      }),
  },
  {
    name: 'fluent-bit',
    format: 'json flow in log',
    pack: (event) => json({ '@timestamp': 1_700_000_000.5, log: line(event) }),
  },
  {
    name: 'fluent-bit with Merge_Log_Key',
    format: 'json flow in log_processed',
    pack: (event) => json({ '@timestamp': 1, log: 'a line that is cut {', log_processed: event }),
  },
  {
    name: 'a container log',
    format: 'json flow in log',
    pack: (event) =>
      json({ log: `${line(event)}\n`, stream: 'stdout', kubernetes: { pod_name: 'cilium-x' } }),
  },
  {
    name: 'a CRI line in a message',
    format: 'json flow in message',
    pack: (event) => json({ message: `2026-01-01T00:00:00.000000000Z stdout F ${line(event)}` }),
  },
  {
    name: 'a line of an agent',
    format: 'json flow',
    pack: (event) => Buffer.from(`level=info msg=${JSON.stringify(line(event))} subsys=hubble`),
  },
  {
    name: 'a feed envelope',
    format: 'json flow',
    pack: (event) => json({ component_name: 'cilium', tenant_id: '7', ...event }),
  },
  {
    name: 'Kafka Connect',
    format: 'json flow in payload',
    pack: (event) => json({ schema: { type: 'string' }, payload: line(event) }),
  },
  {
    name: 'CloudEvents',
    format: 'json flow in data',
    pack: (event) => json({ specversion: '1.0', type: 'flow', data: event }),
  },
  {
    name: 'raw of OpenTelemetry',
    format: 'json flow',
    pack: (event) => json(line(event)),
  },
  {
    name: 'OpenTelemetry with a text',
    format: 'json flow in resourceLogs',
    pack: (event) => json(otlpJson({ stringValue: line(event) })),
  },
  {
    name: 'OpenTelemetry with bytes',
    format: 'json flow in resourceLogs',
    pack: (event) => json(otlpJson({ bytesValue: json(event).toString('base64') })),
  },
  {
    name: 'OpenTelemetry with pairs',
    format: 'json flow in resourceLogs',
    pack: (event) => json(otlpJson(anyJson(event))),
  },
  {
    name: 'protobuf of OpenTelemetry with a text',
    format: 'protobuf otlp',
    pack: (event) => otlpRequest(field(1, line(event))),
  },
  {
    name: 'protobuf of OpenTelemetry with bytes',
    format: 'protobuf otlp',
    pack: (event) => otlpRequest(field(7, json(event))),
  },
  {
    name: 'protobuf of OpenTelemetry with pairs',
    format: 'protobuf otlp',
    pack: (event) => otlpRequest(anyValue(event)),
  },
  {
    name: 'a protobuf answer',
    format: 'protobuf get-flows-response',
    pack: (event) => encodeResponse(event),
  },
  {
    name: 'a protobuf flow',
    format: 'protobuf flow',
    pack: (event) => encodeFlow(event['flow'] as Json),
  },
  {
    name: 'a protobuf answer and the schema registry',
    format: 'schema registry, protobuf get-flows-response',
    pack: (event) => Buffer.concat([registry, Buffer.from([0]), encodeResponse(event)]),
  },
  {
    name: 'a protobuf flow and a longer path in the schema',
    format: 'schema registry, protobuf flow',
    pack: (event) =>
      Buffer.concat([registry, Buffer.from([4, 2, 0]), encodeFlow(event['flow'] as Json)]),
  },
]
