import { expect, test } from 'vitest'
import { compareObjects } from '../../src/diff/object-changes.ts'
import { toLabels } from '../../src/labels.ts'
import { located, peer, policy, ports } from './policies.ts'

const web = peer({ app: 'web' })
const before = policy('shop/db', {
  pods: { app: 'db' },
  labels: { team: 'a' },
  ingress: [
    { from: [web], ports: ports('5432/TCP') },
    { from: [peer({ app: 'old' }, 'ops')], ports: ports('9187/TCP', '8000-8100/UDP') },
  ],
})

test('objects are created, deleted, or unchanged whatever their form', () => {
  const same = policy('shop/db', {
    pods: { app: 'db' },
    labels: { team: 'a' },
    ingress: [
      { from: [peer({ app: 'old' }, 'ops')], ports: ports('8000-8100/UDP', '9187/TCP') },
      { from: [web, web], ports: [{ port: 5432 }] },
    ],
  })
  const gone = policy('shop/gone', { ingress: [] })
  const fresh = policy('data/fresh', { egress: [] })
  expect(
    compareObjects(
      [located(before, 'db.yaml'), located(gone, 'gone.yaml')],
      [located(same), located(fresh)],
    ),
  ).toEqual([
    { policy: 'data/fresh', action: 'created', rules: [] },
    { policy: 'shop/db', action: 'unchanged', at: 'db.yaml:1', rules: [] },
    { policy: 'shop/gone', action: 'deleted', at: 'gone.yaml:1', rules: [] },
  ])
})

test('a change lists what differs, part by part', () => {
  const after = policy('shop/db', {
    pods: { app: 'db', tier: 'back' },
    labels: { team: 'b' },
    ingress: [
      { from: [web, peer({ app: 'api', version: '1' })], ports: ports('5432/TCP') },
      { ports: ports('http/TCP') },
    ],
    egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] }, { ports: [{}] }],
  })
  const [change] = compareObjects([located(before)], [located(after)])
  expect(change?.action).toBe('changed')
  expect(`\n${change?.rules.join('\n')}\n`).toMatchInlineSnapshot(`
    "
    labels:
    - "team": "a"
    + "team": "b"
    podSelector:
    - {"matchLabels":{"app":"db"}}
    + {"matchLabels":{"app":"db","tier":"back"}}
    policyTypes:
    + - Egress
    ingress on 5432/TCP from:
    + - podSelector:
    +     matchLabels:
    +       app: api
    +       version: "1"
    ingress on 9187/TCP, 8000-8100/UDP from:
    - - namespaceSelector:
    -     matchLabels:
    -       kubernetes.io/metadata.name: ops
    -   podSelector:
    -     matchLabels:
    -       app: old
    ingress on http/TCP from:
    + everyone
    egress on all ports to:
    + - ipBlock:
    +     cidr: 0.0.0.0/0
    +     except:
    +       - 10.0.0.0/8
    egress on every TCP port to:
    + everyone
    "
  `)
})

test('a changed annotation is a changed object', () => {
  const noted = {
    ...before,
    metadata: { ...before.metadata, annotations: toLabels([['note', 'a\nb']]) },
  }
  expect(compareObjects([located(before)], [located(noted)])[0]?.rules).toEqual([
    'annotations:',
    '+ "note": "a\\nb"',
  ])
})

test('a policy without a line is placed by its file', () => {
  const place = { ...located(before), location: { file: 'db.json' } }
  expect(compareObjects([place], [])[0]?.at).toBe('db.json')
})
