/**
 * Builds Cilium's own programs, once for each version: `hubble`, `hubble-relay`, and `agents`, a program of ours that
 * serves recorded flows through Cilium's observer server, and `policies`, one that loads policies as Cilium does. They lie outside the repository, under the user's cache
 * directory.
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
export const programDirectory: string = join(cacheDirectory(), 'netweir/interop', version())

/** Builds what is not there yet. Run once before all suites; takes minutes the first time. */
export function setup(): void {
  if (existsSync(programDirectory)) return
  const parent = join(programDirectory, '..')
  mkdirSync(parent, { recursive: true })
  const fresh = mkdtempSync(join(parent, '.building-'))
  try {
    process.stderr.write(
      'interop: building hubble, hubble-relay and two programs of ours, which takes minutes\n',
    )
    const args = ['build', '-p', '1', '-ldflags=-s -w', '-o', `${fresh}/`, ...programs]
    const { status, error } = spawnSync('go', args, {
      cwd: directory,
      stdio: 'inherit',
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
    })
    if (error !== undefined) throw new Error(`go, 1.25 or later, is needed: ${error.message}`)
    if (status !== 0) throw new Error('go build failed')
    renameSync(fresh, programDirectory)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function cacheDirectory(): string {
  return process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
}

function version(): string {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum', 'agents/main.go', 'policies/main.go']) {
    hash.update(readFileSync(join(directory, file)))
  }
  return hash.digest('hex').slice(0, 16)
}
