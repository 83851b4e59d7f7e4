/** Zones and approvals from the files that people keep them in. */
import { NetweirError } from '../errors.ts'
import { canonicalAddress, formatPrefix, parsePrefix } from '../ip.ts'
import { Field } from '../policy/field.ts'
import type { Manifest } from '../policy/manifest.ts'
import { Problems } from '../policy/problems.ts'
import { quote } from '../policy/quote.ts'
import type { Approval } from '../traffic/zone-report.ts'
import { anyZone } from '../traffic/zone-report.ts'
import type { ZoneRule, ZoneRules } from '../traffic/zones.ts'
import { readManifestPath } from './manifests.ts'

const apiVersion = 'netweir/v1'

/** What the value of a label may be, since labels name zones. */
const zoneName = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const labelKey = /^([-A-Za-z0-9.]{1,253}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

const hint = 'docs/zones.md shows what the file may hold'

/**
 * Returns the zones of the files, in order; of several labels and fallbacks the last counts.
 * @throws {NetweirError} `MANIFEST_SYNTAX`, `MANIFEST_INVALID` with every problem and its place.
 */
export async function readZones(
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
): Promise<ZoneRules> {
  const zones: ZoneRule[] = []
  const problems = new Problems()
  let defaults: Pick<ZoneRules, 'label' | 'fallback'> = {}
  for (const object of await readObjects('Zones', paths, stdin, problems)) {
    refuseUnknown(object, ['apiVersion', 'kind', 'metadata', 'label', 'default', 'zones'])
    const label = readLabelKey(object.member('label'))
    const fallback = readZoneName(object.member('default'), false)
    defaults = {
      ...defaults,
      ...(label === undefined ? {} : { label }),
      ...(fallback === undefined ? {} : { fallback }),
    }
    for (const item of mappings(object.member('zones'))) zones.push(readZone(item))
  }
  problems.throwIfAny('MANIFEST_INVALID', hint)
  return { ...defaults, zones }
}

/**
 * Returns the approvals of the files, in order.
 * @throws {NetweirError} `MANIFEST_SYNTAX`, `MANIFEST_INVALID` with every problem and its place.
 */
export async function readApprovals(
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
): Promise<readonly Approval[]> {
  const problems = new Problems()
  const approvals: Approval[] = []
  for (const { object, manifest } of await readPlaced('Approvals', paths, stdin, problems)) {
    refuseUnknown(object, ['apiVersion', 'kind', 'metadata', 'approvals'])
    for (const item of mappings(object.member('approvals'))) {
      const { file, line } = manifest.locate(item.path())
      approvals.push(readApproval(item, line === undefined ? file : `${file}:${line}`))
    }
  }
  problems.throwIfAny('MANIFEST_INVALID', hint)
  return approvals
}

interface Placed {
  readonly object: Field
  readonly manifest: Manifest
}

async function readPlaced(
  kind: string,
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
  problems: Problems,
): Promise<readonly Placed[]> {
  const placed: Placed[] = []
  for (const path of paths) {
    for (const manifest of await readObjectsOf(kind, path, stdin)) {
      if (manifest.kind === kind && manifest.apiVersion === apiVersion) {
        placed.push({ manifest, object: Field.of(manifest, problems) })
        continue
      }
      const found = `${manifest.apiVersion} ${manifest.kind}`
      problems.add(
        `is ${quote(found)}, expected "${apiVersion} ${kind}"`,
        manifest.locate([]),
        hint,
      )
    }
  }
  if (placed.length === 0 && problems.count === 0) {
    problems.add(`holds no ${kind}`, { file: paths[0] ?? '-' }, hint)
  }
  return placed
}

/** No API server ever sees these files: what is wrong with their form is explained by what they are. */
async function readObjectsOf(
  kind: string,
  path: string,
  stdin: AsyncIterable<Uint8Array>,
): Promise<readonly Manifest[]> {
  try {
    return await readManifestPath(path, stdin)
  } catch (reason) {
    if (!(reason instanceof NetweirError) || !reason.code.startsWith('MANIFEST_')) throw reason
    const { code, message, location, problems, cause } = reason
    throw new NetweirError(code, message, {
      ...(location === undefined ? {} : { location }),
      problems,
      cause,
      hint: `the file begins with apiVersion: ${apiVersion} and kind: ${kind}; ${hint}`,
    })
  }
}

async function readObjects(
  kind: string,
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
  problems: Problems,
): Promise<readonly Field[]> {
  return (await readPlaced(kind, paths, stdin, problems)).map(({ object }) => object)
}

/** Yields the items of a list that are mappings; what is none is a problem, in its turn. */
function* mappings(list: Field): Generator<Field> {
  for (const item of list.items() ?? []) {
    if (!item.isPresent) item.problem('must be a mapping, is null')
    if (item.mapping() !== undefined) yield item
  }
}

function readZone(item: Field): ZoneRule {
  refuseUnknown(item, ['name', 'description', 'namespaces', 'workloads', 'labels', 'addresses'])
  const description = item.member('description').text()
  const labels = item.member('labels').labels()
  const rule = {
    name: readZoneName(item.member('name'), true) ?? '',
    ...(description === undefined ? {} : { description }),
    namespaces: readTexts(item.member('namespaces'), 'the name of a namespace', asNamespace),
    workloads: readTexts(item.member('workloads'), 'namespace/workload', asWorkload),
    ...(labels === undefined ? {} : { labels }),
    addresses: readTexts(item.member('addresses'), 'an address or a prefix', asPrefix),
  }
  const isEmpty = [rule.namespaces, rule.workloads, rule.addresses].every(
    ({ length }) => length === 0,
  )
  if (isEmpty && Object.keys(labels ?? {}).length === 0) {
    item.problem('names nothing, expected namespaces, workloads, labels or addresses', hint)
  }
  return rule
}

function readApproval(item: Field, at: string): Approval {
  refuseUnknown(item, [
    'from',
    'to',
    'ports',
    'source',
    'destination',
    'approvedBy',
    'reason',
    'until',
  ])
  const source = readWorkload(item.member('source'))
  const destination = readWorkload(item.member('destination'))
  return {
    from: readApprovedZone(item.member('from')),
    to: readApprovedZone(item.member('to')),
    ports: readTexts(item.member('ports'), 'a port such as 443/TCP, or 8/ICMPv4', asPort),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    approvedBy: readRequired(item.member('approvedBy'), 'who approves it'),
    reason: readRequired(item.member('reason'), 'why it may cross'),
    untilMs: readUntil(item.member('until')),
    at,
  }
}

function readZoneName(field: Field, isRequired: boolean): string | undefined {
  const text = field.text()
  if (text === undefined) {
    if (isRequired && !field.isPresent) field.problem('is required, the name of a zone', hint)
    return undefined
  }
  if (zoneName.test(text)) return text
  field.problem(
    `must be a name such as phi: at most 63 letters, digits, dashes, dots and underscores, is ${quote(text)}`,
  )
  return undefined
}

function readApprovedZone(field: Field): string {
  return field.value === anyZone ? anyZone : (readZoneName(field, true) ?? '')
}

function readLabelKey(field: Field): string | undefined {
  const text = field.text()
  if (text === undefined || labelKey.test(text)) return text
  field.problem(`must be the key of a label, is ${quote(text)}`)
  return undefined
}

function readWorkload(field: Field): string | undefined {
  const text = field.text()
  if (text === undefined || asNamespace(text) !== undefined || asWorkload(text) !== undefined) {
    return text
  }
  field.problem(`must be namespace or namespace/workload, is ${quote(text)}`)
  return undefined
}

function readRequired(field: Field, what: string): string {
  const text = field.text()
  if (text === undefined && field.isPresent) return ''
  if (text === undefined || text.trim() === '') field.problem(`is required: ${what}`, hint)
  return text ?? ''
}

/** A day stands for its end, in UTC: what is approved until a day is approved on it. */
function readUntil(field: Field): number {
  const text = field.text()
  if (text === undefined) {
    if (!field.isPresent) field.problem('is required: the last day, such as "2026-12-31"', hint)
    return 0
  }
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text)
  const ms = Date.parse(isDay ? `${text}T23:59:59.999Z` : text)
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)
  const day = text.slice(0, 10)
  const isReal =
    !Number.isNaN(ms) && new Date(Date.parse(`${day}T00:00:00Z`)).toISOString().startsWith(day)
  if ((isDay || isTime) && isReal) return ms
  field.problem(`must be a day such as "2026-12-31" or an RFC 3339 time, is ${quote(text)}`)
  return 0
}

