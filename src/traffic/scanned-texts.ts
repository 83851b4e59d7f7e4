/** What the texts mean that a scanner has looked up: ends, addresses, pods, nodes and names. */
import { loopbackService, podKey } from '../flow/assemble.ts'
import { placeOf } from '../flow/decode.ts'
import type { RecordEnd } from '../flow/endpoint.ts'
import { isPod, readEnd } from '../flow/endpoint.ts'
import type { NamedAddress, NamespaceSighting } from '../flow/flow.ts'
import { asText } from '../flow/json.ts'
import type { RecordLabels } from '../flow/labels.ts'
import { readLabels } from '../flow/labels.ts'
import { answerNames, namesOf } from '../flow/names.ts'
import { endpointFlags, v6Bit } from '../flow/scanner.ts'
import { canonicalAddress } from '../ip.ts'
import { EndTable } from './end-table.ts'
import type { ScanBatch } from './scan-batch.ts'
import { tableSpan } from './scan-batch.ts'
import type { OtherNumbers } from './table-join.ts'

/** An address that stands for any. */
const someAddress = '192.0.2.1'

const labelsKey = '"labels":'

/** Reads what the scanner noted in rows. */
export class RowReader {
  readonly #numbers: Float64Array
  readonly #words: Uint32Array

  constructor(buffer: ArrayBuffer, rowsAt: number) {
    this.#numbers = new Float64Array(buffer, rowsAt)
    this.#words = new Uint32Array(buffer, rowsAt)
  }

  /** Returns how often the row was noted. */
  records(row: number): number {
    return this.#numbers[row * 8 + 5] ?? 0
  }

  span(row: number): { readonly firstMs: number; readonly lastMs: number } {
    return tableSpan(this.#words, row * 16 + 12)
  }
}

/** What is said of texts in a batch. */
type SaidInBatch = Omit<ScanBatch, 'counted' | 'edges' | 'cells' | 'runs'>

/** What the texts of a scanner mean, until its tables are taken out. */
export class ScannedTexts {
  readonly #ends = new EndTable()
  readonly #sighted: Sighted[] = []
  readonly #podNumbers = new Map<string, number>()
  readonly #addresses: string[] = ['']
  readonly #addressNumbers = new Map<string, number>([['', 0]])
  readonly #origins: { readonly row: number; readonly cluster: string; readonly node: string }[] =
    []
  readonly #names: NamedAddress[] = []
  /** Names by the row of their list and the number of their address. */
  readonly #named = new Map<number, readonly string[]>()
  readonly #edgeNames: { readonly edge: number; readonly names: readonly string[] }[] = []
  /** By their texts. */
  readonly #lists = new Map<string, readonly unknown[]>()
  readonly #labels = new WeakMap<readonly unknown[], RecordLabels>()
  readonly #joined: SaidInBatch[] = []

  endpoint(row: number, text: string): readonly number[] {
    let said: RecordEnd
    try {
      said = readEnd(this.#withKnownLabels(text) ?? JSON.parse(text), someAddress, (list) =>
        this.#labelsOf(list),
      )
    } catch {
      return [0, 0, endpointFlags.bad, 0]
    }
    const { endpoint } = said
    const end =
      endpoint.kind === 'pod' ? this.#ends.ofSharedClass(endpoint) : this.#ends.ofEndpoint(endpoint)
    const end6 =
      endpoint.kind === 'address' ? this.#ends.ofEndpoint({ ...endpoint, address: '::' }) : end
    const isSighted = said.pod !== undefined || said.namespace !== undefined
    if (isSighted) this.#sighted.push({ row, end, said })
    const key = podKey(said)
    const flags = flagsOfEnd(said) | (isSighted ? endpointFlags.sighted : 0)
    return [end, end6, flags, key === undefined ? 0 : numberOf(this.#podNumbers, key) + 1]
  }

  /**
   * Parses an end, but for its labels: they are most of the text, and pods of a workload have the same. In a text without
   * escapes they reach up to the first quote before a bracket, and a number stands in for them. Undefined where they are
   * spelled in another way, more than once, or are not those of the end itself.
   */
  #withKnownLabels(text: string): unknown {
    const at = text.indexOf(labelsKey)
    const start = at + labelsKey.length
    if (at < 0 || !text.startsWith('["', start) || text.includes('\\')) return undefined
    const end = text.indexOf('"]', start + 2) + 2
    if (end < start || text.includes(labelsKey, end)) return undefined
    const list = text.slice(start, end)
    const parsed = parsedOrNone<{ labels?: unknown }>(`${text.slice(0, start)}0${text.slice(end)}`)
    if (parsed?.labels !== 0) return undefined
    let labels = this.#lists.get(list)
    if (labels === undefined) {
      labels = parsedOrNone<readonly unknown[]>(list)
      if (labels === undefined) return undefined
      this.#lists.set(list, labels)
    }
    parsed.labels = labels
    return parsed
  }

  /** A list that many ends share is read once. */
  #labelsOf(list: readonly unknown[]): RecordLabels {
    let labels = this.#labels.get(list)
    if (labels === undefined) {
      labels = readLabels(list)
      this.#labels.set(list, labels)
    }
    return labels
  }

  address(text: string): readonly number[] {
    const address = canonicalAddress(text) ?? ''
    const number = this.#numberOf(address)
    const isLoopback = address === loopbackService
    return [address.includes(':') ? number + v6Bit : number, isLoopback ? 1 : 0, 0, 0]
  }

