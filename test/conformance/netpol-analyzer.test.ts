import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatAddress } from '../../src/ip.ts'
import type { Labels } from '../../src/labels.ts'
import { toLabels } from '../../src/labels.ts'
import { hasBit } from '../../src/policy/bits.ts'
import { compileSet } from '../../src/policy/compiled-set.ts'
import { holdsIp, ipBlockSet } from '../../src/policy/ip-set.ts'
import type { Manifest } from '../../src/policy/manifest.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import type { LocatedPolicy, NetworkPolicy, PolicyPod } from '../../src/policy/network-policy.ts'
import type { NamedContainerPorts, Span } from '../../src/policy/port-line.ts'
import { portAt } from '../../src/policy/port-line.ts'
import { cutPorts, grantSpans, grantsTo, passing, rowsTo } from '../../src/policy/rows.ts'
import { layOutUniverse } from '../../src/policy/universe.ts'
import { parsePolicies } from '../../src/policy/validate.ts'
import { describeShared } from '../support/shared.ts'

/** An object of a manifest, as far as this test looks into it. */
interface Loose {
  readonly metadata?: {
    readonly labels?: Record<string, string>
    readonly ownerReferences?: readonly { readonly kind?: string; readonly name: string }[]
  }
  readonly spec?: Loose & {
    readonly template?: Loose
    readonly jobTemplate?: Loose
    readonly containers?: readonly {
      readonly ports?: readonly {
        readonly name?: string
        readonly protocol?: 'TCP' | 'UDP' | 'SCTP'
        readonly containerPort?: number
      }[]
    }[]
  }
}

interface Peer {
  readonly name: string
  readonly pod: PolicyPod
}

const controllers = new Set([
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'CronJob',
  'ReplicationController',
])

function readInput(dir: string): readonly Manifest[] {
  return readdirSync(dir)
    .sort()
    .filter((name) => /\.(ya?ml|json)$/.test(name) && name !== 'connlist_output.json')
    .flatMap((name) => readManifests(readFileSync(join(dir, name), 'utf8'), name))
}

/** Names with an underscore are refused, and mean nothing to the connections. */
function readPolicies(manifests: readonly Manifest[]): readonly LocatedPolicy<NetworkPolicy>[] {
  const renamed = manifests
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map((manifest): Manifest => {
      const value = manifest.value as { readonly metadata: object }
      const name = manifest.name.replaceAll('_', '-')
      return { ...manifest, name, value: { ...value, metadata: { ...value.metadata, name } } }
    })
  return parsePolicies(renamed).policies as readonly LocatedPolicy<NetworkPolicy>[]
}

function namespacesOf(manifests: readonly Manifest[]): (name: string) => Labels {
  const known = new Map(
    manifests
      .filter(({ kind }) => kind === 'Namespace')
      .map(({ name, value }) => [name, (value as Loose).metadata?.labels ?? {}]),
  )
  return (name) =>
    toLabels([...Object.entries(known.get(name) ?? {}), ['kubernetes.io/metadata.name', name]])
}

/** One peer for each workload; pods of one owner are one. */
function peersOf(manifests: readonly Manifest[]): readonly Peer[] {
  const namespaceLabels = namespacesOf(manifests)
  const peers = new Map<string, Peer>()
  for (const { kind, name, namespace: given, value } of manifests) {
    if (kind !== 'Pod' && !controllers.has(kind)) continue
    const object = value as Loose
    const namespace = given === '' ? 'default' : given
    const template =
      kind === 'Pod'
        ? object
        : ((kind === 'CronJob' ? object.spec?.jobTemplate : object)?.spec?.template ?? {})
    const [first] = object.metadata?.ownerReferences ?? []
    // A node owns the pods that it runs by itself, which are workloads of their own.
    const owner = kind === 'Pod' && first?.kind !== 'Node' ? first : undefined
    const shown = `${namespace}/${owner?.name ?? name}[${owner === undefined ? kind : (owner.kind ?? 'Pod')}]`
    if (peers.has(shown)) continue
    peers.set(shown, {
      name: shown,
      pod: {
        kind: 'pod',
        namespace,
        namespaceLabels: namespaceLabels(namespace),
        labels: toLabels(Object.entries(template.metadata?.labels ?? {})),
        ports: containerPorts(template),
      },
    })
  }
  return [...peers.values()]
}

function containerPorts(template: Loose): NamedContainerPorts {
  return (template.spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ name, protocol = 'TCP', containerPort }) =>
      name === undefined || containerPort === undefined
        ? []
        : [{ name, protocol, port: containerPort }],
    ),
  )
}

