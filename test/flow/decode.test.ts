import { describe, expect, test } from 'vitest'
import { readRecord } from '../../src/flow/decode.ts'
import type { Flow, Reading } from '../../src/flow/flow.ts'
import type { FlowOptions } from '../support/flows.ts'
import {
  addressOf,
  baseTime,
  flowRecord,
  lostEventsLine,
  nodeStatusLine,
} from '../support/flows.ts'

const web = { ns: 'shop', app: 'web' } as const
const api = { ns: 'shop', app: 'api' } as const
const world = { world: '203.0.113.7' } as const
const toApi = { from: web, to: api, port: 8080 } as const
const fromApi = { from: api, to: web, port: 40_000, sourcePort: 8080 } as const

function read(options: FlowOptions): Reading {
  const readings = readRecord(flowRecord(options))
  expect(readings).toHaveLength(1)
  return readings[0]!
}

function flowOf(options: FlowOptions): Flow {
  const reading = read(options)
  if (reading.kind !== 'flow') throw new Error(`counted: ${JSON.stringify(reading)}`)
  return reading.flow
}

function outcomeOf(options: FlowOptions): string {
  const reading = read(options)
  return reading.kind === 'counted' ? reading.outcome : reading.kind
}

test('a policy verdict of a new connection says everything', () => {
  expect(flowOf({ ...toApi, uuid: 'u-1', node: 'prod/worker-1' })).toEqual({
    client: { kind: 'pod', cluster: '', namespace: 'shop', labels: ['app=web'] },
    server: { kind: 'pod', cluster: '', namespace: 'shop', labels: ['app=api'] },
    clientPod: { name: 'web-0', generation: [] },
    serverPod: { name: 'api-0', generation: [] },
    namespaces: [{ cluster: '', namespace: 'shop', labels: ['kubernetes.io/metadata.name=shop'] }],
    protocol: 'TCP',
    port: 8080,
    clientPort: 40_000,
    side: 'egress',
    verdict: 'verdict',
    strength: 'strong',
    certain: true,
    timeMs: Date.parse(baseTime),
    node: 'prod/worker-1',
    cluster: 'prod',
    uuid: 'u-1',
    flows: 1,
    names: [],
    serverNames: [],
  })
})

