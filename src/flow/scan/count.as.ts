/** Counts what a line says once it is walked. */
import { AUTHENTICATED, countCell, edgeAt, ENCRYPTED, NAMED_BY, noteBlock, noteSample } from "./edges.as"
import {
  A, ANSWER, ANSWER_PART, B, BLOCK_MS, C, COUNT, D, EDGE_BYTES, EDGES, FIRST, IS_ANSWER, IS_AUTHENTICATED, IS_BAD, IS_BAD_SHAPE,
  IS_COUNTED, IS_DENIED, IS_ENCRYPTED, IS_FROM, IS_HEALTH, IS_ICMP, IS_LOCAL, IS_MASKED, IS_OUTSIDE, IS_POD,
  IS_SIGHTED, IS_TURNED, IS_UNRESOLVED, IS_V6, LAST, NAMED, NAMES, ORIGIN, OUTCOME_SHIFT, OUTCOMES, SCRATCH,
  SHAPE, TUPLE,
} from "./layout.as"
import {
  cnames, cnamesLength, destination, destinationAddress, destinationNames, destinationNamesLength,
  destinationPort, flowNode, hasAnswer, ips, ipsLength, query, queryLength, rcode, rcodeLength,
  shapeEnd, source, sourceAddress, sourceNames, sourceNamesLength, sourcePort, time, topCluster, topNode, uuid,
} from "./line.as"
import { S_PORTS } from "./places.as"
import {
  healthOutcome, icmpOutcome, maskedOutcome, noPodOutcome, passedOver, records, selfOutcome, since,
  unresolvedOutcome, until,
} from "./state.as"
import { intern, rowAt } from "./texts.as"
import { dayMs } from "./time.as"

/** Returns the row of the shape that the line has that was walked. */
export function walkedShape(): u32 {
  const flags: u8 = (sourcePort == 0 ? 1 : 0) | (destinationPort == 0 ? 2 : 0)
  store<u8>(shapeEnd, u8(S_PORTS))
  store<u8>(shapeEnd + 1, flags)
  return intern(SHAPE, SCRATCH, u32(shapeEnd + 2 - SCRATCH))
}

/** Counts the line, which has the shape of a row; false for one that only the host can judge. */
export function countLine(shapeRow: u32): bool {
  const shape = rowAt(shapeRow)
  const shapeFlags = load<u32>(shape + A)
  if (shapeFlags & IS_BAD_SHAPE) return false
  const isCounted = (shapeFlags & IS_COUNTED) != 0
  const sourceRow = rowAt(source)
  const destinationRow = rowAt(destination)
  if (!isCounted) {
    // An endpoint that the record lacks is one that says nothing.
    if (source == 0 || destination == 0) return false
    if ((load<u32>(sourceRow + C) | load<u32>(destinationRow + C)) & IS_BAD) return false
  }
  records++
  if (time != 0 && (time < since || time > until)) {
    passedOver++
    return true
  }
  if (hasAnswer && (shapeFlags & IS_ANSWER) != 0) noteAnswer()
  if (isCounted) {
    countOutcome(shapeFlags >> OUTCOME_SHIFT)
    noteOrigin(time)
    return true
  }
  const turned = (shapeFlags & IS_TURNED) != 0
  const client = turned ? destinationRow : sourceRow
  const server = turned ? sourceRow : destinationRow
  const clientAddress = rowAt(turned ? destinationAddress : sourceAddress)
  const serverAddress = rowAt(turned ? sourceAddress : destinationAddress)
  const clientNumber = load<u32>(clientAddress + A)
  const serverNumber = load<u32>(serverAddress + A)
  const clientFlags = flagsAt(client, clientNumber)
  const serverFlags = flagsAt(server, serverNumber)
  const outcome = outcomeOf(shapeFlags, client, server, clientFlags, serverFlags, clientAddress, serverAddress)
  if (outcome != NO_OUTCOME) {
    countOutcome((shapeFlags & IS_ICMP) != 0 ? icmpOutcome : outcome)
    noteOrigin(time)
    return true
  }
  noteOrigin(time)
  if (clientFlags & IS_SIGHTED) noteTime(client, time)
  if (serverFlags & IS_SIGHTED) noteTime(server, time)
  const clientPort = turned ? destinationPort : sourcePort
  const serverPort = turned ? sourcePort : destinationPort
  const isClientPod = (clientFlags & IS_POD) != 0
  const spread = isClientPod ? serverNumber : clientNumber
  const spreadFlags = isClientPod ? serverFlags : clientFlags
  const protocol = load<u32>(shape + D)
  let direction: u32 = 0
  let port = serverPort
  let otherPort: u32 = 0
  if (shapeFlags & IS_ICMP) port = protocol >> 8
  else {
    direction = (load<u32>(shape + C) >> ((portClass(clientPort) * 4 + portClass(serverPort)) * 2)) & 3
    if (direction != 0) otherPort = clientPort
    if (direction == 1) port = 0
  }
  const edge = edgeAt(
    u64(endOf(client, clientNumber)) | (u64(endOf(server, serverNumber)) << 26) |
      (u64(protocol & 255) << 52) | (u64(direction) << 55),
    u64(spreadFlags & IS_POD ? 0 : spread) | (u64(port) << 32) | (u64(otherPort) << 48),
  )
  const locals = ((load<u32>(sourceRow + C) & IS_LOCAL) != 0 ? 1 : 0) | ((load<u32>(destinationRow + C) & IS_LOCAL) != 0 ? 2 : 0)
  countCell(edge, (load<u32>(shape + B) >> (locals * 8)) & 255, time)
  if ((shapeFlags & IS_DENIED) == 0) {
    if (time != 0) noteBlock(edge, u32(dayMs / BLOCK_MS) + u32(time - dayMs) / u32(BLOCK_MS))
    if (shapeFlags & IS_ENCRYPTED) store<f64>(edge + ENCRYPTED, load<f64>(edge + ENCRYPTED) + 1)
    if (shapeFlags & IS_AUTHENTICATED) store<f64>(edge + AUTHENTICATED, load<f64>(edge + AUTHENTICATED) + 1)
  }
  if (uuid != 0) noteSample(edge)
  if ((serverFlags & IS_OUTSIDE) != 0) {
    const names = turned ? sourceNames : destinationNames
    if (names != 0) noteNames(edge, serverNumber, names, turned ? sourceNamesLength : destinationNamesLength)
  }
  return true
}

