/** What `learn` and `merge` do once their options are resolved. Each returns the exit code. */
import { learn, merge, setBytes, summaryToText, trafficToText } from '../index.ts'
import type { LearnCommand, MergeCommand } from './resolve-options.ts'
import type { Session } from './session.ts'

/** Writes the communication set of recorded flows. */
export async function runLearn(command: LearnCommand, session: Session): Promise<number> {
  const learned = await learn(command.sources, command.options, session.host)
  await session.endReading()
  const result =
    command.format === 'json'
      ? setBytes(learned.set)
      : trafficToText(learned.traffic, session.resultStyle(command.out))
  await session.writeResult(result, command.out)
  if (!session.display.quiet) await session.note(summaryToText(learned, session.style))
  return 0
}

/** Writes the communication set that several make together. */
export async function runMerge(command: MergeCommand, session: Session): Promise<number> {
  const set = await merge(command.sets, session.host)
  await session.endReading()
  await session.writeResult(setBytes(set), command.out)
  const { communications, ledger } = set
  await session.note(
    `merged ${command.sets.length} ${command.sets.length === 1 ? 'input' : 'inputs'}: ${ledger.records} records, ${communications.length} communications\n`,
  )
  return 0
}
