/**
 * The scanner: walks recorded lines once, byte by byte and without building objects, and counts what they say.
 *
 * AssemblyScript, compiled to WebAssembly with SIMD by `npm run build`. It knows how Hubble's encoder spells a flow and
 * nothing of what a flow means: whatever a member says is looked up by its exact bytes, and what bytes were not seen
 * before is asked of the host once (`learn`), which decodes them with the plain decoder. A line that is spelled in any
 * other way is handed to the host as it stands (`plain`).
 *
 * Memory is laid out once and never grows: input, texts (every distinct text that was looked up, once), rows (what is
 * known of each text), and the tables of edges, cells and runs that `scan-tables.ts` reads. When one of them is nearly
 * full the host is told (`full`), takes everything out and starts anew.
 */

@external("host", "learn")
declare function learn(kind: u32, row: u32, text: usize, length: u32): void
@external("host", "plain")
declare function plain(start: usize, length: u32, line: u32): void
@external("host", "full")
declare function full(): void

// ---------------------------------------------------------------------------------------------------------- layout

const INPUT_BYTES: u32 = 256 * 1024
/** A record by itself has a place of its own, since the input may hold what comes after it. */
const SINGLE_BYTES: u32 = 128 * 1024
/** Wide loads may read past the end of a text, and of the input. */
const SLACK: u32 = 64
const TEXT_BYTES: u32 = 24 * 1024 * 1024
const ROW_BYTES: u32 = 64
const MAX_ROWS: u32 = 96 * 1024
const ROW_SLOTS: u32 = 256 * 1024
const EDGE_BYTES: u32 = 192
const MAX_EDGES: u32 = 64 * 1024
const EDGE_SLOTS: u32 = 128 * 1024
const CELL_BYTES: u32 = 40
const MAX_CELLS: u32 = 128 * 1024
const RUN_BYTES: u32 = 16
const MAX_RUNS: u32 = 64 * 1024
const MAX_OUTCOMES: u32 = 64
const KEY_SLOTS: u32 = 512
const KEY_BYTES: u32 = 40
const SCRATCH_BYTES: u32 = 4096

const INPUT: usize = 1024
const SINGLE: usize = INPUT + INPUT_BYTES + SLACK
const OUTCOMES: usize = SINGLE + SINGLE_BYTES + SLACK
const KEYS: usize = OUTCOMES + MAX_OUTCOMES * 8
const MASKS: usize = KEYS + KEY_SLOTS * KEY_BYTES
const SCRATCH: usize = MASKS + 64
const TUPLE: usize = SCRATCH + SCRATCH_BYTES
const ROW_INDEX: usize = TUPLE + 64
const EDGE_INDEX: usize = ROW_INDEX + ROW_SLOTS * 4
const ROWS: usize = EDGE_INDEX + EDGE_SLOTS * 4
const EDGES: usize = ROWS + MAX_ROWS * ROW_BYTES
const CELLS: usize = EDGES + MAX_EDGES * EDGE_BYTES
const RUNS: usize = CELLS + MAX_CELLS * CELL_BYTES
const TEXTS: usize = RUNS + MAX_RUNS * RUN_BYTES
const END: usize = TEXTS + TEXT_BYTES + SLACK

// Kinds of texts.
const ENDPOINT: u32 = 1
const ADDRESS: u32 = 2
const SHAPE: u32 = 3
const ORIGIN: u32 = 4
const NODE: u32 = 5
const NAMES: u32 = 6
const NAMED: u32 = 7
const ANSWER_PART: u32 = 8
const ANSWER: u32 = 9

// Members of a row: hash, kind, text, length, then what the host says (a to d), then what the scanner notes (e, f,
// count), then the first and the last time.
const HASH: usize = 0
const KIND: usize = 4
const TEXT: usize = 8
const LENGTH: usize = 12
const A: usize = 16
const B: usize = 20
const C: usize = 24
const D: usize = 28
const E: usize = 32
const F: usize = 36
const COUNT: usize = 40
const FIRST: usize = 48
const LAST: usize = 56

// What the host says of an endpoint: a and b are its end (for addresses of either family), c these flags, d the pod's
// number.
const IS_POD: u32 = 1
const IS_OUTSIDE: u32 = 2
const IS_ENTITY: u32 = 4
const IS_HEALTH: u32 = 8
const IS_UNRESOLVED: u32 = 16
const IS_MASKED: u32 = 32
const IS_LOCAL: u32 = 64
const IS_SIGHTED: u32 = 128
const IS_BAD: u32 = 256

// Of an address: a is its number, 0 for none, with the highest bit for IPv6; b is 1 for the loopback of services.
const IS_V6: u32 = 0x80000000

// Of a shape: a are these flags with the outcome above them, b the rank of the cell for the four places, c the
// directions by ports, d the protocol with the ICMP type above it.
const IS_COUNTED: u32 = 1
const IS_TURNED: u32 = 2
const IS_ICMP: u32 = 4
const IS_FROM: u32 = 8
const IS_DENIED: u32 = 16
const IS_ANSWER: u32 = 32
const IS_ENCRYPTED: u32 = 64
const IS_AUTHENTICATED: u32 = 128
const IS_BAD_SHAPE: u32 = 256
const OUTCOME_SHIFT: u32 = 16

/** No time: `first` of what was seen without one. */
const NO_TIME: i64 = i64.MAX_VALUE

const BLOCK_MS: i64 = 300_000

// ----------------------------------------------------------------------------------------------------------- state

let texts: usize = TEXTS
let rowCount: u32 = 1
let edgeCount: u32 = 0
let cellCount: u32 = 1
let runCount: u32 = 1
let lines: u32 = 0
let records: u32 = 0
let passedOver: u32 = 0
let handedBack: u32 = 0
let since: i64 = i64.MIN_VALUE
let until: i64 = i64.MAX_VALUE
/** Outcomes that the scanner itself gives, by their position in the closed list. */
let selfOutcome: u32 = 0
let healthOutcome: u32 = 0
let maskedOutcome: u32 = 0
let noPodOutcome: u32 = 0
let unresolvedOutcome: u32 = 0
let icmpOutcome: u32 = 0

export function inputAt(): usize { return INPUT }
export function inputBytes(): u32 { return INPUT_BYTES }
export function singleAt(): usize { return SINGLE }
export function singleBytes(): u32 { return SINGLE_BYTES }
export function outcomesAt(): usize { return OUTCOMES }
export function rowsAt(): usize { return ROWS }
export function edgesAt(): usize { return EDGES }
export function cellsAt(): usize { return CELLS }
export function runsAt(): usize { return RUNS }
export function countRows(): u32 { return rowCount }
export function countEdges(): u32 { return edgeCount }
export function countCells(): u32 { return cellCount }
export function countRuns(): u32 { return runCount }
export function countLines(): u32 { return lines }
export function countRecords(): u32 { return records }
export function countPassedOver(): u32 { return passedOver }
export function countHandedBack(): u32 { return handedBack }

/** Makes the memory ready; to be called once. Times are milliseconds since the epoch. */
export function start(sinceMs: f64, untilMs: f64): void {
  const pages = i32((END + 65535) >>> 16)
  if (memory.size() < pages) memory.grow(pages - memory.size())
  since = i64(sinceMs)
  until = i64(untilMs)
  for (let i: usize = 0; i < 32; i++) store<u8>(MASKS + i, i < 16 ? 0xff : 0)
  addKeys()
}

