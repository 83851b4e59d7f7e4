/** From what was typed to what is meant: every value judged once, with a message that says what is accepted. */

import type { ClusterOptions, GenerateOptions, LearnOptions, RailOptions } from '../index.ts'
import { formatPrefix, parsePrefix } from '../index.ts'
import type { ColorChoice } from './color.ts'
import { parseMoment } from './moment.ts'
import { choices } from './options.ts'
import type { RawOptions } from './raw-options.ts'
import { namePatterns, requestKinds, resolveKinds } from './resolve-kinds.ts'
import { resolveLive } from './resolve-live.ts'
import { choice, count, nonEmpty, usage } from './typed-values.ts'

/** How a run speaks to the person who started it. */
export interface DisplayOptions {
  readonly quiet: boolean
  readonly verbose: boolean
  readonly color: ColorChoice
  readonly progress: boolean
}

/** Formats of a diff. */
export type DiffFormat = (typeof choices.diffOutput)[number]

/** Changes that make a run end with exit code 1. */
export type FailOn = (typeof choices.failOn)[number] | 'nothing'

/** `learn`, resolved. */
export interface LearnCommand {
  readonly sources: readonly string[]
  readonly options: LearnOptions
  readonly format: 'json' | 'text'
  readonly out: string | undefined
  readonly display: DisplayOptions
}

/** `merge`, resolved. */
export interface MergeCommand {
  readonly sets: readonly string[]
  readonly out: string | undefined
  readonly display: DisplayOptions
}

/** Where generated policies go. */
export type PolicyTarget =
  | { readonly kind: 'stdout'; readonly format: 'yaml' | 'json' }
  | { readonly kind: 'file'; readonly path: string; readonly format: 'yaml' | 'json' }
  | { readonly kind: 'directory'; readonly path: string }

/** `generate`, resolved. */
export interface GenerateCommand {
  readonly sources: readonly string[]
  readonly options: GenerateOptions
  readonly target: PolicyTarget
  readonly diffFormat: DiffFormat
  readonly failOn: FailOn
  readonly display: DisplayOptions
}

/** `diff`, resolved. */
export interface DiffCommand {
  readonly sources: readonly string[]
  readonly options: GenerateOptions
  /** Two given sets to compare; absent when the new one is to be generated. */
  readonly sets: { readonly old: readonly string[]; readonly new: readonly string[] } | undefined
  readonly format: DiffFormat
  readonly out: string | undefined
  readonly failOn: FailOn
  readonly display: DisplayOptions
}

/** Returns what `learn` is asked to do. @throws NetweirError `USAGE`. */
export function resolveLearn(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): LearnCommand {
  const command = {
    sources: sources.map((source) => nonEmpty('SOURCE', source)),
    options: resolveReading(raw, nowMs),
    format: choice('--output', raw.output, choices.learnOutput) ?? 'json',
    out: place('--out', raw.out),
    display: resolveDisplay(raw),
  }
  checkStdin([...command.sources, ...(command.options.inventory ?? [])])
  return command
}

/** Returns what `merge` is asked to do. @throws NetweirError `USAGE`. */
export function resolveMerge(sets: readonly string[], raw: RawOptions): MergeCommand {
  choice('--output', raw.output, choices.mergeOutput)
  checkStdin(sets)
  return {
    sets: sets.map((set) => nonEmpty('SET', set)),
    out: place('--out', raw.out),
    display: resolveDisplay(raw),
  }
}

/** Returns what `generate` is asked to do. @throws NetweirError `USAGE`. */
export function resolveGenerate(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): GenerateCommand {
  const options = resolveSynthesis(raw, nowMs)
  checkStdin([...sources, ...inputsOf(options)])
  return {
    sources: sources.map((source) => nonEmpty('SOURCE', source)),
    options,
    target: resolveTarget(raw),
    diffFormat: choice('--diff-output', raw.diffOutput, choices.diffOutput) ?? 'text',
    failOn: choice('--fail-on', raw.failOn, choices.failOn) ?? 'nothing',
    display: resolveDisplay(raw),
  }
}

/** Returns what `diff` is asked to do. @throws NetweirError `USAGE`. */
export function resolveDiff(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): DiffCommand {
  const options = resolveSynthesis(raw, nowMs)
  const sets = resolveSets(sources, raw)
  checkStdin([...sources, ...inputsOf(options), ...(sets?.old ?? []), ...(sets?.new ?? [])])
  return {
    sources: sources.map((source) => nonEmpty('SOURCE', source)),
    options,
    sets,
    format: choice('--output', raw.output, choices.diffOutput) ?? 'text',
    out: place('--out', raw.out),
    failOn: choice('--fail-on', raw.failOn, choices.failOn) ?? 'any',
    display: resolveDisplay(raw),
  }
}

