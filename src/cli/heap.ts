/** How much the engine does ahead of what it knows to be needed, or besides: room that it takes, code that it optimizes. */

/** With more edges a collector that comes often takes longer than all else. */
const smallEdges = 25_000

let setFlags: ((flags: string) => void) | undefined

/**
 * Keeps the heap small: of what reading makes nearly all stays, and room that is taken ahead is of no use. What runs for
 * long is the scanner, which is none of this engine's code: so that is optimized only after it ran for a while, some seven
 * times as much as by default. Where every processor reads, helpers of the collector are waited for.
 */
export async function keepEngineSmall(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8')
  setFlags = setFlagsFromString
  setFlags('--semi-space-growth-factor=1')
  setFlags('--optimize-for-size')
  setFlags('--interrupt-budget=1000000')
  setFlags('--no-parallel-scavenge')
}

/** Lets the heap grow as it likes once there is much to keep. */
export function letHeapGrowWith(edges: number): void {
  if (edges >= smallEdges) letHeapGrow()
}

/** Lets the heap grow as it likes: also when all is read, as what follows makes much that does not stay. */
export function letHeapGrow(): void {
  setFlags?.('--no-optimize-for-size')
  setFlags?.('--parallel-scavenge')
  setFlags = undefined
}
