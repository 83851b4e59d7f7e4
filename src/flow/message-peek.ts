/** What a stream has to know of each message without decoding it: what kind it is, which event it reports, and when. */
import { ByteTable } from './byte-table.ts'
import { MalformedRecord } from './json.ts'
import { readTimestamp } from './message-json.ts'
import { textOf, WireCursor, wireBytes } from './wire.ts'

/** One answer of `GetFlows`, looked at. */
export interface MessagePeek {
  /** `bad` is no message at all. */
  readonly kind: 'flow' | 'node-status' | 'lost-events' | 'other' | 'bad'
  /** Where the uuid of the flow stands in the message; both the same where there is none, as before Hubble 1.14. */
  readonly uuidStart: number
  readonly uuidEnd: number
  /** The node that observed it; empty before Hubble 1.10. */
  readonly node: string
  /** When it was observed, in milliseconds since the epoch with a fraction; NaN where it does not say. */
  readonly timeMs: number
}

const flowField = 1 * 8 + wireBytes
const nodeStatusField = 2 * 8 + wireBytes
const lostEventsField = 3 * 8 + wireBytes
const nodeNameField = 1000 * 8 + wireBytes
const timeField = 1001 * 8 + wireBytes

const flowTimeField = 1 * 8 + wireBytes
const flowUuidField = 34 * 8 + wireBytes

/** Looks at the messages of one stream. */
export class MessagePeeker {
  readonly #nodes = new ByteTable((range) => textOf(range, 0, range.length))

  /** Returns what one answer of `GetFlows` is. Never throws. */
  peek(bytes: Uint8Array): MessagePeek {
    const peek: Mutable = {
      kind: 'other',
      uuidStart: 0,
      uuidEnd: 0,
      node: '',
      timeMs: Number.NaN,
    }
    try {
      this.#answer(new WireCursor(bytes), peek)
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
      peek.kind = 'bad'
    }
    return peek
  }

  #answer(cursor: WireCursor, peek: Mutable): void {
    for (;;) {
      const tag = cursor.tag()
      switch (tag) {
        case 0:
          return
        case flowField:
          peek.kind = 'flow'
          peekFlow(cursor.message(), peek)
          break
        case nodeStatusField:
          peek.kind = 'node-status'
          cursor.skip(tag)
          break
        case lostEventsField:
          peek.kind = 'lost-events'
          cursor.skip(tag)
          break
        case nodeNameField:
          peek.node = this.#node(cursor)
          break
        case timeField:
          if (Number.isNaN(peek.timeMs)) peek.timeMs = millisecondsOf(cursor.message())
          else cursor.skip(tag)
          break
        default:
          cursor.skip(tag)
      }
    }
  }

  #node(cursor: WireCursor): string {
    const { bytes } = cursor
    const start = cursor.take()
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    return this.#nodes.at(view, start, cursor.at)
  }
}

type Mutable = { -readonly [K in keyof MessagePeek]: MessagePeek[K] }

function peekFlow(cursor: WireCursor, peek: Mutable): void {
  for (;;) {
    const tag = cursor.tag()
    if (tag === 0) return
    if (tag === flowTimeField) peek.timeMs = millisecondsOf(cursor.message())
    else if (tag === flowUuidField) {
      peek.uuidStart = cursor.take()
      peek.uuidEnd = cursor.at
    } else cursor.skip(tag)
  }
}

function millisecondsOf(cursor: WireCursor): number {
  const time = readTimestamp(cursor)
  return time === undefined ? Number.NaN : time.seconds * 1000 + time.nanos / 1e6
}
