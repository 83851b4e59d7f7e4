/** The reference lines, each with its right reading: here as far as one record decides it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRecord } from '../../src/flow/decode.ts'
import type { Endpoint, Flow, Outcome, Reading } from '../../src/flow/flow.ts'
import { describeShared } from '../support/shared.ts'

interface Expectation {
  readonly learn: boolean
  readonly bucket?: string
  readonly src?: string
  readonly dst?: string
  readonly protocol?: string
  readonly port?: number
  readonly evidence?: string
  readonly side?: string
  readonly direction?: string
  readonly weight?: number
  readonly count?: number
  readonly address?: string
  readonly src_cluster?: string
  readonly dst_pod?: string
  readonly names?: readonly string[] | Readonly<Record<string, readonly string[]>>
}

interface Case {
  readonly id: string
  readonly title: string
  readonly line: unknown
  readonly expect: Expectation
}

/** Buckets that one record decides. */
const decided: readonly Outcome[] = [
  'sock',
  'other-event',
  'cannot-orient',
  'dropped-other',
  'self',
  'no-pod',
]

/** Buckets that need the whole picture, and what the flow must say for it to come out right. */
const prepared: Readonly<Record<string, (flow: Flow) => void>> = {
  'suspect-reply': (flow) => {
    expect(flow).toMatchObject({ strength: 'weak', certain: false, port: 44_882, clientPort: 8080 })
  },
  denied: (flow) => expect(flow).toMatchObject({ verdict: 'denied', strength: 'strong' }),
  'denied-explicit': (flow) => expect(flow.verdict).toBe('denied-explicit'),
  'denied-l7': (flow) => expect(flow).toMatchObject({ verdict: 'denied-l7', certain: true }),
  conflict: (flow) => expect(flow).toMatchObject({ verdict: 'verdict', side: 'egress' }),
  audit: (flow) => {
    expect(['audit', 'delivery']).toContain(flow.verdict)
    expect(flow.side).toBe('ingress')
  },
  host: (flow) => expect(entities(flow)).toEqual(['host']),
  'remote-node': (flow) => expect(entities(flow)).toEqual(['remote-node']),
  'kube-apiserver': (flow) => expect(entities(flow)).toEqual(['kube-apiserver']),
  icmp: (flow) => expect(flow.protocol).toBe('ICMPv4'),
  'remote-cluster': (flow) => expect(flow.client).toMatchObject({ cluster: 'edge' }),
  'unresolved-or-resolved-by-pod-name': (flow) => {
    expect(flow.server).toMatchObject({ kind: 'named', lacks: 'world' })
  },
}

describeShared('the reference lines are read as the reference says', (dir) => {
  const lines = readFileSync(join(dir, 'reference', 'hubble-cases.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const cases = lines.map((line) => JSON.parse(line) as Case)

  test('there are 57', () => {
    expect(cases).toHaveLength(57)
  })

  test.each(cases.map((one) => [one.id, one.title, one] as const))('%s %s', (_, __, one) => {
    const readings = readRecord(one.line)
    expect(readings).toHaveLength(1)
    const reading = readings[0]!
    const { bucket } = one.expect
    if (bucket === 'lost-events') {
      expect(reading).toMatchObject({ kind: 'lost-events', count: one.expect.count })
    } else if (bucket === 'node-status') {
      expect(reading.kind).toBe('node-status')
    } else if (decided.includes(bucket as Outcome)) {
      expect(reading).toMatchObject({ kind: 'counted', outcome: bucket })
    } else {
      const flow = flowOf(reading)
      if (bucket !== undefined) prepared[bucket]!(flow)
      else expect(['verdict', 'delivery', 'trace', 'l7']).toContain(flow.verdict)
      checkFlow(flow, one.expect)
    }
  })

  test('every bucket is checked', () => {
    const buckets = cases.flatMap(({ expect: { bucket } }) =>
      bucket === undefined ? [] : [bucket],
    )
    const known = [...decided, ...Object.keys(prepared), 'lost-events', 'node-status']
    expect([...new Set(buckets)].filter((bucket) => !known.includes(bucket))).toEqual([])
  })
})

function flowOf(reading: Reading): Flow {
  expect(reading.kind).toBe('flow')
  if (reading.kind !== 'flow') throw new Error('no flow')
  return reading.flow
}

function entities(flow: Flow): readonly string[] {
  return [flow.client, flow.server].flatMap((end) => (end.kind === 'entity' ? [end.entity] : []))
}

function checkFlow(flow: Flow, expected: Expectation): void {
  if (expected.protocol !== undefined) expect(flow.protocol).toBe(expected.protocol)
  if (expected.port !== undefined) expect(flow.port).toBe(expected.port)
  if (expected.evidence !== undefined) expect(flow.strength).toBe(expected.evidence.toLowerCase())
  const side = expected.side ?? expected.direction
  if (side !== undefined) expect(flow.side).toBe(side)
  if (expected.src !== undefined) checkEnd(flow.client, expected.src)
  if (expected.dst !== undefined) checkEnd(flow.server, expected.dst)
  if (expected.dst_pod !== undefined) checkNamed(flow.server, expected.dst_pod)
  if (expected.address !== undefined)
    expect(flow.server).toMatchObject({ address: expected.address })
  expect(flow.flows).toBe(expected.weight ?? 1)
  if (expected.names !== undefined) checkNames(flow, expected.names)
}

/** `shop/app=web`, `world:203.0.113.7`, `world:any` or `kube-apiserver:172.18.0.2`. */
function checkEnd(end: Endpoint, text: string): void {
  const slash = text.indexOf('/')
  if (slash > 0) {
    expect(end).toMatchObject({ kind: 'pod', namespace: text.slice(0, slash) })
    expect(end.kind === 'pod' ? end.labels : []).toContain(text.slice(slash + 1))
    return
  }
  const colon = text.indexOf(':')
  const address = text.slice(colon + 1)
  expect(end.kind).toBe('address')
  if (address !== 'any') expect(end).toMatchObject({ address })
  const labels = text.startsWith('kube-apiserver') ? ['kube-apiserver'] : []
  expect(end).toMatchObject({ labels })
}

function checkNamed(end: Endpoint, text: string): void {
  const [namespace, name] = text.split('/')
  expect(end).toMatchObject({ kind: 'named', namespace, name })
}

function checkNames(flow: Flow, names: NonNullable<Expectation['names']>): void {
  const expected = Array.isArray(names)
    ? names.map((name) => ({
        name,
        address: flow.server.kind === 'address' ? flow.server.address : '',
      }))
    : Object.entries(names).flatMap(([name, ips]) =>
        ips.map((address: string) => ({ name, address })),
      )
  expect(flow.names).toEqual(expect.arrayContaining(expected))
  expect(flow.names).toHaveLength(expected.length)
}
