import { describe, expect, test } from 'vitest'
import type { PolicyDiff } from '../../src/diff/policy-diff.ts'
import { graphOf, graphToDot, graphToJson, graphToMermaid } from '../../src/report/graph-text.ts'
import { layOutMap } from '../../src/report/map-layout.ts'
import { linePath, pairsOf } from '../../src/report/map-svg.ts'
import { serviceMapOf } from '../../src/report/service-map.ts'
import type { EdgeSpec } from '../support/traffic.ts'
import { makeTraffic } from '../support/traffic.ts'
import { exampleDiff, hostile } from './examples.ts'

const edges: readonly EdgeSpec[] = [
  { from: 0, to: 1, port: 5432, evidence: { flows: 3, samples: ['b', 'a'], blocks: [[1, 2]] } },
  { from: 0, to: 1, port: 22, outcome: 'denied' },
  { from: 0, to: '203.0.113.7', port: 443 },
  { from: 0, to: '203.0.113.8', port: 443, evidence: { encrypted: 2, authenticated: 1 } },
  { from: 'entity:remote-node', to: 2, port: 9100 },
]

const changes: PolicyDiff['changes'] = [
  { id: '1', section: 'breaks', from: 'shop/web', to: 'shop/db', ports: ['5432/TCP'] },
  { id: '2', section: 'opens', from: 'shop/db', to: 'data/pg', ports: ['80/TCP'] },
  { id: '3', section: 'opens', from: '203.0.113.8', to: 'data/pg', ports: ['1/TCP'] },
  { id: '4', section: 'tightens', from: 'shop/web', to: '10.0.0.0/8', ports: ['all ports'] },
  { id: '5', section: 'isolation', from: 'shop/web', to: 'shop/web', ports: ['ingress'] },
].map((change) => ({
  ...change,
  section: change.section as 'breaks',
  effect: 'narrows' as const,
  old: [],
  new: [],
  message: '',
}))

const traffic = makeTraffic(['shop/app=web', 'shop/app=db', 'data/app=pg'], edges)
const groups = ['shop/web', 'shop/db', 'data/pg'].map((name, id) => ({
  name,
  namespace: name.split('/')[0] ?? '',
  classes: [id],
}))
const diff = { ...exampleDiff, changes }
const map = serviceMapOf({ traffic, groups, diff })

