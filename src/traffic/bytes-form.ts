/** What is said of bytes that are given to a reader: where they come from, and how they are to be taken. */
import type { MessageEncoding } from '../flow/message.ts'

/** Where bytes come from. */
export interface BytesPlace {
  /** The source as the user named it. */
  readonly source: string
  /** Of the first byte in the uncompressed source; for a message, its number or offset in its stream. */
  readonly offset: number
}

/**
 * What bytes are: a part of a text (JSON in any of its forms, cut anywhere), or one protobuf message, of which there is
 * one to each call.
 */
export type RecordEncoding = 'text' | MessageEncoding

/** How bytes are to be taken. */
export interface BytesForm {
  /** Default: `text`. */
  readonly encoding?: RecordEncoding
  /**
   * The text ends with these bytes: `whole`, or `cut` where it is known to go on, which is one `truncated` record. A
   * text that is whole in one call, such as a value of a bus, may stand between the parts of another.
   */
  readonly end?: 'whole' | 'cut'
  /** The bytes are known to be no record, and why: they count as one that is malformed. */
  readonly fault?: string
}
