/** Finds out which endpoints and nodes a flow names: mostly foretold, and then compared byte by byte. */
import { objectEnd, plainEnd, textEnd } from "./json.as"
import { ADDRESS, C, E, ENDPOINT, IS_LOCAL, LENGTH, NODE, ROWS, TEXT } from "./layout.as"
import { destination, source } from "./line.as"
import { intern, isSame, isSameLong, knownAddress, rowAt } from "./texts.as"

/** Returns where the text at `p` ends that is the name of a node or a cluster, with its row in `nameRow`; 0 for none. */
export let nameRow: u32 = 0
export function nameEnd(p: usize, likely: u32): usize {
  nameRow = 0
  if (load<u8>(p) != 0x22) return 0
  if (likely != 0) {
    const known = rowAt(likely)
    const length = load<u32>(known + LENGTH)
    if (isSame(p, load<u32>(known + TEXT), length)) {
      nameRow = likely
      return p + length
    }
  }
  const end = textEnd(p + 1)
  if (end == 0 || end - p > 1000) return 0
  nameRow = intern(NODE, p, u32(end + 1 - p))
  return end + 1
}

/** Returns where the name of the flow's node ends: its row is remembered by the endpoint that is local to the node. */
// @ts-ignore: decorator
@inline
export function nodeEnd(p: usize): usize {
  const local = (load<u32>(rowAt(source) + C) & IS_LOCAL) != 0 ? rowAt(source) : rowAt(destination)
  const end = nameEnd(p, load<u32>(local + E))
  if (local != ROWS) store<u32>(local + E, nameRow)
  return end
}

export let endpointRow: u32 = 0

/**
 * Returns where the endpoint at `p` ends, with its row in `endpointRow`. The address before it mostly tells which it is:
 * then its bytes are compared and not walked. A pod has two texts, one with an ID, as its own node writes it, and one
 * without: the row of the address has a place for each, told apart by the first letter.
 */
export function endpointEnd(p: usize, address: u32): usize {
  const place = rowAt(address) + C + ((load<u8>(p + 2) >>> 3) & 4)
  if (address != 0) {
    endpointRow = load<u32>(place)
    const row = rowAt(endpointRow)
    const length = load<u32>(row + LENGTH)
    if (endpointRow != 0 && isSameLong(p, load<u32>(row + TEXT), length)) return p + length
  }
  if (load<u8>(p) != 0x7b) return 0
  const end = objectEnd(p + 1, 0)
  if (end == 0) return 0
  endpointRow = intern(ENDPOINT, p, u32(end - p))
  if (address != 0) store<u32>(place, endpointRow)
  return end
}

/** Where the address ends that was read last: at its quote. */
export let addressEnd: usize = 0

/** Returns the row of the address at `p`, up to its quote; 0 for what is too long for one, or not plain. */
export function addressAt(p: usize): u32 {
  const quotes = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(0x22)))
  if (quotes != 0) {
    addressEnd = p + ctz(quotes)
    const known = knownAddress(p, ctz(quotes))
    if (known != 0) return known
  }
  addressEnd = plainEnd(p)
  if (addressEnd == 0 || addressEnd - p > 63) return 0
  return intern(ADDRESS, p, u32(addressEnd - p))
}
