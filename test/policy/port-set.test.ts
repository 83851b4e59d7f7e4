import { describe, expect, test } from 'vitest'
import {
  allPorts,
  equalPorts,
  formatPorts,
  hasNoPorts,
  holdsPort,
  intersectPorts,
  noPorts,
  parsePorts,
  portRanges,
  subtractPorts,
  toPortSet,
  unitePorts,
} from '../../src/policy/port-set.ts'

const ports = (...texts: readonly string[]): NonNullable<ReturnType<typeof parsePorts>> =>
  parsePorts(texts)!

describe('text', () => {
  test.each<[readonly string[], readonly string[]]>([
    [[], []],
    [['443/TCP'], ['443/TCP']],
    [['8000-8100/UDP'], ['8000-8100/UDP']],
    [
      ['7/SCTP', '53/UDP', '9/TCP', '53/TCP'],
      ['9/TCP', '53/TCP', '53/UDP', '7/SCTP'],
    ],
    [['1-9/TCP', '10/TCP', '5-20/TCP'], ['1-20/TCP']],
    [['1-65535/TCP'], ['1-65535/TCP']],
    [['1-65535/TCP', '1-65535/UDP', '1-65535/SCTP'], ['all ports']],
    [['all ports', '1/TCP'], ['all ports']],
  ])('%j is %j', (texts, expected) => {
    expect(formatPorts(ports(...texts))).toEqual(expected)
  })

  test.each([
    '0/TCP',
    '65536/TCP',
    '9-8/TCP',
    '1-65536/TCP',
    '1/tcp',
    '1',
    '/TCP',
    '01/TCP',
    ' 1/TCP',
    '1/ICMP',
    '',
  ])('"%s" is none', (text) => {
    expect(parsePorts([text])).toBeUndefined()
  })
})

describe('sets', () => {
  test('ranges, clipped to what a port can be', () => {
    const set = toPortSet([
      { protocol: 'TCP', first: -5, last: 3 },
      { protocol: 'TCP', first: 65_530, last: 70_000 },
      { protocol: 'UDP', first: 9, last: 8 },
    ])
    expect(portRanges(set)).toEqual([
      { protocol: 'TCP', first: 1, last: 3 },
      { protocol: 'TCP', first: 65_530, last: 65_535 },
    ])
  })

  test.each<[string, readonly string[], readonly string[], readonly string[], readonly string[]]>([
    ['apart', ['1-3/TCP'], ['5-7/TCP'], [], ['1-3/TCP']],
    ['touching', ['1-4/TCP'], ['5-7/TCP'], [], ['1-4/TCP']],
    ['overlapping', ['1-5/TCP'], ['5-7/TCP'], ['5/TCP'], ['1-4/TCP']],
    [
      'inside',
      ['1-9/TCP'],
      ['3/TCP', '5-6/TCP'],
      ['3/TCP', '5-6/TCP'],
      ['1-2/TCP', '4/TCP', '7-9/TCP'],
    ],
    ['around', ['3-4/TCP', '6/TCP'], ['1-9/TCP'], ['3-4/TCP', '6/TCP'], []],
    ['another protocol', ['1-9/TCP'], ['1-9/UDP'], [], ['1-9/TCP']],
    [
      'everything',
      ['all ports'],
      ['443/TCP'],
      ['443/TCP'],
      ['1-442/TCP', '444-65535/TCP', '1-65535/UDP', '1-65535/SCTP'],
    ],
  ])('%s: intersection and difference', (_name, a, b, both, rest) => {
    expect(formatPorts(intersectPorts(ports(...a), ports(...b)))).toEqual(both)
    expect(formatPorts(intersectPorts(ports(...b), ports(...a)))).toEqual(both)
    expect(formatPorts(subtractPorts(ports(...a), ports(...b)))).toEqual(rest)
  })

  test('union with nothing, equality, emptiness', () => {
    const web = ports('80/TCP', '443/TCP')
    expect(unitePorts(web, noPorts)).toEqual(web)
    expect(unitePorts(noPorts, web)).toEqual(web)
    expect(equalPorts(web, ports('443/TCP', '80/TCP'))).toBe(true)
    expect(equalPorts(web, ports('80/TCP'))).toBe(false)
    expect([hasNoPorts(noPorts), hasNoPorts(web), hasNoPorts(allPorts)]).toEqual([
      true,
      false,
      false,
    ])
  })

  test('membership at the edges', () => {
    const set = ports('10-20/TCP', '30/TCP')
    const held = [9, 10, 20, 21, 29, 30, 31].filter((port) => holdsPort(set, 'TCP', port))
    expect(held).toEqual([10, 20, 30])
    expect(holdsPort(set, 'UDP', 10)).toBe(false)
  })
})
