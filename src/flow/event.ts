/** The kind of event that a flow record reports: verdict, event type, observation point and reply flag, decoded. */
import {
  l7FlowType,
  tracePoint,
  traceReason,
  trafficDirection,
  verdict as verdictNames,
} from './hubble-enums.ts'
import type { JsonObject } from './json.ts'
import { asInteger, asObject, asText, enumName, member } from './json.ts'

/**
 * Event types that are told apart: `other` is one that says nothing about connections (debug, capture, agent, and types
 * that nobody knows), `unknown` a record whose mask left nothing to tell by.
 */
export type EventType = 'drop' | 'trace' | 'verdict' | 'sock' | 'l7' | 'other' | 'unknown'

/** Verdicts that are told apart; `not-forwarded` is an error, no verdict, or one that nobody knows. */
export type Verdict =
  | 'FORWARDED'
  | 'REDIRECTED'
  | 'AUDIT'
  | 'DROPPED'
  | 'TRACED'
  | 'TRANSLATED'
  | 'not-forwarded'

/** Why a packet was dropped, as far as policies are concerned. */
export type DropCause = 'denied' | 'denied-explicit' | 'denied-l7' | 'other'

/** What a flow record says about the event. */
export interface RecordEvent {
  readonly type: EventType
  readonly verdict: Verdict
  /** Observation point of a trace, empty otherwise. */
  readonly point: string
  /** Reason of a trace, empty when unknown. */
  readonly reason: string
  /** Undefined where the record does not say, or its producer is known to guess. */
  readonly isReply: boolean | undefined
  /** Type of a proxy's record, `REQUEST` or `RESPONSE`; empty otherwise. */
  readonly l7Kind: string
  readonly direction: 'ingress' | 'egress' | 'unknown'
}

const knownVerdicts: ReadonlySet<string> = new Set<Verdict>([
  'FORWARDED',
  'REDIRECTED',
  'AUDIT',
  'DROPPED',
  'TRACED',
  'TRANSLATED',
])

const eventTypes: Readonly<Record<number, EventType>> = {
  1: 'drop',
  4: 'trace',
  5: 'verdict',
  7: 'sock',
  129: 'l7',
}

const policyDrops: Readonly<Record<number, string>> = { 133: 'POLICY_DENIED', 181: 'POLICY_DENY' }

/** Returns what `flow` says about its event. */
export function readEvent(flow: JsonObject): RecordEvent {
  const verdict = verdictOf(flow['verdict'])
  const l7 = asObject(flow['l7'])
  const type = typeOf(flow, verdict)
  const reason = enumName(member(flow, 'trace_reason', 'traceReason'), traceReason.names)
  return {
    type,
    verdict,
    point: type === 'trace' ? pointOf(flow) : '',
    reason,
    isReply: replyOf(flow, reason),
    l7Kind: type === 'l7' ? enumName(l7?.['type'], l7FlowType.names) : '',
    direction: directionOf(flow),
  }
}

/** Returns why a dropped flow was dropped. */
export function dropCause(flow: JsonObject, type: EventType): DropCause {
  if (type === 'l7') return 'denied-l7'
  const reason = dropReason(flow, type)
  if (reason === 'POLICY_DENIED') return 'denied'
  if (reason === 'POLICY_DENY') return 'denied-explicit'
  return reason === '' && type === 'verdict' ? 'denied' : 'other'
}

/** The reason stands in up to three places, of which old producers and masks leave some out. */
function dropReason(flow: JsonObject, type: EventType): string {
  const places = [
    member(flow, 'drop_reason_desc', 'dropReasonDesc'),
    member(flow, 'drop_reason', 'dropReason'),
    type === 'drop' ? subTypeOf(flow) : undefined,
  ]
  for (const place of places) {
    const reason = enumName(place, policyDrops)
    if (reason !== '' && reason !== '0' && reason !== 'DROP_REASON_UNKNOWN') return reason
  }
  return ''
}

function verdictOf(value: unknown): Verdict {
  const name = enumName(value, verdictNames.names)
  return knownVerdicts.has(name) ? (name as Verdict) : 'not-forwarded'
}

/** Without a type, the members that only one kind of event carries tell it. */
function typeOf(flow: JsonObject, verdict: Verdict): EventType {
  const number = asInteger(eventOf(flow)?.['type']) ?? 0
  if (number !== 0) return eventTypes[number] ?? 'other'
  const name = asText(flow['Type'])
  if (name === 'SOCK' || member(flow, 'sock_xlate_point', 'sockXlatePoint') !== undefined) {
    return 'sock'
  }
  if (name === 'L7' || asObject(flow['l7']) !== undefined) return 'l7'
  if (observationPoint(flow) !== undefined) return 'trace'
  if (verdict === 'DROPPED') return 'drop'
  return member(flow, 'policy_match_type', 'policyMatchType') === undefined ? 'unknown' : 'verdict'
}

function pointOf(flow: JsonObject): string {
  const point = enumName(observationPoint(flow), tracePoint.names)
  if (point !== '' && point !== 'UNKNOWN_POINT') return point
  if (eventOf(flow) === undefined) return ''
  const subType = asInteger(subTypeOf(flow)) ?? 0
  // The kernel counts the delivery to an endpoint as 0, which the enum counts as 101.
  return subType === 0 ? 'TO_ENDPOINT' : (tracePoint.names[subType] ?? '')
}

/**
 * The old flag `reply` is printed only when true. A known reason of a trace is what the flag is made of, so it stands
 * in where a mask left the flag out (`hubble.md` 6.2). Retina prints false for "unknown".
 */
function replyOf(flow: JsonObject, reason: string): boolean | undefined {
  const flag = member(flow, 'is_reply', 'isReply')
  if (typeof flag === 'boolean') return flag || !isRetina(flow) ? flag : undefined
  if (flow['reply'] === true || reason === 'REPLY') return true
  return reason === 'NEW' || reason === 'ESTABLISHED' ? false : undefined
}

function isRetina(flow: JsonObject): boolean {
  const type = asText(asObject(flow['extensions'])?.['@type'])
  return type.endsWith('Struct') || type.endsWith('RetinaMetadata')
}

function directionOf(flow: JsonObject): RecordEvent['direction'] {
  const name = enumName(
    member(flow, 'traffic_direction', 'trafficDirection'),
    trafficDirection.names,
  )
  if (name === 'INGRESS') return 'ingress'
  return name === 'EGRESS' ? 'egress' : 'unknown'
}

function eventOf(flow: JsonObject): JsonObject | undefined {
  return asObject(member(flow, 'event_type', 'eventType'))
}

function subTypeOf(flow: JsonObject): unknown {
  const event = eventOf(flow)
  return event === undefined ? undefined : member(event, 'sub_type', 'subType')
}

function observationPoint(flow: JsonObject): unknown {
  return member(flow, 'trace_observation_point', 'traceObservationPoint')
}
