/** What a shape means: everything that the scanner need not decide anew for each record. */
import type { FlowShape } from '../flow/assemble.ts'
import { readShape } from '../flow/decode.ts'
import { readEvent } from '../flow/event.ts'
import { outcomes, protocols } from '../flow/flow.ts'
import { sideOf } from '../flow/orientation.ts'
import { flowOfShape, shapeFlags } from '../flow/scanner.ts'
import { cellRank } from './cell-numbers.ts'
import { directionOf } from './direction.ts'
import { isDenied } from './tally.ts'

/** Ports that stand for their class: none, below 1024, below 32768, above. */
const somePorts = [0, 1, 1024, 32_768] as const

const directionNumbers = { communication: 0, suspect: 1, pair: 2 } as const

/**
 * Returns the four words that the scanner is told of a shape, decided by the plain decoder from the shape alone. With
 * `isAsked` what requests are wanted of is left to that decoder: records of proxies, and connections sent to them.
 */
export function wordsOfShape(bytes: Uint8Array, isAsked = false): readonly number[] {
  try {
    const flow = flowOfShape(bytes)
    const event = readEvent(flow)
    const isProxied = event.type === 'l7' || event.verdict === 'REDIRECTED'
    if (isAsked && isProxied) return [shapeFlags.bad, 0, 0, 0]
    const answer = event.l7Kind === 'RESPONSE' ? shapeFlags.answer : 0
    const shape = readShape(flow, event)
    if (typeof shape === 'string') {
      const outcome = outcomes.indexOf(shape) << shapeFlags.outcomeShift
      return [shapeFlags.counted | answer | outcome, 0, 0, 0]
    }
    return [flagsOfShape(shape) | answer, ranksOf(shape), directionsOf(shape), protocolOf(shape)]
  } catch {
    return [shapeFlags.bad, 0, 0, 0]
  }
}

function flagsOfShape({ event, orientation, protocol, verdict, ...shape }: FlowShape): number {
  return (
    (orientation.turned ? shapeFlags.turned : 0) |
    (protocol.startsWith('ICMP') ? shapeFlags.icmp : 0) |
    (event.point.startsWith('FROM_') ? shapeFlags.from : 0) |
    (isDenied(verdict) ? shapeFlags.denied : 0) |
    (shape.isEncrypted ? shapeFlags.encrypted : 0) |
    (shape.isAuthenticated ? shapeFlags.authenticated : 0)
  )
}

/** The ranks of the cell by which ends are local: neither, the source, the destination, both; a byte each. */
function ranksOf({ event, orientation, verdict }: FlowShape): number {
  let ranks = 0
  for (let place = 3; place >= 0; place--) {
    const local = { source: (place & 1) !== 0, destination: (place & 2) !== 0 }
    const side = sideOf(event, orientation.turned, local)
    ranks = ranks * 256 + cellRank(side, verdict, orientation.strength)
  }
  return ranks
}

/** How the edge is kept, by the classes of the client's port and the server's; two bits each. */
function directionsOf({ orientation, protocol }: FlowShape): number {
  let directions = 0
  for (let ports = 15; ports >= 0; ports--) {
    const direction = directionOf({
      certain: orientation.certain,
      strength: orientation.strength,
      protocol,
      clientPort: somePorts[ports >> 2] ?? 0,
      port: somePorts[ports & 3] ?? 0,
    })
    directions = directions * 4 + directionNumbers[direction]
  }
  return directions
}

function protocolOf({ protocol, port }: FlowShape): number {
  return protocols.indexOf(protocol) + (protocol.startsWith('ICMP') ? port * 256 : 0)
}
