import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readRecord } from '../../src/flow/decode.ts'
import type { Field, MessageType } from '../../src/flow/hubble-messages.ts'
import {
  flowMessage,
  responseMessage,
  serverStatusMessage,
} from '../../src/flow/hubble-messages.ts'
import { createMessageReader, messageJson } from '../../src/flow/message.ts'
import { root } from '../support/built.ts'
import type { DescribedField, Json } from '../support/hubble-proto.ts'
import { described, encodeFlow, encodeResponse, fullName } from '../support/hubble-proto.ts'
import { describeShared } from '../support/shared.ts'

const readLines = (path: string): readonly Json[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Json)

/** Events of agents are exported, and no answer of `GetFlows`. */
const samples = readLines(join(root, 'samples', 'shop', 'flows.jsonl')).filter(
  (line) => line['agent_event'] === undefined,
)

describe('the table of messages', () => {
  const scalars: Readonly<Record<string, string>> = {
    TYPE_STRING: 'string',
    TYPE_BOOL: 'bool',
    TYPE_INT32: 'int32',
    TYPE_UINT32: 'uint32',
    TYPE_UINT64: 'uint64',
    TYPE_DOUBLE: 'double',
  }
  const wellKnown: Readonly<Record<string, string>> = {
    'google.protobuf.Timestamp': 'timestamp',
    'google.protobuf.BoolValue': 'bool-value',
    'google.protobuf.Int32Value': 'int32-value',
    'google.protobuf.UInt32Value': 'uint32-value',
    'google.protobuf.Any': 'any',
  }

  function typeOf(field: DescribedField, message: string): string {
    const scalar = scalars[field.type]
    if (scalar !== undefined) return scalar
    const name = fullName(field.typeName, message)
    return wellKnown[name] ?? name
  }

  /** protobufjs does not tell which fields belong to a oneof, so the file is asked. */
  function choiceOf(message: string): readonly string[] {
    const [folder = '', name = ''] = message.split('.')
    const text = readFileSync(join(root, 'proto', folder, `${folder}.proto`), 'utf8')
    const body = new RegExp(
      `^message ${name} \\{\n(?:  .*\n)*?  oneof \\w+ \\{\n((?:    .*\n)*)`,
      'm',
    )
    return [...(body.exec(text)?.[1] ?? '').matchAll(/ (\w+) = \d+;/g)].map(([, one]) => one ?? '')
  }

  function collect(type: MessageType, found: Map<string, MessageType>): void {
    found.set(type.name, type)
    for (const field of type.fields.values()) {
      if (typeof field.type === 'object' && field.type.kind === 'message') {
        collect(field.type, found)
      }
    }
  }

  const messages = new Map<string, MessageType>()
  for (const type of [flowMessage, responseMessage, serverStatusMessage]) collect(type, messages)

  test.each([...messages])('has the fields of %s, as proto/ defines them', (name, type) => {
    const { field = [] } = described(name)
    const choice = choiceOf(name)
    const expected = field.map((one) => ({
      number: one.number,
      name: one.name,
      type: typeOf(one, name),
      isRepeated: one.label === 'LABEL_REPEATED',
      rivals: choice.includes(one.name) ? choice.filter((rival) => rival !== one.name) : [],
    }))
    const nameOf = (one: Field): string => (typeof one.type === 'string' ? one.type : one.type.name)
    const byNumber = (a: { number: number }, b: { number: number }): number => a.number - b.number
    const ours = [...type.fields.values()].map((one) => ({ ...one, type: nameOf(one) }))
    expect(ours.sort(byNumber)).toEqual(expected.sort(byNumber))
  })

  test('has three choices', () => {
    const all = [...messages.values()].flatMap(({ fields }) => [...fields.values()])
    expect(all.filter(({ rivals }) => rivals.length > 0)).toHaveLength(13)
  })

  test('has the enums of proto/', () => {
    const enums = [...messages.values()].flatMap(({ fields }) =>
      [...fields.values()].flatMap(({ type }) =>
        typeof type === 'object' && type.kind === 'enum' ? [type] : [],
      ),
    )
    expect(enums.length).toBeGreaterThan(10)
    for (const { name, names } of enums) {
      const values = described(name).value ?? []
      expect(names).toEqual(Object.fromEntries(values.map((one) => [one.number, one.name])))
    }
  })
})