describe('orientation, strength and certainty', () => {
  const ack = { flags: 'ACK' } as const
  const dropped = { verdict: 'DROPPED', dropReason: 'POLICY_DENIED' } as const

  test.each<[string, FlowOptions, string, boolean]>([
    ['SYN', toApi, 'strong', true],
    ['SYN without reply flag', { ...toApi, isReply: null, point: 'TO_STACK' }, 'strong', true],
    ['SYN that is called a reply', { ...toApi, isReply: true, point: 'TO_STACK' }, 'strong', true],
    [
      'SYN with ACK',
      { ...fromApi, flags: 'SYN,ACK', isReply: true, point: 'TO_STACK' },
      'reply',
      true,
    ],
    ['SYN with ACK that is called no reply', { ...fromApi, flags: 'SYN,ACK' }, 'reply', true],
    [
      'SYN with ACK without reply flag',
      { ...fromApi, flags: 'SYN,ACK', isReply: null, point: 'TO_STACK' },
      'reply',
      true,
    ],
    ['ACK, established', { ...toApi, ...ack, point: 'TO_ENDPOINT' }, 'medium', false],
    ['RST alone', { ...toApi, flags: 'RST', point: 'TO_ENDPOINT' }, 'medium', false],
    ['ACK of a reply', { ...fromApi, ...ack, isReply: true, point: 'TO_ENDPOINT' }, 'reply', false],
    [
      'ACK with the old reply flag',
      { ...fromApi, ...ack, isReply: null, legacyReply: true, point: 'TO_STACK' },
      'reply',
      false,
    ],
    [
      'ACK with a reply as trace reason',
      { ...fromApi, ...ack, isReply: null, reason: 'REPLY', point: 'TO_STACK' },
      'reply',
      false,
    ],
    [
      'ACK with a number as trace reason',
      { ...toApi, ...ack, isReply: null, reason: 2, point: 'TO_STACK' },
      'medium',
      false,
    ],
    ['ACK in a policy verdict', { ...toApi, ...ack }, 'weak', false],
    ['ACK in a policy verdict of 1.9', { ...toApi, ...ack, isReply: null }, 'weak', false],
    ['ACK that was dropped', { ...toApi, ...ack, ...dropped, type: 1 }, 'weak', false],
    ['SYN that was dropped', { ...toApi, ...dropped, type: 1 }, 'strong', true],
    ['UDP in a policy verdict', { ...toApi, protocol: 'UDP' }, 'strong', false],
    ['SCTP in a policy verdict', { ...toApi, protocol: 'SCTP' }, 'strong', false],
    [
      'UDP, new',
      { ...toApi, protocol: 'UDP', point: 'TO_ENDPOINT', reason: 'NEW' },
      'strong',
      false,
    ],
    ['SCTP, new', { ...toApi, protocol: 'SCTP', point: 'TO_OVERLAY', reason: 1 }, 'strong', false],
    [
      'UDP, established',
      { ...toApi, protocol: 'UDP', point: 'TO_ENDPOINT', reason: 'ESTABLISHED' },
      'medium',
      false,
    ],
    ['UDP without reason', { ...toApi, protocol: 'UDP', point: 'TO_ENDPOINT' }, 'medium', false],
    [
      'UDP of a reply',
      { ...fromApi, protocol: 'UDP', isReply: true, point: 'TO_ENDPOINT' },
      'reply',
      false,
    ],
    ['UDP that a verdict dropped', { ...toApi, ...dropped, protocol: 'UDP' }, 'strong', false],
    ['UDP that was dropped', { ...toApi, ...dropped, protocol: 'UDP', type: 1 }, 'medium', false],
    ['a proxied request', { ...toApi, http: { kind: 'REQUEST' } }, 'strong', true],
    ['a proxied answer', { ...fromApi, http: { kind: 'RESPONSE' }, isReply: true }, 'reply', true],
    [
      'a proxied answer without reply flag',
      { ...fromApi, http: { kind: 'RESPONSE' }, isReply: null },
      'reply',
      true,
    ],
    ['a proxied sample', { ...toApi, http: { kind: 'SAMPLE' } }, 'strong', true],
  ])('%s', (_, options, strength, certain) => {
    expect(flowOf(options)).toMatchObject({
      client: { labels: ['app=web'] },
      server: { labels: ['app=api'] },
      port: 8080,
      clientPort: 40_000,
      strength,
      certain,
    })
  })

  test.each<[string, FlowOptions]>([
    ['ACK without reply flag', { ...toApi, ...ack, isReply: null, point: 'TO_STACK' }],
    ['UDP without reply flag', { ...toApi, protocol: 'UDP', isReply: null, point: 'TO_OVERLAY' }],
    [
      'ACK of 1.9 that is no reply',
      { ...toApi, ...ack, isReply: null, legacyReply: false, point: 'TO_STACK' },
    ],
    ['no event type, no reply flag', { ...toApi, ...ack, isReply: null, type: null }],
    ['a proxied record without type', { ...toApi, http: { kind: 'SAMPLE' }, isReply: null }],
    ['ACK on the way from an endpoint', { ...toApi, ...ack, point: 'FROM_ENDPOINT' }],
    ['UDP on the way from an endpoint', { ...toApi, protocol: 'UDP', point: 'FROM_ENDPOINT' }],
    ['SYN with ACK from the network', { ...fromApi, flags: 'SYN,ACK', point: 'FROM_NETWORK' }],
  ])('%s cannot be oriented', (_, options) => expect(outcomeOf(options)).toBe('cannot-orient'))
})

describe('Retina guesses is_reply', () => {
  const struct = {
    extensions: { '@type': 'type.googleapis.com/google.protobuf.Struct', value: {} },
  }
  const metadata = { extensions: { '@type': 'type.googleapis.com/utils.RetinaMetadata', bytes: 7 } }

  test.each([struct, metadata])('so false is unknown', (extra) => {
    const options = { ...toApi, point: 'TO_ENDPOINT', flags: 'ACK', extra } as const
    expect(outcomeOf(options)).toBe('cannot-orient')
    expect(outcomeOf({ ...options, flags: 'SYN' })).toBe('flow')
    expect(outcomeOf({ ...options, protocol: 'UDP' })).toBe('cannot-orient')
    expect(outcomeOf({ ...options, isReply: true })).toBe('flow')
  })

  test('its verdict numbers are not learned', () => {
    expect(outcomeOf({ ...toApi, verdict: 15 })).toBe('not-forwarded')
    expect(outcomeOf({ ...toApi, verdict: 16, protocol: 'UDP', extra: struct })).toBe(
      'not-forwarded',
    )
  })
})

