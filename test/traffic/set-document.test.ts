import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CommunicationRecord, CommunicationSet } from '../../src/traffic/communication-set.ts'
import { setBytes } from '../../src/traffic/set-bytes.ts'
import {
  decodeSet,
  emptySet,
  encodeSet,
  isNetweirDocument,
  mergeSets,
} from '../../src/traffic/set-document.ts'
import {
  aggregateOf,
  anyReadings,
  crowdedReadings,
  entity,
  outside,
  setOf,
} from '../support/readings.ts'

const here = { file: 'set.json', line: 1 }

const sample = setOf(
  {
    server: outside('203.0.113.7'),
    clientPod: {
      name: 'web-0',
      generation: ['pod-template-hash=a'],
      workload: { kind: 'Deployment', name: 'web' },
    },
    names: [{ address: '203.0.113.7', name: 'api.example' }],
    namespaces: [{ cluster: '', namespace: 'shop', labels: ['env=a'] }],
    uuid: 'u1',
  },
  {
    server: entity('host', '10.0.0.1'),
    clientPort: 5432,
    port: 8080,
    strength: 'medium',
    certain: false,
  },
  { flows: 3 },
)

/** An edge with counts of every length, and texts that are no ASCII. */
function crowded<Edge extends CommunicationRecord>(edge: Edge): Edge {
  const counts = [9, 10, 99, 100, 2 ** 31, 2 ** 53 - 1]
  const [first = '', last = ''] = ['1970-01-01T00:00:00.007Z', '9999-12-31T23:59:59.999Z']
  const kinds = ['verdict', 'delivery', 'trace', 'denied', 'audit', 'l7'] as const
  const cells = counts.map((records, index) => ({
    ...({
      side: 'none',
      verdict: kinds[index] ?? 'l7',
      strength: 'weak',
      records,
      flows: 2 ** 53 - 1,
    } as const),
    ...(index % 2 === 0 ? { first, last } : {}),
  }))
  return { ...edge, cells, samples: ['"', 'ü€𝄞', '\u0007'], names: ['ü.example'], encrypted: 7 }
}

/** The sample as a parsed document, changed. */
function changed(change: (document: Document) => void): unknown {
  const document = JSON.parse(encodeSet(sample)) as Document
  change(document)
  return document
}

interface Document {
  [name: string]: unknown
  communications: Record<string, unknown>[]
  pending: Record<string, unknown>[]
  classes: Record<string, unknown>[]
  pods: Record<string, unknown>[]
}

