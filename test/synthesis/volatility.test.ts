import { describe, expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import type { WorkloadPods } from '../../src/synthesis/volatility.ts'
import { detectVolatileKeys } from '../../src/synthesis/volatility.ts'

describe('detectVolatileKeys', () => {
  /** Returns a workload with one pod per map, each of a generation of its own. */
  function rolled(
    name: string,
    maps: readonly Record<string, string>[],
    selectorKeys: readonly string[] = [],
  ): WorkloadPods {
    return {
      selectorKeys,
      pods: maps.map((labels, at) => ({
        name: `${name}-bcdfg`,
        labels: toLabels(Object.entries(labels)),
        generation: [`pod-template-hash=${at}`],
      })),
    }
  }

  test('few rollouts are enough to tell what changes from what stays', () => {
    const still = Array.from({ length: 392 }, (_, at) =>
      rolled(`w${at}`, [{ app: `w${at}`, team: `t${at % 7}`, flavour: 'plain', weather: 'dry' }]),
    )
    const moved = Array.from({ length: 8 }, (_, at) =>
      rolled(`m${at}`, [
        { app: `m${at}`, team: 't1', flavour: 'plain', weather: 'wet' },
        { app: `m${at}`, team: 't1', flavour: 'spicy', weather: 'wet' },
      ]),
    )
    const { volatile, suspect } = detectVolatileKeys([...still, ...moved])
    expect([...volatile]).toEqual(['flavour'])
    expect([...suspect]).toEqual([])
  })

  test('one workload in which a key varies is not enough, two are', () => {
    const varying = (name: string): WorkloadPods => rolled(name, [{ mood: 'a' }, { mood: 'b' }])
    expect(detectVolatileKeys([varying('x')]).volatile).toEqual(new Set())
    expect(detectVolatileKeys([varying('x'), varying('y')]).volatile).toEqual(new Set(['mood']))
  })

  test('a key that some pods lack varies', () => {
    const half = (name: string): WorkloadPods =>
      rolled(name, [{ app: name, mood: 'a' }, { app: name }])
    expect(detectVolatileKeys([half('x'), half('y')]).volatile).toEqual(new Set(['mood']))
  })

  test('rollouts that leave a key alone speak for it', () => {
    const varying = (name: string): WorkloadPods => rolled(name, [{ mood: 'a' }, { mood: 'b' }])
    const steady = (name: string): WorkloadPods => rolled(name, [{ mood: 'c' }, { mood: 'c' }])
    const names = ['p', 'q', 'r']
    const all = [varying('x'), varying('y'), ...names.map(steady)]
    expect(detectVolatileKeys(all).volatile).toEqual(new Set())
    // Pods of one generation with equal labels say nothing.
    const silent = names.map((name) => ({
      selectorKeys: [],
      pods: steady(name).pods.map((pod) => ({ ...pod, generation: [] })),
    }))
    expect(detectVolatileKeys([varying('x'), varying('y'), ...silent]).volatile).toEqual(
      new Set(['mood']),
    )
  })

  test('pods that differ count as much as rollouts', () => {
    const differing = (name: string): WorkloadPods => ({
      selectorKeys: [],
      pods: rolled(name, [{ mood: 'a' }, { mood: 'b' }]).pods.map((pod) => ({
        ...pod,
        generation: [],
      })),
    })
    const all = [differing('x'), differing('y')]
    expect(detectVolatileKeys(all).volatile).toEqual(new Set(['mood']))
    const steady = rolled('z', [{ mood: 'c' }, { mood: 'c' }])
    expect(detectVolatileKeys([...all, steady]).volatile).toEqual(new Set())
  })

  test('four of five generated values are not enough, five of six are', () => {
    const marked = (count: number): WorkloadPods[] => [
      rolled('other', [{ mark: 'none' }]),
      ...Array.from({ length: count }, (_, at) => rolled(`w${at}`, [{ mark: `3f2a9b${at}` }])),
    ]
    expect(detectVolatileKeys(marked(4)).volatile).toEqual(new Set())
    expect(detectVolatileKeys(marked(5)).volatile).toEqual(new Set(['mark']))
  })

  test.each([
    ['short commit', '3f2a9bc'],
    ['digest', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    ['template hash', '7d4bf9c5bd'],
    ['uuid', '8c1d8e52-6a7e-4a8e-9f57-0b9d8a1f3c22'],
    ['epoch', '1735689600'],
    ['epoch in milliseconds', '1735689600123'],
    ['name of the pod', 'web-bcdfg'],
  ])('values that look generated: %s', (_, value) => {
    const { volatile } = detectVolatileKeys([rolled('web', [{ mark: value, app: 'web' }])])
    expect(volatile).toEqual(new Set(['mark']))
  })

  test.each(['frontend', 'facade', 'cafe1', '8080', 'v2', 'web-1'])('%s does not', (value) => {
    expect(detectVolatileKeys([rolled('web', [{ mark: value }])]).volatile).toEqual(new Set())
  })

  test('a bare pod may be called like its label', () => {
    const bare: WorkloadPods = {
      selectorKeys: [],
      pods: [{ name: 'nginx', labels: toLabels([['run', 'nginx']]), generation: [] }],
    }
    expect(detectVolatileKeys([bare]).volatile).toEqual(new Set())
  })

  test.each(['1.2.3', 'v1.30', '2.0.0-rc.1', '1.2.3+build.4', 'v2'])('%s is a version', (value) => {
    const { volatile, suspect } = detectVolatileKeys([rolled('web', [{ mark: value }])])
    expect(suspect).toEqual(new Set(['mark']))
    expect(volatile).toEqual(new Set())
  })

  test.each(['10.0.0.1.5.6', '1', 'v', 'vanilla', '1.x'])('%s is none', (value) => {
    expect(detectVolatileKeys([rolled('web', [{ mark: value }])]).suspect).toEqual(new Set())
  })

  test('four of five values are not enough, five of six are', () => {
    const versions = (count: number): WorkloadPods[] => [
      rolled('other', [{ mark: 'none' }]),
      ...Array.from({ length: count }, (_, at) => rolled(`w${at}`, [{ mark: `1.${at}.0` }])),
    ]
    expect(detectVolatileKeys(versions(4)).suspect).toEqual(new Set())
    expect(detectVolatileKeys(versions(5)).suspect).toEqual(new Set(['mark']))
  })

  test('keys of a controller selector are neither volatile nor suspect', () => {
    const workloads = ['x', 'y', 'z'].map((name) =>
      rolled(
        name,
        [
          { mood: 'a', version: '1.0.0' },
          { mood: 'b', version: '1.0.0' },
        ],
        ['mood', 'version'],
      ),
    )
    expect(detectVolatileKeys(workloads)).toEqual({ volatile: new Set(), suspect: new Set() })
  })

  test('neither the order of workloads nor that of pods matters', () => {
    const workloads = [
      rolled('x', [{ mood: 'a', sha: '3f2a9bc' }, { mood: 'b' }]),
      rolled('y', [{ mood: 'c', release: '1.0.0' }, { mood: 'd' }]),
    ]
    const turned = workloads
      .map((workload) => ({ ...workload, pods: workload.pods.toReversed() }))
      .reverse()
    const { volatile, suspect } = detectVolatileKeys(workloads)
    const again = detectVolatileKeys(turned)
    expect([...again.volatile]).toEqual([...volatile])
    expect([...again.suspect]).toEqual([...suspect])
  })
})