// @ts-ignore: decorator
@inline
function portClass(port: u32): u32 {
  return port == 0 ? 0 : port < 1024 ? 1 : port < 32768 ? 2 : 3
}

/** An outside end without an address is nobody. */
// @ts-ignore: decorator
@inline
function flagsAt(row: usize, address: u32): u32 {
  const flags = load<u32>(row + C)
  return (flags & IS_OUTSIDE) != 0 && address == 0 ? flags | IS_MASKED : flags
}

// @ts-ignore: decorator
@inline
function endOf(row: usize, address: u32): u32 {
  return (address & IS_V6) != 0 ? load<u32>(row + B) : load<u32>(row + A)
}

const NO_OUTCOME: u32 = 0xffff

// @ts-ignore: decorator
@inline
function outcomeOf(
  shape: u32, client: usize, server: usize, clientFlags: u32, serverFlags: u32, clientAddress: usize, serverAddress: usize,
): u32 {
  const either = clientFlags | serverFlags
  if (either & IS_POD) {
    const number = load<u32>(clientAddress + A)
    if (number != 0 && number == load<u32>(serverAddress + A)) return selfOutcome
    if ((load<u32>(clientAddress + B) | load<u32>(serverAddress + B)) != 0) return selfOutcome
    const pod = load<u32>(client + D)
    if (pod != 0 && pod == load<u32>(server + D)) return selfOutcome
  }
  if (either & IS_HEALTH) return healthOutcome
  if (either & IS_MASKED) return maskedOutcome
  if ((either & IS_POD) == 0) return noPodOutcome
  if (either & IS_UNRESOLVED) return unresolvedOutcome
  return (shape & IS_FROM) != 0 && (serverFlags & IS_POD) == 0 ? unresolvedOutcome : NO_OUTCOME
}

// @ts-ignore: decorator
@inline
function countOutcome(outcome: u32): void {
  const at = OUTCOMES + usize(outcome) * 8
  store<f64>(at, load<f64>(at) + 1)
}

// @ts-ignore: decorator
@inline
function noteTime(row: usize, time: i64): void {
  store<f64>(row + COUNT, load<f64>(row + COUNT) + 1)
  if (time == 0) return
  if (time < load<i64>(row + FIRST)) store<i64>(row + FIRST, time)
  if (time > load<i64>(row + LAST)) store<i64>(row + LAST, time)
}

/** The row of a node remembers in which origin it was seen last: words a to c are the origin and the two others of it. */
function noteOrigin(time: i64): void {
  const node = rowAt(flowNode)
  const isKnown = flowNode != 0 && load<u32>(node + B) == topNode && load<u32>(node + C) == topCluster
  let origin = load<u32>(node + A)
  if (!isKnown || origin == 0) {
    store<u32>(TUPLE, flowNode)
    store<u32>(TUPLE + 4, topNode)
    store<u32>(TUPLE + 8, topCluster)
    origin = intern(ORIGIN, TUPLE, 12)
    if (flowNode != 0) {
      store<u32>(node + A, origin)
      store<u32>(node + B, topNode)
      store<u32>(node + C, topCluster)
    }
  }
  noteTime(rowAt(origin), time)
}

function noteNames(edge: usize, address: u32, names: usize, length: u32): void {
  const row = intern(NAMES, names, length)
  if (load<u32>(edge + NAMED_BY) == row) return
  store<u32>(edge + NAMED_BY, row)
  store<u32>(TUPLE, address)
  store<u32>(TUPLE + 4, row)
  store<u32>(TUPLE + 8, u32((edge - EDGES) / EDGE_BYTES))
  intern(NAMED, TUPLE, 12)
}

function noteAnswer(): void {
  if (ipsLength == 0) return
  const asked = queryLength == 0 ? 0 : intern(ANSWER_PART, query, queryLength)
  const given = intern(ANSWER_PART, ips, ipsLength)
  const aliases = cnamesLength == 0 ? 0 : intern(ANSWER_PART, cnames, cnamesLength)
  const code = rcodeLength == 0 ? 0 : intern(ANSWER_PART, rcode, rcodeLength)
  store<u32>(TUPLE, asked)
  store<u32>(TUPLE + 4, given)
  store<u32>(TUPLE + 8, aliases)
  store<u32>(TUPLE + 12, code)
  intern(ANSWER, TUPLE, 16)
}