/** Tells the positions of outcomes in the closed list. */
export function setOutcomes(
  self: u32, health: u32, masked: u32, noPod: u32, unresolved: u32, icmp: u32,
): void {
  selfOutcome = self
  healthOutcome = health
  maskedOutcome = masked
  noPodOutcome = noPod
  unresolvedOutcome = unresolved
  icmpOutcome = icmp
}

/** Forgets all texts and counts. */
export function clear(): void {
  memory.fill(ROW_INDEX, 0, ROW_SLOTS * 4)
  memory.fill(EDGE_INDEX, 0, EDGE_SLOTS * 4)
  memory.fill(OUTCOMES, 0, MAX_OUTCOMES * 8)
  texts = TEXTS
  rowCount = 1
  edgeCount = 0
  cellCount = 1
  runCount = 1
  lastNode = 0
  lastOrigin = 0
  lastAnswer = 0
}

// ------------------------------------------------------------------------------------------------------------ keys

// Where a key stands, in the low bits of what is looked up with it.
const IN_TOP: u32 = 0
const IN_FLOW: u32 = 1
const IN_IP: u32 = 2
const IN_L4: u32 = 3
const IN_PORTS: u32 = 4
const IN_L7: u32 = 5
const IN_DNS: u32 = 6
const IN_EXTENSIONS: u32 = 7

const K_NONE: u32 = 0
/** Known, and not read. */
const K_SKIP: u32 = 1
const K_FLOW: u32 = 2
const K_NODE_NAME: u32 = 3
const K_TIME: u32 = 4
const K_CLUSTER_NAME: u32 = 5
const K_UUID: u32 = 6
const K_IP: u32 = 7
const K_L4: u32 = 8
const K_SOURCE: u32 = 9
const K_DESTINATION: u32 = 10
const K_SOURCE_NAMES: u32 = 11
const K_DESTINATION_NAMES: u32 = 12
const K_L7: u32 = 13
const K_EXTENSIONS: u32 = 14
const K_AGGREGATE: u32 = 15
/** What makes a record something else when it stands where a flow without an envelope would. */
const K_OTHER_EVENT: u32 = 16
const K_PORTS: u32 = 17
const K_WHOLE: u32 = 18
const K_SOURCE_PORT: u32 = 19
const K_DESTINATION_PORT: u32 = 20
const K_TYPE: u32 = 21
const K_DNS: u32 = 22
const K_QUERY: u32 = 23
const K_IPS: u32 = 24
const K_CNAMES: u32 = 25
const K_RCODE: u32 = 26
/** What an envelope lacks, and a flow without one has. */
const K_BARE: u32 = 27
/** Members of which the bytes are part of the shape: from here on. */
const K_SHAPE: u32 = 32

function addKeys(): void {
  addKey(IN_TOP, "flow", K_FLOW)
  addKey(IN_TOP, "node_name", K_NODE_NAME)
  addKey(IN_TOP, "time", K_TIME)
  addKey(IN_TOP, "cluster_name", K_CLUSTER_NAME)
  addKey(IN_TOP, "verdict", K_BARE)
  addKey(IN_TOP, "uuid", K_BARE)
  addKey(IN_TOP, "IP", K_BARE)
  addKey(IN_TOP, "l4", K_BARE)
  addKey(IN_FLOW, "time", K_TIME)
  addKey(IN_FLOW, "uuid", K_UUID)
  addKey(IN_FLOW, "node_name", K_NODE_NAME)
  addKey(IN_FLOW, "cluster_name", K_CLUSTER_NAME)
  addKey(IN_FLOW, "IP", K_IP)
  addKey(IN_FLOW, "l4", K_L4)
  addKey(IN_FLOW, "source", K_SOURCE)
  addKey(IN_FLOW, "destination", K_DESTINATION)
  addKey(IN_FLOW, "source_names", K_SOURCE_NAMES)
  addKey(IN_FLOW, "destination_names", K_DESTINATION_NAMES)
  addKey(IN_FLOW, "l7", K_L7)
  addKey(IN_FLOW, "extensions", K_EXTENSIONS)
  addKey(IN_FLOW, "aggregate", K_AGGREGATE)
  addKey(IN_FLOW, "flow", K_OTHER_EVENT)
  addKey(IN_FLOW, "lost_events", K_OTHER_EVENT)
  addKey(IN_FLOW, "node_status", K_OTHER_EVENT)
  addKey(IN_FLOW, "agent_event", K_OTHER_EVENT)
  addKey(IN_FLOW, "debug_event", K_OTHER_EVENT)
  addKey(IN_FLOW, "verdict", K_SHAPE)
  addKey(IN_FLOW, "Type", K_SHAPE + 1)
  addKey(IN_FLOW, "event_type", K_SHAPE + 2)
  addKey(IN_FLOW, "traffic_direction", K_SHAPE + 3)
  addKey(IN_FLOW, "trace_observation_point", K_SHAPE + 4)
  addKey(IN_FLOW, "trace_reason", K_SHAPE + 5)
  addKey(IN_FLOW, "is_reply", K_SHAPE + 6)
  addKey(IN_FLOW, "reply", K_SHAPE + 7)
  addKey(IN_FLOW, "drop_reason", K_SHAPE + 8)
  addKey(IN_FLOW, "drop_reason_desc", K_SHAPE + 9)
  addKey(IN_FLOW, "policy_match_type", K_SHAPE + 10)
  addKey(IN_FLOW, "sock_xlate_point", K_SHAPE + 11)
  addKey(IN_FLOW, "auth_type", K_SHAPE + 12)
  addKey(IN_FLOW, "ethernet", K_SKIP)
  addKey(IN_FLOW, "node_labels", K_SKIP)
  addKey(IN_FLOW, "interface", K_SKIP)
  addKey(IN_FLOW, "Summary", K_SKIP)
  addKey(IN_IP, "source", K_SOURCE)
  addKey(IN_IP, "destination", K_DESTINATION)
  addKey(IN_IP, "ipVersion", K_SKIP)
  addKey(IN_IP, "source_xlated", K_SKIP)
  addKey(IN_IP, "encrypted", K_SHAPE + 13)
  addKey(IN_L4, "TCP", K_PORTS)
  addKey(IN_L4, "UDP", K_PORTS + 0x100)
  addKey(IN_L4, "SCTP", K_PORTS + 0x200)
  addKey(IN_L4, "ICMPv4", K_WHOLE)
  addKey(IN_L4, "ICMPv6", K_WHOLE + 0x100)
  addKey(IN_L4, "VRRP", K_WHOLE + 0x200)
  addKey(IN_L4, "IGMP", K_WHOLE + 0x300)
  addKey(IN_PORTS, "source_port", K_SOURCE_PORT)
  addKey(IN_PORTS, "destination_port", K_DESTINATION_PORT)
  addKey(IN_PORTS, "flags", K_SHAPE + 14)
  addKey(IN_L7, "type", K_SHAPE + 15)
  addKey(IN_L7, "dns", K_DNS)
  addKey(IN_DNS, "query", K_QUERY)
  addKey(IN_DNS, "ips", K_IPS)
  addKey(IN_DNS, "cnames", K_CNAMES)
  addKey(IN_DNS, "rcode", K_RCODE)
  addKey(IN_EXTENSIONS, "@type", K_SHAPE + 16)
}

