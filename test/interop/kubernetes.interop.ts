/** A live cluster, and what its API server makes of what netweir writes. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { main } from '../../src/cli/main.ts'
import { root } from '../support/built.ts'
import { createFakeIo } from '../support/fake-io.ts'
import type { Kubernetes } from './kubernetes.ts'
import { startKubernetes } from './kubernetes.ts'

const shop = join(root, 'samples/shop')
const flows = join(shop, 'flows.jsonl')
const manyPods = 1100

interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status?: object
}

describe('the API server of Kubernetes', () => {
  let kubernetes: Kubernetes

  beforeAll(async () => {
    kubernetes = await startKubernetes()
    const policies = readdirSync(join(shop, 'policies')).filter((name) => name.endsWith('.yaml'))
    await create(ciliumKind)
    await until(async () => (await kubernetes.send('GET', '/apis/cilium.io/v2')).status === 200)
    for (const object of [
      ...objectsOf(join(shop, 'inventory.yaml')),
      ...policies.flatMap((name) => objectsOf(join(shop, 'policies', name))),
      ...objectsOf(join(root, 'deploy/cluster-role.yaml')),
      binding,
    ]) {
      await create(object)
    }
  })

  afterAll(() => kubernetes?.stop())

  async function create(object: KubernetesObject): Promise<void> {
    const path = pathOf(object)
    const name = `${path}/${object.metadata.name}`
    const existing = await kubernetes.send('GET', name)
    if (existing.status === 200) return
    const { status, body } = await kubernetes.send('POST', path, accepted(object))
    expect(status, `${name}: ${JSON.stringify(body['message'])}`).toBe(201)
    if (object.status === undefined) return
    const reply = await kubernetes.send('PUT', `${name}/status`, { ...body, status: object.status })
    expect(reply.status, `${name}/status: ${JSON.stringify(reply.body['message'])}`).toBe(200)
  }

  async function netweir(token: string, ...argv: readonly string[]) {
    const io = createFakeIo()
    const code = await main([...argv, '--kubeconfig', kubernetes.kubeconfig(token)], io)
    return { code, out: io.out, err: io.err }
  }

  test('gives with the role in deploy what its manifests give', async () => {
    const recorded = await netweir(
      'reader',
      ...['generate', flows, '--existing', join(shop, 'policies')],
      ...['--inventory', join(shop, 'inventory.yaml')],
    )
    const live = await netweir(
      'reader',
      ...['generate', flows, '--existing', 'cluster', '--inventory', 'cluster'],
    )
    expect(live.code, live.err).toBe(0)
    expect(live.err).not.toContain('may not list')
    expect(live.out).toBe(recorded.out)
  })

  test('takes every document that is written, as a dry run', async () => {
    const argv = ['--existing', 'cluster', '--inventory', 'cluster', '--default-deny', 'always']
    const { out } = await netweir('reader', 'generate', flows, ...argv)
    const documents = parseAllDocuments(out).map((document): KubernetesObject => document.toJS())
    expect(documents.length).toBeGreaterThan(10)
    for (const document of documents) {
      const { name, namespace } = document.metadata
      const existing = await kubernetes.send('GET', `${pathOf(document)}/${name}`)
      if (existing.status === 200) continue
      const dryRun = `${pathOf(document)}?dryRun=All&fieldValidation=Strict`
      const { status, body } = await kubernetes.send('POST', dryRun, document)
      expect(status, `${namespace}/${name}: ${JSON.stringify(body['message'])}`).toBe(201)
    }
  })

  test('says what a stranger may not list', async () => {
    const { code, out, err } = await netweir('stranger', 'lint', 'cluster')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('may not list networkpolicies.networking.k8s.io')
  })

  test('refuses a token that it does not know', async () => {
    const { code, err } = await netweir('expired', 'lint', 'cluster')
    expect(code).toBe(2)
    expect(err).toContain('does not accept the credentials: "Unauthorized"')
  })

  test('gives more than one page of pods', async () => {
    const spec = { containers: [{ name: 'one', image: 'registry.example/one:1' }] }
    for (let index = 0; index < manyPods; index++) {
      const metadata = { name: `many-${index}`, namespace: 'default', labels: { app: 'many' } }
      await create({ apiVersion: 'v1', kind: 'Pod', metadata, spec })
    }
    const unseen = `default/many-${manyPods - 1}`
    const argv = ['--existing', 'cluster', '--inventory', 'cluster', '-v']
    const { code, err } = await netweir('reader', 'generate', flows, ...argv)
    expect(code, err).toBe(0)
    const { out } = await netweir(
      'reader',
      ...['explain', '--policies', 'cluster', '--inventory', 'cluster'],
      ...['--from', unseen, '--to', 'patients/records-api', '--port', '8080'],
    )
    expect(out).toContain('default/many')
  })
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await holds()) return
    await sleep(100)
  }
  throw new Error('it never held')
}

const binding = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'netweir-reader' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'netweir-reader' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'readers' }],
}

/** The kind as it is; what its objects may contain, Cilium's own schema judges in `policies.interop.ts`. */
const ciliumKind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ciliumnetworkpolicies.cilium.io' },
  spec: {
    group: 'cilium.io',
    scope: 'Namespaced',
    names: {
      kind: 'CiliumNetworkPolicy',
      plural: 'ciliumnetworkpolicies',
      singular: 'ciliumnetworkpolicy',
    },
    versions: [
      {
        name: 'v2',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    ],
  },
}

const plurals: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  CiliumNetworkPolicy: 'ciliumnetworkpolicies',
}

function pathOf({ apiVersion, kind, metadata: { namespace } }: KubernetesObject): string {
  const scope = namespace === undefined ? '' : `namespaces/${namespace}/`
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`
  return `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}/${scope}${plural}`
}

/** A Job whose selector is given has to say that this is meant. */
function accepted(object: KubernetesObject): KubernetesObject {
  return object.kind === 'Job'
    ? { ...object, spec: { ...object.spec, manualSelector: true } }
    : object
}

function objectsOf(file: string): readonly KubernetesObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document): KubernetesObject & { items?: readonly KubernetesObject[] } => document.toJS())
    .flatMap((object) => object?.items ?? object)
    .filter((object) => object !== null)
}
