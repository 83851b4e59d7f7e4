/** `record`, from what was typed to what is said of it. */
import type { RecordOptions, RecordResult, Style } from '../index.ts'
import { escapeText, isRecordingName, NetweirError, record } from '../index.ts'
import { parseMoment } from './moment.ts'
import { noticesToText } from './notes.ts'
import { bytesText } from './progress.ts'
import type { RawOptions } from './raw-options.ts'
import { resolveLive } from './resolve-live.ts'
import type { DisplayOptions } from './resolve-options.ts'
import { place, resolveDisplay } from './resolve-options.ts'
import type { Session } from './session.ts'
import { nonEmpty } from './typed-values.ts'

/** `record`, resolved. */
export interface RecordCommand {
  readonly source: string
  readonly options: RecordOptions
  readonly display: DisplayOptions
}

/** Returns what `record` is asked to do. @throws NetweirError `USAGE`. */
export function resolveRecord(
  args: readonly string[],
  raw: RawOptions,
  nowMs: number,
): RecordCommand {
  const { allowPartial: _, ...live } = resolveLive(raw)
  return {
    source: nonEmpty('SOURCE', args[0] ?? ''),
    options: {
      ...live,
      ...(raw.since === undefined ? {} : { sinceMs: parseMoment('--since', raw.since, nowMs) }),
      ...(raw.until === undefined ? {} : { untilMs: parseMoment('--until', raw.until, nowMs) }),
      out: recordingPlace(raw),
      ...(raw.rotateSize === undefined ? {} : { rotateBytes: parseSize(raw.rotateSize) }),
      ...(raw.keep === undefined ? {} : { keep: keptFiles(raw) }),
    },
    display: resolveDisplay(raw),
  }
}

/** Records, and says what was recorded and what is missing. */
export async function runRecord(command: RecordCommand, session: Session): Promise<number> {
  const { source, options } = command
  const result = await record(source, options, session.host)
  await session.endReading()
  await session.note(noticesToText(result.notices, session.style))
  await session.note(recordedText(result, session.style))
  refuseIncomplete(source, options, result)
  return 0
}

function recordingPlace(raw: RawOptions): string {
  const out = place('--out', raw.out)
  if (out === undefined) throw usage('--out is missing: a recording needs a place')
  if (isRecordingName(out)) return out
  throw usage(
    `--out must end in .jsonl, .ndjson, .json or .log, and .gz or .zst behind that, is "${out}"`,
    'a directory of recordings is read by these endings',
  )
}

const units: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
])

function parseSize(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9}) ?([a-z]{0,3})$/i.exec(text) ?? []
  const size = Number(count) * (units.get(unit.toLowerCase()) ?? 0)
  if (size > 0) return size
  throw usage(`--rotate-size must be a size such as 100MB or 1GiB, is "${text}"`)
}

function keptFiles({ keep = '', rotateSize }: RawOptions): number {
  if (rotateSize === undefined) throw usage('--keep is for --rotate-size, which is missing')
  if (/^[1-9]\d{0,5}$/.test(keep)) return Number(keep)
  throw usage(`--keep must be a number of files from 1 to 999999, is "${keep}"`)
}

function recordedText(result: RecordResult, style: Style): string {
  const warning = style.yellow('warning')
  const said = new Set(result.notices.map(({ message }) => message))
  const lines = [
    ...(result.tornBytes === 0
      ? []
      : [
          `removed ${bytesText(result.tornBytes)} at the end of the recording: an earlier run was killed while it wrote them`,
        ]),
    ...(result.resumedFrom === undefined
      ? []
      : [
          `went on behind ${escapeText(result.resumedFrom)}; ${count(result.known, 'record')} came again and stood there already`,
        ]),
    ...result.gaps.map(
      ({ node, from, to }) =>
        `${warning}: not recorded from ${escapeText(from)} to ${escapeText(to)}: ${node === '' ? 'an unnamed node' : escapeText(node)} no longer had it`,
    ),
    ...result.missing
      .filter((what) => !said.has(what))
      .map((what) => `${warning}: ${escapeText(what)}`),
    ...(result.unknownFields.length === 0
      ? []
      : [
          `${warning}: fields that this version does not know were left out: ${result.unknownFields.map(({ field, count: times }) => `${escapeText(field)} (${times} times)`).join(', ')}`,
        ]),
    ...(result.putAside.length === 0
      ? []
      : [`put aside ${count(result.putAside.length, 'file')}${removedText(result)}`]),
    `recorded ${count(result.records, 'record')} to ${escapeText(result.out)}`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function removedText({ removed }: RecordResult): string {
  return removed.length === 0 ? '' : `, removed ${removed.length} older`
}

/** What is there is kept: an incomplete recording is no reason to lose it. */
function refuseIncomplete(source: string, options: RecordOptions, result: RecordResult): void {
  const gaps = result.gaps.map(
    ({ node, from, to }) => `${node}: not recorded from ${from} to ${to}`,
  )
  const missing = options.strictCompleteness === true ? [...result.missing, ...gaps] : []
  const reasons = [...result.stopped, ...missing]
  const [first] = reasons
  if (first === undefined) return
  const location = { file: source }
  throw new NetweirError('SOURCE_LOST', first, {
    location,
    problems: reasons.map((message) => ({ message, location })),
    hint:
      result.stopped.length > 0
        ? 'what was recorded stands; the same command again goes on behind it'
        : 'what was recorded stands; --strict-completeness was asked for',
  })
}

function count(number: number, noun: string): string {
  return `${number} ${number === 1 ? noun : `${noun}s`}`
}

function usage(message: string, hint?: string): NetweirError {
  return new NetweirError('USAGE', message, hint === undefined ? {} : { hint })
}
