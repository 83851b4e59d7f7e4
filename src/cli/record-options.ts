/** The flags of `record`, as the rows of `options.ts`. */
import { kafka } from './kafka-options.ts'
import { live } from './live-options.ts'

/** A row that `options.ts` takes. */
interface OptionRow {
  readonly group: 'Source' | 'Live source' | 'Kafka source' | 'Output'
  readonly flags: string
  readonly text: string
}

/** Flags of `record` but for those of every command. */
export const recording: readonly OptionRow[] = [
  {
    group: 'Source',
    flags: '--since <time>',
    text: 'ask for records from this RFC 3339 time on, or from this long before now (15m, 24h, 7d)',
  },
  { group: 'Source', flags: '--until <time>', text: 'leave out records after this time' },
  // A recording is partial by nature, and goes on with the next run.
  ...live.filter(({ flags }) => flags !== '--allow-partial'),
  ...kafka.filter(({ flags }) => /^--(?:sasl|until-end)/.test(flags)),
  {
    group: 'Output',
    flags: '--out <file>',
    text: 'record to this file, compressed when its name ends in .gz or .zst; an earlier recording is gone on with',
  },
  {
    group: 'Output',
    flags: '--rotate-size <size>',
    text: 'put the file aside when it has this size, such as 100MB, and begin a new one',
  },
  {
    group: 'Output',
    flags: '--keep <count>',
    text: 'keep so many files that were put aside, and remove older ones',
  },
]
