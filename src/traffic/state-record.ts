/**
 * The records of a state topic. What a member knows of one partition of the source is spread over a record for each item
 * of its communication set, and a record of the position: up to where in the partition the items hold. Keys carry the
 * *tenure*, a name of its own for each time that a member owns a partition, so that the records of one tenure are
 * complete in themselves and no owner ever overwrites what another one wrote.
 */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import type { SetHead } from './set-items.ts'

/** A record as the topic holds it; no value means that the key is gone. */
export interface StateRecord {
  readonly key: string
  readonly value: string | null
}

/** The partition of a source that a consumer group reads: what has a state. */
export interface StatePlace {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

/** How far a tenure has read, and what is true of its items as a whole. */
export interface StatePosition extends SetHead {
  /** The offset of the next record of the source: all before it are taken in. */
  readonly next: number
  /** How many items the tenure has. Fewer in the topic means that some are missing. */
  readonly items: number
  /** Records that were taken in, the ledger's total but for those that expired. */
  readonly records: number
  /** Records of items that were removed since they were last seen before `expiredBefore`. */
  readonly expired: number
  /** RFC 3339; absent while nothing expires. */
  readonly expiredBefore?: string
}

/** A key, read. */
export interface StateKey {
  readonly place: StatePlace
  readonly tenure: string
  /** The key of an item; undefined for the position. */
  readonly item: string | undefined
}

const version = 'netweir/v1'

/** Returns the record of an item, stamped with the offset up to which it holds; no value removes it. */
export function itemRecord(
  place: StatePlace,
  tenure: string,
  key: string,
  value: { readonly text: string; readonly upTo: number } | undefined,
): StateRecord {
  return {
    key: `${keyHead(place, tenure)}${key.slice(1)}`,
    value: value === undefined ? null : `{"upTo":${value.upTo}${memberList(value.text)}}`,
  }
}

/** Returns the record of the position; without one it removes it. */
export function positionRecord(
  place: StatePlace,
  tenure: string,
  position: StatePosition | undefined,
): StateRecord {
  return {
    key: `${keyHead(place, tenure)}"position"]`,
    value: position === undefined ? null : JSON.stringify(position),
  }
}

/**
 * Returns what a key says, or undefined for one that netweir did not write.
 * @throws {NetweirError} `SET_INVALID` for one that another version of netweir wrote.
 */
export function parseStateKey(text: string, location: Location): StateKey | undefined {
  const parts = parseArray(text)
  if (parts === undefined) return undefined
  const [writer, group, topic, partition, tenure, kind, ...identity] = parts
  if (typeof writer !== 'string' || !writer.startsWith('netweir/')) return undefined
  if (writer !== version) {
    throw new NetweirError('SET_INVALID', `the state was written by ${writer.slice(0, 60)}`, {
      location,
      hint: 'read it with the version of netweir that wrote it, or name another state topic',
    })
  }
  const isKey =
    typeof group === 'string' &&
    typeof topic === 'string' &&
    Number.isSafeInteger(partition) &&
    typeof tenure === 'string' &&
    typeof kind === 'string'
  if (!isKey) return undefined
  return {
    place: { group, topic, partition: partition as number },
    tenure,
    item: kind === 'position' ? undefined : JSON.stringify([kind, ...identity]),
  }
}

/** Returns a text that only this place has. */
export function placeKey(place: StatePlace): string {
  return JSON.stringify([place.group, place.topic, place.partition])
}

function keyHead({ group, topic, partition }: StatePlace, tenure: string): string {
  return `${JSON.stringify([version, group, topic, partition, tenure]).slice(0, -1)},`
}

/** The members of an object's text, with a comma before them when there are any. */
function memberList(text: string): string {
  return text === '{}' ? '' : `,${text.slice(1, -1)}`
}

function parseArray(text: string): readonly unknown[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
