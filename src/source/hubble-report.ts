/** What a Hubble stream has to say of itself: its server and nodes, breaks, losses and gaps. */
import type { JsonObject } from '../flow/json.ts'
import { asInteger, asObject } from '../flow/json.ts'
import type { Gap } from './hubble-history.ts'
import type { Completeness, LiveOptions, LiveProgress, SourceNotice } from './source.ts'

/** Names and gaps that are spelled out. */
const maxListed = 10

/** Nodes whose state is remembered. */
const maxNodes = 16_384

/** A node that did not send, or not all the time. */
interface Absence {
  /** What the server said of it. */
  readonly message: string
  isOver: boolean
}

/** The record of one stream. */
export class HubbleReport {
  readonly #name: string
  /** The answer of `ServerStatus`; empty where there was none. */
  server: JsonObject = {}
  /** Messages that came again after a break. */
  repeated = 0
  /** Flows that the server sent although the filter excludes them. */
  unasked = 0
  readonly #connected = new Set<string>()
  readonly #absent = new Map<string, Absence>()
  readonly #stopped: string[] = []
  readonly #breaks: { readonly reason: string; readonly fromMs: number; toMs?: number }[] = []
  #lost = 0
  #lostNodes = new Set<string>()

  constructor(name: string) {
    this.#name = name
  }

  /** The connection is lost, and not yet there again. */
  get isDown(): boolean {
    const last = this.#breaks.at(-1)
    return last !== undefined && last.toMs === undefined
  }

  /** Takes down that the stream broke. */
  down(reason: string): void {
    if (!this.isDown) this.#breaks.push({ reason, fromMs: Date.now() })
  }

  /** Takes down that messages come. */
  up(): void {
    const last = this.#breaks.at(-1)
    if (last !== undefined) last.toMs ??= Date.now()
  }

  /** Takes down that reading ended before its end. */
  stop(reason: string): void {
    this.#stopped.push(reason)
  }

  /** Takes down that the connection was lost until reading ended. */
  stopDown(): void {
    const last = this.#breaks.at(-1)
    if (last === undefined) return
    this.stop(
      `${last.reason}; it did not come back from ${timeText(last.fromMs)} until reading ended`,
    )
  }

  lose(node: string, events: number): void {
    this.#lost += events
    if (this.#lostNodes.size < maxNodes) this.#lostNodes.add(node)
  }

  nodeState(state: string, nodes: readonly string[], message: string): void {
    for (const node of nodes) {
      if (state === 'NODE_CONNECTED') {
        if (this.#connected.size < maxNodes) this.#connected.add(node)
        const absence = this.#absent.get(node)
        if (absence !== undefined) absence.isOver = true
      } else if (state === 'NODE_UNAVAILABLE' || state === 'NODE_ERROR' || state === 'NODE_GONE') {
        this.#connected.delete(node)
        if (this.#absent.size < maxNodes) this.#absent.set(node, { message, isOver: false })
      }
    }
  }

  progress(): LiveProgress {
    const missing = [...this.#absent.values()].filter(({ isOver }) => !isOver).length
    const connected = this.#connected.size || (asWrapped(this.server['num_connected_nodes']) ?? 0)
    return {
      lostEvents: this.#lost,
      ...(connected + missing === 0 ? {} : { members: connected + missing, missing }),
      isDown: this.isDown,
    }
  }

  completeness(gaps: readonly Gap[]): Completeness {
    return {
      stopped: this.#stopped,
      missing: [...this.#lostWords(), ...this.#absentWords(), ...gapWords(gaps)],
    }
  }

  /** Losses and absent nodes stand in the ledger, so they are not repeated here. */
  notices(gaps: readonly Gap[], options: LiveOptions): readonly SourceNotice[] {
    const { last } = options
    const nodes = this.#connected.size
    const messages = [
      ...gapWords(gaps),
      ...this.#breakWords(gaps),
      ...(this.unasked === 0
        ? []
        : [
            `passed over ${count(this.unasked, 'flow')} that --server-filter excludes: the server does not know it`,
          ]),
      ...(last === undefined || nodes < 2
        ? []
        : [
            `--last ${last} counts for each of the ${nodes} nodes, whose records may be of different times`,
          ]),
    ]
    const location = { file: this.#name }
    return messages.map((message) => ({ message, location }))
  }

  #lostWords(): readonly string[] {
    if (this.#lost === 0) return []
    const nodes = [...this.#lostNodes].filter((node) => node !== '').sort()
    const at = nodes.length === 0 ? '' : ` at ${listed(nodes)}`
    return [`${count(this.#lost, 'event')} lost${at}`]
  }

  #absentWords(): readonly string[] {
    const groups = new Map<string, string[]>()
    for (const [node, { message }] of this.#absent) {
      groups.set(message, [...(groups.get(message) ?? []), node])
    }
    return [...groups].map(
      ([message, nodes]) =>
        `${nodes.length === 1 ? 'node' : `${nodes.length} nodes`} without flows: ${listed(nodes.sort())}${message === '' ? '' : ` (${message.slice(0, 200)})`}`,
    )
  }

  #breakWords(gaps: readonly Gap[]): readonly string[] {
    const healed = this.#breaks.filter(({ toMs }) => toMs !== undefined)
    const [first] = healed
    if (first === undefined) return []
    const again = `${count(this.repeated, 'record')} came again and ${this.repeated === 1 ? 'was' : 'were'} passed over`
    return [
      `the stream broke ${count(healed.length, 'time')} and was taken up again, first at ${timeText(first.fromMs)} (${first.reason}); ${again}${gaps.length === 0 ? ', nothing is known to be lost' : ''}`,
    ]
  }
}

function gapWords(gaps: readonly Gap[]): readonly string[] {
  const words = gaps.slice(0, maxListed).map(({ node, fromMs, toMs }) => {
    const who = node === '' ? 'the server' : `node ${node}`
    return toMs === undefined
      ? `gap: nothing came from ${who} after the break, since ${timeText(fromMs)}`
      : `gap: ${who} had nothing left of ${timeText(fromMs)} to ${timeText(toMs)}`
  })
  return gaps.length > maxListed ? [...words, `and ${gaps.length - maxListed} more gaps`] : words
}

function asWrapped(value: unknown): number | undefined {
  return asInteger(value) ?? asInteger(asObject(value)?.['value'])
}

function listed(names: readonly string[]): string {
  const more = names.length - maxListed
  return `${names.slice(0, maxListed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+/, '')
}
