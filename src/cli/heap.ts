/** How much memory the engine takes ahead of what it needs. */
/** With more edges a collector that comes often takes longer than all else. */
const smallEdges = 25_000

let setFlags: ((flags: string) => void) | undefined

/** Keeps the heap small: of what reading makes nearly all stays, and room that is taken ahead is of no use. */
export async function keepHeapSmall(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8')
  setFlags = setFlagsFromString
  setFlags('--semi-space-growth-factor=1')
  setFlags('--optimize-for-size')
}

/** Lets the heap grow as it likes once there is much to keep. */
export function letHeapGrow(edges: number): void {
  if (setFlags === undefined || edges < smallEdges) return
  setFlags('--no-optimize-for-size')
  setFlags = undefined
}