  #numberOf(address: string): number {
    let number = this.#addressNumbers.get(address)
    if (number === undefined) {
      number = this.#addresses.length
      this.#addressNumbers.set(address, number)
      this.#addresses.push(address)
    }
    return number
  }

  origin(row: number, texts: readonly string[]): void {
    const [flowNode, topNode, cluster] = texts.map(textValue)
    const { node, cluster: name } = placeOf({
      node: flowNode || topNode || '',
      cluster: cluster ?? '',
      time: undefined,
      path: '',
    })
    this.#origins.push({ row, cluster: name, node })
  }

  /** Notes that an edge has an address that was named so; `text` gives the list of a row of names. */
  named(address: number, row: number, edge: number, text: () => string): void {
    const key = row * 2 ** 32 + address
    let names = this.#named.get(key)
    if (names === undefined) {
      const named = namesOf(JSON.parse(text()), this.#addresses[address & (v6Bit - 1)] ?? '')
      this.#names.push(...named)
      names = named.map(({ name }) => name)
      this.#named.set(key, names)
    }
    this.#edgeNames.push({ edge, names })
  }

  answer(texts: readonly string[]): void {
    const [query, ips, cnames, rcode] = texts.map((text) =>
      text === '' ? undefined : JSON.parse(text),
    )
    this.#names.push(...answerNames({ query, ips, cnames, rcode }))
  }

  /** Returns under which numbers ends and addresses of another scanner are known here, by their own. */
  numbersOf({ ends, addresses }: SaidInBatch): OtherNumbers {
    return {
      ofEnds: ends.map((end) => this.#ends.ofEnd(end)),
      ofAddresses: addresses.map((address) => this.#numberOf(address)),
    }
  }

  /** Takes in what another scanner was told; edges of it are edges here. */
  join(
    batch: SaidInBatch,
    numbersOfEnds: readonly number[],
    edgeOf: (edge: number) => number,
  ): void {
    this.#joined.push({
      ...batch,
      pods: batch.pods.map((pod) => ({ ...pod, end: numbersOfEnds[pod.end] ?? 0 })),
      edgeNames: batch.edgeNames.map(({ edge, names }) => ({ edge: edgeOf(edge), names })),
    })
  }

  toBatch(rows: RowReader): SaidInBatch {
    const own = this.#own(rows)
    if (this.#joined.length === 0) return own
    const all = [own, ...this.#joined]
    return {
      ...own,
      pods: all.flatMap(({ pods }) => pods),
      namespaces: all.flatMap(({ namespaces }) => namespaces),
      origins: all.flatMap(({ origins }) => origins),
      names: all.flatMap(({ names }) => names),
      edgeNames: all.flatMap(({ edgeNames }) => edgeNames),
    }
  }

  #own(rows: RowReader): SaidInBatch {
    const seen = this.#sighted.filter(({ row }) => rows.records(row) > 0)
    return {
      ends: this.#ends.ends,
      addresses: this.#addresses,
      pods: seen.flatMap(({ row, end, said }) =>
        said.pod === undefined ? [] : [{ end, sighting: said.pod, ...rows.span(row) }],
      ),
      namespaces: namespacesOf(seen, rows),
      origins: this.#origins.map(({ row, cluster, node }) => ({
        cluster,
        node,
        records: rows.records(row),
        ...rows.span(row),
      })),
      names: this.#names,
      edgeNames: this.#edgeNames,
    }
  }
}

function parsedOrNone<T>(text: string): T | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

interface Sighted {
  readonly row: number
  readonly end: number
  readonly said: RecordEnd
}

/** What many ends say of a namespace in the same words is told once, with the last time of all. */
function namespacesOf(seen: readonly Sighted[], rows: RowReader): ScanBatch['namespaces'] {
  const latest = new Map<readonly string[], { sighting: NamespaceSighting; timeMs: number }[]>()
  for (const { row, said } of seen) {
    const sighting = said.namespace
    if (sighting === undefined) continue
    const { firstMs, lastMs } = rows.span(row)
    const timeMs = firstMs > lastMs ? -1 : lastMs
    let known = latest.get(sighting.labels)
    if (known === undefined) {
      known = []
      latest.set(sighting.labels, known)
    }
    const same = known.find(
      (other) =>
        other.sighting.namespace === sighting.namespace &&
        other.sighting.cluster === sighting.cluster,
    )
    if (same === undefined) known.push({ sighting, timeMs })
    else same.timeMs = Math.max(same.timeMs, timeMs)
  }
  return [...latest.values()]
    .flat()
    .map(({ sighting, timeMs }) => (timeMs < 0 ? { sighting } : { sighting, timeMs }))
}

function numberOf(numbers: Map<string, number>, key: string): number {
  const known = numbers.get(key)
  if (known !== undefined) return known
  numbers.set(key, numbers.size)
  return numbers.size - 1
}

function textValue(text: string): string {
  return text === '' ? '' : asText(JSON.parse(text))
}

function flagsOfEnd({ endpoint, isLocal, isMasked }: RecordEnd): number {
  let flags = isLocal ? endpointFlags.local : 0
  if (isMasked) return flags | endpointFlags.masked
  if (isPod(endpoint)) flags |= endpointFlags.pod
  if (endpoint.kind === 'address') flags |= endpointFlags.outside
  if (endpoint.kind === 'entity') {
    flags |= endpointFlags.entity
    if (endpoint.entity === 'health') flags |= endpointFlags.health
    if (endpoint.entity === 'init' || endpoint.entity === 'unknown')
      flags |= endpointFlags.unresolved
  }
  return flags
}