function readTexts(
  field: Field,
  expected: string,
  read: (text: string) => string | undefined,
): readonly string[] {
  return (field.items() ?? []).flatMap((item) => {
    const text = item.text()
    if (text === undefined) {
      if (!item.isPresent) item.problem(`must be ${expected}, is null`)
      return []
    }
    const value = read(text)
    if (value === undefined) item.problem(`must be ${expected}, is ${quote(text)}`)
    return value ?? []
  })
}

function asNamespace(text: string): string | undefined {
  return namespaceName.test(text) ? text : undefined
}

function asWorkload(text: string): string | undefined {
  return /^[a-z0-9][-a-z0-9]{0,62}\/[^/\s]{1,253}$/.test(text) ? text : undefined
}

/** Policies of Cilium speak of ICMP by its type, where others have a port. */
function asPort(text: string): string | undefined {
  const [, type] = /^(0|[1-9]\d{0,2})\/ICMPv[46]$/.exec(text) ?? []
  if (type !== undefined) return Number(type) <= 255 ? text : undefined
  const [, digits, protocol] = /^([1-9]\d{0,4})\/(TCP|UDP|SCTP)$/.exec(text) ?? []
  return protocol !== undefined && Number(digits) <= 65_535 ? text : undefined
}

function asPrefix(text: string): string | undefined {
  const address = canonicalAddress(text)
  if (address !== undefined) return `${address}/${address.includes(':') ? 128 : 32}`
  const prefix = parsePrefix(text)
  return prefix === undefined ? undefined : formatPrefix(prefix)
}

/** A member that is spelled wrong would silently classify, or approve, something else. */
function refuseUnknown(field: Field, known: readonly string[]): void {
  for (const [name, member] of field.members()) {
    if (!known.includes(name)) {
      member.problem(`is not known, expected one of ${known.join(', ')}`, hint)
    }
  }
}
