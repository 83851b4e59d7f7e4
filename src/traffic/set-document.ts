/** The communication set as a document: written in one stable form, and read with distrust. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import type { Outcome, Protocol } from '../flow/flow.ts'
import { entities, outcomes, protocols, sides, strengths, verdictKinds } from '../flow/flow.ts'
import { isRequestText } from '../flow/requests.ts'
import { canonicalAddress, formatPrefix, parsePrefix } from '../ip.ts'
import { createAggregate, maxOutsideLimit } from './aggregate.ts'
import type {
  CellRecord,
  ClassRecord,
  CommunicationRecord,
  CommunicationSet,
  EndRecord,
  PendingRecord,
  PodRecord,
} from './communication-set.ts'
import { blockMs } from './communication-set.ts'
import { DocumentField } from './document-field.ts'
import { ledgerWith } from './ledger.ts'
import type { RequestRecord } from './request-record.ts'
import { joinRequests, requestKinds } from './request-record.ts'
import { setBytes } from './set-bytes.ts'
import { sortedTexts } from './text-key.ts'
import type { SpanRecord } from './timestamp.ts'
import { formatTime, parseTime } from './timestamp.ts'

const apiVersion = 'netweir/v1'
const kind = 'CommunicationSet'

/** The last block that a time of four-digit years falls into. */
const lastBlock = Math.floor((parseTime('9999-12-31T23:59:59.999Z') ?? 0) / blockMs)

/** Returns the set as one line of JSON with a newline; equal sets are equal texts. */
export function encodeSet(set: CommunicationSet): string {
  return new TextDecoder().decode(setBytes(set))
}

/**
 * Returns the set that a parsed JSON value spells, in canonical form whatever order the document was in; unknown members
 * are passed over, and the ledger is derived anew.
 * @throws {NetweirError} `SET_INVALID` with the path of the first wrong member.
 */
export function decodeSet(value: unknown, location?: Location): CommunicationSet {
  return mergeSets([readSet(new DocumentField(value, location), location)])
}

/** Tells whether a parsed JSON value says that netweir wrote it: it is then no flow, and {@link decodeSet} reads it. */
export function isNetweirDocument(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'apiVersion' in value &&
    typeof value.apiVersion === 'string' &&
    value.apiVersion.startsWith('netweir/')
  )
}

/**
 * Returns what the sets say together: the same for any order and any grouping. Its limit of outside prefixes is the
 * smallest of theirs.
 */
export function mergeSets(sets: Iterable<CommunicationSet>): CommunicationSet {
  const aggregate = createAggregate({ outsideLimit: maxOutsideLimit })
  for (const set of sets) aggregate.addSet(set)
  return aggregate.toSet()
}

/** Returns the set that says nothing: the unit of {@link mergeSets}. */
export function emptySet(): CommunicationSet {
  return createAggregate({ outsideLimit: maxOutsideLimit }).toSet()
}

function readSet(document: DocumentField, location: Location | undefined): CommunicationSet {
  checkVersion(document, location)
  const classes = document.member('classes').list(readClass)
  const content = {
    apiVersion,
    kind,
    window: readSpan(document.member('window')),
    outsideLimit: document.member('outsideLimit').integer(1, maxOutsideLimit),
    clusters: document.member('clusters').list((field) => ({
      name: field.member('name').text(),
      records: field.member('records').count(),
    })),
    nodes: document.member('nodes').list((field) => ({
      name: field.member('name').text(),
      records: field.member('records').count(),
      ...readSpan(field),
    })),
    namespaces: document.member('namespaces').list(readNamespace),
    classes,
    pods: document.member('pods').list((field) => readPod(field, classes.length)),
    communications: document
      .member('communications')
      .list((field) => readCommunication(field, classes.length)),
    pending: document.member('pending').list((field) => readPending(field, classes.length)),
    names: document.member('names').list((field) => ({
      address: readAddress(field.member('address')),
      names: field.member('names').list((name) => name.text()),
    })),
    counted: readCounted(document.member('counted')),
    lost: document.member('lost').list((field) => ({
      source: field.member('source').text(),
      node: field.member('node').text(),
      events: field.member('events').count(),
    })),
    nodeStatus: document.member('nodeStatus').list((field) => ({
      node: field.member('node').text(),
      state: field.member('state').text(),
      message: field.member('message').text(),
      records: field.member('records').count(),
    })),
  } as const
  return { ...content, ledger: ledgerWith(content, new Map()) }
}

