/** The scanner gives exactly the communication set of the plain decoder, byte for byte, whatever it reads. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ReaderOptions } from '../../src/traffic/reader.ts'
import { flowLine, flowRecord, lostEventsLine, nodeStatusLine } from '../support/flows.ts'
import { Mutator } from '../support/mutants.ts'
import { builtScanning, sourceScanning } from '../support/scanning.ts'
import { describeShared } from '../support/shared.ts'

const utf8 = new TextEncoder()
const { module, read } = await builtScanning()
const sources = await sourceScanning()

/** Reads with and without the scanner, and returns how many records the scanner took. */
function compare(input: string | Uint8Array, options: ReaderOptions = {}, step?: number): number {
  const bytes = typeof input === 'string' ? utf8.encode(input) : input
  const plain = read(bytes, options, step)
  const scanned = read(bytes, { ...options, scanner: module }, step)
  expect(scanned.text).toBe(plain.text)
  expect(scanned.notices).toBe(plain.notices)
  expect(scanned.records).toBe(plain.records)
  return scanned.scanned.records
}

/** Reads many lines at once, and where that differs one by one, so that the failure names the line. */
function compareLines(lines: readonly string[], options: ReaderOptions = {}): number {
  const text = `${valid}\n${lines.join('\n')}\n`
  const plain = read(utf8.encode(text), options)
  const scanned = read(utf8.encode(text), { ...options, scanner: module })
  if (plain.text !== scanned.text || plain.notices !== scanned.notices) {
    for (const line of lines) {
      const alone = utf8.encode(`${valid}\n${line}\n`)
      const [a, b] = [read(alone, options), read(alone, { ...options, scanner: module })]
      expect({ line, set: b.text, notices: b.notices }).toEqual({
        line,
        set: a.text,
        notices: a.notices,
      })
    }
    expect(scanned).toEqual(plain)
  }
  return scanned.scanned.records - 1
}

