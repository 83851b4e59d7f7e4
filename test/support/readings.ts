/** Builders of decoded flows for tests of what comes after decoding: name what matters, the rest has a default. */
import fc from 'fast-check'
import type {
  AddressEndpoint,
  Endpoint,
  Entity,
  EntityEndpoint,
  Flow,
  NamedEndpoint,
  PodEndpoint,
  Reading,
} from '../../src/flow/flow.ts'
import { protocols, sides, strengths, verdictKinds } from '../../src/flow/flow.ts'
import type { Labels } from '../../src/labels.ts'
import { toLabels } from '../../src/labels.ts'
import type { Aggregate, AggregateOptions } from '../../src/traffic/aggregate.ts'
import { createAggregate } from '../../src/traffic/aggregate.ts'
import type { CommunicationSet } from '../../src/traffic/communication-set.ts'
import type {
  Inventory,
  InventoryPod,
  InventoryService,
  InventoryWorkload,
} from '../../src/traffic/inventory.ts'

/** The time of a flow that names none: the start of a block. */
export const baseMs = Date.UTC(2026, 2, 2, 9, 0, 0)

/** A pod of namespace `shop` with the label `app=<app>`. */
export function pod(app: string, overrides: Partial<PodEndpoint> = {}): PodEndpoint {
  return { kind: 'pod', cluster: '', namespace: 'shop', labels: [`app=${app}`], ...overrides }
}

/** A pod of namespace `shop` of which only the name is known. */
export function named(name: string, overrides: Partial<NamedEndpoint> = {}): NamedEndpoint {
  return { kind: 'named', cluster: '', namespace: 'shop', name, lacks: 'world', ...overrides }
}

/** An address outside. */
export function outside(address: string, labels: readonly string[] = []): AddressEndpoint {
  return { kind: 'address', address, labels }
}

/** An entity with its own name as its only label. */
export function entity(
  name: Entity,
  address = '',
  labels: readonly string[] = [name],
): EntityEndpoint {
  return { kind: 'entity', entity: name, labels, address }
}

/** A new TCP connection from `web` to `api` on 8080, seen as a policy verdict at the client's egress. */
export function flow(overrides: Partial<Flow> = {}): Flow {
  return {
    client: pod('web'),
    server: pod('api'),
    namespaces: [],
    protocol: 'TCP',
    port: 8080,
    clientPort: 40_000,
    side: 'egress',
    verdict: 'verdict',
    strength: 'strong',
    certain: true,
    timeMs: baseMs,
    node: 'worker-1',
    cluster: '',
    uuid: '',
    flows: 1,
    names: [],
    serverNames: [],
    ...overrides,
  }
}

/** The reading of {@link flow}. */
export function reading(overrides: Partial<Flow> = {}): Reading {
  return { kind: 'flow', flow: flow(overrides) }
}

/** The aggregate of readings. */
export function aggregateOf(readings: Iterable<Reading>, options?: AggregateOptions): Aggregate {
  const aggregate = createAggregate(options)
  for (const item of readings) aggregate.add(item)
  return aggregate
}

/** The set of flows, each given by what differs from {@link flow}. */
export function setOf(...flows: readonly Partial<Flow>[]): CommunicationSet {
  return aggregateOf(flows.map((overrides) => reading(overrides))).toSet()
}

/** An inventory that says nothing but what is given. */
export function inventory(parts: Partial<Inventory> = {}): Inventory {
  return {
    pods: [],
    namespaces: [],
    workloads: [],
    services: [],
    nodes: [],
    apiServerBackends: [],
    has: {
      pods: parts.pods !== undefined,
      workloads: parts.workloads !== undefined,
      services: parts.services !== undefined,
    },
    ...parts,
  }
}

/** Labels from `key: value`. */
export function labels(pairs: Readonly<Record<string, string>>): Labels {
  return toLabels(Object.entries(pairs))
}

/** A running pod of namespace `shop`. */
export function inventoryPod(name: string, overrides: Partial<InventoryPod> = {}): InventoryPod {
  return {
    namespace: 'shop',
    name,
    labels: labels({ app: name }),
    hostNetwork: false,
    addresses: [],
    ports: [],
    probePorts: [],
    running: true,
    ...overrides,
  }
}

