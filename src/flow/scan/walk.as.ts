/** Walks a line: an envelope, and the flow in it. */
import { valueEnd } from "./json.as"
import { keyAt, keyEnd } from "./keys.as"
import { addShape, forgetLine, isBare } from "./line.as"
import { walkAddresses, walkExtensions, walkLayer4, walkLayer7 } from "./parts.as"
import {
  IN_FLOW, IN_TOP, K_AGGREGATE, K_BAD, K_BARE, K_CLUSTER_NAME, K_DESTINATION, K_DESTINATION_NAMES,
  K_EXTENSIONS, K_FIXED, K_FLOW, K_IP, K_L4, K_L7, K_NODE_NAME, K_NONE, K_OTHER_EVENT, K_SHAPE, K_SKIP, K_SOURCE,
  K_SOURCE_NAMES, K_TIME, K_UUID, W_DESTINATION, W_DESTINATION_NAMES, W_NODE, W_SKIPPED, W_SOURCE, W_SOURCE_NAMES,
  W_TIME, W_TOP_CLUSTER, W_TOP_NODE, W_TOP_TIME, W_UUID,
} from "./places.as"
import { walkQuoted, walkSlot } from "./ways.as"

/** Returns where the line ends that starts at `p` with a brace, or 0 for one that is not spelled as Hubble does. */
export function walkTop(start: usize): usize {
  let p = start + 1
  let seen: u32 = 0
  let hasFlow = false
  while (true) {
    const id = keyAt(IN_TOP, p)
    if (id == K_BAD) return 0
    const value = keyEnd
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
        p = walkSlot(W_TOP_NODE, value)
        break
      case K_CLUSTER_NAME:
        p = walkSlot(W_TOP_CLUSTER, value)
        break
      case K_TIME:
        p = walkQuoted(W_TOP_TIME, value)
        break
      case K_BARE:
        if (!hasFlow) return walkBare(start)
        return 0
      default:
        p = walkSlot(W_SKIPPED, value)
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
    const id = keyAt(IN_FLOW, p)
    if (id == K_BAD) return 0
    const value = keyEnd
    if (id > K_SKIP) {
      if (seen & (u64(1) << id)) return 0
      seen |= u64(1) << id
    }
    if (id >= K_SHAPE) {
      p = valueEnd(value, 0)
      if (p == 0 || !addShape(id, value, u32(p - value))) return 0
    } else switch (id) {
      case K_FIXED:
        p = valueEnd(value, 0)
        break
      case K_TIME:
        p = walkQuoted(W_TIME, value)
        break
      case K_UUID:
        p = walkQuoted(W_UUID, value)
        break
      case K_IP:
        p = walkAddresses(value)
        break
      case K_L4:
        p = walkLayer4(value)
        break
      case K_SOURCE:
        p = walkSlot(W_SOURCE, value)
        break
      case K_DESTINATION:
        p = walkSlot(W_DESTINATION, value)
        break
      case K_NODE_NAME:
        p = walkSlot(W_NODE, value)
        break
      case K_SOURCE_NAMES:
        p = walkSlot(W_SOURCE_NAMES, value)
        break
      case K_DESTINATION_NAMES:
        p = walkSlot(W_DESTINATION_NAMES, value)
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
      case K_OTHER_EVENT:
        // Of a flow without an envelope it is the cluster's, and what makes it something else; within one it says nothing.
        if (isBare) return 0
        p = walkSlot(W_SKIPPED, value)
        break
      default:
        p = walkSlot(W_SKIPPED, value)
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
