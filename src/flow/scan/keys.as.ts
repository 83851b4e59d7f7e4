/** Finds what a key stands for: foretold by the one before it, or looked up. */
import { textEnd } from "./json.as"
import { KEY_BYTES, KEY_SLOTS, KEYS, MASKS, SCRATCH, SPELLED, SPELLED_BYTES } from "./layout.as"
import { K_BAD, K_NONE, NOTHING_SPELLED, PLACES } from "./places.as"

/** How many keys are spelled; the first ones are where objects begin, one for each place. */
let spelledKeys: u32 = PLACES

export function addKey(place: u32, text: string, id: u32): void {
  const length = u32(text.length)
  for (let i: u32 = 0; i < length; i++) store<u8>(SCRATCH + i, u8(text.charCodeAt(i)))
  memory.fill(SCRATCH + length, 0, 32 - length)
  let slot = keySlot(place, SCRATCH, length)
  while (load<u32>(KEYS + slot * KEY_BYTES + 36) != 0) slot = (slot + 1) & (KEY_SLOTS - 1)
  const key = KEYS + slot * KEY_BYTES
  v128.store(key, v128.load(SCRATCH))
  v128.store(key + 16, v128.load(SCRATCH + 16))
  store<u32>(key + 32, (place << 16) | length)
  store<u32>(key + 36, id)
  // As it stands in an object: quotes, colon, and a mask of all these.
  const spelled = SPELLED + usize(spelledKeys++) * SPELLED_BYTES
  store<u8>(spelled, 0x22)
  memory.copy(spelled + 1, key, length)
  store<u16>(spelled + 1 + length, 0x3a22)
  memory.fill(spelled + 32, 0xff, length + 3)
  store<u32>(spelled + S_ID, id)
  store<u32>(spelled + S_LENGTH, length + 3)
  store<u32>(spelled + S_NEXT, NOTHING_SPELLED)
  store<u32>(spelled + S_OTHER, NOTHING_SPELLED)
  store<u32>(key + 40, u32(spelled))
}

// Members of a spelled key, behind its text and its mask: what it stands for, its length, and which keys followed it.
export const S_ID: u32 = 64
const S_LENGTH: u32 = 68
export const S_NEXT: u32 = 72
export const S_OTHER: u32 = 76

// @ts-ignore: decorator
@inline
export function firstKey(place: u32): usize {
  return SPELLED + usize(place) * SPELLED_BYTES
}

/** Where the value of the key stands that was met last, and the key as it is spelled. */
export let keyEnd: usize = 0
export let keyNow: usize = 0

/**
 * Returns what stands for the key at `p`, {@link K_NONE} for one that can be passed over. Encoders write members in one
 * order: so it is first compared with the two keys that followed last upon the one before, `before`.
 */
// @ts-ignore: decorator
@inline
export function keyAt(place: u32, before: usize, p: usize): u32 {
  const next: usize = load<u32>(before + S_NEXT)
  if (isSpelled(next, p)) {
    keyEnd = p + load<u32>(next + S_LENGTH)
    keyNow = next
    return load<u32>(next + S_ID)
  }
  return otherKey(place, before, p)
}

// @ts-ignore: decorator
@inline
function isSpelled(key: usize, p: usize): bool {
  const first = v128.and(v128.xor(v128.load(p), v128.load(key)), v128.load(key + 32))
  const rest = v128.and(v128.xor(v128.load(p + 16), v128.load(key + 16)), v128.load(key + 48))
  return !v128.any_true(v128.or(first, rest))
}

function otherKey(place: u32, before: usize, p: usize): u32 {
  const other: usize = load<u32>(before + S_OTHER)
  let known = other
  if (!isSpelled(other, p)) {
    if (load<u8>(p) != 0x22) return K_BAD
    const end = textEnd(p + 1)
    if (end == 0 || load<u8>(end + 1) != 0x3a) return K_BAD
    const length = u32(end - p - 1)
    if (length > 31) return K_BAD
    const found = lookUp(place, p + 1, length)
    if (found == 0) {
      keyEnd = end + 2
      keyNow = before
      return isHarmless(p + 1, length) ? K_NONE : K_BAD
    }
    known = load<u32>(found + 40)
  }
  store<u32>(before + S_OTHER, load<u32>(before + S_NEXT))
  store<u32>(before + S_NEXT, u32(known))
  keyEnd = p + load<u32>(known + S_LENGTH)
  keyNow = known
  return load<u32>(known + S_ID)
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
    if (load<u32>(key + 36) == 0) return 0
    if (load<u32>(key + 32) == tag && isKey(key, p, length)) return key
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
