/** Builds read-out traffic from a few lines, for tests of what comes after reading. */
import type { Entity, Outcome, Protocol } from '../../src/flow/flow.ts'
import { toLabels } from '../../src/labels.ts'
import type { WorkloadRef } from '../../src/traffic/inventory.ts'
import type { Edge, EdgeEnd, Evidence, Traffic, TrafficClass } from '../../src/traffic/traffic.ts'

/** A class in short: `shop/app=web,tier=front`, with its workload where the labels do not name it. */
export interface ClassSpec {
  readonly of: string
  readonly workload?: string
  readonly kind?: string
  readonly pods?: readonly { readonly name: string; readonly generation?: readonly string[] }[]
  /** Default: true. */
  readonly observed?: boolean
}

/** An end in short: the position of a class, an address, or `entity:remote-node`. */
export type EndSpec = number | string

/** An edge in short. */
export interface EdgeSpec {
  readonly from: EndSpec
  readonly to: EndSpec
  readonly port: number
  readonly protocol?: Protocol
  /** Default: `learned`, or the name of the entity. */
  readonly outcome?: Outcome
  readonly evidence?: Partial<Evidence>
}

const start = Date.UTC(2026, 2, 2, 9)

/** Returns the traffic that the specs describe. */
export function makeTraffic(
  classes: readonly (ClassSpec | string)[],
  edges: readonly EdgeSpec[],
  overrides: Partial<Traffic> = {},
): Traffic {
  const made = classes.map((spec, id) =>
    makeClass(typeof spec === 'string' ? { of: spec } : spec, id),
  )
  const namespaces = Object.create(null) as Record<string, Readonly<Record<string, string>>>
  for (const { namespace } of made) {
    namespaces[namespace] = toLabels([['kubernetes.io/metadata.name', namespace]])
  }
  return {
    cluster: '',
    window: { firstMs: start, lastMs: start + 3_600_000 },
    nodes: ['node-1'],
    classes: made,
    edges: edges.map(makeEdge),
    namespaces,
    ledger: {
      records: edges.length,
      outcomes: { learned: edges.length },
      lostEvents: 0,
      unavailableNodes: [],
    },
    lost: [],
    folded: [],
    ...overrides,
  }
}

function makeClass(spec: ClassSpec, id: number): TrafficClass {
  const slash = spec.of.indexOf('/')
  const namespace = spec.of.slice(0, slash)
  const texts = spec.of
    .slice(slash + 1)
    .split(',')
    .filter((text) => text !== '')
  const labels = toLabels(
    texts.map((text): [string, string] => {
      const equals = text.indexOf('=')
      return [text.slice(0, equals), text.slice(equals + 1)]
    }),
  )
  const workload: WorkloadRef = {
    kind: spec.kind ?? 'Deployment',
    name: spec.workload ?? labels['app'] ?? labels['app.kubernetes.io/name'] ?? `workload-${id}`,
  }
  const pods = spec.pods ?? [{ name: `${workload.name}-${id}` }]
  return {
    id,
    namespace,
    labels,
    pods: pods.map((pod) => ({
      name: pod.name,
      generation: pod.generation ?? [],
      workload,
      resolvedBy: 'flow' as const,
    })),
    workloads: [workload],
    observed: spec.observed ?? true,
  }
}

function makeEdge(spec: EdgeSpec): Edge {
  const from = makeEnd(spec.from)
  const to = makeEnd(spec.to)
  const entity = [from, to].find((end) => end.kind === 'entity')
  return {
    from,
    to,
    protocol: spec.protocol ?? 'TCP',
    port: spec.port,
    outcome: spec.outcome ?? (entity?.kind === 'entity' ? (entity.entity as Outcome) : 'learned'),
    evidence: {
      records: 1,
      flows: 1,
      firstMs: start,
      lastMs: start,
      blocks: [],
      samples: [],
      strong: 1,
      medium: 0,
      reply: 0,
      egress: true,
      ingress: true,
      denied: 0,
      audited: 0,
      ...spec.evidence,
    },
  }
}

function makeEnd(spec: EndSpec): EdgeEnd {
  if (typeof spec === 'number') return { kind: 'class', class: spec }
  if (spec.startsWith('entity:')) {
    const entity = spec.slice('entity:'.length) as Entity
    return { kind: 'entity', entity, labels: [entity], addresses: [] }
  }
  return { kind: 'address', address: spec, labels: [], names: [] }
}