// Parts of a shape that are no member by themselves.
const S_L4: u32 = 64
const S_L7: u32 = 96
const S_EXTENSIONS: u32 = 97
const S_PORTS: u32 = 98

function addKey(place: u32, text: string, id: u32): void {
  const length = u32(text.length)
  for (let i: u32 = 0; i < length; i++) store<u8>(SCRATCH + i, u8(text.charCodeAt(i)))
  memory.fill(SCRATCH + length, 0, 32 - length)
  const at = keySlot(place, SCRATCH, length)
  let slot = at
  while (load<u32>(KEYS + slot * KEY_BYTES + 36) != 0) slot = (slot + 1) & (KEY_SLOTS - 1)
  const key = KEYS + slot * KEY_BYTES
  v128.store(key, v128.load(SCRATCH))
  v128.store(key + 16, v128.load(SCRATCH + 16))
  store<u32>(key + 32, (place << 16) | length)
  store<u32>(key + 36, id)
}

// @ts-ignore: decorator
@inline
function keySlot(place: u32, p: usize, length: u32): u32 {
  const first = length >= 8 ? load<u64>(p) : load<u64>(p) & ((u64(1) << (length << 3)) - 1)
  const mixed = (first ^ (u64(length | (place << 6)) << 40)) * 0x9e3779b97f4a7c15
  return u32(mixed >> 55)
}

/** Returns what stands for a key of at most 31 bytes, {@link K_NONE} for one that is not known. */
// @ts-ignore: decorator
@inline
function lookUp(place: u32, p: usize, length: u32): u32 {
  let slot = keySlot(place, p, length)
  const tag = (place << 16) | length
  while (true) {
    const key = KEYS + slot * KEY_BYTES
    const id = load<u32>(key + 36)
    if (id == 0) return K_NONE
    if (load<u32>(key + 32) == tag && isKey(key, p, length)) return id
    slot = (slot + 1) & (KEY_SLOTS - 1)
  }
}

// @ts-ignore: decorator
@inline
function isKey(key: usize, p: usize, length: u32): bool {
  if (length <= 16) {
    const seen = v128.and(v128.load(p), v128.load(MASKS + 16 - length))
    return !v128.any_true(v128.xor(seen, v128.load(key)))
  }
  if (v128.any_true(v128.xor(v128.load(p), v128.load(key)))) return false
  const rest = v128.and(v128.load(p + 16), v128.load(MASKS + 32 - length))
  return !v128.any_true(v128.xor(rest, v128.load(key + 16)))
}

/**
 * Tells whether a key that is not known can be passed over: without capital letters it is none of those that other
 * encoders write in place of a known one, and no escape hides one.
 */
function isHarmless(p: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) {
    const c = load<u8>(p + i)
    if (!((c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x5f)) return false
  }
  return true
}

// ---------------------------------------------------------------------------------------------------------- values

/** Returns where the quote stands that ends the text at `p`; 0 for what JSON does not allow in one. */
// @ts-ignore: decorator
@inline
function textEnd(p: usize): usize {
  const v = v128.load(p)
  const found = i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(v, i8x16.splat(0x22)), i8x16.eq(v, i8x16.splat(0x5c))),
      i8x16.lt_u(v, i8x16.splat(0x20)),
    ),
  )
  if (found != 0) {
    const at = p + ctz(found)
    if (load<u8>(at) == 0x22) return at
  }
  return longTextEnd(p)
}

function longTextEnd(start: usize): usize {
  let p = start
  while (true) {
    const v = v128.load(p)
    const found = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(v, i8x16.splat(0x22)), i8x16.eq(v, i8x16.splat(0x5c))),
        i8x16.lt_u(v, i8x16.splat(0x20)),
      ),
    )
    if (found == 0) {
      p += 16
      continue
    }
    p += ctz(found)
    const c = load<u8>(p)
    if (c == 0x22) return p
    if (c != 0x5c) return 0
    p = escapeEnd(p + 1)
    if (p == 0) return 0
  }
}

function escapeEnd(p: usize): usize {
  switch (load<u8>(p)) {
    case 0x22: case 0x5c: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74:
      return p + 1
    case 0x75:
      for (let i: usize = 1; i <= 4; i++) if (!isHex(load<u8>(p + i))) return 0
      return p + 5
    default:
      return 0
  }
}

function isHex(c: u8): bool {
  return (c >= 0x30 && c <= 0x39) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66)
}

// @ts-ignore: decorator
@inline
function isDigit(c: u8): bool {
  return u8(c - 0x30) < 10
}

/** Returns where the text at `p` ends when it is plain ASCII without escapes, else 0. */
// @ts-ignore: decorator
@inline
function plainEnd(p: usize): usize {
  let at = p
  while (true) {
    const v = v128.load(at)
    // Signed: bytes of 0x80 and above are below zero.
    const found = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(v, i8x16.splat(0x22)), i8x16.eq(v, i8x16.splat(0x5c))),
        i8x16.lt_s(v, i8x16.splat(0x20)),
      ),
    )
    if (found != 0) {
      const end = at + ctz(found)
      return load<u8>(end) == 0x22 ? end : 0
    }
    at += 16
  }
}

/** Returns where the value at `p` ends, or 0 for one that is no JSON without white space. */
function valueEnd(p: usize, depth: u32): usize {
  switch (load<u8>(p)) {
    case 0x22: {
      const end = textEnd(p + 1)
      return end == 0 ? 0 : end + 1
    }
    case 0x7b:
      return objectEnd(p + 1, depth)
    case 0x5b:
      return arrayEnd(p + 1, depth)
    case 0x74:
      return load<u32>(p) == 0x65757274 ? p + 4 : 0
    case 0x66:
      return load<u32>(p + 1) == 0x65736c61 ? p + 5 : 0
    case 0x6e:
      return load<u32>(p) == 0x6c6c756e ? p + 4 : 0
    default:
      return numberEnd(p)
  }
}

