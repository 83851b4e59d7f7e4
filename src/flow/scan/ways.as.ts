/**
 * Follows the ways that lines go: a way is what lines of one kind share byte by byte, their literals, with a slot between
 * each two for what differs. Ways begin together and part where their literals do. A line that goes the way of one that
 * was walked, and of which each slot holds what may stand there, means what that one meant, with other values.
 */
import { addressAt, addressEnd, endpointEnd, endpointRow, nameEnd, nameRow, nodeEnd } from "./ends.as"
import { arrayEnd, isDigit, isPlain36, numberEnd, plainEnd, textEnd, valueEnd } from "./json.as"
import { LITERAL_BYTES, LITERALS, MAX_SLOTS, MAX_STEPS, SLOT_BYTES, SLOTS, STEP_BYTES, STEPS } from "./layout.as"
import {
  cnames, cnamesLength, destination, destinationAddress, destinationNames, destinationNamesLength, destinationPort,
  flowNode, flowTime, hasAnswer, ips, ipsLength, lastCluster, query, queryLength, rcode, rcodeLength, source,
  sourceAddress, sourceNames, sourceNamesLength, sourcePort, time, topCluster, topNode, uuid,
} from "./line.as"
import { portAt, portEnd } from "./parts.as"
import {
  W_CNAMES, W_DESTINATION, W_DESTINATION_ADDRESS, W_DESTINATION_NAMES, W_DESTINATION_PORT, W_END, W_IPS, W_NODE,
  W_NUMBER, W_QUERY, W_RCODE, W_SKIPPED, W_SOURCE, W_SOURCE_ADDRESS, W_SOURCE_NAMES, W_SOURCE_PORT, W_TEXT, W_TIME,
  W_TOP_CLUSTER, W_TOP_NODE, W_TOP_TIME, W_UUID,
} from "./places.as"
import { isSame } from "./texts.as"
import { timeAt, timeEnd } from "./time.as"

// Members of a step: its literal, the other steps that may stand in its place, the first of those that follow its slot,
// what its slot holds, and, at the end of a way, the row of the shape and what else is the same for all its lines.
const LITERAL: usize = 0
const LENGTH: usize = 4
const OTHER: usize = 8
const NEXT: usize = 12
const SLOT: usize = 16
const SHAPE: usize = 20
const FLAGS: usize = 24

const LACKS_SOURCE_PORT: u32 = 1
const LACKS_DESTINATION_PORT: u32 = 2
const HAS_ANSWER: u32 = 4

const MAX_LITERAL: u32 = 1024
/** Ways that part at one place: as many are looked at for each line that goes none of them. */
const MAX_OTHERS: u32 = 64
/** Lines that each step must have saved before all are forgotten for new ones. */
const WORTH: u32 = 16

/** The first step is where all ways begin. */
let stepCount: u32 = 1
let literals: usize = LITERALS
export let followed: u32 = 0
let isLearning: bool = true

export function forgetWays(): void {
  memory.fill(STEPS, 0, STEP_BYTES)
  stepCount = 1
  literals = LITERALS
  followed = 0
  isLearning = true
}

/** The row of the shape that all lines of the way have. */
export let wayShape: u32 = 0

/** What is the same for all lines of a way, and stands in none of its literals. */
function flagsOfLine(): u32 {
  return (sourcePort == 0 ? LACKS_SOURCE_PORT : 0) | (destinationPort == 0 ? LACKS_DESTINATION_PORT : 0) |
    (hasAnswer ? HAS_ANSWER : 0)
}

// @ts-ignore: decorator
@inline
function isLiteral(step: usize, p: usize): bool {
  return isSame(p, load<u32>(step + LITERAL), load<u32>(step + LENGTH))
}

