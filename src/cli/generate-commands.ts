/** What `generate` and `diff` do once their options are resolved. Each returns the exit code. */

import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type {
  GenerateOptions,
  GenerateResult,
  GuardedDiff,
  PolicyDiff,
  RailViolation,
  Style,
} from '../index.ts'
import {
  diff,
  diffSets,
  diffToJson,
  diffToMarkdown,
  diffToText,
  escapeText,
  generate,
  liveCluster,
  renderList,
  renderPolicies,
  summaryToText,
  violationsToMarkdown,
  violationsToText,
} from '../index.ts'
import { findingsToText, noticesToText } from './notes.ts'
import type { DiffCommand, DiffFormat, FailOn, GenerateCommand } from './resolve-options.ts'
import type { Session } from './session.ts'

/** Writes policies, and what they change in meaning. */
export async function runGenerate(command: GenerateCommand, session: Session): Promise<number> {
  const { target } = command
  // An earlier run that was killed may have left the very directory that --existing names half replaced.
  if (target.kind === 'directory') {
    const { healDirectory } = await import('./out-dir.ts')
    await healDirectory(target.path)
  }
  const options = await withoutFirstRun(command)
  const result = await generate(command.sources, options, session.host)
  await session.endReading()
  if (result.violations.length > 0) return refuseToWrite(result, session)
  const written = await writePolicies(command, result, session)
  const { traffic, synthesis, notices } = result
  await session.note(
    summaryToText({ traffic, synthesis, diff: result.diff, notices, ...written }, session.style),
  )
  return exitCodeFor(result.diff, command.failOn)
}

/** On the first run the directory that is both read and written is not there yet. */
async function withoutFirstRun({ options, target }: GenerateCommand): Promise<GenerateOptions> {
  const { existing } = options
  if (target.kind !== 'directory' || existing === undefined) return options
  const place = resolve(target.path)
  const isThere = await access(place).then(
    () => true,
    () => false,
  )
  return isThere
    ? options
    : {
        ...options,
        existing: existing.filter((path) => path === liveCluster || resolve(path) !== place),
      }
}

/** Writes the difference in meaning between two policy sets. */
export async function runDiff(command: DiffCommand, session: Session): Promise<number> {
  const { sources, options, sets } = command
  const result =
    sets === undefined
      ? await diff(sources, options, session.host)
      : await diffSets(sets.old, sets.new, sources, options, session.host)
  await session.endReading()
  const style = session.resultStyle(command.out)
  const text = renderGuardedDiff(result.diff, result.violations, command.format, style)
  await session.writeResult(text, command.out)
  await session.note(noticesToText(result.notices, session.style))
  const findings = result.findings.filter(
    ({ severity }) => severity !== 'info' || session.display.verbose,
  )
  await session.note(findingsToText(findings, session.style))
  return result.violations.length > 0 ? 1 : exitCodeFor(result.diff, command.failOn)
}

/**
 * Returns 1 when the diff has a change of the kind, or may have one among the pods that do not exist yet which it could
 * not compare; else 0. No pod that does not exist yet has traffic that could break.
 */
export function exitCodeFor(policyDiff: PolicyDiff, failOn: FailOn): 0 | 1 {
  switch (failOn) {
    case 'nothing':
      return 0
    case 'any':
      return policyDiff.same && policyDiff.truncated !== true ? 0 : 1
    case 'breaks':
      return policyDiff.changes.some(({ section }) => section === 'breaks') ? 1 : 0
    case 'opens':
      // A pod that is no longer isolated is open to everyone; what is open to pods of a kind to come was never recorded.
      return (policyDiff.requests ?? []).length > 0 ||
        policyDiff.truncated === true ||
        policyDiff.changes.some(
          ({ section, effect }) =>
            section === 'opens' ||
            ((section === 'isolation' || section === 'future') && effect === 'widens'),
        )
        ? 1
        : 0
  }
}

/** Policies that break a guard rail are not given to anybody who could apply them. */
async function refuseToWrite(
  { violations, notices }: GenerateResult,
  session: Session,
): Promise<number> {
  await session.note(noticesToText(notices, session.style))
  await session.complain(violationsToText(violations, session.style))
  await session.complain('nothing was written: the policies would break the guard rails above\n')
  return 1
}

/** The diff goes to standard output unless the policies are there. */
async function writePolicies(
  command: GenerateCommand,
  result: GenerateResult,
  session: Session,
): Promise<{ written?: string }> {
  const { target, diffFormat } = command
  // Default denies come last: whoever applies a prefix of the stream has not yet cut anything off.
  const policies = [
    ...result.synthesis.policies.filter(({ role }) => role === 'workload'),
    ...result.synthesis.policies.filter(({ role }) => role === 'default-deny'),
  ]
  if (target.kind === 'directory') {
    await session.checkInterrupted()
    const { replaceDirectory } = await import('./out-dir.ts')
    const { layOutPolicies } = await import('./policy-files.ts')
    const { written, removed } = await replaceDirectory(target.path, layOutPolicies(policies))
    await session.detail(
      written.map((path) => `wrote ${escapeText(target.path)}/${path}\n`).join(''),
    )
    const gone = removed.map((path) => `removed ${escapeText(target.path)}/${escapeText(path)}\n`)
    await session.detail(gone.join(''))
    if (gone.length > 0 && !session.display.verbose) {
      await session.note(
        `removed ${gone.length} ${gone.length === 1 ? 'file' : 'files'} of earlier runs from ${escapeText(target.path)}: --existing ${escapeText(target.path)} keeps what they grant\n`,
      )
    }
    await session.writeResult(
      renderMadeDiff(result, diffFormat, session.resultStyle(undefined)),
      undefined,
    )
    return { written: target.path }
  }
  const manifests = policies.map(({ policy }) => policy)
  const text = target.format === 'yaml' ? renderPolicies(manifests) : renderList(manifests)
  if (target.kind === 'file') {
    await session.writeResult(text, target.path)
    await session.writeResult(
      renderMadeDiff(result, diffFormat, session.resultStyle(undefined)),
      undefined,
    )
    return { written: target.path }
  }
  await session.writeResult(text, undefined)
  await session.note(renderMadeDiff(result, diffFormat, session.style))
  return {}
}

/** What was made from traffic can be trusted as far as the traffic was watched: its document says so, as the summary does. */
function renderMadeDiff(
  { diff: made, synthesis: { confidence } }: GenerateResult,
  format: DiffFormat,
  style: Style,
): string {
  return format === 'json' ? diffToJson({ ...made, confidence }) : renderDiff(made, format, style)
}

function renderGuardedDiff(
  policyDiff: PolicyDiff,
  violations: readonly RailViolation[],
  format: DiffFormat,
  style: Style,
): string {
  if (violations.length === 0) return renderDiff(policyDiff, format, style)
  const guarded: GuardedDiff = { ...policyDiff, violations }
  switch (format) {
    case 'text':
      return `${violationsToText(violations, style)}${diffToText(guarded, style)}`
    case 'json':
      return diffToJson(guarded)
    case 'markdown':
      return `${violationsToMarkdown(violations)}${diffToMarkdown(guarded)}`
  }
}

function renderDiff(policyDiff: PolicyDiff, format: DiffFormat, style: Style): string {
  switch (format) {
    case 'text':
      return diffToText(policyDiff, style)
    case 'json':
      return diffToJson(policyDiff)
    case 'markdown':
      return diffToMarkdown(policyDiff)
  }
}
