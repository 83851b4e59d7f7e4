/**
 * What a stream remembers of the messages that it gave out, so that after a break nothing counts twice, and what nobody
 * can give again is named.
 */
import { createHash } from 'node:crypto'
import type { MessagePeek } from '../flow/message-peek.ts'

/** How many messages are remembered: the rings of some thirty nodes as Cilium sizes them. */
const memory = 131_072

/** How far before the break a stream is asked for again, at least. */
const overlapMs = 10_000

/** How far back a node that has been silent may pull the start, and how much disorder is allowed for. */
const maxReachMs = 10 * 60_000

/** Shorter than what times are told apart by, in milliseconds. */
const shortestMs = 0.001

/** A time for which a node's events are lost. */
export interface Gap {
  /** Empty where the server does not name its nodes. */
  readonly node: string
  readonly fromMs: number
  /** Absent where nothing of the node came any more. */
  readonly toMs?: number
}

interface NodeTimes {
  /** Of its newest event, by its own clock. */
  lastMs: number
  /** When it was heard of last, by the clock of this machine. */
  heardMs: number
}

/** The memory of one stream. */
export class StreamHistory {
  readonly #keys = new KeyRing()
  readonly #nodes: string[] = []
  readonly #times: number[] = []
  #next = 0
  #latestMs = Number.NEGATIVE_INFINITY
  #disorderMs = 0
  #heardMs = 0
  readonly #lastByNode = new Map<string, NodeTimes>()
  /** Keys of what may come again, while a replay goes on. */
  #repeatable = new Set<string>()
  /** Nodes of which something must come again before something new, if nothing is lost. */
  readonly #expected = new Map<string, number>()
  /** What is older than the oldest that is remembered of a node was given out long before. */
  readonly #oldest = new Map<string, number>()
  readonly #gaps: Gap[] = []

  /** Takes down a message that is given out. */
  note(peek: MessagePeek, bytes: Uint8Array): void {
    if (peek.kind === 'node-status' || peek.kind === 'bad') return
    const { node, timeMs } = peek
    const at = this.#next
    this.#next = (at + 1) % memory
    this.#keys.set(at, peek, bytes)
    this.#nodes[at] = node
    this.#times[at] = timeMs
    if (Number.isNaN(timeMs)) return
    if (timeMs > this.#latestMs) this.#latestMs = timeMs
    else this.#disorderMs = Math.max(this.#disorderMs, this.#latestMs - timeMs)
    const times = this.#lastByNode.get(node)
    this.#heardMs = Date.now()
    if (times === undefined) {
      this.#lastByNode.set(node, { lastMs: timeMs, heardMs: this.#heardMs })
    } else {
      times.heardMs = this.#heardMs
      if (timeMs > times.lastMs) times.lastMs = timeMs
    }
  }

  /**
   * From which time on the stream is to be asked for again, undefined while there was nothing: early enough that every
   * node that was heard of late repeats something, unless its ring has been overwritten. Clocks of nodes may be ahead or
   * behind: one that is ahead must not keep back what the others saw.
   */
  get resumeMs(): number | undefined {
    if (this.#latestMs === Number.NEGATIVE_INFINITY) return undefined
    const disorderMs = Math.min(this.#disorderMs, maxReachMs)
    let fromMs = Math.min(this.#latestMs - disorderMs, this.#heardMs) - overlapMs
    for (const { lastMs, heardMs } of this.#lastByNode.values()) {
      if (heardMs >= this.#heardMs - maxReachMs && lastMs - 1 < fromMs) fromMs = lastMs - 1
    }
    return Math.max(0, Math.floor(fromMs))
  }

  /** Begins a replay: what comes from now on may be a repetition, from `sinceMs` on. */
  beginReplay(sinceMs: number): void {
    this.#repeatable = this.#keys.all()
    this.#expected.clear()
    this.#oldest.clear()
    for (const [node, { lastMs }] of this.#lastByNode) {
      // Of a node whose events are all forgotten, everything up to its last one was given out.
      this.#oldest.set(node, lastMs + shortestMs)
      if (lastMs >= sinceMs) this.#expected.set(node, lastMs)
    }
    for (const [at, node] of this.#nodes.entries()) {
      const timeMs = this.#times[at] ?? Number.NaN
      if (Number.isNaN(timeMs)) continue
      this.#oldest.set(node, Math.min(this.#oldest.get(node) ?? timeMs, timeMs))
    }
  }

  /** Tells whether a message was given out before; to be asked for every message once a replay has begun. */
  isRepeat(peek: MessagePeek, bytes: Uint8Array): boolean {
    if (peek.kind === 'node-status' || peek.kind === 'bad') return false
    if (this.#repeatable.has(keyText(keyOf(peek, bytes)))) {
      this.#expected.delete(peek.node)
      return true
    }
    const { node, timeMs } = peek
    if (this.#times.length === memory && timeMs < (this.#oldest.get(node) ?? timeMs)) {
      this.#expected.delete(node)
      return true
    }
    const lastMs = this.#expected.get(node)
    if (peek.kind === 'flow' && lastMs !== undefined && timeMs > lastMs) {
      this.#expected.delete(node)
      this.#gaps.push({ node, fromMs: lastMs, toMs: timeMs })
    }
    return false
  }

  /** Ends a replay that had time enough: nodes of which nothing came again are silent. */
  endReplay(): void {
    for (const [node, fromMs] of this.#expected) this.#gaps.push({ node, fromMs })
    this.#expected.clear()
  }

  /** What was lost for good so far. */
  get gaps(): readonly Gap[] {
    return this.#gaps
  }
}

/** Bytes of a key: those of a uuid, or of a hash. */
const keyBytes = 36

/** The keys of what is remembered, as bytes in one piece: texts of their own would be work for the garbage collector. */
class KeyRing {
  readonly #bytes = new Uint8Array(memory * keyBytes)
  #count = 0

  set(at: number, peek: MessagePeek, message: Uint8Array): void {
    this.#count = Math.max(this.#count, at + 1)
    const start = at * keyBytes
    const key = keyOf(peek, message)
    this.#bytes.set(key, start)
    if (key.length < keyBytes) this.#bytes.fill(0, start + key.length, start + keyBytes)
  }

  all(): Set<string> {
    const keys = new Set<string>()
    for (let at = 0; at < this.#count; at++) {
      keys.add(keyText(this.#bytes.subarray(at * keyBytes, (at + 1) * keyBytes)))
    }
    return keys
  }
}

/** Before Hubble 1.14 events have no uuid: then the whole message tells it. A text that is no uuid is hashed, too. */
function keyOf({ uuidStart, uuidEnd }: MessagePeek, message: Uint8Array): Uint8Array {
  const length = uuidEnd - uuidStart
  if (length === keyBytes) return message.subarray(uuidStart, uuidEnd)
  const told = length === 0 ? message : message.subarray(uuidStart, uuidEnd)
  return createHash('sha256').update(told).digest()
}

/** Shorter keys stand with zeros behind them. */
function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length)
    .toString('latin1')
    .padEnd(keyBytes, '\0')
}
