/** What `verify` and `explain` do once their options are resolved. Each returns the exit code. */
import type { Explanation, Style, VerifyReport } from '../index.ts'
import {
  explain,
  explanationToJson,
  explanationToMarkdown,
  explanationToText,
  summaryToText,
  verify,
  verifyToJson,
  verifyToMarkdown,
  verifyToText,
} from '../index.ts'
import { noticesToText } from './notes.ts'
import type { DiffFormat } from './resolve-options.ts'
import type { ExplainCommand, VerifyCommand } from './resolve-verify.ts'
import type { Session } from './session.ts'

/** Writes what policies make of recorded flows; 1 when they would deny some, a limit is not met, or a guard rail is broken. */
export async function runVerify(command: VerifyCommand, session: Session): Promise<number> {
  const { report, traffic, notices } = await verify(command.sources, command.options, session.host)
  await session.endReading()
  const text = renderReport(report, command.format, session.resultStyle(command.out))
  await session.writeResult(text, command.out)
  await session.note(summaryToText({ traffic, notices }, session.style))
  return report.holds ? 0 : 1
}

/** Writes why a connection is allowed or denied, or what stands behind a policy; 1 when it is denied. */
export async function runExplain(command: ExplainCommand, session: Session): Promise<number> {
  const { explanation, notices } = await explain(command.sources, command.options, session.host)
  await session.endReading()
  const text = renderExplanation(explanation, command.format, session.resultStyle(command.out))
  await session.writeResult(text, command.out)
  await session.note(noticesToText(notices, session.style))
  return explanation.allowed ? 0 : 1
}

function renderReport(report: VerifyReport, format: DiffFormat, style: Style): string {
  switch (format) {
    case 'text':
      return verifyToText(report, style)
    case 'json':
      return verifyToJson(report)
    case 'markdown':
      return verifyToMarkdown(report)
  }
}

function renderExplanation(explanation: Explanation, format: DiffFormat, style: Style): string {
  switch (format) {
    case 'text':
      return explanationToText(explanation, style)
    case 'json':
      return explanationToJson(explanation)
    case 'markdown':
      return explanationToMarkdown(explanation)
  }
}
