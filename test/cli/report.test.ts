import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { controls } from '../../src/report/control-catalogue.ts'
import type { Report } from '../../src/report/report-document.ts'
import { createFakeIo } from '../support/fake-io.ts'

const shop = ['samples/shop/flows.jsonl', '--inventory', 'samples/shop/inventory.yaml']
const existing = ['--existing', 'samples/shop/policies']
const zones = ['--zones', 'samples/shop/zones/zones.yaml']
const approvals = ['--approvals', 'samples/shop/zones/approvals.yaml']
const all = [...shop, ...existing, ...zones, ...approvals]

async function netweir(...argv: readonly string[]) {
  const io = createFakeIo()
  const code = await main(argv, io)
  return { code, out: io.out, err: io.err }
}

async function document(...argv: readonly string[]): Promise<Report> {
  const { code, out } = await netweir('report', ...argv, '-o', 'json')
  expect(code).toBe(0)
  return JSON.parse(out) as Report
}

describe('report', () => {
  test('made twice is the same bytes, in every format', async () => {
    for (const format of ['html', 'json', 'markdown']) {
      const first = await netweir('report', ...all, '-o', format)
      const again = await netweir('report', ...all, '-o', format)
      expect(again.out === first.out, format).toBe(true)
      expect(first.out.length).toBeGreaterThan(5000)
    }
  })

  test('names what it was made of by digests', async () => {
    const { inputs, digests, version } = await document(...all)
    expect(inputs.map(({ role, name }) => `${role} ${name}`)).toEqual([
      'source samples/shop/flows.jsonl',
      'inventory samples/shop/inventory.yaml',
      'existing samples/shop/policies/patients-records-api.yaml',
      'existing samples/shop/policies/patients.yaml',
      'existing samples/shop/policies/payments-dns-visibility.yaml',
      'existing samples/shop/policies/shop-cart.yaml',
      'zones samples/shop/zones/zones.yaml',
      'approvals samples/shop/zones/approvals.yaml',
    ])
    for (const { sha256 } of inputs) expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(digests.communicationSet).toMatch(/^[0-9a-f]{64}$/)
    expect(version).toMatch(/^\d/)
    const compressed = await document('samples/shop/flows.jsonl.gz', ...all.slice(1))
    expect(compressed.digests).toEqual(digests)
    expect(compressed.inputs[0]?.sha256).not.toBe(inputs[0]?.sha256)
  })

  test('is the same bytes in whatever order its sources are named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'netweir-halves-'))
    try {
      const lines = readFileSync('samples/shop/flows.jsonl', 'utf8').split('\n')
      const halves = ['a.jsonl', 'b.jsonl'].map((name, index) => {
        writeFileSync(join(folder, name), lines.slice(index * 800, index * 800 + 800).join('\n'))
        return join(folder, name)
      })
      const one = await netweir('report', ...halves, '-o', 'json')
      const other = await netweir('report', ...halves.toReversed(), '-o', 'json')
      expect(one.code).toBe(0)
      expect(other.out === one.out).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('names a clusterwide policy, and two kinds of one name, as everything else does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'netweir-cilium-'))
    try {
      const spec = 'spec: {endpointSelector: {}, ingress: [{fromEntities: [cluster]}]}'
      const head = 'apiVersion: cilium.io/v2\nkind: Cilium'
      const cilium = join(folder, 'cilium.yaml')
      writeFileSync(
        cilium,
        [
          `${head}ClusterwideNetworkPolicy\nmetadata: {name: inside}\n${spec}\n`,
          `${head}NetworkPolicy\nmetadata: {name: cart, namespace: shop}\n${spec}\n`,
        ].join('---\n'),
      )
      const { policies, workloads } = await document(...shop, ...existing, '--existing', cilium)
      const names = policies.map(({ policy }) => policy)
      expect(names).toContain('inside')
      expect(names.filter((name) => name === 'shop/cart')).toHaveLength(2)
      for (const name of workloads.flatMap((one) => one.policies)) expect(names).toContain(name)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('says what would be denied although no change breaks it', async () => {
    const { summary } = await document(...all)
    expect(summary.find(({ name }) => name === 'covered by the policies')?.value).toBe(
      '78 of 79 edges (98.7 %), 1 would be denied',
    )
  })

  test('names the flags that shape it, and no others', async () => {
    const { flags } = await document(
      ...all,
      ...['--as-of', '2026-03-02T00:00:00Z', '--default-deny', 'never', '--threads', '1'],
      ...['--pod-cidr', '10.244.0.0/16', '--pod-cidr', 'fd00::/48', '--learn-audit'],
    )
    expect(flags).toEqual(
      expect.arrayContaining([
        { name: '--learn-audit', value: 'true' },
        { name: '--pod-cidr', value: '10.244.0.0/16,fd00::/48' },
        { name: '--default-deny', value: 'never' },
        { name: '--as-of', value: '2026-03-02T00:00:00.000Z' },
      ]),
    )
    expect(JSON.stringify(flags)).not.toMatch(/threads|samples/)
  })

  test('counts what it shows', async () => {
    const report = await document(...all)
    const { edges, ends, workloads, policies, namespaces, ledger, coverage } = report
    const sum = Object.values(ledger.outcomes).reduce((total, count) => total + count, 0)
    expect(sum).toBe(ledger.records)
    for (const { from, to } of edges) {
      expect(ends[from]).toBeDefined()
      expect(ends[to]).toBeDefined()
    }
    expect(workloads.every(({ id, name }) => ends[id]?.name === name)).toBe(true)
    const names = new Set(policies.map(({ policy }) => policy))
    for (const { allowedBy = [] } of edges) {
      for (const { policy } of allowedBy) expect(names).toContain(policy)
    }
    // NetworkPolicy has no words for a ping: it is denied between pods that are isolated, and nothing else is.
    const denied = edges.filter(({ decision }) => decision === 'denied')
    expect(denied.map(({ port }) => port)).toEqual(['8/ICMPv4'])
    expect(coverage.map((one) => [one.policies, one.denied])).toEqual([
      ['proposed', 1],
      ['existing', 0],
    ])
    expect(namespaces.find(({ namespace }) => namespace === 'shop')?.heldBack).toHaveLength(1)
    expect(report.summary.find(({ name }) => name === 'workloads')?.value).toBe(
      String(workloads.length),
    )
  })

  test('speaks to every control of the catalogue, in one of three words, and claims nothing', async () => {
    const { catalogue, notice } = await document(...all)
    expect(catalogue.controls.map(({ id }) => id)).toEqual(controls.map(({ id }) => id))
    for (const id of [
      ...['164.312(a)(1)', '164.312(b)', '164.312(c)(1)', '164.312(e)(1)'],
      ...['164.308(a)(1)(ii)(A)', '164.308(a)(1)(ii)(D)', '164.308(a)(8)'],
      ...['AC-4', 'SC-7(5)', 'CM-7', 'AU-12', '1.2.5', '1.2.7', '5.3.2'],
    ]) {
      expect(catalogue.controls.map((control) => control.id)).toContain(id)
    }
    for (const { relation, figures, status, title } of catalogue.controls) {
      expect(['direct', 'supporting', 'outside']).toContain(relation)
      expect(['in force', 'proposed']).toContain(status)
      expect(figures.length > 0, title).toBe(relation !== 'outside')
    }
    expect(notice).toContain('does not assess compliance')
    const { out } = await netweir('report', ...all)
    expect(out).not.toMatch(/\b(is|are) (fully )?(compliant|met|satisfied)\b/i)
    expect(JSON.stringify(catalogue)).not.toMatch(/complian(t|ce)|certif|satisf/i)
  })

  test('loads nothing, and lets nothing but its own script and style run', async () => {
    const { out } = await netweir('report', ...all)
    expect(out).toMatch(/Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/)
    expect(out).not.toMatch(/\son[a-z]+=|\sstyle=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/)
    expect(out.match(/<script>/g)).toHaveLength(1)
    expect(out).not.toMatch(/\b(src|href)="(?!#|data:,")/)
  })

  test('with --require-approval ends with 1, and is written all the same', async () => {
    const { code, out, err } = await netweir('report', ...all, '--require-approval', '-o', 'json')
    expect(code).toBe(1)
    expect(JSON.parse(out).kind).toBe('Report')
    expect(err).toContain('require-approval failed: ')
  })

  test('says what zones name and nothing meets, and that nothing has a time to judge approvals at', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'netweir-zones-'))
    try {
      const misspelt = join(folder, 'zones.yaml')
      writeFileSync(
        misspelt,
        'apiVersion: netweir/v1\nkind: Zones\nzones:\n  - {name: phi, namespaces: [patient]}\n',
      )
      for (const output of ['html', 'markdown']) {
        const { out } = await netweir('report', ...shop, '--zones', misspelt, '-o', output)
        expect(out).toContain('phi: namespace patient')
      }
      const { out } = await netweir(
        ...['verify', ...shop, '--policies', 'samples/shop/policies', '--zones', misspelt],
      )
      expect(out).toContain('not found: phi: namespace patient')

      const timeless = join(folder, 'flows.jsonl')
      const lines = readFileSync('samples/shop/flows.jsonl', 'utf8').split('\n').slice(0, 5)
      const untimed = lines.map((line) =>
        JSON.stringify(JSON.parse(line), (key, value: unknown) =>
          key === 'time' ? undefined : value,
        ),
      )
      writeFileSync(timeless, untimed.join('\n'))
      const argv = ['report', timeless, ...zones, ...approvals, '-o', 'json']
      const refused = await netweir(...argv)
      expect(refused.code).toBe(2)
      expect(refused.err).toContain('error[USAGE]: no record has a time')
      expect((await netweir(...argv, '--as-of', '2026-03-02T00:00:00Z')).code).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('without zones and existing policies says so', async () => {
    const report = await document(...shop)
    expect(report.zones).toBeUndefined()
    expect(report.encryption.clearText).toEqual([])
    expect(report.coverage.map((one) => one.policies)).toEqual(['proposed'])
    const { out } = await netweir('report', ...shop)
    expect(out).toContain('a cluster without policies')
    expect(out).toContain('no zones were given')
  })

  test('as Markdown has the figures of the head, and is bounded', async () => {
    const { out } = await netweir('report', ...all, '-o', 'markdown')
    expect(out).toMatch(/^### netweir: network communication of prod\n/)
    expect(out).toContain('| workloads | 13 |')
    expect(out).toContain('164.312(e)(1)')
    expect(out.length).toBeLessThan(60_000)
  })
})

describe('graph', () => {
  test('by zone needs zones', async () => {
    const { code, out, err } = await netweir('graph', ...shop, '--by', 'zone')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('--by zone needs zones')
  })

  test.each([
    [['-o', 'mermaid'], /^flowchart LR\n/],
    [['-o', 'dot', '--by', 'namespace'], /^digraph netweir \{\n/],
    [[...existing, '--target', 'hybrid', '-o', 'json'], /"level": "workload"/],
    [['-o', 'json', '--by', 'zone', ...zones], /"level": "zone"/],
    [[...existing], /^flowchart LR\n/],
  ] as const)('%j', async (flags, expected) => {
    const first = await netweir('graph', ...shop, ...flags)
    expect(first.code).toBe(0)
    expect(first.out).toMatch(expected)
    expect((await netweir('graph', ...shop, ...flags)).out).toBe(first.out)
  })

  test.each([
    [['--by', 'pod'], '--by must be one of workload, namespace, zone'],
    [['-o', 'svg'], '--output must be one of mermaid, dot, json'],
  ])('%j is refused', async (flags, message) => {
    const { code, err } = await netweir('graph', ...shop, ...flags)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})