describe('the side that was observed', () => {
  const here = { ...web, id: 7 } as const
  const there = { ...web, id: null } as const
  const apiHere = { ...api, id: 8 } as const
  const apiThere = { ...api, id: null } as const
  const request = { port: 8080, flags: 'ACK' } as const
  const answer = { port: 40_000, sourcePort: 8080, flags: 'ACK', isReply: true } as const

  test.each<[string, FlowOptions, string]>([
    ['verdict, egress', { ...toApi, direction: 'EGRESS' }, 'egress'],
    ['verdict, ingress', { ...toApi, direction: 'INGRESS' }, 'ingress'],
    ['verdict, direction as a number', { ...toApi, direction: 1 }, 'ingress'],
    [
      'verdict without direction, source local',
      { from: here, to: apiThere, port: 1, direction: null },
      'egress',
    ],
    [
      'verdict without direction, destination local',
      { from: there, to: apiHere, port: 1, direction: null },
      'ingress',
    ],
    [
      'verdict without direction, both local',
      { from: here, to: apiHere, port: 1, direction: null },
      'none',
    ],
    [
      "verdict for a server's first packet",
      { ...fromApi, flags: 'SYN,ACK', direction: 'EGRESS' },
      'ingress',
    ],
    [
      'drop at the server',
      { ...toApi, type: 1, verdict: 'DROPPED', dropReason: 133, direction: 'INGRESS' },
      'ingress',
    ],
    ['proxied request', { ...toApi, http: { kind: 'REQUEST' }, direction: 'INGRESS' }, 'ingress'],
    ['proxied answer', { ...fromApi, http: { kind: 'RESPONSE' }, direction: 'EGRESS' }, 'egress'],
    [
      'proxied record without direction',
      { ...toApi, http: { kind: 'REQUEST' }, direction: null },
      'none',
    ],
    [
      'delivery, called egress',
      { from: there, to: apiHere, ...request, point: 'TO_ENDPOINT' },
      'ingress',
    ],
    [
      'delivery, called ingress',
      { from: there, to: apiHere, ...request, point: 'TO_ENDPOINT', direction: 'INGRESS' },
      'ingress',
    ],
    [
      'delivery of an answer',
      { from: apiThere, to: here, ...answer, point: 'TO_ENDPOINT' },
      'egress',
    ],
    ['delivery by number', { from: there, to: apiHere, ...request, point: 101 }, 'ingress'],
    ['delivery by sub type alone', { from: there, to: apiHere, ...request, type: 4 }, 'ingress'],
    ...['TO_STACK', 'TO_OVERLAY', 'TO_NETWORK', 'TO_HOST', 'TO_CRYPTO'].flatMap(
      (point): [string, FlowOptions, string][] => [
        [
          `${point} at the client`,
          { from: here, to: apiThere, ...request, point, direction: 'INGRESS' },
          'egress',
        ],
        [`${point} in transit`, { from: there, to: apiThere, ...request, point }, 'none'],
        [
          `${point} of an answer at the server`,
          { from: apiHere, to: there, ...answer, point },
          'ingress',
        ],
        [
          `${point} of an answer in transit`,
          { from: apiThere, to: there, ...answer, point },
          'none',
        ],
      ],
    ),
    [
      'TO_PROXY at the client',
      { from: here, to: apiThere, ...request, point: 'TO_PROXY' },
      'egress',
    ],
    [
      'TO_PROXY at the server',
      { from: there, to: apiHere, ...request, point: 'TO_PROXY' },
      'ingress',
    ],
    [
      'TO_PROXY of an answer at the server',
      { from: apiHere, to: there, ...answer, point: 'TO_PROXY' },
      'ingress',
    ],
    [
      'TO_PROXY of an answer at the client',
      { from: apiThere, to: here, ...answer, point: 'TO_PROXY' },
      'egress',
    ],
    [
      'TO_OVERLAY by sub type alone',
      { from: here, to: apiThere, ...request, type: 4, subType: 4 },
      'egress',
    ],
    ['FROM_ENDPOINT', { ...toApi, point: 'FROM_ENDPOINT' }, 'egress'],
    ['FROM_NETWORK', { ...toApi, point: 'FROM_NETWORK' }, 'none'],
    ['no event type', { ...toApi, type: null }, 'none'],
  ])('%s', (_, options, side) => expect(flowOf(options).side).toBe(side))
})