/** Returns where the line at `p` ends when it goes a way that is known, else 0: then what it says is half told. */
export function followWay(start: usize): usize {
  let p = start
  let from: usize = STEPS
  while (true) {
    let step: usize = load<u32>(from + NEXT)
    if (step == 0) return 0
    if (!isLiteral(step, p)) {
      step = otherStep(from + NEXT, p)
      if (step == 0) return 0
    }
    p += load<u32>(step + LENGTH)
    const kind = load<u32>(step + SLOT)
    if (kind == W_END) {
      const flags = load<u32>(step + FLAGS)
      hasAnswer = (flags & HAS_ANSWER) != 0
      if (flagsOfLine() != flags) return 0
      wayShape = load<u32>(step + SHAPE)
      followed++
      return p
    }
    p = slotEnd(kind, p)
    if (p == 0) return 0
    from = step
  }
}

/** Returns the step that goes on at `p` among those after the first, and moves it ahead of the one before it; 0 for none. */
function otherStep(first: usize, p: usize): usize {
  let link = first
  let before: usize = load<u32>(link)
  let step: usize = load<u32>(before + OTHER)
  while (step != 0) {
    if (isLiteral(step, p)) {
      store<u32>(before + OTHER, load<u32>(step + OTHER))
      store<u32>(step + OTHER, u32(before))
      store<u32>(link, u32(step))
      return step
    }
    link = before + OTHER
    before = step
    step = load<u32>(step + OTHER)
  }
  return 0
}

/** Reads what stands in a slot at `p`, and returns where it ends; 0 for what may not stand there. */
// @ts-ignore: decorator
@inline
function slotEnd(kind: u32, p: usize): usize {
  let end: usize = 0
  switch (kind) {
    case W_TIME:
      flowTime = p
      time = timeAt(p)
      return time == 0 ? 0 : timeEnd
    case W_TOP_TIME:
      if (flowTime != 0) return plainEnd(p)
      time = timeAt(p)
      return time == 0 ? 0 : timeEnd
    case W_UUID:
      uuid = p
      return isPlain36(p) ? p + 36 : 0
    case W_SOURCE_ADDRESS:
      sourceAddress = addressAt(p)
      return sourceAddress == 0 ? 0 : addressEnd
    case W_DESTINATION_ADDRESS:
      destinationAddress = addressAt(p)
      return destinationAddress == 0 ? 0 : addressEnd
    case W_SOURCE_PORT:
      sourcePort = portAt(p)
      return portEnd
    case W_DESTINATION_PORT:
      destinationPort = portAt(p)
      return portEnd
    case W_SOURCE:
      end = endpointEnd(p, sourceAddress)
      source = endpointRow
      return end
    case W_DESTINATION:
      end = endpointEnd(p, destinationAddress)
      destination = endpointRow
      return end
    case W_NODE:
      end = nodeEnd(p)
      flowNode = nameRow
      return end
    case W_TOP_NODE:
      end = nameEnd(p, flowNode)
      topNode = nameRow
      return end
    case W_TOP_CLUSTER:
      end = nameEnd(p, lastCluster)
      topCluster = nameRow
      lastCluster = nameRow
      return end
    case W_SOURCE_NAMES:
      end = namesEnd(p)
      sourceNames = p
      sourceNamesLength = u32(end - p)
      return end
    case W_DESTINATION_NAMES:
      end = namesEnd(p)
      destinationNames = p
      destinationNamesLength = u32(end - p)
      return end
    case W_QUERY:
      end = valueEnd(p, 0)
      query = p
      queryLength = u32(end - p)
      return end
    case W_IPS:
      end = valueEnd(p, 0)
      ips = p
      ipsLength = u32(end - p)
      return end
    case W_CNAMES:
      end = valueEnd(p, 0)
      cnames = p
      cnamesLength = u32(end - p)
      return end
    case W_RCODE:
      end = valueEnd(p, 0)
      rcode = p
      rcodeLength = u32(end - p)
      return end
    case W_TEXT:
      return textEnd(p)
    case W_NUMBER:
      return numberEnd(p)
    default:
      return valueEnd(p, 0)
  }
}

