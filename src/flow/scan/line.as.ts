/** What the line in hand says so far. */
import { SCRATCH, SCRATCH_BYTES } from "./layout.as"
import { slotCount } from "./ways.as"

// 0 where it does not.
export let shapeEnd: usize = 0
/** Milliseconds since the epoch. */
export let time: i64 = 0
export let flowTime: usize = 0
export let uuid: usize = 0
export let flowNode: u32 = 0
export let topNode: u32 = 0
export let topCluster: u32 = 0
export let sourceAddress: u32 = 0
export let destinationAddress: u32 = 0
export let source: u32 = 0
export let destination: u32 = 0
export let sourcePort: u32 = 0
export let destinationPort: u32 = 0
export let sourceNames: usize = 0
export let sourceNamesLength: u32 = 0
export let destinationNames: usize = 0
export let destinationNamesLength: u32 = 0
export let hasAnswer: bool = false
export let query: usize = 0
export let queryLength: u32 = 0
export let ips: usize = 0
export let ipsLength: u32 = 0
export let cnames: usize = 0
export let cnamesLength: u32 = 0
export let rcode: usize = 0
export let rcodeLength: u32 = 0
/** True for a flow without an envelope. */
export let isBare: bool = false

/** The cluster that was named last: mostly it is the next one, too. */
export let lastCluster: u32 = 0

export function forgetLine(): void {
  shapeEnd = SCRATCH
  time = 0
  flowTime = 0
  uuid = 0
  flowNode = 0
  topNode = 0
  topCluster = 0
  sourceAddress = 0
  destinationAddress = 0
  source = 0
  destination = 0
  sourcePort = 0
  destinationPort = 0
  sourceNames = 0
  destinationNames = 0
  hasAnswer = false
  queryLength = 0
  ipsLength = 0
  cnamesLength = 0
  rcodeLength = 0
  slotCount = 0
}

/** Adds a value to the shape; false for one that is too long to be part of it. */
// @ts-ignore: decorator
@inline
export function addShape(id: u32, p: usize, length: u32): bool {
  if (length > 128 || shapeEnd > SCRATCH + SCRATCH_BYTES - 256) return false
  store<u8>(shapeEnd, u8(id))
  store<u8>(shapeEnd + 1, u8(length))
  const to = shapeEnd + 2
  for (let i: usize = 0; i < length; i += 16) v128.store(to + i, v128.load(p + i))
  shapeEnd = to + length
  return true
}
