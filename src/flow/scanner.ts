/** The scanner of recorded lines, `scan/scan.as.ts`, as its host sees it. */
import type { JsonObject } from './json.ts'

/** The compiled scanner. What it is made of is the business of whoever loads it. */
export type ScannerModule = object

/** What the scanner asks of its host. Positions are those of its memory. */
export interface ScannerHost {
  /** Tells what a text of a kind means, by writing into its row. */
  learn(kind: number, row: number, text: number, length: number): void
  /** Takes a line that is not for the scanner; `line` counts from the first one of the call. */
  plain(start: number, length: number, line: number): void
  /** Takes out all that was counted, since there is no room for more, and clears the scanner. */
  full(): void
}

/** What the scanner offers: see `scan/scan.as.ts`. */
export interface ScannerExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  start(sinceMs: number, untilMs: number): void
  setOutcomes(
    self: number,
    health: number,
    masked: number,
    noPod: number,
    unresolved: number,
    icmp: number,
  ): void
  clear(): void
  scan(at: number, length: number): void
  scanSingle(length: number): number
  joinAt(): number
  joinRoom(edges: number, cells: number, runs: number): number
  join(
    at: number,
    edges: number,
    cells: number,
    firstCell: number,
    runs: number,
    ends: number,
    addresses: number,
  ): void
  inputAt(): number
  inputBytes(): number
  singleAt(): number
  singleBytes(): number
  outcomesAt(): number
  rowsAt(): number
  edgesAt(): number
  pack(): number
  packedAt(): number
  runsAt(): number
  countRows(): number
  countEdges(): number
  countRuns(): number
  countLines(): number
  countRecords(): number
  countPassedOver(): number
  countHandedBack(): number
  /** Lines that went a way of lines before them, since the ways were last forgotten. */
  countFollowed(): number
}

/** Kinds of texts that the scanner looks up. */
export const textKinds = {
  endpoint: 1,
  address: 2,
  shape: 3,
  origin: 4,
  named: 7,
  answer: 9,
} as const

/** Bytes of a row, and where the host writes its four words. */
export const rowBytes = 64
export const hostWords = 4

/** What the host says of an endpoint, in the third of its words. */
export const endpointFlags = {
  pod: 1,
  outside: 2,
  entity: 4,
  health: 8,
  unresolved: 16,
  masked: 32,
  local: 64,
  sighted: 128,
  bad: 256,
} as const

/** What the host says of a shape, in the first of its words, with the outcome above. */
export const shapeFlags = {
  counted: 1,
  turned: 2,
  icmp: 4,
  from: 8,
  denied: 16,
  answer: 32,
  encrypted: 64,
  authenticated: 128,
  bad: 256,
  outcomeShift: 16,
} as const

/** The bit of an address number that says it is of IPv6. */
export const v6Bit = 0x8000_0000

interface WasmRuntime {
  readonly Module: new (bytes: Uint8Array) => ScannerModule
  readonly Instance: new (
    module: ScannerModule,
    imports: { readonly host: ScannerHost },
  ) => { readonly exports: ScannerExports }
}

/** The types of this project's runtime leave it out. */
const runtime = (globalThis as unknown as { readonly WebAssembly: WasmRuntime }).WebAssembly

/** Returns the scanner that the bytes of `scan.wasm` are. */
export function compileScanner(bytes: Uint8Array): ScannerModule {
  return new runtime.Module(bytes)
}

/** Returns a scanner with a memory of its own. */
export function startScanner(module: ScannerModule, host: ScannerHost): ScannerExports {
  const { learn, plain, full } = host
  return new runtime.Instance(module, { host: { learn, plain, full } }).exports
}

/** Members of a flow by which the parts of a shape are numbered, from 32 on. */
const flowMembers = [
  'verdict',
  'Type',
  'event_type',
  'traffic_direction',
  'trace_observation_point',
  'trace_reason',
  'is_reply',
  'reply',
  'drop_reason',
  'drop_reason_desc',
  'policy_match_type',
  'sock_xlate_point',
  'auth_type',
]

const firstMember = 32
const encryptedPart = 45
const flagsPart = 46
const l7TypePart = 47
const extensionTypePart = 48
const portsPart = 98
const l7Part = 96
const extensionsPart = 97

/** Numbers of the protocols' parts. */
const portedParts: Readonly<Record<number, string>> = { 64: 'TCP', 65: 'UDP', 66: 'SCTP' }
const wholeParts: Readonly<Record<number, string>> = {
  72: 'ICMPv4',
  73: 'ICMPv6',
  74: 'VRRP',
  75: 'IGMP',
}

/** Ports that stand for any but 0. */
const somePort = 50_000

const utf8 = new TextDecoder()

/**
 * Returns a flow record that is like all those of a shape: made of nothing but the bytes of the shape, so that whatever
 * is decided from it holds for every record of the shape.
 */
export function flowOfShape(shape: Uint8Array): JsonObject {
  const flow: Record<string, unknown> = {}
  const builder = new ShapeFlow(flow)
  let at = 0
  while (at < shape.length - 2) {
    const length = shape[at + 1] ?? 0
    builder.add(shape[at] ?? 0, shape.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  builder.setPorts(shape[at] === portsPart ? (shape[at + 1] ?? 0) : 0)
  return flow
}

class ShapeFlow {
  private readonly flow: Record<string, unknown>
  private segment: Record<string, unknown> | undefined
  private readonly l7: Record<string, unknown> = {}
  private readonly extensions: Record<string, unknown> = {}

  constructor(flow: Record<string, unknown>) {
    this.flow = flow
  }

  add(part: number, text: Uint8Array): void {
    const member = flowMembers[part - firstMember]
    const ported = portedParts[part]
    const whole = wholeParts[part]
    if (member !== undefined) this.flow[member] = partValue(text)
    else if (ported !== undefined) {
      this.segment = {}
      this.flow['l4'] = { [ported]: this.segment }
    } else if (whole !== undefined) this.flow['l4'] = { [whole]: partValue(text) }
    else if (part === encryptedPart) this.flow['IP'] = { encrypted: partValue(text) }
    else if (part === flagsPart && this.segment !== undefined)
      this.segment['flags'] = partValue(text)
    else if (part === l7Part) this.flow['l7'] = this.l7
    else if (part === l7TypePart) this.l7['type'] = partValue(text)
    else if (part === extensionsPart) this.flow['extensions'] = this.extensions
    else if (part === extensionTypePart) this.extensions['@type'] = partValue(text)
  }

  setPorts(absent: number): void {
    if (this.segment === undefined) return
    this.segment['source_port'] = (absent & 1) === 0 ? somePort : 0
    this.segment['destination_port'] = (absent & 2) === 0 ? somePort : 0
  }
}

function partValue(text: Uint8Array): unknown {
  return JSON.parse(utf8.decode(text))
}