describe('the map', () => {
  test('takes no namespace for what has none, whatever it is called', () => {
    const odd = makeTraffic(
      ['outside/app=a', 'platform/app=b'],
      [
        { from: 0, to: 1, port: 80 },
        { from: 0, to: '203.0.113.7', port: 443 },
        { from: 1, to: 'entity:remote-node', port: 9100 },
      ],
    )
    const named = ['outside/a', 'platform/b'].map((name, id) => ({
      name,
      namespace: name.split('/')[0] ?? '',
      classes: [id],
    }))
    const graph = graphOf(serviceMapOf({ traffic: odd, groups: named }), 'namespace')
    expect(graph.nodes.map(({ name }) => name)).toEqual([
      '(outside)',
      '(platform)',
      'outside',
      'platform',
    ])
    expect(graph.edges.map(({ from, to }) => [from, to])).toEqual([
      [2, 0],
      [2, 3],
      [3, 1],
    ])
  })

  test('keeps addresses of one name apart by their zones', () => {
    const [first, second] = ['203.0.113.7', '198.51.100.7'].map(
      (address) => ({ kind: 'address', address, labels: [], names: ['api.example'] }) as const,
    )
    const [edge] = makeTraffic(['shop/app=web'], [{ from: 0, to: '203.0.113.7', port: 443 }]).edges
    if (edge === undefined || first === undefined || second === undefined) throw new Error('made')
    const { nodes } = serviceMapOf({
      traffic: { ...traffic, edges: [first, second].map((to) => ({ ...edge, to })) },
      groups: [],
      zoneOf: (end) =>
        end.kind === 'address' && end.address === '198.51.100.7' ? 'partners' : 'outside',
    })
    const outside = nodes.filter(({ name }) => name === 'api.example')
    expect(outside.map(({ zone, addresses }) => [zone, addresses?.first])).toEqual([
      ['outside', ['203.0.113.7']],
      ['partners', ['198.51.100.7']],
    ])
  })

  test('has a node for each workload, and one for addresses', () => {
    expect(map.nodes.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'workload data/pg',
      'workload shop/db',
      'workload shop/web',
      'addresses addresses outside',
      'entity remote-node',
    ])
    expect(map.nodes[3]?.addresses).toEqual({
      count: 2,
      first: ['203.0.113.7', '203.0.113.8'],
    })
  })

  test('adds up what goes between two nodes on one port', () => {
    const [tls] = map.edges.filter(({ port }) => port === '443/TCP')
    expect(tls).toMatchObject({ from: 2, to: 3, flows: 2, encrypted: 2, authenticated: 1 })
    const [db] = map.edges.filter(({ port }) => port === '5432/TCP')
    expect(db).toMatchObject({ samples: ['a', 'b'], blocks: 2, clearText: 'PostgreSQL' })
  })

  test('knows the changes between its nodes, and no others', () => {
    expect(map.changes.map(({ id, from, to }) => [id, from, to])).toEqual([
      ['1', 2, 1],
      ['2', 1, 0],
      ['3', 3, 0],
    ])
    expect(pairsOf(map).map(({ from, to, state }) => `${from}-${to} ${state}`)).toEqual([
      '1-0 opens',
      '2-1 breaks',
      '2-3 allowed',
      '3-0 opens',
      '4-0 allowed',
    ])
  })

  test('takes the worst decision of its edges', () => {
    const decisions = new Map(
      traffic.edges.map((edge, index) => [
        edge,
        {
          decision: index === 2 ? ('denied' as const) : ('allowed' as const),
          allowedBy: [{ policy: 'shop/web', direction: 'egress' as const, rule: 0 }],
          deniedBy: index === 2 ? ['shop/web'] : [],
        },
      ]),
    )
    const decided = serviceMapOf({ traffic, groups, decisions })
    const [tls] = decided.edges.filter(({ port }) => port === '443/TCP')
    expect(tls).toMatchObject({ decision: 'denied', deniedBy: ['shop/web'] })
    expect(tls?.allowedBy).toHaveLength(1)
    expect(pairsOf(decided).map(({ state }) => state)).toContain('denied')
  })

  test('does not depend on the order of edges', () => {
    const turned = { ...traffic, edges: traffic.edges.toReversed() }
    expect(serviceMapOf({ traffic: turned, groups, diff })).toEqual(map)
  })
})

