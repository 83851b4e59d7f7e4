/**
 * Builds the programs of others, once for each version: Cilium's `hubble` and `hubble-relay`, `agents`, a program of
 * ours that serves recorded flows through Cilium's observer server, `policies`, one that loads policies as Cilium does,
 * and the API server of Kubernetes. They lie outside the repository, under the user's cache directory.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('.', import.meta.url))
const programs = [
  './agents',
  './policies',
  'github.com/cilium/cilium/hubble',
  'github.com/cilium/cilium/hubble-relay',
] as const

/** Folder of the programs of this version of their sources. */
export const programDirectory: string = join(
  cacheDirectory(),
  'netweir/interop',
  versionOf(['go.mod', 'go.sum', 'agents/main.go', 'policies/main.go']),
)

/** Folder of the API server of Kubernetes. */
export const apiServerDirectory: string = join(
  cacheDirectory(),
  'netweir/interop',
  `api-${versionOf(['apiserver/go.mod', 'apiserver/go.sum', 'apiserver/main.go'])}`,
)

/** Builds what is not there yet. Run once before all suites; takes minutes the first time. */
export function setup(): void {
  build(programDirectory, directory, programs)
  build(apiServerDirectory, join(directory, 'apiserver'), ['.'])
}

function build(target: string, module: string, packages: readonly string[]): void {
  if (existsSync(target)) return
  const parent = join(target, '..')
  mkdirSync(parent, { recursive: true })
  const fresh = mkdtempSync(join(parent, '.building-'))
  try {
    process.stderr.write(
      `interop: building ${packages.join(', ')} in ${module}, which takes minutes\n`,
    )
    const args = ['build', '-p', '1', '-ldflags=-s -w', '-o', `${fresh}/`, ...packages]
    const { status, error } = spawnSync('go', args, {
      cwd: module,
      stdio: 'inherit',
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
    })
    if (error !== undefined) throw new Error(`go, 1.25 or later, is needed: ${error.message}`)
    if (status !== 0) throw new Error('go build failed')
    renameSync(fresh, target)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function cacheDirectory(): string {
  return process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
}

function versionOf(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(directory, file)))
  return hash.digest('hex').slice(0, 16)
}
