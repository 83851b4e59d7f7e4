/** Compares the exact engine, or a mutant of it, with the naive evaluator. */
import { parseAddress } from '../../src/ip.ts'
import type { Labels } from '../../src/labels.ts'
import { toLabels } from '../../src/labels.ts'
import type * as Bits from '../../src/policy/bits.ts'
import type * as CompiledSet from '../../src/policy/compiled-set.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import { holdsIp } from '../../src/policy/ip-set.ts'
import type {
  LabelSelector,
  LocatedPolicy,
  NetworkPolicy,
  NetworkPolicyPeer,
  PolicyEndpoint,
  PolicyPod,
} from '../../src/policy/network-policy.ts'
import { namedStart, portAt } from '../../src/policy/port-line.ts'
import type * as Rows from '../../src/policy/rows.ts'
import type * as Universe from '../../src/policy/universe.ts'
import type { SmallCluster } from './policy-sets.ts'
import { knownNamespaces } from './policy-sets.ts'

/** The modules of the engine. */
export type Engine = Pick<typeof Bits, 'hasBit'> &
  Pick<typeof CompiledSet, 'compileSet'> &
  Pick<typeof Rows, 'cutPorts' | 'grantSpans' | 'grantsTo' | 'passing' | 'rowsTo'> &
  Pick<typeof Universe, 'layOutUniverse' | 'policyEndpoint'>

/** A policy as if it was generated: without a file. */
export function unread(policy: NetworkPolicy): LocatedPolicy<NetworkPolicy> {
  return { policy, location: { file: '' }, rules: { ingress: [], egress: [] } }
}

/** How much was compared, and the first point that is wrong. */
export interface Check {
  readonly points: number
  readonly symbolic: number
  readonly wrong?: string
}

/**
 * Compares every source, destination and bound of ports, over known pods, symbolic pods, addresses and entities; then
 * every label map over the values that selectors name and one that none does, which must be treated as some end is.
 */
export function checkEngine(
  engine: Engine,
  policies: readonly NetworkPolicy[],
  { pods, ipBlockPods }: SmallCluster,
): Check {
  const universe = engine.layOutUniverse(policies, {
    pods: pods.map((pod, id) => ({ name: `pod ${id}`, pod })),
    namespaces: knownNamespaces,
    entities: ['host', 'remote-node'],
    ipBlockPods,
    symbolic: 'novel',
  })
  const set = engine.compileSet(policies.map(unread), universe)
  const evaluator = createEvaluator(policies, { ipBlockPods })
  const endpoints = universe.ends.map(engine.policyEndpoint)
  const likes = [...likeEnds(policies, endpoints), ...likeAddresses(universe.ends)]
  let points = 0
  let symbolic = 0
  const fail = (wrong: string): Check => ({ points, symbolic, wrong })
  const misplaced = endpoints.find((end) => end.kind === 'pod' && !isPlaced(end))
  if (misplaced !== undefined) return fail(`${JSON.stringify(misplaced)} is in no such namespace`)
  const strangers = likes.filter(({ like }) => like === undefined)
  if (strangers.length > 0) return fail(`no end is like ${JSON.stringify(strangers[0])}`)
  const destinations = [
    ...endpoints.entries(),
    ...likes.flatMap(({ end, like }) => (end.kind === 'address' ? [[like!, end] as const] : [])),
  ]
  for (const [to, destination] of destinations) {
    const grants = engine.grantsTo(set, universe, to)
    const atoms = engine.cutPorts(universe, to, engine.grantSpans(grants))
    const rows = engine.passing(engine.rowsTo(set, universe, to, atoms))
    for (const [index, { low, high }] of atoms.entries()) {
      if (low >= namedStart) continue
      for (const position of new Set([low, high])) {
        const service = portAt(position)
        const judge = (from: number, source: PolicyEndpoint): string | undefined => {
          points += 1
          const { allowed } = evaluator.evaluate(source, destination, service)
          if (engine.hasBit(rows[index]!, from) === allowed) return undefined
          return `${from} to ${to} on ${service.port}/${service.protocol} should be ${allowed}`
        }
        for (const [from, source] of endpoints.entries()) {
          if (!engine.hasBit(universe.sourcesOf(to), from)) continue
          const wrong = judge(from, source)
          if (wrong !== undefined) return fail(wrong)
        }
        if (position !== low) continue
        for (const { end, like } of likes) {
          if (!engine.hasBit(universe.sourcesOf(to), like!)) continue
          symbolic += 1
          const wrong = judge(like!, end)
          if (wrong !== undefined) return fail(`${JSON.stringify(end)} like ${wrong}`)
        }
      }
    }
  }
  return { points, symbolic }
}

/** A pod of a known namespace has that namespace's labels; another must have another name. */
function isPlaced({ namespace, namespaceLabels }: PolicyPod): boolean {
  const known = knownNamespaces.get(namespace)
  if (namespaceLabels['kubernetes.io/metadata.name'] !== namespace) return false
  return known === undefined || JSON.stringify(known) === JSON.stringify(namespaceLabels)
}

/** Something that could exist, and the end that must stand for it. */
interface Like {
  readonly end: PolicyEndpoint
  readonly like: number | undefined
}

