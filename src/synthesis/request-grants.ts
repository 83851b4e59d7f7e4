/**
 * Edges narrowed to the requests that proxies saw on them. A policy that names requests cuts off all others on its port,
 * so that an edge is narrowed only where a proxy saw every connection of it, and every request could be kept.
 */
import type { PolicyRequest } from '../policy/plain-rule.ts'
import { requestPattern } from '../traffic/request-shapes.ts'
import type { Edge, EdgeEnd, SeenRequests } from '../traffic/traffic.ts'
import type { Contribution } from './edge-grants.ts'
import { isObligation } from './edge-grants.ts'
import { patternsOf } from './name-patterns.ts'
import type { Plan } from './plan.ts'
import { describeEnd, groupOfEnd } from './plan.ts'
import { knowsCilium } from './special-grants.ts'
import type { Finding, Grant, GrantPeer, Widening } from './synthesis.ts'

type Direction = Grant['direction']

/** The edges of one subject with one peer on one port. */
interface Cell {
  readonly direction: Direction
  readonly subject: number
  readonly port: number
  /** False where a grant may be about more than this peer. */
  readonly isNarrowable: boolean
  readonly edges: Edge[]
}

/** Returns the grants with those narrowed that can be, what that widens, and what had to stay open. */
export function narrowRequests(plan: Plan, grants: readonly Grant[]): Contribution {
  const kinds = plan.options.l7 ?? []
  if (kinds.length === 0 || !knowsCilium(plan.options)) {
    return { grants, widenings: [], findings: [] }
  }
  const cells = collectCells(plan)
  const judged = [...cells].flatMap(([key, cell]) =>
    kinds.map((kind) => ({ key, cell, kind, verdict: judge(cell, kind) })),
  )
  const narrowed = new Map<string, readonly PolicyRequest[]>()
  const widenings: Widening[] = []
  const findings: Finding[] = []
  for (const { key, cell, kind, verdict } of judged) {
    if (verdict === undefined) continue
    if (typeof verdict === 'string') {
      findings.push(staysOpen(plan, cell, kind, verdict))
      continue
    }
    const requests = requestsOf(plan, kind, verdict)
    for (const protocol of protocolsOf[kind]) narrowed.set(`${key} ${protocol}`, requests)
    widenings.push(...shapeWidening(plan, cell, kind, verdict))
  }
  if (narrowed.size === 0 && findings.length === 0) findings.push(nothingSeen(kinds))
  const narrow = (grant: Grant): readonly Grant[] => {
    if (grant.endPort !== undefined) return [grant]
    const requests = narrowed.get(`${placeOf(grant, grant.peer)} ${grant.protocol}`)
    return (
      requests?.map((request): Grant => {
        const isPattern = 'dns' in request && request.dns.matchPattern !== undefined
        return { ...grant, request, why: isPattern ? 'dns-pattern' : grant.why }
      }) ?? [grant]
    )
  }
  return { grants: grants.flatMap(narrow), widenings, findings }
}

/** Look-ups of names that a pattern stands for are that pattern. */
function requestsOf(
  plan: Plan,
  kind: 'http' | 'dns',
  texts: readonly string[],
): readonly PolicyRequest[] {
  const patterns = patternsOf(texts, kind === 'dns' ? plan.options.namePatterns : undefined)
  const covered = new Set([...patterns.values()].flat())
  return [
    ...[...patterns.keys()].map((matchPattern): PolicyRequest => ({ dns: { matchPattern } })),
    ...texts.filter((text) => !covered.has(text)).map((text) => requestPattern(kind, text)),
  ]
}

const protocolsOf = { http: ['TCP'], dns: ['TCP', 'UDP'] } as const

/** Where look-ups are narrowed, the names that grants speak of are looked up, too. */
export function allowLookups(grants: readonly Grant[]): readonly Grant[] {
  const names = new Map<number, Grant[]>()
  for (const grant of grants) {
    if (grant.peer.kind !== 'fqdn' && grant.peer.kind !== 'fqdn-pattern') continue
    const known = names.get(grant.subject)
    if (known === undefined) names.set(grant.subject, [grant])
    else known.push(grant)
  }
  const more = grants.flatMap((grant): readonly Grant[] => {
    if (grant.request === undefined || !('dns' in grant.request)) return []
    return (names.get(grant.subject) ?? []).flatMap(({ peer, why }): readonly Grant[] => {
      if (peer.kind === 'fqdn')
        return [{ ...grant, request: { dns: { matchName: peer.name } }, why }]
      if (peer.kind !== 'fqdn-pattern') return []
      return [{ ...grant, request: { dns: { matchPattern: peer.pattern } }, why }]
    })
  })
  return more.length === 0 ? grants : [...grants, ...more]
}

function collectCells(plan: Plan): ReadonlyMap<string, Cell> {
  const cells = new Map<string, Cell>()
  for (const edge of plan.traffic.edges) {
    if ((edge.protocol !== 'TCP' && edge.protocol !== 'UDP') || !isObligation(plan, edge)) continue
    placeEdge(plan, cells, edge, 'egress')
    placeEdge(plan, cells, edge, 'ingress')
  }
  return cells
}

