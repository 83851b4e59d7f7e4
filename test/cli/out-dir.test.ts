import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { healDirectory, replaceDirectory } from '../../src/cli/out-dir.ts'
import { marker } from '../../src/cli/policy-files.ts'
import { fault, setFault } from '../support/faulty-fs.ts'

vi.mock('node:fs/promises', async (importOriginal) => {
  const { withFaults } = await import('../support/faulty-fs.ts')
  return withFaults(await importOriginal())
})

let parent = ''
let target = ''

beforeEach(() => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'netweir-out-dir-')))
  target = join(parent, 'policies')
  setFault('fail', 0)
})

afterEach(() => {
  rmSync(parent, { recursive: true, force: true })
})

const own = (text: string): string => `${marker}\n${text}\n`

const oldFiles = new Map([
  ['default-deny/kustomization.yaml', own('old')],
  ['default-deny/shop.yaml', own('old deny')],
  ['kustomization.yaml', own('old')],
  ['shop/api.yaml', own('old api')],
  ['shop/web.yaml', own('old web')],
])
const newFiles = new Map([
  ['data/db.yaml', own('new db')],
  ['kustomization.yaml', own('new')],
  ['shop/api.yaml', own('new api')],
])
const foreignFiles = new Map([
  ['README.md', 'ours to keep\n'],
  ['patches/deep/er/patch.yaml', 'kind: Patch\n'],
  ['shop/extra.yaml', 'kind: NetworkPolicy # by hand\n'],
  ['shop/api.md', `${marker}\nbut no place of ours\n`],
])

function put(files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    mkdirSync(join(target, path, '..'), { recursive: true })
    writeFileSync(join(target, path), text)
  }
}

/** Everything below a directory, as path to text; folders without files end in a slash. */
function tree(directory: string, way = ''): Map<string, string> {
  const found = new Map<string, string>()
  const entries = readdirSync(join(directory, way), { withFileTypes: true })
  for (const entry of entries) {
    const path = way === '' ? entry.name : `${way}/${entry.name}`
    if (entry.isDirectory()) for (const [key, text] of tree(directory, path)) found.set(key, text)
    else found.set(path, entry.isFile() ? readFileSync(join(directory, path), 'utf8') : 'special')
  }
  if (entries.length === 0 && way !== '') found.set(`${way}/`, '')
  return found
}

function joined(...maps: ReadonlyMap<string, string>[]): Map<string, string> {
  return new Map(maps.flatMap((map) => [...map]))
}

describe('a replacement', () => {
  test('makes the directory, and those above it, where there is none', async () => {
    target = join(parent, 'a/b/policies')
    const replacement = await replaceDirectory(target, newFiles)
    expect(replacement).toEqual({ written: [...newFiles.keys()], removed: [] })
    expect(tree(parent)).toEqual(
      new Map([...newFiles].map(([path, text]) => [`a/b/policies/${path}`, text])),
    )
  })

  test('takes out what netweir wrote before, keeps what others wrote, leaves nothing beside it', async () => {
    put(joined(oldFiles, foreignFiles))
    mkdirSync(join(target, 'empty'))
    const { removed } = await replaceDirectory(target, newFiles)
    expect(tree(target)).toEqual(joined(newFiles, foreignFiles, new Map([['empty/', '']])))
    expect(removed).toEqual([
      'default-deny/kustomization.yaml',
      'default-deny/shop.yaml',
      'shop/web.yaml',
    ])
    expect(readdirSync(parent)).toEqual(['policies'])
  })

  test('keeps modes of files and folders, times, and links as links', async () => {
    put(foreignFiles)
    symlinkSync('../nowhere', join(target, 'link'))
    chmodSync(join(target, 'README.md'), 0o640)
    chmodSync(join(target, 'patches'), 0o750)
    chmodSync(target, 0o700)
    const before = statSync(join(target, 'README.md')).mtimeMs
    await replaceDirectory(target, newFiles)
    expect(statSync(join(target, 'README.md')).mode & 0o777).toBe(0o640)
    expect(statSync(join(target, 'README.md')).mtimeMs).toBe(before)
    expect(statSync(join(target, 'patches')).mode & 0o777).toBe(0o750)
    expect(statSync(target).mode & 0o777).toBe(0o700)
    expect(tree(target).get('link')).toBe('special')
  })

  test('is the same when it is done twice', async () => {
    put(foreignFiles)
    await replaceDirectory(target, newFiles)
    const once = tree(target)
    const { removed } = await replaceDirectory(target, newFiles)
    expect(tree(target)).toEqual(once)
    expect(removed).toEqual([])
  })

  test('copies where a file system has no second names', async () => {
    put(foreignFiles)
    chmodSync(join(target, 'README.md'), 0o640)
    // Among the first operations are the links of all that is foreign.
    for (let at = 1; at < 60; at += 1) {
      setFault('fail', at, 'EPERM')
      await replaceDirectory(target, newFiles).catch(() => undefined)
      expect(statSync(join(target, 'README.md')).mode & 0o777).toBe(0o640)
    }
    setFault('fail', 0)
    await replaceDirectory(target, newFiles)
    expect(tree(target)).toEqual(joined(newFiles, foreignFiles))
  })

  test('follows a link to a neighbour, which stays a link', async () => {
    mkdirSync(join(parent, 'v1'))
    symlinkSync('v1', target)
    await replaceDirectory(target, newFiles)
    expect(tree(join(parent, 'v1'))).toEqual(newFiles)
    expect(readdirSync(parent).sort()).toEqual(['policies', 'v1'])
  })
})

