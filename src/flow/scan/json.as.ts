/** Where values end, and whether they are JSON without white space. */

/** Bits for those of 32 bytes at `p` that end a text or do not belong in one as they are. */
// @ts-ignore: decorator
@inline
function endsOfText(p: usize): u32 {
  return u32(i8x16.bitmask(isEndOfText(v128.load(p)))) | (u32(i8x16.bitmask(isEndOfText(v128.load(p, 16)))) << 16)
}

// @ts-ignore: decorator
@inline
function isEndOfText(v: v128): v128 {
  const isControl = i8x16.eq(i8x16.min_u(v, i8x16.splat(0x1f)), v)
  return v128.or(v128.or(i8x16.eq(v, i8x16.splat(0x22)), i8x16.eq(v, i8x16.splat(0x5c))), isControl)
}

/** Returns where the quote stands that ends the text at `p`; 0 for what JSON does not allow in one. */
// @ts-ignore: decorator
@inline
export function textEnd(p: usize): usize {
  const found = endsOfText(p)
  const at = p + ctz(found)
  return found != 0 && load<u8>(at) == 0x22 ? at : longTextEnd(p)
}

function longTextEnd(start: usize): usize {
  let p = start
  while (true) {
    const found = endsOfText(p)
    if (found == 0) {
      p += 32
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
export function isDigit(c: u8): bool {
  return u8(c - 0x30) < 10
}

/** Returns where the text at `p` ends when it is plain ASCII without escapes, else 0. */
// @ts-ignore: decorator
@inline
export function plainEnd(p: usize): usize {
  let at = p
  while (true) {
    const found = endsOfPlain(v128.load(at)) | (endsOfPlain(v128.load(at, 16)) << 16)
    if (found != 0) {
      const end = at + ctz(found)
      return load<u8>(end) == 0x22 ? end : 0
    }
    at += 32
  }
}

// @ts-ignore: decorator
@inline
function endsOfPlain(v: v128): u32 {
  // Signed: bytes of 0x80 and above are below zero.
  const isOther = i8x16.lt_s(v, i8x16.splat(0x20))
  return i8x16.bitmask(v128.or(v128.or(i8x16.eq(v, i8x16.splat(0x22)), i8x16.eq(v, i8x16.splat(0x5c))), isOther))
}

/** Tells whether the text at `p` is 36 characters of plain ASCII without escapes. */
// @ts-ignore: decorator
@inline
export function isPlain36(p: usize): bool {
  const a = v128.load(p)
  const b = v128.load(p + 16)
  const c = v128.load(p + 20)
  const quotes = v128.or(
    v128.or(i8x16.eq(a, i8x16.splat(0x22)), i8x16.eq(b, i8x16.splat(0x22))),
    v128.or(i8x16.eq(c, i8x16.splat(0x22)), i8x16.eq(a, i8x16.splat(0x5c))),
  )
  const others = v128.or(
    v128.or(i8x16.eq(b, i8x16.splat(0x5c)), i8x16.eq(c, i8x16.splat(0x5c))),
    // Signed: bytes of 0x80 and above are below zero.
    i8x16.lt_s(i8x16.min_s(i8x16.min_s(a, b), c), i8x16.splat(0x20)),
  )
  return !v128.any_true(v128.or(quotes, others)) && load<u8>(p + 36) == 0x22
}

/** Returns where the value at `p` ends, or 0 for one that is no JSON without white space. */
export function valueEnd(p: usize, depth: u32): usize {
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

export function objectEnd(start: usize, depth: u32): usize {
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

export function arrayEnd(start: usize, depth: u32): usize {
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

export function numberEnd(start: usize): usize {
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