/** Addresses at and beside the bounds of the blocks that random sets have. */
const probes = [
  '0.0.0.0',
  '9.255.255.255',
  '10.0.0.0',
  '10.1.0.0',
  '10.1.255.255',
  '10.2.0.0',
  '10.255.255.255',
  '11.0.0.0',
  '203.0.112.255',
  '203.0.113.0',
  '203.0.113.3',
  '203.0.113.4',
  '203.0.113.6',
  '203.0.113.7',
  '203.0.113.8',
  '203.0.113.127',
  '203.0.113.128',
  '255.255.255.255',
  '::',
  '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
  '2001:db8::',
  '2001:db8::1',
  '2001:db8::2',
  '2001:db8:0:1::',
  '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
  '2001:db9::',
]

/** Each address with the one outside end that holds it. */
function likeAddresses(ends: readonly Universe.UniverseEnd[]): readonly Like[] {
  return probes.map((address) => {
    const parsed = parseAddress(address)!
    const holding = [...ends.entries()].filter(
      ([, end]) => end.kind === 'outside' && holdsIp(end.cell.addresses, parsed),
    )
    return {
      end: { kind: 'address', address },
      like: holding.length === 1 ? holding[0]?.[0] : undefined,
    }
  })
}

/** Pods that are judged for each end that stands for them. */
const maxAlike = 3

/** Every pod over the label values that matter, with an end that all policies treat in the same way. */
function likeEnds(
  policies: readonly NetworkPolicy[],
  endpoints: readonly PolicyEndpoint[],
): readonly Like[] {
  const treatments = new Map<string, number>()
  for (const [id, end] of endpoints.entries()) {
    if (end.kind === 'pod' && (end.addresses ?? []).length === 0) {
      treatments.set(treatmentOf(policies, end), id)
    }
  }
  // Pods with addresses may be in a block as well: they stand for the rest only where nothing else does.
  for (const [id, end] of endpoints.entries()) {
    if (end.kind !== 'pod') continue
    const treatment = treatmentOf(policies, end)
    if (!treatments.has(treatment)) treatments.set(treatment, id)
  }
  const counts = new Map<number | undefined, number>()
  return everyPod().flatMap((pod): readonly Like[] => {
    const like = treatments.get(treatmentOf(policies, pod))
    const count = counts.get(like) ?? 0
    counts.set(like, count + 1)
    if (count >= maxAlike) return []
    const end = like === undefined ? undefined : endpoints[like]
    const addresses = end?.kind === 'pod' ? (end.addresses ?? []) : []
    return [{ end: { ...pod, addresses }, like }]
  })
}

function everyPod(): readonly PolicyPod[] {
  const homes: Labels[] = [...knownNamespaces.values()]
  for (const name of ['elsewhere', 'afar', 'unheard-of']) {
    for (const team of [undefined, 'b', 'c', 'z']) {
      homes.push(
        toLabels([
          ['kubernetes.io/metadata.name', name],
          ...(team === undefined ? [] : [['team', team] as const]),
        ]),
      )
    }
  }
  let maps: Labels[] = [toLabels([])]
  for (const key of ['app', 'tier', 'constructor']) {
    maps = maps.flatMap((labels) =>
      [undefined, 'a', 'b', '', 'unheard-of'].map((value) =>
        toLabels([
          ...Object.entries(labels),
          ...(value === undefined ? [] : [[key, value] as const]),
        ]),
      ),
    )
  }
  return homes.flatMap((namespaceLabels) =>
    maps.map((labels) => ({
      kind: 'pod',
      namespace: namespaceLabels['kubernetes.io/metadata.name'] ?? '',
      namespaceLabels,
      labels,
    })),
  )
}

/** The answers to everything that the policies ask of a pod. */
function treatmentOf(policies: readonly NetworkPolicy[], pod: PolicyPod): string {
  return policies
    .flatMap(({ metadata, spec }) => {
      const isHere = pod.namespace === metadata.namespace
      const peers: NetworkPolicyPeer[] = [
        ...(spec.ingress ?? []).flatMap((rule) => rule.from ?? []),
        ...(spec.egress ?? []).flatMap((rule) => rule.to ?? []),
      ]
      return [
        isHere && matches(spec.podSelector, pod.labels),
        ...peers.map(({ podSelector, namespaceSelector }) => {
          if (podSelector === undefined && namespaceSelector === undefined) return false
          const isThere =
            namespaceSelector === undefined
              ? isHere
              : matches(namespaceSelector, pod.namespaceLabels)
          return isThere && matches(podSelector ?? {}, pod.labels)
        }),
      ]
    })
    .map(Number)
    .join('')
}

function matches({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels) {
  const heldBy = (key: string): string | undefined =>
    Object.hasOwn(labels, key) ? labels[key] : undefined
  return (
    Object.entries(matchLabels).every(([key, value]) => heldBy(key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = heldBy(key)
      const isListed = value !== undefined && values.includes(value)
      if (operator === 'In') return isListed
      if (operator === 'NotIn') return !isListed
      return (value !== undefined) === (operator === 'Exists')
    })
  )
}