describe('a place is refused that a person would miss', () => {
  test.each([
    ['the root directory', () => '/', 'is the root directory'],
    ['the home directory', () => homedir(), 'is the home directory'],
    ['the working directory', () => '.', 'holds the working directory'],
    ['a directory above it', () => join(process.cwd(), '..'), 'holds the working directory'],
    [
      'a file',
      () => {
        writeFileSync(target, 'precious')
        return target
      },
      'is a file',
    ],
    [
      'a link to elsewhere',
      () => {
        symlinkSync(tmpdir(), target)
        return target
      },
      'is a symbolic link out of its directory',
    ],
    [
      'a link to nothing',
      () => {
        symlinkSync('nothing', target)
        return target
      },
      'is a symbolic link out of its directory',
    ],
  ])('%s', async (_, place, message) => {
    const path = place()
    const before = tree(parent)
    const refusal = { code: 'OUTPUT_FAILED', message: expect.stringContaining(message) }
    await expect(replaceDirectory(path, newFiles)).rejects.toMatchObject(refusal)
    await expect(healDirectory(path)).rejects.toMatchObject(refusal)
    expect(tree(parent)).toEqual(before)
  })

  test.each([
    ['a file where a file belongs', 'kustomization.yaml'],
    ['a file where a folder belongs', 'shop'],
    ['a folder where a file belongs', 'shop/api.yaml/inside'],
  ])('%s', async (_, path) => {
    put(new Map([[path, 'by hand\n']]))
    const before = tree(parent)
    await expect(replaceDirectory(target, newFiles)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining('was not written by netweir'),
    })
    expect(tree(parent)).toEqual(before)
  })

  test('a directory with more than anybody keeps beside policies', async () => {
    mkdirSync(target)
    for (let index = 0; index < 10_001; index += 1) writeFileSync(join(target, `${index}`), '')
    await expect(replaceDirectory(target, newFiles)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining('more than 10000 files'),
    })
    expect(readdirSync(parent)).toEqual(['policies'])
  })
})

/** Calls `attempt` with 1, 2, 3, ... until a run got through without meeting the fault. */
async function atEveryOperation(
  mode: 'fail' | 'crash',
  attempt: (run: () => Promise<unknown>) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at += 1) {
    rmSync(parent, { recursive: true, force: true })
    mkdirSync(parent)
    let wasHit = true
    await attempt(async () => {
      setFault(mode, at)
      try {
        await replaceDirectory(target, newFiles)
        wasHit = fault.count >= at
      } catch (reason) {
        expect(reason).toMatchObject({ code: 'OUTPUT_FAILED' })
      } finally {
        setFault('fail', 0)
      }
    })
    if (!wasHit) return at
  }
}

describe('whatever goes wrong, at every single operation', () => {
  const before = joined(oldFiles, foreignFiles)
  const after = joined(newFiles, foreignFiles)

  test('a failure leaves the old directory as it was, and nothing beside it', async () => {
    const operations = await atEveryOperation('fail', async (run) => {
      put(before)
      const outcome = await run().catch((reason: unknown) => reason)
      expect(outcome).toBeUndefined()
      const isAfter = readFileSync(join(target, 'kustomization.yaml'), 'utf8') === own('new')
      expect(tree(target)).toEqual(isAfter ? after : before)
      await healDirectory(target)
      expect(readdirSync(parent)).toEqual(['policies'])
    })
    expect(operations).toBeGreaterThan(30)
  })

  test('a kill leaves the old one or the new one, after healing', async () => {
    let oldCount = 0
    let newCount = 0
    let missingCount = 0
    await atEveryOperation('crash', async (run) => {
      put(before)
      await run()
      if (!readdirSync(parent).includes('policies')) missingCount += 1
      await healDirectory(target)
      const isAfter = readFileSync(join(target, 'kustomization.yaml'), 'utf8') === own('new')
      expect(tree(target)).toEqual(isAfter ? after : before)
      expect(readdirSync(parent)).toEqual(['policies'])
      if (isAfter) newCount += 1
      else oldCount += 1
    })
    // All three states of the replacement were met.
    expect(oldCount).toBeGreaterThan(20)
    expect(newCount).toBeGreaterThan(1)
    expect(missingCount).toBeGreaterThan(0)
  })

  test('a kill before there was a directory leaves none or a whole one', async () => {
    await atEveryOperation('crash', async (run) => {
      await run()
      await healDirectory(target)
      const names = readdirSync(parent)
      expect(names.length === 0 || names.join() === 'policies').toBe(true)
      if (names.length > 0) expect(tree(target)).toEqual(newFiles)
    })
  })

  test('a kill while healing is healed by the next run', async () => {
    await atEveryOperation('crash', async (run) => {
      put(before)
      await run()
      for (let at = 1; at < 8; at += 1) {
        setFault('crash', at)
        await healDirectory(target).catch(() => undefined)
      }
      setFault('fail', 0)
      await replaceDirectory(target, newFiles)
      expect(tree(target)).toEqual(after)
      expect(readdirSync(parent)).toEqual(['policies'])
    })
  })
})

describe('folders beside it', () => {
  test('of a run that is still going on make the second one stop', async () => {
    const running = `.policies.netweir-${process.ppid}-abcdef`
    mkdirSync(join(parent, running))
    await expect(replaceDirectory(target, newFiles)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(`process ${process.ppid} is writing`),
    })
    expect(readdirSync(parent)).toEqual([running])
  })

  test.each([
    '.policies.netweir-x',
    '.policies.netweir-12',
    '.policies.netweir-12-abc',
    '.other.netweir-1-abcdef',
    'policies.netweir-1-abcdef',
  ])('that only look like it are left alone: %s', async (name) => {
    mkdirSync(join(parent, name))
    await replaceDirectory(target, newFiles)
    expect(readdirSync(parent).sort()).toEqual([name, 'policies'].sort())
  })
})
