/** Policies and inventory of a live cluster, over a real TLS connection to a server that answers as an API server does. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { main } from '../../src/cli/main.ts'
import { readCluster } from '../../src/source/cluster.ts'
import { inventoryResources, policyResources } from '../../src/source/cluster-resources.ts'
import type { ApiObject } from '../support/api-server.ts'
import { ApiServer, kubeconfigFor } from '../support/api-server.ts'
import { CertificateFolder, describeTls } from '../support/certificates.ts'
import { createFakeIo } from '../support/fake-io.ts'

const root = resolve(import.meta.dirname, '..', '..')
const shop = join(root, 'samples/shop')
const flows = join(shop, 'flows.jsonl')
const ciliumPath = '/apis/cilium.io/v2/ciliumnetworkpolicies'
const podPath = '/api/v1/pods'

describeTls('a live cluster', () => {
  let certificates: CertificateFolder
  let server: ApiServer
  let kubeconfig = ''

  beforeAll(async () => {
    certificates = new CertificateFolder()
    const objects = [
      ...objectsOf(join(shop, 'inventory.yaml')),
      ...readdirSync(join(shop, 'policies'))
        .filter((name) => name.endsWith('.yaml'))
        .flatMap((name) => objectsOf(join(shop, 'policies', name))),
    ]
    server = new ApiServer(certificates, objects, {
      absent: [
        ciliumPath,
        '/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies',
        '/apis/argoproj.io/v1alpha1/rollouts',
      ],
    })
    await server.listen()
    kubeconfig = certificates.write('kubeconfig', kubeconfigFor(server.url, certificates.ca.cert))
  })

  afterEach(() => {
    server.mishap = () => undefined
  })

  afterAll(async () => {
    await server.close()
    certificates.remove()
  })

  async function netweir(...argv: readonly string[]) {
    const io = createFakeIo()
    const code = await main([...argv, '--kubeconfig', kubeconfig], io)
    return { code, out: io.out, err: io.err }
  }

  const live = ['--existing', 'cluster', '--inventory', 'cluster'] as const

  test('gives what its manifests give, and is only read', async () => {
    const recorded = await netweir(
      ...['generate', flows, '--existing', join(shop, 'policies')],
      ...['--inventory', join(shop, 'inventory.yaml')],
    )
    const fromCluster = await netweir('generate', flows, ...live)
    expect(fromCluster.code, fromCluster.err).toBe(0)
    expect(fromCluster.out).toBe(recorded.out)
    expect(server.requests.every((request) => request.startsWith('GET '))).toBe(true)
    expect(server.requests).toContain(`GET ${podPath}?limit=500&continue=3`)
  })

  test('is verified and explained with places in its objects', async () => {
    const explanation = await netweir(
      ...['explain', flows, '--policies', 'cluster', '--inventory', 'cluster'],
      ...['--from', 'monitoring/prometheus', '--to', 'patients/records-api', '--port', '9102'],
    )
    expect(explanation.out).toMatch(/cluster\/networkpolicies\/patients\/\S+:\d+/)
    const verify = await netweir('verify', flows, '--policies', 'cluster', '--inventory', 'cluster')
    expect(verify.code, verify.err).toBe(0)
  })

  test('that lacks optional kinds says nothing of it', async () => {
    const { err } = await netweir('lint', 'cluster')
    expect(err).not.toContain('cilium')
  })

  test('names each kind that the credentials may not list, and goes on', async () => {
    server.mishap = (path) =>
      path === '/api/v1/nodes' || path === '/apis/batch/v1/jobs'
        ? { status: 403, message: 'forbidden: User "u" cannot list' }
        : undefined
    const { code, err } = await netweir('generate', flows, ...live)
    expect(code).toBe(0)
    expect(err).toContain(
      'the credentials may not list nodes, without which addresses of nodes count as outside ones',
    )
    expect(err).toContain('the credentials may not list jobs.batch')
  })

  test('whose policies may not be listed ends the run', async () => {
    server.mishap = (path) =>
      path.includes('networkpolicies') ? { status: 403, message: 'forbidden' } : undefined
    const { code, out, err } = await netweir('generate', flows, ...live)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('error[ACCESS_DENIED]')
    expect(err).toContain('deploy/cluster-role.yaml')
  })

  test('whose token has expired ends the run with what to do', async () => {
    const { code, err } = await netweir('lint', 'cluster', '--context', 'expired')
    expect(code).toBe(2)
    expect(err).toMatch(/error\[ACCESS_DENIED\].*does not accept the credentials: "Unauthorized"/)
    expect(err).toContain('log in again')
  })

  test('that forgets where a list was begins it again', async () => {
    server.mishap = (path, count) => (path === podPath && count < 4 ? 'forget' : undefined)
    const { code, err } = await netweir('generate', flows, ...live)
    expect(code, err).toBe(0)
  })

  test('that breaks off in the middle of a list is asked again', async () => {
    let broken = 0
    server.mishap = (path) => (path === podPath && broken++ < 2 ? 'break-off' : undefined)
    const { code, err } = await netweir('generate', flows, ...live)
    expect(code, err).toBe(0)
    expect(broken).toBeGreaterThan(2)
  })

  test('that never gets through a list is lost', async () => {
    server.mishap = (path) => (path === podPath ? 'break-off' : undefined)
    const { code, out, err } = await netweir('generate', flows, ...live)
    expect({ code, out }).toEqual({ code: 3, out: '' })
    expect(err).toMatch(/error\[SOURCE_LOST\]: cannot list pods of https:\/\/localhost:\d+/)
  })

  test('that is overloaded is lost, with what it says', async () => {
    server.mishap = () => ({ status: 503, message: 'etcd is \u001b[31mdown' })
    const { code, err } = await netweir('lint', 'cluster')
    expect(code).toBe(3)
    expect(err).toContain('503: "etcd is \\u001b[31mdown"')
  })

  test('that is no API server is said to be none', async () => {
    server.mishap = () => ({ status: 200, html: true })
    const { code, err } = await netweir('lint', 'cluster')
    expect(code).toBe(2)
    expect(err).toContain('expected a Kubernetes API server')
  })

  test('whose certificate nobody vouches for is not trusted', async () => {
    const distrusting = certificates.write('distrusting', kubeconfigFor(server.url, undefined))
    const io = createFakeIo()
    expect(await main(['lint', 'cluster', '--kubeconfig', distrusting], io)).toBe(2)
    expect(io.err).toContain('error[KUBECONFIG_INVALID]')
    expect(io.err).toContain('certificate-authority-data')
  })

  test.each([
    [
      'a context that is not there',
      ['--context', 'nope'],
      'has no context "nope": it has "good", "expired"',
    ],
  ])('%s is named', async (_what, argv, message) => {
    const { code, err } = await netweir('lint', 'cluster', ...argv)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })

  test('a kubeconfig that is empty is named, and so is none at all', async () => {
    const empty = createFakeIo()
    expect(await main(['lint', 'cluster', '--kubeconfig', '/dev/null'], empty)).toBe(2)
    expect(empty.err).toContain('cannot read the kubeconfig: it is empty, or no kubeconfig')
    vi.stubEnv('KUBECONFIG', '')
    vi.stubEnv('HOME', join(root, 'no-such-home'))
    try {
      const none = createFakeIo()
      expect(await main(['lint', 'cluster', '--context', 'good'], none)).toBe(2)
      expect(none.err).toContain('there is no kubeconfig, and this is no pod')
    } finally {
      vi.unstubAllEnvs()
    }
  })

  test('a kubeconfig that is not there is named', async () => {
    const io = createFakeIo()
    const missing = join(root, 'no-such-kubeconfig')
    expect(await main(['lint', 'cluster', '--kubeconfig', missing], io)).toBe(2)
    expect(io.err).toContain('error[KUBECONFIG_INVALID]')
    expect(io.err).toContain('no-such-kubeconfig')
  })

  test('that asks to be left alone for a while is left alone', async () => {
    let times: readonly number[] = []
    server.mishap = (path) => {
      if (path !== podPath) return undefined
      times = [...times, Date.now()]
      return times.length === 1
        ? { status: 429, message: 'too many requests', retryAfter: '1' }
        : undefined
    }
    const { code, err } = await netweir('generate', flows, ...live)
    expect(code, err).toBe(0)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990)
  })

  test.each([
    ['has no kind', { items: [] }, /answers 200 to a list of networkpolicies/],
    ['is of another kind', { kind: 'PodList', items: [] }, /answers 200 to a list of networkpol/],
    [
      'never ends',
      { kind: 'NetworkPolicyList', metadata: { continue: 'again' }, items: [] },
      /list of networkpolicies.networking.k8s.io of https:\S+ never ends/,
    ],
  ])('whose list %s is no API server', async (_, list, message) => {
    server.mishap = (path) => (path.endsWith('/networkpolicies') ? { list } : undefined)
    const { code, out, err } = await netweir('generate', flows, ...live)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
    expect(err).toContain('error[SOURCE_CORRUPT]')
  })

  test('may write a list without items as null', async () => {
    server.mishap = (path) =>
      path === podPath ? { list: { kind: 'PodList', metadata: {}, items: null } } : undefined
    const { code, err } = await netweir('generate', flows, ...live)
    expect(code, err).toBe(0)
  })

  test('is an input of a report, and has no digest there', async () => {
    const { code, out, err } = await netweir('report', flows, ...live, '-o', 'json')
    expect(code, err).toBe(0)
    const { inputs } = JSON.parse(out) as { readonly inputs: readonly unknown[] }
    expect(inputs.slice(1)).toEqual([
      { role: 'inventory', name: 'cluster' },
      { role: 'existing', name: 'cluster' },
    ])
  })

  test.each([
    ['echo secret-token', 'the credential plugin answers with something else'],
    ["echo '{}'", 'the credential plugin answers with something else'],
    ['echo log in first >&2; exit 1', 'log in first'],
  ])('whose credential plugin does "%s" is named', async (script, message) => {
    const plugged = pluginConfig(script)
    const io = createFakeIo()
    expect(await main(['lint', 'cluster', '--kubeconfig', plugged], io)).toBe(2)
    expect(io.err).toContain('error[KUBECONFIG_INVALID]: cannot get credentials for https://')
    expect(io.err).toContain(message)
    expect(io.err).not.toContain('secret')
  })

  test('whose credential plugin never ends can be given up', async () => {
    const plugged = pluginConfig('exec sleep 20')
    const stop = new AbortController()
    const reading = readCluster(policyResources, { kubeconfig: plugged }, stop.signal)
    setTimeout(() => stop.abort(), 200)
    await expect(reading).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })

  function pluginConfig(script: string): string {
    const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Record<string, unknown>
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh' }
    const users = [{ name: 'good', user: { exec: { ...exec, args: ['-c', script] } } }]
    return certificates.write('plugged', JSON.stringify({ ...config, users }))
  }

  test('that nobody listens for is lost', async () => {
    const unused = certificates.write('unused', kubeconfigFor('https://127.0.0.1:1', undefined))
    const io = createFakeIo()
    expect(await main(['lint', 'cluster', '--kubeconfig', unused], io)).toBe(3)
    expect(io.err).toContain('ECONNREFUSED')
  })
})

test('the role in deploy allows to list just what is listed', () => {
  const [role] = objectsOf(join(root, 'deploy/cluster-role.yaml')) as unknown as readonly Role[]
  const allowed = (role?.rules ?? []).flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
    ),
  )
  const listed = [...policyResources, ...inventoryResources].map(({ apiVersion, plural }) => {
    const [group, version] = apiVersion.split('/')
    return `list ${version === undefined ? '' : group}/${plural}`
  })
  expect(allowed.sort()).toEqual(listed.sort())
})

interface Role {
  readonly rules: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
  }[]
}

function objectsOf(file: string): readonly ApiObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document): unknown => document.toJS())
    .flatMap((object) => (isList(object) ? object.items : [object as ApiObject]))
    .filter((object) => object !== null)
}

function isList(object: unknown): object is { readonly items: readonly ApiObject[] } {
  return typeof object === 'object' && object !== null && 'items' in object
}
