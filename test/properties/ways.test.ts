/** A line that goes the way of one before it gives what the plain decoder gives, and so does one that nearly does. */
import { describe, expect, test } from 'vitest'
import type { ScannerExports } from '../../src/flow/scanner.ts'
import { startScanner } from '../../src/flow/scanner.ts'
import { flowLine, flowRecord } from '../support/flows.ts'
import { Mutator } from '../support/mutants.ts'
import { builtScanning } from '../support/scanning.ts'

const utf8 = new TextEncoder()
const { module, read } = await builtScanning()

const web = { ns: 'shop', app: 'web', workload: { kind: 'Deployment', name: 'web' } }
const api = { ns: 'shop', app: 'api', nsLabels: { team: 'a' } }
const answer = {
  kind: 'RESPONSE',
  query: 'a.example.com.',
  ips: ['203.0.113.9'],
  cnames: ['c.example.com.'],
} as const

/** One line of each kind of slot. */
const bases: readonly string[] = [
  flowLine({
    from: web,
    to: api,
    port: 8080,
    uuid: '00000000-0000-4000-8000-000000000001',
    node: 'east/worker-1',
    extra: {
      ethernet: { source: 'ea:00:3c:01:9b:03', destination: 'ea:00:3c:00:9b:44' },
      node_labels: ['a=b', 'c=d'],
      interface: { index: 10, name: 'lxc1' },
      more: [{ a: [1, -2.5e3, 'x', true, null] }, {}, []],
      emitter: { name: 'Hubble', version: '1.19.2' },
    },
  }),
  flowLine({ from: api, to: web, port: 40_000, sourcePort: 53, protocol: 'UDP', dns: answer }),
  flowLine({
    from: web,
    to: { world: '203.0.113.7' },
    port: 443,
    destinationNames: ['a.b', 'c.d'],
  }),
  flowLine({ from: web, to: api, protocol: 'ICMPv4', icmpType: 8, type: 4, point: 'TO_ENDPOINT' }),
  JSON.stringify({ ...flowRecord({ from: web, to: api, port: 80 }), cluster_name: 'feed' }),
  JSON.stringify(flowRecord({ from: web, to: api, port: 80 })['flow']),
]

/** Reads lines with the scanner and without it, and expects the same. */
function compare(lines: readonly string[]): void {
  const bytes = utf8.encode(`${lines.join('\n')}\n`)
  const plain = read(bytes)
  const scanned = read(bytes, { scanner: module })
  expect(scanned.text).toBe(plain.text)
  expect(scanned.notices).toBe(plain.notices)
  expect(scanned.records).toBe(plain.records)
}

/** Compares lines after a line of which they are variants, and names the first that differs. */
function compareVariants(base: string, variants: readonly string[]): void {
  try {
    compare([base, ...variants])
  } catch {
    for (const variant of variants) compare([base, variant])
    compare([base, ...variants])
  }
}

/** Scans lines, and returns how many of them went a way that was known. */
function follow(scanner: ScannerExports, lines: readonly string[]): number {
  const before = scanner.countFollowed()
  const bytes = new Uint8Array(scanner.memory.buffer, scanner.inputAt(), scanner.inputBytes())
  for (const line of lines) {
    const { written } = utf8.encodeInto(`${line}\n`, bytes)
    scanner.scan(0, written)
  }
  return scanner.countFollowed() - before
}

function start(): ScannerExports {
  const ignore = (): void => undefined
  const scanner = startScanner(module, { learn: ignore, plain: ignore, full: ignore })
  scanner.start(-1e15, 1e15)
  return scanner
}

/** Lines that go more ways than are remembered, each another. */
const odd = Array.from({ length: 3000 }, (_, number) =>
  bases[0]!
    .replace('"more"', `"more_${number % 60}"`)
    .replace('"emitter"', `"emitter_${Math.floor(number / 60)}"`),
)

describe('ways', () => {
  test.each(bases)('are followed by the next line of a kind, whatever its values: %s', (base) => {
    const scanner = start()
    expect(follow(scanner, [base])).toBe(0)
    expect(follow(scanner, [base, base])).toBe(2)
    const other = base
      .replaceAll('shop', 'store')
      .replace('10.0.0', '10.0.10')
      .replace('8080', '9')
      .replace('worker-1', 'worker-20')
      .replace('lxc1', 'a longer name')
      .replace('example.com', 'a-much-longer-domain.example.org')
    expect(other).not.toBe(base)
    expect(follow(scanner, [other])).toBe(1)
  })

  test.each(bases)('agree on every change of a byte: %s', (base) => {
    const variants: string[] = []
    for (let at = 0; at < base.length; at += 1) {
      const [before, after] = [base.slice(0, at), base.slice(at)]
      for (const text of ['"', '\\', '0', '9', 'x', '}', ',', '\u0001', 'é']) {
        variants.push(before + text + after.slice(1))
      }
      variants.push(before + after.slice(1), `${before}7${after}`, `${before} ${after}`, before)
    }
    compareVariants(base, variants)
  })

  test('agree on mutants that are valid, and on damaged ones', () => {
    const mutator = new Mutator(20_261_123)
    for (const base of bases) {
      compareVariants(
        base,
        Array.from({ length: 500 }, () => mutator.valid(base)),
      )
      compareVariants(
        base,
        Array.from({ length: 500 }, () => mutator.damaged(base)),
      )
    }
  })

  test('part where lines differ, however often', () => {
    const kinds = Array.from({ length: 100 }, (_, number) =>
      bases[0]!.replace('"more"', `"more_${number}"`),
    )
    compare([...kinds, ...kinds.toReversed(), ...kinds])
    const scanner = start()
    follow(scanner, kinds)
    // As many as are looked at for one line.
    expect(follow(scanner, kinds)).toBe(64)
  })

  test('are not learned any more where they are not gone again', () => {
    const scanner = start()
    follow(scanner, odd)
    expect(follow(scanner, [odd[1]!, odd[1]!])).toBe(2)
    expect(follow(scanner, [bases[1]!, bases[1]!])).toBe(0)
    scanner.clear()
    expect(follow(scanner, [bases[1]!, bases[1]!])).toBe(1)
    compare([...odd, ...bases, ...odd.slice(0, 100), ...bases])
  })

  test('are forgotten for new ones where they were gone often', () => {
    const scanner = start()
    const many = Array.from({ length: 100 }, () => bases[3]!).join('\n')
    while (scanner.countFollowed() < 70_000) follow(scanner, [many])
    for (const line of odd) follow(scanner, [line])
    expect(scanner.countFollowed()).toBe(0)
    expect(follow(scanner, [bases[3]!, bases[3]!])).toBe(0)
    scanner.clear()
    while (scanner.countFollowed() < 70_000) follow(scanner, [many])
    let lines = 0
    while (scanner.countFollowed() > 0) follow(scanner, [odd[lines++]!])
    expect(follow(scanner, [bases[3]!, bases[3]!])).toBe(1)
    expect(follow(scanner, [odd[lines]!, odd[lines]!])).toBe(1)
  })
})
