/** Compares what policies allow with what is declared, end by end as bit rows, and a part of it point by point. */
import { NetweirError } from '../errors.ts'
import type { Bits } from '../policy/bits.ts'
import { firstDifference, hasBit, withoutBits } from '../policy/bits.ts'
import { compileSet } from '../policy/compiled-set.ts'
import type { Evaluator } from '../policy/evaluate.ts'
import type { Policy, PolicyEndpoint, PolicyService } from '../policy/network-policy.ts'
import { unplaced } from '../policy/network-policy.ts'
import type { Span } from '../policy/port-line.ts'
import {
  icmpAt,
  icmpPosition,
  icmpStart,
  namedStart,
  portAt,
  portPosition,
  spanTexts,
} from '../policy/port-line.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsOfGrants, rowsTo } from '../policy/rows.ts'
import type { Universe } from '../policy/universe.ts'
import { policyEndpoint } from '../policy/universe.ts'
import { identityLabels } from '../traffic/edge-ends.ts'
import type { Edge } from '../traffic/traffic.ts'
import type { Declared } from './declared.ts'
import type { Obligation, ObligedEnd } from './obligations.ts'
import { areClasses } from './obligations.ts'

/** Points that the naive evaluator judges, about: enough to meet every destination of a large cluster. */
export const maxSampled = 20_000

/** The entity that stands for all in the universe of a comparison: policies tell none from another. */
export const anyEntity = 'remote-node'

/** What is compared. */
export interface Comparison {
  readonly policies: readonly Policy[]
  readonly declared: Declared
  readonly universe: Universe
  /** Of the same policies. */
  readonly evaluator: Evaluator
  readonly obligations: readonly Obligation[]
}

/** The rows of one destination: `allowed` by the policies, one row per atom. */
interface Destination {
  readonly end: number
  readonly atoms: readonly Span[]
  readonly allowed: readonly Bits[]
}

/**
 * Returns how many points were compared and sampled.
 * @throws {NetweirError} `GATE_FAILED` at the first point where the policies and the declaration, or the exact engine
 * and the naive evaluator, differ, and at the first edge that the exact engine finds denied.
 */
export function compareAllowed(comparison: Comparison): { points: number; sampled: number } {
  const { declared, universe } = comparison
  const set = compileSet(comparison.policies.map(unplaced), universe)
  const obliged = obligedByEnd(comparison)
  const endpoints = universe.ends.map(policyEndpoint)
  let points = 0
  let sampled = 0
  for (const end of universe.ends.keys()) {
    const grants = { made: grantsTo(set, universe, end), declared: declared.grantsTo(end) }
    const edges = obliged[end] ?? []
    const atoms = cutPorts(universe, end, [
      ...grantSpans(grants.made),
      ...grantSpans(grants.declared),
      ...edges.map(({ position }) => ({ low: position, high: position })),
    ])
    const allowed = passing(rowsTo(set, universe, end, atoms, grants.made))
    const sources = universe.sourcesOf(end)
    const free = withoutBits(sources, declared.isolated)
    const expected = passing(rowsOfGrants(grants.declared, { sources, free }, atoms))
    const destination = { end, atoms, allowed }
    compareRows(universe, destination, expected)
    for (const obligation of edges) checkObliged(universe, destination, obligation)
    points += atoms.length * universe.ends.length
    sampled += sample(comparison, destination, endpoints)
  }
  return { points, sampled }
}

/** What one edge obliges at one of its destinations. */
interface ObligedSources {
  readonly edge: Edge
  readonly sources: readonly number[]
  readonly position: number
}

function obligedByEnd({
  obligations,
  universe,
}: Comparison): readonly (readonly ObligedSources[] | undefined)[] {
  const byEnd: ObligedSources[][] = universe.ends.map(() => [])
  for (const { edge, from, to } of obligations) {
    const { protocol, port } = edge
    const position =
      protocol === 'ICMPv4' || protocol === 'ICMPv6'
        ? icmpPosition(protocol === 'ICMPv4' ? 'IPv4' : 'IPv6', port)
        : portPosition(protocol, port)
    const sources = areClasses(from)
      ? from
      : endsOf(universe, from).map((end) => sourceFor(universe, end))
    const obliged = { edge, sources, position }
    for (const end of endsOf(universe, to)) byEnd[end]?.push(obliged)
  }
  return byEnd
}