function objectEnd(start: usize, depth: u32): usize {
  let p = start
  if (depth > 64) return 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    p = valueEnd(end + 2, depth + 1)
    if (p == 0) return 0
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

function arrayEnd(start: usize, depth: u32): usize {
  let p = start
  if (depth > 64) return 0
  if (load<u8>(p) == 0x5d) return p + 1
  while (true) {
    if (load<u8>(p) == 0x22) {
      // Most arrays are of texts.
      const end = textEnd(p + 1)
      if (end == 0) return 0
      p = end + 1
    } else {
      p = valueEnd(p, depth + 1)
      if (p == 0) return 0
    }
    const c = load<u8>(p)
    if (c == 0x5d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

function numberEnd(start: usize): usize {
  let p = start
  if (load<u8>(p) == 0x2d) p++
  if (load<u8>(p) == 0x30) p++
  else {
    if (!isDigit(load<u8>(p))) return 0
    while (isDigit(load<u8>(p))) p++
  }
  if (load<u8>(p) == 0x2e) {
    p++
    if (!isDigit(load<u8>(p))) return 0
    while (isDigit(load<u8>(p))) p++
  }
  if ((load<u8>(p) | 0x20) == 0x65) {
    p++
    if (load<u8>(p) == 0x2b || load<u8>(p) == 0x2d) p++
    if (!isDigit(load<u8>(p))) return 0
    while (isDigit(load<u8>(p))) p++
  }
  return p
}

// ----------------------------------------------------------------------------------------------------------- texts

// @ts-ignore: decorator
@inline
function hashOf(kind: u32, p: usize, length: u32): u32 {
  let h: u64 = u64(length) * 0x9e3779b97f4a7c15 ^ u64(kind)
  let at = p
  const end = p + length
  while (at + 8 <= end) {
    h = (h ^ load<u64>(at)) * 0xff51afd7ed558ccd
    h ^= h >> 32
    at += 8
  }
  if (at < end) {
    h = (h ^ (load<u64>(at) & ((u64(1) << (u64(end - at) << 3)) - 1))) * 0xff51afd7ed558ccd
    h ^= h >> 32
  }
  h *= 0xc4ceb9fe1a85ec53
  return u32(h >> 32)
}

/** Tells whether two texts are equal, byte by byte. */
// @ts-ignore: decorator
@inline
function isSame(p: usize, q: usize, length: u32): bool {
  let at: usize = 0
  const whole = usize(length & ~15)
  while (at < whole) {
    if (v128.any_true(v128.xor(v128.load(p + at), v128.load(q + at)))) return false
    at += 16
  }
  const rest = length & 15
  if (rest == 0) return true
  const difference = v128.xor(v128.load(p + at), v128.load(q + at))
  return !v128.any_true(v128.and(difference, v128.load(MASKS + 16 - rest)))
}

// @ts-ignore: decorator
@inline
function rowAt(row: u32): usize {
  return ROWS + usize(row) * ROW_BYTES
}

/** Returns the row of a text. A new one is told to the host at once. */
function intern(kind: u32, p: usize, length: u32): u32 {
  const hash = hashOf(kind, p, length)
  let slot = hash & (ROW_SLOTS - 1)
  while (true) {
    const row = load<u32>(ROW_INDEX + (slot << 2))
    if (row == 0) break
    const at = rowAt(row)
    if (load<u32>(at) == hash && load<u32>(at + KIND) == kind && load<u32>(at + LENGTH) == length
      && isSame(p, load<u32>(at + TEXT), length)) return row
    slot = (slot + 1) & (ROW_SLOTS - 1)
  }
  const row = rowCount++
  store<u32>(ROW_INDEX + (slot << 2), row)
  const at = rowAt(row)
  memory.copy(texts, p, length)
  store<u32>(at, hash)
  store<u32>(at + KIND, kind)
  store<u32>(at + TEXT, u32(texts))
  store<u32>(at + LENGTH, length)
  memory.fill(at + A, 0, 32)
  store<i64>(at + FIRST, NO_TIME)
  store<i64>(at + LAST, 0)
  const text = texts
  texts += (length + 15) & ~15
  learn(kind, row, text, length)
  return row
}

// ------------------------------------------------------------------------------------------------------- one line

// What the line says so far; 0 where it does not.
let shapeEnd: usize = 0
let flowTime: usize = 0
let topTime: usize = 0
let uuid: usize = 0
let flowNode: u32 = 0
let topNode: u32 = 0
let topCluster: u32 = 0
let sourceAddress: u32 = 0
let destinationAddress: u32 = 0
let source: u32 = 0
let destination: u32 = 0
let sourcePort: u32 = 0
let destinationPort: u32 = 0
let sourceNames: usize = 0
let sourceNamesLength: u32 = 0
let destinationNames: usize = 0
let destinationNamesLength: u32 = 0
let weight: u64 = 1
let hasAnswer: bool = false
let query: usize = 0
let queryLength: u32 = 0
let ips: usize = 0
let ipsLength: u32 = 0
let cnames: usize = 0
let cnamesLength: u32 = 0
let rcode: usize = 0
let rcodeLength: u32 = 0
/** True for a flow without an envelope. */
let isBare: bool = false

let lastNode: u32 = 0
let lastOrigin: u32 = 0
let lastAnswer: u32 = 0

function forgetLine(): void {
  shapeEnd = SCRATCH
  flowTime = 0
  topTime = 0
  uuid = 0
  flowNode = 0
  topNode = 0
  topCluster = 0
  sourceAddress = 0
  destinationAddress = 0
  source = 0
  destination = 0
  sourcePort = 0
  destinationPort = 0
  sourceNames = 0
  destinationNames = 0
  weight = 1
  hasAnswer = false
}

/** Adds a value to the shape; false for one that is too long to be part of it. */
// @ts-ignore: decorator
@inline
function addShape(id: u32, p: usize, length: u32): bool {
  if (length > 128 || shapeEnd > SCRATCH + SCRATCH_BYTES - 256) return false
  store<u8>(shapeEnd, u8(id))
  store<u8>(shapeEnd + 1, u8(length))
  const to = shapeEnd + 2
  for (let i: usize = 0; i < length; i += 16) v128.store(to + i, v128.load(p + i))
  shapeEnd = to + length
  return true
}

/** Returns where the text at `p` ends that is the name of a node or a cluster, with its row in `nameRow`; 0 for none. */
let nameRow: u32 = 0
function nameEnd(p: usize): usize {
  if (load<u8>(p) != 0x22) return 0
  const known = rowAt(lastNode)
  if (lastNode != 0) {
    const length = load<u32>(known + LENGTH)
    if (isSame(p, load<u32>(known + TEXT), length)) {
      nameRow = lastNode
      return p + length
    }
  }
  const end = textEnd(p + 1)
  if (end == 0 || end - p > 1000) return 0
  nameRow = intern(NODE, p, u32(end + 1 - p))
  lastNode = nameRow
  return end + 1
}

/** Returns where the line ends that starts at `p` with a brace, or 0 for one that is not spelled as Hubble does. */
function walkTop(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  let hasFlow = false
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    const length = u32(end - p - 1)
    if (length > 31) return 0
    const id = lookUp(IN_TOP, p + 1, length)
    const value = end + 2
    if (id != K_NONE) {
      if (seen & (1 << id)) return 0
      seen |= 1 << id
    }
    switch (id) {
      case K_FLOW:
        if (load<u8>(value) != 0x7b) return 0
        p = walkFlow(value)
        hasFlow = true
        break
      case K_NODE_NAME:
        p = nameEnd(value)
        topNode = nameRow
        break
      case K_CLUSTER_NAME:
        p = nameEnd(value)
        topCluster = nameRow
        break
      case K_TIME:
        if (load<u8>(value) != 0x22) return 0
        topTime = value + 1
        p = plainEnd(value + 1)
        if (p == 0) return 0
        p++
        break
      case K_BARE:
        if (!hasFlow) return walkBare(start)
        return 0
      default:
        if (!isHarmless(end - length, length)) return 0
        p = valueEnd(value, 0)
    }
    if (p == 0) return 0
    const c = load<u8>(p)
    if (c == 0x7d) return hasFlow ? p + 1 : walkBare(start)
    if (c != 0x2c) return 0
    p++
  }
}

/** Returns where the line ends as a flow without an envelope. */
function walkBare(start: usize): usize {
  forgetLine()
  isBare = true
  const p = walkFlow(start)
  isBare = false
  return p
}

function walkFlow(start: usize): usize {
  let p = start + 1
  let seen: u64 = 0
  if (load<u8>(p) == 0x7d) return isBare ? 0 : p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    const length = u32(end - p - 1)
    if (length > 31) return 0
    const id = lookUp(IN_FLOW, p + 1, length)
    const value = end + 2
    if (id > K_SKIP) {
      if (seen & (u64(1) << id)) return 0
      seen |= u64(1) << id
    }
    if (id >= K_SHAPE) {
      p = valueEnd(value, 0)
      if (p == 0 || !addShape(id, value, u32(p - value))) return 0
    } else switch (id) {
      case K_SKIP:
        p = valueEnd(value, 0)
        break
      case K_TIME:
        if (load<u8>(value) != 0x22) return 0
        flowTime = value + 1
        p = plainEnd(value + 1)
        if (p == 0) return 0
        p++
        break
      case K_UUID:
        if (load<u8>(value) != 0x22) return 0
        uuid = value + 1
        p = plainEnd(uuid)
        if (p != uuid + 36) return 0
        p++
        break
      case K_IP:
        p = walkAddresses(value)
        break
      case K_L4:
        p = walkLayer4(value)
        break
      case K_SOURCE:
        p = endpointEnd(value, sourceAddress)
        source = endpointRow
        break
      case K_DESTINATION:
        p = endpointEnd(value, destinationAddress)
        destination = endpointRow
        break
      case K_NODE_NAME:
        p = nameEnd(value)
        flowNode = nameRow
        break
      case K_SOURCE_NAMES:
        p = namesEnd(value)
        sourceNames = value
        sourceNamesLength = u32(p - value)
        break
      case K_DESTINATION_NAMES:
        p = namesEnd(value)
        destinationNames = value
        destinationNamesLength = u32(p - value)
        break
      case K_L7:
        p = walkLayer7(value)
        break
      case K_EXTENSIONS:
        p = walkExtensions(value)
        break
      case K_AGGREGATE:
        return 0
      case K_CLUSTER_NAME:
        // Of a flow without an envelope it is the cluster's; within one it says nothing.
        if (isBare) return 0
        p = valueEnd(value, 0)
        break
      case K_OTHER_EVENT:
        if (isBare) return 0
        p = valueEnd(value, 0)
        break
      default:
        if (!isHarmless(end - length, length)) return 0
        p = valueEnd(value, 0)
    }
    if (p == 0) return 0
    const c = load<u8>(p)
    if (c == 0x7d) break
    if (c != 0x2c) return 0
    p++
  }
  // Without one of these it takes more than a look to tell that it is a flow.
  if (isBare && (seen & ((1 << K_L4) | (1 << K_IP))) == 0) return 0
  return p + 1
}

function namesEnd(p: usize): usize {
  return load<u8>(p) == 0x5b ? arrayEnd(p + 1, 0) : 0
}

function walkAddresses(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  if (load<u8>(start) != 0x7b) return 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    const length = u32(end - p - 1)
    if (length > 31) return 0
    const id = lookUp(IN_IP, p + 1, length)
    const value = end + 2
    if (id == K_SOURCE || id == K_DESTINATION) {
      if (load<u8>(value) != 0x22) return 0
      if (seen & (1 << id)) return 0
      seen |= 1 << id
      const last = plainEnd(value + 1)
      if (last == 0 || last - value > 64) return 0
      const row = intern(ADDRESS, value + 1, u32(last - value - 1))
      if (id == K_SOURCE) sourceAddress = row
      else destinationAddress = row
      p = last + 1
    } else {
      if (id == K_NONE && !isHarmless(end - length, length)) return 0
      p = valueEnd(value, 0)
      if (p == 0) return 0
      if (id >= K_SHAPE) {
        if (seen & 1) return 0
        seen |= 1
        if (!addShape(id, value, u32(p - value))) return 0
      }
    }
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

/** One protocol, as every producer writes it. */
function walkLayer4(start: usize): usize {
  let p = start + 1
  if (load<u8>(start) != 0x7b || load<u8>(p) != 0x22) return 0
  const end = textEnd(p + 1)
  if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
  const length = u32(end - p - 1)
  if (length > 31) return 0
  const id = lookUp(IN_L4, p + 1, length)
  const value = end + 2
  if (load<u8>(value) != 0x7b) return 0
  if ((id & 0xff) == K_PORTS) {
    if (!addShape(S_L4 + (id >> 8), value, 0)) return 0
    p = walkPorts(value)
  } else if ((id & 0xff) == K_WHOLE) {
    p = objectEnd(value + 1, 0)
    if (p == 0 || !addShape(S_L4 + 8 + (id >> 8), value, u32(p - value))) return 0
  } else return 0
  return p != 0 && load<u8>(p) == 0x7d ? p + 1 : 0
}

function walkPorts(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    const length = u32(end - p - 1)
    if (length > 31) return 0
    const id = lookUp(IN_PORTS, p + 1, length)
    const value = end + 2
    if (id == K_SOURCE_PORT || id == K_DESTINATION_PORT) {
      if (seen & (1 << id)) return 0
      seen |= 1 << id
      p = value
      let port: u32 = 0
      while (isDigit(load<u8>(p)) && p < value + 5) {
        port = port * 10 + u32(load<u8>(p) - 0x30)
        p++
      }
      // No leading zero, no fraction, no exponent: then a comma or a brace would not follow.
      if (p == value || port > 65535 || (load<u8>(value) == 0x30 && p > value + 1)) return 0
      if (id == K_SOURCE_PORT) sourcePort = port
      else destinationPort = port
    } else {
      if (id == K_NONE && !isHarmless(end - length, length)) return 0
      p = valueEnd(value, 0)
      if (p == 0) return 0
      if (id >= K_SHAPE) {
        if (seen & 1) return 0
        seen |= 1
        if (!addShape(id, value, u32(p - value))) return 0
      }
    }
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

function walkLayer7(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  if (load<u8>(start) != 0x7b) return 0
  if (!addShape(S_L7, start, 0)) return 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    const length = u32(end - p - 1)
    if (length > 31) return 0
    const id = lookUp(IN_L7, p + 1, length)
    const value = end + 2
    if (id == K_DNS) {
      if (hasAnswer || load<u8>(value) != 0x7b) return 0
      p = walkDns(value)
      if (p == 0) return 0
      hasAnswer = true
    } else {
      if (id == K_NONE && !isHarmless(end - length, length)) return 0
      p = valueEnd(value, 0)
      if (p == 0) return 0
      if (id >= K_SHAPE) {
        if (seen != 0) return 0
        seen = 1
        if (!addShape(id, value, u32(p - value))) return 0
      }
    }
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

function walkDns(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  queryLength = 0
  ipsLength = 0
  cnamesLength = 0
  rcodeLength = 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    const length = u32(end - p - 1)
    if (length > 31) return 0
    const id = lookUp(IN_DNS, p + 1, length)
    const value = end + 2
    if (id == K_NONE) {
      if (!isHarmless(end - length, length)) return 0
    } else {
      if (seen & (1 << id)) return 0
      seen |= 1 << id
    }
    p = valueEnd(value, 0)
    if (p == 0) return 0
    const bytes = u32(p - value)
    if (id == K_QUERY) {
      query = value
      queryLength = bytes
    } else if (id == K_IPS) {
      ips = value
      ipsLength = bytes
    } else if (id == K_CNAMES) {
      cnames = value
      cnamesLength = bytes
    } else if (id == K_RCODE) {
      rcode = value
      rcodeLength = bytes
    }
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

function walkExtensions(start: usize): usize {
  let p = start + 1
  let seen = false
  if (load<u8>(start) != 0x7b) return 0
  if (!addShape(S_EXTENSIONS, start, 0)) return 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return 0
    const length = u32(end - p - 1)
    if (length > 31) return 0
    const id = lookUp(IN_EXTENSIONS, p + 1, length)
    const value = end + 2
    p = valueEnd(value, 0)
    if (p == 0) return 0
    if (id != K_NONE) {
      if (seen) return 0
      seen = true
      if (!addShape(id, value, u32(p - value))) return 0
    } else if (!isHarmless(end - length, length)) return 0
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

let endpointRow: u32 = 0

/**
 * Returns where the endpoint at `p` ends, with its row in `endpointRow`. The address before it mostly tells which it is:
 * then its bytes are compared and not walked.
 */
function endpointEnd(p: usize, address: u32): usize {
  const hint = rowAt(address)
  if (address != 0) {
    const c0 = load<u32>(hint + C)
    if (c0 != 0) {
      const row = rowAt(c0)
      const length = load<u32>(row + LENGTH)
      if (isSame(p, load<u32>(row + TEXT), length)) {
        endpointRow = c0
        return p + length
      }
      const c1 = load<u32>(hint + D)
      if (c1 != 0) {
        const row = rowAt(c1)
        const length = load<u32>(row + LENGTH)
        if (isSame(p, load<u32>(row + TEXT), length)) {
          endpointRow = c1
          store<u32>(hint + C, c1)
          store<u32>(hint + D, c0)
          return p + length
        }
      }
    }
  }
  if (load<u8>(p) != 0x7b) return 0
  const end = objectEnd(p + 1, 0)
  if (end == 0) return 0
  endpointRow = intern(ENDPOINT, p, u32(end - p))
  if (address != 0) {
    store<u32>(hint + D, load<u32>(hint + C))
    store<u32>(hint + C, endpointRow)
  }
  return end
}

// ------------------------------------------------------------------------------------------------------------ time

let dayText: u64 = 0
let dayText2: u32 = 0
let dayMs: i64 = 0

// @ts-ignore: decorator
@inline
function two(p: usize): u32 {
  const a = u32(load<u8>(p)) - 0x30
  const b = u32(load<u8>(p + 1)) - 0x30
  return a < 10 && b < 10 ? a * 10 + b : 1000
}

/** Returns the milliseconds of the time at `p`, up to its quote; 0 for one that is spelled or counted in another way. */
function timeAt(p: usize): i64 {
  if (load<u64>(p) != dayText || (load<u32>(p + 8) & 0xffffff) != dayText2) {
    if (!readDay(p)) return 0
  }
  const hour = two(p + 11)
  const minute = two(p + 14)
  const second = two(p + 17)
  if (hour > 23 || minute > 59 || second > 59) return 0
  if (load<u8>(p + 13) != 0x3a || load<u8>(p + 16) != 0x3a) return 0
  let ms: u32 = 0
  let at = p + 19
  if (load<u8>(at) == 0x2e) {
    at++
    const from = at
    while (isDigit(load<u8>(at))) {
      if (at < from + 3) ms = ms * 10 + u32(load<u8>(at) - 0x30)
      at++
    }
    const digits = at - from
    if (digits == 0 || digits > 9) return 0
    if (digits == 1) ms *= 100
    else if (digits == 2) ms *= 10
  }
  if (load<u8>(at) != 0x5a || load<u8>(at + 1) != 0x22) return 0
  return dayMs + i64(hour * 3_600_000 + minute * 60_000 + second * 1000 + ms)
}

function readDay(p: usize): bool {
  const century = two(p)
  const year = two(p + 2)
  const month = two(p + 5)
  const day = two(p + 8)
  if (century > 99 || year > 99 || month < 1 || month > 12 || day < 1) return false
  if (load<u8>(p + 4) != 0x2d || load<u8>(p + 7) != 0x2d || load<u8>(p + 10) != 0x54) return false
  const y = i32(century * 100 + year)
  // The first days of 1970 are left to the host: no time is 0.
  if (y < 1971) return false
  const isLeap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0
  let last: u32 = 31
  if (month == 4 || month == 6 || month == 9 || month == 11) last = 30
  else if (month == 2) last = isLeap ? 29 : 28
  if (day > last) return false
  // Days since 1970-01-01 of the Gregorian calendar, in years that begin in March.
  const shifted = month <= 2 ? y - 1 : y
  const era = shifted / 400
  const yearOfEra = shifted - era * 400
  const dayOfYear = i32((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
  dayMs = i64(era * 146097 + dayOfEra - 719468) * 86_400_000
  dayText = load<u64>(p)
  dayText2 = load<u32>(p + 8) & 0xffffff
  return true
}

// --------------------------------------------------------------------------------------------------------- counting

/** Counts the line; false for one that only the host can judge. */
function countLine(): bool {
  let time: i64 = 0
  const timeText = flowTime != 0 ? flowTime : topTime
  if (timeText != 0) {
    time = timeAt(timeText)
    if (time == 0) return false
  }
  const flags: u8 = (sourcePort == 0 ? 1 : 0) | (destinationPort == 0 ? 2 : 0)
  store<u8>(shapeEnd, u8(S_PORTS))
  store<u8>(shapeEnd + 1, flags)
  const shape = rowAt(intern(SHAPE, SCRATCH, u32(shapeEnd + 2 - SCRATCH)))
  const shapeFlags = load<u32>(shape + A)
  if (shapeFlags & IS_BAD_SHAPE) return false
  const isCounted = (shapeFlags & IS_COUNTED) != 0
  const sourceRow = rowAt(source)
  const destinationRow = rowAt(destination)
  if (!isCounted) {
    // An endpoint that the record lacks is one that says nothing.
    if (source == 0 || destination == 0) return false
    if ((load<u32>(sourceRow + C) | load<u32>(destinationRow + C)) & IS_BAD) return false
  }
  records++
  if (time != 0 && (time < since || time > until)) {
    passedOver++
    return true
  }
  if (hasAnswer && (shapeFlags & IS_ANSWER) != 0) noteAnswer()
  if (isCounted) {
    countOutcome(shapeFlags >> OUTCOME_SHIFT)
    noteOrigin(time)
    return true
  }
  const turned = (shapeFlags & IS_TURNED) != 0
  const client = turned ? destinationRow : sourceRow
  const server = turned ? sourceRow : destinationRow
  const clientAddress = rowAt(turned ? destinationAddress : sourceAddress)
  const serverAddress = rowAt(turned ? sourceAddress : destinationAddress)
  const clientNumber = load<u32>(clientAddress + A)
  const serverNumber = load<u32>(serverAddress + A)
  const clientFlags = flagsAt(client, clientNumber)
  const serverFlags = flagsAt(server, serverNumber)
  const outcome = outcomeOf(shapeFlags, client, server, clientFlags, serverFlags, clientAddress, serverAddress)
  if (outcome != NO_OUTCOME) {
    countOutcome((shapeFlags & IS_ICMP) != 0 ? icmpOutcome : outcome)
    noteOrigin(time)
    return true
  }
  noteOrigin(time)
  if (clientFlags & IS_SIGHTED) noteTime(client, time)
  if (serverFlags & IS_SIGHTED) noteTime(server, time)
  const clientPort = turned ? destinationPort : sourcePort
  const serverPort = turned ? sourcePort : destinationPort
  const isClientPod = (clientFlags & IS_POD) != 0
  const spread = isClientPod ? serverNumber : clientNumber
  const spreadFlags = isClientPod ? serverFlags : clientFlags
  const protocol = load<u32>(shape + D)
  let direction: u32 = 0
  let port = serverPort
  let otherPort: u32 = 0
  if (shapeFlags & IS_ICMP) port = protocol >> 8
  else {
    direction = (load<u32>(shape + C) >> ((portClass(clientPort) * 4 + portClass(serverPort)) * 2)) & 3
    if (direction != 0) otherPort = clientPort
    if (direction == 1) port = 0
  }
  const edge = edgeAt(
    u64(endOf(client, clientNumber)) | (u64(endOf(server, serverNumber)) << 26) |
      (u64(protocol & 255) << 52) | (u64(direction) << 55),
    u64(spreadFlags & IS_POD ? 0 : spread) | (u64(port) << 32) | (u64(otherPort) << 48),
  )
  const locals = ((load<u32>(sourceRow + C) & IS_LOCAL) != 0 ? 1 : 0) | ((load<u32>(destinationRow + C) & IS_LOCAL) != 0 ? 2 : 0)
  countCell(edge, (load<u32>(shape + B) >> (locals * 8)) & 255, time)
  if ((shapeFlags & IS_DENIED) == 0) {
    if (time != 0) noteBlock(edge, u32(time / BLOCK_MS))
    if (shapeFlags & IS_ENCRYPTED) store<f64>(edge + ENCRYPTED, load<f64>(edge + ENCRYPTED) + 1)
    if (shapeFlags & IS_AUTHENTICATED) store<f64>(edge + AUTHENTICATED, load<f64>(edge + AUTHENTICATED) + 1)
  }
  if (uuid != 0) noteSample(edge)
  if ((serverFlags & IS_OUTSIDE) != 0) {
    const names = turned ? sourceNames : destinationNames
    if (names != 0) noteNames(edge, serverNumber, names, turned ? sourceNamesLength : destinationNamesLength)
  }
  return true
}

// @ts-ignore: decorator
@inline
function portClass(port: u32): u32 {
  return port == 0 ? 0 : port < 1024 ? 1 : port < 32768 ? 2 : 3
}

/** An outside end without an address is nobody. */
// @ts-ignore: decorator
@inline
function flagsAt(row: usize, address: u32): u32 {
  const flags = load<u32>(row + C)
  return (flags & IS_OUTSIDE) != 0 && address == 0 ? flags | IS_MASKED : flags
}

// @ts-ignore: decorator
@inline
function endOf(row: usize, address: u32): u32 {
  return (address & IS_V6) != 0 ? load<u32>(row + B) : load<u32>(row + A)
}

const NO_OUTCOME: u32 = 0xffff

// @ts-ignore: decorator
@inline
function outcomeOf(
  shape: u32, client: usize, server: usize, clientFlags: u32, serverFlags: u32, clientAddress: usize, serverAddress: usize,
): u32 {
  const either = clientFlags | serverFlags
  if (either & IS_POD) {
    const number = load<u32>(clientAddress + A)
    if (number != 0 && number == load<u32>(serverAddress + A)) return selfOutcome
    if ((load<u32>(clientAddress + B) | load<u32>(serverAddress + B)) != 0) return selfOutcome
    const pod = load<u32>(client + D)
    if (pod != 0 && pod == load<u32>(server + D)) return selfOutcome
  }
  if (either & IS_HEALTH) return healthOutcome
  if (either & IS_MASKED) return maskedOutcome
  if ((either & IS_POD) == 0) return noPodOutcome
  if (either & IS_UNRESOLVED) return unresolvedOutcome
  return (shape & IS_FROM) != 0 && (serverFlags & IS_POD) == 0 ? unresolvedOutcome : NO_OUTCOME
}

// @ts-ignore: decorator
@inline
function countOutcome(outcome: u32): void {
  const at = OUTCOMES + usize(outcome) * 8
  store<f64>(at, load<f64>(at) + 1)
}

// @ts-ignore: decorator
@inline
function noteTime(row: usize, time: i64): void {
  store<f64>(row + COUNT, load<f64>(row + COUNT) + 1)
  if (time == 0) return
  if (time < load<i64>(row + FIRST)) store<i64>(row + FIRST, time)
  if (time > load<i64>(row + LAST)) store<i64>(row + LAST, time)
}

function noteOrigin(time: i64): void {
  let origin = lastOrigin
  const text = load<u32>(rowAt(origin) + TEXT)
  if (origin == 0 || load<u32>(text) != flowNode || load<u32>(text + 4) != topNode || load<u32>(text + 8) != topCluster) {
    store<u32>(TUPLE, flowNode)
    store<u32>(TUPLE + 4, topNode)
    store<u32>(TUPLE + 8, topCluster)
    origin = intern(ORIGIN, TUPLE, 12)
    lastOrigin = origin
  }
  noteTime(rowAt(origin), time)
}

function noteNames(edge: usize, address: u32, names: usize, length: u32): void {
  const row = intern(NAMES, names, length)
  if (load<u32>(edge + NAMED_BY) == row) return
  store<u32>(edge + NAMED_BY, row)
  store<u32>(TUPLE, address)
  store<u32>(TUPLE + 4, row)
  store<u32>(TUPLE + 8, u32((edge - EDGES) / EDGE_BYTES))
  intern(NAMED, TUPLE, 12)
}

function noteAnswer(): void {
  if (ipsLength == 0) return
  const asked = queryLength == 0 ? 0 : intern(ANSWER_PART, query, queryLength)
  const given = intern(ANSWER_PART, ips, ipsLength)
  const aliases = cnamesLength == 0 ? 0 : intern(ANSWER_PART, cnames, cnamesLength)
  const code = rcodeLength == 0 ? 0 : intern(ANSWER_PART, rcode, rcodeLength)
  store<u32>(TUPLE, asked)
  store<u32>(TUPLE + 4, given)
  store<u32>(TUPLE + 8, aliases)
  store<u32>(TUPLE + 12, code)
  intern(ANSWER, TUPLE, 16)
}

// Members of an edge: its two keys, the first bytes of the greatest of its samples, its cells, its last run of blocks
// and the runs before, the names that its address was last known by, and its samples.
const THRESHOLD: u32 = 16
const CELL: u32 = 24
const RUN_FIRST: u32 = 28
const RUN_LAST: u32 = 32
const RUN: u32 = 36
const NAMED_BY: u32 = 40
const SAMPLES: u32 = 44
const ENCRYPTED: u32 = 48
const AUTHENTICATED: u32 = 56
const SAMPLE: u32 = 64
const SAMPLE_BYTES: u32 = 40

/** No run yet: no block is as late. */
const NO_BLOCK: u32 = 0xfffffff0

function edgeAt(key1: u64, key2: u64): usize {
  let h = (key1 * 0x9e3779b97f4a7c15) ^ (key2 * 0xff51afd7ed558ccd)
  h = (h ^ (h >> 32)) * 0xc4ceb9fe1a85ec53
  let slot = u32(h >> 40) & (EDGE_SLOTS - 1)
  while (true) {
    const number = load<u32>(EDGE_INDEX + (slot << 2))
    if (number == 0) break
    const edge = EDGES + usize(number - 1) * EDGE_BYTES
    if (load<u64>(edge) == key1 && load<u64>(edge + 8) == key2) return edge
    slot = (slot + 1) & (EDGE_SLOTS - 1)
  }
  const edge = EDGES + usize(edgeCount) * EDGE_BYTES
  edgeCount++
  store<u32>(EDGE_INDEX + (slot << 2), edgeCount)
  store<u64>(edge, key1)
  store<u64>(edge + 8, key2)
  store<u64>(edge + THRESHOLD, u64.MAX_VALUE)
  memory.fill(edge + CELL, 0, EDGE_BYTES - CELL)
  store<u32>(edge + RUN_FIRST, NO_BLOCK)
  store<u32>(edge + RUN_LAST, NO_BLOCK)
  return edge
}

// Members of a cell: the next one, its rank, records, flows, first and last time.
function countCell(edge: usize, rank: u32, time: i64): void {
  let number = load<u32>(edge + CELL)
  let cell: usize = 0
  while (number != 0) {
    cell = CELLS + usize(number) * CELL_BYTES
    if (load<u32>(cell + 4) == rank) break
    number = load<u32>(cell)
  }
  if (number == 0) {
    number = cellCount++
    cell = CELLS + usize(number) * CELL_BYTES
    store<u32>(cell, load<u32>(edge + CELL))
    store<u32>(cell + 4, rank)
    store<f64>(cell + 8, 0)
    store<f64>(cell + 16, 0)
    store<i64>(cell + 24, NO_TIME)
    store<i64>(cell + 32, 0)
    store<u32>(edge + CELL, number)
  }
  store<f64>(cell + 8, load<f64>(cell + 8) + 1)
  store<f64>(cell + 16, load<f64>(cell + 16) + f64(weight))
  if (time == 0) return
  if (time < load<i64>(cell + 24)) store<i64>(cell + 24, time)
  if (time > load<i64>(cell + 32)) store<i64>(cell + 32, time)
}

// Members of a run: the one before it, first and last block.
function noteBlock(edge: usize, block: u32): void {
  const first = load<u32>(edge + RUN_FIRST)
  const last = load<u32>(edge + RUN_LAST)
  if (block >= first && block <= last) return
  if (first == NO_BLOCK) {
    store<u32>(edge + RUN_FIRST, block)
    store<u32>(edge + RUN_LAST, block)
    return
  }
  if (block == last + 1) {
    store<u32>(edge + RUN_LAST, block)
    return
  }
  if (block + 1 == first) {
    store<u32>(edge + RUN_FIRST, block)
    return
  }
  // Runs may overlap: whoever reads them joins them. A few steps keep input that jumps about from filling the table.
  let number = load<u32>(edge + RUN)
  for (let steps = 0; number != 0 && steps < 16; steps++) {
    const run = RUNS + usize(number) * RUN_BYTES
    if (block + 1 >= load<u32>(run + 4) && block <= load<u32>(run + 8) + 1) {
      if (block < load<u32>(run + 4)) store<u32>(run + 4, block)
      if (block > load<u32>(run + 8)) store<u32>(run + 8, block)
      return
    }
    number = load<u32>(run)
  }
  const added = runCount++
  const run = RUNS + usize(added) * RUN_BYTES
  store<u32>(run, load<u32>(edge + RUN))
  store<u32>(run + 4, first)
  store<u32>(run + 8, last)
  store<u32>(edge + RUN, added)
  store<u32>(edge + RUN_FIRST, block)
  store<u32>(edge + RUN_LAST, block)
}

/** Keeps the smallest uuids, which are texts of 36 bytes of ASCII: their bytes order as they do. */
// @ts-ignore: decorator
@inline
function noteSample(edge: usize): void {
  if (bswap<u64>(load<u64>(uuid)) > load<u64>(edge + THRESHOLD)) return
  keepSample(edge)
}

function keepSample(edge: usize): void {
  let count = load<u32>(edge + SAMPLES)
  let at: u32 = 0
  while (at < count) {
    const order = memory.compare(uuid, edge + SAMPLE + at * SAMPLE_BYTES, 36)
    if (order == 0) return
    if (order < 0) break
    at++
  }
  if (at == 3) return
  if (count < 3) count++
  for (let to = count - 1; to > at; to--) {
    memory.copy(edge + SAMPLE + to * SAMPLE_BYTES, edge + SAMPLE + (to - 1) * SAMPLE_BYTES, 36)
  }
  memory.copy(edge + SAMPLE + at * SAMPLE_BYTES, uuid, 36)
  store<u32>(edge + SAMPLES, count)
  if (count == 3) store<u64>(edge + THRESHOLD, bswap<u64>(load<u64>(edge + SAMPLE + 2 * SAMPLE_BYTES)))
}

// ------------------------------------------------------------------------------------------------------------ lines

// @ts-ignore: decorator
@inline
function isNearlyFull(): bool {
  return rowCount > MAX_ROWS - 32 || edgeCount > MAX_EDGES - 2 || cellCount > MAX_CELLS - 2 ||
    runCount > MAX_RUNS - 2 || u32(texts - TEXTS) > TEXT_BYTES - INPUT_BYTES - 4096
}

/**
 * Reads the line at `p`, and returns where its line feed stands; 0 when the line is not one for the scanner. With `last`
 * the line feed must stand there.
 */
function readLine(p: usize, last: usize): usize {
  if (isNearlyFull()) full()
  forgetLine()
  const end = walkTop(p)
  if (end == 0) return 0
  const feed = load<u8>(end) == 0x0d ? end + 1 : end
  if (load<u8>(feed) != 0x0a || (last != 0 && feed != last)) return 0
  return countLine() ? feed : 0
}

/** Reads whole lines of the input, `length` bytes from `at` on: the last one is a line feed. */
export function scan(at: u32, length: u32): void {
  let p: usize = INPUT + at
  const end: usize = p + length
  lines = 0
  records = 0
  passedOver = 0
  handedBack = 0
  while (p < end) {
    const c = load<u8>(p)
    const feed = c == 0x7b ? readLine(p, 0) : c == 0x0a ? p : 0
    if (feed != 0) {
      p = feed + 1
    } else {
      const next = lineEnd(p)
      handedBack++
      plain(p, u32(next - p), lines)
      p = next + 1
    }
    lines++
  }
}

/** Reads the one record that stands in its own place; false for one that is not for the scanner. */
export function scanSingle(length: u32): bool {
  const p: usize = SINGLE
  records = 0
  passedOver = 0
  handedBack = 0
  store<u8>(p + length, 0x0a)
  if (load<u8>(p) == 0x7b && readLine(p, p + length) != 0) return true
  handedBack++
  return false
}

function lineEnd(start: usize): usize {
  let p = start
  while (true) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(0x0a)))
    if (found != 0) return p + ctz(found)
    p += 16
  }
}
