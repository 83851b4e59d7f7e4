/** Objects of a live cluster, as manifests: lists of the API server, page by page, and what could not be read. */
import { setTimeout } from 'node:timers/promises'
import { NetweirError } from '../errors.ts'
import type { Manifest } from '../policy/manifest.ts'
import { readManifests } from '../policy/manifest.ts'
import { quote } from '../policy/quote.ts'
import type { ClusterResource } from './cluster-resources.ts'
import { liveCluster } from './cluster-resources.ts'
import type { Answer, ClusterOptions } from './kube-connection.ts'
import { ConnectionLost, KubeConnection } from './kube-connection.ts'

/** What was read of a cluster. */
export interface ClusterReading {
  readonly manifests: readonly Manifest[]
  /** What the credentials may not list, each with what is not known without it. */
  readonly refused: readonly string[]
}

/** Objects of one page, as the API server's own clients ask for them. */
const pageSize = 500

/** Most objects of one kind, and pages of them: more is no cluster, but a server that never ends. */
const maxObjects = 1_000_000
const maxPages = 10_000

/** A list is begun again so often: when the server forgets where it was, or is lost on the way. */
const attempts = 4

const firstWaitMs = 250

/** A server that asks to be left alone for longer is not waited for. */
const longestWaitMs = 30_000

/**
 * Returns the objects of the resources, in their order. A kind that the cluster does not have is passed over where it
 * is optional, and one that may not be listed is named in `refused`.
 * @throws {NetweirError} `KUBECONFIG_INVALID`; `ACCESS_DENIED` when the credentials are not accepted, or may list
 * nothing of what was asked for; `SOURCE_LOST` when the server cannot be reached or breaks off; `SOURCE_CORRUPT` when it
 * is no API server; `INTERRUPTED`.
 */
export async function readCluster(
  resources: readonly ClusterResource[],
  options: ClusterOptions,
  signal: AbortSignal,
): Promise<ClusterReading> {
  const connection = await KubeConnection.open(options, signal)
  const manifests: Manifest[] = []
  const refused: string[] = []
  for (const resource of resources) {
    const items = await listWhole(connection, resource, signal)
    if (items === 'refused') {
      refused.push(`${nameOf(resource)}, without which ${resource.lacking}`)
    } else if (items !== 'absent') {
      for (const item of items) manifests.push(...toManifests(item, resource))
    }
  }
  if (refused.length > 0 && refused.length >= resources.filter((each) => !each.optional).length) {
    throw new NetweirError(
      'ACCESS_DENIED',
      `the credentials for ${connection.server} may not list ${resources.map(nameOf).join(', ')}`,
      {
        hint: 'the ClusterRole in deploy/cluster-role.yaml has what is needed, to read and no more',
      },
    )
  }
  return { manifests, refused }
}

type Listed = readonly object[] | 'refused' | 'absent'

async function listWhole(
  connection: KubeConnection,
  resource: ClusterResource,
  signal: AbortSignal,
): Promise<Listed> {
  let reason = ''
  let askedMs = 0
  for (let attempt = 0; attempt < attempts; attempt++) {
    const waitMs = Math.max(firstWaitMs * 2 ** (attempt - 1), askedMs)
    if (attempt > 0) await pause(Math.min(waitMs, longestWaitMs), signal)
    try {
      const listed = await listPages(connection, resource)
      if (listed !== 'expired') return listed
      askedMs = 0
      reason = 'the list changed faster than it could be read'
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      reason = error.message
      askedMs = error.retryAfterMs
    }
  }
  throw new NetweirError(
    'SOURCE_LOST',
    `cannot list ${nameOf(resource)} of ${connection.server}: ${reason}`,
    { hint: 'check that the cluster can be reached from here, and try again' },
  )
}