describe('kinds of verdict', () => {
  test.each<[string, FlowOptions, string]>([
    ['policy verdict', toApi, 'verdict'],
    ['redirected policy verdict', { ...toApi, verdict: 'REDIRECTED' }, 'verdict'],
    ['verdict as a number', { ...toApi, verdict: 5 }, 'verdict'],
    ['delivery', { ...toApi, point: 'TO_ENDPOINT' }, 'delivery'],
    [
      'delivery of an answer',
      { ...fromApi, point: 'TO_ENDPOINT', flags: 'ACK', isReply: true },
      'trace',
    ],
    ['another trace', { ...toApi, point: 'TO_OVERLAY' }, 'trace'],
    ['no event type', { ...toApi, type: null }, 'trace'],
    ['proxied', { ...toApi, http: { kind: 'REQUEST' } }, 'l7'],
    ['proxied, redirected', { ...toApi, http: { kind: 'REQUEST' }, verdict: 'REDIRECTED' }, 'l7'],
    ['audit', { ...toApi, verdict: 'AUDIT' }, 'audit'],
    ['audit as a number', { ...toApi, verdict: 4 }, 'audit'],
    ['denied', { ...toApi, verdict: 'DROPPED', dropReason: 'POLICY_DENIED' }, 'denied'],
    ['denied, by number', { ...toApi, verdict: 2, extra: { drop_reason: 133 } }, 'denied'],
    ['denied, by sub type', { ...toApi, verdict: 'DROPPED', type: 1, subType: 133 }, 'denied'],
    ['denied without reason', { ...toApi, verdict: 'DROPPED' }, 'denied'],
    [
      'denied by a rule',
      { ...toApi, verdict: 'DROPPED', dropReason: 'POLICY_DENY' },
      'denied-explicit',
    ],
    [
      'denied by a rule, by number',
      { ...toApi, verdict: 'DROPPED', dropReason: 181, type: 1 },
      'denied-explicit',
    ],
    ['denied by a proxy', { ...toApi, verdict: 'DROPPED', http: { kind: 'REQUEST' } }, 'denied-l7'],
  ])('%s', (_, options, verdict) => expect(flowOf(options).verdict).toBe(verdict))

  test.each<[string, FlowOptions]>([
    [
      'for another reason',
      { ...toApi, verdict: 'DROPPED', dropReason: 'STALE_OR_UNROUTABLE_IP', type: 1 },
    ],
    ['for want of authentication', { ...toApi, verdict: 'DROPPED', dropReason: 'AUTH_REQUIRED' }],
    ['for a reason that nobody knows', { ...toApi, verdict: 'DROPPED', dropReason: 250, type: 1 }],
    ['without reason or type', { ...toApi, verdict: 'DROPPED', type: null }],
    [
      'without ports',
      { from: web, to: api, verdict: 'DROPPED', dropReason: 139, type: 1, protocol: 'none' },
    ],
    [
      'as an ICMP message',
      {
        from: web,
        to: api,
        verdict: 'DROPPED',
        dropReason: 'INVALID_SOURCE_IP',
        protocol: 'ICMPv6',
        icmpType: 133,
      },
    ],
  ])('dropped %s', (_, options) => expect(outcomeOf(options)).toBe('dropped-other'))
})

