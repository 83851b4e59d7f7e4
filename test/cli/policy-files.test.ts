import { describe, expect, test } from 'vitest'
import { isOurPlace, isOurText, layOutPolicies, marker } from '../../src/cli/policy-files.ts'
import type { GeneratedPolicy } from '../../src/index.ts'
import { renderPolicy } from '../../src/index.ts'

function policy(
  namespace: string,
  name: string,
  role: GeneratedPolicy['role'] = 'workload',
): GeneratedPolicy {
  return {
    role,
    policy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace, name },
      spec: { podSelector: {}, policyTypes: ['Ingress'] },
    },
  }
}

const kustomization = (...resources: readonly string[]): string =>
  [
    marker,
    'apiVersion: kustomize.config.k8s.io/v1beta1',
    'kind: Kustomization',
    ...(resources.length === 0
      ? ['resources: []']
      : ['resources:', ...resources.map((path) => `  - ${path}`)]),
    '',
  ].join('\n')

test('one file a policy, and default denies in a folder of their own', () => {
  const web = policy('shop', 'web')
  const deny = policy('shop', 'default-deny', 'default-deny')
  const files = layOutPolicies([policy('shop', 'web-2'), web, policy('data', 'db'), deny])
  expect([...files.keys()]).toEqual([
    'data/db.yaml',
    'default-deny/kustomization.yaml',
    'default-deny/shop.yaml',
    'kustomization.yaml',
    'shop/web-2.yaml',
    'shop/web.yaml',
  ])
  expect(files.get('shop/web.yaml')).toBe(`${marker}\n${renderPolicy(web.policy)}`)
  expect(files.get('default-deny/shop.yaml')).toBe(`${marker}\n${renderPolicy(deny.policy)}`)
  expect(files.get('kustomization.yaml')).toBe(
    kustomization('data/db.yaml', 'shop/web-2.yaml', 'shop/web.yaml'),
  )
  expect(files.get('default-deny/kustomization.yaml')).toBe(kustomization('shop.yaml'))
})

test('the order of the policies does not matter', () => {
  const policies = [policy('b', 'x'), policy('a', 'y'), policy('a', 'd', 'default-deny')]
  expect([...layOutPolicies(policies)]).toEqual([...layOutPolicies(policies.toReversed())])
})

test('no policies are an empty kustomization', () => {
  expect([...layOutPolicies([])]).toEqual([['kustomization.yaml', kustomization()]])
})

test('names that the layout needs for itself move aside', () => {
  const files = layOutPolicies([
    policy('default-deny', 'kustomization'),
    policy('shop', 'kustomization'),
    policy('kustomization', 'd', 'default-deny'),
    policy('default-deny', 'd', 'default-deny'),
  ])
  expect([...files.keys()]).toEqual([
    'default-deny/default-deny.yaml',
    'default-deny/kustomization.yaml',
    'default-deny/kustomization_.yaml',
    'default-deny_/kustomization_.yaml',
    'kustomization.yaml',
    'shop/kustomization_.yaml',
  ])
})

describe('no path is made of a name that is no DNS name', () => {
  test.each(['..', '.', '', '../etc', 'a/b', '/etc', 'A', 'a\n', '-a', 'a\u001b', 'a'.repeat(254)])(
    '%j',
    (name) => {
      const failure = expect.objectContaining({ code: 'INTERNAL' })
      expect(() => layOutPolicies([policy('shop', name)])).toThrow(failure)
      expect(() => layOutPolicies([policy(name, 'web')])).toThrow(failure)
      expect(() => layOutPolicies([policy(name, 'd', 'default-deny')])).toThrow(failure)
    },
  )

  test('two policies of one name', () => {
    expect(() => layOutPolicies([policy('shop', 'web'), policy('shop', 'web')])).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    )
  })
})

test.each([
  ['kustomization.yaml', true],
  ['shop/web.yaml', true],
  ['default-deny/shop.yaml', true],
  ['README.md', false],
  ['web.yaml', false],
  ['shop/web.yml', false],
  ['shop/deep/web.yaml', false],
])('%s is a place of netweir: %s', (path, expected) => {
  expect(isOurPlace(path)).toBe(expected)
})

test.each([
  [`${marker}\nkind: x`, true],
  ['# Managed by netweir, with other words later\n', true],
  ['# managed by netweir\n', false],
  ['kind: x # Managed by netweir\n', false],
  ['', false],
])('%j is a text of netweir: %s', (text, expected) => {
  expect(isOurText(text)).toBe(expected)
})
