import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { toLabels } from '../../src/labels.ts'
import { canonicalPolicy } from '../../src/policy/canonical.ts'
import type { NetworkPolicy, NetworkPolicySpec } from '../../src/policy/network-policy.ts'
import { renderList, renderPolicies, renderPolicy } from '../../src/policy/render.ts'

const policy = (
  spec: NetworkPolicySpec,
  metadata: Partial<NetworkPolicy['metadata']> = {},
): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  spec,
})

const labels = (...entries: readonly (readonly [string, string])[]): ReturnType<typeof toLabels> =>
  toLabels(entries)

describe('renderPolicy', () => {
  test('order of members, indentation, quotes', () => {
    const text = renderPolicy(
      policy(
        {
          egress: [
            {
              to: [{ ipBlock: { except: ['10.1.0.0/16'], cidr: '10.0.0.0/8' } }],
              ports: [{ port: 443 }],
            },
            { ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }] },
          ],
          ingress: [
            {
              from: [
                {
                  podSelector: { matchLabels: labels(['app', 'front'], ['on', 'yes']) },
                  namespaceSelector: {
                    matchExpressions: [{ key: 'team', operator: 'In', values: ['b', 'a', '1'] }],
                  },
                },
              ],
              ports: [
                { port: 'http', protocol: 'TCP' },
                { endPort: 8100, port: 8000 },
              ],
            },
          ],
          policyTypes: ['Egress', 'Ingress'],
          podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] },
        },
        {
          annotations: labels(['note', 'a "b"\n\u001b[0m']),
          labels: labels(['z', '1'], ['a', 'b']),
        },
      ),
    )
    expect(text).toBe(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
  labels:
    a: b
    z: "1"
  annotations:
    note: "a \\"b\\"\\n\\u001b[0m"
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes:
    - Ingress
    - Egress
  ingress:
    - from:
        - namespaceSelector:
            matchExpressions:
              - key: team
                operator: In
                values:
                  - "1"
                  - a
                  - b
          podSelector:
            matchLabels:
              app: front
              "on": "yes"
      ports:
        - protocol: TCP
          port: 8000
          endPort: 8100
        - protocol: TCP
          port: http
  egress:
    - ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
    - to:
        - ipBlock:
            cidr: 10.0.0.0/8
            except:
              - 10.1.0.0/16
      ports:
        - protocol: TCP
          port: 443
`)
  })

  test.each([
    'true',
    'False',
    'yes',
    'No',
    'on',
    'OFF',
    'y',
    'N',
    'null',
    '~',
    'Null',
    '',
    '1',
    '-1',
    '0x1f',
    '0o17',
    '017',
    '0b1',
    '1e3',
    '1E3',
    '.5',
    '1.',
    '1_000',
    '0_x1f',
    '1:30',
    '.inf',
    '-.Inf',
    '.nan',
    '2024-01-01',
    '2024-01-01T00:00:00Z',
    '<<',
    '=',
    '1.2.3',
    '-',
    '?',
  ])('the label value %j is a string for parsers of YAML 1.1 and 1.2', (value) => {
    const text = renderPolicy(policy({ podSelector: { matchLabels: labels(['app', value]) } }))
    for (const version of ['1.1', '1.2'] as const) {
      const read = parse(text, { version }) as { spec: { podSelector: { matchLabels: object } } }
      expect(read.spec.podSelector.matchLabels).toEqual({ app: value })
    }
    expect(text).toContain(`app: "${value}"\n`)
  })

  test.each(['web', 'a.b-c_d', 'v1', 'x/y'])('the label value %s needs no quotes', (value) => {
    expect(
      renderPolicy(policy({ podSelector: { matchLabels: labels(['app', value]) } })),
    ).toContain(`app: ${value}\n`)
  })

  test.each([
    '\u0000',
    '\u001b',
    '\u0085',
    '\u009b',
    '\u2028',
    '\u202e',
    '\ufeff',
    '\r',
    '\t',
    '\ud800',
  ])('%j is escaped and reads back', (character) => {
    const note = `a${character}b`
    const text = renderPolicy(policy({ podSelector: {} }, { annotations: labels(['note', note]) }))
    expect(text).not.toContain(character)
    const read = parse(text) as { metadata: { annotations: object } }
    expect(read.metadata.annotations).toEqual({ note })
  })

  test('long text stays on one line, equal parts are no aliases', () => {
    const peer = { podSelector: { matchLabels: labels(['app', 'x'.repeat(63)]) } }
    const note = 'word '.repeat(60)
    const text = renderPolicy(
      policy(
        { podSelector: {}, ingress: [{ from: [peer] }], egress: [{ to: [peer] }] },
        { annotations: labels(['note', note]) },
      ),
    )
    expect(text).toContain(`note: "${note}"`)
    expect(text).not.toMatch(/[&*]/)
  })

  test('keys named like members of objects', () => {
    const text = renderPolicy(
      policy({ podSelector: {} }, { annotations: labels(['__proto__', 'x'], ['toJSON', 'z']) }),
    )
    expect(text).toContain('    __proto__: x\n    toJSON: z\n')
  })
})

describe('streams and lists', () => {
  const a = policy({ podSelector: {} }, { name: 'a' })
  const b = policy({ podSelector: {} }, { name: 'b' })

  test('keep the order that is given', () => {
    const text = renderPolicies([b, a])
    expect(text).toBe(`${renderPolicy(b)}---\n${renderPolicy(a)}`)
    expect(renderPolicies([])).toBe('')
  })

  test('a List in JSON', () => {
    const text = renderList([
      b,
      policy({ podSelector: {} }, { annotations: labels(['x', '\u009b']) }),
    ])
    expect(
      text.startsWith('{\n  "apiVersion": "v1",\n  "kind": "List",\n  "items": [\n    {'),
    ).toBe(true)
    expect(text.endsWith(']\n}\n')).toBe(true)
    expect(text).toContain('"x": "\\u009b"')
    expect(JSON.parse(text).items[0]).toEqual(canonicalPolicy(b))
    expect(JSON.parse(renderList([]))).toEqual({ apiVersion: 'v1', kind: 'List', items: [] })
  })
})