describe('outcomes that one record decides', () => {
  const none = { raw: {} } as const
  const health = { entity: 'health' } as const
  const host = { entity: 'host' } as const

  test.each<[string, FlowOptions, string]>([
    ['socket translation', { ...toApi, type: 7 }, 'sock'],
    ['socket translation by verdict', { ...toApi, verdict: 'TRANSLATED', type: null }, 'sock'],
    ['socket translation by type name', { ...toApi, type: null, extra: { Type: 'SOCK' } }, 'sock'],
    [
      'socket translation by point',
      { ...toApi, type: null, extra: { sock_xlate_point: 2 } },
      'sock',
    ],
    ['debug event', { ...toApi, type: 2 }, 'other-event'],
    ['capture event', { ...toApi, type: 3 }, 'other-event'],
    ['agent event', { ...toApi, type: 130 }, 'other-event'],
    ['an event type that nobody knows', { ...toApi, type: 77 }, 'other-event'],
    [
      'related to a connection',
      { ...toApi, point: 'TO_ENDPOINT', reason: 'RELATED' },
      'other-event',
    ],
    ['VRRP', { from: web, to: api, protocol: 'VRRP' }, 'other-event'],
    ['IGMP', { from: web, to: api, protocol: 'IGMP' }, 'other-event'],
    ['error', { ...toApi, verdict: 'ERROR' }, 'not-forwarded'],
    ['no verdict', { ...toApi, verdict: null }, 'not-forwarded'],
    ['a verdict that nobody knows', { ...toApi, verdict: 'TELEPORTED' }, 'not-forwarded'],
    ['a verdict number that nobody knows', { ...toApi, verdict: 9 }, 'not-forwarded'],
    ['no layer 4', { from: web, to: api, protocol: 'none' }, 'masked'],
    ['an empty layer 4', { from: web, to: api, extra: { l4: {} } }, 'masked'],
    ['no destination port', { from: web, to: api }, 'masked'],
    [
      'an answer without source port',
      { ...fromApi, sourcePort: null, flags: 'ACK', isReply: true, point: 'TO_STACK' },
      'masked',
    ],
    [
      'an outside end without address',
      { from: web, to: { raw: { labels: ['reserved:world'] } }, port: 443 },
      'masked',
    ],
    ['a namespace alone', { from: web, to: { raw: { namespace: 'shop' } }, port: 443 }, 'masked'],
    [
      'pod labels without namespace',
      { from: web, to: { raw: { labels: ['k8s:app=x'] } }, port: 443 },
      'masked',
    ],
    ['a port above 65535', { ...toApi, port: 65_536 }, 'malformed'],
    ['a negative port', { ...toApi, port: -1 }, 'malformed'],
    [
      'a port that is no number',
      { ...toApi, extra: { l4: { TCP: { destination_port: 'http' } } } },
      'malformed',
    ],
    ['a pod with itself', { from: api, to: api, port: 8080 }, 'self'],
    [
      'a pod with itself through its service',
      { from: { world: '169.254.42.1' }, to: api, port: 8080 },
      'self',
    ],
    [
      'a pod with its own address',
      { from: { world: addressOf(api) ?? '' }, to: api, port: 8080 },
      'self',
    ],
    [
      'two nodes',
      { from: host, to: { entity: 'remote-node', ip: '172.18.0.3' }, port: 10_250 },
      'no-pod',
    ],
    ['two addresses', { from: world, to: { world: '203.0.113.8' }, port: 443 }, 'no-pod'],
    ['a health probe', { from: host, to: health, port: 4240 }, 'health'],
    ['a health probe from a pod', { from: web, to: health, port: 4240 }, 'health'],
    ['a starting pod', { from: { entity: 'init' }, to: api, port: 80 }, 'unresolved'],
    ['an unknown end', { from: none, to: api, port: 80 }, 'unresolved'],
    [
      'an end of identity unknown',
      { from: { entity: 'unknown' }, to: api, port: 80 },
      'unresolved',
    ],
    [
      'before translation, to an address',
      { from: web, to: world, port: 80, point: 'FROM_ENDPOINT' },
      'unresolved',
    ],
    [
      'before translation, to a node',
      { from: web, to: host, port: 80, point: 'FROM_ENDPOINT' },
      'unresolved',
    ],
  ])('%s', (_, options, outcome) => expect(outcomeOf(options)).toBe(outcome))

  test('what is counted keeps its time, node and cluster', () => {
    expect(read({ ...toApi, type: 7, node: 'prod/worker-9' })).toEqual({
      kind: 'counted',
      outcome: 'sock',
      timeMs: Date.parse(baseTime),
      node: 'prod/worker-9',
      cluster: 'prod',
    })
  })

  test('a replica is not the pod itself', () => {
    const other = { ...api, pod: 'api-1' }
    expect(outcomeOf({ from: api, to: other, port: 8080 })).toBe('flow')
  })
})