function namesEnd(p: usize): usize {
  return load<u8>(p) == 0x5b ? arrayEnd(p + 1, 0) : 0
}

// Members of a slot of the line that is walked: what it holds, where it begins and where it ends.
const START: usize = 4
const ENDS: usize = 8

/** Slots of the line that is walked; more than there is room for when it has too many. */
export let slotCount: u32 = 0

export function noteSlot(kind: u32, start: usize, end: usize): void {
  if (slotCount < MAX_SLOTS) {
    const slot = SLOTS + usize(slotCount) * SLOT_BYTES
    store<u32>(slot, kind)
    store<u32>(slot + START, u32(start))
    store<u32>(slot + ENDS, u32(end))
  }
  slotCount++
}

/** Reads what stands in a slot of the line that is walked, and returns where it ends; 0 for what may not stand there. */
export function walkSlot(kind: u32, p: usize): usize {
  const end = slotEnd(kind, p)
  noteSlot(kind, p, end)
  return end
}

/** The same for a text in quotes, which are none of the slot. */
export function walkQuoted(kind: u32, p: usize): usize {
  if (load<u8>(p) != 0x22) return 0
  const end = walkSlot(kind, p + 1)
  return end == 0 ? 0 : end + 1
}

/** Makes a way of the line that was walked, from `start` to `end`, and has a shape. */
export function learnWay(start: usize, end: usize, shape: u32): void {
  if (!isLearning || slotCount > MAX_SLOTS) return
  let from: usize = STEPS
  let p = start
  for (let i: u32 = 0; i < slotCount && from != 0; i++) {
    const slot = SLOTS + usize(i) * SLOT_BYTES
    const kind = load<u32>(slot)
    let at: usize = load<u32>(slot + START)
    const slotEnd: usize = load<u32>(slot + ENDS)
    if (kind != W_SKIPPED) {
      from = stepTo(from, p, at, kind)
      p = slotEnd
      continue
    }
    while (at < slotEnd && from != 0) {
      const c = load<u8>(at)
      if (c == 0x22) {
        const close = textEnd(at + 1)
        if (load<u8>(close + 1) != 0x3a) {
          from = stepTo(from, p, at + 1, W_TEXT)
          p = close
        }
        at = close + 1
      } else if (c == 0x2d || isDigit(c)) {
        from = stepTo(from, p, at, W_NUMBER)
        at = numberEnd(at)
        p = at
      } else at++
    }
  }
  if (from != 0) from = stepTo(from, p, end, W_END)
  if (from == 0) return
  store<u32>(from + SHAPE, shape)
  store<u32>(from + FLAGS, flagsOfLine())
}

/** Returns the step after `from` with the literal from `start` to `end`, a new one where there is none; 0 without room. */
function stepTo(from: usize, start: usize, end: usize, kind: u32): usize {
  const length = u32(end - start)
  if (length > MAX_LITERAL) return 0
  let link = from + NEXT
  let others: u32 = 0
  while (load<u32>(link) != 0) {
    const known: usize = load<u32>(link)
    if (load<u32>(known + SLOT) == kind && load<u32>(known + LENGTH) == length &&
      isSame(start, load<u32>(known + LITERAL), length)) return known
    link = known + OTHER
    others++
  }
  if (others >= MAX_OTHERS) return 0
  if (stepCount == MAX_STEPS || u32(literals - LITERALS) > LITERAL_BYTES - MAX_LITERAL) {
    if (followed < WORTH * stepCount) isLearning = false
    else forgetWays()
    return 0
  }
  const step = STEPS + usize(stepCount++) * STEP_BYTES
  memory.fill(step, 0, STEP_BYTES)
  memory.copy(literals, start, length)
  store<u32>(step + LITERAL, u32(literals))
  store<u32>(step + LENGTH, length)
  store<u32>(step + SLOT, kind)
  literals += length
  store<u32>(link, u32(step))
  return step
}
