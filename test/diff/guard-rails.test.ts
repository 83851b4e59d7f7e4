import { describe, expect, test } from 'vitest'
import { checkGuardRails } from '../../src/diff/guard-rails.ts'
import type { NetworkPolicy, NetworkPolicyPeer } from '../../src/policy/network-policy.ts'
import { makeTraffic } from '../support/traffic.ts'
import { located, peer, policy, ports } from './policies.ts'

/** shop: web, api and debug; patients: records; nothing yet in dev. */
const traffic = makeTraffic(
  ['shop/app=web', 'shop/app=api', 'shop/run=debug', 'patients/app=records'],
  [
    { from: 0, to: 1, port: 8080 },
    { from: 'entity:remote-node', to: 0, port: 9100 },
  ],
)
const surroundings = { traffic, groupOf: (id: number) => ['web', 'api', 'debug', 'records'][id]! }

const inDev: NetworkPolicyPeer = {
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'dev' } },
}
const everyNamespace: NetworkPolicyPeer = { namespaceSelector: {} }
const everyAddress: NetworkPolicyPeer = { ipBlock: { cidr: '0.0.0.0/0' } }

const records = (...from: readonly NetworkPolicyPeer[]): NetworkPolicy =>
  policy('patients/records', { pods: { app: 'records' }, ingress: [{ from }] })

interface Input {
  readonly set?: readonly NetworkPolicy[]
  readonly forbid?: NetworkPolicy
  readonly permit?: NetworkPolicy
  readonly portsOf?: (id: number) => readonly []
}

function check({ set = [], forbid, permit, portsOf }: Input) {
  return checkGuardRails(
    {
      forbid: forbid === undefined ? [] : [located(forbid, 'forbid.yaml')],
      permit: permit === undefined ? [] : [located(permit, 'permit.yaml')],
    },
    set.map((each) => located(each, `${each.metadata.name}.yaml`)),
    { ...surroundings, ...(portsOf === undefined ? {} : { portsOf }) },
  )
}

const lines = (input: Input) => check(input).violations.map(({ message }) => message)

const closed = policy('patients/rail', { ingress: [{ from: [peer({ run: 'debug' }, 'shop')] }] })

describe('forbid', () => {
  test.each<[what: string, input: Input, expected: readonly string[]]>([
    [
      'is broken where no policy isolates either end',
      { forbid: closed },
      ['debug can reach records on all ports, which patients/rail forbids'],
    ],
    [
      'is broken where the destination names nobody, which means everyone',
      { forbid: closed, set: [records()] },
      ['debug can reach records on all ports, which patients/rail forbids'],
    ],
    [
      'holds where the destination names somebody else',
      { forbid: closed, set: [records(peer({ app: 'api' }, 'shop'))] },
      [],
    ],
    [
      'holds where the source may not leave',
      { forbid: closed, set: [policy('shop/debug', { pods: { run: 'debug' }, egress: [] })] },
      [],
    ],
    [
      'is broken on the ports that are open alone',
      {
        forbid: closed,
        set: [
          policy('patients/records', {
            ingress: [{ from: [peer({}, 'shop')], ports: ports('80/TCP', '8000-8100/TCP') }],
          }),
        ],
      },
      ['debug can reach records on 80/TCP, 8000-8100/TCP, which patients/rail forbids'],
    ],
    [
      'says nothing of other ports',
      {
        forbid: policy('patients/rail', {
          ingress: [{ from: [peer({ run: 'debug' }, 'shop')], ports: ports('22/TCP') }],
        }),
        set: [
          policy('patients/r', { ingress: [{ from: [everyNamespace], ports: ports('80/TCP') }] }),
        ],
      },
      [],
    ],
    [
      'speaks of egress, too',
      {
        forbid: policy('patients/rail', { egress: [{ to: [everyAddress] }] }),
        set: [
          policy('patients/out', {
            egress: [{ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: ports('443/TCP') }],
          }),
        ],
      },
      ['records can reach 192.0.2.0/24 on 443/TCP, which patients/rail forbids'],
    ],
    [
      'speaks of pods that do not exist yet',
      {
        forbid: policy('patients/rail', { ingress: [{ from: [inDev] }] }),
        set: [records(everyNamespace)],
      },
      ['any pod in namespace dev can reach records on all ports, which patients/rail forbids'],
    ],
    [
      'of everyone includes nodes and addresses',
      {
        forbid: policy('shop/rail', {
          pods: { run: 'debug' },
          ingress: [{ ports: ports('22/TCP') }],
        }),
        set: [policy('shop/d', { pods: { run: 'debug' }, ingress: [{ ports: ports('22/TCP') }] })],
      },
      ['everyone can reach debug on 22/TCP, which shop/rail forbids'],
    ],
  ])('%s', (_what, input, expected) => {
    expect(lines(input)).toEqual(expected)
  })

  test('names its rule, the witness and the policies that allow it', () => {
    const { violations } = check({ forbid: closed, set: [records(everyNamespace)] })
    expect(violations).toEqual([
      {
        kind: 'forbid',
        rail: 'patients/rail',
        at: 'forbid.yaml:10',
        from: 'debug',
        to: 'records',
        ports: ['all ports'],
        witness: { from: 'debug', to: 'records', port: '1/TCP' },
        policies: [{ policy: 'patients/records', at: 'records.yaml:10' }],
        message: 'debug can reach records on all ports, which patients/rail forbids',
      },
    ])
  })

  test.each<[rail: string, allowed: string, expected: readonly string[]]>([
    ['8080/TCP', 'http/TCP', ['http/TCP']],
    ['http/TCP', '8080/TCP', ['8080/TCP']],
    ['http/TCP', 'http/TCP', ['http/TCP']],
    ['https/TCP', 'http/TCP', ['http/TCP']],
    ['8080/UDP', 'http/TCP', []],
    ['http/UDP', '8080/TCP', []],
  ])('of %s takes a name of unknown number for any port: %s is open', (rail, allowed, expected) => {
    const input = {
      forbid: policy('patients/rail', {
        ingress: [{ from: [peer({ run: 'debug' }, 'shop')], ports: ports(rail) }],
      }),
      set: [policy('patients/r', { ingress: [{ from: [everyNamespace], ports: ports(allowed) }] })],
    }
    expect(check(input).violations.flatMap((violation) => violation.ports)).toEqual(expected)
    // Where the container ports are known, and there is none of the name, nothing is open under it.
    const known = check({ ...input, portsOf: () => [] })
    expect(known.violations).toEqual([])
  })
})

