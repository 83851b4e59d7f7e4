/** Walks the parts of a flow: addresses, ports, layer 7, extensions. */
import { objectEnd, valueEnd } from "./json.as"
import { keyAt, keyEnd } from "./keys.as"
import { addShape, hasAnswer } from "./line.as"
import {
  IN_DNS, IN_EXTENSIONS, IN_IP, IN_L4, IN_L7, IN_PORTS, K_BAD, K_CNAMES, K_DESTINATION, K_DESTINATION_PORT,
  K_DNS, K_FIXED, K_IPS, K_NONE, K_PORTS, K_QUERY, K_RCODE, K_SHAPE, K_SOURCE, K_SOURCE_PORT, K_WHOLE, S_EXTENSIONS,
  S_L4, S_L7, W_CNAMES, W_DESTINATION_ADDRESS, W_DESTINATION_PORT, W_IPS, W_QUERY, W_RCODE, W_SKIPPED, W_SOURCE_ADDRESS,
  W_SOURCE_PORT,
} from "./places.as"
import { noteSlot, walkQuoted, walkSlot } from "./ways.as"

/** Notes a member that is not read. */
// @ts-ignore: decorator
@inline
function noteSkipped(id: u32, value: usize, end: usize): void {
  if (id != K_FIXED) noteSlot(W_SKIPPED, value, end)
}

export function walkAddresses(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  if (load<u8>(start) != 0x7b) return 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    const id = keyAt(IN_IP, p)
    if (id == K_BAD) return 0
    const value = keyEnd
    if (id == K_SOURCE || id == K_DESTINATION) {
      if (seen & (1 << id)) return 0
      seen |= 1 << id
      p = walkQuoted(id == K_SOURCE ? W_SOURCE_ADDRESS : W_DESTINATION_ADDRESS, value)
      if (p == 0) return 0
    } else {
      p = valueEnd(value, 0)
      if (p == 0) return 0
      if (id >= K_SHAPE) {
        if (seen & 1) return 0
        seen |= 1
        if (!addShape(id, value, u32(p - value))) return 0
      } else noteSkipped(id, value, p)
    }
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

/** One protocol, as every producer writes it. */
export function walkLayer4(start: usize): usize {
  let p = start + 1
  if (load<u8>(start) != 0x7b) return 0
  const id = keyAt(IN_L4, p)
  if (id == K_BAD) return 0
  const value = keyEnd
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

/** Returns how many digits the eight characters begin with. */
// @ts-ignore: decorator
@inline
function digitsOf(text: u64): u32 {
  const others = ((text & 0xf0f0f0f0f0f0f0f0) | (((text + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) ^ 0x3333333333333333
  return u32(ctz(others)) >> 3
}

/** Returns what the first digits say, 1 to 8 of them: neighbours are joined, then pairs, then fours. */
// @ts-ignore: decorator
@inline
function numberOf(text: u64, digits: u32): u32 {
  let n = (text - 0x3030303030303030) << ((8 - digits) << 3)
  n = ((n & 0x0f0f0f0f0f0f0f0f) * 2561) >> 8
  n = ((n & 0x00ff00ff00ff00ff) * 6553601) >> 16
  return u32(((n & 0x0000ffff0000ffff) * 42949672960001) >> 32)
}

/** Where the number of the port ends that was read last; 0 for none. */
export let portEnd: usize = 0

/** Returns the port at `p`, and in `portEnd` where it ends. */
// @ts-ignore: decorator
@inline
export function portAt(p: usize): u32 {
  // All digits at once. No leading zero, no fraction, no exponent: then a comma or a brace would not follow.
  const text = load<u64>(p)
  const digits = digitsOf(text)
  portEnd = 0
  if (digits - 1 > 4 || (u8(text) == 0x30 && digits > 1)) return 0
  const port = numberOf(text, digits)
  if (port > 65535) return 0
  portEnd = p + digits
  return port
}

function walkPorts(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    const id = keyAt(IN_PORTS, p)
    if (id == K_BAD) return 0
    const value = keyEnd
    if (id == K_SOURCE_PORT || id == K_DESTINATION_PORT) {
      if (seen & (1 << id)) return 0
      seen |= 1 << id
      p = walkSlot(id == K_SOURCE_PORT ? W_SOURCE_PORT : W_DESTINATION_PORT, value)
      if (p == 0) return 0
    } else {
      p = valueEnd(value, 0)
      if (p == 0) return 0
      if (id >= K_SHAPE) {
        if (seen & 1) return 0
        seen |= 1
        if (!addShape(id, value, u32(p - value))) return 0
      } else noteSkipped(id, value, p)
    }
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

export function walkLayer7(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  if (load<u8>(start) != 0x7b) return 0
  if (!addShape(S_L7, start, 0)) return 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    const id = keyAt(IN_L7, p)
    if (id == K_BAD) return 0
    const value = keyEnd
    if (id == K_DNS) {
      if (hasAnswer || load<u8>(value) != 0x7b) return 0
      p = walkDns(value)
      if (p == 0) return 0
      hasAnswer = true
    } else {
      p = valueEnd(value, 0)
      if (p == 0) return 0
      if (id >= K_SHAPE) {
        if (seen != 0) return 0
        seen = 1
        if (!addShape(id, value, u32(p - value))) return 0
      } else noteSkipped(id, value, p)
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
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    const id = keyAt(IN_DNS, p)
    if (id == K_BAD) return 0
    const value = keyEnd
    if (id != K_NONE) {
      if (seen & (1 << id)) return 0
      seen |= 1 << id
    }
    p = walkSlot(dnsSlot(id), value)
    if (p == 0) return 0
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}

function dnsSlot(id: u32): u32 {
  switch (id) {
    case K_QUERY: return W_QUERY
    case K_IPS: return W_IPS
    case K_CNAMES: return W_CNAMES
    case K_RCODE: return W_RCODE
    default: return W_SKIPPED
  }
}

export function walkExtensions(start: usize): usize {
  let p = start + 1
  let seen = false
  if (load<u8>(start) != 0x7b) return 0
  if (!addShape(S_EXTENSIONS, start, 0)) return 0
  if (load<u8>(p) == 0x7d) return p + 1
  while (true) {
    const id = keyAt(IN_EXTENSIONS, p)
    if (id == K_BAD) return 0
    const value = keyEnd
    p = valueEnd(value, 0)
    if (p == 0) return 0
    if (id != K_NONE) {
      if (seen) return 0
      seen = true
      if (!addShape(id, value, u32(p - value))) return 0
    } else noteSlot(W_SKIPPED, value, p)
    const c = load<u8>(p)
    if (c == 0x7d) return p + 1
    if (c != 0x2c) return 0
    p++
  }
}
