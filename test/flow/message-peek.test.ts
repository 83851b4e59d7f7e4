import { expect, test } from 'vitest'
import { MessagePeeker } from '../../src/flow/message-peek.ts'
import { flowRecord } from '../support/flows.ts'
import { encodeResponse } from '../support/hubble-proto.ts'

const peeker = new MessagePeeker()
const time = '2026-03-02T09:00:00.250500Z'
const timeMs = Date.parse('2026-03-02T09:00:00.250Z') + 0.5
const ends = { from: { ns: 'a', app: 'b' }, to: { ns: 'a', app: 'c' }, port: 80 }
const lost = { lost_events: { num_events_lost: '7' }, node_name: 'a', time }

test.each([
  [
    flowRecord({ ...ends, time, uuid: 'u', node: 'n' }),
    { kind: 'flow', uuid: 'u', node: 'n', timeMs },
  ],
  [
    flowRecord({ ...ends, time: null, node: null }),
    { kind: 'flow', uuid: '', node: '', timeMs: Number.NaN },
  ],
  [lost, { kind: 'lost-events', uuid: '', node: 'a', timeMs }],
  [{ node_status: {} }, { kind: 'node-status' }],
  [{}, { kind: 'other' }],
])('an answer is looked at', (json, expected) => {
  const bytes = encodeResponse(json)
  const { uuidStart, uuidEnd, ...peek } = peeker.peek(bytes)
  const uuid = Buffer.from(bytes.subarray(uuidStart, uuidEnd)).toString()
  expect({ uuid, ...peek }).toMatchObject(expected)
})

test('what is no message is bad', () => {
  expect(peeker.peek(new Uint8Array([0x0a, 0x05, 0x0a])).kind).toBe('bad')
})
