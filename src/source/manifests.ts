/** Manifests from files, directories or standard input. */
import { createReadStream } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { NetweirError } from '../errors.ts'
import type { Manifest } from '../policy/manifest.ts'
import { maxManifestBytes, readManifests } from '../policy/manifest.ts'
import { Problems } from '../policy/problems.ts'
import { quote } from '../policy/quote.ts'
import type { ParsedPolicies } from '../policy/validate.ts'
import { parsePolicies } from '../policy/validate.ts'

/** Files that are read of one directory. */
const maxFiles = 100_000

/** Files that describe how to build manifests, and are none themselves. */
const notManifests: ReadonlySet<string> = new Set(['kustomization.yaml', 'kustomization.yml'])

/**
 * Returns the objects of a file, of standard input (`-`), or of every `.yaml`, `.yml` and `.json` file below a
 * directory in sorted order. Of directories, hidden entries and kustomizations are passed over, symbolic links are
 * followed, and nothing is read twice.
 *
 * @throws NetweirError `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`; `MANIFEST_SYNTAX` or `MANIFEST_INVALID` with the
 * problems of all files.
 */
export async function readManifestPath(
  path: string,
  stdin: AsyncIterable<Uint8Array>,
): Promise<readonly Manifest[]> {
  const { manifests, throwProblems } = await readAll(path, stdin)
  throwProblems()
  return manifests
}

/**
 * Returns the policies of what {@link readManifestPath} reads, and the names of the objects that are none.
 *
 * @throws NetweirError as {@link readManifestPath}, and `MANIFEST_INVALID` with the problems of all policies of all
 * files.
 */
export async function readPolicyPath(
  path: string,
  stdin: AsyncIterable<Uint8Array>,
): Promise<ParsedPolicies> {
  const { manifests, collect, throwProblems } = await readAll(path, stdin)
  const parsed = collect(path, () => parsePolicies(manifests))
  throwProblems()
  return parsed ?? { policies: [], others: [] }
}

/** What was read, with the problems that were found on the way. */
interface Reading {
  readonly manifests: readonly Manifest[]
  /** Returns what `read` returns; what it throws about manifests is kept for later. */
  collect<T>(file: string, read: () => T): T | undefined
  throwProblems(): void
}

async function readAll(path: string, stdin: AsyncIterable<Uint8Array>): Promise<Reading> {
  const problems = new Problems()
  let hasSyntaxProblem = false
  const collect = <T>(file: string, read: () => T): T | undefined => {
    try {
      return read()
    } catch (reason) {
      if (!(reason instanceof NetweirError)) throw reason
      hasSyntaxProblem ||= reason.code === 'MANIFEST_SYNTAX'
      problems.addError(reason, file)
      return undefined
    }
  }
  const manifests: Manifest[] = []
  for (const file of path === '-' ? ['-'] : await manifestFiles(path)) {
    const text = await readText(file, file === '-' ? stdin : createReadStream(file))
    const read = collect(file, () => readManifests(textOf(text, file), file))
    for (const manifest of read ?? []) manifests.push(manifest)
  }
  const throwProblems = (): void =>
    problems.throwIfAny(hasSyntaxProblem ? 'MANIFEST_SYNTAX' : 'MANIFEST_INVALID')
  return { manifests, collect, throwProblems }
}

/** Returns the bytes of a file, or undefined when there are too many. */
async function readText(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of chunks) {
      length += chunk.length
      if (length > maxManifestBytes) return undefined
      parts.push(chunk)
    }
  } catch (reason) {
    throw unreadable(file, reason)
  }
  return Buffer.concat(parts)
}

function textOf(bytes: Uint8Array | undefined, file: string): string {
  const location = { file }
  if (bytes === undefined) {
    const message = `is larger than ${maxManifestBytes} bytes`
    throw new NetweirError('MANIFEST_SYNTAX', message, { location, hint: 'split the file' })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new NetweirError('MANIFEST_SYNTAX', 'is not UTF-8 text', { location, cause })
  }
}

/**
 * Returns the file that a path names, or the manifests below a directory in sorted order.
 * @throws {NetweirError} `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export async function manifestFiles(path: string): Promise<readonly string[]> {
  if (!(await attempt(path, () => stat(path))).isDirectory()) return [path]
  const walk = new DirectoryWalk(path)
  await walk.enter(path)
  return walk.files
}

/** One walk through a directory, whose links may lead anywhere. */
class DirectoryWalk {
  readonly files: string[] = []
  readonly #root: string
  readonly #seen = new Set<string>()

  constructor(root: string) {
    this.#root = root
  }

  async enter(directory: string): Promise<void> {
    if (!(await this.#isNew(directory))) return
    const names = await attempt(directory, () => readdir(directory))
    for (const name of names.sort()) {
      if (!name.startsWith('.')) await this.#visit(join(directory, name), name)
    }
  }

  async #visit(path: string, name: string): Promise<void> {
    const isManifest = /\.(?:ya?ml|json)$/.test(name) && !notManifests.has(name)
    // A link that leads nowhere matters only where a manifest should be.
    const found = await attempt(path, () => stat(path)).catch((error: unknown) => {
      if (isManifest) throw error
    })
    if (found === undefined) return
    if (found.isDirectory()) await this.enter(path)
    else if (isManifest && found.isFile() && (await this.#isNew(path))) this.#add(path)
  }

  async #isNew(path: string): Promise<boolean> {
    const real = await attempt(path, () => realpath(path))
    const isNew = !this.#seen.has(real)
    this.#seen.add(real)
    return isNew
  }

  #add(file: string): void {
    if (this.files.length === maxFiles) {
      const message = `directory has more than ${maxFiles} manifests`
      const location = { file: this.#root }
      throw new NetweirError('SOURCE_UNREADABLE', message, { location, hint: 'name fewer files' })
    }
    this.files.push(file)
  }
}

async function attempt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (reason) {
    throw unreadable(path, reason)
  }
}

function unreadable(file: string, cause: unknown): NetweirError {
  const location = { file }
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new NetweirError('SOURCE_NOT_FOUND', `no file or directory ${quote(file)}`, {
      location,
      cause,
      hint: 'name a manifest, a directory of manifests, or - for standard input',
    })
  }
  return new NetweirError('SOURCE_UNREADABLE', `cannot read ${quote(file)}: ${code}`, {
    location,
    cause,
    hint: 'check that it is a file or a directory that you may read',
  })
}