/** Returns how a run speaks. @throws NetweirError `USAGE`. */
export function resolveDisplay(raw: RawOptions): DisplayOptions {
  if (raw.quiet === true && raw.verbose === true) {
    throw usage('--quiet and --verbose contradict each other')
  }
  return {
    quiet: raw.quiet ?? false,
    verbose: raw.verbose ?? false,
    color: choice('--color', raw.color, choices.color) ?? 'auto',
    progress: raw.progress ?? true,
  }
}

/** More threads than this help on no machine. */
const maxThreads = 256

/** Returns how sources are read. @throws NetweirError `USAGE`. */
export function resolveReading(raw: RawOptions, nowMs: number): LearnOptions {
  const sinceMs = raw.since === undefined ? undefined : parseMoment('--since', raw.since, nowMs)
  const untilMs = raw.until === undefined ? undefined : parseMoment('--until', raw.until, nowMs)
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs) {
    throw usage(`--since "${raw.since}" must be before --until "${raw.until}"`)
  }
  return present<LearnOptions>({
    strict: raw.strict,
    threads: threads(raw.threads),
    plain: undefined,
    clusterName:
      raw.clusterName === undefined ? undefined : nonEmpty('--cluster-name', raw.clusterName),
    learnAudit: raw.learnAudit,
    learnDenied: raw.learnDenied,
    l7: requestKinds(raw),
    nodeCidrs: prefixes('--node-cidr', raw.nodeCidr),
    serviceCidrs: prefixes('--service-cidr', raw.serviceCidr),
    sinceMs,
    untilMs,
    ...allOf(resolveLive(raw)),
    inventory: paths('--inventory', raw.inventory),
    kubernetes: kubernetes(raw),
  })
}

/** Returns which live cluster is meant. @throws NetweirError `USAGE`. */
export function kubernetes(raw: RawOptions): ClusterOptions {
  return present<ClusterOptions>({
    kubeconfig: raw.kubeconfig === undefined ? undefined : nonEmpty('--kubeconfig', raw.kubeconfig),
    context: raw.context === undefined ? undefined : nonEmpty('--context', raw.context),
  })
}

function threads(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= maxThreads) return Number(text)
  throw usage(`--threads "${text}": expected a number from 1 to ${maxThreads}`)
}

/** Returns which guard rails are read. @throws NetweirError `USAGE`. */
export function resolveRails(raw: RawOptions): RailOptions {
  return present<RailOptions>({
    permit: paths('--permit', raw.permit),
    forbid: paths('--forbid', raw.forbid),
  })
}

/** Returns what policies are written from, and how. @throws NetweirError `USAGE`. */
export function resolveSynthesis(raw: RawOptions, nowMs: number): GenerateOptions {
  return present<GenerateOptions>({
    ...allOf(resolveReading(raw, nowMs)),
    ...allOf(resolveRails(raw)),
    existing: paths('--existing', raw.existing),
    prune: raw.prune,
    pruneAfterDays: pruneAfter(raw),
    reoptimise: raw.reoptimise,
    minimise: choice('--minimise', raw.minimise, choices.minimise),
    target: resolveKinds(raw),
    namePatterns: namePatterns(raw),
    namespaces: namespaces('--namespace', raw.namespace),
    selector: selector(raw.selector),
    includeSystem: namespaces('--include-system', raw.includeSystem),
    defaultDeny: choice('--default-deny', raw.defaultDeny, choices.defaultDeny),
    minConfidence: minConfidence(raw),
    dns: choice('--dns', raw.dns, choices.dns),
    onInexpressible: choice('--on-inexpressible', raw.onInexpressible, choices.onInexpressible),
    onInseparable: choice('--on-inseparable', raw.onInseparable, choices.onInseparable),
    outside: choice('--outside', raw.outside, choices.outside),
    cidrMaxExtra: count('--cidr-max-extra', raw.cidrMaxExtra, 'addresses'),
    podCidrs: prefixes('--pod-cidr', raw.podCidr),
  })
}

