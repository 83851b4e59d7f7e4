/** The closing summary of a run: what needs a decision first, then what was read and what was made of it. */
import type { PolicyDiff } from '../diff/policy-diff.ts'
import type { Location } from '../errors.ts'
import type { Synthesis } from '../synthesis/synthesis.ts'
import type { Traffic } from '../traffic/traffic.ts'
import { confidenceSummary } from './confidence-text.ts'
import { countsText } from './diff-words.ts'
import { placeText } from './errors-text.ts'
import { firstLooks } from './first-looks.ts'
import { readingLines } from './reading-text.ts'
import type { Style } from './style.ts'
import { escapeText } from './style.ts'
import { actionLines, synthesisLines } from './synthesis-text.ts'

/** What a run has to say when it is done. */
export interface SummaryInput {
  readonly traffic: Traffic
  readonly synthesis?: Synthesis
  readonly diff?: PolicyDiff
  readonly notices: readonly {
    readonly message: string
    readonly location?: Location
    readonly isNews?: boolean
  }[]
  /** Where the results went, for a run that wrote files. */
  readonly written?: string
}

/** Returns the summary as lines for standard error; two or three lines when all is well. */
export function summaryToText(input: SummaryInput, style: Style): string {
  const { traffic, synthesis, diff, notices, written } = input
  return [
    ...notices.map(
      ({ message, location, isNews }) =>
        `${placeText(location)}${isNews === true ? 'note' : style.yellow('warning')}: ${escapeText(message)}`,
    ),
    ...(synthesis === undefined ? [] : actionLines(synthesis, style)),
    ...readingLines(traffic, style),
    ...(synthesis === undefined ? [] : synthesisLines(synthesis, style)),
    ...(synthesis === undefined ? [] : confidenceSummary(synthesis.confidence, style)),
    ...(diff === undefined ? [] : [countsText(diff)]),
    ...lookLines(input, style),
    ...(written === undefined ? [] : [`written to ${escapeText(written)}`]),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function lookLines(input: SummaryInput, style: Style): readonly string[] {
  const looks = firstLooks(input)
  if (looks.length === 0) return []
  return [
    `${style.bold('look first at')}:`,
    ...looks.map((look, index) => `  ${index + 1}. ${escapeText(look)}`),
  ]
}
