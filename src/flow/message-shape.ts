/**
 * What a message says of its event, as numbers. Few combinations come up, so each is decoded once, by the plain decoder;
 * ports count as there or not.
 */
import type { FlowShape } from './assemble.ts'
import { ByteTable } from './byte-table.ts'
import { readShape } from './decode.ts'
import { readEvent } from './event.ts'
import type { Outcome } from './flow.ts'
import type { EnumType } from './hubble-enums.ts'
import {
  authType,
  dropReason,
  flowType,
  tracePoint,
  traceReason,
  trafficDirection,
  translationPoint,
  verdict,
} from './hubble-enums.ts'
import type { JsonObject } from './json.ts'

/** Positions of the numbers; 0 is what is absent. */
export const parts = {
  verdict: 0,
  dropReason: 1,
  flowType: 2,
  reply: 3,
  hasEventType: 4,
  eventType: 5,
  eventSubType: 6,
  direction: 7,
  policyMatch: 8,
  tracePoint: 9,
  dropReasonDesc: 10,
  /** 1 for false, 2 for true. */
  isReply: 11,
  translationPoint: 12,
  authType: 13,
  traceReason: 14,
  encrypted: 15,
  /** 1 for TCP, 2 for UDP. */
  protocol: 16,
  hasFlags: 17,
  syn: 18,
  ack: 19,
  hasSourcePort: 20,
  hasDestinationPort: 21,
} as const

const partCount = 22

/** Ports that stand for any but 0. */
const somePort = 50_000

/** The shapes that came up. */
export class ShapeTable {
  /** What the next message says, to be filled in. */
  readonly numbers: Int32Array = new Int32Array(partCount)
  readonly #view = new DataView(this.numbers.buffer)
  readonly #shapes = new ByteTable(() => shapeOf(this.numbers))

  /** Returns the shape of what was filled in; its ports are none of a message. */
  find(): FlowShape | Outcome {
    return this.#shapes.at(this.#view, 0, this.#view.byteLength)
  }
}

function shapeOf(numbers: Int32Array): FlowShape | Outcome {
  const flow = membersOf(numbers, {
    source: somePort * (numbers[parts.hasSourcePort] ?? 0),
    destination: somePort * (numbers[parts.hasDestinationPort] ?? 0),
  })
  return readShape(flow, readEvent(flow))
}

/** Returns the members of a flow that the numbers stand for, as its JSON form has them. */
export function membersOf(
  numbers: Int32Array,
  ports: { readonly source: number; readonly destination: number },
): JsonObject {
  const at = (part: number): number => numbers[part] ?? 0
  const enumAt = (part: number, { names }: EnumType): unknown =>
    at(part) === 0 ? undefined : (names[at(part)] ?? at(part))
  const isTrue = (part: number): true | undefined => (at(part) === 1 ? true : undefined)
  const segment = {
    source_port: ports.source || undefined,
    destination_port: ports.destination || undefined,
    flags:
      at(parts.hasFlags) === 0 ? undefined : { SYN: isTrue(parts.syn), ACK: isTrue(parts.ack) },
  }
  return {
    verdict: enumAt(parts.verdict, verdict),
    drop_reason: at(parts.dropReason) >>> 0 || undefined,
    IP: { encrypted: isTrue(parts.encrypted) },
    l4: [undefined, { TCP: segment }, { UDP: segment }][at(parts.protocol)],
    Type: enumAt(parts.flowType, flowType),
    reply: isTrue(parts.reply),
    event_type:
      at(parts.hasEventType) === 0
        ? undefined
        : {
            type: at(parts.eventType) || undefined,
            sub_type: at(parts.eventSubType) || undefined,
          },
    traffic_direction: enumAt(parts.direction, trafficDirection),
    policy_match_type: at(parts.policyMatch) >>> 0 || undefined,
    trace_observation_point: enumAt(parts.tracePoint, tracePoint),
    drop_reason_desc: enumAt(parts.dropReasonDesc, dropReason),
    is_reply: [undefined, false, true][at(parts.isReply)],
    sock_xlate_point: enumAt(parts.translationPoint, translationPoint),
    auth_type: enumAt(parts.authType, authType),
    trace_reason: enumAt(parts.traceReason, traceReason),
  }
}
