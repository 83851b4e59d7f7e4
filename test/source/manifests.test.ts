import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NetweirError } from '../../src/errors.ts'
import { readManifestPath, readPolicyPath } from '../../src/source/manifests.ts'

let dir = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'netweir-manifests-'))
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

const policy = (name: string, spec = '{podSelector: {}}'): string =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: ${name}}\nspec: ${spec}\n`

/** Writes a file below the test's directory, and returns its path. */
function put(path: string, text: string | Uint8Array): string {
  const file = join(dir, path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, text)
  return file
}

async function* chunks(...parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts
}

const none = chunks()

async function namesIn(path: string): Promise<readonly string[]> {
  return (await readManifestPath(path, none)).map(({ name }) => name)
}

function failureOf(
  path: string,
  read: (...args: Parameters<typeof readPolicyPath>) => Promise<unknown> = readPolicyPath,
): Promise<NetweirError> {
  return read(path, none).then(
    () => {
      throw new Error('nothing was thrown')
    },
    (error: NetweirError) => error,
  )
}

describe('what is read', () => {
  test('a file, whatever its name', async () => {
    const { policies, others } = await readPolicyPath(put('policies.txt', policy('a')), none)
    expect(policies.map(({ policy: { metadata } }) => metadata)).toEqual([
      { name: 'a', namespace: 'default' },
    ])
    expect(policies[0]?.location.file).toBe(join(dir, 'policies.txt'))
    expect(others).toEqual([])
  })

  test('standard input, wherever a chunk ends', async () => {
    const bytes = Buffer.from(policy('a', '{podSelector: {}} # é'))
    const cut = bytes.length - 2
    const stdin = chunks(bytes.subarray(0, cut), bytes.subarray(cut))
    const { policies } = await readPolicyPath('-', stdin)
    expect(policies[0]?.location).toEqual({ file: '-', line: 1, column: 1, document: 1 })
  })

  test('a directory: all manifests below, sorted; nothing hidden, no kustomization, nothing else', async () => {
    put('b.yaml', policy('b'))
    put('a/z.yml', policy('z'))
    put('a/y.json', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"y"}}')
    put('c/d/e.yaml', policy('e'))
    put('kustomization.yaml', 'resources: []')
    put('c/kustomization.yml', 'resources: []')
    put('README.md', '# no')
    put('.hidden.yaml', 'no: object')
    put('.git/x.yaml', 'no: object')
    expect(await namesIn(dir)).toEqual(['y', 'z', 'b', 'e'])
  })

  test('an empty directory, and an empty file', async () => {
    expect(await namesIn(dir)).toEqual([])
    expect(await readPolicyPath(put('a.yaml', ''), none)).toEqual({ policies: [], others: [] })
  })

  test('links: loops end, nothing is read twice, dead ones matter only for manifests', async () => {
    put('real/a.yaml', policy('a'))
    symlinkSync(dir, join(dir, 'real', 'loop'))
    symlinkSync(join(dir, 'real'), join(dir, 'again'))
    symlinkSync(join(dir, 'real', 'a.yaml'), join(dir, 'z.yaml'))
    symlinkSync(join(dir, 'nowhere'), join(dir, 'dead'))
    expect(await namesIn(dir)).toEqual(['a'])
    symlinkSync(join(dir, 'nowhere'), join(dir, 'dead.yaml'))
    expect(await failureOf(dir)).toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      location: { file: join(dir, 'dead.yaml') },
    })
  })

  test('a pipe', async () => {
    const pipe = join(dir, 'pipe')
    execFileSync('mkfifo', [pipe])
    const source = put('a.txt', policy('a'))
    const reading = namesIn(pipe)
    execFile('sh', ['-c', 'cat "$1" > "$2"', 'sh', source, pipe])
    expect(await reading).toEqual(['a'])
  })
})

describe('what is refused', () => {
  test('a path that is not there', async () => {
    const path = join(dir, 'no\u001bne')
    expect(await failureOf(path)).toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: `no file or directory "${dir}/no\\u001bne"`,
      location: { file: path },
      hint: expect.stringContaining('name a manifest'),
    })
  })

  test('a path through a file', async () => {
    const path = join(put('a.yaml', ''), 'b')
    expect(await failureOf(path)).toMatchObject({ code: 'SOURCE_NOT_FOUND' })
  })

  test('a path that cannot be read', async () => {
    const path = join(dir, 'x'.repeat(5000))
    expect(await failureOf(path)).toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(/^cannot read ".*\.\.\.": ENAMETOOLONG$/),
    })
  })

  test('standard input that breaks', async () => {
    // biome-ignore lint/correctness/useYield: what breaks before its first chunk
    async function* broken(): AsyncIterable<Uint8Array> {
      throw new Error('gone')
    }
    await expect(readManifestPath('-', broken())).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'cannot read "-": unknown reason',
    })
  })

  test('a file that is no text, and one that is too large, before it is kept', async () => {
    const binary = put('a.yaml', Uint8Array.of(0x61, 0xff, 0xfe))
    expect(await failureOf(binary)).toMatchObject({
      code: 'MANIFEST_SYNTAX',
      message: 'is not UTF-8 text',
      location: { file: binary },
    })
    const mebibyte = new Uint8Array(1024 * 1024)
    const endless = (async function* (): AsyncIterable<Uint8Array> {
      for (;;) yield mebibyte
    })()
    await expect(readManifestPath('-', endless)).rejects.toMatchObject({
      code: 'MANIFEST_SYNTAX',
      message: 'is larger than 268435456 bytes',
    })
  })

  test('the problems of all files, of syntax and of meaning', async () => {
    put('a.yaml', 'x: 1\nx: 2\nx: 3\n')
    put('b.yaml', 'no: object\n')
    put('c.yaml', policy('C', '{}'))
    put('d.yaml', policy('d'))
    const error = await failureOf(dir)
    expect(error).toMatchObject({ code: 'MANIFEST_SYNTAX', message: '5 problems in 3 files' })
    expect(
      error.problems.map(
        ({ message, location: { file, line } }) =>
          `${file.slice(dir.length + 1)}:${line} ${message.split(',')[0]}`,
      ),
    ).toEqual([
      'a.yaml:2 repeats the key "x"',
      'a.yaml:3 repeats the key "x"',
      'b.yaml:1 kind: is required',
      'c.yaml:3 metadata.name: is "C"',
      'c.yaml:4 spec.podSelector: must be a label selector',
    ])
    const syntaxOnly = await failureOf(dir, readManifestPath)
    expect(syntaxOnly.message).toBe('3 problems in 2 files')
  })

  test('a policy that two files define differently', async () => {
    put('a.yaml', policy('p'))
    put('b.yaml', policy('p', '{podSelector: {}, ingress: [{}]}'))
    const error = await failureOf(dir)
    expect(error).toMatchObject({
      code: 'MANIFEST_INVALID',
      message: `NetworkPolicy default/p is defined twice, first at ${join(dir, 'a.yaml')}:1`,
      location: { file: join(dir, 'b.yaml') },
    })
  })
})
