/** Lines as Hubble's exporter writes them, and what a recorder must know of each. */
import { createHash } from 'node:crypto'
import { parseRecord } from '../flow/decode.ts'
import type { Payload } from '../flow/envelope.ts'
import { unwrap } from '../flow/envelope.ts'
import { timeMsOf } from '../flow/json.ts'

/** One line of a recording. */
export interface ExportedLine {
  /** JSON without a line feed in it. */
  readonly text: string
  /**
   * What no other event has: the event's own id, or a hash of the line where it has none. Undefined for the state of
   * nodes, which is said anew and never repeated.
   */
  readonly id: string | undefined
  /** Where it was seen; empty where nobody says. */
  readonly node: string
  /** When it was seen, as the event says; undefined for what has no time, and for what is no flow. */
  readonly time: string | undefined
  /** The same in milliseconds since the epoch. */
  readonly timeMs: number | undefined
  /** False for what could not be read. */
  readonly isEvent: boolean
}

/** Returns the line of a record that is JSON: the record itself. */
export function lineOfText(text: string): ExportedLine {
  // Between the tokens of JSON a line feed is a space, and within them there is none.
  const line = text.replaceAll(/[\r\n]+/g, ' ')
  const parsed = parseRecord(Buffer.from(text))
  return parsed.ok ? lineOf(line, parsed.value) : brokenLine(text)
}

/** Returns the line of a record that was decoded from another form: a value with the members of the exporter's lines. */
export function lineOfValue(value: object): ExportedLine {
  return lineOf(JSON.stringify(value), value)
}

/** The longest part of what nobody can read that is kept. */
const maxBrokenLength = 4096

/** Returns a line for what could not be read, which counts as one bad record again when it is replayed. */
export function brokenLine(what: string): ExportedLine {
  const line = JSON.stringify({ malformed: what.slice(0, maxBrokenLength) })
  return {
    text: line,
    id: hashOf(line),
    node: '',
    time: undefined,
    timeMs: undefined,
    isEvent: false,
  }
}

/**
 * Returns a line that says that a node's events are missing from one time to another (RFC 3339), in the form in which
 * Relay says that a node is not available: whoever reads the recording counts it.
 */
export function gapLine(node: string, from: string, to: string): ExportedLine {
  return lineOfValue({
    node_status: {
      state_change: 'NODE_UNAVAILABLE',
      ...(node === '' ? {} : { node_names: [node] }),
      message: `netweir: missing from ${from} to ${to}`,
    },
    time: to,
  })
}

function lineOf(text: string, value: unknown): ExportedLine {
  const [payload] = unwrap(value)
  const isEvent = payload !== undefined && payload.kind !== 'malformed'
  const { id, time } = ownWords(payload)
  return {
    text,
    id: payload?.kind === 'node-status' ? undefined : (id ?? hashOf(text)),
    node: isEvent ? payload.context.node : '',
    time,
    timeMs: timeMsOf(time),
    isEvent,
  }
}

function ownWords(payload: Payload | undefined): { readonly id?: string; readonly time?: string } {
  if (payload?.kind !== 'flow') return {}
  const { flow, context } = payload
  const { uuid } = flow
  const time = typeof flow['time'] === 'string' ? flow['time'] : context.time
  return {
    ...(typeof uuid === 'string' && uuid !== '' ? { id: uuid } : {}),
    ...(typeof time === 'string' ? { time } : {}),
  }
}

/** Short enough to keep very many, long enough that two never meet. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 24)
}