describe('a message', () => {
  const reader = createMessageReader()

  test('says what its JSON line says', () => {
    for (const line of samples) {
      const bytes = encodeResponse(line)
      expect(messageJson(bytes, 'get-flows-response')).toEqual(line)
      expect([reader.read(bytes, 'get-flows-response')]).toEqual(readRecord(line))
    }
    expect(samples.length).toBeGreaterThan(1000)
  })

  test('may be a bare flow', () => {
    const flow = samples[0]?.['flow'] as Json
    expect(messageJson(encodeFlow(flow), 'flow')).toEqual(flow)
    expect([reader.read(encodeFlow(flow), 'flow')]).toEqual(readRecord(flow))
  })

  test('may say that events were lost, or how a node does', () => {
    const lost = {
      lost_events: {
        source: 'HUBBLE_RING_BUFFER',
        num_events_lost: '18446744073709551615',
        cpu: 0,
        first: '2026-03-02T09:00:03Z',
        last: '2026-03-02T09:00:04.500Z',
      },
      node_name: 'prod/worker-2',
      time: '2026-03-02T09:00:04.123456789Z',
    }
    const status = {
      node_status: { state_change: 'NODE_UNAVAILABLE', node_names: ['a', 'b'], message: 'gone' },
    }
    for (const json of [lost, status]) {
      const bytes = encodeResponse(json)
      expect(messageJson(bytes, 'get-flows-response')).toEqual(json)
      expect([reader.read(bytes, 'get-flows-response')]).toEqual(readRecord(json))
    }
  })

  test.each([
    ['an empty answer', [], 'other-event'],
    ['an answer of a kind that is not known', [0x22, 0x02, 0x08, 0x01], 'other-event'],
    ['a text', [0x7b, 0x22, 0x66, 0x22, 0x7d], 'malformed'],
    ['a message that is cut', [0x0a, 0x05, 0x10], 'malformed'],
    ['a field without a number', [0x02, 0x00], 'malformed'],
    ['a length beyond all bounds', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 'malformed'],
    ['a number without an end', [0x08, ...Array.from({ length: 11 }, () => 0x80)], 'malformed'],
    ['a group that does not end', [0x2b, 0x08, 0x01], 'malformed'],
    ['a group that ends as another', [0x2b, 0x34], 'malformed'],
    ['a group, which nobody sends', [0x2b, 0x08, 0x01, 0x2c], 'other-event'],
    ['a field of another wire type', [0x08, 0x01, 0x15, 1, 2, 3, 4], 'other-event'],
  ])('that is %s is counted', (_, bytes, outcome) => {
    const reading = reader.read(Uint8Array.from(bytes), 'get-flows-response')
    expect(reading).toMatchObject({ kind: 'counted', outcome })
  })

  test('prints numbers of enums that have no name, and wrapped zeros', () => {
    const flow = { verdict: 15, Type: 99, is_reply: false, drop_reason_desc: -1 }
    expect(messageJson(encodeFlow(flow), 'flow')).toEqual(flow)
  })

  test('merges what stands twice, and lets the last of a choice win', () => {
    const [a, b] = [{ source: { ID: 5, labels: ['k8s:a=b'] } }, { source: { labels: ['k8s:c=d'] } }]
    const twice = Buffer.concat([encodeFlow(a), encodeFlow(b)])
    expect(messageJson(twice, 'flow')).toEqual({
      source: { ID: 5, labels: ['k8s:a=b', 'k8s:c=d'] },
    })
    const choice = Buffer.concat([
      encodeFlow({ l4: { UDP: { source_port: 1 } } }),
      encodeFlow({ l4: { TCP: { source_port: 2 } } }),
    ])
    expect(messageJson(choice, 'flow')).toEqual({ l4: { TCP: { source_port: 2 } } })
  })
})