interface Range {
  readonly name: string
  readonly first: bigint
}

/** The IPv4 space, cut at the bounds of every block of one direction; exceptions that touch are one. */
function rangesOf(
  policies: readonly LocatedPolicy<NetworkPolicy>[],
  direction: 'ingress' | 'egress',
): readonly Range[] {
  const blocks = policies.flatMap(({ policy: { spec } }) =>
    (direction === 'ingress'
      ? (spec.ingress ?? []).flatMap((rule) => rule.from ?? [])
      : (spec.egress ?? []).flatMap((rule) => rule.to ?? [])
    ).flatMap((peer) => peer.ipBlock ?? []),
  )
  const cuts = new Set([0n, 1n << 32n])
  for (const bound of blocks.flatMap((block) => ipBlockSet(block).v4.flat())) cuts.add(bound)
  const sorted = [...cuts].sort((a, b) => (a < b ? -1 : 1))
  const address = (value: bigint): string => formatAddress({ width: 32, value })
  return sorted.slice(0, -1).map((first, index) => ({
    name: `${address(first)}-${address(sorted[index + 1]! - 1n)}`,
    first,
  }))
}

/** `All Connections`, or the ports by protocol: `SCTP 1-65535,TCP 80,443`. */
function connectionText(spans: readonly Span[]): string {
  const byProtocol = new Map<string, [number, number][]>()
  for (const { low, high } of spans) {
    const { protocol, port: first } = portAt(low)
    const list = byProtocol.get(protocol) ?? []
    byProtocol.set(protocol, list)
    const last = list.at(-1)
    if (last !== undefined && last[1] + 1 === first) last[1] = first + high - low
    else list.push([first, first + high - low])
  }
  const texts = [...byProtocol.keys()].sort().map((protocol) => {
    const ports = byProtocol.get(protocol)!
    return `${protocol} ${ports.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(',')}`
  })
  const all = 'SCTP 1-65535,TCP 1-65535,UDP 1-65535'
  return texts.join(',') === all ? 'All Connections' : texts.join(',')
}

/** The connections of a folder, by the exact engine. */
function connectionsOf(dir: string): readonly string[] {
  const manifests = readInput(dir)
  const policies = readPolicies(manifests)
  const peers = peersOf(manifests)
  const universe = layOutUniverse(
    policies.map(({ policy }) => policy),
    { pods: peers },
  )
  const set = compileSet(policies, universe)
  const cellOf = ({ first }: Range): number =>
    universe.ends.findIndex(
      (end) => end.kind === 'outside' && holdsIp(end.cell.addresses, { width: 32, value: first }),
    )
  const named = (ranges: readonly Range[]): readonly { name: string; end: number }[] =>
    ranges.map((range) => ({ name: range.name, end: cellOf(range) }))
  const pods = peers.map(({ name }, end) => ({ name, end }))
  const clients = named(rangesOf(policies, 'ingress'))
  const lines: string[] = []
  for (const to of [...pods, ...named(rangesOf(policies, 'egress'))]) {
    const grants = grantsTo(set, universe, to.end)
    const atoms = cutPorts(universe, to.end, grantSpans(grants))
    const rows = passing(rowsTo(set, universe, to.end, atoms, grants))
    for (const from of to.end < peers.length ? [...pods, ...clients] : pods) {
      if (from.name === to.name) continue
      const spans = atoms.filter((_, index) => hasBit(rows[index]!, from.end))
      if (spans.length > 0) lines.push(`${from.name} => ${to.name} : ${connectionText(spans)}`)
    }
  }
  return lines.sort()
}

describeShared('netpol-analyzer', (dir) => {
  const root = join(dir, 'corpora', 'netpol-analyzer')
  const cases = JSON.parse(readFileSync(join(root, 'cases.json'), 'utf8')) as readonly {
    readonly case: string
    readonly rows: number
  }[]

  test('all 42 folders are there', () => {
    expect(cases).toHaveLength(42)
  })

  test.each(cases)('the $rows connections of $case', ({ case: name, rows }) => {
    const expected = readFileSync(join(root, name, 'expected.txt'), 'utf8')
      .split('\n')
      .map((line) => line.replaceAll('[External]', '').trimEnd())
      .filter((line) => line !== '')
    expect(expected).toHaveLength(rows)
    expect(connectionsOf(join(root, name, 'input'))).toEqual([...expected].sort())
  })
})
