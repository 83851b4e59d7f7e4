/** The fields of a flow that the walker does not read: what stands in a message field must be a message all the same. */
import type { MessageType } from './hubble-messages.ts'
import { flowMessage } from './hubble-messages.ts'
import type { WireCursor } from './wire.ts'
import { wireBytes as bytes } from './wire.ts'

/** The message types of fields that the walker does not read, by tag. */
const unread = unreadFields()

/** Passes over a field of a flow whose tag was read. @throws {MalformedRecord} */
export function passOver(tag: number, cursor: WireCursor): void {
  pass(tag, unread.get(tag), cursor)
}

function pass(tag: number, type: MessageType | undefined, cursor: WireCursor): void {
  if (type === undefined) cursor.skip(tag)
  else checkMessage(cursor.message(), type)
}

function checkMessage(cursor: WireCursor, { fields }: MessageType): void {
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return
    const type = (tag & 7) === bytes ? fields.get(tag >>> 3)?.type : undefined
    pass(tag, typeof type === 'object' && type.kind === 'message' ? type : undefined, cursor)
  }
}

/** Returns the message type of a field of a flow. */
export function typeOfField(number: number): MessageType {
  const type = flowMessage.fields.get(number)?.type
  if (typeof type !== 'object' || type.kind !== 'message') throw new Error(`no message ${number}`)
  return type
}

function unreadFields(): ReadonlyMap<number, MessageType> {
  const read: readonly number[] = [5, 6, 8, 9, 15, 19, 21007]
  const found = new Map<number, MessageType>()
  for (const { number, type } of flowMessage.fields.values()) {
    if (typeof type !== 'object' || type.kind !== 'message' || read.includes(number)) continue
    found.set(number * 8 + bytes, type)
  }
  return found
}
