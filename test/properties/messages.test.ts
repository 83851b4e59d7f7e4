/** Protobuf messages, changed at random: whichever way they are read, they say the same, and nothing throws. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRecord } from '../../src/flow/decode.ts'
import type { Reading } from '../../src/flow/flow.ts'
import { createMessageReader, readPlainly } from '../../src/flow/message.ts'
import { MessagePeeker } from '../../src/flow/message-peek.ts'
import { root } from '../support/built.ts'
import type { Json } from '../support/hubble-proto.ts'
import { decodeResponse, encodeResponse } from '../support/hubble-proto.ts'
import { sharedDir } from '../support/shared.ts'

const runs = 12_000

/** A part of a message: what the wire says of a field. */
interface Part {
  readonly number: number
  readonly wire: number
  /** Varint: the number; else the bytes. */
  readonly value: bigint | Uint8Array
}

function partsOf(bytes: Uint8Array): readonly Part[] | undefined {
  const parts: Part[] = []
  let at = 0
  const varint = (): bigint | undefined => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) return undefined
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return undefined
  }
  while (at < bytes.length) {
    const tag = varint()
    if (tag === undefined || tag < 8n) return undefined
    const [number, wire] = [Number(tag >> 3n), Number(tag & 7n)]
    if (wire === 0) {
      const value = varint()
      if (value === undefined) return undefined
      parts.push({ number, wire, value })
      continue
    }
    const length = wire === 1 ? 8n : wire === 5 ? 4n : wire === 2 ? varint() : undefined
    if (length === undefined || length > bytes.length - at) return undefined
    parts.push({ number, wire, value: bytes.subarray(at, at + Number(length)) })
    at += Number(length)
  }
  return parts
}

function bytesOf(parts: readonly Part[]): Uint8Array {
  const out: number[] = []
  const varint = (value: bigint): void => {
    let rest = BigInt.asUintN(64, value)
    for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
    out.push(Number(rest))
  }
  for (const { number, wire, value } of parts) {
    varint(BigInt(number) * 8n + BigInt(wire))
    if (typeof value === 'bigint') varint(value)
    else {
      if (wire === 2) varint(BigInt(value.length))
      for (const byte of value) out.push(byte)
    }
  }
  return Uint8Array.from(out)
}

interface Change {
  readonly kind: number
  /** Which part, at each level. */
  readonly path: readonly number[]
  readonly number: bigint
  readonly other: number
}

/** Changes that any decoder has to read in one way. */
const plainKinds = ['remove', 'turn', 'number', 'unknown', 'move'] as const
const allKinds = [
  ...plainKinds,
  'twice',
  'wire',
  'text',
  'foreign',
  'cut',
  'flip',
  'empty',
] as const
type Kind = (typeof allKinds)[number]

function changed(bytes: Uint8Array, change: Change, kinds: readonly Kind[], depth = 0): Uint8Array {
  const kind = kinds[change.kind % kinds.length]!
  if (kind === 'cut' && depth === change.path.length % 3) {
    return bytes.subarray(0, Number(change.number % BigInt(bytes.length + 1)))
  }
  if (kind === 'flip' && depth === 0 && bytes.length > 0) {
    const copy = Uint8Array.from(bytes)
    copy[change.other % copy.length] = Number(change.number & 0xffn)
    return copy
  }
  const parts = [...(partsOf(bytes) ?? [])]
  if (parts.length === 0) return bytes
  const at = (change.path[depth] ?? 0) % parts.length
  const part = parts[at]!
  const isDeeper =
    depth + 1 < change.path.length && part.wire === 2 && isMessage(part, depth, kinds)
  if (isDeeper) {
    const value = changed(part.value as Uint8Array, change, kinds, depth + 1)
    parts[at] = { ...part, value }
    return bytesOf(parts)
  }
  const other = change.other % parts.length
  switch (kind) {
    case 'remove':
      parts.splice(at, 1)
      break
    case 'turn':
      parts.reverse()
      break
    case 'move':
      parts.splice(other, 0, ...parts.splice(at, 1))
      break
    case 'number':
      // protobufjs misreads 32-bit fields that are spelled with six to nine bytes, which nobody does.
      if (typeof part.value === 'bigint') {
        const bits = kinds === plainKinds ? 32 : 64
        parts[at] = { ...part, value: BigInt.asUintN(bits, change.number) }
      }
      break
    case 'unknown':
      parts.splice(other, 0, { number: 7000 + (change.other % 90), wire: 0, value: change.number })
      break
    case 'twice':
      parts.splice(other, 0, part)
      break
    case 'wire':
      parts[at] = { number: part.number, wire: 0, value: change.number }
      break
    case 'empty':
      parts[at] = { number: part.number, wire: 2, value: new Uint8Array(0) }
      break
    case 'text':
    case 'foreign':
      parts[at] = {
        number: part.number,
        wire: 2,
        value: Buffer.from(texts[change.other % texts.length]!),
      }
      break
    default:
      break
  }
  return bytesOf(parts)
}

