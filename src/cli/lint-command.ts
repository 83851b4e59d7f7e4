/** `lint`, from what was typed to what is written. */
import type { LintOptions, LintReport, LintSeverity, Style } from '../index.ts'
import { hasFindings, lint, lintToJson, lintToMarkdown, lintToText } from '../index.ts'
import { noticesToText } from './notes.ts'
import { choices } from './options.ts'
import type { RawOptions } from './raw-options.ts'
import type { DiffFormat, DisplayOptions } from './resolve-options.ts'
import {
  checkStdin,
  kubernetes,
  paths,
  place,
  prefixes,
  resolveDisplay,
} from './resolve-options.ts'
import type { Session } from './session.ts'
import { choice, nonEmpty } from './typed-values.ts'

/** `lint`, resolved. */
export interface LintCommand {
  readonly paths: readonly string[]
  readonly options: LintOptions
  readonly format: DiffFormat
  readonly out: string | undefined
  /** The least severity that makes the run end with 1. */
  readonly failOn: LintSeverity
  readonly display: DisplayOptions
}

/** Returns what `lint` is asked to do. @throws NetweirError `USAGE`. */
export function resolveLint(args: readonly string[], raw: RawOptions): LintCommand {
  const inventory = paths('--inventory', raw.inventory) ?? []
  const flows = paths('--flows', raw.flows) ?? []
  checkStdin([...args, ...inventory, ...flows])
  return {
    paths: args.map((arg) => nonEmpty('PATH', arg)),
    options: {
      inventory,
      kubernetes: kubernetes(raw),
      flows,
      podCidrs: prefixes('--pod-cidr', raw.podCidr) ?? [],
      serviceCidrs: prefixes('--service-cidr', raw.serviceCidr) ?? [],
      nodeCidrs: prefixes('--node-cidr', raw.nodeCidr) ?? [],
      ...(raw.clusterName === undefined
        ? {}
        : { clusterName: nonEmpty('--cluster-name', raw.clusterName) }),
    },
    format: choice('--output', raw.output, choices.lintOutput) ?? 'text',
    out: place('--out', raw.out),
    failOn: choice('--fail-on', raw.failOn, choices.lintFailOn) ?? 'warning',
    display: resolveDisplay(raw),
  }
}

/** Writes what is wrong with policies. */
export async function runLint(command: LintCommand, session: Session): Promise<number> {
  const { report, notices } = await lint(command.paths, command.options, session.host)
  await session.endReading()
  const text = renderLint(report, command.format, session.resultStyle(command.out))
  await session.writeResult(text, command.out)
  await session.note(noticesToText(notices, session.style))
  return hasFindings(report, command.failOn) ? 1 : 0
}

function renderLint(report: LintReport, format: DiffFormat, style: Style): string {
  switch (format) {
    case 'text':
      return lintToText(report, style)
    case 'json':
      return lintToJson(report)
    case 'markdown':
      return lintToMarkdown(report)
  }
}
