/** From what was typed to what `verify` and `explain` are asked to do. */
import type { ConnectionQuestion, EndQuery, ExplainOptions, VerifyOptions } from '../index.ts'
import { parseEndQuery } from '../index.ts'
import { choices } from './options.ts'
import type { RawOptions } from './raw-options.ts'
import type { DiffFormat, DisplayOptions } from './resolve-options.ts'
import {
  checkStdin,
  inputsOf,
  paths,
  place,
  resolveDisplay,
  resolveRails,
  resolveReading,
} from './resolve-options.ts'
import { resolveZones } from './resolve-zones.ts'
import { choice, count, nonEmpty, usage } from './typed-values.ts'

/** `verify`, resolved. */
export interface VerifyCommand {
  readonly sources: readonly string[]
  readonly options: VerifyOptions
  readonly format: DiffFormat
  readonly out: string | undefined
  readonly display: DisplayOptions
}

/** `explain`, resolved. */
export interface ExplainCommand {
  readonly sources: readonly string[]
  readonly options: ExplainOptions
  readonly format: DiffFormat
  readonly out: string | undefined
  readonly display: DisplayOptions
}

/** Returns what `verify` is asked to do. @throws NetweirError `USAGE`. */
export function resolveVerify(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): VerifyCommand {
  const maxUnused = count('--max-unused', raw.maxUnused, 'connections')
  const minCoverage = percent('--min-coverage', raw.minCoverage)
  const options = {
    ...resolveReading(raw, nowMs),
    ...resolveRails(raw),
    ...resolveZones(raw, nowMs),
    policies: policyPaths('verify', raw),
    ...(maxUnused === undefined ? {} : { maxUnused }),
    ...(minCoverage === undefined ? {} : { minCoverage }),
  }
  checkStdin([
    ...sources,
    ...inputsOf(options),
    ...options.policies,
    ...(options.zones ?? []),
    ...(options.approvals ?? []),
  ])
  return { sources: sources.map(sourceOf), options, ...resolveResult(raw) }
}

/** Returns what `explain` is asked to do. @throws NetweirError `USAGE`. */
export function resolveExplain(
  sources: readonly string[],
  raw: RawOptions,
  nowMs: number,
): ExplainCommand {
  const options = {
    ...resolveReading(raw, nowMs),
    policies: policyPaths('explain', raw),
    question: resolveQuestion(sources, raw),
  }
  checkStdin([...sources, ...(options.inventory ?? []), ...options.policies])
  return { sources: sources.map(sourceOf), options, ...resolveResult(raw) }
}

function resolveResult(raw: RawOptions): Pick<VerifyCommand, 'format' | 'out' | 'display'> {
  return {
    format: choice('--output', raw.output, choices.diffOutput) ?? 'text',
    out: place('--out', raw.out),
    display: resolveDisplay(raw),
  }
}

function sourceOf(source: string): string {
  return nonEmpty('SOURCE', source)
}

function policyPaths(command: string, raw: RawOptions): readonly string[] {
  const found = paths('--policies', raw.policies)
  if (found !== undefined) return found
  throw usage(
    `${command} needs policies to judge`,
    'name a manifest or a directory: --policies PATH',
  )
}

function resolveQuestion(sources: readonly string[], raw: RawOptions): ExplainOptions['question'] {
  const typed = { '--from': raw.from, '--to': raw.to, '--port': raw.port }
  const missing = Object.entries(typed).flatMap(([flag, value]) =>
    value === undefined ? flag : [],
  )
  if (raw.policy !== undefined) {
    if (missing.length < 3) {
      throw usage(
        '--policy and --from contradict each other',
        'ask about a connection (--from, --to, --port), or about a policy (--policy)',
      )
    }
    return policyQuestion(sources, raw.policy)
  }
  const { from, to, port } = raw
  if (from === undefined || to === undefined || port === undefined) {
    throw usage(
      `explain needs a question, ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
      'ask about a connection (--from, --to, --port), or about a policy (--policy NAMESPACE/NAME)',
    )
  }
  return {
    from: end('--from', from),
    to: end('--to', to),
    ...service(port),
    words: { from, to },
  }
}

function policyQuestion(sources: readonly string[], policy: string): { readonly policy: string } {
  if (!/^[^/]+\/[^/]+$/.test(policy)) {
    throw usage(`--policy must be namespace/name, is "${policy}"`)
  }
  if (sources.length === 0) {
    throw usage('--policy needs recorded flows as evidence', 'name a SOURCE')
  }
  return { policy }
}

function end(flag: string, value: string): EndQuery {
  const query = parseEndQuery(value)
  if (query !== undefined) return query
  throw usage(
    `${flag} must be namespace/pod, namespace/workload, namespace/key=value[,key=value], an address, or one of host, remote-node, kube-apiserver, ingress, unmanaged, is "${value}"`,
  )
}

function service(value: string): Pick<ConnectionQuestion, 'protocol' | 'port'> {
  const [, type, family] = /^(\d{1,3})\/ICMP(v[46])$/i.exec(value) ?? []
  if (family !== undefined && Number(type) <= 255) {
    return {
      protocol: family === 'v4' || family === 'V4' ? 'ICMPv4' : 'ICMPv6',
      port: Number(type),
    }
  }
  const [, digits, name = 'TCP'] = /^([1-9]\d{0,4})(?:\/(TCP|UDP|SCTP))?$/i.exec(value) ?? []
  const protocol = (['TCP', 'UDP', 'SCTP'] as const).find((one) => one === name.toUpperCase())
  const port = Number(digits)
  if (digits !== undefined && protocol !== undefined && port <= 65_535) return { protocol, port }
  throw usage(
    `--port must be a number with its protocol such as 443/TCP or 53/UDP, or a type such as 8/ICMPv4, is "${value}"`,
  )
}

function percent(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  if (/^\d{1,3}(\.\d{1,3})?$/.test(value) && number <= 100) return number
  throw usage(`${flag} must be a percentage from 0 to 100 such as 99.5, is "${value}"`)
}
