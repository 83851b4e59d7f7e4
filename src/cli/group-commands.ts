/** What members of groups that learn together and `kafka init` do once their options are resolved. */
import type { MemberReport } from '../index.ts'
import { escapeText, initStateTopic, learnTogether, memberToText } from '../index.ts'
import { noticesToText } from './notes.ts'
import type { InitCommand, MemberCommand } from './resolve-group.ts'
import type { Session } from './session.ts'

/** Takes part in a group. What was learned is in the state topic, and nothing goes to standard output. */
export async function runMember(command: MemberCommand, session: Session): Promise<number> {
  const { source, options } = command
  const notes: Promise<void>[] = []
  let isFirst = true
  const { report, notices } = await learnTogether(source, options, {
    ...session.host,
    onEvent: ({ kind, message }) => {
      const text = `${escapeText(message)}\n`
      notes.push(kind === 'joined' ? session.note(text) : session.detail(text))
    },
    onReport: (present) => {
      const text = flushText(present)
      notes.push(isFirst ? session.note(text) : session.detail(text))
      isFirst = isFirst && present.flushes === 0
    },
  })
  await Promise.all(notes.splice(0))
  await session.endReading()
  await session.note(noticesToText(notices, session.style))
  await session.note(memberToText(report, session.style))
  return 0
}

function flushText({ messages, flushes, partitions }: MemberReport): string {
  const lag = partitions.reduce((sum, { offset, end }) => sum + end - offset, 0)
  return `${messages} messages read, ${flushes} flushes, ${partitions.length} partitions, ${lag} messages behind\n`
}

/** Makes the state topic, or says that it is there. */
export async function runInit({ source, options }: InitCommand, session: Session): Promise<number> {
  const { change, topic } = await initStateTopic(source, options)
  const what = `${topic.name}: ${topic.partitions} ${topic.partitions === 1 ? 'partition' : 'partitions'}, compacted`
  const text = {
    made: `made ${what}`,
    grown: `${what}, now as many as the flows have`,
    none: `${what}, was there already`,
  }
  await session.note(`${text[change]}\n`)
  return 0
}