/** A Deployment of namespace `shop`. */
export function inventoryWorkload(
  name: string,
  overrides: Partial<InventoryWorkload> = {},
): InventoryWorkload {
  return {
    kind: 'Deployment',
    namespace: 'shop',
    name,
    labels: labels({ app: name }),
    hostNetwork: false,
    ports: [],
    probePorts: [],
    ...overrides,
  }
}

/** A ClusterIP service of namespace `shop`. */
export function inventoryService(
  name: string,
  overrides: Partial<InventoryService> = {},
): InventoryService {
  return {
    namespace: 'shop',
    name,
    type: 'ClusterIP',
    selector: labels({ app: name }),
    clusterIps: [],
    externalIps: [],
    loadBalancerSourceRanges: [],
    ports: [],
    ...overrides,
  }
}

const hostileLabels = ['__proto__=1', 'constructor=', 'app=web', 'app=api', 'tier=\u0000', 'a=b=c']

const anyCluster = fc.constantFrom('', '', 'east')

const anyPod: fc.Arbitrary<PodEndpoint> = fc.record({
  kind: fc.constant('pod' as const),
  cluster: anyCluster,
  namespace: fc.constantFrom('shop', 'toString'),
  labels: fc.subarray([...hostileLabels].sort(), { maxLength: 2 }),
})

const anyNamed: fc.Arbitrary<NamedEndpoint> = fc.record({
  kind: fc.constant('named' as const),
  cluster: anyCluster,
  namespace: fc.constant('shop'),
  name: fc.constantFrom('web-0', 'api-0', '__proto__'),
  lacks: fc.constantFrom('world' as const, 'masked' as const),
})

const anyAddress: fc.Arbitrary<string> = fc.oneof(
  fc.nat(40).map((host) => `203.0.113.${host}`),
  fc.constantFrom('198.51.100.7', '192.0.2.1', '2001:db8::1', '2001:db8::2:1', '2001:db8:1::'),
)

const anyOutside: fc.Arbitrary<AddressEndpoint> = fc.record({
  kind: fc.constant('address' as const),
  address: anyAddress,
  labels: fc.constantFrom<readonly string[]>([], [], ['kube-apiserver']),
})

const anyEntity: fc.Arbitrary<EntityEndpoint> = fc
  .record({
    entity: fc.constantFrom<Entity>('host', 'remote-node', 'kube-apiserver'),
    address: fc.oneof(
      fc.constant(''),
      fc.nat(99).map((host) => `172.18.0.${host}`),
    ),
  })
  .map(({ entity: name, address }) => entity(name, address))

const anyEndpoint: fc.Arbitrary<Endpoint> = fc.oneof(
  { weight: 5, arbitrary: anyPod },
  { weight: 1, arbitrary: anyNamed },
  { weight: 3, arbitrary: anyOutside },
  { weight: 2, arbitrary: anyEntity },
)

const anyPort = fc.oneof(
  fc.constantFrom(53, 443, 8080),
  fc.integer({ min: 1, max: 80 }),
  fc.integer({ min: 32_768, max: 32_800 }),
)

const anyTime = fc.option(
  fc.nat(8).map((tick) => baseMs + tick * 150_000),
  { nil: undefined, freq: 8 },
)

const anySighting = fc.record(
  {
    name: fc.constantFrom('web-0', 'api-0', 'web-7d9f8b6c5d-x2k4z'),
    generation: fc.constantFrom<readonly string[]>([], ['pod-template-hash=7d9f8b6c5d']),
    workload: fc.record({
      kind: fc.constantFrom('Deployment', 'ReplicaSet'),
      name: fc.constantFrom('web', 'api'),
    }),
  },
  { requiredKeys: ['name', 'generation'] },
)