function checkVersion(document: DocumentField, location: Location | undefined): void {
  const version = document.member('apiVersion').text()
  const found = document.member('kind').text()
  if (version === apiVersion && found === kind) return
  const shown = JSON.stringify(`${version.slice(0, 60)} ${found.slice(0, 60)}`)
  throw new NetweirError(
    'SET_INVALID',
    `the document is ${shown}; expected "${apiVersion} ${kind}"`,
    {
      ...(location === undefined ? {} : { location }),
      hint: version.startsWith('netweir/')
        ? 'it was written by another version of netweir: read it with that version, or learn the set anew'
        : 'name a file that netweir learn or netweir merge wrote',
    },
  )
}

function readClass(field: DocumentField): ClassRecord {
  return {
    cluster: field.member('cluster').text(),
    namespace: field.member('namespace').text(),
    labels: readTexts(field.member('labels')),
  }
}

function readNamespace(field: DocumentField): CommunicationSet['namespaces'][number] {
  return {
    cluster: field.member('cluster').text(),
    name: field.member('name').text(),
    labels: field.member('labels').list((item) => {
      const label = item.member('label').text()
      const last = readTime(item.member('last'))
      return last === undefined ? { label } : { label, last }
    }),
  }
}

function readPod(field: DocumentField, classCount: number): PodRecord {
  const generation = field.member('generation')
  const workload = field.member('workload')
  return {
    class: field.member('class').integer(0, classCount - 1),
    name: field.member('name').text(),
    ...(generation.isAbsent ? {} : { generation: readTexts(generation) }),
    ...(workload.isAbsent
      ? {}
      : {
          workload: {
            kind: workload.member('kind').text(),
            name: workload.member('name').text(),
          },
        }),
    ...readSpan(field),
  }
}

function readCommunication(field: DocumentField, classCount: number): CommunicationRecord {
  const protocol = field.member('protocol').oneOf(protocols)
  const [least, greatest] = portBounds(protocol)
  return {
    ...readEnds(field, classCount),
    protocol,
    port: field.member('port').integer(least, greatest),
    ...readEvidence(field),
  }
}

function readPending(field: DocumentField, classCount: number): PendingRecord {
  const clientPort = field.member('clientPort').integer(0, 65_535)
  const port = field.member('port')
  return {
    ...readEnds(field, classCount),
    protocol: field.member('protocol').oneOf(['TCP', 'UDP', 'SCTP']),
    clientPort,
    port: clientPort === 0 ? port.integer(0, 0) : port.integer(0, 65_535),
    ...readEvidence(field),
  }
}

function portBounds(protocol: Protocol): readonly [number, number] {
  return protocol === 'ICMPv4' || protocol === 'ICMPv6' ? [0, 255] : [1, 65_535]
}

function readEnds(
  field: DocumentField,
  classCount: number,
): Pick<CommunicationRecord, 'from' | 'to'> {
  const from = readEnd(field.member('from'), classCount)
  const to = readEnd(field.member('to'), classCount)
  if (!(isPod(from) || isPod(to))) field.fail('a pod at one end at least')
  return { from, to }
}

function isPod(end: EndRecord): boolean {
  return 'class' in end || 'pod' in end
}

function readEnd(field: DocumentField, classCount: number): EndRecord {
  const position = field.member('class')
  if (!position.isAbsent) return { class: position.integer(0, classCount - 1) }
  const pod = field.member('pod')
  if (!pod.isAbsent) {
    return {
      cluster: field.member('cluster').text(),
      namespace: field.member('namespace').text(),
      pod: pod.text(),
      lacks: field.member('lacks').oneOf(['world', 'masked']),
    }
  }
  const address = field.member('address')
  const entity = field.member('entity')
  if (entity.isAbsent && address.isAbsent) {
    field.fail('an end: with a class, a pod, an entity or an address')
  }
  const labels = field.member('labels')
  if (entity.isAbsent) {
    return {
      address: address.textAs('an address or a prefix', canonicalPlace),
      ...(labels.isAbsent ? {} : { labels: readTexts(labels) }),
    }
  }
  return {
    entity: entity.oneOf(entities),
    labels: readTexts(labels),
    ...(address.isAbsent ? {} : { address: readAddress(address) }),
  }
}

