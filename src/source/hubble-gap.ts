/** A gap of a stream as the message in which Relay says that a node is not available: whoever reads it counts it. */
import type { Gap } from './hubble-history.ts'
import { bytesField, numberField } from './wire-writer.ts'

/** `relay.NodeState`. */
const nodeUnavailable = 2

/** Returns an answer of `GetFlows` that says which node's events are missing, and of which time. */
export function encodeGap({ node, fromMs, toMs }: Gap): Buffer {
  const from = new Date(fromMs).toISOString()
  const words =
    toMs === undefined
      ? `netweir: nothing came from ${from} on`
      : `netweir: missing from ${from} to ${new Date(toMs).toISOString()}`
  const status = [
    numberField(1, nodeUnavailable),
    ...(node === '' ? [] : [bytesField(2, node)]),
    bytesField(3, words),
  ]
  const time = numberField(1, Math.floor((toMs ?? fromMs) / 1000))
  return Buffer.concat([bytesField(2, Buffer.concat(status)), bytesField(1001, time)])
}
