/** What several readers found in pieces of one source, as plain data, to be taken in by one. */
import type { Outcome } from '../flow/flow.ts'
import type { CommunicationSet } from './communication-set.ts'
import type { ScanBatch } from './scan-batch.ts'

/** What one of several readers found, as plain data that a thread can pass on. */
export interface ReadParts {
  readonly batch: ScanBatch | undefined
  /** What was not scanned; absent when there was nothing. */
  readonly set: CommunicationSet | undefined
  readonly bad: readonly BadPart[]
  readonly records: number
  /** How many of them a scanner took. */
  readonly scanned: number
  readonly passedOver: number
  readonly handedBack: number
}

/** Bad records of one outcome. */
export interface BadPart {
  readonly outcome: Outcome
  /** Source and line of the first one. */
  readonly source: string
  readonly line: number
  readonly reason: string
  readonly count: number
}