describe('ICMP', () => {
  const ping = { from: web, to: api, protocol: 'ICMPv4', point: 'TO_ENDPOINT' } as const

  test.each<[string, FlowOptions, string, number, string]>([
    ['request', { ...ping, icmpType: 8 }, 'web', 8, 'strong'],
    ['request without reply flag', { ...ping, icmpType: 8, isReply: null }, 'web', 8, 'strong'],
    ['request that is called a reply', { ...ping, icmpType: 8, isReply: true }, 'web', 8, 'strong'],
    ['answer', { ...ping, from: api, to: web, isReply: true }, 'web', 8, 'reply'],
    [
      'answer without reply flag',
      { ...ping, from: api, to: web, isReply: null },
      'web',
      8,
      'reply',
    ],
    ['error about a connection', { ...ping, icmpType: 3, reason: 'RELATED' }, 'web', 3, 'medium'],
    ['version 6 request', { ...ping, protocol: 'ICMPv6', icmpType: 128 }, 'web', 128, 'strong'],
    [
      'version 6 answer',
      { ...ping, protocol: 'ICMPv6', icmpType: 129, from: api, to: web },
      'web',
      128,
      'reply',
    ],
    [
      'another reply',
      { ...ping, icmpType: 40, isReply: true, from: api, to: web },
      'web',
      40,
      'reply',
    ],
  ])('%s', (_, options, client, type, strength) => {
    expect(flowOf(options)).toMatchObject({
      client: { labels: [`app=${client}`] },
      protocol: options.protocol,
      port: type,
      clientPort: 0,
      strength,
      certain: false,
    })
  })

  test.each<[string, FlowOptions]>([
    [
      'health',
      { from: { entity: 'host' }, to: { entity: 'health' }, protocol: 'ICMPv4', icmpType: 8 },
    ],
    [
      'nodes',
      {
        from: { entity: 'host' },
        to: { entity: 'remote-node', ip: '172.18.0.9' },
        protocol: 'ICMPv4',
        icmpType: 8,
      },
    ],
    ['nobody', { from: { raw: {} }, to: api, protocol: 'ICMPv4', icmpType: 8 }],
  ])('of %s is counted as ICMP', (_, options) => expect(outcomeOf(options)).toBe('icmp'))

  test('with a pod and a node is a flow', () => {
    expect(flowOf({ ...ping, from: { entity: 'host' }, icmpType: 8 }).client).toMatchObject({
      entity: 'host',
    })
  })

  test('a type above 255 is malformed', () => {
    expect(outcomeOf({ ...ping, icmpType: 256 })).toBe('malformed')
  })
})

describe('names', () => {
  test('of the destination belong to the server', () => {
    const options = {
      from: web,
      to: world,
      port: 443,
      destinationNames: ['API.example.com.', 'b.example'],
    }
    expect(flowOf(options).names).toEqual([
      { address: '203.0.113.7', name: 'api.example.com' },
      { address: '203.0.113.7', name: 'b.example' },
    ])
    expect(flowOf({ ...options, sourceNames: ['web.shop.svc'] }).names).toHaveLength(2)
  })

  test('of the source belong to the server of an answer', () => {
    const options = {
      from: world,
      to: web,
      port: 40_000,
      sourcePort: 443,
      flags: 'SYN,ACK',
    } as const
    expect(
      flowOf({ ...options, sourceNames: ['api.example.com'], destinationNames: ['x.example'] })
        .names,
    ).toEqual([{ address: '203.0.113.7', name: 'api.example.com' }])
  })

  test('of pods are not kept', () => {
    expect(flowOf({ ...toApi, destinationNames: ['api.shop.svc.cluster.local'] }).names).toEqual([])
  })

  const answer = {
    kind: 'RESPONSE',
    query: 'API.Example.com.',
    ips: ['203.0.113.7', '2001:DB8::1'],
  } as const
  const expected = [
    { address: '203.0.113.7', name: 'api.example.com' },
    { address: '2001:db8::1', name: 'api.example.com' },
  ]

  test('of an answer are kept', () => {
    expect(flowOf({ ...fromApi, protocol: 'UDP', isReply: true, dns: answer }).names).toEqual(
      expected,
    )
  })

  test('of an answer include the canonical ones', () => {
    const dns = { ...answer, ips: ['203.0.113.7'], cnames: ['edge.example.net.'] }
    expect(
      flowOf({ ...fromApi, protocol: 'UDP', isReply: true, dns }).names.map(({ name }) => name),
    ).toEqual(['api.example.com', 'edge.example.net'])
  })

  test('of an answer are kept whatever becomes of the record', () => {
    const options = { ...fromApi, protocol: 'UDP', isReply: true, dns: answer } as const
    expect(read({ ...options, verdict: 'ERROR' })).toMatchObject({
      outcome: 'not-forwarded',
      names: expected,
    })
    expect(read({ ...options, to: { raw: {} } })).toMatchObject({
      outcome: 'unresolved',
      names: expected,
    })
  })

  test.each([
    ['a failed answer', { ...answer, rcode: 3 }],
    ['a request', { ...answer, kind: 'REQUEST' as const }],
    ['an answer without addresses', { kind: 'RESPONSE' as const, query: 'a.example' }],
    ['addresses that are none', { ...answer, ips: ['localhost', '300.1.1.1'] }],
    ['names that DNS does not allow', { ...answer, query: 'a b<script>' }],
    ['names that are too long', { ...answer, query: `${'a.'.repeat(130)}b` }],
  ])('%s gives none', (_, dns) => {
    expect(
      flowOf({ ...fromApi, protocol: 'UDP', isReply: dns.kind === 'RESPONSE', dns }).names,
    ).toEqual([])
  })

  test('of HTTP are never kept', () => {
    const http = {
      kind: 'REQUEST',
      method: 'GET',
      url: 'http://user:secret@api.example.com/token?key=secret',
    } as const
    const text = JSON.stringify(read({ ...toApi, http, extra: {} }))
    expect(text).not.toContain('secret')
  })
})

