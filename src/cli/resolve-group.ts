/** From what was typed to what members of groups that learn together and `kafka init` are asked to do. */
import type { GroupOptions, LearnOptions, StateTopicOptions } from '../index.ts'
import { NetweirError } from '../index.ts'
import { parseSpan } from './moment.ts'
import type { RawOptions } from './raw-options.ts'
import { resolveLive } from './resolve-live.ts'
import type { DisplayOptions } from './resolve-options.ts'
import { resolveDisplay, resolveReading } from './resolve-options.ts'
import { choice, nonEmpty } from './typed-values.ts'

/** `learn` as a member of a group, resolved. */
export interface MemberCommand {
  readonly source: string
  readonly options: LearnOptions & GroupOptions
  readonly display: DisplayOptions
}

/** `kafka init`, resolved. */
export interface InitCommand {
  readonly source: string
  readonly options: StateTopicOptions
  readonly display: DisplayOptions
}

/** Returns what a member is asked to do, or undefined where `learn` is to learn alone. @throws NetweirError `USAGE`. */
export function resolveMember(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): MemberCommand | undefined {
  const only = ['group', 'stateTopic', 'window', 'flush', 'sessionTimeout'] as const
  if (only.every((name) => raw[name] === undefined)) return undefined
  if (raw.group === undefined || raw.stateTopic === undefined) {
    throw usage('--group and --state-topic go together: members of the group learn into the topic')
  }
  const [source = '', ...others] = sources
  if (others.length > 0) throw usage('a member of a group reads one source, several topics of one')
  refuseAlone(raw)
  return {
    source: nonEmpty('SOURCE', source),
    options: {
      ...resolveReading(raw, nowMs),
      group: nonEmpty('--group', raw.group),
      stateTopic: nonEmpty('--state-topic', raw.stateTopic),
      ...(raw.window === undefined
        ? {}
        : { windowMs: parseSpan('--window', raw.window, maxWindowDays) }),
      ...(raw.flush === undefined ? {} : { flushMs: parseSpan('--flush', raw.flush) }),
      ...(raw.sessionTimeout === undefined
        ? {}
        : { sessionTimeoutMs: parseSpan('--session-timeout', raw.sessionTimeout) }),
    },
    display: resolveDisplay(raw),
  }
}

/** Ten years. */
const maxWindowDays = 3_650

/** What a member cannot do. */
function refuseAlone(raw: RawOptions): void {
  if (raw.follow !== true && raw.for === undefined) {
    throw usage('--state-topic needs --follow or --for: a member takes part until it is stopped')
  }
  const alone = [
    ['--out', raw.out],
    ['--output', raw.output],
    ['--until', raw.until],
    ['--last', raw.last],
    ['--state', raw.state],
    ['--until-end', raw.untilEnd],
    ['--explain-format', raw.explainFormat],
    ['--inventory', raw.inventory],
  ] as const
  for (const [flag, value] of alone) {
    if (value !== undefined) {
      throw usage(
        `${flag} has no meaning with --state-topic: what a member learns goes to the topic`,
        'name the state topic as a source of generate, learn or merge',
      )
    }
  }
}

/** Returns what `kafka init` is asked to do. @throws NetweirError `USAGE`. */
export function resolveInit(args: readonly string[], raw: RawOptions): InitCommand {
  const [action, source = ''] = args
  choice('ACTION', action, ['init'])
  if (raw.stateTopic === undefined) throw usage('--state-topic is missing: the topic to make')
  const { tls, kafka } = resolveLive(raw)
  return {
    source: nonEmpty('SOURCE', source),
    options: {
      stateTopic: nonEmpty('--state-topic', raw.stateTopic),
      ...(raw.replicationFactor === undefined
        ? {}
        : { replicationFactor: replicas(raw.replicationFactor) }),
      ...(tls === undefined ? {} : { tls }),
      ...(kafka === undefined ? {} : { kafka }),
    },
    display: resolveDisplay(raw),
  }
}

function replicas(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text)
  throw usage(`--replication-factor must be a number from 1 to 99, is "${text}"`)
}

function usage(message: string, hint?: string): NetweirError {
  return new NetweirError('USAGE', message, hint === undefined ? {} : { hint })
}