const backup = policy('patients/rail', {
  ingress: [{ from: [peer({ app: 'api' }, 'shop')], ports: ports('5432/TCP') }],
})

describe('permit', () => {
  test.each<[what: string, input: Input, expected: readonly string[]]>([
    ['holds where no policy isolates either end', { permit: backup }, []],
    [
      'is broken where the destination is closed',
      { permit: backup, set: [policy('patients/deny', { ingress: [] })] },
      ['api cannot reach records on 5432/TCP, which patients/rail must permit'],
    ],
    [
      'is broken where the source is closed',
      { permit: backup, set: [policy('shop/deny', { egress: [] })] },
      ['api cannot reach records on 5432/TCP, which patients/rail must permit'],
    ],
    [
      'holds where a rule allows it',
      {
        permit: backup,
        set: [
          policy('patients/deny', { ingress: [] }),
          policy('patients/r', { ingress: [{ ports: ports('5000-6000/TCP') }] }),
        ],
      },
      [],
    ],
    [
      'speaks of each pod that is there, and of none that only policies speak of',
      {
        permit: policy('shop/rail', { egress: [{ to: [everyAddress], ports: ports('443/TCP') }] }),
        set: [
          policy('shop/gone', { pods: { app: 'gone' }, egress: [] }),
          policy('shop/web', { pods: { app: 'web' }, egress: [] }),
        ],
      },
      ['web cannot reach 0.0.0.0/0 on 443/TCP, which shop/rail must permit'],
    ],
    [
      'is broken on the ports that are closed alone',
      {
        permit: policy('patients/rail', {
          ingress: [{ from: [peer({ app: 'api' }, 'shop')], ports: ports('80-90/TCP') }],
        }),
        set: [policy('patients/r', { ingress: [{ ports: ports('80-85/TCP', '88/TCP') }] })],
      },
      ['api cannot reach records on 86-87/TCP, 89-90/TCP, which patients/rail must permit'],
    ],
  ])('%s', (_what, input, expected) => {
    expect(lines(input)).toEqual(expected)
  })

  test('names the policies in the way', () => {
    const { violations } = check({
      permit: backup,
      set: [policy('patients/deny', { ingress: [] }), policy('shop/out', { egress: [] })],
    })
    expect(violations[0]?.policies).toEqual([
      { policy: 'patients/deny', at: 'deny.yaml:1' },
      { policy: 'shop/out', at: 'out.yaml:1' },
    ])
  })
})

test('a rule that speaks of no known pod is named', () => {
  const { violations, unmatched } = check({
    forbid: policy('patients/rail', { ingress: [{ from: [inDev] }, { from: [peer({}, 'shop')] }] }),
    set: [policy('patients/deny', { ingress: [] })],
  })
  expect(violations).toEqual([])
  expect(unmatched).toEqual([{ policy: 'patients/rail', at: 'forbid.yaml:10' }])
})

test('without guard rails nothing is checked', () => {
  expect(check({ set: [records()] })).toEqual({ violations: [], unmatched: [] })
})
