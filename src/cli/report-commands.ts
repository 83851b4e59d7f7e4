/** `report` and `graph`, from what was typed to what is written. */
import type { GraphLevel, Report, ReportOptions } from '../index.ts'
import {
  graph,
  graphOf,
  graphToDot,
  graphToJson,
  graphToMermaid,
  readPageParts,
  report,
  reportToHtml,
  reportToJson,
  reportToMarkdown,
  summaryToText,
  violationsToText,
} from '../index.ts'
import { choices } from './options.ts'
import type { RawOptions } from './raw-options.ts'
import type { DisplayOptions } from './resolve-options.ts'
import { checkStdin, inputsOf, place, resolveDisplay, resolveSynthesis } from './resolve-options.ts'
import { needsZones, resolveZones } from './resolve-zones.ts'
import type { Session } from './session.ts'
import { choice, nonEmpty } from './typed-values.ts'
import { version } from './version.ts'

/** `report`, resolved. */
export interface ReportCommand {
  readonly sources: readonly string[]
  readonly options: ReportOptions
  readonly format: (typeof choices.reportOutput)[number]
  readonly out: string | undefined
  readonly display: DisplayOptions
}

/** `graph`, resolved. */
export interface GraphCommand {
  readonly sources: readonly string[]
  readonly options: ReportOptions
  readonly level: GraphLevel
  readonly format: (typeof choices.graphOutput)[number]
  readonly out: string | undefined
  readonly display: DisplayOptions
}

/** Returns what `report` is asked to do. @throws NetweirError `USAGE`. */
export function resolveReport(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): ReportCommand {
  return {
    ...resolveInputs(sources, raw, nowMs),
    format: choice('--output', raw.output, choices.reportOutput) ?? 'html',
  }
}

/** Returns what `graph` is asked to do. @throws NetweirError `USAGE`. */
export function resolveGraph(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): GraphCommand {
  const inputs = resolveInputs(sources, raw, nowMs)
  const level = choice('--by', raw.by, choices.graphBy) ?? 'workload'
  const { zones, zoneLabel } = inputs.options
  if (level === 'zone' && zones === undefined && zoneLabel === undefined) {
    throw needsZones('--by zone')
  }
  return {
    ...inputs,
    level,
    format: choice('--output', raw.output, choices.graphOutput) ?? 'mermaid',
  }
}

/** Writes the report; 1 when something crosses without a required approval, or a guard rail is broken. */
export async function runReport(command: ReportCommand, session: Session): Promise<number> {
  const result = await report(command.sources, command.options, session.host)
  await session.endReading()
  await session.writeResult(await renderReport(result.report, command.format), command.out)
  const { traffic, notices, gates, holds } = result
  await session.note(summaryToText({ traffic, notices }, session.style))
  await session.complain(violationsToText(result.report.violations, session.style))
  for (const { gate, passed, message } of gates) {
    if (!passed) await session.complain(`${gate} failed: ${message}\n`)
  }
  return holds ? 0 : 1
}

/** Writes the graph of who talks to whom. */
export async function runGraph(command: GraphCommand, session: Session): Promise<number> {
  const { map, traffic, notices } = await graph(command.sources, command.options, session.host)
  await session.endReading()
  const document = graphOf(map, command.level)
  const render = { mermaid: graphToMermaid, dot: graphToDot, json: graphToJson }[command.format]
  await session.writeResult(render(document), command.out)
  await session.note(summaryToText({ traffic, notices }, session.style))
  return 0
}

function resolveInputs(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): Pick<ReportCommand, 'sources' | 'options' | 'out' | 'display'> {
  const options = {
    ...resolveSynthesis(raw, nowMs),
    ...resolveZones(raw, nowMs),
    version: version(),
  }
  checkStdin([
    ...sources,
    ...inputsOf(options),
    ...(options.zones ?? []),
    ...(options.approvals ?? []),
  ])
  return {
    sources: sources.map((source) => nonEmpty('SOURCE', source)),
    options,
    out: place('--out', raw.out),
    display: resolveDisplay(raw),
  }
}

async function renderReport(document: Report, format: ReportCommand['format']): Promise<string> {
  switch (format) {
    case 'html':
      return reportToHtml(document, await readPageParts())
    case 'json':
      return reportToJson(document)
    case 'markdown':
      return reportToMarkdown(document)
  }
}
