/** The reference lines and the real recordings, all the way from bytes to the edges and the ledger. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { labelTexts } from '../../src/labels.ts'
import { readOut } from '../../src/traffic/read-out.ts'
import { createReader } from '../../src/traffic/reader.ts'
import type { Edge, EdgeEnd, ReadOutOptions, Traffic } from '../../src/traffic/traffic.ts'
import { describeShared } from '../support/shared.ts'

interface Expectation {
  readonly learn: boolean
  readonly bucket?: string
  readonly src?: string
  readonly dst?: string
  readonly protocol?: string
  readonly port?: number
  readonly address?: string
  readonly weight?: number
  readonly count?: number
}

interface Case {
  readonly id: string
  readonly title: string
  readonly line: unknown
  readonly expect: Expectation
}

/** Lines whose reading needs the lines beside them, by the id of the lines. */
const siblings: Readonly<Record<string, readonly string[]>> = {
  '12c': ['12a', '12b'],
  '13b': ['13a'],
}

function learn(texts: readonly string[], options: ReadOutOptions = {}): Traffic {
  const reader = createReader()
  reader.consume(new TextEncoder().encode(texts.join('\n')), { source: 'test', offset: 0 })
  return readOut(reader.finish(), options)
}

function endText(traffic: Traffic, end: EdgeEnd): string {
  switch (end.kind) {
    case 'class': {
      const known = traffic.classes[end.class]
      if (known === undefined) return 'unknown class'
      return `${known.namespace}/${labelTexts(known.labels).join(',')}`
    }
    case 'address':
      return end.labels.includes('kube-apiserver')
        ? `kube-apiserver:${end.address}`
        : `world:${end.address}`
    case 'entity':
      return end.entity
    case 'unresolved':
      return `${end.namespace}/${end.pod}`
    case 'remote':
      return `${end.cluster}:${end.namespace}`
  }
}

/** Expectations name one label of a class (`shop/app=web`); `world:any` is any address outside. */
function isEnd(actual: string, wanted: string): boolean {
  if (wanted === 'world:any') return actual.startsWith('world:')
  const [namespace, label] = wanted.split('/')
  if (label === undefined || wanted.startsWith('world:')) return actual === wanted
  const [actualNamespace = '', ...rest] = actual.split('/')
  return actualNamespace === namespace && rest.join('/').split(',').includes(label)
}