const texts = [
  '',
  'k8s:app=web',
  'reserved:host',
  '::ffff:10.0.0.1',
  '\u00e4\ud83d\ude00',
  'x'.repeat(2000),
  '\n\u0003abc',
]

/** Only known messages, or a text would be taken for one: the answer, its flow, and the flow's own. */
function isMessage(part: Part, depth: number, kinds: readonly Kind[]): boolean {
  if (depth === 0) return part.number === 1
  if (depth === 1) return [5, 6, 8, 9, 15, 19, 26].includes(part.number)
  return kinds.length > plainKinds.length && partsOf(part.value as Uint8Array) !== undefined
}

const bases: readonly Uint8Array[] = [
  ...linesOf(join(root, 'samples', 'shop', 'flows.jsonl')).filter((_, index) => index % 4 === 0),
  ...(sharedDir === undefined
    ? []
    : linesOf(join(sharedDir, 'reference', 'hubble-cases.jsonl')).map(
        (one) => one['line'] as Json,
      )),
]
  .filter((line) => 'flow' in line || 'lost_events' in line || 'node_status' in line)
  .map((line) => encodeResponse(line))

function linesOf(path: string): readonly Json[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Json)
}

const change = fc.record({
  kind: fc.nat(),
  path: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
  number: fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(60_000n, 70_000n), fc.bigInt(0n, 2n ** 64n - 1n)),
  other: fc.nat(),
})

function messages(kinds: readonly Kind[]): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.nat(), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([index, changes]) =>
      changes.reduce((bytes, one) => changed(bytes, one, kinds), bases[index % bases.length]!),
    )
}

/** The reading of what another decoder says, as a JSON line would be read. */
function foreignReading(bytes: Uint8Array): Reading {
  return readRecord({ node_name: '', ...decodeResponse(bytes) })[0]!
}

const peeker = new MessagePeeker()

describe(`${runs} changed messages`, () => {
  test('say what another decoder and the JSON path make of them', () => {
    const reader = createMessageReader()
    fc.assert(
      fc.property(messages(plainKinds), (bytes) => {
        const expected = foreignReading(bytes)
        const ours = reader.read(bytes, 'get-flows-response')
        if (!isDeepStrictEqual(ours, expected)) expect(ours).toEqual(expected)
      }),
      { numRuns: runs },
    )
  })

  test('are read in one walk as they are read field by field, damaged ones too', () => {
    const reader = createMessageReader()
    const outcomes = new Set<string>()
    fc.assert(
      fc.property(messages(allKinds), (bytes) => {
        const expected = readPlainly(bytes, 'get-flows-response')
        const ours = reader.read(bytes, 'get-flows-response')
        outcomes.add(expected.kind === 'counted' ? expected.outcome : expected.kind)
        if (!isDeepStrictEqual(ours, expected)) expect(ours).toEqual(expected)
        peeker.peek(bytes)
      }),
      { numRuns: runs },
    )
    expect([...outcomes]).toEqual(
      expect.arrayContaining(['flow', 'malformed', 'other-event', 'masked']),
    )
  })

  test('may be anything at all', () => {
    const reader = createMessageReader()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isBare) => {
        const encoding = isBare ? 'flow' : 'get-flows-response'
        expect(reader.read(bytes, encoding)).toEqual(readPlainly(bytes, encoding))
        peeker.peek(bytes)
      }),
      { numRuns: 5000 },
    )
  })
})