describe('the layout', () => {
  test('is the same every time, and no two nodes lie on each other', async () => {
    const layout = await layOutMap(map)
    expect(await layOutMap(map)).toEqual(layout)
    const places = layout.workloads.nodes
    expect(places).toHaveLength(map.nodes.length)
    for (const [index, a] of places.entries()) {
      for (const b of places.slice(index + 1)) {
        const apart =
          a.x + a.width <= b.x ||
          b.x + b.width <= a.x ||
          a.y + a.height <= b.y ||
          b.y + b.height <= a.y
        expect(apart).toBe(true)
      }
    }
    expect(layout.zones).toBeUndefined()
  })

  test('puts what is too dense for layers into rows', async () => {
    const nodes = Array.from({ length: 120 }, (_, id) => ({
      id,
      kind: 'workload' as const,
      name: `ns/w${id}`,
      namespace: 'ns',
      zone: `z${id % 3}`,
      pods: 1,
    }))
    const dense = nodes.flatMap(({ id: from }) =>
      [1, 2, 3, 5, 8].map((step) => ({
        from,
        to: (from + step) % 120,
        port: '1/TCP',
        outcome: 'learned' as const,
        flows: 1,
        records: 1,
        blocks: 1,
        samples: [],
      })),
    )
    const layout = await layOutMap({ nodes, edges: dense, changes: [] })
    const { width, height } = layout.workloads
    expect(width / height).toBeLessThan(3)
    expect(layout.zones?.graph.nodes.map(({ name }) => name)).toEqual(['z0', 'z1', 'z2'])
    expect(layout.zones?.sizes).toEqual([40, 40, 40])
  })

  test('draws lines from border to border', () => {
    const a = { x: 0, y: 0, width: 10, height: 10 }
    expect(linePath(a, { ...a, x: 100 })).toMatch(/^M10 5C/)
    expect(linePath({ ...a, x: 100 }, a)).toMatch(/^M100 5C/)
    expect(linePath(a, { ...a, y: 100 })).toMatch(/^M5 10C/)
    expect(linePath({ ...a, y: 100 }, a)).toMatch(/^M5 100C/)
    expect(linePath(a, a)).toContain('c')
    expect(linePath(a, undefined)).toBe('')
  })
})

describe('the graph', () => {
  test('as Mermaid has the diff as colours, and what was denied dashed', () => {
    expect(graphToMermaid(graphOf(map, 'workload'))).toBe(
      `flowchart LR
  subgraph ns0["data"]
    n0["pg"]
  end
  subgraph ns1["shop"]
    n1["db"]
    n2["web"]
  end
  subgraph ns3["(outside)"]
    n3["addresses outside"]
  end
  subgraph ns4["(platform)"]
    n4["remote-node"]
  end
  n1 -.->|"opens: 80/TCP"| n0
  n2 -.->|"22/TCP"| n1
  n2 -->|"breaks: 5432/TCP"| n1
  n2 -->|"443/TCP"| n3
  n3 -.->|"opens: 1/TCP"| n0
  n4 -->|"9100/TCP"| n0
  linkStyle 0 stroke:#e65100
  linkStyle 1 stroke:#9e9e9e
  linkStyle 2 stroke:#c62828
  linkStyle 4 stroke:#e65100
`,
    )
  })

  test('as DOT', () => {
    const dot = graphToDot(graphOf(map, 'workload'))
    expect(dot).toMatch(/^digraph netweir \{\n {2}rankdir=LR\n/)
    expect(dot).toContain('subgraph cluster_0 {\n    label="data"\n    n0 [label="data/pg"]\n  }')
    expect(dot).toContain('n2 -> n1 [label="breaks: 5432/TCP", color="#c62828"]')
    expect(dot).toContain('n2 -> n1 [label="22/TCP", color="#9e9e9e", style=dashed]')
  })

  test('by namespace leaves out what stays within one', () => {
    const graph = graphOf(map, 'namespace')
    expect(graph.nodes.map(({ name }) => name)).toEqual(['(outside)', '(platform)', 'data', 'shop'])
    expect(graph.edges.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [1, 2],
      [3, 0],
      [3, 2],
    ])
    expect(JSON.parse(graphToJson(graph))).toEqual(graph)
  })

  test('shows names as they are, and they never act', () => {
    const group = { name: `shop/${hostile}"]-->x`, namespace: 'shop', classes: [0, 1, 2] }
    const graph = graphOf(serviceMapOf({ traffic, groups: [group] }), 'workload')
    const mermaid = graphToMermaid(graph)
    expect(mermaid.split('\n').filter((line) => line.includes('evil'))).toHaveLength(1)
    for (const bad of ['<', '\u001b', '\u202e', '|x|']) expect(mermaid).not.toContain(bad)
    const dot = graphToDot(graph)
    for (const bad of ['\u001b', '\u202e', '\r']) expect(dot).not.toContain(bad)
    expect(dot).toContain('\\"]-->x')
  })
})