describeShared('the reference lines end where they should', (dir) => {
  const cases = readFileSync(join(dir, 'reference', 'hubble-cases.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as Case)
  const byId = new Map(cases.map((one) => [one.id, one]))

  test('there are 57 of them', () => expect(cases).toHaveLength(57))

  test.each(cases.map((one) => [`${one.id} ${one.title}`, one] as const))('%s', (_, one) => {
    const beside = (siblings[one.id] ?? []).map((id) => byId.get(id)!)
    const traffic = learn([...beside, one].map((each) => JSON.stringify(each.line)))
    const { expect: wanted } = one
    const total = Object.values(traffic.ledger.outcomes).reduce((sum, count) => sum + count, 0)
    expect(total).toBe(beside.length + 1)
    expect(traffic.ledger.records).toBe(beside.length + 1)
    if (wanted.bucket === 'unresolved-or-resolved-by-pod-name') {
      expect(traffic.ledger.outcomes).toEqual({ unresolved: 1 })
      return
    }
    const outcome = wanted.learn ? 'learned' : (wanted.bucket ?? '')
    expect(Object.keys(traffic.ledger.outcomes)).toContain(outcome)
    if (wanted.count !== undefined) expect(traffic.ledger.lostEvents).toBe(wanted.count)
    if (wanted.src === undefined && wanted.port === undefined) return
    const edge = traffic.edges.find((each) => each.outcome === outcome)
    expect(edge).toBeDefined()
    checkEdge(traffic, edge!, wanted)
  })

  test('14d is learned where the same pod is seen elsewhere with its labels', () => {
    const traffic = learn(['14d', '01c'].map((id) => JSON.stringify(byId.get(id)?.line)))
    expect(traffic.ledger.outcomes).toEqual({ learned: 2 })
  })

  test('12c alone is learned: the denials make it a conflict', () => {
    const traffic = learn([JSON.stringify(byId.get('12c')?.line)])
    expect(traffic.ledger.outcomes).toEqual({ learned: 1 })
  })
})

function checkEdge(traffic: Traffic, edge: Edge, wanted: Expectation): void {
  if (wanted.src !== undefined) {
    expect(isEnd(endText(traffic, edge.from), wanted.src)).toBe(true)
  }
  if (wanted.dst !== undefined) expect(isEnd(endText(traffic, edge.to), wanted.dst)).toBe(true)
  if (wanted.protocol !== undefined) expect(edge.protocol).toBe(wanted.protocol)
  if (wanted.port !== undefined) expect(edge.port).toBe(wanted.port)
  if (wanted.weight !== undefined) expect(edge.evidence.flows).toBe(wanted.weight)
  if (wanted.address !== undefined && edge.to.kind === 'entity') {
    expect(edge.to.addresses).toEqual([wanted.address])
  }
}

describeShared('the real recordings end where they should', (dir) => {
  const read = (name: string, options: ReadOutOptions = {}): Traffic =>
    learn(
      [readFileSync(join(dir, 'flows/hubble-otel', `basic-sample-${name}-flows.json`), 'utf8')],
      options,
    )

  // Beside 11.1 of the reference: 69 of 189, and all of 28, pods without labels are found by name in the same file.
  test.each([
    ['10', { learned: 3, host: 3, 'cannot-orient': 4 }],
    ['330-dns', { learned: 330 }],
    ['348-http', { learned: 139 + 69, unresolved: 189 - 69, host: 20 }],
    ['400-icmpv4', { icmp: 18 }],
    ['400-l7-redirected', { learned: 400 }],
    ['400-tcp', { learned: 290 + 28, host: 36, 'cannot-orient': 45, 'remote-node': 1 }],
    ['400-udp', { learned: 326, 'cannot-orient': 74 }],
  ])('%s', (name, outcomes) => {
    const traffic = read(name)
    expect(traffic.ledger.outcomes).toEqual(outcomes)
    const total = Object.values(traffic.ledger.outcomes).reduce((sum, count) => sum + count, 0)
    expect(total).toBe(traffic.ledger.records)
  })

  test('330 DNS lines are one edge', () => {
    const traffic = read('330-dns')
    expect(traffic.edges).toHaveLength(1)
    expect(traffic.edges[0]).toMatchObject({ protocol: 'TCP', port: 53, outcome: 'learned' })
    expect(traffic.edges[0]?.evidence.records).toBe(330)
  })

  test('no learned edge has an ephemeral port, and the redirected flows are the Bookinfo graph', () => {
    const names = ['10', '330-dns', '348-http', '400-l7-redirected', '400-tcp', '400-udp']
    for (const name of names) {
      const ephemeral = read(name).edges.filter(
        (edge) => edge.outcome === 'learned' && edge.port >= 32_768,
      )
      expect(ephemeral).toEqual([])
    }
    const traffic = read('400-l7-redirected')
    const graph = traffic.edges.map((edge) => {
      const [from, to] = [edge.from, edge.to].map((end) =>
        end.kind === 'class' ? traffic.classes[end.class]?.workloads[0]?.name : 'other',
      )
      return `${from} ${to} ${edge.port}/${edge.protocol}`
    })
    expect(graph.sort()).toEqual([
      'productpage-v1 coredns 53/UDP',
      'productpage-v1 details-v1 9080/TCP',
      'productpage-v1 reviews-v1 9080/TCP',
      'productpage-v1 reviews-v2 9080/TCP',
      'productpage-v1 reviews-v3 9080/TCP',
      'ratings-v1 coredns 53/UDP',
      'ratings-v1 productpage-v1 9080/TCP',
    ])
  })

  test('nodes that proxies call world are nodes once their range is known', () => {
    const traffic = read('348-http', { nodeCidrs: ['10.128.0.0/24'] })
    const outside = traffic.edges.filter((edge) => edge.to.kind === 'address')
    expect(outside).toEqual([])
    expect(traffic.ledger.outcomes['remote-node']).toBeGreaterThan(0)
  })

  test('lines without labels end in the ledger', () => {
    const text = readFileSync(join(dir, 'flows/exporter/export.rst-2023-08.masked.jsonl'), 'utf8')
    const traffic = learn([text])
    expect(traffic.edges.filter((edge) => edge.outcome === 'learned')).toEqual([])
    expect(traffic.ledger.records).toBe(2)
  })
})