describe('a document', () => {
  test('is one line of JSON that reads as what it was', () => {
    const text = encodeSet(sample)
    expect(text.indexOf('\n')).toBe(text.length - 1)
    expect(text.startsWith('{"apiVersion":"netweir/v1","kind":"CommunicationSet",')).toBe(true)
    expect(decodeSet(JSON.parse(text), here)).toEqual(sample)
  })

  test('is what the engine spells, in UTF-8', () => {
    const many = { ...sample, communications: sample.communications.map(crowded) }
    const sets = fc.oneof(
      fc.constantFrom(sample, emptySet(), mergeSets([many])),
      fc.oneof(anyReadings, crowdedReadings).map((readings) => aggregateOf(readings).toSet()),
    )
    fc.assert(
      fc.property(sets, (set) => {
        expect(Buffer.from(setBytes(set)).toString()).toBe(`${JSON.stringify(set)}\n`)
      }),
      { numRuns: 200 },
    )
  })

  test('may have unknown members, another order, another ledger and addresses in other spellings', () => {
    const document = changed((set) => {
      set['future'] = { anything: true }
      set['ledger'] = 'wrong'
      set.classes.reverse()
      set.communications.reverse()
      for (const one of [...set.communications, ...set.pending]) {
        one['future'] = 1
        for (const end of [one['from'], one['to']] as Record<string, unknown>[]) {
          if (typeof end['class'] === 'number') end['class'] = set.classes.length - 1 - end['class']
          if (end['address'] === '203.0.113.7') end['address'] = '::ffff:203.0.113.7/128'
        }
      }
      for (const pod of set.pods) pod['class'] = set.classes.length - 1 - Number(pod['class'])
    })
    expect(decodeSet(document, here)).toEqual(sample)
  })

  test.each<[string, unknown, string]>([
    ['no object', [], 'the document is an array; expected an object'],
    ['no version', {}, 'apiVersion is absent; expected a text'],
    [
      'no classes',
      changed((set) => Object.assign(set, { classes: undefined })),
      'classes is absent; expected an array',
    ],
    [
      'an index out of range',
      changed((set) => Object.assign(set.communications[0]!, { from: { class: 9 } })),
      'communications[0].from.class is 9; expected a whole number from 0 to 1',
    ],
    [
      'an unknown side',
      changed(
        (set) =>
          ((set.communications[1]!['cells'] as Record<string, unknown>[])[0]!['side'] = 'both'),
      ),
      'communications[1].cells[0].side is "both"; expected one of egress, ingress, none',
    ],
    [
      'a count that is none',
      changed(
        (set) =>
          ((set.communications[0]!['cells'] as Record<string, unknown>[])[0]!['records'] = -1),
      ),
      'communications[0].cells[0].records is -1; expected a whole number from 1 to 9007199254740991',
    ],
    [
      'fewer flows than records',
      changed(
        (set) => ((set.communications[0]!['cells'] as Record<string, unknown>[])[0]!['flows'] = 0),
      ),
      'communications[0].cells[0].flows is 0; expected a whole number from 1 to 9007199254740991',
    ],
    [
      'no cells',
      changed((set) => (set.communications[0]!['cells'] = [])),
      'communications[0].cells is an array; expected at least one cell',
    ],
    [
      'a port of 0',
      changed((set) => (set.communications[0]!['port'] = 0)),
      'communications[0].port is 0; expected a whole number from 1 to 65535',
    ],
    [
      'an ICMP type beyond a byte',
      changed((set) => Object.assign(set.communications[0]!, { protocol: 'ICMPv4', port: 256 })),
      'communications[0].port is 256; expected a whole number from 0 to 255',
    ],
    [
      'a pending port without the client port',
      changed((set) => (set.pending[0]!['clientPort'] = 0)),
      'pending[0].port is 8080; expected a whole number from 0 to 0',
    ],
    [
      'an address that is none',
      changed((set) => (set.communications[1]!['to'] = { address: '203.0.113.700' })),
      'communications[1].to.address is "203.0.113.700"; expected an address or a prefix',
    ],
    [
      'an end without any kind',
      changed((set) => (set.communications[0]!['to'] = {})),
      'communications[0].to is an object; expected an end: with a class, a pod, an entity or an address',
    ],
    [
      'no pod at either end',
      changed((set) =>
        Object.assign(set.communications[0]!, {
          from: { address: '10.0.0.1' },
          to: { address: '10.0.0.2' },
        }),
      ),
      'communications[0] is an object; expected a pod at one end at least',
    ],
    [
      'a run of blocks that ends before it begins',
      changed((set) => (set.communications[0]!['blocks'] = [[9, 1]])),
      'communications[0].blocks[0] is an array; expected first and last block of a run',
    ],
    [
      'a time that is none',
      changed((set) => (set['window'] = { first: 'now', last: 'now' })),
      'window.first is "now"; expected an RFC 3339 time from 1970 to 9999',
    ],
    [
      'half a span',
      changed((set) => (set['window'] = { first: '2026-03-02T09:00:00Z' })),
      'window is an object; expected both a first and a last time, in this order, or none',
    ],
    [
      'an unknown outcome',
      changed((set) => (set['counted'] = { lost: 1 })),
      'counted is an object; expected only outcomes as members, not "lost"',
    ],
    [
      'a long text in place of a number',
      changed((set) => (set['outsideLimit'] = '"'.repeat(100))),
      `outsideLimit is "${'\\"'.repeat(60)}" (cut); expected a whole number`,
    ],
  ])('is refused with %s', (_name, document, message) => {
    expect(() => decodeSet(document, here)).toThrow(
      expect.objectContaining({
        name: 'NetweirError',
        code: 'SET_INVALID',
        message,
        location: here,
      }),
    )
  })

  test.each([
    ['netweir/v2', 'CommunicationSet', /another version/],
    ['netweir/v1', 'PolicyDiff', /another version/],
    ['v1', 'List', /netweir learn/],
  ])('of %s %s is refused with a hint', (apiVersion, kind, hint) => {
    expect(() => decodeSet({ ...sample, apiVersion, kind }, here)).toThrow(
      expect.objectContaining({
        code: 'SET_INVALID',
        message: `the document is "${apiVersion} ${kind}"; expected "netweir/v1 CommunicationSet"`,
        hint: expect.stringMatching(hint),
      }),
    )
  })

  test('is told from a flow by its apiVersion', () => {
    expect(isNetweirDocument(sample)).toBe(true)
    expect(isNetweirDocument({ apiVersion: 'netweir/v9' })).toBe(true)
    expect(isNetweirDocument({ flow: {}, apiVersion: 1 })).toBe(false)
    expect(isNetweirDocument(null)).toBe(false)
  })
})

describe('merging', () => {
  test('of nothing is the empty set', () => {
    expect(mergeSets([])).toEqual(emptySet())
    expect(emptySet().ledger).toEqual({
      records: 0,
      outcomes: {},
      lostEvents: 0,
      unavailableNodes: [],
    })
  })

  test('takes the smallest limit of outside prefixes and folds again', () => {
    const servers = ['203.0.113.0', '203.0.113.1', '203.0.113.2'].map((address) => ({
      server: outside(address),
    }))
    const wide = setOf(...servers)
    const narrow: CommunicationSet = { ...emptySet(), outsideLimit: 2 }
    const merged = mergeSets([wide, narrow])
    expect(merged.outsideLimit).toBe(2)
    expect(merged.communications.map(({ to }) => to)).toEqual([
      { address: '203.0.113.0/31' },
      { address: '203.0.113.2/31' },
    ])
  })
})
