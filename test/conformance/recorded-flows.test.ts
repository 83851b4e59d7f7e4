/** Real recordings of Cilium 1.9 to 1.11: how many records of each file become flows, and the edges that are known. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRecord } from '../../src/flow/decode.ts'
import type { Endpoint, Flow, Reading } from '../../src/flow/flow.ts'
import { describeShared } from '../support/shared.ts'

describeShared('the real recordings are read as the reference says', (dir) => {
  const read = (name: string): readonly Reading[] =>
    readFileSync(join(dir, 'flows', name), 'utf8')
      .trim()
      .split('\n')
      .flatMap((line) => readRecord(JSON.parse(line)))

  test.each([
    ['10-flows', { pod: 3, host: 3, 'cannot-orient': 4 }],
    ['330-dns-flows', { pod: 330 }],
    ['348-http-flows', { pod: 139, named: 189, host: 20 }],
    ['400-icmpv4-flows', { icmp: 18 }],
    ['400-l7-redirected-flows', { pod: 400 }],
    ['400-tcp-flows', { pod: 290, host: 36, 'cannot-orient': 45, named: 28, 'remote-node': 1 }],
    ['400-udp-flows', { pod: 326, 'cannot-orient': 74 }],
  ])('%s', (name, expected) => {
    const counts: Record<string, number> = {}
    for (const reading of read(`hubble-otel/basic-sample-${name}.json`)) {
      const key = kindOf(reading)
      counts[key] = (counts[key] ?? 0) + 1
    }
    expect(counts).toEqual(expected)
  })

  test('no server port is ephemeral', () => {
    const names = ['10', '330-dns', '348-http', '400-l7-redirected', '400-tcp', '400-udp']
    const flows = names.flatMap((name) =>
      flowsOf(read(`hubble-otel/basic-sample-${name}-flows.json`)),
    )
    expect(flows.filter(({ port }) => port >= 32_768)).toEqual([])
  })

  test('the redirected flows are the Bookinfo graph', () => {
    const flows = flowsOf(read('hubble-otel/basic-sample-400-l7-redirected-flows.json'))
    const edges = new Set(
      flows.map(
        (flow) => `${appOf(flow.client)} ${appOf(flow.server)} ${flow.protocol} ${flow.port}`,
      ),
    )
    expect([...edges].sort()).toEqual([
      'productpage-v1 details-v1 TCP 9080',
      'productpage-v1 kube-dns UDP 53',
      'productpage-v1 reviews-v1 TCP 9080',
      'productpage-v1 reviews-v2 TCP 9080',
      'productpage-v1 reviews-v3 TCP 9080',
      'ratings-v1 kube-dns UDP 53',
      'ratings-v1 productpage-v1 TCP 9080',
    ])
  })

  test('lines without labels end in the ledger', () => {
    const readings = read('exporter/export.rst-2023-08.masked.jsonl')
    expect(readings.map(kindOf)).toEqual(['dropped-other', 'named'])
  })
})

/** The first that fits: an entity at one end, a pod without labels, else a flow between pods and addresses. */
function kindOf(reading: Reading): string {
  if (reading.kind === 'counted') return reading.outcome
  if (reading.kind !== 'flow') return reading.kind
  const ends = [reading.flow.client, reading.flow.server]
  const entity = ends.find((end) => end.kind === 'entity')
  if (entity?.kind === 'entity') return entity.entity
  return ends.some((end) => end.kind === 'named') ? 'named' : 'pod'
}

function flowsOf(readings: readonly Reading[]): readonly Flow[] {
  return readings.flatMap((reading) => (reading.kind === 'flow' ? [reading.flow] : []))
}

function appOf(end: Endpoint): string {
  if (end.kind !== 'pod') return end.kind
  const value = (key: string): string =>
    end.labels.find((label) => label.startsWith(`${key}=`))?.slice(key.length + 1) ?? ''
  return value('k8s-app') || `${value('app')}-${value('version')}`
}
