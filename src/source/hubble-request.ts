/** The request of `Observer.GetFlows`, as protobuf (`proto/observer/observer.proto`). */
import type { ServerFilter } from './hubble-filter.ts'
import { filterMessages } from './hubble-filter.ts'
import { bytesField, numberField } from './wire-writer.ts'

/** What is asked for. */
export interface FlowsRequest {
  /** The last so many flows, of each node. Default: as many as there are, or none before now with `follow`. */
  readonly number?: number
  readonly follow?: boolean
  /** Milliseconds since the epoch. Takes precedence over `number` for where reading starts. */
  readonly sinceMs?: number
  readonly untilMs?: number
  readonly filter?: ServerFilter
}

/** Returns the bytes of a request. */
export function encodeFlowsRequest(request: FlowsRequest): Buffer {
  const { number = 0, follow = false, sinceMs, untilMs, filter } = request
  return Buffer.concat([
    ...(number === 0 ? [] : [numberField(1, number)]),
    ...(follow ? [numberField(3, 1)] : []),
    ...(filter === undefined ? [] : filterMessages(filter).map((one) => bytesField(6, one))),
    ...(sinceMs === undefined ? [] : [bytesField(7, timestamp(sinceMs))]),
    ...(untilMs === undefined ? [] : [bytesField(8, timestamp(untilMs))]),
  ])
}

function timestamp(timeMs: number): Buffer {
  const seconds = Math.floor(timeMs / 1000)
  const nanos = Math.round((timeMs - seconds * 1000) * 1e6)
  return Buffer.concat([
    ...(seconds === 0 ? [] : [numberField(1, seconds)]),
    ...(nanos === 0 ? [] : [numberField(2, nanos)]),
  ])
}
