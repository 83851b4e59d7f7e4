/** Texts that are looked up by their bytes: each has one row, and is told to the host when it is new. */
import { learn } from "./host.as"
import {
  A, ADDRESS, E, FIRST, KIND, LAST, LENGTH, MASKS, NO_TIME, ROW_BYTES, ROW_INDEX, ROW_SLOTS, ROWS,
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

/** Tells whether two texts are equal, byte by byte. */
// @ts-ignore: decorator
@inline
export function isSame(p: usize, q: usize, length: u32): bool {
  let at: usize = 0
  const long = usize(length & ~63)
  while (at < long) {
    const first = v128.or(
      v128.xor(v128.load(p + at), v128.load(q + at)),
      v128.xor(v128.load(p + at, 16), v128.load(q + at, 16)),
    )
    const second = v128.or(
      v128.xor(v128.load(p + at, 32), v128.load(q + at, 32)),
      v128.xor(v128.load(p + at, 48), v128.load(q + at, 48)),
    )
    if (v128.any_true(v128.or(first, second))) return false
    at += 64
  }
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
export function rowAt(row: u32): usize {
  return ROWS + usize(row) * ROW_BYTES
}

/** Returns the row of a text. A new one is told to the host at once. */
export function intern(kind: u32, p: usize, length: u32): u32 {
  const hash = hashOf(kind, p, length)
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
