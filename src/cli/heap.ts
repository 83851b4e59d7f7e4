/** How much memory the engine takes ahead of what it needs. */
import { setFlagsFromString } from 'node:v8'

/** With more edges a collector that comes often takes longer than all else. */
const smallEdges = 25_000

let isSmall = false

/** Keeps the heap small: of what reading makes nearly all stays, and room that is taken ahead is of no use. */
export function keepHeapSmall(): void {
  isSmall = true
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--optimize-for-size')
}

/** Lets the heap grow as it likes once there is much to keep. */
export function letHeapGrow(edges: number): void {
  if (!isSmall || edges < smallEdges) return
  isSmall = false
  setFlagsFromString('--no-optimize-for-size')
}
