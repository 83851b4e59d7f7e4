import { expect, test } from 'vitest'
import type { Flow } from '../../src/flow/flow.ts'
import { directionOf } from '../../src/traffic/direction.ts'
import { flow } from '../support/readings.ts'

const low = 8080
const privileged = 443
const high = 40_000

type Row = [string, Partial<Flow>, ReturnType<typeof directionOf>]

test.each<Row>([
  ['a SYN to a high port', { port: high, clientPort: low, certain: true }, 'communication'],
  ['a reply-like TCP packet', { port: high, clientPort: low }, 'suspect'],
  [
    'a reply-like TCP packet that was turned round',
    { port: high, clientPort: low, strength: 'reply' },
    'suspect',
  ],
  ['the first port that clients are given', { port: 32_768, clientPort: 32_767 }, 'suspect'],
  ['TCP to a service', { port: low, clientPort: high, strength: 'medium' }, 'communication'],
  ['TCP between two low ports', { port: low, clientPort: privileged, strength: 'medium' }, 'pair'],
  ['TCP between two high ports', { port: high, clientPort: high, strength: 'weak' }, 'pair'],
  [
    'TCP between two low ports, as a reply',
    { port: low, clientPort: low, strength: 'reply' },
    'communication',
  ],
  ['TCP without a client port', { port: high, clientPort: 0, strength: 'weak' }, 'communication'],
  ['a UDP reply of a privileged port', { protocol: 'UDP', port: high, clientPort: 53 }, 'suspect'],
  ['UDP from a user port to a high one', { protocol: 'UDP', port: high, clientPort: low }, 'pair'],
  ['UDP to a service', { protocol: 'UDP', port: 53, clientPort: high }, 'communication'],
  [
    'UDP between two high ports',
    { protocol: 'UDP', port: high, clientPort: high },
    'communication',
  ],
  ['UDP between two low ports', { protocol: 'UDP', port: 53, clientPort: 53 }, 'communication'],
  [
    'an SCTP reply of a privileged port',
    { protocol: 'SCTP', port: high, clientPort: 1023 },
    'suspect',
  ],
  ['SCTP from a user port', { protocol: 'SCTP', port: high, clientPort: 1024 }, 'pair'],
  ['ICMP', { protocol: 'ICMPv4', port: 8, clientPort: 0 }, 'communication'],
])('%s', (_name, overrides, expected) => {
  expect(directionOf(flow({ certain: false, strength: 'medium', ...overrides }))).toBe(expected)
})
