import { describe, expect, test } from 'vitest'
import type { Labels } from '../../src/labels.ts'
import { splitLabel, toLabels } from '../../src/labels.ts'
import { isStaticVolatileKey, isSuspectKey } from '../../src/policy/label-keys.ts'
import type { Conjunction } from '../../src/synthesis/conjunction.ts'
import { fromLabelSelector } from '../../src/synthesis/conjunction.ts'
import type { SelectorChoice, SelectorOptions } from '../../src/synthesis/selector-choice.ts'
import { chooseSelector } from '../../src/synthesis/selector-choice.ts'

/** Returns the labels that `app=web,tier=x` spells. */
function pod(text: string): Labels {
  return toLabels(text === '' ? [] : text.split(',').map(splitLabel))
}

/** Returns a conjunction as `app=web,t in (x|y),!canary`. */
function spell(conjunction: Conjunction): string {
  return conjunction
    .map(({ key, op, values }) => {
      if (op === 'Exists') return key
      if (op === 'DoesNotExist') return `!${key}`
      if (op === 'Eq') return `${key}=${values.join()}`
      return `${key} ${op === 'In' ? 'in' : 'notin'} (${values.join('|')})`
    })
    .join()
}

function choose(
  targets: readonly string[],
  others: readonly string[],
  options: Partial<SelectorOptions> = {},
): SelectorChoice {
  return chooseSelector(targets.map(pod), others.map(pod), {
    allowKey: () => true,
    volatile: isStaticVolatileKey,
    suspect: isSuspectKey,
    ...options,
  })
}

function previous(...selectors: string[]): readonly Conjunction[] {
  return selectors.map((text) => fromLabelSelector({ matchLabels: pod(text) }))
}

interface Case {
  readonly name: string
  readonly targets: readonly string[]
  readonly others: readonly string[]
  readonly options?: Partial<SelectorOptions>
  readonly selectors: readonly string[]
  readonly kind: SelectorChoice['kind']
  readonly collides?: readonly number[]
  readonly openWorld?: boolean
  readonly usedSuspect?: readonly string[]
}

const helm = 'app.kubernetes.io/'

const workedCases: readonly Case[] = [
  {
    name: 'frontend and backend share an app',
    targets: ['app=shop,component=frontend'],
    others: ['app=shop,component=backend'],
    selectors: ['app=shop,component=frontend'],
    kind: 'equal',
  },
  {
    name: 'another app has a frontend too',
    targets: ['app=shop,component=frontend'],
    others: ['app=shop,component=backend', 'app=shop2,component=frontend'],
    selectors: ['app=shop,component=frontend'],
    kind: 'equal',
  },
  {
    name: 'a canary in the same group',
    targets: ['app=web,version=v1', 'app=web,version=v2'],
    others: ['app=db,version=v1'],
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'a canary as a workload of its own',
    targets: ['app=web,track=canary'],
    others: ['app=web,track=stable'],
    selectors: ['app=web,track=canary'],
    kind: 'equal',
    usedSuspect: ['track'],
  },
  {
    name: 'labels that are part of those of another, with negations',
    targets: ['app=web'],
    others: ['app=web,canary=true'],
    options: { negatives: true },
    selectors: ['app=web,!canary'],
    kind: 'negative',
    openWorld: true,
  },
  {
    name: 'labels that are part of those of another, without negations',
    targets: ['app=web'],
    others: ['app=web,canary=true', 'app=db'],
    selectors: ['app=web'],
    kind: 'merged',
    collides: [0],
  },
  {
    name: 'two workloads with the same labels',
    targets: ['app=w'],
    others: ['app=v', 'app=w'],
    options: { negatives: true },
    selectors: ['app=w'],
    kind: 'merged',
    collides: [1],
  },
  {
    name: 'a CronJob',
    targets: ['app=backup,job-name=backup-1,controller-uid=1', 'app=backup,job-name=backup-2'],
    others: ['app=web'],
    selectors: ['app=backup'],
    kind: 'equal',
  },
  {
    name: 'a CronJob with nothing but generated labels',
    targets: ['job-name=backup-1,controller-uid=1'],
    others: ['app=web', 'app=db'],
    selectors: [],
    kind: 'merged',
    collides: [0, 1],
  },
  {
    name: 'a StatefulSet',
    targets: [
      'app=pg,statefulset.kubernetes.io/pod-name=pg-0,apps.kubernetes.io/pod-index=0',
      'app=pg,statefulset.kubernetes.io/pod-name=pg-1,controller-revision-hash=pg-5f',
    ],
    others: ['app=web'],
    selectors: ['app=pg'],
    kind: 'equal',
  },
  {
    name: 'the only workload of its namespace',
    targets: ['app=solo,x=y'],
    others: [],
    selectors: ['app=solo'],
    kind: 'equal',
  },
  {
    name: 'three of five',
    targets: ['app=a', 'app=b', 'app=c'],
    others: ['app=d', 'app=e'],
    selectors: ['app in (a|b|c)'],
    kind: 'in',
  },
  {
    name: 'the hull of two keys would let a third pod in',
    targets: ['app=a,t=x', 'app=b,t=y'],
    others: ['app=a,t=y'],
    selectors: ['app=a,t=x', 'app=b'],
    kind: 'several',
  },
  {
    name: 'two releases of one chart',
    targets: [`${helm}name=redis,${helm}instance=r1,${helm}component=master`],
    others: [
      `${helm}name=redis,${helm}instance=r1,${helm}component=replica`,
      `${helm}name=redis,${helm}instance=r2,${helm}component=master`,
    ],
    selectors: [`${helm}component=master,${helm}instance=r1,${helm}name=redis`],
    kind: 'equal',
  },
  {
    name: 'an odd key is dearer than two preferred ones',
    targets: ['app=a,component=x,maintainer=joe'],
    others: ['app=a,component=y,maintainer=ann', 'app=b,component=x,maintainer=ann'],
    selectors: ['app=a,component=x'],
    kind: 'equal',
  },
]

