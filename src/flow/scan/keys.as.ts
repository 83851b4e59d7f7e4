/** Finds what a key stands for. */
import { textEnd } from "./json.as"
import { KEY_BYTES, KEY_SLOTS, KEYS, MASK_BYTES, MASKS, SCRATCH } from "./layout.as"
import { K_BAD, K_NONE } from "./places.as"

// Members of a key, behind its text of at most 31 bytes: its place above its length, and what it stands for.
const TAG: usize = 32
const STANDS_FOR: usize = 36

export function addKey(place: u32, text: string, id: u32): void {
  const length = u32(text.length)
  for (let i: u32 = 0; i < length; i++) store<u8>(SCRATCH + i, u8(text.charCodeAt(i)))
  memory.fill(SCRATCH + length, 0, 32 - length)
  let slot = keySlot(place, SCRATCH, length)
  while (load<u32>(KEYS + slot * KEY_BYTES + STANDS_FOR) != 0) slot = (slot + 1) & (KEY_SLOTS - 1)
  const key = KEYS + slot * KEY_BYTES
  memory.copy(key, SCRATCH, 32)
  store<u32>(key + TAG, (place << 16) | length)
  store<u32>(key + STANDS_FOR, id)
}

/** Where the value of the key stands that was met last. */
export let keyEnd: usize = 0

/** Returns what stands for the key at `p`, {@link K_NONE} for one that can be passed over. */
export function keyAt(place: u32, p: usize): u32 {
  if (load<u8>(p) != 0x22) return K_BAD
  const end = textEnd(p + 1)
  if (end == 0 || load<u8>(end + 1) != 0x3a) return K_BAD
  const length = u32(end - p - 1)
  if (length > 31) return K_BAD
  keyEnd = end + 2
  const known = lookUp(place, p + 1, length)
  if (known != 0) return load<u32>(known + STANDS_FOR)
  return isHarmless(p + 1, length) ? K_NONE : K_BAD
}

// @ts-ignore: decorator
@inline
function keySlot(place: u32, p: usize, length: u32): u32 {
  const first = length >= 8 ? load<u64>(p) : load<u64>(p) & ((u64(1) << (length << 3)) - 1)
  const mixed = (first ^ (u64(length | (place << 6)) << 40)) * 0x9e3779b97f4a7c15
  return u32(mixed >> 55)
}

/** Returns where a key of at most 31 bytes stands among the known ones, 0 for none. */
function lookUp(place: u32, p: usize, length: u32): usize {
  let slot = keySlot(place, p, length)
  const tag = (place << 16) | length
  while (true) {
    const key = KEYS + slot * KEY_BYTES
    if (load<u32>(key + STANDS_FOR) == 0) return 0
    if (load<u32>(key + TAG) == tag && isKey(key, p, length)) return key
    slot = (slot + 1) & (KEY_SLOTS - 1)
  }
}

// @ts-ignore: decorator
@inline
function isKey(key: usize, p: usize, length: u32): bool {
  if (length <= 16) {
    const seen = v128.and(v128.load(p), v128.load(MASKS + MASK_BYTES - length))
    return !v128.any_true(v128.xor(seen, v128.load(key)))
  }
  if (v128.any_true(v128.xor(v128.load(p), v128.load(key)))) return false
  const rest = v128.and(v128.load(p + 16), v128.load(MASKS + MASK_BYTES + 16 - length))
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
