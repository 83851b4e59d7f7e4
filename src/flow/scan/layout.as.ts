/**
 * Where everything stands in the memory of the scanner, and what the words of its tables mean. The host reads the same
 * tables: `scanner.ts`, `traffic/scan-batch.ts`.
 */

export const INPUT_BYTES: u32 = 256 * 1024
/** A record by itself has a place of its own, since the input may hold what comes after it. */
export const SINGLE_BYTES: u32 = 128 * 1024
/** Wide loads may read past the end of a text, and of the input. */
const SLACK: u32 = 64
export const TEXT_BYTES: u32 = 24 * 1024 * 1024
export const ROW_BYTES: u32 = 64
export const MAX_ROWS: u32 = 96 * 1024
export const ROW_SLOTS: u32 = 256 * 1024
export const FIRST_SLOTS: u32 = 8 * 1024
export const EDGE_BYTES: u32 = 192
export const MAX_EDGES: u32 = 128 * 1024
export const EDGE_SLOTS: u32 = 256 * 1024
export const CELL_BYTES: u32 = 32
export const BLOCK_CELLS: u32 = 4
/** Bytes of a cell once all are counted; as many as there may be fit where the texts stand. */
export const PACKED_BYTES: u32 = 40
export const MAX_CELLS: u32 = 512 * 1024
export const RUN_BYTES: u32 = 16
export const MAX_RUNS: u32 = 192 * 1024
export const MAX_OUTCOMES: u32 = 64
export const KEY_SLOTS: u32 = 512
export const KEY_BYTES: u32 = 40
export const SCRATCH_BYTES: u32 = 4096
export const SLOT_BYTES: u32 = 12
export const MAX_SLOTS: u32 = 64
export const STEP_BYTES: u32 = 32
export const MAX_STEPS: u32 = 4096
export const LITERAL_BYTES: u32 = 512 * 1024

/** Bytes of ones, followed by as many zeros: a load from within gives a mask of any length. */
export const MASK_BYTES: u32 = 32

export const INPUT: usize = 1024
export const SINGLE: usize = INPUT + INPUT_BYTES + SLACK
export const OUTCOMES: usize = SINGLE + SINGLE_BYTES + SLACK
export const KEYS: usize = OUTCOMES + MAX_OUTCOMES * 8
export const MASKS: usize = KEYS + KEY_SLOTS * KEY_BYTES
export const SCRATCH: usize = MASKS + 2 * MASK_BYTES
export const TUPLE: usize = SCRATCH + SCRATCH_BYTES
export const SLOTS: usize = TUPLE + 64
export const STEPS: usize = (SLOTS + MAX_SLOTS * SLOT_BYTES + 63) & ~63
export const LITERALS: usize = STEPS + MAX_STEPS * STEP_BYTES
export const ROW_INDEX: usize = (LITERALS + LITERAL_BYTES + SLACK + 63) & ~63
export const EDGE_INDEX: usize = ROW_INDEX + ROW_SLOTS * 4
export const ROWS: usize = EDGE_INDEX + EDGE_SLOTS * 4
export const EDGES: usize = ROWS + MAX_ROWS * ROW_BYTES
export const CELLS: usize = EDGES + MAX_EDGES * EDGE_BYTES
export const RUNS: usize = CELLS + MAX_CELLS * CELL_BYTES
export const TEXTS: usize = RUNS + MAX_RUNS * RUN_BYTES
export const END: usize = TEXTS + TEXT_BYTES + SLACK

// Kinds of texts.
export const ENDPOINT: u32 = 1
export const ADDRESS: u32 = 2
export const SHAPE: u32 = 3
export const ORIGIN: u32 = 4
export const NODE: u32 = 5
export const NAMES: u32 = 6
export const NAMED: u32 = 7
export const ANSWER_PART: u32 = 8
export const ANSWER: u32 = 9

// Members of a row: hash, kind, text, length, then what the host says (a to d), then what the scanner notes (e, f,
// count), then the first and the last time.
const HASH: usize = 0
export const KIND: usize = 4
export const TEXT: usize = 8
export const LENGTH: usize = 12
export const A: usize = 16
export const B: usize = 20
export const C: usize = 24
export const D: usize = 28
export const E: usize = 32
export const COUNT: usize = 40
export const FIRST: usize = 48
export const LAST: usize = 56

/** Length of a text that fits into a row of which nothing is noted. */
export const SHORT_TEXT: u32 = 16

// What the host says of an endpoint: a and b are its end (for addresses of either family), c these flags, d the pod's
// number.
export const IS_POD: u32 = 1
export const IS_OUTSIDE: u32 = 2
export const IS_HEALTH: u32 = 8
export const IS_UNRESOLVED: u32 = 16
export const IS_MASKED: u32 = 32
export const IS_LOCAL: u32 = 64
export const IS_SIGHTED: u32 = 128
export const IS_BAD: u32 = 256

// Of an address: a is its number, 0 for none, with the highest bit for IPv6; b is 1 for the loopback of services.
export const IS_V6: u32 = 0x80000000

// Of a shape: a are these flags with the outcome above them, b the rank of the cell for the four places, c the
// directions by ports, d the protocol with the ICMP type above it.
export const IS_COUNTED: u32 = 1
export const IS_TURNED: u32 = 2
export const IS_ICMP: u32 = 4
export const IS_FROM: u32 = 8
export const IS_DENIED: u32 = 16
export const IS_ANSWER: u32 = 32
export const IS_ENCRYPTED: u32 = 64
export const IS_AUTHENTICATED: u32 = 128
export const IS_BAD_SHAPE: u32 = 256
export const OUTCOME_SHIFT: u32 = 16

/** No time: `first` of what was seen without one. */
export const NO_TIME: i64 = i64.MAX_VALUE

export const BLOCK_MS: i64 = 300_000
