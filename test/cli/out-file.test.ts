import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { writeFileWhole } from '../../src/cli/out-file.ts'
import { fault, setFault } from '../support/faulty-fs.ts'

vi.mock('node:fs/promises', async (importOriginal) => {
  const { withFaults } = await import('../support/faulty-fs.ts')
  return withFaults(await importOriginal())
})

let parent = ''
let file = ''

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'netweir-out-file-'))
  file = join(parent, 'set.json')
  setFault('fail', 0)
})

afterEach(() => {
  rmSync(parent, { recursive: true, force: true })
})

test('a new file has the mode that the process gives its files', async () => {
  await writeFileWhole(file, 'text\n')
  writeFileSync(join(parent, 'other'), '')
  expect(readFileSync(file, 'utf8')).toBe('text\n')
  expect(statSync(file).mode).toBe(statSync(join(parent, 'other')).mode)
  expect(readdirSync(parent).sort()).toEqual(['other', 'set.json'])
})

test('a file that is replaced keeps its mode', async () => {
  writeFileSync(file, 'old')
  chmodSync(file, 0o640)
  await writeFileWhole(file, 'new')
  expect(readFileSync(file, 'utf8')).toBe('new')
  expect(statSync(file).mode & 0o777).toBe(0o640)
})

test('a link stays one, and what it stands for is replaced', async () => {
  mkdirSync(join(parent, 'elsewhere'))
  writeFileSync(join(parent, 'elsewhere/real.json'), 'old')
  symlinkSync('elsewhere/real.json', file)
  await writeFileWhole(file, 'new')
  expect(lstatSync(file).isSymbolicLink()).toBe(true)
  expect(readFileSync(join(parent, 'elsewhere/real.json'), 'utf8')).toBe('new')
  expect(readdirSync(join(parent, 'elsewhere'))).toEqual(['real.json'])
})

test('a name that ends in .gz is compressed, always to the same bytes', async () => {
  const text = '{"a":1}\n'.repeat(1000)
  await writeFileWhole(`${file}.gz`, text)
  const bytes = readFileSync(`${file}.gz`)
  expect(gunzipSync(bytes).toString()).toBe(text)
  expect([...bytes.subarray(4, 8), bytes[9]]).toEqual([0, 0, 0, 0, 255])
  await writeFileWhole(`${file}.gz`, text)
  expect(readFileSync(`${file}.gz`)).toEqual(bytes)
})

test('a device is written to, and says when it is full', async () => {
  await writeFileWhole('/dev/null', 'text')
  await expect(writeFileWhole('/dev/full', 'text')).rejects.toMatchObject({
    code: 'OUTPUT_FAILED',
    message: 'cannot write "/dev/full"',
    hint: 'free some space; what stood there before is unchanged',
  })
})

test('a pipe is written to when somebody reads it, and not waited for otherwise', async () => {
  spawnSync('mkfifo', [file])
  await expect(writeFileWhole(file, 'text')).rejects.toMatchObject({
    code: 'OUTPUT_FAILED',
    hint: expect.stringContaining('start what reads the pipe first'),
  })
  const reader = spawn('cat', [file])
  const read: Buffer[] = []
  reader.stdout.on('data', (chunk: Buffer) => read.push(chunk))
  const ended = once(reader, 'close')
  while ((await writeFileWhole(file, 'text').catch((reason: unknown) => reason)) !== undefined) {
    await setTimeout(10)
  }
  await ended
  expect(Buffer.concat(read).toString()).toBe('text')
  expect(lstatSync(file).isFIFO()).toBe(true)
})

describe('what cannot be written is OUTPUT_FAILED', () => {
  test.each([
    ['a directory', () => parent, 'is a directory'],
    ['a file in a directory that is not there', () => join(parent, 'no/set.json'), 'cannot write'],
    [
      'a file below a file',
      () => {
        writeFileSync(file, '')
        return join(file, 'set.json')
      },
      'cannot write',
    ],
  ])('%s', async (_, path, message) => {
    await expect(writeFileWhole(path(), 'text')).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(message),
      hint: expect.anything(),
    })
  })
})

test('a failure at any operation leaves the old file, and nothing beside it', async () => {
  let operations = 0
  for (let at = 1; ; at += 1) {
    writeFileSync(file, 'old')
    setFault('fail', at)
    const failure = await writeFileWhole(file, 'new').catch((reason: unknown) => reason)
    const wasHit = fault.count >= at
    setFault('fail', 0)
    if (!wasHit) break
    operations += 1
    // Making the name durable comes last: the file is then already the new one.
    expect(['old', 'new']).toContain(readFileSync(file, 'utf8'))
    expect(failure).toMatchObject({ code: 'OUTPUT_FAILED' })
    expect(readdirSync(parent)).toEqual(['set.json'])
  }
  expect(operations).toBeGreaterThan(4)
})

test('a kill at any operation leaves the old file or the new one, and the next run cleans up', async () => {
  for (let at = 1; at < 12; at += 1) {
    writeFileSync(file, 'old')
    setFault('crash', at)
    await writeFileWhole(file, 'new').catch(() => undefined)
    setFault('fail', 0)
    expect(['old', 'new']).toContain(readFileSync(file, 'utf8'))
    await writeFileWhole(file, 'newer')
    expect(readFileSync(file, 'utf8')).toBe('newer')
    expect(readdirSync(parent)).toEqual(['set.json'])
  }
})

test('what another process is writing is left alone, what a dead one left is not', async () => {
  const dead = spawnSync(process.execPath, ['--version']).pid
  writeFileSync(join(parent, `.set.json.netweir-${process.ppid}-00112233`), '')
  writeFileSync(join(parent, `.set.json.netweir-${dead}-00112233`), '')
  writeFileSync(join(parent, '.set.json.netweir-notes'), '')
  await writeFileWhole(file, 'text')
  expect(readdirSync(parent).sort()).toEqual([
    `.set.json.netweir-${process.ppid}-00112233`,
    '.set.json.netweir-notes',
    'set.json',
  ])
})