function endsOf(universe: Universe, end: ObligedEnd): readonly number[] {
  if (areClasses(end)) return end
  if (end.kind === 'address') return universe.endsOfLearned(end.address)
  if (end.kind === 'unresolved') return []
  const entity = universe.endOfEntity(anyEntity, universe.icmp ? identityLabels(end) : [])
  return entity === undefined ? [] : [entity]
}

/** The node that a pod runs on is no source that is compared: what is granted to it is granted to other nodes, too. */
function sourceFor(universe: Universe, end: number): number {
  const endpoint = universe.ends[end]
  if (endpoint?.kind !== 'entity' || endpoint.endpoint?.kind !== 'entity') return end
  const { labels } = endpoint.endpoint
  if (!labels.includes('host')) return end
  const name = labels.includes('kube-apiserver') ? 'kube-apiserver' : anyEntity
  return universe.endOfEntity(name) ?? end
}

function compareRows(
  universe: Universe,
  { end, atoms, allowed }: Destination,
  expected: readonly Bits[],
): void {
  for (const [index, row] of allowed.entries()) {
    const source = firstDifference(row, expected[index] ?? row)
    if (source === undefined) continue
    const what = hasBit(row, source) ? 'allow what nothing declares' : 'deny what is declared'
    throw wrongPoint(`the policies would ${what}`, universe, [source, end], atoms[index])
  }
}

function checkObliged(
  universe: Universe,
  { end, atoms, allowed }: Destination,
  { sources, position }: ObligedSources,
): void {
  const at = atoms.findIndex(({ low, high }) => low <= position && position <= high)
  for (const source of sources) {
    const row = allowed[at]
    if (row !== undefined && hasBit(row, source)) continue
    throw wrongPoint('the policies would deny a learned edge', universe, [source, end], atoms[at])
  }
}

/** Judges evenly spaced points of one destination by the naive evaluator; each destination starts at another source. */
function sample(
  { universe, evaluator }: Comparison,
  { end, atoms, allowed }: Destination,
  endpoints: readonly PolicyEndpoint[],
): number {
  const width = universe.ends.length
  const total = atoms.length * width
  const count = Math.min(total, Math.ceil(maxSampled / width))
  const sources = universe.sourcesOf(end)
  const to = endpoints[end]
  let judged = 0
  for (let step = 0; step < count; step += 1) {
    const point = (Math.floor((step * total) / count) + end) % total
    const index = Math.floor(point / width)
    const source = point % width
    const from = endpoints[source]
    const service = serviceOf(atoms[index])
    if (from === undefined || to === undefined || service === undefined) continue
    if (!hasBit(sources, source)) continue
    judged += 1
    const row = allowed[index]
    if (row !== undefined && evaluator.allows(from, to, service) === hasBit(row, source)) continue
    throw wrongPoint('the two evaluators disagree', universe, [source, end], atoms[index])
  }
  return judged
}

function serviceOf(atom: Span | undefined): PolicyService | undefined {
  if (atom === undefined) return undefined
  if (atom.low >= icmpStart) return { icmp: icmpAt(atom.low) }
  return atom.low >= namedStart ? undefined : portAt(atom.low)
}

function wrongPoint(
  what: string,
  universe: Universe,
  [source, end]: readonly [source: number, end: number],
  atom: Span | undefined,
): NetweirError {
  const ports = atom === undefined ? [] : spanTexts([atom], universe.portNames)
  return new NetweirError(
    'GATE_FAILED',
    `${what}: ${describe(universe, source)} -> ${describe(universe, end)} ${ports.join(', ')}`,
    {
      hint: 'nothing was written; this is a defect of netweir, please report it with the communication set (netweir learn)',
    },
  )
}

function describe(universe: Universe, id: number): string {
  const end = universe.ends[id]
  if (end === undefined) return 'unknown'
  return end.kind === 'outside' ? end.cell.witness : end.name
}
