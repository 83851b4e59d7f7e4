/** Texts that are looked up by their bytes: each has one row, and is told to the host when it is new. */
import { learn } from "./host.as"
import {
  A, ADDRESS, E, FIRST, KIND, LAST, LENGTH, MASK_BYTES, MASKS, NO_TIME, ROW_BYTES, ROW_INDEX, ROW_SLOTS, ROWS,
  SHORT_TEXT, TEXT,
} from "./layout.as"
import { rowCount, rowMask, texts } from "./state.as"

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

/** Tells whether two texts are equal, byte by byte: for texts that are mostly short. */
// @ts-ignore: decorator
@inline
export function isSame(p: usize, q: usize, length: usize): bool {
  const whole = length & ~31
  let difference = i8x16.splat(0)
  let at: usize = 0
  while (at < whole) {
    difference = v128.or(difference, difference32(p + at, q + at))
    at += 32
  }
  const mask = MASKS + MASK_BYTES - (length & 31)
  const rest = v128.or(
    v128.and(v128.xor(v128.load(p + at), v128.load(q + at)), v128.load(mask)),
    v128.and(v128.xor(v128.load(p + at, 16), v128.load(q + at, 16)), v128.load(mask, 16)),
  )
  return !v128.any_true(v128.or(difference, rest))
}

/** The same for texts that are mostly long: the last block of bytes may be looked at together with some before it. */
// @ts-ignore: decorator
@inline
export function isSameLong(p: usize, q: usize, length: usize): bool {
  if (length < 128) return isSame(p, q, length)
  let at: usize = 0
  while (at + 128 < length) {
    if (v128.any_true(difference128(p + at, q + at))) return false
    at += 128
  }
  return !v128.any_true(difference128(p + length - 128, q + length - 128))
}

// @ts-ignore: decorator
@inline
function difference128(p: usize, q: usize): v128 {
  return v128.or(
    v128.or(difference32(p, q), difference32(p + 32, q + 32)),
    v128.or(difference32(p + 64, q + 64), difference32(p + 96, q + 96)),
  )
}

// @ts-ignore: decorator
@inline
function difference32(p: usize, q: usize): v128 {
  return v128.or(v128.xor(v128.load(p), v128.load(q)), v128.xor(v128.load(p, 16), v128.load(q, 16)))
}

/** The first bytes at `p`, 16 at most, and zeros. */
// @ts-ignore: decorator
@inline
function beginning(p: usize, length: u32): v128 {
  return v128.and(v128.load(p), v128.load(MASKS + MASK_BYTES - length))
}

// @ts-ignore: decorator
@inline
function hashOfShort(text: v128): u32 {
  const first = u64(i64x2.extract_lane(text, 0)) * 0x9e3779b97f4a7c15
  const second = u64(i64x2.extract_lane(text, 1)) * 0xff51afd7ed558ccd
  const h = (first ^ rotr<u64>(second, 32)) * 0xc4ceb9fe1a85ec53
  return u32(h >> 32)
}

/** Returns the row of a short address that was met before, 0 for none. */
// @ts-ignore: decorator
@inline
export function knownAddress(p: usize, length: u32): u32 {
  const text = beginning(p, length)
  let slot = hashOfShort(text) & rowMask
  while (true) {
    const row = load<u32>(ROW_INDEX + (slot << 2))
    if (row == 0) return 0
    const at = rowAt(row)
    if (load<u32>(at + KIND) == ADDRESS && load<u32>(at + LENGTH) == length &&
      !v128.any_true(v128.xor(text, v128.load(at + E)))) return row
    slot = (slot + 1) & rowMask
  }
}

// @ts-ignore: decorator
@inline
export function rowAt(row: u32): usize {
  return ROWS + usize(row) * ROW_BYTES
}

/** Returns the row of a text. A new one is told to the host at once. */
export function intern(kind: u32, p: usize, length: u32): u32 {
  const hash = kind == ADDRESS && length <= SHORT_TEXT ? hashOfShort(beginning(p, length)) : hashOf(kind, p, length)
  let slot = hash & rowMask
  while (true) {
    const row = load<u32>(ROW_INDEX + (slot << 2))
    if (row == 0) break
    const at = rowAt(row)
    if (load<u32>(at) == hash && load<u32>(at + KIND) == kind && load<u32>(at + LENGTH) == length
      && isSame(p, load<u32>(at + TEXT), length)) return row
    slot = (slot + 1) & rowMask
  }
  const row = rowCount++
  store<u32>(ROW_INDEX + (slot << 2), row)
  const at = rowAt(row)
  store<u32>(at, hash)
  store<u32>(at + KIND, kind)
  store<u32>(at + LENGTH, length)
  memory.fill(at + A, 0, 32)
  store<i64>(at + FIRST, NO_TIME)
  store<i64>(at + LAST, 0)
  let text = texts
  // A short address stands where nothing is noted of one: it is found in the same line of the cache.
  if (kind == ADDRESS && length <= SHORT_TEXT) text = at + E
  else texts += (length + 15) & ~15
  memory.copy(text, p, length)
  store<u32>(at + TEXT, u32(text))
  if (rowCount > rowMask >> 1) growRowIndex()
  learn(kind, row, text, length)
  return row
}

function growRowIndex(): void {
  if (rowMask + 1 >= ROW_SLOTS) return
  memory.fill(ROW_INDEX, 0, usize(rowMask + 1) * 8)
  rowMask = rowMask * 2 + 1
  for (let row: u32 = 1; row < rowCount; row++) {
    let slot = load<u32>(rowAt(row)) & rowMask
    while (load<u32>(ROW_INDEX + (slot << 2)) != 0) slot = (slot + 1) & rowMask
    store<u32>(ROW_INDEX + (slot << 2), row)
  }
}