const ladderCases: readonly Case[] = [
  {
    name: 'no preferred key, nobody else: the cheapest common literal',
    targets: ['team=x,tool=y'],
    others: [],
    selectors: ['team=x'],
    kind: 'equal',
  },
  {
    name: 'no common value and nobody else: the values of one key',
    targets: ['app=a', 'app=b'],
    others: [],
    selectors: ['app in (a|b)'],
    kind: 'in',
  },
  {
    name: 'no common key at all: one conjunction each',
    targets: ['app=a', 'run=b'],
    others: [],
    selectors: ['app=a', 'run=b'],
    kind: 'several',
  },
  {
    name: 'a suspect key is worth less than several conjunctions',
    targets: ['p=a,q=x,version=1', 'p=b,q=y,version=1'],
    others: ['p=a,q=y,version=2'],
    selectors: ['p=b', 'q=x'],
    kind: 'several',
  },
  {
    name: 'a pod without labels cannot be named',
    targets: [''],
    others: ['app=web'],
    selectors: [],
    kind: 'merged',
    collides: [0],
  },
  {
    name: 'a pod without labels, with negations',
    targets: [''],
    others: ['app=web', 'app=db,x=y'],
    options: { negatives: true },
    selectors: ['!app'],
    kind: 'negative',
    openWorld: true,
  },
  {
    name: 'a pod without labels and nobody else, with negations',
    targets: [''],
    others: [],
    options: { negatives: true },
    selectors: [],
    kind: 'merged',
  },
  {
    name: 'more values than a list should have',
    targets: Array.from({ length: 25 }, (_, at) => `zone-app=v${at}`),
    others: ['app=other'],
    selectors: ['zone-app'],
    kind: 'in',
    openWorld: true,
  },
  {
    name: 'only what cannot be told apart is given up',
    targets: ['app=a,t=x', 'app=b,t=y'],
    others: ['app=a,t=y', 'app=a,t=x,extra=1', 'app=c'],
    selectors: ['app=a,t=x', 'app=b'],
    kind: 'merged',
    collides: [1],
  },
  {
    name: 'one conjunction at most: what lies between the targets is given up',
    targets: ['app=a,t=x', 'app=b,t=y'],
    others: ['app=a,t=y', 'app=a,t=z', 'app=c,t=x'],
    options: { maxConjunctions: 1 },
    selectors: ['app in (a|b),t in (x|y)'],
    kind: 'merged',
    collides: [0],
  },
  {
    name: 'no targets',
    targets: [],
    others: ['app=a'],
    selectors: [],
    kind: 'merged',
    collides: [0],
  },
]

