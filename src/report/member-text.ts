/** How a member of a group reads that learns together with others. */
import type { Style } from './style.ts'
import { countOf, escapeText, formatCount } from './style.ts'

/** What a member says of itself; the shape of a `MemberReport`. */
export interface MemberFacts {
  readonly joins: number
  readonly restarts: number
  readonly messages: number
  readonly replayed: number
  readonly missed: number
  readonly flushes: number
  readonly written: number
  readonly retries: number
  readonly partitions: readonly {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly end: number
  }[]
}

/** Partitions that are spelled out, the furthest behind first. */
const maxPartitions = 5

/** Returns the health of a member as lines for standard error. */
export function memberToText(member: MemberFacts, style: Style): string {
  const { joins, restarts, messages, replayed, missed, flushes, written, retries } = member
  const lines = [
    `read ${countOf(messages, 'message')}${replayed === 0 ? '' : `, ${formatCount(replayed)} of them again`}`,
    `wrote ${countOf(written, 'record')} of state in ${countOf(flushes, 'flush', 'flushes')}${retries === 0 ? '' : `, ${formatCount(retries)} tried again`}`,
    `joined the group ${countOf(joins, 'time')}${restarts === 0 ? '' : `, ${formatCount(restarts)} after the connection was lost`}`,
    lagText(member),
    ...(missed === 0
      ? []
      : [
          `${style.yellow('warning')}: ${countOf(missed, 'message')} deleted by the broker before anybody read them`,
        ]),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function lagText({ partitions }: MemberFacts): string {
  const behind = partitions
    .map((partition) => ({ ...partition, lag: partition.end - partition.offset }))
    .filter(({ lag }) => lag > 0)
    .sort((a, b) => b.lag - a.lag)
  if (partitions.length === 0) return 'owned no partition'
  const own = `owned ${countOf(partitions.length, 'partition')}`
  if (behind.length === 0) return `${own}, all read to the end`
  const named = behind
    .slice(0, maxPartitions)
    .map(({ topic, partition, lag }) => `${escapeText(topic)}/${partition} by ${formatCount(lag)}`)
  const more = behind.length > maxPartitions ? ', ...' : ''
  return `${own}, ${formatCount(behind.length)} behind: ${named.join(', ')}${more}`
}