function readEvidence(
  field: DocumentField,
): Omit<CommunicationRecord, 'from' | 'to' | 'protocol' | 'port'> {
  const cells = field.member('cells')
  const encrypted = field.member('encrypted')
  const authenticated = field.member('authenticated')
  const names = field.member('names')
  const requests = field.member('requests')
  const evidence = {
    cells: cells.list(readCell),
    blocks: field.member('blocks').list(readBlocks),
    samples: field.member('samples').list((sample) => sample.text()),
    ...(encrypted.isAbsent ? {} : { encrypted: encrypted.count() }),
    ...(authenticated.isAbsent ? {} : { authenticated: authenticated.count() }),
    ...(names.isAbsent ? {} : { names: readTexts(names) }),
    ...(requests.isAbsent ? {} : { requests: readRequests(requests) }),
  }
  if (evidence.cells.length === 0) cells.fail('at least one cell')
  return evidence
}

/** Joined with nothing, a record is bounded. */
const noRequests: RequestRecord = { read: [0, 0], redirected: [0, 0] }

function readRequests(field: DocumentField): RequestRecord {
  const lists = requestKinds.flatMap((kind) => {
    const list = field.member(kind)
    if (list.isAbsent) return []
    const texts = list.list((item) =>
      item.textAs(`a kind of ${kind} requests`, (text) =>
        isRequestText({ kind, text }) ? text : undefined,
      ),
    )
    return [[kind, sortedTexts(texts)] as const]
  })
  const more = field.member('more')
  return joinRequests(noRequests, {
    read: readSides(field.member('read')),
    redirected: readSides(field.member('redirected')),
    ...Object.fromEntries(lists),
    ...(!more.isAbsent && { more: true }),
  })
}

function readSides(field: DocumentField): readonly [number, number] {
  const [egress, ingress, ...rest] = field.list((item) => item.count())
  if (egress === undefined || ingress === undefined || rest.length > 0) {
    return field.fail('two counts')
  }
  return [egress, ingress]
}

function readCell(field: DocumentField): CellRecord {
  const records = field.member('records').count(1)
  const flows = field.member('flows')
  return {
    side: field.member('side').oneOf(sides),
    verdict: field.member('verdict').oneOf(verdictKinds),
    strength: field.member('strength').oneOf(strengths),
    records,
    ...(flows.isAbsent ? {} : { flows: flows.count(records) }),
    ...readSpan(field),
  }
}

function readBlocks(field: DocumentField): readonly [number, number] {
  const bounds = field.list((item) => item.integer(0, lastBlock))
  const [first, last] = bounds
  if (first === undefined || last === undefined || bounds.length !== 2 || first > last) {
    return field.fail('first and last block of a run')
  }
  return [first, last]
}

function readCounted(field: DocumentField): Readonly<Partial<Record<Outcome, number>>> {
  const counted: Partial<Record<Outcome, number>> = {}
  for (const name of field.memberNames()) {
    const outcome = outcomes.find((known) => known === name)
    if (outcome === undefined)
      return field.fail(`only outcomes as members, not "${name.slice(0, 60)}"`)
    counted[outcome] = field.member(outcome).count()
  }
  return counted
}

function readSpan(field: DocumentField): SpanRecord {
  const first = readTime(field.member('first'))
  const last = readTime(field.member('last'))
  if (first === undefined && last === undefined) return {}
  if (first === undefined || last === undefined || first > last) {
    return field.fail('both a first and a last time, in this order, or none')
  }
  return { first, last }
}

function readTime(field: DocumentField): string | undefined {
  if (field.isAbsent) return undefined
  return formatTime(field.textAs('an RFC 3339 time from 1970 to 9999', parseTime))
}

function readAddress(field: DocumentField): string {
  return field.textAs('an IP address', canonicalAddress)
}

/** Returns an address or a prefix in canonical form: a prefix of full length is an address. */
function canonicalPlace(text: string): string | undefined {
  const address = canonicalAddress(text)
  if (address !== undefined) return address
  const prefix = parsePrefix(text)
  if (prefix === undefined) return undefined
  if (prefix.length === prefix.width) return canonicalAddress(text.slice(0, text.indexOf('/')))
  return formatPrefix(prefix)
}

function readTexts(field: DocumentField): readonly string[] {
  return sortedTexts(field.list((item) => item.text()))
}
