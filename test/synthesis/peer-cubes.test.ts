import { describe, expect, test } from 'vitest'
import { NetweirError } from '../../src/errors.ts'
import type { Labels } from '../../src/labels.ts'
import { namespaceNameLabel, toLabels } from '../../src/labels.ts'
import type { Literal } from '../../src/synthesis/conjunction.ts'
import type { Cube } from '../../src/synthesis/peer-cubes.ts'
import { fromPeer, mergeCubes, toPeer } from '../../src/synthesis/peer-cubes.ts'

function eq(key: string, ...values: string[]): Literal {
  return { key, op: values.length === 1 ? 'Eq' : 'In', values }
}

function cube(namespaces: string, ...literals: Literal[]): Cube {
  return { namespaces: namespaces.split(','), literals }
}

const byName = namespaceNameLabel

describe('mergeCubes', () => {
  test.each<{ name: string; cubes: readonly Cube[]; merged: readonly Cube[] }>([
    { name: 'nothing', cubes: [], merged: [] },
    {
      name: 'the values of one key',
      cubes: [cube('a', eq('app', 'y')), cube('a', eq('app', 'x', 'z')), cube('a', eq('app', 'x'))],
      merged: [cube('a', eq('app', 'x', 'y', 'z'))],
    },
    {
      name: 'the namespaces',
      cubes: [cube('b', eq('app', 'x')), cube('a', eq('app', 'x')), cube('c')],
      merged: [cube('a,b', eq('app', 'x')), cube('c')],
    },
    {
      name: 'both, one after the other',
      cubes: ['a', 'b'].flatMap((ns) => ['x', 'y'].map((app) => cube(ns, eq('app', app)))),
      merged: [cube('a,b', eq('app', 'x', 'y'))],
    },
    {
      name: 'not two keys at once',
      cubes: [cube('a', eq('app', 'x'), eq('t', '1')), cube('a', eq('app', 'y'), eq('t', '2'))],
      merged: [cube('a', eq('app', 'x'), eq('t', '1')), cube('a', eq('app', 'y'), eq('t', '2'))],
    },
    {
      name: 'not a key and the namespace at once',
      cubes: [cube('a', eq('app', 'x')), cube('b', eq('app', 'y'))],
      merged: [cube('a', eq('app', 'x')), cube('b', eq('app', 'y'))],
    },
    {
      name: 'not values with the mere presence of the key',
      cubes: [cube('a', eq('app', 'x')), cube('a', { key: 'app', op: 'Exists', values: [] })],
      merged: [cube('a', eq('app', 'x')), cube('a', { key: 'app', op: 'Exists', values: [] })],
    },
    {
      name: 'not the values of a negation',
      cubes: ['x', 'y'].map((value) => cube('a', { key: 'app', op: 'NotIn', values: [value] })),
      merged: ['x', 'y'].map((value) => cube('a', { key: 'app', op: 'NotIn', values: [value] })),
    },
    {
      name: 'equal cubes in other words',
      cubes: [
        cube('b,a,b', { key: 'app', op: 'In', values: ['x'] }, eq('t', '1')),
        cube('a,b', eq('t', '1'), eq('app', 'x')),
      ],
      merged: [cube('a,b', eq('app', 'x'), eq('t', '1'))],
    },
    {
      name: 'what one merge makes possible',
      cubes: [
        cube('a', eq('app', 'x'), eq('t', '1')),
        cube('a', eq('app', 'x'), eq('t', '2')),
        cube('a', eq('app', 'y'), eq('t', '2')),
        cube('a', eq('app', 'y'), eq('t', '1')),
        cube('b', eq('app', 'x', 'y'), eq('t', '1', '2')),
      ],
      merged: [cube('a,b', eq('app', 'x', 'y'), eq('t', '1', '2'))],
    },
  ])('$name', ({ cubes, merged }) => {
    expect(mergeCubes(cubes)).toEqual(merged)
    expect(mergeCubes([...cubes].reverse())).toEqual(merged)
  })
})

describe('peers', () => {
  test.each<{ name: string; from: Cube; peer: ReturnType<typeof toPeer> }>([
    {
      name: 'the own namespace is not named',
      from: cube('own', eq('app', 'x')),
      peer: { podSelector: { matchLabels: { app: 'x' } } },
    },
    {
      name: 'another one is, by equality',
      from: cube('other', eq('app', 'x', 'y')),
      peer: {
        namespaceSelector: { matchLabels: { [byName]: 'other' } },
        podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['x', 'y'] }] },
      },
    },
    {
      name: 'several are listed, the own one among them',
      from: cube('other,own', eq('app', 'x')),
      peer: {
        namespaceSelector: {
          matchExpressions: [{ key: byName, operator: 'In', values: ['other', 'own'] }],
        },
        podSelector: { matchLabels: { app: 'x' } },
      },
    },
    { name: 'every pod of the own namespace', from: cube('own'), peer: { podSelector: {} } },
    {
      name: 'every pod of another',
      from: cube('other'),
      peer: { namespaceSelector: { matchLabels: { [byName]: 'other' } }, podSelector: {} },
    },
  ])('$name', ({ from, peer }) => {
    expect(toPeer(from, 'own')).toEqual(peer)
    expect(fromPeer(peer, 'own')).toEqual(from)
  })

  test('a namespace selector alone holds every pod', () => {
    const peer = { namespaceSelector: { matchLabels: { [byName]: 'other' } as Labels } }
    expect(fromPeer(peer, 'own')).toEqual(cube('other'))
  })

  test.each([
    ['an address block', { ipBlock: { cidr: '10.0.0.0/8' } }],
    ['nothing', {}],
    ['every namespace', { namespaceSelector: {}, podSelector: {} }],
    ['another label', { namespaceSelector: { matchLabels: toLabels([['team', 'x']]) } }],
    [
      'a second label',
      {
        namespaceSelector: {
          matchLabels: toLabels([
            ['team', 'x'],
            [byName, 'other'],
          ]),
        },
      },
    ],
    [
      'a negation',
      {
        namespaceSelector: {
          matchExpressions: [{ key: byName, operator: 'NotIn', values: ['x'] }],
        },
      },
    ],
    [
      'no value',
      { namespaceSelector: { matchExpressions: [{ key: byName, operator: 'In', values: [] }] } },
    ],
  ] as const)('%s is no cube', (_, peer) => {
    expect(fromPeer(peer, 'own')).toBeUndefined()
  })

  test('a cube without namespaces is a defect', () => {
    expect(() => toPeer({ namespaces: [], literals: [] }, 'own')).toThrow(NetweirError)
  })
})
