/** The layout of `--out-dir`: which file holds what, as names and text. */

import type { GeneratedPolicy, Policy } from '../index.ts'
import { NetweirError, renderPolicy } from '../index.ts'

/** First line of every file that netweir writes into a directory, by which it knows its own again. */
export const marker = '# Managed by netweir: the next run writes this file anew'

const markerStart = '# Managed by netweir'
const denyFolder = 'default-deny'
const kustomization = 'kustomization.yaml'

/**
 * Returns the files of a directory: path, with `/` between its parts, to text. Paths are in order.
 *
 * @throws NetweirError `INTERNAL` when a name is no safe file name, which validated names are.
 */
export function layOutPolicies(policies: readonly GeneratedPolicy[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const { policy, role } of policies) {
    const path = role === 'workload' ? workloadPath(policy) : denyPath(policy)
    if (files.has(path)) {
      throw new NetweirError('INTERNAL', `two policies have the place "${path}"`)
    }
    files.set(path, `${marker}\n${renderPolicy(policy)}`)
  }
  const paths = [...files.keys()]
  const denyPaths = paths.filter((path) => path.startsWith(`${denyFolder}/`))
  const workloadPaths = paths.filter((path) => !path.startsWith(`${denyFolder}/`))
  files.set(kustomization, renderKustomization(workloadPaths))
  if (denyPaths.length > 0) {
    const names = denyPaths.map((path) => path.slice(denyFolder.length + 1))
    files.set(`${denyFolder}/${kustomization}`, renderKustomization(names))
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Tells whether netweir may write a file at `path` (relative, with `/`). */
export function isOurPlace(path: string): boolean {
  return path === kustomization || /^[^/]+\/[^/]+\.yaml$/.test(path)
}

/** Tells whether a text was written by netweir: by its first line. */
export function isOurText(text: string): boolean {
  return text.startsWith(markerStart)
}

/** Length of what {@link isOurText} has to see, in bytes. */
export const markerBytes: number = markerStart.length

function workloadPath(policy: Policy): string {
  const namespace = safeName(policy.metadata.namespace)
  // An underscore is in no Kubernetes name: what would be taken for a file of another kind moves aside.
  const folder = namespace === denyFolder ? `${denyFolder}_` : namespace
  return `${folder}/${fileName(policy.metadata.name)}`
}

function denyPath(policy: Policy): string {
  // An underscore is in no name of a namespace.
  if (policy.kind === 'CiliumClusterwideNetworkPolicy') return `${denyFolder}/clusterwide_.yaml`
  return `${denyFolder}/${fileName(policy.metadata.namespace)}`
}

function fileName(name: string): string {
  const file = `${safeName(name)}.yaml`
  return file === kustomization ? 'kustomization_.yaml' : file
}

function safeName(name: string): string {
  if (name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) return name
  throw new NetweirError('INTERNAL', `"${name}" is no safe file name, expected a DNS name`)
}

function renderKustomization(paths: readonly string[]): string {
  const resources = [...paths].sort().map((path) => `  - ${path}\n`)
  return [
    `${marker}\n`,
    'apiVersion: kustomize.config.k8s.io/v1beta1\n',
    'kind: Kustomization\n',
    resources.length === 0 ? 'resources: []\n' : 'resources:\n',
    ...resources,
  ].join('')
}
