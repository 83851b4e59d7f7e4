/** Records that are protobuf messages: of a live stream, or the values of a bus. */
import { readRecord } from './decode.ts'
import type { Reading } from './flow.ts'
import type { MessageType } from './hubble-messages.ts'
import { flowMessage, responseMessage } from './hubble-messages.ts'
import type { JsonObject } from './json.ts'
import { MalformedRecord } from './json.ts'
import type { OnUnknownField } from './message-json.ts'
import { messageToJson } from './message-json.ts'
import { MessageWalker } from './message-walker.ts'

/** What a message is: an answer of `Observer.GetFlows`, or a bare `flow.Flow`. */
export type MessageEncoding = 'get-flows-response' | 'flow'

/** Reads messages one by one; what repeats from one to the next is decoded once. */
export interface MessageReader {
  /**
   * Returns what one message says: what its JSON form would say. Never throws: what is no message is `malformed`, and
   * an answer of a kind that nobody knows is `other-event`. The bytes are not kept.
   */
  read(bytes: Uint8Array, encoding: MessageEncoding): Reading
}

/** Returns a reader that has read nothing. */
export function createMessageReader(): MessageReader {
  const walker = new MessageWalker()
  return {
    read: (bytes, encoding) => walker.read(bytes, encoding) ?? readPlainly(bytes, encoding),
  }
}

/**
 * Returns the JSON value of a message as the exporter and `hubble observe -o jsonpb` print it: a bare flow without an
 * envelope for `flow`.
 * @throws {MalformedRecord} when the bytes are no message.
 */
export function messageJson(
  bytes: Uint8Array,
  encoding: MessageEncoding,
  onUnknown?: OnUnknownField,
): JsonObject {
  return messageToJson(bytes, typeOf(encoding), onUnknown)
}

/** Returns what one message says, by way of its JSON form: what every faster way must agree with. */
export function readPlainly(bytes: Uint8Array, encoding: MessageEncoding): Reading {
  let json: JsonObject
  try {
    json = messageToJson(bytes, typeOf(encoding))
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error
    return { kind: 'counted', outcome: 'malformed', node: '', cluster: '', reason: error.message }
  }
  // An answer of an unknown kind has an envelope, if an empty one.
  const record = encoding === 'flow' ? { flow: json } : { node_name: '', ...json }
  const [reading] = readRecord(record)
  if (reading === undefined) throw new Error('a record without a reading')
  return reading
}

function typeOf(encoding: MessageEncoding): MessageType {
  return encoding === 'flow' ? flowMessage : responseMessage
}
