/** From the pieces of a source to lines of a recording. */
import type { JsonObject } from '../flow/json.ts'
import { asObject, MalformedRecord } from '../flow/json.ts'
import type { MessageEncoding } from '../flow/message.ts'
import { messageJson } from '../flow/message.ts'
import type { RecordSplitter } from '../flow/records.ts'
import { createRecordSplitter } from '../flow/records.ts'
import type { Piece } from '../source/source.ts'
import type { ExportedLine } from './exported-line.ts'
import { brokenLine, lineOfText, lineOfValue } from './exported-line.ts'

/** How many unknown fields are told apart: what is no message of Hubble's at all may seem to have any number of them. */
const maxUnknownFields = 100

/** Turns pieces of one source into lines, in order. */
export class PieceLines {
  readonly #take: (line: ExportedLine) => void
  readonly #unknown = new Map<string, number>()
  #text: { readonly source: string; readonly splitter: RecordSplitter } | undefined

  constructor(take: (line: ExportedLine) => void) {
    this.#take = take
  }

  /** How often each field was met that nobody here knows, by message and number; it stands in no line. */
  get unknownFields(): ReadonlyMap<string, number> {
    return this.#unknown
  }

  /** Takes a piece; its bytes are not kept. @throws {NetweirError} `NOT_FLOWS` for a text that holds something else. */
  add(piece: Piece): void {
    const { bytes, place, encoding, end } = piece
    if (encoding !== 'text') {
      this.#take(this.#message(bytes, encoding))
    } else if (end !== undefined && this.#text?.source !== place.source) {
      const splitter = this.#splitter(place.source)
      splitter.push(bytes, place.offset)
      splitter.end({ isCut: end === 'cut' })
    } else {
      if (this.#text?.source !== place.source) this.end()
      this.#text ??= { source: place.source, splitter: this.#splitter(place.source) }
      this.#text.splitter.push(bytes, place.offset)
      if (end !== undefined) this.end(end === 'cut')
    }
  }

  /** Ends the text that is being read, if any. */
  end(isCut = false): void {
    const text = this.#text
    this.#text = undefined
    text?.splitter.end({ isCut })
  }

  #message(bytes: Uint8Array, encoding: MessageEncoding): ExportedLine {
    try {
      const value = messageJson(bytes, encoding, (message, number) => {
        const field = `${message}.${number}`
        const count = this.#unknown.get(field)
        if (count !== undefined || this.#unknown.size < maxUnknownFields) {
          this.#unknown.set(field, (count ?? 0) + 1)
        }
      })
      return lineOfValue(
        encoding === 'flow' ? inEnvelope(value) : { ...value, ...nodeNameOf(value) },
      )
    } catch (reason) {
      if (!(reason instanceof MalformedRecord)) throw reason
      return brokenLine(`${reason.message}: ${Buffer.from(bytes).toString('base64')}`)
    }
  }

  #splitter(source: string): RecordSplitter {
    return createRecordSplitter(
      {
        record: (bytes) => this.#take(lineOfText(utf8(bytes))),
        bad: (outcome, _place, reason) => this.#take(brokenLine(`${outcome}: ${reason}`)),
      },
      { source },
    )
  }
}

/** What the exporter puts around a flow. */
function inEnvelope(flow: JsonObject): JsonObject {
  const { node_name: node, time } = flow
  return {
    flow,
    ...(node === undefined ? {} : { node_name: node }),
    ...(time === undefined ? {} : { time }),
  }
}

/** An answer of a kind that nobody knows is told from no answer by its envelope, if an empty one. */
function nodeNameOf(value: JsonObject): JsonObject {
  const isKnown =
    asObject(value['flow']) ?? asObject(value['node_status']) ?? asObject(value['lost_events'])
  return isKnown === undefined ? { node_name: value['node_name'] ?? '' } : {}
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
}
