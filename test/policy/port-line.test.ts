import { describe, expect, test } from 'vitest'
import type { PortResolution } from '../../src/policy/port-line.ts'
import { namedStart, portPosition, rulePortSpans, spanTexts } from '../../src/policy/port-line.ts'
import { createSpansOf } from '../../src/policy/universe.ts'

const names = ['dns/UDP', 'http/TCP']
const unknown: PortResolution = { names, ports: 'unknown' }

describe('the spans of a rule, in words', () => {
  test.each([
    { ports: undefined, text: ['all ports'] },
    { ports: [], text: ['all ports'] },
    { ports: [{}], text: ['1-65535/TCP', 'http/TCP'] },
    { ports: [{ port: 443 }], text: ['443/TCP'] },
    { ports: [{ port: 443 }, { port: 444 }, { port: 443 }], text: ['443-444/TCP'] },
    { ports: [{ port: 8000, endPort: 8100, protocol: 'UDP' as const }], text: ['8000-8100/UDP'] },
    {
      ports: [{ port: 1, endPort: 65535, protocol: 'UDP' as const }],
      text: ['1-65535/UDP', 'dns/UDP'],
    },
    {
      ports: [{ port: 65535 }, { port: 1, protocol: 'UDP' as const }],
      text: ['65535/TCP', '1/UDP'],
    },
    { ports: [{ port: 'http' }], text: ['http/TCP'] },
    { ports: [{ port: 'dns', protocol: 'UDP' as const }], text: ['dns/UDP'] },
  ])('$text', ({ ports, text }) => {
    expect(spanTexts(rulePortSpans(ports, unknown), names)).toEqual(text)
  })

  test.each([
    { ports: 'none' as const, text: [] },
    { ports: [], text: [] },
    { ports: [{ name: 'http', protocol: 'UDP' as const, port: 80 }], text: [] },
    {
      ports: [
        { name: 'http', protocol: 'TCP' as const, port: 80 },
        { name: 'http', protocol: 'TCP' as const, port: 8080 },
      ],
      text: ['80/TCP', '8080/TCP'],
    },
  ])('a named port where the container ports are $ports', ({ ports, text }) => {
    expect(spanTexts(rulePortSpans([{ port: 'http' }], { names, ports }), names)).toEqual(text)
  })
})

test('protocols do not overlap, and named ports come after all of them', () => {
  expect(portPosition('TCP', 65535) + 1).toBe(portPosition('UDP', 1))
  expect(portPosition('UDP', 65535) + 1).toBe(portPosition('SCTP', 1))
  expect(portPosition('SCTP', 65535) + 1).toBe(namedStart)
})

test('equal ports have one list of spans, and ranges that begin alike are told apart', () => {
  const spansOf = createSpansOf([{ kind: 'entity', name: 'remote-node' }], [])
  expect(spansOf(0, [{ port: 80 }])).toBe(spansOf(0, [{ port: 80, protocol: 'TCP' }]))
  expect(spansOf(0, [{ port: 80, endPort: 90 }])).not.toEqual(spansOf(0, [{ port: 80 }]))
  expect(spansOf(0, [{ port: 80 }, { port: 90 }])).not.toEqual(spansOf(0, [{ port: 80 }]))
})