const anchorCases: readonly Case[] = [
  {
    name: 'what the controller selects by is always there',
    targets: ['app=web,part=x'],
    others: ['app=db,part=y'],
    options: { anchor: pod('app=web,part=x') },
    selectors: ['app=web,part=x'],
    kind: 'equal',
  },
  {
    name: 'a version in the controller selector is no suspect',
    targets: ['app=reviews,version=v1'],
    others: ['app=reviews,version=v2'],
    options: { anchor: pod('app=reviews,version=v1') },
    selectors: ['app=reviews,version=v1'],
    kind: 'equal',
  },
  {
    name: 'what does not hold on every target is no anchor',
    targets: ['app=web,part=x', 'app=web,part=y'],
    others: ['app=db'],
    options: { anchor: pod('app=web,part=x') },
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'nor is what the targets have with another value',
    targets: ['app=web,k=x'],
    others: ['app=db'],
    options: { anchor: pod('app=shop,k=x') },
    selectors: ['k=x'],
    kind: 'equal',
  },
  {
    name: 'what the anchor leaves out already needs no literal',
    targets: ['app=web,k0=x,k1=x'],
    others: ['app=web,k0=y,k1=y', 'app=db,k0=x,k1=y'],
    selectors: ['app=web,k0=x'],
    kind: 'equal',
  },
  {
    name: 'what the network plugin does not see is no anchor',
    targets: ['app=web,kept=1'],
    others: ['app=web,kept=2'],
    options: { anchor: pod('app=web,kept=1'), allowKey: (key) => key !== 'app' },
    selectors: ['kept=1'],
    kind: 'equal',
  },
]

const stickyCases: readonly Case[] = [
  {
    name: 'what was there stays while it is right',
    targets: ['app=web,component=x'],
    others: ['app=db,component=y'],
    options: { previous: previous('component=x') },
    selectors: ['component=x'],
    kind: 'sticky',
  },
  {
    name: 'unless it selects another',
    targets: ['app=web,component=x'],
    others: ['app=db,component=x'],
    options: { previous: previous('component=x') },
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'or misses a target',
    targets: ['app=web,component=x', 'app=web,component=z'],
    others: [],
    options: { previous: previous('component=x') },
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'or is empty',
    targets: ['app=web'],
    others: [],
    options: { previous: [[]] },
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'or has a key that is not seen any more',
    targets: ['app=web,component=x'],
    others: [],
    options: { previous: previous('component=x'), allowKey: (key) => key === 'app' },
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'or a volatile one',
    targets: ['app=web,job-name=1'],
    others: [],
    options: { previous: previous('job-name=1') },
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'or denies one that is not seen',
    targets: ['app=web'],
    others: ['app=web,hidden=1'],
    options: {
      previous: [
        [...(previous('app=web')[0] ?? []), { key: 'hidden', op: 'DoesNotExist', values: [] }],
      ],
      negatives: true,
      allowKey: (key) => key === 'app',
    },
    selectors: ['app=web'],
    kind: 'merged',
    collides: [0],
  },
  {
    name: 'or only negations',
    targets: ['app=web'],
    others: ['app=db,x=1'],
    options: { previous: [[{ key: 'x', op: 'DoesNotExist', values: [] }]] },
    selectors: ['app=web'],
    kind: 'equal',
  },
  {
    name: 'a part that no pod of today needs stays too',
    targets: ['app=a,t=x'],
    others: ['app=a,t=y'],
    options: { previous: previous('app=a,t=x', 'app=b') },
    selectors: ['app=a,t=x', 'app=b'],
    kind: 'sticky',
  },
  {
    name: 'also where some others cannot be told apart',
    targets: ['app=web,component=x'],
    others: ['app=web,component=x', 'app=db,component=y'],
    options: { previous: previous('component=x') },
    selectors: ['component=x'],
    kind: 'merged',
    collides: [0],
  },
]

describe.each([
  ['worked cases', workedCases],
  ['the ladder', ladderCases],
  ['anchors', anchorCases],
  ['stickiness', stickyCases],
])('%s', (_, cases) => {
  test.each(cases)('$name', ({ targets, others, options, ...expected }) => {
    const { selectors, ...choice } = choose(targets, others, options)
    expect({ ...choice, selectors: selectors.map(spell) }).toEqual({
      selectors: expected.selectors,
      kind: expected.kind,
      exact: true,
      openWorld: expected.openWorld ?? false,
      collides: expected.collides ?? [],
      usedSuspect: expected.usedSuspect ?? [],
    })
  })
})

test('keys that objects inherit are keys like any other', () => {
  const { selectors } = choose(['constructor=a,__proto__=x'], ['constructor=a,__proto__=y'])
  expect(selectors.map(spell)).toEqual(['__proto__=x'])
})

test('more targets than can be divided exactly are divided greedily, and it is said', () => {
  const names = Array.from({ length: 14 }, (_, at) => `p${at}=1`)
  const choice = choose(names, ['q=1'])
  expect(choice).toMatchObject({ kind: 'several', exact: false, collides: [] })
  expect(choice.selectors).toHaveLength(14)
})

test('45 labels that are all needed are all used', () => {
  const labels = Array.from({ length: 45 }, (_, at) => `k${at}=v`)
  const others = labels.map((dropped) => labels.filter((label) => label !== dropped).join())
  const choice = choose([labels.join()], others)
  expect(choice).toMatchObject({ kind: 'equal', exact: true, collides: [] })
  expect(choice.selectors[0]).toHaveLength(45)
})