const web = { ns: 'shop', app: 'web', workload: { kind: 'Deployment', name: 'web' } }
const api = { ns: 'shop', app: 'api', nsLabels: { team: 'a' } }
const outside = { world: '203.0.113.7' }
const uuid = (number: number): string =>
  `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const valid = flowLine({ from: web, to: api, port: 8080, uuid: uuid(1) })

/** One line of every kind that the scanner knows. */
const known: readonly string[] = [
  valid,
  flowLine({ from: web, to: api, port: 8080, uuid: uuid(3), time: 1000, direction: 'INGRESS' }),
  flowLine({ from: web, to: api, port: 8080, uuid: uuid(2), time: 400_000 }),
  flowLine({ from: web, to: api, port: 8080, uuid: uuid(4), time: -900_000 }),
  flowLine({ from: web, to: api, port: 8080, uuid: uuid(0), time: null }),
  flowLine({
    from: api,
    to: web,
    port: 40_000,
    sourcePort: 8080,
    flags: 'SYN,ACK',
    isReply: true,
    point: 'TO_ENDPOINT',
  }),
  flowLine({
    from: web,
    to: outside,
    port: 443,
    destinationNames: ['api.example.com', 'API.example.com.'],
  }),
  flowLine({
    from: outside,
    to: web,
    port: 40_000,
    sourcePort: 443,
    flags: 'ACK',
    isReply: true,
    point: 'TO_ENDPOINT',
    sourceNames: ['b.example.com'],
  }),
  flowLine({ from: web, to: { world: '2001:db8::1' }, port: 443, protocol: 'UDP' }),
  flowLine({ from: web, to: { world: 'no address' }, port: 443 }),
  flowLine({ from: { entity: 'host' }, to: web, port: 8080, point: 'TO_ENDPOINT' }),
  flowLine({ from: { entity: ['kube-apiserver', 'remote-node'] }, to: web, port: 8443 }),
  flowLine({ from: { entity: 'health' }, to: web, port: 4240 }),
  flowLine({ from: web, to: { entity: 'init' }, port: 80 }),
  flowLine({ from: { entity: 'host' }, to: outside, port: 80 }),
  flowLine({ from: web, to: web, port: 80 }),
  flowLine({ from: web, to: { ...api, ip: '169.254.42.1' }, port: 80 }),
  flowLine({ from: { ...web, masked: true }, to: api, port: 81 }),
  flowLine({ from: { ns: 'shop', masked: true, pod: null }, to: api, port: 81 }),
  flowLine({ from: { ns: 'shop', app: 'web', rawLabels: ['reserved:world'] }, to: api, port: 81 }),
  flowLine({ from: web, to: api, protocol: 'ICMPv4', icmpType: 8, type: 4, point: 'TO_ENDPOINT' }),
  flowLine({
    from: web,
    to: api,
    protocol: 'ICMPv6',
    icmpType: 129,
    type: 4,
    point: 'TO_ENDPOINT',
  }),
  flowLine({ from: web, to: api, protocol: 'VRRP' }),
  flowLine({ from: web, to: api, protocol: 'none' }),
  flowLine({ from: web, to: api, port: 0 }),
  flowLine({
    from: web,
    to: api,
    port: 9000,
    verdict: 'DROPPED',
    type: 1,
    dropReason: 'POLICY_DENIED',
  }),
  flowLine({ from: web, to: api, port: 9000, verdict: 'DROPPED', type: 1, dropReason: 181 }),
  flowLine({
    from: web,
    to: api,
    port: 9000,
    verdict: 'DROPPED',
    type: 1,
    dropReason: 'CT_MAP_INSERTION_FAILED',
  }),
  flowLine({ from: web, to: api, port: 9001, verdict: 'AUDIT' }),
  flowLine({ from: web, to: api, port: 9002, verdict: 15 }),
  flowLine({ from: web, to: api, port: 9003, type: 7 }),
  flowLine({ from: web, to: api, port: 9004, point: 'FROM_ENDPOINT' }),
  flowLine({ from: web, to: { entity: 'remote-node' }, port: 9004, point: 'FROM_ENDPOINT' }),
  flowLine({
    from: web,
    to: api,
    port: 40_001,
    sourcePort: 5432,
    flags: 'ACK',
    point: 'TO_ENDPOINT',
  }),
  flowLine({
    from: web,
    to: api,
    port: 40_001,
    sourcePort: 50_000,
    flags: 'ACK',
    point: 'TO_ENDPOINT',
  }),
  flowLine({
    from: web,
    to: api,
    port: 40_001,
    sourcePort: 2000,
    protocol: 'UDP',
    point: 'TO_ENDPOINT',
  }),
  flowLine({
    from: web,
    to: api,
    port: 53,
    protocol: 'UDP',
    dns: { kind: 'REQUEST', query: 'a.example.com.' },
  }),
  flowLine({
    from: api,
    to: web,
    port: 40_000,
    sourcePort: 53,
    protocol: 'UDP',
    isReply: true,
    dns: {
      kind: 'RESPONSE',
      query: 'a.example.com.',
      ips: ['203.0.113.9'],
      cnames: ['c.example.com.'],
    },
  }),
  flowLine({
    from: api,
    to: web,
    port: 40_000,
    sourcePort: 53,
    protocol: 'UDP',
    isReply: true,
    dns: { kind: 'RESPONSE', query: 'a.example.com.', ips: ['203.0.113.10'], rcode: 3 },
  }),
  flowLine({ from: web, to: api, port: 8080, http: { kind: 'REQUEST', method: 'GET', url: '/' } }),
  flowLine({ from: web, to: api, port: 8080, extra: { auth_type: 'SPIRE', node_labels: ['a=b'] } }),
  flowLine({
    from: web,
    to: api,
    port: 8080,
    extra: { IP: { source: '10.0.0.1', destination: '10.0.0.2', encrypted: true } },
  }),
  flowLine({
    from: { ...web, cluster: 'east' },
    to: { ...api, cluster: 'west' },
    port: 8081,
    node: 'east/worker-1',
  }),
  flowLine({ from: web, to: api, port: 8081, node: null }),
  flowLine({
    from: web,
    to: api,
    port: 8080,
    extra: { extensions: { '@type': 'x/Struct', value: {} } },
    point: 'TO_ENDPOINT',
    flags: 'ACK',
  }),
  JSON.stringify({ flow: {}, node_name: 'worker-2' }),
  JSON.stringify({
    ...flowRecord({ from: web, to: api, port: 80 }),
    cluster_name: 'feed',
    component_name: 'cilium',
  }),
  JSON.stringify(flowRecord({ from: web, to: api, port: 80 })['flow']),
]

/** Lines that are for the plain decoder. */
const handed: readonly string[] = [
  flowLine({ from: web, to: api, port: 8080, uuid: 'short' }),
  flowLine({ from: web, to: api, port: 70_000 }),
  flowLine({ from: web, to: api, port: 8080, time: '2025-06-12T09:14:01+02:00' }),
  flowLine({ from: web, to: api, port: 8080, time: '0001-01-01T00:00:00Z' }),
  flowLine({ from: { ...web, ns: 'Not A Namespace' }, to: api, port: 8080 }),
  flowLine({ from: web, to: api, port: 8080, aggregate: { ingress: 3, egress: 4 } }),
  lostEventsLine(12),
  nodeStatusLine('NODE_UNAVAILABLE', ['worker-3']),
  '[1]',
  'time=2025 level=info msg=started',
]

const bases = [...known, ...handed.slice(0, -2)]

test('what requests are asked of is left to the decoder, and comes to the same', () => {
  const asked = { requests: ['http', 'dns'] as const }
  const all = compareLines(known)
  expect(compareLines(known, asked)).toBeGreaterThan(10)
  expect(compareLines(known, asked)).toBeLessThan(all)
})

describe('the scanner', () => {
  test('takes every kind of line that Hubble writes, and hands all others back', () => {
    for (const line of known) expect([compareLines([line]), line]).toEqual([1, line])
    for (const line of handed) expect([compareLines([line]), line]).toEqual([0, line])
    const text = [...known, ...handed, ...known.toReversed()].map((line) => `${line}\n`).join('')
    expect(compare(text)).toBe(2 * known.length)
    for (const step of [1, 7, 997]) expect(compare(text, {}, step)).toBe(2 * known.length)
  })

  test('gives the same from the sources as built', () => {
    const bytes = utf8.encode([...known, ...handed, ''].join('\n'))
    const scanned = sources.read(bytes, { scanner: sources.module })
    expect(scanned.scanned.records).toBe(known.length)
    expect(scanned.text).toBe(sources.read(bytes).text)
    expect(scanned.text).toBe(read(bytes, { scanner: module }).text)
  })

  test('reads labels however they are spelled, and wherever else a member has their name', () => {
    const labels = /"labels":(\[[^\]]*\])/
    const list = labels.exec(valid)?.[1] ?? ''
    const spelled: readonly string[] = [
      '"labels":[]',
      '"labels":[""]',
      '"labels":null',
      '"labels":{"a":["k8s:app=no"]}',
      '"labels":[["k8s:app=no"]]',
      '"labels":["k8s:app=no",["k8s:app=no"]]',
      '"labels":["k8s:app=no",{"k8s:app":["no"]}]',
      '"labels":["k8s:app=]","k8s:b=[\\"]","k8s:c=\\\\"]',
      `"labels":${list},"labels":["k8s:app=twice"]`,
      `"labels":["k8s:app=twice"],"labels":${list}`,
      `"l\\u0061bels":["k8s:app=escaped"],"labels":${list}`,
      `"labels":${list},"l\\u0061bels":["k8s:app=escaped"]`,
      `"other":{"labels":["k8s:app=other"]},"labels":${list}`,
      '"other":{"labels":["k8s:app=other"]}',
      `"other":"\\"labels\\":[\\"k8s:app=text\\"]","labels":${list}`,
      `"labels":${list.replace('k8s:', 'k8s:é=ü","k8s:')}`,
      `"other":{"labels":${list}},"labels":0`,
      `"other":{"labels":${list}},"l\\u0061bels":0`,
      `"labels":${list},"labels":0`,
      `"labels":0,"labels":${list}`,
    ]
    const lines = spelled.map((text) => valid.replace(labels, () => text))
    for (const line of lines) compare(`${line}\n${valid}\n${line}\n`)
    expect(compareLines(lines)).toBeGreaterThan(8)
  })

  test('reads line ends of either kind, blank lines, byte order marks, and an unfinished end', () => {
    const cut = valid.slice(0, -30)
    for (const end of ['\n', '\r\n', '\n\n', '\n \r\n']) {
      expect(compare(known.join(end) + end)).toBe(known.length)
      expect(compare(`\ufeff${known.join(end)}${end}${cut}`)).toBeGreaterThan(known.length - 2)
      expect(compare(`${known.join(end)}${end}{]${end}${valid}`)).toBe(known.length + 1)
    }
    expect(compare(`${valid} \n${valid}\t\n ${valid}\n${valid}`)).toBeGreaterThan(0)
  })

  test('reads records in every wrapper', () => {
    const mutator = new Mutator(11)
    const wrappers: readonly ((record: unknown) => string)[] = [
      (record) => JSON.stringify({ log: `${JSON.stringify(record)}\n`, stream: 'stdout' }),
      (record) => JSON.stringify({ message: JSON.stringify(record) }),
      (record) => JSON.stringify({ _source: record }),
      (record) => JSON.stringify({ line: JSON.stringify(record) }),
      (record) => JSON.stringify({ result: record }),
      (record) => JSON.stringify([record, record]),
      (record) => `2026-02-24T08:43:37.094000000Z stdout F ${JSON.stringify(record)}`,
      (record) => {
        const text = JSON.stringify(record)
        const prefix = '2026-02-24T08:43:37.094000000Z stdout'
        return `${prefix} P ${text.slice(0, 50)}\n${prefix} F ${text.slice(50)}`
      },
      (record) =>
        JSON.stringify({
          data: { result: [{ stream: {}, values: [['1', JSON.stringify(record)]] }] },
        }),
      (record) => JSON.stringify({ cluster_name: 'feed', tenant_id: 1, ...(record as object) }),
      (record) => JSON.stringify(record, null, 2),
      (record) => JSON.stringify(record).replaceAll('":', '": '),
      (record) => JSON.stringify((record as { flow?: unknown }).flow ?? record),
      (record) => JSON.stringify(shuffle(record, mutator)),
      (record) => JSON.stringify(camel(record)),
    ]
    for (const wrap of wrappers) {
      const text = known.map((line) => `${wrap(JSON.parse(line))}\n`).join('')
      compare(text)
      compare(`${valid}\n${text}${valid}\n`)
      compare(`${valid}\n${text}`, {}, 61)
    }
    const shuffled = known.map((line) => JSON.stringify(shuffle(JSON.parse(line), mutator)))
    expect(compareLines(shuffled)).toBe(known.length)
  })

  test('passes over the same records outside the asked time', () => {
    const text = known.map((line) => `${line}\n`).join('')
    const at = Date.parse('2025-06-12T09:14:00Z')
    for (const options of [
      { sinceMs: at },
      { sinceMs: at + 0.5 },
      { untilMs: at },
      { untilMs: at - 0.5 },
      { sinceMs: at + 1000, untilMs: at + 1000 },
      { sinceMs: at + 1e9 },
    ]) {
      expect(compare(text, options)).toBe(known.length)
    }
  })

  test('takes a whole message at once, and the input where it lies', () => {
    const plain = sources.createReader()
    const reader = sources.createReader({ scanner: sources.module })
    for (const [offset, line] of [...known, ...handed, `${valid}\n`].entries()) {
      const bytes = utf8.encode(line)
      for (const one of [plain, reader]) {
        one.consume(bytes, { source: 'topic', offset }, { end: 'whole' })
      }
    }
    const text = utf8.encode(known.map((line) => `${line}\n`).join(''))
    const input = reader.input!.subarray(0, text.length)
    input.set(text)
    reader.consume(input, { source: 'file', offset: 0 }, { end: 'whole' })
    plain.consume(text, { source: 'file', offset: 0 }, { end: 'whole' })
    expect(reader.edges).toBeGreaterThan(0)
    expect(sources.encodeSet(reader.finish())).toBe(sources.encodeSet(plain.finish()))
    expect(reader.scanned.records).toBeGreaterThan(2 * known.length - 2)
  })

  test('takes nothing from before for a name that it cannot read, once it has started anew', () => {
    const place = { source: 'a', offset: 0 }
    const fed = (cluster: unknown): string => JSON.stringify({ flow: {}, cluster_name: cluster })
    for (const [first, ...rest] of [
      [valid, valid.replace('"worker-1"', 'null'), valid, valid],
      [valid, valid.replace('"worker-1"', `"${'w'.repeat(1000)}"`), valid, valid],
      [fed('east'), fed(5), fed('east'), fed('west'), fed('east')],
    ]) {
      const [plain, scanned] = [
        sources.createReader(),
        sources.createReader({ scanner: sources.module }),
      ].map((reader) => {
        reader.consume(utf8.encode(`${first}\n`), place)
        reader.finish()
        reader.consume(utf8.encode(`${rest.join('\n')}\n`), place)
        return sources.encodeSet(reader.finish())
      })
      expect(scanned).toBe(plain)
    }
  })

  test('starts anew when its tables are full', () => {
    const lines = Array.from({ length: 100_000 }, (_, number) => {
      const address = `${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.9`
      return `{"flow":{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"${address}"},"l4":{"TCP":{"source_port":40000,"destination_port":${number % 3 === 0 ? 443 : 80},"flags":{"SYN":true}}},"source":{"namespace":"a","labels":["k8s:app=b"]},"destination":{"labels":["reserved:world"]},"event_type":{"type":5},"traffic_direction":"EGRESS"}}`
    })
    expect(compare(`${lines.join('\n')}\n`)).toBe(lines.length)
  })

  test('agrees on 12,000 mutants that are valid', () => {
    const mutator = new Mutator(20_260_302)
    let taken = 0
    for (let batch = 0; batch < 300; batch++) {
      const mutants = Array.from({ length: 40 }, (_, index) =>
        mutator.valid(bases[(batch + index) % bases.length]!),
      )
      taken += compareLines(mutants)
    }
    // Else this would say nothing of the scanner.
    expect(taken).toBeGreaterThan(4000)
  })

  test('agrees on 10,000 damaged lines, and on the first of them when it is strict', () => {
    const mutator = new Mutator(97)
    for (let batch = 0; batch < 250; batch++) {
      const damaged = Array.from({ length: 40 }, (_, index) =>
        mutator.damaged(bases[(batch + index) % bases.length]!),
      )
      compareLines(damaged)
      for (const line of damaged.slice(0, 2))
        compare(`${valid}\n${line}\n${valid}\n`, { strict: true })
    }
  })
})

describeShared('the scanner on recordings', (dir) => {
  const recordings = readdirSync(join(dir, 'flows'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jsonl?$/.test(name))
    .map((name) => [name, readFileSync(join(dir, 'flows', name))] as const)

  test.each(recordings)('%s', (_, bytes) => {
    expect(compare(bytes)).toBe(read(bytes).records)
    compare(bytes, {}, 61)
  })

  test('all cases of the reference', () => {
    const lines = readFileSync(join(dir, 'reference/hubble-cases.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((text) => {
        const { line } = JSON.parse(text)
        return typeof line === 'string' ? line : JSON.stringify(line)
      })
    expect(compare(`${lines.join('\n')}\n`)).toBeGreaterThan(45)
    for (const line of lines) compare(`${line}\n`)
    compareLines(lines)
  })

  test('2,000 mutants of recorded lines', () => {
    const mutator = new Mutator(3)
    const lines = recordings
      .filter(([name]) => !name.includes('10-flows'))
      .flatMap(([, bytes]) => bytes.toString('utf8').trimEnd().split('\n').slice(0, 40))
    let taken = 0
    for (let batch = 0; batch < 50; batch++) {
      const mutants = Array.from({ length: 40 }, (_, index) =>
        mutator.valid(lines[(batch * 40 + index) % lines.length]!),
      )
      taken += compareLines(mutants)
    }
    expect(taken).toBeGreaterThan(500)
  })
})

function shuffle(value: unknown, mutator: Mutator): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffle(item, mutator))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(
    ([key, inner]) => [key, shuffle(inner, mutator)] as const,
  )
  return Object.fromEntries(mutator.shuffled(entries))
}

function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camel(inner),
    ]),
  )
}