describe("Retina's extensions", () => {
  /** A field of wire type 2. */
  const field = (number: number, content: readonly number[]): readonly number[] => [
    number * 8 + 2,
    ...lengthOf(content),
    ...content,
  ]
  const ascii = (text: string): readonly number[] => [...Buffer.from(text)]
  const entry = (key: string, value: readonly number[]): readonly number[] =>
    field(1, [...field(1, ascii(key)), ...field(2, value)])
  const flowWith = (any: readonly number[]): Uint8Array => {
    const tag = Buffer.from([0x82, 0x9f, 0x49])
    return Buffer.concat([tag, Buffer.from(lengthOf(any)), Buffer.from(any)])
  }

  test('are printed as protojson prints them', () => {
    const struct = [
      ...entry('text', field(3, ascii('x'))),
      ...entry('number', [0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
      ...entry('yes', [0x20, 1]),
      ...entry('none', [0x08, 0]),
      ...entry('__proto__', field(5, entry('deep', field(6, field(1, [0x20, 0]))))),
    ]
    const url = ascii('type.googleapis.com/google.protobuf.Struct')
    const json = messageJson(flowWith([...field(1, url), ...field(2, struct)]), 'flow')
    const expected =
      '{"extensions":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"text":"x","number":1,"yes":true,"none":null,"__proto__":{"deep":[false]}}}}'
    expect(JSON.stringify(json)).toBe(expected)
  })

  test('of a type that is not known are kept as they are', () => {
    const any = [...field(1, ascii('x/utils.RetinaMetadata')), ...field(2, [1, 2, 255])]
    expect(messageJson(flowWith(any), 'flow')).toEqual({
      extensions: { '@type': 'x/utils.RetinaMetadata', value: 'AQL/' },
    })
  })

  test('nested beyond all bounds make the record malformed', () => {
    let value: readonly number[] = [0x20, 1]
    for (let depth = 0; depth < 80; depth++) {
      const list = [0x0a, ...lengthOf(value), ...value]
      value = [0x32, ...lengthOf(list), ...list]
    }
    const entryBytes = [0x12, ...lengthOf(value), ...value]
    const struct = [0x0a, ...lengthOf(entryBytes), ...entryBytes]
    const url = ascii('google.protobuf.Struct')
    const any = [...field(1, url), 0x12, ...lengthOf(struct), ...struct]
    const bytes = [0x82, 0x9f, 0x49, ...lengthOf(any), ...any]
    expect(createMessageReader().read(Uint8Array.from(bytes), 'flow')).toMatchObject({
      outcome: 'malformed',
      reason: expect.stringContaining('too deep'),
    })
  })

  function lengthOf(list: readonly number[]): readonly number[] {
    return list.length < 128 ? [list.length] : [(list.length & 0x7f) | 0x80, list.length >>> 7]
  }
})

describeShared('recorded lines as messages', (dir) => {
  const names = [
    '10',
    '330-dns',
    '348-http',
    '400-icmpv4',
    '400-l7-redirected',
    '400-tcp',
    '400-udp',
  ]
  test.each(names)('say the same: %s', (name) => {
    const reader = createMessageReader()
    const lines = readLines(join(dir, 'flows', 'hubble-otel', `basic-sample-${name}-flows.json`))
    for (const line of lines) {
      const isBare = line['flow'] === undefined
      const bytes = isBare ? encodeFlow(line) : encodeResponse(line)
      const encoding = isBare ? 'flow' : 'get-flows-response'
      expect([reader.read(bytes, encoding)]).toEqual(readRecord(line))
    }
  })
})
