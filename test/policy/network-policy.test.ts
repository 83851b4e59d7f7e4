import { expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import type { Policy } from '../../src/policy/network-policy.ts'
import { isManaged } from '../../src/policy/network-policy.ts'

test.each<[string, readonly (readonly [string, string])[] | undefined, boolean]>([
  ['no labels', undefined, false],
  ['other labels', [['app.kubernetes.io/name', 'netweir']], false],
  ['another manager', [['app.kubernetes.io/managed-by', 'Helm']], false],
  ['netweir', [['app.kubernetes.io/managed-by', 'netweir']], true],
])('isManaged: %s', (_name, labels, expected) => {
  const policy: Policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace: 'shop', ...(labels && { labels: toLabels(labels) }) },
    spec: { podSelector: {} },
  }
  expect(isManaged(policy)).toBe(expected)
})