function resolveTarget(raw: RawOptions): PolicyTarget {
  const format = choice('--output', raw.output, choices.generateOutput)
  const file = place('--out', raw.out)
  const directory = place('--out-dir', raw.outDir)
  if (directory !== undefined && file !== undefined) {
    throw usage('--out and --out-dir contradict each other', 'name one place for the policies')
  }
  if (directory !== undefined && format === 'json') {
    throw usage('--out-dir always holds yaml', 'use --out with -o json for one list in a file')
  }
  if (directory !== undefined) return { kind: 'directory', path: directory }
  return file === undefined
    ? { kind: 'stdout', format: format ?? 'yaml' }
    : { kind: 'file', path: file, format: format ?? 'yaml' }
}

function resolveSets(sources: readonly string[], raw: RawOptions): DiffCommand['sets'] {
  const old = paths('--old', raw.old)
  const fresh = paths('--new', raw.new)
  if (old === undefined && fresh === undefined) {
    if (sources.length === 0 || raw.existing === undefined) {
      throw usage(
        'diff needs something to compare',
        'give recorded flows and --existing PATH, or two policy sets as --old PATH --new PATH',
      )
    }
    return undefined
  }
  if (old === undefined || fresh === undefined) {
    throw usage(`--old and --new go together, ${old === undefined ? '--old' : '--new'} is missing`)
  }
  if (raw.existing !== undefined) {
    throw usage(
      '--existing and --old contradict each other',
      '--existing is compared with policies that are generated, --old with those of --new',
    )
  }
  return { old, new: fresh }
}

/** Refuses to read standard input twice. @throws NetweirError `USAGE`. */
export function checkStdin(inputs: readonly string[]): void {
  if (inputs.filter((input) => input === '-').length > 1) {
    throw usage('standard input ("-") can be named once', 'put the other input in a file')
  }
}

/** Returns every path that the options name. */
export function inputsOf({
  inventory,
  existing,
  permit,
  forbid,
}: GenerateOptions): readonly string[] {
  return [inventory, existing, permit, forbid].flatMap((list) => list ?? [])
}

/** Returns paths that are not empty. @throws NetweirError `USAGE`. */
export function paths(
  flag: string,
  values: readonly string[] | undefined,
): readonly string[] | undefined {
  return values?.map((value) => nonEmpty(flag, value))
}

/** Returns an output: a path, of which `-` is not one. @throws NetweirError `USAGE`. */
export function place(flag: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (value === '-') throw usage(`${flag} must be a path, is "-"`, 'standard output is the default')
  return nonEmpty(flag, value)
}

/** Returns the prefixes of a repeatable flag in canonical form. @throws NetweirError `USAGE`. */
export function prefixes(
  flag: string,
  values: readonly string[] | undefined,
): readonly string[] | undefined {
  return values?.map((value) => {
    const prefix = parsePrefix(value)
    if (prefix === undefined) {
      throw usage(`${flag} must be a prefix such as 10.0.0.0/8 or fd00::/64, is "${value}"`)
    }
    return formatPrefix(prefix)
  })
}

function namespaces(
  flag: string,
  values: readonly string[] | undefined,
): readonly string[] | undefined {
  return values?.map((value) => {
    if (value.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value)) return value
    throw usage(
      `${flag} must be the name of one namespace, is "${value}"`,
      'repeat the flag to name several',
    )
  })
}

function selector(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const label = /^([-A-Za-z0-9.]+\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?=[-A-Za-z0-9_.]*$/
  if (value.split(',').every((part) => label.test(part))) return value
  throw usage(`--selector must be key=value[,key=value], is "${value}"`)
}

function minConfidence(raw: RawOptions): GenerateOptions['minConfidence'] {
  const verdict = choice('--min-confidence', raw.minConfidence, choices.minConfidence)
  if (verdict !== undefined && ['always', 'never'].includes(raw.defaultDeny ?? '')) {
    throw usage(
      `--min-confidence and --default-deny ${raw.defaultDeny} contradict each other`,
      'it says when the default deny of --default-deny auto is held back',
    )
  }
  return verdict
}

function pruneAfter(raw: RawOptions): number | undefined {
  if (raw.pruneAfter !== undefined && raw.prune !== true) {
    throw usage('--prune-after says when --prune removes a grant, --prune is missing')
  }
  return count('--prune-after', raw.pruneAfter, 'days')
}

/** Every member of `T` named, so that a member that is added to a contract cannot be forgotten here. */
type Named<T> = { readonly [K in keyof Required<T>]: T[K] | undefined }

/** Returns the members that have a value. */
function present<T extends object>(members: Named<T>): T {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as T
}

function allOf<T extends object>(options: T): Named<T> {
  return options as Named<T>
}