async function listPages(
  connection: KubeConnection,
  resource: ClusterResource,
): Promise<Listed | 'expired'> {
  const items: object[] = []
  let next = ''
  let pages = 0
  do {
    const query = next === '' ? '' : `&continue=${encodeURIComponent(next)}`
    const answer = await connection.get(`${pathOf(resource)}?limit=${pageSize}${query}`)
    const without = withoutList(answer, resource)
    if (without !== undefined) return without
    const page = readPage(answer, connection, resource)
    for (const item of page.items) items.push(item)
    pages += 1
    const isStuck = page.next !== '' && page.next === next
    if (isStuck || items.length > maxObjects || pages > maxPages) {
      throw new NetweirError(
        'SOURCE_CORRUPT',
        `the list of ${nameOf(resource)} of ${connection.server} never ends`,
        { hint: 'check the address of the cluster in the kubeconfig' },
      )
    }
    next = page.next
  } while (next !== '')
  return items
}

/** Returns why an answer holds no list, where that is no failure. @throws {ConnectionLost} where asking again may help. */
function withoutList(
  answer: Answer,
  { optional }: ClusterResource,
): 'expired' | 'refused' | 'absent' | undefined {
  const { status } = answer
  if (status === 410) return 'expired'
  if (status === 403) return 'refused'
  if (status === 404 && optional === true) return 'absent'
  if (status === 429 || status >= 500) {
    const { retryAfterMs = 0 } = answer
    throw new ConnectionLost(`the server answers ${status}${detailOf(answer)}`, { retryAfterMs })
  }
  return undefined
}

function readPage(
  answer: Answer,
  connection: KubeConnection,
  resource: ClusterResource,
): { readonly items: readonly object[]; readonly next: string } {
  if (answer.status === 401) {
    throw new NetweirError(
      'ACCESS_DENIED',
      `${connection.server} does not accept the credentials${detailOf(answer)}`,
      { hint: 'a token may have expired: log in again, until kubectl get namespaces works' },
    )
  }
  const list = answer.status === 200 ? parse(answer.body) : undefined
  // A server writes an empty list as null, too; what is no list of this kind says nothing of it.
  const found = list?.['kind'] === `${resource.kind}List` ? (list['items'] ?? []) : undefined
  if (list === undefined || !Array.isArray(found)) {
    throw new NetweirError(
      'SOURCE_CORRUPT',
      `${connection.server} answers ${answer.status}${detailOf(answer)} to a list of ${nameOf(resource)}, expected a Kubernetes API server`,
      { hint: 'check the address of the cluster in the kubeconfig' },
    )
  }
  const items: readonly unknown[] = found
  const metadata = list['metadata']
  const next = isRecord(metadata) ? metadata['continue'] : undefined
  return { items: items.filter(isRecord), next: typeof next === 'string' ? next : '' }
}

/** Items of a list lack the kind, and carry who wrote which field when, which is longer than the object. */
function toManifests(item: object, resource: ClusterResource): readonly Manifest[] {
  const { apiVersion, kind, plural } = resource
  const metadata = 'metadata' in item && isRecord(item.metadata) ? { ...item.metadata } : undefined
  delete metadata?.['managedFields']
  const whole = { ...item, apiVersion, kind, ...(metadata === undefined ? {} : { metadata }) }
  const parts = [liveCluster, plural, metadata?.['namespace'], metadata?.['name']]
  const place = parts.filter((part) => typeof part === 'string').join('/')
  return readManifests(JSON.stringify(whole, undefined, resource.isPolicy === true ? 2 : 0), place)
}

function pathOf({ apiVersion, plural }: ClusterResource): string {
  return `${apiVersion.includes('/') ? '/apis/' : '/api/'}${apiVersion}/${plural}`
}

function nameOf({ apiVersion, plural }: ClusterResource): string {
  const [group, version] = apiVersion.split('/')
  return version === undefined ? plural : `${plural}.${group}`
}

/** What the server's `Status` says, in words. */
function detailOf({ body }: Answer): string {
  const message = parse(body)?.['message']
  return typeof message === 'string' && message !== '' ? `: ${quote(message)}` : ''
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> & object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal })
  } catch (cause) {
    throw new NetweirError('INTERRUPTED', 'interrupted', { cause })
  }
}
