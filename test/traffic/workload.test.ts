import { expect, test } from 'vitest'
import type { PodFacts, ResolvedWorkload } from '../../src/traffic/workload.ts'
import { resolveWorkload } from '../../src/traffic/workload.ts'

function resolved(overrides: Partial<PodFacts>): string {
  const { workload, resolvedBy }: ResolvedWorkload = resolveWorkload({
    name: 'web',
    generation: [],
    labels: ['app=web'],
    ...overrides,
  })
  return `${workload.kind}/${workload.name} by ${resolvedBy}`
}

const hash = 'pod-template-hash=7d9f8b6c5d'

test.each<[string, Partial<PodFacts>, string]>([
  [
    'the inventory knows best',
    {
      inventory: { kind: 'Rollout', name: 'web' },
      reported: { kind: 'ReplicaSet', name: 'web-1' },
    },
    'Rollout/web by inventory',
  ],
  [
    'then the producer',
    { reported: { kind: 'Deployment', name: 'web' }, name: 'other-7d9f8b6c5d-x2k4z' },
    'Deployment/web by flow',
  ],
  [
    'a rollout shows as a ReplicaSet',
    {
      reported: { kind: 'ReplicaSet', name: 'web-6b7f' },
      generation: ['rollouts-pod-template-hash=6b7f'],
    },
    'Rollout/web by flow',
  ],
  [
    'a ReplicaSet of its own',
    { reported: { kind: 'ReplicaSet', name: 'web-6b7f' } },
    'ReplicaSet/web-6b7f by flow',
  ],
  ['a Deployment by name', { name: 'web-7d9f8b6c5d-x2k4z' }, 'Deployment/web by name'],
  [
    'a Deployment by name and hash',
    { name: 'my-web-7d9f8b6c5d-x2k4z', generation: [hash] },
    'Deployment/my-web by name',
  ],
  [
    'the hash of another ReplicaSet',
    { name: 'web-6666666666-x2k4z', generation: [hash] },
    'CronJob/web by name',
  ],
  [
    'a hash that looks like a schedule',
    { name: 'web-2946582749-x2k4z', generation: ['pod-template-hash=2946582749'] },
    'Deployment/web by name',
  ],
  ['a CronJob by name', { name: 'backup-29387520-x2k4z' }, 'CronJob/backup by name'],
  [
    'a StatefulSet whose label agrees',
    { name: 'db-0', labels: ['app=db'] },
    'StatefulSet/db by name',
  ],
  [
    'a StatefulSet whose revision agrees',
    { name: 'db-12', labels: [], generation: ['controller-revision-hash=db-5f'] },
    'StatefulSet/db by name',
  ],
  [
    'a name that ends in a number by chance',
    { name: 'node-7', labels: ['app=x'] },
    'LabelSet/app=x by labels',
  ],
  ['a DaemonSet by name', { name: 'agent-x2k4z' }, 'DaemonSet/agent by name'],
  ['vowels are never generated', { name: 'my-chart' }, 'LabelSet/app=web by labels'],
  [
    'nothing but labels',
    { name: 'web', labels: ['app=web', 'tier=front'] },
    'LabelSet/app=web,tier=front by labels',
  ],
  ['not even labels', { labels: [] }, 'LabelSet/unlabelled by labels'],
])('%s', (_name, facts, expected) => {
  expect(resolved(facts)).toBe(expected)
})