/** Any flow over few enough values that edges meet. */
export const anyFlow: fc.Arbitrary<Flow> = fc
  .record({
    ends: fc.tuple(anyEndpoint, anyEndpoint),
    clientPod: fc.option(anySighting, { nil: undefined }),
    serverPod: fc.option(anySighting, { nil: undefined }),
    namespaces: fc.array(
      fc.record({
        cluster: anyCluster,
        namespace: fc.constantFrom('shop', 'toString'),
        labels: fc.subarray(['env=a', 'env=b', '__proto__=x'], { maxLength: 2 }),
      }),
      { maxLength: 1 },
    ),
    protocol: fc.constantFrom(...protocols),
    port: anyPort,
    clientPort: fc.oneof(fc.constant(0), anyPort),
    side: fc.constantFrom(...sides),
    verdict: fc.constantFrom(...verdictKinds),
    strength: fc.constantFrom(...strengths),
    certain: fc.boolean(),
    timeMs: anyTime,
    node: fc.constantFrom('', 'worker-1', 'east/worker-2'),
    cluster: fc.constantFrom('', '', 'east', 'west'),
    uuid: fc.constantFrom('', 'u1', 'u2', 'u3', 'u4', 'u5'),
    flows: fc.integer({ min: 1, max: 3 }),
    protection: fc.constantFrom(
      {},
      {},
      { encrypted: true as const },
      { authenticated: true as const },
    ),
    serverNames: fc.subarray([...'abcdefghijkl'], { maxLength: 2 }),
    names: fc.array(fc.record({ address: anyAddress, name: fc.constantFrom(...'abcdefghijkl') }), {
      maxLength: 2,
    }),
  })
  .map(({ ends: [client, server], protection, ...flow }) => ({
    client,
    server,
    protection,
    ...flow,
  }))
  .map(({ clientPod, serverPod, timeMs, port, protocol, protection, client, server, ...rest }) => ({
    ...rest,
    ...protection,
    protocol,
    port: protocol.startsWith('ICMP') ? port % 256 : port,
    client,
    server,
    ...(clientPod === undefined ? {} : { clientPod }),
    ...(serverPod === undefined ? {} : { serverPod }),
    ...(timeMs === undefined ? {} : { timeMs }),
  }))

/** Any reading: mostly flows. */
export const anyReading: fc.Arbitrary<Reading> = fc.oneof(
  { weight: 12, arbitrary: anyFlow.map((item): Reading => ({ kind: 'flow', flow: item })) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('counted' as const),
      outcome: fc.constantFrom('self', 'sock', 'malformed', 'dropped-other'),
      node: fc.constantFrom('', 'worker-1'),
      cluster: fc.constantFrom('', 'east'),
      names: fc.constant([{ address: '203.0.113.1', name: 'api.example' }]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lost-events' as const),
      count: fc.nat(9),
      lostSource: fc.constantFrom('PERF_EVENT_RING_BUFFER', ''),
      node: fc.constantFrom('', 'worker-1'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('node-status' as const),
      state: fc.constantFrom('NODE_CONNECTED', 'NODE_UNAVAILABLE', '__proto__'),
      nodes: fc.subarray(['worker-1', 'worker-2', 'toString']),
      message: fc.constantFrom('', ...'abcdefghijkl'),
    }),
  },
) as fc.Arbitrary<Reading>

/** Recordings of some readings. */
export const anyReadings: fc.Arbitrary<readonly Reading[]> = fc.array(anyReading, { maxLength: 40 })

/** Recordings that exceed one bound of a set with a small limit: of addresses outside, of nodes, of port pairs. */
export const crowdedReadings: fc.Arbitrary<readonly Reading[]> = fc
  .constantFrom(['client', 'server', 'node'], ['node'], ['pair'], ['outside-pair'])
  .chain((shapes) =>
    fc.array(
      fc.record({
        shape: fc.constantFrom(...shapes),
        host: fc.nat(2 ** 16 - 1),
        port: fc.integer({ min: 1, max: 300 }),
        strength: fc.constantFrom('strong' as const, 'medium' as const),
        timeMs: anyTime,
      }),
      { minLength: 80, maxLength: 160, size: 'max' },
    ),
  )
  .map((items) => items.map(crowdedReading))

interface Crowded {
  readonly shape: string
  readonly host: number
  readonly port: number
  readonly strength: 'strong' | 'medium'
  readonly timeMs: number | undefined
}

function crowdedReading({ shape, host, port, strength, timeMs }: Crowded): Reading {
  const time = timeMs === undefined ? {} : { timeMs }
  const certain = strength === 'strong'
  const v4 = `10.0.${host >> 8}.${host & 255}`
  const place = outside(host % 2 === 0 ? v4 : `2001:db8::${host.toString(16)}`)
  const pair = { clientPort: port, port: ((port * 7) % 300) + 1, certain: false, ...time }
  switch (shape) {
    case 'client':
      return reading({ client: place, ...time, strength, certain })
    case 'server':
      return reading({ server: place, ...time, strength, certain })
    case 'node':
      return reading({ client: entity('remote-node', `172.18.0.${host & 255}`), ...time })
    case 'pair':
      return reading({ ...pair, strength: 'medium' })
    default:
      return reading({ ...pair, strength: 'weak', server: outside(v4) })
  }
}