function placeEdge(plan: Plan, cells: Map<string, Cell>, edge: Edge, direction: Direction): void {
  const [own, other] = direction === 'egress' ? [edge.from, edge.to] : [edge.to, edge.from]
  const subject = groupOfEnd(plan, own)
  if (subject === undefined || !plan.subjects.has(subject.id)) return
  const peer = narrowablePeer(plan, other)
  const place = { direction, subject: subject.id, port: edge.port }
  const key = peer === undefined ? `${direction} ${cells.size} of itself` : placeOf(place, peer)
  const cell = cells.get(key) ?? { ...place, isNarrowable: peer !== undefined, edges: [] }
  cells.set(key, cell)
  cell.edges.push(edge)
}

/** Peers that one grant is about: of addresses and nodes several may be about one edge. */
function narrowablePeer(plan: Plan, end: EdgeEnd): GrantPeer | undefined {
  const group = groupOfEnd(plan, end)
  if (group !== undefined) {
    const isNamed = (plan.selectors[group.id]?.selectors.length ?? 0) > 0
    return isNamed ? { kind: 'group', group: group.id } : undefined
  }
  const isProxy = end.kind === 'entity' && end.entity === 'ingress'
  return isProxy ? { kind: 'entity', entity: 'ingress' } : undefined
}

function placeOf(
  { direction, subject, port }: Pick<Grant, 'direction' | 'subject' | 'port'>,
  peer: GrantPeer,
): string {
  return `${direction} ${subject} ${JSON.stringify(peer)} ${port}`
}

/** Returns the texts of the requests, why the cell has to stay open, or undefined where none of the kind was seen. */
function judge(cell: Cell, kind: 'http' | 'dns'): readonly string[] | string | undefined {
  const edges =
    kind === 'http' ? cell.edges.filter(({ protocol }) => protocol === 'TCP') : cell.edges
  const seen = edges.map(({ evidence }) => evidence.requests)
  if (!seen.some((one) => one !== undefined && one[kind].length > 0)) return undefined
  // Look-ups are checked where they leave.
  if (kind === 'dns' && cell.direction === 'ingress') return undefined
  const isSeenHere = seen.some((one) => one?.read.includes(cell.direction) === true)
  if (!isSeenHere) return undefined
  if (!cell.isNarrowable)
    return 'only edges with pods that labels can name, and from the ingress proxy, are narrowed'
  const texts = new Set<string>()
  for (const one of seen) {
    const reason = reasonToStay(one, kind, cell.direction)
    if (reason !== undefined) return reason
    for (const text of one?.[kind] ?? []) texts.add(text)
  }
  // With a query string it means without one, too.
  return [...texts].filter((text) => !texts.has(`${text}?`)).sort()
}

function reasonToStay(
  seen: SeenRequests | undefined,
  kind: 'http' | 'dns',
  direction: Direction,
): string | undefined {
  if (seen === undefined) return 'not all of its connections passed a proxy'
  if (seen.more) return `more kinds of ${kind} requests were seen than are kept`
  if (seen[kind === 'http' ? 'dns' : 'http'].length > 0) return 'requests of two kinds were seen'
  if (seen.inspected.includes(direction)) return undefined
  return seen.read.includes(direction)
    ? 'not all of its connections passed a proxy, or not all requests could be read'
    : 'not all of its connections passed a proxy'
}

function describeCell(plan: Plan, { direction, subject, port, edges }: Cell): string {
  const [first] = edges
  const own = plan.groups[subject]?.name ?? ''
  const other = direction === 'egress' ? first?.to : first?.from
  const peer = other === undefined ? '' : describeEnd(plan, other)
  return direction === 'egress' ? `${own} -> ${peer} ${port}` : `${peer} -> ${own} ${port}`
}

function staysOpen(plan: Plan, cell: Cell, kind: 'http' | 'dns', reason: string): Finding {
  return {
    code: 'REQUESTS_OPEN',
    severity: 'warning',
    subject: `${describeCell(plan, cell)} (${kind}, ${cell.direction})`,
    message: `stays open for every request: ${reason}`,
    hint: 'record with a proxy in place on every connection, and nothing else in that time',
  }
}

function nothingSeen(kinds: readonly string[]): Finding {
  return {
    code: 'REQUESTS_OPEN',
    severity: 'warning',
    subject: `--l7 ${kinds.join(', ')}`,
    message: 'no request of that kind is in the input: everything stays open for every request',
    hint: 'make proxies see them first (an L7 rule that allows all), and learn communication sets with --l7, too',
  }
}

function shapeWidening(
  plan: Plan,
  cell: Cell,
  kind: 'http' | 'dns',
  texts: readonly string[],
): readonly Widening[] {
  const shapes = kind === 'http' ? texts.filter((text) => /[{?]/.test(text)) : []
  if (shapes.length === 0) return []
  return [
    {
      reason: 'request-shape',
      policy: plan.policyNames[cell.subject] ?? '',
      direction: cell.direction,
      subject: plan.groups[cell.subject]?.name ?? '',
      peer: describeCell(plan, cell),
      ports: [`${cell.port}/TCP`],
      size: `whatever stands for the braces, and any query string, in ${shapes.length} of ${texts.length} kinds of requests: ${shapes.slice(0, 4).join(', ')}${shapes.length > 4 ? ', ...' : ''}`,
      hint: 'write the expressions by hand where a part of a path has few values',
    },
  ]
}