describe('weight', () => {
  test.each([
    [{ ingress: 42, egress: 40 }, 82],
    [{ unknown: 3 }, 3],
    [{}, 1],
  ])('of an aggregated line %j', (aggregate, flows) => {
    expect(flowOf({ ...toApi, aggregate }).flows).toBe(flows)
  })

  test('of 64-bit texts', () => {
    const extra = { aggregate: { ingress_flow_count: '7', egressFlowCount: '5' } }
    expect(flowOf({ ...toApi, extra }).flows).toBe(12)
  })

  test.each([['-4'], ['9'.repeat(20)], ['many'], [null]])(
    'of %s stays a count',
    (ingress_flow_count) => {
      const { flows } = flowOf({ ...toApi, extra: { aggregate: { ingress_flow_count } } })
      expect(Number.isSafeInteger(flows) && flows >= 1).toBe(true)
    },
  )
})

describe('times', () => {
  test.each([
    ['2025-06-12T09:14:01Z', '2025-06-12T09:14:01.000Z'],
    ['2025-06-12T09:14:01.104Z', '2025-06-12T09:14:01.104Z'],
    ['2025-06-12T09:14:01.104007919Z', '2025-06-12T09:14:01.104Z'],
    ['2025-06-12T09:14:01.999999999Z', '2025-06-12T09:14:01.999Z'],
    ['2025-06-12T11:14:01.1+02:00', '2025-06-12T09:14:01.100Z'],
    ['2025-06-12T05:14:01-04:00', '2025-06-12T09:14:01.000Z'],
  ])('%s', (time, expected) => {
    expect(flowOf({ ...toApi, time }).timeMs).toBe(Date.parse(expected))
  })

  test.each([
    'yesterday',
    '',
    '2025-13-01T00:00:00Z',
    '2025-02-30T00:00:00Z',
    '2025-06-12T25:00:00Z',
  ])('"%s" is none', (time) => expect(flowOf({ ...toApi, time })).not.toHaveProperty('timeMs'))

  test('that the flow lacks are taken from the envelope', () => {
    const options = { ...toApi, time: null, envelope: { time: '2025-06-12T09:14:01Z' } } as const
    expect(flowOf(options).timeMs).toBe(Date.parse('2025-06-12T09:14:01Z'))
  })
})

