/**
 * Sets as the bytes of their JSON. The counters of edges, which are most of it, are written as they are: as objects and
 * texts, which nobody else reads, they take several times as long.
 */
import type { CellNumbers } from './cell-numbers.ts'
import { kindOfCell, numbersOfCell } from './cell-numbers.ts'
import type { CommunicationSet, EndRecord } from './communication-set.ts'
import type { CountedEdge } from './counted-edge.ts'
import { keptEdges } from './counted-edge.ts'
import type { CountedEvidence } from './tally.ts'
import { TimePlace, timeBytes } from './timestamp.ts'

/** Returns the set as one line of JSON with a newline, in UTF-8: the bytes of `JSON.stringify`. */
export function setBytes(set: CommunicationSet): Uint8Array {
  const edges = keptEdges(set)
  if (edges === undefined) return Buffer.from(`${JSON.stringify(set)}\n`)
  const { communications, pending } = edges
  const writer = new SetWriter()
  let before = '{'
  for (const member of Object.keys(set) as (keyof CommunicationSet)[]) {
    writer.text(`${before}"${member}":`)
    before = ','
    if (member === 'communications') writer.edges(communications, () => '')
    else if (member === 'pending') {
      writer.edges(pending, ({ clientPort }) => `"clientPort":${clientPort},`)
    } else writer.text(JSON.stringify(set[member]))
  }
  writer.text('}\n')
  return writer.bytes
}

const comma = 0x2c
const zero = 0x30
const closing = 0x7d

/** A counter with all its members takes less. */
const cellRoom = 256

const flowsKey = Buffer.from(',"flows":')

/** How the text of a counter with times ends, and where they stand in it. */
const span = Buffer.from(`,"first":"${' '.repeat(timeBytes)}","last":"${' '.repeat(timeBytes)}"}`)
const firstTime = new TimePlace(span, span.indexOf(' '))
const lastTime = new TimePlace(span, span.lastIndexOf(' ') + 1 - timeBytes)

/** By rank: how the text of a counter begins, up to the number of its records. */
const cellHeads: Buffer[] = []

function cellHead(rank: number): Buffer {
  let head = cellHeads[rank]
  if (head === undefined) {
    head = Buffer.from(`${JSON.stringify(kindOfCell(rank)).slice(0, -1)},"records":`)
    cellHeads[rank] = head
  }
  return head
}

class SetWriter {
  #bytes = Buffer.allocUnsafeSlow(1024 * 1024)
  #at = 0
  readonly #ends = new Map<EndRecord, string>()

  /** What was written so far. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  text(text: string): void {
    this.#makeRoom(text.length * 3)
    this.#at += this.#bytes.write(text, this.#at)
  }

  edges(edges: readonly CountedEdge[], clientPortOf: (edge: CountedEdge) => string): void {
    let text = '['
    for (const [index, edge] of edges.entries()) {
      const { from, to, protocol, port } = edge
      text += `${index > 0 ? ',' : ''}{"from":${this.#end(from)},"to":${this.#end(to)},"protocol":"`
      this.text(`${text}${protocol}",${clientPortOf(edge)}"port":${port},"cells":[`)
      this.#cells(edge.evidence.cells)
      text = `],${besidesCells(edge.evidence)}}`
    }
    this.text(`${text}]`)
  }

  #end(end: EndRecord): string {
    let text = this.#ends.get(end)
    if (text === undefined) {
      text = JSON.stringify(end)
      this.#ends.set(end, text)
    }
    return text
  }

  #cells(cells: CellNumbers): void {
    this.#makeRoom(((cells.to - cells.from) / numbersOfCell) * cellRoom)
    this.#at = writeCells(this.#bytes, this.#at, cells)
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + bytes))
    larger.set(this.bytes)
    this.#bytes = larger
  }
}

/** The members after the counters, without the braces of the edge. */
function besidesCells(evidence: CountedEvidence): string {
  const { blocks, samples, encrypted, authenticated, names, requests } = evidence
  let text = `"blocks":${JSON.stringify(blocks)},"samples":${JSON.stringify(samples)}`
  if (encrypted > 0) text += `,"encrypted":${encrypted}`
  if (authenticated > 0) text += `,"authenticated":${authenticated}`
  if (names.length > 0) text += `,"names":${JSON.stringify(names)}`
  if (requests !== undefined) text += `,"requests":${JSON.stringify(requests)}`
  return text
}

/** Writes counters with commas between them, and returns where they end. */
function writeCells(bytes: Uint8Array, start: number, { numbers, from, to }: CellNumbers): number {
  let end = start
  for (let cell = from; cell < to; cell += numbersOfCell) {
    const head = cellHead(numbers[cell] ?? 0)
    const records = numbers[cell + 1] ?? 0
    const flows = numbers[cell + 2] ?? 0
    const firstMs = numbers[cell + 3] ?? 0
    const lastMs = numbers[cell + 4] ?? 0
    if (cell > from) {
      bytes[end] = comma
      end += 1
    }
    bytes.set(head, end)
    end = writeCount(bytes, end + head.length, records)
    if (flows > records) {
      bytes.set(flowsKey, end)
      end = writeCount(bytes, end + flowsKey.length, flows)
    }
    if (firstMs <= lastMs) {
      firstTime.write(firstMs)
      lastTime.write(lastMs)
      bytes.set(span, end)
      end += span.length
    } else {
      bytes[end] = closing
      end += 1
    }
  }
  return end
}

/** Writes the digits of a count, and returns where they end. */
function writeCount(bytes: Uint8Array, start: number, count: number): number {
  // A small integer where the engine had it as another number.
  let rest = Math.floor(count)
  let end = start + 1
  for (let limit = 10; limit <= rest; limit *= 10) end += 1
  for (let at = end - 1; at >= start; at -= 1) {
    const digit = rest % 10
    bytes[at] = zero + digit
    rest = (rest - digit) / 10
  }
  return end
}
