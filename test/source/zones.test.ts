import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import { readApprovals, readZones } from '../../src/source/zones.ts'

let work = ''
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'netweir-zones-'))
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

const stdin: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} }

function file(text: string): string {
  const path = join(work, 'file.yaml')
  writeFileSync(path, text)
  return path
}

const head = (kind: string, rest: string): string =>
  `apiVersion: netweir/v1\nkind: ${kind}\n${rest}`

async function problems(reading: Promise<unknown>): Promise<readonly string[]> {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof NetweirError)) throw new Error('was read')
  expect(error.code).toBe('MANIFEST_INVALID')
  expect(error.hint).toBeDefined()
  return error.problems.map(({ message, location }) => {
    expect(location.file).toContain('file.yaml')
    return `${location.line}:${location.column} ${message}`
  })
}

test.each([
  ['no kind', 'zones: []\n'],
  ['no YAML', 'zones: [\n'],
])('a file of %s is explained by what it should be', async (_what, text) => {
  const reason: unknown = await readZones([file(text)], stdin).catch((error: unknown) => error)
  if (!(reason instanceof NetweirError)) throw new Error('was read')
  expect(reason.hint).toContain('apiVersion: netweir/v1 and kind: Zones')
  expect(reason.problems).not.toEqual([])
})

describe('zones', () => {
  test('are read in order, addresses as prefixes', async () => {
    const path = file(
      head(
        'Zones',
        [
          'label: team/zone',
          'default: internal',
          'zones:',
          '  - {name: phi, description: health, namespaces: [patients], labels: {data: phi}}',
          '  - {name: PCI.2, workloads: [pay/api], addresses: [192.0.2.1, 2001:db8::1/32]}',
        ].join('\n'),
      ),
    )
    expect(await readZones([path], stdin)).toEqual({
      label: 'team/zone',
      fallback: 'internal',
      zones: [
        {
          name: 'phi',
          description: 'health',
          namespaces: ['patients'],
          workloads: [],
          labels: { data: 'phi' },
          addresses: [],
        },
        {
          name: 'PCI.2',
          namespaces: [],
          workloads: ['pay/api'],
          addresses: ['192.0.2.1/32', '2001:db8::/32'],
        },
      ],
    })
  })

  test('that say something else are named, each with its place', async () => {
    const path = file(
      head(
        'Zones',
        [
          'lable: x',
          'label: "a b"',
          'default: "-"',
          'zones:',
          '  - {}',
          '  - {name: 7, namespaces: [Shop, null, 3]}',
          '  - {name: a, workloads: [web], addresses: [10.0.0.300]}',
          '  - x',
        ].join('\n'),
      ),
    )
    expect(await problems(readZones([path], stdin))).toEqual([
      '3:8 lable: is not known, expected one of apiVersion, kind, metadata, label, default, zones',
      '4:8 label: must be the key of a label, is "a b"',
      expect.stringMatching(/^5:10 default: must be a name such as phi/),
      '7:5 zones[0].name: is required, the name of a zone',
      '7:5 zones[0]: names nothing, expected namespaces, workloads, labels or addresses',
      '8:12 zones[1].name: must be a string, is the number 7',
      '8:28 zones[1].namespaces[0]: must be the name of a namespace, is "Shop"',
      '8:34 zones[1].namespaces[1]: must be the name of a namespace, is null',
      '8:40 zones[1].namespaces[2]: must be a string, is the number 3',
      '8:5 zones[1]: names nothing, expected namespaces, workloads, labels or addresses',
      '9:27 zones[2].workloads[0]: must be namespace/workload, is "web"',
      '9:45 zones[2].addresses[0]: must be an address or a prefix, is "10.0.0.300"',
      '9:5 zones[2]: names nothing, expected namespaces, workloads, labels or addresses',
      '10:5 zones[3]: must be a mapping, is the string "x"',
    ])
  })

  test('of another kind are refused', async () => {
    expect(await problems(readZones([file(head('Approvals', 'approvals: []'))], stdin))).toEqual([
      '1:1 is "netweir/v1 Approvals", expected "netweir/v1 Zones"',
    ])
    await expect(readZones([file('')], stdin)).rejects.toThrow('holds no Zones')
  })
})

describe('approvals', () => {
  const entry = (rest: string): string => head('Approvals', `approvals:\n  - {${rest}}`)
  const good = 'from: a, to: b, approvedBy: jane, reason: because, until: 2026-12-31'

  test('are read with their place; a day lasts until its end', async () => {
    const path = file(entry(`${good}, ports: [443/TCP], source: shop, destination: pay/api`))
    expect(await readApprovals([path], stdin)).toEqual([
      {
        from: 'a',
        to: 'b',
        ports: ['443/TCP'],
        source: 'shop',
        destination: 'pay/api',
        approvedBy: 'jane',
        reason: 'because',
        untilMs: Date.UTC(2027, 0, 1) - 1,
        at: `${path}:4`,
      },
    ])
    const any = file(entry(good.replace('from: a', 'from: "*"').replace('31', '31T10:00:00+01:00')))
    expect(await readApprovals([any], stdin)).toMatchObject([
      { from: '*', untilMs: Date.UTC(2026, 11, 31, 9) },
    ])
  })

  test.each([
    ['x: 1', /x: is not known/],
    ['', /from: is required/],
    [good.replace('jane', '" "'), /approvedBy: is required: who approves it/],
    [good.replace('because', '7'), /reason: must be a string/],
    [good.replace('2026-12-31', '2026-02-30'), /until: must be a day such as/],
    [good.replace('2026-12-31', '2026-02-30T00:00:00Z'), /until: must be a day such as/],
    [`${good}, ports: [256/ICMPv4]`, /ports\[0\]: must be a port such as 443\/TCP, or 8\/ICMPv4/],
    [`${good}, ports: [8000-8100/TCP]`, /ports\[0\]: must be a port such as 443\/TCP/],
    [good.replace('2026-12-31', 'soon'), /until: must be a day such as/],
    [good.replace(', until: 2026-12-31', ''), /until: is required: the last day/],
    [
      `${good}, ports: [http]`,
      /ports\[0\]: must be a port such as 443\/TCP, or 8\/ICMPv4, is "http"/,
    ],
    [`${good}, ports: [70000/TCP]`, /is "70000\/TCP"/],
    [`${good}, source: a/b/c`, /source: must be namespace or namespace\/workload/],
  ])('%s', async (rest, message) => {
    const found = await problems(readApprovals([file(entry(rest))], stdin))
    expect(found.join('\n')).toMatch(message)
  })
})
