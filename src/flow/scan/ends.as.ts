/** Finds out which endpoints and nodes a flow names: mostly foretold, and then compared byte by byte. */
import { objectEnd, textEnd } from "./json.as"
import { C, D, E, ENDPOINT, IS_LOCAL, LENGTH, NODE, ROWS, TEXT } from "./layout.as"
import { destination, source } from "./line.as"
import { intern, isSame, rowAt } from "./texts.as"

/** Returns where the text at `p` ends that is the name of a node or a cluster, with its row in `nameRow`; 0 for none. */
export let nameRow: u32 = 0
export function nameEnd(p: usize, likely: u32): usize {
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
 * then its bytes are compared and not walked.
 */
export function endpointEnd(p: usize, address: u32): usize {
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