describe('clusters', () => {
  test.each<[string, FlowOptions, string]>([
    ['the node names one', { ...toApi, node: 'prod/worker-1' }, 'prod'],
    ['the node names none', { ...toApi, node: 'worker-1' }, ''],
    ['the node names the default', { ...toApi, node: 'default/worker-1' }, ''],
    ['the envelope names one', { ...toApi, envelope: { cluster_name: 'edge' } }, 'edge'],
    ['both', { ...toApi, node: 'prod/worker-1', envelope: { cluster_name: 'edge' } }, 'prod'],
  ])('%s', (_, options, cluster) => expect(flowOf(options).cluster).toBe(cluster))

  test.each<[string, FlowOptions, string]>([
    ['a member', { ...toApi, from: { ...web, cluster: 'edge' } }, 'edge'],
    ['the default', { ...toApi, from: { ...web, cluster: 'default' } }, ''],
  ])('of a pod: %s', (_, options, cluster) => {
    expect(flowOf(options).client).toMatchObject({ cluster })
  })
})

describe('other events', () => {
  test('lost events', () => {
    expect(readRecord(JSON.parse(lostEventsLine(412)))).toEqual([
      {
        kind: 'lost-events',
        count: 412,
        lostSource: 'HUBBLE_RING_BUFFER',
        node: 'worker-1',
        timeMs: Date.parse(baseTime),
      },
    ])
    expect(readRecord({ lostEvents: { source: 1, numEventsLost: 3 } })).toMatchObject([
      { count: 3, lostSource: 'PERF_EVENT_RING_BUFFER', node: '' },
    ])
    expect(readRecord({ lost_events: {} })).toMatchObject([{ count: 0, lostSource: '' }])
    expect(readRecord({ lost_events: { num_events_lost: 'many' } })).toMatchObject([
      { outcome: 'malformed' },
    ])
  })

  test('node status', () => {
    expect(readRecord(JSON.parse(nodeStatusLine('NODE_ERROR', ['a', 'b'], 'gone')))).toEqual([
      { kind: 'node-status', state: 'NODE_ERROR', nodes: ['a', 'b'], message: 'gone' },
    ])
    expect(readRecord({ nodeStatus: { stateChange: 2, nodeNames: ['a'] } })).toEqual([
      { kind: 'node-status', state: 'NODE_UNAVAILABLE', nodes: ['a'], message: '' },
    ])
  })
})

test.each<[string, FlowOptions]>([
  ['a label', { ...toApi, from: { ...web, rawLabels: [`k8s:app=${'x'.repeat(2000)}`] } }],
  ['a namespace', { ...toApi, from: { ns: 'x'.repeat(2000) } }],
  ['a pod name', { ...toApi, from: { ...web, pod: 'x'.repeat(2000) } }],
  ['the uuid', { ...toApi, uuid: 'x'.repeat(2000) }],
  ['the node', { ...toApi, node: 'x'.repeat(2000) }],
  [
    'labels',
    {
      ...toApi,
      from: { ...web, rawLabels: Array.from({ length: 2000 }, (_, at) => `k8s:a${at}=b`) },
    },
  ],
])('%s without bounds is malformed, with a reason that does not repeat it', (_, options) => {
  const reading = read(options)
  expect(reading).toMatchObject({ outcome: 'malformed', reason: expect.stringMatching(/1024/) })
  expect(JSON.stringify(reading).length).toBeLessThan(300)
})

describe('protection on the wire', () => {
  const raw = (change: (flow: Record<string, unknown>) => void): Flow => {
    const record = structuredClone(flowRecord(toApi)) as { flow: Record<string, unknown> }
    change(record.flow)
    const [reading] = readRecord(record)
    if (reading?.kind !== 'flow') throw new Error('no flow')
    return reading.flow
  }

  test('is taken where the record says so, and only there', () => {
    expect(flowOf(toApi)).not.toHaveProperty('encrypted')
    expect(flowOf(toApi)).not.toHaveProperty('authenticated')
    const encrypted = raw((flow) => Object.assign(flow['IP'] as object, { encrypted: true }))
    expect(encrypted.encrypted).toBe(true)
    expect(raw((flow) => Object.assign(flow['IP'] as object, { encrypted: 'yes' }))).toEqual(
      flowOf(toApi),
    )
  })

  test.each([
    ['auth_type', 'SPIRE', true],
    ['authType', 1, true],
    ['auth_type', 'DISABLED', undefined],
    ['auth_type', 'TEST_ALWAYS_FAIL', undefined],
    ['auth_type', 2, undefined],
  ])('%s %s', (name, value, expected) => {
    const flow = raw((record) => {
      record[name] = value
    })
    expect(flow.authenticated).toBe(expected)
  })
})
